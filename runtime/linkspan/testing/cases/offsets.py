"""Offsets that a user alters or resets: reading goes on exactly there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from linkspan.api import ConnectError, UnsupportedError
from linkspan.testing.cases.case import Case
from linkspan.testing.trial import CaseFailedError, CaseSkippedError, SinkTrial, Trial

__all__ = ["CASES"]

_PARTS: Final = 2
_RECORDS: Final = 10
_NOT_SUPPORTED: Final = "doesn't support external modification"


def _stop_between(trial: Trial[Any]) -> tuple[list[dict[str, Any]], set[str]]:
    """Send several parts, with a stop after each; offsets at the first stop, and what had arrived by then."""
    trial.start()
    trial.feed(_RECORDS)
    trial.arrive()
    trial.close()
    offsets, arrived = trial.worker.offsets(trial.name), set(trial.found())
    for _ in range(_PARTS):
        trial.worker.resume(trial.name)
        trial.feed(_RECORDS)
        while len(set(trial.expected) - arrived) < _RECORDS:  # a source without an end was ahead of what was told
            trial.feed(_RECORDS)
        trial.arrive()
        trial.close()
    trial.judge()
    return offsets, arrived


def _change(change: Callable[[], None]) -> None:
    try:
        change()
    except ConnectError as error:
        if isinstance(error, UnsupportedError) or _NOT_SUPPORTED in error.message:
            raise CaseSkippedError(f"The connector does not support it: {error.message}") from error
        raise CaseFailedError(f"The offsets could not be changed: {error.message}") from error


def _read_again(trial: Trial[Any], kept: set[str]) -> None:
    """Go on, and see that exactly the records that are not among these come once more."""
    before = Counter(trial.found())
    again = [text for text in trial.expected if text not in kept]
    trial.worker.resume(trial.name)
    trial.feed(1)  # comes behind everything that comes again
    trial.arrive()
    if isinstance(trial, SinkTrial):
        trial.worker.wait(trial.done, 20.0)
    else:
        trial.worker.wait(lambda: all(Counter(trial.found())[text] > before[text] for text in again), 20.0)
    trial.close()
    after = Counter(trial.found())
    came = [text for text in trial.expected[:-1] if after[text] > before[text]]
    # a sink that puts a record in the place of its predecessor shows it once
    if came != again and not (isinstance(trial, SinkTrial) and not came):
        raise CaseFailedError(
            f"{len(came)} records came again, from {came[0] if came else 'none'} on; it should have been "
            f"{len(again)}, from {again[0]} on"
        )
    trial.details |= {"came_again": len(came)}


def altered(trial: Trial[Any]) -> None:
    """After offsets were set back to an earlier stop, what came after that stop comes again, and nothing else."""
    offsets, arrived = _stop_between(trial)
    _change(lambda: trial.worker.alter_offsets(trial.name, offsets))
    _read_again(trial, arrived)


def reset(trial: Trial[Any]) -> None:
    """After offsets were reset, everything comes again."""
    _stop_between(trial)
    _change(lambda: trial.worker.reset_offsets(trial.name))
    _read_again(trial, set())


CASES: Final = (Case("offsets.altered", altered), Case("offsets.reset", reset))
