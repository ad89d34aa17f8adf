"""Oracle through python-oracledb in its thin mode (spec/jdbc.md 2.2, 8.3, 11–13)."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final

from linkspan.api import Schema, Type
from linkspan.api.schema import DATE, DECIMAL, TIME, TIMESTAMP
from linkspan_connectors.jdbc.credentials import Credentials
from linkspan_connectors.jdbc.dialects.dialect import NO_TYPES, ColumnField, CursorSelection, Dialect, logical
from linkspan_connectors.jdbc.dialects.oracle_columns import columns_of, output_handler
from linkspan_connectors.jdbc.dialects.oracle_connection import arguments
from linkspan_connectors.jdbc.dialects.oracle_errors import kind_of_code
from linkspan_connectors.jdbc.dialects.oracle_tables import LIST, OF_COLUMNS, OF_KEY, OF_TABLE, definition_of, listed
from linkspan_connectors.jdbc.drivers import DriverConnection, driver
from linkspan_connectors.jdbc.errors import Kind, Refusal
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.results import Selection
from linkspan_connectors.jdbc.tables import TableColumn, TableDefinition
from linkspan_connectors.jdbc.zones import wall_date, wall_time

__all__ = ["OracleDialect"]

_DAY_ONE: Final = datetime.date(1970, 1, 1)
_ISOLATION: Final = {"READ_COMMITTED": "READ COMMITTED", "SERIALIZABLE": "SERIALIZABLE"}
_OFFSETS: Final = "ALTER SESSION SET NLS_TIMESTAMP_TZ_FORMAT = 'YYYY-MM-DD\"T\"HH24:MI:SS.FF6TZH:TZM'"
"""So that timestamps with time zone come as texts that have it: the driver leaves it out of its own values."""


class OracleDialect(Dialect):
    """Oracle Database."""

    name = "OracleDatabaseDialect"
    title = "Oracle"
    times_are_cut = True
    protocols = ("oracle",)
    selections_at_once = True
    parameter_style = "numeric"
    current_time_query = "select CURRENT_TIMESTAMP from dual"
    validity_query = "SELECT 1 FROM dual"
    sqlalchemy_name = "oracle+oracledb"
    binary_literal = "hextoraw('{}')"
    savepoint_texts = ("SAVEPOINT linkspan", "ROLLBACK TO SAVEPOINT linkspan", None)
    column_types: ClassVar[Mapping[Type, str]] = {
        Type.INT8: "NUMBER(3,0)",
        Type.INT16: "NUMBER(5,0)",
        Type.INT32: "NUMBER(10,0)",
        Type.INT64: "NUMBER(19,0)",
        Type.FLOAT32: "BINARY_FLOAT",
        Type.FLOAT64: "BINARY_DOUBLE",
        Type.BOOLEAN: "NUMBER(1,0)",
        Type.STRING: "VARCHAR2(4000)",
        Type.BYTES: "BLOB",
    }
    logical_types: ClassVar[Mapping[str, str]] = {
        DECIMAL: "NUMBER(*,{scale})",
        DATE: "DATE",
        TIME: "DATE",
        TIMESTAMP: "TIMESTAMP",
    }
    timestamp_types = ("TIMESTAMP(6)", "TIMESTAMP(9)")

    def connect(self, credentials: Credentials, application: str) -> DriverConnection:
        """Open a connection; numbers come as Decimal, and large objects as what is in them."""
        oracledb = driver("oracledb", "linkspan[jdbc]", self.title)
        connection = oracledb.connect(**arguments(self.settings, credentials, application))
        try:
            connection.outputtypehandler = output_handler(oracledb)
            with connection.cursor() as cursor:
                cursor.execute(_OFFSETS)
        except BaseException:
            connection.close()
            raise
        made: DriverConnection = connection
        return made

    def interrupt(self, connection: DriverConnection) -> None:
        """Break off the call in progress."""
        session: Any = connection
        with suppress(Exception):
            session.cancel()

    def set_isolation(self, connection: DriverConnection, mode: str) -> bool:
        """For the session; Oracle has two levels."""
        if mode not in _ISOLATION:
            return False
        self.run(connection, f"ALTER SESSION SET ISOLATION_LEVEL = {_ISOLATION[mode]}")
        return True

    def select(
        self, connection: DriverConnection, statement: str, parameters: Sequence[Any] = (), *, batch_rows: int
    ) -> Selection:
        """Rows are fetched ``batch_rows`` at a time."""
        cursor: Any = connection.cursor()
        try:
            cursor.arraysize = batch_rows
            cursor.prefetchrows = batch_rows + 1
            if parameters:
                cursor.setinputsizes(*_sizes([parameters]))
            cursor.execute(self.text(statement, parameters=bool(parameters)), tuple(parameters))
            return CursorSelection(cursor, columns_of(cursor.description or ()))
        except BaseException:
            with suppress(Exception):
                cursor.close()
            raise

    def check_query(self, connection: DriverConnection, statement: str) -> None:
        """Have it parsed."""
        cursor: Any = connection.cursor()
        try:
            cursor.parse(self.text(statement))
        finally:
            cursor.close()

    def run_many(self, connection: DriverConnection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """In one exchange, with arrays of values."""
        cursor: Any = connection.cursor()
        try:
            if rows:
                cursor.setinputsizes(*_sizes(rows))
                cursor.executemany(self.text(statement), rows)
        finally:
            cursor.close()

    def current_namespace(self, connection: DriverConnection) -> tuple[str | None, str | None]:
        """The schema of the session."""
        (row,) = self.ask(connection, "select sys_context('userenv', 'current_schema') from dual")
        return None, row[0]

    def tables(
        self, connection: DriverConnection, catalog: str | None, schema: str | None, kinds: Collection[str]
    ) -> list[TableId]:
        """Those that the user may see; there are no catalogs."""
        del catalog
        return listed(self.ask(connection, LIST, ["%" if schema is None else self._stored(schema)]), kinds)

    def definition(self, connection: DriverConnection, table: TableId) -> TableDefinition | None:
        """In its schema, else in that of the session; of the table that a synonym stands for."""
        schema = None if table.namespace is None else self._stored(table.namespace)
        rows = self.ask(connection, OF_TABLE, [self._stored(table.name), schema, schema])
        if not rows:
            return None
        kind, base = rows[0][0], rows[0][1:3]
        return definition_of(base, kind, self.ask(connection, OF_COLUMNS, base), self.ask(connection, OF_KEY, base))

    def _stored(self, name: str) -> str:
        """A name as the catalog has it: in capitals unless it was quoted."""
        return name if self.settings.quote else name.upper()

    def add_columns(self, table: TableId, fields: Sequence[ColumnField]) -> list[str]:
        """All in parentheses."""
        added = ", ".join(map(self.column_definition, fields))
        return [f"ALTER TABLE {self.quotes.table(table)} ADD({added})"]

    def literal(self, value: object, schema: Schema) -> str:
        """Dates and times as what they are, whatever the format of the session is."""
        text = super().literal(value, schema)
        match logical(schema):
            case name if name == DATE:
                return f"DATE {text}"
            case name if name == TIMESTAMP:
                return f"TIMESTAMP {text}"
            case name if name == TIME:
                return f"TO_DATE('1970-01-01 {text[1:9]}','YYYY-MM-DD HH24:MI:SS')"
        return text

    def upsert(
        self, table: TableId, keys: Sequence[str], columns: Sequence[str], types: Mapping[str, str] = NO_TYPES
    ) -> str:
        """MERGE."""
        del types
        self._need_keys(table, keys)
        target, name = self.quotes.table(table), self.quotes.name
        row = ", ".join(f"? {name(column)}" for column in [*keys, *columns])
        same = " and ".join(f"{target}.{name(key)}=incoming.{name(key)}" for key in keys)
        changes = ",".join(f"{target}.{name(column)}=incoming.{name(column)}" for column in columns)
        matched = f" when matched then update set {changes}" if columns else ""
        names = [name(column) for column in [*columns, *keys]]
        return (
            f"merge into {target} using (select {row} FROM dual) incoming on({same}){matched}"
            f" when not matched then insert({','.join(f'{target}.{each}' for each in names)})"
            f" values({','.join(f'incoming.{each}' for each in names)})"
        )

    def bind(
        self, schema: Schema, column: TableColumn | None = None, timestamp_digits: int = 0
    ) -> Callable[[Any], Any] | None:
        """A time is one of 1970-01-01: Oracle has no type for it."""
        settings = self.settings
        name = logical(schema)
        if not timestamp_digits and name == DATE:
            return lambda day: datetime.datetime.combine(
                wall_date(day, settings.date_zone, proleptic=settings.proleptic), datetime.time()
            )
        if not timestamp_digits and name == TIME:
            return lambda time: datetime.datetime.combine(_DAY_ONE, wall_time(time, settings.zone))
        if name is None and schema.type is Type.BOOLEAN:
            return int
        if name is None and schema.type in (Type.FLOAT32, Type.FLOAT64):
            return float
        return super().bind(schema, column, timestamp_digits)

    def refusal(self, error: BaseException) -> Refusal:
        """By the code of the error."""
        said = error.args[0] if error.args else None
        code = getattr(said, "full_code", "") or ""
        text = str(getattr(said, "message", None) or error).partition("\nHelp: ")[0]
        kind = kind_of_code(code)
        if kind is None:
            named = type(error).__name__
            kind = _BY_CLASS.get(named, Kind.FINAL)
        return Refusal(kind, text, None, code if code and code not in text else None)


_BY_CLASS: Final = {
    "IntegrityError": Kind.RECORD,
    "DataError": Kind.RECORD,
    "InterfaceError": Kind.UNREACHABLE,
    "OperationalError": Kind.UNREACHABLE,
}


def _sizes(rows: Sequence[Sequence[Any]]) -> list[Any]:
    """Types of the parameters where those that the driver takes by itself would lose something.

    Fractions of seconds are lost as DATE, numbers that are no number as NUMBER.
    """
    import oracledb  # noqa: PLC0415 - of the extra "jdbc"

    found: list[Any] = []
    for values in zip(*rows, strict=True):
        kinds = set(map(type, values))
        if datetime.datetime in kinds:
            found.append(oracledb.DB_TYPE_TIMESTAMP)
        elif float in kinds:
            found.append(oracledb.DB_TYPE_BINARY_DOUBLE)
        elif bytes in kinds and max(len(value) for value in values if value is not None) > _LONGEST_RAW:
            found.append(oracledb.DB_TYPE_BLOB)
        elif str in kinds and max(len(value) for value in values if value is not None) > _LONGEST_TEXT:
            found.append(oracledb.DB_TYPE_CLOB)
        else:
            found.append(None)
    return found


_LONGEST_RAW: Final = 2000
_LONGEST_TEXT: Final = 4000 // 4
"""Characters that fit into VARCHAR2 whatever they are."""
