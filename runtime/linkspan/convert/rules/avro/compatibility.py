"""Whether data written with one Avro schema can be read with another, by the rules of Avro's Java library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from linkspan.convert.rules.avro.model import AvroField, AvroType

__all__ = ["Incompatibility", "incompatibilities"]

_PROMOTED: Final = {
    "long": frozenset({"int"}),
    "float": frozenset({"int", "long"}),
    "double": frozenset({"int", "long", "float"}),
    "bytes": frozenset({"string"}),
    "string": frozenset({"bytes"}),
}
"""Reader → writers that it understands besides its own kind."""


class Incompatibility(NamedTuple):
    """One thing that keeps a reader from reading.

    Attributes:
        kind: as Avro calls it.
        detail: what exactly.
        path: where in the reader's schema.
    """

    kind: str
    detail: str
    path: str


def incompatibilities(reader: AvroType, writer: AvroType) -> list[Incompatibility]:
    """Everything that keeps data written with ``writer`` from being read with ``reader``.

    Raises:
        ValueError: a field of the reader means several of the writer.
    """
    return _Comparison().of(reader, writer, ())


class _Comparison:
    def __init__(self) -> None:
        # schemas may contain themselves: a pair that is being compared counts as compatible meanwhile
        self._known: dict[tuple[int, int], list[Incompatibility]] = {}

    def of(self, reader: AvroType, writer: AvroType, path: tuple[str, ...]) -> list[Incompatibility]:
        pair = (id(reader), id(writer))
        known = self._known.get(pair)
        if known is None:
            self._known[pair] = []
            known = self._known[pair] = self._compared(reader, writer, path)
        return known

    def _compared(self, reader: AvroType, writer: AvroType, path: tuple[str, ...]) -> list[Incompatibility]:
        if reader.kind != writer.kind:
            return self._of_other_kind(reader, writer, path)
        if reader.kind == "union":
            return self._of_branches(reader, writer, path)
        if reader.items is not None and writer.items is not None:
            return self.of(reader.items, writer.items, (*path, "items" if reader.kind == "array" else "values"))
        if reader.name is None:
            return []
        found = _name(reader, writer, path)
        if reader.kind == "record":
            return found + self._of_fields(reader, writer, path)
        return found + (_symbols if reader.kind == "enum" else _size)(reader, writer, path)

    def _of_other_kind(self, reader: AvroType, writer: AvroType, path: tuple[str, ...]) -> list[Incompatibility]:
        if writer.kind == "union":
            # what is compared for the first time here loses its place, as in the original
            return [each for branch in writer.branches for each in self.of(reader, branch, ())]
        if reader.kind == "union":
            if any(not self.of(branch, writer, ()) for branch in reader.branches):
                return []
            return [_lacking(writer, path)]
        if writer.kind in _PROMOTED.get(reader.kind, ()):
            return []
        detail = f"reader type: {reader.kind.upper()} not compatible with writer type: {writer.kind.upper()}"
        return [Incompatibility("TYPE_MISMATCH", detail, _text(path))]

    def _of_branches(self, reader: AvroType, writer: AvroType, path: tuple[str, ...]) -> list[Incompatibility]:
        return [
            _lacking(branch, (*path, str(place)))
            for place, branch in enumerate(writer.branches)
            if self.of(reader, branch, ())
        ]

    def _of_fields(self, reader: AvroType, writer: AvroType, path: tuple[str, ...]) -> list[Incompatibility]:
        found: list[Incompatibility] = []
        for place, each in enumerate(reader.fields):
            here = (*path, "fields", str(place))
            written = _written_as(each, writer)
            if written is not None:
                found += self.of(each.type, written.type, (*here, "type"))
            elif not each.has_default:
                if each.type.kind == "enum" and each.type.default is not None:
                    found += self.of(each.type, writer, (*here, "type"))
                else:
                    found.append(Incompatibility("READER_FIELD_MISSING_DEFAULT_VALUE", each.name, _text(here)))
        return found


def _written_as(each: AvroField, writer: AvroType) -> AvroField | None:
    # a field whose alias is its own name means two, as in the original
    found = [match for name in (each.name, *each.aliases) if (match := writer.field(name)) is not None]
    if len(found) > 1:
        raise ValueError(f"Reader record field {each.name} matches multiple fields in writer record schema")
    return found[0] if found else None


def _name(reader: AvroType, writer: AvroType, path: tuple[str, ...]) -> list[Incompatibility]:
    assert reader.name is not None
    assert writer.name is not None
    if reader.name.name == writer.name.name or writer.name in reader.aliases:
        return []
    return [Incompatibility("NAME_MISMATCH", f"expected: {writer.full_name}", _text((*path, "name")))]


def _symbols(reader: AvroType, writer: AvroType, path: tuple[str, ...]) -> list[Incompatibility]:
    missing = sorted(set(writer.symbols) - set(reader.symbols))
    if not missing or reader.default is not None:
        return []
    return [Incompatibility("MISSING_ENUM_SYMBOLS", f"[{', '.join(missing)}]", _text((*path, "symbols")))]


def _size(reader: AvroType, writer: AvroType, path: tuple[str, ...]) -> list[Incompatibility]:
    if reader.size == writer.size:
        return []
    detail = f"expected: {writer.size}, found: {reader.size}"
    return [Incompatibility("FIXED_SIZE_MISMATCH", detail, _text((*path, "size")))]


def _lacking(writer: AvroType, path: tuple[str, ...]) -> Incompatibility:
    return Incompatibility(
        "MISSING_UNION_BRANCH", f"reader union lacking writer type: {writer.kind.upper()}", _text(path)
    )


def _text(path: Sequence[str]) -> str:
    return "/" + "/".join(path)
