"""What becomes of a sink task whose place in its consumer group somebody else has taken.

Whoever was cut off from the brokers may have asked to join before, and the request may arrive when the task runs
elsewhere by right: the broker believes the later one. Only the group of workers knows whose the task is; its owner
takes the place back. The pauses between leave others the time to learn that they have lost it.
"""

from __future__ import annotations

from typing import Final

__all__ = ["pause_before_return", "returns_in_a_row"]

_FIRST_PAUSE: Final = 1.0
_RETURNS: Final = 5
"""After that something is wrong that returning does not heal."""
_PEACE_SECONDS: Final = 60.0


def returns_in_a_row(before: int, lived: float) -> int:
    """How often a task has been displaced in a row, this time not counted.

    Args:
        before: how often before it began this time.
        lived: for how long it has run since, in seconds.
    """
    return 0 if lived >= _PEACE_SECONDS else before


def pause_before_return(returns: int) -> float | None:
    """Seconds until a task that was displaced begins anew; None when it does not."""
    return _FIRST_PAUSE * 2**returns if returns < _RETURNS else None
