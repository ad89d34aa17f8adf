"""TimestampRouter: gives records a topic with the time they are of in its name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final, TypeVar

from linkspan.api import (
    HIGH,
    Config,
    ConfigError,
    DataError,
    RecordColumns,
    SinkRecord,
    SourceRecord,
    Str,
    Transform,
    UnsupportedError,
)
from linkspan.transforms.simple_date_format import PatternError, SimpleDateFormat

__all__ = ["TimestampRouter", "TimestampRouterConfig"]

RecordT = TypeVar("RecordT", SourceRecord, SinkRecord)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = 86_400_000
_GRAINS: Final = {"S": 1, "s": 1000, "m": 60_000, "aHkKh": 3_600_000}
"""For how many milliseconds a pattern with one of these letters writes the same."""
_MOST_ROUTES: Final = 1000


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
        # letters in quotes only make it finer than it has to be
        self._grain = next((ms for letters, ms in _GRAINS.items() if set(letters) & set(pattern)), _DAY)
        self._routes: dict[tuple[str, int], str] = {}

    def apply(self, record: RecordT) -> RecordT | None:
        """The record with its new topic."""
        if record.timestamp is None:
            # without the record, which the original prints: there may be secrets in it
            raise DataError(f"Timestamp missing on record: of topic {record.topic}, partition {record.partition}")
        twin = record.copy()
        twin.topic = self._route(record.topic, record.timestamp)
        return twin

    def apply_all(self, columns: RecordColumns) -> RecordColumns | None:
        """The same for many records of which the times are written alike."""
        timestamps = columns.timestamps
        if None in timestamps:
            raise UnsupportedError("There are records without timestamp")
        grain = self._grain
        first = timestamps[0]
        assert first is not None
        lowest = first // grain * grain
        highest = lowest + grain
        if not all(lowest <= timestamp < highest for timestamp in timestamps):  # type: ignore[operator]  # none is None
            raise UnsupportedError("They get several topics")
        twin = columns.copy()
        twin.topic = self._route(columns.topic, first)
        return twin

    def _route(self, topic: str, timestamp: int) -> str:
        place = topic, timestamp // self._grain
        routed = self._routes.get(place)
        if routed is None:
            if len(self._routes) >= _MOST_ROUTES:
                self._routes.clear()
            routed = self._routes[place] = self._routed(topic, timestamp)
        return routed

    def _routed(self, topic: str, timestamp: int) -> str:
        try:
            moment = _EPOCH + timedelta(milliseconds=timestamp)
        except OverflowError as error:
            raise DataError(f"The record's timestamp {timestamp} lies beyond the year 9999") from error
        return self.config.topic_format.replace("${topic}", topic).replace("${timestamp}", self._format(moment))
