"""Records of one poll for one topic in columns: as the task made them, and for transforms to change."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from linkspan.api.headers import Headers
from linkspan.api.records import Column, RecordColumns, SourceBatch, SourceRecord, left
from linkspan.api.schema import Schema

__all__ = ["SourceColumns", "column_of"]


class _Moments:
    """Timestamps of records; of those that come into being now they are taken when somebody asks for them."""

    __slots__ = ("given", "is_current")

    def __init__(self, given: Sequence[int | None] | None, *, is_current: bool = False) -> None:
        self.given = given
        self.is_current = is_current

    def all(self, count: int) -> Sequence[int | None]:
        if self.given is None:
            self.given = [int(time.time() * 1000) if self.is_current else None] * count
        return self.given


class SourceColumns(RecordColumns):
    """Records on their way into the log.

    Attributes:
        given_partitions: the partition of each record; None when none has one.
    """

    __slots__ = ("_moments", "given_partitions")

    def __init__(
        self,
        topic: str,
        keys: Column,
        values: Column,
        headers: Sequence[Headers] | None,
        partitions: Sequence[int | None] | None,
        moments: _Moments,
    ) -> None:
        super().__init__(topic, keys, values, headers)
        self.given_partitions = partitions
        self._moments = moments

    @classmethod
    def of_batch(cls, batch: SourceBatch) -> SourceColumns:
        """Columns of a batch."""
        keys = [None] * len(batch) if batch.keys is None else batch.keys
        moments = _Moments(batch.timestamps, is_current=batch.is_current)
        values = Column(batch.values, batch.value_schema)
        return cls(batch.topic, Column(keys, batch.key_schema), values, None, None, moments)

    @classmethod
    def of_records(cls, topic: str, records: Sequence[SourceRecord]) -> SourceColumns:
        """Columns of some records for one topic."""
        headers = None
        if any(record.headers for record in records):
            headers = [Headers() if record.headers is None else record.headers for record in records]
        partitions = [record.partition for record in records]
        timestamps = [record.timestamp for record in records]
        return cls(
            topic,
            column_of([record.key for record in records], [record.key_schema for record in records]),
            column_of([record.value for record in records], [record.value_schema for record in records]),
            headers,
            None if _all_none(partitions) else partitions,
            _Moments(None if _all_none(timestamps) else timestamps),
        )

    @property
    def partitions(self) -> Sequence[int | None]:
        """The partition of each record, as far as the task chose one."""
        return [None] * len(self) if self.given_partitions is None else self.given_partitions

    @property
    def offsets(self) -> None:
        """They have none yet."""
        return

    @property
    def timestamps(self) -> Sequence[int | None]:
        """Milliseconds since the epoch, one a record, or None."""
        return self._moments.all(len(self))

    @property
    def given_timestamps(self) -> Sequence[int | None] | None:
        """The timestamps that the records go with; None leaves them to the log."""
        moments = self._moments.given
        return None if moments is None or _all_none(moments) else moments

    def copy(self) -> SourceColumns:
        """The same records."""
        return SourceColumns(self.topic, self.keys, self.values, self.headers, self.given_partitions, self._moments)

    def without(self, gone: Collection[int]) -> SourceColumns:
        """The others."""
        partitions, moments = self.given_partitions, self._moments
        return SourceColumns(
            self.topic,
            self.keys.without(gone),
            self.values.without(gone),
            self.headers and left(self.headers, gone),
            partitions and left(partitions, gone),
            _Moments(moments.given and left(moments.given, gone), is_current=moments.is_current),
        )

    def record(self, index: int, origin: SourceRecord) -> SourceRecord:
        """One of them as it is now, which the task made as ``origin``."""
        keys, values = self.keys, self.values
        record = origin.copy()
        record.topic = self.topic
        record.key_schema, record.key = keys.schema_at(index), keys.values[index]
        record.value_schema, record.value = values.schema_at(index), values.values[index]
        record.headers = Headers() if self.headers is None else self.headers[index]
        record.partition = self.partitions[index]
        record.timestamp = self.timestamps[index]
        return record


def column_of(values: Sequence[object], schemas: Sequence[Schema | None]) -> Column:
    """A column, with one schema when all values share it."""
    first = schemas[0] if schemas else None
    if all(schema is first for schema in schemas):
        return Column(values, first)
    return Column(values, schemas=schemas)


def _all_none(items: Sequence[object]) -> bool:
    return items.count(None) == len(items)
