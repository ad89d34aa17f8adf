"""Source offsets of a group of workers: in a compacted topic that all of them read (spec/runtime.md 2.5)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import copy
from functools import partial
from typing import Final

from linkspan.api.errors import RetriableError
from linkspan.log.port import Table, TableRecord
from linkspan.task.offset_entries import OffsetEntries, SourceOffset

__all__ = ["TopicOffsetStore", "Write"]

Write = Callable[[Sequence[tuple[bytes, bytes | None]]], Awaitable[None]]
"""Appends keys with values (None: forget the key); returns when all brokers in sync have them."""

log = logging.getLogger(__name__)

_READ_SECONDS: Final = 30.0
_WRITE_SECONDS: Final = 30.0


class TopicOffsetStore:
    """Offsets in a topic; what other workers wrote is known as well, and found before a task starts.

    Args:
        table: of the topic; opened and closed by the store.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._write: Write = partial(table.write, seconds=_WRITE_SECONDS)
        self._known = OffsetEntries("the offset topic")
        self._stopped = False

    def through(self, write: Write) -> TopicOffsetStore:
        """The same store, written to in another way."""
        other = copy(self)
        other._write = write  # noqa: SLF001 - of the same class
        return other

    async def start(self) -> None:
        """Read what is stored; raises what :meth:`linkspan.log.port.Table.open` raises."""
        await self._table.open(self._take)

    async def stop(self) -> None:
        """Stop reading; whoever still waits for an acknowledgement is told that there was none."""
        self._stopped = True
        await self._table.close()

    def _take(self, records: Sequence[TableRecord]) -> None:
        for record in records:
            try:
                self._known.take(record.key, record.value, record.timestamp)
            except Exception:  # supervision point: no record keeps others from being read
                where = "Skipped a record of the offset topic (partition %d, offset %d)"
                log.exception(where, record.partition, record.offset)

    async def get(self, connector: str, partitions: Sequence[Mapping[str, object]]) -> list[dict[str, object] | None]:
        """Stored offset of each partition, whoever wrote it; waits for as long as the topic cannot be read."""
        await self._catch_up()
        return [self._known.get(connector, partition) for partition in partitions]

    async def keys(self, connector: str, partitions: Sequence[Mapping[str, object]]) -> list[bytes]:
        """Key of each partition, in the spelling that the topic has of it."""
        await self._catch_up()
        return [self._known.key(connector, partition) for partition in partitions]

    async def set(self, connector: str, offsets: Sequence[SourceOffset]) -> None:
        """Store offsets; returns when all brokers in sync have them."""
        if not offsets:
            return
        await self._write(list(self._known.changes(connector, offsets).items()))

    async def all(self, connector: str) -> list[tuple[dict[str, object], dict[str, object]]]:
        """Every partition of a connector that has an offset.

        Raises:
            RetriableError: the topic cannot be read for now; it is a user who asks, and can ask again.
        """
        await self._table.read_to_end(_READ_SECONDS)
        return self._known.all(connector)

    async def _catch_up(self) -> None:
        """A task that started without its offset would begin anew, so an outage is waited for."""
        while True:
            try:
                await self._table.read_to_end(_READ_SECONDS)
            except RetriableError as error:
                if self._stopped:
                    raise
                log.warning("%s. Still trying", error.message)
            else:
                return
