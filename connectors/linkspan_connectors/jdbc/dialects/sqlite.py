"""SQLite through Python's own module (spec/jdbc.md 2.2, 8.3, 11–13)."""

from __future__ import annotations

import datetime
import logging
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any, ClassVar, Final

from linkspan.api import Schema, Type
from linkspan.api.schema import DATE, DECIMAL, TIME, TIMESTAMP
from linkspan_connectors.jdbc.credentials import Credentials
from linkspan_connectors.jdbc.dialects.dialect import NO_TYPES, ColumnField, Dialect, logical
from linkspan_connectors.jdbc.dialects.sqlite_columns import GrowingSelection, described, text_or_bytes
from linkspan_connectors.jdbc.dialects.sqlite_tables import definition_of, list_tables
from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.errors import Kind, Refusal
from linkspan_connectors.jdbc.gaps import NOBODY, Writers
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.results import Selection
from linkspan_connectors.jdbc.tables import TableColumn, TableDefinition
from linkspan_connectors.jdbc.zones import moment_of

__all__ = ["SqliteDialect"]

log = logging.getLogger(__name__)

_PRAGMAS: Final = frozenset(
    {"busy_timeout", "cache_size", "foreign_keys", "journal_mode", "synchronous", "temp_store", "read_uncommitted",
     "recursive_triggers", "secure_delete", "journal_size_limit", "locking_mode", "mmap_size", "page_size", "encoding"}
)  # fmt: skip
"""Properties of the Java driver that are pragmas of the database."""
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_DAY_ONE: Final = _EPOCH.date()
_MILLISECOND: Final = datetime.timedelta(milliseconds=1)


