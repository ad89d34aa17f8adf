"""Texts of JSON as values with schemas that are made from them, as Debezium's outbox event router makes them.

Every field is optional. Whole numbers are INT32 where they fit, else INT64; all others FLOAT64. An array has items of
one kind, or cannot be expanded; objects in it make one schema with the fields of all. A struct is named after the
payload's column and the path to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

from linkspan.api import DataError, Schema, Type

__all__ = ["JsonPayloads"]

_TEXT: Final = Schema(Type.STRING, optional=True)
_TRUTH: Final = Schema(Type.BOOLEAN, optional=True)
_INT: Final = Schema(Type.INT32, optional=True)
_LONG: Final = Schema(Type.INT64, optional=True)
_FLOAT: Final = Schema(Type.FLOAT64, optional=True)
_BYTES: Final = Schema(Type.BYTES, optional=True)
_MOST_KNOWN: Final = 1000


class JsonPayloads:
    """Makes values of texts.

    Args:
        name: of the payload's column.
        nulls_are_bytes: whether a null is a field of optional bytes; else it is none.
    """

    def __init__(self, name: str, *, nulls_are_bytes: bool) -> None:
        self._name = name
        self._null = _BYTES if nulls_are_bytes else None
        self._known: dict[Schema, Schema] = {}

    def expanded(self, text: str) -> tuple[object, Schema]:
        """Value and schema of a text.

        Raises:
            DataError: it is no object or array, or has no schema.
        """
        if not text.startswith(("{", "[")):
            raise DataError("it is neither an object nor an array of JSON")
        try:
            value = json.loads(text, parse_constant=_refuse)
            schema = self._of(value, self._name)
        except (ValueError, RecursionError) as error:
            raise DataError(f"it is no JSON: {error}") from error
        if schema is None:
            raise DataError("an array without items has no schema")
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        schema = self._known.setdefault(schema, schema)
        return _fitted(value, schema), schema

    def _of(self, value: Any, path: str) -> Schema | None:  # noqa: ANN401 - whatever JSON has
        if value is None:
            return self._null
        if isinstance(value, bool):
            return _TRUTH
        if isinstance(value, str):
            return _TEXT
        if isinstance(value, int):
            bits = value.bit_length() if value >= 0 else (~value).bit_length()
            return _INT if bits < 32 else _LONG if bits < 64 else _FLOAT
        if isinstance(value, float):
            return _FLOAT
        if isinstance(value, list):
            item = self._of_items(value, path)
            return None if item is None else Schema(Type.ARRAY, optional=True, values=item)
        return self._of_objects([value], path, optional=True)

    def _of_objects(self, values: Sequence[Mapping[str, Any]], path: str, *, optional: bool) -> Schema:
        """The schema of objects, with the fields that any of them has."""
        members: dict[str, list[Any]] = {}
        for value in values:
            for name, member in value.items():
                members.setdefault(name, []).append(member)
        fields: dict[str, Schema] = {}
        for name, found in members.items():
            schema = self._of_members(found, f"{path}.{name}")
            if schema is not None:
                fields[name] = schema
        return Schema(Type.STRUCT, name=path, optional=optional, fields=fields)

    def _of_members(self, members: Sequence[Any], path: str) -> Schema | None:
        """The schema of what objects have under one name; of those that are neither objects nor arrays the first is."""
        present = [member for member in members if member is not None]
        if all(isinstance(member, dict) for member in present) and present:
            return self._of_objects(present, path, optional=True)
        if all(isinstance(member, list) for member in present):
            return self._of(list(chain.from_iterable(present)) if present else None, path)
        return self._of(present[0], path)

    def _of_items(self, items: Sequence[Any], path: str) -> Schema | None:
        """None for those of an empty array.

        Raises:
            DataError: they have no schema, or several.
        """
        if not items:
            return None
        present = [item for item in items if item is not None]
        if not present:
            if self._null is None:
                raise DataError(f"the items of the array {path} are nulls only")
            return self._null
        if all(isinstance(item, dict) for item in present):
            return self._of_objects(present, path, optional=len(present) < len(items))
        if all(isinstance(item, list) for item in present):
            return self._of(list(chain.from_iterable(present)), path)
        schemas = [self._of(item, path) for item in present]
        if any(schema != schemas[0] for schema in schemas):
            raise DataError(f"the items of the array {path} are of several kinds")
        return schemas[0]


def _refuse(constant: str) -> object:
    """``NaN`` and ``Infinity``, which Python reads and JSON does not have."""
    raise ValueError(f"{constant} is no number of JSON")


def _fitted(value: Any, schema: Schema) -> Any:  # noqa: ANN401 - whatever JSON has
    """The value with the fields that its schema has.

    Raises:
        DataError: one is of another kind.
    """
    if value is None:
        return None
    if schema.type is Type.STRUCT and isinstance(value, dict):
        return {field.name: _fitted(value[field.name], field.schema) for field in schema.fields if field.name in value}
    if schema.type is Type.ARRAY and isinstance(value, list) and schema.values is not None:
        return [_fitted(item, schema.values) for item in value]
    if schema.type is Type.FLOAT64 and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError as error:
            raise DataError(f"a number of {len(str(value))} digits is too large") from error
    schema.validate(value)
    return value
