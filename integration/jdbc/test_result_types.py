"""Every row of the type tables, as results of real databases have them (spec/jdbc.md 8.3)."""

from __future__ import annotations

import datetime
from datetime import UTC, date, time, timedelta, timezone
from decimal import Decimal

import pytest

from linkspan_connectors.jdbc.results import JdbcType, OutOfRange

pytestmark = pytest.mark.integration


def moment(*parts, tzinfo=None):
    return datetime.datetime(*parts, tzinfo=tzinfo)


def read(session, declaration, literal, before=()):
    """The column and the value of a column declared like this that holds this."""
    session.run(*before, f"CREATE TABLE t (c {declaration})", f"INSERT INTO t VALUES ({literal})")
    selection = session.dialect.select(session.connection, "SELECT * FROM t", batch_rows=10)
    ((value,),) = selection.fetch(10)
    (column,) = selection.columns
    selection.close()
    session.connection.rollback()
    return column, value if value is None or column.load is None else column.load(value)


POSTGRESQL = [
    ("int2", "-32768", JdbcType.SMALLINT, -32768),
    ("int4", "2147483647", JdbcType.INTEGER, 2147483647),
    ("int8", "9223372036854775807", JdbcType.BIGINT, 9223372036854775807),
    ("serial", "7", JdbcType.INTEGER, 7),
    ("bigserial", "7", JdbcType.BIGINT, 7),
    ("oid", "4294967295", JdbcType.BIGINT, 4294967295),
    ("numeric(10,2)", "-12345678.90", JdbcType.NUMERIC, Decimal("-12345678.90")),
    ("numeric", "1.234567890123456789", JdbcType.NUMERIC, Decimal("1.234567890123456789")),
    ("float4", "1.5", JdbcType.REAL, 1.5),
    ("float8", "0.1", JdbcType.DOUBLE, 0.1),
    ("money", "'-1234.56'", JdbcType.DOUBLE, -1234.56),
    ("bool", "true", JdbcType.BOOLEAN, True),
    ("bit(1)", "B'1'", JdbcType.BOOLEAN, True),
    ("bit(2)", "B'10'", JdbcType.TINYINT, 2),
    ("bit(8)", "B'11111111'", JdbcType.TINYINT, -1),
    ("bit(12)", "B'000111111111'", JdbcType.BINARY, b"\x01\xff"),
    ("varbit", "B'101'", JdbcType.OTHER, "101"),
    ("char(3)", "'ä'", JdbcType.CHAR, "ä  "),
    ("varchar(10)", "'grün'", JdbcType.VARCHAR, "grün"),
    ("text", "''", JdbcType.VARCHAR, ""),
    ("name", "'n'", JdbcType.VARCHAR, "n"),
    ("json", """'{"a": 1}'""", JdbcType.VARCHAR, '{"a": 1}'),
    ("jsonb", """'{"a":1}'""", JdbcType.VARCHAR, '{"a": 1}'),
    ("uuid", "'0b2f1c3e-0000-4000-8000-00000000000a'", JdbcType.VARCHAR, "0b2f1c3e-0000-4000-8000-00000000000a"),
    ("xml", "'<a/>'", JdbcType.SQLXML, "<a/>"),
    ("bytea", r"'\x00ff'", JdbcType.BINARY, b"\x00\xff"),
    ("date", "'2024-02-29'", JdbcType.DATE, date(2024, 2, 29)),
    ("time", "'23:59:59.123456'", JdbcType.TIME, time(23, 59, 59, 123456)),
    ("timetz", "'10:00:00+02'", JdbcType.TIME, time(10, tzinfo=timezone(timedelta(hours=2)))),
    ("timestamp", "'2024-02-29 01:02:03.456789'", JdbcType.TIMESTAMP, moment(2024, 2, 29, 1, 2, 3, 456789)),
    ("timestamptz", "'2024-02-29 01:02:03+05'", JdbcType.TIMESTAMP, moment(2024, 2, 28, 20, 2, 3, tzinfo=UTC)),
    ("timestamp", "'infinity'", JdbcType.TIMESTAMP, OutOfRange("infinity", 9223372036825200000)),
    ("date", "'-infinity'", JdbcType.DATE, OutOfRange("-infinity", -9223372036825200000)),
    ("date", "'0044-03-15 BC'", JdbcType.DATE, OutOfRange("0044-03-15 BC", -63517996800000)),
    ("timestamp", "'12024-01-01'", JdbcType.TIMESTAMP, OutOfRange("12024-01-01 00:00:00", 317273587200000)),
    ("time", "'24:00'", JdbcType.TIME, OutOfRange("24:00:00", 86400000)),
    ("interval", "'1 day'", JdbcType.OTHER, "1 day"),
    ("inet", "'::1/128'", JdbcType.OTHER, "::1"),
    ("cidr", "'10.0.0.0/8'", JdbcType.OTHER, "10.0.0.0/8"),
    ("macaddr", "'08:00:2b:01:02:03'", JdbcType.OTHER, "08:00:2b:01:02:03"),
    ("point", "'(1,2)'", JdbcType.OTHER, "(1,2)"),
    ("int4range", "'[1,5)'", JdbcType.OTHER, "[1,5)"),
    ("tsvector", "'a'", JdbcType.OTHER, "'a'"),
    ("int4[]", "'{1,2}'", JdbcType.ARRAY, [1, 2]),
]


