"""Results of SQL Server: columns with the types that its Java driver gives them (spec/jdbc.md 8.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from linkspan_connectors.jdbc.dialects.native_types import bare, loads
from linkspan_connectors.jdbc.results import JdbcType, ResultColumn

__all__ = ["DESCRIBE", "columns_of"]

DESCRIBE: Final = """
    select name, system_type_name, is_nullable, precision, scale, is_identity_column, source_table
    from sys.dm_exec_describe_first_result_set(?, null, 1) where is_hidden = 0 order by column_ordinal
"""
"""Parameter: the query."""

_TYPES: Final[Mapping[str, JdbcType]] = {
    "bit": JdbcType.BIT,
    "tinyint": JdbcType.TINYINT,
    "smallint": JdbcType.SMALLINT,
    "int": JdbcType.INTEGER,
    "bigint": JdbcType.BIGINT,
    "real": JdbcType.REAL,
    "float": JdbcType.DOUBLE,
    "decimal": JdbcType.DECIMAL,
    "money": JdbcType.DECIMAL,
    "smallmoney": JdbcType.DECIMAL,
    "numeric": JdbcType.NUMERIC,
    "char": JdbcType.CHAR,
    "varchar": JdbcType.VARCHAR,
    "text": JdbcType.LONGVARCHAR,
    "nchar": JdbcType.NCHAR,
    "nvarchar": JdbcType.NVARCHAR,
    "ntext": JdbcType.LONGNVARCHAR,
    "sysname": JdbcType.NVARCHAR,
    "xml": JdbcType.LONGNVARCHAR,
    "uniqueidentifier": JdbcType.CHAR,
    "sql_variant": JdbcType.VARCHAR,
    "binary": JdbcType.BINARY,
    "varbinary": JdbcType.VARBINARY,
    "image": JdbcType.LONGVARBINARY,
    "timestamp": JdbcType.BINARY,
    "rowversion": JdbcType.BINARY,
    "date": JdbcType.DATE,
    "time": JdbcType.TIME,
    "datetime": JdbcType.TIMESTAMP,
    "datetime2": JdbcType.TIMESTAMP,
    "smalldatetime": JdbcType.TIMESTAMP,
    "datetimeoffset": JdbcType.TIMESTAMP,
}


def columns_of(labels: Sequence[str], described: Sequence[Sequence[Any]]) -> list[ResultColumn]:
    """Columns of a result.

    Args:
        labels: as the driver gives them.
        described: rows of :data:`DESCRIBE`, in the order of the columns.
    """
    columns = []
    for index, label in enumerate(labels):
        if index >= len(described):
            columns.append(ResultColumn(label, JdbcType.OTHER))
            continue
        _, native, nullable, precision, scale, identity, table = described[index]
        name = bare(str(native or ""))
        kind = _TYPES.get(name, JdbcType.OTHER)
        columns.append(
            ResultColumn(
                label,
                kind,
                name,
                precision=int(precision or 0),
                scale=int(scale or 0) if kind in (JdbcType.DECIMAL, JdbcType.NUMERIC) else 0,
                nullable=bool(nullable),
                signed=name != "tinyint",
                auto_increment=bool(identity),
                table=table,
                load=_guid if name == "uniqueidentifier" else _load(kind),
            )
        )
    return columns


def _guid(value: object) -> str:
    return str(value).upper()


def _load(kind: JdbcType) -> Callable[[Any], Any] | None:
    """Only where pymssql gives something else than is promised."""
    return loads(kind) if kind in _OTHERWISE else None


_OTHERWISE: Final = frozenset(
    {JdbcType.BIT, JdbcType.DATE, JdbcType.TIME, JdbcType.TIMESTAMP, JdbcType.DECIMAL, JdbcType.VARCHAR}
)
