"""Virtual time: event loops whose clock jumps to what happens next. No I/O, no threads, no wall clock.

Each simulated process has a loop of its own, and all loops share one agenda; so a process can be frozen (SIGSTOP) or be
gone from one moment to the next (SIGKILL) without a chance to tidy up, while the others go on.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from functools import partial
from typing import Any

MOST_CALLS = 400_000
"""A run that needs more turns on the spot."""


class Call:
    """A call that is due; what an event loop gives as a handle."""

    __slots__ = ("args", "callback", "context", "live", "loop", "time")

    def __init__(
        self, loop: VirtualLoop, time: float, callback: Callable[..., object], args: tuple[Any, ...], context: Context
    ) -> None:
        self.loop = loop
        self.time = time
        self.callback = callback
        self.args = args
        self.context = context
        self.live = True

    def cancel(self) -> None:
        self.live = False

    def cancelled(self) -> bool:
        return not self.live

    def when(self) -> float:
        return self.time


class Agenda:
    """What happens when, in every loop. Calls for the same moment happen in the order in which they were asked for."""

    def __init__(self) -> None:
        self.now = 0.0
        self.loops: list[VirtualLoop] = []
        self.troubles: list[str] = []
        self._ready: deque[Call] = deque()
        self._later: list[tuple[float, int, Call]] = []
        self._count = 0
        self._calls = 0
        self._running: VirtualLoop | None = None

    def soon(self, call: Call) -> None:
        self._ready.append(call)

    def later(self, call: Call) -> None:
        self._count += 1
        heapq.heappush(self._later, (call.time, self._count, call))

    def run(self, until: float, done: Callable[[], bool] = lambda: False) -> bool:
        """Go on until that time, or until ``done`` says so between two moments; whether it did."""
        try:
            return self._run(until, done)
        finally:
            self.enter(None)

    def enter(self, loop: VirtualLoop | None) -> None:
        """What happens now happens in this loop."""
        if loop is not self._running:
            self._running = loop
            asyncio._set_running_loop(loop)

    def _run(self, until: float, done: Callable[[], bool]) -> bool:
        ready, later = self._ready, self._later
        while True:
            while ready:
                call = ready.popleft()
                if call.live:
                    call.loop.perform(call)
            if done():
                return True
            if not later or later[0][0] > until:
                self.now = max(self.now, until)
                return False
            self.now = max(self.now, later[0][0])
            while later and later[0][0] <= self.now:
                ready.append(heapq.heappop(later)[2])
            self._calls += len(ready)
            if self._calls > MOST_CALLS:
                raise AssertionError(f"Something turns on the spot at {self.now:.3f}")

    def close(self) -> None:
        """Cancel whatever is left in any loop, so that nothing is destroyed while it is pending."""
        for _ in range(100):
            left = [task for loop in self.loops for task in asyncio.all_tasks(loop)]  # type: ignore[arg-type]
            if not left:
                break
            for loop in self.loops:
                loop.gone = False
                loop.thaw()
            for task in left:
                task.cancel()
            self.run(self.now + 1000, partial(_all_done, left))
        for loop in self.loops:
            loop.gone = True
        self._ready.clear()
        self._later.clear()


def _all_done(tasks: list[asyncio.Task[Any]]) -> bool:
    return all(task.done() for task in tasks)


class VirtualLoop(asyncio.AbstractEventLoop):
    """The event loop of one simulated process.

    Attributes:
        name: of the process.
        frozen: nothing happens in it for now, and what is due happens later.
        gone: nothing happens in it any more.
    """

    def __init__(self, agenda: Agenda, name: str) -> None:
        self.name = name
        self.frozen = False
        self.gone = False
        self._agenda = agenda
        self._held: list[Call] = []
        agenda.loops.append(self)

    def perform(self, call: Call) -> None:
        """Make a call whose time has come, if the process can."""
        if self.gone or self.frozen:
            self._held.append(call)
            return
        self._agenda.enter(self)
        call.context.run(call.callback, *call.args)

    def thaw(self) -> None:
        """Go on, with everything that has become due meanwhile."""
        self.frozen = False
        for call in self._held:
            self._agenda.soon(call)
        self._held.clear()

    def run(self, work: Coroutine[Any, Any, Any], seconds: float) -> Any:
        """Let time pass until this is done, but not longer than so many seconds."""
        task = self.create_task(work)
        self._agenda.run(self._agenda.now + seconds, task.done)
        assert task.done(), f"not done within {seconds} s: {work}"
        return task.result()

    # --- what asyncio asks of a loop --------------------------------------------------------------------------------

    def time(self) -> float:
        return self._agenda.now

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> Any:
        call = Call(self, self._agenda.now, callback, args, context or copy_context())
        self._agenda.soon(call)
        return call

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> Any:
        call = Call(self, when, callback, args, context or copy_context())
        self._agenda.later(call)
        return call

    def call_later(self, delay: float, callback: Any, *args: Any, context: Context | None = None) -> Any:
        return self.call_at(self._agenda.now + delay, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Generator[Any, None, Any] | Coroutine[Any, Any, Any],
        *,
        name: str | None = None,
        context: Context | None = None,
        **_: Any,
    ) -> Any:
        return asyncio.Task(coro, loop=self, name=name, context=context)  # type: ignore[arg-type]

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return not self.gone

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self.gone:
            self._agenda.troubles.append(f"{self.name}: {context.get('message')}: {context.get('exception')!r}")
