"""Inserts, upserts, updates and deletes on real databases, of few and of many records (spec/jdbc.md 10 and 11)."""

from __future__ import annotations

import threading

import pytest

from integration.jdbc.sinks import UPSERT, rows, sinking
from linkspan.api import BatchError, Schema, SinkRecord, schema
from linkspan.api.schema import Type
from tests.connectors.jdbc.sinking import KEY, gone, order, put, struct

pytestmark = pytest.mark.integration

MANY = pytest.mark.parametrize("many", [3, 100], ids=["few", "many"])
NARROW = Schema(Type.STRUCT, fields={"id": schema.INT64, "item": schema.OPTIONAL_STRING})


def narrow(number, item):
    return SinkRecord("orders", 0, 0, {"id": number, "item": item}, NARROW, key={"id": number}, key_schema=KEY)


@pytest.fixture
def orders(target):
    text = "BIGINT PRIMARY KEY" if target.kind != "sqlite" else "INTEGER PRIMARY KEY"
    target.session().run(f"CREATE TABLE orders (id {text}, item VARCHAR(10) NOT NULL, amount DOUBLE PRECISION)")
    return target


@MANY
def test_records_are_inserted(orders, many):
    with sinking(orders) as task:
        put(task, *[order(number, str(number), number / 4) for number in range(many)])
    assert rows(orders) == [(number, str(number), number / 4) for number in range(many)]


@MANY
def test_upserts_replace_rows_and_the_last_record_of_a_key_counts(orders, many):
    with sinking(orders, **UPSERT) as task:
        put(task, *[order(number, "old", 1.0) for number in range(many)])
        for round_number in range(7):
            given = [order(number, f"r{round_number}") for number in range(1, many + 1)]
            put(task, *given, order(2, "twice"), order(2, f"last{round_number}"))
    expected = [(number, "old" if number == 0 else "r6", 1.0 if number == 0 else None) for number in range(many + 1)]
    expected[2] = (2, "last6", None)
    assert rows(orders) == expected


@MANY
def test_updates_change_rows_and_make_none(orders, many):
    with sinking(orders) as task:
        put(task, *[order(number, "old") for number in range(0, many, 2)])
    with sinking(orders, insert_mode="update", pk_mode="record_key") as task:
        put(task, *[order(number, "new") for number in range(many)], order(0, "newer"))
    assert rows(orders) == [(number, "new" if number else "newer", None) for number in range(0, many, 2)]


@MANY
def test_deletes_take_their_turn(orders, many):
    with sinking(orders, delete_enabled="true", **UPSERT) as task:
        put(task, *[order(number) for number in range(many)], *[gone(number) for number in range(many)], order(1, "b"))
        assert rows(orders) == [(1, "b", None)]
        put(task, *[gone(number) for number in range(many)], *[order(number, "c") for number in range(many)], gone(0))
    assert rows(orders) == [(number, "c", None) for number in range(1, many)]


@MANY
def test_a_key_with_null_deletes_nothing(orders, many):
    nullable = Schema(Type.STRUCT, fields={"id": schema.OPTIONAL_INT64})
    with sinking(orders, delete_enabled="true", **UPSERT) as task:
        put(task, order(1))
        put(task, *[SinkRecord("orders", 0, 0, None, None, key={"id": None}, key_schema=nullable)] * many)
    assert rows(orders) == [(1, "x", None)]


@MANY
def test_upserts_of_nothing_but_keys_make_rows_once(target, many):
    only = Schema(Type.STRUCT, fields={"id": schema.INT64})
    records = [
        SinkRecord("orders", 0, 0, {"id": number % 2}, only, key={"id": number % 2}, key_schema=KEY)
        for number in range(many)
    ]
    with sinking(target, auto_create="true", **UPSERT) as task:
        put(task, *records)
        put(task, *records)
    assert rows(target, "SELECT id FROM orders ORDER BY id") == [(0,), (1,)]


@MANY
def test_alternating_schemas_keep_the_order_of_each_key(orders, many):
    given = []
    for number in range(many):
        given += [order(number, "wide", 1.0), narrow(number, "narrow"), narrow(-number - 1, "narrow")]
    with sinking(orders, **UPSERT) as task:
        put(task, *given)
    # what SQLite replaces loses what is not given
    amount = None if orders.kind == "sqlite" else 1.0
    expected = [(number, "narrow", None) for number in range(-many, 0)]
    assert rows(orders) == expected + [(number, "narrow", amount) for number in range(many)]


@MANY
def test_nothing_is_written_anywhere_when_one_record_is_refused_and_errors_are_not_tolerated(orders, many):
    orders.session().run("CREATE TABLE items (name VARCHAR(10) NOT NULL)")
    items = [struct({"name": schema.OPTIONAL_STRING}, {"name": "a"}, topic="items", offset=at) for at in range(many)]
    with sinking(orders) as task, pytest.raises(BatchError) as caught:
        put(task, *items, *[order(number) for number in range(many)], order(1, None))
    assert list(caught.value.failures) == [2 * many]
    assert rows(orders) == []
    assert rows(orders, "SELECT * FROM items") == []


