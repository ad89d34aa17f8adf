"""Records and batches of records.

A batch is a sequence of records that keeps its data in columns: code that wants records iterates over it, code that is
in a hurry takes ``batch.values``. Records are made only when somebody asks for them (design section 7).
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import compress, groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple, Self, TypeAlias, TypeVar, overload

from linkspan.api.headers import Headers
from linkspan.api.schema import Schema

__all__ = [
    "Column",
    "Offset",
    "Partition",
    "RecordColumns",
    "RecordMetadata",
    "SinkBatch",
    "SinkRecord",
    "SourceBatch",
    "SourceRecord",
    "StructRows",
    "TopicPartition",
]

Partition: TypeAlias = Mapping[str, object]
"""A source partition: names with null or primitive values (spec/runtime.md 2.5)."""

Offset: TypeAlias = Mapping[str, object]
"""A position in a source partition: names with null or primitive values."""

CREATE_TIME: Final = "CreateTime"
LOG_APPEND_TIME: Final = "LogAppendTime"
NO_TIMESTAMP_TYPE: Final = "NoTimestampType"

T = TypeVar("T")


def left(items: Sequence[T], gone: Collection[int]) -> list[T]:
    """All but those at some indices."""
    stays = bytearray(b"\1") * len(items)
    for index in gone:
        stays[index] = 0
    return list(compress(items, stays))


class TopicPartition(NamedTuple):
    """A partition of a topic in the log."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


class RecordMetadata(NamedTuple):
    """Where the log put a record: partition, offset (-1 if unknown) and timestamp in ms (-1 if none)."""

    topic: str
    partition: int
    offset: int
    timestamp: int


class SourceRecord:
    """A record on its way from an external system into the log.

    Args:
        source_partition: where in the external system it comes from; may be None where no offset is stored.
        source_offset: the position from which reading goes on *after* this record; None when the external system
            itself remembers that, as a queue does: nothing is stored then.
        topic: topic to write to.
        value: the value, in the Python types of :mod:`linkspan.api.schema`.
        value_schema: what the value is, or None.
        key: the key.
        key_schema: what the key is, or None.
        partition: partition of the topic, or None to let the key decide.
        timestamp: milliseconds since the epoch, or None.
        headers: headers, or None for no headers.
    """

    __slots__ = (
        "headers",
        "key",
        "key_schema",
        "partition",
        "source_offset",
        "source_partition",
        "timestamp",
        "topic",
        "value",
        "value_schema",
    )

    def __init__(
        self,
        source_partition: Partition | None,
        source_offset: Offset | None,
        topic: str,
        value: object,
        value_schema: Schema | None = None,
        *,
        key: object = None,
        key_schema: Schema | None = None,
        partition: int | None = None,
        timestamp: int | None = None,
        headers: Headers | None = None,
    ) -> None:
        self.source_partition = source_partition
        self.source_offset = source_offset
        self.topic = topic
        self.value = value
        self.value_schema = value_schema
        self.key = key
        self.key_schema = key_schema
        self.partition = partition
        self.timestamp = timestamp
        self.headers = headers

    def copy(self) -> Self:
        """A record with the same content, for a transform to change; values and headers are shared, not copied."""
        twin = type(self).__new__(type(self))
        twin.source_partition, twin.source_offset = self.source_partition, self.source_offset
        twin.topic, twin.partition, twin.timestamp = self.topic, self.partition, self.timestamp
        twin.key, twin.key_schema = self.key, self.key_schema
        twin.value, twin.value_schema = self.value, self.value_schema
        twin.headers = self.headers
        return twin

    def __repr__(self) -> str:
        return (
            f"SourceRecord(source_partition={self.source_partition!r}, source_offset={self.source_offset!r}, "
            f"topic={self.topic!r}, partition={self.partition!r}, key={self.key!r}, value={self.value!r}, "
            f"timestamp={self.timestamp!r})"
        )


