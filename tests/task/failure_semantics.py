"""What tasks do about failures of records and of other systems, on any log: see :mod:`tests.task.sink_semantics`."""

from __future__ import annotations

from typing import Any

import pytest

from linkspan.api.converter import SchemaAndValue
from linkspan.api.errors import (
    BatchError,
    ConfigError,
    ConnectError,
    CredentialsError,
    DataError,
    RetriableError,
    ThrottledError,
    UnreachableError,
)
from linkspan.api.headers import Header, Headers
from linkspan.api.records import SinkBatch, SourceRecord, TopicPartition
from linkspan.task import acknowledged, outage
from linkspan.task.batches import ReadBatch
from linkspan.task.chain import Step
from linkspan.task.dead_letters import DeadLetterConfig, DeadLetters
from linkspan.task.tolerance import ErrorPolicy, Stage
from tests.task.harness import NotifiedSource, SinkRun, SourceRun, Upper, Writer, content, create_topic, fill

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
    assert run.port.values["sink-record-read-total"] == 3
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


def test_a_target_that_answers_again_but_wants_the_batch_later_is_not_asked_without_a_pause(log, monkeypatch):
    monkeypatch.setattr(outage, "_FIRST_PAUSE", 0.01)
    topic = create_topic(log)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic])
    errors = [UnreachableError("database away"), *(RetriableError("deadlock") for _ in range(2))]
    poll = run.reader.poll
    waits: list[float] = []
    attempts: list[int] = []

    def wait(timeout: float, most: int) -> Any:
        waits.append(timeout)
        return poll(timeout, most)

    def fail(records: SinkBatch) -> None:
        if len(records) and errors:
            attempts.append(len(waits))
            raise errors.pop(0)

    run.reader.poll = wait  # type: ignore[method-assign]
    run.task.on_put = fail
    run.run(lambda: len(run.task.values_put) == 1)
    assert run.task.values_put == ["a"]
    assert max(waits[attempts[0] : attempts[1]]) < 0.1, "the first pause of an outage, as above"
    assert max(waits[attempts[1] : attempts[2]]) > 0.2


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


@pytest.mark.parametrize("name", ["a/b", "a\0b", "a" * 250])
def test_a_sink_of_what_can_be_no_topic_does_not_start(log, name):
    run = SinkRun(log, [create_topic(log), name])
    with pytest.raises(ConfigError, match=r"topics: .* cannot be the name of a topic"):
        run.run(lambda: True)
    assert run.task.calls == []


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
    assert run.port.values["sink-record-send-total"] == 4


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


@pytest.mark.parametrize("how", ["DataError", "BatchError", "report"])
def test_offsets_of_what_was_put_before_a_record_that_is_refused_are_committed(log, how):
    topic = create_topic(log)
    fill(log, topic, ["a", "b"])
    run = SinkRun(log, [topic], max_poll_records=1)

    def refuse(records: SinkBatch) -> None:
        if "b" not in records.values:
            return
        if how == "report":
            run.errant.report(records[0], DataError("will not have it"))
        raise DataError("will not have it") if how == "DataError" else BatchError("one", {0: DataError("no")})

    run.task.on_put = refuse
    with pytest.raises(ConnectError, match=rf"Tolerance exceeded .* the record {topic}-0 at offset 1"):
        run.run(lambda: False)
    assert run.committed() == {TopicPartition(topic, 0): 1}


def test_a_put_that_names_a_record_it_was_not_given_fails_the_task_and_is_told_so(log):
    topic = create_topic(log)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic], policy=ALL)

    def refuse(records: SinkBatch) -> None:
        if len(records):
            raise BatchError("two of them", {0: DataError("no"), 1: DataError("no")})

    run.task.on_put = refuse
    with pytest.raises(ConnectError, match="two of them: put got 1 records, counted from 0, and names number 1"):
        run.run(lambda: False)
    assert [failure.subject.offset for failure in run.reports.failures] == [0]
    assert run.committed().get(TopicPartition(topic, 0), 0) == 0


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


