"""The sink in a worker, from topics of a broker: JSON with schemas, dead letters, and who is killed at any moment."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from integration.chaos.pipes import wait_for, wait_while_it_moves
from integration.jdbc.sinks import rows
from integration.jdbc.targets import Target
from integration.jdbc.victims import kill
from integration.services.kafka import request
from integration.services.linkspan import LinkspanWorker
from integration.services.mariadb import MariaDb
from integration.services.postgresql import PostgreSql
from integration.services.topics import records

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PATIENCE = 180.0
"""Seconds that a busy machine may take."""
FIELDS = [
    {"field": "id", "type": "int64"},
    {"field": "item", "type": "string", "optional": True},
    {"field": "amount", "type": "double", "optional": True},
]
RESTARTS = {
    "offset.flush.interval.ms": "200",
    "linkspan.restart.enable": "true",
    "linkspan.restart.attempts": "1000",
    "linkspan.restart.backoff.ms": "10",
    "linkspan.restart.backoff.max.ms": "100",
}
QUICK = {
    "connection.attempts": "1",
    "connection.backoff.ms": "100",
    "retry.backoff.ms": "100",
    "max.retries": "1000",
    "consumer.override.auto.offset.reset": "earliest",
}


VICTIMS = ("task", "worker", "database")
SAME_MEMBER = {"consumer.override.group.instance.id": "one"}
"""The next process of a task takes the partitions over at once, without waiting for the end of a session."""


def envelope(fields: list[dict[str, Any]], payload: object) -> bytes:
    return json.dumps({"schema": {"type": "struct", "fields": fields}, "payload": payload}).encode()


def produce(bootstrap: str, topic: str, messages: Iterable[tuple[int, bytes | None]]) -> None:
    """Messages by number of their key."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
    for number, value in messages:
        producer.produce(topic, value, envelope(FIELDS[:1], {"id": number}))
        producer.poll(0)
    assert producer.flush(30) == 0


def order(number: int, item: str | None = "x", amount: float | None = None) -> tuple[int, bytes]:
    return number, envelope(FIELDS, {"id": number, "item": item, "amount": amount})


def worker_of(folder: Path, bootstrap: str, connection: Mapping[str, str], **changes: str) -> LinkspanWorker:
    json_converter = "org.apache.kafka.connect.json.JsonConverter"
    connector = {
        "name": folder.name.replace("_", "-"),
        "connector.class": "JdbcSink",
        "key.converter": json_converter,
        "value.converter": json_converter,
        **QUICK,
        **connection,
        **{key.replace("_", "."): value for key, value in changes.items()},
    }
    return LinkspanWorker(folder, bootstrap, RESTARTS, [connector])


def test_records_of_json_with_schemas_become_rows_and_the_bad_ones_letters(
    kafka: Any, postgresql_target: Target, tmp_path: Path
) -> None:
    topic, dead = f"orders-{tmp_path.name}", f"dead-{tmp_path.name}"
    postgresql_target.session().run(
        f'CREATE TABLE "{topic}" (id BIGINT PRIMARY KEY, item TEXT NOT NULL, amount DOUBLE PRECISION)'
    )
    given = [order(number, f"i{number}") for number in range(2000)]
    given[500] = order(500, None)
    given += [(7, None), order(8, "last", 1.5)]
    produce(kafka.bootstrap, topic, given)
    worker = worker_of(
        tmp_path / "letters",
        kafka.bootstrap,
        postgresql_target.settings,
        topics=topic,
        insert_mode="upsert",
        pk_mode="record_key",
        delete_enabled="true",
        **{
            "errors.tolerance": "all",
            "errors.deadletterqueue.topic.name": dead,
            "errors.deadletterqueue.topic.replication.factor": "1",
            "errors.deadletterqueue.context.headers.enable": "true",
        },
    )
    worker.start()
    try:
        text = f'SELECT count(*), max(amount) FROM "{topic}"'
        wait_for(
            lambda: rows(postgresql_target, text) == [(1998, 1.5)], lambda: rows(postgresql_target, text), PATIENCE
        )
        shown = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'letters-0'"
        assert rows(postgresql_target, shown) == [(1,)]
        wait_for(lambda: len(records(kafka.bootstrap, dead)) == 1, "a letter", PATIENCE)
    finally:
        worker.stop()
    (letter,) = records(kafka.bootstrap, dead)
    assert letter.value == given[500][1]
    reason = dict(letter.headers)["__connect.errors.exception.message"].decode()
    assert "item" in reason
    assert topic in reason
    missing = f'SELECT count(*) FROM "{topic}" WHERE id IN (7, 500)'
    assert rows(postgresql_target, missing) == [(0,)]


def test_nothing_is_passed_over_when_the_table_is_mended_after_the_task_has_failed(
    kafka: Any, postgresql_target: Target, tmp_path: Path
) -> None:
    topic = f"mended-{tmp_path.name}"
    session = postgresql_target.session()
    session.run(f'CREATE TABLE "{topic}" (id BIGINT, item TEXT NOT NULL, amount DOUBLE PRECISION)')
    produce(kafka.bootstrap, topic, [order(number, None if number == 1500 else "x") for number in range(2000)])
    worker = worker_of(tmp_path / "mended", kafka.bootstrap, postgresql_target.settings, topics=topic)
    worker.start()
    try:

        def traces() -> list[str]:
            body: Any = request("GET", f"{worker.url}/connectors/mended/status")[1]
            return [task["trace"] for task in body.get("tasks", ()) if task["state"] == "FAILED"]

        wait_for(lambda: any("@1500, key" in trace for trace in traces()), worker.log.read_text, PATIENCE)
        session.run(f'ALTER TABLE "{topic}" ALTER item DROP NOT NULL')
        assert request("POST", f"{worker.url}/connectors/mended/tasks/0/restart")[0] == 204
        text = f'SELECT count(DISTINCT id) FROM "{topic}"'
        wait_for(lambda: rows(postgresql_target, text) == [(2000,)], lambda: rows(postgresql_target, text), PATIENCE)
    finally:
        worker.stop()