@pytest.mark.parametrize(("declaration", "literal", "kind", "value"), POSTGRESQL)
def test_type_of_postgresql(postgresql_target, declaration, literal, kind, value):
    session = postgresql_target.session()
    column, found = read(session, declaration, literal)
    assert column.type is kind
    assert found == value
    assert type(found) is type(value)
    assert column.table == "t"
    assert column.nullable is ("serial" not in declaration)
    assert column.auto_increment is ("serial" in declaration)


def test_enumerations_domains_and_composites_of_postgresql(postgresql_target):
    session = postgresql_target.session()
    mood = "CREATE TYPE mood AS ENUM ('sad', 'ok')"
    column, value = read(session, "mood", "'ok'", [mood])
    assert (column.type, column.type_name, value) == (JdbcType.VARCHAR, "mood", "ok")
    session.run("DROP TABLE t", "CREATE DOMAIN positive AS int CHECK (VALUE > 0)")
    column, value = read(session, "positive NOT NULL", "3")
    assert (column.type, value, column.nullable) == (JdbcType.INTEGER, 3, False)
    session.run("DROP TABLE t", "CREATE TYPE pair AS (a int, b int)")
    assert read(session, "pair", "'(1,2)'")[0].type is JdbcType.STRUCT


@pytest.mark.parametrize("name", ["citext", "hstore"])
def test_types_of_extensions_are_other(postgresql_target, name):
    session = postgresql_target.session()
    if not session.dialect.ask(session.connection, "SELECT 1 FROM pg_available_extensions WHERE name = ?", [name]):
        pytest.skip(f"this PostgreSQL has no extension {name}")
    assert read(session, name, "''", [f"CREATE EXTENSION {name}"])[0].type is JdbcType.OTHER


def test_numeric_of_postgresql_has_its_precision_and_scale(postgresql_target):
    session = postgresql_target.session()
    columns = [read(session, kind, "1")[0]._replace(label="") for kind in ("numeric(38,10)",)]
    session.run("DROP TABLE t")
    columns.append(read(session, "numeric", "1")[0])
    session.run("DROP TABLE t")
    columns.append(read(session, "numeric(5,-2)", "100")[0])
    assert [(column.precision, column.scale) for column in columns] == [(38, 10), (0, 0), (5, -2)]


