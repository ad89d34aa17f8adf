"""The JDBC source beside a bare loop: ``python -m integration.bench.jdbc_source [rows]``.

Both read the same table of PostgreSQL into a topic of the same broker, as JSON with and without schemas. The bare loop
is one thread that fetches through a cursor of the server with psycopg, writes each row with orjson and produces it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import orjson
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from integration.bench.footprint import tree
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


def bare(server: PostgreSql, bootstrap: str, topic: str) -> float:
    """Rows a second of the bare loop."""
    producer = Producer(
        {"bootstrap.servers": bootstrap, "enable.idempotence": True, "batch.size": 1_000_000, "linger.ms": 10,
         "queue.buffering.max.messages": 1_000_000}
    )  # fmt: skip
    began, count = time.perf_counter(), 0
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
    return count / (time.perf_counter() - began)


def resident(worker: LinkspanWorker) -> float:
    """MiB of the largest process of a worker."""
    sizes = [0]
    for each in tree(worker.pid):
        try:
            sizes.append(int(Path(f"/proc/{each}/statm").read_text().split()[1]) * 4096)
        except OSError:
            continue
    return max(sizes) / (1 << 20)


def ours(server: PostgreSql, bootstrap: str, folder: Path, prefix: str, count: int, **more: str) -> tuple[float, float]:
    """Rows a second of the connector in a worker, from its first record on; and MiB of its task."""
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
        first, most, began = 0, 0.0, time.perf_counter()
        while (end := ends(bootstrap, topic)) < count:
            if end and not first:
                first, began = end, time.perf_counter()
            most = max(most, resident(worker))
            time.sleep(0.02)
        return (count - first) / (time.perf_counter() - began), most
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
        print(f"bare loop: {loop:,.0f} rows/s", flush=True)
        for schemas in ("false", "true"):
            name = f"{schemas}-{number}-"
            settings = {"value.converter.schemas.enable": schemas}
            found, memory = ours(server, bootstrap, folder / name, name, count, **settings)
            print(f"connector, schemas.enable={schemas}: {found:,.0f} rows/s, bare loop is {loop / found:.2f} times "
                  f"as fast; {memory:.0f} MiB", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
