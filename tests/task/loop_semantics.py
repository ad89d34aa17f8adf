"""What the two loops promise, on any log: imported by test modules that define the fixture ``log``."""

from __future__ import annotations

from typing import Any

import pytest

from linkspan.api.errors import BatchError, ConnectError, DataError, RetriableError
from linkspan.api.headers import Header, Headers
from linkspan.api.records import SinkBatch, SourceBatch, SourceRecord, TopicPartition
from linkspan.api.transform import Predicate, Transform
from linkspan.task.chain import Step
from linkspan.task.tolerance import ErrorPolicy, Stage
from tests.task.harness import (
    NEVER,
    NotifiedSource,
    RecordingSink,
    SinkRun,
    SourceRun,
    content,
    create_topic,
    fill,
)

FILE = {"file": "a"}
ALL = ErrorPolicy(tolerate_all=True)


def batch(topic: str, first: int, count: int, values: list[object] | None = None) -> SourceBatch:
    """Records with offsets first+1 … first+count."""
    numbers = range(first, first + count)
    return SourceBatch(
        FILE,
        [{"position": number + 1} for number in numbers],
        topic,
        values or [f"v{number}" for number in numbers],
    )


def record(topic: str, value: object, position: int, file: str = "a", **more: Any) -> SourceRecord:
    return SourceRecord({"file": file}, {"position": position}, topic, value, **more)


class Upper(Transform[Any]):
    def apply(self, record: Any) -> Any:
        if record.value == "drop":
            return None
        if record.value == "boom":
            raise ValueError("boom in transform")
        record.value = str(record.value).upper()
        return record


class Starts(Predicate[Any]):
    def test(self, record: Any) -> bool:
        return str(record.value).startswith("x")


# -- source ---------------------------------------------------------------------------------------------------------


def test_a_source_batch_arrives_in_order_and_its_last_offset_is_committed_at_the_end(log):
    topic = create_topic(log)
    run = SourceRun(log, [batch(topic, 0, 3), batch(topic, 3, 2)]).run()
    assert content(log, topic) == ["v0", "v1", "v2", "v3", "v4"]
    assert run.port.commits == [[(FILE, {"position": 5})]]
    assert (run.task.commits, run.task.stopped, run.writer.closed) == (1, 1, True)
    assert run.port.topics == [topic]


def test_records_of_several_topics_keep_their_order_per_topic(log):
    one, two = create_topic(log), create_topic(log)
    records = [record(one if number % 2 else two, f"v{number}", number) for number in range(6)]
    run = SourceRun(log, [records]).run()
    assert content(log, one) == ["v1", "v3", "v5"]
    assert content(log, two) == ["v0", "v2", "v4"]
    assert run.port.commits == [[(FILE, {"position": 5})]]


def test_each_source_partition_has_its_own_offset(log):
    topic = create_topic(log)
    run = SourceRun(log, [[record(topic, "1", 1, "a"), record(topic, "2", 9, "b"), record(topic, "3", 2, "a")]]).run()
    assert sorted(run.port.commits[0], key=str) == [({"file": "a"}, {"position": 2}), ({"file": "b"}, {"position": 9})]


def test_key_partition_timestamp_and_headers_arrive(log):
    topic = create_topic(log, 2)
    given = record(topic, "v", 1, key="k", partition=1, timestamp=1_700_000_000_000)
    given.headers = Headers([Header("h", "x")])
    SourceRun(log, [[given, record(topic, "w", 2, partition=1, timestamp=-1)]]).run()
    seen: list[Any] = []
    run = SinkRun(log, [topic])
    run.task.on_put = seen.extend
    run.run(lambda: len(seen) == 2)
    assert (seen[0].key, seen[0].partition, seen[0].timestamp) == ("k", 1, 1_700_000_000_000)
    assert [(header.key, header.value) for header in seen[0].headers] == [("h", "x")]
    assert (seen[1].value, list(seen[1].headers)) == ("w", [])


def test_an_offset_is_not_committed_before_its_acknowledgement(log):
    topic = create_topic(log)
    run = SourceRun(log, [], interval=0)

    def hold() -> SourceBatch:
        run.writer.hold = True
        return batch(topic, 0, 2)

    def still_held() -> None:
        assert run.port.commits == []

    def release() -> None:
        run.writer.hold = False

    run.task.script = [hold, still_held, still_held, release]
    run.run()
    assert run.port.commits == [[(FILE, {"position": 2})]]


