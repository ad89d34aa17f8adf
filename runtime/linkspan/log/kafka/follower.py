"""The thread that makes a table's topic ready and then reads all of it, for as long as the table is open."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as Native
from confluent_kafka.admin import AdminClient

from linkspan.api.errors import ConnectError
from linkspan.log.kafka.client import Contact, Repeats, opened
from linkspan.log.kafka.compacted import StoppedError
from linkspan.log.kafka.errors import END_OF_PARTITION, connect_error
from linkspan.log.kafka.settings import translate
from linkspan.log.port import TableRecord

__all__ = ["Follower", "FollowerListener", "open_consumer"]

_log = logging.getLogger("linkspan.log.kafka")

_SLICE: Final = 0.25
"""Seconds that the thread waits for a record before it looks whether it is to stop."""
_AGAIN_SECONDS: Final = 1.0
_BATCH: Final = 1000
_BATCHES_AHEAD: Final = 8
"""Batches posted to the loop that it has not taken yet."""
_POSITIONED: Final = {
    "auto.offset.reset": "earliest",
    "enable.auto.commit": "false",
    "group.protocol": "classic",
}
_PROMPT: Final = {"reconnect.backoff.ms": "50"}
"""As the original's. A client connects to its next broker no sooner than half of that after the first one; with what
this library's clients have otherwise, a quarter of a second of each start would be spent on waiting."""


class _Consumer:
    """The consumer with what it reports."""

    def __init__(self, settings: Mapping[str, str], addresses: str) -> None:
        self.contact = Contact(addresses)
        # partitions are assigned by hand, so the group is a name only; the library wants one
        settings = {"group.id": settings.get("client.id", "linkspan"), **_PROMPT, **settings, **_POSITIONED}
        more: dict[str, Any] = {"enable.partition.eof": True, "error_cb": self.contact}
        self.client: Consumer = opened("consumer", Consumer, translate("consumer", settings), more)


def open_consumer(settings: Mapping[str, str], addresses: str) -> _Consumer:
    """Open a consumer of all partitions from their beginning.

    Raises:
        ConfigError: a setting that cannot be honoured.
    """
    return _Consumer(settings, addresses)


class FollowerListener(Protocol):
    """Told on the event loop what the thread finds."""

    def prepared(self, partitions: int) -> None:
        """The topic is there, and being read."""
        ...

    def read(self, records: Sequence[TableRecord], positions: Mapping[int, int]) -> None:
        """Records arrived, or the reader got to the end of a partition."""
        ...

    def troubled(self, error: ConnectError) -> None:
        """Reading is disturbed, and is tried again."""
        ...

    def ended(self, error: ConnectError | None) -> None:
        """The thread is over; ``error`` says why it could not begin."""
        ...


class Follower:
    """Reads one topic.

    Args:
        loop: where the listener is called.
        listener: told what is found.
        topic: name.
        admin: a client whose reports are taken in here.

    Attributes:
        stopping: set when the thread is to end.
        consumer: reads, once the thread has started.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, listener: FollowerListener, topic: str, admin: AdminClient
    ) -> None:
        self._loop = loop
        self._listener = listener
        self._topic = topic
        self._admin = admin
        self._room = threading.Semaphore(_BATCHES_AHEAD)
        self._over = asyncio.Event()
        self._thread: threading.Thread | None = None
        self._repeats = Repeats()
        self.stopping = threading.Event()
        self.consumer: Consumer

    def start(self, consumer: _Consumer, prepare: Callable[[Follower], int]) -> None:
        """Begin: make the topic ready, then read it.

        Args:
            consumer: from :func:`open_consumer`.
            prepare: called in the thread; returns the number of partitions.
        """
        self.consumer = consumer.client
        self._contact = consumer.contact
        self._thread = threading.Thread(
            target=self._run, args=(prepare,), name=f"reader of topic {self._topic}", daemon=True
        )
        self._thread.start()

    async def stop(self) -> None:
        """End the thread."""
        self.stopping.set()
        if self._thread is not None:
            await self._over.wait()
            self._thread.join()

    # --- in the thread ------------------------------------------------------------------------------------------

    def _run(self, prepare: Callable[[Follower], int]) -> None:
        failure: ConnectError | None = None
        try:
            partitions = prepare(self)
            self.consumer.assign([Native(self._topic, number, OFFSET_BEGINNING) for number in range(partitions)])
            self._post(self._listener.prepared, partitions)
            while not self.stopping.is_set() and not self._loop.is_closed():
                self._read_on()
        except StoppedError:
            pass
        except ConnectError as error:
            failure = error
        except KafkaException as error:
            failure = connect_error(error, f"Reading topic {self._topic}")
        finally:
            self.consumer.close()
            self._post(self._listener.ended, failure)
            self._post(self._over.set)

    def _read_on(self) -> None:
        try:
            self._read()
        except Exception:  # noqa: BLE001 - supervision point: nobody would notice that nothing is read any more
            _log.exception("Reading topic %s failed; going on in %g s", self._topic, _AGAIN_SECONDS)
            self.stopping.wait(_AGAIN_SECONDS)

    def _post(self, call: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:
            # the loop is closed: there is nobody left to tell
            self.stopping.set()

    def _read(self) -> None:
        self._admin.poll(0)
        # consume() waits until the list is full or the time is over, so it waits for one record only
        try:
            messages: list[Message] = self.consumer.consume(1, _SLICE)
            if messages:
                messages += self.consumer.consume(_BATCH, 0)
        except KafkaException as error:
            self._report(connect_error(error, f"Reading topic {self._topic}"))
            return
        try:
            self._contact.check()
        except ConnectError as error:
            self._report(error)
        if messages:
            self._hand_over(messages)

    def _hand_over(self, messages: list[Message]) -> None:
        records: list[TableRecord] = []
        positions: dict[int, int] = {}
        for message in messages:
            error, partition, offset = message.error(), message.partition(), message.offset()
            if error is not None and error.code() != END_OF_PARTITION:
                self._take_error(error)
                continue
            assert partition is not None, "a record has a partition"
            assert offset is not None, "a record has an offset"
            if error is not None:
                positions[partition] = offset
                continue
            positions[partition] = offset + 1
            records.append(
                TableRecord(_bytes(message.key()), _bytes(message.value()), partition, offset, message.timestamp()[1])
            )
        if not positions:
            return
        while not self._room.acquire(timeout=_SLICE):
            if self.stopping.is_set() or self._loop.is_closed():
                return
        self._post(self._taken, records, positions)

    def _take_error(self, error: KafkaError) -> None:
        # the group is a name only: nobody joins it, so nobody needs a right to it
        if error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED:
            self._report(connect_error(error, f"Reading topic {self._topic}", f"Read on topic {self._topic}"))

    def _report(self, error: ConnectError) -> None:
        held = self._repeats.admit(error.message)
        if held is not None:
            _log.warning("%s%s", error.message, f"; it came {held} times more since it was logged last" if held else "")
        self._post(self._listener.troubled, error)

    # --- on the loop --------------------------------------------------------------------------------------------

    def _taken(self, records: Sequence[TableRecord], positions: Mapping[int, int]) -> None:
        self._room.release()
        self._listener.read(records, positions)


def _bytes(content: str | bytes | None) -> bytes | None:
    return content.encode() if isinstance(content, str) else content
