"""Values that one side has and the other has not: which row fails, alone, and what is said (issue "Bad input")."""

from __future__ import annotations

import datetime
import math
import re
from decimal import Decimal
from typing import Any

import pytest

from integration.jdbc.sinks import rows, sinking
from integration.jdbc.targets import Target
from integration.jdbc.trips import CONVERTERS, through
from linkspan.api import BatchError, DataError, Schema, schema
from tests.connectors.jdbc.sinking import put, struct
from tests.connectors.jdbc.sourcing import SourceTasks, taken

pytestmark = pytest.mark.integration

UNHELD = {
    "postgresql": [
        ("date", "'infinity'", "infinity is no day of the years 1 to 9999"),
        ("date", "'0044-03-15 BC'", "0044-03-15 BC is no day"),
        ("timestamp", "'-infinity'", "-infinity is no time of the years"),
        ("timestamp", "'12024-01-01'", "12024-01-01 00:00:00 is no time"),
        ("timestamptz", "'12024-01-01 00:00+00'", r"12024-01-01 00:00:00\+00 is no time"),
        ("time", "'24:00'", "24:00:00 is no time of a day"),
        ("numeric", "'NaN'", "NaN is no number that a Decimal can be"),
        ("numeric(6,2)", "'NaN'", "NaN is no number that a Decimal can be"),
        ("numeric", "1e-200", "more than 127 digits"),
    ],
    "mariadb": [
        ("date", "'0000-00-00'", "0000-00-00 is no (day|time) of the years 1 to 9999"),
        ("date", "'2024-00-10'", "2024-00-10 is no (day|time) of the years 1 to 9999"),
        ("datetime", "'0000-00-00 00:00:00'", "0000-00-00 00:00:00 is no (day|time) of the years 1 to 9999"),
        ("year", "0", "0000 is no (day|time) of the years 1 to 9999"),
        ("time", "'-01:00:00'", "-01:00:00 is no time of a day"),
        ("time", "'100:00:00'", "100:00:00 is no time of a day"),
        ("bigint unsigned", "18446744073709551615", "18446744073709551615 does not fit into INT64"),
        ("bit(8)", "b'11111111'", "255 does not fit into INT8"),
    ],
    "sqlite": [
        ("TIMESTAMP", "'never'", "never is no (day|time) of the years 1 to 9999"),
        ("DATE", "400000000000000", "400000000000000 is no day"),
        ("TINYINT", "300", "300 does not fit into INT8"),
        ("TEXT", "CAST(x'ff' AS TEXT)", "the text is not UTF-8 at byte 0"),
        ("DECIMAL(5,1)", "0.25", "more than 1 digits"),
    ],
}


@pytest.mark.parametrize(
    ("kind", "declaration", "literal", "reason"),
    [pytest.param(kind, *each, id=f"{kind} {each[0]} {each[1]}") for kind, cases in UNHELD.items() for each in cases],
)
def test_a_value_that_no_record_can_hold_fails_its_row_alone_whatever_converts_it(
    databases: dict[str, Target], kind: str, declaration: str, literal: str, reason: str
) -> None:
    target = databases[kind]
    session = target.session()
    if kind == "mariadb":
        session.run("SET SESSION sql_mode = ''")
    session.run(
        "DROP TABLE IF EXISTS t",
        f"CREATE TABLE t (id INT, c {declaration} NULL)",
        f"INSERT INTO t VALUES (1, NULL), (2, {literal}), (3, NULL)",
    )
    tasks = SourceTasks(target.settings, '"' if kind == "postgresql" else "`")
    first, bad, last = taken(tasks.start("t", mode="bulk"), 3)
    tasks.stop()
    session.connection.close()
    for converter in CONVERTERS:
        assert [record.value for record in through(converter, [first, last], at_once=True)] == [
            {"id": 1, "c": None},
            {"id": 3, "c": None},
        ]
        for at_once in (True, False):
            with pytest.raises(DataError, match=rf"table t, row with id=2, column c: .*{reason}"):
                through(converter, [first, bad, last], at_once=at_once)


