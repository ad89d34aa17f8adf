"""Values on their way into Protobuf messages: one function a schema, made once.

The functions make what Google's library takes for a message: maps of names to values.
"""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Mapping
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from linkspan.api import DataError, Schema, Type
from linkspan.api import schema as connect
from linkspan.convert import logical
from linkspan.convert.checks import INT_BITS, boolean, text, whole
from linkspan.convert.deferred import Deferrals
from linkspan.convert.protobuf import options as words
from linkspan.convert.protobuf.options import Options, is_enum, is_union

__all__ = ["message_writer", "scalar_writer"]

Function = Callable[[Any], Any]
_UNSIGNED: Final = {
    FieldDescriptor.TYPE_UINT32: 32,
    FieldDescriptor.TYPE_FIXED32: 32,
    FieldDescriptor.TYPE_UINT64: 64,
    FieldDescriptor.TYPE_FIXED64: 64,
}
_NARROW: Final = frozenset((FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SFIXED32))


def message_writer(schema: Schema, descriptor: Descriptor, options: Options) -> Function:
    """What makes the fields of a message of the value of a STRUCT.

    Raises:
        DataError: the message has no place for a field.
    """
    return _Writers(options).message(schema, descriptor)


def scalar_writer(schema: Schema) -> Function:
    """What checks a value that is written by itself, in a message around it."""
    if schema.name in words.LOGICAL_TYPES:
        raise DataError(f"A value of {schema.name} cannot be written by itself as Protobuf, only in a struct")
    return _CHECKS[schema.type]


