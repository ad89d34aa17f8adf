"""Connect schemas of JSON Schemas: the mapping of Confluent's JsonSchemaData."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from linkspan.api import DataError, Schema, Type
from linkspan.config.ordering import hash_order
from linkspan.convert.json_schema import options as words
from linkspan.convert.json_schema.model import Node
from linkspan.convert.json_schema.options import Options
from linkspan.convert.sum_types import GENERAL_UNION

__all__ = ["connect_schema"]

ReadDefault = Callable[[Schema, Any], object]
_NUMBERS: Final = {name: kind for kind, name in words.TYPE_NAMES.items() if kind is not Type.MAP}
_TEXT_KEYS: Final = Schema(Type.STRING)


def connect_schema(node: Node, options: Options, version: int | None, read_default: ReadDefault) -> Schema:
    """Connect schema of a JSON Schema.

    Args:
        node: the JSON Schema.
        options: settings.
        version: given to the schema when it has none of its own.
        read_default: value of a default's JSON.

    Raises:
        DataError: Connect cannot express it.
    """
    return _Mapping(options, read_default).schema(node, version)


class _Mapping:
    """One run over a schema."""

    def __init__(self, options: Options, read_default: ReadDefault) -> None:
        self._options = options
        self._read_default = read_default
        self._within: list[Node] = []
        self._unions = 0

    def schema(self, node: Node, version: int | None = None, *, optional: bool = False) -> Schema:
        if node in self._within:
            # Connect's schemas, which are values here, cannot contain themselves
            raise DataError(
                f"The JSON Schema {node.data.get('title', '')!s} contains itself; recursive schemas cannot be "
                "expressed. Read this topic with another converter"
            )
        self._within.append(node)
        try:
            return self._schema(node, version, optional=optional)
        finally:
            self._within.pop()

    def _schema(self, node: Node, version: int | None, *, optional: bool) -> Schema:
        if node.kind == "combined":
            if len(node.branches) == 1 and self._options.flatten:
                return self.schema(node.branches[0])
            if node.criterion == "allOf":
                return self._all_of(node, version, optional=optional)
            only = _only_branch(node)
            if only is not None:
                return self.schema(only, version, optional=True)
            parts = self._union(node)
        elif node.kind in _PARTS:
            parts = _PARTS[node.kind](self, node)
        else:
            raise DataError(f"Unsupported schema type {node.kind}: {dict(node.data)!s:.200}")
        return self._described(parts, node, version, optional=optional)

    def _described(self, parts: dict[str, Any], node: Node, version: int | None, *, optional: bool) -> Schema:
        title, own_version, doc = node.own("title"), node.own(words.CONNECT_VERSION), node.own("description")
        if isinstance(title, str):
            parts.setdefault("name", title)
        found = version if own_version is None else own_version
        if isinstance(found, int):
            parts["version"] = found
        if isinstance(doc, str):
            parts["doc"] = doc
        written = node.own(words.CONNECT_PARAMETERS)
        if isinstance(written, Mapping):
            parts["parameters"] = {**parts.get("parameters", {}), **{key: str(item) for key, item in written.items()}}
        if node.is_whole and "default" in node.data:
            default = node.data["default"]
            if default is None and not parts.get("optional"):
                raise DataError(f"Invalid null value for required {parts['type'].value} field")
            parts["default"] = self._read_default(Schema(**parts), default)
        parts["optional"] = optional or parts.get("optional", False)
        return Schema(**parts)

    def _union(self, node: Node) -> dict[str, Any]:
        options = self._options
        parts: dict[str, Any] = {"type": Type.STRUCT, "name": words.ONE_OF, "fields": []}
        prefix = f"{words.ONE_OF}.field."
        if options.generalized:
            parts["name"] = f"{words.GENERAL_NAME}{self._unions}"
            self._unions += 1
            parts["parameters"] = {GENERAL_UNION: parts["name"]}
            prefix = words.GENERAL_FIELD
        for branch in node.branches:
            if branch.kind == "null":
                parts["optional"] = True
            else:
                name = f"{prefix}{len(parts['fields'])}"
                parts["fields"].append((name, self.schema(branch, optional=True)))
        return parts

    def _all_of(self, node: Node, version: int | None, *, optional: bool) -> Schema:
        properties: dict[str, tuple[Node, bool]] = {}
        for branch in node.branches:
            _collect(branch, properties, [])
        if properties:
            fields = [
                (name, self.schema(item, optional=self._options.optional_unless_required and not required))
                for name, (item, required) in properties.items()
            ]
            return Schema(Type.STRUCT, optional=optional, fields=fields)
        by_kind = {branch.kind: branch for branch in node.branches}
        number = by_kind.get("number") or by_kind.get("integer")
        chosen = by_kind.get("combined")
        if chosen is None and "const" in by_kind:
            chosen = by_kind.get("string") or number
        elif chosen is None and "enum" in by_kind:
            chosen = by_kind["enum"] if "string" in by_kind else number
        elif chosen is None and "string" in by_kind and "format" in by_kind["string"].data:
            chosen = number or by_kind["string"]
        if chosen is None:
            # a reference stands for what it refers to here
            chosen = next((branch for branch in node.branches if branch.is_whole and branch.kind in _PARTS), None)
        if chosen is None:
            raise DataError(f"Unsupported criterion allOf for {dict(node.data)!s:.200}")
        return self.schema(chosen, version, optional=optional)

    # --- one function a kind ------------------------------------------------------------------------------------

    def _boolean(self, _: Node) -> dict[str, Any]:
        return {"type": Type.BOOLEAN}

    def _number(self, node: Node) -> dict[str, Any]:
        name = node.own(words.CONNECT_TYPE)
        if name is None:
            return {"type": Type.INT64 if node.kind == "integer" else Type.FLOAT64}
        if name not in _NUMBERS:
            raise DataError(f"Unsupported type {name}")
        return {"type": _NUMBERS[name]}

    def _string(self, node: Node) -> dict[str, Any]:
        return {"type": Type.BYTES if node.own(words.CONNECT_TYPE) == "bytes" else Type.STRING}

    def _enum(self, node: Node) -> dict[str, Any]:
        symbols = [node.data["const"]] if node.kind == "const" else node.data["enum"]
        title = self._options.enum_parameter
        parameters = {title: ""}
        for at, symbol in enumerate(symbols):
            text = words.NULL_SYMBOL if symbol is None else _text(symbol)
            parameters[f"{title}.{text}"] = str(at) if self._options.generalized else text
        return {"type": Type.STRING, "parameters": parameters}

    def _array(self, node: Node) -> dict[str, Any]:
        inner = node.inner
        if inner is None:
            raise DataError("Array schema did not specify the items type")
        if node.own(words.CONNECT_TYPE) != "map" or inner.kind != "object":
            return {"type": Type.ARRAY, "values": self.schema(inner)}
        if not {words.KEY, words.VALUE} <= inner.properties.keys():
            raise DataError("The entries of a map have the properties key and value")
        key, value = inner.properties[words.KEY], inner.properties[words.VALUE]
        return {"type": Type.MAP, "keys": self.schema(key), "values": self.schema(value)}

    def _object(self, node: Node) -> dict[str, Any]:
        if node.own(words.CONNECT_TYPE) == "map":
            if node.inner is None:
                raise DataError("Map schema did not specify the value type")
            return {"type": Type.MAP, "keys": _TEXT_KEYS, "values": self.schema(node.inner)}
        ordered: dict[int, str] = {}
        for name in hash_order(node.properties):
            index = node.properties[name].own(words.CONNECT_INDEX)
            ordered[index if isinstance(index, int) else len(ordered)] = name
        required = node.data.get("required")
        needed = required if isinstance(required, list) else ()
        relaxed = self._options.optional_unless_required
        names = [ordered[index] for index in sorted(ordered)]
        return {
            "type": Type.STRUCT,
            "fields": [
                (name, self.schema(node.properties[name], optional=relaxed and name not in needed)) for name in names
            ],
        }


_PARTS: Final[Mapping[str, Callable[[_Mapping, Node], dict[str, Any]]]] = {
    "boolean": _Mapping._boolean,  # noqa: SLF001 - this module's own table
    "number": _Mapping._number,  # noqa: SLF001
    "integer": _Mapping._number,  # noqa: SLF001
    "string": _Mapping._string,  # noqa: SLF001
    "enum": _Mapping._enum,  # noqa: SLF001
    "const": _Mapping._enum,  # noqa: SLF001
    "array": _Mapping._array,  # noqa: SLF001
    "object": _Mapping._object,  # noqa: SLF001
}


def _only_branch(node: Node) -> Node | None:
    others = [branch for branch in node.branches if branch.kind != "null"]
    return others[0] if len(node.branches) == 2 and len(others) == 1 else None


def _collect(node: Node, properties: dict[str, tuple[Node, bool]], visited: list[Node]) -> None:
    """All properties of the objects that a value is at once."""
    if node in visited:
        return
    visited.append(node)
    if node.kind == "combined" and node.criterion == "allOf":
        for branch in node.branches:
            _collect(branch, properties, visited)
    if node.kind == "object":
        required = node.data.get("required")
        for name in hash_order(node.properties):
            properties[name] = node.properties[name], isinstance(required, list) and name in required


def _text(symbol: object) -> str:
    if isinstance(symbol, bool):
        return "true" if symbol else "false"
    return str(symbol)
