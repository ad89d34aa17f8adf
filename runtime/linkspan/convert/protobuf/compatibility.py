"""How one version of a .proto file differs from another, and whether it can read the other's messages.

The rules are those of Confluent's registry (8.x). Where they would lose numbers, because a field is repeated on one
side only, these are stricter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from linkspan.config.ordering import hash_order
from linkspan.convert.protobuf.model import EnumType, File, Member, Message

__all__ = ["COMPATIBLE", "Difference", "can_read", "differences"]

COMPATIBLE: Final = frozenset(
    {
        *("MESSAGE_ADDED", "MESSAGE_MOVED", "ENUM_ADDED", "ENUM_REMOVED"),
        *("ENUM_CONST_ADDED", "ENUM_CONST_CHANGED", "ENUM_CONST_REMOVED"),
        *("FIELD_ADDED", "FIELD_REMOVED", "FIELD_NAME_CHANGED", "FIELD_STRING_OR_BYTES_LABEL_CHANGED"),
        *("ONEOF_ADDED", "ONEOF_REMOVED", "ONEOF_FIELD_ADDED", "ONEOF_FIELD_MOVED_TO_TOP_LEVEL"),
    }
)
"""What a reader with the newer file can live with."""
_ALIKE: Final[Mapping[str, str]] = {
    **dict.fromkeys(("int32", "uint32", "int64", "uint64", "bool"), "number"),
    **dict.fromkeys(("sint32", "sint64"), "signed number"),
    **dict.fromkeys(("string", "bytes"), "text"),
    **dict.fromkeys(("fixed32", "sfixed32"), "fixed32"),
    **dict.fromkeys(("fixed64", "sfixed64"), "fixed64"),
    "float": "float",
    "double": "double",
}
"""Scalar types; those of one kind are written alike."""
_NO_FILES: Final[Mapping[str, File]] = MappingProxyType({})


class Difference(NamedTuple):
    """One difference.

    Attributes:
        kind: as Confluent's registry calls it.
        path: names of messages and oneofs and numbers of fields, from the outside in.
    """

    kind: str
    path: tuple[str, ...] = ()


def can_read(
    reader: File,
    writer: File,
    reader_files: Mapping[str, File] = _NO_FILES,
    writer_files: Mapping[str, File] = _NO_FILES,
) -> bool:
    """Whether all messages of ``writer`` can be read as those of ``reader``; see :func:`differences`."""
    return all(each.kind in COMPATIBLE for each in differences(writer, reader, writer_files, reader_files))


def differences(
    old: File, new: File, old_files: Mapping[str, File] = _NO_FILES, new_files: Mapping[str, File] = _NO_FILES
) -> list[Difference]:
    """Everything that is different.

    Args:
        old: the file that messages were written with.
        new: the one that they are to be read with.
        old_files: what the old one imports, by name; well-known files need not be among them.
        new_files: the same of the new one.
    """
    comparison = _Comparison(_Types(old, old_files), _Types(new, new_files))
    if (old.package or "") != (new.package or ""):
        comparison.found.append(Difference("PACKAGE_CHANGED"))
    comparison.types(old.messages, new.messages, old.enums, new.enums, _Place((), old.package, new.package))
    return comparison.found


class _Known(NamedTuple):
    """A type, its package and its name in it; whether it is in the file itself."""

    type: Message | EnumType
    package: str
    name: str
    is_local: bool


class _Types:
    """The types of a file and of what it imports, by their full names."""

    def __init__(self, file: File, files: Mapping[str, File]) -> None:
        self._known: dict[str, _Known] = {}
        for other in files.values():
            self._add(other, is_local=False)
        self._add(file, is_local=True)

    def _add(self, file: File, *, is_local: bool) -> None:
        package = file.package or ""

        def add(names: tuple[str, ...], messages: Iterable[Message], enums: Iterable[EnumType]) -> None:
            items: list[Message | EnumType] = [*messages, *enums]
            for item in items:
                name = ".".join((*names, item.name))
                self._known[f"{package}.{name}" if package else name] = _Known(item, package, name, is_local)
                if isinstance(item, Message):
                    add((*names, item.name), (*item.messages, *item.entries), item.enums)

        add((), file.messages, file.enums)

    def find(self, name: str, package: str | None, within: tuple[str, ...]) -> _Known | None:
        """The type that a name means within these messages, which may be known to none."""
        if name.startswith("."):
            return self._known.get(name[1:])
        scope = [*(package.split(".") if package else ()), *within]
        while scope:
            found = self._known.get(".".join((*scope, name)))
            if found is not None:
                return found
            scope.pop()
        return self._known.get(name)


class _Place(NamedTuple):
    """Where a comparison is: the messages around, and what more belongs to the path."""

    names: tuple[str, ...]
    old_package: str | None
    new_package: str | None
    inner: tuple[str, ...] = ()

    @property
    def path(self) -> tuple[str, ...]:
        return (*self.names, *self.inner)

    def named(self, name: str) -> _Place:
        return self._replace(names=(*self.names, name))

    def at(self, *parts: str) -> _Place:
        return self._replace(inner=parts)


class _Comparison:
    def __init__(self, old: _Types, new: _Types) -> None:
        self._old, self._new = old, new
        self._within: list[Message] = []
        self.found: list[Difference] = []

    def _note(self, kind: str, place: _Place) -> None:
        self.found.append(Difference(kind, place.path))

    def types(
        self,
        old_messages: list[Message],
        new_messages: list[Message],
        old_enums: list[EnumType],
        new_enums: list[EnumType],
        place: _Place,
    ) -> None:
        old, new = ({item.name: item for item in items} for items in (old_messages, new_messages))
        order = {name: at for at, name in enumerate(new)}
        places = {name: at for at, name in enumerate(old)}
        for name in hash_order({**old, **new}):
            here = place.named(name)
            if name not in new:
                if not old[name].is_map_entry:
                    self._note("MESSAGE_REMOVED", here)
            elif name not in old:
                if not new[name].is_map_entry:
                    self._note("MESSAGE_ADDED", here)
            else:
                self.messages(old[name], new[name], here)
                if order[name] != places[name]:
                    self._note("MESSAGE_MOVED", here)
        self._enums({item.name: item for item in old_enums}, {item.name: item for item in new_enums}, place)

    def _enums(self, old: Mapping[str, EnumType], new: Mapping[str, EnumType], place: _Place) -> None:
        for name in hash_order({**old, **new}):
            here = place.named(name)
            if name not in new or name not in old:
                self._note("ENUM_ADDED" if name in new else "ENUM_REMOVED", here)
                continue
            before, after = ({number: value for value, number in item.values} for item in (old[name], new[name]))
            for number in sorted({*before, *after}):
                if number not in after or number not in before:
                    self._note("ENUM_CONST_ADDED" if number in after else "ENUM_CONST_REMOVED", here.at(str(number)))
                elif before[number] != after[number]:
                    self._note("ENUM_CONST_CHANGED", here.at(str(number)))

    def messages(self, old: Message, new: Message, place: _Place) -> None:
        """Compare two messages of one name; one within itself is not gone through again."""
        if not any(item is old for item in self._within):
            self._within.append(old)
            self._oneofs(old, new, place)
            self._members(old, new, place)
            self._within.pop()
        self.types(old.messages, new.messages, old.enums, new.enums, place)

    def _oneofs(self, old: Message, new: Message, place: _Place) -> None:
        """What becomes exclusive that was not, and which oneofs come and go."""
        before = {member.number: member for member in old.members}
        for name in new.oneofs:
            known = [before[item.number] for item in new.members if item.oneof == name and item.number in before]
            free = sum(item.oneof is None for item in known)
            groups = len({item.oneof for item in known if item.oneof is not None}) + free
            if groups > 1:
                kind = "MULTIPLE_FIELDS_MOVED_TO_ONEOF" if free > 1 else "FIELD_MOVED_TO_EXISTING_ONEOF"
                self._note(kind, place.at(name))
        for name in sorted({*old.oneofs, *new.oneofs}):
            if name not in new.oneofs or name not in old.oneofs:
                self._note("ONEOF_ADDED" if name in new.oneofs else "ONEOF_REMOVED", place.at(name))

    def _members(self, old: Message, new: Message, place: _Place) -> None:
        before, after = ({member.number: member for member in item.members} for item in (old, new))
        for number in sorted({*before, *after}):
            was, becomes = before.get(number), after.get(number)
            if becomes is None:
                assert was is not None
                self._removed(was, old, new, place)
            elif was is None:
                self._added(becomes, place)
            else:
                if was.oneof is not None and becomes.oneof is None:
                    self._note("ONEOF_FIELD_MOVED_TO_TOP_LEVEL", place.at(str(number)))
                self._fields(was, becomes, _at(becomes, place))

    def _removed(self, was: Member, old: Message, new: Message, place: _Place) -> None:
        if was.oneof is None:
            kind = "REQUIRED_FIELD_REMOVED" if was.label == "required" else "FIELD_REMOVED"
            self._note(kind, place.at(str(was.number)))
            return
        left = {member.number for member in new.members}
        siblings = (member for member in old.members if member.oneof == was.oneof)
        # a oneof that is gone with all its members takes no data from those that are left
        if was.oneof in new.oneofs or any(member.number in left for member in siblings):
            self._note("ONEOF_FIELD_REMOVED", _at(was, place))

    def _added(self, becomes: Member, place: _Place) -> None:
        if becomes.oneof is not None:
            self._note("ONEOF_FIELD_ADDED", _at(becomes, place))
        else:
            kind = "REQUIRED_FIELD_ADDED" if becomes.label == "required" else "FIELD_ADDED"
            self._note(kind, place.at(str(becomes.number)))

    def _fields(self, old: Member, new: Member, place: _Place) -> None:
        if old.name != new.name:
            self._note("FIELD_NAME_CHANGED", place)
        self._values(old.type, new.type, place, (old.label, new.label))

    def _values(self, old: str, new: str, place: _Place, labels: tuple[str | None, str | None]) -> None:
        was = None if old in _ALIKE else self._old.find(old, place.old_package, place.names)
        becomes = None if new in _ALIKE else self._new.find(new, place.new_package, place.names)
        kinds = _kind(old, was), _kind(new, becomes)
        if kinds[0][0] != kinds[1][0]:
            self._note("FIELD_KIND_CHANGED", place)
        elif kinds[0][0] == "scalar":
            self._scalars(kinds[0][1], kinds[1][1], place, labels)
        elif kinds[0][0] == "message":
            self._named(old, new, was, becomes, place)
        else:
            assert was is not None
            assert becomes is not None
            for one, other in zip(_entry(was), _entry(becomes), strict=True):
                self._values(one, other, place, (None, None))

    def _scalars(self, old: str, new: str, place: _Place, labels: tuple[str | None, str | None]) -> None:
        if old != new:
            self._note("FIELD_SCALAR_KIND_CHANGED", place)
        elif _is_other_label(*labels):
            kind = "FIELD_STRING_OR_BYTES_LABEL_CHANGED" if old == "text" else "FIELD_NUMERIC_LABEL_CHANGED"
            self._note(kind, place)

    def _named(self, old: str, new: str, was: _Known | None, becomes: _Known | None, place: _Place) -> None:
        if was is None or becomes is None:
            if old.removeprefix(".") != new.removeprefix("."):
                self._note("FIELD_NAMED_TYPE_CHANGED", place)
            return
        if was.name != becomes.name:
            self._note("FIELD_NAMED_TYPE_CHANGED", place)
            return
        if was.is_local and becomes.is_local:
            return  # these are compared where they are
        assert isinstance(was.type, Message)
        assert isinstance(becomes.type, Message)
        inner = _Comparison(self._old, self._new)
        inner._within = self._within
        inner.messages(was.type, becomes.type, _Place(tuple(was.name.split(".")), was.package, becomes.package))
        self.found += inner.found
        if any(each.kind not in COMPATIBLE for each in inner.found):
            self._note("FIELD_NAMED_TYPE_CHANGED", place)


def _at(member: Member, place: _Place) -> _Place:
    return place.at(*(() if member.oneof is None else (member.oneof,)), str(member.number))


def _kind(name: str, known: _Known | None) -> tuple[str, str]:
    """Whether a value is a scalar, a message or a map; of a scalar, which kind. Enums are written as numbers."""
    if name in _ALIKE:
        return "scalar", _ALIKE[name]
    if known is not None and isinstance(known.type, EnumType):
        return "scalar", "number"
    is_map = known is not None and isinstance(known.type, Message) and known.type.is_map_entry
    return ("map" if is_map else "message"), ""


def _entry(known: _Known) -> tuple[str, str]:
    assert isinstance(known.type, Message)
    types = {member.name: member.type for member in known.type.members}
    return types["key"], types["value"]


def _is_other_label(old: str | None, new: str | None) -> bool:
    if old is not None and new is not None:
        return old != new
    return (old == "repeated") != (new == "repeated")
