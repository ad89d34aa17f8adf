"""Values on their way out of JSON: one function a schema, made once."""

from __future__ import annotations

import base64
import decimal
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

from linkspan.api import DataError, Field, Schema, Type
from linkspan.api.schema import DATE, DECIMAL, TIME, TIMESTAMP
from linkspan.convert import logical
from linkspan.convert.checks import INT_BITS
from linkspan.convert.deferred import Deferrals
from linkspan.convert.json_schema import options as words
from linkspan.convert.json_schema.options import has_text_keys, is_union
from linkspan.convert.sum_types import GENERAL_UNION

__all__ = ["MISSING", "read_default", "reader"]

Function = Callable[[Any], Any]
_SINGLE: Final = struct.Struct(">f")


class _Missing:
    """Type of :data:`MISSING`."""


MISSING: Final = _Missing()
"""A property that an object does not have."""


def reader(schema: Schema) -> Function:
    """What makes values of a schema of JSON, null and :data:`MISSING` included."""
    return _Readers().reader(schema, is_root=True)


def read_default(schema: Schema, data: Any) -> object:  # noqa: ANN401 - any JSON
    """Value of the JSON of a default."""
    return None if data is None else _Readers().maker(schema, is_root=True)(data)


class _Readers:
    """One run over a schema; as in the original only the outermost structs may lack what is required.

    These are the value itself and what is in lists and maps that are in no struct: Connect's structs check what is put
    into them, and nothing else does.
    """

    def __init__(self) -> None:
        self._deferrals = Deferrals()

    def reader(self, schema: Schema, *, is_root: bool = False, may_lack: bool = False) -> Function:
        make = self.maker(schema, is_root=is_root)
        default = schema.default
        if default is not None:
            return lambda data: default if data is None or data is MISSING else make(data)
        if schema.optional:
            return lambda data: None if data is None or data is MISSING else make(data)
        title = schema.type.value

        def read(data: Any) -> Any:  # noqa: ANN401 - any JSON
            if data is None or (data is MISSING and not may_lack):
                raise DataError(f"Invalid null value for required {title} field")
            return None if data is MISSING else make(data)

        return read

    def maker(self, schema: Schema, *, is_root: bool = False) -> Function:
        """The same for values that are there."""
        logical_maker = _LOGICAL.get(schema.name or "")
        if logical_maker is not None:
            return logical_maker(schema)
        kind = schema.type
        if kind in INT_BITS:
            return _whole(INT_BITS[kind])
        if kind is Type.ARRAY:
            assert schema.values is not None
            return _array(self.reader(schema.values, is_root=is_root))
        if kind is Type.MAP:
            assert schema.keys is not None
            assert schema.values is not None
            parts = (schema.keys, schema.values)
            make_key, make_value = (self.reader(part, is_root=is_root, may_lack=is_root) for part in parts)
            return _map(make_key, make_value, as_object=has_text_keys(schema))
        if kind is Type.STRUCT:
            place = (id(schema.fields), is_root)
            return self._deferrals.made(place, lambda: self._struct(schema, is_root=is_root))
        return _SCALARS[kind]

    def _struct(self, schema: Schema, *, is_root: bool) -> Function:
        makers = [(field, self.reader(field.schema, may_lack=is_root)) for field in schema.fields]
        if is_union(schema):
            return _union(makers, is_general=GENERAL_UNION in schema.parameters)
        return _struct([(field.name, make) for field, make in makers])


# --- scalars ----------------------------------------------------------------------------------------------------------


def _is_number(data: object) -> bool:
    return isinstance(data, int | float | decimal.Decimal) and not isinstance(data, bool)


def _whole(bits: int) -> Function:
    """Other numbers are cut as by Java's casts; what is no number is 0."""
    most, all_bits = 1 << (bits - 1), (1 << bits) - 1

    def read(data: Any) -> Any:  # noqa: ANN401 - any JSON
        if not _is_number(data):
            return 0
        number = int(data)
        if -most <= number < most:
            return number
        wrapped = number & all_bits
        return wrapped - all_bits - 1 if wrapped >= most else wrapped

    return read


def _fraction(data: Any) -> float:  # noqa: ANN401 - any JSON
    if not _is_number(data):
        return 0.0
    try:
        return float(data)
    except OverflowError:
        return math.inf if data > 0 else -math.inf


def _single(data: Any) -> float:  # noqa: ANN401 - any JSON
    number = _fraction(data)
    try:
        return float(_SINGLE.unpack(_SINGLE.pack(number))[0])
    except OverflowError:
        return math.copysign(math.inf, number)


