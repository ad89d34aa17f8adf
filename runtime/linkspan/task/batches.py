"""What ``put`` gets: columns as they were read and converted, records only when somebody looks at them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain as joined
from typing import Self, overload

from linkspan.api.headers import Headers
from linkspan.api.records import Column, RecordColumns, SinkBatch, SinkRecord, SinkRecords, TopicPartition, left
from linkspan.api.schema import Schema
from linkspan.log.port import FetchedBatch
from linkspan.task.selected import Selected
from linkspan.task.tolerance import Consumed

__all__ = ["JoinedBatch", "ReadBatch", "ReadColumns", "ReadRecord", "RecordBatch", "halves"]


class ReadRecord(SinkRecord):
    """A sink record that remembers the bytes it was made of, for the dead letter queue."""

    __slots__ = ("_fetched", "_index")

    def __init__(
        self,
        fetched: FetchedBatch,
        index: int,
        key: object,
        key_schema: Schema | None,
        value: object,
        value_schema: Schema | None,
        headers: Headers | None,
    ) -> None:
        timestamp = fetched.timestamps[index]
        super().__init__(
            fetched.topic,
            fetched.partitions[index],
            fetched.offsets[index],
            value,
            value_schema,
            key=key,
            key_schema=key_schema,
            timestamp=None if timestamp < 0 else timestamp,
            timestamp_type=fetched.timestamp_types[index],
            headers=headers,
        )
        self._fetched = fetched
        self._index = index

    def copy(self) -> Self:
        """A record with the same content and origin."""
        twin = super().copy()
        twin._fetched, twin._index = self._fetched, self._index  # noqa: SLF001 - of the same class
        return twin

    @classmethod
    def changed(cls, before: ReadRecord, after: SinkRecord) -> ReadRecord:
        """``after``, which a transform made of ``before``, with the origin of ``before``."""
        record = cls(
            before._fetched, before._index, after.key, after.key_schema, after.value, after.value_schema, after.headers
        )
        record.topic, record.partition, record.offset = after.topic, after.partition, after.offset
        record.timestamp, record.timestamp_type = after.timestamp, after.timestamp_type
        return record

    @property
    def consumed(self) -> Consumed:
        """The record as it lies in the log."""
        return Consumed(self._fetched, self._index)


class ReadBatch(SinkBatch):
    """Records of one topic in columns.

    Args:
        fetched: what was read.
        keys: converted keys.
        values: converted values.
        headers: converted headers, one a record, or None when no record has any.
    """

    __slots__ = ("_fetched", "_headers", "_keys", "_topic", "_values")

    def __init__(
        self,
        fetched: FetchedBatch,
        keys: Column,
        values: Column,
        headers: Sequence[Headers] | None = None,
        topic: str | None = None,
    ) -> None:
        self._fetched = fetched
        self._keys = keys
        self._values = values
        self._headers = headers
        self._topic = fetched.topic if topic is None else topic

    @classmethod
    def of(cls, columns: ReadColumns) -> ReadBatch:
        """The records of these columns."""
        return cls(columns.fetched, columns.keys, columns.values, columns.headers, columns.topic)

    def __len__(self) -> int:
        return len(self._fetched)

    @overload
    def __getitem__(self, index: int) -> SinkRecord: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[SinkRecord]: ...
    def __getitem__(self, index: int | slice) -> SinkRecord | Sequence[SinkRecord]:
        if isinstance(index, slice):
            return [self._record(at) for at in range(*index.indices(len(self)))]
        return self._record(range(len(self))[index])

    def __iter__(self) -> Iterator[SinkRecord]:
        return map(self._record, range(len(self)))

    @property
    def values(self) -> Sequence[object]:
        """The value of every record, in order."""
        return self._values.values

    @property
    def keys(self) -> Sequence[object]:
        """The key of every record, in order."""
        return self._keys.values

    @property
    def value_schema(self) -> Schema | None:
        """The schema that all values share, or None when they have none or differ."""
        return _shared(self._values)

    @property
    def value_schemas(self) -> Sequence[Schema | None] | None:
        """The schema of every value, in order; None when they all have :attr:`value_schema`."""
        return self._values.schemas

    @property
    def key_schema(self) -> Schema | None:
        """The schema that all keys share, or None when they have none or differ."""
        return _shared(self._keys)

    @property
    def columns(self) -> Sequence[RecordColumns]:
        """All of them, in one piece."""
        return [ReadColumns(self._fetched, self._topic, self._keys, self._values, self._headers)]

    @property
    def next_offsets(self) -> Mapping[TopicPartition, int]:
        """For each partition read from, the offset after its last record here."""
        return self._fetched.positions

    @property
    def first_offsets(self) -> Mapping[TopicPartition, int]:
        """For each partition read from, the offset of its first record here."""
        fetched = self._fetched
        firsts = dict(zip(reversed(fetched.partitions), reversed(fetched.offsets), strict=True))
        return {TopicPartition(fetched.topic, partition): offset for partition, offset in firsts.items()}

    def _record(self, index: int) -> ReadRecord:
        keys, values = self._keys, self._values
        # no look-up of per-record schemas where they are shared
        key_schema = keys.schema if keys.schemas is None else keys.schemas[index]
        value_schema = values.schema if values.schemas is None else values.schemas[index]
        record = ReadRecord(
            self._fetched,
            index,
            keys.values[index],
            key_schema,
            values.values[index],
            value_schema,
            None if self._headers is None else self._headers[index],
        )
        record.topic = self._topic
        return record


class ReadColumns(RecordColumns):
    """Columns of what was read; what a record came with is made when it is asked for.

    Attributes:
        fetched: the batch it was read with.
    """

    __slots__ = ("fetched",)

    def __init__(
        self, fetched: FetchedBatch, topic: str, keys: Column, values: Column, headers: Sequence[Headers] | None
    ) -> None:
        super().__init__(topic, keys, values, headers)
        self.fetched = fetched

    @property
    def partitions(self) -> Sequence[int | None]:
        """The partition of each record."""
        return self.fetched.partitions

    @property
    def offsets(self) -> Sequence[int]:
        """The offset of each record."""
        return self.fetched.offsets

    @property
    def timestamps(self) -> Sequence[int | None]:
        """Milliseconds since the epoch, one a record, or None."""
        return [None if timestamp < 0 else timestamp for timestamp in self.fetched.timestamps]

    def copy(self) -> ReadColumns:
        """The same records."""
        return ReadColumns(self.fetched, self.topic, self.keys, self.values, self.headers)

    def without(self, gone: Collection[int]) -> ReadColumns:
        """The others."""
        return ReadColumns(
            Selected(self.fetched, left(range(len(self)), gone)),
            self.topic,
            self.keys.without(gone),
            self.values.without(gone),
            self.headers and left(self.headers, gone),
        )


class RecordBatch(SinkRecords):
    """Records that exist already: after transforms, and what is left of a batch with failures."""

    __slots__ = ()


class JoinedBatch(SinkBatch):
    """Batches of several topics given to one ``put``, one after the other."""

    __slots__ = ("parts",)

    def __init__(self, parts: Sequence[SinkBatch]) -> None:
        self.parts = parts

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    @overload
    def __getitem__(self, index: int) -> SinkRecord: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[SinkRecord]: ...
    def __getitem__(self, index: int | slice) -> SinkRecord | Sequence[SinkRecord]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        for part in self.parts:
            if at < len(part):
                return part[at]
            at -= len(part)
        raise IndexError(index)

    def __iter__(self) -> Iterator[SinkRecord]:
        return joined.from_iterable(self.parts)

    @property
    def values(self) -> Sequence[object]:
        """The value of every record, in order."""
        return list(joined.from_iterable(part.values for part in self.parts))

    @property
    def keys(self) -> Sequence[object]:
        """The key of every record, in order."""
        return list(joined.from_iterable(part.keys for part in self.parts))

    @property
    def columns(self) -> Sequence[RecordColumns]:
        """The columns of each."""
        return [columns for part in self.parts for columns in part.columns]

    @property
    def next_offsets(self) -> Mapping[TopicPartition, int]:
        """For each partition read from, the offset after its last record here."""
        merged: dict[TopicPartition, int] = {}
        for part in self.parts:
            merged.update(part.next_offsets)
        return merged

    @property
    def first_offsets(self) -> Mapping[TopicPartition, int]:
        """For each partition read from, the offset of its first record here."""
        merged: dict[TopicPartition, int] = {}
        for part in reversed(self.parts):
            merged.update(part.first_offsets)
        return merged

    @classmethod
    def of(cls, parts: Sequence[SinkBatch]) -> SinkBatch:
        """One batch of these; a single one as it is."""
        filled = [piece for part in parts for piece in _pieces(part) if len(piece)]
        return filled[0] if len(filled) == 1 else cls(filled)


def halves(batch: SinkBatch) -> list[SinkBatch]:
    """The records of a batch in two batches, in order."""
    records = list(batch)
    middle = len(records) // 2
    return [RecordBatch(records[:middle]), RecordBatch(records[middle:])]


def _pieces(batch: SinkBatch) -> Sequence[SinkBatch]:
    # what waits for redelivery is joined already: nested ones would be walked through for each record
    return batch.parts if isinstance(batch, JoinedBatch) else (batch,)


def _shared(column: Column) -> Schema | None:
    if column.schemas is None:
        return column.schema
    first = column.schemas[0] if column.schemas else None
    return first if all(schema is first or schema == first for schema in column.schemas) else None
