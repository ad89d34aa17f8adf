"""Where source offsets live. Only the worker writes them; tasks report theirs over the control channel."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from linkspan.api.errors import RetriableError
from linkspan.task.offset_entries import OffsetEntries, SourceOffset
from linkspan.worker import offset_file
from linkspan.worker.claim import Claim

__all__ = ["FileOffsetStore", "OffsetStore", "SourceOffset"]

log = logging.getLogger(__name__)


class OffsetStore(Protocol):
    """Stores source offsets durably."""

    async def start(self) -> None:
        """Read what is stored.

        Raises:
            CorruptStateError: it cannot be read; nothing was changed.
            ConflictError: another worker uses it.
        """
        ...

    async def stop(self) -> None:
        """Wait until everything is written."""
        ...

    async def get(self, connector: str, partitions: Sequence[Mapping[str, object]]) -> list[dict[str, object] | None]:
        """Stored offset of each partition, in their order."""
        ...

    async def keys(self, connector: str, partitions: Sequence[Mapping[str, object]]) -> list[bytes]:
        """Under which key an offset of each partition is to be stored, in their order.

        Raises:
            ConnectError: they can never be stored.
        """
        ...

    async def set(self, connector: str, offsets: Sequence[SourceOffset]) -> None:
        """Store offsets; returns when they survive a crash.

        Raises:
            RetriableError: they could not be written.
            ConnectError: they can never be stored.
        """
        ...

    async def all(self, connector: str) -> list[tuple[dict[str, object], dict[str, object]]]:
        """Every partition of a connector that has an offset; RetriableError when that cannot be known for now."""
        ...


_Change = tuple[dict[bytes, bytes | None], asyncio.Future[None]]
"""Entries to write, and who waits for that."""


class FileOffsetStore:
    """Offsets in the file of a standalone worker, in Java's format; the whole file is written at each flush.

    Requests of many tasks are served one after the other; those that come while the file is being written go into
    the next write together.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._claim = Claim(self._path)
        self._entries: dict[bytes, bytes | None] = {}
        self._known = OffsetEntries(path)
        self._waiting: list[_Change] = []
        self._writer: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Claim the file and read it."""
        await asyncio.to_thread(self._claim.take)
        await asyncio.to_thread(self._warn_of_missing_folder)
        self._entries = await asyncio.to_thread(offset_file.load, self._path)
        self._known = OffsetEntries(str(self._path))
        self._learn(self._entries)

    def _learn(self, entries: Mapping[bytes, bytes | None]) -> None:
        for key, value in entries.items():
            self._known.take(key, value)

    def _warn_of_missing_folder(self) -> None:
        """Say at once what would be said at the first offset only; who has sinks alone may do without the folder."""
        folder = self._path.absolute().parent
        if not folder.is_dir():
            log.error(
                "offset.storage.file.filename=%s: there is no folder %s, so offsets of source connectors cannot be "
                "stored. Create it, or name another file",
                self._path,
                folder,
            )

    async def stop(self) -> None:
        """Wait for the last write; others may have the file then."""
        if self._writer is not None:
            await asyncio.wait([self._writer])
        self._claim.release()

    async def get(self, connector: str, partitions: Sequence[Mapping[str, object]]) -> list[dict[str, object] | None]:
        """Stored offset of each partition."""
        return [self._known.get(connector, partition) for partition in partitions]

    async def keys(self, connector: str, partitions: Sequence[Mapping[str, object]]) -> list[bytes]:
        """Keys in the file."""
        return [self._known.key(connector, partition) for partition in partitions]

    async def set(self, connector: str, offsets: Sequence[SourceOffset]) -> None:
        """Store offsets in the file."""
        if not offsets:
            return
        changes = self._known.changes(connector, offsets)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((changes, done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="offset file")
        await done

    async def all(self, connector: str) -> list[tuple[dict[str, object], dict[str, object]]]:
        """Every partition of a connector that has an offset."""
        return self._known.all(connector)

    async def _write(self) -> None:
        """Write until nobody waits any more."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                try:
                    await self._save(batch)
                except Exception as error:  # supervision point: whoever waits hears that it was in vain
                    if not isinstance(error, OSError):
                        log.exception("Source offsets could not be written to %s", self._path)
                    failure = RetriableError(f"Source offsets could not be written to {self._path}: {error}")
                    for _, done in batch:
                        if not done.done():
                            done.set_exception(failure)
        finally:
            self._writer = None

    async def _save(self, batch: Sequence[_Change]) -> None:
        entries = dict(self._entries)
        for changes, _ in batch:
            entries.update(changes)
        await asyncio.to_thread(offset_file.save, self._path, entries, self._claim)
        self._entries = entries
        for changes, done in batch:
            self._learn(changes)
            if not done.done():
                done.set_result(None)
