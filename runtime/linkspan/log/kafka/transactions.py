"""The producer of transactions.

A batch is handed to the library as a whole, without a callback per record: a record that cannot be written ends its
transaction in any case, so the first failure is all that is of interest. The library adds partitions to the transaction
by itself, and waits while the broker still ends the one before.

The library allows a record no more time than its transaction has. So an outage of brokers ends a transaction when
``transaction.timeout.ms`` is over, on both sides alike.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from linkspan.api.errors import ConnectError, FencedError, RetriableError
from linkspan.api.records import TopicPartition
from linkspan.log.kafka.client import Contact, opened
from linkspan.log.kafka.errors import PURGED, connect_error, kafka_error, producer_fenced
from linkspan.log.kafka.settings import Translation, translate
from linkspan.log.kafka.writer import (
    RECORD_OVERHEAD,
    headers_size,
    needs_single_calls,
    payload_size,
    record_size,
    single_options,
)
from linkspan.log.port import BatchTooLargeError, ExpiredError, TooLargeError, TransactionError

if TYPE_CHECKING:
    from confluent_kafka import Message

    from linkspan.log.port import OutgoingBatch, WireHeader

__all__ = ["KafkaTransactionalWriter", "within_transaction"]

_log = logging.getLogger("linkspan.log.kafka")

_WINDOW: Final = 131072
"""Records in the library's queue before the writer waits until they are written."""
_BLOCK: Final = 1.0
"""Longest wait, in seconds, for room in the buffer before the caller may look at other things."""
_SLICE: Final = 0.1
_ANSWER: Final = 5.0
"""Seconds that one request to the coordinator may take before it is asked again."""
_ABORT_SECONDS: Final = 2.0
_SETTLING: Final = 0.001
"""Seconds that a broker is given to end a transaction after it has confirmed it; the library lets as much time pass
once more. Whoever begins the next one before that is put off, and the library comes back after 20 ms only."""
_FORCED: Final = {"enable.idempotence": "true", "acks": "all"}
_NAMED: Final = 10
"""So many topics a message names."""
_EXPIRES_AFTER: Final = 0.9
"""Share of the time of a transaction after which its loss is put down to that time."""

OnRecord = Callable[[int, TopicPartition, int, int], None]


def within_transaction(translation: Translation) -> dict[str, int]:
    """Times that the library wants to be no longer than that of a transaction."""
    longest = translation.number("transaction.timeout.ms")
    return {
        "message.timeout.ms": longest,
        "socket.timeout.ms": min(int(translation.native["socket.timeout.ms"]), longest),
    }


