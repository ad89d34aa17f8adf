"""JSON Schemas as Java's validator that Confluent uses sorts them: what kind of schema each one is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from linkspan.api import DataError

__all__ = ["Node", "parse"]

Json = Mapping[str, Any]
_CRITERIA: Final = ("allOf", "anyOf", "oneOf")
_SCALARS: Final = ("boolean", "integer", "number", "string", "null", "array", "object")
_OBJECT_WORDS: Final = frozenset(
    (
        *("properties", "required", "minProperties", "maxProperties", "dependencies", "patternProperties"),
        *("additionalProperties", "propertyNames"),
    )
)
_ARRAY_WORDS: Final = frozenset(("items", "additionalItems", "minItems", "maxItems", "uniqueItems", "contains"))
_STRING_WORDS: Final = frozenset(("minLength", "maxLength", "pattern", "format"))
_NUMBER_WORDS: Final = frozenset(("minimum", "maximum", "minimumExclusive", "maximumExclusive", "multipleOf"))


@dataclass(eq=False, slots=True)
class Node:
    """One JSON Schema.

    Attributes:
        kind: ``boolean``, ``integer``, ``number``, ``string``, ``null``, ``array``, ``object``, ``enum``, ``const``,
            ``combined``, ``empty`` or ``other``.
        data: its members.
        criterion: of a combined one: ``allOf``, ``anyOf`` or ``oneOf``.
        branches: of a combined one.
        is_whole: whether title, default and the like are its own; not so when it is a part of what was written.
        inner: of an array its items, of an object what other properties are.
        properties: of an object.
    """

    kind: str
    data: Json = field(default_factory=dict)
    criterion: str = ""
    branches: list[Node] = field(default_factory=list)
    is_whole: bool = True
    inner: Node | None = None
    properties: dict[str, Node] = field(default_factory=dict)

    def own(self, key: str) -> Any:  # noqa: ANN401 - any JSON
        """A member that describes the whole of what was written."""
        return self.data.get(key) if self.is_whole else None


def parse(content: str, references: Mapping[str, str]) -> Node:
    """Schema of a JSON text.

    Args:
        content: the text.
        references: texts of other schemas by the names that it has for them.

    Raises:
        DataError: it is no JSON Schema.
    """
    root = _load(content)
    try:
        return _Reader(root, {name: _load(text) for name, text in references.items()}).node(root, root)
    except RecursionError:
        raise DataError("A reference of the JSON Schema means itself") from None


def _load(content: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(content)
    except ValueError as error:
        raise DataError(f"This is no JSON Schema: {error}") from error


class _Reader:
    def __init__(self, root: Any, others: Mapping[str, Any]) -> None:  # noqa: ANN401 - any JSON
        self._root, self._others = root, others
        self._known: dict[tuple[int, str], Node] = {}

    def node(self, data: Any, root: Any) -> Node:  # noqa: ANN401 - any JSON
        if isinstance(data, bool):
            return Node("empty" if data else "other")
        if not isinstance(data, Mapping):
            raise DataError(f"This is no JSON Schema: {data!s:.200}")
        if isinstance(data.get("$ref"), str):
            return self._referred(data["$ref"], root)
        made = Node("empty", data)
        self._fill(made, data, root)
        return made

    def _fill(self, made: Node, data: Json, root: Any) -> None:  # noqa: ANN401 - any JSON
        parts = self._parts(data, root)
        if len(parts) > 1:
            made.kind, made.criterion, made.branches = "combined", "allOf", parts
        elif parts:
            (part,) = parts
            made.kind, made.criterion, made.branches = part.kind, part.criterion, part.branches
            made.inner, made.properties = part.inner, part.properties

    def _parts(self, data: Json, root: Any) -> list[Node]:  # noqa: ANN401 - any JSON
        parts: list[Node] = []
        if "enum" in data:
            parts.append(Node("enum", data, is_whole=False))
        for criterion in _CRITERIA:
            if criterion in data:
                branches = [self.node(item, root) for item in data[criterion]]
                # those that are combined themselves come first
                branches.sort(key=lambda branch: branch.kind != "combined")
                parts.append(Node("combined", data, criterion, branches, is_whole=False))
        if "not" in data:
            parts.append(Node("other", data, is_whole=False))
        if "const" in data:
            parts.append(Node("const", data, is_whole=False))
        kind = data.get("type")
        if isinstance(kind, list):
            branches = [self._typed(item, data, root) for item in kind]
            parts.append(Node("combined", data, "anyOf", branches, is_whole=False))
        elif isinstance(kind, str):
            parts.append(self._typed(kind, data, root))
        else:
            sniffed = (("object", _OBJECT_WORDS), ("array", _ARRAY_WORDS), ("string", _STRING_WORDS))
            parts += [self._typed(name, data, root) for name, words in sniffed if words & data.keys()]
            if _NUMBER_WORDS & data.keys():
                parts.append(self._typed("number", data, root))
        return parts

    def _typed(self, kind: str, data: Json, root: Any) -> Node:  # noqa: ANN401 - any JSON
        if kind not in _SCALARS:
            raise DataError(f"unknown type: [{kind}]")
        made = Node(kind, data, is_whole=False)
        if kind == "array" and isinstance(data.get("items"), Mapping | bool):
            made.inner = self.node(data["items"], root)
        if kind == "object":
            properties = data.get("properties", {})
            made.properties = {name: self.node(item, root) for name, item in properties.items()}
            if isinstance(data.get("additionalProperties"), Mapping):
                made.inner = self.node(data["additionalProperties"], root)
        return made

    def _referred(self, reference: str, root: Any) -> Node:  # noqa: ANN401 - any JSON
        name, _, pointer = reference.partition("#")
        if name:
            root = self._others.get(name)
            if root is None:
                raise DataError(f"The JSON Schema refers to {name}, which is not among its references")
        # as in the original a reference has a schema of its own, also when it means the one around it
        place = (id(root), pointer)
        known = self._known.get(place)
        if known is not None:
            return known
        found = _pointed_at(root, pointer, reference)
        if not isinstance(found, Mapping) or isinstance(found.get("$ref"), str):
            return self.node(found, root)
        made = self._known[place] = Node("empty", found)
        self._fill(made, found, root)
        return made


def _pointed_at(root: Any, pointer: str, reference: str) -> Any:  # noqa: ANN401 - any JSON
    found = root
    if pointer.startswith("/"):
        for part in pointer.removeprefix("/").split("/"):
            found = _step(found, unquote(part).replace("~1", "/").replace("~0", "~"), reference)
    elif pointer:
        found = _by_id(root, f"#{pointer}")
        if found is None:
            raise DataError(f"The JSON Schema refers to {reference}, which it does not have")
    return found


def _step(found: Any, key: str, reference: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return found[int(key)] if isinstance(found, list) else found[key]
    except (LookupError, TypeError, ValueError):
        raise DataError(f"The JSON Schema refers to {reference}, which it does not have") from None


def _by_id(data: Any, wanted: str) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(data, Mapping):
        if wanted in (data.get("$id"), data.get("id")):
            return data
        data = list(data.values())
    if isinstance(data, list):
        return next((found for item in data if (found := _by_id(item, wanted)) is not None), None)
    return None
