"""A compacted topic that is read from its beginning, and on from there (spec/runtime.md 2.1).

The library blocks, so each table has two threads: one makes the topic ready and reads it, the other writes. They share
nothing with the event loop but what they post to it. An idle table waits in the library and on a queue; a record that
arrives or is to be written wakes its thread at once.

Where the reader is
-------------------
A topic may end in offsets that no record has: compaction removes records, and the end of a transaction takes an offset
too. The library reports the end of a partition whenever the reader gets there, with its position; so
the end is known to be reached even where no record has the last offset.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import TopicPartition as Native
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from linkspan.api.errors import ConnectError, RetriableError, UnreachableError
from linkspan.log.kafka.appender import Appender, Job
from linkspan.log.kafka.client import Contact, opened
from linkspan.log.kafka.compacted import CompactedTopic, Purpose
from linkspan.log.kafka.errors import connect_error, kafka_error
from linkspan.log.kafka.follower import Follower, open_consumer
from linkspan.log.kafka.settings import of_worker, translate
from linkspan.log.port import TableRecord, TopicSpec

__all__ = ["KafkaTable"]

_log = logging.getLogger("linkspan.log.kafka")

START_SECONDS: Final = 900.0
"""How long a start goes on while nothing of the topic can be read."""
_START_PAUSE: Final = 10.0
_ASK_SECONDS: Final = 15.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0
_PRODUCER: Final = {
    "acks": "all",
    "max.in.flight.requests.per.connection": "1",
    "enable.idempotence": "false",
    "delivery.timeout.ms": "2147483647",
    "max.block.ms": "9223372036854775807",
}


class KafkaTable:
    """A table on a topic of a Kafka cluster; opened once.

    Args:
        clients: settings of ``producer``, ``consumer`` and ``admin``, perhaps among other properties.
        spec: the topic.
        purpose: what it is for.
        read_committed: leave out what a transaction has not committed.

    Raises:
        ConfigError: a setting cannot be honoured.
    """

    def __init__(
        self,
        clients: Mapping[str, Mapping[str, str]],
        spec: TopicSpec,
        purpose: Purpose,
        *,
        read_committed: bool,
    ) -> None:
        self._topic = spec.name
        self._spec = spec
        self._purpose = purpose
        self._admin_settings = translate("admin", of_worker("admin", clients["admin"]))
        self._producer_settings = {**of_worker("producer", clients["producer"]), **_PRODUCER}
        self._producer_settings.pop("transactional.id", None)
        translate("producer", self._producer_settings)
        self._consumer_settings = of_worker("consumer", clients["consumer"])
        if read_committed:
            self._consumer_settings["isolation.level"] = "read_committed"
        translate("consumer", self._consumer_settings)
        self._addresses = clients["consumer"].get("bootstrap.servers", "(bootstrap.servers is missing)")
        self._take: Callable[[Sequence[TableRecord]], None] = _nobody
        self._positions: dict[int, int] = {}
        self._partitions: list[int] = []
        self._moved = asyncio.Event()
        self._writes: set[asyncio.Future[None]] = set()
        self._closed = False
        self._loaded = False
        self._trouble: ConnectError | None = None

    # --- opening ------------------------------------------------------------------------------------------------

    async def open(self, take: Callable[[Sequence[TableRecord]], None]) -> None:
        """Make, check and read the topic; see :meth:`linkspan.log.port.Table.open`."""
        self._take = take
        loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[int] = loop.create_future()
        self._contact = Contact(self._addresses)
        self._admin = opened("admin", AdminClient, self._admin_settings, {"error_cb": self._contact})
        self._follower = Follower(loop, self, self._topic, self._admin)
        self._appender = Appender(loop, self._topic, self._producer_settings)
        try:
            consumer = open_consumer(self._consumer_settings, self._addresses)
            self._appender.start()
            self._follower.start(consumer, self._prepare_with)
            self._partitions = list(range(await self._ready))
            await self._load()
        except BaseException:
            await self.close()
            raise
        self._loaded = True

    def _prepare_with(self, follower: Follower) -> int:
        """Called in the follower's thread."""
        return CompactedTopic(
            self._admin,
            follower.consumer,
            self._contact,
            self._spec,
            self._purpose,
            self._addresses,
            self._admin_settings.number("default.api.timeout.ms") / 1000,
            self._admin_settings.number("retry.backoff.ms") / 1000,
            follower.stopping,
        ).prepare()

    async def _load(self) -> None:
        """Read what is there now, however long that takes, as long as it goes on."""
        loop = asyncio.get_running_loop()
        ends = await self._first_ends(loop.time() + START_SECONDS)
        reading = asyncio.create_task(self._reach(ends))
        patience = loop.time() + START_SECONDS
        before: dict[int, int] = {}
        try:
            while not (await asyncio.wait([reading], timeout=_START_PAUSE))[0]:
                if self._positions != before:
                    before, patience = dict(self._positions), loop.time() + START_SECONDS
                elif loop.time() >= patience:
                    raise UnreachableError(f"Topic {self._topic} gave nothing for {START_SECONDS:g} s{self._why()}")
                read, all_of_it = sum(self._positions.values()), sum(ends.values())
                _log.info("Still reading topic %s: at offset %d of %d%s", self._topic, read, all_of_it, self._why())
            reading.result()
        finally:
            reading.cancel()

    async def _first_ends(self, deadline: float) -> dict[int, int]:
        loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE
        while True:
            try:
                return await self._ends()
            except RetriableError as error:
                if self._closed or loop.time() + pause > deadline:
                    raise UnreachableError(
                        f"Topic {self._topic} could not be read within {START_SECONDS:g} s: {error.message}"
                    ) from error
                # the leaders of a topic that was just made are known in a moment
                if pause > _LONGEST_PAUSE:
                    _log.warning("%s. Trying again in %.0f s", error.message, pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _START_PAUSE)

    # --- reading ------------------------------------------------------------------------------------------------

    async def read_to_end(self, seconds: float) -> None:
        """Catch up; see :meth:`linkspan.log.port.Table.read_to_end`."""
        try:
            async with asyncio.timeout(seconds):
                await self._catch_up()
        except TimeoutError:
            message = f"Topic {self._topic} could not be read to its end within {seconds:g} s{self._why()}"
            raise RetriableError(message) from None

    async def _catch_up(self) -> None:
        if self._writes:
            await asyncio.wait(self._writes)
        pause = _FIRST_PAUSE
        while True:
            try:
                ends = await self._ends()
                break
            except ConnectError:
                self._check_open()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        await self._reach(ends)

    async def _ends(self) -> dict[int, int]:
        """Offset after the last record of each partition, whether committed or not."""
        self._check_open()
        wanted = {Native(self._topic, number): OffsetSpec.latest() for number in self._partitions}  # type: ignore[no-untyped-call]
        doing = f"Asking for the end of topic {self._topic}"
        try:
            asked = self._admin.list_offsets(wanted, request_timeout=_ASK_SECONDS)
            # all are waited for, or one that fails later would complain that nobody has asked it
            answers = await asyncio.gather(*map(asyncio.wrap_future, asked.values()), return_exceptions=True)
            found = {}
            for native, answer in zip(asked, answers, strict=True):
                if isinstance(answer, BaseException):
                    raise answer
                found[native.partition] = int(answer.offset)
        except KafkaException as error:
            problem = connect_error(error, doing, f"Describe on topic {self._topic}")
            if kafka_error(error).code() == KafkaError._NOENT:  # noqa: SLF001 - public, documented
                problem = RetriableError(problem.message)  # no partition has a leader for now
            if self._loaded:
                self._trouble = problem
            await self._forget_leaders()
            raise problem from error
        return found

    async def _forget_leaders(self) -> None:
        """Have the library look anew who leads the partitions: an answer that they moved does not make it do so."""
        with contextlib.suppress(KafkaException):
            await asyncio.to_thread(self._admin.list_topics, self._topic, timeout=_LONGEST_PAUSE)

    async def _reach(self, ends: Mapping[int, int]) -> None:
        while any(self._positions.get(number, 0) < end for number, end in ends.items()):
            self._check_open()
            if not self._loaded and self._trouble is not None and not isinstance(self._trouble, RetriableError):
                raise self._trouble
            self._moved.clear()
            await self._moved.wait()
        self._trouble = None

    def _check_open(self) -> None:
        if self._closed:
            raise RetriableError(f"The table on topic {self._topic} is closed")

    def _why(self) -> str:
        return f" (latest trouble: {self._trouble.message})" if self._trouble is not None else ""

    # --- what the threads post ----------------------------------------------------------------------------------

    def prepared(self, partitions: int) -> None:
        """The topic is there, and being read."""
        if not self._ready.done():
            self._ready.set_result(partitions)

    def read(self, records: Sequence[TableRecord], positions: Mapping[int, int]) -> None:
        """Records arrived, or the reader got to the end of a partition."""
        if self._closed:
            return
        try:
            if records:
                self._take(records)
        except Exception:  # noqa: BLE001 - supervision point: what follows is read all the same
            _log.exception("Records of topic %s up to %s were not taken in", self._topic, dict(positions))
        finally:
            self._positions.update(positions)
            self._moved.set()

    def troubled(self, error: ConnectError) -> None:
        """Reading is disturbed, and is tried again."""
        self._trouble = error
        self._moved.set()

    def ended(self, error: ConnectError | None) -> None:
        """The reading thread is over; ``error`` says why it could not begin."""
        if not self._ready.done():
            self._ready.set_exception(error or ConnectError(f"Reading topic {self._topic} ended unexpectedly"))
        self._moved.set()

    # --- writing ------------------------------------------------------------------------------------------------

    async def write(self, records: Sequence[tuple[bytes, bytes | None]], seconds: float) -> None:
        """Append; see :meth:`linkspan.log.port.Table.write`."""
        if not records:
            return
        self._check_open()
        job = Job(records, asyncio.get_running_loop().create_future())
        self._writes.add(job.done)
        try:
            async with asyncio.timeout(seconds):
                self._appender.put(job)
                await job.done
        except TimeoutError:
            message = f"Writing to topic {self._topic} was not acknowledged within {seconds:g} s{self._why()}"
            raise RetriableError(message) from None
        finally:
            # a future that is waited for ends here in any case
            job.done.cancel()
            self._writes.discard(job.done)

    # --- closing ------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Stop; see :meth:`linkspan.log.port.Table.close`."""
        self._closed = True
        self._moved.set()
        follower: Follower | None = getattr(self, "_follower", None)
        if follower is not None:
            await follower.stop()
            await self._appender.stop()


def _nobody(_: Sequence[TableRecord]) -> None:
    """Takes nothing; before :meth:`KafkaTable.open`."""
