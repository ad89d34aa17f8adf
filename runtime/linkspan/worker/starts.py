"""How many children come up at the same time.

A start costs processor time: a fork, clients, a plugin's own ``start``. When hundreds of tasks land on a worker at once
they must leave enough of it for the heartbeats that keep the worker in its group.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from linkspan.api.errors import ConfigError
from linkspan.worker.control_groups import ControlGroups

__all__ = ["CONCURRENCY_KEY", "Starts", "concurrency", "processors"]

CONCURRENCY_KEY: Final = "linkspan.task.start.concurrency"
"""Worker key: how many tasks come up at the same time."""

_STARTS_PER_PROCESSOR: Final = 2
"""About half of a start is spent waiting for brokers."""
_JITTER_SECONDS: Final = 0.03


class Starts:
    """Lets so many start at once; when others wait, each begins after a short pause of random length.

    So neither the starts nor what tasks do in regular intervals from then on fall on the same moment.

    Args:
        at_once: how many.
        jitter: longest pause, in seconds.

    Attributes:
        under_way: how many have their turn now.
    """

    def __init__(self, at_once: int, jitter: float = _JITTER_SECONDS) -> None:
        self.under_way = 0
        self._free = asyncio.Semaphore(at_once)
        self._jitter = jitter

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, which lasts as long as the block."""
        crowded = self._free.locked()
        async with self._free:
            if crowded:
                await asyncio.sleep(random.uniform(0, self._jitter))  # noqa: S311 - not for secrets
            self.under_way += 1
            try:
                yield
            finally:
                self.under_way -= 1


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


def processors() -> float:
    """Processors that this process may use: by its affinity, and by the quotas of its control groups."""
    affinity = float(len(os.sched_getaffinity(0)))
    return min(affinity, ControlGroups().processors() or affinity)
