"""Names of types as databases have them → JDBC types, and what makes values of what a driver gives for them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from linkspan_connectors.jdbc.results import JdbcType, OutOfRange, ResultColumn

__all__ = ["NATIVE", "bare", "loads", "sized", "type_of_value"]

NATIVE: Final[Mapping[str, JdbcType]] = {
    **dict.fromkeys(("boolean", "bool"), JdbcType.BOOLEAN),
    "bit": JdbcType.BIT,
    "tinyint": JdbcType.TINYINT,
    **dict.fromkeys(("smallint", "int2"), JdbcType.SMALLINT),
    **dict.fromkeys(("integer", "int", "int4", "mediumint", "serial"), JdbcType.INTEGER),
    **dict.fromkeys(("bigint", "int8", "bigserial"), JdbcType.BIGINT),
    **dict.fromkeys(("real", "float4", "smallfloat"), JdbcType.REAL),
    **dict.fromkeys(("float", "float8", "double", "double precision", "double_precision"), JdbcType.DOUBLE),
    **dict.fromkeys(("numeric", "number"), JdbcType.NUMERIC),
    **dict.fromkeys(("decimal", "money", "smallmoney", "smalldecimal", "dec"), JdbcType.DECIMAL),
    **dict.fromkeys(("char", "character", "bpchar", "graphic", "uniqueidentifier"), JdbcType.CHAR),
    **dict.fromkeys(
        ("varchar", "character varying", "varchar2", "vargraphic", "uuid", "enum", "set", "sysname", "shorttext",
         "alphanum", "name", "string", "sql_variant"), JdbcType.VARCHAR
    ),
    **dict.fromkeys(
        ("text", "long varchar", "long vargraphic", "tinytext", "mediumtext", "longtext", "json", "jsonb", "unitext"),
        JdbcType.LONGVARCHAR,
    ),
    **dict.fromkeys(("nchar", "univarchar", "unichar"), JdbcType.NCHAR),
    **dict.fromkeys(("nvarchar", "nvarchar2"), JdbcType.NVARCHAR),
    "ntext": JdbcType.LONGNVARCHAR,
    "clob": JdbcType.CLOB,
    **dict.fromkeys(("nclob", "dbclob"), JdbcType.NCLOB),
    "xml": JdbcType.SQLXML,
    **dict.fromkeys(("binary", "rowversion"), JdbcType.BINARY),
    **dict.fromkeys(("varbinary", "raw", "bytea", "char for bit data", "varchar for bit data"), JdbcType.VARBINARY),
    **dict.fromkeys(("image", "long varbinary", "long raw", "long varchar for bit data"), JdbcType.LONGVARBINARY),
    **dict.fromkeys(("blob", "tinyblob", "mediumblob", "longblob"), JdbcType.BLOB),
    "date": JdbcType.DATE,
    **dict.fromkeys(("time", "bigtime", "timetz", "time without time zone", "time with time zone"), JdbcType.TIME),
    **dict.fromkeys(
        ("timestamp", "datetime", "datetime2", "smalldatetime", "seconddate", "bigdatetime", "timestamptz",
         "timestamp without time zone", "timestamp with time zone"), JdbcType.TIMESTAMP
    ),
    "rowid": JdbcType.ROWID,
    "array": JdbcType.ARRAY,
}  # fmt: skip
"""By name in lower case, without sizes."""

_SIZE: Final = re.compile(r"\s*\(\s*(\d+|max)\s*(?:,\s*(-?\d+)\s*)?\)")
_ATTRIBUTES: Final = re.compile(r"\s+(?:unsigned|signed|zerofill|identity|collate\b.*|character set\b.*)(?=\s|$)")


def bare(native: str) -> str:
    """The name of a type without sizes and attributes, in lower case."""
    return _ATTRIBUTES.sub("", _SIZE.sub("", native.lower())).strip()


def sized(column: ResultColumn, native: str) -> ResultColumn:
    """The column with the name of its type, its precision and its scale, as the type's full name says."""
    match = _SIZE.search(native.lower())
    precision = int(match[1]) if match is not None and match[1] != "max" else 0
    scale = int(match[2] or 0) if match is not None else 0
    return column._replace(type_name=bare(native), precision=precision, scale=scale, signed="unsigned" not in native)


