"""Which way is taken into a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from linkspan_connectors.jdbc.bulk import mysql, postgresql
from linkspan_connectors.jdbc.bulk.way import Target, Way
from linkspan_connectors.jdbc.dialects.dialect import Dialect
from linkspan_connectors.jdbc.drivers import DriverConnection

__all__ = ["Bulk", "bulk_way"]

Bulk = tuple[Way, Mapping[str, Callable[[Any], Any] | None]]
"""A way, and by the names of columns what makes values for it that are not None."""

_WAYS: Mapping[str, Callable[[Dialect, DriverConnection, Target], Bulk | str | None]] = {
    "MySqlDatabaseDialect": mysql.many_rows,
    "PostgreSqlDatabaseDialect": postgresql.copying,
}


def bulk_way(dialect: Dialect, connection: DriverConnection, target: Target) -> Bulk | str | None:
    """The way to bring many rows into a table; None when there is none but the statement.

    Where the database has one that will not do for this table, it is the reason that is returned.

    Raises:
        Exception: of the driver.
    """
    ways = _WAYS.get(dialect.name)
    return None if ways is None else ways(dialect, connection, target)
