"""Statements of many rows for MariaDB: the same rows as one by one, whatever is in them (spec/jdbc.md 18.2)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from integration.jdbc.sinks import UPSERT, rows, sinking
from linkspan.api import BatchError, SinkRecord, schema
from tests.connectors.jdbc.sinking import gone, order, put, struct

pytestmark = pytest.mark.integration


@pytest.fixture
def orders(mariadb_target):
    mariadb_target.session().run(
        "CREATE TABLE orders (id BIGINT PRIMARY KEY, item VARCHAR(100) CHARACTER SET utf8mb4, amount DOUBLE)"
    )
    return mariadb_target


def statements(target):
    ((_, count),) = rows(target, "SHOW GLOBAL STATUS LIKE 'Com_delete'")
    return int(count)


def refused(task, records):
    try:
        put(task, *records)
    except BatchError as error:
        return list(error.failures)
    return []


TEXTS = [
    "it's",
    'say "x"',
    "back\\slash",
    "a\0b",
    "line\nfeed",
    "return\r",
    "end\x1a",
    "☃ 😀",
    "%s %d",
    "?",
    ");DROP TABLE x;--",
]


@pytest.mark.parametrize("mode", ["", "NO_BACKSLASH_ESCAPES"])
@pytest.mark.parametrize("settings", [{}, UPSERT], ids=["insert", "upsert"])
def test_texts_are_what_they_were_in_any_mode_of_the_server(orders, settings, mode):
    query = f"?sessionVariables=sql_mode='{mode}'" if mode else ""
    with sinking(orders, query, **settings) as task:
        put(task, *[order(number, TEXTS[number % len(TEXTS)]) for number in range(110)])
        put(task, *[order(200 + number, text) for number, text in enumerate(TEXTS)])
    found = rows(orders)
    assert [item for number, item, _ in found if number < 200] == (TEXTS * 11)[:110]
    assert [item for number, item, _ in found if number >= 200] == TEXTS


@pytest.mark.parametrize(
    ("its_schema", "value"),
    [
        (schema.INT64, "1); DROP TABLE orders; --"),
        (schema.INT32, 1.5),
        (schema.FLOAT64, "x' OR 1"),
        (schema.FLOAT64, float("nan")),
        (schema.date(), "2024-01-01' OR '1"),
        (schema.time(), "00:00:00' OR '1"),
        (schema.timestamp(), "2024-01-01' OR '1"),
        (schema.decimal_of(2), "1 OR 1"),
        (schema.STRING, 7),
        (schema.BYTES, "00' OR '1"),
    ],
    ids=str,
)
def test_a_value_that_is_not_what_its_schema_says_becomes_no_part_of_a_statement(mariadb_target, its_schema, value):
    good = {"INT64": 1, "INT32": 1, "FLOAT64": 1.0, "STRING": "x", "BYTES": b"x"}.get(its_schema.type.value)
    mariadb_target.session().run("CREATE TABLE orders (n INT PRIMARY KEY, v VARCHAR(100))")
    fields = {"n": schema.INT32, "v": its_schema.replace(optional=True)}
    if its_schema.name is not None:
        good = None
    records = [struct(fields, {"n": at, "v": value if at == 31 else good}, offset=at) for at in range(60)]
    with sinking(mariadb_target, errors_tolerance="all") as task:
        assert refused(task, records) in ([], [31])
    ((count,),) = rows(mariadb_target, "SELECT count(*) FROM orders WHERE n <> 31")
    assert count == 59


def test_deletes_are_one_statement_and_mind_nothing_else(orders):
    with sinking(orders, delete_enabled="true", **UPSERT) as task:
        put(task, *[order(number) for number in range(200)])
        before = statements(orders)
        put(task, *[gone(number) for number in range(0, 200, 2)], gone(0), gone(999))
        assert statements(orders) - before == 1
    assert [number for number, _, _ in rows(orders)] == list(range(1, 200, 2))


def test_keys_of_several_columns_are_deleted_together(mariadb_target):
    mariadb_target.session().run("CREATE TABLE orders (a INT, b VARCHAR(10), PRIMARY KEY (a, b))")
    key = struct({"a": schema.INT32, "b": schema.STRING}, None).value_schema
    with sinking(mariadb_target, delete_enabled="true", **UPSERT) as task:
        given = [{"a": number % 7, "b": f"{number}'"} for number in range(100)]
        put(task, *[SinkRecord("orders", 0, 0, each, key, key=each, key_schema=key) for each in given])
        put(task, *[SinkRecord("orders", 0, 0, None, None, key=each, key_schema=key) for each in given[10:]])
    assert rows(mariadb_target, "SELECT count(*) FROM orders") == [(10,)]


def test_many_large_rows_are_several_statements(mariadb_target):
    mariadb_target.session().run("CREATE TABLE orders (id BIGINT PRIMARY KEY, item LONGTEXT, amount DOUBLE)")
    with sinking(mariadb_target) as task:
        put(task, *[order(number, "x" * 700_000) for number in range(40)])
    assert rows(mariadb_target, "SELECT count(*), min(length(item)) FROM orders") == [(40, 700_000)]


def test_decimals_and_fractions_keep_all_digits(mariadb_target):
    mariadb_target.session().run("CREATE TABLE orders (d DECIMAL(40,20), f DOUBLE)")
    fields = {"d": schema.decimal_of(20), "f": schema.FLOAT64}
    value = {"d": Decimal("12345678901234567890.12345678901234567890"), "f": 1.7976931348623157e308}
    with sinking(mariadb_target) as task:
        put(task, *[struct(fields, value)] * 50)
    assert rows(mariadb_target, "SELECT DISTINCT d, f FROM orders") == [(value["d"], value["f"])]
