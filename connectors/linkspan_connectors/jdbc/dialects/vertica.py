"""Vertica through its dialect of SQLAlchemy (spec/jdbc.md 2.3 and 12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from linkspan.api import Type
from linkspan.api.schema import DATE, DECIMAL, TIME, TIMESTAMP
from linkspan_connectors.jdbc.dialects.dialect import ColumnField
from linkspan_connectors.jdbc.dialects.inspected import InspectedDialect
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.results import JdbcType

__all__ = ["VerticaDialect"]

_INTEGERS = ("int", "integer", "bigint", "int8", "smallint", "tinyint")


class VerticaDialect(InspectedDialect):
    """Vertica; whole numbers of every name have 64 bits there."""

    name = "VerticaDatabaseDialect"
    title = "Vertica"
    protocols = ("vertica",)
    has_upsert = False
    sqlalchemy_name = "vertica+vertica_python"
    package = "sqlalchemy-vertica"
    native: ClassVar[Mapping[str, JdbcType]] = dict.fromkeys(_INTEGERS, JdbcType.BIGINT)
    column_types: ClassVar[Mapping[Type, str]] = {
        **dict.fromkeys((Type.INT8, Type.INT16, Type.INT32, Type.INT64), "INT"),
        **dict.fromkeys((Type.FLOAT32, Type.FLOAT64), "FLOAT"),
        Type.BOOLEAN: "BOOLEAN",
        Type.STRING: "VARCHAR(1024)",
        Type.BYTES: "VARBINARY(1024)",
    }
    logical_types: ClassVar[Mapping[str, str]] = {
        DECIMAL: "DECIMAL(18,{scale})",
        DATE: "DATE",
        TIME: "TIME",
        TIMESTAMP: "TIMESTAMP",
    }

    def add_columns(self, table: TableId, fields: Sequence[ColumnField]) -> list[str]:
        """A statement a column."""
        return [f"ALTER TABLE {self.quotes.table(table)} ADD {self.column_definition(field)}" for field in fields]
