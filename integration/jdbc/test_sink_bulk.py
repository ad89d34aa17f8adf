"""COPY into PostgreSQL: where it is taken and where not, and that nobody can tell by the rows (spec/jdbc.md 18.2)."""

from __future__ import annotations

import datetime
import logging
from decimal import Decimal
from typing import NamedTuple

import pytest

from integration.conftest import missing
from integration.jdbc.sinks import UPSERT, rows, sinking
from integration.services.maven import UnavailableError
from integration.services.pgbouncer import PgBouncer
from linkspan.api import BatchError, Schema, SinkRecord, schema
from linkspan.api.schema import Type
from tests.connectors.jdbc.sinking import KEY, gone, order, put, struct

pytestmark = pytest.mark.integration

TABLE = "CREATE TABLE orders (id BIGINT PRIMARY KEY, item TEXT, amount FLOAT)"
COUNTED = (
    "CREATE TABLE counted (how TEXT)",
    "CREATE FUNCTION n() RETURNS trigger AS $$BEGIN INSERT INTO counted SELECT tg_op; RETURN new;END$$LANGUAGE plpgsql",
    "CREATE TRIGGER noted AFTER INSERT OR DELETE ON orders FOR EACH STATEMENT EXECUTE FUNCTION n()",
)
"""Shows how many statements there were."""


@pytest.fixture
def orders(postgresql_target):
    postgresql_target.session().run(TABLE, *COUNTED)
    return postgresql_target


def statements(target):
    return rows(target, "SELECT how, count(*) FROM counted GROUP BY how ORDER BY how")


def test_many_inserts_are_one_copy_and_few_are_statements(orders):
    with sinking(orders) as task:
        put(task, *[order(number) for number in range(100)])
        assert statements(orders) == [("INSERT", 1)]
        put(task, *[order(100 + number) for number in range(5)])
    assert statements(orders) == [("INSERT", 6)]


def test_a_copy_takes_as_many_rows_as_a_batch_has(orders):
    with sinking(orders, batch_size="40") as task:
        put(task, *[order(number) for number in range(100)])
    assert statements(orders) == [("INSERT", 3)]


def test_many_upserts_and_deletes_are_one_statement_each(orders):
    with sinking(orders, delete_enabled="true", **UPSERT) as task:
        for _ in range(10):
            put(task, *[order(number) for number in range(100)])
        assert statements(orders) == [("INSERT", 10)]
        put(task, *[gone(number) for number in range(50)])
    assert statements(orders) == [("DELETE", 1), ("INSERT", 10)]
    assert rows(orders, "SELECT count(*), min(id) FROM orders") == [(50, 50)]


def test_alternating_schemas_are_a_statement_each(orders):
    narrow = Schema(Type.STRUCT, fields={"id": schema.INT64, "item": schema.STRING})
    others = [
        SinkRecord("orders", 0, 0, {"id": at, "item": "n"}, narrow, key={"id": at}, key_schema=KEY)
        for at in range(100, 200)
    ]
    given = [record for at in range(100) for record in (order(at), others[at])]
    with sinking(orders, **UPSERT) as task:
        put(task, *given)
    assert statements(orders) == [("INSERT", 2)]
    assert rows(orders, "SELECT count(*), count(DISTINCT item) FROM orders") == [(200, 2)]


def test_temporary_tables_live_as_long_as_the_connection_and_are_empty_between_transactions(orders):
    text = "SELECT oid, reltuples FROM pg_class WHERE relname LIKE 'linkspan_%'"
    with sinking(orders, **UPSERT) as task:
        put(task, *[order(number) for number in range(100)])
        first = rows(orders, text)
        put(task, *[order(number) for number in range(100)])
        assert len(first) == 1
        assert rows(orders, text)[0][0] == first[0][0]
        session = task._client.connection()
        (name,) = session.execute("SELECT relname FROM pg_class WHERE relname LIKE 'linkspan_%'").fetchone()
        assert session.execute(f'SELECT count(*) FROM pg_temp."{name}"').fetchone() == (0,)
        session.rollback()


class Refusal(NamedTuple):
    """A table that COPY will not do for.

    Attributes:
        statements: that make the table.
        reason: that is logged.
        settings: of the sink.
    """

    statements: tuple[str, ...]
    reason: str
    settings: dict[str, str] = {}  # noqa: RUF012 - never changed


