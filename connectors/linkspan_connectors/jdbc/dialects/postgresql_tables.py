"""Tables of PostgreSQL, asked of its catalog in one query, by the kinds that its Java driver tells apart."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.tables import TableColumn, TableDefinition

__all__ = ["LIST", "OF_COLUMNS", "OF_TABLE", "definition_of", "listed"]

_KIND: Final = """
    case when n.nspname in ('pg_catalog', 'information_schema') or n.nspname ~ '^pg_toast' then
            case c.relkind when 'r' then 'SYSTEM TABLE' when 'v' then 'SYSTEM VIEW' else 'SYSTEM' end
        when c.relpersistence = 't' then
            case c.relkind when 'r' then 'TEMPORARY TABLE' when 'v' then 'TEMPORARY VIEW' else 'TEMPORARY' end
        else case c.relkind when 'r' then 'TABLE' when 'p' then 'PARTITIONED TABLE' when 'v' then 'VIEW'
            when 'm' then 'MATERIALIZED VIEW' when 'f' then 'FOREIGN TABLE' end
    end
"""
LIST: Final = f"""
    select n.nspname, c.relname, {_KIND} as kind
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname like ? and (?::text is null or current_database() = ?)
    order by kind, n.nspname, c.relname
"""
"""Parameters: pattern of the schema, name of the catalog twice."""
OF_TABLE: Final = f"""
    select c.oid, n.nspname, c.relname, {_KIND}
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.oid = to_regclass(?)
"""
"""Parameter: the name as it stands in a statement."""
OF_COLUMNS: Final = r"""
    select a.attname, t.typname
            || coalesce(substring(pg_catalog.format_type(a.atttypid, a.atttypmod) from '\([0-9,]+\)'), ''),
        a.attnotnull,
        a.attidentity <> '' or coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid) like 'nextval(%', false),
        a.attidentity <> '' or a.atthasdef,
        array_position(i.indkey::int2[], a.attnum)
    from pg_catalog.pg_attribute a
        join pg_catalog.pg_type t on t.oid = a.atttypid
        left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        left join pg_catalog.pg_index i on i.indrelid = a.attrelid and i.indisprimary
    where a.attrelid = ? and a.attnum > 0 and not a.attisdropped
    order by a.attnum
"""
"""Parameter: oid of the table."""


def listed(rows: Sequence[Sequence[Any]], kinds: Collection[str]) -> list[TableId]:
    """Tables of these kinds, of the rows of :data:`LIST`."""
    return [TableId(None, schema, name) for schema, name, kind in rows if kind in kinds]


def definition_of(schema: str, name: str, kind: str, rows: Sequence[Sequence[Any]]) -> TableDefinition:
    """A table of the rows of :data:`OF_COLUMNS`."""
    columns = {
        column: TableColumn(column, native, not required, rising, filled)
        for column, native, required, rising, filled, _ in rows
    }
    keys = sorted((place, column) for column, _, _, _, _, place in rows if place is not None)
    return TableDefinition(TableId(None, schema, name), kind, columns, tuple(column for _, column in keys))
