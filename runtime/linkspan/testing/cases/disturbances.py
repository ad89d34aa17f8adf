"""Calls that fail for a reason that passes: nothing is lost, and nothing is written twice that was not before."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from linkspan.api import Guarantee
from linkspan.testing.cases.case import Case
from linkspan.testing.faults import When
from linkspan.testing.trial import CaseSkippedError, SinkTrial, Trial

__all__ = ["CASES"]

_OUTAGE_SECONDS: Final = 1.5


def _fail_once(point: str, when: When, trial: Trial[Any]) -> None:
    if when == "after" and trial.guarantee is Guarantee.AT_MOST_ONCE:
        raise CaseSkippedError("What was written comes again, which at most once cannot bear without stored offsets")
    trial.refuse_what_is_not_called(point)
    fault = trial.fault(point, when, "fail")
    trial.feed(20)
    trial.start(fault)
    trial.reached(fault)
    trial.feed(10)
    trial.arrive()
    trial.close()
    trial.judge(repeats=(point, when) not in {("put", "before"), ("poll", "before"), ("send", "before")})


def outage(trial: Trial[Any]) -> None:
    """The outside system is away for a while; the connector goes on by itself, or after a restart of its task."""
    away = trial.adapter.outage()
    if away is None:
        raise CaseSkippedError("The adapter cannot make the outside system go away")
    trial.feed(10)
    trial.start()
    trial.arrive()
    with away:
        if isinstance(trial, SinkTrial):  # a source is fed through the system that is away
            trial.feed(10)
        trial.worker.wait(bool, _OUTAGE_SECONDS)
    trial.feed(10)
    failed = trial.worker.tasks(trial.name)[0][0] == "FAILED"
    trial.details["task_failed"] = failed
    if failed:
        trial.worker.restart_task(trial.name)
    trial.arrive()
    trial.close()
    trial.judge()


CASES: Final = (
    Case("retry.poll", partial(_fail_once, "poll", "before"), ("source",)),
    Case("retry.send", partial(_fail_once, "send", "before"), ("source",)),
    Case("retry.commit-offsets", partial(_fail_once, "commit_offsets", "before"), ("source",)),
    Case("retry.put", partial(_fail_once, "put", "before"), ("sink",)),
    Case("retry.put-that-had-written", partial(_fail_once, "put", "after"), ("sink",)),
    Case("retry.flush", partial(_fail_once, "pre_commit", "before"), ("sink",)),
    Case("retry.stored-offsets", partial(_fail_once, "stored_offsets", "before"), ("sink",)),
    Case("retry.outage", outage),
)
