"""Between plugin values and bytes of the log, whole batches at a time.

Each stage (transforms, headers, key, value) runs over a batch; a stage that is not configured is skipped. A batch that
fails is repeated record by record under the tolerance rules, to find the culprit: the slow path is for errors only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple, TypeVar

from linkspan.api.converter import Converter, HeaderConverter
from linkspan.api.errors import ConnectError, DataError
from linkspan.api.headers import Header, Headers
from linkspan.api.records import Column, SinkBatch, SourceBatch, SourceRecord
from linkspan.api.schema import Schema
from linkspan.log.port import FetchedBatch, OutgoingBatch, WireHeader
from linkspan.task.batches import ReadBatch, ReadRecord, RecordBatch
from linkspan.task.chain import Chain
from linkspan.task.offsets import Part, Position, last_positions
from linkspan.task.reaction import as_outage, is_of_record
from linkspan.task.selected import Selected
from linkspan.task.source_columns import SourceColumns, column_of
from linkspan.task.tolerance import DROPPED, Consumed, Failure, Stage, Tolerance, Underway, class_name

__all__ = ["Converters", "Prepared", "SinkConversion", "SourceConversion"]

_log = logging.getLogger(__name__)
_LATEST: Final = (1 << 63) - 1
_LAST_PARTITION: Final = (1 << 31) - 1
T = TypeVar("T")
_PIECE: Final = 16
"""Records that are tried together once a batch has failed: with one bad record in a hundred, most pieces pass."""


class Converters(NamedTuple):
    """The three converters of a task."""

    key: Converter
    value: Converter
    header: HeaderConverter


class Prepared(NamedTuple):
    """What became of one poll.

    Attributes:
        parts: one batch for each topic (more when records had to be taken one by one), in the order of first
            appearance; records of a topic keep their order.
        positions: last position of every source partition; dropped records do not count, unless they are in a dead
            letter queue.
    """

    parts: Sequence[Part]
    positions: Sequence[Position]


class _Wire(NamedTuple):
    """One record as it goes to the log."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None
    timestamp: int | None
    headers: Sequence[WireHeader] | None
    origin: SourceRecord


