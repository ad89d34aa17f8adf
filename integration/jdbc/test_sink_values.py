"""What the sink makes of each type of Connect in tables that it creates itself (spec/jdbc.md 12 and 13)."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from linkspan.api import BatchError, Schema, SinkRecord, schema
from linkspan.api.schema import Type
from tests.connectors.jdbc.sinking import put, sink, struct

pytestmark = pytest.mark.integration

UTC = datetime.UTC


class Case(NamedTuple):
    """A value, and what the database shows of it: type and text.

    Attributes:
        schema: of the field; it is made optional.
        value: of the record.
        postgresql: type, and text.
        mariadb: type, and text.
        sqlite: type, and value as it is stored.
    """

    schema: Schema
    value: Any
    postgresql: tuple[str, str]
    mariadb: tuple[str, str]
    sqlite: tuple[str, Any]


MOMENT = datetime.datetime(2024, 5, 6, 7, 8, 9, 123_000, tzinfo=UTC)
CASES = {
    "int8": Case(schema.INT8, -128, ("smallint", "-128"), ("tinyint(4)", "-128"), ("INTEGER", -128)),
    "int16": Case(schema.INT16, 32767, ("smallint", "32767"), ("smallint(6)", "32767"), ("INTEGER", 32767)),
    "int32": Case(
        schema.INT32, -(2**31), ("integer", "-2147483648"), ("int(11)", "-2147483648"), ("INTEGER", -(2**31))
    ),
    "int64": Case(
        schema.INT64,
        2**63 - 1,
        ("bigint", "9223372036854775807"),
        ("bigint(20)", "9223372036854775807"),
        ("INTEGER", 2**63 - 1),
    ),
    "float32": Case(schema.FLOAT32, 0.5, ("real", "0.5"), ("float", "0.5"), ("REAL", 0.5)),
    "float64": Case(schema.FLOAT64, 0.1, ("double precision", "0.1"), ("double", "0.1"), ("REAL", 0.1)),
    "true": Case(schema.BOOLEAN, True, ("boolean", "true"), ("tinyint(4)", "1"), ("INTEGER", 1)),
    "false": Case(schema.BOOLEAN, False, ("boolean", "false"), ("tinyint(4)", "0"), ("INTEGER", 0)),
    "text": Case(
        schema.STRING,
        "grüß \\ '\t\n☃",
        ("text", "grüß \\ '\t\n☃"),
        ("text", "grüß \\ '\t\n☃"),
        ("TEXT", "grüß \\ '\t\n☃"),
    ),
    "empty text": Case(schema.STRING, "", ("text", ""), ("text", ""), ("TEXT", "")),
    "bytes": Case(
        schema.BYTES,
        b"\x00\xff\\",
        ("bytea", "\\x00ff5c"),
        ("varbinary(1024)", "00FF5C"),
        ("BLOB", b"\x00\xff\\"),
    ),
    "decimal": Case(
        schema.decimal_of(3),
        Decimal("-12.340"),
        ("numeric", "-12.340"),
        ("decimal(65,3)", "-12.340"),
        ("NUMERIC", -12.34),
    ),
    "date": Case(
        schema.date(),
        datetime.date(2024, 2, 29),
        ("date", "2024-02-29"),
        ("date", "2024-02-29"),
        ("NUMERIC", 1709164800000),
    ),
    "time": Case(
        schema.time(),
        datetime.time(23, 59, 58, 7000),
        ("time without time zone", "23:59:58.007"),
        ("time(3)", "23:59:58.007"),
        ("NUMERIC", 86398007),
    ),
    "timestamp": Case(
        schema.timestamp(),
        MOMENT,
        ("timestamp without time zone", "2024-05-06 07:08:09.123"),
        ("datetime(3)", "2024-05-06 07:08:09.123"),
        ("NUMERIC", 1714979289123),
    ),
    "timestamp before 1970": Case(
        schema.timestamp(),
        datetime.datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
        ("timestamp without time zone", "1969-12-31 23:59:59.999"),
        ("datetime(3)", "1969-12-31 23:59:59.999"),
        ("NUMERIC", -1),
    ),
    "semantic type that nobody knows": Case(
        Schema(Type.INT64, name="io.debezium.time.MicroTimestamp"),
        7,
        ("bigint", "7"),
        ("bigint(20)", "7"),
        ("INTEGER", 7),
    ),
}
LOOK = {
    "postgresql": (
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum = 1",
        "SELECT v::text FROM orders",
    ),
    "mariadb": (
        "SELECT column_type FROM information_schema.columns WHERE table_schema = database() AND column_name = 'v'",
        "SELECT CAST(v AS CHAR) FROM orders",
    ),
    "sqlite": ("SELECT type FROM pragma_table_info('orders') WHERE name = 'v'", "SELECT v FROM orders"),
}


def shown(target, *, binary=False):
    """The type of the column, and the values in it."""
    kind, values = LOOK[target.kind]
    if binary and target.kind == "mariadb":
        values = "SELECT HEX(v) FROM orders"
    session = target.session()
    ((type_name,),) = session.dialect.ask(session.connection, kind)
    found = [value for (value,) in session.dialect.ask(session.connection, values)]
    session.connection.rollback()
    return type_name, found


def settings(target, **changes):
    given = {key.replace(".", "_"): value for key, value in target.settings.items()}
    url = given.pop("connection_url")
    return url, {**given, "auto_create": "true", **changes}


def write(target, its_schema, *values, **changes):
    url, given = settings(target, **changes)
    with sink(url, **given) as task:
        put(task, *[struct({"v": its_schema}, {"v": value}) for value in values])


@pytest.mark.parametrize("count", [1, 60], ids=["statement", "bulk"])
@pytest.mark.parametrize("name", CASES)
def test_each_type_gets_its_column_and_its_value(target, name, count):
    case = CASES[name]
    optional = case.schema.replace(optional=True)
    write(target, optional, *[case.value] * count, *[None] * count)
    expected_type, expected = getattr(case, target.kind)
    type_name, found = shown(target, binary=case.schema is schema.BYTES)
    assert type_name == expected_type
    assert sorted(found, key=lambda value: value is None) == [expected] * count + [None] * count


@pytest.mark.parametrize("count", [1, 60], ids=["statement", "bulk"])
def test_wall_clocks_are_those_of_the_zone(postgresql_target, mariadb_target, count):
    for target in (postgresql_target, mariadb_target):
        write(target, schema.timestamp(), *[MOMENT] * count, db_timezone="America/New_York")
        assert set(shown(target)[1]) == {"2024-05-06 03:08:09.123"}


@pytest.mark.parametrize("count", [1, 60], ids=["statement", "bulk"])
def test_a_column_with_time_zone_holds_the_same_moment_whatever_the_zone_is(postgresql_target, count):
    session = postgresql_target.session()
    session.run("CREATE TABLE orders (v timestamptz)")
    write(postgresql_target, schema.timestamp(), *[MOMENT] * count, db_timezone="America/New_York")
    write(postgresql_target, schema.timestamp(), *[MOMENT] * count)
    rows = session.rows("SELECT DISTINCT (v AT TIME ZONE 'UTC')::text AS v FROM orders")
    assert rows == [{"v": "2024-05-06 07:08:09.123"}]


@pytest.mark.parametrize("count", [1, 60], ids=["statement", "bulk"])
@pytest.mark.parametrize(
    ("its_schema", "value", "type_name", "text"),
    [
        (schema.date(), datetime.date(2024, 2, 29), "timestamptz", "2024-02-29 05:00:00+00"),
        (schema.time(), datetime.time(12), "timetz", "07:00:00-05"),
    ],
)
def test_days_and_times_in_columns_with_time_zone_are_those_of_the_zone_whatever_the_servers_is(
    postgresql_target, its_schema, value, type_name, text, count
):
    name = postgresql_target.url.rpartition("/")[2]
    postgresql_target.session().run(
        f"ALTER DATABASE {name} SET timezone TO 'Asia/Tokyo'", f"CREATE TABLE orders (v {type_name})"
    )
    zones = {"db_timezone": "America/New_York", "date_timezone": "DB_TIMEZONE"}
    shifted = value + datetime.timedelta(1) if isinstance(value, datetime.date) else value
    write(postgresql_target, its_schema, *[shifted] * count, **zones)
    session = postgresql_target.session()
    session.run("SET timezone TO 'UTC'")
    found = session.dialect.ask(session.connection, "SELECT DISTINCT v::text FROM orders")
    assert found == [(text,)]


@pytest.mark.parametrize(("zone", "day"), [("DB_TIMEZONE", "2024-02-28"), ("UTC", "2024-02-29")])
@pytest.mark.parametrize("count", [1, 60], ids=["statement", "bulk"])
def test_days_are_counted_in_the_zone_of_dates(postgresql_target, mariadb_target, zone, day, count):
    for target in (postgresql_target, mariadb_target):
        changes = {"db_timezone": "America/New_York", "date_timezone": zone}
        write(target, schema.date(), *[datetime.date(2024, 2, 29)] * count, **changes)
        assert set(shown(target)[1]) == {day}


@pytest.mark.parametrize("count", [1, 60], ids=["statement", "bulk"])
@pytest.mark.parametrize(
    ("mode", "number"), [("microseconds", 1_714_979_289_123_456), ("nanoseconds", 1_714_979_289_123_456_789)]
)
@pytest.mark.parametrize("its_schema", [schema.INT64, schema.STRING], ids=["number", "text"])
def test_numbers_that_are_timestamps_keep_microseconds(
    postgresql_target, mariadb_target, mode, number, its_schema, count
):
    value = str(number) if its_schema is schema.STRING else number
    for target, kind in ((postgresql_target, "timestamp without time zone"), (mariadb_target, "datetime(6)")):
        write(target, its_schema, *[value] * count, timestamp_fields_list="v", timestamp_precision_mode=mode)
        type_name, found = shown(target)
        assert (type_name, set(found)) == (kind, {"2024-05-06 07:08:09.123456"})


@pytest.mark.parametrize("calendar", ["LEGACY", "PROLEPTIC_GREGORIAN"])
@pytest.mark.parametrize("count", [1, 60], ids=["statement", "bulk"])
def test_moments_of_the_julian_calendar_keep_their_microseconds(postgresql_target, calendar, count):
    moment = datetime.datetime(1500, 3, 1, 12, 0, 0, 5, tzinfo=UTC)
    write(postgresql_target, schema.timestamp(), *[moment] * count, date_calendar_system=calendar)
    day = {"LEGACY": "1500-02-20", "PROLEPTIC_GREGORIAN": "1500-03-01"}[calendar]
    assert set(shown(postgresql_target)[1]) == {f"{day} 12:00:00.000005"}


ARRAYS: dict[str, tuple[str, Schema, list[Any], str]] = {
    "int8": ("smallint[]", schema.INT8, [-128, 127], "{-128,127}"),
    "int16": ("smallint[]", schema.INT16, [1, -2], "{1,-2}"),
    "int32": ("integer[]", schema.INT32, [1, 2], "{1,2}"),
    "int64": ("bigint[]", schema.INT64, [2**40], "{1099511627776}"),
    "float32": ("real[]", schema.FLOAT32, [0.5], "{0.5}"),
    "float64": ("double precision[]", schema.FLOAT64, [0.1], "{0.1}"),
    "boolean": ("boolean[]", schema.BOOLEAN, [True, False], "{t,f}"),
    "text": ("text[]", schema.STRING, ["a", 'b"c'], '{a,"b\\"c"}'),
    "empty": ("integer[]", schema.INT32, [], "{}"),
}


@pytest.mark.parametrize("count", [1, 60], ids=["few", "many"])
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_primitive_values_are_arrays_in_postgresql(postgresql_target, name, count):
    type_name, inner, value, text = ARRAYS[name]
    write(postgresql_target, Schema(Type.ARRAY, values=inner, optional=True), *[value, None] * count)
    assert shown(postgresql_target) == (type_name, [text, None] * count)


NO_COLUMN = {
    "map": Schema(Type.MAP, keys=schema.STRING, values=schema.INT32),
    "struct": Schema(Type.STRUCT, fields={"a": schema.INT32}),
    "array of structs": Schema(Type.ARRAY, values=Schema(Type.STRUCT, fields={"a": schema.INT32})),
    "array of arrays": Schema(Type.ARRAY, values=Schema(Type.ARRAY, values=schema.INT32)),
    "array of decimals": Schema(Type.ARRAY, values=schema.decimal_of(2)),
    "array of bytes": Schema(Type.ARRAY, values=schema.BYTES),
}


@pytest.mark.parametrize("name", NO_COLUMN)
def test_types_without_column_are_refused_with_the_field(postgresql_target, mariadb_target, sqlite_target, name):
    its_schema = NO_COLUMN[name]
    for target in (postgresql_target, mariadb_target, sqlite_target):
        with pytest.raises(BatchError, match=r"Field v of type (ARRAY|MAP|STRUCT) has no type of column"):
            write(target, its_schema, [] if its_schema.type is Type.ARRAY else {})


def test_arrays_are_refused_where_there_are_none(mariadb_target, sqlite_target):
    for target in (mariadb_target, sqlite_target):
        with pytest.raises(BatchError, match="Field v of type ARRAY has no type of column"):
            write(target, Schema(Type.ARRAY, values=schema.INT32), [1])


@pytest.mark.parametrize("count", [1, 60], ids=["statement", "bulk"])
@pytest.mark.parametrize("make", [bytes, bytearray, memoryview])
def test_bytes_may_be_in_any_buffer(target, make, count):
    write(target, schema.BYTES, *[make(b"\x00\xff")] * count)
    wanted = {"postgresql": "\\x00ff", "mariadb": "00FF", "sqlite": b"\x00\xff"}[target.kind]
    assert shown(target, binary=True)[1] == [wanted] * count


@pytest.mark.parametrize("count", [1, 60], ids=["statement", "bulk"])
@pytest.mark.parametrize(("mode", "number"), [("microseconds", -1_500), ("nanoseconds", -1_500_000)])
def test_numbers_that_are_timestamps_are_milliseconds_in_sqlite(sqlite_target, mode, number, count):
    write(sqlite_target, schema.INT64, *[number] * count, timestamp_fields_list="v", timestamp_precision_mode=mode)
    assert shown(sqlite_target) == ("NUMERIC", [-2] * count)


@pytest.mark.parametrize("count", [1, 60], ids=["statement", "bulk"])
def test_texts_without_a_struct_have_a_column_of_their_own(target, count):
    url, given = settings(target, string_output_value_column_name="v")
    with sink(url, **given) as task:
        put(task, *[SinkRecord("orders", 0, at, "grüß", schema.STRING) for at in range(count)])
    assert shown(target) == ("TEXT" if target.kind == "sqlite" else "text", ["grüß"] * count)


DEFAULTS = {
    "text": (Schema(Type.STRING, default="it's"), "it's"),
    "number": (Schema(Type.INT32, default=7), 7),
    "truth": (Schema(Type.BOOLEAN, default=True), None),
    "decimal": (schema.decimal_of(2, default=Decimal("1.25")), None),
    "moment": (schema.timestamp(default=MOMENT), None),
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults_of_fields_are_those_of_their_columns(postgresql_target, sqlite_target, name):
    its_schema, _ = DEFAULTS[name]
    for target in (postgresql_target, sqlite_target):
        url, given = settings(target)
        with sink(url, **given) as task:
            put(task, struct({"v": its_schema, "w": schema.INT32}, {"v": its_schema.default, "w": 1}))
        session = target.session()
        session.run("INSERT INTO orders (w) VALUES (2)")
        first, second = session.dialect.ask(session.connection, "SELECT v FROM orders ORDER BY w")
        session.connection.rollback()
        if target.kind == "postgresql" or name in ("text", "number"):
            assert first == second
        else:
            assert second[0] is not None


@pytest.mark.parametrize("text", ["it's", "a\\nb", "it\\", "\\'", "100 % ?"])
@pytest.mark.parametrize("mode", ["", "NO_BACKSLASH_ESCAPES"])
def test_defaults_that_are_texts_are_the_same_in_any_mode_of_mariadb(mariadb_target, mode, text):
    url, given = settings(mariadb_target, auto_evolve="true")
    query = f"?sessionVariables=sql_mode='{mode}'" if mode else ""
    mariadb_target.session().run("CREATE TABLE orders (id INT)", "INSERT INTO orders VALUES (1)")
    fields = {"id": schema.INT32, "v": Schema(Type.STRING, optional=True, default=text)}
    with sink(url + query, **given) as task:
        put(task, struct(fields, {"id": 2, "v": None}))
    session = mariadb_target.session()
    assert session.dialect.ask(session.connection, "SELECT DISTINCT v FROM orders") == [(text,)]
