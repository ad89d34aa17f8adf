"""Schemas of values that were worked out anew: kept where they fit, else found by the values.

For values of one schema that go in, each field that comes out has one schema for good: that which the configuration
says, else the one before if the first value fits that, else that of its first value. So it is not the record at hand
that decides, and a topic does not get a schema for each mixture of values.
"""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from linkspan.api import ConfigError, DataError, Schema, Type
from linkspan.api.schema import DECIMAL, TIMESTAMP, date, decimal_of, time, timestamp
from linkspan.transforms.structs import derived, null_required

__all__ = ["ResultSchemas", "Value", "completer", "inferred", "result_types"]

Value: TypeAlias = Any
"""Whatever comes out."""

_BITS: Final = {Type.INT8: 8, Type.INT16: 16, Type.INT32: 32, Type.INT64: 64}
_CLASSES: Final[Mapping[Type, type]] = {
    **dict.fromkeys(_BITS, int),
    Type.FLOAT32: float,
    Type.FLOAT64: float,
    Type.BOOLEAN: bool,
    Type.STRING: str,
    Type.BYTES: bytes,
}
_PLAIN: Final[Mapping[type, Type]] = {
    bool: Type.BOOLEAN,
    int: Type.INT64,
    float: Type.FLOAT64,
    str: Type.STRING,
    bytes: Type.BYTES,
}
_MOST_SHAPES: Final = 100
_LATEST: Final = (1 << 63) - 1

_NAMED: Final[Mapping[str, Callable[[], Schema]]] = {
    **{
        kind.value.lower(): lambda kind=kind: Schema(kind, optional=True)  # type: ignore[misc]  # the loop's own kind
        for kind in _CLASSES
    },
    "date": lambda: date(optional=True),
    "time": lambda: time(optional=True),
    "timestamp": lambda: timestamp(optional=True),
}


def result_types(spec: Sequence[str]) -> dict[str | None, Schema]:
    """Schemas by field of a list like ``total:float64,at:timestamp,price:decimal(2)``; None stands for the whole value.

    Raises:
        ConfigError: it cannot be understood.
    """
    found: dict[str | None, Schema] = {}
    for item in spec:
        name, colon, kind = item.rpartition(":")
        schema = _schema_named(kind.strip().lower())
        if schema is None:
            names = ", ".join(_NAMED)
            raise ConfigError(f"{kind.strip()} is no type; there are {names}, decimal(digits)", "types")
        found[name.strip() if colon else None] = schema
    if None in found and len(spec) > 1:
        raise ConfigError("A type for the whole value stands alone", "types")
    return found


def _schema_named(name: str) -> Schema | None:
    if name.startswith("decimal(") and name.endswith(")"):
        digits = name[len("decimal(") : -1].strip()
        return decimal_of(int(digits), optional=True) if digits.isascii() and digits.isdigit() else None
    make = _NAMED.get(name)
    return None if make is None else make()


def inferred(value: object, name: str) -> Schema:
    """An optional schema for a value.

    Raises:
        DataError: there is none, or the value does not tell; names what it is called.
    """
    plain = _PLAIN.get(type(value))
    if plain is not None:
        if plain is Type.INT64 and not -_LATEST - 1 <= value <= _LATEST:  # type: ignore[operator]  # it is an int
            raise DataError(f"{name}: the number is beyond 64 bits")
        return Schema(plain, optional=True)
    if isinstance(value, Mapping):
        fields = {str(key): inferred(item, f"{name}.{key}") for key, item in value.items()}
        return Schema(Type.STRUCT, optional=True, fields=fields)
    if isinstance(value, list | tuple):
        kinds = list(dict.fromkeys(inferred(item, f"{name}[{at}]") for at, item in enumerate(value)))
        if len(kinds) != 1:
            raise DataError(f"{name}: {'the items are of several types' if kinds else _unknown('an empty list', name)}")
        return Schema(Type.ARRAY, optional=True, values=kinds[0])
    if value is None:
        raise DataError(f"{name}: {_unknown('null', name)}")
    return _inferred_moment(value, name)


def _inferred_moment(value: object, name: str) -> Schema:
    if isinstance(value, datetime.datetime):
        return timestamp(optional=True)
    if isinstance(value, datetime.date):
        return date(optional=True)
    if isinstance(value, datetime.time):
        return time(optional=True)
    if isinstance(value, decimal.Decimal):
        exponent = value.as_tuple().exponent
        if isinstance(exponent, int):
            return decimal_of(-exponent, optional=True)
    if isinstance(value, bytearray | memoryview):
        return Schema(Type.BYTES, optional=True)
    raise DataError(f"{name}: there is no type for {type(value).__name__}")


def _unknown(what: str, name: str) -> str:
    return f"{what} does not tell its type; say it, as in types={name}:string"


class _Slot(NamedTuple):
    """What is accepted at once for a field; anything else is looked at more closely."""

    kind: type | None
    lowest: int
    highest: int


def _slot(schema: Schema) -> _Slot:
    if schema.name is not None and schema.name.startswith("org.apache.kafka.connect.data."):
        return _Slot(datetime.date if schema.name.endswith(".Date") else None, 0, 0)
    bits = _BITS.get(schema.type, 0)
    return _Slot(_CLASSES.get(schema.type), -(1 << bits >> 1), (1 << bits >> 1) - 1)


