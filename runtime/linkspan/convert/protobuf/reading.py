"""Values on their way out of Protobuf messages: one function a schema, made once."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Mapping
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from linkspan.api import DataError, Schema, Type
from linkspan.api import schema as connect
from linkspan.convert.deferred import Deferrals
from linkspan.convert.protobuf import options as words
from linkspan.convert.protobuf.descriptors import Traits, traits_of
from linkspan.convert.protobuf.options import Options
from linkspan.convert.protobuf.to_connect import is_map, union_name

__all__ = ["message_reader", "wrapper_reader"]

Function = Callable[[Any], Any]
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_WIDE: Final = decimal.Context(prec=decimal.MAX_PREC)
_HALF: Final = 1 << 63


def message_reader(descriptor: Descriptor, schema: Schema, options: Options) -> Function:
    """What makes the value of a STRUCT of a message."""
    return _Readers(options).message(descriptor, schema)


def wrapper_reader(kind: Type) -> Function:
    """What takes a scalar out of the message around it."""
    return _signed if kind is Type.INT64 else _wrapped


class _Readers:
    """One run over a message and its schema."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._deferrals = Deferrals()

    def message(self, descriptor: Descriptor, schema: Schema) -> Function:
        place = (descriptor.full_name, id(schema.fields))
        return self._deferrals.made(place, lambda: self._message(descriptor, schema))

    def _message(self, descriptor: Descriptor, schema: Schema) -> Function:
        options, traits = self._options, traits_of(descriptor)
        always: list[tuple[str, Function | None]] = []
        present: list[tuple[str, Function | None]] = []
        oneofs: list[tuple[str, str, Mapping[str, Function | None]]] = []
        for oneof in traits.oneofs:
            if options.flatten:
                present += [(item.name, self._of_field(item, schema)) for item in oneof.fields]
            else:
                union = schema.field(union_name(oneof, options))
                assert union is not None
                makers = {item.name: self._of_field(item, union.schema) for item in oneof.fields}
                oneofs.append((oneof.name, union.name, makers))
        for member in descriptor.fields:
            if traits.is_in_oneof(member):
                continue
            make = self._of_field(member, schema)
            (present if _may_be_absent(member, traits, options) else always).append((member.name, make))
        return _struct(schema, always, present, oneofs)

    def _of_field(self, member: FieldDescriptor, schema: Schema) -> Function | None:
        field = schema.field(member.name)
        assert field is not None
        return self._of(member, field.schema)

    def _of(self, member: FieldDescriptor, schema: Schema) -> Function | None:
        if schema.type is Type.MAP and is_map(member):
            return self._map(member, schema)
        if member.is_repeated:
            assert schema.values is not None
            make = self._single(member, schema.values)
            return list if make is None else lambda items: [make(item) for item in items]
        return self._single(member, schema)

    def _single(self, member: FieldDescriptor, schema: Schema) -> Function | None:
        message = member.message_type
        if message is not None:
            if schema.name in _MESSAGES:
                return _MESSAGES[schema.name]
            if schema.type is Type.STRUCT:
                return self.message(message, schema)
            return wrapper_reader(schema.type)
        if member.enum_type is not None:
            return None if schema.type is Type.INT32 else _symbols(member.enum_type)
        if member.type in (FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_FIXED64):
            return lambda value: value - 2 * _HALF if value >= _HALF else value
        if schema.type in (Type.INT8, Type.INT16):
            return _cut(8 if schema.type is Type.INT8 else 16)
        return None

    def _map(self, member: FieldDescriptor, schema: Schema) -> Function:
        assert schema.keys is not None
        assert schema.values is not None
        entry = member.message_type
        assert entry is not None
        own_key = self._of(entry.fields_by_name[words.KEY], schema.keys)
        own_value = self._of(entry.fields_by_name[words.VALUE], schema.values)
        make_key: Function = _same if own_key is None else own_key
        make_value: Function = _same if own_value is None else own_value
        if entry.GetOptions().map_entry:
            return lambda found: {make_key(key): make_value(found[key]) for key in found}
        return lambda entries: {make_key(item.key): make_value(item.value) for item in entries}