def test_a_record_that_is_reported_when_offsets_are_to_be_committed_holds_them_back(log):
    topic, letters = create_topic(log), create_topic(log)
    fill(log, topic, ["a", "b"])
    writer = Writer(log.writer({}))
    queue = DeadLetters(DeadLetterConfig(letters, 1, context_headers=False), writer, "c", 0)  # type: ignore[arg-type]
    run = SinkRun(log, [topic], policy=ALL, letters=queue, interval=0, flush_timeout=0.2)
    buffered: list[Any] = []
    run.task.on_put = buffered.extend
    seen: list[dict[TopicPartition, int]] = []

    def flush(offsets: dict[TopicPartition, int]) -> dict[TopicPartition, int]:
        if buffered:
            writer.hold = not seen
            run.errant.report(buffered[0], DataError("no"))
            buffered.clear()
        return offsets

    def look() -> bool:
        if queue.counts()["deadletterqueue-produce-requests"]:
            seen.append(run.committed())
            writer.hold = len(seen) < 3
        return len(seen) > 3 and bool(run.committed())

    run.task.accept = flush
    run.run(look)
    assert seen[:3] == [{}, {}, {}]
    assert content(log, letters) == ["a"]
    assert run.committed() == {TopicPartition(topic, 0): 2}


# -- sources ---------------------------------------------------------------------------------------------------------


def records(topic: str, *values: object) -> list[SourceRecord]:
    return [SourceRecord({"file": "a"}, {"position": at}, topic, value) for at, value in enumerate(values)]


def test_an_outage_of_a_sources_converter_is_waited_for_in_order_and_once(log, monkeypatch):
    monkeypatch.setattr(outage, "_FIRST_PAUSE", 0.01)
    topic = create_topic(log)
    run = SourceRun(log, [records(topic, "bad", "a", "b"), records(topic, "c")], policy=ALL, task_class=NotifiedSource)
    run.text.fails["b"] = [UnreachableError("registry away") for _ in range(4)]
    run.run()
    assert content(log, topic) == ["a", "b", "c"]
    assert [failure.subject.origin.value for failure in run.reports.failures] == ["bad"]
    assert [value for value, offset in run.task.notified if offset is None] == ["bad"]
    assert run.port.values["outages"] == 1


def test_a_source_can_be_stopped_during_an_outage_and_stores_no_offset_behind_it(log):
    topic = create_topic(log)
    run = SourceRun(log, [records(topic, "a", "b")], policy=ALL)

    class StoppingError(UnreachableError):
        def __str__(self) -> str:
            run.port.wanted = "STOPPED"
            return "registry away"

    run.text.fails["b"] = [StoppingError() for _ in range(9)]
    run.run()
    assert content(log, topic) == []
    assert run.port.stored == {}
    assert run.task.stopped == 1


def test_an_outage_in_poll_is_waited_for_with_one_warning(log, monkeypatch, caplog):
    monkeypatch.setattr(outage, "_FIRST_PAUSE", 0.01)
    topic = create_topic(log)
    run = SourceRun(log, [*(UnreachableError("database away") for _ in range(4)), records(topic, "a")]).run()
    assert content(log, topic) == ["a"]
    assert [text for text in caplog.messages if "held up" in text] == [
        "The task is held up, and goes on by itself: database away"
    ]
    assert run.port.values["outages"] == 1


def test_offsets_are_stored_while_a_long_outage_pauses_polling(log):
    topic = create_topic(log)
    run = SourceRun(log, [records(topic, "a"), ThrottledError("quota", 600)], interval=0)
    seen: list[tuple[float, int]] = []

    def look() -> None:
        seen.append((run.port.waits[-1], len(run.port.stored)))
        if run.port.stored or len(seen) > 9:
            run.port.wanted = "STOPPED"

    run.port.on_wait = look
    run.run()
    assert seen[-1][1] == 1
    assert max(seconds for seconds, _ in seen) <= 1
    assert run.task.polls == 2


