"""How a sink takes records that are suspected of killing its process, on any log: imported by test modules that define
the fixture ``log``.
"""

from __future__ import annotations

from typing import Any

import pytest

from linkspan.api.errors import ConnectError, ProcessDied, RetriableError
from linkspan.api.records import SinkBatch, TopicPartition
from linkspan.task.suspects import Culprit, Span, Suspects
from linkspan.task.tolerance import ErrorPolicy, Stage
from tests.task.harness import SinkRun, create_topic, fill

ALL = ErrorPolicy(tolerate_all=True)


def suspected(topic: str, begin: int, end: int, partition: int = 0) -> Suspects:
    return Suspects((Span(topic, partition, begin, end),))


def convicted(topic: str, offset: int, call: str = "put") -> Suspects:
    return Suspects((), (Culprit(Span(topic, 0, offset, offset + 1), call, "SIGSEGV"),))


def in_put(run: SinkRun) -> list[list[tuple[Any, ...]]]:
    """What was noted to be in flight when put was called."""
    return [spans for call, spans, _ in run.port.flights if call == "put"]


def test_suspects_come_alone_and_the_others_as_ever(log):
    topic = create_topic(log)
    fill(log, topic, range(20))
    run = SinkRun(log, [topic], suspects=suspected(topic, 6, 9))
    run.run(lambda: len(run.task.values_put) == 20)
    assert run.task.values_put == [str(n) for n in range(20)]
    around = [size for size in run.task.batches if size]
    assert [size for size in around if size > 1]
    place = TopicPartition(topic, 0)
    assert [spans for spans in in_put(run) if spans[0][2] in {6, 7, 8}] == [[(topic, 0, n, n + 1)] for n in (6, 7, 8)]
    assert [each[place] for each in run.reader.commits][:4] == [6, 7, 8, 9]


def test_everything_before_a_suspect_is_committed_when_it_is_put(log):
    topic = create_topic(log)
    fill(log, topic, range(10))
    run = SinkRun(log, [topic], suspects=suspected(topic, 0, 10))
    before: list[int | None] = []
    run.task.on_put = lambda records: before.extend(run.committed().get(TopicPartition(topic, 0), 0) for _ in records)
    run.run(lambda: len(run.task.values_put) == 10)
    assert before == list(range(10))


def test_the_worker_is_told_when_suspects_are_behind_the_committed_offsets(log):
    topic = create_topic(log)
    fill(log, topic, range(10))
    run = SinkRun(log, [topic], suspects=suspected(topic, 2, 4))
    run.run(lambda: len(run.task.values_put) == 10)
    assert run.port.passed_spans == [Span(topic, 0, 2, 4)]


def test_suspects_of_several_partitions_come_alone_each(log):
    topic = create_topic(log, 2)
    fill(log, topic, range(5), 0)
    fill(log, topic, range(5), 1)
    suspects = Suspects((Span(topic, 0, 1, 3), Span(topic, 1, 2, 4)))
    run = SinkRun(log, [topic], suspects=suspects)
    run.run(lambda: len(run.task.values_put) == 10)
    alone = {spans[0][:3] for spans in in_put(run) if len(spans) == 1 and spans[0][3] == spans[0][2] + 1}
    assert alone >= {(topic, 0, 1), (topic, 0, 2), (topic, 1, 2), (topic, 1, 3)}
    assert sorted(run.port.passed_spans) == sorted(suspects.spans)
    assert sorted(run.task.places) == [(topic, p, n) for p in range(2) for n in range(5)]


def test_suspects_of_a_partition_that_another_task_has_do_not_matter(log):
    topic = create_topic(log)
    fill(log, topic, range(20))
    run = SinkRun(log, [topic], suspects=suspected("elsewhere", 0, 20))
    run.run(lambda: len(run.task.values_put) == 20)
    assert max(run.task.batches) > 1
    assert run.port.passed_spans == []


def test_a_culprit_is_skipped_reported_and_passed_where_errors_are_tolerated(log):
    topic = create_topic(log)
    fill(log, topic, range(6))
    run = SinkRun(log, [topic], policy=ALL, suspects=convicted(topic, 3))
    run.run(lambda: len(run.task.values_put) == 5)
    assert run.task.values_put == ["0", "1", "2", "4", "5"]
    (failure,) = run.reports.failures
    assert isinstance(failure.error, ProcessDied)
    assert "SIGSEGV" in str(failure.error)
    assert (failure.stage, failure.subject.offset) == (Stage.TASK_PUT, 3)
    assert failure.subject.batch.values[failure.subject.at] == b"3"
    assert run.committed() == {TopicPartition(topic, 0): 6}
    assert run.port.passed_spans == [Span(topic, 0, 3, 4)]


