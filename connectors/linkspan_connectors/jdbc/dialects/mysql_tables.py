"""Tables of MySQL and MariaDB, asked of ``information_schema``; databases are catalogs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.tables import TableColumn, TableDefinition

__all__ = ["LIST", "OF_COLUMNS", "OF_KEY", "OF_TABLE", "chosen", "definition_of", "listed"]

_KINDS: Final = {
    "BASE TABLE": "TABLE",
    "SYSTEM VERSIONED": "TABLE",
    "VIEW": "VIEW",
    "SYSTEM VIEW": "SYSTEM VIEW",
    "SEQUENCE": "SEQUENCE",
    "TEMPORARY": "LOCAL TEMPORARY",
}
_SYSTEM: Final = frozenset({"mysql", "performance_schema", "sys", "information_schema"})
LIST: Final = """
    select table_schema, table_name, table_type from information_schema.tables
    where ? is null or table_schema = ? or (? = '' and table_schema = database())
    order by table_type, table_schema, table_name
"""
"""Parameter: name of the catalog, three times."""
OF_TABLE: Final = """
    select table_schema, table_name, table_type, @@lower_case_table_names from information_schema.tables
    where table_schema = coalesce(?, database()) and table_name = ?
"""
"""Parameters: the database or null, and the name."""
OF_COLUMNS: Final = """
    select column_name, column_type, is_nullable, extra, column_default from information_schema.columns
    where table_schema = ? and table_name = ? order by ordinal_position
"""
OF_KEY: Final = """
    select column_name from information_schema.key_column_usage
    where constraint_name = 'PRIMARY' and table_schema = ? and table_name = ? order by ordinal_position
"""


def listed(rows: Sequence[Sequence[Any]], kinds: Collection[str]) -> list[TableId]:
    """Tables of these kinds, of the rows of :data:`LIST`."""
    return [TableId(database, None, name) for database, name, kind in rows if _kind(database, kind) in kinds]


def _kind(database: str, kind: str) -> str:
    found = _KINDS.get(kind, kind)
    return f"SYSTEM {found}" if database.lower() in _SYSTEM and found in ("TABLE", "VIEW") else found


def chosen(rows: Sequence[Sequence[Any]], name: str) -> tuple[str, str, str] | None:
    """Database, name and kind of the table, of the rows of :data:`OF_TABLE`; case may count in names."""
    exact = [row for row in rows if row[1] == name]
    found = exact or [row for row in rows if row[3]]
    return (found[0][0], found[0][1], _kind(found[0][0], found[0][2])) if found else None


def definition_of(
    found: tuple[str, str, str], columns: Sequence[Sequence[Any]], keys: Sequence[Sequence[Any]]
) -> TableDefinition:
    """A table of the rows of :data:`OF_COLUMNS` and :data:`OF_KEY`."""
    database, name, kind = found
    made = {
        column: TableColumn(
            column,
            native.lower(),
            nullable == "YES",
            "auto_increment" in extra.lower(),
            "auto_increment" in extra.lower() or default not in (None, "NULL"),
        )
        for column, native, nullable, extra, default in columns
    }
    return TableDefinition(TableId(database, None, name), kind, made, tuple(row[0] for row in keys))
