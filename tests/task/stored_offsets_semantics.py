"""What the sink loop promises a task that stores offsets with its data, on any log."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from linkspan.api.errors import ConnectError, DataError, FencedError, RetriableError, UnreachableError
from linkspan.api.records import SinkBatch, SinkRecord, TopicPartition
from linkspan.task import outage, sink
from linkspan.task.chain import Step
from linkspan.task.dead_letters import DeadLetterConfig, DeadLetters
from linkspan.task.tolerance import ErrorPolicy
from tests.task.harness import RecordingSink, SinkRun, Upper, Writer, content, create_topic, fill


class KeepingSink(RecordingSink):
    """Stores offsets with what it puts, unless told not to."""

    def __init__(self, stored: Mapping[TopicPartition, int] | None = None) -> None:
        super().__init__()
        self.stored: dict[TopicPartition, Any] = dict(stored or {})
        self.stores = True
        self.refusals: list[Exception] = []

    def put(self, records: SinkBatch) -> None:
        super().put(records)
        self.store(records)

    def store(self, records: SinkBatch) -> None:
        if self.stores:
            self.stored.update(records.next_offsets)

    def stored_offsets(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, Any]:
        self.calls.append("stored_offsets")
        if self.refusals:
            raise self.refusals.pop(0)
        return {place: self.stored.get(place) for place in partitions}


def place_of(topic: str) -> TopicPartition:
    return TopicPartition(topic, 0)


def committed_before(log: Any, topic: str, count: int) -> str:
    """A group that has read so many records."""
    run = SinkRun(log, [topic], max_poll_records=count)
    run.run(lambda: len(run.task.values_put) >= count)
    assert run.committed() == {place_of(topic): count}
    return run.group


def test_reading_begins_where_the_target_says_whatever_the_group_says(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "c", "d"])
    group = committed_before(log, topic, 1)
    run = SinkRun(log, [topic], group=group, task=KeepingSink({place_of(topic): 3}))
    run.run(lambda: bool(run.task.values_put))
    assert run.task.values_put == ["d"]
    assert run.task.calls.index("open") < run.task.calls.index("stored_offsets") < run.task.calls.index("put")
    assert run.committed() == {place_of(topic): 4}


def test_a_partition_that_the_target_knows_nothing_of_begins_where_the_group_says(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "c"])
    group = committed_before(log, topic, 2)
    run = SinkRun(log, [topic], group=group, task=KeepingSink())
    run.run(lambda: bool(run.task.values_put))
    assert run.task.values_put == ["c"]
    assert run.task.stored == {place_of(topic): 3}


def test_a_group_that_is_behind_is_given_the_stored_offsets_though_nothing_new_comes(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "c"])
    group = committed_before(log, topic, 1)
    run = SinkRun(log, [topic], group=group, task=KeepingSink({place_of(topic): 3}), interval=0.1)
    run.run(lambda: bool(run.reader.commits))
    assert run.task.values_put == []
    assert run.reader.commits[0] == {place_of(topic): 3}


def test_a_group_that_is_ahead_of_the_target_is_set_back_at_once(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "c"])
    group = committed_before(log, topic, 3)
    run = SinkRun(log, [topic], group=group, task=KeepingSink({place_of(topic): 1}), max_poll_records=1)
    run.run(lambda: len(run.task.values_put) == 2)
    assert run.reader.commits[0][place_of(topic)] < 3
    assert run.task.values_put == ["b", "c"]


def test_the_group_is_never_given_more_than_the_target_has_stored(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "c"])
    task = KeepingSink()
    run = SinkRun(log, [topic], task=task, interval=0, max_poll_records=1)
    run.task.on_put = lambda _: setattr(task, "stores", not task.values_put)
    run.run(lambda: len(task.values_put) == 3)
    assert task.stored == {place_of(topic): 1}
    assert {commit[place_of(topic)] for commit in run.reader.commits} == {1}
    assert run.committed() == {place_of(topic): 1}


def test_nothing_is_committed_while_the_target_has_stored_nothing(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b"])
    task = KeepingSink()
    task.stores = False
    run = SinkRun(log, [topic], task=task, interval=0)
    run.run(lambda: len(task.values_put) == 2 and task.calls.count("pre_commit") > 1)
    assert run.committed().get(place_of(topic), 0) == 0


def test_what_a_put_has_written_before_it_failed_does_not_come_again(log):
    topic = create_topic(log, 2)
    fill(log, topic, ["a", "b"], 0)
    fill(log, topic, ["c"], 1)
    task = KeepingSink()
    run = SinkRun(log, [topic], task=task)
    failed: list[list[object]] = []

    def lose_the_answer(records: SinkBatch) -> None:
        if len(records) and not failed:
            failed.append(list(records.values))
            task.stored[TopicPartition(topic, records[0].original_partition)] = records[0].original_offset + 1
            run.context.timeout(1)
            raise RetriableError("the answer to the commit was lost")

    task.on_put = lose_the_answer
    run.run(lambda: len(task.values_put) == 2)
    assert failed[0][0] not in task.values_put
    assert sorted([failed[0][0], *task.values_put]) == ["a", "b", "c"]
    assert run.committed() == {TopicPartition(topic, 0): 2, TopicPartition(topic, 1): 1}


def test_after_a_failed_flush_reading_goes_on_where_the_target_says_not_the_group(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "c"])
    task = KeepingSink()
    run = SinkRun(log, [topic], task=task, max_poll_records=1)

    def fail_once(offsets: dict[TopicPartition, int]) -> dict[TopicPartition, int]:
        if task.calls.count("pre_commit") == 1:
            task.stored[place_of(topic)] = 1
            raise RetriableError("flush failed")
        return offsets

    task.accept = fail_once
    task.on_put = lambda _: run.context.request_commit() if len(task.values_put) == 1 else None
    run.run(lambda: task.stored.get(place_of(topic)) == 3)
    assert task.values_put == ["a", "b", "b", "c"]


def test_offsets_of_records_that_a_transform_drops_are_committed_once_the_target_has_them(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "drop", "drop"])
    task = KeepingSink()
    run = SinkRun(log, [topic], task=task, steps=[Step(Upper(), None, negate=False)])

    def store(offsets: dict[TopicPartition, int]) -> dict[TopicPartition, int]:
        task.stored.update(offsets)
        return offsets

    task.accept = store
    run.run(lambda: bool(task.values_put))
    assert run.committed() == {place_of(topic): 3}


def test_a_target_that_does_not_answer_when_partitions_are_opened_is_waited_for_and_nothing_is_put_before(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b"])
    task = KeepingSink({place_of(topic): 1})
    task.refusals = [RetriableError("away"), UnreachableError("away")]
    run = SinkRun(log, [topic], task=task)
    run.run(lambda: bool(task.values_put))
    assert task.values_put == ["b"]
    before = task.calls[: task.calls.index("put")]
    assert before.count("stored_offsets") == 3
    assert run.committed() == {place_of(topic): 2}


def test_a_partition_that_waits_for_the_target_is_read_though_another_one_went_meanwhile(log, monkeypatch):
    monkeypatch.setattr(outage, "_FIRST_PAUSE", 0.01)
    topic = create_topic(log, 2)
    fill(log, topic, ["a", "b"])
    task = KeepingSink({place_of(topic): 1})
    task.refusals = [UnreachableError("database away") for _ in range(4)]
    run = SinkRun(log, [topic], task=task)

    def revoke(listener: Any) -> None:
        other = TopicPartition(topic, 1)
        if other in run.context.assigned and not task.refusals:
            listener.on_revoked([other])  # as where partitions go one by one
        if time.monotonic() > give_up:
            run.port.wanted = "STOPPED"
        run.reader.at_poll = [revoke]

    give_up = time.monotonic() + 5
    run.reader.at_poll = [revoke]
    run.run(lambda: bool(task.values_put))
    assert task.values_put == ["b"]


def test_a_stop_while_the_target_does_not_answer_commits_nothing(log):
    topic = create_topic(log)
    fill(log, topic, ["a"])
    task = KeepingSink({place_of(topic): 1})
    run = SinkRun(log, [topic], task=task, interval=0)

    def refuse_and_stop(_: Sequence[TopicPartition]) -> Mapping[TopicPartition, Any]:
        run.port.wanted = "STOPPED"
        raise UnreachableError("away")

    task.stored_offsets = refuse_and_stop  # type: ignore[method-assign]
    run.run(lambda: False)
    assert task.values_put == []
    assert run.reader.commits == []
    assert task.calls[-2:] == ["close", "stop"]


def test_after_a_flush_that_failed_in_an_outage_nothing_comes_twice_however_long_it_lasts(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "c"])
    task = KeepingSink()
    run = SinkRun(log, [topic], task=task, max_poll_records=1)

    def fail_once(offsets: dict[TopicPartition, int]) -> dict[TopicPartition, int]:
        if task.calls.count("pre_commit") == 1:
            task.refusals = [UnreachableError("away")] * 3
            raise UnreachableError("away")
        return offsets

    task.accept = fail_once
    task.on_put = lambda _: run.context.request_commit() if len(task.values_put) == 1 else None
    run.run(lambda: len(task.values_put) == 3)
    assert task.values_put == ["a", "b", "c"]
    assert not task.refusals
    assert run.committed() == {place_of(topic): 3}


@pytest.mark.parametrize("answer", [-1, "7", True, 1.5])
def test_an_answer_that_is_no_offset_fails_the_task(log, answer):
    topic = create_topic(log)
    fill(log, topic, ["a"])
    task = KeepingSink({place_of(topic): answer})
    with pytest.raises(ConnectError, match="an offset is a number from 0"):
        SinkRun(log, [topic], task=task).run(lambda: False)


@pytest.mark.parametrize("where", ["put", "pre_commit"])
def test_a_task_that_its_target_has_fenced_out_commits_nothing_and_ends(log, monkeypatch, where):
    monkeypatch.setattr(sink, "_FENCED_PATIENCE", 0.1)
    topic = create_topic(log)
    fill(log, topic, ["a", "b"])
    task = KeepingSink()
    run = SinkRun(log, [topic], task=task, max_poll_records=1)

    def fence(_: object) -> Any:
        if task.values_put:
            raise FencedError("somebody newer")
        return None

    if where == "put":
        task.on_put = fence
    else:
        task.accept = fence
        task.on_put = lambda _: run.context.request_commit() if task.values_put else None
    with pytest.raises(FencedError, match="somebody newer"):
        run.run(lambda: False)
    assert run.reader.commits == []
    assert run.committed().get(place_of(topic), 0) == 0
    assert task.calls[-2:] == ["close", "stop"]


def test_a_task_that_slept_through_the_loss_of_its_partitions_goes_on_with_its_new_share(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b"])
    task = KeepingSink()
    run = SinkRun(log, [topic], task=task, max_poll_records=1)
    fenced: list[object] = []

    def fence(records: SinkBatch) -> None:
        if len(records) and not fenced:
            fenced.append(records.values[0])
            run.reader.at_poll.append(lambda listener: (listener.on_lost([place]), listener.on_assigned([place])))
            task.stored[place] = 1  # its new owner has written the record meanwhile
            raise FencedError("somebody newer")

    place = place_of(topic)
    task.on_put = fence
    run.run(lambda: bool(task.values_put))
    assert (fenced, task.values_put) == (["a"], ["b"])
    assert task.closed[0] == [place]
    assert task.opened == [[place], [place]]
    assert run.committed() == {place: 2}


def test_a_task_that_stores_no_offsets_is_never_asked(log):
    topic = create_topic(log)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic])
    run.run(lambda: bool(run.task.values_put))
    assert "stored_offsets" not in run.task.calls
    assert run.committed() == {place_of(topic): 1}


def test_a_task_whose_configuration_stores_no_offsets_leaves_them_to_the_group(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "c"])
    task = KeepingSink()
    task.stored_offsets = lambda _: task.calls.append("stored_offsets")  # type: ignore[method-assign]
    run = SinkRun(log, [topic], task=task, interval=0, max_poll_records=1)
    run.run(lambda: len(task.values_put) == 3)
    assert run.committed() == {place_of(topic): 3}
    assert task.calls.count("stored_offsets") == 1


def test_a_target_gets_nothing_behind_a_failed_record_before_its_letter_is_written(log, monkeypatch):
    monkeypatch.setattr(outage, "_FIRST_PAUSE", 0.01)
    topic = create_topic(log)
    fill(log, topic, ["bad", "a"])
    writer = Writer(log.writer({}))
    writer.hold = True
    letters = DeadLetters(DeadLetterConfig(create_topic(log), 1, context_headers=False), writer, "c", 0)  # type: ignore[arg-type]
    task = KeepingSink()
    run = SinkRun(log, [topic], task=task, policy=ErrorPolicy(tolerate_all=True), letters=letters, flush_timeout=0.0)
    seen: list[dict[TopicPartition, int]] = []

    def watch(_: Any) -> None:
        if letters.counts()["deadletterqueue-produce-requests"]:
            seen.append(dict(task.stored))
            writer.hold = len(seen) < 3
        run.reader.at_poll.append(watch)

    run.reader.at_poll.append(watch)
    run.run(lambda: bool(task.values_put))
    assert seen[:3] == [{}, {}, {}]
    assert task.values_put == ["a"]
    assert run.committed() == {place_of(topic): 2}


ALL = ErrorPolicy(tolerate_all=True)


class WriteBehindSink(KeepingSink):
    """Stores what it was given with the next that it is given, and finds bad records in a thread of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[SinkRecord] = []
        self.refusals_seen: list[DataError] = []

    def store(self, records: SinkBatch) -> None:
        for record in self.waiting:
            self.stored[TopicPartition(record.original_topic, record.original_partition)] = record.original_offset + 1
        self.waiting = list(records)

    def report(self, _: Any = None) -> None:
        """Report what waits, in another thread, and be through with it."""
        thread = threading.Thread(target=self._report)
        thread.start()
        thread.join()

    def _report(self) -> None:
        reporter = self.context.errant_record_reporter
        assert reporter is not None
        for record in self.waiting:
            try:
                reporter.report(record, DataError("no"))
            except DataError as refusal:
                self.refusals_seen.append(refusal)


