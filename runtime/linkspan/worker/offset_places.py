"""Where the offsets of each source connector are: in the worker's own store, or in a topic of their own as well.

A topic of its own is read from its beginning when it is needed first, and closed when it has not been needed for a
while (spec/runtime.md 2.5).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from linkspan.api.errors import ConnectError
from linkspan.config.internal_topics import extra_settings
from linkspan.log.port import Log, TopicSpec
from linkspan.worker import clients
from linkspan.worker.offset_topic import TopicOffsetStore
from linkspan.worker.offsets import OffsetStore, SourceOffset

__all__ = ["LayeredOffsetStore", "OffsetPlaces", "WriteOnce"]

log = logging.getLogger(__name__)

_IDLE_SECONDS: Final = 180.0

WriteOnce = Callable[[str, Mapping[str, str], str, Sequence[tuple[bytes, bytes | None]]], Awaitable[None]]
"""Writes records of a connector (name, configuration) to a topic, in one transaction that fences out its tasks."""


class LayeredOffsetStore:
    """A topic of one connector over the worker's store: read from both, written to the topic and copied (2.5).

    Args:
        own: the connector's topic; what it has counts.
        worker: the worker's store.
    """

    def __init__(self, own: TopicOffsetStore, worker: OffsetStore) -> None:
        self._own = own
        self._worker = worker

    async def start(self) -> None:
        """Both are open."""

    async def stop(self) -> None:
        """Both stay open."""

    async def get(self, connector: str, partitions: Sequence[Mapping[str, object]]) -> list[dict[str, object] | None]:
        """Offset of each partition: the connector's topic has it, or else the worker's store."""
        own, worker = await asyncio.gather(
            self._own.get(connector, partitions), self._worker.get(connector, partitions)
        )
        return [first if first is not None else second for first, second in zip(own, worker, strict=True)]

    async def keys(self, connector: str, partitions: Sequence[Mapping[str, object]]) -> list[bytes]:
        """Keys in the connector's topic."""
        return await self._own.keys(connector, partitions)

    async def set(self, connector: str, offsets: Sequence[SourceOffset]) -> None:
        """Store offsets; what is forgotten is so in the worker's store first, or it would show through."""
        await self._worker.set(connector, [(partition, None) for partition, offset in offsets if offset is None])
        await self._own.set(connector, offsets)
        await self.copy(connector, offsets)

    async def copy(self, connector: str, offsets: Sequence[SourceOffset]) -> None:
        """Have offsets in the worker's store, too, for the way back; that may fail."""
        try:
            await self._worker.set(connector, [item for item in offsets if item[1] is not None])
        except ConnectError as error:
            log.warning("Failed to write offsets to secondary backing store (connector %s): %s", connector, error)

    async def all(self, connector: str) -> list[tuple[dict[str, object], dict[str, object]]]:
        """Every partition that has an offset in either."""
        own, worker = await asyncio.gather(self._own.all(connector), self._worker.all(connector))
        keys = await self._own.keys(connector, [partition for partition, _ in [*worker, *own]])
        return list(dict(zip(keys, [*worker, *own], strict=True)).values())


@dataclass(slots=True)
class _Own:
    """A topic of one connector's."""

    opening: asyncio.Task[TopicOffsetStore]
    users: int = 0
    timer: asyncio.TimerHandle | None = None


class OffsetPlaces:
    """Finds the store of a connector.

    Args:
        properties: the worker's.
        log: where topics are.
        store: the worker's own; open.
        write_once: writes offsets of exactly-once sources; None when there are none.
    """

    def __init__(
        self, properties: Mapping[str, str], log: Log, store: OffsetStore, write_once: WriteOnce | None
    ) -> None:
        self._properties = properties
        self._log = log
        self._store = store
        self._write_once = write_once
        self._own: dict[object, _Own] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def of(self, connector: str, config: Mapping[str, str]) -> AsyncIterator[OffsetStore]:
        """The store of a connector, for as long as the block lasts.

        Args:
            connector: its name.
            config: its configuration.

        Raises:
            ConnectError: its topic is of no use.
        """
        topic = self._own_topic(connector, config)
        if topic is None:
            yield self._written_by(connector, config, self._store)
            return
        settings = self._clients(connector, config)
        key = (connector, topic, tuple(sorted((kind, *sorted(own.items())) for kind, own in settings.items())))
        own = self._own.get(key)
        if own is None:
            opening = asyncio.create_task(self._opened(topic, settings), name=f"offsets of {connector}")
            own = self._own[key] = _Own(opening)
        own.users += 1
        if own.timer is not None:
            own.timer.cancel()
        try:
            store = await asyncio.shield(own.opening)
            written = self._written_by(connector, config, store)
            assert isinstance(written, TopicOffsetStore), "it was one before"
            yield LayeredOffsetStore(written, self._store)
        finally:
            own.users -= 1
            if own.opening.done() and (own.opening.cancelled() or own.opening.exception() is not None):
                self._own.pop(key, None)
            elif not own.users:
                own.timer = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._let_go, key)

    async def copy(self, connector: str, config: Mapping[str, str], offsets: Sequence[SourceOffset]) -> None:
        """Have offsets that a task has stored in its own topic in the worker's store, too."""
        async with self.of(connector, config) as store:
            if isinstance(store, LayeredOffsetStore):
                await store.copy(connector, offsets)

    def _own_topic(self, connector: str, config: Mapping[str, str]) -> str | None:
        exactly_once = self._write_once is not None
        return clients.own_offset_topic(self._properties, config, connector, exactly_once=exactly_once)

    def _clients(self, connector: str, config: Mapping[str, str]) -> dict[str, dict[str, str]]:
        exactly_once = self._write_once is not None
        return clients.offset_topic_clients(self._properties, config, connector, exactly_once=exactly_once)

    def _written_by(self, connector: str, config: Mapping[str, str], store: OffsetStore) -> OffsetStore:
        """A store as it is, or written to in transactions."""
        if self._write_once is None or not isinstance(store, TopicOffsetStore):
            return store
        topic = clients.offset_topic(self._properties, config)
        return store.through(partial(self._write_once, connector, config, topic))

    async def _opened(self, topic: str, settings: Mapping[str, Mapping[str, str]]) -> TopicOffsetStore:
        grouped = "offset.storage.topic" in self._properties
        table = self._log.table(
            {},
            TopicSpec(
                topic,
                int(self._properties.get("offset.storage.partitions", 25 if grouped else -1)),
                int(self._properties.get("offset.storage.replication.factor", 3 if grouped else -1)),
                extra_settings("offset", self._properties, topic) if grouped else {},
            ),
            key="offsets.storage.topic",
            holds="source connector offsets",
            client_id="",
            read_committed=self._write_once is not None,
            clients=settings,
        )
        store = TopicOffsetStore(table)
        await store.start()
        return store

    def _let_go(self, key: object) -> None:
        own = self._own.pop(key, None)
        if own is not None:
            closing = asyncio.create_task(self._close(own), name="close an offset topic")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    @staticmethod
    async def _close(own: _Own) -> None:
        with contextlib.suppress(ConnectError, asyncio.CancelledError):
            store = await own.opening
            await store.stop()

    async def close(self) -> None:
        """Close the topics of connectors."""
        owned, self._own = list(self._own.values()), {}
        for own in owned:
            if own.timer is not None:
                own.timer.cancel()
        await asyncio.gather(*map(self._close, owned), *self._closing)
