"""Which column a row does not fit into, where the database refuses it without naming one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from linkspan_connectors.jdbc.tables import TableDefinition

__all__ = ["names_column", "unfit_column"]

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


def _fits(value: object, type_name: str) -> bool:
    if isinstance(value, str):
        text = _TEXT.fullmatch(type_name)
        return "\0" not in value and _is_encodable(value) and (text is None or len(value) <= int(text[1]))
    if isinstance(value, int) and not isinstance(value, bool):
        bits = _BITS.get(type_name.partition("(")[0].partition(" ")[0])
        if bits is not None:
            least, most = (0, 1 << bits) if "unsigned" in type_name else (-(1 << (bits - 1)), 1 << (bits - 1))
            return least <= value < most
    number = _NUMBER.fullmatch(type_name)
    if number is not None and isinstance(value, int | Decimal):
        # abs() would round it
        return bool(Decimal(value).copy_abs() < 10 ** (int(number[1]) - int(number[2] or 0)))
    return True


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
