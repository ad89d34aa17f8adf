"""The pattern of docs/how-to/store-offsets-with-the-data.md: lines and positions in one transaction of one database.

Where the how-to page says what to do, this is it, done; the conformance kit and the tests of the runtime run it.
"""

from __future__ import annotations

import os
import sqlite3
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from linkspan.api import (
    HIGH,
    Config,
    FencedError,
    Guarantee,
    RetriableError,
    SinkBatch,
    SinkConnector,
    SinkTask,
    Str,
    TopicPartition,
)

TABLES = """
CREATE TABLE IF NOT EXISTS lines (topic TEXT, partition INTEGER, offset INTEGER, line TEXT);
CREATE TABLE IF NOT EXISTS positions (
    topic TEXT, partition INTEGER, next INTEGER, owner TEXT, PRIMARY KEY (topic, partition));
"""
CLAIM = """
INSERT INTO positions (topic, partition, owner) VALUES (?, ?, ?)
ON CONFLICT (topic, partition) DO UPDATE SET owner = excluded.owner
"""
ADVANCE = """
UPDATE positions SET next = max(coalesce(next, 0), ?) WHERE topic = ? AND partition = ? AND owner = ?
"""
SET = """
INSERT INTO positions (topic, partition, next) VALUES (?, ?, ?)
ON CONFLICT (topic, partition) DO UPDATE SET next = excluded.next, owner = NULL
"""
OPENING = 10.0
"""Seconds that others who open the file may take."""


class Ledger:
    """The database."""

    def __init__(self, path: str) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, timeout=1)
        self._make()

    def _make(self) -> None:
        deadline = time.monotonic() + OPENING
        while True:
            try:
                self._database.execute("PRAGMA journal_mode=WAL")  # whoever looks holds up nobody
                self._database.executescript(TABLES)
            except sqlite3.OperationalError:
                # several that open a new file at once: what makes it a WAL waits for no lock
                if time.monotonic() >= deadline:
                    self._database.close()
                    raise
                time.sleep(0.01)
            else:
                return

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; what the database cannot do now is tried again later."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise RetriableError(f"The ledger does not answer: {error}") from error

    def positions(self) -> dict[TopicPartition, int]:
        """What is stored."""
        rows = self._database.execute("SELECT topic, partition, next FROM positions WHERE next IS NOT NULL")
        return {TopicPartition(topic, partition): following for topic, partition, following in rows}

    def lines(self) -> list[str]:
        """Every line, in the order of its partition."""
        return [line for (line,) in self._database.execute("SELECT line FROM lines ORDER BY topic, partition, rowid")]

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()


class LedgerConfig(Config):
    file = Str(doc="The database.", importance=HIGH)


class LedgerSinkTask(SinkTask[LedgerConfig]):
    def start(self) -> None:
        self._name = f"{os.getpid()} {uuid.uuid4().hex}"
        self._ledger = Ledger(self.config.file)

    def stop(self) -> None:
        self._ledger.close()

    def open(self, partitions: Sequence[TopicPartition]) -> None:
        # from here on whoever had these partitions before can write nothing of them any more
        with self._ledger.transaction() as database:
            database.executemany(CLAIM, [(*place, self._name) for place in partitions])

    def stored_offsets(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        return {place: offset for place, offset in self._ledger.positions().items() if place in set(partitions)}

    def put(self, records: SinkBatch) -> None:
        with self._ledger.transaction() as database:
            self._advance(database, records.next_offsets)
            database.executemany(
                "INSERT INTO lines VALUES (?, ?, ?, ?)",
                [(r.original_topic, r.original_partition, r.original_offset, str(r.value)) for r in records],
            )

    def flush(self, offsets: Mapping[TopicPartition, int]) -> None:
        # also past records that a transform has dropped, which put never sees
        with self._ledger.transaction() as database:
            self._advance(database, offsets)

    def _advance(self, database: sqlite3.Connection, offsets: Mapping[TopicPartition, int]) -> None:
        for place, offset in offsets.items():
            if not database.execute(ADVANCE, (offset, *place, self._name)).rowcount:
                raise FencedError(f"Another task writes {place} to {self.config.file} by now")


class LedgerSinkConnector(SinkConnector[LedgerConfig]):
    config_class, task_class, version = LedgerConfig, LedgerSinkTask, "1"
    guarantee = Guarantee.EXACTLY_ONCE

    def task_configs(self, max_tasks: int) -> Sequence[Mapping[str, str]]:
        return list(super().task_configs(max_tasks)) * max_tasks

    def stored_offsets(self, config: Mapping[str, str]) -> Mapping[TopicPartition, int]:
        ledger = Ledger(config["file"])
        try:
            return ledger.positions()
        finally:
            ledger.close()

    def alter_offsets(self, config: Mapping[str, str], offsets: Mapping[TopicPartition, int | None]) -> bool:
        ledger = Ledger(config["file"])
        try:
            with ledger.transaction() as database:
                database.executemany(SET, [(*place, offset) for place, offset in offsets.items()])
        finally:
            ledger.close()
        return True
