"""The file: connection, tables, and the few statements that all three clients share."""

from __future__ import annotations

import base64
import contextlib
import os
import sqlite3
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from linkspan.api.errors import ConnectError, CorruptStateError, RetriableError
from linkspan.log.topic_names import what_is_wrong_with

__all__ = ["FILE", "Store"]

FILE: Final = "log.sqlite"

_VERSION: Final = 1
_BUSY_SECONDS: Final = 30.0
_OPEN_RETRY_SECONDS: Final = 0.01
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT})
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS topics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS ends (
    topic INTEGER, partition INTEGER, next INTEGER NOT NULL, PRIMARY KEY (topic, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batches (
    topic INTEGER NOT NULL, partition INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL,
    data BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS batches_by_offset ON batches (topic, partition, last);
CREATE TABLE IF NOT EXISTS offsets (
    consumers TEXT, topic TEXT, partition INTEGER, position INTEGER NOT NULL,
    PRIMARY KEY (consumers, topic, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS groups (consumers TEXT PRIMARY KEY, generation INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS members (
    consumers TEXT, member TEXT, topics TEXT NOT NULL, pid INTEGER NOT NULL, born TEXT NOT NULL, seen REAL NOT NULL,
    patience REAL NOT NULL, ready INTEGER NOT NULL, PRIMARY KEY (consumers, member)) WITHOUT ROWID;
"""


class Store:
    """One connection to the file; not shared between threads.

    Args:
        folder: where the file is; both are made if they are missing.

    Raises:
        ConnectError: the folder or file cannot be used.
        CorruptStateError: the file is something else, damaged, or of another version.
    """

    def __init__(self, folder: str) -> None:
        self.path = Path(folder) / FILE
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        except OSError as error:
            raise ConnectError(f"The embedded log cannot use the folder {folder}: {error.strerror}") from error
        except sqlite3.Error as error:
            raise ConnectError(f"The embedded log cannot open {self.path}: {error}") from error
        self._changed = False
        self._lost: str | None = None
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                self._open()
            except RetriableError:
                # Setting the journal mode does not wait for others that are doing the same.
                if time.monotonic() >= deadline:
                    self._connection.close()
                    raise
                time.sleep(_OPEN_RETRY_SECONDS)
            except ConnectError:
                self._connection.close()
                raise
            else:
                return

    def _open(self) -> None:
        with self._errors():
            # Looked at before anything is set, because setting the journal mode already changes the file.
            fresh = self._connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None
            version = None if fresh else self._version()
            if fresh or version == str(_VERSION):
                # A transaction is in the operating system's hands when COMMIT returns, so it survives the death of
                # the process; a power cut survive those that :meth:`sync` has waited for.
                self._connection.execute("PRAGMA journal_mode=WAL")
                self._connection.execute("PRAGMA synchronous=NORMAL")
            if fresh:
                self._create()
                version = self._version()
        if version is None:
            raise CorruptStateError(
                f"{self.path} is an SQLite file of another program, not an embedded log; nothing was changed"
            )
        if version != str(_VERSION):
            raise CorruptStateError(
                f"{self.path} was written by another version of the embedded log ({version}, this is {_VERSION}); "
                "nothing was changed"
            )

    def _version(self) -> str | None:
        """Version of the tables; None when they are not ours."""
        columns = [name for _, name, *_ in self._connection.execute("PRAGMA table_info(meta)")]
        if columns != ["name", "value"]:
            return None
        row = self._connection.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
        return str(row[0]) if row else None

    def _create(self) -> None:
        # Several processes may do this at the same moment: the second finds everything there.
        with self.transaction():
            for statement in _TABLES.strip().split(";"):
                if statement.strip():
                    self._connection.execute(statement)
            rows = [("version", str(_VERSION)), ("cluster", _random_id())]
            self._connection.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", rows)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Write as one unit; everything is undone when the block raises."""
        with self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
                self._changed = True
            except BaseException:
                # After some errors, a full disk for one, SQLite has rolled back by itself.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows of a query, or effect of a statement."""
        with self._errors():
            return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        """First row of a query, or None."""
        with self._errors():
            found: tuple[Any, ...] | None = self._connection.execute(statement, values).fetchone()
            return found

    def changes(self) -> int:
        """A number that differs whenever another connection has written something."""
        row = self.row("PRAGMA data_version")
        assert row is not None
        return int(row[0])

    def topic(self, name: str) -> tuple[int, int] | None:
        """Id and number of partitions of a topic, or None."""
        return self.row("SELECT id, partitions FROM topics WHERE name = ?", name)

    def create_topic(self, name: str, partitions: int) -> tuple[int, int]:
        """Make a topic inside a transaction, unless it exists; its id and number of partitions.

        Raises:
            ConnectError: Kafka would not take the name, so a pipeline that works here would not work there.
        """
        problem = what_is_wrong_with(name)
        if problem is not None:
            raise ConnectError(problem)
        self.rows("INSERT OR IGNORE INTO topics (name, partitions) VALUES (?, ?)", name, partitions)
        found = self.topic(name)
        assert found is not None
        return found

    def end(self, topic: int, partition: int) -> int:
        """Offset after the last record of a partition."""
        row = self.row("SELECT next FROM ends WHERE topic = ? AND partition = ?", topic, partition)
        return 0 if row is None else int(row[0])

    def epoch(self, transactional_id: str) -> int:
        """How often an id has been taken over."""
        if self.row("SELECT 1 FROM sqlite_master WHERE name = 'producers'") is None:
            return 0  # a file from before there were transactions
        row = self.row("SELECT epoch FROM producers WHERE id = ?", transactional_id)
        return 0 if row is None else int(row[0])

    def raise_epoch(self, transactional_id: str) -> int:
        """Take an id over, inside a transaction; the new :meth:`epoch`."""
        self.rows("CREATE TABLE IF NOT EXISTS producers (id TEXT PRIMARY KEY, epoch INTEGER NOT NULL) WITHOUT ROWID")
        epoch = self.epoch(transactional_id) + 1
        self.rows("INSERT OR REPLACE INTO producers VALUES (?, ?)", transactional_id, epoch)
        return epoch

    def sync(self) -> None:
        """Wait until every transaction of this connection is on the disk itself.

        Raises:
            ConnectError: the disk failed, now or before: what the system could not write then it has given up, and
                asking again would say that all is well.
        """
        if self._lost is not None:
            raise ConnectError(self._lost)
        if not self._changed:
            return
        try:
            # What a checkpoint has moved on into the file, it has synchronised there.
            with contextlib.suppress(FileNotFoundError), open(f"{self.path}-wal", "rb") as journal:  # noqa: PTH123 - a name beside the path
                os.fsync(journal.fileno())
        except OSError as error:
            self._lost = f"{self.path}-wal cannot be written to the disk: {error.strerror}"
            raise ConnectError(self._lost) from error
        self._changed = False

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DataError, OverflowError) as error:
            raise ConnectError(f"A record is too large for {self.path}: {error}") from error
        except sqlite3.Error as error:
            # The low byte is the kind of error, the others tell its variant.
            kind = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            if kind in _BUSY:
                raise RetriableError(f"{self.path} is in use by others for too long") from error
            if kind == sqlite3.SQLITE_FULL:
                raise RetriableError(f"{self.path} cannot grow: the disk is full; free some space") from error
            if kind in _DAMAGED:
                raise CorruptStateError(
                    f"{self.path} is damaged or not an embedded log ({error}); nothing was changed"
                ) from error
            raise ConnectError(f"{self.path} cannot be used: {error}") from error


def _random_id() -> str:
    """A random id as Kafka makes them: 22 characters, the first of them no dash."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