class SourceConversion:
    """Source records to batches for the log.

    Args:
        converters: the task's converters.
        tolerance: decides about failed records.
        chain: the transforms, or None for none.

    Attributes:
        on_drop: called for each record that a transform dropped or whose failure was tolerated; None if nobody asks.
        dropped: how many these were.
        sets_aside: whether failed records go to a dead letter queue: reading goes on after them then, as after those
            that were written.
    """

    def __init__(self, converters: Converters, tolerance: Tolerance, chain: Chain | None = None) -> None:
        self._converters = converters
        self._tolerance = tolerance
        self._chain = chain
        self.on_drop: Callable[[SourceRecord], None] | None = None
        self._gone: dict[int, SourceRecord] = {}
        """Records of this poll that were dropped, by their identities."""
        self._failed: set[int] = set()
        """Identities of those that failed."""
        self.sets_aside = False
        self.dropped = 0

    def prepare(self, polled: Sequence[SourceRecord]) -> Prepared:
        """Transform and convert what a poll returned.

        Raises:
            OutageError: something that a converter or transform needs does not work for now; do all of it again later.
            ConnectError: a record failed and that is not tolerated.
        """
        self._gone = {}
        self._failed = set()
        try:
            prepared = self._prepared(polled)
        except ConnectError:
            self._tolerance.forget()
            raise
        self._tolerance.report()
        self.dropped += len(self._gone)
        if self.on_drop is not None:
            for record in self._gone.values():
                self.on_drop(record)
        return prepared

    def _prepared(self, polled: Sequence[SourceRecord]) -> Prepared:
        whole = self._whole(polled)
        if whole is not None:
            return whole
        polled = list(polled)
        pairs = [(record, record) for record in polled] if self._chain is None else self._changed(polled)
        parts = self._by_topic(pairs)
        return Prepared(parts, last_positions(self._counted(polled)))

    def _counted(self, polled: Sequence[SourceRecord]) -> list[SourceRecord]:
        """Those of the records prepared last that reading goes on after."""
        without = self._gone.keys() - self._failed if self.sets_aside else self._gone.keys()
        return [record for record in polled if id(record) not in without]

    def _whole(self, polled: Sequence[SourceRecord]) -> Prepared | None:
        """All of it in columns; None when that cannot be, or one fails: they are then taken record by record."""
        columns = self._polled_columns(polled)
        if columns is None:
            return None
        topic = columns.topic
        try:
            changed = columns if self._chain is None else self._chain.apply_all(columns)
            if changed is not None:
                assert isinstance(changed, SourceColumns)
                return Prepared([Part(self._outgoing(changed), polled)], last_positions(polled))
        except Exception as error:  # noqa: BLE001 - supervision point: plugins of all kinds; repeated one by one
            _raise_outage(error)
            _log.debug("A batch of topic %s is taken record by record: %s", topic, error)
            return None
        for record in polled:
            self._drop(record, failed=False)
        return Prepared((), ())

    def _polled_columns(self, polled: Sequence[SourceRecord]) -> SourceColumns | None:
        """Columns of what has one topic; what has several keeps its order only record by record."""
        if self._chain is not None and not self._chain.in_columns:
            return None
        if isinstance(polled, SourceBatch):
            return SourceColumns.of_batch(polled)
        if self._chain is None:
            return None  # there are columns for each topic later
        topic = polled[0].topic
        if any(record.topic != topic for record in polled):
            return None
        return SourceColumns.of_records(topic, polled)

    def _changed(self, polled: Sequence[SourceRecord]) -> list[tuple[SourceRecord, SourceRecord]]:
        assert self._chain is not None
        apply = self._chain.apply
        survivors = []
        for record in polled:
            noted = self._tolerance.noted
            changed = apply(record, record)
            if changed is None:
                self._drop(record, failed=self._tolerance.noted > noted)
            else:
                survivors.append((changed, record))
        return survivors

    def _by_topic(self, pairs: Sequence[tuple[SourceRecord, SourceRecord]]) -> list[Part]:
        groups: dict[str, list[tuple[SourceRecord, SourceRecord]]] = {}
        for pair in pairs:
            topic = pair[0].topic
            if topic in groups:
                groups[topic].append(pair)
            else:
                groups[topic] = [pair]
        parts: list[Part] = []
        for topic, group in groups.items():
            try:
                batch = self._outgoing(SourceColumns.of_records(topic, [record for record, _ in group]))
            except Exception as error:  # noqa: BLE001 - supervision point: converters are plugins; repeated one by one
                _raise_outage(error)
                _log.debug("A batch of topic %s failed and is taken record by record: %s", topic, error)
                parts.extend(self._one_by_one(group))
            else:
                parts.append(Part(batch, [origin for _, origin in group]))
        return parts

    def _outgoing(self, columns: SourceColumns) -> OutgoingBatch:
        topic = columns.topic
        headers: list[list[WireHeader] | None] | None = None
        seen: list[Headers | None] | None = None
        if columns.headers is not None:
            headers = [self._headers(topic, own) for own in columns.headers]
            seen = [_as_seen(wire) for wire in headers]
        values = self._converters.value.from_connect_batch(topic, columns.values, seen)
        partitions, timestamps = columns.given_partitions, columns.given_timestamps
        return OutgoingBatch(
            topic,
            values,
            keys=self._keys(topic, columns.keys, seen),
            partitions=None if partitions is None else _partitions(partitions),
            timestamps=None if timestamps is None else _timestamps(timestamps),
            headers=headers,
        )

    def _keys(
        self, topic: str, column: Column, headers: Sequence[Headers | None] | None
    ) -> Sequence[bytes | None] | None:
        count = len(column.values)
        if headers is None and column.schemas is None and list(column.values).count(None) == count:
            # records without keys are common: ask once
            key = self._converters.key.from_connect(topic, column.schema, None)
            return None if key is None else [key] * count
        return self._converters.key.from_connect_batch(topic, column, headers)

    def _headers(self, topic: str, headers: Headers | None) -> list[WireHeader] | None:
        if not headers:
            return None
        convert = self._converters.header.from_connect_header
        return [(header.key, convert(topic, header.key, header.schema, header.value)) for header in headers]

    def _one_by_one(self, pairs: Sequence[tuple[SourceRecord, SourceRecord]]) -> list[Part]:
        """Find out which records of a failed batch are at fault, and convert the others."""
        groups: dict[str, list[_Wire]] = {}
        for record, origin in pairs:
            wire = self._single(record, origin)
            if wire is None:
                self._drop(origin, failed=True)
            else:
                groups.setdefault(wire.topic, []).append(wire)
        return [_part(topic, group) for topic, group in groups.items()]

    def _single(self, record: SourceRecord, origin: SourceRecord) -> _Wire | None:
        topic, attempt = record.topic, self._tolerance.attempt
        key_converter, value_converter, header_converter = self._converters
        underway = Underway(origin, record)
        headers = attempt(
            Stage.HEADER_CONVERTER,
            class_name(header_converter),
            partial(self._headers, topic, record.headers),
            underway,
        )
        if headers is DROPPED:
            return None
        underway.headers = headers
        seen = _as_seen(headers)
        key = attempt(
            Stage.KEY_CONVERTER,
            class_name(key_converter),
            partial(key_converter.from_connect, topic, record.key_schema, record.key, seen),
            underway,
        )
        if key is DROPPED:
            return None
        underway.key = key
        value = attempt(
            Stage.VALUE_CONVERTER,
            class_name(value_converter),
            partial(value_converter.from_connect, topic, record.value_schema, record.value, seen),
            underway,
        )
        if value is DROPPED:
            return None
        underway.value = value
        place = attempt(Stage.KAFKA_PRODUCE, class_name(self), partial(_place, record), underway)
        if place is DROPPED:
            return None
        return _Wire(topic, key, value, *place, headers, origin)

    def _drop(self, record: SourceRecord, *, failed: bool) -> None:
        self._gone[id(record)] = record
        if failed:
            self._failed.add(id(record))


