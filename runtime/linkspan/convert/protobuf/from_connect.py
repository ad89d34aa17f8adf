"""Protobuf schemas of Connect schemas: the mapping of Confluent's ProtobufData."""

from __future__ import annotations

from typing import Final

from linkspan.api import DataError, Schema, Type
from linkspan.api import schema as connect
from linkspan.convert.protobuf import options as words
from linkspan.convert.protobuf.model import EnumType, File, Member, Message, map_entry_name
from linkspan.convert.protobuf.options import Options, is_enum, is_union
from linkspan.convert.sum_types import GENERAL_ENUM, GENERAL_UNION

__all__ = ["ROOT_WRAPPERS", "protobuf_schema"]

_TYPES: Final = {
    Type.INT8: "int32",
    Type.INT16: "int32",
    Type.INT32: "int32",
    Type.INT64: "int64",
    Type.FLOAT32: "float",
    Type.FLOAT64: "double",
    Type.BOOLEAN: "bool",
    Type.STRING: "string",
    Type.BYTES: "bytes",
}
ROOT_WRAPPERS: Final = {kind: words.WRAPPERS[name] for kind, name in _TYPES.items()}
"""Messages that stand for a scalar that is written by itself."""
_SMALL: Final = {Type.INT8: "int8", Type.INT16: "int16"}
_UNSIGNED: Final = {"uint32": "uint32", "fixed32": "uint32", "uint64": "uint64", "fixed64": "uint64"}


def protobuf_schema(schema: Schema, options: Options) -> tuple[File, str]:
    """The .proto file of a Connect schema of a STRUCT, and the full name of its message.

    Raises:
        DataError: Protobuf cannot express it.
    """
    return _Mapping(options).file(schema)


