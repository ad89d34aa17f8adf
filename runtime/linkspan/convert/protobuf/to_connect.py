"""Connect schemas of Protobuf messages: the mapping of Confluent's ProtobufData."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, OneofDescriptor

from linkspan.api import Schema, Type
from linkspan.api import schema as connect
from linkspan.convert.drafts import Draft
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
    """Connect schema of a message."""
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


class _Mapping:
    """One run over a message and those in it; a message that was met before is mentioned again, within itself too.

    As in the original, null is then allowed wherever the message is, at the outside too.
    """

    def __init__(self, params: Params, options: Options) -> None:
        self._params = params
        self._options = options
        self._known: dict[str, Draft] = {}

    def root(self, descriptor: Descriptor, version: int | None) -> Schema:
        wrapped = words.WRAPPED.get(descriptor.full_name) if self._options.wrapped_primitives else None
        made = self._message(descriptor) if wrapped is None else Draft(wrapped)
        made.version = version
        return made.schema()

    def _message(self, descriptor: Descriptor) -> Draft:
        name = descriptor.full_name
        known = self._known.get(name)
        if known is not None:
            known.optional = True
            return known.again(optional=True)
        options, traits = self._options, traits_of(descriptor)
        made = self._known[name] = Draft(Type.STRUCT, name if options.enhanced else descriptor.name)
        for oneof in traits.oneofs:
            members = [(member.name, self._field(member, optional=True, in_oneof=True)) for member in oneof.fields]
            if options.flatten:
                made.fields += members
            else:
                made.fields.append((union_name(oneof, options), self._union(oneof, members)))
        for member in descriptor.fields:
            if not traits.is_in_oneof(member):
                schema = self._field(member, optional=member.name in traits.optional, in_oneof=False)
                made.fields.append((member.name, schema))
        return made

    def _union(self, oneof: OneofDescriptor, members: list[tuple[str, Draft]]) -> Draft:
        if self._options.generalized:
            made = Draft(Type.STRUCT, oneof.name, parameters={GENERAL_UNION: oneof.name})
        else:
            name = oneof.full_name if self._options.enhanced else oneof.name
            made = Draft(Type.STRUCT, words.UNION_PREFIX + name)
        made.optional, made.fields = True, members
        return made

    def _field(self, member: FieldDescriptor, *, optional: bool, in_oneof: bool) -> Draft:
        options = self._options
        made = self._value(member)
        if member.is_repeated and made.type is not Type.MAP:
            made.optional = True
            made = Draft(Type.ARRAY, optional=True, values=made)
        if in_oneof:
            made.optional = True
            inner = member.message_type
            if options.wrapped_nullables and inner is not None and inner.full_name in words.WRAPPED:
                made.parameters[words.WRAPPER] = "true"
        elif options.optional_nullables:
            made.optional = made.optional or optional
        elif not options.wrapped_nullables:
            made.optional = True
        made.parameters[words.TAG] = str(member.number)
        return made

    def _value(self, member: FieldDescriptor) -> Draft:
        if member.enum_type is not None:
            return self._enum(member.enum_type)
        if member.message_type is not None:
            made = self._inner_message(member, member.message_type)
            made.optional = True
            return made
        name = _NAMES[member.type]
        kind = _TYPES[name]
        if kind is Type.INT32:
            small = _SMALL.get(self._params.get(member.full_name, {}).get(words.CONNECT_TYPE, ""))
            if small is not None:
                return Draft(small)
        made = Draft(kind)
        if kind in (Type.INT32, Type.INT64) and name not in ("int32", "int64"):
            made.parameters[words.TYPE] = name
        return made

    def _enum(self, enum: EnumDescriptor) -> Draft:
        options = self._options
        made = Draft(Type.INT32 if options.int_enums else Type.STRING, optional=True)
        made.name = enum.full_name if options.enhanced else enum.name
        title = options.enum_parameter
        made.parameters[title] = enum.name
        for value in enum.values:
            made.parameters[f"{title}.{value.name}"] = str(value.number)
        return made

    def _inner_message(self, member: FieldDescriptor, inner: Descriptor) -> Draft:
        name = inner.full_name
        if name == words.DECIMAL_TYPE:
            return self._decimal(member)
        if name in _MOMENTS:
            kind, title = _MOMENTS[name]
            return Draft(kind, title, 1)
        unwraps = self._options.wrapped_nullables or self._options.wrapped_primitives
        if unwraps and name in words.WRAPPED:
            return Draft(words.WRAPPED[name])
        if not is_map(member):
            return self._message(inner)
        keys, values = (self._field(item, optional=False, in_oneof=False) for item in inner.fields)
        title = map_field_name(name if self._options.enhanced else inner.name)
        return Draft(Type.MAP, title, keys=keys, values=values)

    def _decimal(self, member: FieldDescriptor) -> Draft:
        params = self._params.get(member.full_name, {})
        made = Draft(Type.BYTES, connect.DECIMAL, 1)
        scale, precision = params.get(words.SCALE, ""), params.get(words.PRECISION, "")
        made.parameters[connect.SCALE] = str(int(scale)) if _is_whole(scale) else "0"
        if _is_whole(precision):
            made.parameters[words.CONNECT_PRECISION] = str(int(precision))
        return made


def _is_whole(text: str) -> bool:
    return text.removeprefix("-").isdecimal()
