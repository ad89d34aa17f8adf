"""The JDBC sink beside another's: ``python -m integration.bench.jdbc_sink [rows]``.

Ours, and Debezium's JDBC sink in the original worker, write the same topic of the same broker into the same kind of
table of the same PostgreSQL, in turn: JSON with schemas, six columns, about 250 bytes a row; inserts, upserts of new
rows, and these and then all of them once more.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
from confluent_kafka import Producer

from integration.bench.footprint import cpu_seconds
from integration.bench.originals import DefaultBroker, DefaultWorker
from integration.services.linkspan import LinkspanWorker
from integration.services.maven import UnavailableError, jars
from integration.services.postgresql import PostgreSql

TOPIC: Final = "orders"
TABLE: Final = (
    "CREATE TABLE orders (id bigint PRIMARY KEY, name text, price double precision, made timestamp, paid boolean, "
    "round int)"
)
FIELDS: Final = [
    {"field": "id", "type": "int64"},
    {"field": "name", "type": "string"},
    {"field": "price", "type": "double"},
    {"field": "made", "type": "int64", "name": "org.apache.kafka.connect.data.Timestamp", "version": 1},
    {"field": "paid", "type": "boolean"},
    {"field": "round", "type": "int32"},
]
JSON: Final = "org.apache.kafka.connect.json.JsonConverter"
BATCH: Final = "3000"
PEER: Final = "io.debezium:debezium-connector-jdbc:3.2.0.Final"
CLASHING: Final = ("jackson-", "slf4j-")
"""Jars of the peer that are the worker's as well, in other versions."""


class Found(NamedTuple):
    """What one way took.

    Attributes:
        rate: rows a second.
        processor: microseconds of processor time a row, of the worker and its tasks.
    """

    rate: float
    processor: float


