"""What a worker tells its herder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["StatusEvent"]


@dataclass(frozen=True)
class StatusEvent:
    """A state of a connector or task.

    Attributes:
        connector: name of the connector.
        task: number of the task, None for the connector itself.
        state: RUNNING, PAUSED, STOPPED, FAILED, UNASSIGNED or RESTARTING.
        trace: what went wrong: stack trace of the exception, signal that ended the process, or stack of a call that
            does not return. Also set while a stalled task is still RUNNING.
        kind: ``state`` for a new state, ``stalled`` when a plugin call takes suspiciously long, ``moving`` when such a
            call has ended after all.
    """

    connector: str
    task: int | None
    state: str
    trace: str | None = None
    kind: Literal["state", "stalled", "moving"] = "state"
