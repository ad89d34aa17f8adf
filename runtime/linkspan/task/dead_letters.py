"""Records that failed for good: the dead letter queue and the reporter a sink task uses (spec/runtime.md 4.14)."""

from __future__ import annotations

import logging
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from linkspan.api.errors import ConnectError, RetriableError
from linkspan.api.headers import Headers
from linkspan.api.records import NO_TIMESTAMP_TYPE, SinkRecord, SourceRecord, TopicPartition
from linkspan.log.port import Delivery, OutgoingBatch, TopicSpec, WireHeader, Writer
from linkspan.task.batches import ReadRecord
from linkspan.task.conversion import Converters
from linkspan.task.tolerance import Consumed, Failure, Stage, Tolerance

__all__ = ["DeadLetterConfig", "DeadLetters", "ErrantRecords"]

_log = logging.getLogger(__name__)
_RETRY: Final = 0.5
_SLICE: Final = 0.2
_PREFIX: Final = "__connect.errors."
_PUT_CLASS: Final = "org.apache.kafka.connect.sink.SinkTask"


@dataclass(frozen=True)
class DeadLetterConfig:
    """Where failed records go.

    Attributes:
        topic: the topic.
        replication_factor: for creating it.
        context_headers: whether headers say what happened.
    """

    topic: str
    replication_factor: int
    context_headers: bool


class DeadLetters:
    """Writes failed records, as they were read, to the dead letter topic.

    Args:
        config: where to.
        writer: writes them; closed by :meth:`close`.
        connector: name of the connector.
        task: number of the task.
        pause: sleeps so many seconds; True when the task is to stop.
    """

    def __init__(
        self, config: DeadLetterConfig, writer: Writer, connector: str, task: int, pause: Callable[[float], bool]
    ) -> None:
        self._config = config
        self._writer = writer
        self._connector = connector
        self._task = task
        self._pause = pause
        self._deliveries: deque[Delivery] = deque()
        self._requests = self._refusals = 0

    def create_topic(self, create: Callable[[TopicSpec], bool]) -> None:
        """Let the topic be created unless it exists; raises ConnectError when that fails."""
        topic = self._config.topic
        try:
            create(TopicSpec(topic, 1, self._config.replication_factor))
        except ConnectError as error:
            raise ConnectError(
                f"Could not initialize dead letter queue with topic={topic} "
                f"(errors.deadletterqueue.topic.replication.factor={self._config.replication_factor}): {error}"
            ) from error

    def report(self, failure: Failure) -> None:
        """Send the record on its way; one that the log refuses for good is only logged.

        Raises:
            RetriableError: the task is to stop, and there was no room for the record so far.
        """
        consumed = failure.subject
        if isinstance(consumed, SourceRecord):
            return
        batch, index = consumed
        headers = list(batch.headers[index]) if batch.headers is not None else []
        if self._config.context_headers:
            headers += self._context(failure, consumed)
        timestamp = batch.timestamps[index]
        letter = OutgoingBatch(
            self._config.topic,
            [batch.values[index]],
            keys=[batch.keys[index]],
            timestamps=None if timestamp < 0 else [timestamp],
            headers=[headers],
        )
        self._requests += 1
        while True:
            try:
                self._deliveries.append(self._writer.send(letter))
            except RetriableError as error:
                _log.warning("The dead letter queue takes no record now, trying again: %s", error)
                if self._pause(_RETRY):
                    raise
            except ConnectError as error:
                self._not_written(error)
                break
            else:
                break
        self._forget_written()

    def settle(self, timeout: float, *, given_up: Callable[[], bool] = lambda: False) -> bool:
        """Wait until everything reported is written or refused.

        Offsets behind a record that is still on its way must not be committed.

        Args:
            timeout: seconds to wait at most.
            given_up: asked meanwhile whether to wait no longer.

        Returns:
            whether nothing is on its way any more.
        """
        until = time.monotonic() + timeout
        self._forget_written()
        while self._deliveries and not given_up() and (left := until - time.monotonic()) > 0:
            self._writer.flush(min(left, _SLICE))
            self._forget_written()
        return not self._deliveries

    def _forget_written(self) -> None:
        try:
            self._writer.poll()
        except ConnectError as refused:
            self._not_written(refused)
        while self._deliveries and self._deliveries[0].done:
            for _, error in self._deliveries.popleft().failures:
                self._not_written(error)

    def close(self, timeout: float) -> None:
        """Close; what the last :meth:`settle` left is given up, since no offset behind it was committed."""
        self._writer.close(0.0 if self._deliveries else timeout)

    def counts(self) -> dict[str, float]:
        """What there is to measure."""
        return {
            "deadletterqueue-produce-requests": self._requests,
            "deadletterqueue-produce-failures": self._refusals,
        }

    def _not_written(self, error: Exception) -> None:
        self._refusals += 1
        _log.error("Could not produce message to dead letter queue. topic=%s: %s", self._config.topic, error)

    def _context(self, failure: Failure, consumed: Consumed) -> list[WireHeader]:
        kind = type(failure.error)
        texts = {
            "topic": consumed.topic,
            "partition": str(consumed.partition),
            "offset": str(consumed.offset),
            "connector.name": self._connector,
            "task.id": str(self._task),
            "stage": failure.stage.value,
            "class.name": failure.executing,
            "exception.class.name": f"{kind.__module__}.{kind.__qualname__}",
            "exception.message": str(failure.error) if failure.error.args else None,
            "exception.stacktrace": "".join(traceback.format_exception(failure.error)),
        }
        return [(_PREFIX + name, None if text is None else text.encode()) for name, text in texts.items()]


