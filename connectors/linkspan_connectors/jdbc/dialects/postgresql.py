"""PostgreSQL through psycopg (spec/jdbc.md 2.2, 8.3, 11 and 12)."""

from __future__ import annotations

import datetime
import logging
import os
import socket
import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final

from linkspan.api import DataError, Schema, Type
from linkspan.api.schema import DATE, DECIMAL, TIME, TIMESTAMP
from linkspan_connectors.jdbc.credentials import Credentials
from linkspan_connectors.jdbc.dialects.dialect import NO_TYPES, ColumnField, Dialect, logical
from linkspan_connectors.jdbc.dialects.postgresql_columns import ServerSelection, TypeNames, use_plain_texts
from linkspan_connectors.jdbc.dialects.postgresql_connection import conninfo, prepare_threshold
from linkspan_connectors.jdbc.dialects.postgresql_moments import moment_text
from linkspan_connectors.jdbc.dialects.postgresql_tables import LIST, OF_COLUMNS, OF_TABLE, definition_of, listed
from linkspan_connectors.jdbc.dialects.postgresql_writers import OF_WRITERS, writers_of
from linkspan_connectors.jdbc.drivers import DriverConnection, RowError, driver, with_placeholders
from linkspan_connectors.jdbc.errors import Kind, Refusal, kind_of_state
from linkspan_connectors.jdbc.gaps import Writers
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.results import JdbcType, ResultColumn, Selection
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.tables import TableColumn, TableDefinition
from linkspan_connectors.jdbc.zones import moment_of, offset_text, to_wall, wall_date, wall_time

__all__ = ["PostgreSqlDialect"]

log = logging.getLogger(__name__)

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_CASTS: Final = frozenset({"json", "jsonb", "uuid"})
_SINGLE: Final = struct.Struct(">f").pack
_UUID_SIGNS: Final = str.maketrans("", "", "{}-")


