"""Whether messages of one version of a .proto file can be read by another, by the rules of Confluent's registry."""

from __future__ import annotations

from typing import Final

from linkspan.convert.protobuf.model import EnumType, File, Member, Message

__all__ = ["can_read"]

_ALIKE: Final = (
    frozenset(("int32", "uint32", "int64", "uint64", "bool")),
    frozenset(("sint32", "sint64")),
    frozenset(("string", "bytes")),
    frozenset(("fixed32", "sfixed32")),
    frozenset(("fixed64", "sfixed64")),
)
"""Scalar types that are written alike."""
_SCALARS: Final = frozenset((*(name for group in _ALIKE for name in group), "float", "double"))


def can_read(reader: File, writer: File) -> bool:
    """Whether all messages of ``writer`` can be read as those of ``reader``."""
    return reader.package == writer.package and _can_read_all(reader.messages, writer.messages, _enums(reader, writer))


def _enums(*files: File) -> frozenset[str]:
    """Names of all enums; they are written as numbers."""
    found: set[str] = set()

    def collect(messages: list[Message], enums: list[EnumType]) -> None:
        found.update(enum.name for enum in enums)
        for message in messages:
            collect(message.messages, message.enums)

    for file in files:
        collect(file.messages, file.enums)
    return frozenset(found)


def _can_read_all(readers: list[Message], writers: list[Message], enums: frozenset[str]) -> bool:
    known = {message.name: message for message in readers}
    return all(item.name in known and _can_read(known[item.name], item, enums) for item in writers)


def _can_read(reader: Message, writer: Message, enums: frozenset[str]) -> bool:
    known = {member.number: member for member in reader.members}
    written = {member.number: member for member in writer.members}
    for number, member in written.items():
        other = known.get(number)
        if other is None:
            # what is not known is left out, unless something else was to be in its place
            if member.label == "required" or member.oneof is not None:
                return False
        elif not _is_alike(other, member, enums):
            return False
    if any(member.label == "required" and number not in written for number, member in known.items()):
        return False
    return _can_read_all(reader.messages, writer.messages, enums) and not _crowds_a_oneof(reader, writer)


def _is_alike(reader: Member, writer: Member, enums: frozenset[str]) -> bool:
    one, other = _kind(reader, enums), _kind(writer, enums)
    if (reader.label == "repeated") != (writer.label == "repeated") and other not in ("string", "bytes", "message"):
        return False
    if one == other == "message":
        return reader.type.rpartition(".")[2] == writer.type.rpartition(".")[2]
    return one == other or any(one in group and other in group for group in _ALIKE)


def _kind(member: Member, enums: frozenset[str]) -> str:
    if member.type in _SCALARS:
        return member.type
    return "int32" if member.type.rpartition(".")[2] in enums else "message"


def _crowds_a_oneof(reader: Message, writer: Message) -> bool:
    """Whether several fields that could be there at once can be so no longer."""
    free = {member.number for member in writer.members if member.oneof is None}
    for oneof in reader.oneofs:
        if sum(member.oneof == oneof and member.number in free for member in reader.members) > 1:
            return True
    return False
