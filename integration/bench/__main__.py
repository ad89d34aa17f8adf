"""``make bench``: the original worker and ours, in turn, on the same broker, files and topics, in one run.

Prints medians and ratios and writes them to docs/reference/benchmarks.md. A section of that page is written when all of
its parts were run.
"""

from __future__ import annotations

import argparse
import compileall
import shutil
import sys
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from integration.bench import exactly_once, groups, jdbc, mq_bridge, schema_registry, standalone, task_clients
from integration.bench.originals import DefaultBroker
from integration.bench.table import rewrite, say
from integration.services.maven import CACHE, UnavailableError

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "docs" / "reference" / "benchmarks.md"
_STANDALONE: Final = "standalone"
_TASK_CLIENTS: Final = "task-clients"
_REGISTRY: Final = "schema-registry"
_EXACTLY_ONCE: Final = "exactly-once"
_MQ: Final = "ibmmq"
_JDBC: Final = "jdbc"
_PARTS: Final = (_STANDALONE, _REGISTRY, *groups.PARTS, _TASK_CLIENTS, _EXACTLY_ONCE, _MQ, _JDBC)


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, str]:
    """Run the parts that were asked for; the sections by their heading."""
    parts = arguments.only or list(_PARTS)
    sections = {}
    broker = DefaultBroker(folder / "broker", {"log.retention.ms": -1, "log.retention.check.interval.ms": 3_600_000})
    broker.start()
    try:
        if _STANDALONE in parts:
            sections[standalone.HEADING] = standalone.measure(broker, arguments.rounds, arguments.records, folder)
        if _REGISTRY in parts:
            heading = schema_registry.HEADING
            sections[heading] = schema_registry.measure(broker, arguments.rounds, arguments.records, folder)
        if chosen := [part for part in groups.PARTS if part in parts]:
            sections[groups.HEADING] = groups.measure(broker, chosen, arguments.rounds, arguments.connectors, folder)
        if _TASK_CLIENTS in parts:
            sections[task_clients.HEADING] = task_clients.measure(broker, folder)
        if _EXACTLY_ONCE in parts:
            sections[exactly_once.HEADING] = exactly_once.measure(broker, arguments.rounds, arguments.records, folder)
        if _MQ in parts:
            sections[mq_bridge.HEADING] = mq_bridge.measure(broker, arguments.rounds, arguments.records, folder)
        if _JDBC in parts:
            counts = (arguments.rounds, arguments.records, arguments.table_rows)
            sections[jdbc.HEADING] = jdbc.measure(broker, *counts, folder)
    finally:
        broker.stop()
    return sections


def _compile() -> None:
    """Bytecode as users have it, whose pip writes it: a checkout has none where PYTHONDONTWRITEBYTECODE is set."""
    for root in ("runtime", "connectors"):
        compileall.compile_dir(ROOT / root, quiet=1)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--connectors", type=int, default=200, help="how many make a large group")
    parser.add_argument("--table-rows", type=int, default=10_000_000, help="rows of the largest table that is read")
    parser.add_argument("--only", action="append", choices=_PARTS, metavar="PART", help=f"one of {', '.join(_PARTS)}")
    parser.add_argument("--dry", action="store_true", help="print the figures, and leave the page as it is")
    parser.add_argument("--keep", action="store_true", help="keep the working folder")
    arguments = parser.parse_args()
    _compile()
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix="bench-", dir=CACHE))
    try:
        sections = measure(arguments, folder)
    except UnavailableError as error:
        say(str(error))
        return 1
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    for heading, text in sections.items():
        say(f"\n## {heading}\n\n{text}")
    whole = arguments.only is None or set(groups.PARTS) <= set(arguments.only)
    if not whole:
        sections.pop(groups.HEADING, None)
    if sections and not arguments.dry:
        rewrite(REPORT, "Benchmarks", sections)
    return 0


if __name__ == "__main__":
    sys.exit(main())
