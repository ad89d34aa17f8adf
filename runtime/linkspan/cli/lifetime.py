"""A process from its start to the signal that ends it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

__all__ = ["Lifetime", "to_the_end"]

_log: Final = logging.getLogger(__name__)


async def to_the_end(*ends: Coroutine[Any, Any, None]) -> None:
    """Wait for several parts of a worker to end, side by side; one that fails keeps nothing else from ending."""
    for outcome in await asyncio.gather(*ends, return_exceptions=True):
        if isinstance(outcome, Exception):
            _log.error("A part of the worker has not ended in good order", exc_info=outcome)


class Lifetime:
    """Starts something, waits for SIGINT, SIGTERM or :meth:`end`, and stops it.

    Args:
        start: brings the worker up; given up when a signal comes.
        stop: ends it, however far its start has come.
        name: of what lives, for the log.
    """

    def __init__(
        self,
        start: Callable[[], Coroutine[Any, Any, None]],
        stop: Callable[[], Awaitable[None]],
        name: str = "Kafka Connect",
    ) -> None:
        self._start = start
        self._stop = stop
        self._name = name
        self._ending = asyncio.Event()
        self._failure: Exception | None = None

    async def run(self) -> int:
        """The whole life; the exit status.

        Raises:
            Exception: what :meth:`end` was called with.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled, number)
        try:
            await self._unless_ended(self._start())
            await self._ending.wait()
        finally:
            await self._stop()
        if self._failure is not None:
            raise self._failure
        return 0

    def end(self, failure: Exception) -> None:
        """Stop, and then raise ``failure``; of several the first counts."""
        self._failure = self._failure or failure
        self._ending.set()

    def _signalled(self, number: int) -> None:
        if self._ending.is_set():
            _log.warning("Stopped at once by a second %s", signal.Signals(number).name)
            os._exit(128 + number)
        _log.info("%s stopping (%s)", self._name, signal.Signals(number).name)
        self._ending.set()

    async def _unless_ended(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for ``work``, but give it up when the end has come: a start may take for ever."""
        working = asyncio.ensure_future(work)
        ending = asyncio.ensure_future(self._ending.wait())
        await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if working.done():
            working.result()
            return
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