REFUSALS = {
    "row-level security": Refusal(
        (TABLE, "ALTER TABLE orders ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON orders USING (true)"),
        "row-level security",
    ),
    "rules": Refusal(
        (
            TABLE,
            "CREATE TABLE log (id BIGINT)",
            "CREATE RULE r AS ON INSERT TO orders DO ALSO INSERT INTO log VALUES (new.id)",
        ),
        "rules",
    ),
    "view": Refusal(
        (
            "CREATE TABLE base (id BIGINT PRIMARY KEY, item TEXT, amount FLOAT)",
            "CREATE VIEW orders AS SELECT * FROM base",
        ),
        "no table of its own",
        {"table_types": "TABLE,VIEW"},
    ),
    "enumeration": Refusal(
        (
            "CREATE TYPE items AS ENUM ('x', 'y')",
            "CREATE TABLE orders (id BIGINT PRIMARY KEY, item items, amount FLOAT)",
        ),
        "column item is items, and STRING is written to that by statements only",
    ),
    "number in a text": Refusal(
        ("CREATE TABLE orders (id TEXT PRIMARY KEY, item TEXT, amount FLOAT)",), "column id is text, and INT64"
    ),
    "domain": Refusal(
        (
            "CREATE DOMAIN items AS TEXT CHECK (value <> 'z')",
            "CREATE TABLE orders (id BIGINT, item items, amount FLOAT)",
        ),
        "column item is items",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_table_that_copy_will_not_do_for_is_written_to_by_statements_and_that_is_said_once(
    postgresql_target, caplog, name
):
    refusal = REFUSALS[name]
    postgresql_target.session().run(*refusal.statements)
    with caplog.at_level(logging.INFO), sinking(postgresql_target, **refusal.settings) as task:
        for round_number in range(3):
            put(task, *[order(100 * round_number + number) for number in range(100)])
    said = [record.getMessage() for record in caplog.records if "not by COPY" in record.getMessage()]
    assert len(said) == 1
    assert refusal.reason in said[0]
    assert rows(postgresql_target, "SELECT count(*) FROM orders") == [(300,)]
    if name == "rules":
        assert rows(postgresql_target, "SELECT count(*) FROM log") == [(300,)]


def test_the_reason_is_said_once_whatever_schemas_and_deletes_there_are(postgresql_target, caplog):
    view = REFUSALS["view"]
    postgresql_target.session().run(*view.statements)
    narrow = {"id": schema.INT64, "item": schema.OPTIONAL_STRING}
    settings = {**UPSERT, "pk_mode": "record_key", "delete_enabled": "true", **view.settings}
    with caplog.at_level(logging.INFO), sinking(postgresql_target, **settings) as task:
        others = [struct(narrow, {"id": number, "item": "y"}, offset=number) for number in range(100)]
        for other in others:
            other.key, other.key_schema = {"id": other.original_offset}, KEY
        put(task, *[order(number) for number in range(100)])
        put(task, *others)
        assert rows(postgresql_target, "SELECT count(*) FROM orders WHERE item = 'y'") == [(100,)]
        put(task, *[gone(number, number) for number in range(100)])
    assert len([record for record in caplog.records if view.reason in record.getMessage()]) == 1
    assert rows(postgresql_target, "SELECT count(*) FROM orders") == [(0,)]


def test_upserts_of_who_may_not_make_temporary_tables_are_statements(orders, caplog):
    database = orders.url.rpartition("/")[2]
    session = orders.session()
    session.run(
        "DROP ROLE IF EXISTS writer",
        "CREATE ROLE writer LOGIN PASSWORD 'writer'",
        "GRANT ALL ON orders, counted TO writer",
        f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC",
    )
    with caplog.at_level(logging.INFO), sinking(orders._replace(user="writer", password="writer"), **UPSERT) as task:
        put(task, *[order(number) for number in range(100)])
    assert [each for each in caplog.messages if "TEMP" in each]
    assert rows(orders, "SELECT count(*) FROM orders") == [(100,)]
    session.run("REVOKE ALL ON orders, counted FROM writer", "DROP ROLE writer")


@pytest.mark.parametrize("kind", ["IDENTITY", "(7) STORED"])
def test_a_column_that_is_always_generated_is_refused_by_copy_as_by_statements(postgresql_target, kind):
    postgresql_target.session().run(
        f"CREATE TABLE orders (id BIGINT GENERATED ALWAYS AS {kind}, item TEXT, amount FLOAT)"
    )
    for count in (1, 50):
        with sinking(postgresql_target) as task, pytest.raises(BatchError, match="id"):
            put(task, *[order(number) for number in range(count)])
    assert rows(postgresql_target, "SELECT count(*) FROM orders") == [(0,)]


TEXTS = {
    "json": ("json", ' {"a": 1,  "b": [null]}'),
    "jsonb": ("jsonb", ' {"b": 1,  "a": "☃"}'),
    "uuid": ("uuid", "A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    "uuid in braces": ("uuid", "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}"),
    "char": ("char(5)", "ab"),
    "varchar with blanks behind": ("varchar(3)", "abc   "),
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("mode", [{}, {"insert_mode": "upsert", "pk_mode": "record_value", "pk_fields": "id"}])
def test_texts_are_read_by_the_type_of_the_column(postgresql_target, name, mode):
    type_name, text = TEXTS[name]
    postgresql_target.session().run(f"CREATE TABLE orders (id INT PRIMARY KEY, v {type_name})")
    fields = {"id": schema.INT32, "v": schema.OPTIONAL_STRING}
    with sinking(postgresql_target, **mode) as task:
        put(task, struct(fields, {"id": 1, "v": text}))
        put(task, *[struct(fields, {"id": at, "v": text if at % 2 else None}) for at in range(2, 80)])
    found = rows(postgresql_target, "SELECT v::text, count(*) FROM orders GROUP BY 1 ORDER BY 1")
    assert [count for _, count in found] == [40, 39]
    assert found[0][0] is not None


def test_a_text_that_is_no_uuid_is_refused_alone(postgresql_target):
    postgresql_target.session().run("CREATE TABLE orders (v uuid)")
    good, bad = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99"
    records = [struct({"v": schema.STRING}, {"v": bad if at == 7 else good}, offset=at) for at in range(50)]
    with sinking(postgresql_target, errors_tolerance="all") as task, pytest.raises(BatchError, match="uuid") as caught:
        put(task, *records)
    assert list(caught.value.failures) == [7]
    assert rows(postgresql_target, "SELECT count(*) FROM orders") == [(49,)]


NUMBERS = {
    "whole number in NUMERIC": (schema.INT64, "numeric(25,2)", 2**62, "4611686018427387904.00"),
    "small number in BIGINT": (schema.INT8, "bigint", -5, "-5"),
    "large number in INT": (schema.INT64, "int", 2**31 - 1, "2147483647"),
    "single in DOUBLE": (schema.FLOAT32, "float8", 0.5, "0.5"),
    "double in REAL": (schema.FLOAT64, "real", 0.25, "0.25"),
    "decimal that is rounded": (schema.decimal_of(3), "numeric(6,2)", "1.235", "1.24"),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_one_type_in_columns_of_another_are_the_same_by_either_way(postgresql_target, name):
    its_schema, type_name, value, text = NUMBERS[name]
    value = Decimal(value) if isinstance(value, str) else value
    postgresql_target.session().run(f"CREATE TABLE orders (v {type_name})")
    with sinking(postgresql_target) as task:
        put(task, struct({"v": its_schema}, {"v": value}))
        put(task, *[struct({"v": its_schema}, {"v": value})] * 50)
    assert rows(postgresql_target, "SELECT v::text, count(*) FROM orders GROUP BY 1") == [(text, 51)]


class Change(NamedTuple):
    """A column that becomes another one while a task writes to it.

    Attributes:
        its_schema: of the field.
        value: of all records.
        before: type of the column.
        after: type that it becomes.
        text: what the column holds then.
    """

    its_schema: Schema
    value: object
    before: str
    after: str
    text: str


NOON = datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.UTC)
CHANGES = {
    "whole number to double": Change(schema.INT64, 7, "bigint", "float8", "7"),
    "whole number to single": Change(schema.INT32, 7, "int", "real", "7"),
    "more digits": Change(schema.decimal_of(4), Decimal("1.2345"), "numeric(10,2)", "numeric(12,4)", "1.2345"),
    "more microseconds": Change(
        schema.timestamp(), NOON.replace(microsecond=5000), "timestamp(0)", "timestamp", "2024-01-01 21:00:00.005"
    ),
    "zoned": Change(
        schema.timestamp(),
        NOON,
        "timestamp",
        "timestamptz USING v AT TIME ZONE 'Asia/Tokyo'",
        "2024-01-01 12:00:00+00",
    ),
    "text to uuid": Change(schema.STRING, TEXTS["uuid"][1], "text", "uuid USING v::uuid", TEXTS["uuid"][1].lower()),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("mode", [{}, {"insert_mode": "upsert", "pk_mode": "record_value", "pk_fields": "id"}])
def test_a_column_that_becomes_another_one_gets_what_it_is_now(postgresql_target, name, mode):
    change = CHANGES[name]
    session = postgresql_target.session()
    session.run(f"CREATE TABLE orders (id INT PRIMARY KEY, v {change.before})")
    fields = {"id": schema.INT32, "v": change.its_schema}
    with sinking(postgresql_target, "?options=-c%20TimeZone=UTC", db_timezone="Asia/Tokyo", **mode) as task:
        put(task, *[struct(fields, {"id": at, "v": change.value}) for at in range(30)])
        session.run(f"ALTER TABLE orders ALTER v TYPE {change.after}")
        put(task, *[struct(fields, {"id": at, "v": change.value}) for at in range(30, 60)])
    session.run("SET TimeZone = 'UTC'")
    found = session.dialect.ask(session.connection, "SELECT v::text, count(*) FROM orders WHERE id >= 30 GROUP BY 1")
    assert found == [(change.text, 30)]


@pytest.mark.parametrize("count", [1, 30])
@pytest.mark.parametrize("mode", ["delete", "update"])
def test_a_key_with_more_digits_than_its_column_is_that_of_no_row(postgresql_target, mode, count):
    postgresql_target.session().run(
        "CREATE TABLE orders (k NUMERIC(10,2) PRIMARY KEY, n INT)",
        "INSERT INTO orders SELECT x, 0 FROM generate_series(1, 40) x",
    )
    key_schema = Schema(Type.STRUCT, fields={"k": schema.decimal_of(3)})
    its_schema = Schema(Type.STRUCT, fields={"n": schema.INT32}) if mode == "update" else None
    value = {"n": 1} if mode == "update" else None
    settings = {"insert_mode": "update", "pk_mode": "record_key", "delete_enabled": "true"}
    with sinking(postgresql_target, **settings) as task:
        keys = [{"k": Decimal(f"{at}.001")} for at in range(1, count + 1)]
        put(task, *[SinkRecord("orders", 0, 0, value, its_schema, key=key, key_schema=key_schema) for key in keys])
    assert rows(postgresql_target, "SELECT count(*), sum(n) FROM orders") == [(40, 0)]


def test_rows_get_into_the_partitions_of_a_table(postgresql_target):
    postgresql_target.session().run(
        "CREATE TABLE orders (id BIGINT PRIMARY KEY, item TEXT, amount FLOAT) PARTITION BY RANGE (id)",
        "CREATE TABLE low PARTITION OF orders FOR VALUES FROM (0) TO (50)",
        "CREATE TABLE high PARTITION OF orders FOR VALUES FROM (50) TO (100)",
    )
    with sinking(postgresql_target, table_types="PARTITIONED TABLE", **UPSERT) as task:
        for _ in range(2):
            put(task, *[order(number) for number in range(100)])
    assert rows(postgresql_target, "SELECT (SELECT count(*) FROM low), (SELECT count(*) FROM high)") == [(50, 50)]


def test_a_pooler_may_change_the_connection_with_each_transaction(postgresql, orders):
    try:
        pooler = PgBouncer(postgresql)
    except UnavailableError as error:
        missing(str(error))
    try:
        pooler.start()
        name = orders.url.rpartition("/")[2]
        target = orders._replace(url=f"jdbc:postgresql://127.0.0.1:{pooler.port}/{name}", sessions=[])
        query = "?prepareThreshold=0"
        settings = {**UPSERT, "delete_enabled": "true"}
        with sinking(target, query, **settings) as one, sinking(target, query, **settings) as other:
            for turn in range(8):
                for offset, task in ((0, one), (100, other)):
                    put(task, *[order(offset + number, f"{turn}") for number in range(100)])
                    put(task, order(offset, f"{turn}"), *[gone(offset + number) for number in range(50, 100)])
        assert rows(orders, "SELECT count(*), min(item), max(item) FROM orders") == [(100, "7", "7")]
    finally:
        pooler.remove()
