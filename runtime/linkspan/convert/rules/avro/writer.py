"""Texts of Avro schemas, as Avro's Java library prints them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from linkspan.convert.json_text import quoted, write
from linkspan.convert.rules.avro.model import AvroField, AvroName, AvroType

__all__ = ["text_of"]


def text_of(kind: AvroType, references: Collection[AvroType] = ()) -> str:
    """Compact JSON; a named type is written out where it stands first, and named from then on.

    Args:
        kind: the schema.
        references: schemas that are never written out, only named.
    """
    known: set[AvroName] = set()
    for reference in references:
        _note(reference, known)
    return _Printer(known).print(kind, None)


def _note(kind: AvroType, known: set[AvroName]) -> None:
    """Add the names of a schema and of all that it contains."""
    if kind.name is not None:
        if kind.name in known:
            return
        known.add(kind.name)
    for part in (*(each.type for each in kind.fields), *kind.branches, *((kind.items,) if kind.items else ())):
        _note(part, known)


class _Printer:
    def __init__(self, known: set[AvroName]) -> None:
        self._known = known

    def print(self, kind: AvroType, space: str | None) -> str:
        if kind.name is not None:
            if kind.name in self._known:
                return quoted(kind.name.seen_from(space))
            self._known.add(kind.name)
            return self._named(kind, kind.name, space)
        if kind.kind == "union":
            return f"[{','.join(self.print(branch, space) for branch in kind.branches)}]"
        if kind.items is not None:
            part = "items" if kind.kind == "array" else "values"
            return _object([("type", quoted(kind.kind)), (part, self.print(kind.items, space)), *_written(kind.props)])
        if not kind.props:
            return quoted(kind.kind)
        return _object([("type", quoted(kind.kind)), *_written(kind.props)])

    def _named(self, kind: AvroType, name: AvroName, space: str | None) -> str:
        parts = [("type", quoted("error" if kind.is_error else kind.kind)), ("name", quoted(name.name))]
        if (name.space or "") != (space or ""):
            parts.append(("namespace", quoted(name.space or "")))
        if kind.doc is not None:
            parts.append(("doc", quoted(kind.doc)))
        if kind.kind == "record":
            parts.append(("fields", f"[{','.join(self._field(each, name.space) for each in kind.fields)}]"))
        elif kind.kind == "enum":
            parts.append(("symbols", write(kind.symbols)))
            if kind.default is not None:
                parts.append(("default", quoted(kind.default)))
        else:
            parts.append(("size", str(kind.size)))
        parts += _written(kind.props)
        if kind.aliases:
            parts.append(("aliases", write([alias.seen_from(name.space) for alias in kind.aliases])))
        return _object(parts)

    def _field(self, each: AvroField, space: str | None) -> str:
        parts = [("name", quoted(each.name)), ("type", self.print(each.type, space))]
        if each.doc is not None:
            parts.append(("doc", quoted(each.doc)))
        if each.has_default:
            parts.append(("default", write(each.default)))
        if each.order != "ascending":
            parts.append(("order", quoted(each.order)))
        if each.aliases:
            parts.append(("aliases", write(each.aliases)))
        return _object([*parts, *_written(each.props)])


def _object(parts: Collection[tuple[str, str]]) -> str:
    return f"{{{','.join(f'{quoted(name)}:{text}' for name, text in parts)}}}"


def _written(props: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, write(value)) for name, value in props.items()]
