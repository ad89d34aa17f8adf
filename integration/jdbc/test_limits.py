"""Poolers, limits of connections, servers that say nothing (spec/jdbc.md 2.1)."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from integration.conftest import missing
from integration.jdbc.targets import Target
from integration.services.mariadb import MariaDb
from integration.services.maven import UnavailableError
from integration.services.pgbouncer import PgBouncer
from integration.services.postgresql import PostgreSql
from integration.services.proxy import Proxy
from linkspan.api import ConfigError, DataError, RetriableError, ThrottledError, UnreachableError
from linkspan_connectors.jdbc.client import Client
from linkspan_connectors.jdbc.credentials import Credentials
from linkspan_connectors.jdbc.dialects import dialect_of
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.urls import parse

pytestmark = pytest.mark.integration


@pytest.fixture
def pooled(postgresql, postgresql_target):
    """The same database through a pooler with two connections, which it hands out by transaction."""
    try:
        pooler = PgBouncer(postgresql)
    except UnavailableError as error:
        missing(str(error))
    try:
        pooler.start()
        name = postgresql_target.url.rpartition("/")[2]
        yield postgresql_target._replace(url=f"jdbc:postgresql://127.0.0.1:{pooler.port}/{name}")
    finally:
        postgresql_target.close()
        pooler.remove()


def test_a_pooler_that_hands_out_connections_by_transaction_is_no_obstacle(pooled):
    one, other = pooled.session("?prepareThreshold=0"), pooled.session("?prepareThreshold=0")
    one.run("CREATE TABLE t (id INT PRIMARY KEY, s TEXT)")
    for turn in range(12):
        for number, session in enumerate((one, other)):
            row = (2 * turn + number, f"{turn}")
            session.dialect.run_many(session.connection, "INSERT INTO t VALUES (?, ?)", [row])
            session.connection.commit()
            found = session.rows("SELECT count(*) AS n FROM t WHERE id >= ?", [0])
            assert found == [{"n": 2 * turn + number + 1}]
            assert session.dialect.is_valid(session.connection)


def test_a_pooler_that_loses_prepared_statements_is_told_with_the_property_that_helps(pooled):
    first, second = pooled.session("?prepareThreshold=0"), pooled.session("?prepareThreshold=0")
    session = pooled.session()
    dialect = session.dialect

    def hold(holder):
        dialect.run(holder.connection, "SELECT 1")

    def run():
        with dialect.attempt("Writing"):
            dialect.run(session.connection, "SELECT CAST(? AS INT)", [1])
            session.connection.commit()

    hold(first)
    for _ in range(10):
        run()
    # the connection that has the statement is taken, and the other one becomes free
    hold(second)
    first.connection.rollback()
    with pytest.raises(ConfigError, match="put prepareThreshold=0 into the URL"):
        run()


def _fill(target):
    for _ in range(10):
        target.session()


def test_too_many_connections_to_postgresql_pass():
    server = PostgreSql({"max_connections": 4, "superuser_reserved_connections": 0, "max_wal_senders": 0})
    target = Target("postgresql", server.jdbc_url(), server.user, server.password, [])
    try:
        server.start()
        with pytest.raises(ThrottledError, match=r"lower tasks\.max"):
            _fill(target)
        target.close()
    finally:
        server.remove()


def test_too_many_connections_to_mariadb_pass(mariadb, mariadb_target):
    connection = mariadb.connect()
    with connection.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE USER single@'%' IDENTIFIED BY 'secret' WITH MAX_USER_CONNECTIONS 1")
        cursor.execute("GRANT ALL ON *.* TO single@'%'")
    connection.close()
    single = mariadb_target._replace(user="single", password="secret")
    single.session()
    with pytest.raises(ThrottledError, match=r"lower tasks\.max"):
        single.session()


@pytest.mark.parametrize("protocol", ["postgresql", "mysql"])
def test_a_server_that_says_nothing_is_given_up(protocol):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"jdbc:{protocol}://127.0.0.1:{silent.getsockname()[1]}/d"
        client = Client(dialect_of(Settings(parse(url), login_seconds=2.0)), lambda: Credentials("u", "p"), "x")
        with pytest.raises(UnreachableError):
            client.connection()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_connection_that_falls_silent_is_found_out_and_made_anew(kind, request, monkeypatch):
    target = request.getfixturevalue(f"{kind}_target")
    monkeypatch.setattr("linkspan_connectors.jdbc.client._VALIDITY_SECONDS", 0.5)
    monkeypatch.setattr("linkspan_connectors.jdbc.client._FRESH", 0.0)
    proxy = Proxy()
    proxy.target = target.url.split("/")[2]
    dialect = dialect_of(Settings(parse(target.url.replace(proxy.target, proxy.address))))
    client = Client(dialect, lambda: Credentials(target.user, target.password), "x", stopping=threading.Event())
    abort = dialect.abort

    def aborted(connection):
        abort(connection)
        proxy.mend()

    monkeypatch.setattr(dialect, "abort", aborted)
    try:
        first = client.connection()
        proxy.hold()
        assert client.connection() is not first
        assert dialect.ask(client.connection(), "SELECT 1") == [(1,)]
    finally:
        client.close()
        proxy.close()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_call_in_progress_can_be_interrupted(kind, request):
    target = request.getfixturevalue(f"{kind}_target")
    session, watch = target.session(), target.session()
    sleep, running = {
        "postgresql": (
            "SELECT pg_sleep(600)",
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = ?",
        ),
        "mariadb": ("SELECT sleep(600)", "SELECT count(*) FROM information_schema.processlist WHERE info = ?"),
    }[kind]

    def interrupt():
        while watch.dialect.ask(watch.connection, running, [sleep]) == [(0,)]:
            watch.connection.rollback()
        session.dialect.interrupt(session.connection)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each driver has its own
        session.dialect.ask(session.connection, sleep)
    thread.join()
    failure = session.dialect.failure(caught.value, "It")
    assert failure.code in ("retriable", "outage.unreachable")


def test_a_result_of_mariadb_that_is_not_wanted_is_not_fetched(mariadb_target):
    session = mariadb_target.session()
    selection = session.dialect.select(session.connection, "SELECT a.seq FROM seq_1_to_1000000000 a", batch_rows=10)
    assert len(selection.fetch(10)) == 10
    selection.close()
    assert not session.dialect.is_open(session.connection)


def test_a_connection_to_mariadb_stays_when_its_result_was_at_its_end(mariadb_target):
    session = mariadb_target.session()
    selection = session.dialect.select(session.connection, "SELECT 1", batch_rows=1)
    assert selection.fetch(1) == [(1,)]
    selection.close()
    assert session.dialect.is_valid(session.connection)


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_the_system_watches_whether_the_server_is_still_there(kind, request):
    session = request.getfixturevalue(f"{kind}_target").session()
    number = session.connection.fileno() if kind == "postgresql" else session.connection._sock.fileno()
    with socket.socket(fileno=os.dup(number)) as watched:
        assert watched.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert watched.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
        assert watched.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 120_000


def test_a_row_that_is_too_large_for_mariadb_is_at_fault_itself():
    server = MariaDb({"max_allowed_packet": "1M"})
    try:
        server.start()
        server.create_database("d")
        target = Target("mariadb", server.jdbc_url("d"), server.user, server.password, [])
        session = target.session()
        session.run("CREATE TABLE t (id INT PRIMARY KEY, data LONGTEXT)")
        rows = [(1, "small"), (2, "x" * 3_000_000), (3, "small")]
        with pytest.raises(DataError, match="raise its max_allowed_packet"):
            session.dialect.run_many(session.connection, "INSERT INTO t VALUES (?,?)", rows)
        session.connection.rollback()
        session.dialect.run_many(session.connection, "INSERT INTO t VALUES (?,?)", [rows[0], rows[2]])
        session.dialect.run_many(
            session.connection, "INSERT INTO t VALUES (?,?)", [(4, "y" * 600_000), (5, "z" * 600_000)]
        )
        session.connection.commit()
        assert [row["id"] for row in session.rows("SELECT id FROM t ORDER BY id")] == [1, 3, 4, 5]
        target.close()
    finally:
        server.remove()


def test_a_query_whose_table_is_locked_is_not_looked_at_for_ever(postgresql_target, monkeypatch):
    owner, session = postgresql_target.session(), postgresql_target.session()
    owner.run("CREATE TABLE t (id INT)")
    owner.dialect.run(owner.connection, "LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
    monkeypatch.setattr(type(session.dialect), "check_seconds", 1)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - of the driver
        session.dialect.check_query(session.connection, "SELECT id FROM t")
    assert isinstance(session.dialect.failure(caught.value, "It"), RetriableError)
