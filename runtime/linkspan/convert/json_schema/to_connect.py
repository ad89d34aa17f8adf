"""Connect schemas of JSON Schemas: the mapping of Confluent's JsonSchemaData."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from linkspan.api import DataError, Schema, Type
from linkspan.config.ordering import hash_order
from linkspan.convert.drafts import Draft
from linkspan.convert.json_schema import options as words
from linkspan.convert.json_schema.model import Node
from linkspan.convert.json_schema.options import Options
from linkspan.convert.sum_types import GENERAL_UNION

__all__ = ["connect_schema"]

ReadDefault = Callable[[Schema, Any], object]
_NUMBERS: Final = {name: kind for kind, name in words.TYPE_NAMES.items() if kind is not Type.MAP}


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
    try:
        return _Mapping(options, read_default).draft(node, version).schema()
    except RecursionError:
        raise DataError(
            f"The JSON Schema {node.data.get('title', '')!s} contains itself in a way that Connect cannot express: "
            "where there is no object between. Read this topic with another converter"
        ) from None


class _Mapping:
    """One run over a schema; an object that was referred to before is mentioned again, within itself too."""

    def __init__(self, options: Options, read_default: ReadDefault) -> None:
        self._options = options
        self._read_default = read_default
        self._known: dict[int, Draft] = {}
        self._open: list[Draft] = []
        self._mentions = 0
        self._unions = 0

    def draft(self, node: Node, version: int | None = None, *, optional: bool = False) -> Draft:
        known = self._known.get(id(node))
        if known is not None:
            return self._again(known, optional=optional)
        if node.kind == "combined":
            if len(node.branches) == 1 and self._options.flatten:
                return self.draft(node.branches[0])
            if node.criterion == "allOf":
                return self._all_of(node, version, optional=optional)
            only = _only_branch(node)
            if only is not None:
                return self.draft(only, version, optional=True)
            made = self._union(node)
        elif node.kind in _DRAFTS:
            made = _DRAFTS[node.kind](self, node)
        else:
            raise DataError(f"Unsupported schema type {node.kind}: {dict(node.data)!s:.200}")
        self._describe(made, node, version)
        made.optional = optional or made.optional
        return made

    def _again(self, known: Draft, *, optional: bool) -> Draft:
        """Another mention, with the mark of the last one; as in the original not all mentions show it."""
        self._mentions += 1
        is_seen = bool(known.parameters) or any(item is known for item in self._open)
        (known.parameters if is_seen else known.mark)[words.ID] = f"{words.ID_PREFIX}{self._mentions}"
        return known.again(optional=optional)

    def _describe(self, made: Draft, node: Node, version: int | None) -> None:
        title, own_version, doc = node.own("title"), node.own(words.CONNECT_VERSION), node.own("description")
        if isinstance(title, str) and made.name is None:
            made.name = title
        found = version if own_version is None else own_version
        if isinstance(found, int):
            made.version = found
        if isinstance(doc, str):
            made.doc = doc
        written = node.own(words.CONNECT_PARAMETERS)
        if isinstance(written, Mapping):
            made.parameters.update({key: str(item) for key, item in written.items()})
        if node.is_whole and "default" in node.data:
            default = node.data["default"]
            if default is None and not made.optional:
                raise DataError(f"Invalid null value for required {made.type.value} field")
            made.default = self._read_default(made.schema(), default)

    def _union(self, node: Node) -> Draft:
        made = Draft(Type.STRUCT, words.ONE_OF)
        prefix = f"{words.ONE_OF}.field."
        if self._options.generalized:
            made.name = f"{words.GENERAL_NAME}{self._unions}"
            self._unions += 1
            made.parameters[GENERAL_UNION] = made.name
            prefix = words.GENERAL_FIELD
        for branch in node.branches:
            if branch.kind == "null":
                made.optional = True
            else:
                name = f"{prefix}{len(made.fields)}"
                made.fields.append((name, self.draft(branch, optional=True)))
        return made

    def _all_of(self, node: Node, version: int | None, *, optional: bool) -> Draft:
        properties: dict[str, tuple[Node, bool]] = {}
        for branch in node.branches:
            _collect(branch, properties, [])
        if properties:
            made = self._struct(node, properties)
            made.optional = optional
            return made
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
            chosen = next((branch for branch in node.branches if branch.is_whole and branch.kind in _DRAFTS), None)
        if chosen is None:
            raise DataError(f"Unsupported criterion allOf for {dict(node.data)!s:.200}")
        return self.draft(chosen, version, optional=optional)

    # --- one function a kind ------------------------------------------------------------------------------------

    def _boolean(self, _: Node) -> Draft:
        return Draft(Type.BOOLEAN)

    def _number(self, node: Node) -> Draft:
        name = node.own(words.CONNECT_TYPE)
        if name is None:
            return Draft(Type.INT64 if node.kind == "integer" else Type.FLOAT64)
        if name not in _NUMBERS:
            raise DataError(f"Unsupported type {name}")
        return Draft(_NUMBERS[name])

    def _string(self, node: Node) -> Draft:
        return Draft(Type.BYTES if node.own(words.CONNECT_TYPE) == "bytes" else Type.STRING)

    def _enum(self, node: Node) -> Draft:
        symbols = [node.data["const"]] if node.kind == "const" else node.data["enum"]
        title = self._options.enum_parameter
        made = Draft(Type.STRING, parameters={title: ""})
        for at, symbol in enumerate(symbols):
            text = words.NULL_SYMBOL if symbol is None else _text(symbol)
            made.parameters[f"{title}.{text}"] = str(at) if self._options.generalized else text
        return made

    def _array(self, node: Node) -> Draft:
        inner = node.inner
        if inner is None:
            raise DataError("Array schema did not specify the items type")
        if node.own(words.CONNECT_TYPE) != "map" or inner.kind != "object":
            return Draft(Type.ARRAY, values=self.draft(inner))
        if not {words.KEY, words.VALUE} <= inner.properties.keys():
            raise DataError("The entries of a map have the properties key and value")
        key, value = inner.properties[words.KEY], inner.properties[words.VALUE]
        return Draft(Type.MAP, keys=self.draft(key), values=self.draft(value))

    def _object(self, node: Node) -> Draft:
        if node.own(words.CONNECT_TYPE) == "map":
            if node.inner is None:
                raise DataError("Map schema did not specify the value type")
            return Draft(Type.MAP, keys=Draft(Type.STRING), values=self.draft(node.inner))
        ordered: dict[int, str] = {}
        for name in hash_order(node.properties):
            index = node.properties[name].own(words.CONNECT_INDEX)
            ordered[index if isinstance(index, int) else len(ordered)] = name
        required = node.data.get("required")
        needed = required if isinstance(required, list) else ()
        names = [ordered[index] for index in sorted(ordered)]
        return self._struct(node, {name: (node.properties[name], name in needed) for name in names})

    def _struct(self, node: Node, properties: Mapping[str, tuple[Node, bool]]) -> Draft:
        """A STRUCT of properties, each with whether it is required."""
        made = self._known[id(node)] = Draft(Type.STRUCT)
        self._open.append(made)
        for name, (item, required) in properties.items():
            relaxed = self._options.optional_unless_required and not required
            made.fields.append((name, self.draft(item, optional=relaxed)))
        self._open.pop()
        return made


_DRAFTS: Final[Mapping[str, Callable[[_Mapping, Node], Draft]]] = {
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