def _bytes(data: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(data, str):
        try:
            return base64.b64decode(data, validate=True)
        except ValueError as error:
            raise DataError(f"Invalid bytes field: {error}") from error
    if _is_number(data):
        return decimal.Decimal(str(data))
    raise DataError(f"Invalid bytes field: expected text in base64, found {type(data).__name__}")


_SCALARS: Final[Mapping[Type, Function]] = {
    Type.FLOAT32: _single,
    Type.FLOAT64: _fraction,
    Type.BOOLEAN: lambda data: data is True,
    Type.STRING: lambda data: data if isinstance(data, str) else None,
    Type.BYTES: _bytes,
}


def _decimal(schema: Schema) -> Function:
    def read(data: Any) -> Any:  # noqa: ANN401 - any JSON
        if _is_number(data):
            return data if isinstance(data, decimal.Decimal) else decimal.Decimal(repr(data))
        if not isinstance(data, str):
            raise DataError(
                "Invalid type for Decimal, underlying representation should be numeric or bytes but was "
                f"{type(data).__name__}"
            )
        try:
            content = base64.b64decode(data, validate=True)
        except ValueError as error:
            raise DataError(f"Invalid bytes for Decimal field: {error}") from error
        return logical.decimal_of(content, logical.scale_of(schema))

    return read


def _moment(title: str, make: Callable[[int], object], bits: int) -> Callable[[Schema], Function]:
    def read(data: Any) -> Any:  # noqa: ANN401 - any JSON
        if type(data) is not int or not -(1 << (bits - 1)) <= data < 1 << (bits - 1):
            raise DataError(
                f"Invalid type for {title}, underlying representation should be integer but was {type(data).__name__}"
            )
        return make(data)

    return lambda _: read


_LOGICAL: Final[Mapping[str, Callable[[Schema], Function]]] = {
    DECIMAL: _decimal,
    DATE: _moment("Date", logical.date_of, 32),
    TIME: _moment("Time", logical.time_of, 32),
    TIMESTAMP: _moment("Timestamp", logical.timestamp_of, 64),
}


# --- containers -------------------------------------------------------------------------------------------------------


def _array(make: Function) -> Function:
    def read(data: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(data, dict):
            data = list(data.values())
        return [make(item) for item in data] if isinstance(data, list) else []

    return read


def _map(make_key: Function, make_value: Function, *, as_object: bool) -> Function:
    def read_object(data: Any) -> Any:  # noqa: ANN401 - any JSON
        if not isinstance(data, dict):
            raise DataError(f"Maps with string fields should be encoded as JSON objects, but found {_kind(data)}")
        return {key: make_value(item) for key, item in data.items()}

    def read_entries(data: Any) -> Any:  # noqa: ANN401 - any JSON
        if not isinstance(data, list):
            raise DataError(
                f"Maps with non-string fields should be encoded as JSON array of objects, but found {_kind(data)}"
            )
        for entry in data:
            if not isinstance(entry, dict):
                raise DataError(f"Found invalid map entry instead of object: {_kind(entry)}")
            if len(entry) != 2:
                raise DataError(f"Found invalid map entry, expected length 2 but found :{len(entry)}")
        return {make_key(entry.get(words.KEY, MISSING)): make_value(entry.get(words.VALUE, MISSING)) for entry in data}

    return read_object if as_object else read_entries


def _struct(makers: list[tuple[str, Function]]) -> Function:
    def read(data: Any) -> Any:  # noqa: ANN401 - any JSON
        if not isinstance(data, dict):
            raise DataError(f"Structs should be encoded as JSON objects, but found {_kind(data)}")
        get = data.get
        return {name: make(get(name, MISSING)) for name, make in makers}

    return read


def _union(fields: list[tuple[Field, Function]], *, is_general: bool) -> Function:
    prefix = words.GENERAL_FIELD if is_general else f"{words.ONE_OF}.field."
    empty = {field.name: None for field, _ in fields}
    makers = [(f"{prefix}{field.index}", field.schema, make) for field, make in fields]

    def read(data: Any) -> Any:  # noqa: ANN401 - any JSON
        most, best = 0, None
        for name, inner, make in makers:
            if _is_of(inner.type, data):
                return {**empty, name: make(data)}
            matching = _matching(inner, data)
            if matching > most:
                most, best = matching, (name, make)
        if best is None:
            raise DataError("Did not find matching oneof field for data")
        return {**empty, best[0]: best[1](data)}

    return read


def _is_of(kind: Type, data: object) -> bool:
    if kind in INT_BITS:
        return isinstance(data, int) and not isinstance(data, bool)
    if kind in (Type.FLOAT32, Type.FLOAT64):
        return _is_number(data)
    if kind is Type.BOOLEAN:
        return isinstance(data, bool)
    if kind is Type.STRING:
        return isinstance(data, str)
    if kind is Type.BYTES:
        # fractions are exact decimals in the original
        return isinstance(data, float | decimal.Decimal)
    if kind is Type.ARRAY:
        return isinstance(data, list)
    return kind is Type.MAP and isinstance(data, list | dict)


def _matching(schema: Schema, data: Any) -> int:  # noqa: ANN401 - any JSON
    """How many properties of an object a schema knows, those of inner objects included."""
    if schema.type is not Type.STRUCT or not isinstance(data, dict):
        return 0
    shared = [field for field in schema.fields if field.name in data]
    return len(shared) + sum(_matching(field.schema, data[field.name]) for field in shared)


def _kind(data: object) -> str:
    names = {bool: "BOOLEAN", str: "STRING", list: "ARRAY", dict: "OBJECT", type(None): "NULL"}
    return names.get(type(data), "NUMBER")