class SinkRecord:
    """A record on its way from the log to an external system.

    ``original_topic``, ``original_partition`` and ``original_offset`` keep the coordinates it was read from, whatever
    transforms do to ``topic`` (spec/runtime.md 4.13).
    """

    __slots__ = (
        "headers",
        "key",
        "key_schema",
        "offset",
        "original_offset",
        "original_partition",
        "original_topic",
        "partition",
        "timestamp",
        "timestamp_type",
        "topic",
        "value",
        "value_schema",
    )

    def __init__(
        self,
        topic: str,
        partition: int,
        offset: int,
        value: object,
        value_schema: Schema | None = None,
        *,
        key: object = None,
        key_schema: Schema | None = None,
        timestamp: int | None = None,
        timestamp_type: str = NO_TIMESTAMP_TYPE,
        headers: Headers | None = None,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.value = value
        self.value_schema = value_schema
        self.key = key
        self.key_schema = key_schema
        self.timestamp = timestamp
        self.timestamp_type = timestamp_type
        self.headers = Headers() if headers is None else headers
        self.original_topic = topic
        self.original_partition = partition
        self.original_offset = offset

    def copy(self) -> Self:
        """A record with the same content, for a transform to change; values and headers are shared, not copied."""
        twin = type(self).__new__(type(self))
        twin.topic, twin.partition, twin.offset = self.topic, self.partition, self.offset
        twin.key, twin.key_schema = self.key, self.key_schema
        twin.value, twin.value_schema = self.value, self.value_schema
        twin.timestamp, twin.timestamp_type = self.timestamp, self.timestamp_type
        twin.headers = self.headers
        twin.original_topic, twin.original_partition = self.original_topic, self.original_partition
        twin.original_offset = self.original_offset
        return twin

    def __repr__(self) -> str:
        return (
            f"SinkRecord(topic={self.topic!r}, partition={self.partition!r}, offset={self.offset!r}, "
            f"key={self.key!r}, value={self.value!r}, timestamp={self.timestamp!r})"
        )


class StructRows(Sequence[Mapping[str, object]]):
    """Structs, or maps with the same texts as keys, in columns: dictionaries are made when the first one is looked at.

    Args:
        names: of the fields, in the order of the schema, or the keys.
        columns: values of each field, all of one length.
        count: how many structs there are.
        make: the dictionaries, for whoever has a shorter way to them than by the columns.
    """

    __slots__ = ("_count", "_made", "_make", "columns", "names")

    def __init__(
        self,
        names: tuple[str, ...],
        columns: Sequence[Sequence[object]],
        count: int,
        make: Callable[[], Sequence[Mapping[str, object]]] | None = None,
    ) -> None:
        self.names = names
        self.columns = columns
        self._count = count
        self._make = make
        self._made: Sequence[Mapping[str, object]] | None = None

    @classmethod
    def of(cls, values: Sequence[Any]) -> StructRows | None:
        """Dictionaries with the same texts as keys, in the same order, in columns; None for anything else."""
        if type(values) is cls:
            return values
        first = values[0] if values else None
        if type(first) is not dict or set(map(type, first)) != {str}:
            return None
        names = tuple(first)
        if set(map(type, values)) != {dict} or not all(map(names.__eq__, map(tuple, values))):
            return None
        return cls(names, list(zip(*map(dict.values, values), strict=True)), len(values))

    def column(self, name: str) -> Sequence[object] | None:
        """Values of a field; None where there is none of that name."""
        return self.columns[self.names.index(name)] if name in self.names else None

    def replaced(self, name: str, column: Sequence[object]) -> StructRows:
        """The same with other values of a field, which is added behind the others if there is none of that name."""
        if name not in self.names:
            return StructRows((*self.names, name), [*self.columns, column], self._count)
        at = self.names.index(name)
        return StructRows(self.names, [*self.columns[:at], column, *self.columns[at + 1 :]], self._count)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Mapping[str, object]: ...
    @overload
    def __getitem__(self, index: slice) -> StructRows: ...
    def __getitem__(self, index: int | slice) -> Mapping[str, object] | StructRows:
        if isinstance(index, slice):
            count = len(range(*index.indices(self._count)))
            return StructRows(self.names, [column[index] for column in self.columns], count)
        return self._rows()[index]

    def __iter__(self) -> Iterator[Mapping[str, object]]:
        return iter(self._rows())

    def __contains__(self, value: object) -> bool:
        return isinstance(value, dict) and value in self._rows()

    def chosen(self, positions: Sequence[int]) -> StructRows:
        """Those at some positions, in that order."""
        return StructRows(self.names, [[column[at] for at in positions] for column in self.columns], len(positions))

    def _rows(self) -> Sequence[Mapping[str, object]]:
        if self._made is None:
            self._made = self._zipped() if self._make is None else self._make()
        return self._made

    def _zipped(self) -> list[Mapping[str, object]]:
        names = self.names
        if not names:
            return [{} for _ in range(self._count)]
        return [dict(zip(names, row, strict=True)) for row in zip(*self.columns, strict=True)]


class Column:
    """Values of one side (key or value) of a batch with their schemas.

    Attributes:
        values: one value a record.
        schema: the schema that all values share, when ``schemas`` is None.
        schemas: one schema a record, when they differ.
        failures: index → error of values that could not be made, from a converter or transform that goes on behind
            them; whatever stands in their place in ``values`` is not looked at.
    """

    __slots__ = ("failures", "schema", "schemas", "values")

    def __init__(
        self,
        values: Sequence[object],
        schema: Schema | None = None,
        schemas: Sequence[Schema | None] | None = None,
        failures: Mapping[int, Exception] | None = None,
    ) -> None:
        self.values = values
        self.schema = schema
        self.schemas = schemas
        self.failures = failures or {}

    def schema_at(self, index: int) -> Schema | None:
        """Schema of the value at ``index``."""
        return self.schema if self.schemas is None else self.schemas[index]

    def without(self, gone: Collection[int]) -> Column:
        """The values but for those at some indices, with one schema if these all share it; no failures."""
        values = left(self.values, gone)
        if self.schemas is None:
            return Column(values, self.schema)
        schemas = left(self.schemas, gone)
        first = schemas[0] if schemas else None
        return Column(values, first) if all(one is first for one in schemas) else Column(values, schemas=schemas)


class RecordColumns(ABC):
    """Records of one topic in columns, for transforms that change all of them at once.

    Attributes:
        topic: topic of all the records.
        keys: the keys with their schemas.
        values: the values with their schemas.
        headers: headers, one a record, or None when no record has any.
    """

    __slots__ = ("headers", "keys", "topic", "values")

    def __init__(self, topic: str, keys: Column, values: Column, headers: Sequence[Headers] | None = None) -> None:
        self.topic = topic
        self.keys = keys
        self.values = values
        self.headers = headers

    def __len__(self) -> int:
        return len(self.values.values)

    @property
    @abstractmethod
    def partitions(self) -> Sequence[int | None]:
        """The partition of each record, as far as it is known."""

    @property
    @abstractmethod
    def offsets(self) -> Sequence[int] | None:
        """The offset of each record; None when they are on their way into the log."""

    @property
    @abstractmethod
    def timestamps(self) -> Sequence[int | None]:
        """Milliseconds since the epoch, one a record, or None."""

    @abstractmethod
    def copy(self) -> RecordColumns:
        """The same records, for a transform to change: columns are shared, it puts others in their place."""

    @abstractmethod
    def without(self, gone: Collection[int]) -> RecordColumns:
        """The records but for those at some indices; none of them has failed any more."""


class SourceBatch(Sequence[SourceRecord]):
    """Records of one source partition for one topic, kept in columns.

    A task whose ``poll`` returns this instead of a list of records spares the runtime one object a record.

    Args:
        source_partition: where all the records come from.
        source_offsets: the position after each record, or None in its place as for a :class:`SourceRecord`; may be
            lazy, the runtime normally asks for the last one only.
        topic: topic of all the records.
        values: one value a record.
        value_schema: what the values are, or None.
        keys: one key a record, or None for no keys.
        key_schema: what the keys are, or None.
        timestamps: milliseconds since the epoch, one a record, or None.
        is_current: in place of timestamps: the records come into being now, and the log may stamp them as it takes
            them, which costs nothing.
    """

    __slots__ = (
        "is_current",
        "key_schema",
        "keys",
        "source_offsets",
        "source_partition",
        "timestamps",
        "topic",
        "value_schema",
        "values",
    )

    def __init__(
        self,
        source_partition: Partition | None,
        source_offsets: Sequence[Offset | None],
        topic: str,
        values: Sequence[object],
        value_schema: Schema | None = None,
        *,
        keys: Sequence[object] | None = None,
        key_schema: Schema | None = None,
        timestamps: Sequence[int] | None = None,
        is_current: bool = False,
    ) -> None:
        self.is_current = is_current
        self.source_partition = source_partition
        self.source_offsets = source_offsets
        self.topic = topic
        self.values = values
        self.value_schema = value_schema
        self.keys = keys
        self.key_schema = key_schema
        self.timestamps = timestamps

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, index: int) -> SourceRecord: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[SourceRecord]: ...
    def __getitem__(self, index: int | slice) -> SourceRecord | Sequence[SourceRecord]:
        if isinstance(index, slice):
            return [self._record(at) for at in range(*index.indices(len(self)))]
        return self._record(range(len(self))[index])

    def __iter__(self) -> Iterator[SourceRecord]:
        return map(self._record, range(len(self)))

    def _timestamp(self, index: int) -> int | None:
        if self.timestamps is not None:
            return self.timestamps[index]
        return int(time.time() * 1000) if self.is_current else None

    def _record(self, index: int) -> SourceRecord:
        return SourceRecord(
            self.source_partition,
            self.source_offsets[index],
            self.topic,
            self.values[index],
            self.value_schema,
            key=None if self.keys is None else self.keys[index],
            key_schema=self.key_schema,
            timestamp=self._timestamp(index),
        )


