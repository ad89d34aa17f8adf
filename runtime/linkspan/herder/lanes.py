"""One queue of work a connector: what concerns the same connector happens in order, what concerns others goes on.

A plugin call that hangs holds up its own lane only. Whoever asked waits at most the request timeout and is then told
what the lane is doing; the work itself goes on (spec/runtime.md 1.1). Work that may last for ever gives way to newer
work that must not wait for it (spec/runtime.md 4.4).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from linkspan.api.errors import ConnectError
from linkspan.herder.port import PreemptedError, RequestTimedOutError, StoppingError

__all__ = ["GRACE_SECONDS", "REQUEST_TIMEOUT_SECONDS", "Lanes", "Stage", "report_failure"]

T = TypeVar("T")

REQUEST_TIMEOUT_SECONDS: Final = 90.0
GRACE_SECONDS: Final = 5.0
"""How much longer work may go on that gives way to newer work."""
_log: Final = logging.getLogger("linkspan.herder")


class Stage:
    """What a lane is doing, or did last, in the words of a timeout message; and whether newer work presses."""

    __slots__ = ("_began", "_clock", "_completed", "_grace", "_pressed", "_pressing", "_what")

    def __init__(self, clock: Callable[[], dt.datetime], grace: float) -> None:
        self._clock = clock
        self._grace = grace
        self._what = ""
        self._began: dt.datetime | None = None
        self._completed: dt.datetime | None = None
        self._pressing = 0
        self._pressed = asyncio.Event()

    async def giving_way(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for ``work`` without a limit; but as soon as newer work presses, only for the grace period.

        Raises:
            PreemptedError: it did not end in time and was cancelled.
        """
        task = asyncio.ensure_future(work)
        pressed = asyncio.ensure_future(self._pressed.wait())
        try:
            await asyncio.wait({task, pressed}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({task}, timeout=self._grace)
        finally:
            pressed.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
        if task.cancelled():
            raise PreemptedError(f"A newer request has pre-empted this one while the worker was {self._what}")
        return task.result()

    def press(self) -> None:
        """Work is queued that does not wait for what gives way."""
        self._pressing += 1
        self._pressed.set()

    def relax(self) -> None:
        """Such work has its turn now."""
        self._pressing -= 1
        if not self._pressing:
            self._pressed.clear()

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
        grace: seconds that work which gives way may go on once newer work presses.
    """

    def __init__(
        self,
        timeout: float = REQUEST_TIMEOUT_SECONDS,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        grace: float = GRACE_SECONDS,
    ) -> None:
        self._timeout = timeout
        self._clock = clock
        self._grace = grace
        self._closed = False
        self._stages: dict[str, Stage] = {}
        self._tails: dict[str, asyncio.Task[Any]] = {}
        self._unfinished: set[asyncio.Task[Any]] = set()

    async def ask(
        self,
        lane: str,
        work: Callable[[Stage], Coroutine[Any, Any, T]],
        *,
        presses: bool = False,
        to_its_end: bool = False,
    ) -> T:
        """Run ``work`` when everything queued before it in ``lane`` is done, and return what it returns.

        Args:
            lane: name of the connector.
            work: takes the lane's stage.
            presses: whether what was queued before, and gives way, has to.
            to_its_end: wait however long it takes.

        Raises:
            RequestTimedOutError: it takes longer than the caller may wait; the work itself goes on.
            StoppingError: the worker is stopping.
        """
        if self._closed:
            raise StoppingError
        task = self._queue(lane, work, presses)
        try:
            done, _ = await asyncio.wait({task}, timeout=None if to_its_end else self._timeout)
        except asyncio.CancelledError:
            task.add_done_callback(report_failure)
            raise
        if not done:
            task.add_done_callback(report_failure)
            stage = self._stages.get(lane)
            raise RequestTimedOutError("Request timed out" + (f".{text}" if stage and (text := stage.text()) else ""))
        if task.cancelled():
            raise StoppingError
        return task.result()

    def tell(self, lane: str, work: Callable[[Stage], Coroutine[Any, Any, object]], *, presses: bool = False) -> None:
        """Queue ``work``; nobody waits for it, a failure is logged."""
        if not self._closed:
            self._queue(lane, work, presses).add_done_callback(report_failure)

    async def close(self, seconds: float) -> None:
        """Take nothing any more; what is queued has so many ``seconds`` to end."""
        self._closed = True
        await self.drain(seconds)

    async def drain(self, seconds: float) -> None:
        """Wait for everything queued; after that many ``seconds`` cancel the rest."""
        if not self._unfinished:
            return
        _, late = await asyncio.wait(self._unfinished, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _queue(self, lane: str, work: Callable[[Stage], Coroutine[Any, Any, T]], presses: bool) -> asyncio.Task[T]:
        before = self._tails.get(lane)
        stage = self._stages.setdefault(lane, Stage(self._clock, self._grace))
        if presses:
            stage.press()
        task = asyncio.create_task(self._run(before, stage, work, presses), name=f"lane-{lane}")
        self._tails[lane] = task
        self._unfinished.add(task)
        task.add_done_callback(lambda ended: self._forget(lane, ended))
        return task

    def _forget(self, lane: str, ended: asyncio.Task[Any]) -> None:
        self._unfinished.discard(ended)
        if self._tails.get(lane) is ended:
            del self._tails[lane]
            del self._stages[lane]

    @staticmethod
    async def _run(
        before: asyncio.Task[Any] | None, stage: Stage, work: Callable[[Stage], Awaitable[T]], presses: bool
    ) -> T:
        if before is not None:
            await asyncio.wait({before})
        if presses:
            stage.relax()
        try:
            return await work(stage)
        finally:
            stage.complete()


def report_failure(task: asyncio.Task[Any]) -> None:
    """Log why a task has failed that nobody waits for; a callback for its end."""
    if task.cancelled():
        return
    error = task.exception()
    if isinstance(error, ConnectError):
        _log.error("%s", error.message)
    elif error is not None:
        _log.error("Unexpected failure in the herder", exc_info=error)


def _instant(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