@pytest.mark.parametrize("error", [CredentialsError("no right to write"), UnreachableError("timed out")])
def test_what_the_log_refuses_for_no_fault_of_the_record_fails_the_task_whatever_is_tolerated(log, error):
    topic = create_topic(log)
    run = SourceRun(log, [records(topic, "a", "b"), None], policy=ALL)
    run.writer.refuse = lambda _: True
    run.writer.refusal = error
    with pytest.raises(ConnectError, match=f"producer send callback for the record for topic {topic}.*{error}"):
        run.run()
    assert (run.reports.failures, run.port.stored) == ([], {})


def test_a_record_for_a_partition_that_is_not_there_is_tolerated(log):
    topic = create_topic(log)
    run = SourceRun(log, [records(topic, "a"), records(topic, "b", "c")], policy=ALL)
    run.writer.refuse = lambda value: value == b"a"
    run.writer.refusal = RetriableError("no such partition")  # as Kafka's library sees it
    run.run()
    assert content(log, topic) == ["b", "c"]
    assert [failure.stage for failure in run.reports.failures] == [Stage.KAFKA_PRODUCE]


@pytest.mark.parametrize("name", ["no/topic", "..", "a\0b", "\ud800", "a" * 250, None, 7])
def test_a_record_for_what_can_be_no_topic_is_set_aside(log, name):
    topic, queue = create_topic(log), create_topic(log)
    lost = records(name, "lost")
    run = SourceRun(log, [[*records(topic, "a"), *lost, *records(topic, "b")]], policy=ALL, dead_letters=queue).run()
    assert (content(log, topic), content(log, queue)) == (["a", "b"], ["lost"])
    (failure,) = run.reports.failures
    assert (failure.stage, failure.executing) == (
        Stage.KAFKA_PRODUCE,
        "org.apache.kafka.connect.runtime.WorkerSourceTask",
    )


@pytest.mark.parametrize("name", ["\ud800", "a\0b", None, 7])
def test_a_header_whose_name_the_log_cannot_hold_is_the_fault_of_its_record(log, name):
    topic, queue = create_topic(log), create_topic(log)
    script = records(topic, "a", "b", "c")
    script[1].headers = Headers([Header("good", "1"), Header(name, "2")])
    run = SourceRun(log, [script], policy=ALL, dead_letters=queue).run()
    assert (content(log, topic), content(log, queue)) == (["a", "c"], ['"b"'])
    assert [failure.stage for failure in run.reports.failures] == [Stage.HEADER_CONVERTER]


@pytest.mark.parametrize("kind", [CredentialsError, ConfigError])
def test_what_a_person_has_to_mend_fails_a_source_at_once(log, kind):
    topic = create_topic(log)
    run = SourceRun(log, [records(topic, "a")], policy=ErrorPolicy(tolerate_all=True, retry_timeout_ms=-1))
    run.text.fails["a"] = [kind("no") for _ in range(9)]
    with pytest.raises(kind, match=r"VALUE_CONVERTER .* failed for the record"):
        run.run()
    assert (run.reports.failures, run.port.stored) == ([], {})


def test_a_failed_record_of_a_source_goes_to_its_dead_letter_queue_and_reading_goes_on_after_it(log):
    topic, queue = create_topic(log), create_topic(log)
    run = SourceRun(log, [records(topic, "a", "b", "bad")], policy=ALL, dead_letters=queue).run()
    assert content(log, topic) == ["a", "b"]
    assert content(log, queue) == ['"bad"']
    assert list(run.port.stored.values()) == [{"position": 2}]


def test_a_record_that_fails_in_a_transform_is_set_aside_and_one_that_is_dropped_is_not(log):
    topic, queue = create_topic(log), create_topic(log)
    script = [records(topic, "a", "boom", "drop")]
    run = SourceRun(log, script, policy=ALL, steps=[Step(Upper())], dead_letters=queue).run()
    assert content(log, topic) == ["A"]
    assert content(log, queue) == ['"boom"']
    assert list(run.port.stored.values()) == [{"position": 1}]


def test_a_poll_of_bad_records_only_is_set_aside_and_not_read_again(log):
    topic, queue = create_topic(log), create_topic(log)
    run = SourceRun(log, [records(topic, "bad"), records(topic, "bad", "bad")], policy=ALL, dead_letters=queue).run()
    assert content(log, queue) == ['"bad"'] * 3
    assert list(run.port.stored.values()) == [{"position": 1}]


