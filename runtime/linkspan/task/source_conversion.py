"""From source records to bytes for the log, whole batches at a time.

Each stage (transforms, headers, key, value) runs over a batch in columns; a stage that is not configured is skipped.
Records that fail are left out and go through the tolerance rules in their order. Record by record goes only what may
come right when it is tried again, what no tolerance is set for, and what transforms cannot do in columns.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from linkspan.api.errors import ConnectError, DataError
from linkspan.api.headers import Headers
from linkspan.api.records import Column, SourceBatch, SourceRecord, left
from linkspan.log.port import OutgoingBatch, WireHeader
from linkspan.log.topic_names import what_is_wrong_with
from linkspan.task.chain import Chain
from linkspan.task.conversion import Converters, SeenHeaders, as_seen, each, raise_outage, written
from linkspan.task.offsets import Part, Position, last_positions
from linkspan.task.source_columns import SourceColumns
from linkspan.task.tolerance import DROPPED, PRODUCE_CLASS, Failure, Stage, Tolerance, Underway, class_name

__all__ = ["Prepared", "SourceConversion"]

_log = logging.getLogger(__name__)
_LATEST: Final = (1 << 63) - 1
_LAST_PARTITION: Final = (1 << 31) - 1


_STAGES: Final = (Stage.HEADER_CONVERTER, Stage.KEY_CONVERTER, Stage.VALUE_CONVERTER, Stage.KAFKA_PRODUCE)
"""In the order in which a record goes through them."""


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
        """All of it in columns; None when that cannot be: the records are then taken one by one."""
        columns = self._polled_columns(polled)
        if columns is None:
            return None
        try:
            kept, changed, failures = self._transformed(columns, polled)
            part = None if changed is None else self._part(changed, polled, kept, failures)
        except Exception as error:  # noqa: BLE001 - supervision point: plugins of all kinds; repeated one by one
            raise_outage(error)
            _log.debug("A batch of topic %s is taken record by record: %s", columns.topic, error)
            return None
        if changed is not None and not failures:
            assert part is not None
            return Prepared([part], last_positions(polled))
        if failures and not self._tolerance.policy.tolerate_all:
            return None
        origins = list(polled)
        self._fail(origins, failures)
        if changed is None:
            for index, record in enumerate(origins):
                if index not in failures:
                    self._drop(record, failed=False)
        return Prepared([] if part is None else [part], last_positions(self._counted(origins)))

    def _transformed(
        self, columns: SourceColumns, polled: Sequence[SourceRecord]
    ) -> tuple[Sequence[int], SourceColumns | None, dict[int, Failure]]:
        """Which are left and what they are now, and which have failed."""
        if self._chain is None:
            return range(len(columns)), columns, {}
        passed = self._chain.apply_all(columns)
        failures = {}
        for index, (executing, error, got, at) in passed.failures.items():
            assert isinstance(got, SourceColumns)
            seen = got.record(at, polled[index])
            failures[index] = Failure(Stage.TRANSFORMATION, executing, error, Underway(polled[index], seen))
        assert isinstance(passed.columns, SourceColumns | None)
        return passed.kept, passed.columns, failures

    def _fail(self, origins: Sequence[SourceRecord], failures: Mapping[int, Failure]) -> None:
        for index in sorted(failures):
            self._tolerance.fail(failures[index])
            self._drop(origins[index], failed=True)

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
            origins = [origin for _, origin in group]
            failures: dict[int, Failure] = {}
            try:
                columns = SourceColumns.of_records(topic, [record for record, _ in group])
                part = self._part(columns, origins, range(len(group)), failures)
            except Exception as error:  # noqa: BLE001 - supervision point: converters are plugins; repeated one by one
                raise_outage(error)
                _log.debug("A batch of topic %s failed and is taken record by record: %s", topic, error)
                parts.extend(self._one_by_one(group))
            else:
                if failures and not self._tolerance.policy.tolerate_all:
                    return self._one_by_one(pairs)
                self._fail(origins, failures)
                if part is not None:
                    parts.append(part)
        return parts

    def _part(
        self,
        columns: SourceColumns,
        polled: Sequence[SourceRecord],
        kept: Sequence[int],
        failures: dict[int, Failure],
    ) -> Part | None:
        """Convert; what fails because of the record is noted and left out.

        Args:
            columns: the records.
            polled: those that they were made of, among others.
            kept: where they are among these.
            failures: gets those that fail, by their indices there.

        Raises:
            Exception: it failed for another reason.
        """
        count = len(columns)
        topic = columns.topic
        bad: dict[Stage, dict[int, Exception]] = {stage: {} for stage in _STAGES}
        headers: list[list[WireHeader] | None] | None = None
        seen: SeenHeaders | None = None
        if columns.headers is not None:
            own = columns.headers
            headers = each(lambda at: self._headers(topic, own[at]), range(count), bad[Stage.HEADER_CONVERTER])
            seen = SeenHeaders(headers)
        keys = self._keys(topic, columns.keys, seen, bad[Stage.KEY_CONVERTER])
        values = written(self._converters.value, topic, columns.values, seen, bad[Stage.VALUE_CONVERTER])
        partitions, timestamps = _places(columns, bad[Stage.KAFKA_PRODUCE])
        batch = OutgoingBatch(topic, values, keys=keys, partitions=partitions, timestamps=timestamps, headers=headers)
        if not any(bad.values()):
            return Part(batch, polled if len(kept) == len(polled) else [polled[index] for index in kept])
        gone = {}
        for stage, executing in zip(_STAGES, self._at_work(), strict=True):
            for at, error in bad[stage].items():
                if at not in gone:
                    underway = _underway(polled[kept[at]], columns, batch, at, stage)
                    gone[at] = failures[kept[at]] = Failure(stage, executing, error, underway)
        if len(gone) == count:
            return None
        return Part(_without(batch, gone), [polled[index] for index in left(kept, gone)])

    def _at_work(self) -> Sequence[str]:
        key, value, header = self._converters
        return class_name(header), class_name(key), class_name(value), PRODUCE_CLASS

    def _keys(
        self,
        topic: str,
        column: Column,
        headers: Sequence[Headers | None] | None,
        failures: dict[int, Exception],
    ) -> Sequence[bytes | None] | None:
        count = len(column.values)
        if headers is None and column.schemas is None and list(column.values).count(None) == count:
            # records without keys are common: ask once
            first: dict[int, Exception] = {}
            (key,) = written(self._converters.key, topic, Column([None], column.schema), None, first)
            failures.update(dict.fromkeys(range(count), first[0]) if first else {})
            return None if key is None else [key] * count
        return written(self._converters.key, topic, column, headers, failures)

    def _headers(self, topic: str, headers: Headers | None) -> list[WireHeader] | None:
        if not headers:
            return None
        convert = self._converters.header.from_connect_header
        return [
            (_header_name(header.key), convert(topic, header.key, header.schema, header.value)) for header in headers
        ]

    def _one_by_one(self, pairs: Sequence[tuple[SourceRecord, SourceRecord]]) -> list[Part]:
        """Find out which records of a failed batch are at fault, and convert the others."""
        groups: dict[str, list[_Wire]] = {}
        for record, origin in pairs:
            wire = self._single(record, origin)
            if wire is None:
                self._drop(origin, failed=True)
            else:
                groups.setdefault(wire.topic, []).append(wire)
        return [_joined(topic, group) for topic, group in groups.items()]

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
        seen = as_seen(headers)
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
        place = attempt(Stage.KAFKA_PRODUCE, PRODUCE_CLASS, partial(_place, record), underway)
        if place is DROPPED:
            return None
        return _Wire(topic, key, value, *place, headers, origin)

    def _drop(self, record: SourceRecord, *, failed: bool) -> None:
        self._gone[id(record)] = record
        if failed:
            self._failed.add(id(record))


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


def _check_topic(topic: object) -> None:
    """Raise DataError where no topic can have this name: a client library may take it for another, or not at all."""
    problem = what_is_wrong_with(topic)
    if problem is not None:
        raise DataError(f"Invalid topic: {problem}")


def _header_name(name: object) -> str:
    """The name of a header.

    Raises:
        DataError: the log would cut it off, or cannot hold it.
    """
    if isinstance(name, str) and "\0" not in name and (name.isascii() or name == name.encode(errors="ignore").decode()):
        return name
    raise DataError(f"Invalid name of a header, {name!r:.300}: it has to be a text that can be UTF-8, without zeros")


def _places(
    columns: SourceColumns, failures: dict[int, Exception]
) -> tuple[Sequence[int | None] | None, Sequence[int | None] | None]:
    """Partitions and timestamps for the log."""
    partitions, timestamps = columns.given_partitions, columns.given_timestamps
    try:
        _check_topic(columns.topic)
    except DataError as error:
        failures.update(dict.fromkeys(range(len(columns)), error))
        return None, None
    try:
        return (
            None if partitions is None else _partitions(partitions),
            None if timestamps is None else _timestamps(timestamps),
        )
    except DataError:
        pass

    def place(at: int) -> tuple[int | None, int | None]:
        partition = None if partitions is None else _partitions([partitions[at]])[0]
        return partition, None if timestamps is None else _timestamps([timestamps[at]])[0]

    found = each(place, range(len(columns)), failures)
    return [pair and pair[0] for pair in found], [pair and pair[1] for pair in found]


def _underway(origin: SourceRecord, columns: SourceColumns, batch: OutgoingBatch, at: int, stage: Stage) -> Underway:
    """A record that failed at this stage, as far as it got."""
    underway = Underway(origin, columns.record(at, origin))
    through = _STAGES.index(stage)
    if through > 0:
        underway.headers = None if batch.headers is None else batch.headers[at]
    if through > 1:
        underway.key = None if batch.keys is None else batch.keys[at]
    if through > 2:
        underway.value = batch.values[at]
    return underway


def _without(batch: OutgoingBatch, gone: Mapping[int, object]) -> OutgoingBatch:
    return OutgoingBatch(
        batch.topic,
        left(batch.values, gone),
        keys=batch.keys and left(batch.keys, gone),
        partitions=batch.partitions and left(batch.partitions, gone),
        timestamps=batch.timestamps and left(batch.timestamps, gone),
        headers=batch.headers and left(batch.headers, gone),
    )


def _place(record: SourceRecord) -> tuple[int | None, int | None]:
    """Partition and timestamp of a record."""
    _check_topic(record.topic)
    return _partitions([record.partition])[0], _timestamps([record.timestamp])[0]


def _joined(topic: str, group: Sequence[_Wire]) -> Part:
    batch = OutgoingBatch(
        topic,
        [wire.value for wire in group],
        keys=[wire.key for wire in group],
        partitions=[wire.partition for wire in group],
        timestamps=[wire.timestamp for wire in group],
        headers=[wire.headers for wire in group],
    )
    return Part(batch, [wire.origin for wire in group])
