"""How many log lines a second are let through."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Pace"]


class Pace:
    """A token bucket that remembers what it refused.

    Args:
        burst: lines that may come at once.
        per_second: lines a second in the long run.
        clock: seconds, monotonic.
    """

    def __init__(self, burst: int, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = float(burst)
        self._rate = per_second
        self._clock = clock
        self._tokens = float(burst)
        self._at = clock()
        self._dropped = 0

    def admit(self) -> tuple[bool, int]:
        """Whether one more line may pass, and if so how many were refused since the last that did."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1.0:
            self._dropped += 1
            return False, 0
        self._tokens -= 1.0
        dropped, self._dropped = self._dropped, 0
        return True, dropped
