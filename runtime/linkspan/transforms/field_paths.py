"""Paths to fields (``field.syntax.version``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from linkspan.api.errors import ConfigError, DataError
from linkspan.api.schema import Field, Schema, Type
from linkspan.transforms.structs import as_map

__all__ = ["FieldPath", "steps_of"]

PURPOSE: Final = "nested field access"


def steps_of(path: str) -> list[str]:
    """The names in a path of version 2: between dots, or in backticks when they contain dots.

    Raises:
        ConfigError: a backtick has no other.
    """
    steps: list[str] = []
    at = 0
    while at < len(path):
        if path[at] == "`":
            step, at = _quoted(path, at)
        else:
            end = path.find(".", at)
            step, at = (path[at:], len(path)) if end < 0 else (path[at:end], end + 1)
        steps.append(step)
    if path.endswith("."):
        steps.append("")
    return steps


def _quoted(path: str, begin: int) -> tuple[str, int]:
    """The name between backticks from ``begin``, and where the next one begins."""
    taken, start = "", begin + 1
    at = path.find("`", start)
    while at >= 0:
        is_escaped = path[at - 1] == "\\"
        if at == len(path) - 1:
            if is_escaped:
                break
            return taken + path[start:at], len(path)
        if path[at + 1] == ".":
            if not is_escaped:
                return taken + path[start:at], at + 2
            taken += f"{path[start : at - 1]}`"
            start = at + 1
        at = path.find("`", at + 1)
    raise ConfigError(
        f"Incomplete backtick pair in path: [{path}], consider adding a backslash before backtick at position {begin} "
        "to escape it"
    )


class FieldPath:
    """The way to a field.

    Args:
        path: as it was configured.
        steps: names from the outermost in.
    """

    def __init__(self, path: str, steps: Sequence[str]) -> None:
        self._path = path
        self._steps = tuple(steps)

    def fields(self, schema: Schema) -> list[Field]:
        """The fields on the way, the last one being that which is looked for.

        Raises:
            DataError: there is no such field.
        """
        found: list[Field] = []
        current = schema
        self._check()
        for step in self._steps:
            if current.type is not Type.STRUCT:
                raise DataError("Cannot look up fields on non-struct type")
            field = current.field(step)
            if field is None:
                raise DataError(f"Unknown field: {self._path}")
            found.append(field)
            current = field.schema
        return found

    def _check(self) -> None:
        if not self._steps:
            raise DataError("The path to the field is empty")

    def in_map(self, value: Mapping[str, Any]) -> object:
        """The field of a map; None when it, or what it would be in, is not there.

        Raises:
            DataError: it would be in something that is no map.
        """
        current: Any = value
        self._check()
        for place, step in enumerate(self._steps):
            if current is None:
                return None
            current = (as_map(current, PURPOSE) if place else value).get(step)
        return current
