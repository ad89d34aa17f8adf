from __future__ import annotations

import datetime
import logging

import pytest

from linkspan.api import BatchError, ConfigError, Header, Headers, Schema, SinkRecord, schema
from linkspan.api.schema import Type
from linkspan.config.definition import load
from linkspan_connectors.jdbc.variants.debezium.config import DebeziumSinkConfig, engine_config
from linkspan_connectors.jdbc.variants.debezium.connector import DebeziumSinkConnector
from linkspan_connectors.jdbc.variants.debezium.events import FieldFilter, Forms
from linkspan_connectors.jdbc.zones import moment_of, to_wall, wall_time, zone_of
from tests.connectors.jdbc.sinking import order, put
from tests.connectors.jdbc.variants.playing import EVENT, KEY, Database, event, sink

UPSERT = {"insert.mode": "upsert", "primary.key.mode": "record_key", "schema.evolution": "basic"}
ROWS = "SELECT id, item FROM a_orders ORDER BY id"


@pytest.fixture
def database(tmp_path):
    return Database(tmp_path / "test.db")


def given(database, **changes):
    return {
        "connection.url": database.url,
        **UPSERT,
        **{key.replace("_", "."): value for key, value in changes.items()},
    }


def config(**changes):
    changed = {key.replace("_", "."): value for key, value in changes.items()}
    return load(DebeziumSinkConfig, {"connection.url": "jdbc:sqlite:x", **changed})


def of(record, **changes):
    for name, value in changes.items():
        setattr(record, name, value)
    return record


# -- settings ----------------------------------------------------------------------------------------------------------


def test_defaults_are_those_of_debezium():
    engine = engine_config(config())
    assert (engine.batch_size, engine.max_retries, engine.retry_backoff_ms) == (500, 5, 1000)
    assert (engine.quote_sql_identifiers, engine.auto_create, engine.auto_evolve) == ("never", False, False)
    assert (engine.pk_mode, engine.insert_mode, engine.db_timezone) == ("none", "insert", "UTC")


def test_settings_are_translated():
    given = config(
        connection_username="me",
        primary_key_mode="RECORD_HEADER",
        primary_key_fields="a, b",
        schema_evolution="basic",
        quote_identifiers="true",
        use_time_zone="Europe/Paris",
        flush_max_retries="7",
        flush_retry_delay_ms="8",
    )
    engine = engine_config(given)
    assert (engine.connection_user, engine.pk_mode, engine.pk_fields) == ("me", "record_key", ["a", "b"])
    assert (engine.auto_create, engine.auto_evolve, engine.quote_sql_identifiers) == (True, True, "always")
    assert (engine.db_timezone, engine.max_retries, engine.retry_backoff_ms) == ("Europe/Paris", 7, 8)


def test_older_names_are_read():
    given = load(
        DebeziumSinkConfig,
        {
            "connection.url": "jdbc:sqlite:x",
            "database.time_zone": "Europe/Paris",
            "table.name.format": "t_${topic}",
            "table.naming.strategy": "io.debezium.connector.jdbc.naming.DefaultTableNamingStrategy",
        },
    )
    assert (given.use_time_zone, given.collection_name_format) == ("Europe/Paris", "t_${topic}")