class SinkBatch(Sequence[SinkRecord]):
    """What ``SinkTask.put`` gets: a sequence of records whose columns can be taken whole.

    Subclassed by the runtime, which fills the columns when they are asked for.
    """

    __slots__ = ()

    @property
    def values(self) -> Sequence[object]:
        """The value of every record, in order."""
        return [record.value for record in self]

    @property
    def keys(self) -> Sequence[object]:
        """The key of every record, in order."""
        return [record.key for record in self]

    @property
    def value_schema(self) -> Schema | None:
        """The schema that all values share, or None when they have none or differ."""
        return _shared([record.value_schema for record in self])

    @property
    def value_schemas(self) -> Sequence[Schema | None] | None:
        """The schema of every value, in order; None when they all have :attr:`value_schema`."""
        schemas = [record.value_schema for record in self]
        return None if all(schema is schemas[0] for schema in schemas) else schemas

    @property
    def key_schema(self) -> Schema | None:
        """The schema that all keys share, or None when they have none or differ."""
        return _shared([record.key_schema for record in self])

    @property
    def columns(self) -> Sequence[RecordColumns]:
        """The records in columns: one piece for each run of records of one topic, in order; not to be changed.

        Topics are those that transforms gave the records, as :attr:`SinkRecord.topic`.
        """
        runs = [list(records) for _, records in groupby(self, key=attrgetter("topic"))]
        return [_GatheredColumns(records) for records in runs]

    @property
    def next_offsets(self) -> Mapping[TopicPartition, int]:
        """For each partition read from, the offset after its last record here: what a sink stores with the records."""
        return {
            TopicPartition(record.original_topic, record.original_partition): record.original_offset + 1
            for record in self
        }

    @property
    def first_offsets(self) -> Mapping[TopicPartition, int]:
        """For each partition read from, the offset of its first record here: what must not be stored as written yet."""
        return {
            TopicPartition(record.original_topic, record.original_partition): record.original_offset
            for record in reversed(self)
        }


