"""Simulated topics, and the tables that processes open on them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from linkspan.api.errors import RetriableError
from linkspan.log.embedded.partitioner import murmur2
from linkspan.log.port import TableRecord
from linkspan.worker.restarts import RestartPolicy
from tests.simulation.clock import Agenda, VirtualLoop

RETRY_SECONDS = 0.3


@dataclass
class Weather:
    """What goes wrong by chance, in every part of a run; nothing once it is calm.

    Attributes:
        chance: the only source of randomness of a run.
        calm: nothing goes wrong any more.
        lost_writes: how often of 1 a write is not acknowledged, or repeated.
        slow: how often something takes seconds instead of milliseconds.
        broken_children: how often a child fails or hangs.
        restarts: how often, and how soon, workers restart what has failed; None for never.
    """

    chance: random.Random
    calm: bool = False
    lost_writes: float = 0.0
    slow: float = 0.0
    broken_children: float = 0.0
    restarts: RestartPolicy | None = None

    def happens(self, probability: float) -> bool:
        return not self.calm and self.chance.random() < probability

    def travel(self) -> float:
        """How long a message takes."""
        return self.chance.uniform(0.2, 3.0) if self.happens(self.slow) else self.chance.uniform(0.001, 0.02)


class Link:
    """The connection of one process to the brokers.

    Attributes:
        up: whether there is one.
        cut: called when it breaks, each thing once.
        restored: called when it is there again, each thing once.
    """

    def __init__(self) -> None:
        self.up = True
        self.cut: list[Callable[[], object]] = []
        self.restored: list[Callable[[], object]] = []

    def set(self, *, up: bool) -> None:
        self.up = up
        calls = self.restored if up else self.cut
        waiting = list(calls)
        calls.clear()
        for call in waiting:
            call()


@dataclass
class Topic:
    """Partitions of records, on brokers that may all be down.

    Attributes:
        appended: told key, value and offset of each record, and whether a leader has written it as such.
    """

    agenda: Agenda
    partitions: int
    appended: Callable[[bytes, bytes | None, int, bool], None] = lambda *_: None
    up: bool = True
    records: list[list[TableRecord]] = field(default_factory=list)
    tables: list[SimulatedTable] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.records = [[] for _ in range(self.partitions)]
        self._next = [0] * self.partitions

    def append(self, key: bytes, value: bytes | None, *, by_leader: bool = False, timestamp: int | None = None) -> None:
        """Add a record; its time is that of the broker, unless whoever wrote it has given one."""
        number = murmur2(key) % self.partitions
        stamp = int(self.agenda.now * 1000) if timestamp is None else timestamp
        record = TableRecord(key, value, number, self._next[number], stamp)
        self._next[number] += 1
        self.records[number].append(record)
        self.appended(key, value, record.offset, by_leader)
        for table in self.tables:
            table.notice(number)

    def end(self, partition: int) -> int:
        return self._next[partition]

    def set_up(self, *, up: bool) -> None:
        self.up = up
        if up:
            for table in self.tables:
                for number in range(self.partitions):
                    table.notice(number)

    def compact(self) -> None:
        """Drop what a later record of its key replaces, and tombstones that all have read; never the last record."""
        for number, records in enumerate(self.records):
            last = {record.key: record.offset for record in records}
            read = min((table.position(number) for table in self.tables), default=self.end(number))
            self.records[number] = [
                record
                for record in records
                if record.offset == self.end(number) - 1
                or (last[record.key] == record.offset and (record.value is not None or record.offset >= read))
            ]


class SimulatedTable:
    """A table of one process."""

    def __init__(
        self,
        topic: Topic,
        loop: VirtualLoop,
        broker: VirtualLoop,
        link: Link,
        weather: Weather,
        now_ms: Callable[[], int],
    ) -> None:
        self._topic = topic
        self._now_ms = now_ms
        self._loop = loop
        self._broker = broker
        self._link = link
        self._weather = weather
        self._take: Callable[[Sequence[TableRecord]], None] | None = None
        self._positions = [0] * topic.partitions
        self._coming = [False] * topic.partitions
        self._writing = asyncio.Lock()

    def position(self, partition: int) -> int:
        return self._positions[partition]

    async def open(self, take: Callable[[Sequence[TableRecord]], None]) -> None:
        await self._reach(900.0, "opening")
        self._take = take
        self._topic.tables.append(self)
        for number in range(self._topic.partitions):
            self._deliver(number)

    async def read_to_end(self, seconds: float) -> None:
        deadline = self._loop.time() + seconds
        async with self._writing:
            await self._reach(seconds, "reading")
            left = deadline - self._loop.time()
            travel = self._weather.travel()
            if travel > left:
                await asyncio.sleep(max(left, 0))
                raise RetriableError("simulated: reading took too long")
            await asyncio.sleep(travel)
            if self._topic.up and self._link.up:
                for number in range(self._topic.partitions):
                    self._deliver(number)
                return
        raise RetriableError("simulated: the brokers went away while the topic was read")

    async def write(self, records: Sequence[tuple[bytes, bytes | None]], seconds: float) -> None:
        deadline = self._loop.time() + seconds
        async with self._writing:
            await self._reach(deadline - self._loop.time(), "writing")
            written = self._loop.create_future()
            arrive = self._weather.travel()
            stamped = [(key, value, self._now_ms()) for key, value in records]
            self._broker.call_later(arrive, self._arrive, stamped, self._fate(), written)
            # A write must have ended when whoever asked is told: what is on the way then arrives, or never does.
            fine = await written
            if fine:
                await asyncio.sleep(self._weather.travel())
                return
            await asyncio.sleep(max(deadline - self._loop.time(), 0) * self._weather.chance.random())
            raise RetriableError("simulated: not acknowledged")

    def _fate(self) -> str:
        if not self._weather.happens(self._weather.lost_writes):
            return "written"
        return self._weather.chance.choice(("lost", "not acknowledged", "partly", "repeated", "repeated"))

    def _arrive(self, records: list[tuple[bytes, bytes | None, int]], fate: str, written: asyncio.Future[Any]) -> None:
        """At the broker; the process may be gone meanwhile."""
        if not (self._topic.up and self._link.up):
            fate = "lost"
        if fate == "partly":
            records = records[: self._weather.chance.randrange(len(records) + 1)]
        for _ in range(2 if fate == "repeated" else 1):
            for key, value, stamp in () if fate == "lost" else records:
                self._topic.append(key, value, timestamp=stamp)
        self._loop.call_soon(_settle, written, fate in {"written", "repeated"})

    async def close(self) -> None:
        self.forget()

    def forget(self) -> None:
        if self in self._topic.tables:
            self._topic.tables.remove(self)

    async def _reach(self, seconds: float, doing: str) -> None:
        deadline = self._loop.time() + seconds
        while not (self._topic.up and self._link.up):
            left = deadline - self._loop.time()
            if left <= 0:
                raise RetriableError(f"simulated: {doing} a topic took longer than {seconds:g} s")
            await asyncio.sleep(min(left, RETRY_SECONDS))

    def notice(self, partition: int) -> None:
        """There is something new in the topic: it gets here after a while."""
        if not self._coming[partition]:
            self._coming[partition] = True
            self._loop.call_later(self._weather.travel(), self._come, partition)

    def _come(self, partition: int) -> None:
        self._coming[partition] = False
        if self._topic.up and self._link.up:
            self._deliver(partition)
        elif not self._link.up:
            self._link.restored.append(lambda: self.notice(partition))

    def _deliver(self, partition: int) -> None:
        records, position = self._topic.records[partition], self._positions[partition]
        if self._topic.end(partition) == position or self not in self._topic.tables:
            return
        first = len(records)
        while first and records[first - 1].offset >= position:
            first -= 1
        self._positions[partition] = self._topic.end(partition)
        assert self._take is not None
        self._take(records[first:])


def _settle(future: asyncio.Future[Any], result: object) -> None:
    if not future.done():
        future.set_result(result)
