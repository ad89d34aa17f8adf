"""MySQL and MariaDB through PyMySQL (spec/jdbc.md 2.2, 8.3, 11 and 12)."""

from __future__ import annotations

import socket
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing, suppress
from typing import Any, ClassVar, Final

from linkspan.api import ConnectError, Schema, Type
from linkspan.api.schema import DATE, DECIMAL, TIME, TIMESTAMP
from linkspan_connectors.jdbc.credentials import Credentials
from linkspan_connectors.jdbc.dialects.dialect import NO_TYPES, CursorSelection, Dialect
from linkspan_connectors.jdbc.dialects.mysql_columns import columns_of, decoders
from linkspan_connectors.jdbc.dialects.mysql_connection import limit_statements, open_connection
from linkspan_connectors.jdbc.dialects.mysql_tables import LIST, OF_COLUMNS, OF_KEY, OF_TABLE, chosen, listed
from linkspan_connectors.jdbc.dialects.mysql_tables import definition_of as made_of
from linkspan_connectors.jdbc.drivers import DriverConnection, RowError, driver
from linkspan_connectors.jdbc.errors import Kind, Refusal
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.results import ResultColumn, Selection
from linkspan_connectors.jdbc.tables import TableDefinition

__all__ = ["MySqlDialect"]


