"""Tables of SQL Server, asked of its catalog; synonyms are told apart, and stand for their tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.tables import TableColumn, TableDefinition

__all__ = ["LIST", "OF_COLUMNS", "OF_TABLE", "definition_of", "listed"]

_KIND: Final = """
    case o.type when 'U' then 'TABLE' when 'V' then 'VIEW' when 'S' then 'SYSTEM TABLE' when 'SN' then 'SYNONYM' end
"""
LIST: Final = f"""
    select db_name(), s.name, o.name, {_KIND}
    from sys.objects o join sys.schemas s on s.schema_id = o.schema_id
    where o.type in ('U', 'V', 'S', 'SN') and s.name like ? and (? is null or db_name() = ?)
    order by 4, 2, 3
"""
"""Parameters: pattern of the schema, name of the catalog twice."""
OF_TABLE: Final = f"""
    select t.object_id, db_name(), s.name, o.name, {_KIND}
    from sys.objects o join sys.schemas s on s.schema_id = o.schema_id
        left join sys.synonyms y on y.object_id = o.object_id
        join sys.objects t on t.object_id = coalesce(object_id(y.base_object_name), o.object_id)
    where o.object_id = object_id(?)
"""
"""Parameter: the name in quotes."""
OF_COLUMNS: Final = """
    select c.name, type_name(c.user_type_id), c.is_nullable, c.is_identity, c.default_object_id, i.key_ordinal
    from sys.columns c
        left join sys.indexes x on x.object_id = c.object_id and x.is_primary_key = 1
        left join sys.index_columns i
            on i.object_id = c.object_id and i.index_id = x.index_id and i.column_id = c.column_id
    where c.object_id = ? order by c.column_id
"""
"""Parameter: number of the table."""


def listed(rows: Sequence[Sequence[Any]], kinds: Collection[str]) -> list[TableId]:
    """Tables of these kinds, of the rows of :data:`LIST`."""
    return [TableId(catalog, schema, name) for catalog, schema, name, kind in rows if kind in kinds]


def definition_of(found: Sequence[Any], rows: Sequence[Sequence[Any]]) -> TableDefinition:
    """A table of a row of :data:`OF_TABLE` without its number, and the rows of :data:`OF_COLUMNS`."""
    catalog, schema, name, kind = found
    columns = {
        column: TableColumn(column, str(native), bool(nullable), bool(rising), bool(filled) or bool(rising))
        for column, native, nullable, rising, filled, _ in rows
    }
    keys = sorted((place, column) for column, *_, place in rows if place)
    return TableDefinition(TableId(catalog, schema, name), str(kind), columns, tuple(column for _, column in keys))
