"""Tables of Oracle, asked of its dictionary; synonyms are told apart, and stand for their tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.tables import TableColumn, TableDefinition

__all__ = ["LIST", "OF_COLUMNS", "OF_KEY", "OF_TABLE", "definition_of", "listed"]

LIST: Final = """
    select owner, object_name, object_type from all_objects
    where object_type in ('TABLE', 'VIEW', 'SYNONYM', 'MATERIALIZED VIEW')
        and owner like ? and object_name not like 'BIN$%'
    order by object_type, owner, object_name
"""
"""Parameter: pattern of the schema."""
OF_TABLE: Final = """
    select o.object_type, coalesce(s.table_owner, o.owner), coalesce(s.table_name, o.object_name)
    from all_objects o
        left join all_synonyms s on s.owner = o.owner and s.synonym_name = o.object_name and o.object_type = 'SYNONYM'
    where o.object_type in ('TABLE', 'VIEW', 'SYNONYM', 'MATERIALIZED VIEW') and o.object_name = ?
        and (o.owner = ? or ? is null and o.owner in (sys_context('userenv', 'current_schema'), 'PUBLIC'))
    order by case when o.owner = 'PUBLIC' then 1 else 0 end, o.object_type
"""
"""Parameters: the name, the schema or null twice."""
OF_COLUMNS: Final = """
    select column_name, data_type, nullable, identity_column, default_length from all_tab_columns
    where owner = ? and table_name = ? order by column_id
"""
OF_KEY: Final = """
    select c.column_name from all_constraints k
        join all_cons_columns c on c.owner = k.owner and c.constraint_name = k.constraint_name
    where k.constraint_type = 'P' and k.owner = ? and k.table_name = ? order by c.position
"""


def listed(rows: Sequence[Sequence[Any]], kinds: Collection[str]) -> list[TableId]:
    """Tables of these kinds, of the rows of :data:`LIST`; what a materialized view holds is listed as a table, too."""
    return list(dict.fromkeys(TableId(None, owner, name) for owner, name, kind in rows if kind in kinds))


def definition_of(
    base: Sequence[str], kind: str, columns: Sequence[Sequence[Any]], keys: Sequence[Sequence[Any]]
) -> TableDefinition:
    """A table of its schema and name, its kind, and the rows of :data:`OF_COLUMNS` and :data:`OF_KEY`."""
    owner, name = base
    made = {
        column: TableColumn(column, native.lower(), nullable == "Y", rising == "YES", bool(filled) or rising == "YES")
        for column, native, nullable, rising, filled in columns
    }
    return TableDefinition(TableId(None, owner, name), kind, made, tuple(row[0] for row in keys))
