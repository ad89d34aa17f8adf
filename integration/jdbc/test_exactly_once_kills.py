"""The exactly-once sink in a group of workers: plain inserts, row for row what the topic holds, whatever is killed."""

from __future__ import annotations

import json
import os
import random
import signal
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any, Final

import psycopg
import pymysql
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from integration.bench.footprint import tree
from integration.chaos.pipes import QUICK as QUICK_GROUP
from integration.chaos.pipes import all_the_time, states, tried, wait_for, wait_while_it_moves
from integration.jdbc.test_sink_worker import FIELDS, QUICK, RESTARTS, envelope
from integration.services.groups import Group, LinkspanGroupWorker, running
from integration.services.mariadb import MariaDb
from integration.services.postgresql import PostgreSql
from integration.services.topics import records

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900), pytest.mark.xdist_group("exactly-once kills")]

PARTITIONS: Final = 3
_REACHABLE: Final = (psycopg.OperationalError, pymysql.err.OperationalError, pymysql.err.InterfaceError, OSError)
"""What a database that was just killed answers with."""


class Orders:
    """A topic, the connector that copies it, and the table.

    Args:
        workers: that run the connector.
        server: where the table is.
        bad: how often there is a record that the database refuses: one of so many; never if 0.
    """

    def __init__(self, workers: list[LinkspanGroupWorker], server: PostgreSql | MariaDb, bad: int) -> None:
        self.workers, self.server = workers, server
        self._bad = bad
        self.name = f"once-{uuid.uuid4().hex[:8]}"
        self._bootstrap = bootstrap = workers[0].group.bootstrap
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
        admin = AdminClient({"bootstrap.servers": bootstrap})
        (made,) = admin.create_topics([NewTopic(self.name, num_partitions=PARTITIONS)]).values()
        made.result()
        self._admin = admin
        self.dead = f"{self.name}-dead"
        self.sent: list[tuple[int, str | None, float]] = []
        self.refused = 0
        server.create_database("shop")
        self._quote = '"' if isinstance(server, PostgreSql) else "`"
        self.run(f"CREATE TABLE {self.table} (id BIGINT, item VARCHAR(20) NOT NULL, amount DOUBLE PRECISION)")
        config = {
            **QUICK,
            "connector.class": "JdbcSink",
            "topics": self.name,
            "tasks.max": "2",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "connection.url": server.jdbc_url("shop"),
            "connection.user": server.user,
            "connection.password": server.password,
            "x.exactly.once": "true",
            "consumer.override.max.poll.records": "50",
            "errors.tolerance": "all",
            "errors.deadletterqueue.topic.name": self.dead,
            "errors.deadletterqueue.topic.replication.factor": "1",
        }
        code, body = workers[0].ask("PUT", f"/connectors/{self.name}/config", config)
        assert code == 201, body

    @property
    def table(self) -> str:
        return f"{self._quote}{self.name}{self._quote}"

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(self.server.connect("shop")) as connection, connection.cursor() as cursor:
            cursor.execute(statement.encode())
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def send(self, count: int) -> None:
        """Write so many records, each unlike all others; some are refused by the database."""
        for _ in range(count):
            number = len(self.sent)
            is_bad = self._bad and number % self._bad == 7
            row = (number, None if is_bad else f"item {number}", number / 4)
            payload = dict(zip(("id", "item", "amount"), row, strict=True))
            self._producer.produce(self.name, envelope(FIELDS, payload), partition=number % PARTITIONS)
            self.sent.append(row)
            self.refused += bool(is_bad)
        assert self._producer.flush(30) == 0

    @property
    def good(self) -> set[tuple[int, str | None, float]]:
        """Rows that there have to be."""
        return {row for row in self.sent if row[1] is not None}

    @property
    def count(self) -> int:
        """Rows that there are; -1 while the database is away."""
        with suppress(*_REACHABLE):
            return int(self.run(f"SELECT count(*) FROM {self.table}")[0][0])
        return -1

    @property
    def stored(self) -> dict[int, int]:
        """What the table of offsets says."""
        columns = ",".join(f"{self._quote}{name}{self._quote}" for name in ("partition", "next_offset"))
        found = self.run(f"SELECT {columns} FROM linkspan_connect_offsets WHERE connector = '{self.name}'")
        return {partition: offset for partition, offset in found if offset is not None}

    @property
    def committed(self) -> dict[int, int]:
        """What the consumer group says, as REST tells it."""
        body = tried(self.workers[0], f"/connectors/{self.name}/offsets")
        found = [] if body is None else body["offsets"]
        return {each["partition"]["kafka_partition"]: each["offset"]["kafka_offset"] for each in found}

    def await_all(self) -> None:
        """Wait until all rows are there, each once, and a letter about each record that is none."""
        good = self.good
        wait_while_it_moves(lambda: self.count >= len(good), lambda: self.count, lambda: self.told(len(good)))
        wait_for(lambda: sum(self.stored.values()) == len(self.sent), lambda: f"{self.stored} of {len(self.sent)}")
        found = Counter(self.run(f"SELECT id, item, amount FROM {self.table}"))
        assert {row: count for row, count in found.items() if count != 1} == {}
        assert set(found) == good
        letters = {json.loads(letter.value)["payload"]["id"] for letter in records(self._bootstrap, self.dead)}
        assert letters == {row[0] for row in self.sent} - {row[0] for row in good}

    def told(self, wanted: int) -> str:
        """How things stand."""
        return (
            f"{self.count} of {wanted} rows, {self.stored} in the table, {self.committed} in the group, "
            f"{states(self.workers[0], self.name)}"
        )

    def make_topic_anew(self) -> None:
        """Delete the topic, and make one of the same name."""
        (gone,) = self._admin.delete_topics([self.name]).values()
        gone.result()

        def made() -> bool:
            (answer,) = self._admin.create_topics([NewTopic(self.name, num_partitions=PARTITIONS)]).values()
            return answer.exception() is None

        wait_for(made, "the topic is being deleted")

    def kill(self, victim: str, chance: random.Random) -> None:
        """SIGKILL somebody, and have whoever does not come back by itself started again."""
        if victim == "database":
            self.server.kill()
            time.sleep(chance.uniform(0.0, 0.3))
            self.server.start()
        elif victim == "worker":
            worker = self.workers[1]
            worker.kill()
            worker.start()
        else:
            children = [each for worker in self.workers for each in tree(worker.pid) if each != worker.pid]
            with suppress(ProcessLookupError, IndexError):
                os.kill(chance.choice(children), signal.SIGKILL)

    def delete(self) -> None:
        self.workers[0].ask("DELETE", f"/connectors/{self.name}")