def test_a_culprit_fails_the_task_where_errors_are_not_tolerated_and_what_is_before_it_is_committed(log):
    topic = create_topic(log)
    fill(log, topic, range(6))
    run = SinkRun(log, [topic], suspects=convicted(topic, 3))
    with pytest.raises(ConnectError, match=f"{topic}-0 at offset 3"):
        run.run(lambda: False)
    assert run.task.values_put == ["0", "1", "2"]
    assert len(run.reports.failures) == 1
    assert run.committed() == {TopicPartition(topic, 0): 3}
    assert run.port.passed_spans == []


def test_a_culprit_of_the_conversion_is_not_converted(log):
    topic = create_topic(log)
    fill(log, topic, ["a", "bad", "c"])
    run = SinkRun(log, [topic], policy=ALL, suspects=convicted(topic, 1, "conversion"))
    run.run(lambda: len(run.task.values_put) == 2)
    (failure,) = run.reports.failures
    assert isinstance(failure.error, ProcessDied)
    assert failure.stage is Stage.VALUE_CONVERTER


def test_a_suspect_that_has_to_be_put_again_stays_alone(log):
    topic = create_topic(log)
    fill(log, topic, range(4))
    run = SinkRun(log, [topic], suspects=suspected(topic, 1, 3))
    refusals = [RetriableError("not now"), RetriableError("not yet")]

    def put(records: SinkBatch) -> None:
        if len(records) and records[0].offset == 1 and refusals:
            raise refusals.pop()

    run.task.on_put = put
    run.run(lambda: len(run.task.values_put) == 4)
    assert run.task.values_put == ["0", "1", "2", "3"]
    assert [spans for spans in in_put(run) if spans[0][2] == 1] == [[(topic, 0, 1, 2)]] * 3


def test_a_pause_among_suspects_changes_nothing(log):
    topic = create_topic(log)
    fill(log, topic, range(4))
    run = SinkRun(log, [topic], suspects=suspected(topic, 0, 4))

    def put(records: SinkBatch) -> None:
        if len(records) and records[0].offset == 1:
            run.port.wanted = "PAUSED"
            run.reader.at_poll = [lambda _: None, lambda _: setattr(run.port, "wanted", "STARTED")]

    run.task.on_put = put
    run.run(lambda: len(run.task.values_put) == 4)
    assert run.task.values_put == ["0", "1", "2", "3"]
    assert "PAUSED" in run.port.statuses
    assert run.port.passed_spans == [Span(topic, 0, 0, 4)]


def test_a_partition_that_is_lost_among_suspects_is_read_on_from_what_is_committed(log):
    topic = create_topic(log)
    fill(log, topic, range(6))
    place = TopicPartition(topic, 0)
    first = SinkRun(log, [topic], suspects=suspected(topic, 0, 6))
    first.run(lambda: len(first.task.values_put) == 3)
    assert first.committed() == {place: 3}
    second = SinkRun(log, [topic], group=first.group, suspects=suspected(topic, 0, 6))
    second.run(lambda: len(second.task.values_put) == 3)
    assert second.task.values_put == ["3", "4", "5"]


def test_a_rebalance_among_suspects_goes_on_with_the_next_one_alone(log):
    topic = create_topic(log)
    fill(log, topic, range(6))
    place = TopicPartition(topic, 0)
    run = SinkRun(log, [topic], suspects=suspected(topic, 1, 5))

    def away_and_back(listener: Any) -> None:
        listener.on_revoked([place])
        listener.on_assigned([place])

    def put(records: SinkBatch) -> None:
        if len(records) and records[0].offset == 2:
            run.reader.at_poll = [away_and_back]

    run.task.on_put = put
    run.run(lambda: len(run.task.values_put) == 6)
    assert run.task.values_put == [str(n) for n in range(6)]
    assert run.task.closed[0] == [place]
    assert [spans for spans in in_put(run) if 1 <= spans[0][2] < 5] == [[(topic, 0, n, n + 1)] for n in range(1, 5)]
    assert run.port.passed_spans == [Span(topic, 0, 1, 5)]


def test_what_a_task_holds_back_stays_in_flight_so_that_no_innocent_is_blamed(log):
    topic = create_topic(log)
    fill(log, topic, range(4))
    run = SinkRun(log, [topic], suspects=suspected(topic, 0, 4))
    run.task.accept = lambda _: {}
    run.run(lambda: len(run.task.values_put) == 4)
    assert in_put(run) == [[(topic, 0, 0, n + 1)] for n in range(4)]


def test_what_is_in_flight_is_noted_and_the_note_is_taken_back(log):
    topic = create_topic(log)
    fill(log, topic, range(5))
    run = SinkRun(log, [topic])
    seen: list[tuple[Any, ...]] = []

    def look(records: SinkBatch) -> None:
        if len(records):
            seen.append(run.port.flights[-1])

    run.task.on_put = look
    run.run(lambda: len(run.task.values_put) == 5)
    assert [(call, alone) for call, _, alone in seen] == [("put", False)] * len(seen)
    assert (seen[0][1][0][2], seen[-1][1][0][3]) == (0, 5)
    assert ("pre_commit", [(topic, 0, 0, 5)], False) in run.port.flights
    assert run.port.flights[-1] == ("", [], False)
