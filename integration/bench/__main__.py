"""``make bench``: the original worker and ours, in turn, on the same broker, files and topics, in one run.

Prints medians and ratios and writes them to docs/reference/benchmarks.md.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from integration.bench import scenario
from integration.services.kafka import VERSION, Broker, OriginalWorker
from integration.services.linkspan import LinkspanWorker
from integration.services.maven import CACHE, UnavailableError

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "docs" / "reference" / "benchmarks.md"


@dataclass
class Row:
    """One line of the table.

    Attributes:
        title: what is measured.
        unit: of the figures.
        target: what the ratio should reach, as text.
        more_is_better: whether the ratio is ours/original (rates) or original/ours (seconds, megabytes).
        figures: every measured value by subject.
    """

    title: str
    unit: str
    target: str
    more_is_better: bool = False
    figures: dict[str, list[float]] = field(default_factory=lambda: {"original": [], "linkspan": []})

    def median(self, subject: str) -> float:
        """Median of a subject's figures."""
        return statistics.median(self.figures[subject])

    @property
    def ratio(self) -> float:
        """How many times better ours is."""
        ours, original = self.median("linkspan"), self.median("original")
        return ours / original if self.more_is_better else original / max(ours, 1e-9)


def rows() -> dict[str, Row]:
    """The table, empty."""
    return {
        "source": Row("file → Kafka, StringConverter", "records/s", "≥ 3", more_is_better=True),
        "sink": Row("Kafka → file, StringConverter", "records/s", "≥ 2", more_is_better=True),
        "json": Row("Kafka → file, JsonConverter without schemas, 5 fields", "records/s", "≥ 1.8", more_is_better=True),
        "start": Row("worker start → REST answers", "s", "≥ 8"),
        "idle": Row("idle worker, memory of all processes (PSS)", "MB", "≥ 6"),
        "tasks memory": Row("with 20 idle sink tasks on a fresh worker, memory (PSS)", "MB", "≥ 5"),
        "tasks cpu": Row("with 20 idle sink tasks on a fresh worker, share of one processor", "%", "≥ 5"),
        "first": Row("POST connector → task RUNNING, first connector of a worker", "s", "≥ 2"),
        "next": Row("POST connector → task RUNNING, later connectors", "s", "≥ 2"),
        "late memory": Row("with 20 idle sink tasks after the load above, memory (PSS)", "MB", "≥ 5"),
        "late cpu": Row("with 20 idle sink tasks after the load above, share of one processor", "%", "≥ 5"),
    }


def measure(table: dict[str, Row], arguments: argparse.Namespace, folder: Path) -> None:
    """Run all rounds."""
    broker = Broker(folder / "broker", {"log.retention.ms": -1, "log.retention.check.interval.ms": 3_600_000})
    broker.start()
    try:
        topics = scenario.Topics(broker.bootstrap)
        text, documents = scenario.lines(arguments.records), scenario.documents(arguments.records)
        file = folder / "lines.txt"
        file.write_bytes(b"\n".join(text) + b"\n")
        for name, payloads in (("bench-lines", text), ("bench-json", documents)):
            topics.create(name)
            topics.fill(name, payloads)
        del text, documents
        for turn in range(arguments.rounds):
            for subject, make in (("original", OriginalWorker), ("linkspan", LinkspanWorker)):
                say(f"round {turn + 1} of {arguments.rounds}: {subject}")
                worker = make(folder / f"{subject}-{turn}", broker.bootstrap)

                def add(key: str, value: float, subject: str = subject) -> None:
                    table[key].figures[subject].append(value)
                    say(f"  {table[key].title}: {value:,.2f} {table[key].unit}")

                try:
                    one_round(worker, topics, file, folder, arguments, add)
                finally:
                    worker.stop()
    finally:
        broker.stop()


def one_round(
    worker: OriginalWorker | LinkspanWorker,
    topics: scenario.Topics,
    file: Path,
    folder: Path,
    arguments: argparse.Namespace,
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
    add("source", scenario.source_rate(worker, topics, file, arguments.records))
    add("sink", scenario.sink_rate(worker, "bench-lines", arguments.records, scenario.STRING, folder))
    add("json", scenario.sink_rate(worker, "bench-json", arguments.records, scenario.JSON, folder))
    memory, share = scenario.idle_tasks(worker, topics, folder)
    add("late memory", memory)
    add("late cpu", share)


def report(table: dict[str, Row], arguments: argparse.Namespace) -> str:
    """The page for the documentation."""
    done = [row for row in table.values() if all(row.figures.values())]
    body = "\n".join(
        f"| {row.title} | {row.median('original'):,.2f} {row.unit} | {row.median('linkspan'):,.2f} {row.unit} "
        f"| **{row.ratio:.1f} ×** | {row.target} × |"
        for row in done
    )
    return f"""# Benchmarks

Linkspan against the standalone worker of Apache Kafka {VERSION}, alternating in one run on one machine with one
broker: {arguments.rounds} rounds, {arguments.records:,} records of about 100 bytes, one task. Medians; the ratio says
how many times better Linkspan is. Rates run from the first to the last record that arrives. Both workers share the
processors with the broker. The original runs with the memory and garbage collector settings of its own start script.

Machine: {scenario.machine()}; Python {sys.version.split()[0]}. Measured on {datetime.now(UTC):%Y-%m-%d} with
`make bench`.

| What | Original | Linkspan | Ratio | Target |
|---|--:|--:|--:|--:|
{body}
"""


def say(text: str) -> None:
    """One line of progress."""
    print(text, flush=True)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--keep", action="store_true", help="keep the working folder")
    arguments = parser.parse_args()
    folder = CACHE / "bench"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    table = rows()
    try:
        measure(table, arguments, folder)
    except UnavailableError as error:
        say(str(error))
        return 1
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    page = report(table, arguments)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(page)
    say(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
