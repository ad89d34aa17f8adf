"""Keys of the source, and what is said about wrong ones (spec/jdbc.md 3 and 4)."""

from __future__ import annotations

import pytest

from linkspan.api import ConfigError
from linkspan.config.definition import ConfigDef, load
from linkspan_connectors.jdbc.source_config import JdbcSourceConfig, JdbcSourceTaskConfig, assigned_tables, query_text

URL = "jdbc:sqlite:/none.db"
BASE = {"connection.url": URL, "mode": "bulk", "topic.prefix": "p-"}


def problems(**settings: str) -> dict[str, list[str]]:
    """What is said at each key."""
    props = {**BASE, **{key.replace("_", "."): value for key, value in settings.items()}}
    definition = ConfigDef(JdbcSourceConfig.keys)
    values = definition.validate(props)
    found = {value.name: value.errors for value in values if value.errors}
    if not found:
        config = JdbcSourceConfig({value.name: value.value for value in values}, props)
        for error in JdbcSourceConfig.check(config):
            found.setdefault(error.key or "", []).append(error.message)
    return found


def test_the_defaults_are_those_of_the_reference():
    config = load(JdbcSourceConfig, {"connection.url": URL, "mode": "bulk"})
    assert {key: config.values[key] for key in _DEFAULTS} == _DEFAULTS


_DEFAULTS = {
    "connection.user": None,
    "connection.attempts": 3,
    "connection.backoff.ms": 10000,
    "table.whitelist": [],
    "table.blacklist": [],
    "table.include.list": [],
    "table.exclude.list": [],
    "timestamp.columns.mapping": [],
    "incrementing.column.mapping": [],
    "incrementing.column.name": "",
    "timestamp.column.name": [],
    "timestamp.initial": None,
    "validate.non.null": True,
    "timestamp.delay.interval.ms": 0,
    "timestamp.granularity": "connect_logical",
    "query": "",
    "query.suffix": "",
    "query.retry.attempts": -1,
    "catalog.pattern": None,
    "schema.pattern": None,
    "table.types": ["TABLE"],
    "numeric.mapping": None,
    "numeric.precision.mapping": False,
    "topic.prefix": "",
    "poll.interval.ms": 5000,
    "batch.max.rows": 1000,
    "max.buffer.size": 0,
    "poll.linger.ms": 5000,
    "table.poll.interval.ms": 60000,
    "table.monitoring.startup.polling.limit.ms": 10000,
    "transaction.isolation.mode": "DEFAULT",
    "quote.sql.identifiers": "ALWAYS",
    "db.timezone": "UTC",
    "date.calendar.system": "LEGACY",
    "dialect.name": "",
}


def test_a_mode_has_to_be_named():
    assert "Query mode must be specified" in problems(mode="")["mode"][0]
    assert list(problems(mode="sometimes")) == ["mode"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("topic.prefix", "a/b"),
        ("topic.prefix", "x" * 250),
        ("timestamp.granularity", "seconds"),
        ("numeric.mapping", "Best_Fit"),
        ("timestamp.initial", "-2"),
        ("table.include.list", "a("),
        ("timestamp.columns.mapping", "a:b"),
        ("incrementing.column.mapping", "a:"),
        ("transaction.isolation.mode", "read_committed"),
        ("batch.max.rows", "0"),
        ("connection.attempts", "0"),
        ("db.timezone", "Europe/Nowhere"),
        ("engine.shutdown.timeout", "31"),
    ],
)
def test_a_wrong_value_is_told_at_its_key(key, value):
    assert list(problems(**{key: value})) == [key]


@pytest.mark.parametrize("value", ["NANOS_LONG", "nanos_long", "Nanos_Long"])
def test_granularities_are_taken_in_any_case(value):
    assert problems(timestamp_granularity=value) == {}


def test_older_and_newer_names_are_not_mixed():
    found = problems(table_whitelist="a", table_include_list="a")
    assert set(found) >= {"table.whitelist", "table.include.list"}
    found = problems(mode="timestamp", table_include_list="a", timestamp_column_name="ts")
    assert set(found) >= {"timestamp.column.name", "table.include.list"}


def test_whitelist_and_blacklist_are_exclusive():
    assert set(problems(table_whitelist="a", table_blacklist="b")) == {"table.whitelist", "table.blacklist"}


def test_an_exclude_list_needs_an_include_list():
    assert set(problems(table_exclude_list="a")) == {"table.exclude.list"}


def test_no_filter_takes_all_tables_as_up_to_version_10_7():
    assert problems() == {}


def test_a_query_and_a_filter_are_exclusive():
    assert set(problems(query="SELECT 1", table_whitelist="a")) == {"query", "table.whitelist"}


def test_a_query_is_given_once():
    assert set(problems(**{"query": "SELECT 1", "query.masked": "SELECT 1"})) == {"query", "query.masked"}


@pytest.mark.parametrize(
    "query",
    [
        "select 1",
        "  SELECT 1",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "-- why\nSELECT 1",
        "/* why */ select 1",
        "(SELECT 1)",
    ],
)
def test_queries_that_can_be_read(query):
    assert problems(query=query) == {}


@pytest.mark.parametrize("query", ["DELETE FROM t", "UPDATE t SET a = 1", "selection", "-- SELECT\nDROP TABLE t"])
def test_queries_that_cannot_be_read(query):
    assert set(problems(query=query)) == {"query"}


def test_a_masked_query_is_never_shown():
    found = problems(**{"query.masked": "DROP TABLE secrets"})
    assert set(found) == {"query.masked"}
    assert "secrets" not in str(found)
    config = load(JdbcSourceConfig, {**BASE, "query.masked": " SELECT 1 "})
    assert query_text(config) == "SELECT 1"


