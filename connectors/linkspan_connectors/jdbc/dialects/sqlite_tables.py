"""Tables of SQLite, and which of their columns those of a query are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from linkspan_connectors.jdbc.dialects.projection import ALL, projection
from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.tables import TableColumn, TableDefinition

__all__ = ["Origin", "definition_of", "list_tables", "origins_of"]

_KINDS = {"table": "TABLE", "view": "VIEW"}


class Origin(NamedTuple):
    """A column of a table.

    Attributes:
        table: its bare name.
        nullable: whether null may stand in it.
        auto_increment: whether SQLite fills it with rising numbers.
    """

    table: str
    nullable: bool
    auto_increment: bool


def origins_of(connection: DriverConnection, statement: str) -> Mapping[int, Origin]:
    """Origins of the result's columns by their place; without those that are computed, or come through a subquery."""
    found: dict[int, Origin] = {}
    place = 0
    for projected in projection(statement, "sqlite"):
        tables = [_columns(connection, name) for _, _, name in projected.tables]
        if projected.column == ALL:
            columns = tables[0] if tables else {}
            if not columns:
                return found
            found.update((place + index, origin) for index, origin in enumerate(columns.values()))
            place += len(columns)
            continue
        origins = [table.get(projected.column.casefold()) for table in tables]
        origin = next((each for each in origins if each is not None), None)
        if origin is not None:
            found[place] = origin
        place += 1
    return found


def _columns(connection: DriverConnection, table: str) -> dict[str, Origin]:
    rows = _info(connection, table)
    rowid = _rowid(rows)
    return {row[1].casefold(): Origin(table, not row[3], row[1] == rowid) for row in rows}


def _info(connection: DriverConnection, table: str) -> list[tuple[Any, ...]]:
    """A row a column: place, name, declared type, whether null is refused, default, place in the key from 1."""
    cursor = connection.cursor()
    quoted = table.replace('"', '""')
    rows: list[tuple[Any, ...]] = cursor.execute(f'PRAGMA table_info("{quoted}")').fetchall()
    cursor.close()
    return rows


def _rowid(rows: Iterable[tuple[Any, ...]]) -> str | None:
    """The column that is another name of the row's number, which SQLite fills with rising ones."""
    keys = [row for row in rows if row[5]]
    return keys[0][1] if len(keys) == 1 and keys[0][2].upper() == "INTEGER" else None


def list_tables(connection: DriverConnection, kinds: Collection[str]) -> list[TableId]:
    """Tables of these kinds but for SQLite's own."""
    cursor = connection.cursor()
    rows = cursor.execute("SELECT type, name FROM sqlite_master ORDER BY type, name").fetchall()
    cursor.close()
    wanted = [name for kind, name in rows if _KINDS.get(kind) in kinds]
    return [TableId(None, None, name) for name in wanted if not name.lower().startswith("sqlite_")]


def definition_of(connection: DriverConnection, table: TableId) -> TableDefinition | None:
    """The table with its columns; case does not count in its name."""
    cursor = connection.cursor()
    rows = cursor.execute("SELECT type, name FROM sqlite_master WHERE lower(name) = lower(?)", (table.name,)).fetchall()
    cursor.close()
    found = [(_KINDS[kind], name) for kind, name in rows if kind in _KINDS]
    if not found:
        return None
    kind, name = found[0]
    info = _info(connection, name)
    rowid = _rowid(info)
    columns = {
        row[1]: TableColumn(row[1], row[2].lower(), not row[3] and not row[5], row[1] == rowid, row[4] is not None)
        for row in info
    }
    keys = tuple(row[1] for row in sorted(info, key=lambda row: row[5]) if row[5])
    return TableDefinition(table._replace(name=name), kind, columns, keys)
