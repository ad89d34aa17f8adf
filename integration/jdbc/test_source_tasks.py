"""The source's task on real databases: turns, lost connections, stops, and what validation says."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from integration.conftest import missing
from integration.jdbc.targets import Target
from integration.services.maven import UnavailableError
from integration.services.pgbouncer import PgBouncer
from integration.services.proxy import Proxy
from linkspan.api import ConfigError, ConnectError, DataError, SourceRecord, ThrottledError
from linkspan.config.definition import load
from linkspan_connectors.jdbc import reader
from linkspan_connectors.jdbc.identifiers import Quotes, TableId
from linkspan_connectors.jdbc.source_config import JdbcSourceConfig
from linkspan_connectors.jdbc.source_connector import JdbcSourceConnector
from tests.connectors.jdbc.sourcing import SourceTasks, polled

pytestmark = pytest.mark.integration

LARGE = 5000
BY_ID = {"mode": "incrementing", "incrementing.column.name": "id"}
BY_TIME = {"mode": "timestamp", "timestamp.column.name": "made"}


@contextmanager
def tasks_of(target: Target, **more: str) -> Iterator[SourceTasks]:
    made = SourceTasks({**target.settings, **more}, '"' if target.kind == "postgresql" else "`")
    try:
        yield made
    finally:
        made.stop()


def fill(target: Target, *tables: str, rows: int = LARGE) -> None:
    session = target.session()
    kind = "datetime(6)" if target.kind == "mariadb" else "timestamp"
    for table in tables:
        session.run(f"CREATE TABLE {table} (id integer PRIMARY KEY, made {kind} NOT NULL, text varchar(100))")
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT i FROM n"
        if target.kind == "postgresql":
            numbers = "SELECT i FROM generate_series(1, {}) i"
        if target.kind == "mariadb":
            numbers = "SELECT seq AS i FROM seq_1_to_{}"
        # runs of seven rows have the same time
        moment = {
            "postgresql": "timestamp '2024-01-01' + (i / 7) * interval '1 second'",
            "mariadb": "timestamp('2024-01-01') + interval i div 7 second",
            "sqlite": "1704067200000 + (i / 7) * 1000",
        }[target.kind]
        session.run(f"INSERT INTO {table} SELECT i, {moment}, '{'x' * 90}' FROM ({numbers.format(rows)}) numbers")


def ids(records: Sequence[SourceRecord]) -> list[int]:
    return [record.value["id"] for record in records]  # type: ignore[index]


def all_of(task: Any, wanted: dict[str, int]) -> list[tuple[str, list[int]]]:
    """Batches until each topic has had so many records: topic and ids of each."""
    left, found = dict(wanted), []
    while any(count > 0 for count in left.values()):
        batch = polled(task)
        found.append((batch[0].topic, ids(batch)))
        left[batch[0].topic] -= len(batch)
    return found


@pytest.mark.parametrize("mode", [BY_ID, BY_TIME], ids=["by id", "by time"])
def test_a_large_table_does_not_keep_others_waiting_and_no_row_is_read_twice(target, mode, monkeypatch):
    monkeypatch.setattr(reader, "_LONG_TURN", 0.0)
    monkeypatch.setattr(reader, "_WORTH", 0)
    fill(target, "large", "other")
    fill(target, "small", rows=10)
    settings = {**mode, "batch.max.rows": "100", "max.buffer.size": "1", "poll.interval.ms": "600000"}
    with tasks_of(target, **settings) as tasks:
        found = all_of(tasks.start("large", "other", "small"), {"p-large": LARGE, "p-other": LARGE, "p-small": 10})
    for topic, count in (("p-large", LARGE), ("p-other", LARGE), ("p-small", 10)):
        rows = [number for name, batch in found if name == topic for number in batch]
        # rows of the same time come in any order
        assert sorted(rows) == list(range(1, count + 1))
    order = [topic for topic, _ in found]
    assert order.index("p-small") < 10
    assert order[:20].count("p-large") < 20
    assert order[:20].count("p-other") > 0


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
@pytest.mark.parametrize("mode", [BY_ID, BY_TIME], ids=["by id", "by time"])
def test_a_connection_that_is_cut_within_a_result_loses_no_row(request, kind, mode):
    target = request.getfixturevalue(f"{kind}_target")
    fill(target, "large")
    with Proxy() as proxy:
        proxy.target, _, database = target.url.removeprefix(f"jdbc:{kind}://").partition("/")
        away = target._replace(url=f"jdbc:{kind}://{proxy.address}/{database}")
        with tasks_of(away, **mode, **{"batch.max.rows": "100", "max.buffer.size": "1"}) as tasks:
            task = tasks.start("large")
            seen: list[int] = []
            for _ in range(5):
                for _ in range(5):
                    seen += ids(polled(task))
                proxy.cut()
                proxy.mend()
            while len(set(seen)) < LARGE:
                seen += ids(polled(task))
    assert set(seen) == set(range(1, LARGE + 1))
    if mode is BY_ID:
        assert len(seen) == LARGE


def test_a_server_that_ends_transactions_which_do_nothing_keeps_no_task_from_going_on(postgresql_target):
    fill(postgresql_target, "large")
    watcher = postgresql_target.session()
    connected = "SELECT 1 AS x FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'c-0'"
    idle = f"{postgresql_target.url}?options=-c%20idle_in_transaction_session_timeout=200"
    with tasks_of(postgresql_target._replace(url=idle), **BY_ID, **{"max.buffer.size": "1"}) as tasks:
        task = tasks.start("large")
        seen = ids(polled(task))
        while watcher.rows(connected):
            pass
        while len(seen) < LARGE:
            seen += ids(polled(task))
    assert seen == list(range(1, LARGE + 1))


def test_connections_that_a_role_may_not_have_more_of_pass(postgresql_target):
    role = f"limited_{postgresql_target.url.rpartition('/')[2]}"
    postgresql_target.session().run(f"CREATE ROLE {role} LOGIN PASSWORD 'secret' CONNECTION LIMIT 0")
    with pytest.raises(ThrottledError, match="too many connections for role"):
        postgresql_target._replace(user=role, password="secret").session()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_stop_does_not_wait_for_a_statement(request, kind):
    target = request.getfixturevalue(f"{kind}_target")
    query = "SELECT 1 AS id, pg_sleep(600)" if kind == "postgresql" else "SELECT 1 AS id, sleep(600) AS x"
    with tasks_of(target, mode="bulk", query=query, **{"topic.prefix": "q"}) as tasks:
        task = tasks.start(tables="")
        assert task.poll() is None
        made = task._reader
        assert made is not None
        tasks.stop()
        assert not made._thread.is_alive()


def problems(target: Target, **changes: str) -> dict[str, str]:
    settings = {**target.settings, "mode": "bulk", **{key.replace("_", "."): value for key, value in changes.items()}}
    found = JdbcSourceConnector().validate(load(JdbcSourceConfig, settings))
    return {error.key or "": error.message for error in found}


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_validation_names_the_key_that_is_wrong(request, kind):
    target = request.getfixturevalue(f"{kind}_target")
    assert problems(target) == {}
    assert set(problems(target, connection_password="no")) == {"connection.user", "connection.password"}
    base = target.url.rpartition("/")[0]
    assert set(problems(target, connection_url=f"{base}/nowhere")) == {"connection.url"}
    assert set(problems(target, connection_url=f"jdbc:{kind}://127.0.0.1:1/x")) == {"connection.url"}
    assert set(problems(target, query="SELECT * FROM nowhere", topic_prefix="q")) == {"query"}
    assert problems(target, query="SELECT 1 AS id", topic_prefix="q") == {}


def test_tables_and_columns_may_have_any_name(target):
    quote = '"' if target.kind == "postgresql" else "`"
    names = ["q'r", "a.b", "c, d", "Ümläut", "UPPER", "%s ? {x}", f"in{quote}side"]
    session = target.session()
    for number, name in enumerate(names):
        table = quote + name.replace(quote, quote * 2) + quote
        session.run(f"CREATE TABLE {table} ({quote}Id, %?{quote} integer PRIMARY KEY NOT NULL)")
        session.run(f"INSERT INTO {table} VALUES ({number})")
    schema = {"postgresql": "public", "mariadb": target.url.rpartition("/")[2], "sqlite": None}[target.kind]
    tables = ",".join(Quotes(quote, quote).table(TableId(None, schema, name)) for name in names)
    with tasks_of(target, mode="incrementing", **{"incrementing.column.name": "Id, %?"}) as tasks:
        task = tasks.start(tables=tables)
        found = {record.value_schema.name: dict(record.value) for _ in names for record in polled(task)}
    assert found == {name: {"Id, %?": number} for number, name in enumerate(names)}


def test_a_null_of_an_outer_join_fails_with_its_row_unless_the_query_says_that_it_may_come(postgresql_target):
    session = postgresql_target.session()
    session.run("CREATE TABLE a (id int PRIMARY KEY)", "CREATE TABLE b (id int PRIMARY KEY, x int NOT NULL)")
    session.run("INSERT INTO a VALUES (1), (2)", "INSERT INTO b VALUES (1, 10)")
    query = "SELECT a.id, {} FROM a LEFT JOIN b ON a.id = b.id ORDER BY a.id"
    with tasks_of(postgresql_target, mode="bulk") as tasks:
        _, refused = polled(tasks.start(query=query.format("b.x")))
        with pytest.raises(DataError, match=r"the query, row with id=2, column x: null.*COALESCE\(x, NULL\) AS x"):
            dict(refused.value)
        _, taken = polled(tasks.start(query=query.format("COALESCE(b.x, NULL) AS x")))
        assert taken.value == {"id": 2, "x": None}


def test_a_text_as_the_timestamp_column_is_refused_instead_of_being_compared_as_a_text(postgresql_target):
    session = postgresql_target.session()
    session.run("CREATE TABLE notes (id int, note text NOT NULL)")
    session.run("INSERT INTO notes VALUES (1, 'x')")
    with tasks_of(postgresql_target, mode="timestamp", **{"timestamp.column.name": "note"}) as tasks:
        task = tasks.start("notes")
        with pytest.raises(ConfigError, match="column note cannot be a timestamp column: it is text"):
            polled(task)


def test_a_masked_query_is_in_no_message_and_no_trace(target):
    query = "SELECT id, 'topsecret' AS x FROM topsecret"
    message = problems(target, query_masked=query, topic_prefix="q")["query.masked"]
    assert "Looking at the query failed" in message
    assert "topsecret" not in message
    with tasks_of(target, mode="bulk", **{"query.masked": query}) as tasks:
        task = tasks.start()
        with pytest.raises(ConnectError, match="Reading the query failed") as error:
            polled(task)
    assert "topsecret" not in "".join(traceback.format_exception(error.value))


def test_no_password_is_in_any_message(postgresql_target):
    url = postgresql_target.url + "?user=someone&password=s3cret"
    settings = {"connection.url": url, "mode": "bulk"}
    found = JdbcSourceConnector().validate(load(JdbcSourceConfig, settings))
    assert found
    assert "s3cret" not in str([error.message for error in found])


def test_a_pooler_that_hands_out_connections_by_transaction_is_no_obstacle(postgresql, postgresql_target):
    try:
        pooler = PgBouncer(postgresql)
    except UnavailableError as error:
        missing(str(error))
    fill(postgresql_target, "large", "other", rows=500)
    try:
        pooler.start()
        name = postgresql_target.url.rpartition("/")[2]
        url = f"jdbc:postgresql://127.0.0.1:{pooler.port}/{name}?prepareThreshold=0"
        settings = {**BY_ID, "batch.max.rows": "50", "max.buffer.size": "1"}
        with tasks_of(postgresql_target._replace(url=url), **settings) as tasks:
            task, twin = (tasks.start("large", "other") for _ in range(2))
            for each in (task, twin):
                found = all_of(each, {"p-large": 500, "p-other": 500})
                rows = [number for topic, batch in found if topic == "p-large" for number in batch]
                assert rows == list(range(1, 501))
            session = postgresql_target.session()
            session.run("INSERT INTO large VALUES (501, now(), 'x')")
            assert ids(polled(task)) == ids(polled(twin)) == [501]
    finally:
        postgresql_target.close()
        pooler.remove()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
@pytest.mark.parametrize("mode", ["READ_UNCOMMITTED", "READ_COMMITTED", "REPEATABLE_READ", "SERIALIZABLE"])
def test_transactions_have_the_isolation_that_is_asked_for(request, kind, mode):
    target = request.getfixturevalue(f"{kind}_target")
    setting = "current_setting('transaction_isolation')" if kind == "postgresql" else "@@session.tx_isolation"
    query = f"SELECT {setting} AS isolation"
    with tasks_of(target, mode="bulk", query=query, **{"topic.prefix": "q"}) as tasks:
        (record,) = polled(tasks.start(tables="", transaction_isolation_mode=mode))
    assert record.value["isolation"].upper().replace("-", "_").replace(" ", "_") == mode


@pytest.mark.parametrize("kind", ["timestamp", "timestamptz"])
@pytest.mark.parametrize("last", ["-infinity", "0044-03-15 12:30:00 BC"])
def test_rows_behind_one_whose_time_python_cannot_hold_are_read(postgresql_target, kind, last):
    session = postgresql_target.session()
    session.run(f"CREATE TABLE old (id integer PRIMARY KEY, made {kind} NOT NULL)")
    session.run(f"INSERT INTO old VALUES (1, '{last}')")
    with tasks_of(postgresql_target, **BY_TIME, **{"poll.interval.ms": "20"}) as tasks:
        task = tasks.start("old")
        (unfit,) = polled(task)
        assert "id=1" in str(unfit.value)
        session.run("INSERT INTO old VALUES (2, '2024-01-01')")
        assert ids(polled(task)) == [2]