class SinkConversion:
    """Batches of the log to what ``put`` gets.

    Args:
        converters: the task's converters.
        tolerance: decides about failed records.
        chain: the transforms, or None for none.
    """

    def __init__(self, converters: Converters, tolerance: Tolerance, chain: Chain | None = None) -> None:
        self._converters = converters
        self._tolerance = tolerance
        self._chain = chain

    def convert(self, fetched: FetchedBatch) -> SinkBatch:
        """Convert and transform what was read; failed and dropped records are left out.

        Raises:
            OutageError: something that a converter or transform needs does not work for now; do all of it again later.
            ConnectError: a record failed and that is not tolerated; names topic, partition and offset.
        """
        try:
            batch: SinkBatch = self._read(fetched)
            if self._chain is not None:
                batch = self._transformed(self._chain, batch)
        except ConnectError:
            self._tolerance.forget()
            raise
        self._tolerance.report()
        return batch

    def _read(self, fetched: FetchedBatch) -> ReadBatch:
        try:
            keys, values, headers = self._columns(fetched)
        except Exception as error:  # noqa: BLE001 - supervision point: converters are plugins; repeated in small pieces
            _raise_outage(error)
            _log.debug("A batch of topic %s failed and is taken in small pieces: %s", fetched.topic, error)
            return self._without_culprits(fetched)
        if keys.failures or values.failures:
            return self._without_failures(fetched, keys, values, headers)
        return ReadBatch(fetched, keys, values, headers)

    def _columns(self, fetched: FetchedBatch) -> tuple[Column, Column, list[Headers] | None]:
        topic = fetched.topic
        wire = fetched.headers
        seen = None if wire is None else [_as_seen(headers) for headers in wire]
        keys = _to_connect(self._converters.key, topic, fetched.keys, seen)
        values = _to_connect(self._converters.value, topic, fetched.values, seen)
        return keys, values, None if wire is None else [self._headers(topic, own) for own in wire]

    def _without_failures(
        self, fetched: FetchedBatch, keys: Column, values: Column, headers: list[Headers] | None
    ) -> ReadBatch:
        """Leave out what the converters could not make."""
        if not all(map(is_of_record, (*keys.failures.values(), *values.failures.values()))):
            return self._without_culprits(fetched)
        gone = sorted({*keys.failures, *values.failures})
        stages = (
            (Stage.KEY_CONVERTER, self._converters.key, keys),
            (Stage.VALUE_CONVERTER, self._converters.value, values),
        )
        for index in gone:
            stage, converter, column = next(side for side in stages if index in side[2].failures)
            failure = Failure(stage, class_name(converter), column.failures[index], Consumed(fetched, index))
            self._tolerance.fail(failure)
        kept = Selected(fetched, _left(range(len(fetched)), gone))
        return ReadBatch(kept, _kept(keys, gone), _kept(values, gone), headers and _left(headers, gone))

    def _headers(self, topic: str, wire: Sequence[WireHeader]) -> Headers:
        convert = self._converters.header.to_connect_header
        headers = Headers()
        for name, payload in wire:
            schema, value = convert(topic, name, payload)
            headers.append(Header(name, value, schema))
        return headers

    def _without_culprits(self, fetched: FetchedBatch) -> ReadBatch:
        """Take records one by one where one of a few fails, to find out which."""
        good = _Gathered()
        for start in range(0, len(fetched), _PIECE):
            indices = range(start, min(start + _PIECE, len(fetched)))
            try:
                good.extend(indices, *self._columns(Selected(fetched, indices)))
            except Exception as error:  # noqa: BLE001 - supervision point: converters are plugins; repeated one by one
                _raise_outage(error)
                for index in indices:
                    record = self._single(fetched, index)
                    if record is not None:
                        good.append(index, record)
        return good.batch(fetched)

    def _single(self, fetched: FetchedBatch, index: int) -> ReadRecord | None:
        consumed = Consumed(fetched, index)
        topic, attempt = fetched.topic, self._tolerance.attempt
        key_converter, value_converter, header_converter = self._converters
        wire = fetched.headers[index] if fetched.headers is not None else ()
        seen = _as_seen(wire)
        key = attempt(
            Stage.KEY_CONVERTER,
            class_name(key_converter),
            partial(key_converter.to_connect, topic, fetched.keys[index], seen),
            consumed,
        )
        if key is DROPPED:
            return None
        value = attempt(
            Stage.VALUE_CONVERTER,
            class_name(value_converter),
            partial(value_converter.to_connect, topic, fetched.values[index], seen),
            consumed,
        )
        if value is DROPPED:
            return None
        headers = attempt(
            Stage.HEADER_CONVERTER, class_name(header_converter), partial(self._headers, topic, wire), consumed
        )
        if headers is DROPPED:
            return None
        return ReadRecord(fetched, index, key.value, key.schema, value.value, value.schema, headers)

    def _transformed(self, chain: Chain, batch: SinkBatch) -> SinkBatch:
        if chain.in_columns and isinstance(batch, ReadBatch):
            try:
                columns = chain.apply_all(batch.columns)
            except Exception as error:  # noqa: BLE001 - supervision point: transforms are plugins; repeated one by one
                _log.debug("A batch goes through the transforms record by record: %s", error)
            else:
                return RecordBatch(()) if columns is None else batch.changed(columns)
        survivors = []
        for record in batch:
            assert isinstance(record, ReadRecord)
            changed = chain.apply(record, record.consumed)
            if changed is not None:
                survivors.append(changed if isinstance(changed, ReadRecord) else ReadRecord.changed(record, changed))
        return RecordBatch(survivors)


