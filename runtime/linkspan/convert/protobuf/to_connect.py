"""Connect schemas of Protobuf messages: the mapping of Confluent's ProtobufData."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, OneofDescriptor

from linkspan.api import DataError, Schema, Type
from linkspan.api import schema as connect
from linkspan.convert.protobuf import options as words
from linkspan.convert.protobuf.descriptors import traits_of
from linkspan.convert.protobuf.model import File, Message, map_field_name
from linkspan.convert.protobuf.options import Options
from linkspan.convert.sum_types import GENERAL_UNION

__all__ = ["Params", "connect_schema", "is_map", "params_of", "union_name"]

Params = Mapping[str, Mapping[str, str]]
"""What Confluent keeps in an option of a field, by the full name of the field."""

_NAMES: Final = {
    getattr(FieldDescriptor, f"TYPE_{name.upper()}"): name
    for name in (
        *("double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64"),
        *("sfixed32", "sfixed64", "bool", "string", "bytes"),
    )
}
_TYPES: Final = {
    **dict.fromkeys(("int32", "sint32", "sfixed32"), Type.INT32),
    **dict.fromkeys(("uint32", "fixed32", "int64", "uint64", "sint64", "fixed64", "sfixed64"), Type.INT64),
    "float": Type.FLOAT32,
    "double": Type.FLOAT64,
    "bool": Type.BOOLEAN,
    "string": Type.STRING,
    "bytes": Type.BYTES,
}
_SMALL: Final = {"int8": Type.INT8, "int16": Type.INT16}
_MOMENTS: Final = {
    words.DATE_TYPE: (Type.INT32, connect.DATE),
    words.TIME_TYPE: (Type.INT32, connect.TIME),
    words.TIMESTAMP_TYPE: (Type.INT64, connect.TIMESTAMP),
}


def connect_schema(descriptor: Descriptor, params: Params, options: Options, version: int | None) -> Schema:
    """Connect schema of a message.

    Raises:
        DataError: the message contains itself.
    """
    return _Mapping(params, options).root(descriptor, version)


def params_of(file: File) -> Params:
    """What Confluent keeps in options of the fields of a file."""
    found: dict[str, Mapping[str, str]] = {}

    def collect(scope: str, messages: list[Message]) -> None:
        for message in messages:
            name = f"{scope}.{message.name}" if scope else message.name
            found.update({f"{name}.{member.name}": member.params for member in message.members if member.params})
            collect(name, message.messages)

    collect(file.package or "", file.messages)
    return found


def is_map(field: FieldDescriptor) -> bool:
    """Whether a repeated message stands for the entries of a map."""
    inner = field.message_type
    if not field.is_repeated or inner is None or not inner.name.endswith("Entry"):
        return False
    names = [item.name for item in inner.fields]
    return names == [words.KEY, words.VALUE] and not any(item.is_repeated for item in inner.fields)


def union_name(oneof: OneofDescriptor, options: Options) -> str:
    """Name of the field that stands for a oneof."""
    return f"{oneof.name}_{oneof.index}" if options.numbered_unions else oneof.name


@dataclass(slots=True)
class _Parts:
    """What a Schema is made of, until all of it is known."""

    kind: Type
    name: str | None = None
    version: int | None = None
    optional: bool = False
    parameters: dict[str, str] = field(default_factory=dict)
    fields: list[tuple[str, Schema]] = field(default_factory=list)
    keys: Schema | None = None
    values: Schema | None = None

    def schema(self) -> Schema:
        return Schema(
            self.kind,
            optional=self.optional,
            name=self.name,
            version=self.version,
            parameters=self.parameters,
            fields=self.fields,
            keys=self.keys,
            values=self.values,
        )


class _Mapping:
    """One run over a message and those in it."""

    def __init__(self, params: Params, options: Options) -> None:
        self._params = params
        self._options = options
        self._within: list[str] = []

    def root(self, descriptor: Descriptor, version: int | None) -> Schema:
        wrapped = words.WRAPPED.get(descriptor.full_name) if self._options.wrapped_primitives else None
        parts = self._message(descriptor) if wrapped is None else _Parts(wrapped)
        parts.version = version
        return parts.schema()

    def _message(self, descriptor: Descriptor) -> _Parts:
        if descriptor.full_name in self._within:
            # Connect's schemas, which are values here, cannot contain themselves
            raise DataError(
                f"The Protobuf message {descriptor.full_name} contains itself; recursive schemas cannot be expressed. "
                "Read this topic with another converter"
            )
        self._within.append(descriptor.full_name)
        options, traits = self._options, traits_of(descriptor)
        parts = _Parts(Type.STRUCT, descriptor.full_name if options.enhanced else descriptor.name)
        for oneof in traits.oneofs:
            members = [(member.name, self._field(member, optional=True, in_oneof=True)) for member in oneof.fields]
            if options.flatten:
                parts.fields += members
            else:
                parts.fields.append((union_name(oneof, options), self._union(oneof, members)))
        for member in descriptor.fields:
            if not traits.is_in_oneof(member):
                schema = self._field(member, optional=member.name in traits.optional, in_oneof=False)
                parts.fields.append((member.name, schema))
        self._within.pop()
        return parts

    def _union(self, oneof: OneofDescriptor, members: list[tuple[str, Schema]]) -> Schema:
        if self._options.generalized:
            parts = _Parts(Type.STRUCT, oneof.name, parameters={GENERAL_UNION: oneof.name})
        else:
            name = oneof.full_name if self._options.enhanced else oneof.name
            parts = _Parts(Type.STRUCT, words.UNION_PREFIX + name)
        parts.optional, parts.fields = True, members
        return parts.schema()

    def _field(self, member: FieldDescriptor, *, optional: bool, in_oneof: bool) -> Schema:
        options = self._options
        parts = self._value(member)
        if member.is_repeated and parts.kind is not Type.MAP:
            parts.optional = True
            parts = _Parts(Type.ARRAY, optional=True, values=parts.schema())
        if in_oneof:
            parts.optional = True
            inner = member.message_type
            if options.wrapped_nullables and inner is not None and inner.full_name in words.WRAPPED:
                parts.parameters[words.WRAPPER] = "true"
        elif options.optional_nullables:
            parts.optional = parts.optional or optional
        elif not options.wrapped_nullables:
            parts.optional = True
        parts.parameters[words.TAG] = str(member.number)
        return parts.schema()

    def _value(self, member: FieldDescriptor) -> _Parts:
        if member.enum_type is not None:
            return self._enum(member.enum_type)
        if member.message_type is not None:
            parts = self._inner_message(member, member.message_type)
            parts.optional = True
            return parts
        name = _NAMES[member.type]
        kind = _TYPES[name]
        if kind is Type.INT32:
            small = _SMALL.get(self._params.get(member.full_name, {}).get(words.CONNECT_TYPE, ""))
            if small is not None:
                return _Parts(small)
        parts = _Parts(kind)
        if kind in (Type.INT32, Type.INT64) and name not in ("int32", "int64"):
            parts.parameters[words.TYPE] = name
        return parts

    def _enum(self, enum: EnumDescriptor) -> _Parts:
        options = self._options
        parts = _Parts(Type.INT32 if options.int_enums else Type.STRING, optional=True)
        parts.name = enum.full_name if options.enhanced else enum.name
        title = options.enum_parameter
        parts.parameters[title] = enum.name
        for value in enum.values:
            parts.parameters[f"{title}.{value.name}"] = str(value.number)
        return parts

    def _inner_message(self, member: FieldDescriptor, inner: Descriptor) -> _Parts:
        name = inner.full_name
        if name == words.DECIMAL_TYPE:
            return self._decimal(member)
        if name in _MOMENTS:
            kind, title = _MOMENTS[name]
            return _Parts(kind, title, 1)
        unwraps = self._options.wrapped_nullables or self._options.wrapped_primitives
        if unwraps and name in words.WRAPPED:
            return _Parts(words.WRAPPED[name])
        if not is_map(member):
            return self._message(inner)
        keys, values = (self._field(item, optional=False, in_oneof=False) for item in inner.fields)
        title = map_field_name(name if self._options.enhanced else inner.name)
        return _Parts(Type.MAP, title, keys=keys, values=values)

    def _decimal(self, member: FieldDescriptor) -> _Parts:
        params = self._params.get(member.full_name, {})
        parts = _Parts(Type.BYTES, connect.DECIMAL, 1)
        scale, precision = params.get(words.SCALE, ""), params.get(words.PRECISION, "")
        parts.parameters[connect.SCALE] = str(int(scale)) if _is_whole(scale) else "0"
        if _is_whole(precision):
            parts.parameters[words.CONNECT_PRECISION] = str(int(precision))
        return parts


def _is_whole(text: str) -> bool:
    return text.removeprefix("-").isdecimal()
