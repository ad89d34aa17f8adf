"""DropHeaders: takes headers away."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from linkspan.api import HIGH, Config, RecordColumns, SinkRecord, SourceRecord, StrList, Transform
from linkspan.api.validators import some_distinct_items

__all__ = ["DropHeaders", "DropHeadersConfig"]

RecordT = TypeVar("RecordT", SourceRecord, SinkRecord)


class DropHeadersConfig(Config):
    """Settings of DropHeaders."""

    headers = StrList(validator=some_distinct_items, importance=HIGH, doc="The name of the headers to be removed.")


class DropHeaders(Transform[DropHeadersConfig]):
    """Removes all headers of some names."""

    config_class: ClassVar[type[Config]] = DropHeadersConfig
    version = "0.1.0"
    java_class = "org.apache.kafka.connect.transforms.DropHeaders"

    def configure(self) -> None:
        """Take the names."""
        self._names = frozenset(self.config.headers)

    def apply(self, record: RecordT) -> RecordT | None:
        """The record without these headers."""
        if not record.headers:
            return record
        twin = record.copy()
        twin.headers = record.headers.drop(self._names)
        return twin

    def apply_all(self, columns: RecordColumns) -> RecordColumns | None:
        """The same for many records."""
        twin = columns.copy()
        twin.headers = None if columns.headers is None else [headers.drop(self._names) for headers in columns.headers]
        return twin
