"""SIGKILL of the task's process: at the boundary of every call, and at random moments."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, Final

from linkspan.testing.cases.case import Case
from linkspan.testing.faults import When
from linkspan.testing.trial import Trial

__all__ = ["CASES"]

_SOURCE_CALLS: Final = ("start", "poll", "send", "commit_offsets", "commit_transaction", "commit", "stop")
_SINK_CALLS: Final = (
    *("start", "open", "stored_offsets", "put", "flush", "pre_commit", "commit_group", "close", "stop"),
)
_AT_THE_END: Final = frozenset({"close", "stop"})
_SEVERAL: Final = frozenset({"put"})
_KILLS: Final = 4


def _kill_at(point: str, when: When, trial: Trial[Any]) -> None:
    count = trial.random.randint(1, 2) if point in _SEVERAL else 1
    trial.refuse_what_is_not_called(point)
    fault = trial.fault(point, when, "kill", count)
    trial.details["count"] = count
    trial.feed(20)
    trial.start(fault)
    if point in _AT_THE_END:
        trial.arrive()
        trial.worker.restart_task(trial.name)
        trial.reached(fault)
    else:
        trial.reached(fault)
        trial.dead()
        trial.worker.restart_task(trial.name)
    trial.feed(10)
    trial.arrive()
    trial.close()
    # what was sent is acknowledged when offsets are stored: a source that reads on from them repeats nothing
    trial.judge(loss=True, repeats=(point, when) != ("commit_offsets", "after"))


def at_random_moments(trial: Trial[Any]) -> None:
    """Whatever the task was doing."""
    trial.start()
    for turn in range(_KILLS):
        trial.feed(15)
        time.sleep(trial.random.uniform(0.0, 0.25))
        trial.worker.kill_task(trial.name)
        trial.dead()
        trial.worker.restart_task(trial.name)
        if turn % 2:
            trial.arrive()  # a record where a task dies again and again would be taken for the reason
    trial.close()
    trial.judge(loss=True)


def _cases() -> list[Case]:
    sides: tuple[When, When] = ("before", "after")
    cases = [
        Case(f"kill.{when}-{point}", partial(_kill_at, point, when), ("source",))
        for point in _SOURCE_CALLS
        for when in sides
    ]
    cases += [
        Case(f"kill.{when}-{point}", partial(_kill_at, point, when), ("sink",))
        for point in _SINK_CALLS
        for when in sides
    ]
    return cases


CASES: Final = (*_cases(), Case("kill.at-random-moments", at_random_moments))
