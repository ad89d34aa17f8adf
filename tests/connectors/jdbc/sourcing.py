"""Tasks of the source, run by themselves."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Any

from linkspan.api import Offset, Partition, SourceRecord
from linkspan.config.definition import load
from linkspan_connectors.jdbc.source import JdbcSourceTask
from linkspan_connectors.jdbc.source_config import JdbcSourceTaskConfig

__all__ = ["Log", "SourceTasks", "polled", "taken", "values"]


class Log:
    """Offsets of what was taken, as a worker stores them."""

    def __init__(self) -> None:
        self.known: list[tuple[Partition, Offset]] = []

    def store(self, records: Sequence[SourceRecord]) -> None:
        for record in records:
            if record.source_offset is not None and record.source_partition is not None:
                self.known = [pair for pair in self.known if pair[0] != record.source_partition]
                self.known.append((record.source_partition, record.source_offset))

    def offset(self, partition: Partition) -> Offset | None:
        return next((offset for known, offset in self.known if known == partition), None)

    def offsets(self, partitions: Sequence[Partition]) -> list[Offset | None]:
        return [self.offset(partition) for partition in partitions]


class SourceTasks:
    """Tasks with the same settings and offsets.

    Args:
        settings: in addition to the usual ones, and those of :meth:`start`.
        quotes: around a table's name.
    """

    def __init__(self, settings: Mapping[str, str], quotes: str = "`") -> None:
        self.log = Log()
        self.exactly_once = False
        self._settings = settings
        self._quotes = quotes
        self._running: list[JdbcSourceTask] = []

    def start(self, *tables: str, **settings: str) -> JdbcSourceTask:
        """Start a task; keys may be written with underscores for dots."""
        task = JdbcSourceTask()
        quote = self._quotes
        props = {
            "topic.prefix": "p-",
            "poll.interval.ms": "10",
            "connection.attempts": "1",
            "connection.backoff.ms": "0",
            "tables": ",".join(quote + table.replace(".", f"{quote}.{quote}") + quote for table in tables),
            "tables.fetched": "true",
            **self._settings,
            **{_key(key): value for key, value in settings.items()},
        }
        task.config = load(JdbcSourceTaskConfig, props)
        task.context = types.SimpleNamespace(  # type: ignore[assignment]
            connector="c",
            task=0,
            configs=props,
            offset_reader=self.log,
            exactly_once=self.exactly_once,
            transaction=None,
        )
        task.start()
        self._running.append(task)
        return task

    def stop(self) -> None:
        """Stop all that were started."""
        for task in self._running:
            task.stop()
        self._running = []


def _key(name: str) -> str:
    return name if "." in name else name.replace("_", ".")


def polled(task: JdbcSourceTask) -> Sequence[SourceRecord]:
    """The next records that there are."""
    for _ in range(60):
        found = task.poll()
        if found:
            return found
    raise AssertionError("there are no records")


def taken(task: JdbcSourceTask, count: int) -> list[SourceRecord]:
    """So many records."""
    found: list[SourceRecord] = []
    while len(found) < count:
        found += polled(task)
    assert len(found) == count
    return found


def values(records: Sequence[SourceRecord], name: str = "id") -> list[Any]:
    return [record.value[name] for record in records]  # type: ignore[index]