def test_dates_of_postgresql_come_whatever_the_servers_style_is(postgresql_target):
    session = postgresql_target.session()
    name = postgresql_target.url.rpartition("/")[2]
    session.run(f"ALTER DATABASE {name} SET DateStyle TO 'German'")
    other = postgresql_target.session()
    assert other.rows("SELECT timestamp '2024-02-03 04:05:06' AS c") == [{"c": moment(2024, 2, 3, 4, 5, 6)}]


MARIADB = [
    ("tinyint(1)", "-2", JdbcType.BIT, -2),
    ("bool", "true", JdbcType.BIT, 1),
    ("tinyint", "-128", JdbcType.TINYINT, -128),
    ("tinyint unsigned", "255", JdbcType.TINYINT, 255),
    ("smallint", "-32768", JdbcType.SMALLINT, -32768),
    ("smallint unsigned", "65535", JdbcType.SMALLINT, 65535),
    ("mediumint", "-8388608", JdbcType.INTEGER, -8388608),
    ("mediumint unsigned", "16777215", JdbcType.INTEGER, 16777215),
    ("int", "2147483647", JdbcType.INTEGER, 2147483647),
    ("int unsigned", "4294967295", JdbcType.INTEGER, 4294967295),
    ("bigint", "-9223372036854775808", JdbcType.BIGINT, -9223372036854775808),
    ("bigint unsigned", "18446744073709551615", JdbcType.BIGINT, 18446744073709551615),
    ("float", "1.5", JdbcType.REAL, 1.5),
    ("double", "0.1", JdbcType.DOUBLE, 0.1),
    ("decimal(10,2)", "-12345678.90", JdbcType.DECIMAL, Decimal("-12345678.90")),
    ("numeric(5)", "12345", JdbcType.DECIMAL, Decimal(12345)),
    ("bit(1)", "b'1'", JdbcType.BIT, 1),
    ("bit(12)", "b'101010101010'", JdbcType.BIT, 2730),
    ("char(3)", "'ä'", JdbcType.CHAR, "ä"),
    ("enum('a','b')", "'b'", JdbcType.CHAR, "b"),
    ("set('a','b')", "'a,b'", JdbcType.CHAR, "a,b"),
    ("varchar(10)", "'grün😀'", JdbcType.VARCHAR, "grün😀"),
    ("tinytext", "'x'", JdbcType.LONGVARCHAR, "x"),
    ("text", "'x'", JdbcType.LONGVARCHAR, "x"),
    ("longtext", "'x'", JdbcType.LONGVARCHAR, "x"),
    ("json", """'{"a":1}'""", JdbcType.LONGVARCHAR, '{"a":1}'),
    ("binary(2)", "x'00ff'", JdbcType.BINARY, b"\x00\xff"),
    ("varbinary(10)", "x'00ff'", JdbcType.VARBINARY, b"\x00\xff"),
    ("blob", "x'00ff'", JdbcType.LONGVARBINARY, b"\x00\xff"),
    ("longblob", "x'00ff'", JdbcType.LONGVARBINARY, b"\x00\xff"),
    ("date", "'2024-02-29'", JdbcType.DATE, date(2024, 2, 29)),
    ("year", "2024", JdbcType.DATE, date(2024, 1, 1)),
    ("time", "'23:59:59'", JdbcType.TIME, time(23, 59, 59)),
    ("time(6)", "'01:02:03.456789'", JdbcType.TIME, time(1, 2, 3, 456789)),
    ("time", "'-01:00:00'", JdbcType.TIME, OutOfRange("-01:00:00", None)),
    ("time", "'100:00:00'", JdbcType.TIME, OutOfRange("100:00:00", None)),
    ("datetime", "'2024-02-29 01:02:03'", JdbcType.TIMESTAMP, moment(2024, 2, 29, 1, 2, 3)),
    ("datetime(6)", "'2024-02-29 01:02:03.456789'", JdbcType.TIMESTAMP, moment(2024, 2, 29, 1, 2, 3, 456789)),
    ("timestamp(3)", "'2024-02-29 01:02:03.456'", JdbcType.TIMESTAMP, moment(2024, 2, 29, 1, 2, 3, 456000)),
]


