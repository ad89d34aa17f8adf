"""Debezium's JDBC sink in the original worker and ours, from the same topics: the same tables in the end."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Producer

from integration.chaos.pipes import wait_for
from integration.services import debezium
from integration.services.kafka import OriginalWorker, request
from integration.services.linkspan import LinkspanWorker
from integration.services.postgresql import PostgreSqlAddress

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(900)]

PATIENCE = 120.0
LAST = 999
"""The id of the last record of each topic, after whose row there is nothing to wait for."""
JSON = {
    "key.converter": "org.apache.kafka.connect.json.JsonConverter",
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
}
UPSERT = {"insert.mode": "upsert", "primary.key.mode": "record_key", "schema.evolution": "basic"}
INSERT = {"insert.mode": "insert", "schema.evolution": "basic"}

_KEY = """
SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
WHERE i.indisprimary AND i.indrelid = (SELECT oid FROM pg_class WHERE relname = %s AND relkind = 'r') ORDER BY 1
"""

Message = tuple[bytes | None, bytes | None]


def field(label: str, type_name: str, *, optional: bool = True, **more: Any) -> dict[str, Any]:
    return {"field": label, "type": type_name, "optional": optional, **more}


def struct(fields: Sequence[Mapping[str, Any]], payload: object, **more: Any) -> bytes:
    return json.dumps({"schema": {"type": "struct", "fields": fields, **more}, "payload": payload}).encode()


def key(number: int) -> bytes:
    return struct([field("id", "int64", optional=False)], {"id": number})


ID = field("id", "int64", optional=False)
ITEM = field("item", "string")


def row(number: int, item: str | None = "x") -> Message:
    return key(number), struct([ID, ITEM], {"id": number, "item": item})


def wide(number: int, **values: Any) -> Message:
    """A row with a field of each type."""
    logical = "org.apache.kafka.connect.data."
    fields = [
        ID,
        field("tiny", "int8"),
        field("small", "int16"),
        field("whole", "int32"),
        field("single", "float"),
        field("fraction", "double"),
        field("flag", "boolean"),
        field("data", "bytes"),
        field("day", "int32", name=f"{logical}Date", version=1),
        field("clock", "int32", name=f"{logical}Time", version=1),
        field("moment", "int64", name=f"{logical}Timestamp", version=1),
        field("needed", "string", optional=False),
        field("counted", "int32", default=7),
        field("named", "string", default="it's"),
        field("dz_day", "int32", name="io.debezium.time.Date", version=1),
        field("dz_clock", "int64", name="io.debezium.time.MicroTime", version=1),
        field("dz_moment", "int64", name="io.debezium.time.Timestamp", version=1),
        field("dz_micros", "int64", name="io.debezium.time.MicroTimestamp", version=1),
        field("dz_zoned", "string", name="io.debezium.time.ZonedTimestamp", version=1),
    ]
    return key(number), struct(fields, {"id": number, "needed": "n", **values})


FULL = {
    "tiny": -128,
    "small": -32768,
    "whole": 2**31 - 1,
    "single": 0.5,
    "fraction": 1 / 3,
    "flag": True,
    "data": base64.b64encode(bytes(range(256))).decode(),
    "day": -719162,
    "clock": 86_399_999,
    "moment": 1_700_000_000_123,
    "needed": "ä'\"\\",
    "counted": 1,
    "named": "",
    "dz_day": 20_000,
    "dz_clock": 86_399_999_999,
    "dz_moment": -1,
    "dz_micros": 1_700_000_000_123_456,
    "dz_zoned": "2024-02-29T12:00:00.5+02:00",
}


def change(operation: str, number: int, item: str = "x", extra: str | None = None) -> Message:
    """A change event; with another column when that is given."""
    fields = [ID, ITEM] + ([] if extra is None else [field("extra", "string")])
    described = {"type": "struct", "optional": True, "fields": fields, "name": "shop.orders.Value"}
    source = {"field": "source", "type": "struct", "optional": False, "fields": [field("table", "string")]}
    value = {"id": number, "item": item, **({} if extra is None else {"extra": extra})}
    before, after = (value, None) if operation == "d" else (None, value)
    envelope = [{**described, "field": "before"}, {**described, "field": "after"}, source, field("op", "string")]
    payload = {"before": before, "after": after, "source": {"table": "orders"}, "op": operation}
    if operation == "t":
        return None, struct(envelope, {**payload, "after": None}, name="shop.orders.Envelope")
    return key(number), struct(envelope, payload, name="shop.orders.Envelope")


def named(number: int, amount: int | None) -> Message:
    """A row with a text as key, and a decimal."""
    texts = [field("id", "string", optional=False)]
    decimal = field(
        "amount", "bytes", name="org.apache.kafka.connect.data.Decimal", version=1, parameters={"scale": "2"}
    )
    written = None if amount is None else base64.b64encode(amount.to_bytes(9, "big", signed=True)).decode()
    return struct(texts, {"id": str(number)}), struct([*texts, decimal], {"id": str(number), "amount": written})


class Case(NamedTuple):
    """Records and settings.

    Attributes:
        settings: of the connector.
        messages: of its topic; the row of the last one has the id :data:`LAST`.
    """

    settings: Mapping[str, str]
    messages: Sequence[Message]


CASES = {
    "flat": Case(INSERT, [*[row(number) for number in range(60)], row(LAST)]),
    "types": Case(UPSERT, [*[wide(number, **FULL) for number in range(30)], wide(30), wide(LAST)]),
    "upserts": Case(UPSERT, [*[row(number % 30, str(number)) for number in range(90)], row(LAST)]),
    "coordinates": Case({**INSERT, "primary.key.mode": "kafka"}, [*[row(number) for number in range(40)], row(LAST)]),
    "fields": Case(
        {**UPSERT, "primary.key.mode": "record_value", "primary.key.fields": "id"},
        [*[row(number % 7) for number in range(40)], row(LAST)],
    ),
    "changes": Case(
        {**UPSERT, "delete.enabled": "true"},
        [
            *[change("r", number) for number in range(40)],
            *[change("u", number, "new") for number in range(0, 40, 2)],
            *[change("d", number) for number in range(0, 40, 4)],
            *[(key(number), None) for number in range(1, 40, 8)],
            change("c", 0, "again"),
            change("c", LAST),
        ],
    ),
    "kept": Case(UPSERT, [*[change("c", at) for at in range(30)], change("d", 3), (key(4), None), change("c", LAST)]),
    "columns": Case(
        UPSERT,
        [
            *[change("c", number) for number in range(30)],
            *[change("u", number, "new", "more") for number in range(10, 40)],
            *[change("u", number, "old") for number in range(5, 15)],
            change("c", LAST),
        ],
    ),
    "truncated": Case(
        {**UPSERT, "truncate.enabled": "true"},
        [*[change("c", number) for number in range(30)], change("t", 0), change("c", 5), change("c", LAST)],
    ),
    "quoted": Case({**UPSERT, "quote.identifiers": "true"}, [*[row(number) for number in range(30)], row(LAST)]),
    "chosen": Case({**UPSERT, "field.exclude.list": "item"}, [*[row(number) for number in range(30)], row(LAST)]),
    "zone": Case({**UPSERT, "use.time.zone": "Europe/Paris"}, [wide(1, **FULL), wide(2), wide(LAST, **FULL)]),
    "headless": Case(
        {**UPSERT, "primary.key.mode": "record_value", "primary.key.fields": "id", "batch.size": "7"},
        [
            *[change("c", number) for number in range(20)],
            *[change("u", 3, str(at)) for at in range(20)],
            change("c", LAST),
        ],
    ),
    "decimals": Case(UPSERT, [named(1, 12345), named(2, None), named(3, -(10**19) - 1), named(LAST, 0)]),
    "updated": Case(
        {**UPSERT, "insert.mode": "update"},
        [*[row(number, "new") for number in range(30)], row(LAST)],
    ),
}


class Side(NamedTuple):
    """A worker with a database of its own."""

    name: str
    url: str
    log: Path
    database: str


@pytest.fixture(scope="module")
def sides(
    kafka: Any, postgresql: PostgreSqlAddress, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Side]]:
    """Both workers."""
    folder = tmp_path_factory.mktemp("beside")
    original = OriginalWorker(
        folder / "original",
        kafka.bootstrap,
        {**JSON, "plugin.path": debezium.plugin_path()},
    )
    ours = LinkspanWorker(folder / "ours", kafka.bootstrap, JSON)
    for name in ("original", "ours"):
        postgresql.create_database(f"beside_{name}")
    try:
        ours.start()
        original.start()
        yield {
            "original": Side("original", original.url, original.log, "beside_original"),
            "ours": Side("ours", ours.url, ours.log, "beside_ours"),
        }
    finally:
        ours.stop()
        original.stop()


def described(postgresql: PostgreSqlAddress, database: str, table: str) -> dict[str, Any]:
    """Columns, key and rows of a table."""
    with postgresql.connect(database) as connection:
        columns = connection.execute(
            "SELECT column_name, data_type, is_nullable, column_default FROM information_schema.columns "
            "WHERE table_name = %s ORDER BY column_name",
            (table,),
        ).fetchall()
        names = [name for name, *_ in columns]
        key_columns = connection.execute(_KEY, (table,)).fetchall()
        listed = ", ".join(f'"{name}"' for name in names)
        rows = connection.execute(f'SELECT {listed} FROM "{table}" ORDER BY id'.encode()).fetchall()
    return {
        "columns": {name: rest for name, *rest in columns},
        "key": key_columns,
        "rows": [dict(zip(names, row, strict=True)) for row in rows],
    }


@pytest.mark.parametrize("name", CASES)
def test_the_tables_are_debeziums(
    kafka: Any, postgresql: PostgreSqlAddress, sides: Mapping[str, Side], tmp_path: Path, name: str
) -> None:
    case = CASES[name]
    topic = f"{name}.{tmp_path.parent.name.replace('-', '_')}"
    table = topic.replace(".", "_")
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for message_key, value in case.messages:
        producer.produce(topic, value, message_key, partition=0)
    assert producer.flush(30) == 0
    for side in sides.values():
        if name == "updated":
            with postgresql.connect(side.database) as connection:
                connection.execute(f"CREATE TABLE {table} (id BIGINT PRIMARY KEY, item TEXT)".encode())
                connection.execute(f"INSERT INTO {table} VALUES (3, 'old'), ({LAST}, 'old'), (500, 'old')".encode())
        config = {
            "connector.class": debezium.JDBC_SINK,
            "topics": topic,
            "connection.url": postgresql.jdbc_url(side.database),
            "connection.username": postgresql.user,
            "connection.password": postgresql.password,
            "consumer.override.auto.offset.reset": "earliest",
            **case.settings,
        }
        status, answer = request("POST", f"{side.url}/connectors", {"name": f"{table}-{side.name}", "config": config})
        assert status == 201, answer

    def is_done(side: Side) -> bool:
        with postgresql.connect(side.database) as connection:
            if not connection.execute("SELECT 1 FROM pg_class WHERE relname = %s", (table,)).fetchall():
                return False
            text = f"SELECT {'item' if name == 'updated' else 'id'} FROM \"{table}\" WHERE CAST(id AS TEXT) = '{LAST}'"
            return connection.execute(text.encode()).fetchall() not in ([], [("old",)])

    for side in sides.values():
        wait_for(lambda side=side: is_done(side), lambda side=side: side.log.read_text()[-3000:], PATIENCE)  # type: ignore[misc]
        request("DELETE", f"{side.url}/connectors/{table}-{side.name}")
    original, ours = (described(postgresql, sides[side].database, table) for side in ("original", "ours"))
    assert ours["columns"] == original["columns"]
    assert ours["key"] == original["key"]
    for its_row, our_row in zip(original["rows"], ours["rows"], strict=True):
        assert our_row == its_row
