"""What the source loop promises, on any log: imported by test modules that define the fixture ``log``."""

from __future__ import annotations

from typing import Any

import pytest

from linkspan.api.errors import ConnectError, RetriableError
from linkspan.api.headers import Header, Headers
from linkspan.api.records import SourceBatch, SourceRecord
from linkspan.task import source
from linkspan.task.acknowledged import FlushTimes
from linkspan.task.chain import Step
from linkspan.task.tolerance import ErrorPolicy, Stage
from tests.task.harness import (
    BatchSource,
    NotifiedSource,
    SinkRun,
    SourceRun,
    Starts,
    Upper,
    content,
    create_topic,
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


def test_a_source_batch_arrives_in_order_and_its_last_offset_is_committed_at_the_end(log):
    topic = create_topic(log)
    run = SourceRun(log, [batch(topic, 0, 3), batch(topic, 3, 2)]).run()
    assert content(log, topic) == ["v0", "v1", "v2", "v3", "v4"]
    assert run.port.commits == [[(FILE, {"position": 5})]]
    assert (run.task.commits, run.task.stopped, run.writer.closed) == (1, 1, True)
    assert set(run.port.topics) == {topic}


def test_a_topic_that_a_source_goes_on_writing_to_is_named_again(log, monkeypatch):
    monkeypatch.setattr(source, "_METRICS_INTERVAL", 0.0)
    topic = create_topic(log)
    run = SourceRun(log, [batch(topic, 0, 1), None, batch(topic, 1, 1)]).run()
    assert content(log, topic) == ["v0", "v1"]
    assert run.port.topics == [topic, topic]


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
    run.delivery._times = FlushTimes(3600.0, 5.0, stop_timeout=0.1)
    run.run()
    assert run.port.commits == []
    assert (run.task.stopped, run.writer.closed) == (1, True)
    assert run.writer.close_timeouts == [0.0], "what was not acknowledged is read again: nobody waits for it"


def test_a_failed_commit_of_offsets_is_made_up_for_by_the_next_one(log):
    topic = create_topic(log)
    run = SourceRun(log, [batch(topic, 0, 1), lambda: None])
    run.port.commit_errors = [RetriableError("worker busy")]
    run.delivery._times = FlushTimes(0.0, 5.0)
    run.run()
    assert run.port.commits == [[(FILE, {"position": 1})]]


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


def test_commit_batch_hears_of_a_poll_when_all_of_it_is_acknowledged_or_dropped(log):
    topic = create_topic(log)
    run = SourceRun(log, [], policy=ALL, task_class=BatchSource, steps=[Step(Upper())])
    polled = [batch(topic, 0, 2), [record(topic, "bad", 3), record(topic, "c", 4)], [record(topic, "drop", 5)]]

    def hold() -> Any:
        run.writer.hold = True
        return polled[0]

    def still_held() -> Any:
        assert run.task.batches == []
        return polled[1]

    def release() -> Any:
        assert run.task.batches == []
        run.writer.hold = False
        return polled[2]

    run.task.script = [hold, still_held, release, None]
    run.run()
    assert [id(each) for each in run.task.batches] == [id(each) for each in polled]


def test_commit_batch_hears_of_nothing_before_the_letters_about_it_are_safe(log):
    topic, queue = create_topic(log), create_topic(log)
    run = SourceRun(log, [], policy=ALL, task_class=BatchSource, dead_letters=queue)
    polled = [record(topic, "bad", 1)]

    def hold() -> Any:
        run.writer.hold = True
        return polled

    def release() -> None:
        assert run.task.batches == []
        run.writer.hold = False

    run.task.script = [hold, None, release, None]
    run.run()
    assert run.task.batches == [polled]
    assert len(content(log, queue)) == 1


def test_what_was_not_acknowledged_at_the_end_is_not_told_of(log):
    topic = create_topic(log)
    run = SourceRun(log, [], task_class=BatchSource)

    def hold() -> Any:
        run.writer.hold = True
        return batch(topic, 0, 1)

    run.task.script = [hold]
    run.run()
    assert run.task.batches == []


@pytest.mark.parametrize("task_class", [NotifiedSource, BatchSource])
def test_a_task_that_waits_to_be_told_of_records_is_asked_again_when_they_arrive(log, task_class):
    topic = create_topic(log)
    run = SourceRun(log, [], task_class=task_class)

    def hold() -> SourceBatch:
        run.writer.hold = True
        return batch(topic, 0, 1)

    def release() -> None:
        run.writer.hold = False

    run.task.script = [hold, None, None, None, None, None, release, None]
    run.run()
    assert run.port.waits == []
    assert [timeout for timeout in run.writer.polled if timeout] == [source._EMPTY_POLL_PAUSE] * 6


@pytest.mark.parametrize("as_batch", [True, False])
def test_records_without_an_offset_store_none(log, as_batch):
    topic = create_topic(log)
    polled = SourceBatch(FILE, [None, None], topic, ["a", "b"])
    run = SourceRun(log, [polled if as_batch else list(polled)]).run()
    assert content(log, topic) == ["a", "b"]
    assert run.port.stored == {}


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
    run = SourceRun(log, [], interval=0)

    def pause() -> SourceBatch:
        run.port.wanted = "PAUSED"
        return batch(topic, 0, 1)

    def resume() -> None:
        assert run.task.polls == 1
        assert run.port.commits == [[(FILE, {"position": 1})]]
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
