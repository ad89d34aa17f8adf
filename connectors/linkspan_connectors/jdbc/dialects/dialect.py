"""The port to a database: everything in which databases and their drivers differ (spec/jdbc.md 2.3, 8, 11–13).

Statements are written with ``?`` for parameters, as the original connector sends them; only :meth:`Dialect.run`,
:meth:`Dialect.run_many` and :meth:`Dialect.select` know how the driver wants them.
"""

from __future__ import annotations

import datetime
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, Final, NamedTuple

from linkspan.api import ConfigError, ConnectError, Schema, Type, UnsupportedError
from linkspan.api import schema as schema_types
from linkspan_connectors.jdbc.credentials import Credentials
from linkspan_connectors.jdbc.dialects.literals import literal
from linkspan_connectors.jdbc.drivers import DriverConnection, DriverCursor, ParameterStyle, RowError, with_placeholders
from linkspan_connectors.jdbc.errors import Refusal, failure_of
from linkspan_connectors.jdbc.gaps import Writers
from linkspan_connectors.jdbc.identifiers import Quotes, TableId
from linkspan_connectors.jdbc.results import ResultColumn, Selection
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.tables import TableColumn, TableDefinition
from linkspan_connectors.jdbc.zones import moment_of, to_wall, wall_date, wall_time

__all__ = ["ZONED", "ColumnField", "CursorSelection", "Dialect"]

NO_TYPES: Final[Mapping[str, str]] = {}


ZONED: Final = "linkspan.zoned"
"""Parameter of the schemas of Timestamps that were written with their offset."""


class ColumnField(NamedTuple):
    """A field of records for which a column is made.

    Attributes:
        name: of field and column.
        schema: of the field.
        is_key: whether the column is part of the primary key.
        timestamp_digits: for a field of ``timestamp.fields.list`` the digits of its seconds' fraction, 6 or 9; else 0.
    """

    name: str
    schema: Schema
    is_key: bool = False
    timestamp_digits: int = 0


class CursorSelection:
    """A running query on a cursor of the driver."""

    def __init__(self, cursor: DriverCursor, columns: Sequence[ResultColumn], first: Sequence[Any] = ()) -> None:
        self.columns = tuple(columns)
        self._cursor = cursor
        self._first = list(first)

    def fetch(self, count: int) -> Sequence[tuple[Any, ...]]:
        """The next rows."""
        if self._first:
            ready, self._first = self._first[:count], self._first[count:]
            if len(ready) == count:
                return ready
            return [*ready, *self._cursor.fetchmany(count - len(ready))]
        rows: Sequence[tuple[Any, ...]] = self._cursor.fetchmany(count)
        return rows

    def close(self) -> None:
        """Give up the cursor."""
        with suppress(Exception):
            self._cursor.close()


