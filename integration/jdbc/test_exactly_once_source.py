"""The source in a group of workers, exactly once: each committed row once in the topic, whoever is killed."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest

from integration.chaos.pipes import QUICK, wait_for
from integration.jdbc.test_outbox import MARIADB, POSTGRESQL
from integration.jdbc.test_outbox import Writer as EventWriter
from integration.jdbc.test_sink_worker import RESTARTS
from integration.jdbc.test_snapshots import fill
from integration.jdbc.test_source_worker import Writer
from integration.jdbc.victims import kill
from integration.services.groups import Group, LinkspanGroupWorker, running
from integration.services.mariadb import MariaDb
from integration.services.postgresql import PostgreSql
from integration.services.topics import committed_values

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900), pytest.mark.xdist_group("exactly-once source")]

Server = PostgreSql | MariaDb


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A database that may be killed."""
    made = PostgreSql() if request.param is PostgreSql else MariaDb({"innodb-flush-log-at-trx-commit": 2})
    try:
        made.start()
        made.create_database("shop")
        yield made
    finally:
        made.remove()


class Source:
    """A connector whose records are read back from its topic.

    Args:
        worker: that runs it.
        server: with the database.
        topic: of the records.
        settings: of the mode.
    """

    def __init__(self, worker: LinkspanGroupWorker, server: Server, topic: str, settings: Mapping[str, str]) -> None:
        self.worker, self.server, self.topic = worker, server, topic
        self.name = f"once-{uuid.uuid4().hex[:8]}"
        self._status = f"/connectors/{self.name}/status"
        config = {
            "connector.class": "JdbcSource",
            "exactly.once.support": "required",
            "connection.url": server.jdbc_url("shop"),
            "connection.user": server.user,
            "connection.password": server.password,
            "connection.attempts": "1",
            "connection.backoff.ms": "100",
            "poll.interval.ms": "20",
            "batch.max.rows": "100",
            **settings,
        }
        code, body = worker.ask("PUT", f"/connectors/{self.name}/config", config)
        assert code == 201, body

    @property
    def delivered(self) -> list[str]:
        """What readers of committed records see."""
        return committed_values(self.worker.group.bootstrap, self.topic)

    def rows(self, statement: str) -> list[Any]:
        with closing(self.server.connect("shop")) as connection, connection.cursor() as cursor:
            cursor.execute(statement.encode())
            return [row[0] for row in cursor.fetchall()]

    def is_empty(self, table: str) -> bool:
        with suppress(psycopg.Error, pymysql.Error, OSError):
            return self.rows(f"SELECT count(*) FROM {table}") == [0]
        return False

    def story(self, wanted: Iterable[str]) -> str:
        """What is missing, and how the connector is."""
        missing = sorted(set(wanted) - set(self.delivered))
        return f"{len(missing)} missing: {missing[:5]} … {missing[-5:]}; {self.worker.ask('GET', self._status)}"

    def kill(self, number: int, chance: random.Random, writers: tuple[Writer | EventWriter, ...]) -> None:
        """SIGKILL of somebody, after some rows."""
        more = sum(len(each.committed) for each in writers) + chance.randrange(20, 120)
        wait_for(lambda: sum(len(each.committed) for each in writers) > more, "rows are written")
        kill(("task", "worker", "task", "database")[number % 4], self.worker, self.server, chance)


@pytest.fixture
def worker(kafka: Any, tmp_path: Path) -> Iterator[LinkspanGroupWorker]:
    settings = {**QUICK, **RESTARTS, "exactly.once.source.support": "enabled"}
    made = LinkspanGroupWorker(tmp_path / "worker", Group(kafka.bootstrap, settings))
    with running(made):
        yield made


ONE_ID = {
    "transforms": "id",
    "transforms.id.type": "org.apache.kafka.connect.transforms.ExtractField$Value",
    "transforms.id.field": "id",
}
BY_IDS = {"mode": "incrementing", "incrementing.column.name": "id", "x.snapshot.chunk.size": "1000"}
BY_IDS_AND_TIMES = {
    **BY_IDS,
    "mode": "timestamp+incrementing",
    "timestamp.column.name": "at",
    "timestamp.delay.interval.ms": "300",
}
FEW, MANY = 4, 60
LONG = [pytest.param(each, MANY, marks=pytest.mark.long) for each in (PostgreSql, MariaDb)]