class MySqlDialect(Dialect):
    """MySQL and MariaDB."""

    name = "MySqlDatabaseDialect"
    title = "MySQL"
    protocols = ("mysql", "mariadb")
    quote_characters = ("`", "`")
    parameter_style = "format"
    sqlalchemy_name = "mysql+pymysql"
    row_limit = " LIMIT {}"
    column_types: ClassVar[Mapping[Type, str]] = {
        Type.INT8: "TINYINT",
        Type.INT16: "SMALLINT",
        Type.INT32: "INT",
        Type.INT64: "BIGINT",
        Type.FLOAT32: "FLOAT",
        Type.FLOAT64: "DOUBLE",
        Type.BOOLEAN: "TINYINT",
        Type.STRING: "TEXT",
        Type.BYTES: "VARBINARY(1024)",
    }
    # other collations take "a" and "A" for the same key, and one row would replace the other
    key_types: ClassVar[Mapping[Type, str]] = {Type.STRING: "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"}
    transactional_table = " ENGINE=InnoDB"
    logical_types: ClassVar[Mapping[str, str]] = {
        DECIMAL: "DECIMAL(65,{scale})",
        DATE: "DATE",
        TIME: "TIME(3)",
        TIMESTAMP: "DATETIME(3)",
    }
    wide_types: ClassVar[Mapping[str | Type, str]] = {
        Type.STRING: "LONGTEXT",
        Type.BYTES: "LONGBLOB",
        Type.BOOLEAN: "TINYINT(1)",
        TIME: "TIME(6)",
        TIMESTAMP: "DATETIME(6)",
    }
    timestamp_types = ("DATETIME(6)", "DATETIME(6)")

    _escapes = True
    """Whether a backslash in a text says something about what is behind it, in the SQL mode of the session."""

    def connect(self, credentials: Credentials, application: str) -> DriverConnection:
        """Open a connection to the first host that answers."""
        pymysql = driver("pymysql", "linkspan[jdbc]", self.title)
        made: DriverConnection = open_connection(
            pymysql, self.settings, credentials, application, decoders(self.settings)
        )
        try:
            ((longest,),) = self.ask(made, "SELECT @@max_allowed_packet")
            made.rollback()
            limit_statements(pymysql, made, longest)
            plain = pymysql.constants.SERVER_STATUS.SERVER_STATUS_NO_BACKSLASH_ESCAPES
            self._escapes = not made.server_status & plain  # type: ignore[attr-defined]  # the driver's own
        except BaseException:
            made.close()
            raise
        return made

    def is_open(self, connection: DriverConnection) -> bool:
        """Not closed, and not found to be dead."""
        session: Any = connection
        return bool(session.open)

    def abort(self, connection: DriverConnection) -> None:
        """Shut the socket down."""
        session: Any = connection
        with suppress(Exception):
            session._sock.shutdown(socket.SHUT_RDWR)  # noqa: SLF001 - there is no other way to wake up who waits for it

    def interrupt(self, connection: DriverConnection) -> None:
        """Cut the connection: the server is left to notice."""
        self.abort(connection)

    def set_isolation(self, connection: DriverConnection, mode: str) -> bool:
        """For the session."""
        self.run(connection, f"SET SESSION TRANSACTION ISOLATION LEVEL {mode.replace('_', ' ')}")
        return True

    def run_many(self, connection: DriverConnection, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """INSERT as statements of many rows, of which MariaDB tells the one that it refuses."""
        try:
            super().run_many(connection, statement, rows)
        except Exception as error:  # supervision point: drivers raise what they want
            is_told = not isinstance(error, ConnectError) and self.refusal(error).kind is Kind.RECORD
            row = _refused_row(connection) if is_told else 0
            if row:
                raise RowError(error, row - 1) from error
            raise

    def move_savepoint(self, connection: DriverConnection) -> None:
        """It is forgotten where it was, when it is set again."""
        self.set_savepoint(connection)

    def select(
        self, connection: DriverConnection, statement: str, parameters: Sequence[Any] = (), *, batch_rows: int
    ) -> Selection:
        """Rows stay on the wire until they are fetched."""
        del batch_rows
        pymysql = driver("pymysql.cursors", "linkspan[jdbc]", self.title)
        session: Any = connection
        cursor = session.cursor(pymysql.SSCursor)
        try:
            cursor.execute(self.text(statement, parameters=bool(parameters)), tuple(parameters) or None)
            return _StreamedSelection(session, cursor, columns_of(cursor, self.settings))
        except BaseException:
            with suppress(Exception):
                cursor.close()
            raise

    def check_query(self, connection: DriverConnection, statement: str) -> None:
        """Have it prepared."""
        cursor = connection.cursor()
        try:
            cursor.execute("SET @linkspan_checked = %s", (statement,))
            cursor.execute("PREPARE linkspan_checked FROM @linkspan_checked")
            cursor.execute("DEALLOCATE PREPARE linkspan_checked")
        finally:
            cursor.close()

    def table_id(self, text: str) -> TableId:
        """Databases are catalogs."""
        table = super().table_id(text)
        return TableId(table.schema, None, table.name) if table.catalog is None else table

    def current_namespace(self, connection: DriverConnection) -> tuple[str | None, str | None]:
        """The database."""
        (row,) = self.ask(connection, "SELECT database()")
        return row[0], None

    def tables(
        self, connection: DriverConnection, catalog: str | None, schema: str | None, kinds: Collection[str]
    ) -> list[TableId]:
        """Those of the catalog; there are no schemas in it."""
        del schema
        return listed(self.ask(connection, LIST, [catalog] * 3), kinds)

    def definition(self, connection: DriverConnection, table: TableId) -> TableDefinition | None:
        """In its database, else in that of the connection."""
        found = chosen(self.ask(connection, OF_TABLE, [table.namespace, table.name]), table.name)
        if found is None:
            return None
        place = found[:2]
        return made_of(found, self.ask(connection, OF_COLUMNS, place), self.ask(connection, OF_KEY, place))

    def can_undo(self, connection: DriverConnection, table: TableId) -> bool:
        """By its engine; MyISAM and Aria cannot."""
        found = self.ask(
            connection,
            "SELECT e.TRANSACTIONS FROM information_schema.TABLES t JOIN information_schema.ENGINES e "
            "ON e.ENGINE = t.ENGINE WHERE t.TABLE_SCHEMA = coalesce(?, database()) AND t.TABLE_NAME = ?",
            [table.namespace, table.name],
        )
        return all(text == "YES" for (text,) in found)

    def upsert(
        self, table: TableId, keys: Sequence[str], columns: Sequence[str], types: Mapping[str, str] = NO_TYPES
    ) -> str:
        """INSERT … ON DUPLICATE KEY UPDATE."""
        self._need_keys(table, keys)
        names = [*keys, *columns]
        quoted = [self.quotes.name(column) for column in (columns or keys)]
        changes = ",".join(f"{name}=values({name})" for name in quoted)
        head = f"insert into {self.quotes.table(table)}({self.quotes.names(names)})"
        return f"{head} values({self._values(names, types)}) on duplicate key update {changes}"

    def literal(self, value: object, schema: Schema) -> str:
        """With backslashes doubled, unless the server takes one for itself."""
        text = super().literal(value, schema)
        return text.replace("\\", "\\\\") if self._escapes else text

    def refusal(self, error: BaseException) -> Refusal:
        """By the number of the error."""
        arguments = error.args
        code = arguments[0] if arguments and isinstance(arguments[0], int) else None
        text = str(arguments[1]) if code is not None and len(arguments) > 1 else str(error)
        return Refusal(_kind(error, code), text or "the connection is closed", None, code or None)


def _refused_row(connection: DriverConnection) -> int:
    """Number of the row, from 1, that the last statement was refused for; 0 when it is not known (before 10.7)."""
    session: Any = connection
    if "MariaDB" not in session.get_server_info():
        return 0
    with suppress(Exception), closing(connection.cursor()) as cursor:
        cursor.execute("GET DIAGNOSTICS CONDITION 1 @linkspan_row = ROW_NUMBER")
        cursor.execute("SELECT @linkspan_row")
        return int(cursor.fetchone()[0])
    return 0


class _StreamedSelection(CursorSelection):
    """A query whose rows are on the wire.

    Its end cannot be skipped: PyMySQL would fetch all the rest of it, so that the connection is given up instead.
    """

    def __init__(self, connection: Any, cursor: Any, columns: Sequence[ResultColumn]) -> None:  # noqa: ANN401 - PyMySQL's
        super().__init__(cursor, columns)
        self._connection = connection
        self._rest = cursor

    def close(self) -> None:
        """Give up the cursor; and the connection, unless no row is left."""
        result = self._rest._result  # noqa: SLF001 - it would fetch the rows when it is no longer used
        try:
            is_left = result is not None and self._rest.fetchone() is not None
        except Exception:  # noqa: BLE001 - supervision point: whatever it is, the connection is of no use any more
            is_left = True
        with suppress(Exception):
            if not is_left:
                self._rest.close()
                return
            result.unbuffered_active = False
            self._connection._force_close()  # noqa: SLF001 - close() would fetch them as well
            self._connection._result = self._rest.connection = None  # noqa: SLF001 - as above


_OF_CODES: Final[Mapping[Kind, frozenset[int]]] = {
    Kind.AGAIN: frozenset({1020, 1180, 1205, 1206, 1213, 1317, 1412, 1568, 1637, 1689, 1969, 3024, 3101}),
    Kind.WAIT: frozenset({1021, 1030, 1037, 1038, 1041, 1047, 1114, 1135, 1290, 1792, 1836, 3100}),
    Kind.UNREACHABLE: frozenset(
        {0, 1042, 1053, 1077, 1078, 1079, 1080, 1152, 1154, 1155, 1156, 1157, 1158, 1159, 1160, 1161, 1184, 1189, 1190,
         1927, 2000, 2001, 2002, 2003, 2005, 2006, 2012, 2013, 2014, 2026, 2055, 3169, 4031}
    ),
    Kind.FULL: frozenset({1040, 1203, 1226}),
    Kind.CREDENTIALS: frozenset(
        {1044, 1045, 1095, 1130, 1131, 1132, 1133, 1142, 1143, 1227, 1251, 1275, 1356, 1370, 1410, 1449, 1524, 1698,
         1820, 1862, 2059, 2061, 3118, 3159, 4151}
    ),
    Kind.URL: frozenset({1049, 1115, 1298, 2019}),
    Kind.RECORD: frozenset(
        {1022, 1048, 1062, 1153, 1169, 1216, 1217, 1242, 1263, 1264, 1265, 1292, 1300, 1364, 1365, 1366, 1367, 1406,
         1411, 1416, 1451, 1452, 1525, 1526, 1557, 1586, 1591, 1644, 1690, 1748, 1761, 1762, 3140, 3141, 3156, 3157,
         3819, 3903, 4025}
    ),
    Kind.MISSING: frozenset({1051, 1054, 1091, 1109, 1146}),
}  # fmt: skip
_KINDS: Final = {code: kind for kind, codes in _OF_CODES.items() for code in codes}


def _kind(error: BaseException, code: int | None) -> Kind:
    if code is not None and code in _KINDS:
        return _KINDS[code]
    match type(error).__name__:
        case "DataError" | "IntegrityError":
            return Kind.RECORD
        case "InterfaceError":
            return Kind.UNREACHABLE
        case "OperationalError" if code is not None and code >= 2000 and code < 3000:
            return Kind.UNREACHABLE
        case "UnicodeEncodeError":
            return Kind.RECORD
    return Kind.UNREACHABLE if isinstance(error, OSError) else Kind.FINAL
