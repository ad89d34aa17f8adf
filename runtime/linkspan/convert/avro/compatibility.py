"""Whether data written by one Avro schema can be read by another: the rules of Avro's schema resolution."""

from __future__ import annotations

from typing import Final

from linkspan.convert.avro.model import ABSENT, Node

__all__ = ["can_read"]

_PROMOTIONS: Final = {
    "long": ("int",),
    "float": ("int", "long"),
    "double": ("int", "long", "float"),
    "bytes": ("string",),
    "string": ("bytes",),
}


def can_read(reader: Node, writer: Node) -> bool:
    """Whether everything written by ``writer`` can be read as ``reader``."""
    return _can_read(reader, writer, set())


def _can_read(reader: Node, writer: Node, assumed: set[tuple[int, int]]) -> bool:
    pair = (id(reader), id(writer))
    if pair in assumed:
        return True  # a record within itself
    assumed.add(pair)
    if writer.type == "union":
        return all(_can_read(reader, branch, assumed) for branch in writer.branches)
    if reader.type == "union":
        return any(_can_read(branch, writer, set(assumed)) for branch in reader.branches)
    if reader.type != writer.type:
        return writer.type in _PROMOTIONS.get(reader.type, ())
    if reader.inner is not None and writer.inner is not None:
        return _can_read(reader.inner, writer.inner, assumed)
    if reader.name is not None and writer.name is not None:
        return _has_its_name(reader, writer) and _can_read_named(reader, writer, assumed)
    return True


def _can_read_named(reader: Node, writer: Node, assumed: set[tuple[int, int]]) -> bool:
    if reader.type == "fixed":
        return reader.size == writer.size
    if reader.type == "enum":
        return set(writer.symbols) <= set(reader.symbols) or reader.default in reader.symbols
    for field in reader.fields:
        written = next((item for item in writer.fields if item.name in (field.name, *field.aliases)), None)
        if written is None:
            if field.default is ABSENT:
                return False
        elif not _can_read(field.node, written.node, assumed):
            return False
    return True


def _has_its_name(reader: Node, writer: Node) -> bool:
    return reader.short_name == writer.short_name or writer.full_name in reader.aliases
