"""What a .proto file says, as far as records are concerned, and its text just as Confluent's library writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from linkspan.api import DataError

__all__ = ["ESCAPES", "EnumType", "File", "Member", "Message", "map_entry_name", "map_field_name", "text"]

_VALUE_FIRST: Final = frozenset(("precision", "scale"))
"""Parameters that Confluent writes with their value before their key."""
ESCAPES: Final = str.maketrans(
    {
        "\a": "\\a",
        "\b": "\\b",
        "\f": "\\f",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\v": "\\v",
        "\\": "\\\\",
        "'": "\\'",
        '"': '\\"',
    }
)
_ENTRY: Final = "Entry"


@dataclass(slots=True)
class Member:
    """A field of a message.

    Attributes:
        name: of the field.
        number: of the field.
        type: name of a scalar type, or of a message or enum, with or without its scope.
        label: ``optional``, ``required``, ``repeated`` or None.
        oneof: name of the oneof that it belongs to, or None.
        params: what Confluent keeps in the option ``confluent.field_meta``.
        options: its other options, as they are written.
    """

    name: str
    number: int
    type: str
    label: str | None = None
    oneof: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)


@dataclass(slots=True)
class EnumType:
    """An enum: its symbols with their numbers."""

    name: str
    values: list[tuple[str, int]] = field(default_factory=list)
    allow_alias: bool = False


@dataclass(slots=True)
class Message:
    """A message type with the types in it.

    Attributes:
        name: without its scope.
        members: its fields.
        messages: types of messages in it.
        entries: messages that stand for the entries of fields that are maps; nobody wrote them down.
        enums: enums in it.
        oneofs: names of its oneofs.
        reserved: names and numbers that nothing may have, as they are written.
        is_map_entry: whether it stands for an entry of a map.
    """

    name: str
    members: list[Member] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    entries: list[Message] = field(default_factory=list)
    enums: list[EnumType] = field(default_factory=list)
    oneofs: list[str] = field(default_factory=list)
    reserved: list[str] = field(default_factory=list)
    is_map_entry: bool = False


@dataclass(slots=True)
class File:
    """A .proto file.

    Attributes:
        package: of its types, or None.
        syntax: ``proto2`` or ``proto3``.
        imports: names of other files.
        options: what is set for the whole file, as it is written.
        public: those of them that count as imported by whoever imports this one.
        messages: types of messages.
        enums: types of enums.
    """

    package: str | None = None
    syntax: str = "proto3"
    imports: list[str] = field(default_factory=list)
    public: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    enums: list[EnumType] = field(default_factory=list)

    def found(self, indexes: list[int]) -> tuple[str, Message]:
        """Full name and type of the message that is named by its places from the outside in.

        Raises:
            LookupError: there is none.
        """
        names, within, message = [], self.messages, None
        for index in indexes:
            if index < 0:
                raise LookupError(index)
            message = within[index]
            names.append(message.name)
            within = message.messages
        if message is None:
            raise LookupError(indexes)
        return ".".join([*([self.package] if self.package else []), *names]), message

    def places_of(self, name: str) -> list[int]:
        """The places of a message from the outside in.

        Raises:
            DataError: the file does not have it.
        """
        inner = name.removeprefix(f"{self.package}.") if self.package else name
        places, within = [], self.messages
        for part in inner.split("."):
            at = next((at for at, message in enumerate(within) if message.name == part), None)
            if at is None:
                raise DataError(f"The Protobuf schema in the registry has no message {name}")
            places.append(at)
            within = within[at].messages
        return places


def map_entry_name(name: str) -> str:
    """Name of the message that stands for an entry of a map."""
    if "_" in name:
        name = "".join(part[:1].upper() + part[1:].lower() for part in name.split("_"))
    return name + _ENTRY


def map_field_name(name: str) -> str:
    """Name of a map of these entries."""
    scope, dot, last = name.rpartition(".")
    if not last.endswith(_ENTRY):
        return name
    camel = last.removesuffix(_ENTRY)
    parts = "".join(f"_{letter}" if "A" <= letter <= "Z" and at else letter for at, letter in enumerate(camel))
    return scope + dot + parts.lower()


# --- text -------------------------------------------------------------------------------------------------------------


def text(file: File) -> str:
    """The file as Confluent's library writes it."""
    lines = [f'syntax = "{file.syntax}";']
    if file.package:
        lines.append(f"package {file.package};")
    if file.imports:
        lines.append("")
        lines += [f'import "{name}";' for name in file.imports if name not in file.public]
        lines += [f'import public "{name}";' for name in file.public]
    if file.options:
        lines += ["", *file.options]
    if file.messages or file.enums:
        lines.append("")
        lines += _types(file.messages, file.enums)
    return "\n".join(lines) + "\n"


def _types(messages: list[Message], enums: list[EnumType]) -> list[str]:
    lines: list[str] = []
    for message in messages:
        lines += _message(message)
    for enum in enums:
        values = ["option allow_alias = true;"] if enum.allow_alias else []
        values += [f"{name} = {number};" for name, number in enum.values]
        lines += [f"enum {enum.name} {{", *_indented(values), "}"] if values else [f"enum {enum.name} {{}}"]
    return lines


def _message(message: Message) -> list[str]:
    maps = {entry.name: entry for entry in message.entries}
    groups = [
        message.reserved,
        [line for member in message.members if member.oneof is None for line in _member(member, maps.get(member.type))],
        [line for name in message.oneofs for line in _oneof(name, message)],
        _types(message.messages, message.enums),
    ]
    body: list[str] = []
    for group in groups:
        if group and body:
            body.append("")
        body += _indented(group)
    return [f"message {message.name} {{", *body, "}"] if body else [f"message {message.name} {{}}"]


def _oneof(name: str, message: Message) -> list[str]:
    inner = [line for member in message.members if member.oneof == name for line in _member(member)]
    return [f"oneof {name} {{", *_indented(inner), "}"] if inner else []


def _member(member: Member, entry: Message | None = None) -> list[str]:
    label = f"{member.label} " if member.label is not None and member.oneof is None else ""
    kind = f"{label}{member.type}"
    if entry is not None:
        kind = f"map<{', '.join(part.type for part in entry.members)}>"
    head = f"{kind} {member.name} = {member.number}"
    if not member.params:
        return _with_options(head, member.options)
    pairs = [_param(key, value) for key, value in member.params.items()]
    body: list[str] = []
    for at, pair in enumerate(pairs):
        last = "" if at == len(pairs) - 1 else ","
        body += ["{", *_indented([f"{pair[0]},", pair[1]]), "}" + last]
    inner = ["params: [", *_indented(body), "]"]
    return [f"{head} [(confluent.field_meta) = {{", *_indented(inner), "}];"]


def _with_options(head: str, options: list[str]) -> list[str]:
    if not options:
        return [f"{head};"]
    if len(options) == 1:
        return [f"{head} [{options[0]}];"]
    return [f"{head} [", *_indented([*(f"{option}," for option in options[:-1]), options[-1]]), "];"]


def _param(key: str, value: str) -> tuple[str, str]:
    first, second = f'key: "{key.translate(ESCAPES)}"', f'value: "{value.translate(ESCAPES)}"'
    return (second, first) if key in _VALUE_FIRST else (first, second)


def _indented(lines: list[str]) -> list[str]:
    # a line between two groups has its blanks too
    return [f"  {line}" for line in lines]
