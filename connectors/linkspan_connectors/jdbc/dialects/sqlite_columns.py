"""Results of SQLite: columns with types by what was declared, else by what the first rows hold (spec/jdbc.md 8.3)."""

from __future__ import annotations

import datetime
import itertools
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from linkspan_connectors.jdbc.dialects.dialect import CursorSelection
from linkspan_connectors.jdbc.dialects.sqlite_tables import Origin, origins_of
from linkspan_connectors.jdbc.drivers import DriverConnection, DriverCursor, with_nulls
from linkspan_connectors.jdbc.results import JdbcType, OutOfRange, ResultColumn, Row
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.zones import to_wall

__all__ = ["GrowingSelection", "declared_type", "described", "text_or_bytes"]

_NAMED: Final = {
    "BOOLEAN": JdbcType.BOOLEAN,
    "TINYINT": JdbcType.TINYINT,
    "SMALLINT": JdbcType.SMALLINT,
    "INT2": JdbcType.SMALLINT,
    "BIGINT": JdbcType.BIGINT,
    "INT8": JdbcType.BIGINT,
    "UNSIGNED BIG INT": JdbcType.BIGINT,
    "INT": JdbcType.INTEGER,
    "INTEGER": JdbcType.INTEGER,
    "MEDIUMINT": JdbcType.INTEGER,
    "DATE": JdbcType.DATE,
    "DATETIME": JdbcType.TIMESTAMP,
    "TIMESTAMP": JdbcType.TIMESTAMP,
    "TIME": JdbcType.TIME,
    "DECIMAL": JdbcType.DECIMAL,
    "NUMERIC": JdbcType.NUMERIC,
    "DOUBLE": JdbcType.DOUBLE,
    "DOUBLE PRECISION": JdbcType.DOUBLE,
    "REAL": JdbcType.REAL,
    "FLOAT": JdbcType.FLOAT,
    "CHARACTER": JdbcType.CHAR,
    "NCHAR": JdbcType.CHAR,
    "NATIVE CHARACTER": JdbcType.CHAR,
    "CHAR": JdbcType.CHAR,
    "CLOB": JdbcType.CLOB,
    "TEXT": JdbcType.VARCHAR,
    "VARCHAR": JdbcType.VARCHAR,
    "NVARCHAR": JdbcType.VARCHAR,
    "VARYING CHARACTER": JdbcType.VARCHAR,
    "BINARY": JdbcType.BINARY,
    "BLOB": JdbcType.BLOB,
}
_SIZE: Final = re.compile(r"\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")
_SMALL: Final = range(-(1 << 31), 1 << 31)
_numbers = itertools.count(1)
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def declared_type(text: str) -> JdbcType | None:
    """JDBC type of a declaration, by SQLite's rules of affinity where the name is none that is known; None without."""
    name = _SIZE.sub("", text).strip().upper()
    if not name:
        return None
    if name in _NAMED:
        return _NAMED[name]
    if "INT" in name:
        return JdbcType.INTEGER
    if any(part in name for part in ("CHAR", "CLOB", "TEXT")):
        return JdbcType.VARCHAR
    if "BLOB" in name:
        return JdbcType.BLOB
    if any(part in name for part in ("REAL", "FLOA", "DOUB")):
        return JdbcType.DOUBLE
    return JdbcType.NUMERIC


def described(
    connection: DriverConnection, statement: str, settings: Settings
) -> Callable[[Sequence[Sequence[Any]], Sequence[Row]], list[ResultColumn]]:
    """What makes the columns of a query's labels and its first rows.

    SQLite tells the declared types of a query's columns through a view of it only.

    Args:
        connection: nothing of it changes.
        statement: with ``?``.
        settings: the calendar of old days.
    """
    declared = _declared(connection, statement)
    origins = origins_of(connection, statement)
    loads = _loads(settings)

    def columns(description: Sequence[Sequence[Any]], first: Sequence[Row]) -> list[ResultColumn]:
        found = []
        for index, label in enumerate(description):
            column = _column(label[0], declared[index] if index < len(declared) else "", origins.get(index))
            kind = declared_type(column.type_name) or _type_of([row[index] for row in first if row[index] is not None])
            found.append(column._replace(type=kind, load=loads.get(kind, _text)))
        return found

    return columns


def _declared(connection: DriverConnection, statement: str) -> list[str]:
    view = f"linkspan_{next(_numbers)}"
    cursor = connection.cursor()
    try:
        cursor.execute(f"CREATE TEMP VIEW {view} AS {with_nulls(statement)}")
    except sqlite3.Error:  # it will say so when it is run
        return []
    try:
        return [row[2] for row in cursor.execute(f"PRAGMA table_info({view})").fetchall()]
    finally:
        cursor.execute(f"DROP VIEW {view}")
        cursor.close()


def _column(label: str, declared: str, origin: Origin | None) -> ResultColumn:
    size = _SIZE.search(declared)
    return ResultColumn(
        label,
        JdbcType.NULL,
        _SIZE.sub("", declared).strip().lower(),
        precision=int(size[1]) if size else 0,
        scale=int(size[2] or 0) if size else 0,
        nullable=None if origin is None else origin.nullable,
        auto_increment=None if origin is None else origin.auto_increment,
        table=None if origin is None else origin.table,
    )