@pytest.mark.parametrize(("server", "kills"), [(PostgreSql, FEW), *LONG], indirect=["server"])
def test_each_row_is_in_the_topic_once_whoever_is_killed(
    worker: LinkspanGroupWorker, server: Server, kills: int
) -> None:
    chance = random.Random(kills)
    topic = f"rising-{uuid.uuid4().hex[:8]}"
    with closing(server.connect("shop")) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE rising (id bigint PRIMARY KEY)")
    mode = {"mode": "incrementing", "incrementing.column.name": "id", "query": "SELECT id FROM rising"}
    source = Source(worker, server, topic, {**mode, **ONE_ID, "topic.prefix": topic})
    with Writer(server, "shop") as writer:
        for number in range(kills):
            source.kill(number, chance, (writer,))
    there = sorted(source.rows("SELECT id FROM rising"))
    assert set(writer.committed) <= set(there)
    wait_for(lambda: len(source.delivered) >= len(there), lambda: source.story(map(str, there)))
    assert [int(value) for value in source.delivered] == there


@pytest.mark.parametrize("times", [False, pytest.param(True, marks=pytest.mark.long)], ids=["ids", "ids and times"])
@pytest.mark.parametrize(("server", "kills"), [(PostgreSql, FEW), *LONG], indirect=["server"])
def test_each_row_of_chunks_and_behind_them_is_in_the_topic_once_whoever_is_killed(
    worker: LinkspanGroupWorker, server: Server, kills: int, *, times: bool
) -> None:
    chance = random.Random(kills)
    prefix = f"chunks-{uuid.uuid4().hex[:8]}-"
    fill(server)
    mode = {**(BY_IDS_AND_TIMES if times else BY_IDS), "table.whitelist": "rising", "tasks.max": "3"}
    source = Source(worker, server, f"{prefix}rising", {**mode, **ONE_ID, "topic.prefix": prefix})
    with Writer(server, "shop") as writer:
        for number in range(kills):
            source.kill(number, chance, (writer,))
    there = sorted(source.rows("SELECT id FROM rising"))
    assert set(writer.committed) <= set(there)
    wait_for(lambda: len(source.delivered) >= len(there), lambda: source.story(map(str, there)))
    assert sorted(map(int, source.delivered)) == there


@pytest.mark.parametrize(("server", "kills"), [(MariaDb, FEW), *LONG], indirect=["server"])
def test_each_event_of_an_outbox_is_in_the_topic_once_and_deleted_whoever_is_killed(
    worker: LinkspanGroupWorker, server: Server, kills: int
) -> None:
    chance = random.Random(kills)
    topic = f"events-{uuid.uuid4().hex[:8]}"
    with closing(server.connect("shop")) as connection, connection.cursor() as cursor:
        cursor.execute(POSTGRESQL if isinstance(server, PostgreSql) else MARIADB)
    outbox = {"mode": "outbox", "table.whitelist": "outbox", "x.outbox.delete": "true"}
    source = Source(worker, server, topic, {**outbox, "x.outbox.route.topic.replacement": topic})
    with EventWriter(server, "a") as one, EventWriter(server, "b") as two:
        for number in range(kills):
            source.kill(number, chance, (one, two))
    wait_for(lambda: source.is_empty("outbox"), "all events are delivered and deleted")
    found = Counter(value.strip('"') for value in source.delivered)
    assert {event: count for event, count in found.items() if count != 1} == {}
    # a commit that the database was killed in may have happened, and nobody knows
    assert {*one.committed, *two.committed} <= set(found)


@pytest.mark.long
@pytest.mark.parametrize("server", [PostgreSql], indirect=True)
def test_each_event_of_an_outbox_that_keeps_them_is_in_the_topic_once_whoever_is_killed(
    worker: LinkspanGroupWorker, server: Server
) -> None:
    chance = random.Random(MANY)
    topic = f"events-{uuid.uuid4().hex[:8]}"
    with closing(server.connect("shop")) as connection, connection.cursor() as cursor:
        cursor.execute(POSTGRESQL)
    outbox = {"mode": "outbox", "table.whitelist": "outbox", "x.outbox.route.topic.replacement": topic}
    source = Source(worker, server, topic, outbox)
    with EventWriter(server, "a") as one, EventWriter(server, "b") as two:
        for number in range(MANY):
            source.kill(number, chance, (one, two))
    there = sorted(source.rows("SELECT payload #>> '{}' FROM outbox"))
    wait_for(lambda: len(source.delivered) >= len(there), lambda: source.story(f'"{event}"' for event in there))
    assert sorted(value.strip('"') for value in source.delivered) == there