class SqliteDialect(Dialect):
    """A file of SQLite."""

    name = "SqliteDatabaseDialect"
    title = "SQLite"
    protocols = ("sqlite",)
    selections_at_once = True
    quote_characters = ("`", "`")
    current_time_query = "SELECT strftime('%Y-%m-%d %H:%M:%f','now')"  # %f has the seconds as well
    sqlalchemy_name = "sqlite+pysqlite"
    row_limit = " LIMIT {}"
    column_types: ClassVar[Mapping[Type, str]] = {
        **dict.fromkeys((Type.INT8, Type.INT16, Type.INT32, Type.INT64, Type.BOOLEAN), "INTEGER"),
        **dict.fromkeys((Type.FLOAT32, Type.FLOAT64), "REAL"),
        Type.STRING: "TEXT",
        Type.BYTES: "BLOB",
    }
    logical_types: ClassVar[Mapping[str, str]] = dict.fromkeys((DECIMAL, DATE, TIME, TIMESTAMP), "NUMERIC")
    timestamp_types = ("NUMERIC", "NUMERIC")

    def connect(self, credentials: Credentials, application: str) -> DriverConnection:
        """Open the file, which is made if there is none; waits three seconds for others who write to it."""
        del credentials, application
        path = self.settings.url.database or ":memory:"
        connection = sqlite3.connect(
            path, timeout=3.0, isolation_level="DEFERRED", check_same_thread=False, uri=path.startswith("file:")
        )
        connection.text_factory = text_or_bytes
        try:
            for name, value in self.settings.all_properties.items():
                if name in _PRAGMAS and value.replace("_", "").replace("-", "").isalnum():
                    connection.execute(f"PRAGMA {name} = {value}")
                else:
                    log.warning("Property %s of the connection is not known here, and has no effect", name)
            _look_at_file(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def is_open(self, connection: DriverConnection) -> bool:
        """Not closed."""
        session: Any = connection
        try:
            return isinstance(session.in_transaction, bool)
        except sqlite3.ProgrammingError:
            return False

    def interrupt(self, connection: DriverConnection) -> None:
        """Let a statement that runs end."""
        session: Any = connection
        with suppress(sqlite3.Error):
            session.interrupt()

    def set_isolation(self, connection: DriverConnection, mode: str) -> bool:
        """It is always SERIALIZABLE, but that what is not committed can be read within one process."""
        if mode == "READ_UNCOMMITTED":
            self.run(connection, "PRAGMA read_uncommitted = true")
        return mode in ("SERIALIZABLE", "READ_UNCOMMITTED")

    def set_savepoint(self, connection: DriverConnection) -> None:
        """Within a transaction: outside of one, to release it would be to commit."""
        session: Any = connection
        if not session.in_transaction:
            self.run(connection, "BEGIN")
        super().set_savepoint(connection)

    def select(
        self, connection: DriverConnection, statement: str, parameters: Sequence[Any] = (), *, batch_rows: int
    ) -> Selection:
        """Rows are made while they are fetched."""
        columns = described(connection, statement, self.settings)
        cursor = connection.cursor()
        cursor.execute(statement, tuple(parameters))
        first = cursor.fetchmany(batch_rows)
        return GrowingSelection(cursor, columns(cursor.description or (), first), first)

    def check_query(self, connection: DriverConnection, statement: str) -> None:
        """Have its plan made."""
        cursor = connection.cursor()
        cursor.execute(f"EXPLAIN {statement}")
        cursor.close()

    def tables(
        self, connection: DriverConnection, catalog: str | None, schema: str | None, kinds: Collection[str]
    ) -> list[TableId]:
        """Those of the file; it has neither catalogs nor schemas."""
        del catalog, schema
        return list_tables(connection, kinds)

    def writers(self, connection: DriverConnection, table: TableId) -> Writers:
        """One at a time, who takes ids while nobody else may write."""
        del connection, table
        return NOBODY

    def definition(self, connection: DriverConnection, table: TableId) -> TableDefinition | None:
        """By its bare name."""
        return definition_of(connection, table)

    def upsert(
        self, table: TableId, keys: Sequence[str], columns: Sequence[str], types: Mapping[str, str] = NO_TYPES
    ) -> str:
        """INSERT OR REPLACE: columns that are not given get their defaults, as in the original."""
        self._need_keys(table, keys)
        names = [*keys, *columns]
        head = f"INSERT OR REPLACE INTO {self.quotes.table(table)}({self.quotes.names(names)})"
        return f"{head} VALUES({self._values(names, types)})"

    def add_columns(self, table: TableId, fields: Sequence[ColumnField]) -> list[str]:
        """A statement a column."""
        name = self.quotes.table(table)
        return [f"ALTER TABLE {name} ADD {self.column_definition(field)}" for field in fields]

    def bind(
        self, schema: Schema, column: TableColumn | None = None, timestamp_digits: int = 0
    ) -> Callable[[Any], Any] | None:
        """Days, times and moments are milliseconds since the epoch, as the Java driver stores them."""
        del column
        if timestamp_digits:
            return lambda number: _millis(moment_of(number, timestamp_digits))
        name = logical(schema)
        if name == DECIMAL:
            return _decimal
        if name == DATE:
            return lambda day: (day - _DAY_ONE).days * 86_400_000
        if name == TIME:
            return lambda time: _millis(datetime.datetime.combine(_DAY_ONE, time, datetime.UTC))
        if name == TIMESTAMP:
            return _millis
        if schema.type not in self.column_types:
            raise self._no_value(schema)
        return int if schema.type is Type.BOOLEAN else None

    def bind_timestamp(self, epoch_nanos: int) -> int:
        """Milliseconds, as the Java driver binds it."""
        return epoch_nanos // 1_000_000

    def refusal(self, error: BaseException) -> Refusal:
        """By the code of the error."""
        code = getattr(error, "sqlite_errorcode", None)
        return Refusal(_kind(error, code, str(error)), str(error), None, getattr(error, "sqlite_errorname", None))


def _millis(instant: datetime.datetime) -> int:
    return (instant - _EPOCH) // _MILLISECOND


def _decimal(number: Decimal) -> Any:  # noqa: ANN401 - what keeps most of it
    """As the Java driver, which stores a text that the column's affinity makes a number of."""
    return f"{number:f}"


_CODES: Final = {
    sqlite3.SQLITE_BUSY: Kind.AGAIN,
    sqlite3.SQLITE_LOCKED: Kind.AGAIN,
    sqlite3.SQLITE_INTERRUPT: Kind.AGAIN,
    sqlite3.SQLITE_SCHEMA: Kind.AGAIN,
    sqlite3.SQLITE_FULL: Kind.WAIT,
    sqlite3.SQLITE_IOERR: Kind.WAIT,
    sqlite3.SQLITE_NOMEM: Kind.WAIT,
    sqlite3.SQLITE_CANTOPEN: Kind.URL,
    sqlite3.SQLITE_NOTADB: Kind.URL,
    sqlite3.SQLITE_CORRUPT: Kind.FINAL,
    sqlite3.SQLITE_READONLY: Kind.CREDENTIALS,
    sqlite3.SQLITE_PERM: Kind.CREDENTIALS,
    sqlite3.SQLITE_AUTH: Kind.CREDENTIALS,
    sqlite3.SQLITE_CONSTRAINT: Kind.RECORD,
    sqlite3.SQLITE_MISMATCH: Kind.RECORD,
    sqlite3.SQLITE_TOOBIG: Kind.RECORD,
}


def _kind(error: BaseException, code: int | None, text: str) -> Kind:
    if code is not None and code & 0xFF in _CODES:
        return _CODES[code & 0xFF]
    if text.startswith(("no such table", "no such column")) or "has no column named" in text:
        return Kind.MISSING
    if isinstance(error, OverflowError | UnicodeEncodeError) or "Error binding parameter" in text:
        return Kind.RECORD
    return Kind.UNREACHABLE if "closed database" in text else Kind.FINAL


def _look_at_file(connection: sqlite3.Connection) -> None:
    """Have a file that is no database refused while the URL is looked at: opening alone reads nothing of it."""
    try:
        connection.execute("PRAGMA schema_version")
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
            raise
