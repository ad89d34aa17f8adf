"""What the sink loop promises, on any log: imported by test modules that define the fixture ``log``."""

from __future__ import annotations

from typing import Any

import pytest

from linkspan.api.errors import BatchError, ConnectError, DataError, FencedError, RetriableError
from linkspan.api.records import SinkBatch, TopicPartition
from linkspan.api.transform import Transform
from linkspan.task import sink
from linkspan.task.chain import Step
from linkspan.task.tolerance import ErrorPolicy, Stage
from tests.task.harness import (
    NEVER,
    RecordingSink,
    SinkRun,
    Upper,
    create_topic,
    fill,
)

ALL = ErrorPolicy(tolerate_all=True)


def test_a_sink_gets_everything_in_order_and_commits_when_closing(log):
    topic = create_topic(log, 2)
    fill(log, topic, ["a", "b"], 0)
    fill(log, topic, ["c"], 1)
    run = SinkRun(log, [topic])
    run.run(lambda: len(run.task.values_put) == 3)
    assert sorted(run.task.places) == [(topic, 0, 0), (topic, 0, 1), (topic, 1, 0)]
    assert run.committed() == {TopicPartition(topic, 0): 2, TopicPartition(topic, 1): 1}
    assert run.task.calls[0] == "start"
    assert run.task.calls.index("open") < run.task.calls.index("put")
    assert run.task.calls[-3:] == ["pre_commit", "close", "stop"]
    assert set(run.port.topics) == {topic}


def test_a_topic_that_a_sink_goes_on_reading_is_named_again(log, monkeypatch):
    monkeypatch.setattr(sink, "_METRICS_INTERVAL", 0.0)
    topic = create_topic(log)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic])
    run.task.on_put = lambda _: None if run.task.values_put else fill(log, topic, ["b"])
    run.run(lambda: len(run.task.values_put) == 2)
    assert run.port.topics == [topic, topic]


def test_the_next_task_of_the_group_goes_on_where_the_last_one_ended(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b"])
    first = SinkRun(log, [topic])
    first.run(lambda: len(first.task.values_put) == 2)
    fill(log, topic, ["c"])
    second = SinkRun(log, [topic], group=first.group)
    second.run(lambda: len(second.task.values_put) == 1)
    assert second.task.values_put == ["c"]


def test_topics_can_be_chosen_by_a_function(log):
    topic, other = create_topic(log), create_topic(log)
    fill(log, topic, ["a"])
    fill(log, other, ["b"])
    run = SinkRun(log, [], matches=lambda name: name == topic)
    run.run(lambda: bool(run.task.values_put))
    assert run.task.values_put == ["a"]


def test_put_gets_at_most_max_poll_records(log):
    topic = create_topic(log)
    fill(log, topic, range(25))
    run = SinkRun(log, [topic], max_poll_records=10)
    run.run(lambda: len(run.task.values_put) == 25)
    assert max(run.task.batches) <= 10


def test_what_is_reported_last_is_what_was_put_and_how_much_of_each_partition_was_not(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "c"])
    run = SinkRun(log, [topic], max_poll_records=1)
    run.run(lambda: len(run.task.values_put) == 1)
    assert run.port.values["sink-record-send-total"] == 1
    assert run.port.values["total-record-errors"] == 0
    assert run.port.lag[TopicPartition(topic, 0)] == 2
    again = SinkRun(log, [topic], group=run.group)
    again.run(lambda: len(again.task.values_put) == 2)
    assert again.port.lag[TopicPartition(topic, 0)] == 0


def test_put_gets_large_batches_when_the_task_takes_them(log):
    topic = create_topic(log)
    fill(log, topic, range(3000))
    run = SinkRun(log, [topic], max_poll_records=None)
    run.run(lambda: len(run.task.values_put) == 3000)
    assert run.reader.most_records[-1] == 4_000


