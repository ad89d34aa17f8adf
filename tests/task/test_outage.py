from __future__ import annotations

from linkspan.api.errors import OutageError, ThrottledError
from linkspan.task.outage import Outage


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def test_pauses_grow_up_to_a_limit():
    clock = Clock()
    outage = Outage("It", clock)
    pauses = []
    for _ in range(12):
        outage.failed(OutageError("x"))
        pauses.append(outage.pause)
        clock.now += outage.pause
    assert 0.3 <= pauses[0] <= 0.36
    assert all(10 <= pause <= 12 for pause in pauses[6:])


def test_a_system_that_says_when_to_come_back_is_obeyed():
    outage = Outage("It", Clock())
    outage.failed(ThrottledError("slow down", retry_after=42))
    assert outage.pause == 42


def test_there_is_one_warning_then_rare_ones_and_one_at_the_end(caplog):
    clock = Clock()
    outage = Outage("Task c-0", clock)
    outage.over()
    end = clock.now + 3600
    while clock.now < end:
        outage.failed(OutageError("registry away"))
        clock.now += 5
    outage.over()
    outage.over()
    assert caplog.messages[0] == "Task c-0 is held up, and goes on by itself: registry away"
    assert caplog.messages[1] == "Task c-0 has been held up for 60 s: registry away"
    assert caplog.messages[-1] == "Task c-0 goes on after 3600.0 s"
    assert 8 <= len(caplog.messages) <= 14


def test_durations_add_up():
    clock = Clock()
    outage = Outage("It", clock)
    for _ in range(2):
        outage.failed(OutageError("x"))
        clock.now += 7
        assert outage.lasts
        outage.over()
        clock.now += 100
    assert outage.counts() == {"outages": 2, "outage-seconds": 14.0}
    assert (outage.lasts, outage.pause) == (False, 0.0)
