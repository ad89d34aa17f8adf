"""Columns of rows of change events, and what is said when there are none, in Debezium's words."""

from __future__ import annotations

from collections.abc import Sequence

from linkspan.api import DataError, Schema
from linkspan_connectors.jdbc.dialects.dialect import ColumnField
from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.evolution import Tables
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.keys import ColumnRules, Origin, RecordShape, SinkColumn
from linkspan_connectors.jdbc.tables import TableDefinition
from linkspan_connectors.jdbc.variants.debezium.config import NAMES
from linkspan_connectors.jdbc.variants.debezium.events import DIGITS, SCHEMA_CHANGE

__all__ = ["EventColumns", "EventTables", "HeaderColumns"]


class EventColumns(ColumnRules):
    """As any record's, and with Debezium's types of time."""

    __slots__ = ()

    def shape(self, table: str, key: Schema | None, value: Schema | None) -> RecordShape:
        """Columns of a row.

        Raises:
            DataError: rows of these schemas cannot be written as the configuration says.
        """
        if value is not None and SCHEMA_CHANGE in (value.name or ""):
            raise DataError(
                f"Table {table}: the record tells of a changed schema, and is no row; take the topic of schema changes "
                "out of topics or topics.regex"
            )
        try:
            return super().shape(table, key, value)
        except DataError as error:
            raise NAMES.data(error) from error

    def delete_shape(self, table: str, key: Schema | None) -> RecordShape:
        """Columns of the key of a row that is deleted.

        Raises:
            DataError: there is no key to delete by.
        """
        try:
            return super().delete_shape(table, key)
        except DataError as error:
            raise NAMES.data(error) from error

    def _value_column(self, table: str, name: str, field: Schema) -> SinkColumn:
        digits = DIGITS.get(field.name or "", 0)
        if digits:
            return SinkColumn(name, field, Origin.VALUE_FIELD, is_key=False, timestamp_digits=digits)
        return super()._value_column(table, name, field)


class HeaderColumns(EventColumns):
    """Where headers are the key columns."""

    __slots__ = ()

    def _record_key(self, table: str, key: Schema | None) -> tuple[SinkColumn, ...]:
        if key is None:
            raise DataError(f"Table {table}: primary.key.mode=record_header needs headers, and the record has none")
        return super()._record_key(table, key)


class EventTables(Tables):
    """As any tables."""

    def ready(self, connection: DriverConnection, table: TableId, fields: Sequence[ColumnField]) -> TableDefinition:
        """The table, with columns for some fields.

        Raises:
            DataError: it, or a column, is missing and may not be made.
            ConnectError: of :meth:`Dialect.failure`.
        """
        try:
            return super().ready(connection, table, fields)
        except DataError as error:
            raise NAMES.data(error) from error
