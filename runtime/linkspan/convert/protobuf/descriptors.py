"""Message classes of .proto files: what Google's library writes and reads by."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor, OneofDescriptor
from google.protobuf.message import Message as ProtobufMessage

from linkspan.api import DataError
from linkspan.convert.protobuf.model import EnumType, File, Member, Message
from linkspan.convert.protobuf.parsing import parse

__all__ = ["KNOWN_FILES", "MAIN", "MessageType", "Traits", "Types", "message_types", "traits_of"]

MAIN: Final = "default"
"""Name of the file itself."""

_SCALARS: Final = {
    name: getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{name.upper()}")
    for name in (
        *("double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64"),
        *("sfixed32", "sfixed64", "bool", "string", "bytes"),
    )
}
_LABELS: Final = {
    "optional": descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
    "required": descriptor_pb2.FieldDescriptorProto.LABEL_REQUIRED,
    "repeated": descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED,
}
_GOOGLE_TYPES: Final = (
    *("calendar_period", "color", "date", "datetime", "dayofweek", "decimal", "expr", "fraction", "interval", "latlng"),
    *("localized_text", "money", "month", "phone_number", "postal_address", "quaternion", "timeofday"),
)
_GOOGLE_PROTOBUF: Final = (
    *("any", "api", "descriptor", "duration", "empty", "field_mask", "source_context", "struct", "timestamp", "type"),
    "wrappers",
)
_MODULES: Final = {
    **{f"google/type/{name}.proto": f"google.type.{name}_pb2" for name in _GOOGLE_TYPES},
    **{f"google/protobuf/{name}.proto": f"google.protobuf.{name}_pb2" for name in _GOOGLE_PROTOBUF},
}
_TEXTS: Final = {
    "confluent/meta.proto": """
        syntax = "proto3";
        package confluent;
        message Meta {
          string doc = 1;
          map<string, string> params = 2;
          repeated string tags = 3;
        }
    """,
    "confluent/type/decimal.proto": """
        syntax = "proto3";
        package confluent.type;
        message Decimal {
          bytes value = 1;
          uint32 precision = 2;
          int32 scale = 3;
        }
    """,
}
KNOWN_FILES: Final = frozenset((*_MODULES, *_TEXTS))
"""Files that everybody has, and that no registry needs to keep."""


class MessageType(NamedTuple):
    """A message type: its descriptor, and the class of its messages."""

    descriptor: Descriptor
    made_by: type[ProtobufMessage]


Types = Mapping[str, MessageType]
"""Message types by their full names."""


def message_types(file: File, others: Mapping[str, File]) -> Types:
    """Classes of all messages in a file.

    Args:
        file: the file.
        others: what it imports, by the names that it has for them; well-known files may be missing.

    Raises:
        DataError: an import is missing, or the file contradicts itself.
    """
    pool = descriptor_pool.DescriptorPool()
    _add(MAIN, file, others, pool, set())
    names = _names([file.package] if file.package else [], file.messages)
    found = {name: pool.FindMessageTypeByName(name) for name in names}
    return {name: MessageType(item, message_factory.GetMessageClass(item)) for name, item in found.items()}


def _names(scope: list[str], messages: Iterable[Message]) -> Iterable[str]:
    for message in messages:
        inner = [*scope, message.name]
        yield ".".join(inner)
        yield from _names(inner, message.messages)


def _add(
    name: str, file: File, others: Mapping[str, File], pool: descriptor_pool.DescriptorPool, added: set[str]
) -> None:
    for wanted in file.imports:
        if wanted not in added:
            added.add(wanted)
            _add_import(wanted, others, pool, added)
    try:
        pool.AddSerializedFile(_file_descriptor(name, file).SerializeToString())
    except (TypeError, ValueError) as error:
        raise DataError(f"This Protobuf schema cannot be used: {error}") from error


def _add_import(name: str, others: Mapping[str, File], pool: descriptor_pool.DescriptorPool, added: set[str]) -> None:
    if name in others:
        _add(name, others[name], others, pool, added)
    elif name in _TEXTS:
        _add(name, parse(_TEXTS[name]), others, pool, added)
    elif name in _MODULES:
        _add_known(importlib.import_module(_MODULES[name]).DESCRIPTOR, pool, added)
    else:
        raise DataError(f"The Protobuf schema imports {name}, which is neither well known nor among its references")


def _add_known(descriptor: FileDescriptor, pool: descriptor_pool.DescriptorPool, added: set[str]) -> None:
    for inner in descriptor.dependencies:
        if inner.name not in added:
            added.add(inner.name)
            _add_known(inner, pool, added)
    pool.AddSerializedFile(descriptor.serialized_pb)


def _file_descriptor(name: str, file: File) -> descriptor_pb2.FileDescriptorProto:
    made = descriptor_pb2.FileDescriptorProto(name=name, syntax=file.syntax)
    if file.package:
        made.package = file.package
    made.dependency.extend(file.imports)
    made.public_dependency.extend(file.imports.index(item) for item in file.public)
    made.message_type.extend(_message_descriptor(message, file.syntax) for message in file.messages)
    made.enum_type.extend(map(_enum_descriptor, file.enums))
    return made


def _message_descriptor(message: Message, syntax: str) -> descriptor_pb2.DescriptorProto:
    made = descriptor_pb2.DescriptorProto(name=message.name)
    places = {name: at for at, name in enumerate(message.oneofs)}
    synthetic = [member for member in message.members if _has_synthetic_oneof(member, syntax)]
    for name in (*message.oneofs, *(f"_{member.name}" for member in synthetic)):
        made.oneof_decl.add(name=name)
    for member in message.members:
        one = made.field.add(name=member.name, number=member.number, label=_LABELS[member.label or "optional"])
        if member.type in _SCALARS:
            one.type = _SCALARS[member.type]
        else:
            one.type_name = member.type
        if member.oneof is not None:
            one.oneof_index = places[member.oneof]
        elif member in synthetic:
            one.proto3_optional = True
            one.oneof_index = len(message.oneofs) + synthetic.index(member)
    made.nested_type.extend(_message_descriptor(inner, syntax) for inner in (*message.messages, *message.entries))
    made.enum_type.extend(map(_enum_descriptor, message.enums))
    if message.is_map_entry:
        made.options.map_entry = True
    return made


def _has_synthetic_oneof(member: Member, syntax: str) -> bool:
    return syntax == "proto3" and member.label == "optional" and member.oneof is None


def _enum_descriptor(enum: EnumType) -> descriptor_pb2.EnumDescriptorProto:
    made = descriptor_pb2.EnumDescriptorProto(name=enum.name)
    for name, number in enum.values:
        made.value.add(name=name, number=number)
    if enum.allow_alias:
        made.options.allow_alias = True
    return made


@dataclass(frozen=True, slots=True)
class Traits:
    """What a message type's own descriptor does not tell.

    Attributes:
        optional: fields that are written with the word optional.
        proto3_optional: those of them that are in a file of syntax proto3.
        oneofs: the oneofs that somebody wrote, without those that stand for the word optional.
    """

    optional: frozenset[str]
    proto3_optional: frozenset[str]
    oneofs: tuple[OneofDescriptor, ...]

    def is_in_oneof(self, field: FieldDescriptor) -> bool:
        """Whether a field belongs to one of the oneofs."""
        return field.containing_oneof is not None and field.name not in self.proto3_optional


def traits_of(descriptor: Descriptor) -> Traits:
    """What a message type's own descriptor does not tell."""
    proto = descriptor_pb2.DescriptorProto()
    descriptor.CopyToProto(proto)
    file = descriptor_pb2.FileDescriptorProto()
    descriptor.file.CopyToProto(file)
    proto3 = frozenset(field.name for field in proto.field if field.proto3_optional)
    optional = proto3
    if file.syntax in ("", "proto2"):
        plain = (field for field in proto.field if field.label == field.LABEL_OPTIONAL)
        optional = frozenset(field.name for field in plain if not field.HasField("oneof_index"))
    oneofs = tuple(oneof for oneof in descriptor.oneofs if any(field.name not in proto3 for field in oneof.fields))
    return Traits(optional, proto3, oneofs)
