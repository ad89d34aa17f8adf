"""What goes in comes out: all of it, in order, also after a pause, a restart in good order, and beside bad records."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from typing import Any, Final

from linkspan.api import ConnectError
from linkspan.testing.cases.case import Case
from linkspan.testing.trial import PARTITIONS, CaseFailedError, SinkTrial, Trial
from linkspan.testing.worker import EmbeddedWorker

__all__ = ["CASES"]

_PAUSE_SECONDS: Final = 6.0
"""The task's calls return within about a second; the rest is for a busy machine."""
_IDLE_SECONDS: Final = 1.0
_HELD_SECONDS: Final = 0.7


def everything_in_order(trial: Trial[Any]) -> None:
    """Every record arrives, once, and those of one partition in their order."""
    trial.feed(30)
    trial.start()
    trial.arrive()
    trial.feed(20)
    trial.arrive()
    trial.close()
    trial.judge(repeats=False)
    place = {text: number for number, text in enumerate(trial.expected)}
    lanes = PARTITIONS if isinstance(trial, SinkTrial) else 1
    arrived: dict[int, list[int]] = defaultdict(list)
    for text in trial.found():
        if text in place:
            arrived[place[text] % lanes].append(place[text])
    for numbers in arrived.values():
        late = next((b for a, b in itertools.pairwise(numbers) if b < a), None)
        if late is not None:
            raise CaseFailedError(f"{trial.expected[late]} arrived after a record that was sent later")


def pause_and_resume(trial: Trial[Any]) -> None:
    """Nothing arrives while the connector is paused, and everything afterwards."""
    worker: EmbeddedWorker = trial.worker
    trial.feed(15)
    trial.start()
    trial.arrive()
    time.sleep(_IDLE_SECONDS)  # so that it waits for more when the pause comes
    worker.pause(trial.name)
    if not worker.wait(lambda: worker.tasks(trial.name)[0][0] == "PAUSED", _PAUSE_SECONDS):
        raise CaseFailedError(
            f"The task was not PAUSED within {_PAUSE_SECONDS:g} s but {worker.tasks(trial.name)[0][0]}: a call like "
            "poll or put has to return by itself within about a second"
        )
    before = len(trial.found())
    trial.feed(15)
    time.sleep(_HELD_SECONDS)
    if len(trial.found()) != before:
        raise CaseFailedError(f"{len(trial.found()) - before} records arrived while the connector was paused")
    worker.resume(trial.name)
    trial.arrive()
    trial.close()
    trial.judge()


def restart_in_good_order(trial: Trial[Any]) -> None:
    """A task that was stopped goes on where it was: nothing is left out, and a source repeats nothing."""
    trial.feed(15)
    trial.start()
    trial.arrive()
    for _ in range(2):
        trial.worker.restart_task(trial.name)
        trial.feed(10)
        trial.arrive()
    trial.close()
    trial.judge(repeats=isinstance(trial, SinkTrial))


def bad_records(trial: Trial[Any]) -> None:
    """Records that a transform refuses are left out when errors are tolerated; all others arrive."""
    bad = sorted(trial.random.sample(range(2, 25), 3))
    chain = trial.config.get("transforms", "")
    trial.feed(30)
    trial.start(
        more={
            "transforms": f"{chain},kit-poison" if chain else "kit-poison",
            "transforms.kit-poison.type": "Poison",
            "transforms.kit-poison.numbers": ",".join(map(str, bad)),
            "errors.tolerance": "all",
        }
    )
    trial.arrive(missing=len(bad))
    trial.feed(10)
    trial.arrive(missing=len(bad))
    trial.close()
    trial.judge(allowed=len(bad))


def a_bad_record_fails_the_task(trial: Trial[Any]) -> None:
    """Where errors are not tolerated, the task fails at the bad record and has let nothing behind it through."""
    trial.feed(10)
    trial.start(
        more={
            "transforms": "kit-poison",
            "transforms.kit-poison.type": "Poison",
            "transforms.kit-poison.numbers": "1",
        }
    )
    try:
        trial.worker.wait_for(trial.name, "FAILED", seconds=20.0)
    except ConnectError as error:
        raise CaseFailedError(error.message) from error
    if trial.found():
        raise CaseFailedError(f"Records came through though the first one was bad: {trial.found()}")
    trial.refuse_kills()


CASES: Final = (
    Case("delivery.everything-in-order", everything_in_order),
    Case("delivery.pause-and-resume", pause_and_resume),
    Case("delivery.restart-in-good-order", restart_in_good_order),
    Case("delivery.bad-records-tolerated", bad_records),
    Case("delivery.bad-record-not-tolerated", a_bad_record_fails_the_task),
)
