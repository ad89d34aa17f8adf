"""Exactly-once sources: a group of one worker, the original and ours in turn, on the same broker and file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from integration.bench import scenario
from integration.bench.pair import KINDS
from integration.bench.table import Row, say, table
from integration.services.groups import Group
from integration.services.kafka import VERSION, Broker

HEADING: Final = "Exactly-once sources"
_INTERVAL: Final = {"transaction.boundary": "interval", "transaction.boundary.interval.ms": "250"}


def rows() -> dict[str, Row]:
    """The table, empty."""
    return {
        "poll": Row("file → Kafka, `transaction.boundary=poll`", "records/s", "≥ 1.5", more_is_better=True),
        "interval": Row(
            "file → Kafka, `transaction.boundary=interval`, 0.25 s", "records/s", "≥ 1.5", more_is_better=True
        ),
    }


def measure(broker: Broker, rounds: int, records: int, folder: Path) -> str:
    """Run all rounds; the section for the page."""
    figures = rows()
    topics = scenario.Topics(broker.bootstrap)
    file = folder / "once.txt"
    file.write_bytes(b"\n".join(scenario.lines(records)) + b"\n")
    for turn in range(rounds):
        for subject, kind in KINDS.items():
            say(f"exactly-once, round {turn + 1} of {rounds}: {subject}")
            group = Group(broker.bootstrap, {"exactly.once.source.support": "enabled"})
            worker = kind(folder / group.name, group)
            try:
                worker.start()
                figures["poll"].add(subject, scenario.source_rate(worker, topics, file, records))
                figures["interval"].add(subject, scenario.source_rate(worker, topics, file, records, _INTERVAL))
            finally:
                worker.stop()
    return f"""A distributed worker of ours with `exactly.once.source.support=enabled` against one of Apache Kafka
{VERSION}, alternating in one run on one machine with one broker: {rounds} rounds, {records:,} lines of about 100 bytes,
one task, `batch.size=2000` of the file connector as it is by default. Medians; the ratio says how many times better
Linkspan is. Rates run from the first to the last record that arrives. Workers share the processors with the broker.

{scenario.measured()}

{table(figures)}"""
