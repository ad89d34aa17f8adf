"""Tables of SQLite; and where the columns of queries come from, which its module does not tell: found in their text."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

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
    for sources, column in _projection(statement):
        if column == "*":
            columns = _columns(connection, sources[0]) if sources else {}
            if not columns:
                return found
            found.update((place + index, origin) for index, origin in enumerate(columns.values()))
            place += len(columns)
            continue
        origins = [_columns(connection, source).get(column.casefold()) for source in sources]
        origin = next((each for each in origins if each is not None), None)
        if origin is not None:
            found[place] = origin
        place += 1
    return found


@lru_cache(maxsize=256)
def _projection(statement: str) -> tuple[tuple[tuple[str, ...], str], ...]:
    """Tables that each column of the result may be of, none if it is computed; its name there, ``*`` for all of one."""
    import sqlglot  # noqa: PLC0415 - of the extra "jdbc"
    from sqlglot import expressions as ast  # noqa: PLC0415 - as above

    try:
        query = sqlglot.parse_one(statement, read="sqlite")
    except sqlglot.errors.SqlglotError:
        return (((), "*"),)
    if not isinstance(query, ast.Select):
        return (((), "*"),)
    named = {each.alias.casefold() for each in query.ctes}
    begin = query.args.get("from_") or query.args.get("from")
    sources = [each.this for each in (begin, *(query.args.get("joins") or ())) if each]
    tables = {
        each.alias_or_name: each.name if isinstance(each, ast.Table) and each.name.casefold() not in named else None
        for each in sources
    }
    found: list[tuple[tuple[str, ...], str]] = []
    for item in query.expressions:
        column = item.unalias()
        if isinstance(column, ast.Star):
            found.extend(((table,) if table else (), "*") for table in tables.values())
        elif isinstance(column, ast.Column):
            of = [tables.get(column.table)] if column.table else tables.values()
            known = tuple(table for table in of if table is not None)
            found.append((known, "*" if isinstance(column.this, ast.Star) else column.name))
        else:
            found.append(((), ""))
    return tuple(found)


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
