"""Two tasks share the work, also when one of them dies, or sleeps and wakes up late."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any, Final

from linkspan.api import Guarantee
from linkspan.testing.cases.case import Case
from linkspan.testing.faults import Fault
from linkspan.testing.trial import CaseSkippedError, Trial

__all__ = ["CASES"]

_LATE_SECONDS: Final = 2.0
"""So long after the one task of a sink the other may come with the same."""
_SHORT_POLL_INTERVAL: Final = {"consumer.override.max.poll.interval.ms": "2000"}


def _two_tasks(trial: Trial[Any], fault: Fault | None = None, more: Mapping[str, str] | None = None) -> None:
    trial.start(fault, {"tasks.max": "2", **(more or {})})
    if trial.worker.task_count(trial.name) < 2:
        raise CaseSkippedError("The connector makes only one task")
    for task in range(2):
        trial.running(task)


def two_tasks(trial: Trial[Any]) -> None:
    """Two tasks together do what one would."""
    polls = trial.watch_polls(2)
    _two_tasks(trial)
    trial.feed(30)
    trial.arrive()
    if polls:
        trial.polled(polls)
    else:
        trial.worker.wait(lambda: trial.account().duplicates, _LATE_SECONDS)
    trial.close()
    trial.judge(repeats=False)


def one_dies(trial: Trial[Any]) -> None:
    """The other one takes over its partitions, and gives them back when it returns."""
    _two_tasks(trial)
    trial.feed(20)
    trial.arrive()
    trial.worker.kill_task(trial.name, 1)
    trial.feed(20)
    trial.arrive()
    trial.worker.restart_task(trial.name, 1)
    trial.feed(20)
    trial.arrive()
    trial.close()
    trial.judge(loss=True)


def one_sleeps(trial: Trial[Any]) -> None:
    """A task that wakes up after its partitions went to the other one writes nothing of them."""
    if trial.guarantee is not Guarantee.EXACTLY_ONCE:
        raise CaseSkippedError("Only a sink that stores offsets with its data can tell a late task from its successor")
    fault = trial.fault("put", "before", "freeze")
    _two_tasks(trial, fault, _SHORT_POLL_INTERVAL)
    try:
        trial.feed(20)
        trial.reached(fault)
        trial.arrive()
    finally:
        trial.worker.kill_task(trial.name, 0, signal.SIGCONT)
    trial.feed(20)
    trial.arrive()
    trial.close()
    trial.judge()


CASES: Final = (
    Case("sharing.two-tasks", two_tasks),
    Case("sharing.one-dies", one_dies, ("sink",)),
    Case("sharing.one-sleeps", one_sleeps, ("sink",)),
)
