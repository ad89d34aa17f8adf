"""What a worker of a group asks of a connector more than a worker alone."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from linkspan.api import ConnectError, ExactlyOnceSupport
from linkspan.api.connector import SourceConnector, TransactionBoundaries
from linkspan.config.connector import LONGEST_NAME
from linkspan.config.definition import ConfigValue
from linkspan.herder.protocol import Assignment, decode_assignment, encode_assignment
from linkspan.plugins.group_rules import check_in_group
from tests.plugins.sample_plugins import TickerSinkConnector, TickerSourceConnector

GROUP = {"config.storage.topic": "configs", "group.id": "connect-workers"}
EXACTLY = GROUP | {"exactly.once.source.support": "ENABLED"}
REQUIRED = {"exactly.once.support": "Required"}
BY_CONNECTOR = {"transaction.boundary": "CONNECTOR"}
KEYS = ("name", "exactly.once.support", "transaction.boundary")


class Sure(TickerSourceConnector):
    def exactly_once_support(self, config: Mapping[str, str]) -> ExactlyOnceSupport:
        return ExactlyOnceSupport[config["support"]]

    def transaction_boundaries(self, config: Mapping[str, str]) -> TransactionBoundaries:
        return TransactionBoundaries[config["support"]]


class Unsure(TickerSourceConnector):
    def exactly_once_support(self, config: Mapping[str, str]) -> ExactlyOnceSupport:
        raise ConnectError(f"ask {config['whom']}")

    def transaction_boundaries(self, config: Mapping[str, str]) -> TransactionBoundaries:
        raise ConnectError(f"ask {config['whom']}")


def errors(connector: object, props: dict[str, str | None], worker: Mapping[str, str]) -> dict[str, list[str]]:
    values = {key: ConfigValue(key, props.get(key)) for key in KEYS}
    check_in_group(connector, values, props, worker)  # type: ignore[arg-type]
    return {key: value.errors for key, value in values.items() if value.errors}


@pytest.mark.parametrize(
    ("connector", "props"),
    [(TickerSourceConnector(), REQUIRED | BY_CONNECTOR), (TickerSinkConnector(), {"name": "workers"})],
)
def test_a_worker_alone_asks_nothing(connector: object, props: dict[str, str | None]) -> None:
    assert errors(connector, props, {"group.id": "connect-workers"}) == {}


@pytest.mark.parametrize(
    ("connector", "props", "worker", "told"),
    [
        (Sure(), {"support": "SUPPORTED"}, EXACTLY, None),
        (Sure(), {"support": "SUPPORTED"}, GROUP, "This worker does not have exactly-once source support enabled."),
        (Sure(), {"support": "UNSUPPORTED"}, EXACTLY, "The connector does not support exactly-once semantics with"),
        (TickerSourceConnector(), {}, EXACTLY, "The connector does not implement the API required for preflight"),
        (Unsure(), {"whom": "again"}, EXACTLY, "An unexpected error occurred during validation: ask again"),
    ],
)
def test_a_required_guarantee_is_one_that_worker_and_connector_can_give(
    connector: SourceConnector, props: dict[str, str | None], worker: Mapping[str, str], told: str | None
) -> None:
    assert errors(connector, props, worker) == {}
    found = errors(connector, props | REQUIRED, worker)
    assert [key for key, texts in found.items() for _ in texts] == ([] if told is None else ["exactly.once.support"])
    assert told is None or found["exactly.once.support"][0].startswith(told)


@pytest.mark.parametrize(
    ("connector", "props", "told"),
    [
        (Sure(), {"support": "SUPPORTED"}, None),
        (Sure(), {"support": "UNSUPPORTED"}, "The connector does not support connector-defined transaction boundaries"),
        (Unsure(), {"whom": "again"}, "An unexpected error occurred during validation: ask again"),
    ],
)
def test_boundaries_by_the_connector_are_ones_that_it_can_set(
    connector: SourceConnector, props: dict[str, str | None], told: str | None
) -> None:
    assert errors(connector, props, GROUP) == {}
    found = errors(connector, props | BY_CONNECTOR, GROUP)
    assert list(found) == ([] if told is None else ["transaction.boundary"])
    assert told is None or found["transaction.boundary"][0].startswith(told)


@pytest.mark.parametrize(
    ("props", "key"),
    [
        ({"name": "workers"}, "name"),
        ({"name": "workers", "consumer.override.group.id": "other"}, None),
        ({"name": "workers", "consumer.override.group.id": "connect-workers"}, "consumer.override.group.id"),
        ({"name": "other"}, None),
        ({}, None),
    ],
)
def test_consumers_of_a_sink_are_not_in_the_group_of_the_workers(props: dict[str, str | None], key: str | None) -> None:
    found = errors(TickerSinkConnector(), props, GROUP)
    assert list(found) == ([] if key is None else [key])
    assert key is None or "conflicts with Connect worker group connect-workers" in found[key][0]


@pytest.mark.parametrize(("name", "told"), [("ö" * 16350, False), ("ö" * 16351, True)])
def test_a_name_is_not_longer_than_what_workers_can_tell_each_other(name: str, *, told: bool) -> None:
    found = errors(TickerSourceConnector(), {"name": name}, GROUP)
    assert list(found) == (["name"] if told else [])
    assert not told or "it has 32702 bytes, but the workers of a group can tell each other 32700" in found["name"][0]


def test_workers_can_tell_each_other_the_longest_name() -> None:
    told = encode_assignment(Assignment(2, 0, "leader", "url", 0, (("n" * LONGEST_NAME, 0),)))
    assert decode_assignment(told).assigned == (("n" * LONGEST_NAME, 0),)
