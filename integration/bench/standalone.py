"""One worker: the original standalone worker and ours, in turn, on the same broker, files and topics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from integration.bench import scenario
from integration.bench.originals import DefaultWorker
from integration.bench.table import Row, say, table
from integration.services.kafka import VERSION, Broker, OriginalWorker
from integration.services.linkspan import LinkspanWorker

HEADING: Final = "One worker"


def rows() -> dict[str, Row]:
    """The table, empty."""
    return {
        "source": Row("file → Kafka, StringConverter", "records/s", "≥ 3", more_is_better=True),
        "sink": Row("Kafka → file, StringConverter", "records/s", "≥ 2", more_is_better=True),
        "json": Row("Kafka → file, JsonConverter without schemas, 5 fields", "records/s", "≥ 1.8", more_is_better=True),
        "transformed": Row(
            "the same through InsertField, ReplaceField and Cast", "records/s", "≥ 1.3", more_is_better=True
        ),
        "poisoned": Row(
            "without transforms, with 1 % bad records, `errors.tolerance=all` and a dead letter queue",
            "records/s",
            "",
            more_is_better=True,
        ),
        "poisoned, context": Row(
            "the same, and the dead letter queue has context headers", "records/s", "", more_is_better=True
        ),
        "cost": Row("cost of 1 % bad records: part of the rate without any", "%", "< 20 %"),
        "cost, context": Row("cost of 1 % bad records with context headers", "%", "< 20 %"),
        "start": Row("worker start → REST answers", "s", "≥ 8"),
        "idle": Row("idle worker, memory of all processes (PSS)", "MB", "≥ 6"),
        "tasks memory": Row("with 20 idle sink tasks on a fresh worker, memory (PSS)", "MB", "≥ 5"),
        "tasks cpu": Row("with 20 idle sink tasks on a fresh worker, share of one processor", "%", "≥ 5"),
        "first": Row("POST connector → task RUNNING, first connector of a worker", "s", "≥ 2"),
        "next": Row("POST connector → task RUNNING, later connectors", "s", "≥ 2"),
        "late memory": Row("with 20 idle sink tasks after the load above, memory (PSS)", "MB", "≥ 5"),
        "late cpu": Row("with 20 idle sink tasks after the load above, share of one processor", "%", "≥ 5"),
    }


def measure(broker: Broker, rounds: int, records: int, folder: Path) -> str:
    """Run all rounds; the section for the page."""
    figures = rows()
    topics = scenario.Topics(broker.bootstrap)
    text, documents = scenario.lines(records), scenario.documents(records)
    file = folder / "lines.txt"
    file.write_bytes(b"\n".join(text) + b"\n")
    contents = {"bench-lines": text, "bench-json": documents, "bench-poison": scenario.poisoned(documents)}
    for name, payloads in contents.items():
        topics.create(name)
        topics.fill(name, payloads)
    del text, documents, contents
    for turn in range(rounds):
        for subject, make in (("original", DefaultWorker), ("linkspan", LinkspanWorker)):
            say(f"one worker, round {turn + 1} of {rounds}: {subject}")
            worker = make(folder / f"{subject}-{turn}", broker.bootstrap)

            def add(key: str, value: float, subject: str = subject) -> None:
                figures[key].add(subject, value)

            try:
                _one_round(worker, topics, file, folder, records, add)
            finally:
                worker.stop()
    for name in ("bench-lines", "bench-json", "bench-poison"):
        topics.delete(name)
    return f"""Linkspan against the standalone worker of Apache Kafka {VERSION}, alternating in one run on one
machine with one broker: {rounds} rounds, {records:,} records of about 100 bytes, one task. Medians; the ratio says how
many times better Linkspan is. Rates run from the first to the last record that arrives. Both workers share the
processors with the broker. The original runs with the memory and garbage collector settings of its own start script.

{scenario.measured()}

{table(figures)}"""


def _one_round(
    worker: OriginalWorker | LinkspanWorker,
    topics: scenario.Topics,
    file: Path,
    folder: Path,
    records: int,
    add: Callable[[str, float], None],
) -> None:
    """Everything once with one fresh worker: quiet measurements first, so that nothing is left over from load."""
    add("start", scenario.start_seconds(worker, worker.launch))
    add("idle", scenario.idle_memory(worker))
    add("first", scenario.create_seconds(worker, topics, folder))
    for _ in range(3):
        add("next", scenario.create_seconds(worker, topics, folder))
    memory, share = scenario.idle_tasks(worker, topics, folder)
    add("tasks memory", memory)
    add("tasks cpu", share)
    add("source", scenario.source_rate(worker, topics, file, records))
    add("sink", scenario.sink_rate(worker, "bench-lines", records, scenario.STRING, folder))
    clean = scenario.sink_rate(worker, "bench-json", records, scenario.JSON, folder)
    add("json", clean)
    add("transformed", scenario.sink_rate(worker, "bench-json", records, scenario.TRANSFORMED, folder))
    for suffix, errors in (("", {}), (", context", scenario.CONTEXT_HEADERS)):
        rate = scenario.poisoned_rate(worker, topics, "bench-poison", records, folder, errors)
        add(f"poisoned{suffix}", rate)
        add(f"cost{suffix}", 100 * (1 - rate / clean))
    memory, share = scenario.idle_tasks(worker, topics, folder)
    add("late memory", memory)
    add("late cpu", share)
