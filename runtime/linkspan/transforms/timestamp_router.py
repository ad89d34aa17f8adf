"""TimestampRouter: gives records a topic with the time they are of in its name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final, TypeVar

from linkspan.api import HIGH, Config, ConfigError, DataError, SinkRecord, SourceRecord, Str, Transform
from linkspan.transforms.simple_date_format import PatternError, SimpleDateFormat

__all__ = ["TimestampRouter", "TimestampRouterConfig"]

RecordT = TypeVar("RecordT", SourceRecord, SinkRecord)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class TimestampRouterConfig(Config):
    """Settings of TimestampRouter."""

    topic_format = Str(
        default="${topic}-${timestamp}",
        importance=HIGH,
        doc="Format string which can contain <code>${topic}</code> and <code>${timestamp}</code> as placeholders for "
        "the topic and timestamp, respectively.",
    )
    timestamp_format = Str(
        default="yyyyMMdd",
        importance=HIGH,
        doc="Format string for the timestamp that is compatible with <code>java.text.SimpleDateFormat</code>.",
    )


class TimestampRouter(Transform[TimestampRouterConfig]):
    """Sets the topic."""

    config_class: ClassVar[type[Config]] = TimestampRouterConfig
    version = "0.1.0"
    java_class = "org.apache.kafka.connect.transforms.TimestampRouter"

    def configure(self) -> None:
        """Understand the format."""
        pattern = self.config.timestamp_format
        try:
            self._format = SimpleDateFormat(pattern).format
        except PatternError as error:
            raise ConfigError.invalid("timestamp.format", pattern, str(error)) from error

    def apply(self, record: RecordT) -> RecordT | None:
        """The record with its new topic."""
        if record.timestamp is None:
            # without the record, which the original prints: there may be secrets in it
            raise DataError(f"Timestamp missing on record: of topic {record.topic}, partition {record.partition}")
        try:
            moment = _EPOCH + timedelta(milliseconds=record.timestamp)
        except OverflowError as error:
            raise DataError(f"The record's timestamp {record.timestamp} lies beyond the year 9999") from error
        twin = record.copy()
        topic = self.config.topic_format.replace("${topic}", record.topic)
        twin.topic = topic.replace("${timestamp}", self._format(moment))
        return twin
