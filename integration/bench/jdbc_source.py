"""The JDBC source beside a bare loop: both read the same table of PostgreSQL into a topic of the same broker."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from integration.bench import jdbc_loop, scenario
from integration.bench.jdbc_loop import BATCH, PRODUCER
from integration.bench.jdbc_table import DATABASE, HEAD, Table
from integration.bench.passage import MARKS, Passage, moments, passage
from integration.bench.table import say
from integration.services.kafka import Broker
from integration.services.linkspan import LinkspanWorker
from integration.services.postgresql import PostgreSql
from integration.services.server import Server

__all__ = ["measure"]


@dataclass
class _Way:
    """One line of the table, and what was measured for it.

    Attributes:
        title: what is measured.
        settings: of the connector; None for a loop.
        loop: what it is compared with.
        head: what the loop writes in front of each row.
        passages: what was measured.
    """

    title: str
    settings: Mapping[str, str] | None = None
    loop: _Way | None = None
    head: str = ""
    passages: list[Passage] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Rows a second, the median."""
        return statistics.median(each.rate for each in self.passages)

    def line(self) -> str:
        """Medians, and how the rate compares with that of the loop; memory is that of the last round."""
        cost = statistics.median(each.cost for each in self.passages)
        memory = " ".join(f"| {each:,.0f} MB" for each in self.passages[-1].memory)
        loop = self.loop
        gap = "— | —" if loop is None else f"**{loop.rate / self.rate:.2f} ×** | ≤ 2 ×"
        return f"| {self.title} | {self.rate:,.0f} | {gap} | {cost:.1f} µs {memory} |"


def measure(broker: Broker, server: PostgreSql, rounds: int, records: int, large: int, folder: Path) -> str:
    """Run all rounds, and once with a large table; the table.

    Args:
        broker: where topics are.
        server: where the tables are.
        rounds: how often.
        records: rows of the table for all rounds.
        large: rows of the table that is read once.
        folder: for workers.
    """
    plain, full = _Way("bare loop, without schemas"), _Way("bare loop, with the same schema for all", head=HEAD)
    settings = {"value.converter.schemas.enable": "false"}
    ways = [
        plain,
        _Way("PostgreSQL → Kafka, JsonConverter without schemas", settings, plain),
        full,
        _Way("PostgreSQL → Kafka, JsonConverter with schemas", {}, full),
    ]
    orders = Table(server, "orders", records)
    orders.fill()
    for turn in range(rounds):
        for number, way in enumerate(ways):
            say(f"JDBC source, round {turn + 1} of {rounds}: {way.title}")
            way.passages.append(_passage(broker, server, way, orders, folder / f"jdbc-source-{turn}-{number}"))
            say(f"  {way.line()}")
    orders.drop()
    many = Table(server, "many_orders", large)
    many.fill()
    way = _Way(f"without schemas, {large:,} rows ({many.megabytes:,.0f} MB)", settings)
    say(f"JDBC source: {way.title}")
    way.passages.append(_passage(broker, server, way, many, folder / "jdbc-source-large"))
    many.drop()
    marks = " | ".join(f"after {part * 100:.0f} %" for part in MARKS)
    lines = "\n".join([*(each.line() for each in ways), way.line()])
    return f"""| What | rows/s | the loop is so many times as fast | Target | processor time for each | memory {marks} |
|---|--:|--:|--:|--:|{"--:|" * len(MARKS)}
{lines}"""


def _passage(broker: Broker, server: PostgreSql, way: _Way, table: Table, folder: Path) -> Passage:
    topics = scenario.Topics(broker.bootstrap)
    topic = f"{folder.name}-{table.name}"
    topics.create(topic)
    folder.mkdir()
    run: Server | LinkspanWorker
    if way.settings is None:
        run = _loop(broker, server, [topic, table.name, *filter(None, [way.head])], folder)
        run.launch()
    else:
        run = _connector(broker, server, way.settings, table, folder)
        run.start()
    try:
        return passage(moments(run.pid, run.log, lambda: topics.end(topic), table.count))
    finally:
        run.stop()
        topics.delete(topic)


def _loop(broker: Broker, server: PostgreSql, arguments: list[str], folder: Path) -> Server:
    place = {
        "PGHOST": server.host,
        "PGPORT": str(server.port),
        "PGUSER": server.user,
        "PGPASSWORD": server.password,
        "PGDATABASE": DATABASE,
    }
    command = [sys.executable, "-m", jdbc_loop.__name__, broker.bootstrap, *arguments]
    return Server(command, folder / "loop.log", place)


def _connector(
    broker: Broker, server: PostgreSql, settings: Mapping[str, str], table: Table, folder: Path
) -> LinkspanWorker:
    source = {
        "name": folder.name,
        "connector.class": "JdbcSource",
        "connection.url": server.jdbc_url(DATABASE),
        "connection.user": server.user,
        "connection.password": server.password,
        "mode": "incrementing",
        "incrementing.column.name": "id",
        "table.whitelist": table.name,
        "topic.prefix": f"{folder.name}-",
        "batch.max.rows": str(BATCH),
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        **{f"producer.override.{key}": str(value) for key, value in PRODUCER.items()},
        **settings,
    }
    return LinkspanWorker(folder / "worker", broker.bootstrap, connectors=[source])
