"""What the source loop says about records that wait, and does about records that cannot be."""

from __future__ import annotations

import logging

import pytest

from linkspan.api.errors import ConnectError, RetriableError
from linkspan.task.tolerance import Stage
from tests.task.harness import NotifiedSource, SourceRun, content
from tests.task.memory_log import MemoryLog
from tests.task.source_semantics import ALL, FILE, batch, record


@pytest.fixture
def warnings(caplog):
    caplog.set_level(logging.WARNING, "linkspan.task.source")
    return lambda: [line.getMessage() for line in caplog.records if "could not be sent" in line.getMessage()]


def on_a_virtual_clock(run: SourceRun) -> SourceRun:
    now = 0.0

    def wait() -> None:
        nonlocal now
        now += run.port.waits[-1]

    run.port.on_wait = wait
    run.delivery._outbox._clock = lambda: now
    return run


def test_a_short_wait_for_room_is_not_warned_of_however_often(warnings):
    run = on_a_virtual_clock(SourceRun(MemoryLog(), []))

    def full() -> list[object]:
        run.writer.errors = [RetriableError("no room")]
        return [record("t", "x", 1)]

    run.task.script = [full] * 400
    run.run()
    assert warnings() == []


def test_a_long_wait_is_warned_of_after_a_while_and_then_every_half_minute(warnings):
    run = on_a_virtual_clock(SourceRun(MemoryLog(), [[record("t", "x", 1)]]))
    run.writer.errors = [RetriableError("no room")] * 700
    run.run()
    assert [line.split(" s,")[0] for line in warnings()] == [
        f"1 records for topic t could not be sent for {seconds}" for seconds in (5, 35, 65)
    ]


def test_one_long_wait_after_the_other_is_not_warned_of_each_time(warnings):
    run = on_a_virtual_clock(SourceRun(MemoryLog(), []))

    def full() -> list[object]:
        run.writer.errors = [RetriableError("no room")] * 60
        return [record("t", "x", 1)]

    run.task.script = [full] * 4
    run.run()
    assert len(warnings()) == 1


class Sulking(NotifiedSource):
    def commit_record(self, record, metadata):
        super().commit_record(record, metadata)
        raise ValueError("no")


def test_what_commit_record_raises_about_a_dropped_record_is_only_logged(caplog):
    run = SourceRun(MemoryLog(), [[record("t", "bad", 1), record("t", "good", 2)]], policy=ALL, task_class=Sulking)
    run.run()
    assert run.task.notified == [("bad", None), ("good", 0)]
    assert [line.getMessage() for line in caplog.records].count(
        "Exception thrown while calling task.commit_record()"
    ) == 2


IMPOSSIBLE = [
    {"timestamp": 1_700_000_000_000.5},
    {"timestamp": "1700000000000"},
    {"timestamp": True},
    {"timestamp": -2},
    {"timestamp": 2**63},
    {"partition": "0"},
    {"partition": -1},
    {"partition": 2**31},
]


@pytest.mark.parametrize("more", IMPOSSIBLE, ids=str)
def test_a_record_whose_place_or_time_is_impossible_is_skipped_when_errors_are_tolerated(more):
    log, topic = MemoryLog(), "t"
    records = [record(topic, "a", 1), record(topic, "b", 2, **more), record(topic, "c", 3)]
    run = SourceRun(log, [records], policy=ALL, task_class=NotifiedSource).run()
    assert content(log, topic) == ["a", "c"]
    assert run.port.commits == [[(FILE, {"position": 3})]]
    assert [failure.stage for failure in run.reports.failures] == [Stage.KAFKA_PRODUCE]
    assert ("b", None) in run.task.notified


@pytest.mark.parametrize("more", IMPOSSIBLE, ids=str)
def test_a_record_whose_place_or_time_is_impossible_is_named(more):
    log, topic = MemoryLog(), "t"
    run = SourceRun(log, [[record(topic, "a", 1), record(topic, "b", 2, **more)]])
    with pytest.raises(ConnectError, match=r"KAFKA_PRODUCE.*'position': 2.*Invalid (record timestamp|partition)"):
        run.run()


def test_impossible_timestamps_of_a_source_batch_are_found():
    log, topic = MemoryLog(), "t"
    polled = batch(topic, 0, 3)
    polled.timestamps = [1, 2.5, -1]
    SourceRun(log, [polled], policy=ALL).run()
    assert content(log, topic) == ["v0", "v2"]


def test_offsets_are_not_stored_when_the_log_cannot_say_that_their_records_are_safe(monkeypatch):
    run = SourceRun(MemoryLog(), [batch("t", 0, 2)])

    def fail(_timeout: float) -> bool:
        raise ConnectError("the disk failed")

    monkeypatch.setattr(run.writer, "flush", fail)
    run.run()
    assert run.port.commits == []
    assert run.task.stopped == 1
