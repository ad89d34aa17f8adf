"""Records of the internal topics against those of the original (spec/runtime.md 2.1, 2.2, 2.6)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from linkspan.api.errors import DataError
from linkspan.convert.java_json import dump, parse
from linkspan.herder import config_records, status_records
from linkspan.herder.config_records import ConnectorRecord, MalformedRecordError, TargetRecord, TaskRecord, decode
from linkspan.herder.config_topic import ConfigTopic
from linkspan.herder.status_records import MalformedStatusError, Status, TopicKey, decode_key, decode_status
from linkspan.herder.status_topic import StatusTopic
from linkspan.log.port import TableRecord
from tests.herder.config_listener import Told

GOLDEN = Path(__file__).parent / "golden" / "topics-4.3.1.jsonl"
CONFIG_KINDS = {
    "ConnectorRecord",
    "LogLevel",
    "RestartRequest",
    "SessionKey",
    "TargetRecord",
    "TaskCount",
    "TaskRecord",
    "TasksCommit",
}


class Recorded:
    """A table that has what was recorded."""

    def __init__(self, records: list[TableRecord]) -> None:
        self._records = records

    async def open(self, take: Any) -> None:
        take(self._records)

    async def read_to_end(self, seconds: float) -> None: ...

    async def write(self, records: Any, seconds: float) -> None: ...

    async def close(self) -> None: ...


def recorded(topic: str) -> list[TableRecord]:
    lines = [json.loads(line) for line in GOLDEN.read_text().splitlines()]

    def payload(text: str | None) -> bytes | None:
        return None if text is None else text.encode()

    return [
        TableRecord(payload(line["key"]), payload(line["value"]), line["partition"], line["offset"], line["timestamp"])
        for line in lines
        if line["topic"] == topic
    ]


def test_config_records_of_the_original_are_understood_and_written_byte_for_byte():
    records = recorded("configs")
    kinds = set()
    for record in records:
        assert record.key is not None
        found = decode(record.key.decode(), None if record.value is None else parse(record.value))
        kinds.add(type(found).__name__)
        assert config_records.encode(found) == (record.key, record.value)
    assert kinds == CONFIG_KINDS


def test_status_records_of_the_original_are_understood_and_written_byte_for_byte():
    records = recorded("statuses")
    kinds = set()
    for record in records:
        key = decode_key(record.key)
        kinds.add(type(key).__name__)
        assert status_records.encode_key(key) == record.key
        if record.value is None:
            continue
        if isinstance(key, TopicKey):
            assert status_records.encode_topic(status_records.decode_topic(record.value)) == record.value
        else:
            assert status_records.encode_status(decode_status(record.value)) == record.value
    assert kinds == {"ConnectorKey", "TaskKey", "TopicKey"}


def test_config_topic_of_the_original_gives_the_configuration_it_had(caplog):
    async def story() -> None:
        topic = ConfigTopic(Recorded(recorded("configs")))
        await topic.open(Told())
        snapshot = topic.snapshot
        assert snapshot.offset == recorded("configs")[-1].offset + 1
        assert snapshot.session_key is not None
        assert (len(snapshot.session_key.key), snapshot.session_key.algorithm) == (32, "HmacSHA256")
        assert list(snapshot.connectors) == ["source", "broken ü", "bad"]
        assert snapshot.targets == {"source": "STOPPED", "broken ü": "STARTED", "bad": "STARTED"}
        assert snapshot.task_counts == {"source": 0, "broken ü": 1, "bad": 2}
        assert [snapshot.tasks(name) for name in snapshot.connectors] == [[], [0], [0, 1]]
        assert snapshot.task_generations == {"source": 1, "a-sink-1": 0, "broken ü": 0, "bad": 0}
        assert snapshot.applied == snapshot.connectors
        assert snapshot.inconsistent == frozenset()
        assert snapshot.task_count_records == {"source": 0, "broken ü": 1}
        assert snapshot.pending_fencing == {"a-sink-1", "bad"}
        (task,) = snapshot.task_configs_of("broken ü")
        assert task == {
            **snapshot.connectors["broken ü"],
            "task.class": "org.apache.kafka.connect.file.FileStreamSourceTask",
        }

    asyncio.run(story())
    assert not caplog.records


def test_status_topic_of_the_original_gives_the_states_it_had(caplog):
    async def story() -> None:
        topic = StatusTopic(Recorded(recorded("statuses")))
        await topic.open()
        assert sorted(topic.recorded()) == ["bad", "broken ü", "source"]
        assert topic.connector("a-sink-1") is None
        assert topic.tasks("source") == {}
        states = {number: status.state for number, status in topic.tasks("bad").items()}
        # The one had failed, and the other was stopped with the worker.
        assert sorted(states.values()) == ["FAILED", "UNASSIGNED"]
        failed = next(status for status in topic.tasks("bad").values() if status.state == "FAILED")
        assert failed.trace is not None
        assert failed.trace.startswith("org.apache.kafka.connect.errors.ConnectException: Tolerance exceeded")
        assert (topic.topics("source"), topic.topics("a-sink-1")) == (["lines"], [])
        await topic.close()

    asyncio.run(story())
    assert not caplog.records


def test_text_is_escaped_as_in_java():
    assert (
        dump({"a\x1f": 'é😀/\\u00ff"\x0b\x7f\b\f'})
        == '{"a\\u001F":"é\\uD83D\\uDE00/\\\\u00ff\\"\\u000B\x7f\\b\\f"}'.encode()
    )


def test_half_a_character_cannot_be_written():
    with pytest.raises(DataError, match="cannot be written as JSON"):
        dump({"a": "\ud800"})


def test_null_inside_a_configuration_is_kept():
    record = ConnectorRecord("c", {"a": None, "b": "x"})
    key, value = config_records.encode(record)
    assert value == b'{"properties":{"a":null,"b":"x"}}'
    assert decode(key.decode(), parse(value)) == record


def test_task_number_stands_behind_the_last_hyphen():
    assert decode("task-a-1-12", {"properties": {}}) == TaskRecord("a-1", 12, {})


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ({"state": "PAUSED", "state.v2": "STOPPED"}, "STOPPED"),
        ({"state": "PAUSED"}, "PAUSED"),
        ({"state": "PAUSED", "state.v2": 1}, "PAUSED"),
        (None, None),
    ],
)
def test_newer_member_of_a_target_state_wins(value, target):
    assert decode("target-state-c", value) == TargetRecord("c", target)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("unknown-c", {}),
        ("session-key-2", {"key": "AA==", "algorithm": "HmacSHA256", "creation-timestamp": 1}),
        ("session-key", {"key": "AA==", "algorithm": "HmacSHA256", "creation-timestamp": "1"}),
        ("session-key", {"key": "?", "algorithm": "HmacSHA256", "creation-timestamp": 1}),
        ("session-key", None),
        ("connector-" + "ö" * 16351, {"properties": {}}),
        ("connector-c", []),
        ("connector-c", {}),
        ("connector-c", {"properties": {"a": 1}}),
        ("target-state-c", {"state": "RUNNING"}),
        ("target-state-c", {"state": "STARTED", "state.v2": "LATER"}),
        ("task-c-0", None),
        ("task-c-x", {"properties": {}}),
        ("task-c-9999999999", {"properties": {}}),
        ("commit-c", {"tasks": True}),
        ("commit-c", {"tasks": -1}),
        ("commit-c", None),
        ("tasks-fencing-c", {"tasks": 1}),
        ("restart-connector-c", None),
        ("logger-cluster-l", {"level": 1}),
        ("logger-cluster-l", {"level": "LOUD"}),
        ("logger-cluster-", {"level": "INFO"}),
    ],
)
def test_record_of_no_meaning_is_refused(key, value):
    with pytest.raises(MalformedRecordError):
        decode(key, value)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"no JSON",
        b"[]",
        b'{"state":"DEAD","trace":null,"worker_id":"w","generation":1}',
        b'{"state":"RUNNING","trace":null,"worker_id":"w","generation":"1"}',
        b'{"state":"RUNNING","trace":null,"generation":1}',
    ],
)
def test_status_of_no_meaning_is_refused(value):
    with pytest.raises(MalformedStatusError):
        decode_status(value)


def test_status_of_a_worker_that_does_not_know_versions_is_understood():
    value = b'{"generation":3,"worker_id":"w:1","trace":null,"state":"RUNNING"}'
    assert decode_status(value) == Status("RUNNING", None, "w:1", 3, None)


@pytest.mark.parametrize("key", [None, b"\xff", b"status-connector-", b"status-task-0", b"status-topic-:connector-c"])
def test_status_key_of_no_meaning_is_refused(key):
    with pytest.raises(MalformedStatusError):
        decode_key(key)


def test_trace_with_half_a_character_is_still_written():
    written = status_records.encode_status(Status("FAILED", "no file a\udcff", "w", 1))
    assert decode_status(written).trace == "no file a\\udcff"
