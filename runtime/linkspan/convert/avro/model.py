"""Avro schemas as a graph of nodes, read from and written as JSON just as Avro's Java library does.

The text matters to the byte: a registry gives the same id to the same text only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from linkspan.api import DataError
from linkspan.convert.java_spelling import spelled

__all__ = ["ABSENT", "NULL", "AvroField", "Node", "check_name", "is_valid_default", "parse", "text"]

PRIMITIVES: Final = frozenset(("null", "boolean", "int", "long", "float", "double", "bytes", "string"))
NAMED: Final = frozenset(("record", "error", "enum", "fixed"))
_RESERVED: Final = frozenset(
    ("doc", "fields", "items", "name", "namespace", "size", "symbols", "values", "type", "aliases")
)
_RESERVED_OF_ENUM: Final = _RESERVED | {"default"}
_RESERVED_OF_FIELD: Final = frozenset(("default", "doc", "name", "order", "type", "aliases"))
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INT_BITS: Final = {"int": 32, "long": 64}


class _Absent:
    """Type of :data:`ABSENT`."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
"""The default of a field that has none; null is a default."""


@dataclass(eq=False, slots=True)
class Node:
    """One Avro schema; equal only to itself, since a record may contain itself.

    Attributes:
        type: Avro's name of the type, or ``union``.
        name: full name of a record, an enum or a fixed.
        doc: text for people.
        fields: of a record.
        inner: of an array its items, of a map its values.
        symbols: of an enum.
        default: symbol of an enum that stands for unknown ones, or None.
        size: of a fixed, in bytes.
        branches: of a union.
        props: what else was written on it, in order.
        aliases: other full names.
    """

    type: str
    name: str | None = None
    doc: str | None = None
    fields: list[AvroField] = field(default_factory=list)
    inner: Node | None = None
    symbols: tuple[str, ...] = ()
    default: str | None = None
    size: int = 0
    branches: tuple[Node, ...] = ()
    props: dict[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.name is not None:
            for part in self.name.split("."):
                check_name(part)
        names = [branch.full_name for branch in self.branches]
        if "union" in names:
            raise DataError("Nested union")
        if len(set(names)) < len(names):
            raise DataError(f"Duplicate in union:{next(name for name in names if names.count(name) > 1)}")

    @property
    def short_name(self) -> str:
        """The name without its namespace; of an unnamed schema its type."""
        return self.type if self.name is None else self.name.rpartition(".")[2]

    @property
    def full_name(self) -> str:
        """The name with its namespace; of an unnamed schema its type."""
        return self.name or self.type

    @property
    def namespace(self) -> str | None:
        """Namespace of a named schema."""
        return None if self.name is None else self.name.rpartition(".")[0] or None

    def add(self, key: str, value: object) -> None:
        """Write a property on the schema.

        Raises:
            DataError: it has another value already.
        """
        if self.props.setdefault(key, value) != value:
            raise DataError(f"Can't overwrite property: {key}")

    def member(self, name: str) -> AvroField | None:
        """Field of a record by name."""
        return next((item for item in self.fields if item.name == name), None)


@dataclass(eq=False, slots=True)
class AvroField:
    """Member of a record; ``default`` is JSON, or :data:`ABSENT`."""

    name: str
    node: Node
    doc: str | None = None
    default: Any = ABSENT
    order: str | None = None
    aliases: tuple[str, ...] = ()
    props: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name(self.name)


NULL: Final = Node("null")


def check_name(name: str) -> None:
    """Refuse what Avro does not take as a name.

    Raises:
        DataError: in the words of Avro's Java library.
    """
    if not name:
        raise DataError("Empty name")
    if not _NAME.fullmatch(name):
        if not re.match("[A-Za-z_]", name):
            raise DataError(f"Illegal initial character: {name}")
        raise DataError(f"Illegal character in: {name}")


# --- reading ----------------------------------------------------------------------------------------------------------


def parse(content: str, references: Iterable[str] = ()) -> Node:
    """Schema of a JSON text.

    Args:
        content: the text.
        references: texts of schemas whose names it uses, each after those that it uses itself.

    Raises:
        DataError: it is no Avro schema.
    """
    names: dict[str, Node] = {}
    for reference in references:
        _node(_json(reference), None, names)
    return _node(_json(content), None, names)


def _json(content: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(content)
    except ValueError:
        stripped = content.strip()
        if stripped in PRIMITIVES:
            return stripped
        raise DataError(f"This is no Avro schema: {content:.200}") from None


def _node(data: Any, space: str | None, names: dict[str, Node]) -> Node:  # noqa: ANN401 - any JSON
    if isinstance(data, str):
        return _named(data, space, names)
    if isinstance(data, list):
        return Node("union", branches=tuple(_node(item, space, names) for item in data))
    if not isinstance(data, Mapping) or "type" not in data:
        raise DataError(f"This is no Avro schema: {data!s:.200}")
    kind = data["type"]
    if not isinstance(kind, str):
        return _node(kind, space, names)
    if kind in NAMED:
        return _definition(kind, data, space, names)
    props = {key: value for key, value in data.items() if key not in _RESERVED}
    if kind == "array":
        return Node("array", inner=_node(data.get("items"), space, names), props=props)
    if kind == "map":
        return Node("map", inner=_node(data.get("values"), space, names), props=props)
    if kind in PRIMITIVES:
        return Node(kind, props=props)
    return _named(kind, space, names)


def _named(name: str, space: str | None, names: dict[str, Node]) -> Node:
    if name in PRIMITIVES:
        return Node(name)
    found = names.get(f"{space}.{name}") if space and "." not in name else None
    found = found or names.get(name)
    if found is None:
        raise DataError(f'Undefined name: "{name}"')
    return found


def _definition(kind: str, data: Mapping[str, Any], space: str | None, names: dict[str, Node]) -> Node:
    name = data.get("name")
    if not isinstance(name, str):
        raise DataError(f"No name in schema: {data!s:.200}")
    own = data.get("namespace", space) if "." not in name else None
    full = f"{own}.{name}" if own else name
    if full in names:
        raise DataError(f"Can't redefine: {full}")
    reserved = _RESERVED_OF_ENUM if kind == "enum" else _RESERVED
    node = Node(
        kind,
        name=full.removeprefix("."),
        doc=data.get("doc"),
        symbols=tuple(data.get("symbols", ())),
        default=data.get("default") if kind == "enum" else None,
        size=data.get("size", 0),
        props={key: value for key, value in data.items() if key not in reserved},
        aliases=tuple(data.get("aliases", ())),
    )
    names[full] = node
    if kind in ("record", "error"):
        node.fields = [_field(item, node.namespace, names) for item in data.get("fields", ())]
    return node


def _field(data: Any, space: str | None, names: dict[str, Node]) -> AvroField:  # noqa: ANN401 - any JSON
    if not isinstance(data, Mapping) or not isinstance(data.get("name"), str) or "type" not in data:
        raise DataError(f"This is no field of an Avro record: {data!s:.200}")
    return AvroField(
        data["name"],
        _node(data["type"], space, names),
        doc=data.get("doc"),
        default=data.get("default", ABSENT),
        order=data.get("order"),
        aliases=tuple(data.get("aliases", ())),
        props={key: value for key, value in data.items() if key not in _RESERVED_OF_FIELD},
    )


# --- writing ----------------------------------------------------------------------------------------------------------


def text(node: Node) -> str:
    """The schema as JSON, to the byte as Java writes it.

    Raises:
        DataError: two different schemas in it have one name.
    """
    return spelled(_data(node, None, {}))


def _data(node: Node, space: str | None, written: dict[str, Node]) -> Any:  # noqa: ANN401 - any JSON
    if node.type == "union":
        return [_data(branch, space, written) for branch in node.branches]
    if node.name is None:
        return _unnamed(node, space, written)
    known = written.get(node.name)
    if known is not None:
        if not _is_alike(known, node, set()):
            raise DataError(f"Can't redefine: {node.name}")
        return node.short_name if node.namespace == space else node.name
    written[node.name] = node
    return _definition_data(node, space, written)


def _definition_data(node: Node, space: str | None, written: dict[str, Node]) -> dict[str, Any]:
    data: dict[str, Any] = {"type": node.type, "name": node.short_name}
    if node.namespace != space:
        data["namespace"] = node.namespace or ""
    if node.doc is not None:
        data["doc"] = node.doc
    if node.type == "enum":
        data["symbols"] = list(node.symbols)
        if node.default is not None:
            data["default"] = node.default
    elif node.type == "fixed":
        data["size"] = node.size
    else:
        data["fields"] = [_field_data(item, node.namespace, written) for item in node.fields]
    data.update(node.props)
    if node.aliases:
        data["aliases"] = list(node.aliases)
    return data


def _is_alike(one: Node, other: Node, assumed: set[tuple[int, int]]) -> bool:
    """Whether two schemas say the same; what contains itself is not gone through again."""
    pair = (id(one), id(other))
    if one is other or pair in assumed:
        return True
    assumed.add(pair)
    own = (one.type, one.name, one.doc, one.symbols, one.default, one.size, one.props, one.aliases)
    if own != (other.type, other.name, other.doc, other.symbols, other.default, other.size, other.props, other.aliases):
        return False
    inner = [*one.branches, *([one.inner] if one.inner else []), *(item.node for item in one.fields)]
    others = [*other.branches, *([other.inner] if other.inner else []), *(item.node for item in other.fields)]
    if len(inner) != len(others) or [_own(item) for item in one.fields] != [_own(item) for item in other.fields]:
        return False
    return all(_is_alike(mine, theirs, assumed) for mine, theirs in zip(inner, others, strict=True))


def _own(item: AvroField) -> tuple[object, ...]:
    return (item.name, item.doc, item.default, item.order, item.aliases, item.props)


def _unnamed(node: Node, space: str | None, written: dict[str, Node]) -> Any:  # noqa: ANN401 - any JSON
    if node.inner is not None:
        key = "items" if node.type == "array" else "values"
        return {"type": node.type, key: _data(node.inner, space, written), **node.props}
    return {"type": node.type, **node.props} if node.props else node.type


def _field_data(item: AvroField, space: str | None, written: dict[str, Node]) -> dict[str, Any]:
    data: dict[str, Any] = {"name": item.name, "type": _data(item.node, space, written)}
    if item.doc is not None:
        data["doc"] = item.doc
    if item.default is not ABSENT:
        data["default"] = item.default
    if item.order is not None and item.order != "ascending":
        data["order"] = item.order
    if item.aliases:
        data["aliases"] = list(item.aliases)
    data.update(item.props)
    return data


def is_valid_default(node: Node, value: object) -> bool:
    """Whether Avro takes this JSON as a default of a field of that schema; of a union, any branch may fit."""
    kind = node.type
    if kind == "union":
        return any(is_valid_default(branch, value) for branch in node.branches)
    if node.inner is not None:
        inner, items = node.inner, value.values() if isinstance(value, dict) else value
        fits = isinstance(value, list if kind == "array" else dict)
        return fits and all(is_valid_default(inner, item) for item in items)  # type: ignore[attr-defined]  # see above
    if kind in ("record", "error"):
        return isinstance(value, dict) and all(
            is_valid_default(item.node, value.get(item.name, item.default)) for item in node.fields
        )
    return _is_valid_scalar(kind, value)


def _is_valid_scalar(kind: str, value: object) -> bool:
    if kind in ("boolean", "null"):
        return isinstance(value, bool) if kind == "boolean" else value is None
    if (bits := _INT_BITS.get(kind)) is not None:
        return type(value) is int and -(1 << (bits - 1)) <= value < 1 << (bits - 1)
    if kind in ("float", "double"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)
