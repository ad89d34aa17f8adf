"""Simulated transactional ids on the brokers: who may write with one, and the writers that sources and leaders have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from linkspan.api.errors import ConnectError, FencedError, RetriableError
from tests.simulation.clock import VirtualLoop
from tests.simulation.log import Link, Topic, Weather

T = TypeVar("T")
_GIVE_UP_SECONDS = 5.0
LEADER_ID = "workers"


@dataclass
class Coordinator:
    """Knows the newest producer of each transactional id; only that one may write.

    Attributes:
        epochs: how often each id was taken over.
    """

    epochs: dict[str, int] = field(default_factory=dict)

    def take_over(self, transactional_id: str) -> int:
        epoch = self.epochs[transactional_id] = self.epochs.get(transactional_id, 0) + 1
        return epoch

    def check(self, transactional_id: str, epoch: int) -> None:
        if self.epochs.get(transactional_id) != epoch:
            raise FencedError(f"simulated: somebody newer writes as {transactional_id}")


@dataclass
class Connection:
    """Requests of one process to the brokers; a request or its answer may get lost."""

    loop: VirtualLoop
    broker: VirtualLoop
    link: Link
    weather: Weather

    async def ask(self, work: Callable[[], T], seconds: float = _GIVE_UP_SECONDS) -> T:
        """Have something done at once on the brokers.

        Raises:
            RetriableError: there is no answer; it may have been done, but is not done later.
            ConnectError: as the brokers answer.
        """
        answered: asyncio.Future[T | None] = self.loop.create_future()
        unanswered = RetriableError("simulated: no answer")

        def settle(error: Exception | None, result: T | None) -> None:
            if answered.done():
                return
            if error is None:
                answered.set_result(result)
            else:
                answered.set_exception(error)

        def arrive() -> None:
            error: Exception | None = None
            result: T | None = None
            lost = self.weather.happens(self.weather.lost_writes)
            if not self.link.up or (lost and self.weather.chance.random() < 0.5):
                error = unanswered
            else:
                try:
                    result = work()
                except ConnectError as refusal:
                    error = refusal
                if lost:
                    error = unanswered
            self.loop.call_soon(settle, error, result)

        self.broker.call_later(self.weather.travel(), arrive)
        try:
            done = await answered
        except RetriableError:
            await asyncio.sleep(seconds * self.weather.chance.random())
            raise
        await asyncio.sleep(self.weather.travel())
        return done  # type: ignore[return-value] # None is no answer only where nothing was asked for


class SimulatedExclusiveWriter:
    """What the leaders of a group write configurations with; see :class:`linkspan.log.port.ExclusiveWriter`."""

    def __init__(self, topic: Topic, coordinator: Coordinator, connection: Connection) -> None:
        self._topic = topic
        self._coordinator = coordinator
        self._connection = connection
        self._turn = asyncio.Lock()
        self._epoch: int | None = None

    @property
    def claimed(self) -> bool:
        return self._epoch is not None

    async def claim(self, seconds: float) -> None:
        await self._to_its_end(self._claim(seconds))

    async def write(self, records: Sequence[tuple[bytes, bytes | None]], seconds: float) -> None:
        await self._to_its_end(self._write(records, seconds))

    async def release(self) -> None:
        async with self._turn:
            self._epoch = None

    @staticmethod
    async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(task)

    async def _claim(self, seconds: float) -> None:
        async with self._turn:
            self._epoch = None
            self._epoch = await self._connection.ask(lambda: self._coordinator.take_over(LEADER_ID), seconds)

    async def _write(self, records: Sequence[tuple[bytes, bytes | None]], seconds: float) -> None:
        async with self._turn:
            epoch = self._epoch
            if epoch is None:
                raise ConnectError("simulated: nothing can be written before the topic was claimed")

            def append() -> None:
                self._coordinator.check(LEADER_ID, epoch)
                if not self._topic.up:
                    raise RetriableError("simulated: the topic is down")
                for key, value in records:
                    self._topic.append(key, value, by_leader=True)

            try:
                await self._connection.ask(append, seconds)
            except BaseException:
                self._epoch = None
                raise