class _Gathered:
    """Converted records of one fetched batch, put together piece by piece."""

    def __init__(self) -> None:
        self._indices: list[int] = []
        self._keys: list[object] = []
        self._key_schemas: list[Schema | None] = []
        self._values: list[object] = []
        self._value_schemas: list[Schema | None] = []
        self._headers: list[Headers] | None = []

    def extend(self, indices: Sequence[int], keys: Column, values: Column, headers: Sequence[Headers] | None) -> None:
        """Add those at ``indices``, converted together.

        Raises:
            Exception: one of them failed; none was added.
        """
        for error in (*keys.failures.values(), *values.failures.values()):
            raise error
        self._indices += indices
        self._keys += keys.values
        self._key_schemas += _schemas(keys)
        self._values += values.values
        self._value_schemas += _schemas(values)
        if headers is None:
            self._headers = None
        elif self._headers is not None:
            self._headers += headers

    def append(self, index: int, record: ReadRecord) -> None:
        """Add the one at ``index``."""
        self._indices.append(index)
        self._keys.append(record.key)
        self._key_schemas.append(record.key_schema)
        self._values.append(record.value)
        self._value_schemas.append(record.value_schema)
        if self._headers is not None:
            self._headers.append(record.headers)

    def batch(self, fetched: FetchedBatch) -> ReadBatch:
        """All that were added."""
        keys, values = column_of(self._keys, self._key_schemas), column_of(self._values, self._value_schemas)
        return ReadBatch(Selected(fetched, self._indices), keys, values, self._headers)


