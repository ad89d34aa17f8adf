"""A worker without the plugins of its group does not join it."""

from __future__ import annotations

import pytest

from linkspan.herder.config_snapshot import ConfigSnapshot
from linkspan.herder.join_guard import JoinRefusedError, check_plugins
from linkspan.plugins.catalog import Catalog, PluginInfo

SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"


def plugin(kind: str, name: str, error: str | None = None) -> PluginInfo:
    return PluginInfo(kind, f"there.{name}", f"there:{name}", "1.0", error=error)


CATALOG = Catalog(
    [
        PluginInfo("source", SOURCE, "file:FileStreamSourceConnector", "4.3.1"),
        plugin("converter", "TextConverter"),
        plugin("header_converter", "TextConverter"),
        plugin("transformation", "Shorten"),
        plugin("predicate", "IsShort"),
        plugin("sink", "BrokenConnector", "no module named boto3"),
    ]
)
RUNS = {
    "connector.class": "FileStreamSource",
    "key.converter": "there.TextConverter",
    "value.converter": " TextConverter ",
    "header.converter": "TextConverter",
    "transforms": "a, b",
    "transforms.a.type": "there.Shorten",
    "transforms.b.type": "Shorten",
    "transforms.c.type": "not.Named",
    "predicates": "p",
    "predicates.p.type": "IsShort",
}


def refusal(**configs: dict[str, str | None]) -> str:
    with pytest.raises(JoinRefusedError) as refused:
        check_plugins(CATALOG, ConfigSnapshot(connectors=configs))
    return refused.value.message


def test_a_worker_that_has_every_plugin_of_its_group_joins() -> None:
    check_plugins(CATALOG, ConfigSnapshot(connectors={"a": RUNS, "b": {"connector.class": SOURCE}}))
    check_plugins(CATALOG, ConfigSnapshot())


@pytest.mark.parametrize(
    "key",
    [
        "connector.class",
        "key.converter",
        "value.converter",
        "header.converter",
        "transforms.b.type",
        "predicates.p.type",
    ],
)
def test_one_missing_class_of_any_kind_is_enough_to_stay_away(key: str) -> None:
    assert f"\n  c: {key}=not.There\n" in refusal(a=RUNS, c={**RUNS, key: "not.There"})


def test_everything_that_is_missing_is_listed_by_connector_with_what_to_do() -> None:
    said = refusal(
        z={**RUNS, "connector.class": "not.There", "transforms.a.type": "not.Either"},
        b={"connector.class": "there.BrokenConnector"},
        a=RUNS,
    )
    assert said == (
        "This worker does not join its group, because connectors there need plugins that it does not have:\n"
        "  b: connector.class=there.BrokenConnector (no module named boto3)\n"
        "  z: connector.class=not.There, transforms.a.type=not.Either\n"
        "Install them, or set linkspan.join.unsupported=allow to join all the same; what this worker is given of these "
        "connectors then becomes FAILED."
    )


def test_a_class_that_a_config_provider_tells_is_not_known_before_the_connector_starts() -> None:
    check_plugins(CATALOG, ConfigSnapshot(connectors={"c": {**RUNS, "value.converter": "${env:CONVERTER}"}}))


def test_a_key_without_a_value_names_nothing() -> None:
    config = {**RUNS, "key.converter": None, "value.converter": " ", "transforms": None, "predicates": "p,"}
    check_plugins(CATALOG, ConfigSnapshot(connectors={"c": config}))
