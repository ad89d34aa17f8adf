"""Events of an outbox beside those that Debezium's outbox event router makes of the same rows, as change events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from integration.compat.java_program import JavaProgram
from integration.conftest import missing
from integration.jdbc.targets import Target
from integration.services.debezium import VERSION
from integration.services.maven import UnavailableError, jars
from linkspan.api import Schema, SourceRecord, Type
from linkspan.config.definition import load
from linkspan.convert.json import JsonConverter
from tests.connectors.jdbc.sourcing import SourceTasks, polled

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

_KAFKA: Final = "4.3.1"
_JACKSON: Final = "2.21.2"
_TIME: Final = 1_700_000_000_000
"""When the change events were made, in milliseconds: the time of records for which nothing else is configured."""
TEXT: Final = Schema(Type.STRING)

TABLE: Final = """
    CREATE TABLE outbox (
        n serial PRIMARY KEY, id varchar(20) NOT NULL, aggregatetype varchar(255), aggregateid varchar(255),
        type varchar(255), payload text, raw bytea, version int, shard int, at timestamp, ms bigint)
"""
ROW: Final = {"aggregatetype": "order", "aggregateid": "o-1", "type": "Placed", "payload": '{"total": 7}', "version": 3}
Row = Mapping[str, object]
Answer = dict[str, Any]


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JavaProgram]:
    coordinates = [
        f"com.fasterxml.jackson.core:jackson-core:{_JACKSON}",
        f"org.apache.kafka:connect-json:{_KAFKA}",
        f"org.apache.kafka:connect-transforms:{_KAFKA}",
        f"io.debezium:debezium-core:{VERSION}",
    ]
    try:
        folder = jars(f"debezium-core-{VERSION}-{_KAFKA}", coordinates)
    except UnavailableError as error:
        missing(str(error))
    source = Path(__file__).with_name("OutboxRouter.java")
    made = JavaProgram([source], "OutboxRouter", folder, tmp_path_factory.mktemp("router"))
    yield made
    made.stop()


ENVELOPES = JsonConverter()
ENVELOPES.configure(load(JsonConverter.config_class, {"converter.type": "value"}), is_key=False)


def shown(schema: Schema | None, value: object) -> Any:
    written = ENVELOPES.from_connect("", schema, value)
    return None if written is None else json.loads(written)


def event(row: SourceRecord) -> Any:
    """A row of a bulk read as the change event of its insert."""
    assert row.value_schema is not None
    fields = [
        ("before", row.value_schema.replace(optional=True)),
        ("after", row.value_schema.replace(optional=True)),
        ("source", Schema(Type.STRUCT, name="io.debezium.connector.postgresql.Source", fields=[("table", TEXT)])),
        ("op", TEXT),
        ("ts_ms", Schema(Type.INT64, optional=True)),
    ]
    schema = Schema(Type.STRUCT, name="db.outbox.Envelope", version=1, fields=fields)
    value = {"before": None, "after": row.value, "source": {"table": "outbox"}, "op": "c", "ts_ms": _TIME}
    return shown(schema, value)


def answer(record: SourceRecord) -> dict[str, Any]:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "timestamp": record.timestamp,
        "key": shown(record.key_schema, record.key),
        "value": shown(record.value_schema, record.value),
        "headers": [[header.key, shown(header.schema, header.value)] for header in record.headers or ()],
    }


def both(
    router: JavaProgram, target: Target, settings: Mapping[str, str], rows: Sequence[Row]
) -> Iterator[tuple[Row, Answer, Answer]]:
    """Each row with what the router makes of it, and what ours does."""
    session = target.session()
    session.run(TABLE)
    for number, row in enumerate(rows):
        values = {"id": f"e{number}", **ROW, **row}
        text = f"INSERT INTO outbox ({','.join(values)}) VALUES ({','.join('?' * len(values))})"
        session.dialect.run(session.connection, text, list(values.values()))
    session.connection.commit()
    events = [event(given) for given in read(target, {"mode": "bulk"})]
    theirs = router.answers([{"config": settings, "event": each, "time": _TIME} for each in events])
    ours = {f"x.outbox.{key}": value for key, value in settings.items()}
    records = read(target, {"mode": "outbox", "table.whitelist": "public.outbox", **ours})
    for row, their, our in zip(rows, theirs, map(answer, records), strict=True):
        yield row, their, {**our, "timestamp": _TIME if our["timestamp"] is None else our["timestamp"]}


def read(target: Target, settings: Mapping[str, str]) -> Sequence[SourceRecord]:
    """All rows of the table, by a task with these settings."""
    tasks = SourceTasks({**target.settings, **settings}, '"')
    try:
        return polled(tasks.start("public.outbox"))
    finally:
        tasks.stop()


PLACED: Final = "table.fields.additional.placement"
EXPANDED: Final = {"table.expand.json.payload": "true"}
PLAIN: Final[Sequence[Row]] = [
    {},
    {"payload": None},
    {"payload": ""},
    {"payload": "  "},
    {"aggregateid": None},
    {"aggregatetype": "shop.order"},
    {"version": None, "type": None},
]
BYTES: Final[Sequence[Row]] = [{"raw": b"x"}, {"raw": b""}, {"raw": None}]
DOCUMENTS: Final[Sequence[Row]] = [
    {"payload": payload}
    for payload in (
        *(None, "", "no JSON", '"text"', "17", "{}", '{"a": 1', ' {"a": 1}', '{"a": NaN}', '{"a": 1e400}'),
        '{"a": 1, "b": 2.5, "c": "x", "d": true, "e": null, "f": [1, 2], "g": {"h": {"i": 1}}, "j": {}, "a b": 1.0}',
        '{"a": -2147483649, "b": -2147483648, "c": 2147483648, "d": 9223372036854775807}',
        *('{"a": []}', '{"a": [null]}', '{"a": [null, 1]}', '{"a": [1, "a"]}', '{"a": [1, {"b": 1}]}'),
        *('{"a": [true]}', '{"a": ["x", null]}', '{"a": [[1, 2], [3]]}', '{"a": 1, "a": 2}'),
        *('{"a": [{"b": 1}, {"c": "x"}]}', '{"a": [{"b": 1}, null]}', '{"a": [{"b": null}, {"b": "x"}]}'),
    )
]


@pytest.mark.parametrize(
    ("settings", "rows"),
    [
        ({PLACED: "type:header:eventType,version:header"}, PLAIN),
        ({PLACED: "type:envelope:eventType,version:envelope,id:envelope"}, PLAIN),
        ({PLACED: "type:envelope", "table.field.event.schema.version": "version"}, PLAIN),
        ({PLACED: "nope:header,version:envelope", "table.fields.additional.error.on.missing": "false"}, PLAIN),
        ({PLACED: "shard:partition"}, [{"shard": 2}, {"shard": None}]),
        ({"route.tombstone.on.empty.payload": "true"}, PLAIN),
        ({"route.tombstone.on.empty.payload": "true", PLACED: "type:envelope"}, PLAIN),
        (
            {"route.tombstone.on.empty.payload": "true", "table.field.event.payload": "raw"},
            [{"raw": b"x"}, {"raw": b""}],
        ),
        ({"route.by.field": "type", "route.topic.replacement": "ev-${routedByValue}"}, [{}]),
        ({"route.topic.regex": "shop.(?<what>.*)", "route.topic.replacement": "$1.${what}"}, PLAIN),
        ({"table.field.event.key": "version", "table.field.event.id": "type"}, [{}]),
        (EXPANDED, DOCUMENTS),
        ({**EXPANDED, "table.json.payload.null.behavior": "optional_bytes"}, DOCUMENTS),
        ({**EXPANDED, PLACED: "type:envelope", "table.field.event.schema.version": "version"}, DOCUMENTS),
        ({**EXPANDED, "table.field.event.payload": "type"}, [{"type": '{"a": {"b": 1}}'}]),
    ],
)
def test_records_are_those_of_debeziums_router(router, postgresql_target, settings, rows):
    for row, theirs, ours in both(router, postgresql_target, settings, rows):
        assert (row, ours) == (row, theirs)


def test_more_is_read_than_by_debeziums_router(router, postgresql_target):
    payloads = {"[1, 2]": [1, 2], '{"a": 123456789012345678901234567890}': {"a": 123456789012345678901234567890.0}}
    rows = [{"payload": payload} for payload in payloads]
    for row, theirs, ours in both(router, postgresql_target, EXPANDED, rows):
        assert theirs.keys() == {"error"}
        assert ours["value"]["payload"] == payloads[str(row["payload"])]