def _left(items: Sequence[T], gone: Sequence[int]) -> list[T]:
    """All but those at some indices, which are in order."""
    left = list(items)
    for index in reversed(gone):
        del left[index]
    return left


def _kept(column: Column, gone: Sequence[int]) -> Column:
    schemas = None if column.schemas is None else _left(column.schemas, gone)
    return Column(_left(column.values, gone), column.schema, schemas)


def _schemas(column: Column) -> Sequence[Schema | None]:
    return [column.schema] * len(column.values) if column.schemas is None else column.schemas


def _raise_outage(error: Exception) -> None:
    outage = as_outage(error)
    if outage is not None:
        raise outage


def _to_connect(
    converter: Converter, topic: str, payloads: Sequence[bytes | None], headers: Sequence[Headers | None] | None
) -> Column:
    count = len(payloads)
    if headers is None and payloads.count(None) == count and count:
        # records without keys are common: ask once
        schema, value = converter.to_connect(topic, None)
        return Column([value] * count, schema)
    return converter.to_connect_batch(topic, payloads, headers)


def _as_seen(wire: Sequence[WireHeader] | None) -> Headers | None:
    """Headers as converters see them: unconverted."""
    return Headers(Header(name, payload) for name, payload in wire) if wire else None


def _timestamps(timestamps: Sequence[int | None]) -> Sequence[int | None]:
    """Timestamps for the log: -1 means none.

    Raises:
        DataError: one is no whole number, another negative number or beyond 64 bits.
    """
    if all(type(timestamp) is int and 0 <= timestamp <= _LATEST for timestamp in timestamps):
        return timestamps
    for timestamp in timestamps:
        if timestamp is not None and (type(timestamp) is not int or not -1 <= timestamp <= _LATEST):
            raise DataError(f"Invalid record timestamp {timestamp!r}: it has to be a whole number of milliseconds")
    return [None if timestamp == -1 else timestamp for timestamp in timestamps]


def _partitions(partitions: Sequence[int | None]) -> Sequence[int | None]:
    """Partitions for the log; whether the topic has them is for the log to say.

    Raises:
        DataError: one can be no partition's number.
    """
    for partition in partitions:
        if partition is not None and (type(partition) is not int or not 0 <= partition <= _LAST_PARTITION):
            raise DataError(f"Invalid partition {partition!r}: partitions are numbered from 0")
    return partitions


def _place(record: SourceRecord) -> tuple[int | None, int | None]:
    """Partition and timestamp of a record."""
    return _partitions([record.partition])[0], _timestamps([record.timestamp])[0]


def _part(topic: str, group: Sequence[_Wire]) -> Part:
    batch = OutgoingBatch(
        topic,
        [wire.value for wire in group],
        keys=[wire.key for wire in group],
        partitions=[wire.partition for wire in group],
        timestamps=[wire.timestamp for wire in group],
        headers=[wire.headers for wire in group],
    )
    return Part(batch, [wire.origin for wire in group])