@MANY
def test_coordinates_as_the_key_make_inserts_come_once(postgresql_target, mariadb_target, many):
    for target in (postgresql_target, mariadb_target):
        settings = {"pk_mode": "kafka", "pk_fields": "p_topic,p_partition,p_offset", "insert_mode": "upsert"}
        if target.kind == "mariadb":
            # a text can be no key there
            target.session().run(
                "CREATE TABLE orders (id BIGINT, item TEXT, amount DOUBLE, p_topic VARCHAR(100), p_partition INT, "
                "p_offset BIGINT, PRIMARY KEY (p_topic, p_partition, p_offset))"
            )
        with sinking(target, auto_create="true", **settings) as task:
            for _ in range(2):
                put(task, *[order(number) for number in range(many)])
        found = rows(target, "SELECT p_topic, p_partition, p_offset, id FROM orders ORDER BY p_offset")
        assert found == [("orders", 0, number, number) for number in range(many)]


@MANY
def test_tables_are_found_and_made_in_the_schema_of_the_format(postgresql_target, many):
    postgresql_target.session().run('CREATE SCHEMA "Shop"')
    with sinking(postgresql_target, auto_create="true", table_name_format='"Shop".${topic}') as task:
        put(task, *[order(number) for number in range(many)])
    assert rows(postgresql_target, 'SELECT count(*) FROM "Shop".orders') == [(many,)]


@MANY
def test_names_without_quotes_are_those_that_the_database_makes_of_them(postgresql_target, many):
    fields = {"Id": schema.INT64, "Some_Name": schema.OPTIONAL_STRING}
    settings = {"quote_sql_identifiers": "never", "pk_mode": "record_value", "pk_fields": "Id", "insert_mode": "upsert"}
    with sinking(postgresql_target, auto_create="true", **settings) as task:
        for _ in range(2):
            put(task, *[struct(fields, {"Id": at, "Some_Name": "x"}, topic="Orders") for at in range(many)])
    assert rows(postgresql_target, "SELECT count(*), min(some_name) FROM orders") == [(many, "x")]


@MANY
@pytest.mark.parametrize("mode", [{}, UPSERT])
def test_columns_are_found_in_another_case_unless_the_table_tells_cases_apart(postgresql_target, many, mode):
    session = postgresql_target.session()
    session.run('CREATE TABLE orders ("ID" BIGINT PRIMARY KEY, "Item" TEXT, "AMOUNT" FLOAT)')
    with sinking(postgresql_target, **mode) as task:
        put(task, *[order(number) for number in range(many)])
    assert rows(postgresql_target, 'SELECT count(*), max("ID") FROM orders') == [(many, many - 1)]
    session.run("ALTER TABLE orders ADD \"item\" TEXT DEFAULT 'none'")
    with sinking(postgresql_target, **mode) as task, pytest.raises(BatchError, match="no column for id"):
        put(task, order(many))


@MANY
def test_names_may_hold_any_character(target, many):
    name = 'a "b" `c` %s ? :1'
    fields = {name: schema.INT64, "100%": schema.OPTIONAL_STRING}
    settings = {"pk_mode": "record_value", "pk_fields": name, "insert_mode": "upsert"}
    with sinking(target, auto_create="true", **settings) as task:
        for _ in range(2):
            put(task, *[struct(fields, {name: at, "100%": "?"}) for at in range(many)])
    assert rows(target, "SELECT count(*) FROM orders") == [(many,)]


def test_names_that_are_too_long_for_postgresql_are_found_by_what_it_keeps_of_them(postgresql_target):
    first, second = "c" * 70, "ü" * 40
    fields = {"id": schema.INT64, first: schema.OPTIONAL_STRING}
    settings = {"pk_mode": "record_value", "pk_fields": "id", "insert_mode": "upsert"}
    with sinking(postgresql_target, auto_create="true", auto_evolve="true", **settings) as task:
        for given in (fields, {**fields, second: schema.OPTIONAL_STRING}):
            put(task, *[struct(given, {**dict.fromkeys(given, "x"), "id": number}) for number in range(30)])
    found = rows(postgresql_target, f'SELECT count("{first[:63]}"), count("{second[:31]}") FROM orders')
    assert found == [(30, 30)]


def test_tasks_that_create_and_extend_the_same_table_do_not_get_in_each_others_way(postgresql_target, mariadb_target):
    for target in (postgresql_target, mariadb_target):
        count = 4
        errors: list[Exception] = []
        ready = threading.Barrier(count)

        def run(number, target=target, errors=errors, ready=ready):
            try:
                with sinking(target, auto_create="true", auto_evolve="true") as task:
                    for step in range(1, 6):
                        fields = {"a": schema.INT32} | {f"c{at}": schema.OPTIONAL_INT32 for at in range(step)}
                        ready.wait(60)
                        put(task, struct(fields, dict.fromkeys(fields, number)))
            except Exception as error:  # noqa: BLE001 - told by the test's thread
                errors.append(error)
                ready.abort()

        threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert rows(target, "SELECT count(*), count(c0), count(c4) FROM orders") == [(20, 20, 4)]