class _Writers:
    """One run over a schema and its message."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._deferrals = Deferrals()

    def message(self, schema: Schema, descriptor: Descriptor) -> Function:
        place = (id(schema.fields), descriptor.full_name)
        return self._deferrals.made(place, lambda: self._message(schema, descriptor))

    def _message(self, schema: Schema, descriptor: Descriptor) -> Function:
        options = self._options
        parts: list[tuple[str, str, Function, object]] = []
        unions: list[tuple[str, list[tuple[str, str, Function]]]] = []
        for field in schema.fields:
            if is_union(field.schema):
                unions.append((field.name, self._members(field.schema, descriptor)))
                continue
            name = options.scrubbed(field.name)
            target = descriptor.fields_by_name.get(name)
            if target is None:
                raise DataError(f"Cannot find field with name {name}")
            default = None if options.keep_nulls else field.schema.default
            parts.append((field.name, name, self._field(field.schema, target), default))
        return _struct(schema, parts, unions)

    def _members(self, schema: Schema, descriptor: Descriptor) -> list[tuple[str, str, Function]]:
        found = []
        for field in schema.fields:
            name = self._options.scrubbed(field.name)
            target = descriptor.fields_by_name.get(name)
            if target is None:
                raise DataError(f"Cannot find field with name {name}")
            found.append((field.name, name, self._field(field.schema, target)))
        return found

    def _field(self, schema: Schema, target: FieldDescriptor) -> Function:
        if schema.type is Type.ARRAY:
            assert schema.values is not None
            return _list(self._field(schema.values, target))
        if schema.type is Type.MAP:
            return self._map(schema, target)
        message = target.message_type
        if schema.name in _MESSAGES and message is not None:
            return _MESSAGES[schema.name](schema)
        if schema.type is Type.STRUCT:
            if message is None:
                raise DataError(f"{target.name} is no message in the Protobuf schema")
            return self.message(schema, message)
        if is_enum(schema) and target.enum_type is not None:
            return _enum(schema, target.enum_type, self._options)
        make = _scalar(schema, target if message is None else message.fields_by_name[words.VALUE])
        if message is None:
            return make
        return lambda value: {words.VALUE: make(value)}

    def _map(self, schema: Schema, target: FieldDescriptor) -> Function:
        assert schema.keys is not None
        assert schema.values is not None
        entry = target.message_type
        if entry is None or words.KEY not in entry.fields_by_name or words.VALUE not in entry.fields_by_name:
            raise DataError(f"{target.name} is no map in the Protobuf schema")
        make_key = self._field(schema.keys, entry.fields_by_name[words.KEY])
        make_value = self._field(schema.values, entry.fields_by_name[words.VALUE])
        return (_true_map if entry.GetOptions().map_entry else _entries)(make_key, make_value)


def _scalar(schema: Schema, target: FieldDescriptor) -> Function:
    check = _CHECKS[schema.type]
    bits = _UNSIGNED.get(target.type)
    if bits is not None:
        mask = (1 << bits) - 1
        return lambda value: check(value) & mask
    if schema.type is Type.INT64 and target.type in _NARROW:
        return whole(Type.INT32)
    return check


def _enum(schema: Schema, enum: EnumDescriptor, options: Options) -> Function:
    numbers = {value.number for value in enum.values}
    if schema.type is not Type.STRING:
        check = whole(Type.INT32)
        return lambda value: number if (number := check(value)) in numbers else None
    prefix = f"{options.enum_parameter}."
    known = {
        key.removeprefix(prefix): int(number) for key, number in schema.parameters.items() if key.startswith(prefix)
    }

    def convert(value: Any) -> Any:  # noqa: ANN401 - checked here
        number = known.get(text(value))
        if number is None:
            raise DataError(f"{value} is not a symbol of the enum {enum.name}")
        return number

    return convert


# --- functions over values --------------------------------------------------------------------------------------------


def _number(value: Any) -> Any:  # noqa: ANN401 - checked here
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise DataError(f"expected a number, found {type(value).__name__}")


def _bytes(value: Any) -> Any:  # noqa: ANN401 - checked here
    if isinstance(value, bytes):
        return value
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    raise DataError(f"expected BYTES, found {type(value).__name__}")


_CHECKS: Final[Mapping[Type, Function]] = {
    **{kind: whole(kind) for kind in INT_BITS},
    Type.FLOAT32: _number,
    Type.FLOAT64: _number,
    Type.BOOLEAN: boolean,
    Type.STRING: text,
    Type.BYTES: _bytes,
}


def _decimal(_: Schema) -> Function:
    def convert(value: Any) -> Any:  # noqa: ANN401 - checked here
        if not isinstance(value, decimal.Decimal):
            raise DataError(f"Invalid type for Decimal, expected decimal.Decimal but was {type(value).__name__}")
        _, digits, exponent = value.as_tuple()
        if not isinstance(exponent, int):
            raise DataError(f"A Decimal is a number, not {value}")
        content = logical.unscaled(value, -exponent)
        return {"value": content, "precision": len(str(int("".join(map(str, digits))))), "scale": -exponent}

    return convert


def _date(_: Schema) -> Function:
    def convert(value: Any) -> Any:  # noqa: ANN401 - checked here
        if type(value) is not datetime.date:
            raise DataError(f"Invalid type for Date, expected datetime.date but was {type(value).__name__}")
        return {"year": value.year, "month": value.month, "day": value.day}

    return convert


def _time(_: Schema) -> Function:
    def convert(value: Any) -> Any:  # noqa: ANN401 - checked here
        if not isinstance(value, datetime.time):
            raise DataError(f"Invalid type for Time, expected datetime.time but was {type(value).__name__}")
        nanos = value.microsecond // 1000 * 1_000_000
        return {"hours": value.hour, "minutes": value.minute, "seconds": value.second, "nanos": nanos}

    return convert


def _timestamp(_: Schema) -> Function:
    def convert(value: Any) -> Any:  # noqa: ANN401 - checked by what it is given to
        seconds, ms = divmod(logical.milliseconds(value), 1000)
        return {"seconds": seconds, "nanos": ms * 1_000_000}

    return convert


_MESSAGES: Final[Mapping[str | None, Callable[[Schema], Function]]] = {
    connect.DECIMAL: _decimal,
    connect.DATE: _date,
    connect.TIME: _time,
    connect.TIMESTAMP: _timestamp,
}


def _list(make: Function) -> Function:
    def convert(value: Any) -> Any:  # noqa: ANN401 - checked here
        if not isinstance(value, list | tuple):
            raise DataError(f"expected ARRAY, found {type(value).__name__}")
        if None in value:
            raise DataError("Protobuf has no null among the items of an array")
        return [make(item) for item in value]

    return convert


def _entries(make_key: Function, make_value: Function) -> Function:
    def convert(value: Any) -> Any:  # noqa: ANN401 - checked here
        if not isinstance(value, Mapping):
            raise DataError(f"expected MAP, found {type(value).__name__}")
        entries = []
        for key, item in value.items():
            made = {} if key is None else {words.KEY: make_key(key)}
            if item is not None:
                made[words.VALUE] = make_value(item)
            entries.append(made)
        return entries

    return convert


def _true_map(make_key: Function, make_value: Function) -> Function:
    def convert(value: Any) -> Any:  # noqa: ANN401 - checked here
        if not isinstance(value, Mapping):
            raise DataError(f"expected MAP, found {type(value).__name__}")
        if None in value or None in value.values():
            raise DataError("Protobuf has no null in a map")
        return {make_key(key): make_value(item) for key, item in value.items()}

    return convert


def _struct(
    schema: Schema,
    parts: list[tuple[str, str, Function, object]],
    unions: list[tuple[str, list[tuple[str, str, Function]]]],
) -> Function:
    names = frozenset(field.name for field in schema.fields)

    def convert(value: Any) -> Any:  # noqa: ANN401 - checked here
        if not isinstance(value, Mapping):
            raise DataError(f"expected STRUCT, found {type(value).__name__}")
        if not names.issuperset(value):
            raise DataError(f"{min(map(str, value.keys() - names))} is not a field of the schema {schema.name}")
        get, made = value.get, {}
        name = ""
        try:
            for name, target, make, default in parts:
                item = get(name)
                if item is None:
                    item = default
                if item is not None:
                    made[target] = make(item)
            for name, members in unions:
                if (item := get(name)) is not None:
                    target, content = _chosen(item, members)
                    made[target] = content
        except DataError as error:
            raise DataError(f"{name}: {error}") from error
        return made

    return convert


def _chosen(value: Any, members: list[tuple[str, str, Function]]) -> tuple[str, Any]:  # noqa: ANN401 - checked here
    if not isinstance(value, Mapping):
        raise DataError(f"expected STRUCT, found {type(value).__name__}")
    for name, target, make in members:
        item = value.get(name)
        if item is not None:
            return target, make(item)
    raise DataError("Cannot find non-null field")
