"""Texts of JSON as values with schemas that are made from them, as Debezium's outbox event router makes them.

Every field is optional. Whole numbers are INT32 where they fit, else INT64; all others FLOAT64. An array has items of
one kind, or cannot be expanded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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
        nulls_are_bytes: whether a null is a field of optional bytes; else it is none.
    """

    def __init__(self, *, nulls_are_bytes: bool) -> None:
        self._null = _BYTES if nulls_are_bytes else None
        self._known: dict[Schema, Schema] = {}

    def expanded(self, text: str) -> tuple[object, Schema]:
        """Value and schema of a text.

        Raises:
            DataError: it is no object or array, or has no schema.
        """
        if not text.lstrip().startswith(("{", "[")):
            raise DataError("it is neither an object nor an array of JSON")
        try:
            value = json.loads(text)
            schema = self._of(value, "")
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
        return self._of_object([value], path)

    def _of_object(self, values: Sequence[Mapping[str, Any]], path: str) -> Schema:
        """The schema of objects, with the fields that any of them has; the first that is not null counts."""
        fields: dict[str, Schema] = {}
        for value in values:
            for name, member in value.items():
                if name not in fields or fields[name] == self._null:
                    schema = self._of(member, f"{path}.{name}" if path else name)
                    if schema is not None:
                        fields[name] = schema
        return Schema(Type.STRUCT, name=path or None, optional=True, fields=fields)

    def _of_items(self, items: Sequence[Any], path: str) -> Schema | None:
        present = [item for item in items if item is not None]
        if not present:
            return None
        if all(isinstance(item, dict) for item in present):
            return self._of_object(present, path)
        schemas = [self._of(item, path) for item in present]
        if any(schema != schemas[0] for schema in schemas):
            raise DataError(f"the items of the array {path or 'itself'} are of several kinds")
        return schemas[0]


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