@pytest.mark.long
@pytest.mark.parametrize("server_class", [PostgreSql, MariaDb])
def test_each_record_becomes_a_row_or_a_letter_whoever_is_killed(
    kafka: Any, tmp_path: Path, server_class: type[PostgreSql | MariaDb]
) -> None:
    # what is committed is at least with the system when the server's process dies
    server = PostgreSql() if server_class is PostgreSql else MariaDb({"innodb-flush-log-at-trx-commit": 2})
    name = f"letters-{server_class.__name__.lower()}-{tmp_path.name}"
    worker = None
    try:
        server.start()
        server.create_database("shop")

        def run(statement: str) -> Sequence[tuple[Any, ...]]:
            with closing(server.connect("shop")) as connection, connection.cursor() as cursor:
                cursor.execute(statement.encode())
                return cursor.fetchall() if cursor.description else ()

        run("CREATE TABLE target (id BIGINT, item VARCHAR(20) NOT NULL, amount DOUBLE PRECISION)")
        settings = {
            "connection.url": server.jdbc_url("shop"),
            "connection.user": server.user,
            "connection.password": server.password,
            "table.name.format": "target",
            "errors.tolerance": "all",
            "errors.deadletterqueue.topic.name": f"{name}-dead",
            "errors.deadletterqueue.topic.replication.factor": "1",
            **SAME_MEMBER,
        }
        worker = worker_of(tmp_path / name, kafka.bootstrap, settings, topics=name)
        worker.start()
        chance, count = random.Random(name), 0
        for number in range(15):
            before = run("SELECT count(*) FROM target")
            given = [order(at, None if at % 10 == 7 else "x") for at in range(count, count + 3000)]
            produce(kafka.bootstrap, name, given)
            count += len(given)
            wait_for(lambda: run("SELECT count(*) FROM target") != before, "rows come", PATIENCE)  # noqa: B023
            time.sleep(chance.uniform(0.0, 0.3))  # a moment as good as any
            kill(VICTIMS[number % 3], worker, server, chance)
        bad = {number for number in range(count) if number % 10 == 7}

        def found() -> set[int]:
            return {number for (number,) in run("SELECT DISTINCT id FROM target")}

        wait_while_it_moves(
            lambda: len(found()) == count - len(bad), lambda: run("SELECT count(*) FROM target"), lambda: len(found())
        )
        assert found().isdisjoint(bad)

        def letters() -> set[int]:
            return {json.loads(letter.value)["payload"]["id"] for letter in records(kafka.bootstrap, f"{name}-dead")}

        wait_while_it_moves(lambda: letters() >= bad, letters, lambda: sorted(bad - letters())[:20])
        assert letters() == bad
    finally:
        if worker is not None:
            with suppress(Exception):
                worker.kill()
        server.remove()


@pytest.mark.parametrize("server_class", [PostgreSql, pytest.param(MariaDb, marks=pytest.mark.long)])
def test_the_table_is_what_the_topic_says_whoever_is_killed(
    kafka: Any, tmp_path: Path, server_class: type[PostgreSql | MariaDb]
) -> None:
    chance = random.Random(server_class.__name__)
    # what is committed is at least with the system when the server's process dies
    server = PostgreSql() if server_class is PostgreSql else MariaDb({"innodb-flush-log-at-trx-commit": 2})
    topic = f"kills-{server_class.__name__.lower()}-{tmp_path.name}"
    expected: dict[int, tuple[str, float]] = {}
    worker = None
    try:
        server.start()
        server.create_database("shop")
        with closing(server.connect("shop")) as connection, connection.cursor() as cursor:
            quote = '"' if server_class is PostgreSql else "`"
            name = f"{quote}{topic}{quote}"
            cursor.execute(f"CREATE TABLE {name} (id BIGINT PRIMARY KEY, item VARCHAR(20), amount DOUBLE PRECISION)")

        def found() -> dict[int, tuple[str, float]]:
            with closing(server.connect("shop")) as connection, connection.cursor() as cursor:
                cursor.execute(f"SELECT id, item, amount FROM {name}")
                return {number: (item, amount) for number, item, amount in cursor.fetchall()}

        target = {
            "connection.url": server.jdbc_url("shop"),
            "connection.user": server.user,
            "connection.password": server.password,
        }
        changes = {"insert_mode": "upsert", "pk_mode": "record_key", "delete_enabled": "true", **SAME_MEMBER}
        worker = worker_of(tmp_path / topic, kafka.bootstrap, target, topics=topic, **changes)
        worker.start()
        for number in range(18):
            before = found()
            given: list[tuple[int, bytes | None]] = []
            for _ in range(2000):
                key = chance.randrange(3000)
                if chance.random() < 0.2:
                    given.append((key, None))
                    expected.pop(key, None)
                else:
                    expected[key] = (f"r{number}", float(chance.randrange(1000)))
                    given.append(order(key, *expected[key]))
            produce(kafka.bootstrap, topic, given)
            wait_for(lambda: found() != before, "rows change", PATIENCE)  # noqa: B023
            time.sleep(chance.uniform(0.0, 0.3))  # a moment as good as any
            kill(VICTIMS[number % 3], worker, server, chance)
        wait_for(lambda: found() == expected, lambda: f"{len(found())} rows, {len(expected)} expected", PATIENCE)
    finally:
        if worker is not None:
            with suppress(Exception):
                worker.kill()
        server.remove()