class KafkaTransactionalWriter:
    """See :class:`linkspan.log.port.TransactionalWriter`.

    Args:
        settings: as Java's producer takes them.
        transactional_id: which older producers are fenced by.
        reports_records: whether each record is reported.

    Raises:
        ConfigError: a setting that cannot be honoured.
    """

    def __init__(self, settings: Mapping[str, str], transactional_id: str, *, reports_records: bool) -> None:
        self._id = transactional_id
        translation = translate("producer", {**settings, **_FORCED, "transactional.id": transactional_id})
        self._memory = translation.number("buffer.memory")
        self._largest = translation.number("max.request.size")
        self._seconds = translation.number("transaction.timeout.ms") / 1000
        self._contact = Contact(settings.get("bootstrap.servers", ""))
        more: dict[str, Any] = {
            **within_transaction(translation),
            "delivery.report.only.error": not reports_records,
            "error_cb": self._on_error,
        }
        self._batch = int(translation.native["batch.size"])
        self._producer: Producer = opened("producer", Producer, translation, more)
        self._bytes = 0
        self._topics: set[str] = set()  # of the open transaction
        self._began = self._ended = 0.0
        self._open = False
        self._failure: ConnectError | None = None

    # -- the port ----------------------------------------------------------------------------------------------------

    def open(self, timeout: float) -> None:
        """Take the id over; see :meth:`linkspan.log.port.TransactionalWriter.open`."""
        doing = f"Taking over the transactional id {self._id}"
        try:
            self._producer.init_transactions(timeout)
        except KafkaException as error:
            self._contact.check()
            inner = kafka_error(error)
            if inner.retriable() and not inner.fatal():
                raise RetriableError(f"{doing} failed: {inner.str()} ({inner.name()})") from error
            right = f"Write and Describe on transactional id {self._id}"
            raise connect_error(error, doing, right) from error

    def begin(self) -> None:
        """Begin a transaction."""
        self._check()
        time.sleep(max(0.0, self._ended + _SETTLING - time.monotonic()))
        self._asked("Beginning a transaction", self._producer.begin_transaction)
        self._began = time.monotonic()
        self._open = True

    def send(self, batch: OutgoingBatch, on_record: OnRecord | None = None) -> None:
        """Queue a batch; see :meth:`linkspan.log.port.TransactionalWriter.send`."""
        size = payload_size(batch)
        if size + RECORD_OVERHEAD > self._largest:
            self._check_sizes(batch)
        try:
            self._queue(batch, size, on_record)
        except TooLargeError as error:
            # of a record that was queued before; whose batch is not queued is told with that class
            raise TransactionError(error.message) from error

    def _queue(self, batch: OutgoingBatch, size: int, on_record: OnRecord | None) -> None:
        self._await_room(len(batch), size)
        self._bytes += size
        self._topics.add(batch.topic)
        answered = self._answered if on_record is None else partial(self._reported, on_record)
        if needs_single_calls(batch):
            self._produce_singly(batch, answered, numbered=on_record is not None)
        else:
            self._produce_all(batch, answered, numbered=on_record is not None)
        self._check()

    def _check_sizes(self, batch: OutgoingBatch) -> None:
        """Refuse a record that the library would refuse in the middle of its batch."""
        longest = _longest(batch.values) + _longest(batch.keys or ()) + RECORD_OVERHEAD
        if batch.headers is None and longest <= self._largest:
            return
        for index in range(len(batch)):
            size = record_size(batch, index) + RECORD_OVERHEAD
            if size > self._largest:
                raise TooLargeError(
                    f"Writing record {index} to topic {batch.topic} failed: in a request the record takes up to {size} "
                    f"bytes, more than max.request.size={self._largest} of the producer allows"
                )

    def poll(self) -> None:
        """Take in answers."""
        self._take_answers()
        self._check()

    def commit(self, timeout: float | None = None) -> None:
        """Make everything visible; see :meth:`linkspan.log.port.TransactionalWriter.commit`."""
        self._check()
        one = _ANSWER if timeout is None else min(timeout, _ANSWER)
        self._asked("Committing a transaction", partial(self._producer.commit_transaction, one), timeout)
        self._closed_transaction()
        self._check()

    def abort(self, timeout: float | None = None) -> None:
        """Undo the transaction; see :meth:`linkspan.log.port.TransactionalWriter.abort`."""
        one = _ANSWER if timeout is None else min(timeout, _ANSWER)
        self._asked("Undoing a transaction", partial(self._producer.abort_transaction, one), timeout)
        self._closed_transaction()
        self._failure = None

    def close(self) -> None:
        """Undo what is open, if the broker answers soon, and release connections."""
        if self._open:
            try:
                self._producer.abort_transaction(_ABORT_SECONDS)
            except KafkaException as error:
                _log.info("A transaction of %s is left to its end: %s", self._id, kafka_error(error).str())
        # a producer that is dropped with queued records waits for them for ever
        self._producer.purge(in_queue=True, in_flight=True, blocking=False)
        self._take_answers()
        self._open = False

    def _closed_transaction(self) -> None:
        self._ended = time.monotonic()
        self._open = False
        self._bytes = 0
        self._topics.clear()

    # -- producing ---------------------------------------------------------------------------------------------------

    def _await_room(self, records: int, size: int) -> None:
        """Wait for room; a batch larger than the whole buffer passes when it has the buffer to itself."""
        self._take_answers()
        deadline = time.monotonic() + _BLOCK
        while self._waiting() and (self._waiting() + records > _WINDOW or self._bytes + size > self._memory):
            if time.monotonic() >= deadline:
                raise RetriableError(
                    f"{self._waiting()} records of a transaction wait for the broker's acknowledgement and the buffer "
                    f"(buffer.memory={self._memory}) has no room for {records} more"
                )
            self._flush(_SLICE)
            self._check()

    def _waiting(self) -> int:
        waiting = len(self._producer)
        if not waiting:
            self._bytes = 0
        return waiting

    def _flush(self, seconds: float) -> None:
        try:
            self._producer.flush(seconds)
        except KafkaException as error:
            self._on_error(kafka_error(error))

    def _take_answers(self, seconds: float = 0.0) -> None:
        try:
            self._producer.poll(seconds)
        except KafkaException as error:
            self._on_error(kafka_error(error))

    def _produce_all(self, batch: OutgoingBatch, answered: Callable[..., None], *, numbered: bool) -> None:
        messages: list[dict[str, Any]]
        if batch.keys is None:
            messages = [{"value": value} for value in batch.values]
        else:
            messages = [{"value": value, "key": key} for value, key in zip(batch.values, batch.keys, strict=True)]
        if numbered:
            for index, message in enumerate(messages):
                message["callback"] = partial(answered, index)
            queued = self._producer.produce_batch(batch.topic, messages)
        else:
            queued = self._producer.produce_batch(batch.topic, messages, on_delivery=answered)
        if queued != len(messages):
            index, error = next((at, item["_error"]) for at, item in enumerate(messages) if item.get("_error"))
            self._refused(error, index, batch.topic)

    def _produce_singly(self, batch: OutgoingBatch, answered: Callable[..., None], *, numbered: bool) -> None:
        for index, value in enumerate(batch.values):
            key = batch.keys[index] if batch.keys is not None else None
            told = partial(answered, index) if numbered else answered
            options = single_options(batch, index)
            if "headers" in options:
                # which the library does not tell
                told = partial(told, headers=options["headers"])
            try:
                self._producer.produce(batch.topic, value, key, on_delivery=told, **options)
            except KafkaException as error:
                self._refused(kafka_error(error), index, batch.topic)

    def _refused(self, error: KafkaError, index: int, topic: str) -> None:
        """The library does not take a record; after an earlier one has failed, that one's answer says why."""
        if error.code() == KafkaError._STATE:  # noqa: SLF001 - public, documented
            deadline = time.monotonic() + _BLOCK
            while self._failure is None and time.monotonic() < deadline:
                self._take_answers(_SLICE)
        self._fail(error, f"record {index} ", topic)

    # -- answers -----------------------------------------------------------------------------------------------------

    def _answered(self, error: KafkaError | None, message: Message, headers: Sequence[WireHeader] = ()) -> None:
        """Called by the library for a record that was not written, or for each."""
        if error is not None:
            self._fail(error, "", message.topic() or "", _payload_of(message, headers))

    def _reported(
        self,
        on_record: OnRecord,
        index: int,
        error: KafkaError | None,
        message: Message,
        headers: Sequence[WireHeader] = (),
    ) -> None:
        topic, partition, offset = message.topic() or "", message.partition(), message.offset()
        if error is not None:
            self._fail(error, f"record {index} ", topic, _payload_of(message, headers))
        elif partition is not None and offset is not None:
            on_record(index, TopicPartition(topic, partition), offset, message.timestamp()[1])

    def _fail(self, error: KafkaError, which: str, topic: str, size: int = 0) -> None:
        # what an abort or a failure takes back says nothing about why
        if self._failure is None and error.code() not in PURGED:
            self._failure = self._meaning(error, f"Writing {which}to topic {topic}", topic, size)

    def _on_error(self, error: KafkaError) -> None:
        """Called by the library for an error of the client as a whole."""
        if error.code() == KafkaError._FATAL or error.fatal():  # noqa: SLF001 - public, documented
            self._failure = self._failure or self._meaning(error, "Writing in transactions")
        else:
            self._contact(error)

    def _check(self) -> None:
        self._contact.check()
        if self._failure is not None:
            raise self._failure

    def _asked(self, doing: str, ask: Callable[[], Any], timeout: float | None = None) -> None:
        """Ask for as long as there is no answer.

        Raises:
            RetriableError: there was none within ``timeout`` seconds.
            ConnectError: the answer is no.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                ask()
            except KafkaException as error:
                self._contact.check()
                inner = kafka_error(error)
                if inner.retriable() and not inner.fatal() and not inner.txn_requires_abort():
                    if deadline is None or time.monotonic() < deadline:
                        continue
                    raise RetriableError(f"{doing} of {self._id}: no answer within {timeout:g} s") from error
                raise (self._failure or self._meaning(inner, f"{doing} of {self._id}")) from error
            else:
                return

    def _meaning(self, error: KafkaError, doing: str, topic: str = "", size: int = 0) -> ConnectError:
        """What an error says about this writer; ``size`` is that of the record, where there is one."""
        late = self._open and time.monotonic() - self._began >= self._seconds * _EXPIRES_AFTER
        timed_out = error.code() in {KafkaError._MSG_TIMED_OUT, KafkaError._TIMED_OUT}  # noqa: SLF001 - as above
        if late and (timed_out or producer_fenced(error)):
            return ExpiredError(f"{doing} failed: {error.str()}. Its time (transaction.timeout.ms) was over")
        if producer_fenced(error):
            return FencedError(
                f"{doing} failed: a newer producer has opened with the transactional id {self._id}, so this one may "
                f"write nothing more ({error.str()})"
            )
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE and size < self._batch:
            return BatchTooLargeError(
                f"{doing} failed: {error.str()}. When no single record is larger than the topic's max.message.bytes, "
                f"set batch.size of this producer (now {self._batch}) below it",
                self._batch,
            )
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            # so large a record is alone in its request
            return TooLargeError(
                f"{doing} failed: the record has {size} bytes, more than max.message.bytes of the topic allows"
            )
        problem = connect_error(error, doing, self._right(error, topic))
        # nothing of this transaction can be tried again
        return ConnectError(problem.message) if isinstance(problem, RetriableError) else problem

    def _right(self, error: KafkaError, topic: str) -> str:
        """What may be missing; which topic it is that the coordinator refuses is not told."""
        topics = [topic] if topic else sorted(self._topics)
        if not topic and error.code() != KafkaError.TOPIC_AUTHORIZATION_FAILED:
            return f"Write on transactional id {self._id}"
        if len(topics) == 1:
            return f"Write on topic {topics[0]}"
        more = f" and {len(topics) - _NAMED} more" if len(topics) > _NAMED else ""
        return f"Write on each of the topics {', '.join(topics[:_NAMED])}{more}"


def _longest(payloads: Sequence[bytes | None]) -> int:
    return max(map(len, filter(None, payloads)), default=0)


def _payload_of(message: Message, headers: Sequence[WireHeader]) -> int:
    """Bytes of key, value and headers, at most."""
    return len(message.value() or b"") + len(message.key() or b"") + headers_size(headers)
