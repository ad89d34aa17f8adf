"""Filter: drops records; which ones is for its predicate to say."""

from __future__ import annotations

from typing import TypeVar

from linkspan.api import Config, RecordColumns, SinkRecord, SourceRecord, Transform

__all__ = ["Filter"]

RecordT = TypeVar("RecordT", SourceRecord, SinkRecord)


class Filter(Transform[Config]):
    """Drops every record that it gets."""

    version = "0.1.0"
    java_class = "org.apache.kafka.connect.transforms.Filter"

    def apply(self, record: RecordT) -> RecordT | None:  # noqa: ARG002 - it is dropped, whatever it is
        """Nothing."""
        return None

    def apply_all(self, columns: RecordColumns) -> RecordColumns | None:  # noqa: ARG002 - as above
        """Nothing."""
        return None
