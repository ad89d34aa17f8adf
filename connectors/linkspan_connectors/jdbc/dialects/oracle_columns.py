"""Results of Oracle: columns with the types that its Java driver gives them (spec/jdbc.md 8.3)."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import ModuleType
from typing import Any, Final

from linkspan_connectors.jdbc.results import JdbcType, ResultColumn

__all__ = ["columns_of", "output_handler"]

_TYPES: Final[Mapping[str, tuple[JdbcType, str]]] = {
    "DB_TYPE_NUMBER": (JdbcType.NUMERIC, "number"),
    "DB_TYPE_BINARY_INTEGER": (JdbcType.NUMERIC, "number"),
    "DB_TYPE_BINARY_FLOAT": (JdbcType.OTHER, "binary_float"),
    "DB_TYPE_BINARY_DOUBLE": (JdbcType.OTHER, "binary_double"),
    "DB_TYPE_BOOLEAN": (JdbcType.BOOLEAN, "boolean"),
    "DB_TYPE_VARCHAR": (JdbcType.VARCHAR, "varchar2"),
    "DB_TYPE_CHAR": (JdbcType.CHAR, "char"),
    "DB_TYPE_NVARCHAR": (JdbcType.NVARCHAR, "nvarchar2"),
    "DB_TYPE_NCHAR": (JdbcType.NCHAR, "nchar"),
    "DB_TYPE_CLOB": (JdbcType.CLOB, "clob"),
    "DB_TYPE_NCLOB": (JdbcType.NCLOB, "nclob"),
    "DB_TYPE_LONG": (JdbcType.LONGVARCHAR, "long"),
    "DB_TYPE_LONG_NVARCHAR": (JdbcType.LONGNVARCHAR, "long"),
    "DB_TYPE_RAW": (JdbcType.VARBINARY, "raw"),
    "DB_TYPE_LONG_RAW": (JdbcType.LONGVARBINARY, "long raw"),
    "DB_TYPE_BLOB": (JdbcType.BLOB, "blob"),
    "DB_TYPE_DATE": (JdbcType.TIMESTAMP, "date"),
    "DB_TYPE_TIMESTAMP": (JdbcType.TIMESTAMP, "timestamp"),
    "DB_TYPE_TIMESTAMP_TZ": (JdbcType.TIMESTAMP_WITH_TIMEZONE, "timestamp with time zone"),
    "DB_TYPE_TIMESTAMP_LTZ": (JdbcType.TIMESTAMP_WITH_TIMEZONE, "timestamp with local time zone"),
    "DB_TYPE_ROWID": (JdbcType.ROWID, "rowid"),
    "DB_TYPE_UROWID": (JdbcType.ROWID, "urowid"),
}
"""By the driver's name of the type; a DATE has a time."""


def columns_of(description: Sequence[Any]) -> list[ResultColumn]:
    """Columns of a cursor's description, each with ``name``, ``type_code``, ``precision``, ``scale``, ``null_ok``."""
    columns = []
    for each in description:
        known = _TYPES.get(each.type_code.name)
        kind, name = (
            known if known is not None else (JdbcType.OTHER, each.type_code.name.removeprefix("DB_TYPE_").lower())
        )
        is_number = kind is JdbcType.NUMERIC
        columns.append(
            ResultColumn(
                each.name,
                kind,
                name,
                precision=(each.precision or 0) if is_number else (each.display_size or 0),
                scale=(each.scale or 0) if is_number else 0,
                nullable=None if each.null_ok is None else bool(each.null_ok),
                load=_moment if kind is JdbcType.TIMESTAMP_WITH_TIMEZONE else None,
            )
        )
    return columns


def _moment(value: Any) -> datetime.datetime:  # noqa: ANN401 - of the driver
    return value if isinstance(value, datetime.datetime) else datetime.datetime.fromisoformat(str(value))


def output_handler(oracledb: ModuleType) -> Callable[[Any, Any], Any]:
    """What tells the driver as what to fetch columns."""
    as_other = {
        oracledb.DB_TYPE_CLOB: oracledb.DB_TYPE_LONG,
        oracledb.DB_TYPE_NCLOB: oracledb.DB_TYPE_LONG_NVARCHAR,
        oracledb.DB_TYPE_BLOB: oracledb.DB_TYPE_LONG_RAW,
    }
    zoned = (oracledb.DB_TYPE_TIMESTAMP_TZ, oracledb.DB_TYPE_TIMESTAMP_LTZ)

    def handle(cursor: Any, column: Any) -> Any:  # noqa: ANN401 - of the driver
        kind = column.type_code
        if kind == oracledb.DB_TYPE_NUMBER:
            return cursor.var(Decimal, arraysize=cursor.arraysize)
        if kind in as_other:
            return cursor.var(as_other[kind], arraysize=cursor.arraysize)
        if kind in zoned:
            return cursor.var(oracledb.DB_TYPE_VARCHAR, 64, arraysize=cursor.arraysize)
        return None

    return handle
