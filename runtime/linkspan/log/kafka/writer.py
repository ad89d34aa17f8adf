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

How order survives a retry
--------------------------
Java's producer with one request in flight builds the next request when the last one was answered. librdkafka builds
ahead, even then: when a request has to be retried, say because the leader of a new topic is not known to the broker
yet, the one behind it overtakes it. An idempotent producer takes the request behind back and keeps the order; so source
tasks write idempotently unless told otherwise (KIP-679). Without idempotence and with one request in flight, only so
much is handed to the library at a time as fits one request, and more when all of it was answered; and nothing before
it knows the topic's partitions, for it hands out what waited for them record by record, in as many requests as it
finds time for. Where idempotence
is only the default and the broker refuses it (no right to it before Kafka 2.8, lost producer state), the producer is
opened again without it and what was not acknowledged is sent once more, in order.

How order survives a batch that is too large
--------------------------------------------
A topic's ``max.message.bytes`` may be smaller than a request that the library filled from many records. Then all of
them fail. What is still queued is taken back, what is on the wire is waited for, and everything of the topic from the
first failed record on is sent again, in order and one record a request, by a second producer. Records of the topic that
had slipped through meanwhile are repeated, as at-least-once allows, so that the last word in each partition is the
right one. Only a record that is too large by itself fails. If there is none, the topic takes smaller requests than
others: from then on all requests are smaller.
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
from linkspan.log.kafka.client import Contact, opened
from linkspan.log.kafka.errors import NOT_IDEMPOTENT, NOT_YET_KNOWN, PURGED, connect_error, kafka_error
from linkspan.log.kafka.settings import translate
from linkspan.log.port import TooLargeError

if TYPE_CHECKING:
    from confluent_kafka import Message

    from linkspan.log.port import OutgoingBatch, WireHeader

__all__ = [
    "RECORD_OVERHEAD",
    "KafkaWriter",
    "headers_size",
    "needs_single_calls",
    "payload_size",
    "record_size",
    "single_options",
]

_log = logging.getLogger("linkspan.log.kafka")

_WINDOW: Final = 131072
"""Records in flight before the writer waits for all of them; each costs some 200 bytes beyond its payload."""
RECORD_OVERHEAD: Final = 70
"""Bytes that a record costs in a request beyond key, value and headers, at most."""
_SMALLER: Final = 8
"""By which requests become smaller."""
_SMALLEST: Final = 1024
"""Bytes of a request below which records for such a topic go one by one."""
_UNTIL_FLUSHED: Final = 900000
"""librdkafka's largest ``linger.ms``: nothing is sent before a request's worth of records was handed over."""
_BLOCK: Final = 1.0
"""Longest wait, in seconds, for room in the buffer before the caller may look at other things."""
_SLICE: Final = 0.1
_UNTIL_KNOWN: Final = 30.0
"""Seconds that a topic may stay unknown (``topic.metadata.propagation.max.ms``); then the library reports it."""
_SENDING: Final = 0.005
"""Seconds after which the library has noticed that it is being flushed."""

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
        else:
            self.refuse(index, error)

    def report_alone(self, index: int, error: KafkaError | None, message: Message) -> None:
        """The same for a record that was sent in a request of its own."""
        if error is None:
            self._acknowledged(index, message)
        else:
            self.refuse(index, error, alone=True)

    def _acknowledged(self, index: int, message: Message) -> None:
        if self.on_record is None:
            return
        _, timestamp = message.timestamp()
        where = TopicPartition(self.batch.topic, _known(message.partition()))
        self.on_record(index, where, _known(message.offset()), timestamp)

    def refuse(self, index: int, error: KafkaError, *, alone: bool = False) -> None:
        """Have a record sent again where that helps, or note that it will not be written."""
        too_large = error.code() == KafkaError.MSG_SIZE_TOO_LARGE
        if too_large and alone:
            self._owner.large_records += 1
            self.fail(index, error)
        elif too_large or error.code() in PURGED or self._owner.falls_back(error):
            self._owner.refused(self, index, too_large=too_large)
        else:
            self.fail(index, error)

    def fail(self, index: int, error: KafkaError) -> None:
        """Note a record that will not be written."""
        topic = self.batch.topic
        right = f"Write on topic {topic} (and Create, if it does not exist)"
        refused = connect_error(error, f"Writing record {index} to topic {topic}", right)
        if isinstance(refused, TooLargeError):
            refused = self._owner.too_large(topic, record_size(self.batch, index))
        self.failures.append((index, refused))