def test_acknowledgements_missing_at_the_end_keep_the_offset_uncommitted(log):
    topic = create_topic(log)
    run = SourceRun(log, [])

    def hold() -> SourceBatch:
        run.writer.hold = True
        return batch(topic, 0, 2)

    run.task.script = [hold]
    run.run()
    assert run.port.commits == []


def test_a_failed_commit_of_offsets_is_made_up_for_by_the_next_one(log):
    topic = create_topic(log)
    run = SourceRun(log, [batch(topic, 0, 1), lambda: None])
    run.port.commit_errors = [RetriableError("worker busy")]
    run.loop._settings = type(run.loop._settings)(0.0, 5.0)
    run.run()
    assert run.port.commits == [[(FILE, {"position": 1})]]


def test_offsets_are_committed_when_the_worker_asks(log):
    topic = create_topic(log)
    run = SourceRun(log, [])

    def ask() -> None:
        run.port.commit_now = True

    def see() -> None:
        assert run.port.commits == [[(FILE, {"position": 1})]]

    run.task.script = [batch(topic, 0, 1), ask, see]
    run.run()


def test_the_task_is_stopped_whatever_happens_to_its_last_commit(log):
    topic = create_topic(log)
    run = SourceRun(log, [batch(topic, 0, 1)])
    run.port.commit_errors = [OSError("channel closed")]
    with pytest.raises(OSError, match="channel closed"):
        run.run()
    assert (run.task.stopped, run.writer.closed) == (1, True)


def test_commit_record_hears_of_every_record_only_if_overridden(log):
    topic = create_topic(log)
    run = SourceRun(log, [batch(topic, 0, 2), [record(topic, "bad", 3)]], policy=ALL, task_class=NotifiedSource).run()
    assert run.task.notified == [("v0", 0), ("v1", 1), ("bad", None)]


def test_a_retriable_poll_error_leaves_the_task_running(log):
    topic = create_topic(log)
    run = SourceRun(log, [RetriableError("away"), RetriableError("away"), batch(topic, 0, 1)]).run()
    assert content(log, topic) == ["v0"]
    assert run.port.waits[:2] == [0.1, 0.2]


def test_any_other_poll_error_ends_the_task_after_committing_what_was_acknowledged(log):
    topic = create_topic(log)
    run = SourceRun(log, [batch(topic, 0, 2), ValueError("broken")])
    with pytest.raises(ValueError, match="broken"):
        run.run()
    assert run.port.commits == [[(FILE, {"position": 2})]]
    assert run.task.stopped == 1


def test_a_retriable_send_error_sends_the_same_batch_again(log):
    topic = create_topic(log)
    run = SourceRun(log, [batch(topic, 0, 2), batch(topic, 2, 1)])
    run.writer.errors = [RetriableError("buffer"), RetriableError("buffer")]
    run.run()
    assert content(log, topic) == ["v0", "v1", "v2"]


def test_a_refused_record_fails_the_task_and_its_offset_stays(log):
    topic = create_topic(log)
    run = SourceRun(log, [batch(topic, 0, 1), batch(topic, 1, 1), lambda: None])
    run.writer.refuse = lambda value: value == b"v1"
    with pytest.raises(ConnectError, match=r"Unrecoverable exception from producer send callback.*too large"):
        run.run()
    assert run.port.commits == [[(FILE, {"position": 1})]]
    assert [failure.stage for failure in run.reports.failures] == [Stage.KAFKA_PRODUCE]


def test_a_refused_record_is_skipped_when_errors_are_tolerated(log):
    topic = create_topic(log)
    run = SourceRun(log, [batch(topic, 0, 1), batch(topic, 1, 1)], policy=ALL, task_class=NotifiedSource)
    run.writer.refuse = lambda value: value == b"v1"
    run.run()
    assert run.port.commits == [[(FILE, {"position": 2})]]
    assert run.task.notified == [("v0", 0), ("v1", None)]