class ErrantRecords:
    """The reporter that a sink task gets.

    Args:
        tolerance: decides, and tells the log and the dead letter queue.
        converters: make bytes of a record that the task built itself.
    """

    def __init__(self, tolerance: Tolerance, converters: Converters) -> None:
        self._tolerance = tolerance
        self._converters = converters
        self._refused: ConnectError | None = None

    def report(self, record: SinkRecord, error: Exception) -> None:
        """Hand over a bad record; raises ConnectError at once when errors are not tolerated."""
        consumed = (
            record.consumed if isinstance(record, ReadRecord) else Consumed(_Rebuilt(record, self._converters), 0)
        )
        try:
            self._tolerance.fail(Failure(Stage.TASK_PUT, _PUT_CLASS, error, consumed))
        except ConnectError as refused:
            self._refused = refused
            raise

    def check(self) -> None:
        """Raise again what :meth:`report` raised, in case the task swallowed it."""
        if self._refused is not None:
            raise self._refused


class _Rebuilt:
    """A batch of one record that was not read like this: its bytes are made by the converters."""

    def __init__(self, record: SinkRecord, converters: Converters) -> None:
        topic, partition, offset = record.original_topic, record.original_partition, record.original_offset
        headers: Headers = record.headers
        self.topic = topic
        self.keys: Sequence[bytes | None] = [converters.key.from_connect(topic, record.key_schema, record.key)]
        self.values: Sequence[bytes | None] = [converters.value.from_connect(topic, record.value_schema, record.value)]
        self.partitions: Sequence[int] = [partition]
        self.offsets: Sequence[int] = [offset]
        self.timestamps: Sequence[int] = [-1 if record.timestamp is None else record.timestamp]
        self.timestamp_types: Sequence[str] = [record.timestamp_type or NO_TIMESTAMP_TYPE]
        convert = converters.header.from_connect_header
        self.headers: Sequence[Sequence[WireHeader]] | None = [
            [(name, convert(topic, name, schema, value)) for name, value, schema in headers]
        ]
        self.positions: Mapping[TopicPartition, int] = {TopicPartition(topic, partition): offset + 1}

    def __len__(self) -> int:
        return 1