def test_what_is_debeziums_own_is_no_property_of_the_driver():
    given = {"connection.url": "jdbc:sqlite:x", "connection.pool.min_size": "1", "connection.provider": "p.C"}
    engine = engine_config(load(DebeziumSinkConfig, {**given, "connection.username": "u"}))
    assert {name for name in engine.originals if name.startswith("connection.")} == {"connection.url"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("collection.naming.strategy", "com.acme.Mine"),
        ("column.naming.strategy", "com.acme.Mine"),
        ("use.time.zone", "Mars/Base"),
        ("field.include.list", "(a"),
        ("delete.enabled", "true"),
        ("insert.mode", "upsert"),
        ("dialect.sqlserver.identity.insert", "true"),
        ("schema.evolution", "advanced"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_key(key, value):
    with pytest.raises(ConfigError) as caught:
        load(DebeziumSinkConfig, {"connection.url": "jdbc:sqlite:x", key: value})
    assert caught.value.key == ("primary.key.mode" if key == "insert.mode" else key)


def test_lists_of_fields_are_exclusive():
    with pytest.raises(ConfigError, match="exclusive"):
        config(field_include_list="a", field_exclude_list="b")


def test_validation_answers_with_debeziums_keys():
    connector = DebeziumSinkConnector()
    (error,) = connector.validate(config(connection_url="jdbc:sqlite:/no/such/folder/x.db", connection_username="u"))
    assert error.key == "connection.url"


def test_settings_of_hibernate_are_named_as_without_effect(database, caplog):
    with caplog.at_level(logging.WARNING), sink(DebeziumSinkConnector, given(database, **{"hibernate.x": "1"})):
        pass
    assert "hibernate." in caplog.text


# -- events ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["c", "r", "u"])
def test_the_row_after_an_event_is_written(database, operation):
    with sink(DebeziumSinkConnector, given(database)) as task:
        put(task, event(operation, 1, "a"), event("u", 1, "b", offset=1))
    assert database.rows(ROWS) == [(1, "b")]


def test_plain_records_are_written_as_they_are(database):
    with sink(DebeziumSinkConnector, given(database)) as task:
        put(task, order(1, "a", 2.5))
    assert database.rows("SELECT id, item, amount FROM orders") == [(1, "a", 2.5)]


def test_deletes_take_their_turn(database):
    with sink(DebeziumSinkConnector, given(database, delete_enabled="true")) as task:
        put(task, event("c", 1), event("c", 2, offset=1), event("d", 1, offset=2), event("c", 3, offset=3))
        assert database.rows(ROWS) == [(2, "x"), (3, "x")]
        put(task, event("d", 2, offset=4), event("c", 2, "again", offset=5), event("d", 3, offset=6))
        put(task, SinkRecord("a.orders", 0, 7, None, None, key={"id": 3}, key_schema=KEY))
    assert database.rows(ROWS) == [(2, "again")]


def test_deletes_that_are_not_wanted_are_left_out(database):
    with sink(DebeziumSinkConnector, given(database)) as task:
        put(task, event("c", 1), event("d", 1, offset=1))
        put(task, SinkRecord("a.orders", 0, 2, None, None, key={"id": 1}, key_schema=KEY))
    assert database.rows(ROWS) == [(1, "x")]


def test_events_that_there_is_no_row_of_are_left_out(database):
    strange = event("m", 1, offset=1)
    with sink(DebeziumSinkConnector, given(database, delete_enabled="true")) as task:
        put(task, event("c", 1), strange, of(event("c", 1, offset=2), value={**strange.value, "op": None}))
    assert database.rows(ROWS) == [(1, "x")]


def test_events_of_two_schemas_with_the_same_row_keep_their_order(database):
    other = Schema(Type.STRUCT, name="other.Envelope", fields={field.name: field.schema for field in EVENT.fields})
    with sink(DebeziumSinkConnector, given(database)) as task:
        put(
            task,
            event("c", 1, "a"),
            of(event("u", 1, "b", offset=1), value_schema=other),
            event("u", 1, "c", offset=2),
            of(event("c", 2, "z", offset=3), value_schema=other),
        )
    assert database.rows(ROWS) == [(1, "c"), (2, "z")]


def test_a_table_is_emptied_of_what_came_before(database):
    with sink(DebeziumSinkConnector, given(database, truncate_enabled="true")) as task:
        put(task, event("c", 1), event("t", 0, offset=1), event("c", 2, offset=2))
        assert database.rows(ROWS) == [(2, "x")]
        put(task, event("t", 0, offset=3))
        assert database.rows(ROWS) == []
        put(task, event("c", 4, offset=4), event("t", 0, offset=5), event("t", 0, offset=6), event("c", 5, offset=7))
    assert database.rows(ROWS) == [(5, "x")]


def test_a_table_that_is_missing_is_empty_already(database):
    with sink(DebeziumSinkConnector, given(database, truncate_enabled="true")) as task:
        put(task, event("t", 0), event("c", 1, offset=1))
    assert database.rows(ROWS) == [(1, "x")]


def test_truncations_that_are_not_wanted_are_left_out(database):
    with sink(DebeziumSinkConnector, given(database)) as task:
        put(task, event("c", 1), event("t", 0, offset=1))
    assert database.rows(ROWS) == [(1, "x")]


def test_records_around_a_truncation_are_named_by_their_places(database):
    mode = {"insert.mode": "insert", "field.include.list": "item"}
    settings = {**given(database, truncate_enabled="true"), **mode, "errors.tolerance": "all"}
    bad = of(event("c", 3, offset=2), key=None, key_schema=None)
    with sink(DebeziumSinkConnector, settings) as task, pytest.raises(BatchError) as caught:
        put(task, event("c", 1), event("t", 0, offset=1), bad, event("c", 4, offset=3))
    assert list(caught.value.failures) == [2]
    assert "primary.key.mode" in caught.value.message
    assert database.rows(ROWS) == [(4, "x")]


def test_cloud_events_carry_the_row_in_their_data(database):
    data = Schema(Type.STRUCT, fields={"id": schema.INT64, "item": schema.STRING})
    wrapped = Schema(Type.STRUCT, name="x.CloudEvents.Envelope", fields={"id": schema.STRING, "data": data})
    record = SinkRecord(
        "a.orders", 0, 0, {"id": "e1", "data": {"id": 1, "item": "a"}}, wrapped, key={"id": 1}, key_schema=KEY
    )
    with sink(DebeziumSinkConnector, given(database)) as task:
        put(task, record)
    assert database.rows(ROWS) == [(1, "a")]


def test_events_of_changed_schemas_are_refused_and_told_what_to_do(database):
    change = Schema(Type.STRUCT, name="io.debezium.connector.mysql.SchemaChangeValue", fields={"ddl": schema.STRING})
    with sink(DebeziumSinkConnector, given(database)) as task, pytest.raises(BatchError, match=r"topics\.regex"):
        put(task, SinkRecord("a", 0, 0, {"ddl": "x"}, change, key={"id": 1}, key_schema=KEY))


# -- tables ------------------------------------------------------------------------------------------------------------


def test_names_of_tables_have_no_dots_of_topics(database):
    with sink(DebeziumSinkConnector, given(database, collection_name_format="t_${topic}")) as task:
        put(task, event("c", 1, topic="a.b.c"))
    assert database.rows("SELECT id FROM t_a_b_c") == [(1,)]


def test_names_of_tables_are_filled_from_the_source(database):
    with sink(DebeziumSinkConnector, given(database, collection_name_format="${source.db}_${source.table}")) as task:
        put(task, event("c", 1))
    assert database.rows("SELECT id FROM shop_orders") == [(1,)]


def test_plain_records_have_no_source_and_are_left_out_with_one_warning(database, caplog):
    with sink(DebeziumSinkConnector, given(database, collection_name_format="${source.table}")) as task:
        put(task, order(1), order(2), event("c", 3))
    assert database.rows("SELECT id FROM orders") == [(3,)]
    assert caplog.text.count("are left out") == 1


def test_a_source_without_the_field_fails_with_its_name(database):
    with (
        sink(DebeziumSinkConnector, given(database, collection_name_format="${source.place}")) as task,
        pytest.raises(ConfigError, match="place"),
    ):
        put(task, event("c", 1))


def test_the_other_format_names_tables_as_the_source_does(database):
    with sink(DebeziumSinkConnector, given(database, collection_table_format="${schema}_${table}")) as task:
        put(task, event("c", 1))
    assert database.rows("SELECT id FROM shop_orders") == [(1,)]


def test_without_evolution_a_missing_table_is_that_records_fault_in_debeziums_words(database):
    settings = given(database, schema_evolution="none")
    with sink(DebeziumSinkConnector, settings) as task, pytest.raises(BatchError, match=r"schema\.evolution=basic"):
        put(task, event("c", 1))


def test_fields_are_chosen_and_keys_always_written(database):
    with sink(DebeziumSinkConnector, given(database, field_include_list="a.orders:nothing")) as task:
        put(task, event("c", 1))
    assert database.rows("SELECT * FROM a_orders") == [(1,)]
    with sink(DebeziumSinkConnector, given(database, field_exclude_list="id,b[.].*:item")) as task:
        put(task, event("c", 2, topic="b.orders"), event("c", 3, topic="c.orders"))
    assert database.rows("SELECT * FROM b_orders") == [(2,)]
    assert database.rows("SELECT * FROM c_orders") == [("x", 3)]


@pytest.mark.parametrize(
    ("included", "excluded", "taken"),
    [
        ([], [], {"t:a", "t:b", "u:a"}),
        (["a"], [], {"t:a", "u:a"}),
        (["t:.*"], [], {"t:a", "t:b"}),
        ([], ["a"], {"t:b"}),
        ([], ["t:a"], {"t:b", "u:a"}),
    ],
)
def test_lists_of_fields(included, excluded, taken):
    chosen = FieldFilter(included, excluded)
    assert {full for full in ("t:a", "t:b", "u:a") if chosen.takes(*full.split(":"))} == taken


# -- keys --------------------------------------------------------------------------------------------------------------


def test_headers_are_key_columns(database):
    settings = given(database, primary_key_mode="record_header", primary_key_fields="tenant")
    headers = Headers([Header("tenant", "acme", schema.STRING), Header("other", 1, schema.INT32)])
    with sink(DebeziumSinkConnector, settings) as task:
        put(task, of(event("c", 1), headers=headers), of(event("c", 2, offset=1), headers=headers))
        with pytest.raises(BatchError, match=r"primary\.key\.mode=record_header"):
            put(task, event("c", 3, offset=2))
    assert database.rows("SELECT tenant, id, item FROM a_orders") == [("acme", 2, "x")]


def test_fields_of_the_row_are_key_columns(database):
    settings = given(database, primary_key_mode="record_value", primary_key_fields="id", field_exclude_list="id")
    with sink(DebeziumSinkConnector, settings) as task:
        put(task, event("c", 1, "a"), event("u", 1, "b", offset=1))
    assert database.rows(ROWS) == [(1, "b")]


def test_coordinates_are_key_columns(database):
    settings = given(database, primary_key_mode="kafka", insert_mode="insert")
    with sink(DebeziumSinkConnector, settings) as task:
        put(task, event("c", 1, offset=5), event("u", 1, "b", offset=6))
    query = "SELECT __connect_topic, __connect_partition, __connect_offset, item FROM a_orders"
    assert database.rows(query) == [("a.orders", 0, 5, "x"), ("a.orders", 0, 6, "b")]


def test_of_one_key_the_newest_event_is_inserted_alone(database):
    with sink(DebeziumSinkConnector, given(database, insert_mode="insert")) as task:
        put(task, event("c", 1, "a"), event("c", 2, offset=1), event("u", 1, "b", offset=2))
    assert database.rows(ROWS) == [(1, "b"), (2, "x")]


def test_passthrough_inserts_all_events_of_one_key(database):
    settings = given(database, insert_mode="insert", keyed_message_batch_mode="passthrough")
    with sink(DebeziumSinkConnector, settings) as task, pytest.raises(BatchError, match="UNIQUE"):
        put(task, event("c", 1, "a"), event("u", 1, "b", offset=1))


def test_passthrough_writes_all_events_of_one_key_in_turn(database):
    database.rows("CREATE TABLE a_orders (id INTEGER PRIMARY KEY, item TEXT)")
    database.rows("CREATE TABLE seen (item TEXT)")
    database.rows("CREATE TRIGGER t AFTER INSERT ON a_orders BEGIN INSERT INTO seen VALUES (new.item); END")
    with sink(DebeziumSinkConnector, given(database, keyed_message_batch_mode="passthrough")) as task:
        put(task, *[event("u", 1, item, offset=at) for at, item in enumerate("abc")])
    assert database.rows("SELECT item FROM seen") == [("a",), ("b",), ("c",)]


# -- types -------------------------------------------------------------------------------------------------------------


def test_in_another_zone_days_times_and_moments_stay_as_they_stand_but_for_those_with_an_offset():
    zone = zone_of("America/New_York")
    fields = {
        "clock": Schema(Type.INT32, name="io.debezium.time.Time"),
        "connect_clock": schema.time(),
        "moment": Schema(Type.INT64, name="io.debezium.time.Timestamp"),
        "micros": Schema(Type.INT64, name="io.debezium.time.MicroTimestamp"),
        "nanos": Schema(Type.INT64, name="io.debezium.time.NanoTimestamp"),
        "connect_moment": schema.timestamp(),
        "zoned": Schema(Type.STRING, name="io.debezium.time.ZonedTimestamp"),
    }
    noon = datetime.datetime(2024, 7, 1, 12, 0, 0, 123000, tzinfo=datetime.UTC)
    micros = int(noon.timestamp()) * 1_000_000 + 123456
    row = {
        "clock": 8 * 3_600_000,
        "connect_clock": datetime.time(8),
        "moment": micros // 1000,
        "micros": micros,
        "nanos": micros * 1000 + 789,
        "connect_moment": noon,
        "zoned": noon.isoformat(),
    }
    forms = Forms("x", FieldFilter(), zone=zone)
    (made,) = forms.of("t", Schema(Type.STRUCT, fields=fields)).rows([row])
    assert wall_time(made["clock"], zone) == wall_time(made["connect_clock"], zone) == datetime.time(8)
    assert to_wall(made["moment"], zone).isoformat() == "2024-07-01T12:00:00.123000"
    assert to_wall(made["connect_moment"], zone).isoformat() == "2024-07-01T12:00:00.123000"
    assert to_wall(moment_of(made["micros"], 6), zone).isoformat() == "2024-07-01T12:00:00.123456"
    assert to_wall(moment_of(made["nanos"], 9), zone).isoformat() == "2024-07-01T12:00:00.123456"
    assert made["nanos"] % 1000 == 789
    assert made["zoned"] == noon
    of_key = forms.of_key(Schema(Type.STRUCT, fields={"micros": fields["micros"]}))
    assert of_key is not None
    (key,) = of_key.rows([row])
    assert to_wall(key["micros"], zone).isoformat() == "2024-07-01T12:00:00.123456"
    assert engine_config(config(use_time_zone="America/New_York")).date_timezone == "UTC"


def test_dates_are_those_of_the_gregorian_calendar_however_old():
    assert engine_config(config()).date_calendar_system == "PROLEPTIC_GREGORIAN"


def test_times_of_debezium_are_times_of_the_database(database):
    def named(kind, name):
        return Schema(kind, optional=True, name=f"io.debezium.time.{name}")

    fields = {
        "id": schema.INT64,
        "day": named(Type.INT32, "Date"),
        "ms": named(Type.INT64, "Timestamp"),
        "us": named(Type.INT64, "MicroTimestamp"),
        "ns": named(Type.INT64, "NanoTimestamp"),
        "zoned": named(Type.STRING, "ZonedTimestamp"),
        "clock": named(Type.INT64, "MicroTime"),
    }
    row = Schema(Type.STRUCT, optional=True, fields=fields)
    envelope = Schema(Type.STRUCT, name="Envelope", fields={"after": row, "op": schema.STRING})
    after = {
        "id": 1,
        "day": 19_000,
        "ms": 1_700_000_000_123,
        "us": 1_700_000_000_123_456,
        "ns": 1_700_000_000_123_456_789,
        "zoned": "2023-11-14T23:13:20.123+01:00",
        "clock": 3_600_000_000,
    }
    with sink(DebeziumSinkConnector, given(database)) as task:
        put(task, SinkRecord("t", 0, 0, {"after": after, "op": "c"}, envelope, key={"id": 1}, key_schema=KEY))
        key = Schema(Type.STRUCT, fields={"day": named(Type.INT32, "Date"), "us": named(Type.INT64, "MicroTimestamp")})
        put(task, SinkRecord("k", 0, 0, {"id": 1}, KEY, key={"day": 1, "us": 1_000_000}, key_schema=key))
        wrong = {**after, "zoned": "yesterday"}
        with pytest.raises(BatchError, match="zoned"):
            put(task, SinkRecord("t", 0, 1, {"after": wrong, "op": "c"}, envelope, key={"id": 1}, key_schema=KEY))
    assert database.rows("SELECT day, us, id FROM k") == [(86_400_000, 1000, 1)]
    assert database.rows("SELECT day, ms, us, ns, zoned, clock FROM t") == [
        (19_000 * 86_400_000, 1_700_000_000_123, 1_700_000_000_123, 1_700_000_000_123, 1_700_000_000_123, 3_600_000)
    ]
