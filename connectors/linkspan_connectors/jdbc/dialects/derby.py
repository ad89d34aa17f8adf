"""Derby (spec/jdbc.md 11 and 12): statements and types. Its server speaks to Java programs only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from linkspan.api import ConfigError, Type
from linkspan.api.schema import DATE, DECIMAL, TIME, TIMESTAMP
from linkspan_connectors.jdbc.credentials import Credentials
from linkspan_connectors.jdbc.dialects.dialect import NO_TYPES, ColumnField
from linkspan_connectors.jdbc.dialects.inspected import InspectedDialect
from linkspan_connectors.jdbc.dialects.merging import merge_of_values
from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.identifiers import TableId

__all__ = ["DerbyDialect", "ValuesDialect"]


class ValuesDialect(InspectedDialect):
    """What DB2 and Derby, which takes after it, have in common."""

    column_types: ClassVar[Mapping[Type, str]] = {
        Type.INT8: "SMALLINT",
        Type.INT16: "SMALLINT",
        Type.INT32: "INTEGER",
        Type.INT64: "BIGINT",
        Type.FLOAT32: "FLOAT",
        Type.FLOAT64: "DOUBLE",
        Type.BOOLEAN: "SMALLINT",
        Type.STRING: "VARCHAR(32672)",
        Type.BYTES: "BLOB(64000)",
    }
    logical_types: ClassVar[Mapping[str, str]] = {
        DECIMAL: "DECIMAL(31,{scale})",
        DATE: "DATE",
        TIME: "TIME",
        TIMESTAMP: "TIMESTAMP",
    }
    binary_literal = "cast(x'{}' as blob)"

    def column_definition(self, field: ColumnField) -> str:
        """Without NULL, which Derby does not take: it is what both do by themselves."""
        text = super().column_definition(field)
        return text.removesuffix(" NULL") if not text.endswith("NOT NULL") else text

    def add_columns(self, table: TableId, fields: Sequence[ColumnField]) -> list[str]:
        """A statement a column: DB2 takes no commas, and Derby one column only."""
        return [f"ALTER TABLE {self.quotes.table(table)} ADD {self.column_definition(field)}" for field in fields]

    def upsert(
        self, table: TableId, keys: Sequence[str], columns: Sequence[str], types: Mapping[str, str] = NO_TYPES
    ) -> str:
        """MERGE."""
        del types
        self._need_keys(table, keys)
        return merge_of_values(self.quotes, table, keys, columns)


class DerbyDialect(ValuesDialect):
    """Derby."""

    name = "DerbyDatabaseDialect"
    title = "Derby"
    protocols = ("derby",)
    current_time_query = "values(CURRENT_TIMESTAMP)"
    validity_query = "VALUES 1"

    def connect(self, credentials: Credentials, application: str) -> DriverConnection:
        """Say that there is no way to."""
        del credentials, application
        reason = "Derby can be reached from Java only; there is no driver for Python. Use another database"
        raise ConfigError.invalid("connection.url", str(self.settings.url), reason)
