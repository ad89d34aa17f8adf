"""Connectors of other vendors on real databases (spec/jdbc.md 16)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

from integration.chaos.pipes import wait_for
from integration.jdbc.sinks import rows
from integration.jdbc.targets import Target
from integration.jdbc.test_sink_worker import produce, worker_of
from linkspan.api import SinkRecord, schema
from linkspan_connectors.jdbc.variants.aiven.connector import AivenSinkConnector
from linkspan_connectors.jdbc.variants.debezium.connector import DebeziumSinkConnector
from linkspan_connectors.jdbc.variants.ibm import IbmSinkConnector
from tests.connectors.jdbc.sinking import order, put, struct
from tests.connectors.jdbc.variants.playing import KEY, event, sink

pytestmark = pytest.mark.integration

MANY = pytest.mark.parametrize("many", [3, 100], ids=["few", "many"])
UPSERT = {"insert.mode": "upsert", "primary.key.mode": "record_key", "schema.evolution": "basic"}
ITEMS = "SELECT id, item FROM a_orders ORDER BY id"


def of_debezium(target: Target, settings: Mapping[str, str]) -> dict[str, str]:
    given = {"connection.user": "connection.username"}
    return {**UPSERT, **{given.get(key, key): value for key, value in target.settings.items()}, **settings}


@MANY
def test_change_events_keep_tables_as_their_source_is(target, many):
    with sink(
        DebeziumSinkConnector, of_debezium(target, {"delete.enabled": "true", "truncate.enabled": "true"})
    ) as task:
        put(task, *[event("r", number, offset=number) for number in range(many)])
        changes = [event("u", number, "new", offset=many + number) for number in range(0, many, 2)]
        put(task, *changes, *[event("d", number, offset=2 * many + number) for number in range(1, many, 2)])
        task.flush({})
        assert rows(target, ITEMS) == [(number, "new") for number in range(0, many, 2)]
        put(task, event("t", 0), *[event("c", number, "again", offset=1 + number) for number in range(many)])
        task.flush({})
    assert rows(target, ITEMS) == [(number, "again") for number in range(many)]


@MANY
def test_names_that_are_not_quoted_are_found_again(target, many):
    """The database makes small or capital letters of them."""
    row = {"orderId": schema.INT64, "shipTo": schema.OPTIONAL_STRING}
    settings = of_debezium(target, {"collection.name.format": "CamelCase_${topic}"})
    with sink(DebeziumSinkConnector, settings) as task:
        for name in "ab":
            records = [struct(row, {"orderId": number, "shipTo": name}, topic="T") for number in range(many)]
            for record in records:
                record.key, record.key_schema = {"orderId": record.value["orderId"]}, KEY_OF_ORDERS
            put(task, *records)
            task.flush({})
    assert rows(target, "SELECT orderId, shipTo FROM CamelCase_T ORDER BY orderId") == [(n, "b") for n in range(many)]


KEY_OF_ORDERS = struct({"orderId": schema.INT64}, {}).value_schema


@MANY
def test_names_that_are_quoted_keep_their_letters(postgresql_target, many):
    settings = of_debezium(postgresql_target, {"quote.identifiers": "true", "collection.name.format": "Kept_${topic}"})
    with sink(DebeziumSinkConnector, settings) as task:
        put(task, *[event("c", number, topic="T") for number in range(many)])
        task.flush({})
    assert len(rows(postgresql_target, 'SELECT id FROM "Kept_T"')) == many


def test_passthrough_writes_every_event_of_a_key(postgresql_target):
    postgresql_target.session().run(
        "CREATE TABLE a_orders (id BIGINT PRIMARY KEY, item TEXT)",
        "CREATE TABLE seen (item TEXT)",
        "CREATE FUNCTION saw() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO seen VALUES (NEW.item); RETURN NEW; END $$",
        "CREATE TRIGGER t AFTER INSERT OR UPDATE ON a_orders FOR EACH ROW EXECUTE FUNCTION saw()",
    )
    settings = of_debezium(postgresql_target, {"keyed.message.batch.mode": "passthrough"})
    with sink(DebeziumSinkConnector, settings) as task:
        put(task, *[event("u", 1, str(number), offset=number) for number in range(50)])
    assert len(rows(postgresql_target, "SELECT item FROM seen")) == 50


def test_times_of_debezium_are_times_of_the_database(postgresql_target):
    fields = {"id": schema.INT64, "us": schema.Schema(schema.Type.INT64, name="io.debezium.time.MicroTimestamp")}
    record = struct(fields, {"id": 1, "us": 1_700_000_000_123_456}, topic="t")
    record.key, record.key_schema = {"id": 1}, KEY
    with sink(DebeziumSinkConnector, of_debezium(postgresql_target, {})) as task:
        put(task, record)
    assert rows(postgresql_target, "SELECT CAST(us AS TEXT) FROM t") == [("2023-11-14 22:13:20.123456",)]


def test_columns_of_mariadb_hold_what_debeziums_hold(mariadb_target):
    fields = {
        "id": schema.INT64,
        "text": schema.OPTIONAL_STRING,
        "data": schema.OPTIONAL_BYTES,
        "clock": schema.Schema(schema.Type.INT64, name="io.debezium.time.MicroTime"),
        "zoned": schema.Schema(schema.Type.STRING, name="io.debezium.time.ZonedTimestamp"),
    }
    values = {
        "text": "ä" * 70_000,
        "data": b"x" * 70_000,
        "clock": 86_399_999_999,
        "zoned": "2024-02-29T12:00:00.123456Z",
    }
    record = struct(fields, {"id": 1, **values}, topic="t")
    record.key, record.key_schema = {"id": 1}, KEY
    with sink(DebeziumSinkConnector, of_debezium(mariadb_target, {})) as task:
        put(task, record)
    text = "SELECT CHAR_LENGTH(text), LENGTH(data), CAST(clock AS CHAR), CAST(zoned AS CHAR) FROM t"
    assert rows(mariadb_target, text) == [(70_000, 70_000, "23:59:59.999999", "2024-02-29 12:00:00.123456")]


@MANY
def test_ibms_tables_number_and_date_their_rows(target, many):
    with sink(IbmSinkConnector, {**target.settings, "table.name.format": "company"}) as task:
        put(task, *[struct({"name": schema.STRING}, {"name": f"n{number}"}) for number in range(many)])
        task.flush({})
    found = rows(target, "SELECT id, name FROM company ORDER BY id")
    assert found == [(number + 1, f"n{number}") for number in range(many)]
    (count,) = rows(target, "SELECT count(*) FROM company WHERE timestamp IS NOT NULL")
    assert count == (many,)


@MANY
def test_aivens_multi_inserts_into_the_table_of_the_mapping(target, many):
    settings = {"insert.mode": "multi", "auto.create": "true", "topics.to.tables.mapping": "orders:mapped"}
    with sink(AivenSinkConnector, {**target.settings, **settings}) as task:
        put(task, *[order(number) for number in range(many)])
        task.flush({})
    assert len(rows(target, "SELECT id FROM mapped")) == many


def test_a_table_that_others_refer_to_cannot_be_emptied_and_says_so(postgresql_target):
    postgresql_target.session().run(
        "CREATE TABLE a_orders (id BIGINT PRIMARY KEY, item TEXT)",
        "CREATE TABLE items (id BIGINT REFERENCES a_orders)",
    )
    settings = of_debezium(postgresql_target, {"truncate.enabled": "true"})
    with sink(DebeziumSinkConnector, settings) as task, pytest.raises(Exception, match=r"Emptying table a_orders"):
        put(task, event("t", 0), SinkRecord("x", 0, 0, None, None))


def change(operation: str, number: int, item: str) -> bytes:
    row = [{"field": "id", "type": "int64"}, {"field": "item", "type": "string"}]
    described = {"type": "struct", "optional": True, "fields": row}
    schema_of_event = {
        "type": "struct",
        "name": "shop.orders.Envelope",
        "fields": [
            {**described, "field": "before"},
            {**described, "field": "after"},
            {"type": "string", "field": "op"},
        ],
    }
    values = {"id": number, "item": item}
    payload = {"before": values, "after": None} if operation == "d" else {"before": None, "after": values}
    return json.dumps({"schema": schema_of_event, "payload": {**payload, "op": operation}}).encode()


@pytest.mark.timeout(600)
def test_a_worker_keeps_a_table_as_change_events_say(kafka: Any, postgresql_target: Target, tmp_path: Path) -> None:
    topic = f"shop.{tmp_path.name}"
    events = [(number, change("c", number, "old")) for number in range(1000)]
    events += [(number, change("u", number, "new")) for number in range(0, 1000, 2)]
    events += [(number, change("d", number, "old")) for number in range(1, 1000, 2)]
    produce(kafka.bootstrap, topic, events)
    connection = of_debezium(postgresql_target, {"delete.enabled": "true", "batch.size": "100"})
    worker = worker_of(
        tmp_path / "events",
        kafka.bootstrap,
        connection,
        topics=topic,
        connector_class="io.debezium.connector.jdbc.JdbcSinkConnector",
    )
    table = topic.replace(".", "_").replace("-", "_")
    assert table == topic.replace(".", "_")
    text = f"SELECT count(*), min(item), max(item) FROM {table}"
    worker.start()
    try:
        wait_for(lambda: _asked(postgresql_target, text) == [(500, "new", "new")], worker.log.read_text, 180)
    finally:
        worker.stop()


def _asked(target: Target, text: str) -> list[tuple[Any, ...]]:
    """Rows, or none while there is no table."""
    try:
        return rows(target, text)
    except psycopg.errors.UndefinedTable:
        return []
