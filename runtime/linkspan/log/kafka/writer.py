"""The producer: whole batches in, exact acknowledgements out.

How a batch is known to be done
-------------------------------
A Python callback per record would halve the speed, and the acknowledgement of a later record proves nothing about an
earlier one (retries, a leader that moves, several partitions). So the library is told to call back for *failed* records
only, each with its own index, and successes are counted: ``len(producer)`` is the number of records whose fate is not
yet known or whose report was not yet served. Whenever it is 0, everything sent before has been answered, and what did
not fail was acknowledged. That holds for every order of answers and any number of partitions. Under steady load the
count does not reach 0 by itself: at most ``_WINDOW`` records or ``buffer.memory`` bytes are sent, then the writer waits
until all are answered. A caller who asks for each record's offset gets a callback per record instead.

How order survives a batch that is too large
--------------------------------------------
A topic's ``max.message.bytes`` may be smaller than a request that the library filled from many records. Then all of
them fail. What is still queued is taken back, what is on the wire is waited for, and everything of the topic from the
first failed record on is sent again, in order and one record a request, by a second producer. Records of the topic that
had slipped through meanwhile are repeated, as at-least-once allows, so that the last word in each partition is the
right one. Only a record that is too large by itself fails.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from linkspan.api.errors import ConnectError, RetriableError
from linkspan.api.records import TopicPartition
from linkspan.log.kafka.client import opened
from linkspan.log.kafka.errors import PURGED, connect_error, kafka_error
from linkspan.log.kafka.settings import translate

if TYPE_CHECKING:
    from confluent_kafka import Message

    from linkspan.log.port import OutgoingBatch

__all__ = ["KafkaWriter"]

_log = logging.getLogger("linkspan.log.kafka")

_WINDOW: Final = 131072
"""Records in flight before the writer waits for all of them; each costs some 200 bytes beyond its payload."""
_BLOCK: Final = 1.0
"""Longest wait, in seconds, for room in the buffer before the caller may look at other things."""
_SLICE: Final = 0.1

OnRecord = Callable[[int, TopicPartition, int, int], None]


class _Sent:
    """One batch on its way."""

    __slots__ = ("_owner", "batch", "done", "failures", "on_record", "size")

    def __init__(self, owner: KafkaWriter, batch: OutgoingBatch, on_record: OnRecord | None, size: int) -> None:
        self._owner = owner
        self.batch = batch
        self.on_record = on_record
        self.size = size
        self.done = False
        self.failures: list[tuple[int, Exception]] = []

    def report(self, index: int, error: KafkaError | None, message: Message) -> None:
        """Called by the library for one record."""
        if error is None:
            self._acknowledged(index, message)
        elif error.code() == KafkaError.MSG_SIZE_TOO_LARGE or error.code() in PURGED:
            self._owner.refused(self, index, too_large=error.code() == KafkaError.MSG_SIZE_TOO_LARGE)
        else:
            self.fail(index, error)

    def report_alone(self, index: int, error: KafkaError | None, message: Message) -> None:
        """The same for a record that was sent in a request of its own."""
        if error is None:
            self._acknowledged(index, message)
        else:
            if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
                self._owner.large_records += 1
            self.fail(index, error)

    def _acknowledged(self, index: int, message: Message) -> None:
        if self.on_record is None:
            return
        _, timestamp = message.timestamp()
        where = TopicPartition(self.batch.topic, _known(message.partition()))
        self.on_record(index, where, _known(message.offset()), timestamp)

    def fail(self, index: int, error: KafkaError) -> None:
        """Note a record that will not be written."""
        self.failures.append((index, connect_error(error, f"Writing record {index} to topic {self.batch.topic}")))


def _known(number: int | None) -> int:
    return -1 if number is None else number


def _size(batch: OutgoingBatch) -> int:
    size = sum(map(len, filter(None, batch.values)))
    if batch.keys is not None:
        size += sum(map(len, filter(None, batch.keys)))
    if batch.headers is not None:
        size += sum(len(name) + len(value or b"") for some in batch.headers if some for name, value in some)
    return size


class KafkaWriter:
    """A producer; see the module's text for how it keeps its promises.

    Args:
        settings: as Java's producer takes them.

    Raises:
        ConfigError: a setting that cannot be honoured.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = translate("producer", settings)
        self._memory = self._settings.number("buffer.memory")
        self._block = min(self._settings.number("max.block.ms") / 1000, _BLOCK)
        self._reporting = False
        self._producer = self._open()
        self._alone: Producer | None = None
        self._alone_topics: set[str] = set()
        self._in_flight: deque[_Sent] = deque()
        self._records = 0
        self._bytes = 0
        self._refused: list[tuple[_Sent, int]] = []
        self._first_refused: dict[str, tuple[_Sent, int]] = {}
        self._resending = False
        self._closed = False
        self.large_records = 0

    # -- the port ----------------------------------------------------------------------------------------------------

    def send(self, batch: OutgoingBatch, on_record: OnRecord | None = None) -> _Sent:
        """Queue a batch; see :meth:`linkspan.log.port.Writer.send`."""
        size = _size(batch)
        self._await_room(len(batch), size)
        if on_record is not None and not self._reporting:
            self._start_reporting()
        sent = _Sent(self, batch, on_record, size)
        if len(batch) == 0:
            sent.done = True
            return sent
        self._in_flight.append(sent)
        self._records += len(batch)
        self._bytes += size
        if batch.topic in self._alone_topics:
            self._produce(self._alone_producer(), sent, range(len(batch)), sent.report_alone)
        else:
            self._produce_all(sent)
        return sent

    def poll(self, timeout: float = 0.0) -> None:
        """Take in answers; see :meth:`linkspan.log.port.Writer.poll`."""
        if timeout > 0 and self._in_flight:
            # flushing does not wait for linger.ms
            (self._alone if self._alone is not None and len(self._alone) else self._producer).flush(timeout)
        else:
            self._producer.poll(timeout)
        if self._alone is not None:
            self._alone.poll(0)
        self._advance()

    def flush(self, timeout: float) -> bool:
        """Wait for everything sent; see :meth:`linkspan.log.port.Writer.flush`."""
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            self.poll(max(0.0, min(left, _SLICE)))
            if not self._in_flight or left <= 0:
                return not self._in_flight

    def close(self, timeout: float) -> None:
        """Flush, then give up what is left; see :meth:`linkspan.log.port.Writer.close`."""
        if self._closed:
            return
        if not self.flush(timeout):
            _log.warning("%d records were not acknowledged when the producer was closed", self._records)
        self._closed = True
        for producer in filter(None, (self._producer, self._alone)):
            # a producer that is dropped with queued records waits for them for ever
            producer.purge(in_queue=True, in_flight=True, blocking=False)
            producer.flush(0)

    # -- room --------------------------------------------------------------------------------------------------------

    def _await_room(self, records: int, size: int) -> None:
        if self._closed:
            raise ConnectError("The writer is closed")
        self._producer.poll(0)
        if self._fits(records, size):
            return
        deadline = time.monotonic() + self._block
        while not self._fits(records, size):
            if time.monotonic() >= deadline:
                raise RetriableError(
                    f"{self._records} records ({self._bytes} bytes) wait for the broker's acknowledgement and the "
                    f"buffer (buffer.memory={self._memory}) has no room for {records} more"
                )
            self.poll(_SLICE)

    def _fits(self, records: int, size: int) -> bool:
        if self._first_refused or self._resending:
            return False
        # a batch larger than the whole buffer passes when it has the buffer to itself
        return not self._in_flight or (self._records + records <= _WINDOW and self._bytes + size <= self._memory)

    # -- producing ---------------------------------------------------------------------------------------------------

    def _open(self, **more: str | int) -> Producer:
        only_errors = {} if self._reporting else {"delivery.report.only.error": True}
        return opened("producer", Producer, self._settings, {**only_errors, **more})

    def _start_reporting(self) -> None:
        """From now on every record is reported: the library decides that per producer, so it is opened again."""
        if not self._idle():
            raise RetriableError("Waiting for earlier records before each record is reported")
        self._reporting = True
        self._producer = self._open()
        self._alone = None

    def _idle(self) -> bool:
        return not self._in_flight or self.flush(self._block)

    def _alone_producer(self) -> Producer:
        if self._alone is None:
            self._alone = self._open(**{"batch.num.messages": 1, "linger.ms": 0})
        return self._alone

    def _produce_all(self, sent: _Sent) -> None:
        batch = sent.batch
        # produce_batch knows neither headers nor timestamps, and takes one partition for all
        if _stated(batch.partitions) or _stated(batch.timestamps) or (batch.headers is not None and any(batch.headers)):
            self._produce(self._producer, sent, range(len(batch)), sent.report)
            return
        messages = _messages(batch, list(map(partial, repeat(sent.report), range(len(batch)))))
        queued = self._producer.produce_batch(batch.topic, messages)
        if queued != len(messages):
            for index, message in enumerate(messages):
                if (error := message.get("_error")) is not None:
                    sent.fail(index, error)

    def _produce(
        self,
        producer: Producer,
        sent: _Sent,
        indices: Sequence[int],
        report: Callable[[int, KafkaError | None, Message], None],
    ) -> None:
        """Queue records one by one."""
        batch = sent.batch
        for index in indices:
            options: dict[str, Any] = {}
            if batch.headers is not None and (headers := batch.headers[index]):
                options["headers"] = list(headers)
            if batch.partitions is not None and (number := batch.partitions[index]) is not None:
                options["partition"] = number
            if batch.timestamps is not None and (timestamp := batch.timestamps[index]) is not None:
                options["timestamp"] = timestamp
            key = batch.keys[index] if batch.keys is not None else None
            try:
                producer.produce(batch.topic, batch.values[index], key, on_delivery=partial(report, index), **options)
            except KafkaException as error:
                sent.fail(index, kafka_error(error))

    # -- answers -----------------------------------------------------------------------------------------------------

    def refused(self, sent: _Sent, index: int, *, too_large: bool) -> None:
        """A record came back because its request was too large, or was taken back for that reason."""
        self._refused.append((sent, index))
        if not too_large or self._closed:
            return
        if not self._first_refused:
            self._producer.purge(in_queue=True, in_flight=False, blocking=False)
        topic = sent.batch.topic
        first = self._first_refused.get(topic)
        order = {id(other): number for number, other in enumerate(self._in_flight)}
        if first is None or (order[id(sent)], index) < (order[id(first[0])], first[1]):
            self._first_refused[topic] = (sent, index)

    def _advance(self) -> None:
        """Draw the conclusions from what was answered."""
        if len(self._producer) or (self._alone is not None and len(self._alone)):
            return
        if self._first_refused:
            self._resend()
            return
        if self._resending:
            self._resending = False
            self._after_resending()
        for sent in self._in_flight:
            sent.done = True
        self._in_flight.clear()
        self._records = self._bytes = 0

    def _resend(self) -> None:
        again = self._to_resend()
        topics = ", ".join(sorted(self._first_refused))
        _log.warning(
            "A request was larger than topic %s takes (max.message.bytes); sending %d records again, one a request",
            topics,
            sum(len(indices) for _, indices in again),
        )
        self._alone_topics.update(self._first_refused)
        self._first_refused.clear()
        self._refused.clear()
        self._resending = True
        self.large_records = 0
        producer = self._alone_producer()
        for sent, indices in again:
            self._produce(producer, sent, indices, sent.report_alone)

    def _to_resend(self) -> list[tuple[_Sent, Sequence[int]]]:
        """What to send again, in order: everything of a topic from its first refused record on, and what was purged."""
        purged: dict[int, list[int]] = {}
        for sent, index in self._refused:
            purged.setdefault(id(sent), []).append(index)
        again: list[tuple[_Sent, Sequence[int]]] = []
        started: set[str] = set()
        for sent in self._in_flight:
            topic = sent.batch.topic
            first = self._first_refused.get(topic)
            gone = {index for index, _ in sent.failures}
            if first is not None and first[0] is sent:
                started.add(topic)
                indices: Sequence[int] = range(first[1], len(sent.batch))
            elif topic in started:
                indices = range(len(sent.batch))
            else:
                indices = sorted(purged.get(id(sent), []))
            wanted = [index for index in indices if index not in gone]
            if wanted:
                again.append((sent, wanted))
        return again

    def _after_resending(self) -> None:
        """Go back to large requests where a single large record was to blame, not the limit of the topic."""
        if self.large_records:
            self._alone_topics.clear()


def _stated(column: Sequence[int | None] | None) -> bool:
    return column is not None and any(number is not None for number in column)


def _messages(batch: OutgoingBatch, reports: list[Callable[..., None]]) -> list[dict[str, Any]]:
    """The batch as ``produce_batch`` takes it."""
    values = batch.values
    if batch.keys is None:
        return [{"value": v, "callback": r} for v, r in zip(values, reports, strict=True)]
    return [{"value": v, "key": k, "callback": r} for v, k, r in zip(values, batch.keys, reports, strict=True)]
