"""The source connector on SQLite: validation, tables, tasks (spec/jdbc.md 4 and 5)."""

from __future__ import annotations

import sqlite3
import threading
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkspan.api import ConfigError, ConnectError, ExactlyOnceSupport, UnreachableError
from linkspan.config import properties
from linkspan.config.definition import load
from linkspan_connectors.jdbc.connector import JdbcSourceConnector
from linkspan_connectors.jdbc.dialects.sqlite import SqliteDialect
from linkspan_connectors.jdbc.source_config import JdbcSourceConfig

EXAMPLES = Path(__file__).resolve().parents[3] / "config" / "connectors"


class Watched:
    """A connector, and what it asked of the worker."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.changed = threading.Event()
        self.errors: list[Exception] = []
        self.failed = threading.Event()
        self.connector = JdbcSourceConnector()
        self.connector.context = types.SimpleNamespace(  # type: ignore[assignment]
            connector="c", request_task_reconfiguration=self.changed.set, raise_error=self._raise
        )

    def _raise(self, error: Exception) -> None:
        self.errors.append(error)
        self.failed.set()

    def config(self, **settings: str) -> JdbcSourceConfig:
        given = {
            "connection.url": f"jdbc:sqlite:{self.path}",
            "mode": "bulk",
            "table.poll.interval.ms": "10",
            **{key.replace("_", "."): value for key, value in settings.items()},
        }
        return load(JdbcSourceConfig, given)

    def start(self, **settings: str) -> JdbcSourceConnector:
        self.connector.config = self.config(**settings)
        self.connector.start()
        return self.connector

    def run(self, *statements: str) -> None:
        with sqlite3.connect(self.path) as database:
            for statement in statements:
                database.execute(statement)
        database.close()

    def problems(self, **settings: str) -> dict[str, str]:
        return {error.key or "": error.message for error in JdbcSourceConnector().validate(self.config(**settings))}


@pytest.fixture
def watched(tmp_path) -> Iterator[Watched]:
    made = Watched(tmp_path / "test.db")
    made.run("CREATE TABLE a (id INTEGER)", "CREATE TABLE b (id INTEGER)", "CREATE TABLE c (id INTEGER)")
    yield made
    made.connector.stop()


def tables(connector: JdbcSourceConnector, tasks: int) -> list[str]:
    return [config["tables"] for config in connector.task_configs(tasks)]


def test_tables_are_shared_out_with_quotes(watched):
    connector = watched.start(quote_sql_identifiers="never")
    assert tables(connector, 2) == ["`a`,`b`", "`c`"]
    assert {config["tables.fetched"] for config in connector.task_configs(2)} == {"true"}
    assert tables(connector, 5) == ["`a`", "`b`", "`c`"]


def test_tasks_have_the_configuration_of_the_connector(watched):
    (task,) = watched.start(table_whitelist="b").task_configs(1)
    assert task["mode"] == "bulk"
    assert task["tables"] == "`b`"


def test_a_new_table_and_one_that_is_gone_change_the_tasks(watched):
    connector = watched.start(table_blacklist="c")
    assert tables(connector, 1) == ["`a`,`b`"]
    assert not watched.changed.is_set()
    watched.run("CREATE TABLE d (id INTEGER)")
    assert watched.changed.wait(30)
    assert tables(connector, 1) == ["`a`,`b`,`d`"]
    watched.changed.clear()
    watched.run("DROP TABLE a")
    assert watched.changed.wait(30)
    assert tables(connector, 1) == ["`b`,`d`"]


def test_tables_that_are_not_chosen_change_nothing(watched):
    looked = threading.Semaphore(0)
    connector = watched.start(table_whitelist="a")
    monitor = connector._monitor
    assert monitor is not None
    listed = monitor._listed

    def counted(connection):
        looked.release()
        return listed(connection)

    monitor._listed = counted
    watched.run("CREATE TABLE d (id INTEGER)")
    for _ in range(3):
        assert looked.acquire(timeout=30)
    assert not watched.changed.is_set()


def test_one_task_idles_until_tables_are_known_and_then_the_tasks_change(watched, monkeypatch):
    known = threading.Event()
    original = SqliteDialect.tables

    def late(*args, **names):
        assert known.wait(30)
        return original(*args, **names)

    monkeypatch.setattr(SqliteDialect, "tables", late)
    connector = watched.start(table_monitoring_startup_polling_limit_ms="0")
    (task,) = connector.task_configs(3)
    assert (task["tables"], task["tables.fetched"]) == ("", "false")
    known.set()
    assert watched.changed.wait(30)
    assert tables(connector, 3) == ["`a`", "`b`", "`c`"]


def test_one_task_tells_that_no_table_is_chosen(watched):
    (task,) = watched.start(table_whitelist="z").task_configs(3)
    assert (task["tables"], task["tables.fetched"]) == ("", "true")


def test_a_query_has_one_task_and_nothing_is_watched(watched):
    connector = watched.start(query="SELECT * FROM a", topic_prefix="q")
    (task,) = connector.task_configs(3)
    assert (task["tables"], task["tables.fetched"]) == ("", "true")
    assert connector._monitor is None


def test_an_error_of_the_database_is_waited_out(watched, monkeypatch):
    failures = iter([sqlite3.OperationalError("disk I/O error")] * 2)
    original = SqliteDialect.tables

    def failing(*args, **names):
        for error in failures:
            raise error
        return original(*args, **names)

    monkeypatch.setattr(SqliteDialect, "tables", failing)
    assert tables(watched.start(), 1) == ["`a`,`b`,`c`"]
    assert watched.errors == []


def test_tables_are_not_waited_for_while_the_database_is_away(watched, monkeypatch):
    original = SqliteDialect.connect
    away = [UnreachableError("down")]

    def connect(*args):
        if away:
            raise away.pop()
        return original(*args)

    monkeypatch.setattr(SqliteDialect, "connect", connect)
    # longer than a test may take, whoever waits for the one or the other
    connector = watched.start(connection_backoff_ms="3600000", table_monitoring_startup_polling_limit_ms="3600000")
    (task,) = connector.task_configs(1)
    assert (task["tables"], task["tables.fetched"]) == ("", "false")


def test_tables_that_come_when_the_database_is_back_change_the_tasks(watched, monkeypatch):
    original = SqliteDialect.connect
    back = threading.Event()

    def connect(*args):
        if not back.is_set():
            raise UnreachableError("down")
        return original(*args)

    monkeypatch.setattr(SqliteDialect, "connect", connect)
    connector = watched.start(connection_attempts="1")
    assert tables(connector, 1) == [""]
    back.set()
    assert watched.changed.wait(30)
    assert tables(connector, 1) == ["`a`,`b`,`c`"]


def test_tables_of_the_list_that_are_not_there_are_said_once(watched, caplog):
    looked = threading.Semaphore(0)
    connector = watched.start(table_whitelist="a,B,z")
    assert tables(connector, 1) == ["`a`"]
    monitor = connector._monitor
    assert monitor is not None
    listed = monitor._listed

    def counted(connection):
        looked.release()
        return listed(connection)

    monitor._listed = counted
    for _ in range(3):
        assert looked.acquire(timeout=30)
    (said,) = (each.getMessage() for each in caplog.records if "table.whitelist" in each.getMessage())
    assert "may not see them: B, z." in said


def test_a_file_that_is_no_database_is_told_at_the_url(watched, tmp_path):
    (tmp_path / "notes.txt").write_text("These are notes, and no tables at all. " * 20)
    found = watched.problems(connection_url=f"jdbc:sqlite:{tmp_path}/notes.txt")
    assert "file is not a database" in found["connection.url"]


def test_another_error_fails_the_connector(watched):
    monitor_config = watched.config()
    watched.connector.config = monitor_config
    watched.connector.start()
    monitor = watched.connector._monitor
    assert monitor is not None
    error = ConfigError("no driver", "connection.url")

    def raising(_connection):
        raise error

    monitor._listed = raising
    assert watched.failed.wait(30)
    assert watched.errors == [error]


def test_a_file_that_cannot_be_opened_is_told_at_the_url(watched):
    found = watched.problems(connection_url="jdbc:sqlite:/no/such/folder/x.db")
    assert set(found) == {"connection.url"}


def test_a_url_of_an_unknown_form_is_told_at_the_url(watched):
    assert set(watched.problems(connection_url="postgresql://h/d")) == {"connection.url"}


@pytest.mark.parametrize("key", ["query", "query.masked"])
def test_a_query_that_the_database_refuses_is_told_at_its_key(watched, key):
    found = watched.problems(**{key: "SELECT * FROM nowhere", "topic.prefix": "q"})
    assert set(found) == {key}
    assert ("nowhere" in found[key]) == (key == "query")
    assert watched.problems(**{key: "SELECT * FROM a", "topic.prefix": "q"}) == {}


def test_an_isolation_of_sql_server_is_for_sql_server(watched):
    assert set(watched.problems(transaction_isolation_mode="SQL_SERVER_SNAPSHOT")) == {"transaction.isolation.mode"}


def test_each_table_has_to_match_one_item_of_a_mapping(watched):
    settings = {"mode": "incrementing", "table.include.list": "a|b"}
    found = watched.problems(**settings, **{"incrementing.column.mapping": "a:id"})
    assert "b" in found["incrementing.column.mapping"]
    assert watched.problems(**settings, **{"incrementing.column.mapping": ".*:id"}) == {}


@pytest.mark.parametrize(
    ("mode", "support"),
    [
        ("bulk", ExactlyOnceSupport.UNSUPPORTED),
        ("timestamp", ExactlyOnceSupport.UNSUPPORTED),
        ("incrementing", ExactlyOnceSupport.SUPPORTED),
        ("timestamp+incrementing", ExactlyOnceSupport.SUPPORTED),
        ("outbox", ExactlyOnceSupport.SUPPORTED),
    ],
)
def test_modes_with_an_id_and_the_outbox_deliver_exactly_once(mode, support):
    config = {"mode": mode, "connection.url": "jdbc:postgresql://h/d"}
    assert JdbcSourceConnector().exactly_once_support(config) is support


def test_times_that_a_driver_cuts_are_not_exact():
    config = {"mode": "timestamp+incrementing", "connection.url": "jdbc:sqlserver://h;databaseName=d"}
    assert JdbcSourceConnector().exactly_once_support(config) is ExactlyOnceSupport.UNSUPPORTED
    config["mode"] = "incrementing"
    assert JdbcSourceConnector().exactly_once_support(config) is ExactlyOnceSupport.SUPPORTED


def test_offsets_set_by_hand_are_checked():
    connector = JdbcSourceConnector()
    assert connector.alter_offsets({}, [({"query": "query"}, {"incrementing": 5})])
    with pytest.raises(ConnectError):
        connector.alter_offsets({}, [({"query": "query"}, {"incrementing": "five"})])


def test_the_examples_that_we_ship_are_right():
    config = load(JdbcSourceConfig, properties.load(EXAMPLES / "jdbc-source.properties"))
    assert config.table_whitelist == ["public.orders", "public.customers"]
    outbox = load(JdbcSourceConfig, properties.load(EXAMPLES / "jdbc-outbox.properties"))
    assert (outbox.mode, outbox.x_outbox_delete) == ("outbox", True)
