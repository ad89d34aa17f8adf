"""The source in a worker of ours: tables that come and go, modes, and what is killed at any moment."""

from __future__ import annotations

import json
import random
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import psycopg
import pymysql
import pytest

from integration.chaos.pipes import wait_for, wait_while_it_moves
from integration.jdbc.targets import Target
from integration.jdbc.victims import kill
from integration.services.linkspan import LinkspanWorker
from integration.services.mariadb import MariaDb
from integration.services.postgresql import PostgreSql, PostgreSqlAddress

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

QUICK = {
    "poll.interval.ms": "20",
    "table.poll.interval.ms": "100",
    "connection.attempts": "1",
    "connection.backoff.ms": "100",
    "transforms": "id",
    "transforms.id.type": "org.apache.kafka.connect.transforms.ExtractField$Value",
    "transforms.id.field": "id",
}


def pipe(folder: Path, source: Mapping[str, str], topics: str = "from-.*") -> LinkspanWorker:
    """A worker that writes the ids of rows to a file, one a line."""
    connectors = [
        {"name": "in", "connector.class": "JdbcSource", "topic.prefix": "from-", **QUICK, **source},
        {
            "name": "out",
            "connector.class": "FileStreamSink",
            "topics.regex": topics,
            "file": str(folder / "ids"),
            "consumer.override.metadata.max.age.ms": "300",
        },
    ]
    settings = {
        "offset.flush.interval.ms": "200",
        "linkspan.restart.enable": "true",
        "linkspan.restart.attempts": "1000",
        "linkspan.restart.backoff.ms": "10",
        "linkspan.restart.backoff.max.ms": "100",
    }
    return LinkspanWorker(folder / "worker", None, settings, connectors)


def ids(folder: Path) -> list[int]:
    """What has arrived; a line that is still being written is not there yet."""
    path = folder / "ids"
    text = path.read_text() if path.exists() else ""
    return [int(line) for line in text[: text.rfind("\n") + 1].split()]


def tasks(worker: LinkspanWorker) -> list[Any]:
    with suppress(OSError), urllib.request.urlopen(f"{worker.url}/connectors/in/tasks", timeout=10) as answer:
        return json.loads(answer.read())
    return []


@contextmanager
def running(worker: LinkspanWorker) -> Iterator[LinkspanWorker]:
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


def test_tables_that_come_and_go_change_the_tasks(tmp_path: Path, target: Target) -> None:
    session = target.session()
    for name in ("a", "b"):
        session.run(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY)", f"INSERT INTO {name} VALUES ({ord(name)})")
    settings = {**target.settings, "mode": "incrementing", "incrementing.column.name": "id", "tasks.max": "3"}
    if target.kind == "sqlite":
        settings["validate.non.null"] = "false"
    if target.kind == "postgresql":
        settings["schema.pattern"] = "public"
    if target.kind == "mariadb":
        settings["catalog.pattern"] = target.url.rpartition("/")[2]
    with running(pipe(tmp_path, settings)) as worker:
        wait_for(lambda: set(ids(tmp_path)) == {97, 98}, lambda: str(ids(tmp_path)))
        assert len(tasks(worker)) == 2
        session.run("CREATE TABLE c (id INTEGER PRIMARY KEY)", "INSERT INTO c VALUES (99)")
        wait_for(lambda: set(ids(tmp_path)) == {97, 98, 99}, lambda: str(ids(tmp_path)))
        wait_for(lambda: len(tasks(worker)) == 3, "three tasks")
        session.run("DROP TABLE a", "INSERT INTO b VALUES (1098)")
        wait_for(lambda: len(tasks(worker)) == 2, "two tasks")
        wait_for(lambda: 1098 in ids(tmp_path), lambda: str(ids(tmp_path)))


