"""Mode outbox in a worker of ours: writers commit in any order, and workers, tasks and databases die at any moment."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Self

import psycopg
import pymysql
import pytest

from integration.chaos.pipes import wait_for
from integration.jdbc.targets import Target
from integration.jdbc.victims import kill
from integration.services.linkspan import LinkspanWorker
from integration.services.mariadb import MariaDb, MariaDbAddress
from integration.services.postgresql import PostgreSql, PostgreSqlAddress
from linkspan.api import ConfigError, Header, Schema, Type
from tests.connectors.jdbc.sourcing import SourceTasks, polled

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

POSTGRESQL = """
    CREATE TABLE outbox (
        id uuid PRIMARY KEY, n bigint GENERATED ALWAYS AS IDENTITY UNIQUE, aggregatetype varchar(255) NOT NULL,
        aggregateid varchar(255) NOT NULL, type varchar(255) NOT NULL, payload jsonb)
"""
MARIADB = """
    CREATE TABLE outbox (
        id uuid PRIMARY KEY, n bigint NOT NULL AUTO_INCREMENT UNIQUE, aggregatetype varchar(255) NOT NULL,
        aggregateid varchar(255) NOT NULL, type varchar(255) NOT NULL, payload json)
"""
INSERT = "INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload) VALUES (%s, 'order', %s, 'Placed', %s)"


@pytest.fixture(params=["postgresql", "mariadb"])
def outbox(request: pytest.FixtureRequest) -> Target:
    """A database with an empty outbox."""
    made: Target = request.getfixturevalue(f"{request.param}_target")
    made.session().run(POSTGRESQL if made.kind == "postgresql" else MARIADB)
    return made


@pytest.fixture
def tasks(outbox: Target) -> Iterator[SourceTasks]:
    settings = {"mode": "outbox", "table.whitelist": "outbox", "x.outbox.delete": "true", **outbox.settings}
    made = SourceTasks(settings, '"' if outbox.kind == "postgresql" else "`")
    yield made
    made.stop()


def add(target: Target, event: str, payload: str | None = '{"total": 7}') -> None:
    session = target.session()
    columns = "id, aggregatetype, aggregateid, type, payload"
    values = [event, "order", "o-1", "Placed", payload]
    cast = "::jsonb" if target.kind == "postgresql" else ""
    session.dialect.run(session.connection, f"INSERT INTO outbox ({columns}) VALUES (?, ?, ?, ?, ?{cast})", values)
    session.connection.commit()


def test_an_event_of_the_documented_table(outbox, tasks):
    event = str(uuid.uuid4())
    add(outbox, event)
    task = tasks.start("outbox")
    records = polled(task)
    (record,) = records
    assert record.topic == "outbox.event.order"
    assert (record.key, record.key_schema) == ("o-1", Schema(Type.STRING))
    assert record.headers is not None
    assert [header[:2] for header in record.headers] == [("id", event)]
    assert record.value == '{"total": 7}'
    count = "SELECT count(*) AS x FROM outbox"
    assert outbox.session().rows(count) == [{"x": 1}]
    task.commit_batch(records)
    assert outbox.session().rows(count) == [{"x": 0}]


def test_rows_that_are_committed_later_with_lower_numbers_are_read_while_rows_are_deleted(outbox, tasks):
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    early = outbox.session()
    cast = "::uuid" if outbox.kind == "postgresql" else ""
    text = f"INSERT INTO outbox (id, aggregatetype, aggregateid, type) VALUES (?{cast}, 'order', 'o', 't')"
    early.dialect.run(early.connection, text, [first])
    add(outbox, second)
    task = tasks.start("outbox")
    found = polled(task)
    assert [record.headers[0].value for record in found if record.headers] == [second]
    task.commit_batch(found)
    early.connection.commit()
    assert [record.headers[0] for record in polled(task) if record.headers] == [
        Header("id", first, Schema(Type.STRING))
    ]


def test_exactly_once_the_next_start_deletes_what_the_log_has(outbox, tasks):
    tasks.exactly_once = True
    events = sorted(str(uuid.uuid4()) for _ in range(2))
    add(outbox, events[0])
    add(outbox, events[1])
    first = polled(tasks.start("outbox", batch_max_rows="1"))
    tasks.log.store(first)
    tasks.stop()
    second = polled(tasks.start("outbox"))
    assert [record.headers[0].value for record in (*first, *second) if record.headers] == events
    assert outbox.session().rows("SELECT count(*) AS x FROM outbox") == [{"x": 1}]


def test_a_database_that_does_not_tell_who_writes_has_to_delete(mariadb_target):
    mariadb_target.session().run(MARIADB)
    settings = {"mode": "outbox", "table.whitelist": "outbox", **mariadb_target.settings}
    made = SourceTasks(settings, "`")
    task = made.start("outbox")
    with pytest.raises(ConfigError, match=r"MySQL does not tell.*x\.outbox\.delete=true"):
        polled(task)
    made.stop()


class Writer:
    """Commits events in transactions of several, over whatever connection there is; some are undone."""

    def __init__(self, server: PostgreSqlAddress | MariaDbAddress | MariaDb, name: str) -> None:
        self.server, self.name = server, name
        self.committed: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        chance, number = random.Random(self.name), 0
        while not self._ended.is_set():
            with suppress(psycopg.Error, pymysql.Error, OSError), closing(self.server.connect("shop")) as connection:
                if isinstance(connection, psycopg.Connection):
                    connection.autocommit = False
                else:
                    connection.autocommit(False)
                while not self._ended.is_set():
                    number = self._transaction(connection, chance, number)
            self._ended.wait(0.05)

    def _transaction(self, connection: Any, chance: random.Random, number: int) -> int:
        events = []
        with connection.cursor() as cursor:
            for _ in range(chance.randrange(1, 4)):
                number += 1
                events.append(f"{self.name}-{number}")
                cursor.execute(INSERT, (str(uuid.uuid4()), self.name, f'"{events[-1]}"'))
                self._ended.wait(chance.random() * 0.02)
        if chance.random() < 0.1:
            connection.rollback()
        else:
            connection.commit()
            self.committed += events
        return number


def pipe(folder: Path, settings: Mapping[str, str]) -> LinkspanWorker:
    """A worker that writes the payloads of events to a file, one a line."""
    connectors = [
        {
            "name": "in",
            "connector.class": "JdbcSource",
            "mode": "outbox",
            "table.whitelist": "outbox",
            "poll.interval.ms": "20",
            "table.poll.interval.ms": "1000",
            "connection.attempts": "1",
            "connection.backoff.ms": "100",
            "batch.max.rows": "7",
            **settings,
        },
        {
            "name": "out",
            "connector.class": "FileStreamSink",
            "topics": "outbox.event.order",
            "file": str(folder / "events"),
            "consumer.override.metadata.max.age.ms": "300",
        },
    ]
    quick = {
        "offset.flush.interval.ms": "200",
        "linkspan.restart.enable": "true",
        "linkspan.restart.attempts": "1000",
        "linkspan.restart.backoff.ms": "10",
        "linkspan.restart.backoff.max.ms": "100",
    }
    return LinkspanWorker(folder / "worker", None, quick, connectors)


def events(folder: Path) -> list[str]:
    path = folder / "events"
    text = path.read_text() if path.exists() else ""
    return [line.strip('"') for line in text[: text.rfind("\n") + 1].split()]


@pytest.mark.parametrize(
    ("server_class", "deletes"),
    [(PostgreSql, True), (MariaDb, True), (PostgreSql, False)],
    ids=["postgresql, deleting", "mariadb, deleting", "postgresql, keeping"],
)
def test_no_committed_event_is_lost_whoever_is_killed(
    tmp_path: Path, server_class: type[PostgreSql | MariaDb], deletes: bool
) -> None:
    chance = random.Random(f"{server_class.__name__} {deletes}")
    server = PostgreSql() if server_class is PostgreSql else MariaDb({"innodb-flush-log-at-trx-commit": 2})
    try:
        server.start()
        server.create_database("shop")
        with closing(server.connect("shop")) as connection, connection.cursor() as cursor:
            cursor.execute(POSTGRESQL if server_class is PostgreSql else MARIADB)
        settings = {
            "connection.url": server.jdbc_url("shop"),
            "connection.user": server.user,
            "connection.password": server.password,
            "x.outbox.delete": str(deletes).lower(),
        }
        worker = pipe(tmp_path, settings)
        worker.start()
        with Writer(server, "a") as one, Writer(server, "b") as two, Writer(server, "c") as three:
            writers = (one, two, three)
            for number in range(9):
                written = sum(len(each.committed) for each in writers)
                more = written + chance.randrange(20, 150)
                wait_for(lambda: sum(len(each.committed) for each in writers) > more, "events are written")  # noqa: B023
                kill(("worker", "task", "database")[number % 3], worker, server, chance)
        committed = {event for each in writers for event in each.committed}
        wait_for(
            lambda: committed <= set(events(tmp_path)),
            lambda: f"missing: {sorted(committed - set(events(tmp_path)))[:20]}",
        )
        if deletes:
            with closing(server.connect("shop")) as connection, connection.cursor() as cursor:

                def is_empty() -> bool:
                    cursor.execute("SELECT count(*) FROM outbox")
                    return cursor.fetchone() == (0,)

                wait_for(is_empty, "all that was delivered is deleted")
        worker.stop()
    finally:
        with suppress(Exception):
            worker.kill()
        server.remove()
