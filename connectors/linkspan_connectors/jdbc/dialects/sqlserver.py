"""SQL Server through pymssql (spec/jdbc.md 2.2, 8.3, 11 and 12)."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final

from linkspan.api import ConfigError, Type
from linkspan.api.schema import DATE, DECIMAL, TIME, TIMESTAMP
from linkspan_connectors.jdbc.credentials import Credentials
from linkspan_connectors.jdbc.dialects.dialect import NO_TYPES, ColumnField, CursorSelection, Dialect
from linkspan_connectors.jdbc.dialects.merging import merge_of_selected
from linkspan_connectors.jdbc.dialects.sqlserver_columns import DESCRIBE, columns_of
from linkspan_connectors.jdbc.dialects.sqlserver_tables import LIST, OF_COLUMNS, OF_TABLE, definition_of, listed
from linkspan_connectors.jdbc.drivers import DriverConnection, DriverCursor, driver, with_nulls
from linkspan_connectors.jdbc.errors import Kind, Refusal
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.results import ResultColumn, Selection
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.tables import TableDefinition

__all__ = ["SqlServerDialect", "arguments"]

log = logging.getLogger(__name__)

_EXACT_COMPARISON: Final = 13
"""Major version of SQL Server 2016."""
_TRUE: Final = frozenset({"true", "yes", "1", "strict", "mandatory"})
_KNOWN: Final = frozenset(
    {"user", "username", "password", "databasename", "database", "servername", "server", "portnumber", "port",
     "instancename", "instance", "encrypt", "trustservercertificate", "hostnameincertificate", "applicationname",
     "appname", "logintimeout", "integratedsecurity", "authentication", "sendstringparametersasunicode",
     "selectmethod", "responsebuffering", "usebulkcopyforbatchinsert", "sockettimeout", "applicationintent"}
)  # fmt: skip


class SqlServerDialect(Dialect):
    """SQL Server."""

    name = "SqlServerDatabaseDialect"
    truncates = True
    title = "SQL Server"
    times_are_cut = True
    protocols = ("sqlserver", "microsoft:sqlserver", "jtds:sqlserver")
    quote_characters = ("[", "]")
    parameter_style = "format"
    two_parts_are_catalog = True
    sqlalchemy_name = "mssql+pymssql"
    row_limit = " OFFSET 0 ROWS FETCH NEXT {} ROWS ONLY"
    binary_literal = "0x{}"
    savepoint_texts = ("SAVE TRANSACTION linkspan", "ROLLBACK TRANSACTION linkspan", None)
    column_types: ClassVar[Mapping[Type, str]] = {
        Type.INT8: "smallint",  # tinyint, which the original makes, has no negative numbers
        Type.INT16: "smallint",
        Type.INT32: "int",
        Type.INT64: "bigint",
        Type.FLOAT32: "real",
        Type.FLOAT64: "float",
        Type.BOOLEAN: "bit",
        Type.STRING: "varchar(max)",
        Type.BYTES: "varbinary(max)",
    }
    key_types: ClassVar[Mapping[Type, str]] = {Type.STRING: "varchar(900)"}
    exact_texts = " COLLATE Latin1_General_BIN2"
    logical_types: ClassVar[Mapping[str, str]] = {
        DECIMAL: "decimal(38,{scale})",
        DATE: "date",
        TIME: "time",
        TIMESTAMP: "datetime2",
    }
    timestamp_types = ("datetime2", "datetime2")

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._version = 0

    def connect(self, credentials: Credentials, application: str) -> DriverConnection:
        """Open a connection; where encryption is asked for, the certificate is not checked, which FreeTDS cannot."""
        pymssql = driver("pymssql", "linkspan[jdbc]", self.title)
        made: DriverConnection = pymssql.connect(**arguments(self.settings, credentials, application))
        try:
            self._version = self.major_version(made)
            made.rollback()
        except BaseException:
            made.close()
            raise
        return made

    def objection_to_timestamp(self, column: ResultColumn) -> str | None:
        """Since 2016 a datetime, which is rounded, is compared with all digits of a parameter."""
        if column.type_name != "datetime" or self._version < _EXACT_COMPARISON:
            return None
        return (
            "it is a datetime, whose rounded fractions of a second SQL Server 2016 and later compare exactly, so that "
            "rows would be left out; make it a datetime2"
        )

    def set_isolation(self, connection: DriverConnection, mode: str) -> bool:
        """For the session."""
        level = mode.replace("SQL_SERVER_", "").replace("_", " ")
        self.run(connection, f"SET TRANSACTION ISOLATION LEVEL {level}")
        connection.commit()
        return True

    def select(
        self, connection: DriverConnection, statement: str, parameters: Sequence[Any] = (), *, batch_rows: int
    ) -> Selection:
        """Rows stay on the wire until they are fetched; what they are is asked for before."""
        del batch_rows
        described = self.ask(connection, DESCRIBE, [with_nulls(statement)])
        cursor: DriverCursor = connection.cursor()
        try:
            if parameters:
                cursor.execute(self.text(statement), tuple(parameters))
            else:
                cursor.execute(self.text(statement, parameters=False))
            labels = [column[0] for column in cursor.description or ()]
        except BaseException:
            with suppress(Exception):
                cursor.close()
            raise
        return CursorSelection(cursor, columns_of(labels, described))

    def check_query(self, connection: DriverConnection, statement: str) -> None:
        """Have the server describe its result."""
        self.ask(connection, "EXEC sp_describe_first_result_set @tsql = ?", [with_nulls(statement)])

    def current_namespace(self, connection: DriverConnection) -> tuple[str | None, str | None]:
        """Database and schema."""
        (row,) = self.ask(connection, "SELECT db_name(), schema_name()")
        return row[0], row[1]

    def tables(
        self, connection: DriverConnection, catalog: str | None, schema: str | None, kinds: Collection[str]
    ) -> list[TableId]:
        """Of the database of the connection, if that is the catalog."""
        return listed(self.ask(connection, LIST, ["%" if schema is None else schema, catalog or None, catalog]), kinds)

    def definition(self, connection: DriverConnection, table: TableId) -> TableDefinition | None:
        """Of the object of that name; of the one that a synonym stands for."""
        rows = self.ask(connection, OF_TABLE, [self.quotes._replace(always=True).table(table)])
        if not rows:
            return None
        number, *found = rows[0]
        return definition_of(found, self.ask(connection, OF_COLUMNS, [number]))

    def major_version(self, connection: DriverConnection) -> int:
        """13 for SQL Server 2016."""
        (row,) = self.ask(connection, "SELECT CAST(SERVERPROPERTY('ProductVersion') AS varchar(40))")
        return int(str(row[0]).partition(".")[0])

    def add_columns(self, table: TableId, fields: Sequence[ColumnField]) -> list[str]:
        """ADD once."""
        added = ", ".join(map(self.column_definition, fields))
        return [f"ALTER TABLE {self.quotes.table(table)} ADD {added}"]

    def upsert(
        self, table: TableId, keys: Sequence[str], columns: Sequence[str], types: Mapping[str, str] = NO_TYPES
    ) -> str:
        """MERGE, which holds its locks unless told otherwise (``mssql.use.merge.holdlock``)."""
        del types
        self._need_keys(table, keys)
        hint = " with (HOLDLOCK) AS target" if self.settings.holdlock else " AS target"
        return merge_of_selected(self.quotes, table, keys, columns, hint) + ";"

    def refusal(self, error: BaseException) -> Refusal:
        """By the number of the error."""
        arguments = error.args
        if len(arguments) == 1 and isinstance(arguments[0], tuple):
            arguments = arguments[0]
        number = arguments[0] if arguments and isinstance(arguments[0], int) else None
        said = arguments[1] if len(arguments) > 1 else str(error)
        text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        return Refusal(_kind(error, number), text, None, number)


def arguments(settings: Settings, credentials: Credentials, application: str) -> dict[str, Any]:
    """Arguments of ``pymssql.connect``.

    Raises:
        ConfigError: a property cannot be honoured.
    """
    url, option = settings.url, settings.option
    for name in settings.all_properties:
        if name.lower() not in _KNOWN:
            log.warning("Property %s of the connection is not known here, and has no effect", name)
    way = (option("authentication") or "NotSpecified").lower()
    if way not in ("notspecified", "sqlpassword"):
        raise ConfigError.invalid("connection.url", way, "only authentication by user and password is possible here")
    host = url.hosts[0] if url.hosts else None
    instance = option("instanceName", "instance")
    trusted = (option("integratedSecurity") or "false").lower() in _TRUE
    made: dict[str, Any] = {
        "server": (host.name if host is not None else "localhost") + (f"\\{instance}" if instance else ""),
        "port": str(host.port) if host is not None and host.port else None if instance else "1433",
        "user": None if trusted else credentials.user or option("user", "userName") or url.user,
        "password": None if trusted else credentials.password or option("password") or url.password,
        "database": url.database or option("databaseName", "database") or "",
        "login_timeout": _seconds(settings),
        "appname": option("applicationName", "appName") or application,
        "charset": "UTF-8",
        "autocommit": False,
        "use_datetime2": True,
        "encryption": "require" if (option("encrypt") or "").lower() in _TRUE else None,
        "read_only": (option("applicationIntent") or "").lower() == "readonly",
    }
    return {name: value for name, value in made.items() if value is not None}


def _seconds(settings: Settings) -> int:
    text = settings.option("loginTimeout")
    try:
        return int(text) if text else int(settings.login_seconds)
    except ValueError:
        raise ConfigError.invalid("connection.url", text, "loginTimeout has to be a number of seconds") from None


_OF_NUMBERS: Final[Mapping[Kind, frozenset[int]]] = {
    Kind.AGAIN: frozenset({1205, 1222, 3960, 3961, 41302, 41305, 41325, 41839}),
    Kind.WAIT: frozenset({1105, 3906, 9002, 40501, 40613, 49918, 49919, 49920, 18401, 976, 983}),
    Kind.UNREACHABLE: frozenset(
        {17, 64, 233, 596, 10053, 10054, 10060, 40197, 40540, 20002, 20003, 20004, 20006, 20009, 20017, 20047}
    ),
    Kind.FULL: frozenset({10928, 10929, 17809}),
    Kind.CREDENTIALS: frozenset({229, 230, 262, 916, 18450, 18452, 18456, 18470, 18486, 18487, 18488}),
    Kind.URL: frozenset({911, 4060}),
    Kind.RECORD: frozenset(
        {220, 232, 241, 242, 244, 245, 248, 295, 515, 544, 547, 550, 2601, 2627, 2628, 8114, 8115, 8134, 8152, 8169,
         9420, 13608, 50000}
    ),
    Kind.MISSING: frozenset({207, 208, 2812}),
}  # fmt: skip
_KINDS: Final = {number: kind for kind, numbers in _OF_NUMBERS.items() for number in numbers}


def _kind(error: BaseException, number: int | None) -> Kind:
    if number is not None and number in _KINDS:
        return _KINDS[number]
    match type(error).__name__:
        case "IntegrityError" | "DataError":
            return Kind.RECORD
        case "InterfaceError":
            return Kind.UNREACHABLE
        case "OperationalError" if number is None or number >= 20_000:
            return Kind.UNREACHABLE
    return Kind.FINAL
