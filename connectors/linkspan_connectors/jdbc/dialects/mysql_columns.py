"""Results of MySQL and MariaDB: columns with the types that their Java driver gives them (spec/jdbc.md 8.3)."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from linkspan_connectors.jdbc.results import JdbcType, OutOfRange, ResultColumn
from linkspan_connectors.jdbc.settings import Settings

__all__ = ["columns_of", "decoders"]

_NOT_NULL: Final = 1
_UNSIGNED: Final = 32
_ENUM: Final = 256
_AUTO_INCREMENT: Final = 512
_SET: Final = 2048
_BINARY_CHARSET: Final = 63
_BYTES_A_CHARACTER: Final = 4
"""Of utf8mb4, which every connection has."""
_FALSE: Final = frozenset({"false", "0", "no", "off"})

_NUMBERS: Final = {
    1: (JdbcType.TINYINT, "tinyint"),
    2: (JdbcType.SMALLINT, "smallint"),
    3: (JdbcType.INTEGER, "int"),
    4: (JdbcType.REAL, "float"),
    5: (JdbcType.DOUBLE, "double"),
    8: (JdbcType.BIGINT, "bigint"),
    9: (JdbcType.INTEGER, "mediumint"),
}
_TIMES: Final = {
    7: (JdbcType.TIMESTAMP, "timestamp"),
    10: (JdbcType.DATE, "date"),
    11: (JdbcType.TIME, "time"),
    12: (JdbcType.TIMESTAMP, "datetime"),
    14: (JdbcType.DATE, "date"),
}
_TEXTS: Final = {
    15: (JdbcType.VARCHAR, "varchar", JdbcType.VARBINARY, "varbinary"),
    249: (JdbcType.VARCHAR, "tinytext", JdbcType.VARBINARY, "tinyblob"),
    250: (JdbcType.LONGVARCHAR, "mediumtext", JdbcType.LONGVARBINARY, "mediumblob"),
    251: (JdbcType.LONGVARCHAR, "longtext", JdbcType.LONGVARBINARY, "longblob"),
    252: (JdbcType.LONGVARCHAR, "text", JdbcType.LONGVARBINARY, "blob"),
    253: (JdbcType.VARCHAR, "varchar", JdbcType.VARBINARY, "varbinary"),
    254: (JdbcType.CHAR, "char", JdbcType.BINARY, "binary"),
}
"""For texts and for bytes, which differ in their character set only."""


def decoders(settings: Settings) -> dict[int, Callable[[Any], Any]]:
    """What makes values of the texts of the protocol, by its types; others stay texts or bytes."""
    zero = (settings.option("zeroDateTimeBehavior") or "exception").lower().replace("_", "")

    def at_zero(text: str, least: Any) -> Any:  # noqa: ANN401 - a date or a moment
        if not text.startswith("0000-00-00") or zero == "exception":
            return OutOfRange(text, None)
        return None if zero == "converttonull" else least

    def moment(text: str) -> Any:  # noqa: ANN401 - a moment, OutOfRange or None
        try:
            return datetime.datetime.fromisoformat(text)
        except ValueError:
            return at_zero(text, datetime.datetime(1, 1, 1))  # noqa: DTZ001 - a wall clock

    def day(text: str) -> Any:  # noqa: ANN401 - a day, OutOfRange or None
        try:
            return datetime.date.fromisoformat(text)
        except ValueError:
            return at_zero(text, datetime.date(1, 1, 1))

    return {
        0: Decimal, 246: Decimal,
        1: int, 2: int, 3: int, 8: int, 9: int, 13: int,
        4: float, 5: float,
        7: moment, 12: moment,
        10: day, 14: day,
        11: _time,
    }  # fmt: skip


def _time(text: str) -> Any:  # noqa: ANN401 - a time or OutOfRange
    """A time of day; MySQL also has spans of up to 838 hours, forwards and backwards."""
    try:
        return datetime.time.fromisoformat(text)
    except ValueError:
        return OutOfRange(text, None)


def columns_of(cursor: Any, settings: Settings) -> list[ResultColumn]:  # noqa: ANN401 - PyMySQL's cursor
    """Columns of the result that a cursor has."""
    result = cursor._result  # noqa: SLF001 - flags and tables are nowhere else
    as_bits = (settings.option("tinyInt1isBit") or "true").lower() not in _FALSE
    as_days = (settings.option("yearIsDateType") or "true").lower() not in _FALSE
    return [_column(field, as_bits=as_bits, as_days=as_days) for field in (result.fields if result else ())]


def _column(field: Any, *, as_bits: bool, as_days: bool) -> ResultColumn:  # noqa: ANN401 - a packet of PyMySQL
    flags, code, length = field.flags, field.type_code, field.length
    column = ResultColumn(
        field.name,
        JdbcType.OTHER,
        nullable=not flags & _NOT_NULL,
        signed=not flags & _UNSIGNED,
        auto_increment=bool(flags & _AUTO_INCREMENT),
        table=field.org_table or None,
    )
    if code == 1 and length == 1 and as_bits:
        return column._replace(type=JdbcType.BIT, type_name="tinyint", precision=1, signed=True)
    if code in _NUMBERS:
        kind, name = _NUMBERS[code]
        name = name if column.signed else f"{name} unsigned"
        return column._replace(type=kind, type_name=name, precision=length)
    if code in (0, 246):
        precision = length - (1 if field.scale else 0) - (1 if column.signed else 0)
        return column._replace(type=JdbcType.DECIMAL, type_name="decimal", precision=precision, scale=field.scale)
    if code == 13:
        return _year(column, field.length, as_days=as_days)
    column = column._replace(signed=True)
    if code in _TIMES:
        kind, name = _TIMES[code]
        return column._replace(type=kind, type_name=name)
    return _characters(column, field)


def _year(column: ResultColumn, digits: int, *, as_days: bool) -> ResultColumn:
    if not as_days:
        return column._replace(type=JdbcType.SMALLINT, type_name="year", signed=True)
    return column._replace(
        type=JdbcType.DATE, type_name="year", signed=True, load=_first_of_short_year if digits == 2 else _first_of_year
    )


def _first_of_year(year: int) -> datetime.date | OutOfRange:
    return datetime.date(year, 1, 1) if year else OutOfRange("0000", None)


def _first_of_short_year(year: int) -> datetime.date:
    return datetime.date(year + (2000 if year < 70 else 1900), 1, 1)


def _characters(column: ResultColumn, field: Any) -> ResultColumn:  # noqa: ANN401 - a packet of PyMySQL
    code, flags = field.type_code, field.flags
    if code == 16:
        load = _number_of_bits
        return column._replace(type=JdbcType.BIT, type_name="bit", precision=field.length, load=load)
    if code == 245:
        return column._replace(type=JdbcType.LONGVARCHAR, type_name="json")
    if flags & (_ENUM | _SET):
        return column._replace(type=JdbcType.CHAR, type_name="enum" if flags & _ENUM else "set")
    if code in _TEXTS:
        kind, name, binary, binary_name = _TEXTS[code]
        is_binary = field.charsetnr == _BINARY_CHARSET
        return column._replace(
            type=binary if is_binary else kind,
            type_name=binary_name if is_binary else name,
            precision=field.length if is_binary else field.length // _BYTES_A_CHARACTER,
        )
    if code == 255:
        return column._replace(type=JdbcType.BINARY, type_name="geometry")
    if code == 6:
        return column._replace(type=JdbcType.NULL, type_name="null")
    return column


def _number_of_bits(data: bytes) -> int:
    return int.from_bytes(data, "big")
