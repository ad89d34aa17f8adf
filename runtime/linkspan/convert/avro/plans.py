"""What fastavro writes by: Avro schemas without names, logical types and ambiguous unions.

Connect's logical types differ from fastavro's in their limits, and other logical types are none to Connect, so numbers
and bytes are all that fastavro sees. Names do not appear in what is written, so each record gets one of its own.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import fastavro

from linkspan.api import DataError
from linkspan.convert.avro.model import ABSENT, Node

__all__ = ["BRANCH", "Codec", "Codecs", "parsed", "plain_codec"]

Codec: TypeAlias = Any
"""A schema in the form of fastavro."""

BRANCH: Final = "v"
"""The field of a record that stands for a branch of a union."""


class Codecs:
    """Makes schemas for fastavro, with names that differ."""

    def __init__(self) -> None:
        self._number = 0

    def name(self) -> str:
        """A new name."""
        self._number += 1
        return f"r{self._number}"

    def record(self, fields: list[Codec]) -> Codec:
        """A record of these fields."""
        return self.named(self.name(), fields)

    def named(self, name: str, fields: list[Codec]) -> Codec:
        """A record of these fields, by whose name it is known within itself."""
        return {"type": "record", "name": name, "fields": fields}

    def branch(self, inner: Codec, field: str = BRANCH) -> tuple[str, Codec]:
        """Name and schema of a record that stands for a branch of a union."""
        made = self.record([{"name": field, "type": inner}])
        return made["name"], made

    def unused(self, node: Node) -> Codec:
        """A branch that is never written; it only keeps the place of its number."""
        return "null" if node.type == "null" else self.branch("null")[1]

    def scalar(self, node: Node) -> Codec:
        """Anything without other schemas in it."""
        if node.type == "enum":
            made = {"type": "enum", "name": self.name(), "symbols": list(node.symbols)}
            return made if node.default is None else {**made, "default": node.default}
        if node.type == "fixed":
            return {"type": "fixed", "name": self.name(), "size": node.size}
        return node.type


def plain_codec(node: Node) -> Codec:
    """A schema as it is, but for its logical types; records may contain themselves."""
    return _plain(node, {}, Codecs())


def _plain(node: Node, known: dict[int, str], codecs: Codecs) -> Codec:
    if node.type == "union":
        return [_plain(branch, known, codecs) for branch in node.branches]
    if node.inner is not None:
        return {"type": node.type, "items" if node.type == "array" else "values": _plain(node.inner, known, codecs)}
    if node.type not in ("record", "error"):
        return codecs.scalar(node)
    if id(node) in known:
        return known[id(node)]
    made = codecs.record([])
    known[id(node)] = made["name"]
    for field in node.fields:
        part = {"name": field.name, "type": _plain(field.node, known, codecs)}
        made["fields"].append(part if field.default is ABSENT else {**part, "default": field.default})
    return made


def parsed(codec: Codec) -> Codec:
    """The schema as fastavro wants it for many records.

    Raises:
        DataError: fastavro takes it for none.
    """
    try:
        return fastavro.parse_schema(codec)
    except (fastavro.schema.SchemaParseException, fastavro.schema.UnknownType, ValueError, TypeError) as error:
        raise DataError(f"This Avro schema cannot be used: {error}") from error
