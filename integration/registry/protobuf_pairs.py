"""Generated pairs of .proto files: one, and what becomes of it after a few changes."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from random import Random
from typing import Final

__all__ = ["pairs"]

SCALARS: Final = ("int32", "uint64", "bool", "sint32", "sint64", "fixed32", "sfixed64", "float", "string", "bytes")
NAMES: Final = ("a", "b", "c", "d", "e", "f", "g")


@dataclass
class Member:
    name: str
    number: int
    type: str
    label: str = ""
    oneof: str = ""


@dataclass
class Message:
    name: str
    members: list[Member] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    enums: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass
class File:
    syntax: str
    package: str
    messages: list[Message] = field(default_factory=list)
    enums: dict[str, dict[str, int]] = field(default_factory=dict)


def pairs(number: int, seed: int, *, moves: bool) -> list[dict[str, str]]:
    """Pairs of texts; ``moves`` lets fields go into and out of oneofs."""
    random, made = Random(seed), []
    for _ in range(number):
        before = _file(random)
        after = copy.deepcopy(before)
        for _ in range(random.randrange(4)):
            _change(random, after, moves=moves)
        made.append({"writer": _text(before), "reader": _text(after)})
    return made


def _file(random: Random) -> File:
    file = File(random.choice(["proto2", "proto3", "proto3"]), random.choice(["", "shop", "some.shop"]))
    file.enums = {"Color": {"NONE": 0, "RED": 1}}
    names = ["M0", "M1", "M2"][: random.randint(1, 3)]
    file.messages = [_message(random, name, names, file.syntax, 1) for name in names]
    return file


def _message(random: Random, name: str, known: list[str], syntax: str, depth: int) -> Message:
    made = Message(name)
    if depth and random.random() < 0.4:
        made.messages.append(_message(random, "Inner", [*known, f"{name}.Inner"], syntax, 0))
        known = [*known, "Inner"]
    if random.random() < 0.3:
        made.enums["Kind"] = {"SOME": 0, "OTHER": 2}
    types = [*known, "Color", *made.enums]
    for at, label in enumerate(random.sample(NAMES, random.randint(1, 5)), 1):
        made.members.append(_member(random, label, at, types, syntax))
    if random.random() < 0.5:
        for at, label in enumerate(("x", "y", "z"), 11):
            made.members.append(Member(label, at, random.choice(SCALARS), oneof="choice"))
    return made


def _member(random: Random, name: str, number: int, types: list[str], syntax: str) -> Member:
    kind = random.choice([*SCALARS, *types, "map"])
    if kind == "map":
        return Member(name, number, f"map<string, {random.choice([*SCALARS, *types])}>")
    labels = ["optional", "required", "repeated"] if syntax == "proto2" else ["", "", "optional", "repeated"]
    return Member(name, number, kind, random.choice(labels))


def _change(random: Random, file: File, *, moves: bool) -> None:
    if random.random() < 0.05:
        file.package = "other"
    elif random.random() < 0.1 and len(file.messages) > 1:
        _change_messages(random, file)
    else:
        message = random.choice([item for outer in file.messages for item in (outer, *outer.messages)])
        if moves and random.random() < 0.4:
            _move(random, file, message)
        else:
            random.choice([_add, _remove, _retype, _rename, _relabel, _renumber, _clear])(random, file, message)
        message.members = list({member.number: member for member in message.members}.values())
        message.members = list({member.name: member for member in message.members}.values())


def _free(message: Message) -> list[Member]:
    return [member for member in message.members if not member.oneof]


def _single(message: Message) -> list[Member]:
    return [member for member in _free(message) if "map<" not in member.type]


def _add(random: Random, file: File, message: Message) -> None:
    message.members.append(_member(random, "new", 20, ["Color"], file.syntax))


def _remove(random: Random, _: File, message: Message) -> None:
    if free := _free(message):
        message.members.remove(random.choice(free))


def _retype(random: Random, file: File, message: Message) -> None:
    for member in random.sample(_single(message), min(1, len(_single(message)))):
        member.type = random.choice([*SCALARS, "Color", file.messages[0].name])


def _rename(random: Random, _: File, message: Message) -> None:
    if free := _free(message):
        random.choice(free).name = "renamed"


def _relabel(random: Random, _: File, message: Message) -> None:
    for member in random.sample(_single(message), min(1, len(_single(message)))):
        member.label = random.choice(["optional", "repeated"])


def _renumber(random: Random, file: File, _: Message) -> None:
    file.enums["Color"] = random.choice([{"NONE": 0}, {"NONE": 0, "BLUE": 1}, {"NONE": 0, "RED": 1, "BLUE": 2}])


def _clear(_: Random, file: File, message: Message) -> None:
    if not _mentions(file, "Inner"):
        message.messages.clear()


def _change_messages(random: Random, file: File) -> None:
    if random.random() < 0.5:
        file.messages.reverse()
    elif not _mentions(file, file.messages[-1].name):
        file.messages.pop()


def _mentions(file: File, name: str) -> bool:
    return any(
        name in member.type for outer in file.messages for item in (outer, *outer.messages) for member in item.members
    )


def _move(random: Random, file: File, message: Message) -> None:
    chosen = [member for member in message.members if member.oneof]
    kind = random.choice(["in", "out", "rename", "drop", "split", "all"])
    movable = [member for member in _single(message) if member.label != "repeated"]
    if kind == "in" and movable:
        member = random.choice(movable)
        member.oneof, member.label = random.choice(["choice", "fresh"]), ""
    elif kind == "out" and chosen:
        member = random.choice(chosen)
        member.oneof, member.label = "", "optional" if file.syntax == "proto2" else ""
    elif kind == "rename":
        for member in chosen:
            member.oneof = "renamed_choice"
    elif kind == "drop" and chosen:
        message.members.remove(random.choice(chosen))
    elif kind == "split" and chosen:
        random.choice(chosen).oneof = "second"
    elif kind == "all":
        for member in chosen:
            message.members.remove(member)


# --- text -------------------------------------------------------------------------------------------------------------


def _text(file: File) -> str:
    lines = [f'syntax = "{file.syntax}";']
    if file.package:
        lines.append(f"package {file.package};")
    for message in file.messages:
        lines += _message_lines(message)
    return "\n".join([*lines, *_enum_lines(file.enums)]) + "\n"


def _message_lines(message: Message) -> list[str]:
    lines = [f"message {message.name} {{"]
    lines += [f"  {member.label} {member.type} {member.name} = {member.number};" for member in _free(message)]
    for oneof in dict.fromkeys(member.oneof for member in message.members if member.oneof):
        inner = [member for member in message.members if member.oneof == oneof]
        lines += [
            f"  oneof {oneof} {{",
            *(f"    {item.type} {item.name} = {item.number};" for item in inner),
            "  }",
        ]
    for inner_message in message.messages:
        lines += _message_lines(inner_message)
    return [*lines, *_enum_lines(message.enums), "}"]


def _enum_lines(enums: dict[str, dict[str, int]]) -> list[str]:
    lines = []
    for name, values in enums.items():
        lines += [f"enum {name} {{", *(f"  {label} = {number};" for label, number in values.items()), "}"]
    return lines