@pytest.mark.parametrize("whole", [True, False])
def test_the_culprit_of_a_failed_batch_is_named(log, whole):
    topic = create_topic(log)
    polled = batch(topic, 0, 3, ["a", "bad", "c"])
    run = SourceRun(log, [polled if whole else list(polled)])
    with pytest.raises(ConnectError, match=r"Tolerance exceeded in error handler.*'position': 2"):
        run.run()
    assert content(log, topic) == []
    assert run.port.commits == []


@pytest.mark.parametrize("whole", [True, False])
def test_only_the_culprit_is_skipped_when_errors_are_tolerated(log, whole):
    topic = create_topic(log)
    polled = batch(topic, 0, 3, ["a", "bad", "c"])
    run = SourceRun(log, [polled if whole else list(polled)], policy=ALL).run()
    assert content(log, topic) == ["a", "c"]
    assert run.port.commits == [[(FILE, {"position": 3})]]
    assert [failure.stage for failure in run.reports.failures] == [Stage.VALUE_CONVERTER]


def test_offsets_of_dropped_records_go_with_later_ones_only(log):
    topic = create_topic(log)
    run = SourceRun(log, [[record(topic, "a", 1), record(topic, "bad", 2)], [record(topic, "bad", 3)]], policy=ALL)
    run.run()
    assert run.port.commits == [[(FILE, {"position": 1})]]


def test_a_retriable_conversion_is_repeated_within_its_time(log):
    topic = create_topic(log)
    run = SourceRun(log, [batch(topic, 0, 2)], policy=ErrorPolicy(retry_timeout_ms=-1))
    run.text.flaky = 3
    run.run()
    assert content(log, topic) == ["v0", "v1"]
    assert run.port.waits[0] == 0.3


def test_transforms_change_and_drop_records_and_predicates_choose(log):
    topic = create_topic(log)
    steps = [Step(Upper()), Step(Upper(), Starts(), negate=True)]
    run = SourceRun(log, [[record(topic, "a", 1), record(topic, "drop", 2)]], steps=steps).run()
    assert content(log, topic) == ["A"]
    assert run.port.commits == [[(FILE, {"position": 1})]]


def test_a_failing_transform_is_named(log):
    topic = create_topic(log)
    with pytest.raises(ConnectError, match=r"TRANSFORMATION with class '.*Upper' failed.*boom in transform"):
        SourceRun(log, [batch(topic, 0, 1, ["boom"])], steps=[Step(Upper())]).run()


def test_a_paused_source_does_not_poll_but_commits(log):
    topic = create_topic(log)
    run = SourceRun(log, [])

    def pause() -> SourceBatch:
        run.port.wanted = "PAUSED"
        run.port.commit_now = True
        return batch(topic, 0, 1)

    def resume() -> None:
        assert run.task.polls == 1
        run.port.wanted = "STARTED"

    run.port.on_wait = resume
    run.task.script = [pause]
    run.run()
    assert run.port.statuses == ["PAUSED", "RUNNING"]
    assert run.port.commits == [[(FILE, {"position": 1})]]


def test_empty_polls_that_do_not_block_are_slowed_down(log):
    run = SourceRun(log, [None] * 20)
    run.run()
    assert len(run.port.waits) >= 15


def test_topics_are_made_sure_of_before_sending_and_asked_again_when_retriable(log):
    topic = create_topic(log)
    asked: list[str] = []

    def ensure(name: str) -> None:
        asked.append(name)
        if len(asked) == 1:
            raise RetriableError("no controller")

    SourceRun(log, [batch(topic, 0, 1)], ensure_topic=ensure).run()
    assert asked == [topic, topic]
    assert content(log, topic) == ["v0"]


# -- sink -----------------------------------------------------------------------------------------------------------


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
    assert run.port.topics == [topic]


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


def test_put_gets_large_batches_when_the_task_takes_them(log):
    topic = create_topic(log)
    fill(log, topic, range(3000))
    run = SinkRun(log, [topic], max_poll_records=None)
    run.run(lambda: len(run.task.values_put) == 3000)
    assert run.reader.most_records[-1] == 20_000


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
        assert run.task.values_put == ["b"]
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
    assert run.loop._commits_skipped >= 1
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