@pytest.mark.parametrize(("declaration", "literal", "kind", "value"), MARIADB)
def test_type_of_mariadb(mariadb_target, declaration, literal, kind, value):
    column, found = read(mariadb_target.session(), f"{declaration} NULL", literal)
    assert column.type is kind
    assert found == value
    assert type(found) is type(value)
    assert column.signed is ("unsigned" not in declaration)
    assert column.nullable is True
    assert column.table == "t"


def test_properties_change_types_of_mariadb(mariadb_target):
    column, value = read(mariadb_target.session("?tinyInt1isBit=false&yearIsDateType=false"), "tinyint(1)", "1")
    assert (column.type, value) == (JdbcType.TINYINT, 1)
    session = mariadb_target.session("?yearIsDateType=false")
    session.run("DROP TABLE t")
    column, value = read(session, "year", "2024")
    assert (column.type, value) == (JdbcType.SMALLINT, 2024)


@pytest.mark.parametrize(
    ("behaviour", "value"),
    [
        ("", OutOfRange("0000-00-00 00:00:00", None)),
        ("?zeroDateTimeBehavior=convertToNull", None),
        ("?zeroDateTimeBehavior=ROUND", moment(1, 1, 1)),
    ],
)
def test_zero_dates_of_mariadb_are_what_the_url_asks_for(mariadb_target, behaviour, value):
    session = mariadb_target.session(behaviour)
    session.run("SET sql_mode = ''", "CREATE TABLE t (c datetime)", "INSERT INTO t VALUES ('0000-00-00 00:00:00')")
    assert session.rows("SELECT c FROM t") == [{"c": value}]


def test_decimals_of_mariadb_have_their_precision_and_scale(mariadb_target):
    session = mariadb_target.session()
    for declaration, precision, scale in [
        ("decimal(65,30)", 65, 30),
        ("decimal(10)", 10, 0),
        ("decimal(7,7)", 7, 7),
        ("decimal(10,2) unsigned", 10, 2),
    ]:
        column, _ = read(session, declaration, "0")
        assert (column.precision, column.scale) == (precision, scale), declaration
        session.run("DROP TABLE t")


SQLITE = [
    ("INTEGER", "7", JdbcType.INTEGER, 7),
    ("INT", "9223372036854775807", JdbcType.BIGINT, 9223372036854775807),
    ("TINYINT", "7", JdbcType.TINYINT, 7),
    ("SMALLINT", "7", JdbcType.SMALLINT, 7),
    ("BIGINT", "7", JdbcType.BIGINT, 7),
    ("REAL", "1.5", JdbcType.REAL, 1.5),
    ("FLOAT", "1.5", JdbcType.FLOAT, 1.5),
    ("DOUBLE", "1", JdbcType.DOUBLE, 1.0),
    ("TEXT", "'x'", JdbcType.VARCHAR, "x"),
    ("VARCHAR(10)", "'x'", JdbcType.VARCHAR, "x"),
    ("CHAR(1)", "'x'", JdbcType.CHAR, "x"),
    ("CLOB", "'x'", JdbcType.CLOB, "x"),
    ("BLOB", "x'00ff'", JdbcType.BLOB, b"\x00\xff"),
    ("NUMERIC(10,2)", "12.5", JdbcType.NUMERIC, Decimal("12.5")),
    ("DECIMAL(10,2)", "12", JdbcType.DECIMAL, Decimal(12)),
    ("BOOLEAN", "1", JdbcType.BOOLEAN, True),
    ("DATE", "1709164800000", JdbcType.DATE, date(2024, 2, 29)),
    ("DATE", "'2024-02-29'", JdbcType.DATE, date(2024, 2, 29)),
    ("TIMESTAMP", "1709168523456", JdbcType.TIMESTAMP, moment(2024, 2, 29, 1, 2, 3, 456000, tzinfo=UTC)),
    ("TIMESTAMP", "'2024-02-29 01:02:03.456'", JdbcType.TIMESTAMP, moment(2024, 2, 29, 1, 2, 3, 456000)),
    ("DATETIME", "'2024-02-29T01:02:03'", JdbcType.TIMESTAMP, moment(2024, 2, 29, 1, 2, 3)),
    ("TIMESTAMP", "'never'", JdbcType.TIMESTAMP, OutOfRange("never", None)),
    ("UNKNOWN", "'x'", JdbcType.NUMERIC, Decimal(0)),
    ("MYINT", "3", JdbcType.INTEGER, 3),
    ("NATIVE CHARACTER(70)", "'x'", JdbcType.CHAR, "x"),
    ("", "'x'", JdbcType.VARCHAR, "x"),
]