def test_the_same_records_come_again_after_a_retriable_error_while_polling_goes_on(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b"])
    run = SinkRun(log, [topic])
    tried: list[list[object]] = []

    def fail_twice(records: SinkBatch) -> None:
        if len(records) and len(tried) < 2:
            tried.append(list(records.values))
            run.context.timeout(1)
            raise RetriableError("target away")
        if len(tried) == 2 and not run.task.values_put:
            assert run.reader.paused == {TopicPartition(topic, 0)}

    run.task.on_put = fail_twice
    run.run(lambda: len(run.task.values_put) == 2)
    assert tried == [["a", "b"], ["a", "b"]]
    assert run.task.values_put == ["a", "b"]
    assert run.reader.paused == set()
    assert run.committed() == {TopicPartition(topic, 0): 2}


def test_nothing_that_waits_for_redelivery_is_committed(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b"])
    run = SinkRun(log, [topic], interval=0)
    puts: list[int] = []

    def always_fail(records: SinkBatch) -> None:
        if len(records):
            puts.append(len(records))
            run.context.timeout(1)
            raise RetriableError("target away")

    run.task.on_put = always_fail
    run.run(lambda: len(puts) >= 4)
    assert run.committed().get(TopicPartition(topic, 0), 0) == 0


def test_records_of_revoked_partitions_are_not_redelivered(log):
    topic = create_topic(log, 2)
    fill(log, topic, ["a"], 0)
    fill(log, topic, ["b"], 1)
    run = SinkRun(log, [topic])
    failed: list[list[object]] = []

    def fail_once(records: SinkBatch) -> None:
        if len(records) == 2 and not failed:
            failed.append(list(records.values))
            run.context.timeout(1)
            run.reader.at_poll.append(lambda listener: listener.on_revoked([TopicPartition(topic, 0)]))
            raise RetriableError("target away")

    run.task.on_put = fail_once
    run.run(lambda: run.task.closed != [] or len(run.task.values_put) >= 2)
    if failed:  # a log may hand over the two partitions in two polls
        assert (run.task.values_put, run.task.closed[0]) == (["b"], [TopicPartition(topic, 0)])
        assert run.task.closed[0] == [TopicPartition(topic, 0)]


def test_any_other_error_of_put_ends_the_task_and_commits_what_was_put_before(log):
    topic = create_topic(log)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic])

    def fail_second(records: SinkBatch) -> None:
        if run.task.values_put and len(records):
            raise ValueError("disk full")
        if not run.task.values_put and len(records):
            fill(log, topic, ["b"])

    run.task.on_put = fail_second
    with pytest.raises(ConnectError, match=r"Exiting WorkerSinkTask due to unrecoverable exception.*disk full"):
        run.run(lambda: False)
    assert run.committed() == {TopicPartition(topic, 0): 1}
    assert run.task.calls[-1] == "stop"


def test_the_task_can_rewind(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "c"])
    run = SinkRun(log, [topic])
    rewound: list[bool] = []

    def rewind(records: SinkBatch) -> None:
        if not rewound and len(records) == 3:
            rewound.append(True)
            run.context.rewind({TopicPartition(topic, 0): 1})

    run.task.on_put = rewind
    run.run(lambda: len(run.task.values_put) >= 5)
    assert run.task.values_put == ["a", "b", "c", "b", "c"]
    assert run.committed() == {TopicPartition(topic, 0): 3}


def test_a_rewind_forgets_what_waits_for_redelivery(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "c"])
    run = SinkRun(log, [topic])
    failed: list[bool] = []

    def fail_once(records: SinkBatch) -> None:
        if len(records) == 3 and not failed:
            failed.append(True)
            run.context.rewind({TopicPartition(topic, 0): 1})
            raise RetriableError("half of it is written")

    run.task.on_put = fail_once
    run.run(lambda: len(run.task.values_put) >= 2)
    assert run.task.values_put == ["b", "c"]
    assert run.committed() == {TopicPartition(topic, 0): 3}


def test_the_task_can_rewind_when_it_opens_partitions(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "c"])
    run = SinkRun(log, [topic])
    run.task.on_open = lambda _: run.context.rewind({TopicPartition(topic, 0): 2})
    run.run(lambda: bool(run.task.values_put))
    assert run.task.values_put == ["c"]


def test_timeout_brings_the_task_back_once_without_records(log):
    topic = create_topic(log)
    run = SinkRun(log, [topic])
    run.context.timeout(1)

    def stop_later(_: object) -> None:
        if run.task.batches and run.reader.polls < 5:
            run.reader.at_poll.append(stop_later)
        elif run.task.batches:
            run.port.wanted = "STOPPED"

    run.task.on_put = lambda _: run.reader.at_poll.append(stop_later)
    run.run(lambda: False)
    assert run.task.batches == [0]