class _Mapping:
    """One run over a schema; types without a name are numbered."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._unnamed = 0
        self._imports: list[str] = []
        self._within: list[tuple[str, Schema]] = []

    def file(self, schema: Schema) -> tuple[File, str]:
        """The file with the message of a STRUCT."""
        parts = [self._options.scrubbed(part) for part in self._name(schema).rstrip(".").split(".")]
        package = ".".join(parts[:-1]) or None
        message = self._message(parts[-1], schema)
        return File(package, imports=self._imports, messages=[message]), ".".join(parts)

    def _name(self, schema: Schema) -> str:
        if schema.name:
            return schema.name
        self._unnamed += 1
        return f"{words.DEFAULT_NAME}{self._unnamed}"

    def _short_name(self, name: str) -> str:
        return self._options.scrubbed(name.rpartition(".")[2])

    def _message(self, name: str, schema: Schema) -> Message:
        message = Message(name)
        number = 0
        self._within.append((name, schema))
        for field in schema.fields:
            tag = field.schema.parameters.get(words.TAG)
            if tag is None:
                number += 1
            self._add(message, field.name, field.schema, number if tag is None else _whole(tag))
        self._within.pop()
        return message

    def _add(self, message: Message, field_name: str, schema: Schema, number: int, oneof: str | None = None) -> None:
        """Put a field, or the oneof that it stands for, into a message."""
        options = self._options
        name = options.scrubbed(field_name)
        if is_union(schema):
            self._add_oneof(message, schema)
            return
        label = self._label(schema)
        inner = schema
        if schema.type is Type.ARRAY:
            assert schema.values is not None
            inner = schema.values
            if is_union(inner):
                raise DataError(f"{field_name}: a oneof cannot be repeated in Protobuf")
        params: dict[str, str] = {}
        kind = self._type(inner, name, params, in_oneof=oneof is not None)
        self._define(message, kind, inner)
        message.members.append(Member(name, number, kind, label, oneof, params))

    def _add_oneof(self, message: Message, schema: Schema) -> None:
        if self._options.generalized:
            name = schema.parameters.get(GENERAL_UNION, "")
        else:
            name = self._short_name((schema.name or "").removeprefix(words.UNION_PREFIX))
        message.oneofs.append(name)
        for field in schema.fields:
            tag = field.schema.parameters.get(words.TAG)
            self._add(message, field.name, field.schema, 0 if tag is None else _whole(tag), name)

    def _label(self, schema: Schema) -> str | None:
        if schema.type in (Type.ARRAY, Type.MAP):
            return "repeated"
        return "optional" if self._options.optional_nullables and schema.optional else None

    def _type(self, schema: Schema, field_name: str, params: dict[str, str], *, in_oneof: bool) -> str:
        if schema.name in words.LOGICAL_TYPES:
            if schema.name == connect.DECIMAL:
                for own, theirs in ((words.CONNECT_PRECISION, words.PRECISION), (connect.SCALE, words.SCALE)):
                    if own in schema.parameters:
                        params[theirs] = schema.parameters[own]
            return words.LOGICAL_TYPES[schema.name]
        if schema.type is Type.ARRAY:
            raise DataError(f"{field_name}: Array cannot be nested")
        if schema.type is Type.MAP:
            return map_entry_name(self._short_name(self._name(schema)))
        if schema.type is Type.STRUCT:
            name = self._short_name(self._name(schema))
            # a message and a field of one name would be one too many
            return f"{name}Message" if name == field_name else name
        if is_enum(schema):
            return schema.parameters.get(GENERAL_ENUM) or schema.parameters[words.ENUM]
        return self._scalar(schema, params, in_oneof=in_oneof)

    def _scalar(self, schema: Schema, params: dict[str, str], *, in_oneof: bool) -> str:
        kind = _TYPES[schema.type]
        if schema.type in _SMALL:
            params[words.CONNECT_TYPE] = _SMALL[schema.type]
        elif schema.type in (Type.INT32, Type.INT64):
            kind = schema.parameters.get(words.TYPE, kind)
        if not self._options.is_wrapped(schema, in_oneof=in_oneof):
            return kind
        if schema.type is Type.INT64:
            return words.WRAPPERS[_UNSIGNED.get(kind, "int64")]
        return words.WRAPPERS[_TYPES[schema.type]]

    def _define(self, message: Message, kind: str, schema: Schema) -> None:
        """Have the type of a field in the file."""
        file = words.FILES.get(kind) or (words.WRAPPERS_FILE if kind in words.WRAPPED else None)
        if file is not None:
            if file not in self._imports:
                self._imports.append(file)
        elif schema.type is Type.STRUCT:
            # as in the original, what has the name of the message itself is that message
            if (
                kind != message.name
                and not self._is_within(kind, schema)
                and all(inner.name != kind for inner in message.messages)
            ):
                message.messages.append(self._message(kind, schema))
        elif schema.type is Type.MAP:
            message.messages.append(self._entry(kind, schema))
        elif is_enum(schema):
            self._define_enum(message, schema)

    def _is_within(self, name: str, schema: Schema) -> bool:
        """Whether a message further out is this one, which is then known here by its name."""
        return any(name == outer and schema.fields == whole.fields for outer, whole in self._within)

    def _entry(self, name: str, schema: Schema) -> Message:
        assert schema.keys is not None
        assert schema.values is not None
        entry = Message(name)
        self._add(entry, words.KEY, schema.keys, 1)
        self._add(entry, words.VALUE, schema.values, 2)
        for member in entry.members:
            # as in the original, the word is for the fields of structs only
            member.label = None if member.label == "optional" else member.label
        return entry

    def _define_enum(self, message: Message, schema: Schema) -> None:
        name = self._short_name(self._name(schema))
        if any(enum.name == name for enum in message.enums):
            return
        prefix = f"{self._options.enum_parameter}."
        values = [
            (key.removeprefix(prefix), _whole(number))
            for key, number in schema.parameters.items()
            if key.startswith(prefix)
        ]
        message.enums.append(EnumType(name, values))


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise DataError(
            f'A number of Protobuf is kept as a whole number in a parameter of a schema, not "{text}"'
        ) from None
