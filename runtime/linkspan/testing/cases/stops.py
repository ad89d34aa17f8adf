"""A stop that arrives while any call is on its way: the task ends by itself, in time, and loses nothing."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from linkspan.testing.cases.case import Case
from linkspan.testing.faults import When
from linkspan.testing.trial import CaseFailedError, CaseSkippedError, Trial
from linkspan.testing.worker import EmbeddedWorker

__all__ = ["CASES"]

_STOP_SECONDS: Final = 5.0


def _stop_at(point: str, when: When, trial: Trial[Any]) -> None:
    worker: EmbeddedWorker = trial.worker
    fault = trial.fault(point, when, "stop")
    trial.feed(20)
    trial.start(fault)
    trial.reached(fault)
    if not worker.wait(lambda: not worker.alive(trial.name), _STOP_SECONDS):
        worker.kill_task(trial.name)
        raise CaseFailedError(f"The task had not ended {_STOP_SECONDS:g} s after a stop that arrived {when} {point}")
    state, trace = worker.tasks(trial.name)[0]
    if state != "UNASSIGNED":
        raise CaseFailedError(f"The task ended as {state} when it was stopped {when} {point}: {trace}")
    trial.feed(10)
    worker.restart_task(trial.name)
    trial.arrive()
    trial.close()
    trial.judge()


def while_nothing_comes(trial: Trial[Any]) -> None:
    """A task that waits for records ends in time."""
    trial.feed(5)
    trial.start()
    trial.arrive()
    trial.running()
    trial.close()
    trial.judge(repeats=False)


def while_records_come(trial: Trial[Any]) -> None:
    """A busy task ends in time, again and again, and loses nothing."""
    trial.start()
    for _ in range(3):
        trial.feed(15)
        trial.worker.wait(bool, trial.random.uniform(0.0, 0.3))
        trial.worker.restart_task(trial.name)
    trial.refuse_kills()
    trial.arrive()
    trial.close()
    trial.judge()


def while_the_outside_is_away(trial: Trial[Any]) -> None:
    """A task ends in time though its outside system does not answer."""
    outage = trial.adapter.outage()
    if outage is None:
        raise CaseSkippedError("The adapter cannot make the outside system go away")
    trial.feed(10)
    trial.start()
    trial.arrive()
    with outage:
        trial.worker.wait(bool, 0.5)
        trial.worker.stop(trial.name)
    trial.refuse_kills()


def _cases() -> list[Case]:
    source: list[tuple[str, When]] = [("start", "before"), ("poll", "before"), ("poll", "after"), ("send", "after")]
    sink: list[tuple[str, When]] = [("start", "before"), ("open", "after"), ("put", "before"), ("put", "after")]
    both: list[tuple[str, When]] = [("pre_commit", "before"), ("pre_commit", "after")]
    cases = [Case(f"stop.{when}-{point}", partial(_stop_at, point, when), ("source",)) for point, when in source]
    cases += [Case(f"stop.{when}-{point}", partial(_stop_at, point, when), ("sink",)) for point, when in [*sink, *both]]
    return cases


CASES: Final = (
    Case("stop.while-nothing-comes", while_nothing_comes),
    Case("stop.while-records-come", while_records_come),
    Case("stop.while-the-outside-is-away", while_the_outside_is_away),
    *_cases(),
)