class PostgreSqlDialect(Dialect):
    """PostgreSQL, and what speaks its protocol."""

    name = "PostgreSqlDatabaseDialect"
    title = "PostgreSQL"
    protocols = ("postgresql",)
    selections_at_once = True
    parameter_style = "format"
    longest_name: ClassVar[int | None] = 63
    sqlalchemy_name = "postgresql+psycopg"
    column_types: ClassVar[Mapping[Type, str]] = {
        Type.INT8: "SMALLINT",
        Type.INT16: "SMALLINT",
        Type.INT32: "INT",
        Type.INT64: "BIGINT",
        Type.FLOAT32: "REAL",
        Type.FLOAT64: "DOUBLE PRECISION",
        Type.BOOLEAN: "BOOLEAN",
        Type.STRING: "TEXT",
        Type.BYTES: "BYTEA",
    }
    logical_types: ClassVar[Mapping[str, str]] = {
        DECIMAL: "DECIMAL",
        DATE: "DATE",
        TIME: "TIME",
        TIMESTAMP: "TIMESTAMP",
    }
    zoned_timestamp = "TIMESTAMP WITH TIME ZONE"
    boolean_literals = ("FALSE", "TRUE")
    truncates = True
    binary_literal = r"'\x{}'"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._names = TypeNames()

    def connect(self, credentials: Credentials, application: str) -> DriverConnection:
        """Open a connection; dates come in ISO's form, whatever the server's is."""
        psycopg = driver("psycopg", "linkspan[jdbc]", self.title)
        logging.getLogger("psycopg").addFilter(_is_news)
        connection = psycopg.connect(
            **conninfo(self.settings, credentials, application), prepare_threshold=prepare_threshold(self.settings)
        )
        try:
            use_plain_texts(connection)
            style = connection.info.parameter_status("DateStyle") or ""
            if not style.startswith("ISO"):
                connection.execute("SET DateStyle TO ISO")
                connection.commit()
        except BaseException:
            connection.close()
            raise
        made: DriverConnection = connection
        return made

    def is_open(self, connection: DriverConnection) -> bool:
        """Neither closed nor broken."""
        session: Any = connection
        return not session.closed

    def abort(self, connection: DriverConnection) -> None:
        """Shut the socket down."""
        session: Any = connection
        with suppress(Exception), socket.socket(fileno=os.dup(session.fileno())) as cut:
            cut.shutdown(socket.SHUT_RDWR)

    def text(self, statement: str, *, parameters: bool = True) -> bytes:
        """In UTF-8, also for a database that has no encoding."""
        return with_placeholders(statement, self.parameter_style, parameters=parameters).encode()

    def interrupt(self, connection: DriverConnection) -> None:
        """Ask the server to cancel what it is doing."""
        session: Any = connection
        with suppress(Exception):
            session.cancel_safe(timeout=5)

    def run_many(self, connection: DriverConnection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """In one pipeline; there is an answer for each row before the one that is refused."""
        cursor = connection.cursor()
        try:
            cursor.executemany(self.text(statement), rows, returning=True)
        except Exception as error:  # supervision point: drivers raise what they want
            raise RowError(error, _answers(cursor)) from error
        finally:
            cursor.close()

    def move_savepoint(self, connection: DriverConnection) -> None:
        """In one exchange; to set it again alone would keep the one before as well."""
        self.run(connection, f"{self.savepoint_texts[2]}; {self.savepoint_texts[0]}")

    def select(
        self, connection: DriverConnection, statement: str, parameters: Sequence[Any] = (), *, batch_rows: int
    ) -> Selection:
        """Through a cursor of the server, within the transaction."""
        session: Any = connection
        text = self.text(statement, parameters=bool(parameters))
        return ServerSelection(session, text, tuple(parameters) or None, batch_rows, self._names, self.settings)

    def check_query(self, connection: DriverConnection, statement: str) -> None:
        """Have it prepared."""
        session: Any = connection
        import psycopg  # noqa: PLC0415 - of the extra "jdbc"

        session.execute(f"SET LOCAL statement_timeout = '{self.check_seconds}s'")
        result = session.pgconn.prepare(b"", with_placeholders(statement, "dollar").encode())
        if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
            raise psycopg.errors.error_from_result(result, session.info.encoding)

    def current_namespace(self, connection: DriverConnection) -> tuple[str | None, str | None]:
        """The first schema of the search path that there is."""
        (row,) = self.ask(connection, "SELECT current_schema()")
        return None, row[0]

    def tables(
        self, connection: DriverConnection, catalog: str | None, schema: str | None, kinds: Collection[str]
    ) -> list[TableId]:
        """Of this database, which is all that a connection sees."""
        return listed(self.ask(connection, LIST, ["%" if schema is None else schema, catalog or None, catalog]), kinds)

    def definition(self, connection: DriverConnection, table: TableId) -> TableDefinition | None:
        """In its schema, else where the search path leads to."""
        name = self.quotes.table(table._replace(catalog=None))
        rows = self.ask(connection, OF_TABLE, [name])
        if not rows:
            return None
        oid, schema, name, kind = rows[0]
        return definition_of(schema, name, kind, self.ask(connection, OF_COLUMNS, [oid]))

    def writers(self, connection: DriverConnection, table: TableId) -> Writers:
        """By the transactions of a snapshot, and the locks on the table."""
        return writers_of(self.ask(connection, OF_WRITERS, [self.quotes.table(table._replace(catalog=None))]))

    def placeholder(self, column: str, types: Mapping[str, str]) -> str:
        """With a cast where the column has a type that texts are not made into by themselves."""
        native = types.get(column, "")
        return f"?::{native}" if native in _CASTS else "?"

    def insert(
        self, table: TableId, keys: Sequence[str], columns: Sequence[str], types: Mapping[str, str] = NO_TYPES
    ) -> str:
        """INSERT."""
        names = [*keys, *columns]
        values = self._values(names, types)
        return f"INSERT INTO {self.quotes.table(table)} ({self.quotes.names(names)}) VALUES ({values})"

    def upsert(
        self, table: TableId, keys: Sequence[str], columns: Sequence[str], types: Mapping[str, str] = NO_TYPES
    ) -> str:
        """INSERT … ON CONFLICT."""
        self._need_keys(table, keys)
        name = self.quotes.name
        changes = ",".join(f"{name(column)}=EXCLUDED.{name(column)}" for column in columns)
        action = f"UPDATE SET {changes}" if columns else "NOTHING"
        conflict = f"ON CONFLICT ({self.quotes.names(keys)}) DO {action}"
        return f"{self.insert(table, keys, columns, types)} {conflict}"

    def column_type(self, field: ColumnField) -> str:
        """As of spec 12; arrays of primitive types as well."""
        items = field.schema.values if field.schema.type is Type.ARRAY else None
        if items is None:
            return super().column_type(field)
        inner = None if logical(items) or items.type is Type.BYTES else self.column_types.get(items.type)
        if inner is None:
            raise self._no_column(field)
        return f"{inner}[]"

    def bind(
        self, schema: Schema, column: TableColumn | None = None, timestamp_digits: int = 0
    ) -> Callable[[Any], Any] | None:
        """Dates and times go as texts, which the server reads by the type of the column."""
        if timestamp_digits:
            return lambda number: self.wall(moment_of(number, timestamp_digits))
        name = logical(schema)
        if name == DATE:
            return self._day
        if name == TIME:
            return self._clock
        if schema.type in (Type.ARRAY, Type.BYTES):
            return None
        return super().bind(schema, column)

    def identity(
        self, schema: Schema, column: TableColumn | None = None, timestamp_digits: int = 0
    ) -> Callable[[Any], Any] | None:
        """As columns compare: a UUID however it is written, a ``char`` without the blanks behind it, single floats."""
        found = super().identity(schema, column, timestamp_digits)
        if found is not None or column is None or logical(schema) is not None:
            return found
        native = column.type_name.partition("(")[0]
        if schema.type is Type.STRING:
            return {"uuid": _uuid, "bpchar": _unpadded}.get(native)
        if schema.type is Type.FLOAT32 and native == "float4":
            return _single
        return None

    def _day(self, day: datetime.date) -> str:
        """A day with its offset, which a column with time zone takes for its beginning."""
        zone = self.settings.date_zone
        midnight = datetime.datetime.combine(day, datetime.time(), datetime.UTC)
        return f"{wall_date(day, zone, proleptic=self.settings.proleptic).isoformat()} {offset_text(midnight, zone)}"

    def _clock(self, time: datetime.time) -> str:
        """A time of day with the offset of the first day of the epoch, for a column with time zone."""
        zone = self.settings.zone
        return f"{wall_time(time, zone).isoformat()}{offset_text(_EPOCH, zone)}"

    def wall(self, instant: datetime.datetime) -> str:
        """A wall clock with its offset: a column with time zone takes the instant, one without the clock."""
        zone = self.settings.zone
        if zone is datetime.UTC and (self.settings.proleptic or instant.year > 1582):
            return f"{instant.astimezone(zone).isoformat(' ')}"
        wall = to_wall(instant, zone, proleptic=self.settings.proleptic)
        return f"{wall.isoformat(' ')}{offset_text(instant, zone)}"

    def bind_timestamp(self, epoch_nanos: int) -> str:
        """As text, with nanoseconds, which the server rounds."""
        try:
            instant = moment_of(epoch_nanos - epoch_nanos % 1_000_000_000, 9)
            wall = to_wall(instant, self.settings.zone, proleptic=self.settings.proleptic)
        except (DataError, OverflowError):
            # rows are followed by such times, too
            return moment_text(epoch_nanos // 1_000_000, self.settings)
        return f"{wall.isoformat(' ')}.{epoch_nanos % 1_000_000_000:09}{offset_text(instant, self.settings.zone)}"

    def objection_to_timestamp(self, column: ResultColumn) -> str | None:
        """It compares a text with a time as two texts, and finds no row, or the wrong ones, without a word."""
        return None if column.type in _OF_TIME else f"it is {column.type_name}, and holds no dates or timestamps"

    def refusal(self, error: BaseException) -> Refusal:
        """By SQLState; without one it is the connection that failed."""
        import psycopg  # noqa: PLC0415 - of the extra "jdbc"

        state = getattr(error, "sqlstate", None)
        diagnostics = getattr(error, "diag", None)
        text = (getattr(diagnostics, "message_primary", None) or str(error)).strip()
        column = getattr(diagnostics, "column_name", None)
        detail = getattr(diagnostics, "message_detail", None)
        return Refusal(_kind(error, state, text, psycopg), text, state, None, column, detail)


_OF_TIME: Final = frozenset({JdbcType.DATE, JdbcType.TIMESTAMP})


def _single(number: Any) -> Any:  # noqa: ANN401 - a number, or what is none
    try:
        return _SINGLE(number)
    except (struct.error, OverflowError):
        return number


def _uuid(text: Any) -> str:  # noqa: ANN401 - a text, or what is none
    return str(text).translate(_UUID_SIGNS).lower()


def _unpadded(text: Any) -> str:  # noqa: ANN401 - as above
    return str(text).rstrip(" ")


def _answers(cursor: Any) -> int:  # noqa: ANN401 - psycopg's
    if cursor.pgresult is None:
        return 0
    count = 1
    while cursor.nextset():
        count += 1
    return count


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a message of the driver says more than the error that it raises when many rows are refused."""
    return not str(record.msg).startswith("error ignored terminating")


def _kind(error: BaseException, state: str | None, text: str, psycopg: Any) -> Kind:  # noqa: ANN401 - a module
    kind = kind_of_state(state)
    if kind is not None:
        return kind
    if state == "0A000" and getattr(getattr(error, "diag", None), "source_function", None) == _OF_PREPARED:
        # the table was altered since its statement was prepared, which a new connection does anew
        return Kind.AGAIN
    if state is None and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return next((found for words, found in _TEXTS if words in text), Kind.UNREACHABLE)
    return Kind.RECORD if state is None and isinstance(error, psycopg.DataError) else Kind.FINAL


_OF_PREPARED: Final = "RevalidateCachedQuery"
"""What refuses, in the server, to run a statement whose result has other columns by now."""
_TEXTS: Final = (
    ("too many connections", Kind.FULL),
    ("authentication failed", Kind.CREDENTIALS),
    ('role "', Kind.CREDENTIALS),
    ("permission denied for database", Kind.CREDENTIALS),
    ("no such user", Kind.CREDENTIALS),
    ("no such database", Kind.URL),
    ("no password supplied", Kind.CREDENTIALS),
    ("no pg_hba.conf entry", Kind.CREDENTIALS),
    ("server does not support SSL", Kind.URL),
    ("does not exist", Kind.URL),
    ("invalid connection option", Kind.URL),
    ("invalid sslmode value", Kind.URL),
    ("too many clients", Kind.FULL),
    ("remaining connection slots", Kind.FULL),
    ("no more connections allowed", Kind.FULL),
    ("is starting up", Kind.WAIT),
    ("is shutting down", Kind.WAIT),
    ("is in recovery", Kind.WAIT),
)
"""What libpq says while connecting, when it gives no SQLState."""
