"""What a sink does about failures of records and of other systems, on any log: see :mod:`tests.task.sink_semantics`."""

from __future__ import annotations

from typing import Any

import pytest

from linkspan.api.converter import SchemaAndValue
from linkspan.api.errors import (
    ConfigError,
    ConnectError,
    CredentialsError,
    DataError,
    RetriableError,
    ThrottledError,
    UnreachableError,
)
from linkspan.api.records import SinkBatch, TopicPartition
from linkspan.task import outage
from linkspan.task.batches import ReadBatch
from linkspan.task.dead_letters import DeadLetterConfig, DeadLetters
from linkspan.task.tolerance import ErrorPolicy, Stage
from tests.task.harness import SinkRun, Writer, create_topic, fill

ALL = ErrorPolicy(tolerate_all=True)


def test_an_outage_of_a_converter_is_waited_for_and_is_no_records_fault(log, monkeypatch):
    monkeypatch.setattr(outage, "_FIRST_PAUSE", 0.01)
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "c"])
    run = SinkRun(log, [topic], policy=ALL)
    run.text.fails["b"] = [UnreachableError("registry away")] * 3
    run.run(lambda: len(run.task.values_put) == 3)
    assert run.task.values_put == ["a", "b", "c"]
    assert run.reports.failures == []
    assert run.port.values["total-retries"] == 0
    assert run.reader.paused == set()
    assert run.committed() == {TopicPartition(topic, 0): 3}


def test_partitions_are_paused_and_polled_and_nothing_is_put_or_committed_during_an_outage(log, monkeypatch):
    monkeypatch.setattr(outage, "_FIRST_PAUSE", 0.01)
    topic = create_topic(log)
    fill(log, topic, ["a", "b"])
    run = SinkRun(log, [topic], policy=ALL, interval=0)
    run.text.fails["b"] = [UnreachableError("registry away") for _ in range(4)]
    pause = run.reader.pause
    paused: list[int] = []

    def note(partitions: Any) -> None:
        paused.append(len(partitions))
        pause(partitions)

    run.reader.pause = note  # type: ignore[method-assign]
    run.run(lambda: len(run.task.values_put) == 2)
    assert run.task.values_put == ["a", "b"]
    assert paused == [1, 1, 1, 1]
    assert run.reader.polls >= 4
    assert all(offsets == {TopicPartition(topic, 0): 2} for offsets in run.reader.commits)


def test_a_record_that_failed_before_an_outage_of_the_same_batch_is_reported_once(log, monkeypatch):
    monkeypatch.setattr(outage, "_FIRST_PAUSE", 0.01)
    topic = create_topic(log)
    fill(log, topic, ["bad", "b", "c"])
    run = SinkRun(log, [topic], policy=ALL)
    run.text.fails["c"] = [ThrottledError("slow down")] * 2
    run.run(lambda: len(run.task.values_put) == 2)
    assert run.task.values_put == ["b", "c"]
    assert [failure.subject.offset for failure in run.reports.failures] == [0]


def test_an_outage_uses_up_no_retry_budget_and_outlasts_it(log, monkeypatch):
    monkeypatch.setattr(outage, "_FIRST_PAUSE", 0.05)
    topic = create_topic(log)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic], policy=ErrorPolicy(retry_timeout_ms=1))
    run.text.fails["a"] = [ConnectionRefusedError("no")] * 3
    run.run(lambda: len(run.task.values_put) == 1)
    assert run.reports.failures == []


def test_an_outage_of_the_target_is_waited_for_with_one_warning(log, monkeypatch, caplog):
    monkeypatch.setattr(outage, "_FIRST_PAUSE", 0.01)
    topic = create_topic(log)
    fill(log, topic, ["a", "b"])
    run = SinkRun(log, [topic])
    errors = [UnreachableError("database away") for _ in range(4)]

    def fail(records: SinkBatch) -> None:
        if len(records) and errors:
            raise errors.pop()

    run.task.on_put = fail
    run.run(lambda: len(run.task.values_put) == 2)
    assert run.task.values_put == ["a", "b"]
    lines = [record.getMessage() for record in caplog.records if "c-0" in record.getMessage()]
    assert lines[0] == "Task c-0 is held up, and goes on by itself: database away"
    assert len(lines) == 2
    assert lines[1].startswith("Task c-0 goes on after ")


def test_records_of_revoked_partitions_do_not_wait_for_the_end_of_an_outage(log, monkeypatch):
    monkeypatch.setattr(outage, "_FIRST_PAUSE", 0.01)
    topic = create_topic(log, 2)
    fill(log, topic, ["a"], 0)
    fill(log, topic, ["b"], 1)
    run = SinkRun(log, [topic], policy=ALL)

    run.text.fails["a"] = [UnreachableError("away")] * 1000

    def revoke(_listener: Any) -> None:
        run.reader.at_poll.append(lambda listener: listener.on_revoked([TopicPartition(topic, 0)]))

    run.reader.at_poll = [lambda _: None] * 4 + [revoke]
    run.run(lambda: "b" in run.task.values_put)
    assert run.task.values_put == ["b"]


