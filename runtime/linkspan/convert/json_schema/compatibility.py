"""Whether what one JSON Schema describes is also described by another.

The full rules of Confluent's registry know every keyword of JSON Schema; these know what Connect's schemas are made of,
and say no when in doubt.
"""

from __future__ import annotations

from linkspan.convert.json_schema.model import Node

__all__ = ["can_read"]


def can_read(reader: Node, writer: Node) -> bool:
    """Whether everything that ``writer`` describes is described by ``reader``."""
    return _can_read(reader, writer, [])


def _can_read(reader: Node, writer: Node, within: list[tuple[Node, Node]]) -> bool:
    if (reader, writer) in within:
        return True  # a schema within itself
    within = [*within, (reader, writer)]
    if writer.kind == "combined" and writer.criterion != "allOf":
        return all(_can_read(reader, branch, within) for branch in writer.branches)
    if reader.kind == "combined" and reader.criterion != "allOf":
        return any(_can_read(branch, writer, within) for branch in reader.branches)
    if reader.kind == "empty":
        return True
    if reader.kind != writer.kind:
        return (reader.kind, writer.kind) in (("number", "integer"), ("string", "enum"))
    return _can_read_alike(reader, writer, within)


def _can_read_alike(reader: Node, writer: Node, within: list[tuple[Node, Node]]) -> bool:
    """The same for two schemas of one kind."""
    if reader.kind == "enum":
        return all(symbol in reader.data["enum"] for symbol in writer.data["enum"])
    if reader.kind == "array":
        return reader.inner is None or (writer.inner is not None and _can_read(reader.inner, writer.inner, within))
    if reader.kind == "object":
        return _can_read_object(reader, writer, within)
    if reader.kind == "const":
        return bool(reader.data["const"] == writer.data["const"])
    return reader.kind != "combined" or reader.data == writer.data


def _can_read_object(reader: Node, writer: Node, within: list[tuple[Node, Node]]) -> bool:
    if not set(reader.data.get("required", ())) <= set(writer.data.get("required", ())):
        return False
    closed = reader.data.get("additionalProperties") is False
    if closed and writer.data.get("additionalProperties") is not False:
        return False
    for name, item in writer.properties.items():
        own = reader.properties.get(name, reader.inner)
        if own is None:
            if closed:
                return False
        elif not _can_read(own, item, within):
            return False
    if writer.inner is not None and reader.inner is not None:
        return _can_read(reader.inner, writer.inner, within)
    return True
