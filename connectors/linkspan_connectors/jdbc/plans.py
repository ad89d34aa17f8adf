"""How records of one kind are written: which columns, by which statement, with which values (spec/jdbc.md 10 to 13)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final, NamedTuple

from linkspan.api import DataError, UnsupportedError
from linkspan_connectors.jdbc.binding import Binding, BoundColumn, Convert
from linkspan_connectors.jdbc.bulk.choice import bulk_way
from linkspan_connectors.jdbc.bulk.way import Statement, Target, Way
from linkspan_connectors.jdbc.dialects.dialect import ColumnField, Dialect
from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.evolution import Tables, column_names
from linkspan_connectors.jdbc.groups import Kind
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.keys import ColumnRules, RecordShape, SinkColumn
from linkspan_connectors.jdbc.tables import TableDefinition

__all__ = ["Course", "Plan", "Planner", "UnknownError"]

_log = logging.getLogger(__name__)

_MOST_PLANS: Final = 1_000
_DOING: Final[Mapping[str, str]] = {
    "insert": "Inserting into",
    "upsert": "Upserting into",
    "update": "Updating",
    "delete": "Deleting from",
}


class UnknownError(Exception):
    """The database has to be asked first."""


class Course(NamedTuple):
    """A way into a table, with what makes rows for it."""

    binding: Binding
    way: Way


class Plan(NamedTuple):
    """How records of one kind are written.

    Attributes:
        what: is done, for messages: ``Upserting into table public.orders``.
        plain: by the statement of the original connector, which does for every record that can be written.
        bulk: for many rows, or None.
        target: the table and its columns.
        definition: of the table.
        keyed: whether only the last record of a key counts.
    """

    what: str
    plain: Course
    bulk: Course | None
    target: Target
    definition: TableDefinition
    keyed: bool


class Planner:
    """Makes plans, and tables where that is wanted; remembers both.

    Args:
        dialect: of the database.
        tables: of the database.
        rules: which columns there are.
        mode: ``insert``, ``upsert`` or ``update``.
        replaces_null: whether null becomes the default of the field.
        in_bulk: whether many rows may go another way than the statement's.
    """

    def __init__(
        self,
        dialect: Dialect,
        tables: Tables,
        rules: ColumnRules,
        mode: str,
        *,
        replaces_null: bool = True,
        in_bulk: bool = True,
    ) -> None:
        self._dialect = dialect
        self._tables = tables
        self._rules = rules
        self._mode = mode
        self._replaces_null = replaces_null
        self._in_bulk = in_bulk
        self._plans: dict[Kind, Plan] = {}
        self._said: set[tuple[TableId, str]] = set()

    def forget(self) -> None:
        """Look at all tables anew."""
        self._tables.forget()
        self._plans.clear()

    def plan(self, connection: DriverConnection | None, kind: Kind) -> Plan:
        """The plan for records of one kind; a new one ends the transaction of the connection.

        Raises:
            UnknownError: there is none yet, and no connection to make it.
            DataError: records of this kind cannot be written.
            ConnectError: of :meth:`Dialect.failure`.
        """
        plan = self._plans.get(kind)
        if plan is None:
            if connection is None:
                raise UnknownError
            try:
                plan = self._made(connection, kind)
            except UnsupportedError as error:
                raise DataError(f"Table {kind[0]}: {error}") from error
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            self._plans[kind] = plan
        return plan

    def _made(self, connection: DriverConnection, kind: Kind) -> Plan:
        table, key_schema, value_schema, has_value = kind
        name = str(table)
        shape = (
            self._rules.shape(name, key_schema, value_schema)
            if has_value
            else self._rules.delete_shape(name, key_schema)
        )
        definition = self._tables.ready(connection, table, [_field(column) for column in shape.in_table])
        mode = "delete" if shape.deletes else self._mode
        names = column_names(self._dialect, definition, [column.name for column in shape.columns])
        columns = shape.others + shape.keys if mode == "update" else shape.columns
        target = Target(
            table,
            mode,
            columns,
            [names[column.name] for column in columns],
            [names[column.name] for column in shape.keys],
        )
        converts = {
            column.name: self._dialect.bind(
                column.schema, definition.columns.get(names[column.name]), column.timestamp_digits
            )
            for column in columns
        }
        statement = Statement(self._dialect, self._text(target, definition))
        identities = {
            column.name: self._dialect.identity(
                column.schema, definition.columns.get(names[column.name]), column.timestamp_digits
            )
            for column in shape.keys
        }
        return Plan(
            f"{_DOING[mode]} table {name}",
            Course(self._binding(shape, converts, identities, mode), statement),
            self._bulk(connection, target, shape, identities) if self._in_bulk else None,
            target,
            definition,
            keyed=mode != "insert" and bool(shape.keys),
        )

    def _binding(
        self, shape: RecordShape, converts: Mapping[str, Convert], identities: Mapping[str, Convert], mode: str
    ) -> Binding:
        def bound(column: SinkColumn) -> BoundColumn:
            default = column.schema.default if self._replaces_null else None
            return BoundColumn(column, converts[column.name], default, identities.get(column.name))

        return Binding(list(map(bound, shape.keys)), list(map(bound, shape.others)), keys_last=mode == "update")

    def _bulk(
        self, connection: DriverConnection, target: Target, shape: RecordShape, identities: Mapping[str, Convert]
    ) -> Course | None:
        with self._dialect.attempt(f"Looking at table {target.table}"):
            found = bulk_way(self._dialect, connection, target)
            connection.rollback()
        if isinstance(found, str):
            if (target.table, found) not in self._said:
                self._said.add((target.table, found))
                _log.info("Rows for table %s are written by statements, not by COPY: %s", target.table, found)
            return None
        if found is None:
            return None
        way, converts = found
        return Course(self._binding(shape, converts, identities, target.mode), way)

    def _text(self, target: Target, definition: TableDefinition) -> str:
        dialect, table, keys, others, types = self._dialect, target.table, target.keys, target.others, definition.types
        match target.mode:
            case "insert":
                return dialect.insert(table, keys, others, types)
            case "upsert":
                return dialect.upsert(table, keys, others, types)
            case "update":
                return dialect.update(table, keys, others, types)
            case _:
                return dialect.delete(table, keys, types)


def _field(column: SinkColumn) -> ColumnField:
    return ColumnField(column.name, column.schema, column.is_key, column.timestamp_digits)