def test_the_task_can_pause_and_resume_partitions(log):
    topic = create_topic(log, 2)
    fill(log, topic, ["a"], 0)
    fill(log, topic, ["b"], 1)
    first, second = TopicPartition(topic, 0), TopicPartition(topic, 1)
    run = SinkRun(log, [topic])
    run.task.on_open = lambda partitions: run.context.pause(second) if second in partitions else None

    def resume(records: SinkBatch) -> None:
        if run.task.values_put == ["a"] and not len(records):
            assert run.reader.paused == {second}
            run.context.resume(second)
        else:
            run.context.timeout(1)

    run.task.on_put = resume
    run.run(lambda: len(run.task.values_put) == 2)
    assert run.task.values_put == ["a", "b"]
    with pytest.raises(ConnectError, match="not currently assigned"):
        run.context.pause(first._replace(topic="elsewhere"))


def test_a_paused_sink_stays_in_its_group_and_commits(log):
    topic = create_topic(log)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic])
    paused_polls: list[int] = []

    def pause(records: SinkBatch) -> None:
        if len(records) and not paused_polls:
            run.port.wanted = "PAUSED"
            run.context.timeout(1)
            paused_polls.append(run.reader.polls)
        elif run.port.wanted == "PAUSED" and run.reader.polls > paused_polls[0] + 3:
            assert run.reader.paused == {TopicPartition(topic, 0)}
            assert run.committed() == {TopicPartition(topic, 0): 1}
            run.port.wanted = "STARTED"
            fill(log, topic, ["b"])
        else:
            run.context.timeout(1)

    run.task.on_put = pause
    run.run(lambda: len(run.task.values_put) == 2)
    assert run.port.statuses == ["PAUSED", "RUNNING"]


def test_request_commit_commits_before_the_interval(log):
    topic = create_topic(log)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic], interval=NEVER)

    def ask(records: SinkBatch) -> None:
        run.context.timeout(1)
        if len(records):
            run.context.request_commit()

    run.task.on_put = ask
    run.run(lambda: run.committed() == {TopicPartition(topic, 0): 1})
    assert run.task.closed == [] or run.reader.commits[0] == {TopicPartition(topic, 0): 1}


def test_pre_commit_decides_what_is_committed(log):
    topic = create_topic(log)
    partition = TopicPartition(topic, 0)
    fill(log, topic, ["a", "b", "c"])
    run = SinkRun(log, [topic])
    run.task.accept = lambda _: {partition: 2}
    run.run(lambda: len(run.task.values_put) == 3)
    assert run.task.offered[-1] == {partition: 3}
    assert run.committed() == {partition: 2}


def test_offsets_that_make_no_sense_are_ignored(log):
    topic = create_topic(log)
    partition = TopicPartition(topic, 0)
    fill(log, topic, ["a", "b", "c"])
    run = SinkRun(log, [topic])
    run.task.accept = lambda _: {partition: 99, TopicPartition(topic, 7): 1}
    run.run(lambda: len(run.task.values_put) == 3)
    assert run.committed().get(partition, 0) == 0


def test_nothing_is_committed_when_pre_commit_returns_nothing(log):
    topic = create_topic(log)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic])
    run.task.accept = lambda _: {}
    run.run(lambda: bool(run.task.values_put))
    assert run.reader.commits == []


def test_a_failed_pre_commit_rewinds_to_the_last_committed_offsets(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b"])
    run = SinkRun(log, [topic])
    flushes: list[int] = []

    def fail_first(offsets: dict[TopicPartition, int]) -> Any:
        flushes.append(1)
        if len(flushes) == 1:
            raise OSError("disk full")
        return offsets

    def ask(records: SinkBatch) -> None:
        run.context.timeout(1)
        if len(records) and not flushes:
            run.context.request_commit()

    run.task.accept = fail_first
    run.task.on_put = ask
    run.run(lambda: len(run.task.values_put) >= 4)
    assert run.task.values_put == ["a", "b", "a", "b"]
    assert run.committed() == {TopicPartition(topic, 0): 2}


def test_a_failed_commit_never_fails_the_task(log):
    topic = create_topic(log)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic], interval=0)
    run.reader.commit_errors = [RetriableError("coordinator away"), RetriableError("coordinator away")]
    run.task.on_put = lambda _: run.context.timeout(1)
    run.run(lambda: bool(run.reader.commits) and bool(run.task.values_put))
    assert run.committed() == {TopicPartition(topic, 0): 1}


def test_a_late_answer_to_an_overtaken_commit_changes_nothing(log):
    topic = create_topic(log)
    partition = TopicPartition(topic, 0)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic], interval=0, flush_timeout=0.0)
    run.reader.hold_answers = True

    def go_on(records: SinkBatch) -> None:
        run.context.timeout(1)
        if len(records) and len(run.task.values_put) < 3:
            fill(log, topic, ["more"])

    run.task.on_put = go_on
    run.run(lambda: len(run.reader.commits) >= 2 and len(run.reader.answers) >= 2)
    before = dict(run.loop._committed)
    run.reader.answers[0](None)
    assert dict(run.loop._committed) == before
    assert run.loop._commits.counts()["offset-commit-skip-total"] >= 1
    assert partition in run.committed()


