"""One queue of work a connector: what concerns the same connector happens in order, what concerns others goes on.

A plugin call that hangs holds up its own lane only. Whoever asked waits at most the request timeout and is then told
what the lane is doing; the work itself goes on (spec/runtime.md 1.1).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from linkspan.api.errors import ConnectError
from linkspan.herder.port import RequestTimedOutError

__all__ = ["REQUEST_TIMEOUT_SECONDS", "Lanes", "Stage"]

T = TypeVar("T")

REQUEST_TIMEOUT_SECONDS: Final = 90.0
_log: Final = logging.getLogger("linkspan.herder")


class Stage:
    """What a lane is doing, or did last, in the words of a timeout message."""

    __slots__ = ("_began", "_clock", "_completed", "_what")

    def __init__(self, clock: Callable[[], dt.datetime]) -> None:
        self._clock = clock
        self._what = ""
        self._began: dt.datetime | None = None
        self._completed: dt.datetime | None = None

    def begin(self, what: str) -> None:
        """``what`` starts now; reads on after "The worker is currently"."""
        self._what, self._began, self._completed = what, self._clock(), None

    def complete(self) -> None:
        """It is over."""
        self._completed = self._clock()

    def text(self) -> str:
        """The sentence for a timeout message; empty when nothing ever began."""
        if self._began is None:
            return ""
        if self._completed is None:
            return f" The worker is currently {self._what}, which began at {_instant(self._began)}."
        return (
            f" The last operation the worker completed was {self._what}, which began at {_instant(self._began)}"
            f" and completed at {_instant(self._completed)}."
        )


class Lanes:
    """Runs coroutines one after the other within a lane, and lanes side by side.

    Args:
        timeout: seconds that a caller of :meth:`ask` waits at most.
        clock: time of day for the texts.
    """

    def __init__(
        self,
        timeout: float = REQUEST_TIMEOUT_SECONDS,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._timeout = timeout
        self._clock = clock
        self._stages: dict[str, Stage] = {}
        self._tails: dict[str, asyncio.Task[Any]] = {}

    async def ask(self, lane: str, work: Callable[[Stage], Coroutine[Any, Any, T]]) -> T:
        """Run ``work`` when everything queued before it in ``lane`` is done, and return what it returns.

        Raises:
            RequestTimedOutError: it takes longer than the caller may wait; the work itself goes on.
        """
        task = self._queue(lane, work)
        done, _ = await asyncio.wait({task}, timeout=self._timeout)
        if not done:
            task.add_done_callback(_report)
            stage = self._stages.get(lane)
            raise RequestTimedOutError("Request timed out" + (f".{text}" if stage and (text := stage.text()) else ""))
        return task.result()

    def tell(self, lane: str, work: Callable[[Stage], Coroutine[Any, Any, object]]) -> None:
        """Queue ``work``; nobody waits for it, a failure is logged."""
        self._queue(lane, work).add_done_callback(_report)

    async def drain(self, seconds: float) -> None:
        """Wait for everything queued; after that many ``seconds`` cancel the rest."""
        tasks = set(self._tails.values())
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _queue(self, lane: str, work: Callable[[Stage], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        before = self._tails.get(lane)
        stage = self._stages.setdefault(lane, Stage(self._clock))
        task = asyncio.create_task(self._run(before, stage, work), name=f"lane-{lane}")
        self._tails[lane] = task
        task.add_done_callback(lambda ended: self._forget(lane, ended))
        return task

    def _forget(self, lane: str, ended: asyncio.Task[Any]) -> None:
        if self._tails.get(lane) is ended:
            del self._tails[lane]
            del self._stages[lane]

    @staticmethod
    async def _run(before: asyncio.Task[Any] | None, stage: Stage, work: Callable[[Stage], Awaitable[T]]) -> T:
        if before is not None:
            await asyncio.wait({before})
        try:
            return await work(stage)
        finally:
            stage.complete()


def _report(task: asyncio.Task[Any]) -> None:
    if task.cancelled():
        return
    error = task.exception()
    if isinstance(error, ConnectError):
        _log.error("%s", error.message)
    elif error is not None:
        _log.error("Unexpected failure in the herder", exc_info=error)


def _instant(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