def _known(number: int | None) -> int:
    return -1 if number is None else number


def record_size(batch: OutgoingBatch, index: int) -> int:
    """Bytes of key, value and headers of one record, at most."""
    size = len(batch.values[index] or b"")
    if batch.keys is not None:
        size += len(batch.keys[index] or b"")
    if batch.headers is not None:
        size += headers_size(batch.headers[index] or ())
    return size


def headers_size(headers: Sequence[WireHeader]) -> int:
    """Bytes of the headers of one record, at most."""
    return sum(len(name) * (1 if name.isascii() else 4) + len(value or b"") + 10 for name, value in headers)


def _size_of(batch: OutgoingBatch, index: int) -> int:
    """Bytes of one record in a request, at most."""
    return record_size(batch, index) + RECORD_OVERHEAD


def payload_size(batch: OutgoingBatch) -> int:
    """Bytes of keys, values and headers."""
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
        self._batch = int(self._settings.native["batch.size"])
        self._block = min(self._settings.number("max.block.ms") / 1000, _BLOCK)
        self._idempotent = str(self._settings.native["enable.idempotence"]) == "true"
        self._optional = self._idempotent and "enable.idempotence" not in settings
        self._broken = ""
        self._reporting = False
        self._queue: deque[tuple[_Sent, Sequence[int]]] = deque()
        self._contact = Contact(settings.get("bootstrap.servers", ""))
        self._producer = self._open()
        self._alone: Producer | None = None
        self._alone_topics: set[str] = set()
        self._asked: dict[str, float] = {}
        self._known_topics: set[str] = set()
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
        size = payload_size(batch)
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
        self._queue.append((sent, range(len(batch))))
        self._dispatch()
        return sent

    def poll(self, timeout: float = 0.0) -> None:
        """Take in answers; see :meth:`linkspan.log.port.Writer.poll`."""
        self._contact.check()
        self._take_answers(timeout)

    def _take_answers(self, timeout: float) -> None:
        if self._one_at_a_time:
            timeout = max(timeout, _SENDING)
        if timeout > 0 and self._unanswered():
            # flushing does not wait for linger.ms
            _flush(self._alone if self._alone is not None and len(self._alone) else self._producer, timeout)
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
            self._take_answers(max(0.0, min(left, _SLICE)))
            if not self._in_flight or left <= 0 or self._contact.refused:
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
            _flush(producer, 0)

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
        if self._first_refused or self._resending or self._broken:
            return False
        # a batch larger than the whole buffer passes when it has the buffer to itself
        return not self._in_flight or (self._records + records <= _WINDOW and self._bytes + size <= self._memory)

    # -- producing ---------------------------------------------------------------------------------------------------

    def _open(self, **more: str | int) -> Producer:
        options: dict[str, Any] = {
            "enable.idempotence": "true" if self._idempotent else "false",
            "batch.size": self._batch,
            "error_cb": self._on_error if self._optional else self._contact,
        }
        if not self._reporting:
            options["delivery.report.only.error"] = True
        if self._one_at_a_time:
            options["linger.ms"] = _UNTIL_FLUSHED
        return opened("producer", Producer, self._settings, {**options, **more})

    @property
    def _one_at_a_time(self) -> bool:
        """Whether order has to be kept by us."""
        return not self._idempotent and self._settings.number("max.in.flight.requests.per.connection") == 1

    def _unanswered(self) -> int:
        return len(self._producer) + (len(self._alone) if self._alone is not None else 0)

    def _start_reporting(self) -> None:
        """From now on every record is reported: the library decides that per producer, so it is opened again."""
        if not self._idle():
            raise RetriableError("Waiting for earlier records before each record is reported")
        self._reporting = True
        self._reopen()

    def _reopen(self) -> None:
        self._producer = self._open()
        self._alone = None
        self._asked.clear()
        self._known_topics.clear()

    def _idle(self) -> bool:
        return not self._in_flight or self.flush(self._block)

    def _alone_producer(self) -> Producer:
        if self._alone is None:
            self._alone = self._open(**{"batch.num.messages": 1, "linger.ms": 0})
        return self._alone

    def _dispatch(self) -> None:
        """Hand records to the library: all that wait, or one request's worth when it has answered the last one."""
        while self._queue and not self._broken and not (self._one_at_a_time and self._unanswered()):
            if self._one_at_a_time and not self._knows(self._queue[0][0].batch.topic):
                return
            sent, indices = self._queue.popleft()
            if self._one_at_a_time:
                count = self._one_request(sent.batch, indices)
                if count < len(indices):
                    self._queue.appendleft((sent, indices[count:]))
                indices = indices[:count]
            self._produce(sent, indices)

    def _knows(self, topic: str) -> bool:
        """Whether the library knows a topic's partitions, or need not be waited for; asks for them."""
        if topic in self._known_topics:
            return True
        asked = self._asked.setdefault(topic, time.monotonic())
        try:
            error = self._producer.list_topics(topic, max(self._block, _SLICE)).topics[topic].error
            waits = error is not None and error.code() in NOT_YET_KNOWN
        except KafkaException:
            waits = True
        if waits and time.monotonic() < asked + _UNTIL_KNOWN:
            return False
        self._known_topics.add(topic)
        return True

    def _one_request(self, batch: OutgoingBatch, indices: Sequence[int]) -> int:
        """How many of the records fit one request."""
        if batch.topic in self._alone_topics:
            return 1
        native = self._settings.native
        room = min(self._batch, int(native["message.max.bytes"]))
        limit = min(len(indices), int(native.get("batch.num.messages", 10000)) - 1)
        for count in range(limit):
            room -= _size_of(batch, indices[count])
            if room <= 0:
                return max(1, count)
        return limit

    def _produce(self, sent: _Sent, indices: Sequence[int]) -> None:
        batch = sent.batch
        if batch.topic in self._alone_topics:
            self._produce_singly(self._alone_producer(), sent, indices, alone=True)
        elif needs_single_calls(batch):
            self._produce_singly(self._producer, sent, indices)
        else:
            messages = _messages(batch, indices, list(map(partial, repeat(sent.report), indices)))
            if self._producer.produce_batch(batch.topic, messages) != len(messages):
                for index, message in zip(indices, messages, strict=True):
                    if (error := message.get("_error")) is not None:
                        sent.refuse(index, error, alone=True)

    def _produce_singly(self, producer: Producer, sent: _Sent, indices: Sequence[int], *, alone: bool = False) -> None:
        batch = sent.batch
        report = sent.report_alone if alone else sent.report
        for index in indices:
            options = single_options(batch, index)
            key = batch.keys[index] if batch.keys is not None else None
            try:
                producer.produce(batch.topic, batch.values[index], key, on_delivery=partial(report, index), **options)
            except KafkaException as error:
                sent.refuse(index, kafka_error(error), alone=True)

    # -- answers -----------------------------------------------------------------------------------------------------

    def _on_error(self, error: KafkaError) -> None:
        """Called by the library for an error of the client as a whole."""
        if error.code() == KafkaError._FATAL or error.fatal():  # noqa: SLF001 - public, documented
            self._broken = self._broken or error.str()
        else:
            self._contact(error)

    def falls_back(self, error: KafkaError) -> bool:
        """Whether a record failed because idempotence failed, and may go without."""
        if self._optional and not self._closed and (error.fatal() or error.code() in NOT_IDEMPOTENT):
            self._broken = self._broken or error.str()
        return bool(self._broken)

    def too_large(self, topic: str, size: int) -> TooLargeError:
        """The error for a record of so many bytes."""
        limit = self._settings.number("max.request.size")
        said = f"Writing to topic {topic} failed: the record has {size} bytes, more than "
        if size + RECORD_OVERHEAD >= limit:
            return TooLargeError(f"{said}max.request.size={limit} of the producer allows")
        return TooLargeError(f"{said}max.message.bytes of the topic allows (max.request.size is {limit})")

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
        if self._broken and not self._closed:
            self._take_back()
        if self._unanswered():
            return
        if self._broken:
            self._fall_back()
        if self._first_refused or self._refused:
            self._resend()
            return
        if self._queue:
            self._dispatch()
            return
        if self._resending:
            self._resending = False
            self._after_resending()
        for sent in self._in_flight:
            sent.done = True
        self._in_flight.clear()
        self._records = self._bytes = 0

    def _take_back(self) -> None:
        """Nothing that a broken producer holds will be sent."""
        for producer in filter(None, (self._producer, self._alone)):
            producer.purge(in_queue=True, in_flight=True, blocking=False)
            _flush(producer, _SLICE)

    def _fall_back(self) -> None:
        _log.warning(
            "Kafka refuses to write idempotently (%s); going on without, one request at a time. Set "
            "enable.idempotence=false for this producer to start that way.",
            self._broken,
        )
        self._broken = ""
        self._idempotent = self._optional = False
        self._reopen()

    def _resend(self) -> None:
        again = self._to_resend()
        if self._first_refused:
            _log.warning(
                "A request was larger than topic %s takes (max.message.bytes); sending %d records again, one a request",
                ", ".join(sorted(self._first_refused)),
                sum(len(indices) for _, indices in again),
            )
        self._alone_topics.update(self._first_refused)
        self._first_refused.clear()
        self._refused.clear()
        self._resending = True
        self.large_records = 0
        self._queue.extendleft(reversed(again))
        self._dispatch()

    def _to_resend(self) -> list[tuple[_Sent, Sequence[int]]]:
        """What to send again, in order: everything of a topic from its first refused record on, and what was purged."""
        refused: dict[int, list[int]] = {}
        for sent, index in self._refused:
            refused.setdefault(id(sent), []).append(index)
        again: list[tuple[_Sent, Sequence[int]]] = []
        started: set[str] = set()
        for sent in self._in_flight:
            topic = sent.batch.topic
            # one at a time, nothing slipped through and what follows still waits
            first = None if self._one_at_a_time else self._first_refused.get(topic)
            gone = {index for index, _ in sent.failures}
            if first is not None and first[0] is sent:
                started.add(topic)
                # before it, records for other partitions may have been taken back
                indices: Sequence[int] = sorted({*refused[id(sent)], *range(first[1], len(sent.batch))})
            elif topic in started:
                indices = range(len(sent.batch))
            else:
                indices = sorted(refused.get(id(sent), []))
            wanted = [index for index in indices if index not in gone]
            if wanted:
                again.append((sent, wanted))
        return again

    def _after_resending(self) -> None:
        """Go back to large requests where a single large record was to blame, else to smaller ones."""
        if not self.large_records:
            if self._batch < _SMALLEST * _SMALLER:
                return
            self._batch //= _SMALLER
            _log.warning(
                "Requests have %d bytes at most from now on (batch.size), since topic %s takes no larger ones",
                self._batch,
                ", ".join(sorted(self._alone_topics)),
            )
            self._reopen()
        self._alone_topics.clear()


