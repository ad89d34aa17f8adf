"""SAP HANA through SAP's driver and its dialect of SQLAlchemy (spec/jdbc.md 11 and 12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from linkspan.api import Type
from linkspan.api.schema import DATE, DECIMAL, TIME, TIMESTAMP
from linkspan_connectors.jdbc.dialects.dialect import NO_TYPES, ColumnField
from linkspan_connectors.jdbc.dialects.inspected import InspectedDialect
from linkspan_connectors.jdbc.identifiers import TableId

__all__ = ["SapHanaDialect"]


class SapHanaDialect(InspectedDialect):
    """SAP HANA; tables are made in columns."""

    name = "SapHanaDatabaseDialect"
    title = "SAP HANA"
    times_are_cut = True
    protocols = ("sap",)
    current_time_query = "SELECT CURRENT_TIMESTAMP FROM DUMMY"
    validity_query = "SELECT 1 FROM DUMMY"
    create_prefix = "CREATE COLUMN TABLE"
    sqlalchemy_name = "hana+hdbcli"
    package = "sqlalchemy-hana"
    unsigned = ("tinyint",)
    column_types: ClassVar[Mapping[Type, str]] = {
        Type.INT8: "TINYINT",
        Type.INT16: "SMALLINT",
        Type.INT32: "INTEGER",
        Type.INT64: "BIGINT",
        Type.FLOAT32: "REAL",
        Type.FLOAT64: "DOUBLE",
        Type.BOOLEAN: "BOOLEAN",
        Type.STRING: "VARCHAR(1000)",
        Type.BYTES: "BLOB",
    }
    logical_types: ClassVar[Mapping[str, str]] = {
        DECIMAL: "DECIMAL",
        DATE: "DATE",
        TIME: "DATE",
        TIMESTAMP: "TIMESTAMP",
    }

    def add_columns(self, table: TableId, fields: Sequence[ColumnField]) -> list[str]:
        """All in parentheses."""
        added = ", ".join(map(self.column_definition, fields))
        return [f"ALTER TABLE {self.quotes.table(table)} ADD({added})"]

    def upsert(
        self, table: TableId, keys: Sequence[str], columns: Sequence[str], types: Mapping[str, str] = NO_TYPES
    ) -> str:
        """UPSERT."""
        self._need_keys(table, keys)
        names = [*keys, *columns]
        head = f"UPSERT {self.quotes.table(table)}({self.quotes.names(names)})"
        return f"{head} VALUES({self._values(names, types)}) WITH PRIMARY KEY"