def test_revoked_partitions_are_flushed_closed_and_committed_in_this_order(log):
    topic = create_topic(log)
    partition = TopicPartition(topic, 0)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic])

    def revoke(records: SinkBatch) -> None:
        run.context.timeout(1)
        if len(records):
            run.reader.at_poll.append(lambda listener: listener.on_revoked([partition]))

    run.task.on_put = revoke
    run.run(lambda: bool(run.task.closed))
    calls = [call for call in run.task.calls if call in ("pre_commit", "close")]
    assert calls[:2] == ["pre_commit", "close"]
    assert run.reader.commits == [{partition: 1}]
    assert run.context.assignment == frozenset()


def test_lost_partitions_are_closed_without_a_commit(log):
    topic = create_topic(log)
    partition = TopicPartition(topic, 0)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic])

    def lose(records: SinkBatch) -> None:
        run.context.timeout(1)
        if len(records):
            run.reader.at_poll.append(lambda listener: listener.on_lost([partition]))

    run.task.on_put = lose
    run.run(lambda: bool(run.task.closed))
    assert run.task.closed[0] == [partition]
    assert run.reader.commits == []


def test_a_fenced_task_closes_its_partitions_and_neither_puts_nor_commits(log):
    topic = create_topic(log)
    partition = TopicPartition(topic, 0)
    fill(log, topic, ["a", "b"])
    run = SinkRun(log, [topic])

    def fence(_: object) -> None:
        raise FencedError("taken")

    run.task.on_put = lambda _: run.reader.at_poll.append(fence)
    with pytest.raises(FencedError, match="taken"):
        run.run(lambda: False)
    assert run.task.calls[-3:] == ["put", "close", "stop"]
    assert run.task.closed == [[partition]]
    assert run.reader.commits == []


def test_a_fenced_task_does_not_put_again_what_waits_for_redelivery(log):
    topic = create_topic(log)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic])

    def refuse(_: object) -> None:
        run.reader.at_poll.append(fence)
        raise RetriableError("later")

    def fence(_: object) -> None:
        raise FencedError("taken")

    run.task.on_put = refuse
    with pytest.raises(FencedError):
        run.run(lambda: False)
    assert run.task.calls.count("put") == 1
    assert run.reader.commits == []


@pytest.mark.parametrize("kept", [False, True])
def test_a_place_that_the_group_keeps_is_reported_at_the_end(log, kept):
    topic = create_topic(log)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic])
    run.reader.keeps_place = kept
    run.run(lambda: bool(run.task.values_put))
    assert run.port.lingering is kept


def test_an_error_in_open_fails_the_task_after_the_poll(log):
    topic = create_topic(log)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic])

    def fail(_: object) -> None:
        raise OSError("cannot open")

    run.task.on_open = fail
    with pytest.raises(OSError, match="cannot open"):
        run.run(lambda: False)
    assert run.task.values_put == []


def test_an_undecodable_record_names_topic_partition_and_offset(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "bad", "c"])
    run = SinkRun(log, [topic])
    with pytest.raises(ConnectError, match=f"VALUE_CONVERTER .* the record {topic}-0 at offset 1: refused: bad"):
        run.run(lambda: False)
    assert run.committed().get(TopicPartition(topic, 0), 0) == 0


def test_only_the_undecodable_record_is_skipped_when_errors_are_tolerated(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "bad", "c"])
    run = SinkRun(log, [topic], policy=ALL)
    run.run(lambda: len(run.task.values_put) == 2)
    assert run.task.values_put == ["a", "c"]
    assert run.committed() == {TopicPartition(topic, 0): 3}
    assert [failure.subject.offset for failure in run.reports.failures] == [1]  # type: ignore[union-attr]


def test_a_dropped_record_counts_as_consumed(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "drop"])
    run = SinkRun(log, [topic], steps=[Step(Upper())])
    run.run(lambda: bool(run.task.values_put))
    assert run.task.values_put == ["A"]
    assert run.committed() == {TopicPartition(topic, 0): 2}