@pytest.fixture(scope="module")
def workers(kafka: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LinkspanGroupWorker]]:
    folder = tmp_path_factory.mktemp("once")
    group = Group(kafka.bootstrap, {**QUICK_GROUP, **RESTARTS, "task.shutdown.graceful.timeout.ms": 3000})
    made = [LinkspanGroupWorker(folder / name, group) for name in "ab"]
    with running(*made):
        yield made


@pytest.fixture
def orders(workers: list[LinkspanGroupWorker], request: pytest.FixtureRequest) -> Iterator[Orders]:
    # what is committed is at least with the system when the server's process dies
    kind, bad = request.param
    server = PostgreSql() if kind == "postgresql" else MariaDb({"innodb-flush-log-at-trx-commit": 2})
    try:
        server.start()
        made = Orders(workers, server, bad)
        yield made
        made.delete()
    finally:
        server.remove()


@pytest.mark.parametrize(
    ("orders", "kills"),
    [
        (("postgresql", 10), 9),
        pytest.param(("postgresql", 0), 60, marks=pytest.mark.long),
        pytest.param(("mariadb", 0), 60, marks=pytest.mark.long),
        pytest.param(("postgresql", 10), 60, marks=pytest.mark.long),
        pytest.param(("mariadb", 10), 60, marks=pytest.mark.long),
    ],
    indirect=["orders"],
)
def test_the_rows_are_those_of_the_topic_whoever_is_killed(orders: Orders, kills: int) -> None:
    chance = random.Random(kills)
    orders.send(100)
    orders.await_all()

    def send() -> None:
        if len(orders.sent) - orders.refused - orders.count < 3000:
            orders.send(20)

    with all_the_time(send):
        for number in range(kills):
            # most of them in the middle of something: after rows have come, or in a rebalance that takes long
            before, until = orders.count, time.monotonic() + 3.0
            while orders.count <= before and time.monotonic() < until:
                time.sleep(0.02)
            time.sleep(chance.uniform(0.0, 0.2))
            orders.kill(("task", "database", "task", "worker", "task")[number % 5], chance)
    orders.await_all()
    wait_for(lambda: orders.committed == orders.stored, lambda: f"{orders.committed} in the group, {orders.stored}")
    assert sum(orders.stored.values()) == len(orders.sent)


def stop(orders: Orders) -> None:
    """Stop the connector, and wait until it has no task."""
    worker = orders.workers[0]
    worker.ask("PUT", f"/connectors/{orders.name}/stop")
    wait_for(lambda: len(states(worker, orders.name)) == 1, "no tasks")


def change_offsets(orders: Orders, method: str, body: object = None) -> None:
    """Stop the connector and change its offsets, as soon as its group is empty."""
    stop(orders)
    answers: list[tuple[int, object]] = []

    def done() -> bool:
        answers.append(orders.workers[0].ask(method, f"/connectors/{orders.name}/offsets", body))
        return answers[-1][0] == 200

    wait_for(done, lambda: str(answers[-1]))


def resume(orders: Orders) -> None:
    """Go on."""
    orders.workers[0].ask("PUT", f"/connectors/{orders.name}/resume")


@pytest.mark.parametrize("orders", [("postgresql", 10)], indirect=True)
def test_offsets_are_altered_and_reset_by_rest_in_both_stores(orders: Orders) -> None:
    orders.send(30)
    orders.await_all()
    entry = {"partition": {"kafka_topic": orders.name, "kafka_partition": 1}, "offset": {"kafka_offset": 8}}
    change_offsets(orders, "PATCH", {"offsets": [entry]})
    assert orders.stored[1] == orders.committed[1] == 8
    resume(orders)
    wait_for(lambda: orders.count == 29, lambda: orders.count)
    change_offsets(orders, "DELETE")
    assert orders.stored == orders.committed == {}
    resume(orders)
    wait_for(lambda: orders.count == 56, lambda: orders.count)


@pytest.mark.parametrize("orders", [("postgresql", 10)], indirect=True)
def test_a_topic_that_is_made_anew_fails_the_task_until_offsets_are_reset(orders: Orders) -> None:
    orders.send(60)
    orders.await_all()
    stop(orders)
    orders.make_topic_anew()
    orders.send(6)
    resume(orders)

    def traces() -> list[str]:
        body = tried(orders.workers[0], f"/connectors/{orders.name}/status") or {"tasks": []}
        return [task.get("trace", "") for task in body["tasks"] if task["state"] == "FAILED"]

    wait_for(lambda: any("deleted and made anew" in trace for trace in traces()), traces)
    assert orders.count == 54
    change_offsets(orders, "DELETE")
    resume(orders)
    wait_for(lambda: orders.count == 60, lambda: orders.count)