@pytest.mark.parametrize("mode", ["incrementing", "timestamp+incrementing"])
def test_a_query_needs_the_name_of_the_incrementing_column(mode):
    assert "incrementing.column.name" in problems(query="SELECT 1", mode=mode, timestamp_column_name="t")


def test_a_query_needs_a_topic():
    assert set(problems(query="SELECT 1", topic_prefix="")) == {"topic.prefix"}


def test_a_mode_with_timestamps_needs_their_columns():
    assert set(problems(mode="timestamp")) == {"timestamp.column.name"}
    assert set(problems(mode="timestamp", table_include_list="a")) == {"timestamp.columns.mapping"}


def test_mappings_are_needed_by_their_modes_only():
    both = {"table.include.list": ".*", "timestamp.columns.mapping": ".*:[a]", "incrementing.column.mapping": ".*:b"}
    assert problems(mode="timestamp+incrementing", **both) == {}
    assert set(problems(mode="timestamp", **both)) == {"incrementing.column.mapping"}
    assert set(problems(mode="incrementing", **both)) == {"timestamp.columns.mapping"}
    assert set(problems(mode="incrementing", **{"incrementing.column.mapping": ".*:b"})) == {
        "incrementing.column.mapping"
    }


def test_a_url_is_needed():
    assert set(problems(connection_url="")) == {"connection.url"}


def test_the_first_problem_fails_a_task():
    with pytest.raises(ConfigError):
        load(JdbcSourceConfig, {**BASE, "mode": "timestamp"})


def test_waiting_for_lower_ids_is_for_tables_in_mode_incrementing():
    assert problems(mode="incrementing", x_gap_safe="true") == {}
    assert set(problems(mode="bulk", x_gap_safe="true")) == {"x.gap.safe"}
    query = {"query": "SELECT 1", "incrementing_column_name": "id"}
    assert set(problems(mode="incrementing", x_gap_safe="true", **query)) == {"x.gap.safe"}


def test_only_tables_that_are_read_whole_by_a_mode_with_an_id_can_be_cut_into_chunks():
    size = {"x_snapshot_chunk_size": "1000"}
    assert problems(mode="incrementing", **size) == {}
    assert set(problems(mode="bulk", **size)) == {"x.snapshot.chunk.size"}
    assert set(problems(mode="timestamp", timestamp_column_name="t", **size)) == {"x.snapshot.chunk.size"}
    query = {"query": "SELECT 1", "incrementing_column_name": "id"}
    assert set(problems(mode="incrementing", **query, **size)) == {"x.snapshot.chunk.size"}
    assert set(problems(mode="incrementing", query_suffix="LIMIT 5", **size)) == {"query.suffix"}
    assert set(problems(mode="incrementing", x_incrementing_initial="5", **size)) == {"x.incrementing.initial"}
    both = {"mode": "timestamp+incrementing", "timestamp_column_name": "t"}
    assert set(problems(**both, timestamp_initial="0", **size)) == {"timestamp.initial"}
    assert problems(mode="incrementing", query_suffix="LIMIT 5") == {}


def test_keys_from_the_primary_key_need_a_table_and_a_form():
    key = "x.key.from.primary.key"
    assert problems(x_key_from_primary_key="struct") == {}
    assert set(problems(x_key_from_primary_key="other")) == {key}
    assert set(problems(x_key_from_primary_key="value", query="SELECT 1")) == {key}
    assert set(problems(x_key_from_primary_key="value", mode="outbox", table_whitelist="o")) == {key}


def test_an_outbox_is_named_and_no_query():
    assert problems(mode="outbox", table_whitelist="outbox") == {}
    assert problems(mode="outbox", table_include_list="shop.*outbox") == {}
    assert "needs a list of its tables" in problems(mode="outbox")["table.whitelist"][0]
    assert "mode" in problems(mode="outbox", query="SELECT 1")
    assert set(problems(mode="outbox", table_whitelist="o", query_suffix="LIMIT 1")) == {"query.suffix"}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("x.outbox.route.topic.regex", "(", "in the regular expression"),
        ("x.outbox.route.topic.replacement", "${nothing}", "there is no group nothing"),
        ("x.outbox.route.topic.replacement", "$2", "there is no group 2"),
        ("x.outbox.table.fields.additional.placement", "type", "column:place"),
        ("x.outbox.table.fields.additional.placement", "type:somewhere", "header, envelope, partition"),
        ("x.outbox.table.json.payload.null.behavior", "keep", "ignore"),
    ],
)
def test_what_is_wrong_with_an_outbox_is_said_at_its_key(key, value, said):
    found = problems(mode="outbox", table_whitelist="outbox", **{key: value})
    assert set(found) == {key}
    assert said in found[key][0]


@pytest.mark.parametrize(
    ("tables", "names"),
    [
        ("", []),
        ('"s"."a","s"."b"', ['"s"."a"', '"s"."b"']),
        ('"s"."a, b","s"."c"",d"', ['"s"."a, b"', '"s"."c"",d"']),
        ("`s`.`a,b`, `c`", ["`s`.`a,b`", "`c`"]),
        ("[d].[a,]],b],[c]", ["[d].[a,]],b]", "[c]"]),
        ("a,b", ["a", "b"]),
    ],
)
def test_a_comma_within_the_quotes_of_a_table_does_not_end_its_name(tables, names):
    config = load(JdbcSourceTaskConfig, {"connection.url": "jdbc:sqlite:", "mode": "bulk", "tables": tables})
    assert assigned_tables(config) == names