def produce(bootstrap: str, topic: str, count: int, rounds: int) -> None:
    """Fill a topic: all rows, and all of them again with the number of the round."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 1_000_000})
    schema = orjson.dumps({"type": "struct", "optional": False, "fields": FIELDS})
    for number in range(rounds):
        for row in range(1, count + 1):
            payload = {
                "id": row,
                "name": "abcde" * 36 + str(row),
                "price": row % 1000 / 100,
                "made": 1_700_000_000_000 + row,
                "paid": row % 2 == 0,
                "round": number,
            }
            producer.produce(topic, b'{"schema":%b,"payload":%b}' % (schema, orjson.dumps(payload)), partition=0)
            if row % 10_000 == 0:
                producer.poll(0)
        producer.flush(120)


def ours(server: PostgreSql, topic: str, mode: str) -> dict[str, str]:
    """Configuration of our sink."""
    return {
        "name": f"ours-{topic}-{mode}",
        "connector.class": "JdbcSink",
        "topics": topic,
        "connection.url": server.jdbc_url("bench"),
        "connection.user": server.user,
        "connection.password": server.password,
        "table.name.format": "orders",
        "insert.mode": mode,
        "pk.mode": "record_value",
        "pk.fields": "id",
        "value.converter": JSON,
        "consumer.override.auto.offset.reset": "earliest",
    }


def theirs(server: PostgreSql, topic: str, mode: str) -> dict[str, str]:
    """Configuration of the peer, with the sizes that suit it."""
    return {
        "name": f"theirs-{topic}-{mode}",
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "topics": topic,
        "connection.url": server.jdbc_url("bench"),
        "connection.username": server.user,
        "connection.password": server.password,
        "collection.name.format": "orders",
        "insert.mode": mode,
        "primary.key.mode": "record_value",
        "primary.key.fields": "id",
        "batch.size": BATCH,
        "value.converter": JSON,
        "consumer.override.auto.offset.reset": "earliest",
        "consumer.override.max.poll.records": BATCH,
    }


def plugins(folder: Path) -> Path:
    """A plugin folder with the peer."""
    target = folder / "peer" / "debezium-jdbc"
    if not target.exists():
        shutil.copytree(jars("debezium-jdbc-3.2.0", [PEER]), target)
        for jar in target.glob("*.jar"):
            if jar.name.startswith(CLASHING):
                jar.unlink()
    return target.parent


def run(server: PostgreSql, start: Callable[[], Any], last: Mapping[str, int]) -> Found:
    """Have a worker write everything; from its first rows to its last.

    Args:
        server: with an empty table.
        start: makes and launches the worker.
        last: id and round of the last record.
    """
    with server.connect("bench") as connection:
        connection.execute(b"DROP TABLE IF EXISTS orders")
        connection.execute(TABLE.encode())
        worker = start()
        try:
            done, begin, used, first = 0, time.perf_counter(), 0.0, 0
            count = last["id"] * (last["round"] + 1)
            deadline = time.perf_counter() + 600
            while done < count:
                if time.perf_counter() > deadline:
                    raise RuntimeError(f"{done} of {count} rows after ten minutes")
                time.sleep(0.05)
                done = _written(connection, last)
                if done and not first:
                    first, begin, used = done, time.perf_counter(), cpu_seconds(worker.pid)
            seconds, rows = time.perf_counter() - begin, count - first
            return Found(rows / seconds, (cpu_seconds(worker.pid) - used) * 1e6 / rows)
        finally:
            worker.stop()


def _written(connection: Any, last: Mapping[str, int]) -> int:
    """Records that were written: ids rise, and each round has all of them."""
    (highest,) = connection.execute("SELECT coalesce(max(id), 0) FROM orders").fetchone()
    if not last["round"] or highest < last["id"]:
        return int(highest)
    # of the second round rows are found by bisection, since its ids rise as well
    low, high = 0, last["id"]
    while low < high:
        middle = (low + high + 1) // 2
        row = connection.execute("SELECT round FROM orders WHERE id = %s", (middle,)).fetchone()
        low, high = (middle, high) if row == (1,) else (low, middle - 1)
    return last["id"] + low


def measure(server: PostgreSql, bootstrap: str, folder: Path, count: int) -> None:
    """Both in turn, each mode."""
    for topic, rounds in (("once", 1), ("twice", 2)):
        produce(bootstrap, topic, count, rounds)
    settings = {"connector.client.config.override.policy": "All"}
    for number, (mode, topic) in enumerate((("insert", "once"), ("upsert", "once"), ("upsert", "twice"))):
        last = {"id": count, "round": 1 if topic == "twice" else 0}
        found = {}
        for who in ("theirs", "ours"):
            place = folder / f"{who}-{number}"

            def start(who: str = who, place: Path = place, topic: str = topic, mode: str = mode) -> Any:
                worker: LinkspanWorker | DefaultWorker
                if who == "ours":
                    worker = LinkspanWorker(place, bootstrap, settings, [ours(server, topic, mode)])
                else:
                    more = {**settings, "plugin.path": plugins(folder)}
                    worker = DefaultWorker(place, bootstrap, more, [theirs(server, topic, mode)])
                worker.start()
                return worker

            found[who] = run(server, start, last)
            name = "Linkspan" if who == "ours" else "Debezium 3.2 in the original worker"
            show(f"{mode}, each row {topic}, {name}", found[who])
        faster = found["ours"].rate / found["theirs"].rate
        less = found["theirs"].processor / found["ours"].processor
        print(f"  {faster:.2f} times as fast, with 1/{less:.2f} of the processor time", flush=True)


def show(what: str, found: Found) -> None:
    """Print a line."""
    print(f"{what}: {found.rate:,.0f} rows/s, {found.processor:.1f} µs of processor time a row", flush=True)


def main() -> int:
    """Measure, and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    server = PostgreSql()
    with tempfile.TemporaryDirectory() as folder:
        broker = DefaultBroker(Path(folder) / "broker", {"log.retention.ms": -1})
        try:
            server.start()
            broker.start()
            server.create_database("bench")
            measure(server, broker.bootstrap, Path(folder), count)
        except UnavailableError as error:
            print(error)
            return 1
        finally:
            broker.stop()
            server.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