class ResultSchemas:
    """Finds the schema of each value that was made of one of a certain schema.

    Args:
        schema: the schema of what goes in, or None.
        types: from the configuration, by field.
    """

    def __init__(self, schema: Schema | None, types: Mapping[str | None, Schema]) -> None:
        self._schema = schema
        self._types = types
        self._decided: dict[str, Schema] = {}
        self._whole: Schema | None = types.get(None)
        self._structs: dict[tuple[tuple[str, Schema], ...], Schema] = {}
        self._shapes: dict[tuple[str, ...], tuple[Schema, Sequence[_Slot]]] = {}

    def __call__(self, value: Value) -> tuple[Schema | None, object]:
        """Schema of a value, and the value in its type.

        Raises:
            DataError: the value does not fit what was decided, or does not tell its type; names the field.
        """
        if self._schema is None:
            return None, value
        if type(value) is dict and self._is_struct():
            names = tuple(value)
            known = self._shapes.get(names)
            if known is not None:
                for item, (kind, lowest, highest) in zip(value.values(), known[1], strict=True):
                    if type(item) is not kind or (type(item) is int and not lowest <= item <= highest):
                        break
                else:
                    return known[0], value
            return self._struct(names, value)
        return self._other(value)

    def _is_struct(self) -> bool:
        return self._whole is None and self._schema is not None and self._schema.type is not Type.MAP

    def _struct(self, names: tuple[str, ...], value: Mapping[str, object]) -> tuple[Schema, object]:
        fields, fitted = [], {}
        for name, item in value.items():
            if not isinstance(name, str):
                raise DataError(f"A field is called {name!r}, which is no text")
            schema = self._field(name, item)
            fitted[name] = _in_type(item, schema, name)
            fields.append((name, schema))
        whole = self._struct_of(tuple(fields))
        if len(self._decided) >= len(names) and all(name in self._decided for name in names):
            if len(self._shapes) >= _MOST_SHAPES:
                self._shapes.clear()
            self._shapes[names] = whole, [_slot(schema) for _, schema in fields]
        return whole, fitted

    def _struct_of(self, fields: tuple[tuple[str, Schema], ...]) -> Schema:
        known = self._structs.get(fields)
        if known is None:
            if len(self._structs) >= _MOST_SHAPES:
                self._structs.clear()
            known = self._structs[fields] = self._made(fields)
        return known

    def _made(self, fields: tuple[tuple[str, Schema], ...]) -> Schema:
        before = self._schema
        if before is None or before.type is not Type.STRUCT:
            return Schema(Type.STRUCT, fields=fields)
        if dict(fields) == {field.name: field.schema for field in before.fields}:
            return before
        return derived(before, fields, optional=before.optional)

    def _field(self, name: str, value: object) -> Schema:
        decided = self._decided.get(name)
        if decided is None:
            before = self._before(name)
            if value is None and name not in self._types and before is not None:
                return before  # it says nothing about the values to come
            decided = self._decided[name] = self._types.get(name) or _kept_or_new(before, value, name)
        return decided

    def _before(self, name: str) -> Schema | None:
        if self._schema is None or self._schema.type is not Type.STRUCT:
            return None
        field = self._schema.field(name)
        return None if field is None else field.schema

    def _other(self, value: Value) -> tuple[Schema, object]:
        if self._whole is None:
            self._whole = _kept_or_new(self._schema, value, "value")
        return self._whole, _in_type(value, self._whole, "value")


def _kept_or_new(before: Schema | None, value: object, name: str) -> Schema:
    if before is not None:
        try:
            before.validate(value)
        except DataError:
            pass
        else:
            return before
    return inferred(value, name)


def _in_type(value: Value, schema: Schema, name: str) -> object:
    """The value, as the schema wants it.

    Raises:
        DataError: it does not fit.
    """
    if value is None:
        if schema.optional or schema.default is not None:
            return None
        raise null_required(name, schema)
    if schema.type in (Type.FLOAT32, Type.FLOAT64) and type(value) is int:
        return float(value)
    if schema.name == DECIMAL and isinstance(value, int | decimal.Decimal) and not isinstance(value, bool):
        return _scaled(decimal.Decimal(value), schema, name)
    if schema.name == TIMESTAMP and isinstance(value, datetime.datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=datetime.UTC)
    try:
        schema.validate(value, name)
    except DataError as error:
        raise DataError(f"{error.message}; if it may be of another type, say so, as in types={name}:string") from error
    return value


def _scaled(value: decimal.Decimal, schema: Schema, name: str) -> decimal.Decimal:
    digits = int(schema.parameters.get("scale", "0"))
    try:
        return value.quantize(decimal.Decimal(1).scaleb(-digits))
    except decimal.InvalidOperation:
        raise DataError(f"{name}: the number does not fit a decimal with {digits} digits") from None


def completer(schema: Schema | None) -> Callable[[Any], Any] | None:
    """Function that gives structs, and those inside, their missing fields as null; None where there is no struct."""
    if schema is None or schema.type is not Type.STRUCT:
        return None
    names = tuple(field.name for field in schema.fields)
    wanted = frozenset(names)
    inner = [(field.name, made) for field in schema.fields if (made := completer(field.schema)) is not None]

    def complete(value: Value) -> Value:
        if value is None or not isinstance(value, Mapping):
            return value
        whole = value if value.keys() == wanted else {**dict.fromkeys(names), **value}
        if not inner:
            return whole
        return {**whole, **{name: make(whole[name]) for name, make in inner}}

    return complete
