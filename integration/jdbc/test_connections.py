"""Connections to real databases: how they are opened, what they are refused for, what tables they show."""

from __future__ import annotations

import pytest

from integration.jdbc.targets import Target
from integration.services.mariadb import MariaDb
from integration.services.postgresql import PostgreSql
from linkspan.api import ConfigError, ConnectError, CredentialsError, DataError, NotFoundError, UnreachableError

pytestmark = pytest.mark.integration


def failure(session, statement):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each driver has its own
        session.dialect.run(session.connection, statement)
    session.connection.rollback()
    return session.dialect.failure(caught.value, "It")


def test_a_connection_works_until_it_is_closed(session):
    assert session.dialect.is_valid(session.connection)
    session.connection.close()
    assert not session.dialect.is_valid(session.connection)


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_wrong_password_is_a_matter_of_credentials(kind, request):
    target = request.getfixturevalue(f"{kind}_target")._replace(password="wrong")
    with pytest.raises(CredentialsError, match=r"connection\.password") as caught:
        target.session()
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_database_that_is_missing_is_a_matter_of_the_url(kind, request):
    target = request.getfixturevalue(f"{kind}_target")
    with pytest.raises(ConfigError, match="nowhere") as caught:
        target._replace(url=target.url.rpartition("/")[0] + "/nowhere").session()
    assert caught.value.key == "connection.url"


@pytest.mark.parametrize("server", [PostgreSql, MariaDb])
def test_a_server_that_is_killed_is_unreachable_and_comes_back(server):
    server = server()
    try:
        server.start()
        url = server.jdbc_url("postgres" if isinstance(server, PostgreSql) else "mysql")
        target = Target("", url, server.user, server.password, [])
        session = target.session()
        server.kill()
        assert not session.dialect.is_valid(session.connection)
        with pytest.raises(UnreachableError, match="Connecting to jdbc:"):
            target.session()
        server.start()
        assert target.session().rows("SELECT 1 AS one") == [{"one": 1}]
        target.close()
    finally:
        server.remove()


def test_the_database_shows_who_is_connected(postgresql_target, mariadb_target):
    text = "SELECT application_name AS name FROM pg_stat_activity WHERE pid = pg_backend_pid()"
    assert postgresql_target.session().rows(text) == [{"name": "linkspan-test"}]
    session = postgresql_target.session("?ApplicationName=mine")
    assert session.rows(text) == [{"name": "mine"}]
    text = "SELECT user() AS name"
    assert mariadb_target.session().rows(text)[0]["name"].startswith(mariadb_target.user)


def test_errors_are_named_by_what_they_ask_for(session):
    session.run("CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(10) NOT NULL)")
    session.run("INSERT INTO t VALUES (1, 'a')")
    assert isinstance(failure(session, "INSERT INTO t VALUES (1, 'b')"), DataError)
    assert isinstance(failure(session, "INSERT INTO t VALUES (2, NULL)"), DataError)
    assert isinstance(failure(session, "INSERT INTO nowhere VALUES (1)"), NotFoundError)
    assert isinstance(failure(session, "INSERT INTO t (absent) VALUES (1)"), NotFoundError)
    assert type(failure(session, "INSERT INTO t VALUES (")) is ConnectError


def test_values_that_do_not_fit_are_refused(postgresql_target, mariadb_target):
    for target in (postgresql_target, mariadb_target):
        session = target.session()
        session.run("CREATE TABLE t (n SMALLINT, s VARCHAR(3), d DATE)")
        assert isinstance(failure(session, "INSERT INTO t (n) VALUES (70000)"), DataError)
        assert isinstance(failure(session, "INSERT INTO t (s) VALUES ('abcd')"), DataError)
        assert isinstance(failure(session, "INSERT INTO t (d) VALUES ('2020-02-30')"), DataError)


def test_a_table_is_shown_with_its_columns_and_key(session):
    rising = {"postgresql": "SERIAL", "mysql": "INT AUTO_INCREMENT", "sqlite": "INTEGER"}
    kind = rising[session.dialect.sqlalchemy_name.partition("+")[0]]
    session.run(f"CREATE TABLE t (id {kind} PRIMARY KEY, name VARCHAR(10) NOT NULL DEFAULT 'x', price NUMERIC(5,2))")
    found = session.dialect.definition(session.connection, session.dialect.table_id("t"))
    assert found.kind == "TABLE"
    assert found.table.name == "t"
    assert found.keys == ("id",)
    assert list(found.columns) == ["id", "name", "price"]
    assert [column.nullable for column in found.columns.values()] == [False, False, True]
    assert [column.auto_increment for column in found.columns.values()] == [True, False, False]
    assert [column.has_default for column in found.columns.values()][1:] == [True, False]
    assert session.dialect.definition(session.connection, session.dialect.table_id("nowhere")) is None


def test_tables_and_views_are_listed_by_their_kinds(session):
    session.run("CREATE TABLE b (x INT)", "CREATE TABLE a (x INT)", "CREATE VIEW v AS SELECT * FROM a")
    listed = session.dialect.tables
    catalog = session.dialect.current_namespace(session.connection)[0]
    assert [table.name for table in listed(session.connection, catalog, None, ["TABLE"])] == ["a", "b"]
    assert [table.name for table in listed(session.connection, catalog, None, ["VIEW"])] == ["v"]
    both = listed(session.connection, catalog, None, ["TABLE", "VIEW"])
    assert [table.name for table in both] == ["a", "b", "v"]


