"""The .proto text of a file descriptor; options, which say nothing about the bytes of messages, are left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    ServiceDescriptorProto,
)

__all__ = ["text_of"]

_NAMED: Final = frozenset({FieldDescriptorProto.TYPE_MESSAGE, FieldDescriptorProto.TYPE_ENUM})
_LABELS: Final = {FieldDescriptorProto.LABEL_REPEATED: "repeated ", FieldDescriptorProto.LABEL_REQUIRED: "required "}


def text_of(file: FileDescriptorProto) -> str:
    """The file as somebody may have written it."""
    syntax = file.syntax or "proto2"
    lines = [f'syntax = "{syntax}";']
    if file.package:
        lines.append(f"package {file.package};")
    for place, name in enumerate(file.dependency):
        lines.append(f'import {"public " if place in file.public_dependency else ""}"{name}";')
    for message in file.message_type:
        lines += _message(message, syntax)
    for enum in file.enum_type:
        lines += _enum(enum)
    for service in file.service:
        lines += _service(service)
    return "\n".join(lines) + "\n"


def _message(message: DescriptorProto, syntax: str) -> list[str]:
    entries = {inner.name: inner for inner in message.nested_type if inner.options.map_entry}
    lines = [f"message {message.name} {{"]
    lines += _reserved(message)
    written: set[int] = set()
    for each in message.field:
        if not each.HasField("oneof_index") or each.proto3_optional:
            lines.append(_field(each, entries, syntax))
        elif each.oneof_index not in written:
            written.add(each.oneof_index)
            lines.append(f"oneof {message.oneof_decl[each.oneof_index].name} {{")
            alike = (other for other in message.field if other.HasField("oneof_index"))
            lines += [
                f"{_type(other)} {other.name} = {other.number};"
                for other in alike
                if other.oneof_index == each.oneof_index
            ]
            lines.append("}")
    for inner in message.nested_type:
        if inner.name not in entries:
            lines += _message(inner, syntax)
    for enum in message.enum_type:
        lines += _enum(enum)
    return [*lines, "}"]


def _reserved(message: DescriptorProto) -> Iterator[str]:
    for span in message.reserved_range:
        last = span.end - 1
        yield f"reserved {span.start};" if last == span.start else f"reserved {span.start} to {last};"
    if message.reserved_name:
        yield "reserved " + ", ".join(f'"{name}"' for name in message.reserved_name) + ";"


def _field(each: FieldDescriptorProto, entries: dict[str, DescriptorProto], syntax: str) -> str:
    entry = entries.get(each.type_name.rpartition(".")[2]) if each.type in _NAMED else None
    if entry is not None:
        key, value = entry.field
        return f"map<{_type(key)}, {_type(value)}> {each.name} = {each.number};"
    label = _LABELS.get(each.label, "optional " if syntax == "proto2" or each.proto3_optional else "")
    return f"{label}{_type(each)} {each.name} = {each.number};"


def _type(each: FieldDescriptorProto) -> str:
    if each.type in _NAMED:
        return each.type_name
    return FieldDescriptorProto.Type.Name(each.type).removeprefix("TYPE_").lower()


def _enum(enum: EnumDescriptorProto) -> list[str]:
    alias = ["option allow_alias = true;"] if enum.options.allow_alias else []
    return [f"enum {enum.name} {{", *alias, *(f"{value.name} = {value.number};" for value in enum.value), "}"]


def _service(service: ServiceDescriptorProto) -> list[str]:
    lines = [f"service {service.name} {{"]
    for method in service.method:
        sent = "stream " if method.client_streaming else ""
        answered = "stream " if method.server_streaming else ""
        lines.append(f"rpc {method.name} ({sent}{method.input_type}) returns ({answered}{method.output_type});")
    return [*lines, "}"]
