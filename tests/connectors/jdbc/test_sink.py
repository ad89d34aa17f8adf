"""The sink on SQLite: rules of spec/jdbc.md 9 to 12 that are the same for every database."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from linkspan.api import BatchError, ConfigError, ConnectError, RetriableError, Schema, SinkRecord, schema
from linkspan.api.schema import Type
from linkspan_connectors.jdbc.dialects.sqlite import SqliteDialect
from linkspan_connectors.jdbc.drivers import RowError
from tests.connectors.jdbc.sinking import KEY, VALUE, gone, order, put, sink, struct

UPSERT = {"insert_mode": "upsert", "pk_mode": "record_key"}
TOLERANT = {"errors_tolerance": "all"}


class Database:
    def __init__(self, path):
        self.path = path
        self.url = f"jdbc:sqlite:{path}"
        self.connection = sqlite3.connect(path, isolation_level=None, timeout=0)

    def run(self, text):
        return self.connection.execute(text).fetchall()

    def rows(self, table="orders", columns="*"):
        return self.run(f"SELECT {columns} FROM {table} ORDER BY 1")


@pytest.fixture
def database(tmp_path):
    made = Database(tmp_path / "test.db")
    yield made
    made.connection.close()


@pytest.fixture
def orders(database):
    database.run("CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL, amount REAL)")
    return database


# -- what is written ---------------------------------------------------------------------------------------------------


def test_records_are_inserted(orders):
    with sink(orders.url) as task:
        put(task, order(1, "a", 1.5), order(2, "b"))
    assert orders.rows() == [(1, "a", 1.5), (2, "b", None)]


def test_upserts_replace_the_row_of_the_key_and_the_last_record_of_a_key_counts(orders):
    orders.run("INSERT INTO orders VALUES (1, 'old', 9)")
    with sink(orders.url, **UPSERT) as task:
        put(task, order(1, "a"), order(2, "b"), order(1, "c"))
    assert orders.rows() == [(1, "c", None), (2, "b", None)]


def test_updates_change_rows_and_make_none(orders):
    orders.run("INSERT INTO orders VALUES (1, 'old', 9)")
    with sink(orders.url, insert_mode="update", pk_mode="record_key") as task:
        put(task, order(1, "new"), order(2, "b"))
    assert orders.rows() == [(1, "new", None)]


def test_a_record_without_value_deletes_in_its_turn(orders):
    with sink(orders.url, delete_enabled="true", **UPSERT) as task:
        put(task, order(1), order(2), gone(1), gone(2), order(2, "again"), gone(3))
        assert orders.rows() == [(2, "again", None)]
        put(task, gone(2), order(2, "b"), gone(2))
    assert orders.rows() == []


def test_inserts_and_deletes_of_one_key_keep_their_order(orders):
    with sink(orders.url, delete_enabled="true", pk_mode="record_key") as task:
        put(task, order(1, "a"), gone(1), order(1, "b"), gone(1), order(1, "c"), order(2))
    assert orders.rows() == [(1, "c", None), (2, "x", None)]


def test_a_delete_with_another_key_schema_leaves_the_columns_of_later_upserts_alone(orders):
    other = Schema(Type.STRUCT, fields={"id": schema.INT64}, name="other")
    with sink(orders.url, delete_enabled="true", **UPSERT) as task:
        put(task, order(1, "a", 1.0), SinkRecord("orders", 0, 2, None, None, key={"id": 9}, key_schema=other))
        put(task, order(2, "b", 2.0))
    assert orders.rows() == [(1, "a", 1.0), (2, "b", 2.0)]


def test_records_of_alternating_schemas_keep_the_order_of_each_key(orders):
    narrow = Schema(Type.STRUCT, fields={"id": schema.INT64, "item": schema.STRING})

    def short(number, item):
        return SinkRecord("orders", 0, 0, {"id": number, "item": item}, narrow, key={"id": number}, key_schema=KEY)

    with sink(orders.url, **UPSERT) as task:
        put(task, order(1, "a", 1.0), short(1, "b"), order(2, "c", 2.0), short(3, "d"), order(3, "e", 3.0))
    # what SQLite replaces has no amount left when none is given
    assert orders.rows() == [(1, "b", None), (2, "c", 2.0), (3, "e", 3.0)]


def test_one_put_is_one_transaction_over_all_tables(orders):
    orders.run("CREATE TABLE items (name TEXT NOT NULL)")
    with sink(orders.url) as task, pytest.raises(BatchError):
        put(task, struct({"name": schema.STRING}, {"name": "a"}, topic="items"), order(1), order(1))
    assert orders.rows() == []
    assert orders.rows("items") == []


@pytest.mark.parametrize("size", ["0", "1", "2", "3000"])
def test_any_batch_size_writes_the_same(orders, size):
    with sink(orders.url, batch_size=size, **UPSERT) as task:
        put(task, *[order(number % 4, str(number)) for number in range(9)])
    assert orders.rows(columns="id, item") == [(0, "8"), (1, "5"), (2, "6"), (3, "7")]


def test_the_table_is_named_by_the_format(database):
    database.run("CREATE TABLE kafka_orders_x (id INTEGER, item TEXT, amount REAL)")
    with sink(database.url, table_name_format=" kafka_${topic}_x ") as task:
        put(task, order(1))
    assert len(database.rows("kafka_orders_x")) == 1


def test_a_topic_that_makes_no_table_name_fails_the_task(database):
    with sink(database.url) as task, pytest.raises(ConfigError, match="no name of a table"):
        put(task, struct({"a": schema.INT32}, {"a": 1}, topic="a..b"))


def test_coordinates_can_be_the_key(database):
    settings = {"pk_mode": "kafka", "insert_mode": "upsert", "auto_create": "true"}
    with sink(database.url, **settings) as task:
        put(task, order(5), order(6))
        put(task, order(6))
    columns = "__connect_topic, __connect_partition, __connect_offset, id"
    assert database.rows(columns=columns) == [("orders", 0, 5, 5), ("orders", 0, 6, 6)]


def test_a_bare_text_goes_into_its_column(database):
    with sink(database.url, auto_create="true", string_output_value_column_name="line") as task:
        put(task, SinkRecord("orders", 0, 0, "hello", schema.STRING))
    assert database.rows(columns="line") == [("hello",)]


def test_null_becomes_the_default_of_the_field_unless_that_is_off(database):
    database.run("CREATE TABLE orders (a TEXT)")
    fields = {"a": Schema(Type.STRING, optional=True, default="d")}
    with sink(database.url) as task:
        put(task, struct(fields, {"a": None}))
    with sink(database.url, replace_null_with_default="false") as task:
        put(task, struct(fields, {"a": None}))
    assert database.rows() == [(None,), ("d",)]


def test_numbers_of_the_timestamp_list_are_timestamps(database):
    fields = {"a": schema.INT64, "b": schema.STRING}
    with sink(database.url, auto_create="true", timestamp_fields_list="a,b") as task:
        put(task, struct(fields, {"a": 1_700_000_000_123_456, "b": "1700000000123456"}))
    assert database.rows() == [(1_700_000_000_123, 1_700_000_000_123)]


# -- tables ------------------------------------------------------------------------------------------------------------


def test_a_missing_table_is_created_with_its_primary_key(database):
    with sink(database.url, auto_create="true", **UPSERT) as task:
        put(task, order(1, "a", 1.0), order(1, "b", 2.0))
    assert database.rows() == [(1, "b", 2.0)]
    assert [
        (name, kind, needed, key) for _, name, kind, needed, _, key in database.run("PRAGMA table_info(orders)")
    ] == [
        ("id", "INTEGER", 1, 1),
        ("item", "TEXT", 0, 0),
        ("amount", "REAL", 0, 0),
    ]


def test_a_missing_table_that_may_not_be_created_is_told(database):
    with sink(database.url) as task, pytest.raises(BatchError, match="orders is missing and auto-creation is disabled"):
        put(task, order(1))


def test_a_missing_column_is_added_and_rows_of_older_records_have_null_there(database):
    with sink(database.url, auto_create="true", auto_evolve="true") as task:
        put(task, struct({"a": schema.INT32}, {"a": 1}))
        put(task, struct({"a": schema.INT32, "b": schema.OPTIONAL_STRING}, {"a": 2, "b": "x"}))
    assert database.rows() == [(1, None), (2, "x")]


def test_schemas_may_change_within_a_put(database):
    with sink(database.url, auto_create="true", auto_evolve="true") as task:
        put(
            task,
            struct({"a": schema.INT32}, {"a": 1}),
            struct({"a": schema.INT32, "b": schema.OPTIONAL_INT64}, {"a": 2, "b": 3}),
            struct({"a": schema.INT32}, {"a": 4}),
        )
    assert database.rows() == [(1, None), (2, 3), (4, None)]


def test_a_missing_column_that_may_not_be_added_is_told(orders):
    fields = {"id": schema.INT32, "nope": schema.OPTIONAL_STRING}
    with sink(orders.url) as task, pytest.raises(BatchError, match="no column for nope and auto-evolution is disabled"):
        put(task, struct(fields, {"id": 1, "nope": "x"}))


def test_a_column_that_somebody_else_has_added_is_found(orders):
    fields = {"id": schema.INT32, "item": schema.STRING, "added": schema.OPTIONAL_STRING}
    with sink(orders.url) as task:
        put(task, order(1))
        orders.run("ALTER TABLE orders ADD added TEXT")
        put(task, struct(fields, {"id": 2, "item": "x", "added": "y"}))
    assert orders.rows(columns="id, added") == [(1, None), (2, "y")]


def test_a_required_field_without_default_cannot_become_a_column(orders):
    with sink(orders.url, auto_evolve="true") as task, pytest.raises(BatchError, match=r"needed.*required and has no"):
        put(task, struct({"needed": schema.STRING}, {"needed": "x"}))


def test_columns_are_found_in_another_case(database):
    database.run("CREATE TABLE orders (ID INTEGER, Item TEXT, AMOUNT REAL)")
    with sink(database.url) as task:
        put(task, order(1))
    assert len(database.rows()) == 1


def test_a_view_is_written_to_only_when_that_is_allowed(orders):
    orders.run("CREATE VIEW open_orders AS SELECT * FROM orders")
    orders.run(
        "CREATE TRIGGER t INSTEAD OF INSERT ON open_orders BEGIN "
        "INSERT INTO orders VALUES (new.id, new.item, new.amount); END"
    )
    with (
        sink(orders.url, table_name_format="open_orders") as task,
        pytest.raises(BatchError, match=r"VIEW.*table\.types"),
    ):
        put(task, order(1))
    with sink(orders.url, table_name_format="open_orders", table_types="TABLE,VIEW") as task:
        put(task, order(1))
    assert len(orders.rows()) == 1


def test_a_table_that_went_away_is_looked_up_anew(database):
    with sink(database.url, auto_create="true") as task:
        put(task, order(1))
        database.run("DROP TABLE orders")
        put(task, order(2))
    assert database.rows(columns="id") == [(2,)]


def test_a_field_of_a_type_without_column_is_told_with_its_name(database):
    fields = {"inner": Schema(Type.MAP, keys=schema.STRING, values=schema.STRING)}
    with sink(database.url, auto_create="true") as task, pytest.raises(BatchError, match="inner"):
        put(task, struct(fields, {"inner": {}}))


# -- records at fault --------------------------------------------------------------------------------------------------


def failures(task, *records):
    with pytest.raises(BatchError) as caught:
        put(task, *records)
    return caught.value.failures


def test_only_the_record_at_fault_is_reported_and_all_others_are_written(orders):
    records = [order(number, "ok") for number in range(100)]
    records[17] = order(17, None)
    records[64] = order(3, "twice")
    with sink(orders.url, **TOLERANT) as task:
        found = failures(task, *records)
    assert sorted(found) == [17, 64]
    assert [row[0] for row in orders.rows()] == [number for number in range(100) if number not in (17, 64)]
    assert "item" in str(found[17])
    assert "orders-0@17" in str(found[17])
    assert "orders" in str(found[17])


@pytest.mark.parametrize("taken", [0, 3, 1000])
def test_a_database_that_names_the_wrong_row_does_no_harm(orders, monkeypatch, taken):
    run_many = SqliteDialect.run_many

    def mistaken(*args):
        try:
            run_many(*args)
        except sqlite3.Error as error:
            raise RowError(error, taken) from error

    monkeypatch.setattr(SqliteDialect, "run_many", mistaken)
    with sink(orders.url, **TOLERANT) as task:
        found = failures(task, *[order(number, None if number in (7, 8, 49) else "x") for number in range(50)])
    assert sorted(found) == [7, 8, 49]
    assert [row[0] for row in orders.rows()] == [number for number in range(50) if number not in found]


def test_nothing_is_written_when_errors_are_not_tolerated(orders):
    with sink(orders.url) as task:
        assert list(failures(task, order(1), order(2, None), order(3))) == [1]
    assert orders.rows() == []


def test_a_record_that_is_refused_does_not_take_the_earlier_one_of_its_key_with_it(orders):
    with sink(orders.url, **UPSERT, **TOLERANT) as task:
        assert list(failures(task, order(1, "good"), order(1, None), order(2))) == [1]
    assert orders.rows(columns="id, item") == [(1, "good"), (2, "x")]


def test_records_that_can_be_written_nowhere_harm_no_other(orders):
    bare = SinkRecord("orders", 0, 7, {"id": 7}, None)
    unknown = struct({"id": schema.INT64}, {"id": 8}, topic="elsewhere")
    tombstone = gone(9)
    with sink(orders.url, **TOLERANT) as task:
        found = failures(task, order(1), bare, unknown, tombstone, order(2))
    assert sorted(found) == [1, 2, 3]
    assert "non-null Struct or String value" in str(found[1])
    assert "elsewhere is missing" in str(found[2])
    assert "delete.enabled" in str(found[3])
    assert [row[0] for row in orders.rows()] == [1, 2]


def test_a_record_without_key_is_at_fault_alone(orders):
    keyless = SinkRecord("orders", 0, 7, {"id": 7, "item": "x", "amount": None}, VALUE, key=None, key_schema=KEY)
    with sink(orders.url, **UPSERT, **TOLERANT) as task:
        assert list(failures(task, order(1), keyless)) == [1]
    assert [row[0] for row in orders.rows()] == [1]


def test_a_number_that_no_column_holds_is_told_with_its_record(orders):
    with sink(orders.url, **TOLERANT) as task:
        found = failures(task, order(1), order(1 << 70))
    assert list(found) == [1]
    assert [row[0] for row in orders.rows()] == [1]


def test_a_task_goes_on_after_records_were_refused(orders):
    with sink(orders.url, **TOLERANT) as task:
        failures(task, order(1, None))
        put(task, order(2))
    assert [row[0] for row in orders.rows()] == [2]


# -- what passes -------------------------------------------------------------------------------------------------------


def test_what_passes_is_tried_again_as_often_as_is_configured(orders):
    other = sqlite3.connect(orders.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    settings = {"max_retries": "2", "retry_backoff_ms": "7"}
    with sink(orders.url + "?busy_timeout=0", **settings) as task:
        for _ in range(2):
            with pytest.raises(RetriableError, match="locked"):
                put(task, order(1))
        assert task.context.timeouts == [7, 7]
        with pytest.raises(ConnectError, match="Given up after 2 retries") as caught:
            put(task, order(1))
        assert not isinstance(caught.value, RetriableError)
        other.execute("ROLLBACK")
        put(task, order(1))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RetriableError):
            put(task, order(2))
    other.close()
    assert [row[0] for row in orders.rows()] == [1]


def test_tasks_that_create_and_extend_the_same_table_do_not_get_in_each_others_way(tmp_path):
    url = f"jdbc:sqlite:{tmp_path / 'race.db'}"
    count, errors = 4, []
    ready = threading.Barrier(count)

    def written(task, record):
        try:
            put(task, record)
        except RetriableError:
            return False
        return True

    def run(number):
        fields = {"a": schema.INT32} | {f"c{at}": schema.OPTIONAL_INT32 for at in range(number + 1)}
        try:
            with sink(url, auto_create="true", auto_evolve="true", max_retries="1000") as task:
                ready.wait()
                while not written(task, struct(fields, dict.fromkeys(fields, number))):
                    pass
        except Exception as error:  # noqa: BLE001 - told by the test's thread
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    connection = sqlite3.connect(tmp_path / "race.db")
    assert connection.execute("SELECT a FROM orders ORDER BY a").fetchall() == [(0,), (1,), (2,), (3,)]
    connection.close()


def test_schemas_that_are_equal_and_not_the_same_keep_the_order_of_their_records(database):
    one, two = (Schema(Type.STRUCT, fields={"id": schema.INT64, "item": schema.STRING}) for _ in range(2))
    records = [
        SinkRecord("t", 0, at, {"id": 1, "item": item}, which, key={"id": 1}, key_schema=KEY)
        for at, (item, which) in enumerate([("a", one), ("b", two), ("c", one), ("d", two), ("e", one)])
    ]
    with sink(database.url, auto_create="true", **UPSERT) as task:
        put(task, *records)
    assert database.rows("t", "item") == [("e",)]


def test_a_key_that_is_there_already_is_no_fault_of_another_column(database):
    database.run("CREATE TABLE orders (id INTEGER PRIMARY KEY, item VARCHAR(2), amount REAL)")
    with sink(database.url, pk_mode="record_key") as task:
        put(task, order(1, "far too long for VARCHAR(2), which SQLite does not look at"))
        with pytest.raises(BatchError, match=r"UNIQUE constraint failed: orders\.id") as told:
            put(task, order(1, "far too long for VARCHAR(2), which SQLite does not look at"))
    assert "column item" not in str(told.value)
