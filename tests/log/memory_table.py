"""A table in memory, for tests of what is built on tables; several may share one topic, as workers do.

Records reach each table in the order of their partition, and only while somebody waits or :meth:`MemoryTable.deliver`
is called: a table that has not caught up knows nothing of what others wrote, as on a real log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from linkspan.api.errors import ConfigError, ConnectError, RetriableError
from linkspan.log.embedded.partitioner import murmur2
from linkspan.log.port import TableRecord


@dataclass
class MemoryTopic:
    """Partitions of records.

    Attributes:
        name: for messages.
        partitions: how many.
        down: nobody can read or write.
        missed: set when somebody waits for the end of an outage.
        refusal: raised by each write.
        clock: stamps records.
    """

    name: str = "topic"
    partitions: int = 1
    down: bool = False
    refusal: ConnectError | None = None
    clock: Callable[[], int] = lambda: 0
    records: list[list[TableRecord]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.records = [[] for _ in range(self.partitions)]
        self._next = [0] * self.partitions
        self.changed = asyncio.Event()
        self.missed = asyncio.Event()

    def append(self, key: bytes | None, value: bytes | None, timestamp: int | None = None) -> TableRecord:
        """Write one record at once."""
        number = murmur2(key) % self.partitions if key is not None else 0
        stamp = self.clock() if timestamp is None else timestamp
        record = TableRecord(key, value, number, self._next[number], stamp)
        self.records[number].append(record)
        self._next[number] += 1
        return record

    def ends(self) -> list[int]:
        """Offset after the last record of each partition."""
        return list(self._next)

    def compact(self) -> None:
        """Keep the last record of each key; offsets stay what they are, and tombstones go."""
        for number, records in enumerate(self.records):
            last = {record.key: record.offset for record in records}
            self.records[number] = [
                record for record in records if last[record.key] == record.offset and record.value is not None
            ]

    def set_down(self, *, down: bool) -> None:
        """Begin or end an outage."""
        self.down = down
        self.missed.clear()
        self.changed.set()
        self.changed = asyncio.Event()

    def values(self) -> dict[bytes | None, bytes | None]:
        """Last value of each key."""
        return {record.key: record.value for records in self.records for record in records}


class MemoryTable:
    """A table on such a topic."""

    def __init__(self, topic: MemoryTopic, *, single_partition: bool = False) -> None:
        self.topic = topic
        self._single_partition = single_partition
        self._take: Callable[[Sequence[TableRecord]], None] | None = None
        self._positions = [0] * topic.partitions
        self._closed = False
        self._writing = asyncio.Lock()

    async def open(self, take: Callable[[Sequence[TableRecord]], None]) -> None:
        assert self._take is None, "a table is opened once"
        if self._single_partition and self.topic.partitions != 1:
            raise ConfigError(f"Topic {self.topic.name} is required to have a single partition")
        self._take = take
        await self._available("opening", 60)
        self.deliver()

    def deliver(self) -> None:
        """Hand over what is in the topic now."""
        assert self._take is not None, "the table is not open"
        if self._closed:
            return
        for number, records in enumerate(self.topic.records):
            fresh = [record for record in records if record.offset >= self._positions[number]]
            self._positions[number] = self.topic.ends()[number]
            if fresh:
                self._take(fresh)

    async def read_to_end(self, seconds: float) -> None:
        async with self._writing:
            await self._available("reading", seconds)
        self.deliver()

    async def write(self, records: Sequence[tuple[bytes, bytes | None]], seconds: float) -> None:
        async with self._writing:
            await self._available("writing", seconds)
            if self.topic.refusal is not None:
                raise self.topic.refusal
            for key, value in records:
                self.topic.append(key, value)

    async def close(self) -> None:
        self._closed = True
        self.topic.changed.set()

    async def _available(self, doing: str, seconds: float) -> None:
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(seconds):
                while self.topic.down and not self._closed:
                    self.topic.missed.set()
                    await self.topic.changed.wait()
        except TimeoutError:
            raise RetriableError(f"{doing} topic {self.topic.name} took longer than {seconds:g} s") from None
        if self._closed:
            raise RetriableError(f"The table on topic {self.topic.name} is closed")