def _may_be_absent(member: FieldDescriptor, traits: Traits, options: Options) -> bool:
    if member.is_repeated:
        return False
    if member.message_type is not None:
        return not options.structs_for_nulls
    is_optional = member.name in (traits.optional if options.optional_proto2 else traits.proto3_optional)
    return is_optional and not options.structs_for_nulls


def _symbols(enum: EnumDescriptor) -> Function:
    names: dict[int, str] = {}
    for value in enum.values:
        names.setdefault(value.number, value.name)
    return lambda number: names.get(number) or f"UNKNOWN_ENUM_VALUE_{enum.name}_{number}"


def _cut(bits: int) -> Function:
    most, all_bits = 1 << (bits - 1), (1 << bits) - 1

    def cut(value: int) -> int:
        wrapped = value & all_bits
        return wrapped - all_bits - 1 if wrapped >= most else wrapped

    return cut


def _same(value: Any) -> Any:  # noqa: ANN401 - any value
    return value


def _struct(
    schema: Schema,
    always: list[tuple[str, Function | None]],
    present: list[tuple[str, Function | None]],
    oneofs: list[tuple[str, str, Mapping[str, Function | None]]],
) -> Function:
    empty = {field.name: None for field in schema.fields}
    nothing = {name: dict.fromkeys(makers) for _, name, makers in oneofs}

    def convert(message: Any) -> dict[str, Any]:  # noqa: ANN401 - a message of any type
        value: dict[str, Any] = dict(empty)
        for name, make in always:
            item = getattr(message, name)
            value[name] = item if make is None else make(item)
        for name, make in present:
            if message.HasField(name):
                item = getattr(message, name)
                value[name] = item if make is None else make(item)
        for oneof, name, makers in oneofs:
            chosen = message.WhichOneof(oneof)
            if chosen is not None:
                item, make = getattr(message, chosen), makers[chosen]
                value[name] = {**nothing[name], chosen: item if make is None else make(item)}
        return value

    return convert


# --- messages that stand for something else ---------------------------------------------------------------------------


def _wrapped(message: Any) -> Any:  # noqa: ANN401 - a message of any type
    return message.value


def _signed(message: Any) -> int:  # noqa: ANN401 - a message of any type
    value = int(message.value)
    return value - 2 * _HALF if value >= _HALF else value


def _decimal(message: Any) -> decimal.Decimal:  # noqa: ANN401 - a message of any type
    number = decimal.Decimal(int.from_bytes(message.value, "big", signed=True)).scaleb(-message.scale, _WIDE)
    if not message.value:
        raise DataError("Invalid bytes for a Decimal: there are none")
    if message.precision:
        return decimal.Context(prec=message.precision, rounding=decimal.ROUND_HALF_UP).plus(number)
    return number


def _date(message: Any) -> datetime.date:  # noqa: ANN401 - a message of any type
    try:
        return datetime.date(message.year, message.month, message.day)
    except ValueError as error:
        raise DataError(f"Invalid Date {message.year}-{message.month}-{message.day}: {error}") from error


def _time(message: Any) -> datetime.time:  # noqa: ANN401 - a message of any type
    try:
        ms = message.nanos // 1_000_000
        return datetime.time(message.hours, message.minutes, message.seconds, ms * 1000)
    except ValueError as error:
        raise DataError(f"Invalid Time: {error}") from error


def _timestamp(message: Any) -> datetime.datetime:  # noqa: ANN401 - a message of any type
    ms = message.seconds * 1000 + message.nanos // 1_000_000
    try:
        return _EPOCH + datetime.timedelta(milliseconds=ms)
    except OverflowError:
        raise DataError(f"Timestamp values must lie in the years 1 to 9999: {ms} milliseconds since 1970") from None


_MESSAGES: Final[Mapping[str | None, Function]] = {
    connect.DECIMAL: _decimal,
    connect.DATE: _date,
    connect.TIME: _time,
    connect.TIMESTAMP: _timestamp,
}