class Dialect(ABC):
    """One kind of database, as one configuration sees it.

    Args:
        settings: of the connection.
    """

    name: ClassVar[str]
    """For ``dialect.name``: ``PostgreSqlDatabaseDialect``."""
    title: ClassVar[str]
    """For messages: ``PostgreSQL``."""
    protocols: ClassVar[tuple[str, ...]] = ()
    """Sub-protocols of its URLs."""
    quote_characters: ClassVar[tuple[str, str]] = ('"', '"')
    parameter_style: ParameterStyle = "qmark"
    two_parts_are_catalog: ClassVar[bool] = False
    """Whether a name of two parts is that of a catalog and a table, not of a schema and a table."""
    current_time_query: ClassVar[str] = "SELECT CURRENT_TIMESTAMP"
    """Gives the database's time, for the modes with timestamps (spec 6.3)."""
    row_limit: ClassVar[str] = " FETCH FIRST {} ROWS ONLY"
    """Put behind a SELECT in an order, gives so many rows at most."""
    validity_query: ClassVar[str] = "SELECT 1"
    """Asked to see whether a connection still works."""
    times_are_cut: ClassVar[bool] = False
    """Whether times in the database may be finer than the microseconds that its driver gives."""
    selections_at_once: ClassVar[bool] = False
    """Whether other statements may be run on a connection while a result of it is being read."""
    check_seconds: ClassVar[int] = 60
    """How long a database may look at a query: its tables may be locked."""
    has_upsert: ClassVar[bool] = True
    longest_name: ClassVar[int | None] = None
    """Bytes of a name that the database keeps; it cuts the rest off. None when it refuses, or takes any."""
    sqlalchemy_name: ClassVar[str] = ""
    """Of SQLAlchemy's dialect and driver: ``postgresql+psycopg``."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.quotes = Quotes(*self.quote_characters, always=settings.quote)

    # Connections

    @abstractmethod
    def connect(self, credentials: Credentials, application: str) -> DriverConnection:
        """Open a connection with autocommit off; blocks for ``settings.login_seconds`` at most.

        Args:
            credentials: user and password, each None when there is none.
            application: what the database shows for the connection, where it can.

        Raises:
            Exception: of the driver; :meth:`failure` makes an error of it.
            ConfigError: the driver is missing, or a property cannot be honoured.
        """

    def is_open(self, connection: DriverConnection) -> bool:
        """Whether the connection is open as far as the driver knows without asking."""
        del connection
        return True

    def abort(self, connection: DriverConnection) -> None:
        """Cut the connection: whoever waits for an answer on it gets an error at once. May do nothing."""
        del connection

    def is_valid(self, connection: DriverConnection) -> bool:
        """Whether the connection still works; asks the database, and ends a transaction that was open."""
        try:
            cursor = connection.cursor()
            cursor.execute(self.validity_query)
            cursor.fetchall()
            cursor.close()
            connection.rollback()
        except Exception:  # noqa: BLE001 - supervision point: drivers raise what they want for a dead connection
            return False
        return True

    def interrupt(self, connection: DriverConnection) -> None:
        """Make a call that another thread waits for on this connection end with an error soon; may do nothing."""
        del connection

    def set_isolation(self, connection: DriverConnection, mode: str) -> bool:
        """Set ``transaction.isolation.mode`` for all transactions to come; False when the driver cannot.

        Args:
            connection: without a transaction.
            mode: as it is configured, not ``DEFAULT``.
        """
        level = mode.replace("SQL_SERVER_", "").replace("_", " ")
        self.run(connection, f"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {level}")
        connection.commit()
        return True

    # Statements on a connection

    def text(self, statement: str, *, parameters: bool = True) -> Any:  # noqa: ANN401 - drivers differ
        """A statement with ``?``, as the driver wants it."""
        return with_placeholders(statement, self.parameter_style, parameters=parameters)

    def run(self, connection: DriverConnection, statement: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement that gives no rows; the number of rows it changed, -1 when that is not known."""
        cursor: DriverCursor = connection.cursor()
        try:
            if parameters:
                cursor.execute(self.text(statement), tuple(parameters))
            else:
                cursor.execute(self.text(statement, parameters=False))
            return cursor.rowcount
        finally:
            cursor.close()

    def run_many(self, connection: DriverConnection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement once for each row of parameters, in their order, in as few exchanges as the driver can.

        Raises:
            RowError: a row was refused, and the database tells which.
            Exception: of the driver.
        """
        cursor: DriverCursor = connection.cursor()
        try:
            cursor.executemany(self.text(statement), rows)
        finally:
            cursor.close()

    def ask(
        self, connection: DriverConnection, statement: str, parameters: Sequence[Any] = ()
    ) -> list[tuple[Any, ...]]:
        """All rows of a small query, as the driver gives them."""
        cursor: DriverCursor = connection.cursor()
        try:
            if parameters:
                cursor.execute(self.text(statement), tuple(parameters))
            else:
                cursor.execute(self.text(statement, parameters=False))
            return [tuple(row) for row in cursor.fetchall()]
        finally:
            cursor.close()

    @abstractmethod
    def select(
        self, connection: DriverConnection, statement: str, parameters: Sequence[Any] = (), *, batch_rows: int
    ) -> Selection:
        """Run a query and stream its rows: no more than about ``batch_rows`` of them are in memory at once.

        Args:
            connection: stays in its transaction.
            statement: with ``?``.
            parameters: as :meth:`bind` and :meth:`bind_timestamp` make them.
            batch_rows: ``batch.max.rows``.

        Raises:
            Exception: of the driver; :meth:`failure` makes an error of it.
        """

    def objection_to_timestamp(self, column: ResultColumn) -> str | None:
        """Why rows cannot be followed by this column, or None (spec 5.4); for a connection that has been opened."""
        del column
        return None

    @abstractmethod
    def check_query(self, connection: DriverConnection, statement: str) -> None:
        """Have the database look at a query without running it, for a minute at most where it can (spec 4, rule 8).

        Raises:
            Exception: of the driver: it is refused.
        """

    def writers(self, connection: DriverConnection, table: TableId) -> Writers:
        """Who may have taken ids of a table, and not committed the rows (spec 18.4).

        Raises:
            Exception: of the driver.
            ConfigError: the database, or the isolation of its transactions, does not let that be seen.
        """
        del connection, table
        raise ConfigError(
            f"{self.title} does not tell who is writing to a table, so that rows that are committed in another order "
            "than their ids may be missed",
            "x.gap.safe",
        )

    # Savepoints, within a transaction

    savepoint_texts: ClassVar[tuple[str, str, str | None]] = (
        "SAVEPOINT linkspan",
        "ROLLBACK TO SAVEPOINT linkspan",
        "RELEASE SAVEPOINT linkspan",
    )
    """Statements that set one, go back to it, and forget it; None where there is no need for the last."""

    def set_savepoint(self, connection: DriverConnection) -> None:
        """Set the savepoint; there is one at a time."""
        self.run(connection, self.savepoint_texts[0])

    def rollback_to_savepoint(self, connection: DriverConnection) -> None:
        """Undo what was done since the savepoint was set, which stays where it is."""
        self.run(connection, self.savepoint_texts[1])

    def move_savepoint(self, connection: DriverConnection) -> None:
        """Keep what was done since the savepoint was set, and set it here."""
        self.release_savepoint(connection)
        self.set_savepoint(connection)

    def release_savepoint(self, connection: DriverConnection) -> None:
        """Keep what was done since the savepoint was set, and forget it."""
        text = self.savepoint_texts[2]
        if text is not None:
            self.run(connection, text)

    # Names

    def table_id(self, text: str) -> TableId:
        """The table that a name in the configuration, or made of ``table.name.format``, is that of.

        Raises:
            ConfigError: the text is no name.
        """
        parts = self.quotes.split(text)
        name = self.cut(parts[-1])
        match parts:
            case [_]:
                return TableId(None, None, name)
            case [outer, _] if self.two_parts_are_catalog:
                return TableId(outer, None, name)
            case [outer, _]:
                return TableId(None, outer, name)
            case [catalog, schema, _]:
                return TableId(catalog, schema, name)
        raise ConfigError(f"{text} is no name of a table: it has {len(parts)} parts, three at most are possible")

    def cut(self, name: str) -> str:
        """The name of a table or column as the database keeps it."""
        data = name.encode()
        if self.longest_name is None or len(data) <= self.longest_name:
            return name
        return data[: self.longest_name].decode(errors="ignore")

    def current_namespace(self, connection: DriverConnection) -> tuple[str | None, str | None]:
        """Catalog and schema that names without them are looked up in; None for what is not part of names here."""
        del connection
        return None, None

    # Tables

    @abstractmethod
    def tables(
        self, connection: DriverConnection, catalog: str | None, schema: str | None, kinds: Collection[str]
    ) -> list[TableId]:
        """Tables that there are, in the order of their names, as JDBC's ``getTables`` lists them.

        Args:
            connection: the query runs in its transaction, which the caller ends.
            catalog: name of the catalog; None for any, empty for tables without one.
            schema: pattern of LIKE for the schema; None for any, empty for tables without one.
            kinds: ``TABLE``, ``VIEW`` … as ``table.types`` has them, in capitals.
        """

    @abstractmethod
    def definition(self, connection: DriverConnection, table: TableId) -> TableDefinition | None:
        """The table with its columns and its primary key; None when there is none of that name.

        Args:
            connection: the queries run in its transaction, which the caller ends.
            table: as :meth:`table_id` or :meth:`tables` gives it.
        """

    def can_undo(self, connection: DriverConnection, table: TableId) -> bool:
        """Whether changes of the table's rows are part of transactions.

        Args:
            connection: the query runs in its transaction, which the caller ends.
            table: one that there is.
        """
        del connection, table
        return True

    # Statements of the sink (spec 11)

    def placeholder(self, column: str, types: Mapping[str, str]) -> str:
        """What stands for the value of a column.

        Args:
            column: its name.
            types: native types of the table's columns by name, in lower case.
        """
        del column, types
        return "?"

    def _values(self, columns: Sequence[str], types: Mapping[str, str]) -> str:
        return ",".join(self.placeholder(column, types) for column in columns)

    def _assigned(self, columns: Sequence[str], types: Mapping[str, str], separator: str) -> str:
        return separator.join(f"{self.quotes.name(column)}={self.placeholder(column, types)}" for column in columns)

    def insert(
        self, table: TableId, keys: Sequence[str], columns: Sequence[str], types: Mapping[str, str] = NO_TYPES
    ) -> str:
        """INSERT; parameters: keys, then columns.

        Args:
            table: to write to.
            keys: key columns; may be none.
            columns: other columns; may be none.
            types: native types of the table's columns by name, as far as they are known.
        """
        names = [*keys, *columns]
        return (
            f"INSERT INTO {self.quotes.table(table)}({self.quotes.names(names)}) VALUES({self._values(names, types)})"
        )

    def update(
        self, table: TableId, keys: Sequence[str], columns: Sequence[str], types: Mapping[str, str] = NO_TYPES
    ) -> str:
        """UPDATE; parameters: columns, then keys.

        Raises:
            UnsupportedError: there is no key column (every row would be changed), or nothing but key columns.
        """
        if not keys:
            raise UnsupportedError(f"An update of {table} needs a key column, or it would change every row")
        if not columns:
            raise UnsupportedError(f"An update of {table} needs a column that is not part of the key")
        where = self._assigned(keys, types, " AND ")
        return f"UPDATE {self.quotes.table(table)} SET {self._assigned(columns, types, ',')} WHERE {where}"

    def upsert(
        self, table: TableId, keys: Sequence[str], columns: Sequence[str], types: Mapping[str, str] = NO_TYPES
    ) -> str:
        """Insert, or update the row with that key; parameters: keys, then columns.

        Raises:
            UnsupportedError: the database has no such statement, or there is no key column.
        """
        del keys, columns, types
        raise UnsupportedError(
            f"Write to table '{table}' in UPSERT mode is not supported with the {self.title} dialect."
        )

    def delete(self, table: TableId, keys: Sequence[str], types: Mapping[str, str] = NO_TYPES) -> str:
        """DELETE of one row; parameters: keys.

        Raises:
            UnsupportedError: there is no key column.
        """
        if not keys:
            raise UnsupportedError(f"A delete from {table} needs a key column, or it would empty the table")
        return f"DELETE FROM {self.quotes.table(table)} WHERE {self._assigned(keys, types, ' AND ')}"

    truncates: ClassVar[bool] = False
    """Whether TRUNCATE is part of the transaction, and not the end of it."""

    def empty(self, table: TableId) -> str:
        """What takes all rows out of a table, within the transaction."""
        return f"{'TRUNCATE TABLE' if self.truncates else 'DELETE FROM'} {self.quotes.table(table)}"

    def _need_keys(self, table: TableId, keys: Sequence[str]) -> None:
        if not keys:
            raise UnsupportedError(
                f"Write to table '{table}' in UPSERT mode requires key field names to be known, check the primary key "
                "configuration (pk.mode, pk.fields)"
            )

    # Tables that are made (spec 12)

    column_types: ClassVar[Mapping[Type, str]] = {}
    """Types of columns for primitive types."""
    logical_types: ClassVar[Mapping[str, str]] = {}
    """Types of columns for logical types, with ``{scale}`` for that of a Decimal."""
    key_types: ClassVar[Mapping[Type, str]] = {}
    """Types of columns of a primary key, where they differ."""
    wide: bool = False
    """Whether columns that are made hold as much as the database can, where Confluent's hold less."""
    wide_types: ClassVar[Mapping[str | Type, str]] = {}
    """Their types, by logical name, and by primitive type for columns that are not part of a key."""
    zoned_timestamp: ClassVar[str | None] = None
    """Type of columns for Timestamps whose schema has the parameter :data:`ZONED`; None for that of any Timestamp."""
    timestamp_types: ClassVar[tuple[str, str]] = ("TIMESTAMP", "TIMESTAMP")
    """Types of columns for fields of ``timestamp.fields.list``, in micro- and nanoseconds."""

    def column_type(self, field: ColumnField) -> str:
        """Type of the column for a field, as it stands in CREATE TABLE.

        Raises:
            UnsupportedError: there is none; names the field.
        """
        schema = field.schema
        if field.timestamp_digits:
            return self.timestamp_types[field.timestamp_digits > 6]
        name = logical(schema)
        if name == schema_types.TIMESTAMP and self.zoned_timestamp is not None and ZONED in schema.parameters:
            return self.zoned_timestamp
        if self.wide and not (field.is_key and name is None):
            widest = self.wide_types.get(name or schema.type)
            if widest is not None:
                return widest
        found = self.column_types.get(schema.type) if name is None else self.logical_types.get(name)
        if field.is_key and name is None:
            found = self.key_types.get(schema.type, found)
        if found is None:
            raise self._no_column(field)
        return found.replace("{scale}", schema.parameters.get(schema_types.SCALE, "0"))

    def _no_value(self, schema: Schema) -> UnsupportedError:
        kind = schema.name or schema.type.value
        return UnsupportedError(f"A value of type {kind} cannot be written to {self.title}")

    def _no_column(self, field: ColumnField) -> UnsupportedError:
        kind = field.schema.name or field.schema.type.value
        return UnsupportedError(f"Field {field.name} of type {kind} has no type of column in {self.title}")

    def literal(self, value: object, schema: Schema) -> str:
        """A value as it stands in a statement, for DEFAULT."""
        return literal(value, schema, self.settings, boolean=self.boolean_literals, binary=self.binary_literal)

    boolean_literals: ClassVar[tuple[str, str]] = ("0", "1")
    """False and true."""
    binary_literal: ClassVar[str] = "x'{}'"
    """Around hexadecimal digits."""

    def column_definition(self, field: ColumnField) -> str:
        """Name, type and default or nullability, for CREATE and ALTER."""
        schema = field.schema
        text = f"{self.quotes.name(field.name)} {self.column_type(field)}"
        if schema.default is not None:
            return f"{text} DEFAULT {self.literal(schema.default, schema)}"
        return f"{text} {'NULL' if schema.optional and not field.is_key else 'NOT NULL'}"

    create_prefix: ClassVar[str] = "CREATE TABLE"
    exact_texts: ClassVar[str] = ""
    """Behind the type of a column of texts, for it to tell all texts apart, where that of keys does not already."""
    transactional_table: ClassVar[str] = ""
    """Behind CREATE TABLE, for a table whose changes can be undone, where that has to be asked for."""

    def create_table(self, table: TableId, fields: Sequence[ColumnField]) -> str:
        """CREATE TABLE, with the key fields in their order as the primary key."""
        lines = [self.column_definition(field) for field in fields]
        keys = [field.name for field in fields if field.is_key]
        if keys:
            lines.append(f"PRIMARY KEY({self.quotes.names(keys)})")
        return f"{self.create_prefix} {self.quotes.table(table)} (\n" + ",\n".join(lines) + ")"

    def add_columns(self, table: TableId, fields: Sequence[ColumnField]) -> list[str]:
        """Statements that add columns to a table, all in one where the database can."""
        added = ", ".join(f"ADD {self.column_definition(field)}" for field in fields)
        return [f"ALTER TABLE {self.quotes.table(table)} {added}"]

    # Values

    def bind(
        self, schema: Schema, column: TableColumn | None = None, timestamp_digits: int = 0
    ) -> Callable[[Any], Any] | None:
        """What makes of a field's value, which is not None, what the driver takes; None when it is that already.

        Dates and times are those that wall clocks of the zones show.

        Args:
            schema: of the field.
            column: of the table, if it exists.
            timestamp_digits: as of :class:`ColumnField`: the value is a number of micro- or nanoseconds since the
                epoch, as a number or text.

        Raises:
            UnsupportedError: there is no column for such a field.
        """
        del column
        settings = self.settings
        if timestamp_digits:
            return lambda number: self.wall(moment_of(number, timestamp_digits))
        match logical(schema):
            case schema_types.DATE:
                return lambda day: wall_date(day, settings.date_zone, proleptic=settings.proleptic)
            case schema_types.TIME:
                return lambda time: wall_time(time, settings.zone)
            case schema_types.TIMESTAMP:
                return self.wall
            case None if not schema.type.is_primitive:
                raise self._no_value(schema)
            case None if schema.type is Type.BYTES:
                return bytes
        return None

    def identity(
        self, schema: Schema, column: TableColumn | None = None, timestamp_digits: int = 0
    ) -> Callable[[Any], Any] | None:
        """What makes of a key field's value what tells rows apart; None when the value does that itself.

        Two values with one identity are always one key to the database. The other way round need not be: what it takes
        for one key may have two identities.

        Args:
            schema: of the field.
            column: of the table, if it exists.
            timestamp_digits: as of :meth:`bind`, which has made something of each value before.

        Returns:
            what raises nothing, whatever it is given.
        """
        del column
        if timestamp_digits:
            return lambda number: int(str(number)) // 10 ** (timestamp_digits - 6)
        if logical(schema) is None and schema.type is Type.BYTES:
            return _unchanging
        return None

    def wall(self, instant: datetime.datetime) -> Any:  # noqa: ANN401 - drivers differ
        """A point in time as a wall clock of ``db.timezone``."""
        return to_wall(instant, self.settings.zone, proleptic=self.settings.proleptic)

    def bind_timestamp(self, epoch_nanos: int) -> Any:  # noqa: ANN401 - drivers differ
        """A point in time as a parameter of the source's queries, in nanoseconds since the epoch (spec 6.3)."""
        return self.wall(moment_of(epoch_nanos, 9))

    # Errors

    @abstractmethod
    def refusal(self, error: BaseException) -> Refusal:
        """Parts of a driver's error, and what has to be done about it."""

    def failure(self, error: BaseException, what: str, *, trim: bool = False, hidden: bool = False) -> ConnectError:
        """The error for what a driver raised, of the class that the reaction asks for (spec 7, 10 and 15).

        Args:
            error: of the driver; errors of ours come back as they are.
            what: was tried, and with what: ``Reading table public.orders``.
            trim: whether values of rows must not be shown (``trim.sensitive.log``).
            hidden: whether the statement must not be shown, which the database may repeat (``query.masked``).

        Returns:
            RetriableError and its kinds for what passes, DataError when a record is at fault, CredentialsError,
            ConfigError, NotFoundError, else ConnectError for what does not pass.
        """
        if isinstance(error, RowError):
            error = error.reason
        if isinstance(error, ConnectError):
            return error
        return failure_of(self.refusal(error), what, trim=trim, hidden=hidden)

    def says_why(self, error: BaseException) -> bool:
        """Whether it is the database that refuses, by a state or a number: where that was met tells nobody more."""
        refusal = self.refusal(error)
        return bool(refusal.state or refusal.code)

    @contextmanager
    def attempt(self, what: str, *, trim: bool = False) -> Iterator[None]:
        """Something is tried with the database; arguments as of :meth:`failure`.

        Raises:
            ConnectError: of :meth:`failure`, for what the driver raised.
        """
        try:
            yield
        except ConnectError:
            raise
        except Exception as error:  # supervision point: drivers raise what they want
            raise self.failure(error, what, trim=trim) from error


def _unchanging(value: Any) -> Any:  # noqa: ANN401 - bytes in any buffer, or what is none
    return bytes(value) if isinstance(value, bytearray | memoryview) else value


_LOGICAL: Final = frozenset({schema_types.DECIMAL, schema_types.DATE, schema_types.TIME, schema_types.TIMESTAMP})


def logical(schema: Schema) -> str | None:
    """Name of a logical type that columns are made for, else None: it is then its primitive type that counts."""
    return schema.name if schema.name in _LOGICAL else None