@pytest.mark.parametrize("kind", [CredentialsError, ConfigError])
def test_what_a_person_has_to_mend_fails_the_task_at_once_whatever_is_tolerated(log, kind):
    topic = create_topic(log)
    fill(log, topic, ["a", "b"])
    run = SinkRun(log, [topic], policy=ErrorPolicy(tolerate_all=True, retry_timeout_ms=-1))
    run.text.fails["b"] = [kind("no") for _ in range(9)]
    with pytest.raises(kind, match=rf"VALUE_CONVERTER .* failed for the record {topic}-0 at offset 1: no"):
        run.run(lambda: False)
    assert run.reports.failures == []
    assert run.committed().get(TopicPartition(topic, 0), 0) == 0


def test_a_put_that_names_no_record_is_put_in_pieces_until_the_culprit_is_found(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "bad", "c", "d"])
    run = SinkRun(log, [topic], policy=ALL)

    def refuse(records: SinkBatch) -> None:
        if "bad" in records.values:
            raise DataError("will not have it")

    run.text.to_connect = lambda _topic, payload, _headers=None: SchemaAndValue(None, payload and payload.decode())
    run.task.on_put = refuse
    run.run(lambda: len(run.task.values_put) == 4)
    assert run.task.values_put == ["a", "b", "c", "d"]
    ((stage, _, error, subject),) = run.reports.failures
    assert (stage, str(error), subject.offset) == (Stage.TASK_PUT, "will not have it", 2)
    assert run.committed() == {TopicPartition(topic, 0): 5}


def test_pieces_that_were_put_are_not_put_again_after_an_outage_in_a_later_one(log, monkeypatch):
    monkeypatch.setattr(outage, "_FIRST_PAUSE", 0.01)
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "c", "d"])
    run = SinkRun(log, [topic], policy=ALL)
    state = {"away": 2}

    def refuse(records: SinkBatch) -> None:
        if "b" in records.values:
            raise DataError("will not have it")
        if "d" in records.values and state["away"]:
            state["away"] -= 1
            raise UnreachableError("away")

    run.task.on_put = refuse
    run.run(lambda: len(run.task.values_put) == 3)
    assert run.task.values_put == ["a", "c", "d"]
    assert [failure.subject.offset for failure in run.reports.failures] == [1]


def test_a_put_with_bad_data_fails_the_task_naming_the_record_when_nothing_is_tolerated(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "c"])
    run = SinkRun(log, [topic])

    def refuse(records: SinkBatch) -> None:
        if "b" in records.values:
            raise DataError("will not have it")

    run.task.on_put = refuse
    with pytest.raises(ConnectError, match=rf"TASK_PUT .* the record {topic}-0 at offset 1: will not have it"):
        run.run(lambda: False)
    assert [failure.subject.offset for failure in run.reports.failures] == [1]


def test_one_bad_record_in_many_leaves_the_rest_in_columns(log):
    topic = create_topic(log)
    values = ["bad" if number % 50 == 7 else f"v{number}" for number in range(500)]
    fill(log, topic, values)
    run = SinkRun(log, [topic], policy=ALL)
    batches: list[type] = []
    run.task.on_put = lambda records: batches.append(type(records)) if len(records) else None
    good = [value for value in values if value != "bad"]
    run.run(lambda: len(run.task.values_put) == len(good))
    assert run.task.values_put == good
    assert set(batches) == {ReadBatch}
    assert [place[2] for place in run.task.places] == [at for at, value in enumerate(values) if value != "bad"]
    assert [failure.subject.offset for failure in run.reports.failures] == list(range(7, 500, 50))


def test_reading_waits_until_the_dead_letter_queue_takes_what_failed(log, monkeypatch):
    monkeypatch.setattr(outage, "_FIRST_PAUSE", 0.01)
    topic = create_topic(log)
    fill(log, topic, ["a", "bad", "b"])
    writer = Writer(log.writer({}))
    writer.errors = [RetriableError("no room") for _ in range(4)]
    queue = DeadLetters(DeadLetterConfig(create_topic(log), 1, context_headers=False), writer, "c", 0)  # type: ignore[arg-type]
    run = SinkRun(log, [topic], policy=ALL, letters=queue)
    run.run(lambda: len(run.task.values_put) == 2)
    assert writer.errors == []
    assert run.task.values_put == ["a", "b"]
    assert run.committed() == {TopicPartition(topic, 0): 3}