REFUSED: list[tuple[str, str, Schema, Any, Any]] = [
    ("postgresql", "bit(1)", schema.BOOLEAN, None, True),
    ("postgresql", "bit(4)", schema.INT8, None, 5),
    ("postgresql", "bit(12)", schema.BYTES, None, b"\0\5"),
    ("postgresql", "money", schema.FLOAT64, None, 1.5),
    ("postgresql", "text", schema.STRING, "a", "a\0b"),
    ("postgresql", "varchar(3)", schema.STRING, "abc", "abcd"),
    ("postgresql", "integer", schema.INT64, 1, 1 << 40),
    ("postgresql", "numeric(5,2)", schema.decimal_of(2), Decimal("1.00"), Decimal("1000.00")),
    ("postgresql", "jsonb", schema.STRING, "{}", "{"),
    ("mariadb", "year", schema.date(), None, datetime.date(2024, 1, 1)),
    ("mariadb", "varbinary(1024)", schema.BYTES, b"a" * 1024, b"a" * 1025),
    ("mariadb", "text", schema.STRING, "ü" * 32767, "ü" * 32768),
    ("mariadb", "int", schema.INT64, 1, 1 << 40),
    ("mariadb", "tinyint unsigned", schema.INT16, 255, -1),
    ("mariadb", "double", schema.FLOAT64, 0.5, math.nan),
    ("mariadb", "enum('a')", schema.STRING, "a", "b"),
    ("sqlite", "TEXT NOT NULL", schema.OPTIONAL_STRING, "", None),
]


@pytest.mark.parametrize("count", [1, 24], ids=["statement", "bulk"])
@pytest.mark.parametrize(
    ("kind", "declaration", "its_schema", "good", "bad"),
    [pytest.param(*each, id=f"{each[0]} {each[1]}") for each in REFUSED],
)
def test_a_value_that_its_column_cannot_hold_is_refused_with_the_column_and_no_other_row_is(
    databases: dict[str, Target], kind: str, declaration: str, its_schema: Schema, good: Any, bad: Any, count: int
) -> None:
    target = databases[kind]
    session = target.session()
    session.run("DROP TABLE IF EXISTS orders", f"CREATE TABLE orders (c {declaration})")
    has_good = good is not None and count > 1
    given = [struct({"c": its_schema}, {"c": good if has_good and at else bad}, offset=at) for at in range(count)]
    with sinking(target, errors_tolerance="all") as task, pytest.raises(BatchError) as caught:
        put(task, *given)
    assert set(caught.value.failures) == ({0} if has_good else set(range(count)))
    for failure in caught.value.failures.values():
        assert "orders" in str(failure)
        assert re.search(r"column \S*\bc\b", str(failure)), failure
    assert session.dialect.ask(session.connection, "SELECT count(*) FROM orders") == [(count - 1 if has_good else 0,)]
    session.connection.close()


@pytest.mark.parametrize("converter", CONVERTERS)
def test_numbers_that_are_none_get_through_avro_and_are_zero_behind_json(
    postgresql_target: Target, converter: str
) -> None:
    session = postgresql_target.session()
    session.run("CREATE TABLE t (a real, b float8)", "INSERT INTO t VALUES ('NaN', '-Infinity')")
    tasks = SourceTasks(postgresql_target.settings, '"')
    records = taken(tasks.start("t", mode="bulk"), 1)
    tasks.stop()
    with sinking(postgresql_target, table_name_format="copy", auto_create="true") as task:
        put(task, *through(converter, records, at_once=True))
    # as by the original: its JSON has a text there, which is read as 0
    wanted = ("NaN", "-Infinity") if converter == "avro" else ("0", "0")
    assert rows(postgresql_target, "SELECT a::text, b::text FROM copy") == [wanted]


def test_moments_beyond_the_years_of_python_are_refused_by_the_sink_with_their_column(
    postgresql_target: Target,
) -> None:
    session = postgresql_target.session()
    session.run("CREATE TABLE t (c timestamp)", "INSERT INTO t VALUES ('12024-01-01'), ('2024-01-01 00:00:00.000001')")
    tasks = SourceTasks(postgresql_target.settings, '"')
    records = taken(tasks.start("t", mode="bulk", timestamp_granularity="micros_long"), 2)
    tasks.stop()
    settings = {"auto_create": "true", "timestamp_fields_list": "c", "errors_tolerance": "all"}
    for converter in CONVERTERS:
        given = through(converter, records, at_once=False)
        with (
            sinking(postgresql_target, table_name_format="copy", **settings) as task,
            pytest.raises(
                BatchError, match=r"copy.*column c: 317273587200000000 is no time in microseconds since 1970"
            ) as caught,
        ):
            put(task, *given)
        assert list(caught.value.failures) == [0]
    assert rows(postgresql_target, "SELECT c::text FROM copy") == [("2024-01-01 00:00:00.000001",)] * 2
