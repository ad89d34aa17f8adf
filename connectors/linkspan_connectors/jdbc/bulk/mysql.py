"""Statements of many rows for MySQL and MariaDB, made a column at a time (spec/jdbc.md 18.2).

The driver makes a statement of many rows of its own, a value at a time. That costs five times as much.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from linkspan.api import DataError, Schema, Type
from linkspan.api.schema import DATE, DECIMAL, TIME, TIMESTAMP
from linkspan_connectors.jdbc.bulk.way import Target, Way
from linkspan_connectors.jdbc.dialects.dialect import Dialect, logical
from linkspan_connectors.jdbc.drivers import DriverConnection

__all__ = ["ManyRows", "many_rows"]

Convert = Callable[[Any], Any]
Literals = Callable[[Any, Sequence[Any]], list[str]]
"""Connection, values of a column → how they stand in a statement; raises for values of another type."""

_MOST_CHARACTERS: Final = 1_000_000
"""Of one statement: a server takes 16 MB unless it is told otherwise."""
_SPECIAL: Final = "\0\n\r\x1a\"'\\"
"""What the driver escapes in a text."""


def many_rows(
    dialect: Dialect, connection: DriverConnection, target: Target
) -> tuple[Way, dict[str, Convert | None]] | None:
    """The way of statements of many rows, and what makes its values; None for updates, which have no such form."""
    del connection
    if target.mode == "update":
        return None
    converts = {column.name: dialect.bind(column.schema, None, column.timestamp_digits) for column in target.columns}
    literals = [_MOMENTS if column.timestamp_digits else _literals(column.schema) for column in target.columns]
    return ManyRows(*_texts(dialect, target), literals), converts


def _texts(dialect: Dialect, target: Target) -> tuple[str, str]:
    """What stands in front of the rows, and behind them."""
    table, names = dialect.quotes.table(target.table), dialect.quotes.names(target.names)
    if target.mode == "delete":
        return f"DELETE FROM {table} WHERE ({names}) IN (", ")"
    if target.mode == "insert":
        return f"INSERT INTO {table}({names}) VALUES ", ""
    quoted = map(dialect.quotes.name, target.others or target.keys)
    changes = ",".join(f"{name}=VALUES({name})" for name in quoted)
    return f"INSERT INTO {table}({names}) VALUES ", f" ON DUPLICATE KEY UPDATE {changes}"


class ManyRows(Way):
    """One statement for as many rows as fit into it; they are written in their order.

    Args:
        head: what stands in front of the rows.
        tail: what stands behind them.
        literals: for each column.
    """

    takes_duplicates = True
    takes_all = False

    def __init__(self, head: str, tail: str, literals: Sequence[Literals]) -> None:
        self._head = head
        self._tail = tail
        self._literals = literals

    def write(self, connection: DriverConnection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows."""
        columns = zip(*rows, strict=True)
        texts = [make(connection, column) for make, column in zip(self._literals, columns, strict=True)]
        cursor = connection.cursor()
        try:
            for part in _parts(list(map(",".join, zip(*texts, strict=True)))):
                cursor.execute(f"{self._head}({'),('.join(part)}){self._tail}")
        finally:
            cursor.close()


def _parts(rows: Sequence[str]) -> Iterator[Sequence[str]]:
    """Rows that fit into one statement each."""
    begin, size = 0, 0
    for at, row in enumerate(rows):
        size += len(row)
        if size > _MOST_CHARACTERS and at > begin:
            yield rows[begin:at]
            begin, size = at, len(row)
    yield rows[begin:]


# What follows raises for values that are no such thing, instead of writing what they look like: a text in the place of
# a number would become a part of the statement.


def _texts_of(connection: Any, values: Sequence[Any]) -> list[str]:  # noqa: ANN401 - the driver's
    together = "".join([value for value in values if value is not None])
    if not any(character in together for character in _SPECIAL):
        return ["NULL" if value is None else f"'{value}'" for value in values]
    escape = connection.escape_string
    return ["NULL" if value is None else f"'{escape(value)}'" for value in values]


def _each(make: Callable[[Any], str]) -> Literals:
    def literals(_: object, values: Sequence[Any]) -> list[str]:
        return ["NULL" if value is None else make(value) for value in values]

    return literals


def _fraction(value: Any) -> str:  # noqa: ANN401 - a number
    number = float(value)
    if not math.isfinite(number):
        raise DataError(f"{number} is no number for this database")
    text = repr(number)
    return text if "e" in text else f"{text}e0"


def _moment(value: Any) -> str:  # noqa: ANN401 - a datetime
    return f"'{datetime.datetime.isoformat(value, ' ')}'"


_MOMENTS: Final = _each(_moment)
_WHOLE: Final = _each(int.__repr__)
_FRACTION: Final = _each(_fraction)
_LOGICAL: Final[Mapping[str, Literals]] = {
    DECIMAL: _each(lambda value: format(value, "f")),
    DATE: _each(lambda value: f"'{datetime.date.isoformat(value)}'"),
    TIME: _each(lambda value: f"'{datetime.time.isoformat(value)}'"),
    TIMESTAMP: _MOMENTS,
}
_PLAIN: Final[Mapping[Type, Literals]] = {
    Type.INT8: _WHOLE,
    Type.INT16: _WHOLE,
    Type.INT32: _WHOLE,
    Type.INT64: _WHOLE,
    Type.FLOAT32: _FRACTION,
    Type.FLOAT64: _FRACTION,
    Type.BOOLEAN: _each(lambda value: "1" if value else "0"),
    Type.STRING: _texts_of,
    Type.BYTES: _each(lambda value: f"X'{bytes(value).hex()}'"),
}


def _literals(schema: Schema) -> Literals:
    name = logical(schema)
    return _PLAIN[schema.type] if name is None else _LOGICAL[name]
