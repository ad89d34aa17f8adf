"""Databases without a server in the suite: columns, errors and parameters by what their drivers document."""

from __future__ import annotations

import datetime
import uuid
from types import SimpleNamespace

import oracledb
import pymssql
import pytest

from linkspan.api import (
    ConfigError,
    ConnectError,
    CredentialsError,
    DataError,
    NotFoundError,
    OutageError,
    RetriableError,
    Schema,
    ThrottledError,
    Type,
    UnreachableError,
    schema,
)
from linkspan_connectors.jdbc.credentials import Credentials
from linkspan_connectors.jdbc.dialects import dialect_of
from linkspan_connectors.jdbc.dialects.db2 import driver_options
from linkspan_connectors.jdbc.dialects.native_types import NATIVE, bare, sized
from linkspan_connectors.jdbc.dialects.oracle_columns import columns_of as oracle_columns
from linkspan_connectors.jdbc.dialects.sqlserver_columns import columns_of as sqlserver_columns
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.results import JdbcType, ResultColumn
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.urls import parse

SQL_SERVER = dialect_of(Settings(parse("jdbc:sqlserver://h;databaseName=d")))
ORACLE = dialect_of(Settings(parse("jdbc:oracle:thin:@h:1521:S")))

SQL_SERVER_TYPES = [
    ("bit", JdbcType.BIT, True), ("tinyint", JdbcType.TINYINT, False), ("smallint", JdbcType.SMALLINT, True),
    ("int", JdbcType.INTEGER, True), ("bigint", JdbcType.BIGINT, True), ("real", JdbcType.REAL, True),
    ("float", JdbcType.DOUBLE, True), ("decimal(10,2)", JdbcType.DECIMAL, True), ("money", JdbcType.DECIMAL, True),
    ("smallmoney", JdbcType.DECIMAL, True), ("numeric(10,2)", JdbcType.NUMERIC, True), ("char(3)", JdbcType.CHAR, True),
    ("nvarchar(max)", JdbcType.NVARCHAR, True), ("text", JdbcType.LONGVARCHAR, True),
    ("xml", JdbcType.LONGNVARCHAR, True), ("uniqueidentifier", JdbcType.CHAR, True),
    ("sql_variant", JdbcType.VARCHAR, True), ("varbinary(max)", JdbcType.VARBINARY, True),
    ("image", JdbcType.LONGVARBINARY, True), ("timestamp", JdbcType.BINARY, True), ("date", JdbcType.DATE, True),
    ("time(7)", JdbcType.TIME, True), ("datetime", JdbcType.TIMESTAMP, True),
    ("datetime2(7)", JdbcType.TIMESTAMP, True), ("smalldatetime", JdbcType.TIMESTAMP, True),
    ("datetimeoffset(7)", JdbcType.TIMESTAMP, True),
    ("hierarchyid", JdbcType.OTHER, True),
]  # fmt: skip


@pytest.mark.parametrize(("native", "kind", "signed"), SQL_SERVER_TYPES)
def test_type_of_sql_server(native, kind, signed):
    (column,) = sqlserver_columns(["c"], [("c", native, True, 10, 2, False, "t")])
    assert (column.type, column.signed, column.type_name) == (kind, signed, native.partition("(")[0])
    assert (column.nullable, column.auto_increment, column.table) == (True, False, "t")
    is_number = kind in (JdbcType.DECIMAL, JdbcType.NUMERIC)
    assert (column.precision, column.scale) == (10, 2 if is_number else 0)


def test_a_uniqueidentifier_of_sql_server_is_a_text_in_capitals():
    (column,) = sqlserver_columns(["c"], [("c", "uniqueidentifier", True, 0, 0, False, None)])
    value = uuid.UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff")
    assert column.load(value) == "6F9619FF-8B86-D011-B42D-00C04FC964FF"


