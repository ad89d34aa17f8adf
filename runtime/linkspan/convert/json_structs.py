"""Many structs of one schema read by columns, out of what JSON says: each field's values are looked at together.

What is unusual in any way is left to who reads one value after the other.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from linkspan.api import Schema, StructRows, Type
from linkspan.api.schema import DATE, DECIMAL, TIME, TIMESTAMP

__all__ = ["StructReader", "reader_of"]

Values: TypeAlias = Sequence[Any]
Read: TypeAlias = Callable[[Schema, object], object]

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_EPOCH_DAY: Final = datetime.date(1970, 1, 1).toordinal()
_EXACT: Final = 1 << 42
"""Milliseconds up to which, either way, a floating point number of seconds tells every one of them (the year 2109)."""
_NULL: Final = type(None)
_BITS: Final = {Type.INT8: 8, Type.INT16: 16, Type.INT32: 32, Type.INT64: 64}
_AS_IT_IS: Final = {Type.BOOLEAN: bool, Type.FLOAT64: float, Type.STRING: str}


class _Field(NamedTuple):
    """How values of a field are read together.

    Attributes:
        name: of the field.
        schema: of the field.
        kind: what JSON has for the usual ones; None when there are no usual ones.
        is_nullable: whether null is one, and stays null.
        limits: the least and the most of them, or None.
        convert: makes values of those that are not null; None when they are that already.
    """

    name: str
    schema: Schema
    kind: type | None
    is_nullable: bool
    limits: tuple[int, int] | None = None
    convert: Callable[[Values], Values] | None = None


def reader_of(schema: Schema | None, read: Read) -> StructReader | None:
    """What reads structs of a schema; None when it is of something else.

    Args:
        schema: of all values.
        read: reads one value of a field by its schema, out of what JSON has; what it raises goes on.
    """
    if schema is None or schema.type is not Type.STRUCT or schema.name in _LOGICAL or not schema.fields:
        return None
    return StructReader([_field(field.name, field.schema) for field in schema.fields], read)


class StructReader:
    """Reads structs that are objects of JSON.

    Args:
        fields: in the order of the schema.
        read: see :func:`reader_of`.
    """

    def __init__(self, fields: Sequence[_Field], read: Read) -> None:
        self._fields = fields
        self._names = tuple(field.name for field in fields)
        self._read = read

    def values(self, objects: list[Any]) -> StructRows | None:
        """Structs with all fields in the order of the schema, made of the objects; None if there is another value.

        Raises:
            Exception: of ``read``, for some value.
        """
        names = self._names
        if set(map(type, objects)) != {dict}:
            return None
        given = self._whole(objects)
        if given is None:
            given = [[each.get(name) for each in objects] for name in names]
            return StructRows(names, list(map(self._column, self._fields, given)), len(objects))
        columns = list(map(self._column, self._fields, given))
        changed = [(name, column) for name, column, old in zip(names, columns, given, strict=True) if column is not old]
        return StructRows(names, columns, len(objects), partial(_changed, names, objects, changed))

    def _whole(self, objects: Sequence[Mapping[str, object]]) -> Sequence[Values] | None:
        """Values by fields, where all objects have all fields and no others; else None."""
        names = self._names
        if set(map(len, objects)) != {len(names)}:
            return None
        try:
            if len(names) == 1:
                return [[each[names[0]] for each in objects]]
            return list(zip(*map(itemgetter(*names), objects), strict=True))
        except KeyError:
            return None

    def _column(self, field: _Field, given: Values) -> Values:
        kinds = set(map(type, given))
        is_usual = kinds == {field.kind} or (field.is_nullable and kinds <= {field.kind, _NULL})
        if is_usual and field.limits is not None:
            least, most = field.limits
            present = given if len(kinds) == 1 else [value for value in given if value is not None]
            is_usual = not present or kinds == {_NULL} or least <= min(present) <= max(present) <= most
        if is_usual:
            convert = field.convert
            if convert is None:
                return given
            try:
                if kinds == {field.kind}:
                    return convert(given)
                made = iter(convert([value for value in given if value is not None]))
                return [None if value is None else next(made) for value in given]
            except (ValueError, OverflowError):
                pass
        read, schema = self._read, field.schema
        return [read(schema, value) for value in given]


def _field(name: str, schema: Schema) -> _Field:
    is_nullable = schema.optional and schema.default is None
    if schema.name in _LOGICAL:
        convert = _LOGICAL[schema.name]
        return _Field(name, schema, None if convert is None else int, is_nullable, None, convert)
    if schema.type in _BITS:
        half = 1 << (_BITS[schema.type] - 1)
        return _Field(name, schema, int, is_nullable, (-half, half - 1))
    return _Field(name, schema, _AS_IT_IS.get(schema.type), is_nullable)


def _changed(
    names: tuple[str, ...], objects: Sequence[dict[str, object]], changed: Sequence[tuple[str, Values]]
) -> Sequence[dict[str, object]]:
    """The objects themselves with what was read in place of what JSON has, and their fields in order."""
    for name, values in changed:
        for each, value in zip(objects, values, strict=True):
            each[name] = value
    if all(map(names.__eq__, map(tuple, objects))):
        return objects
    return [{name: each[name] for name in names} for each in objects]


def _moments(numbers: Values) -> Values:
    if -_EXACT <= min(numbers) <= max(numbers) <= _EXACT:
        moment, utc = datetime.datetime.fromtimestamp, datetime.UTC
        return [moment(ms / 1000, utc) for ms in numbers]
    epoch, delta = _EPOCH, datetime.timedelta
    return [epoch + delta(0, 0, 0, ms) for ms in numbers]


def _days(numbers: Values) -> Values:
    day = datetime.date.fromordinal
    return [day(_EPOCH_DAY + number) for number in numbers]


_LOGICAL: Final[dict[str | None, Callable[[Values], Values] | None]] = {
    TIMESTAMP: _moments,
    DATE: _days,
    TIME: None,
    DECIMAL: None,
}
