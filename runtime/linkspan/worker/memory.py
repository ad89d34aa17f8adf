"""Memory: what a task may hold, and which child is ended before the kernel ends the container.

A child is a family here: its process with all that it has started. One that holds more than its budget is ended. When
the container has nearly reached its limit, the child that holds most is ended. All that is decided by
:func:`condemned`; :class:`MemoryWatch` looks, more often the nearer a limit is, and acts.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from linkspan.config.sizes import size, size_text
from linkspan.worker.control_groups import ControlGroups, Use
from linkspan.worker.process import ChildProcess
from linkspan.worker.process_table import Families

__all__ = ["MEMORY_KEY", "Footprint", "MemoryWatch", "budget", "condemned", "headroom", "prefetch"]

log = logging.getLogger(__name__)

MEMORY_KEY: Final = "linkspan.task.memory.max"
"""Key of workers and, before that, of connectors: what a task may hold."""

_MIB: Final = 1 << 20
_HEADROOM: Final = (64 * _MIB, 512 * _MIB)
_FASTEST: Final = 2048 * _MIB
"""Bytes that a process may take in a second; the next look at the container comes before they can fill it."""
_PAUSES: Final = (0.05, 5.0)
_ROUTINE: Final = (5.0, 0.0005)
"""Seconds between two looks at all children, and the part of the time that they may take."""
_NEAR: Final = (0.5, 0.05)
"""The same while one of them holds more than half of its budget."""
_HELPLESS_SECONDS: Final = 0.25
_AGAIN_SECONDS: Final = 5.0
_END_SECONDS: Final = 5.0
_GUILTY_PART: Final = 0.25
"""Where children hold less of what is used, ending one of them would not help."""
_QUIET_SECONDS: Final = 60.0

_TASKS_EXPECTED: Final = 40 * 16
_BUDGETS_PART: Final = 16
_PREFETCH: Final = (1 * _MIB, 16 * _MIB)


def budget(worker: Mapping[str, str], connector: Mapping[str, str]) -> int | None:
    """Bytes that each task of a connector may hold; None for any number.

    Raises:
        ConfigError: the setting is no size.
    """
    for config in (connector, worker):
        text = (config.get(MEMORY_KEY) or "").strip()
        if text:
            return size(MEMORY_KEY, text)
    return None


def prefetch(limit: int | None, allowed: int | None) -> int | None:
    """Bytes that a sink task may have read ahead; None where memory knows no limit.

    Records of 100 bytes cost four times as much memory as they have bytes: so read-ahead takes a quarter of a task's
    budget, and in a container leaves room for 40 sinks in 2 GiB, each of which needs some 15 MiB besides.

    Args:
        limit: of the container, in bytes.
        allowed: budget of the task, in bytes.
    """
    parts = []
    if limit is not None:
        parts.append(limit // _TASKS_EXPECTED)
    if allowed is not None:
        parts.append(allowed // _BUDGETS_PART)
    least, most = _PREFETCH
    return max(least, min(most, *parts)) if parts else None


def headroom(limit: int) -> int:
    """Bytes of a container's limit that have to stay free: one look must not come too late."""
    least, most = _HEADROOM
    return min(limit // 4, max(least, min(most, limit // 16)))


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a child holds.

    Attributes:
        pid: its process.
        used: bytes.
        allowed: its budget; None for any number.
    """

    pid: int
    used: int
    allowed: int | None = None


def condemned(container: Use | None, footprints: Sequence[Footprint]) -> dict[int, str]:
    """Which children have to be ended now, and why.

    Args:
        container: its limit, if it has one.
        footprints: of all children.
    """
    over = {
        child.pid: _over_budget(child.used, child.allowed)
        for child in footprints
        if child.allowed is not None and child.used > child.allowed
    }
    if over or container is None or container.free >= headroom(container.limit) or not footprints:
        return over
    if sum(child.used for child in footprints) < container.used * _GUILTY_PART:
        return {}
    worst = max(footprints, key=lambda child: child.used)
    return {worst.pid: _crowded(container, worst.used)}


def _near(used: int, allowed: int | None) -> bool:
    return allowed is not None and used > allowed / 2


def _over_budget(used: int, allowed: int) -> str:
    return (
        f"memory: at its peak it held {size_text(used)}, more than its budget of {size_text(allowed)}, and was ended. "
        f"If it needs that much, raise {MEMORY_KEY} in the connector or the worker; if it grows without end, its "
        "plugin leaks"
    )


def _crowded(container: Use, used: int) -> str:
    return (
        f"memory: at its peak it held {size_text(used)}, the most of all, when {size_text(container.used)} of the "
        f"{size_text(container.limit)} that the container may use ({container.name}) were taken, and was ended before "
        f"the whole container would have been. If it needs that much, raise the container's limit or run fewer tasks "
        f"here; if it grows without end, its plugin leaks: {MEMORY_KEY} ends it earlier"
    )


class MemoryWatch:
    """Looks at the memory of children and of the container for as long as the worker lives.

    Args:
        children: those that live now.
        groups: the control groups around this process.
        families: measures children.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        children: Callable[[], Iterable[ChildProcess]],
        groups: ControlGroups,
        families: Families,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._children = children
        self._groups = groups
        self._families = families
        self._clock = clock
        self._routine_at = 0.0
        self._complained_at: float | None = None

    async def run(self) -> None:
        """Look again and again; ends when it is cancelled."""
        container = self._groups.memory()
        if container is not None:
            log.info(
                "The container may use %s of memory (%s); when less than %s are free, the task that holds most ends",
                size_text(container.limit),
                container.name,
                size_text(headroom(container.limit)),
            )
        while True:
            try:
                pause = await self.look()
            except Exception:  # supervision point: nobody would notice that nobody looks any more
                log.exception("The memory of tasks could not be looked at; trying again in %g s", _AGAIN_SECONDS)
                pause = _AGAIN_SECONDS
            await asyncio.sleep(pause)

    async def look(self) -> float:
        """Look once and end whom it takes; seconds until the next look."""
        container = self._groups.memory()
        tight = container is not None and container.free < headroom(container.limit)
        began = self._clock()
        if tight or began >= self._routine_at:
            children = {child.pid: child for child in self._children() if child.alive and child.pid}
            families = self._families.members(children)
            footprints = self._measured(children, families, tight=tight)
            self._plan(footprints, began)
            reasons = condemned(container, footprints)
            if reasons:
                await self._end([children[pid] for pid in reasons], families, reasons)
                return 0.0
            if tight and container is not None:
                self._complain(container)
                return _HELPLESS_SECONDS
        return self._pause(container)

    def _measured(
        self, children: Mapping[int, ChildProcess], families: Mapping[int, Sequence[int]], *, tight: bool
    ) -> list[Footprint]:
        footprints = []
        bounds = {pid: self._families.at_most(families[pid]) for pid in children}
        largest = max(bounds.values(), default=0)
        for pid, child in children.items():
            used, allowed = bounds[pid], child.memory_max
            if _near(used, allowed) or (tight and used >= largest / 2):
                used = self._families.exactly(families[pid])
            child.memory = used
            footprints.append(Footprint(pid, used, allowed))
        return footprints

    def _plan(self, footprints: Sequence[Footprint], began: float) -> None:
        """Say when to look at all children again, after a look that began at this time."""
        near = any(_near(child.used, child.allowed) for child in footprints)
        pause, part = _NEAR if near else _ROUTINE
        now = self._clock()
        self._routine_at = now + max(pause, (now - began) / part)

    def _pause(self, container: Use | None) -> float:
        shortest, longest = _PAUSES
        pause = max(0.0, self._routine_at - self._clock())
        if container is not None:
            pause = min(pause, (container.free - headroom(container.limit)) / _FASTEST)
        return max(shortest, min(longest, pause))

    async def _end(
        self, children: Sequence[ChildProcess], families: Mapping[int, Sequence[int]], reasons: Mapping[int, str]
    ) -> None:
        """End children, and wait until their memory is free: else the next look would find somebody else guilty."""
        for child in children:
            child.fault = reasons[child.pid]
            child.kill()
            self._families.kill([pid for pid in families[child.pid] if pid != child.pid])
        ends = [asyncio.ensure_future(child.ended()) for child in children]
        await asyncio.wait(ends, timeout=_END_SECONDS)

    def _complain(self, container: Use) -> None:
        if self._complained_at is not None and self._clock() < self._complained_at + _QUIET_SECONDS:
            return
        self._complained_at = self._clock()
        log.error(
            "%s of the %s that the container may use (%s) are taken, most of it by other than tasks; the kernel may "
            "end the worker. Raise the limit",
            size_text(container.used),
            size_text(container.limit),
            container.name,
        )