def test_the_records_a_batch_error_names_are_reported(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "c"])
    run = SinkRun(log, [topic], policy=ALL)

    def refuse(records: SinkBatch) -> None:
        bad = {index: DataError("too long") for index, value in enumerate(records.values) if value == "b"}
        if bad:
            run.port.wanted = "STOPPED"
            raise BatchError("1 refused", bad)

    run.task.on_put = refuse
    run.run(lambda: False)
    assert [failure.subject.offset for failure in run.reports.failures] == [1]  # type: ignore[union-attr]
    assert run.reports.failures[0].stage is Stage.TASK_PUT
    assert run.committed() == {TopicPartition(topic, 0): 3}


def test_a_batch_error_that_is_not_tolerated_names_the_record(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b"])
    run = SinkRun(log, [topic])

    def refuse(records: SinkBatch) -> None:
        raise BatchError("1 refused", {list(records.values).index("b"): DataError("too long")})

    run.task.on_put = refuse
    with pytest.raises(ConnectError, match=f"{topic}-0 at offset 1: too long"):
        run.run(lambda: False)
    assert run.committed().get(TopicPartition(topic, 0), 0) == 0


def test_what_a_batch_error_repeats_of_its_first_record_is_said_once(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "b", "c"])
    run = SinkRun(log, [topic])

    def refuse(records: SinkBatch) -> None:
        bad = {at: DataError(f"{value} is too long") for at, value in enumerate(records.values) if value != "a"}
        raise BatchError("b is too long, and 1 others", bad)

    run.task.on_put = refuse
    with pytest.raises(ConnectError, match=f"{topic}-0 at offset 1: b is too long; 1 more of the batch failed") as told:
        run.run(lambda: False)
    assert str(told.value).count("b is too long") == 1


def test_a_batch_error_that_names_no_record_fails_the_task(log):
    topic = create_topic(log)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic], policy=ALL)

    def refuse(_: SinkBatch) -> None:
        raise BatchError("all of it", {})

    run.task.on_put = refuse
    with pytest.raises(ConnectError, match="named no record: all of it"):
        run.run(lambda: False)
    assert run.committed().get(TopicPartition(topic, 0), 0) == 0


def test_a_swallowed_report_still_fails_the_task(log):
    topic = create_topic(log)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic])

    def swallow(records: SinkBatch) -> None:
        for each in records:
            with pytest.raises(ConnectError, match="Tolerance exceeded"):
                run.errant.report(each, DataError("no"))

    run.task.on_put = swallow
    with pytest.raises(ConnectError, match="Tolerance exceeded"):
        run.run(lambda: False)
    assert run.committed().get(TopicPartition(topic, 0), 0) == 0


def test_original_coordinates_survive_transforms(log):
    topic = create_topic(log)
    fill(log, topic, ["a"])

    class Elsewhere(Transform[Any]):
        def apply(self, record: Any) -> Any:
            return type(record).__mro__[1]("elsewhere", 5, record.offset, record.value)

    run = SinkRun(log, [topic], steps=[Step(Elsewhere())])
    seen: list[Any] = []
    run.task.on_put = seen.extend
    run.run(lambda: bool(seen))
    assert (seen[0].topic, seen[0].partition) == ("elsewhere", 5)
    assert (seen[0].original_topic, seen[0].original_partition, seen[0].original_offset) == (topic, 0, 0)


def test_a_put_longer_than_the_poll_interval_is_explained(log, caplog):
    topic = create_topic(log)
    fill(log, topic, ["a", "b"])
    run = SinkRun(log, [topic], max_poll_interval=0.0)
    run.run(lambda: bool(run.task.values_put))
    text = caplog.text
    assert "max.poll.interval.ms" in text
    assert "max.poll.records" in text
    assert "for 2 records" in text


def test_a_sink_without_records_stops_when_it_is_told(log):
    topic = create_topic(log)
    run = SinkRun(log, [topic], task=RecordingSink())
    run.reader.at_poll = [lambda _: None, lambda _: setattr(run.port, "wanted", "STOPPED")]
    run.run(lambda: False)
    assert run.task.calls[-1] == "stop"


def test_a_group_that_does_not_answer_keeps_no_task_from_its_stop(log):
    topic = create_topic(log)
    fill(log, topic, ["a"])
    run = SinkRun(log, [topic], stop_timeout=0.1)
    run.reader.hold_answers = True
    run.run(lambda: run.task.values_put == ["a"])
    assert run.task.calls[-2:] == ["close", "stop"]
    assert run.loop._commits.counts()["offset-commit-failure-total"] == 1
    assert run.reader.close_timeouts == [0.1]