def test_without_a_dead_letter_queue_offsets_of_failed_records_go_with_later_ones_only(log):
    topic = create_topic(log)
    run = SourceRun(log, [records(topic, "a", "bad")], policy=ALL).run()
    assert list(run.port.stored.values()) == [{"position": 0}]


def test_the_record_that_fails_a_source_is_set_aside_too_and_its_offset_is_not_stored(log):
    topic, queue = create_topic(log), create_topic(log)
    run = SourceRun(log, [records(topic, "a"), records(topic, "b", "bad")], dead_letters=queue)
    with pytest.raises(DataError, match="Tolerance exceeded"):
        run.run()
    assert content(log, queue) == ['"bad"']
    assert list(run.port.stored.values()) == [{"position": 0}]


def test_a_record_that_the_log_refuses_is_set_aside_as_it_was_sent(log):
    topic, queue = create_topic(log), create_topic(log)
    run = SourceRun(log, [records(topic, "a"), records(topic, "huge"), records(topic, "b")], policy=ALL)
    letters = DeadLetters(DeadLetterConfig(queue, 1, context_headers=False), log.writer({}), "c", 0)
    run.tolerance.add(letters)
    run.writer.refuse = lambda value: value == b"huge"
    run.run()
    assert letters.settle(30)
    assert content(log, topic) == ["a", "b"]
    assert content(log, queue) == ["huge"]
    assert [failure.stage for failure in run.reports.failures] == [Stage.KAFKA_PRODUCE]


def test_no_offset_of_a_source_is_stored_before_the_letters_are(log):
    topic, queue = create_topic(log), create_topic(log)
    run = SourceRun(log, [], policy=ALL, interval=0, dead_letters=queue, flush_timeout=0.2)
    seen: list[dict[str, Any]] = []

    def hold() -> list[SourceRecord]:
        run.writer.hold = True
        return records(topic, "bad")

    def look() -> None:
        seen.append(dict(run.port.stored))

    def release() -> None:
        look()
        run.writer.hold = False

    run.task.script = [hold, look, look, release, lambda: None]
    run.run()
    assert seen == [{}, {}, {}]
    assert list(run.port.stored.values()) == [{"position": 0}]


def test_a_source_is_told_of_a_dropped_record_once_its_letter_is_written(log):
    topic, queue = create_topic(log), create_topic(log)
    run = SourceRun(log, [], policy=ALL, dead_letters=queue, task_class=NotifiedSource)
    seen: list[list[tuple[object, int | None]]] = []

    def hold() -> list[SourceRecord]:
        run.writer.hold = True
        return records(topic, "bad")

    def look() -> None:
        seen.append(list(run.task.notified))

    def release() -> None:
        look()
        run.writer.hold = False

    run.task.script = [hold, look, look, release, look]
    run.run()
    assert seen == [[], [], [], [("bad", None)]]
    assert content(log, queue) == ['"bad"']


def test_polling_waits_while_too_many_dropped_records_wait_for_their_letters(log, monkeypatch):
    monkeypatch.setattr(acknowledged, "_MOST_DROPPED", 2)
    topic = create_topic(log)
    run = SourceRun(log, [], policy=ALL, dead_letters=create_topic(log), task_class=NotifiedSource)
    told: list[list[tuple[object, int | None]]] = []
    poll = run.writer.poll

    def hold() -> list[SourceRecord]:
        run.writer.hold = True
        return records(topic, "bad", "bad")

    def release(timeout: float = 0.0) -> None:
        poll(timeout)
        if timeout:
            run.writer.hold = False

    run.writer.poll = release  # type: ignore[method-assign]
    run.task.script = [hold, lambda: told.append(list(run.task.notified))]
    run.run()
    assert told == [[("bad", None), ("bad", None)]]


