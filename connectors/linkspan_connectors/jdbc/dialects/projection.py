"""Where the columns of a query come from, for databases whose drivers do not tell: found in the text of the query."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from linkspan_connectors.jdbc.drivers import driver

__all__ = ["ALL", "Projected", "projection"]

ALL = "*"


class Projected(NamedTuple):
    """A column of a result.

    Attributes:
        tables: that it may be of, as the query has them; none if it is computed or comes through a subquery.
        column: its name there; :data:`ALL` for all columns of the only table.
    """

    tables: tuple[tuple[str | None, str | None, str], ...]
    column: str = ""


UNKNOWN = (Projected((), ALL),)
"""Of a query that is not understood, or joins others by a set operator."""


@lru_cache(maxsize=256)
def projection(statement: str, grammar: str | None) -> tuple[Projected, ...]:
    """The columns of a query's result, in their order.

    Args:
        statement: the query.
        grammar: sqlglot's name of the database; None for its own.

    Raises:
        ConfigError: sqlglot is not installed.
    """
    sqlglot = driver("sqlglot", "linkspan[jdbc]", "queries' texts")
    ast = sqlglot.expressions
    try:
        query = sqlglot.parse_one(statement, read=grammar)
    except (sqlglot.errors.SqlglotError, RecursionError):
        return UNKNOWN
    if not isinstance(query, ast.Select):
        return UNKNOWN
    named = {each.alias.casefold() for each in query.ctes}
    begin = query.args.get("from_") or query.args.get("from")
    sources = [each.this for each in (begin, *(query.args.get("joins") or ())) if each]
    tables = {
        each.alias_or_name: (each.catalog or None, each.db or None, each.name)
        if isinstance(each, ast.Table) and each.name.casefold() not in named
        else None
        for each in sources
    }
    found: list[Projected] = []
    for item in query.expressions:
        column = item.unalias()
        if isinstance(column, ast.Star):
            found.extend(Projected((table,) if table else (), ALL) for table in tables.values())
        elif isinstance(column, ast.Column):
            of = [tables.get(column.table)] if column.table else list(tables.values())
            known = tuple(table for table in of if table is not None)
            found.append(Projected(known, ALL if isinstance(column.this, ast.Star) else column.name))
        else:
            found.append(Projected(()))
    return tuple(found)