SQL_SERVER_ERRORS = [
    (pymssql.OperationalError(20009, b"Unable to connect"), UnreachableError),
    (pymssql.OperationalError((18456, b"Login failed for user 'sa'.")), CredentialsError),
    (pymssql.OperationalError((4060, b"Cannot open database")), ConfigError),
    (pymssql.OperationalError(1205, b"deadlock victim"), RetriableError),
    (pymssql.IntegrityError(2627, b"Violation of PRIMARY KEY"), DataError),
    (pymssql.OperationalError(8152, b"would be truncated"), DataError),
    (pymssql.ProgrammingError(208, b"Invalid object name"), NotFoundError),
    (pymssql.ProgrammingError(102, b"Incorrect syntax"), ConnectError),
    (pymssql.OperationalError(10928, b"Resource ID: 1"), ThrottledError),
    (pymssql.OperationalError(40613, b"Database is not currently available"), OutageError),
    (pymssql.InterfaceError("Connection is closed."), UnreachableError),
]


@pytest.mark.parametrize(("error", "kind"), SQL_SERVER_ERRORS)
def test_error_of_sql_server_is_named_by_what_it_asks_for(error, kind):
    failure = SQL_SERVER.failure(error, "It")
    assert type(failure) is kind
    assert "b'" not in str(failure)


class Statements:
    """A connection that keeps what it is asked, and answers with rows that are given."""

    def __init__(self, *answers, description=()):
        self.asked, self.answers, self.description = [], list(answers), description
        self.rowcount, self.arraysize, self.sizes = -1, 1, None

    def cursor(self):
        return self

    def execute(self, text, parameters=None):
        self.asked.append((" ".join(text.split()), parameters))

    def executemany(self, text, rows):
        self.asked.append((text, rows))

    def setinputsizes(self, *sizes):
        self.sizes = sizes

    def fetchall(self):
        return self.answers.pop(0)

    def fetchmany(self, _count):
        return self.answers.pop(0) if self.answers else []

    def close(self):
        pass

    def commit(self):
        pass

    rollback = commit


def test_sql_server_is_asked_what_a_query_gives_before_it_is_run():
    described = [("id", "int", False, 10, 0, True, "t")]
    connection = Statements(described, [(1,)], description=[("id",)])
    selection = SQL_SERVER.select(connection, "SELECT id FROM t WHERE id > ? AND s LIKE '%?'", [5], batch_rows=10)
    first, second = connection.asked
    assert first[1] == ("SELECT id FROM t WHERE id > NULL AND s LIKE '%?'",)
    assert second == ("SELECT id FROM t WHERE id > %s AND s LIKE '%%?'", (5,))
    assert selection.columns[0]._replace(load=None) == ResultColumn(
        "id", JdbcType.INTEGER, "int", 10, 0, nullable=False, auto_increment=True, table="t"
    )
    assert selection.fetch(10) == [(1,)]


def test_a_table_of_sql_server_has_its_key_and_identity():
    found = [(77, "d", "dbo", "t", "TABLE")]
    columns = [("id", "int", False, True, 0, 1), ("name", "nvarchar", True, False, 5, None)]
    connection = Statements(found, columns)
    table = SQL_SERVER.definition(connection, TableId("d", None, "t"))
    assert connection.asked[0][1] == ("[d].[t]",)
    assert (str(table.table), table.kind, table.keys) == ("d.dbo.t", "TABLE", ("id",))
    assert [column.auto_increment for column in table.columns.values()] == [True, False]
    assert [column.has_default for column in table.columns.values()] == [True, True]


def test_version_of_sql_server_is_its_first_number():
    assert SQL_SERVER.major_version(Statements([("13.0.5026.0",)])) == 13


def test_isolation_of_sql_server_knows_snapshots():
    connection = Statements()
    assert SQL_SERVER.set_isolation(connection, "SQL_SERVER_SNAPSHOT")
    assert connection.asked[0][0] == "SET TRANSACTION ISOLATION LEVEL SNAPSHOT"


def test_a_datetime_is_no_timestamp_column_since_sql_server_2016(monkeypatch):
    columns = [ResultColumn("c", JdbcType.TIMESTAMP, name) for name in ("datetime", "datetime2")]
    for version, objections in (("12.0.1", [False, False]), ("13.0.1", [True, False]), ("16.0.1", [True, False])):
        dialect = dialect_of(Settings(parse("jdbc:sqlserver://h")))
        connection = Statements([(version,)])
        monkeypatch.setattr("pymssql.connect", lambda connection=connection, **_: connection)
        dialect.connect(Credentials("u", "p"), "app")
        assert [dialect.objection_to_timestamp(column) is not None for column in columns] == objections


