"""What a worker says about its own health (spec/runtime.md 1.5)."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Final

from linkspan.herder.lanes import GRACE_SECONDS, Stage

__all__ = ["HEALTHY", "STARTING", "Health"]

HEALTHY: Final = "Worker has completed startup and is ready to handle requests."
STARTING: Final = "Worker is still starting up."
_STUCK: Final = "Worker was unable to handle this request and may be unable to handle other requests."
_PATIENCE: Final = 10.0


class Health:
    """Knows how far the start of a worker is, and whether its herder's loop still turns.

    Args:
        interval: seconds between two turns of the loop.
        patience: seconds that the next turn is waited for, before the loop counts as stuck.
    """

    def __init__(self, interval: float, patience: float = _PATIENCE) -> None:
        self._interval = interval
        self._patience = patience
        self._stage = Stage(lambda: dt.datetime.now(dt.UTC), GRACE_SECONDS)
        self._next = asyncio.Event()
        self._turned = 0.0
        self.ready = False
        """Whether the worker has completed its start."""

    @property
    def doing(self) -> str:
        """The sentence about the present or last stage of the start; empty before any."""
        return self._stage.text()

    def begin(self, what: str) -> None:
        """The start has come to ``what``; reads on after "The worker is currently"."""
        self._stage.begin(what)

    def complete(self) -> None:
        """The start is over."""
        if not self.ready:
            self._stage.complete()
        self.ready = True

    def turn(self) -> None:
        """The loop turns."""
        self._turned = asyncio.get_running_loop().time()
        turned, self._next = self._next, asyncio.Event()
        turned.set()

    async def answer(self, lost: str | None) -> tuple[str, str]:
        """Status and sentence.

        Args:
            lost: why the worker has no part in its group now; None while it has.
        """
        if not self.ready:
            return ("starting", STARTING + self._stage.text())
        if not await self._turns():
            return ("unhealthy", _STUCK)
        if lost is not None:
            return ("healthy", f"{HEALTHY} But it is in no group of workers now: {lost}")
        return ("healthy", HEALTHY)

    async def _turns(self) -> bool:
        loop = asyncio.get_running_loop()
        if loop.time() - self._turned <= 2 * self._interval:
            return True
        try:
            async with asyncio.timeout(self._patience):
                await self._next.wait()
        except TimeoutError:
            return False
        return True