def test_polling_waits_until_the_dead_letter_queue_takes_what_failed(log, monkeypatch):
    monkeypatch.setattr(outage, "_FIRST_PAUSE", 0.01)
    topic, queue = create_topic(log), create_topic(log)
    run = SourceRun(log, [], policy=ALL, dead_letters=queue)
    polls: list[int] = []

    def bad() -> list[SourceRecord]:
        run.writer.errors = [RetriableError("no room") for _ in range(5)]
        return records(topic, "bad")

    def after() -> list[SourceRecord]:
        polls.append(len(run.writer.errors))
        return records(topic, "b")

    run.task.script = [bad, after]
    run.run()
    assert polls == [0]
    assert content(log, queue) == ['"bad"']
    assert content(log, topic) == ["b"]


def test_a_lack_of_memory_in_a_converter_is_not_the_records_fault_and_fails_the_task(log):
    topic, queue = create_topic(log), create_topic(log)
    fill(log, topic, ["a", "b", "c"])
    letters = DeadLetters(DeadLetterConfig(queue, 1, False), log.writer({}), "c", 0)
    run = SinkRun(log, [topic], policy=ALL, letters=letters)
    run.text.fails["b"] = [MemoryError() for _ in range(3)]
    with pytest.raises(MemoryError):
        run.run(lambda: False)
    assert content(log, queue) == []
    assert run.port.values.get("total-records-skipped", 0) == 0
    assert run.committed().get(TopicPartition(topic, 0), 0) == 0


def test_a_lack_of_memory_on_the_way_into_the_log_is_not_the_records_fault_either(log):
    topic = create_topic(log)
    records = [SourceRecord({"file": "a"}, {"position": at}, topic, value) for at, value in enumerate("abc")]
    run = SourceRun(log, [records], policy=ALL)
    run.text.fails["b"] = [MemoryError() for _ in range(3)]
    with pytest.raises(MemoryError):
        run.run()
    assert run.port.commits == []
    assert content(log, topic) == []


MANY = [f"v{number}" for number in range(40)]
GOOD = [value for value in MANY if value != "v20"]


def test_an_outage_in_one_of_the_pieces_of_a_read_batch_loses_nothing_and_puts_and_reports_everything_once(
    log, monkeypatch
):
    monkeypatch.setattr(outage, "_FIRST_PAUSE", 0.01)
    topic, queue = create_topic(log), create_topic(log)
    fill(log, topic, MANY)
    letters = DeadLetters(DeadLetterConfig(queue, 1, False), log.writer({}), "c", 0)
    run = SinkRun(log, [topic], policy=ALL, letters=letters)
    run.text.fails["v20"] = [DataError("no good") for _ in range(20)]
    run.text.fails["v30"] = [UnreachableError("registry away") for _ in range(3)]
    run.run(lambda: len(run.task.values_put) >= len(GOOD))
    assert run.task.values_put == GOOD
    assert content(log, queue) == ["v20"]
    assert run.port.values["total-records-skipped"] == 1
    assert run.committed() == {TopicPartition(topic, 0): 40}


def test_an_outage_in_one_of_the_pieces_of_a_poll_loses_nothing_and_writes_and_reports_everything_once(
    log, monkeypatch
):
    monkeypatch.setattr(outage, "_FIRST_PAUSE", 0.01)
    topic, other, queue = create_topic(log), create_topic(log), create_topic(log)
    polled = [SourceRecord({"file": "a"}, {"position": at}, topic, value) for at, value in enumerate(MANY)]
    polled.append(SourceRecord({"file": "a"}, {"position": 40}, other, "last"))
    run = SourceRun(log, [polled], policy=ALL, dead_letters=queue)
    run.text.fails["v20"] = [DataError("no good") for _ in range(20)]
    run.text.fails["v30"] = [UnreachableError("registry away") for _ in range(3)]
    run.text.fails["last"] = [UnreachableError("registry away") for _ in range(2)]
    run.run()
    assert content(log, topic) == GOOD
    assert content(log, other) == ["last"]
    assert content(log, queue) == ['"v20"']
    assert run.port.values["total-records-skipped"] == 1
    assert run.port.commits[-1] == [({"file": "a"}, {"position": 40})]
