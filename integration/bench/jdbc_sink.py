"""The JDBC sink: Debezium's in the original worker and ours, in turn, from the same topic into the same tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from integration.bench import scenario
from integration.bench.footprint import cpu_seconds
from integration.bench.jdbc_table import DATABASE, Table, documents
from integration.bench.originals import DefaultWorker
from integration.bench.table import Row, say, table
from integration.services import debezium
from integration.services.kafka import Broker, OriginalWorker
from integration.services.linkspan import LinkspanWorker
from integration.services.postgresql import PostgreSql

__all__ = ["PART_OF_ALTERNATING", "measure"]

_JSON: Final = {"value.converter": "org.apache.kafka.connect.json.JsonConverter"}
_AT_ONCE: Final = "3000"
_PIECE: Final = 50_000
_TOPICS: Final[Mapping[str, bool]] = {"jdbc-rows": False, "jdbc-alternating": True}
"""Whether the records of a topic have two schemas in turn."""
PART_OF_ALTERNATING: Final = 50
"""The original gets one of so many records with alternating schemas, of which it makes batches of one."""


class _Trial(NamedTuple):
    """One thing that is measured.

    Attributes:
        title: what.
        topic: where records come from.
        mode: ``insert.mode``.
        target: of the ratio.
    """

    title: str
    topic: str
    mode: str
    target: str


_TRIALS: Final[Mapping[str, _Trial]] = {
    "insert": _Trial("Kafka → PostgreSQL, insert", "jdbc-rows", "insert", "≥ 3.5"),
    "upsert": _Trial("Kafka → PostgreSQL, upsert, every other row is there", "jdbc-rows", "upsert", "≥ 2.5"),
    "insert two": _Trial("insert, two schemas in turn", "jdbc-alternating", "insert", ""),
    "upsert two": _Trial("upsert, two schemas in turn", "jdbc-alternating", "upsert", ""),
}


def measure(broker: Broker, server: PostgreSql, rounds: int, records: int, folder: Path) -> str:
    """Run all rounds; the table, and what two schemas cost us.

    Raises:
        RuntimeError: a table has not the rows that it should have.
    """
    figures = {key: Row(trial.title, "rows/s", trial.target, True) for key, trial in _TRIALS.items()}
    costs = {key: Row(f"{trial.title}: processor time for each", "µs", "") for key, trial in _TRIALS.items()}
    topics = scenario.Topics(broker.bootstrap)
    for topic, alternating in _TOPICS.items():
        topics.create(topic)
        for begin in range(0, records, _PIECE):
            topics.fill(topic, documents(begin, min(begin + _PIECE, records), alternating=alternating))
    contents: dict[str, Sequence[Any]] = {}
    for turn in range(rounds):
        for subject, worker in _workers(broker, folder / f"jdbc-sink-{turn}"):
            say(f"JDBC sink, round {turn + 1} of {rounds}: {subject}")
            worker.start()
            try:
                for key, trial in _TRIALS.items():
                    rate, cost = _written(worker, server, subject, trial, records, contents)
                    figures[key].add(subject, rate)
                    costs[key].add(subject, cost)
            finally:
                worker.stop()
    for topic in _TOPICS:
        topics.delete(topic)
    shown = {**figures, **{f"cost of {key}": row for key, row in costs.items()}}
    return f"{table(shown)}\n\n{_of_two_schemas(figures)}"


def _of_two_schemas(figures: Mapping[str, Row]) -> str:
    """What it costs when schemas alternate."""
    parts = [
        f"{mode} {figures[mode].median('linkspan') / figures[f'{mode} two'].median('linkspan'):.2f} times the time"
        for mode in ("insert", "upsert")
    ]
    return f"Two schemas in turn cost Linkspan: {', '.join(parts)} of one schema (target: ≤ 2)."


def _workers(broker: Broker, folder: Path) -> list[tuple[str, OriginalWorker | LinkspanWorker]]:
    plugins = {"plugin.path": debezium.plugin_path()}
    return [
        ("original", DefaultWorker(folder / "original", broker.bootstrap, plugins)),
        ("linkspan", LinkspanWorker(folder / "linkspan", broker.bootstrap)),
    ]


def _written(
    worker: OriginalWorker | LinkspanWorker,
    server: PostgreSql,
    subject: str,
    trial: _Trial,
    records: int,
    contents: dict[str, Sequence[Any]],
) -> tuple[float, float]:
    """Rows a second, and microseconds of the worker's processor time for each.

    What a table has in the end has to be what it had the first time.
    """
    is_whole = subject == "linkspan" or not _TOPICS[trial.topic]
    wanted = records if is_whole else records // PART_OF_ALTERNATING
    name = f"{subject}-{trial.mode}-{trial.topic}"
    target = Table(server, f'"{name}"', records)
    if trial.mode == "upsert":
        target.fill_stale()
    settings = {**(_debezium if subject == "original" else _ours)(server, name, trial.mode), "topics": trial.topic}
    used: dict[int, float] = {}

    def seen() -> int:
        count = target.written(wanted)
        if count and count not in used:
            used[count] = cpu_seconds(worker.pid)
        return count

    rate = scenario.rate_of(worker, scenario.new_name("jdbc"), settings, seen, wanted)
    cost = 1e6 * (used[wanted] - min(used.values())) / max(wanted - min(used), 1)
    if is_whole:
        content = target.content
        expected = contents.setdefault(trial.topic, content)
        if content != expected or content[0] != records:
            raise RuntimeError(f"{subject}, {trial.title}: rows and their sum are {content}, and not {expected}")
    target.drop()
    return rate, cost


def _ours(server: PostgreSql, name: str, mode: str) -> dict[str, object]:
    return {
        **_JSON,
        "connector.class": "JdbcSink",
        "connection.url": server.jdbc_url(DATABASE),
        "connection.user": server.user,
        "connection.password": server.password,
        "table.name.format": name,
        "insert.mode": mode,
        **({"pk.mode": "record_value", "pk.fields": "id"} if mode == "upsert" else {}),
    }


def _debezium(server: PostgreSql, name: str, mode: str) -> dict[str, object]:
    return {
        **_JSON,
        "connector.class": debezium.JDBC_SINK,
        "connection.url": server.jdbc_url(DATABASE),
        "connection.username": server.user,
        "connection.password": server.password,
        "collection.name.format": name,
        "quote.identifiers": "true",
        "insert.mode": mode,
        **({"primary.key.mode": "record_value", "primary.key.fields": "id"} if mode == "upsert" else {}),
        "batch.size": _AT_ONCE,
        "consumer.override.max.poll.records": _AT_ONCE,
    }
