"""JSON of many structs of one schema, written by columns: each field's values are looked at together.

What is unusual in any way is left to :class:`~linkspan.convert.json.JsonConverter`, which writes one value after the
other and knows what to say about those that do not fit.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias

import orjson

from linkspan.api import DataError, Schema, StructRows, Type
from linkspan.api.schema import DATE, DECIMAL, SCALE, TIME, TIMESTAMP
from linkspan.api.text import float_text
from linkspan.convert import java_json

__all__ = ["StructColumns", "columns_of"]

Values: TypeAlias = Sequence[Any]
Writer: TypeAlias = Callable[[Values], Values]

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_EPOCH_DAY: Final = datetime.date(1970, 1, 1).toordinal()
_WIDE: Final = decimal.Context(prec=decimal.MAX_PREC, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)
_BITS: Final = {Type.INT8: 8, Type.INT16: 16, Type.INT32: 32, Type.INT64: 64}


class _UnusualError(ValueError):
    """Some value has to be looked at by itself."""


def columns_of(schema: Schema, *, numeric: bool, null: Callable[[Schema], object]) -> StructColumns | None:
    """What writes structs of a schema; None when it has fields that are not written by columns.

    Args:
        schema: of the structs.
        numeric: whether decimals are numbers, and not their bytes.
        null: what is written for a null of a field's schema; raises DataError where there must be none.
    """
    writers: list[tuple[Schema, type, Writer | None]] = []
    for field in schema.fields:
        found = _writer(field.schema, numeric=numeric)
        if found is None:
            return None
        writers.append((field.schema, *found))
    return StructColumns(tuple(field.name for field in schema.fields), writers, null)


class StructColumns:
    """Writes structs that are dictionaries with all fields in the order of the schema.

    Args:
        names: of the fields.
        writers: of each field its schema, the type of its values, and what makes a column of them ready for JSON.
        null: see :func:`columns_of`.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        writers: Sequence[tuple[Schema, type, Writer | None]],
        null: Callable[[Schema], object],
    ) -> None:
        self._names = names
        self._writers = writers
        self._null = null

    def written(self, values: Values) -> list[bytes] | None:
        """A JSON text each; None when some are unusual."""
        names = self._names
        given = self._given(values)
        if given is None:
            return None
        try:
            columns = [self._column(column, *writer) for column, writer in zip(given, self._writers, strict=True)]
            dumps = orjson.dumps
            made = [dumps(dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]
        except (ValueError, TypeError, ArithmeticError, DataError):
            return None
        everything = b"\n".join(made)
        # Those that the library made keep room for thousands of bytes; a line end is never part of one.
        texts = everything.split(b"\n")
        if everything.isascii() and b"\\" not in everything:
            return texts
        spelled = java_json.spelled
        return [text if text.isascii() and b"\\" not in text else spelled(text) for text in texts]

    def _given(self, values: Values) -> Iterable[Values] | None:
        """Columns of the structs; None where they have other fields, or there are none."""
        names = self._names
        if not names or not values:
            return None
        if type(values) is StructRows:
            return values.columns if values.names == names else None
        if set(map(type, values)) != {dict} or not all(map(names.__eq__, map(tuple, values))):
            return None
        return zip(*map(dict.values, values), strict=True)

    def _column(self, column: Values, schema: Schema, kind: type, writer: Writer | None) -> Values:
        kinds = set(map(type, column))
        if kinds == {kind}:
            return column if writer is None else writer(column)
        if kinds - {kind, type(None)}:
            raise _UnusualError
        null = self._null(schema)
        present = [value for value in column if value is not None]
        ready = iter(present if writer is None else writer(present))
        return [null if value is None else next(ready) for value in column]


def _writer(schema: Schema, *, numeric: bool) -> tuple[type, Writer | None] | None:
    """Type of a field's values, and what makes them ready for JSON."""
    if schema.name == DECIMAL:
        return None if numeric else (decimal.Decimal, _unscaled(int(schema.parameters.get(SCALE, "0"))))
    if schema.name == DATE:
        return datetime.date, lambda values: [value.toordinal() - _EPOCH_DAY for value in values]
    if schema.name == TIME:
        return datetime.time, _times
    if schema.name == TIMESTAMP:
        return datetime.datetime, _moments
    kind = schema.type
    if kind in _BITS:
        return int, _whole(_BITS[kind])
    return _PLAIN.get(kind)


def _whole(bits: int) -> Writer:
    least, most = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def write(values: Values) -> Values:
        if values and not least <= min(values) <= max(values) <= most:
            raise _UnusualError
        return values

    return write


def _unscaled(scale: int) -> Writer:
    step = decimal.Decimal((0, (1,), -scale))
    has_scale, scaled = step.same_quantum, _WIDE.scaleb
    encoded = base64.b64encode

    def write(values: Values) -> Values:
        if not all(map(has_scale, values)):
            raise _UnusualError
        numbers = [int(scaled(value, scale)) for value in values]
        sizes = [(number if number >= 0 else ~number).bit_length() // 8 + 1 for number in numbers]
        pairs = zip(numbers, sizes, strict=True)
        return [encoded(number.to_bytes(size, "big", signed=True)).decode() for number, size in pairs]

    return write


def _times(values: Values) -> Values:
    return [
        ((value.hour * 60 + value.minute) * 60 + value.second) * 1000 + value.microsecond // 1000 for value in values
    ]


def _moments(values: Values) -> Values:
    past = [value - _EPOCH for value in values]
    return [each.days * 86_400_000 + each.seconds * 1000 + each.microseconds // 1000 for each in past]


def _doubles(values: Values) -> Values:
    if not all(map(math.isfinite, values)):
        raise _UnusualError
    return values


def _singles(values: Values) -> Values:
    return [float(float_text(value)) for value in _doubles(values)]


_PLAIN: Final[dict[Type, tuple[type, Writer | None]]] = {
    Type.STRING: (str, None),
    Type.BOOLEAN: (bool, None),
    Type.FLOAT64: (float, _doubles),
    Type.FLOAT32: (float, _singles),
    Type.BYTES: (bytes, lambda values: [base64.b64encode(value).decode() for value in values]),
}
