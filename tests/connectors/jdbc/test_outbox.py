"""Mode outbox on SQLite: rows as events, and what happens to those that were delivered (spec/jdbc.md 18)."""

from __future__ import annotations

import sqlite3
import types
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from linkspan.api import (
    ConfigError,
    ConnectError,
    DataError,
    Header,
    RetriableError,
    Schema,
    SourceRecord,
    Type,
    UnreachableError,
)
from linkspan_connectors.jdbc import client
from linkspan_connectors.jdbc.dialects.sqlite import SqliteDialect
from linkspan_connectors.jdbc.json_payload import JsonPayloads
from linkspan_connectors.jdbc.source import JdbcSourceTask
from tests.connectors.jdbc.sourcing import SourceTasks, polled

TEXT = Schema(Type.STRING)
LONG = Schema(Type.INT64, optional=True)
COLUMNS = (
    "id VARCHAR(36) PRIMARY KEY NOT NULL, aggregatetype VARCHAR(255) NOT NULL, aggregateid VARCHAR(255) NOT NULL, "
    "type VARCHAR(255) NOT NULL, payload TEXT"
)


class Outbox(SourceTasks):
    """A database with an outbox, and tasks that read it."""

    def __init__(self, path: Path) -> None:
        settings = {"mode": "outbox", "table.whitelist": "outbox", "x.outbox.delete": "true"}
        settings["poll.interval.ms"] = "0"  # a poll does not wait while rows are on their way
        super().__init__({"connection.url": f"jdbc:sqlite:{path}", **settings})
        self.database = sqlite3.connect(path, isolation_level=None)
        self.database.execute(f"CREATE TABLE outbox ({COLUMNS})")

    def add(self, *ids: str, payload: Any = '{"total": 7}', kind: str | None = "order") -> None:
        for each in ids:
            self.database.execute("INSERT INTO outbox VALUES (?, ?, 'o-1', 'Placed', ?)", (each, kind, payload))

    @property
    def ids(self) -> list[str]:
        return [row[0] for row in self.database.execute("SELECT id FROM outbox ORDER BY id")]


@pytest.fixture
def outbox(tmp_path) -> Iterator[Outbox]:
    made = Outbox(tmp_path / "test.db")
    yield made
    made.stop()
    made.database.close()


def ids(records: Sequence[SourceRecord]) -> list[Any]:
    return [record.headers[0].value for record in records if record.headers]


def one(outbox: Outbox, **settings: str) -> SourceRecord:
    (record,) = polled(outbox.start("outbox", **settings))
    return record


def x(**settings: str) -> dict[str, str]:
    return {"x.outbox." + key.replace("_", "."): value for key, value in settings.items()}


# --- records


def test_an_event_has_topic_key_header_and_value_of_the_usual_columns(outbox):
    outbox.add("e1")
    record = one(outbox)
    assert record.topic == "outbox.event.order"
    assert (record.key, record.key_schema) == ("o-1", TEXT)
    assert record.headers == [Header("id", "e1", TEXT)]
    assert (record.value, record.value_schema) == ('{"total": 7}', TEXT.replace(optional=True))
    assert (record.source_partition, record.source_offset) == ({"protocol": "1", "table": "outbox"}, None)
    assert (record.partition, record.timestamp) == (None, None)


def test_topics_are_named_by_a_pattern_as_java_has_them(outbox):
    outbox.add("e1", kind="shop.order")
    route = x(route_topic_regex=r"(?<area>\p{Alpha}++)\.(\w+)", route_topic_replacement="$2-of-${area}")
    assert one(outbox, **route).topic == "order-of-shop"


def test_a_route_that_the_pattern_does_not_match_is_the_topic(outbox):
    outbox.add("e1", kind="order")
    assert one(outbox, **x(route_topic_regex="shop-(.*)", route_topic_replacement="$1")).topic == "order"


def test_further_columns_go_into_headers_the_envelope_or_name_the_partition(outbox):
    outbox.database.execute("ALTER TABLE outbox ADD part INTEGER")
    outbox.database.execute("INSERT INTO outbox VALUES ('e1', 'order', 'o-1', 'Placed', 'p', 3)")
    placed = "type:header:eventType,type:envelope,aggregateid:envelope:about,part:partition"
    record = one(outbox, **x(table_fields_additional_placement=placed))
    assert record.headers is not None
    assert record.headers[1:] == [Header("eventType", "Placed", TEXT)]
    assert record.partition == 3
    assert record.value == {"payload": "p", "type": "Placed", "about": "o-1"}
    fields = {"payload": TEXT.replace(optional=True), "type": TEXT, "about": TEXT}
    assert record.value_schema == Schema(Type.STRUCT, name="order.outbox", fields=fields)