def _flush(producer: Producer, timeout: float) -> None:
    try:
        producer.flush(timeout)
    except KafkaException:
        # a fatal error, which the records report too
        producer.poll(timeout)


def needs_single_calls(batch: OutgoingBatch) -> bool:
    """Whether the records have to be handed over one by one."""
    # produce_batch knows neither headers nor timestamps, and takes one partition for all
    return _stated(batch.partitions) or _stated(batch.timestamps) or bool(batch.headers and any(batch.headers))


def single_options(batch: OutgoingBatch, index: int) -> dict[str, Any]:
    """What the library is told of one record besides key and value."""
    options: dict[str, Any] = {}
    if batch.headers is not None and (headers := batch.headers[index]):
        options["headers"] = list(headers)
    if batch.partitions is not None and (number := batch.partitions[index]) is not None:
        options["partition"] = number
    if batch.timestamps is not None and (timestamp := batch.timestamps[index]) is not None:
        options["timestamp"] = timestamp
    return options


def _stated(column: Sequence[int | None] | None) -> bool:
    return column is not None and any(number is not None for number in column)


def _messages(batch: OutgoingBatch, indices: Sequence[int], reports: list[Callable[..., None]]) -> list[dict[str, Any]]:
    """Records as ``produce_batch`` takes them."""
    values, keys = batch.values, batch.keys
    if len(indices) < len(batch):
        values = [values[index] for index in indices]
        keys = keys and [keys[index] for index in indices]
    if keys is None:
        return [{"value": v, "callback": r} for v, r in zip(values, reports, strict=True)]
    return [{"value": v, "key": k, "callback": r} for v, k, r in zip(values, keys, reports, strict=True)]
