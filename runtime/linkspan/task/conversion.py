"""What both directions of conversion have in common: the converters, and how one of their columns is made.

A column is converted at once. When that fails, it is done again in small pieces, and one by one in those that fail
again: the slow path is for errors only, and finds every record at fault in one go.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar, overload

from linkspan.api.converter import Converter, HeaderConverter, SchemaAndValue
from linkspan.api.headers import Header, Headers
from linkspan.api.records import Column
from linkspan.api.schema import Schema
from linkspan.log.port import WireHeader
from linkspan.task.reaction import as_outage, is_of_record
from linkspan.task.source_columns import column_of

__all__ = ["Converters", "SeenHeaders", "as_seen", "each", "raise_outage", "read_column", "written"]

_log = logging.getLogger(__name__)
_PIECE: Final = 16
"""Records that are tried together once a column has failed: with one bad record in a hundred, most pieces pass."""
T = TypeVar("T")


class Converters(NamedTuple):
    """The three converters of a task."""

    key: Converter
    value: Converter
    header: HeaderConverter


def as_seen(wire: Sequence[WireHeader] | None) -> Headers | None:
    """Headers as converters see them: unconverted."""
    return Headers(Header(name, payload) for name, payload in wire) if wire else None


class SeenHeaders(Sequence[Headers | None]):
    """Headers of many records as converters see them, made when one looks: most never do.

    Args:
        wire: the headers of each record as they are in the log.
    """

    __slots__ = ("_wire",)

    def __init__(self, wire: Sequence[Sequence[WireHeader] | None]) -> None:
        self._wire = wire

    def __len__(self) -> int:
        return len(self._wire)

    @overload
    def __getitem__(self, index: int) -> Headers | None: ...
    @overload
    def __getitem__(self, index: slice) -> SeenHeaders: ...
    def __getitem__(self, index: int | slice) -> Headers | SeenHeaders | None:
        if isinstance(index, slice):
            return SeenHeaders(self._wire[index])
        return as_seen(self._wire[index])


def raise_outage(error: Exception) -> None:
    """Raise OutageError if that is what it was."""
    outage = as_outage(error)
    if outage is not None:
        raise outage


def each(call: Callable[[int], T], indices: Sequence[int], failures: dict[int, Exception]) -> list[T | None]:
    """What a call returns for each of these; where it fails because of the record, None, and the error is noted.

    Raises:
        Exception: it failed for another reason.
    """
    made: list[T | None] = []
    for index in indices:
        try:
            made.append(call(index))
        except Exception as error:
            if not is_of_record(error):
                raise
            failures[index] = error
            made.append(None)
    return made


def read_column(
    converter: Converter, topic: str, payloads: Sequence[bytes | None], headers: Sequence[Headers | None] | None
) -> Column:
    """Values of payloads; what fails because of the record is in :attr:`Column.failures`.

    Raises:
        Exception: it failed for another reason.
    """
    count = len(payloads)
    try:
        if headers is None and count and payloads.count(None) == count:
            # records without keys are common: ask once
            schema, value = converter.to_connect(topic, None)
            return Column([value] * count, schema)
        return converter.to_connect_batch(topic, payloads, headers)
    except Exception as error:
        if not is_of_record(error):
            raise
        _log.debug("A batch of topic %s is read in small pieces: %s", topic, error)
    values: list[object] = []
    schemas: list[Schema | None] = []
    failures: dict[int, Exception] = {}

    def single(at: int) -> SchemaAndValue:
        return converter.to_connect(topic, payloads[at], None if headers is None else headers[at])

    for piece in _pieces(count):
        some = payloads[piece.start : piece.stop]
        try:
            column = converter.to_connect_batch(topic, some, headers and headers[piece.start : piece.stop])
        except Exception as error:
            if not is_of_record(error):
                raise
            pairs = each(single, piece, failures)
            values += [None if pair is None else pair.value for pair in pairs]
            schemas += [None if pair is None else pair.schema for pair in pairs]
        else:
            failures.update((piece.start + at, error) for at, error in column.failures.items())
            values += column.values
            schemas += [column.schema] * len(piece) if column.schemas is None else column.schemas
    found = column_of(values, schemas)
    return Column(found.values, found.schema, found.schemas, failures)


def written(
    converter: Converter,
    topic: str,
    column: Column,
    headers: Sequence[Headers | None] | None,
    failures: dict[int, Exception],
) -> Sequence[bytes | None]:
    """Payloads of values; what fails because of the record is noted.

    Raises:
        Exception: it failed for another reason.
    """
    try:
        return converter.from_connect_batch(topic, column, headers)
    except Exception as error:
        if not is_of_record(error):
            raise
        _log.debug("A batch for topic %s is written in small pieces: %s", topic, error)
    made: list[bytes | None] = []
    schemas, values = column.schemas, column.values

    def single(at: int) -> bytes | None:
        return converter.from_connect(topic, column.schema_at(at), values[at], None if headers is None else headers[at])

    for piece in _pieces(len(values)):
        begin, end = piece.start, piece.stop
        some = Column(values[begin:end], column.schema, schemas and schemas[begin:end])
        try:
            made += converter.from_connect_batch(topic, some, headers and headers[begin:end])
        except Exception as error:
            if not is_of_record(error):
                raise
            made += each(single, piece, failures)
    return made


def _pieces(count: int) -> list[range]:
    return [range(start, min(start + _PIECE, count)) for start in range(0, count, _PIECE)]
