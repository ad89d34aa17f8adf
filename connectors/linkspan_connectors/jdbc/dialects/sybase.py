"""SAP ASE, once Sybase, through a dialect of SQLAlchemy (spec/jdbc.md 11 and 12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from linkspan.api import Type
from linkspan.api.schema import DATE, DECIMAL, TIME, TIMESTAMP
from linkspan_connectors.jdbc.dialects.dialect import NO_TYPES, ColumnField
from linkspan_connectors.jdbc.dialects.inspected import InspectedDialect
from linkspan_connectors.jdbc.dialects.merging import merge_of_selected
from linkspan_connectors.jdbc.identifiers import TableId

__all__ = ["SybaseDialect"]


class SybaseDialect(InspectedDialect):
    """SAP ASE."""

    name = "SybaseDatabaseDialect"
    title = "Sybase"
    protocols = ("jtds:sybase",)
    two_parts_are_catalog = True
    current_time_query = "select getdate()"
    sqlalchemy_name = "sybase+pyodbc"
    package = "sqlalchemy-sybase"
    binary_literal = "0x{}"
    unsigned = ("tinyint",)
    column_types: ClassVar[Mapping[Type, str]] = {
        Type.INT8: "smallint",
        Type.INT16: "smallint",
        Type.INT32: "int",
        Type.INT64: "bigint",
        Type.FLOAT32: "real",
        Type.FLOAT64: "float",
        Type.BOOLEAN: "tinyint",
        Type.STRING: "text",
        Type.BYTES: "image",
    }
    key_types: ClassVar[Mapping[Type, str]] = {Type.STRING: "varchar(512)"}
    logical_types: ClassVar[Mapping[str, str]] = {
        DECIMAL: "decimal(38,{scale})",
        DATE: "date",
        TIME: "time",
        TIMESTAMP: "datetime",
    }
    timestamp_types = ("datetime", "datetime")

    def add_columns(self, table: TableId, fields: Sequence[ColumnField]) -> list[str]:
        """ADD once."""
        added = ", ".join(map(self.column_definition, fields))
        return [f"ALTER TABLE {self.quotes.table(table)} ADD {added}"]

    def upsert(
        self, table: TableId, keys: Sequence[str], columns: Sequence[str], types: Mapping[str, str] = NO_TYPES
    ) -> str:
        """MERGE."""
        del types
        self._need_keys(table, keys)
        return merge_of_selected(self.quotes, table, keys, columns, " as target")
