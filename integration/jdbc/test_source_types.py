"""Each row of the type tables: what a column of a real database becomes (spec/jdbc.md 8.3)."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from integration.jdbc.targets import Target
from linkspan.api import DataError, Schema, SourceRecord
from tests.connectors.jdbc.sourcing import SourceTasks, taken

pytestmark = pytest.mark.integration

UTC = datetime.UTC
DAY = datetime.date(2024, 2, 29)
NOON = datetime.time(12, 30, 15)
MOMENT = datetime.datetime(2024, 2, 29, 12, 30, 15, 123000, UTC)


class Reader:
    """Reads tables of a database."""

    def __init__(self, target: Target) -> None:
        self.session = target.session()
        self.tasks = SourceTasks(target.settings, '"' if target.kind == "postgresql" else "`")

    def record(self, *statements: str, **settings: str) -> SourceRecord:
        """The only row of the table t, which the statements make."""
        self.session.run(*statements)
        (found,) = taken(self.tasks.start("t", mode="bulk", **settings), 1)
        self.tasks.stop()
        return found

    def column(self, type_text: str, literal: str, **settings: str) -> tuple[Schema, Any] | None:
        """Schema and value of a column c; None when it is left out."""
        record = self.record(
            "DROP TABLE IF EXISTS t", f"CREATE TABLE t (c {type_text})", f"INSERT INTO t VALUES ({literal})", **settings
        )
        assert record.value_schema is not None
        field = record.value_schema.field("c")
        if field is None:
            return None
        assert isinstance(record.value, dict)
        record.value_schema.validate(record.value)
        return field.schema, record.value["c"]


@pytest.fixture
def postgresql_reader(postgresql_target: Target) -> Iterator[Reader]:
    made = Reader(postgresql_target)
    yield made
    made.tasks.stop()


@pytest.fixture
def mariadb_reader(mariadb_target: Target) -> Iterator[Reader]:
    made = Reader(mariadb_target)
    yield made
    made.tasks.stop()


def named(schema: Schema) -> str:
    name = (schema.name or schema.type.value).rpartition(".")[2]
    return f"{name} {schema.parameters['scale']}" if "scale" in schema.parameters else name


POSTGRESQL = [
    ("smallint", "-7", "INT16", -7),
    ("integer", "-7", "INT32", -7),
    ("bigint", "9223372036854775807", "INT64", 9223372036854775807),
    ("smallserial", "1", "INT16", 1),
    ("serial", "1", "INT32", 1),
    ("bigserial", "1", "INT64", 1),
    ("oid", "4000000000", "INT64", 4000000000),
    ("numeric(10,2)", "12.5", "Decimal 2", Decimal("12.50")),
    ("numeric(5)", "12", "Decimal 0", Decimal(12)),
    ("numeric", "1.5", "Decimal 127", Decimal("1.5" + "0" * 126)),
    ("real", "1.5", "FLOAT32", 1.5),
    ("double precision", "1.1", "FLOAT64", 1.1),
    ("money", "1234.5", "FLOAT64", 1234.5),
    ("boolean", "true", "BOOLEAN", True),
    ("bit(1)", "B'1'", "BOOLEAN", True),
    ("bit(4)", "B'0101'", "INT8", 5),
    ("bit(12)", "B'000000000101'", "BYTES", b"\0\5"),
    ("char(3)", "'ab'", "STRING", "ab "),
    ("varchar(9)", "'grün'", "STRING", "grün"),
    ("text", "'a''b'", "STRING", "a'b"),
    ("name", "'n'", "STRING", "n"),
    ("json", "'{\"a\": 1}'", "STRING", '{"a": 1}'),
    ("jsonb", "'{\"a\":1}'", "STRING", '{"a": 1}'),
    ("uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "STRING", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("xml", "'<a/>'", "STRING", "<a/>"),
    ("bytea", r"'\x00ff'", "BYTES", b"\x00\xff"),
    ("date", "'2024-02-29'", "Date", DAY),
    ("time", "'12:30:15'", "Time", NOON),
    ("timetz", "'12:30:15+02'", "Time", datetime.time(10, 30, 15)),
    ("timestamp", "'2024-02-29 12:30:15.123456'", "Timestamp", MOMENT),
    ("timestamptz", "'2024-02-29 14:30:15.123456+02'", "Timestamp", MOMENT),
]


@pytest.mark.parametrize(("type_text", "literal", "name", "value"), POSTGRESQL)
def test_columns_of_postgresql(postgresql_reader, type_text, literal, name, value):
    found = postgresql_reader.column(type_text, literal)
    assert found is not None
    assert (named(found[0]), found[1]) == (name, value)
    assert found[0].optional is not type_text.endswith("serial")


@pytest.mark.parametrize(
    ("type_text", "literal", "extended", "wanted"),
    [
        ("varbit(4)", "B'01'", "STRING", "01"),
        ("interval", "'1 day'", "STRING", "1 day"),
        ("inet", "'10.0.0.1'", "STRING", "10.0.0.1"),
        ("cidr", "'10.0.0.0/8'", "STRING", "10.0.0.0/8"),
        ("macaddr", "'08:00:2b:01:02:03'", "STRING", "08:00:2b:01:02:03"),
        ("point", "'(1,2)'", "STRING", "(1,2)"),
        ("int4range", "'[1,5)'", "STRING", "[1,5)"),
        ("tsvector", "'a b'", "STRING", "'a' 'b'"),
        ("integer[]", "'{1,NULL}'", "ARRAY", [1, None]),
        ("text[]", "'{a,b}'", "ARRAY", ["a", "b"]),
        ("numeric[]", "'{1.5}'", "ARRAY", ["1.5"]),
    ],
)
def test_other_columns_of_postgresql_are_left_out_unless_they_are_asked_for(
    postgresql_reader, type_text, literal, extended, wanted
):
    assert postgresql_reader.column(type_text, literal) is None
    found = postgresql_reader.column(type_text, literal, **{"x.extended.types": "true"})
    assert found is not None
    assert (named(found[0]), found[1]) == (extended, wanted)


@pytest.mark.parametrize("type_text", ["integer[]", "text[]"])
def test_an_array_of_several_dimensions_fails_its_row(postgresql_reader, type_text):
    record = postgresql_reader.record(
        f"CREATE TABLE t (id int, c {type_text})",
        "INSERT INTO t VALUES (7, '{{1,2},{3,4}}')",
        **{"x.extended.types": "true"},
    )
    with pytest.raises(DataError, match=r"table t, row with id=7, column c: .* has several dimensions"):
        record.value["c"]  # type: ignore[index]


def test_enumerations_of_postgresql_are_texts(postgresql_reader):
    postgresql_reader.session.run("CREATE TYPE mood AS ENUM ('sad', 'glad')")
    found = postgresql_reader.column("mood", "'glad'")
    assert found is not None
    assert (named(found[0]), found[1]) == ("STRING", "glad")


@pytest.mark.parametrize(
    ("mapping", "wanted"),
    [
        ("none", ["Decimal 0", "Decimal 2", "Decimal 127"]),
        ("precision_only", ["INT32", "Decimal 2", "Decimal 127"]),
        ("best_fit", ["INT32", "FLOAT64", "Decimal 127"]),
        ("best_fit_eager_double", ["INT32", "FLOAT64", "FLOAT64"]),
    ],
)
def test_numbers_of_postgresql_by_their_mapping(postgresql_reader, mapping, wanted):
    found = [
        postgresql_reader.column(type_text, "12", numeric_mapping=mapping)
        for type_text in ("numeric(6)", "numeric(6,2)", "numeric")
    ]
    assert [named(each[0]) for each in found if each is not None] == wanted


MARIADB = [
    ("tinyint(1)", "1", "INT8", 1),
    ("boolean", "true", "INT8", 1),
    ("tinyint", "-7", "INT8", -7),
    ("tinyint unsigned", "200", "INT16", 200),
    ("smallint", "-7", "INT16", -7),
    ("smallint unsigned", "65535", "INT32", 65535),
    ("mediumint", "-7", "INT32", -7),
    ("mediumint unsigned", "16777215", "INT64", 16777215),
    ("int", "-7", "INT32", -7),
    ("int unsigned", "4294967295", "INT64", 4294967295),
    ("bigint", "-7", "INT64", -7),
    ("bigint unsigned", "9223372036854775807", "INT64", 9223372036854775807),
    ("float", "1.5", "FLOAT32", 1.5),
    ("double", "1.1", "FLOAT64", 1.1),
    ("decimal(10,2)", "12.5", "Decimal 2", Decimal("12.50")),
    ("numeric(5)", "12", "Decimal 0", Decimal(12)),
    ("bit(1)", "b'1'", "INT8", 1),
    ("bit(7)", "b'1000001'", "INT8", 65),
    ("char(3)", "'ab'", "STRING", "ab"),
    ("varchar(9)", "'grün'", "STRING", "grün"),
    ("tinytext", "'a'", "STRING", "a"),
    ("text", "'a''b'", "STRING", "a'b"),
    ("longtext", "'a'", "STRING", "a"),
    ("enum('a','b')", "'b'", "STRING", "b"),
    ("set('a','b')", "'a,b'", "STRING", "a,b"),
    ("json", "'{\"a\": 1}'", "STRING", '{"a": 1}'),
    ("binary(3)", "x'00ff'", "BYTES", b"\x00\xff\x00"),
    ("varbinary(3)", "x'00ff'", "BYTES", b"\x00\xff"),
    ("blob", "x'00ff'", "BYTES", b"\x00\xff"),
    ("longblob", "x'00ff'", "BYTES", b"\x00\xff"),
    ("date", "'2024-02-29'", "Date", DAY),
    ("year", "2024", "Date", datetime.date(2024, 1, 1)),
    ("year(2)", "24", "Date", datetime.date(2024, 1, 1)),
    ("year(2)", "70", "Date", datetime.date(1970, 1, 1)),
    ("time", "'12:30:15'", "Time", NOON),
    ("datetime(6)", "'2024-02-29 12:30:15.123456'", "Timestamp", MOMENT),
    ("datetime", "'2024-02-29 12:30:15'", "Timestamp", MOMENT.replace(microsecond=0)),
]


@pytest.mark.parametrize(("type_text", "literal", "name", "value"), MARIADB)
def test_columns_of_mariadb(mariadb_reader, type_text, literal, name, value):
    found = mariadb_reader.column(type_text, literal)
    assert found is not None
    assert (named(found[0]), found[1]) == (name, value)


def test_a_column_of_mariadb_that_is_not_null_is_required(mariadb_reader):
    found = mariadb_reader.column("int NOT NULL", "1")
    assert found is not None
    assert not found[0].optional


def test_an_unsigned_bigint_of_mariadb_that_does_not_fit_fails_by_its_row_or_is_a_decimal(mariadb_reader):
    big = "18446744073709551615"
    record = mariadb_reader.record("CREATE TABLE t (id int, c bigint unsigned)", f"INSERT INTO t VALUES (5, {big})")
    with pytest.raises(DataError, match=rf"table t, row with id=5, column c: {big} does not fit into INT64"):
        record.value["c"]  # type: ignore[index]
    found = mariadb_reader.column("bigint unsigned", big, **{"compat.unsigned.bigint": "decimal"})
    assert found == (found[0], Decimal(big))
    assert named(found[0]) == "Decimal 0"


def test_decimals_of_mariadb_are_never_mapped(mariadb_reader):
    found = mariadb_reader.column("decimal(6)", "12", numeric_mapping="best_fit")
    assert found is not None
    assert named(found[0]) == "Decimal 0"


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ("'infinity'", "infinity"),
        ("'-infinity'", "-infinity"),
        ("'0044-03-15 12:00:00 BC'", "0044-03-15 12:00:00 BC"),
        ("'12024-01-01 00:00:00'", "12024-01-01 00:00:00"),
    ],
)
def test_times_of_postgresql_that_python_cannot_hold_fail_alone_with_their_row(postgresql_reader, literal, text):
    session = postgresql_reader.session
    session.run("CREATE TABLE t (id int, c timestamp)", f"INSERT INTO t VALUES (1, '2024-01-01'), (2, {literal})")
    good, bad = taken(postgresql_reader.tasks.start("t", mode="bulk"), 2)
    assert good.value == {"id": 1, "c": datetime.datetime(2024, 1, 1, tzinfo=UTC)}
    with pytest.raises(DataError, match=r"table t, row with id=2, column c: ") as error:
        bad.value["c"]  # type: ignore[index]
    assert text in error.value.message


def test_years_of_postgresql_beyond_9999_are_numbers_where_these_are_asked_for(postgresql_reader):
    found = postgresql_reader.column("timestamp", "'12024-01-01 00:00:00.5'", timestamp_granularity="micros_long")
    assert found is not None
    assert found[1] == 317_273_587_200_500_000


@pytest.mark.parametrize(
    ("type_text", "literal"), [("datetime", "'0000-00-00 00:00:00'"), ("date", "'0000-00-00'"), ("time", "'100:00:00'")]
)
def test_times_of_mariadb_that_python_cannot_hold_fail_alone_with_their_row(mariadb_reader, type_text, literal):
    session = mariadb_reader.session
    session.run("SET SESSION sql_mode = ''", f"CREATE TABLE t (id int, c {type_text})")
    session.run(f"INSERT INTO t VALUES (1, NULL), (2, {literal})")
    good, bad = taken(mariadb_reader.tasks.start("t", mode="bulk"), 2)
    assert good.value == {"id": 1, "c": None}
    with pytest.raises(DataError, match=r"row with id=2, column c: "):
        bad.value["c"]  # type: ignore[index]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "PST"])
def test_wall_clocks_are_read_in_the_zone_of_the_database(target, zone):
    reader = Reader(target)
    found = reader.column(
        "TIMESTAMP NULL" if target.kind == "mariadb" else "TIMESTAMP", "'2024-07-01 12:00:00'", db_timezone=zone
    )
    reader.tasks.stop()
    hour = {"UTC": 12, "Europe/Paris": 10, "PST": 19}[zone]
    assert found is not None
    assert found[1] == datetime.datetime(2024, 7, 1, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("granularity", "wanted"),
    [
        ("micros_long", -1_876_544),
        ("micros_string", "-1876544"),
        ("micros_iso_datetime_string", "1969-12-31T23:59:58.123456"),
        ("nanos_long", -1_876_544_000),
        ("nanos_string", "-1876544000"),
        ("nanos_iso_datetime_string", "1969-12-31T23:59:58.123456000"),
    ],
)
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_granularities_of_real_timestamps(request, kind, granularity, wanted):
    reader = request.getfixturevalue(f"{kind}_reader")
    type_text = "timestamp" if kind == "postgresql" else "datetime(6)"
    found = reader.column(type_text, "'1969-12-31 23:59:58.123456'", timestamp_granularity=granularity)
    assert found is not None
    assert found[1] == wanted
