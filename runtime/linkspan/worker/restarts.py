"""What has failed on this worker begins anew by itself, after growing pauses, as long as there is hope.

There are two reasons. A task or connector has failed, and its user has switched restarts on (``linkspan.restart.*``).
Or somebody else has fenced a task, by its place in a consumer group or by its transactional id: whoever was cut off
from the brokers may have asked for these before, and the request may arrive when the task runs elsewhere by right; the
broker believes the later one. Only the group of workers knows whose the task is, and its owner fences back. The pauses
between leave others the time to learn that they have lost it.

Whatever a user or the group of workers does meanwhile goes first: a restart is forgotten as soon as what it is meant
for is replaced, stopped or does not belong to this worker any more.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from linkspan.config.restarts import restart_keys

__all__ = ["PLACE_LOST", "History", "RestartPolicy", "Restartable", "Restarts", "hopeless", "policy_of"]

log = logging.getLogger(__name__)

_HOPELESS: Final = ("config", "credentials", "data", "unsupported", "fenced", "state.corrupt")
"""Codes of errors that a restart does not heal: a person has to change something first, or somebody newer took over."""


_JITTER: Final = 0.5
_OWNERSHIP_SECONDS: Final = 0.5
"""Until the group of workers is asked again whose something is."""


@dataclass(frozen=True)
class RestartPolicy:
    """How often, and how soon; times in seconds.

    Attributes:
        attempts: most restarts within ``window``.
        window: time that a restart counts for.
        first_pause: before the first restart in a row; each further pause is twice as long.
        longest_pause: limit of that.
        healthy: whoever has worked for so long begins a new row.
        jitter: part of each pause that is left to chance, so that many do not come back at the same moment.
    """

    attempts: int
    window: float
    first_pause: float
    longest_pause: float
    healthy: float
    jitter: float = 0.0


PLACE_LOST: Final = RestartPolicy(5, math.inf, 1.0, 16.0, 60.0)
"""For a place or an id that was taken; after five times something is wrong that returning does not heal."""


def policy_of(worker: Mapping[str, str], connector: Mapping[str, str]) -> RestartPolicy | None:
    """What a connector says, or else its worker; None when nothing is restarted.

    Raises:
        ConfigError: a setting is none.
    """
    keys = restart_keys(worker, connector)
    if not keys.enable:
        return None
    return RestartPolicy(
        attempts=keys.attempts,
        window=keys.window_ms / 1000,
        first_pause=keys.backoff_ms / 1000,
        longest_pause=max(keys.backoff_ms, keys.backoff_max_ms) / 1000,
        healthy=keys.healthy_ms / 1000,
        jitter=_JITTER,
    )


class History:
    """The restarts of one task or connector for one reason.

    Args:
        policy: how often there may be one; None for never.

    Attributes:
        total: restarts since it was begun by a user or by the group.
    """

    def __init__(self, policy: RestartPolicy | None = None) -> None:
        self.policy = policy
        self.total = 0
        self._in_a_row = 0
        self._times: deque[float] = deque()
        self._works_since: float | None = None

    def follow(self, state: str, now: float) -> None:
        """Take note of a state: whoever is RUNNING works.

        Args:
            state: as it is reported.
            now: seconds, monotonic.
        """
        if state != "RUNNING":
            self._works_since = None
        elif self._works_since is None:
            self._works_since = now

    def next_pause(self, now: float, chance: float) -> float | None:
        """Seconds until the next restart, which counts from now on; None when there is to be none.

        Args:
            now: seconds, monotonic.
            chance: a random number from 0 to 1.
        """
        policy = self.policy
        if policy is None:
            return None
        if self._works_since is not None and now - self._works_since >= policy.healthy:
            self._times.clear()
            self._in_a_row = 0
        while self._times and self._times[0] <= now - policy.window:
            self._times.popleft()
        if len(self._times) >= policy.attempts:
            return None
        pause = min(policy.first_pause * 2.0 ** min(self._in_a_row, 32), policy.longest_pause)
        self._times.append(now)
        self._in_a_row += 1
        self.total += 1
        return pause * (1 - policy.jitter * chance)

    @property
    def used(self) -> str:
        """How much of what may be was used, in words; empty when nothing may be."""
        if self.policy is None:
            return ""
        span = "" if math.isinf(self.policy.window) else f" within {self.policy.window:g} s"
        return f"{len(self._times)} of at most {self.policy.attempts} restarts{span}"


class Restartable(Protocol):
    """A task or connector."""

    def report(self, state: str, trace: str | None = None) -> None:
        """Tell of a new state."""
        ...


What = TypeVar("What", bound=Restartable)


class Restarts(Generic[What]):
    """Decides what becomes of what has failed, and restarts it in its time. One event loop.

    Args:
        begin: begins it anew.
        here: whether it is still what this worker is to run, as far as the worker knows.
        owned: whether the group of workers says so, too; until it does, nothing is begun.
        chance: random numbers from 0 to 1.
    """

    def __init__(
        self,
        begin: Callable[[What], None],
        here: Callable[[What], bool],
        owned: Callable[[What], bool],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._begin = begin
        self._here = here
        self._owned = owned
        self._chance = chance
        self._waiting: dict[int, asyncio.TimerHandle] = {}

    def failed(self, what: What, trace: str, history: History, code: str = "") -> None:
        """Report RESTARTING and restart it later, or report FAILED.

        Args:
            what: has failed.
            trace: why.
            history: its restarts so far.
            code: of the error that says most about why.
        """
        self.forget(what)
        if hopeless(code) or not self._here(what):
            what.report("FAILED", trace)
            return
        loop = asyncio.get_running_loop()
        pause = history.next_pause(loop.time(), self._chance())
        if pause is None:
            note = f"It is not restarted by itself any more, after {history.used}" if history.used else ""
            what.report("FAILED", f"{trace.rstrip()}\n{note}" if note else trace)
            return
        note = f"It is restarted in {pause:.1f} s: {history.used}"
        log.warning("%s has failed. %s", what, note)
        what.report("RESTARTING", f"{trace.rstrip()}\n{note}")
        self._waiting[id(what)] = loop.call_later(pause, self._restart, what)

    def waits(self, what: What) -> bool:
        """Whether it is to be restarted."""
        return id(what) in self._waiting

    def hurry(self, what: What) -> None:
        """Restart now what waits for that."""
        if self.waits(what):
            self.forget(what)
            self._restart(what)

    def forget(self, what: What) -> None:
        """Do not restart it."""
        timer = self._waiting.pop(id(what), None)
        if timer is not None:
            timer.cancel()

    def _restart(self, what: What) -> None:
        self._waiting.pop(id(what), None)
        try:
            if not self._here(what):
                return
            if self._owned(what):
                self._begin(what)
                return
        except Exception as error:  # supervision point: it would be RESTARTING for ever
            log.exception("%s could not be restarted", what)
            what.report("FAILED", f"It could not be restarted: {type(error).__name__}: {error}")
            return
        # the group shares out its work anew; if this is to end here, it will be ended
        self._waiting[id(what)] = asyncio.get_running_loop().call_later(_OWNERSHIP_SECONDS, self._restart, what)


def hopeless(code: str) -> bool:
    """Whether an error with this code comes again, whatever is restarted."""
    return any(code == lasting or code.startswith(f"{lasting}.") for lasting in _HOPELESS)