def test_one_connection_a_task_and_one_for_the_tables_which_the_database_can_tell_apart(
    tmp_path: Path, postgresql_target: Target
) -> None:
    session = postgresql_target.session()
    for at in range(6):
        session.run(f"CREATE TABLE t{at} (id serial PRIMARY KEY)", f"INSERT INTO t{at} DEFAULT VALUES")
    settings = {**postgresql_target.settings, "mode": "incrementing", "tasks.max": "2"}
    with running(pipe(tmp_path, settings)):
        wait_for(lambda: len(ids(tmp_path)) == 6, lambda: str(ids(tmp_path)))
        rows = session.rows(
            "SELECT application_name AS name FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        )
        assert sorted(row["name"] for row in rows) == ["in-0", "in-1", "in-tables"]


class Writer:
    """Inserts rows one after the other, each committed before the next, over whatever connection there is.

    Args:
        server: where the table is.
        database: that it is in.
        many: whether transactions have several rows, with pauses, and some are undone; ids are those of a sequence.
    """

    def __init__(self, server: PostgreSqlAddress | MariaDb, database: str, *, many: bool = False) -> None:
        self.server, self.database = server, database
        self.committed: list[int] = []
        self._many = many
        self._chance = random.Random(id(self))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._ended.is_set():
            with suppress(psycopg.Error, pymysql.Error, OSError):
                connection = self.server.connect(self.database)
                with suppress(psycopg.Error, pymysql.Error, OSError), connection.cursor() as cursor:
                    while not self._ended.wait(0.002):
                        if self._many:
                            self._transaction(cursor)
                            continue
                        number += 1
                        cursor.execute(f"INSERT INTO rising (id) VALUES ({number})")
                        self.committed.append(number)
                with suppress(psycopg.Error, pymysql.Error, OSError):
                    connection.close()
            self._ended.wait(0.05)

    def _transaction(self, cursor: Any) -> None:
        ids = []
        cursor.execute("BEGIN")
        for _ in range(self._chance.randrange(1, 5)):
            cursor.execute("INSERT INTO rising DEFAULT VALUES RETURNING id")
            ids += [row[0] for row in cursor.fetchall()]
            self._ended.wait(self._chance.random() * 0.02)
        if self._chance.random() < 0.2:
            cursor.execute("ROLLBACK")
        else:
            cursor.execute("COMMIT")
            self.committed += ids


@pytest.mark.parametrize(
    ("server_class", "mode"),
    [
        (PostgreSql, "incrementing"),
        (MariaDb, "timestamp"),
        pytest.param(PostgreSql, "timestamp", marks=pytest.mark.long),
        pytest.param(PostgreSql, "timestamp+incrementing", marks=pytest.mark.long),
        pytest.param(MariaDb, "incrementing", marks=pytest.mark.long),
        pytest.param(MariaDb, "timestamp+incrementing", marks=pytest.mark.long),
    ],
)
def test_no_committed_row_is_lost_whoever_is_killed(
    tmp_path: Path, server_class: type[PostgreSql | MariaDb], mode: str
) -> None:
    chance = random.Random(f"{server_class.__name__} {mode}")
    # what is committed is at least with the system when the server's process dies
    server = PostgreSql() if server_class is PostgreSql else MariaDb({"innodb-flush-log-at-trx-commit": 2})
    try:
        server.start()
        server.create_database("shop")
        now = "clock_timestamp()" if server_class is PostgreSql else "CURRENT_TIMESTAMP(6)"
        kind = "timestamptz" if server_class is PostgreSql else "datetime(6)"
        with closing(server.connect("shop")) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE rising (id bigint PRIMARY KEY, at {kind} NOT NULL DEFAULT {now})")
        settings = {
            "connection.url": server.jdbc_url("shop"),
            "connection.user": server.user,
            "connection.password": server.password,
            "table.whitelist": "rising",
            "batch.max.rows": "7",
            "mode": mode,
            # the time of a row is taken before its commit
            "timestamp.delay.interval.ms": "300" if "timestamp" in mode else "0",
        }
        settings |= {"incrementing.column.name": "id"} if "incrementing" in mode else {}
        settings |= {"timestamp.column.name": "at"} if "timestamp" in mode else {}
        worker = pipe(tmp_path, settings)
        worker.start()
        with Writer(server, "shop") as writer:
            for number in range(12):
                written = len(writer.committed)
                wait_for(lambda: len(writer.committed) > written + chance.randrange(20, 200), "rows are written")  # noqa: B023
                kill(("worker", "task", "database")[number % 3], worker, server, chance)
        wait_while_it_moves(
            lambda: set(writer.committed) <= set(ids(tmp_path)),
            lambda: len(ids(tmp_path)),
            lambda: f"missing: {sorted(set(writer.committed) - set(ids(tmp_path)))[:20]}",
        )
        worker.stop()
    finally:
        with suppress(Exception):
            worker.kill()
        server.remove()


@pytest.mark.parametrize("kills", [6, pytest.param(50, marks=[pytest.mark.long, pytest.mark.timeout(900)])])
def test_no_row_of_writers_that_commit_in_any_order_is_lost_whoever_is_killed(tmp_path: Path, kills: int) -> None:
    chance = random.Random(kills)
    server = PostgreSql()
    try:
        server.start()
        server.create_database("shop")
        with server.connect("shop") as connection:
            connection.execute("CREATE TABLE rising (id bigserial PRIMARY KEY)")
        settings = {
            "connection.url": server.jdbc_url("shop"),
            "connection.user": server.user,
            "connection.password": server.password,
            "table.whitelist": "rising",
            "batch.max.rows": "7",
            "mode": "incrementing",
            "x.gap.safe": "true",
        }
        worker = pipe(tmp_path, settings)
        worker.start()
        writers = [Writer(server, "shop", many=True) for _ in range(4)]

        def committed() -> set[int]:
            return {number for each in writers for number in each.committed}

        with ExitStack() as stack:
            for each in writers:
                stack.enter_context(each)
            for number in range(kills):
                more = len(committed()) + chance.randrange(20, 150)
                wait_for(lambda: len(committed()) > more, "rows are committed")  # noqa: B023
                kill(("worker", "task", "database")[number % 3], worker, server, chance)
        wait_while_it_moves(
            lambda: committed() <= set(ids(tmp_path)),
            lambda: len(ids(tmp_path)),
            lambda: f"missing: {sorted(committed() - set(ids(tmp_path)))[:20]}",
        )
        worker.stop()
    finally:
        with suppress(Exception):
            worker.kill()
        server.remove()


def test_a_row_that_cannot_be_read_goes_to_the_dead_letter_queue_alone(
    tmp_path: Path, postgresql_target: Target
) -> None:
    session = postgresql_target.session()
    session.run("CREATE TABLE days (id int PRIMARY KEY, day date)")
    session.run("INSERT INTO days VALUES (1, '2024-01-01'), (2, 'infinity'), (3, '2024-01-03')")
    source = {
        **postgresql_target.settings,
        "mode": "incrementing",
        "incrementing.column.name": "id",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "false",
        "transforms": "",
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": "dead",
        "errors.deadletterqueue.topic.replication.factor": "1",
        "errors.deadletterqueue.context.headers.enable": "true",
        "errors.log.enable": "true",
    }
    worker = pipe(tmp_path, source, topics="from-days|dead")
    with running(worker):
        lines = tmp_path / "ids"
        wait_for(lambda: lines.exists() and len(lines.read_text().splitlines()) == 3, worker.log.read_text)
    found = sorted(lines.read_text().splitlines())
    assert found == ['{"id":1,"day":19723}', '{"id":3,"day":19725}', "{id=2, day=infinity}"]
    log = worker.log.read_text()
    assert "table public.days, row with id=2, column day: infinity is no day of the years 1 to 9999" in log
    assert log.count("of the years 1 to 9999") < 20