def described(kind, precision=0, scale=0, null_ok=True):
    code = getattr(oracledb, kind)
    return SimpleNamespace(
        name="C", type_code=code, precision=precision, scale=scale, null_ok=null_ok, display_size=None
    )


ORACLE_TYPES = [
    ("DB_TYPE_NUMBER", JdbcType.NUMERIC), ("DB_TYPE_BINARY_FLOAT", JdbcType.OTHER),
    ("DB_TYPE_BINARY_DOUBLE", JdbcType.OTHER), ("DB_TYPE_VARCHAR", JdbcType.VARCHAR), ("DB_TYPE_CHAR", JdbcType.CHAR),
    ("DB_TYPE_NVARCHAR", JdbcType.NVARCHAR), ("DB_TYPE_CLOB", JdbcType.CLOB), ("DB_TYPE_NCLOB", JdbcType.NCLOB),
    ("DB_TYPE_LONG", JdbcType.LONGVARCHAR), ("DB_TYPE_RAW", JdbcType.VARBINARY), ("DB_TYPE_BLOB", JdbcType.BLOB),
    ("DB_TYPE_LONG_RAW", JdbcType.LONGVARBINARY), ("DB_TYPE_DATE", JdbcType.TIMESTAMP),
    ("DB_TYPE_TIMESTAMP", JdbcType.TIMESTAMP), ("DB_TYPE_TIMESTAMP_TZ", JdbcType.TIMESTAMP_WITH_TIMEZONE),
    ("DB_TYPE_TIMESTAMP_LTZ", JdbcType.TIMESTAMP_WITH_TIMEZONE), ("DB_TYPE_ROWID", JdbcType.ROWID),
    ("DB_TYPE_OBJECT", JdbcType.OTHER), ("DB_TYPE_XMLTYPE", JdbcType.OTHER),
    ("DB_TYPE_INTERVAL_DS", JdbcType.OTHER),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind"), ORACLE_TYPES)
def test_type_of_oracle(name, kind):
    (column,) = oracle_columns([described(name)])
    assert (column.type, column.label, column.nullable) == (kind, "C", True)


def test_numbers_of_oracle_have_precision_and_scale():
    columns = oracle_columns(
        [described("DB_TYPE_NUMBER", *size, null_ok=False) for size in [(10, 2), (0, -127), (126, -127)]]
    )
    assert [(column.precision, column.scale) for column in columns] == [(10, 2), (0, -127), (126, -127)]
    assert columns[0].nullable is False


def test_timestamps_with_zone_of_oracle_are_read_as_the_session_writes_them():
    (column,) = oracle_columns([described("DB_TYPE_TIMESTAMP_TZ")])
    moment = column.load("2024-02-29T01:02:03.456789+02:00")
    assert moment.astimezone(datetime.UTC) == datetime.datetime(2024, 2, 28, 23, 2, 3, 456789, tzinfo=datetime.UTC)


def test_parameters_of_oracle_keep_fractions_numbers_and_large_values():
    connection = Statements()
    moment = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC).replace(tzinfo=None)
    rows = [(None, 1, None, b"x", "s"), (moment, 2, 1.5, b"x" * 3000, "s" * 5000)]
    ORACLE.run_many(connection, "INSERT INTO t VALUES(?,?,?,?,?)", rows)
    assert connection.asked == [("INSERT INTO t VALUES(:1,:2,:3,:4,:5)", rows)]
    assert connection.sizes == (
        oracledb.DB_TYPE_TIMESTAMP, None, oracledb.DB_TYPE_BINARY_DOUBLE, oracledb.DB_TYPE_BLOB, oracledb.DB_TYPE_CLOB,
    )  # fmt: skip


def test_times_of_oracle_are_of_the_first_day():
    bind = ORACLE.bind(schema.time())
    assert bind(datetime.time(10, 30)).isoformat() == "1970-01-01T10:30:00"
    assert ORACLE.bind(schema.date())(datetime.date(2024, 2, 29)).isoformat() == "2024-02-29T00:00:00"
    assert ORACLE.bind(Schema(Type.BOOLEAN))(True) == 1


def oracle_error(name, code, message="message"):
    return getattr(oracledb, name)(SimpleNamespace(full_code=code, message=f"{code}: {message}"))