def type_of_value(value: object) -> JdbcType:
    """What to take a column for that only its first value is known of."""
    return next((found for kind, found in _OF_VALUES if isinstance(value, kind)), JdbcType.OTHER)


_OF_VALUES: Final[tuple[tuple[type | tuple[type, ...], JdbcType], ...]] = (
    (type(None), JdbcType.NULL),
    (bool, JdbcType.BOOLEAN),
    (int, JdbcType.BIGINT),
    (float, JdbcType.DOUBLE),
    (Decimal, JdbcType.DECIMAL),
    (str, JdbcType.VARCHAR),
    ((bytes, bytearray, memoryview), JdbcType.VARBINARY),
    (datetime.datetime, JdbcType.TIMESTAMP),
    (datetime.date, JdbcType.DATE),
    (datetime.time, JdbcType.TIME),
)


def loads(kind: JdbcType) -> Callable[[Any], Any] | None:
    """What makes of any driver's value what :class:`ResultColumn` promises; None where nothing is promised."""
    return _LOADS.get(kind)


def _decimal(value: Any) -> Decimal:  # noqa: ANN401 - drivers differ
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _text(value: Any) -> str:  # noqa: ANN401 - drivers differ
    if isinstance(value, str):
        return value
    content = value.read() if hasattr(value, "read") else value
    return bytes(content).decode() if isinstance(content, bytes | bytearray | memoryview) else str(content)


def _bytes(value: Any) -> bytes:  # noqa: ANN401 - drivers differ
    content = value.read() if hasattr(value, "read") else value
    return content.encode() if isinstance(content, str) else bytes(content)


def _day(value: Any) -> Any:  # noqa: ANN401 - a day or OutOfRange
    if isinstance(value, datetime.datetime):
        return value.date()
    return value if isinstance(value, datetime.date) else _parsed(datetime.date.fromisoformat, value)


def _moment(value: Any) -> Any:  # noqa: ANN401 - a moment or OutOfRange
    return value if isinstance(value, datetime.datetime) else _parsed(datetime.datetime.fromisoformat, value)


def _time(value: Any) -> Any:  # noqa: ANN401 - a time or OutOfRange
    if isinstance(value, datetime.timedelta):
        if not datetime.timedelta() <= value < datetime.timedelta(days=1):
            return OutOfRange(str(value), None)
        return (datetime.datetime.min + value).time()  # noqa: DTZ901 - a wall clock
    if isinstance(value, datetime.datetime):
        return value.timetz()
    return value if isinstance(value, datetime.time) else _parsed(datetime.time.fromisoformat, value)


def _parsed(read: Callable[[str], Any], value: object) -> Any:  # noqa: ANN401 - what it reads, or OutOfRange
    try:
        return read(str(value).strip())
    except ValueError:
        return OutOfRange(str(value), None)


_LOADS: Final[Mapping[JdbcType, Callable[[Any], Any]]] = {
    **dict.fromkeys((JdbcType.BIT, JdbcType.TINYINT, JdbcType.SMALLINT, JdbcType.INTEGER, JdbcType.BIGINT), int),
    **dict.fromkeys((JdbcType.REAL, JdbcType.FLOAT, JdbcType.DOUBLE), float),
    **dict.fromkeys((JdbcType.NUMERIC, JdbcType.DECIMAL), _decimal),
    **dict.fromkeys(
        (JdbcType.CHAR, JdbcType.VARCHAR, JdbcType.LONGVARCHAR, JdbcType.NCHAR, JdbcType.NVARCHAR,
         JdbcType.LONGNVARCHAR, JdbcType.CLOB, JdbcType.NCLOB, JdbcType.SQLXML), _text
    ),
    **dict.fromkeys((JdbcType.BINARY, JdbcType.VARBINARY, JdbcType.LONGVARBINARY, JdbcType.BLOB), _bytes),
    JdbcType.BOOLEAN: bool,
    JdbcType.DATE: _day,
    JdbcType.TIME: _time,
    JdbcType.TIMESTAMP: _moment,
}  # fmt: skip
