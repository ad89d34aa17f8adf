"""Dialects, and which one a URL or a name asks for (spec/jdbc.md 2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from linkspan.api import ConfigError
from linkspan_connectors.jdbc.dialects.db2 import Db2Dialect
from linkspan_connectors.jdbc.dialects.derby import DerbyDialect
from linkspan_connectors.jdbc.dialects.dialect import Dialect
from linkspan_connectors.jdbc.dialects.generic import GenericDialect
from linkspan_connectors.jdbc.dialects.hana import SapHanaDialect
from linkspan_connectors.jdbc.dialects.mysql import MySqlDialect
from linkspan_connectors.jdbc.dialects.oracle import OracleDialect
from linkspan_connectors.jdbc.dialects.postgresql import PostgreSqlDialect
from linkspan_connectors.jdbc.dialects.sqlite import SqliteDialect
from linkspan_connectors.jdbc.dialects.sqlserver import SqlServerDialect
from linkspan_connectors.jdbc.dialects.sybase import SybaseDialect
from linkspan_connectors.jdbc.dialects.vertica import VerticaDialect
from linkspan_connectors.jdbc.settings import Settings

__all__ = ["DIALECTS", "dialect_class", "dialect_of"]

DIALECTS: Final[Sequence[type[Dialect]]] = (
    Db2Dialect,
    DerbyDialect,
    GenericDialect,
    MySqlDialect,
    OracleDialect,
    PostgreSqlDialect,
    SapHanaDialect,
    SqliteDialect,
    SqlServerDialect,
    SybaseDialect,
    VerticaDialect,
)


def dialect_class(protocol: str, name: str = "") -> type[Dialect]:
    """The dialect that is named, else that of the URL's sub-protocol, else the generic one.

    Args:
        protocol: of the URL.
        name: ``dialect.name``, or empty; its case counts only where two names differ in nothing else.

    Raises:
        ConfigError: there is no dialect of that name; lists them.
    """
    if name:
        by_name = {dialect.name: dialect for dialect in DIALECTS}
        found = by_name.get(name) or {key.casefold(): value for key, value in by_name.items()}.get(name.casefold())
        if found is None:
            raise ConfigError.invalid("dialect.name", name, f"must be one of {', '.join(sorted(by_name))}")
        return found
    return next((dialect for dialect in DIALECTS if protocol in dialect.protocols), GenericDialect)


def dialect_of(settings: Settings, name: str = "") -> Dialect:
    """The dialect for these settings.

    Raises:
        ConfigError: there is no dialect of that name.
    """
    return dialect_class(settings.url.protocol, name)(settings)
