from __future__ import annotations

import pytest

from linkspan.api.errors import ConfigError, ConnectError, RetriableError
from linkspan.log.port import TopicSpec
from tests.task.harness import Port
from tests.task.memory_log import MemoryLog

pytest.importorskip("linkspan.api.regex")
from linkspan.task.topics import CreationRules, TopicCreation

DEFAULT = {"topic.creation.default.partitions": "3", "topic.creation.default.replication.factor": "-1"}


def test_the_default_group_takes_every_topic():
    spec = CreationRules(DEFAULT | {"topic.creation.default.cleanup.policy": "compact"}).spec_for("any")
    assert (spec.name, spec.partitions, spec.replication_factor) == ("any", 3, -1)
    assert spec.configs == {"cleanup.policy": "compact"}


def test_the_first_group_that_fits_the_whole_name_wins_and_inherits():
    rules = CreationRules(
        DEFAULT
        | {
            "topic.creation.groups": "a, b",
            "topic.creation.a.include": "x.*, y",
            "topic.creation.a.exclude": "xx.*",
            "topic.creation.b.include": ".*x.*",
            "topic.creation.b.partitions": "9",
            "topic.creation.b.retention.ms": "1",
        }
    )
    assert rules.spec_for("x1").partitions == 3
    assert rules.spec_for("xx").partitions == 9
    assert rules.spec_for("xx").configs == {"retention.ms": "1"}
    assert rules.spec_for("yy").configs == {}


def test_include_and_exclude_of_the_default_group_are_ignored():
    rules = CreationRules(DEFAULT | {"topic.creation.default.include": "a", "topic.creation.default.exclude": "b"})
    assert rules.spec_for("b").partitions == 3


@pytest.mark.parametrize("missing", ["partitions", "replication.factor"])
def test_the_default_group_needs_partitions_and_replication_factor(missing):
    key = f"topic.creation.default.{missing}"
    with pytest.raises(ConfigError, match=key) as caught:
        CreationRules({name: value for name, value in DEFAULT.items() if name != key})
    assert caught.value.key == key


@pytest.mark.parametrize("value", ["0", "-2", "many"])
def test_counts_are_at_least_one_or_minus_one(value):
    with pytest.raises(ConfigError, match="partitions"):
        CreationRules(DEFAULT | {"topic.creation.default.partitions": value})


def test_only_connectors_with_such_keys_create_topics():
    assert CreationRules.wanted(DEFAULT)
    assert not CreationRules.wanted({"topic": "x"})


def test_a_topic_is_created_once_and_an_existing_one_is_left_alone():
    log = MemoryLog()
    port = Port()
    port.log = log
    creation = TopicCreation(port.ensure_topic, CreationRules(DEFAULT))
    creation.ensure("new")
    assert len(log.topics.pop("new")) == 3
    creation.ensure("new")
    assert log.topics == {}


def test_a_topic_that_cannot_be_created_fails_the_task():
    answers = [ConnectError("not authorized"), RetriableError("timeout")]

    def denied(_: TopicSpec) -> bool:
        raise answers.pop(0)

    creation = TopicCreation(denied, CreationRules(DEFAULT))
    with pytest.raises(ConnectError, match=r"Task failed to create new topic t .*not authorized"):
        creation.ensure("t")
    with pytest.raises(RetriableError):
        creation.ensure("t")
