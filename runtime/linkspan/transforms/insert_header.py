"""InsertHeader: adds a header with a fixed value."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from linkspan.api import HIGH, Config, Headers, RecordColumns, SinkRecord, SourceRecord, Str, Transform
from linkspan.api.headers import Header
from linkspan.api.validators import non_null
from linkspan.convert.values import parse

__all__ = ["InsertHeader", "InsertHeaderConfig"]

RecordT = TypeVar("RecordT", SourceRecord, SinkRecord)


class InsertHeaderConfig(Config):
    """Settings of InsertHeader."""

    header = Str(validator=non_null, importance=HIGH, doc="The name of the header.")
    value_literal = Str(
        validator=non_null,
        importance=HIGH,
        doc="The literal value that is to be set as the header value on all records.",
    )


class InsertHeader(Transform[InsertHeaderConfig]):
    """Adds the header to those that there are."""

    config_class: ClassVar[type[Config]] = InsertHeaderConfig
    version = "0.1.0"
    java_class = "org.apache.kafka.connect.transforms.InsertHeader"

    def configure(self) -> None:
        """Understand the value: what it looks like decides what it is."""
        kind, value = parse(self.config.value_literal)
        self._header = Header(self.config.header, value, kind)

    def apply(self, record: RecordT) -> RecordT | None:
        """The record with one more header."""
        twin = record.copy()
        twin.headers = Headers([*(record.headers or ()), self._header])
        return twin

    def apply_all(self, columns: RecordColumns) -> RecordColumns | None:
        """The same for many records."""
        twin = columns.copy()
        before = [()] * len(columns) if columns.headers is None else columns.headers
        twin.headers = [Headers([*headers, self._header]) for headers in before]
        return twin
