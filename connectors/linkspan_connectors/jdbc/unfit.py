"""Which column a row does not fit into, where the database refuses it without naming one."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from linkspan_connectors.jdbc.tables import TableDefinition

__all__ = ["is_of_constraint", "names_column", "unfit_column"]

_BITS: Final = {
    "tinyint": 8,
    "smallint": 16,
    "int2": 16,
    "mediumint": 24,
    "int": 32,
    "int4": 32,
    "integer": 32,
    "bigint": 64,
    "int8": 64,
}
_FINITE: Final = frozenset({"float", "double"})
"""Of MySQL and SQL Server, which know no other numbers; PostgreSQL's are called ``float4`` and ``float8``."""
_CONSTRAINT: Final = re.compile(r"(?i)\b(?:unique|primary key|foreign key|check) constraint|\bduplicate\b")
_UUID: Final = re.compile("[0-9a-fA-F]{32}")
_TEXT: Final = re.compile(r"(?:n?(?:var)?char2?|character(?: varying)?|bpchar)\((\d+)(?: char| byte)?\)")
_NUMBER: Final = re.compile(r"(?:numeric|decimal|number)\((\d+)(?:, *(-?\d+))?\)")


def unfit_column(definition: TableDefinition, names: Sequence[str], row: Sequence[Any]) -> str | None:
    """The first column of a row whose value it cannot hold, with its type; None when none can be told.

    Args:
        definition: of the table.
        names: of the columns, in the order of the values.
        row: values as the driver gets them.
    """
    for name, value in zip(names, row, strict=True):
        column = definition.columns.get(name)
        if column is None:
            continue
        if value is None:
            if not column.nullable and not column.auto_increment:
                return f"{name} (NOT NULL)"
        elif not _fits(value, column.type_name):
            return f"{name} ({column.type_name})"
    return None


def names_column(message: str, name: str) -> bool:
    """Whether a message of a database says that it speaks of a column: its name alone may be a word of the message."""
    return re.search(rf"(?i)\bcolumn:? [^ ]*?(?<!\w){re.escape(name)}(?!\w)", message) is not None


def is_of_constraint(message: str) -> bool:
    """Whether a message of a database says that a key or a check is broken: the values fit into their columns then."""
    return _CONSTRAINT.search(message) is not None


def _fits(value: object, type_name: str) -> bool:
    if isinstance(value, str):
        return _is_text_of(value, type_name)
    if isinstance(value, int) and not isinstance(value, bool):
        bits = _BITS.get(type_name.partition("(")[0].partition(" ")[0])
        if bits is not None:
            least, most = (0, 1 << bits) if "unsigned" in type_name else (-(1 << (bits - 1)), 1 << (bits - 1))
            return least <= value < most
    number = _NUMBER.fullmatch(type_name)
    if number is not None and isinstance(value, int | Decimal):
        # abs() would round it
        return bool(Decimal(value).copy_abs() < 10 ** (int(number[1]) - int(number[2] or 0)))
    return not isinstance(value, float) or math.isfinite(value) or type_name not in _FINITE


def _is_text_of(value: str, type_name: str) -> bool:
    if "\0" in value or not _is_encodable(value):
        return False
    text = _TEXT.fullmatch(type_name)
    if text is not None:
        return len(value) <= int(text[1])
    if type_name == "uuid":
        return _UUID.fullmatch(value.strip("{}").replace("-", "")) is not None
    try:
        if type_name in ("json", "jsonb"):
            json.loads(value)
        elif type_name in _BITS:
            int(value)
    except ValueError:
        return False
    return True


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