class GrowingSelection(CursorSelection):
    """A query whose columns of INTEGER become those of BIGINT with the first rows that have larger numbers.

    SQLite has one kind of integer, of up to 64 bits, and the Java driver goes by the first row alone.
    """

    def __init__(self, cursor: DriverCursor, columns: Sequence[ResultColumn], first: Sequence[Row]) -> None:
        super().__init__(cursor, columns, first)
        self._grow(first)

    def fetch(self, count: int) -> Sequence[Row]:
        """The next rows; ``columns`` are those of these rows and of all before."""
        rows = super().fetch(count)
        self._grow(rows)
        return rows

    def _grow(self, rows: Sequence[Row]) -> None:
        for index, column in enumerate(self.columns):
            if column.type is JdbcType.INTEGER and any(_is_large(row[index]) for row in rows):
                grown = column._replace(type=JdbcType.BIGINT)
                self.columns = (*self.columns[:index], grown, *self.columns[index + 1 :])


def _is_large(value: object) -> bool:
    return isinstance(value, int) and value not in _SMALL


def _type_of(values: Sequence[Any]) -> JdbcType:
    match values[0] if values else None:
        case int():
            return JdbcType.INTEGER
        case float():
            return JdbcType.FLOAT
        case str():
            return JdbcType.VARCHAR
        case bytes():
            return JdbcType.BLOB
    return JdbcType.NUMERIC


def _integer(value: Any) -> int:  # noqa: ANN401 - SQLite stores anything in any column
    if isinstance(value, int):
        return value
    try:
        return int(value)
    except ValueError:
        return int(_float(value))


def _float(value: Any) -> float:  # noqa: ANN401 - as above
    try:
        return float(value)
    except ValueError:
        return 0.0  # as SQLite's own conversion has it


def _boolean(value: Any) -> bool:  # noqa: ANN401 - as above
    return _integer(value) != 0


def _decimal(value: Any) -> Decimal:  # noqa: ANN401 - as above
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)  # as SQLite's own conversion has it


def text_or_bytes(data: bytes) -> str | bytes:
    """A text of the database; the bytes themselves where they are no UTF-8, so that only their row is at fault."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _shown(value: Any) -> str:  # noqa: ANN401 - as above
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _text(value: Any) -> str | bytes:  # noqa: ANN401 - as above
    return text_or_bytes(value) if isinstance(value, bytes) else str(value)


def _bytes(value: Any) -> bytes:  # noqa: ANN401 - as above
    return value if isinstance(value, bytes) else str(value).encode()


def _moment(value: Any, *, proleptic: bool) -> Any:  # noqa: ANN401 - as above
    """Milliseconds since the epoch, a text, or a Julian day: what the Java driver stores and reads.

    The first and the last are the same moment in either calendar, and are dated in that of the settings.
    """
    try:
        if isinstance(value, int):
            instant = _EPOCH + datetime.timedelta(milliseconds=value)
            return to_wall(instant, datetime.UTC, proleptic=proleptic).replace(tzinfo=datetime.UTC)
        if isinstance(value, float):
            instant = _EPOCH + datetime.timedelta(days=value - 2440587.5)
            return to_wall(instant, datetime.UTC, proleptic=proleptic)
        return datetime.datetime.fromisoformat(_shown(value).strip())
    except (ValueError, OverflowError):
        return OutOfRange(_shown(value), value if isinstance(value, int) else None)


def _time(value: Any) -> Any:  # noqa: ANN401 - as above
    if isinstance(value, str):
        try:
            return datetime.time.fromisoformat(value.strip())
        except ValueError:
            pass
    moment = _moment(value, proleptic=True)
    return moment if isinstance(moment, OutOfRange) else moment.timetz()


def _loads(settings: Settings) -> Mapping[JdbcType, Callable[[Any], Any]]:
    """What makes values of what is stored."""

    def moment(value: Any) -> Any:  # noqa: ANN401 - as above
        return _moment(value, proleptic=settings.proleptic)

    def day(value: Any) -> Any:  # noqa: ANN401 - as above
        found = moment(value)
        return found if isinstance(found, OutOfRange) else found.date()

    return {**_LOADS, JdbcType.DATE: day, JdbcType.TIMESTAMP: moment}


_LOADS: Final[dict[JdbcType, Callable[[Any], Any]]] = {
    **dict.fromkeys((JdbcType.TINYINT, JdbcType.SMALLINT, JdbcType.INTEGER, JdbcType.BIGINT), _integer),
    **dict.fromkeys((JdbcType.REAL, JdbcType.FLOAT, JdbcType.DOUBLE), _float),
    **dict.fromkeys((JdbcType.NUMERIC, JdbcType.DECIMAL), _decimal),
    **dict.fromkeys((JdbcType.BINARY, JdbcType.BLOB), _bytes),
    JdbcType.BOOLEAN: _boolean,
    JdbcType.TIME: _time,
}
