"""What sources in transactions need of a worker, on the embedded log: a topic of offsets, and nobody to guard from.

A standalone worker has no exactly-once sources: that is for groups of workers, and those need Kafka. The tasks,
though, and the log's transactions are the same here, and what a source has to do for it can be tried.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from linkspan.log.embedded import EmbeddedLog
from linkspan.log.port import OutgoingBatch, TopicSpec
from linkspan.task.offset_entries import OffsetEntries, SourceOffset
from linkspan.task.spec import ExactlyOnce
from linkspan.testing.content import TopicContent

__all__ = ["LogOffsetStore", "NoGuard", "in_transactions"]

_TOPIC: Final = "kit-offsets"
_FLUSH_SECONDS: Final = 30.0


def in_transactions(connector: str, task: int) -> ExactlyOnce:
    """How a source task delivers exactly once."""
    return ExactlyOnce(f"kit-{connector}-{task}", _TOPIC)


class NoGuard:
    """See :class:`linkspan.worker.answers.TaskGuard`: a single worker runs each task once, and knows which it is."""

    async def fence_older(self, connector: str, task: int) -> None:
        """The task's own writer fences older ones."""

    async def confirm(self, connector: str, task: int) -> None:
        """It runs where it is to run."""


class LogOffsetStore:
    """See :class:`linkspan.worker.offsets.OffsetStore`: offsets in a topic, read to its end whenever somebody asks.

    Args:
        log: has the topic.
    """

    def __init__(self, log: EmbeddedLog) -> None:
        self._log = log
        self._content: TopicContent | None = None
        self._known = OffsetEntries(f"topic {_TOPIC}")
        self._taken = 0
        self._asking = asyncio.Lock()

    async def start(self) -> None:
        """Make the topic."""
        await asyncio.to_thread(self._open)

    def _open(self) -> None:
        admin = self._log.admin({})
        try:
            admin.create_topic(TopicSpec(_TOPIC, 1, 1))
        finally:
            admin.close()
        self._content = TopicContent(self._log, _TOPIC)

    async def stop(self) -> None:
        """Close the topic."""
        if self._content is not None:
            self._content.close()

    async def get(self, connector: str, partitions: Sequence[Mapping[str, object]]) -> list[dict[str, object] | None]:
        """Stored offset of each partition."""
        known = await self._now()
        return [known.get(connector, partition) for partition in partitions]

    async def keys(self, connector: str, partitions: Sequence[Mapping[str, object]]) -> list[bytes]:
        """Under which key each is stored."""
        known = await self._now()
        return [known.key(connector, partition) for partition in partitions]

    async def all(self, connector: str) -> list[tuple[dict[str, object], dict[str, object]]]:
        """Every partition of a connector that has an offset."""
        return (await self._now()).all(connector)

    async def set(self, connector: str, offsets: Sequence[SourceOffset]) -> None:
        """Store offsets."""
        changes = (await self._now()).changes(connector, offsets)
        if changes:
            await asyncio.to_thread(self._write, changes)

    def _write(self, changes: Mapping[bytes, bytes | None]) -> None:
        writer = self._log.writer({})
        try:
            writer.send(OutgoingBatch(_TOPIC, list(changes.values()), keys=list(changes)))
            writer.flush(_FLUSH_SECONDS)
        finally:
            writer.close(_FLUSH_SECONDS)

    async def _now(self) -> OffsetEntries:
        """What is known once everything in the topic was read."""
        assert self._content is not None, "it was started"
        async with self._asking:
            rows = await asyncio.to_thread(self._content.rows)
            for row in rows[self._taken :]:
                self._known.take(row.key, row.value, row.offset)
            self._taken = len(rows)
        return self._known
