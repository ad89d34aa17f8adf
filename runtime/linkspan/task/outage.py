"""Waiting for something that does not work for now: how long, and what is said about it."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import Final

from linkspan.api.errors import RetriableError, ThrottledError

__all__ = ["Outage"]

_log = logging.getLogger(__name__)

_FIRST_PAUSE: Final = 0.3
_LONGEST_PAUSE: Final = 10.0
_SPREAD: Final = 0.2
_MOST_DOUBLINGS: Final = 16
_FIRST_REMINDER: Final = 60.0
_LONGEST_BETWEEN_REMINDERS: Final = 600.0


class Outage:
    """One thing that a task waits for now and then; between two outages it costs nothing.

    Logs one warning when it begins, others after a minute, two, four, and then every ten minutes, and its end.

    Args:
        what: is held up; the beginning of a sentence.
        clock: seconds, monotonic.
    """

    def __init__(self, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._what = what
        self._clock = clock
        self._attempts = 0
        self._began = 0.0
        self._remind_at = 0.0
        self._again_at = 0.0
        self._past = 0.0
        self._count = 0

    @property
    def lasts(self) -> bool:
        """Whether it works not now."""
        return self._attempts > 0

    @property
    def pause(self) -> float:
        """Seconds until the next attempt is due; 0 when it is, or when nothing is out of order."""
        return max(0.0, self._again_at - self._clock()) if self._attempts else 0.0

    def counts(self) -> dict[str, float]:
        """How many there were, and how many seconds they lasted."""
        seconds = self._past + (self._clock() - self._began if self._attempts else 0.0)
        return {"outages": self._count, "outage-seconds": round(seconds, 3)}

    def failed(self, error: RetriableError) -> None:
        """It does not work; :attr:`pause` says when to try again."""
        now = self._clock()
        if not self._attempts:
            self._count += 1
            self._began, self._remind_at = now, now + _FIRST_REMINDER
            _log.warning("%s is held up, and goes on by itself: %s", self._what, error)
        elif now >= self._remind_at:
            lasted = now - self._began
            self._remind_at = now + min(lasted, _LONGEST_BETWEEN_REMINDERS)
            _log.warning("%s has been held up for %.0f s: %s", self._what, lasted, error)
        self._attempts += 1
        pause = min(_FIRST_PAUSE * 2 ** min(self._attempts - 1, _MOST_DOUBLINGS), _LONGEST_PAUSE)
        # spread, so that many tasks do not come back at the same moment
        pause *= 1 + _SPREAD * random.random()  # noqa: S311 - not for secrets
        if isinstance(error, ThrottledError) and error.retry_after is not None:
            pause = max(pause, error.retry_after)
        self._again_at = now + pause

    def over(self) -> None:
        """It works again, or still."""
        if self._attempts:
            lasted = self._clock() - self._began
            self._past += lasted
            self._attempts = 0
            _log.warning("%s goes on after %.1f s", self._what, lasted)
