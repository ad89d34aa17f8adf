"""Records of the messages of one unit of work, and of those that no record can be made of (spec/mq.md 1.5 to 1.8)."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from linkspan.api import DataError, Header, Headers, Offset, Partition, SourceBatch, SourceRecord, schema
from linkspan_connectors.ibmmq.config import MqSourceConfig
from linkspan_connectors.ibmmq.properties import record_headers
from linkspan_connectors.ibmmq.received import Received, moment
from linkspan_connectors.ibmmq.record_builders import Got, KeyBuilder, ValueBuilder

__all__ = ["Failed", "Policy", "RecordMaker"]

log = logging.getLogger(__name__)

_PREFIX: Final = "__connect.errors."
_LONGEST_TRACE: Final = 500


class Policy(NamedTuple):
    """What becomes of a message that no record can be made of.

    Attributes:
        tolerates: whether the rest goes on; the task fails otherwise.
        topic: where it goes to; empty for nowhere.
        with_context: whether headers say what happened.
        logs_trace: whether the log gets the whole trace.
        logs_message: whether the log may name the message's content.
    """

    tolerates: bool
    topic: str
    with_context: bool
    logs_trace: bool
    logs_message: bool

    @classmethod
    def of(cls, config: MqSourceConfig, configs: Mapping[str, str]) -> Policy:
        """As the configuration of a task says."""
        tolerates = configs.get("errors.tolerance", "none").strip().lower() == "all"
        return cls(
            tolerates,
            config.errors_deadletterqueue_topic_name.strip(),
            config.errors_deadletterqueue_context_headers_enable,
            tolerates and configs.get("errors.log.enable", "").strip().lower() == "true",
            tolerates and configs.get("errors.log.include.messages", "").strip().lower() == "true",
        )


class Failed(Exception):  # noqa: N818 - says what has happened
    """No record can be made of one message, and that is not tolerated.

    Attributes:
        index: of the message.
        error: why.
    """

    def __init__(self, index: int, error: DataError) -> None:
        super().__init__(error.message)
        self.index = index
        self.error = error


class RecordMaker:
    """Makes records of messages.

    Args:
        config: of the task.
        values: makes values.
        keys: makes keys, or None.
        policy: for messages that fail.
    """

    def __init__(self, config: MqSourceConfig, values: ValueBuilder, keys: KeyBuilder | None, policy: Policy) -> None:
        self._values = values
        self._keys = keys
        self._policy = policy
        self._topic = config.topic
        self._queue = config.mq_queue
        self._is_jms = config.mq_message_body_jms
        self._with_headers = config.mq_jms_properties_copy_to_kafka_headers
        self._with_descriptor = config.mq_message_mqmd_read

    def records(self, messages: Sequence[Got], partition: Partition, offset: Offset | None) -> Sequence[SourceRecord]:
        """Records of messages; fewer than there are messages when some are skipped.

        Args:
            messages: in order.
            partition: source partition of all of them.
            offset: source offset of all of them.

        Raises:
            Failed: no record can be made of a message, and that is not tolerated.
        """
        if self._keys is None and not self._with_headers:
            batch = self._batch(messages, partition, offset)
            if batch is not None:
                return batch
        made = [self._record(index, got, partition, offset) for index, got in enumerate(messages)]
        return [record for record in made if record is not None]

    def _batch(self, messages: Sequence[Got], partition: Partition, offset: Offset | None) -> SourceBatch | None:
        try:
            column = self._values.values(messages)
        except (DataError, UnicodeDecodeError):
            return None
        if column is None:
            return None
        timestamps: list[int] | None = None
        if self._is_jms:
            moments = [moment(md) for md, _ in messages]
            timestamps = [each for each in moments if each is not None]
            if len(timestamps) < len(moments):
                return None
        return SourceBatch(
            partition,
            [offset] * len(messages),
            self._topic,
            column.values,
            column.schema,
            timestamps=timestamps,
        )

    def _record(self, index: int, got: Got, partition: Partition, offset: Offset | None) -> SourceRecord | None:
        message = Received(*got)
        key: object = None
        try:
            kind, value = self._values.value(message)
            if self._keys is not None:
                key = self._keys.key(message)
            headers = self._headers(message)
            timestamp = message.timestamp if self._is_jms else None
        except DataError as error:
            self._failed(index, message, error)
            return self._letter(message, key, partition, offset, error)
        return SourceRecord(
            partition,
            offset,
            self._topic,
            value,
            kind,
            key=key,
            key_schema=None if self._keys is None else self._keys.schema,
            timestamp=timestamp,
            headers=headers,
        )

    def _headers(self, message: Received) -> Headers | None:
        if not self._with_headers:
            return None
        return record_headers(message, is_jms=self._is_jms, with_descriptor=self._with_descriptor)

    # --- messages that fail -----------------------------------------------------------------------------------------

    def _failed(self, index: int, message: Received, error: DataError) -> None:
        """Log the failure, or raise it when it is not tolerated."""
        named = f"message {message.message_id} of queue {self._queue}"
        if not self._policy.tolerates:
            raise Failed(index, DataError(f"No record can be made of {named}: {error.message}")) from error
        content = f" Its content: {message.data[:1000]!r}" if self._policy.logs_message else ""
        if self._policy.logs_trace:
            log.error("No record can be made of %s.%s", named, content, exc_info=error)
        else:
            log.warning("No record can be made of %s: %s%s", named, error.message, content)

    def _letter(
        self, message: Received, key: object, partition: Partition, offset: Offset | None, error: DataError
    ) -> SourceRecord | None:
        """What goes to the dead letter queue; None when there is none."""
        if not self._policy.topic:
            return None
        try:
            body = message.data if not self._is_jms else _body(message)
            timestamp = message.timestamp
            headers = Headers(self._headers(message) or ())
        except DataError:
            # a header of the message is broken, and where its body begins is not known
            body, timestamp, headers = message.data, moment(message.md), Headers()
        if self._policy.with_context:
            headers += self._context(message, timestamp, error)
        return SourceRecord(
            partition,
            offset,
            self._policy.topic,
            body,
            schema.OPTIONAL_BYTES,
            key=key,
            key_schema=self._keys.schema if self._keys is not None and key is not None else None,
            timestamp=timestamp,
            headers=headers,
        )

    def _context(self, message: Received, timestamp: int | None, error: DataError) -> list[Header]:
        trace = "".join(traceback.format_exception(error))
        if len(trace) > _LONGEST_TRACE:
            trace = trace[:_LONGEST_TRACE] + "... [truncated]"
        texts = {
            "topic": self._topic,
            "exception.class.name": _class_name(error),
            "exception.message": error.message,
            "jms.message.id": message.message_id,
            "mq.queue": self._queue,
            "exception.stacktrace": trace,
        }
        headers = [Header(_PREFIX + name, text, schema.STRING) for name, text in texts.items()]
        headers.append(Header(_PREFIX + "jms.timestamp", timestamp or 0, schema.INT64))
        headers.append(Header(_PREFIX + "timestamp", int(time.time() * 1000), schema.INT64))
        cause = error.__cause__
        if cause is not None:
            headers.append(Header(_PREFIX + "cause.class", _class_name(cause), schema.STRING))
            headers.append(Header(_PREFIX + "cause.message", str(cause), schema.STRING))
        return headers


def _body(message: Received) -> bytes:
    """Body of a message as bytes: a text as UTF-8 if it can be read, everything else as it is."""
    if message.kind != "text":
        return message.body
    try:
        return message.text().encode()
    except DataError:
        return message.body


def _class_name(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"