def test_kinds_schemas_and_case_of_postgresql(postgresql_target):
    session = postgresql_target.session()
    session.run(
        'CREATE SCHEMA "S_1"',
        'CREATE TABLE "S_1"."Mixed" (x INT)',
        "CREATE TABLE parts (x INT) PARTITION BY RANGE (x)",
        "CREATE MATERIALIZED VIEW m AS SELECT 1 AS x",
    )
    listed, connection = session.dialect.tables, session.connection
    assert [str(table) for table in listed(connection, None, "S_%", ["TABLE"])] == ["S_1.Mixed"]
    assert listed(connection, "elsewhere", None, ["TABLE"]) == []
    assert [str(table) for table in listed(connection, None, None, ["PARTITIONED TABLE"])] == ["public.parts"]
    assert [str(table) for table in listed(connection, None, None, ["MATERIALIZED VIEW"])] == ["public.m"]
    found = session.dialect.definition(connection, session.dialect.table_id("S_1.Mixed"))
    assert str(found.table) == "S_1.Mixed"
    bare = postgresql_target.session(quote=False)
    assert bare.dialect.definition(bare.connection, bare.dialect.table_id("PARTS")).kind == "PARTITIONED TABLE"


def test_a_query_is_checked_without_running_it(session):
    session.run("CREATE TABLE t (id INT)")
    session.dialect.check_query(session.connection, "SELECT id FROM t WHERE id > 1")
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each driver has its own
        session.dialect.check_query(session.connection, "SELECT id FROM nowhere")
    session.connection.rollback()
    assert isinstance(session.dialect.failure(caught.value, "It"), NotFoundError)


def test_rows_are_fetched_in_batches_that_end(session):
    session.run("CREATE TABLE t (id INT)")
    session.dialect.run_many(session.connection, "INSERT INTO t VALUES (?)", [(number,) for number in range(25)])
    session.connection.commit()
    selection = session.dialect.select(session.connection, "SELECT id FROM t ORDER BY id", batch_rows=10)
    sizes = []
    while rows := selection.fetch(10):
        sizes.append(len(rows))
    selection.close()
    session.connection.rollback()
    assert sizes == [10, 10, 5]


@pytest.mark.parametrize("sizes", [[25], [3, 12, 10], [20, 5], [1, 24], [26], [7, 7, 7, 4]])
def test_fewer_rows_than_asked_for_come_at_the_end_only(session, sizes):
    session.run("CREATE TABLE t (id INT)")
    session.dialect.run_many(session.connection, "INSERT INTO t VALUES (?)", [(number,) for number in range(25)])
    selection = session.dialect.select(session.connection, "SELECT id FROM t ORDER BY id", batch_rows=10)
    fetched = [selection.fetch(size) for size in sizes]
    assert [len(rows) for rows in fetched] == [min(size, 25) for size in sizes]
    assert [row[0] for rows in fetched for row in rows] == list(range(25))
    assert list(selection.fetch(5)) == []
    selection.close()


def test_percent_signs_and_question_marks_in_texts_are_no_parameters(session):
    session.run("CREATE TABLE t (s VARCHAR(20))")
    session.dialect.run(session.connection, "INSERT INTO t VALUES (?)", ["100%?"])
    session.connection.commit()
    found = session.rows("SELECT s, '%s ? %' AS fixed FROM t WHERE s = ? AND s LIKE '%\\%?' ESCAPE '\\'".replace(
        "\\", "!"), ["100%?"])  # fmt: skip
    assert found == [{"s": "100%?", "fixed": "%s ? %"}]


def test_isolation_is_that_which_is_asked_for(postgresql_target, mariadb_target, sqlite_target):
    session = postgresql_target.session()
    assert session.dialect.set_isolation(session.connection, "REPEATABLE_READ")
    assert session.rows("SELECT current_setting('transaction_isolation') AS level") == [{"level": "repeatable read"}]
    session = mariadb_target.session()
    assert session.dialect.set_isolation(session.connection, "SERIALIZABLE")
    assert session.rows("SELECT @@tx_isolation AS level") == [{"level": "SERIALIZABLE"}]
    session = sqlite_target.session()
    assert session.dialect.set_isolation(session.connection, "SERIALIZABLE")
    assert session.dialect.set_isolation(session.connection, "READ_UNCOMMITTED")
    assert not session.dialect.set_isolation(session.connection, "REPEATABLE_READ")


def test_the_time_of_the_database_is_asked_for(session):
    ((value,),) = session.dialect.ask(session.connection, session.dialect.current_time_query)
    assert str(value)[:2] == "20"


def test_texts_are_written_and_read_whatever_characters_they_have(session):
    session.run("CREATE TABLE t (s VARCHAR(200))")
    texts = ["grün 😀 中文", 'it\'s "quoted" \\ back`tick', "%s %% ? :1 $1", "line\nbreak\ttab\r", ""]
    session.dialect.run_many(session.connection, "INSERT INTO t VALUES (?)", [(text,) for text in texts])
    session.connection.commit()
    assert {row["s"] for row in session.rows("SELECT s FROM t")} == set(texts)