@pytest.mark.parametrize(("declaration", "literal", "kind", "value"), SQLITE)
def test_type_of_sqlite(sqlite_target, declaration, literal, kind, value):
    column, found = read(sqlite_target.session(), declaration, literal)
    assert column.type is kind
    assert found == value
    assert type(found) is type(value)
    assert column.nullable is True
    assert column.table == "t"


def test_expressions_of_sqlite_are_of_the_type_of_their_first_value(sqlite_target):
    session = sqlite_target.session()
    text = "SELECT NULL AS a, 'x' AS b, 1.5 AS c UNION ALL SELECT 3, 'y', 2.5"
    selection = session.dialect.select(session.connection, text, batch_rows=10)
    selection.close()
    assert [column.type for column in selection.columns] == [JdbcType.INTEGER, JdbcType.VARCHAR, JdbcType.FLOAT]


def test_a_query_keeps_what_its_tables_say_about_null(target):
    session = target.session()
    session.run("CREATE TABLE a (id INT NOT NULL, x INT)", "CREATE TABLE b (id INT NOT NULL, y VARCHAR(3) NOT NULL)")
    text = "SELECT a.id, b.y AS why, x, a.id + 1 AS more FROM a JOIN b ON a.id = b.id"
    selection = session.dialect.select(session.connection, text, batch_rows=10)
    assert list(selection.fetch(10)) == []
    selection.close()
    session.connection.rollback()
    assert [column.label for column in selection.columns] == ["id", "why", "x", "more"]
    assert [column.nullable for column in selection.columns[:3]] == [False, False, True]
    assert [column.table for column in selection.columns[:3]] == ["a", "b", "a"]


def test_a_text_that_is_no_utf8_comes_as_its_bytes(postgresql_target, sqlite_target):
    session = sqlite_target.session()
    session.run("CREATE TABLE t (s TEXT)", "INSERT INTO t VALUES ('ä')", "INSERT INTO t VALUES (CAST(x'ff61' AS TEXT))")
    assert session.rows("SELECT s FROM t") == [{"s": "ä"}, {"s": b"\xffa"}]
    session = postgresql_target.session()
    session.connection.rollback()
    session.connection.autocommit = True
    name = postgresql_target.url.rpartition("/")[2] + "_ascii"
    session.dialect.run(
        session.connection, f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"
    )
    session = postgresql_target._replace(url=f"{postgresql_target.url}_ascii").session()
    session.run("CREATE TABLE t (s TEXT)", "INSERT INTO t VALUES ('ä')", r"INSERT INTO t VALUES (E'\xffa')")
    assert session.rows("SELECT s FROM t") == [{"s": "ä"}, {"s": b"\xffa"}]
    session.dialect.run_many(session.connection, "INSERT INTO t VALUES (?)", [("größer",)])
    assert session.rows("SELECT s FROM t WHERE s LIKE ?", ["größe%"]) == [{"s": "größer"}]
    found = session.dialect.definition(session.connection, session.dialect.table_id("t"))
    assert list(found.columns) == ["s"]
