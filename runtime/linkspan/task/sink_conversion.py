"""From bytes of the log to what ``put`` gets, whole batches at a time.

Converters and transforms run over a batch in columns. Records that fail there are left out and go through the tolerance
rules in the order in which they were read. Record by record goes only what may come right when it is tried again, what
no tolerance is set for, so that the first record at fault is the one that is named, and what transforms cannot do in
columns.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial

from linkspan.api.errors import ConnectError, DataError
from linkspan.api.headers import Header, Headers
from linkspan.api.records import SinkBatch, SinkRecord, left
from linkspan.log.port import UNREADABLE, FetchedBatch, WireHeader
from linkspan.task.batches import ReadBatch, ReadColumns, ReadRecord, RecordBatch
from linkspan.task.chain import Chain
from linkspan.task.conversion import Converters, SeenHeaders, as_seen, each, raise_outage, read_column
from linkspan.task.reaction import is_of_record
from linkspan.task.tolerance import DROPPED, Consumed, Failure, Stage, Tolerance, class_name

__all__ = ["SinkConversion"]

_log = logging.getLogger(__name__)


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
            batch = self._in_columns(fetched)
            if batch is None:
                batch = self._one_by_one(fetched)
        except ConnectError:
            self._tolerance.forget()
            raise
        self._tolerance.report()
        return batch

    # -- in columns --------------------------------------------------------------------------------------------------

    def _in_columns(self, fetched: FetchedBatch) -> SinkBatch | None:
        """None: it has to be done record by record."""
        failures: dict[int, Failure] = {}
        try:
            columns = self._read(fetched, failures)
        except Exception as error:  # noqa: BLE001 - supervision point: converters are plugins; repeated one by one
            raise_outage(error)
            _log.debug("A batch of topic %s is taken record by record: %s", fetched.topic, error)
            return None
        if failures and not self._may_skip(failures):
            return None
        if self._chain is None:
            self._note(failures)
            return ReadBatch.of(columns)
        if self._chain.in_columns:
            found: dict[int, Failure] = {}
            try:
                changed = self._transformed(self._chain, fetched, columns, failures, found)
            except Exception as error:  # noqa: BLE001 - supervision point: transforms are plugins; repeated one by one
                raise_outage(error)
                _log.debug("A batch goes through the transforms record by record: %s", error)
            else:
                if found and not self._may_skip(found):
                    return None
                self._note(failures | found)
                return RecordBatch(()) if changed is None else ReadBatch.of(changed)
        return self._transformed_singly(self._chain, len(fetched), ReadBatch.of(columns), failures)

    def _may_skip(self, failures: Mapping[int, Failure]) -> bool:
        return self._tolerance.policy.tolerate_all and all(is_of_record(each.error) for each in failures.values())

    def _note(self, failures: Mapping[int, Failure]) -> None:
        for index in sorted(failures):
            self._tolerance.fail(failures[index])

    def _read(self, fetched: FetchedBatch, failures: dict[int, Failure]) -> ReadColumns:
        """Convert; what fails because of the record is noted by its index, and left out."""
        topic, wire = fetched.topic, fetched.headers
        converters = self._converters
        seen = None if wire is None else SeenHeaders(wire)
        keys = read_column(converters.key, topic, fetched.keys, seen)
        values = read_column(converters.value, topic, fetched.values, seen)
        bad_headers: dict[int, Exception] = {}
        headers = None
        if wire is not None:
            headers = each(lambda at: self._headers(topic, wire[at]), range(len(wire)), bad_headers)
        if not (keys.failures or values.failures or bad_headers):
            return ReadColumns(fetched, topic, keys, values, headers)  # type: ignore[arg-type]  # none is missing
        for stage, executing, found in (
            (Stage.KEY_CONVERTER, converters.key, keys.failures),
            (Stage.VALUE_CONVERTER, converters.value, values.failures),
            (Stage.HEADER_CONVERTER, converters.header, bad_headers),
        ):
            name = class_name(executing)
            for at, error in found.items():
                failures.setdefault(at, Failure(stage, name, error, Consumed(fetched, at)))
        return ReadColumns(fetched, topic, keys, values, headers).without(failures)  # type: ignore[arg-type]  # of the others, none

    def _headers(self, topic: str, wire: Sequence[WireHeader]) -> Headers:
        if wire is UNREADABLE:
            raise DataError("The record has a header whose name is not UTF-8: its headers cannot be read")
        convert = self._converters.header.to_connect_header
        headers = Headers()
        for name, payload in wire:
            schema, value = convert(topic, name, payload)
            headers.append(Header(name, value, schema))
        return headers

    def _transformed(
        self,
        chain: Chain,
        fetched: FetchedBatch,
        columns: ReadColumns,
        gone: Mapping[int, Failure],
        failures: dict[int, Failure],
    ) -> ReadColumns | None:
        passed = chain.apply_all(columns)
        if passed.failures:
            places = left(range(len(fetched)), gone) if gone else range(len(fetched))
            for at, missed in passed.failures.items():
                consumed = Consumed(fetched, places[at])
                failures[places[at]] = Failure(Stage.TRANSFORMATION, missed.executing, missed.error, consumed)
        assert isinstance(passed.columns, ReadColumns | None)
        return passed.columns

    def _transformed_singly(
        self, chain: Chain, count: int, batch: ReadBatch, failures: Mapping[int, Failure]
    ) -> RecordBatch:
        """Send each through the transforms; those that could not be converted get their verdict in its turn."""
        survivors = []
        records = iter(batch)
        for index in range(count):
            failure = failures.get(index)
            if failure is not None:
                self._tolerance.fail(failure)
            elif (changed := _through(chain, next(records))) is not None:
                survivors.append(changed)
        return RecordBatch(survivors)

    # -- one by one --------------------------------------------------------------------------------------------------

    def _one_by_one(self, fetched: FetchedBatch) -> RecordBatch:
        survivors = []
        for index in range(len(fetched)):
            record = self._single(fetched, index)
            if record is not None and self._chain is not None:
                record = _through(self._chain, record)
            if record is not None:
                survivors.append(record)
        return RecordBatch(survivors)

    def _single(self, fetched: FetchedBatch, index: int) -> ReadRecord | None:
        consumed = Consumed(fetched, index)
        topic, attempt = fetched.topic, self._tolerance.attempt
        key_converter, value_converter, header_converter = self._converters
        wire = fetched.headers[index] if fetched.headers is not None else ()
        seen = as_seen(wire)
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


def _through(chain: Chain, record: SinkRecord) -> ReadRecord | None:
    assert isinstance(record, ReadRecord)
    changed = chain.apply(record, record.consumed)
    return changed if changed is None or isinstance(changed, ReadRecord) else ReadRecord.changed(record, changed)
