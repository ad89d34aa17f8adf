"""How many children come up at the same time.

A start costs processor time: a fork, clients, a plugin's own ``start``. When hundreds of tasks land on a worker at once
they must leave enough of it for the heartbeats that keep the worker in its group.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from linkspan.api.errors import ConfigError

__all__ = ["CONCURRENCY_KEY", "Starts", "concurrency", "processors"]

CONCURRENCY_KEY: Final = "linkspan.task.start.concurrency"
"""Worker key: how many tasks come up at the same time."""

_STARTS_PER_PROCESSOR: Final = 2
"""About half of a start is spent waiting for brokers."""
_JITTER_SECONDS: Final = 0.03
_MEMBERSHIP: Final = Path("/proc/self/cgroup")
_MOUNT: Final = Path("/sys/fs/cgroup")


class Starts:
    """Lets so many start at once; when others wait, each begins after a short pause of random length.

    So neither the starts nor what tasks do in regular intervals from then on fall on the same moment.

    Args:
        at_once: how many.
        jitter: longest pause, in seconds.
    """

    def __init__(self, at_once: int, jitter: float = _JITTER_SECONDS) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._jitter = jitter

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, which lasts as long as the block."""
        crowded = self._free.locked()
        async with self._free:
            if crowded:
                await asyncio.sleep(random.uniform(0, self._jitter))  # noqa: S311 - not for secrets
            yield


def concurrency(worker: Mapping[str, str]) -> int:
    """How many children may come up at the same time, by the worker's properties or by its processors.

    Raises:
        ConfigError: the property is no positive number.
    """
    text = worker.get(CONCURRENCY_KEY)
    if text is None or not text.strip():
        return max(1, math.ceil(_STARTS_PER_PROCESSOR * processors()))
    try:
        value = int(text.strip())
    except ValueError:
        raise ConfigError.invalid(CONCURRENCY_KEY, text, "Not a number of type INT") from None
    if value < 1:
        raise ConfigError.invalid(CONCURRENCY_KEY, text, "Value must be at least 1")
    return value


def processors(membership: Path = _MEMBERSHIP, mount: Path = _MOUNT) -> float:
    """Processors that this process may use: by its affinity, and by the quotas of its control groups.

    Args:
        membership: says in which control groups this process is.
        mount: where the file system of control groups is.
    """
    return min([float(len(os.sched_getaffinity(0))), *_quotas(membership, mount)])


def _quotas(membership: Path, mount: Path) -> Iterator[float]:
    """Of the group this process is in, and of all around it; in a container the outer ones cannot be seen."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            root, read = mount, _unified_quota
        elif "cpu" in controllers.split(","):
            root, read = mount / "cpu", _first_version_quota
        else:
            continue
        inner = Path(path.lstrip("/"))
        for folder in (inner, *inner.parents):
            quota = read(root / folder)
            if quota is not None:
                yield quota


def _unified_quota(folder: Path) -> float | None:
    quota, _, period = _read(folder / "cpu.max").partition(" ")
    return _share(quota, period)


def _first_version_quota(folder: Path) -> float | None:
    return _share(_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us"))


def _share(quota: str, period: str) -> float | None:
    """Processors out of two texts in microseconds; None without a limit, which is ``max`` or -1."""
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return None
    return int(quota) / int(period)


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
