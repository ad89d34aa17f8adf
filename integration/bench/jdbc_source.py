"""The JDBC source beside a bare loop: ``python -m integration.bench.jdbc_source [rows]``.

Both read the same table of PostgreSQL into a topic of the same broker, as JSON with and without schemas. The bare loop
is one thread that fetches through a cursor of the server with psycopg, writes each row with orjson and produces it.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

import orjson
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from integration.bench.footprint import cpu_seconds, tree
from integration.services.kafka import Broker
from integration.services.linkspan import LinkspanWorker
from integration.services.postgresql import PostgreSql

NAMES: Final = ("id", "name", "price", "made", "paid", "number")
BATCH: Final = 1000
TABLE: Final = (
    "CREATE TABLE orders (id bigserial PRIMARY KEY, name text NOT NULL, price double precision NOT NULL, "
    "made timestamp NOT NULL, paid boolean NOT NULL, number int NOT NULL)"
)
ROWS: Final = (
    "INSERT INTO orders (name, price, made, paid, number) SELECT repeat('abcde', 30) || i, i % 1000 / 100.0, "
    "timestamp '2024-01-01' + i * interval '1 ms', i % 2 = 0, i FROM generate_series(1, {}) i"
)


def ends(bootstrap: str, topic: str) -> int:
    """Records that a topic has."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "onlooker"})
    try:
        return consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)[1]
    finally:
        consumer.close()


def create(bootstrap: str, topic: str) -> None:
    """A topic of one partition."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics([NewTopic(topic, 1, 1)]).values():
        future.result(30)


class Found(NamedTuple):
    """What one way took.

    Attributes:
        rate: rows a second.
        processor: microseconds of processor time a row, of our processes.
        memory: MiB of the largest process.
    """

    rate: float
    processor: float
    memory: float


def bare(server: PostgreSql, bootstrap: str, topic: str) -> Found:
    """The bare loop, in this process."""
    producer = Producer(
        {"bootstrap.servers": bootstrap, "enable.idempotence": True, "batch.size": 1_000_000, "linger.ms": 10,
         "queue.buffering.max.messages": 1_000_000}
    )  # fmt: skip
    began, used, count = time.perf_counter(), time.process_time(), 0
    with server.connect("bench") as connection:
        connection.autocommit = False
        cursor = connection.cursor(name="bare")
        cursor.execute("SELECT * FROM orders ORDER BY id")
        while rows := cursor.fetchmany(BATCH):
            texts = [orjson.dumps(dict(zip(NAMES, row, strict=True))) for row in rows]
            producer.produce_batch(topic, [{"value": text} for text in texts])
            producer.poll(0)
            count += len(rows)
    producer.flush(60)
    processor = (time.process_time() - used) * 1e6 / count
    return Found(count / (time.perf_counter() - began), processor, resident([os.getpid()]))


def resident(pids: Iterable[int]) -> float:
    """MiB of the largest of these processes."""
    sizes = [0]
    for each in pids:
        try:
            sizes.append(int(Path(f"/proc/{each}/statm").read_text().split()[1]) * 4096)
        except OSError:
            continue
    return max(sizes) / (1 << 20)


def ours(server: PostgreSql, bootstrap: str, folder: Path, prefix: str, count: int, **more: str) -> Found:
    """The connector in a worker, from its first record on."""
    source = {
        "name": "orders",
        "connector.class": "JdbcSource",
        "connection.url": server.jdbc_url("bench"),
        "connection.user": server.user,
        "connection.password": server.password,
        "mode": "incrementing",
        "incrementing.column.name": "id",
        "table.whitelist": "orders",
        "topic.prefix": prefix,
        "batch.max.rows": str(BATCH),
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "producer.override.batch.size": "1000000",
        "producer.override.linger.ms": "10",
        **more,
    }
    topic = f"{prefix}orders"
    create(bootstrap, topic)
    worker = LinkspanWorker(folder, bootstrap, {"connector.client.config.override.policy": "All"}, [source])
    worker.start()
    try:
        first, most, began, used = 0, 0.0, time.perf_counter(), 0.0
        while (end := ends(bootstrap, topic)) < count:
            if end and not first:
                first, began, used = end, time.perf_counter(), cpu_seconds(worker.pid)
            most = max(most, resident(tree(worker.pid)))
            time.sleep(0.05)
        rows = count - first
        processor = (cpu_seconds(worker.pid) - used) * 1e6 / rows
        return Found(rows / (time.perf_counter() - began), processor, most)
    finally:
        worker.stop()


def main() -> None:
    """Measure, and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    server = PostgreSql()
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder) / "broker")
        try:
            server.start()
            broker.start()
            server.create_database("bench")
            with server.connect("bench") as connection:
                for statement in (TABLE, ROWS.format(count), "ANALYZE orders"):
                    connection.execute(statement.encode())
            measure(server, broker.bootstrap, Path(folder), count)
        finally:
            broker.stop()
            server.remove()


def measure(server: PostgreSql, bootstrap: str, folder: Path, count: int) -> None:
    """Each way in turn, twice."""
    for number in range(2):
        create(bootstrap, f"bare-{number}")
        loop = bare(server, bootstrap, f"bare-{number}")
        show("bare loop", loop)
        for schemas in ("false", "true"):
            name = f"{schemas}-{number}-"
            settings = {"value.converter.schemas.enable": schemas}
            found = ours(server, bootstrap, folder / name, name, count, **settings)
            show(f"connector, schemas.enable={schemas}", found)
            print(f"  the bare loop is {loop.rate / found.rate:.2f} times as fast, and takes 1/"
                  f"{found.processor / loop.processor:.2f} of the processor time", flush=True)  # fmt: skip


def show(what: str, found: Found) -> None:
    """Print a line."""
    print(f"{what}: {found.rate:,.0f} rows/s, {found.processor:.1f} µs of processor time a row, {found.memory:.0f} MiB",
          flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
