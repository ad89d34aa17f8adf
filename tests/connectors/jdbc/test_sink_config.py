from __future__ import annotations

from pathlib import Path

import pytest

from linkspan.api import ConfigError
from linkspan.config import properties
from linkspan.config.definition import ConfigDef, load
from linkspan_connectors.jdbc.keys import ColumnRules
from linkspan_connectors.jdbc.sink_config import JdbcSinkConfig, column_rules, table_rules
from linkspan_connectors.jdbc.sink_connector import JdbcSinkConnector

EXAMPLES = Path(__file__).parents[3] / "config" / "connectors"
URL = {"connection.url": "jdbc:sqlite::memory:"}


def errors(**changes: str) -> list[str]:
    """Keys with errors."""
    given = {**URL, **{key.replace("_", "."): value for key, value in changes.items()}}
    wrong = [value.name for value in ConfigDef(JdbcSinkConfig.keys).validate(given) if value.errors]
    return wrong or [str(error.key) for error in JdbcSinkConfig.check(JdbcSinkConfig(parsed(given), given))]


def parsed(given):
    return ConfigDef(JdbcSinkConfig.keys).parse(given)


def test_defaults_are_those_of_the_original():
    config = load(JdbcSinkConfig, URL)
    assert {
        key: config.values[key]
        for key in (
            "insert.mode",
            "batch.size",
            "delete.enabled",
            "table.name.format",
            "table.types",
            "pk.mode",
            "pk.fields",
            "fields.whitelist",
            "auto.create",
            "auto.evolve",
            "max.retries",
            "retry.backoff.ms",
            "replace.null.with.default",
            "date.timezone",
            "timestamp.fields.list",
            "timestamp.precision.mode",
            "string.output.value.column.name",
            "mssql.use.merge.holdlock",
            "trim.sensitive.log",
        )
    } == {
        "insert.mode": "insert",
        "batch.size": 3000,
        "delete.enabled": False,
        "table.name.format": "${topic}",
        "table.types": ["TABLE"],
        "pk.mode": "none",
        "pk.fields": [],
        "fields.whitelist": [],
        "auto.create": False,
        "auto.evolve": False,
        "max.retries": 10,
        "retry.backoff.ms": 3000,
        "replace.null.with.default": True,
        "date.timezone": "DB_TIMEZONE",
        "timestamp.fields.list": [],
        "timestamp.precision.mode": "microseconds",
        "string.output.value.column.name": "record_value",
        "mssql.use.merge.holdlock": True,
        "trim.sensitive.log": False,
    }


def test_the_url_is_required():
    with pytest.raises(ConfigError) as caught:
        parsed({})
    assert caught.value.key == "connection.url"
    assert errors(connection_url=" ") == ["connection.url"]


@pytest.mark.parametrize("value", ["insert", "UPSERT", "update"])
def test_modes_are_in_lower_or_upper_case(value):
    assert errors(insert_mode=value, pk_mode="RECORD_KEY") == []
    assert errors(insert_mode=value.title(), pk_mode="record_key") == ["insert.mode"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("insert.mode", "merge"),
        ("pk.mode", "primary"),
        ("batch.size", "-1"),
        ("max.retries", "-1"),
        ("retry.backoff.ms", "-1"),
        ("table.name.format", " "),
        ("table.types", "TABLE,SYNONYM"),
        ("date.timezone", "Europe/Paris"),
        ("timestamp.precision.mode", "seconds"),
        ("db.timezone", "Mars/Olympus"),
        ("quote.sql.identifiers", "sometimes"),
    ],
)
def test_a_wrong_value_is_an_error_of_its_key(key, value):
    assert errors(**{key: value}) == [key]


def test_deletes_need_the_key_of_the_record():
    assert errors(delete_enabled="true", pk_mode="record_value") == ["delete.enabled"]
    assert errors(delete_enabled="true", pk_mode="record_key") == []


@pytest.mark.parametrize("mode", ["upsert", "update"])
def test_upserts_and_updates_need_a_key_or_every_row_would_be_changed(mode):
    assert errors(insert_mode=mode) == ["pk.mode"]


def test_coordinates_need_three_names_or_none():
    assert errors(pk_mode="kafka", pk_fields="a,b") == ["pk.fields"]
    assert errors(pk_mode="kafka", pk_fields="a,b,c") == []
    assert errors(pk_mode="kafka") == []


def test_rules_are_made_of_the_configuration():
    config = load(
        JdbcSinkConfig,
        {
            **URL,
            "pk.mode": "RECORD_VALUE",
            "pk.fields": "a,b",
            "fields.whitelist": "c",
            "timestamp.fields.list": "t",
            "timestamp.precision.mode": "NANOSECONDS",
            "table.types": "table,view",
            "auto.create": "true",
            "max.retries": "3",
            "x.exactly.once": "true",
        },
    )
    assert column_rules(config) == ColumnRules(
        "record_value", ("a", "b"), frozenset({"c"}), "record_value", frozenset({"t"}), 9, deletes=False
    )
    assert table_rules(config) == (True, False, ("TABLE", "VIEW"), 3, True)


def test_the_example_that_we_ship_is_right():
    config = load(JdbcSinkConfig, properties.load(EXAMPLES / "jdbc-sink.properties"))
    assert config.connection_url == "jdbc:postgresql://localhost:5432/shop"


def check(**changes: str) -> list[ConfigError]:
    given = {**URL, **{key.replace("_", "."): value for key, value in changes.items()}}
    return list(JdbcSinkConnector().validate(load(JdbcSinkConfig, given)))


def test_validation_connects():
    assert check() == []


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"connection_url": "jdbc:nosuch://h/d"}, "connection.url"),
        ({"connection_url": "no url"}, "connection.url"),
        ({"connection_url": "jdbc:sqlite:/nowhere/at/all.db"}, "connection.url"),
        ({"dialect_name": "NoDialect"}, "dialect.name"),
        ({"jdbc_credentials_provider_class": "nowhere:provider"}, "jdbc.credentials.provider.class"),
        ({"table_name_format": "a..${topic}"}, "table.name.format"),
        ({"table_name_format": "`${topic}"}, "table.name.format"),
        ({"x_exactly_once": "true", "x_offsets_table": "a.b.c.d"}, "x.offsets.table"),
        ({"x_exactly_onse": "true"}, "x.exactly.onse"),
        ({"compat_initial_bounds": "true"}, "compat.initial.bounds"),
    ],
)
def test_what_keeps_it_from_connecting_is_an_error_of_its_key(changes, key):
    assert [error.key for error in check(**changes)] == [key]


def test_settings_of_others_are_left_alone():
    assert check(auto_creat="true", errors_tolerance="all", x="y", compatible="z") == []


def test_a_key_field_that_is_named_twice_is_one():
    config = load(JdbcSinkConfig, {**URL, "pk.mode": "record_key", "pk.fields": "id,id"})
    assert column_rules(config).key_fields == ("id",)
    with pytest.raises(ConfigError, match=r"pk\.fields"):
        load(JdbcSinkConfig, {**URL, "pk.mode": "kafka", "pk.fields": "a,b,a"})


def test_all_tasks_have_the_configuration_of_the_connector():
    made = JdbcSinkConnector()
    made.config = load(JdbcSinkConfig, {**URL, "tasks.max": "2"})
    assert made.task_configs(2) == [{**URL, "tasks.max": "2"}] * 2
    assert made.alter_offsets({}, {})