class _GatheredColumns(RecordColumns):
    """Columns of records that exist already, all of one topic."""

    __slots__ = ("_records",)

    def __init__(self, records: Sequence[SinkRecord]) -> None:
        keys = _column([record.key for record in records], [record.key_schema for record in records])
        values = _column([record.value for record in records], [record.value_schema for record in records])
        super().__init__(records[0].topic, keys, values, [record.headers for record in records])
        self._records = records

    @property
    def partitions(self) -> Sequence[int | None]:
        return [record.partition for record in self._records]

    @property
    def offsets(self) -> Sequence[int]:
        return [record.offset for record in self._records]

    @property
    def timestamps(self) -> Sequence[int | None]:
        return [record.timestamp for record in self._records]

    def copy(self) -> RecordColumns:
        return _GatheredColumns(self._records)

    def without(self, gone: Collection[int]) -> RecordColumns:
        return _GatheredColumns(left(self._records, gone))


def _column(values: Sequence[object], schemas: Sequence[Schema | None]) -> Column:
    first = schemas[0]
    return Column(values, first) if all(schema is first for schema in schemas) else Column(values, schemas=schemas)


class SinkRecords(SinkBatch):
    """A :class:`SinkBatch` over records that exist already (after transforms, and in tests)."""

    __slots__ = ("_records",)

    def __init__(self, records: Sequence[SinkRecord]) -> None:
        self._records = records

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> SinkRecord: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[SinkRecord]: ...
    def __getitem__(self, index: int | slice) -> SinkRecord | Sequence[SinkRecord]:
        return self._records[index]

    def __iter__(self) -> Iterator[SinkRecord]:
        return iter(self._records)


def _shared(schemas: Sequence[Schema | None]) -> Schema | None:
    first = schemas[0] if schemas else None
    return first if all(schema is first or schema == first for schema in schemas) else None
