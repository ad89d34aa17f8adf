"""Whether the default value of a field is one of its type, by the rules of Avro's Java library."""

from __future__ import annotations

from typing import Any

from linkspan.convert import json_text
from linkspan.convert.rules.avro.model import AvroType

__all__ = ["check_default"]


def check_default(name: str, kind: AvroType, default: Any) -> None:  # noqa: ANN401 - any JSON
    """Raise a ValueError when a field of this type cannot have this default.

    A union takes a value of any of its branches.
    """
    from linkspan.convert.rules.avro.writer import text_of  # noqa: PLC0415 - only for the message

    if not _fits(kind, default):
        raise ValueError(f"Invalid default for field {name}: {json_text.write(default)} not a {text_of(kind)}")


def _fits(kind: AvroType, value: Any) -> bool:  # noqa: ANN401, PLR0911 - any JSON; one answer a kind
    match kind.kind:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "int":
            return _is_whole(value, 31)
        case "long":
            return _is_whole(value, 63)
        case "float" | "double":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "string" | "bytes" | "enum" | "fixed":
            return isinstance(value, str)
        case "array":
            assert kind.items is not None
            return isinstance(value, list) and all(_fits(kind.items, item) for item in value)
        case "map":
            assert kind.items is not None
            return isinstance(value, dict) and all(_fits(kind.items, item) for item in value.values())
        case "union":
            return any(_fits(branch, value) for branch in kind.branches)
        case _:
            return isinstance(value, dict) and all(
                _fits(each.type, value.get(each.name, each.default if each.has_default else None))
                for each in kind.fields
            )


def _is_whole(value: object, bits: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(1 << bits) <= value < 1 << bits