def test_time_headers_and_trace_come_from_their_columns(outbox):
    for column in ("happened INTEGER", "headers TEXT", "tracingspancontext TEXT"):
        outbox.database.execute(f"ALTER TABLE outbox ADD {column}")
    values = (
        "e1",
        "order",
        "o-1",
        "Placed",
        "p",
        1234,
        '{"a": "x", "b": 2, "c": null, "d": [1]}',
        "#made\ntraceparent=00\\:1\\=\n",
    )
    outbox.database.execute("INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    names = x(table_field_event_timestamp="happened", table_field_event_headers="headers")
    record = one(outbox, **names)
    assert record.timestamp == 1234
    assert record.headers is not None
    assert record.headers[1:] == [
        Header("a", "x", TEXT),
        Header("b", 2, Schema(Type.INT64)),
        Header("c", None, None),
        Header("d", "[1]", TEXT),
        Header("traceparent", "00:1=", TEXT),
    ]


def test_bytes_stay_bytes(outbox):
    outbox.database.execute("DROP TABLE outbox")
    outbox.database.execute(f"CREATE TABLE outbox ({COLUMNS.replace('payload TEXT', 'payload BLOB')})")
    outbox.add("e1", payload=b"\x00\x01")
    record = one(outbox)
    assert (record.value, record.value_schema) == (b"\x00\x01", Schema(Type.BYTES, optional=True))


def test_json_is_expanded_into_a_value_with_a_schema_where_that_is_asked_for(outbox):
    outbox.add("e1", payload='{"total": 7, "gone": null, "lines": [{"sku": "a"}, {"count": 2}]}')
    record = one(outbox, **x(table_expand_json_payload="true"))
    assert record.value == {"total": 7, "lines": [{"sku": "a"}, {"count": 2}]}
    fields = {"sku": TEXT.replace(optional=True), "count": Schema(Type.INT32, optional=True)}
    line = Schema(Type.STRUCT, name="payload.lines", fields=fields)
    lines = Schema(Type.ARRAY, optional=True, values=line)
    whole = {"total": Schema(Type.INT32, optional=True), "lines": lines}
    assert record.value_schema == Schema(Type.STRUCT, name="payload", optional=True, fields=whole)


@pytest.mark.parametrize("payload", ["plain", "{broken", '{"a": [1, "x"]}'])
def test_a_payload_that_cannot_be_expanded_stays_a_text(outbox, payload):
    outbox.add("e1", payload=payload)
    record = one(outbox, **x(table_expand_json_payload="true"))
    assert (record.value, record.value_schema) == (payload, TEXT.replace(optional=True))


@pytest.mark.parametrize("payload", [None, "", "  "])
def test_an_empty_payload_is_a_tombstone_where_that_is_asked_for(outbox, payload):
    outbox.add("e1", payload=payload)
    record = one(outbox, **x(route_tombstone_on_empty_payload="true"))
    assert (record.value, record.value_schema) == (None, None)


def test_an_empty_payload_keeps_its_schema_otherwise(outbox):
    outbox.add("e1", payload=None)
    record = one(outbox)
    assert (record.value, record.value_schema) == (None, TEXT.replace(optional=True))


@pytest.mark.parametrize("kind", ["", "a b", "x" * 300])
def test_an_event_whose_topic_has_no_name_fails_alone(outbox, kind):
    outbox.add("e1", kind=kind)
    outbox.add("e2")
    bad, good = polled(outbox.start("outbox", **x(route_topic_replacement="${routedByValue}")))
    assert good.topic == "order"
    with pytest.raises(DataError, match=r"table outbox, row with id='e1', column aggregatetype makes the topic"):
        bad.value["payload"]


# --- delivery


def test_rows_are_deleted_only_when_the_log_has_all_of_their_poll(outbox):
    outbox.add("e1", "e2", "e3")
    task = outbox.start("outbox", batch_max_rows="2")
    first = polled(task)
    second = polled(task)
    assert (ids(first), ids(second)) == (["e1", "e2"], ["e3"])
    assert outbox.ids == ["e1", "e2", "e3"]
    task.commit_batch(first)
    assert outbox.ids == ["e3"]
    task.commit_batch(second)
    assert outbox.ids == []


def test_rows_on_their_way_are_not_read_again_and_earlier_ones_are_read_when_they_appear(outbox):
    outbox.add("e2")
    task = outbox.start("outbox")
    assert ids(polled(task)) == ["e2"]
    outbox.add("e1")
    assert ids(polled(task)) == ["e1"]
    assert task.poll() is None


def test_what_was_not_acknowledged_is_read_again_by_the_next_start(outbox):
    outbox.add("e1", "e2")
    task = outbox.start("outbox", batch_max_rows="1")
    first = polled(task)
    polled(task)
    task.commit_batch(first)
    outbox.stop()
    assert ids(polled(outbox.start("outbox"))) == ["e2"]


def test_no_more_rows_are_read_than_may_wait(outbox):
    outbox.add("e1", "e2", "e3")
    task = outbox.start("outbox", batch_max_rows="1", max_buffer_size="2")
    first = polled(task)
    polled(task)
    assert task.poll() is None
    task.commit_batch(first)
    assert ids(polled(task)) == ["e3"]


@pytest.mark.parametrize(
    ("exactly_once", "buffered"),
    [(False, "0"), (False, "1"), (True, "0")],
    ids=["room for more", "no room for more", "exactly once"],
)
def test_a_deletion_that_fails_is_made_before_the_next_rows_are_read(outbox, exactly_once, buffered):
    outbox.exactly_once = exactly_once
    outbox.add("e1")
    task = outbox.start("outbox", max_buffer_size=buffered, **{"connection.busy_timeout": "1"})
    first = polled(task)
    outbox.database.execute("BEGIN IMMEDIATE")
    outbox.add("e2")
    task.commit_batch(first)
    outbox.database.execute("COMMIT")
    assert outbox.ids == ["e1", "e2"]
    assert ids(polled(task)) == ["e2"]
    assert outbox.ids == ["e2"]


def test_keys_of_several_columns_name_their_rows(outbox):
    outbox.database.execute("DROP TABLE outbox")
    outbox.database.execute(f"CREATE TABLE outbox ({COLUMNS.replace('PRIMARY KEY ', '')}, PRIMARY KEY (type, id))")
    outbox.add("e1", "e2")
    task = outbox.start("outbox", batch_max_rows="1")
    first = polled(task)
    task.commit_batch(first)
    assert outbox.ids == ["e2"]


def test_exactly_once_the_offset_names_the_rows_and_the_next_start_deletes_them_first(outbox):
    outbox.exactly_once = True
    outbox.add("e1", "e2")
    task = outbox.start("outbox", batch_max_rows="1")
    first = polled(task)
    assert first[0].source_offset == {"delivered": '[["e1"]]'}
    assert task.poll() is None, "one batch at a time, since the offset has to name all"
    outbox.log.store(first)
    outbox.stop()
    assert outbox.ids == ["e1", "e2"]
    assert ids(polled(outbox.start("outbox"))) == ["e2"]
    assert outbox.ids == ["e2"]


def test_without_deletion_offsets_are_those_of_mode_incrementing(outbox):
    outbox.database.execute("DROP TABLE outbox")
    outbox.database.execute(
        f"CREATE TABLE outbox (n INTEGER PRIMARY KEY AUTOINCREMENT, {COLUMNS.replace('PRIMARY KEY', '')})"
    )
    for each in ("e1", "e2", "e3"):
        outbox.database.execute("INSERT INTO outbox VALUES (NULL, ?, 'order', 'o', 't', 'p')", (each,))
    task = outbox.start("outbox", batch_max_rows="2", **x(delete="false"))
    first = polled(task)
    assert [record.source_offset for record in first] == [{"incrementing": 1}, {"incrementing": 2}]
    outbox.log.store(first)
    assert ids(polled(task)) == ["e3"]
    outbox.stop()
    task = outbox.start("outbox", **x(delete="false"))
    assert ids(polled(task)) == ["e3"]
    task.commit_batch(first)
    assert outbox.ids == ["e1", "e2", "e3"]


def test_without_deletion_reading_begins_behind_the_id_that_is_set(outbox):
    outbox.database.execute("DROP TABLE outbox")
    columns = COLUMNS.replace("PRIMARY KEY", "")
    outbox.database.execute(f"CREATE TABLE outbox (n INTEGER PRIMARY KEY AUTOINCREMENT, {columns})")
    for each in ("e1", "e2"):
        outbox.database.execute("INSERT INTO outbox VALUES (NULL, ?, 'order', 'o', 't', 'p')", (each,))
    task = outbox.start("outbox", x_incrementing_initial="1", **x(delete="false"))
    assert ids(polled(task)) == ["e2"]


# --- bad input


def test_numbers_that_are_not_whole_are_refused(outbox):
    outbox.database.execute("DROP TABLE outbox")
    columns = COLUMNS.replace("PRIMARY KEY", "")
    outbox.database.execute(f"CREATE TABLE outbox (n DOUBLE NOT NULL, {columns})")
    outbox.database.execute("INSERT INTO outbox VALUES (1.5, 'e1', 'order', 'o', 't', 'p')")
    task = outbox.start("outbox", incrementing_column_name="n", **x(delete="false"))
    with pytest.raises(ConnectError, match=r"column n of table `outbox` has to have whole numbers"):
        polled(task)


def test_a_missing_column_is_named_with_its_key(outbox):
    outbox.add("e1")
    task = outbox.start("outbox", **x(table_field_event_payload="body"))
    with pytest.raises(ConfigError, match=r"outbox has no column body; it has id, aggregatetype") as caught:
        polled(task)
    assert caught.value.key == "x.outbox.table.field.event.payload"


def test_without_deletion_a_column_of_rising_numbers_is_needed(outbox):
    task = outbox.start("outbox", **x(delete="false"))
    with pytest.raises(ConfigError, match=r"incrementing\.column\.name.*x\.outbox\.delete=true"):
        polled(task)


def test_deletion_needs_a_primary_key(outbox):
    outbox.database.execute("DROP TABLE outbox")
    outbox.database.execute(f"CREATE TABLE outbox ({COLUMNS.replace('PRIMARY KEY', '')})")
    with pytest.raises(ConfigError, match="Table outbox has no primary key"):
        polled(outbox.start("outbox"))


def test_a_table_that_is_locked_is_read_later_or_given_up_after_so_many_attempts(outbox):
    task = outbox.start("outbox", **{"query.retry.attempts": "2", "connection.busy_timeout": "1"})
    outbox.database.execute("BEGIN EXCLUSIVE")
    with pytest.raises(RetriableError):
        task.poll()
    with pytest.raises(ConnectError, match="attempt 2 of 2"):
        task.poll()
    outbox.database.execute("COMMIT")


def test_attempts_to_connect_are_counted_and_not_the_pauses_between_them(outbox, monkeypatch):
    tried: list[str] = []
    now = 0.0

    def connect(_: SqliteDialect, __: object, application: str) -> None:
        tried.append(application)
        raise UnreachableError("down")

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(SqliteDialect, "connect", connect)
    monkeypatch.setattr(client, "time", types.SimpleNamespace(monotonic=lambda: now, sleep=sleep))
    task = outbox.start("outbox", query_retry_attempts="3", connection_backoff_ms="10000")
    with pytest.raises(ConnectError, match="attempt 3 of 3"):
        poll_until_it_is_given_up(task)
    assert len(tried) == 3


def poll_until_it_is_given_up(task: JdbcSourceTask) -> None:
    for _ in range(100):
        with suppress(RetriableError):
            task.poll()


# --- JSON


@pytest.mark.parametrize(
    ("text", "value", "schema"),
    [
        ("[1, 2]", [1, 2], Schema(Type.ARRAY, optional=True, values=Schema(Type.INT32, optional=True))),
        ("[null, 3000000000]", [None, 3000000000], Schema(Type.ARRAY, optional=True, values=LONG)),
        (
            f"[{1 << 70}]",
            [float(1 << 70)],
            Schema(Type.ARRAY, optional=True, values=Schema(Type.FLOAT64, optional=True)),
        ),
        ('[{"a": {"b": true}}]', [{"a": {"b": True}}], None),
    ],
)
def test_values_of_json_have_the_narrowest_of_three_kinds_of_numbers(text, value, schema):
    made, found = JsonPayloads("payload", nulls_are_bytes=False).expanded(text)
    assert made == value
    assert schema is None or found == schema
    found.validate(made)


def test_objects_in_arrays_keep_the_fields_of_all():
    made, schema = JsonPayloads("p", nulls_are_bytes=False).expanded('[{"a": {"b": 1}}, {"a": {"c": 2}}]')
    number = Schema(Type.INT32, optional=True)
    inner = Schema(Type.STRUCT, name="p.a", optional=True, fields={"b": number, "c": number})
    assert made == [{"a": {"b": 1}}, {"a": {"c": 2}}]
    assert schema.values == Schema(Type.STRUCT, name="p", fields={"a": inner})


def test_nulls_of_json_may_be_bytes():
    made, schema = JsonPayloads("payload", nulls_are_bytes=True).expanded('{"a": null}')
    assert made == {"a": None}
    fields = {"a": Schema(Type.BYTES, optional=True)}
    assert schema == Schema(Type.STRUCT, name="payload", optional=True, fields=fields)


def test_payloads_of_one_shape_share_a_schema():
    payloads = JsonPayloads("payload", nulls_are_bytes=False)
    assert payloads.expanded('{"a": 1}')[1] is payloads.expanded('{"a": 2}')[1]


@pytest.mark.parametrize("text", ["7", "[]", '{"a": [1, 2.5]}', '[{"a": 1}, {"a": "x"}]', "[" * 100000, '"x"'])
def test_what_has_no_schema_is_refused(text):
    with pytest.raises(DataError):
        JsonPayloads("payload", nulls_are_bytes=False).expanded(text)