ORACLE_ERRORS = [
    (oracle_error("IntegrityError", "ORA-00001"), DataError),
    (oracle_error("DatabaseError", "ORA-12899"), DataError),
    (oracle_error("DatabaseError", "ORA-20500"), DataError),
    (oracle_error("DatabaseError", "ORA-00942"), NotFoundError),
    (oracle_error("DatabaseError", "ORA-00060"), RetriableError),
    (oracle_error("DatabaseError", "ORA-01017"), CredentialsError),
    (oracle_error("OperationalError", "ORA-00018"), ThrottledError),
    (oracle_error("DatabaseError", "ORA-01033"), OutageError),
    (oracle_error("OperationalError", "DPY-6005"), UnreachableError),
    (oracle_error("InterfaceError", "DPY-1001"), UnreachableError),
    (oracle_error("DatabaseError", "ORA-00923"), ConnectError),
]


@pytest.mark.parametrize(("error", "kind"), ORACLE_ERRORS)
def test_error_of_oracle_is_named_by_what_it_asks_for(error, kind):
    failure = ORACLE.failure(error, "It")
    assert type(failure) is kind
    assert error.args[0].full_code in str(failure)


def test_names_of_oracle_are_in_capitals_unless_they_are_quoted():
    bare_dialect = dialect_of(Settings(parse("jdbc:oracle:thin:@h:1521:S"), quote=False))
    connection = Statements([])
    assert bare_dialect.definition(connection, TableId(None, "app", "orders")) is None
    assert connection.asked[0][1] == ("ORDERS", "APP", "APP")
    connection = Statements([])
    assert ORACLE.definition(connection, TableId(None, None, "orders")) is None
    assert connection.asked[0][1] == ("orders", None, None)


def test_isolation_that_oracle_does_not_have_is_told():
    assert not ORACLE.set_isolation(Statements(), "REPEATABLE_READ")
    connection = Statements()
    assert ORACLE.set_isolation(connection, "SERIALIZABLE")
    assert connection.asked == [("ALTER SESSION SET ISOLATION_LEVEL = SERIALIZABLE", None)]


def test_options_of_db2_become_those_of_ibms_client():
    made = driver_options(
        {"currentSchema": "S", "sslConnection": "true", "sslCertLocation": "/ca.pem", "traceLevel": "1"}
    )
    assert made == {"CurrentSchema": "S", "Security": "SSL", "SSLServerCertificate": "/ca.pem"}
    with pytest.raises(ConfigError, match="export the certificate as a PEM file"):
        driver_options({"sslTrustStoreLocation": "/trust.jks"})


@pytest.mark.parametrize(
    ("url", "missing"),
    [
        ("jdbc:db2://h:50000/D", "pip install 'ibm-db-sa'"),
        ("jdbc:sap://h:30015/", "pip install 'sqlalchemy-hana'"),
        ("jdbc:vertica://h/d", "pip install 'sqlalchemy-vertica'"),
        ("jdbc:jtds:sybase://h/d", "pip install 'sqlalchemy-sybase'"),
        ("jdbc:nosuch://h/d", "the dialect of SQLAlchemy for nosuch"),
    ],
)
def test_a_driver_that_is_not_there_says_what_to_install(url, missing):
    with pytest.raises(ConfigError, match=missing) as caught:
        dialect_of(Settings(parse(url))).connect(Credentials("u", "p"), "app")
    assert caught.value.key == "connection.url"


def test_derby_is_refused_with_its_reason():
    with pytest.raises(ConfigError, match="from Java only"):
        dialect_of(Settings(parse("jdbc:derby://h/d"))).connect(Credentials(), "app")


@pytest.mark.parametrize(
    ("native", "name", "size"),
    [
        ("NUMERIC(10, 2)", "numeric", (10, 2)),
        ("varchar(20)", "varchar", (20, 0)),
        ("INTEGER(11) UNSIGNED", "integer", (11, 0)),
        ("DOUBLE PRECISION", "double precision", (0, 0)),
        ("VARCHAR(10) COLLATE utf8_bin", "varchar", (10, 0)),
        ("TIMESTAMP(6) WITHOUT TIME ZONE", "timestamp without time zone", (6, 0)),
    ],
)
def test_names_of_types_are_read_without_their_sizes(native, name, size):
    column = sized(ResultColumn("c", JdbcType.OTHER), native.lower())
    assert bare(native) == name
    assert name in NATIVE
    assert (column.precision, column.scale) == size
