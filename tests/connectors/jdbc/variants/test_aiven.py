from __future__ import annotations

import pytest

from linkspan.api import ConfigError, schema
from linkspan.config.definition import load
from linkspan_connectors.jdbc.source_config import JdbcSourceTaskConfig
from linkspan_connectors.jdbc.variants.aiven.config import (
    AivenSinkConfig,
    AivenSourceConfig,
    AivenSourceTaskConfig,
    source_config,
)
from linkspan_connectors.jdbc.variants.aiven.connector import AivenSinkConnector, AivenSourceConnector, AivenSourceTask
from tests.connectors.jdbc.sinking import order, put, struct
from tests.connectors.jdbc.sourcing import Log, polled, values
from tests.connectors.jdbc.variants.playing import Database, sink


@pytest.fixture
def database(tmp_path):
    return Database(tmp_path / "test.db")


def source(**given):
    return {
        "connection.url": "jdbc:sqlite:x",
        "mode": "bulk",
        "topic.prefix": "p-",
        **{key.replace("_", "."): value for key, value in given.items()},
    }


def test_defaults_are_those_of_aiven():
    config = load(AivenSourceConfig, source())
    assert (config.batch_max_rows, config.timestamp_initial_ms, config.incrementing_initial) == (100, 0, -1)
    assert (config.sql_quote_identifiers, config.table_names_qualify) == (True, True)


@pytest.mark.parametrize(
    "key",
    ["table.include.list", "timestamp.granularity", "query.masked", "quote.sql.identifiers", "timestamp.initial"],
)
def test_the_source_declares_no_key_that_aiven_does_not_have(key):
    for config_class in (AivenSourceConfig, AivenSourceTaskConfig):
        assert key not in {declared.name for declared in config_class.keys}


@pytest.mark.parametrize("key", ["connection.url", "mode", "topic.prefix"])
def test_the_source_needs_what_aiven_needs(key):
    given = source()
    del given[key]
    with pytest.raises(ConfigError, match=key):
        load(AivenSourceConfig, given)


def test_an_outbox_is_not_aivens():
    assert not [key.name for key in AivenSourceTaskConfig.keys if key.name.startswith("x.outbox.")]
    with pytest.raises(ConfigError, match="mode"):
        load(AivenSourceConfig, source(mode="x.outbox"))


def test_best_fit_eager_double_is_not_aivens():
    with pytest.raises(ConfigError, match="best_fit_eager_double"):
        load(AivenSourceConfig, source(numeric_mapping="best_fit_eager_double"))


def test_settings_are_translated():
    given = source(
        sql_quote_identifiers="false", timestamp_initial_ms="7", incrementing_initial="9", batch_max_rows="3"
    )
    config = source_config(JdbcSourceTaskConfig, load(AivenSourceTaskConfig, {**given, "tables": "a,b"}))
    assert (config.quote_sql_identifiers, config.timestamp_initial, config.x_incrementing_initial) == ("never", 7, 9)
    assert (config.batch_max_rows, config.tables) == (3, ["a", "b"])


def test_errors_between_keys_have_aivens_names():
    with pytest.raises(ConfigError) as caught:
        load(AivenSourceConfig, source(mode="timestamp"))
    assert caught.value.key == "timestamp.column.name"


def test_tables_without_their_schemas_need_the_name_of_the_id():
    with pytest.raises(ConfigError, match=r"table\.names\.qualify"):
        load(AivenSourceConfig, source(mode="incrementing", table_names_qualify="false"))


def task(database, **given):
    made = AivenSourceTask()
    props = {**source(**given), "connection.url": database.url, "poll.interval.ms": "10", "tables.fetched": "true"}
    made.config = load(AivenSourceTaskConfig, props)
    made.context = type(
        "Context",
        (),
        {"connector": "c", "task": 0, "configs": props, "offset_reader": Log(), "exactly_once": False},
    )()
    made.start()
    return made


def test_reading_begins_behind_the_initial_id(database):
    database.rows("CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL)")
    database.rows("INSERT INTO t VALUES (-5), (-1), (0), (7)")
    for initial, expected in ((None, [0, 7]), ("-2", [-1, 0, 7]), ("0", [7])):
        given = {} if initial is None else {"incrementing_initial": initial}
        made = task(database, tables="`t`", mode="incrementing", incrementing_column_name="id", **given)
        try:
            assert values(polled(made)) == expected
        finally:
            made.stop()


def test_tasks_keep_aivens_names_and_get_tables_without_schemas_where_that_is_wanted(database):
    database.rows("CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL)")
    connector = AivenSourceConnector()
    given = source(sql_quote_identifiers="true", table_names_qualify="false") | {"connection.url": database.url}
    connector.config = load(AivenSourceConfig, given)
    connector.context = type(
        "Context", (), {"connector": "c", "request_task_reconfiguration": None, "raise_error": None}
    )()
    connector.start()
    try:
        (config,) = connector.task_configs(1)
    finally:
        connector.stop()
    assert config == {**given, "tables": "`t`", "tables.fetched": "true"}


def test_validation_answers_with_aivens_keys(tmp_path):
    connector = AivenSinkConnector()
    config = load(AivenSinkConfig, {"connection.url": f"jdbc:sqlite:{tmp_path}/no/such/folder/x.db"})
    assert {error.key for error in connector.validate(config)} == {"connection.url"}


@pytest.mark.parametrize("mode", ["multi", "MULTI", "insert"])
def test_multi_inserts(database, mode):
    database.rows("CREATE TABLE orders (id INTEGER, item TEXT, amount REAL)")
    with sink(AivenSinkConnector, {"connection.url": database.url, "insert.mode": mode}) as made:
        put(made, order(1, "a", 1.5), order(2, "b", None))
    assert database.rows("SELECT * FROM orders") == [(1, "a", 1.5), (2, "b", None)]


def test_names_of_tables_are_normalized_on_request(database):
    given = {"connection.url": database.url, "auto.create": "true", "table.name.normalize": "true"}
    with sink(AivenSinkConnector, given) as made:
        put(made, struct({"id": schema.INT64}, {"id": 1}, topic="shop.my-orders"))
    assert database.rows("SELECT id FROM shop_my_orders") == [(1,)]


def test_topics_are_mapped_to_tables_and_others_have_none(database):
    given = {"connection.url": database.url, "auto.create": "true", "topics.to.tables.mapping": "a.b:first,c:second"}
    with sink(AivenSinkConnector, given) as made:
        fields = {"id": schema.INT64}
        put(made, struct(fields, {"id": 1}, topic="a.b"), struct(fields, {"id": 2}, topic="c"))
        with pytest.raises(ConfigError, match=r"topics\.to\.tables\.mapping has no table for topic d"):
            put(made, struct(fields, {"id": 3}, topic="d"))
    assert database.rows("SELECT id FROM first") + database.rows("SELECT id FROM second") == [(1,), (2,)]


@pytest.mark.parametrize("text", ["a", "a:", ":b", "a:b,a:c"])
def test_a_mapping_that_maps_nothing_is_refused(text):
    with pytest.raises(ConfigError, match=r"topics\.to\.tables\.mapping"):
        load(AivenSinkConfig, {"connection.url": "jdbc:sqlite:x", "topics.to.tables.mapping": text})


def test_key_fields_without_key_are_refused():
    with pytest.raises(ConfigError, match=r"pk\.fields"):
        load(AivenSinkConfig, {"connection.url": "jdbc:sqlite:x", "pk.fields": "id"})
