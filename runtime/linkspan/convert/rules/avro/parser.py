"""Reads Avro schemas by the rules of Avro's Java library."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any, Final

from linkspan.convert import json_text
from linkspan.convert.rules.avro.defaults import check_default
from linkspan.convert.rules.avro.model import PRIMITIVES, AvroField, AvroName, AvroType

__all__ = ["parse"]

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED: Final = frozenset(
    {"doc", "fields", "items", "name", "namespace", "size", "symbols", "values", "type", "aliases"}
)
_RESERVED_IN_ENUMS: Final = _RESERVED | {"default"}
_RESERVED_IN_FIELDS: Final = frozenset({"default", "doc", "name", "order", "type", "aliases"})
_ORDERS: Final = ("ascending", "descending", "ignore")


def parse(text: str, references: Sequence[str] = (), *, strict: bool = True) -> tuple[AvroType, list[AvroType]]:
    """A schema, and the schemas that it refers to.

    Args:
        text: JSON.
        references: texts of the schemas whose names it uses; one may use those before it.
        strict: check default values, too.

    Raises:
        ValueError: this is no Avro schema; says why.
    """
    reader = _Reader(strict=strict)
    known = [reader.read(json_text.parse(each), None) for each in references]
    try:
        return reader.read(json_text.parse(text), None), known
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


class _Reader:
    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._names: dict[AvroName, AvroType] = {}

    def read(self, body: Any, space: str | None) -> AvroType:  # noqa: ANN401 - any JSON
        """A schema that stands in a namespace."""
        if isinstance(body, str):
            return self._named(body, space)
        if isinstance(body, list):
            return self._union([self.read(item, space) for item in body])
        if not isinstance(body, dict):
            raise ValueError(f"Schema not yet supported: {json_text.write(body)}")  # noqa: TRY004 - a malformed text
        kind = body.get("type")
        if not isinstance(kind, str):
            raise ValueError(f"No type: {json_text.write(body)}")  # noqa: TRY004 - as above
        return self._of_kind(kind, body, space)

    def _of_kind(self, kind: str, body: dict[str, Any], space: str | None) -> AvroType:
        if kind in PRIMITIVES:
            found = AvroType(kind)
        elif kind in {"record", "error"}:
            found = self._record(kind, body, space)
        elif kind == "enum":
            found = self._enum(body, space)
        elif kind == "fixed":
            found = self._fixed(body, space)
        elif kind == "array":
            found = AvroType("array", items=self._part(body, "items", "Array has no items type", space))
        elif kind == "map":
            found = AvroType("map", items=self._part(body, "values", "Map has no values type", space))
        else:
            # its properties are not this one's: another place says what it is
            return self._named(kind, space, undefined="Type not supported: ")
        found.props = _props(body, _RESERVED_IN_ENUMS if kind == "enum" else _RESERVED)
        return found

    def _part(self, body: dict[str, Any], name: str, missing: str, space: str | None) -> AvroType:
        if body.get(name) is None:
            raise ValueError(f"{missing}: {json_text.write(body)}")
        return self.read(body[name], space)

    def _named(self, text: str, space: str | None, undefined: str = "Undefined name: ") -> AvroType:
        if text in PRIMITIVES:
            return AvroType(text)
        found = self._names.get(AvroName.of(text, space)) or self._names.get(AvroName.of(text, None))
        if found is None:
            raise ValueError(f'{undefined}"{text}"')
        return found

    def _union(self, branches: list[AvroType]) -> AvroType:
        seen: set[str] = set()
        for branch in branches:
            if branch.kind == "union":
                raise ValueError("Nested union: " + ",".join(each.full_name for each in branches))
            if branch.full_name in seen:
                raise ValueError(f"Duplicate in union:{branch.full_name}")
            seen.add(branch.full_name)
        return AvroType("union", branches=branches)

    # --- named types --------------------------------------------------------------------------------------------

    def _head(self, kind: str, body: dict[str, Any], space: str | None) -> AvroType:
        name = body.get("name")
        if not isinstance(name, str):
            raise ValueError(f"No name in schema: {json_text.write(body)}")  # noqa: TRY004 - a malformed text
        given = body.get("namespace")
        full = AvroName.of(name, given if isinstance(given, str) else space)
        _check_name(full.name)
        for part in (full.space or "").split(".") if full.space else ():
            _check_name(part)
        if full.space is None and full.name in PRIMITIVES:
            raise ValueError(f"Schemas may not be named after primitives: {full.name}")
        if full in self._names:
            raise ValueError(f"Can't redefine: {full.full}")
        doc = body.get("doc")
        made = AvroType(kind, full, doc if isinstance(doc, str) else None)
        made.aliases = list(dict.fromkeys(AvroName.of(alias, full.space) for alias in _aliases(body)))
        return made

    def _record(self, kind: str, body: dict[str, Any], space: str | None) -> AvroType:
        made = self._head("record", body, space)
        made.is_error = kind == "error"
        assert made.name is not None
        self._names[made.name] = made
        fields = body.get("fields")
        if not isinstance(fields, list):
            raise ValueError(f"Record has no fields: {json_text.write(body)}")  # noqa: TRY004 - a malformed text
        for item in fields:
            found = self._field(item, made.name.space)
            if made.field(found.name) is not None:
                raise ValueError(f"Duplicate field {found.name} in record {made.full_name}")
            made.fields.append(found)
        return made

    def _field(self, body: object, space: str | None) -> AvroField:
        name = body.get("name") if isinstance(body, dict) else None
        if not isinstance(body, dict) or not isinstance(name, str):
            raise ValueError(f"No field name: {json_text.write(body)}")  # noqa: TRY004 - a malformed text
        _check_name(name)
        if body.get("type") is None:
            raise ValueError(f"No field type: {json_text.write(body)}")
        doc, order = body.get("doc"), str(body.get("order", "ascending")).lower()
        if order not in _ORDERS:
            raise ValueError(f"Field {name} has the order {order}; there are {', '.join(_ORDERS)}")
        made = AvroField(name, self.read(body["type"], space), doc if isinstance(doc, str) else None, order=order)
        if "default" in body:
            made.has_default, made.default = True, body["default"]
            if self._strict:
                check_default(name, made.type, made.default)
        made.aliases = list(dict.fromkeys(_aliases(body)))
        made.props = _props(body, _RESERVED_IN_FIELDS)
        return made

    def _enum(self, body: dict[str, Any], space: str | None) -> AvroType:
        made = self._head("enum", body, space)
        symbols = body.get("symbols")
        if not isinstance(symbols, list):
            raise ValueError(f"Enum has no symbols: {json_text.write(body)}")  # noqa: TRY004 - a malformed text
        for symbol in map(str, symbols):
            _check_name(symbol)
            if symbol in made.symbols:
                raise ValueError(f"Duplicate in enum: {symbol}")
            made.symbols.append(symbol)
        default = body.get("default")
        if default is not None:
            if default not in made.symbols:
                raise ValueError(f"The Enum Default: {default} is not in the enum symbol set: {made.symbols}")
            made.default = default
        assert made.name is not None
        self._names[made.name] = made
        return made

    def _fixed(self, body: dict[str, Any], space: str | None) -> AvroType:
        made = self._head("fixed", body, space)
        size = body.get("size")
        if not isinstance(size, int) or isinstance(size, bool):
            raise ValueError(f"Invalid or no size: {json_text.write(body)}")  # noqa: TRY004 - a malformed text
        if size < 0:
            raise ValueError(f"Invalid fixed size: {size}")
        made.size = size
        assert made.name is not None
        self._names[made.name] = made
        return made


def _check_name(name: str) -> None:
    if not name:
        raise ValueError("Empty name")
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"Illegal character in: {name}")


def _aliases(body: dict[str, Any]) -> list[str]:
    given = body.get("aliases")
    if given is None:
        return []
    if not isinstance(given, list):
        raise ValueError(f"aliases not an array: {json_text.write(body)}")  # noqa: TRY004 - a malformed text
    for alias in given:
        if not isinstance(alias, str):
            raise ValueError(f"alias not a string: {json_text.write(alias)}")  # noqa: TRY004 - as above
    return given


def _props(body: dict[str, Any], reserved: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in reserved}
