"""A topic of the embedded log as a table that one process keeps: a schema registry without a broker.

SQLite blocks, so each call runs in one thread, in the order in which they come. What waits for that thread does not
keep it from its work: a write that nobody waits for any more still happens, as it does on a broker.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from linkspan.api.errors import ConflictError, ConnectError, RetriableError
from linkspan.log.embedded.packing import unpack
from linkspan.log.embedded.store import Store
from linkspan.log.embedded.writer import EmbeddedWriter
from linkspan.log.port import OutgoingBatch, TableRecord

__all__ = ["EmbeddedTable"]

_Answer = TypeVar("_Answer")
_PARTITION: Final = 0


class EmbeddedTable:
    """See :class:`linkspan.log.port.Table` and :class:`linkspan.log.port.ExclusiveWriter`; it is both.

    It is claimed when it is opened, and for as long: nobody else can, so nobody is ever fenced.

    Args:
        folder: of the log.
        topic: name; made with one partition if it is missing.
    """

    def __init__(self, folder: str, topic: str) -> None:
        self._folder = folder
        self._topic = topic
        self._thread = ThreadPoolExecutor(1, f"table on topic {topic}")
        self._take: Callable[[Sequence[TableRecord]], None] = _nobody
        self._next = 0
        self._lock: int | None = None

    @property
    def claimed(self) -> bool:
        """Whether it is open."""
        return self._lock is not None

    async def open(self, take: Callable[[Sequence[TableRecord]], None]) -> None:
        """Make the topic if it is missing, and read it.

        Raises:
            ConflictError: another process has it.
            ConnectError: the file cannot be used.
        """
        self._take = take
        await self.claim(0)
        await self._in_thread(self._open)
        await self._catch_up()

    async def claim(self, seconds: float) -> None:  # noqa: ARG002 - it is ours at once, or never
        """Keep others off it, for as long as it is open.

        Raises:
            ConflictError: another process has it.
            ConnectError: the folder cannot be used.
        """
        if self._lock is None:
            self._lock = await self._in_thread(lambda: _locked(Path(self._folder) / f"{self._topic}.lock", self._topic))

    async def read_to_end(self, seconds: float) -> None:
        """Take in everything that is in the topic now."""
        await self._within(seconds, self._catch_up())

    async def write(self, records: Sequence[tuple[bytes, bytes | None]], seconds: float) -> None:
        """Append in one transaction, which is on the disk when this returns."""
        await self._within(seconds, self._in_thread(lambda: self._append(records)))

    async def release(self) -> None:
        """Nothing: who closes it releases it."""

    async def close(self) -> None:
        """Let others have it."""
        await self._in_thread(self._close)
        self._thread.shutdown(wait=False)

    async def _catch_up(self) -> None:
        found = await self._in_thread(self._read)
        if found:
            self._take(found)

    async def _within(self, seconds: float, work: Coroutine[Any, Any, None]) -> None:
        doing = asyncio.ensure_future(work)
        if not (await asyncio.wait([doing], timeout=seconds))[0]:
            raise RetriableError(f"Topic {self._topic} of the embedded log gave no answer within {seconds:g} s")
        doing.result()

    async def _in_thread(self, call: Callable[[], _Answer]) -> _Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    # --- in the thread ------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._store = Store(self._folder)
        self._writer = EmbeddedWriter(self._folder)
        if self._store.topic(self._topic) is None:
            with self._store.transaction():
                self._store.create_topic(self._topic, 1)

    def _read(self) -> list[TableRecord]:
        topic = self._store.topic(self._topic)
        assert topic is not None
        statement = (
            "SELECT last, count, data FROM batches WHERE topic = ? AND partition = ? AND last >= ? ORDER BY last"
        )
        found: list[TableRecord] = []
        for last, count, data in self._store.rows(statement, topic[0], _PARTITION, self._next):
            columns = unpack(data, count, f"Topic {self._topic} in {self._store.path}, up to offset {last}")
            first = last - count + 1
            found += [
                TableRecord(key, value, _PARTITION, first + place, stamp)
                for place, (key, value, stamp) in enumerate(
                    zip(columns.keys, columns.values, columns.timestamps, strict=True)
                )
                if first + place >= self._next
            ]
            self._next = last + 1
        return found

    def _append(self, records: Sequence[tuple[bytes, bytes | None]]) -> None:
        keys, values = [key for key, _ in records], [value for _, value in records]
        partitions = [_PARTITION] * len(records)
        self._writer.send(OutgoingBatch(self._topic, values, keys=keys, partitions=partitions))
        self._writer.flush(0)

    def _close(self) -> None:
        for each in (getattr(self, "_store", None), getattr(self, "_writer", None)):
            if isinstance(each, EmbeddedWriter):
                each.close(0)
            elif each is not None:
                each.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _locked(path: Path, topic: str) -> int:
    """A lock that ends with this process at the latest."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise ConnectError(f"The embedded log cannot use {path}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        with contextlib.suppress(OSError):
            os.close(descriptor)
        raise ConflictError(
            f"Topic {topic} of the embedded log in {path.parent} is in use by another process, and only one may keep "
            "it. Stop that process, choose another folder, or share the topic on Kafka"
        ) from None
    return descriptor


def _nobody(_: Sequence[TableRecord]) -> None:
    """Takes nothing; before :meth:`EmbeddedTable.open`."""
