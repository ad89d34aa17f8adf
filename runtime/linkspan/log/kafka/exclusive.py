"""A producer that one of many has at a time: the leader of a group of workers writes configurations with it (KIP-618).

The library blocks, so each call runs in a thread, one after the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Final

from linkspan.api.errors import ConnectError
from linkspan.log.kafka.settings import of_worker
from linkspan.log.kafka.transactions import KafkaTransactionalWriter
from linkspan.log.port import OutgoingBatch

__all__ = ["KafkaExclusiveWriter"]

_FORCED: Final = {"max.in.flight.requests.per.connection": "5"}


class KafkaExclusiveWriter:
    """See :class:`linkspan.log.port.ExclusiveWriter`.

    Args:
        settings: top-level properties of the worker.
        topic: where it writes.
        transactional_id: shared by all that compete.
        client_id: name of the client.
    """

    def __init__(self, settings: Mapping[str, str], topic: str, *, transactional_id: str, client_id: str) -> None:
        self._settings = {**of_worker("producer", {**settings, "client.id": client_id}), **_FORCED}
        self._topic = topic
        self._id = transactional_id
        self._turn = asyncio.Lock()
        self._writer: KafkaTransactionalWriter | None = None

    @property
    def claimed(self) -> bool:
        """Whether a write has a chance."""
        return self._writer is not None

    async def claim(self, seconds: float) -> None:
        """Open a producer with the id."""
        await self._to_its_end(self._claim(seconds))

    async def write(self, records: Sequence[tuple[bytes, bytes | None]], seconds: float) -> None:
        """Write in one transaction."""
        await self._to_its_end(self._write(records, seconds))

    async def release(self) -> None:
        """Close the producer."""
        await self._to_its_end(self._release())

    @staticmethod
    async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
        """Whoever does not wait any longer leaves a thread behind, and the next has to wait for it."""
        doing = asyncio.create_task(work, name="exclusive writer")
        doing.add_done_callback(_heed)
        await asyncio.shield(doing)

    async def _claim(self, seconds: float) -> None:
        async with self._turn:
            await asyncio.to_thread(self._drop)
            self._writer = await asyncio.to_thread(self._opened, seconds)

    async def _write(self, records: Sequence[tuple[bytes, bytes | None]], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        async with self._turn:
            if self._writer is None:
                raise ConnectError("Nothing can be written before the topic was claimed")
            try:
                await asyncio.to_thread(self._append, self._writer, records, deadline)
            except BaseException:
                await asyncio.to_thread(self._drop)
                raise

    async def _release(self) -> None:
        async with self._turn:
            await asyncio.to_thread(self._drop)

    # --- in a thread --------------------------------------------------------------------------------------------

    def _opened(self, seconds: float) -> KafkaTransactionalWriter:
        writer = KafkaTransactionalWriter(self._settings, self._id, reports_records=False)
        try:
            writer.open(seconds)
        except BaseException:
            writer.close()
            raise
        return writer

    def _append(
        self, writer: KafkaTransactionalWriter, records: Sequence[tuple[bytes, bytes | None]], deadline: float
    ) -> None:
        writer.begin()
        writer.send(OutgoingBatch(self._topic, [value for _, value in records], keys=[key for key, _ in records]))
        writer.commit(max(0.1, deadline - time.monotonic()))

    def _drop(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            with contextlib.suppress(ConnectError):
                writer.close()


def _heed(doing: asyncio.Task[None]) -> None:
    """Whoever wanted to know how it went may be gone; asyncio would complain that nobody asked."""
    if not doing.cancelled():
        doing.exception()