def letters_of(log: Any) -> tuple[DeadLetters, str]:
    topic = create_topic(log)
    return DeadLetters(DeadLetterConfig(topic, 1, context_headers=False), log.writer({}), "c", 0), topic


def test_what_another_thread_reports_between_two_puts_has_its_letter_before_the_next_one_stores_an_offset(log):
    topic = create_topic(log)
    fill(log, topic, ["odd", "a"])
    letters, queue = letters_of(log)
    task = WriteBehindSink()
    run = SinkRun(log, [topic], task=task, policy=ALL, letters=letters, max_poll_records=1)
    seen: list[tuple[object, list[str | None]]] = []

    def look(records: SinkBatch) -> None:
        seen.extend((value, content(log, queue)) for value in records.values)
        if len(seen) == 2:
            run.reader.at_poll = [task.report]
            run.context.timeout(1)
            raise RetriableError("later")

    task.on_put = look
    run.run(lambda: len(seen) == 3)
    assert seen == [("odd", []), ("a", []), ("a", ["odd"])]


def test_nothing_is_put_and_no_offset_stored_behind_what_another_thread_was_refused_between_two_puts(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "odd", "b"])
    task = WriteBehindSink()
    run = SinkRun(log, [topic], task=task, letters=letters_of(log)[0], max_poll_records=1)
    task.on_put = lambda records: run.reader.at_poll.append(task.report) if "odd" in records.values else None
    task.accept = lambda offsets: task.stored.update(offsets) or offsets
    with pytest.raises(ConnectError, match=rf"Tolerance exceeded .* the record {topic}-0 at offset 1: no"):
        run.run(lambda: False)
    assert task.values_put == ["a", "odd"]
    assert len(task.refusals_seen) == 1
    assert task.stored == {place_of(topic): 1}
    assert run.committed() == {place_of(topic): 1}


def test_a_flush_is_never_offered_less_than_the_target_holds_so_what_a_put_has_stored_comes_once(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b"])
    task = KeepingSink()
    run = SinkRun(log, [topic], task=task, interval=0)
    written: list[object] = []
    flushes_before: list[int] = []

    def lose_the_answer(records: SinkBatch) -> None:
        written.extend(records.values)
        if len(written) == 2 and not flushes_before:
            flushes_before.append(task.calls.count("pre_commit"))
            task.store(records)
            raise RetriableError("the answer to the commit was lost")

    task.on_put = lose_the_answer
    task.accept = lambda offsets: task.stored.update(offsets) or offsets
    run.run(
        lambda: bool(flushes_before) and task.calls.count("pre_commit") > flushes_before[0] and not run.reader.paused
    )
    assert written == ["a", "b"]
    assert task.stored == {place_of(topic): 2}
