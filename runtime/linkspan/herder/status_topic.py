"""The status topic: what every worker of a group says about what it runs (spec/runtime.md 2.6, 4.18).

Reads are answered from what was read back, so they lag behind what was put. Puts return at once; they are written in
their order in the background, and again when the topic cannot be reached.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from linkspan.api.errors import ConnectError, RetriableError
from linkspan.herder.lanes import report_failure
from linkspan.herder.status_records import (
    ConnectorKey,
    MalformedStatusError,
    Status,
    StatusKey,
    TaskKey,
    TopicKey,
    UsedTopic,
    decode_key,
    decode_status,
    decode_topic,
    encode_key,
    encode_status,
    encode_topic,
)
from linkspan.log.port import Table, TableRecord

__all__ = ["Status", "StatusTopic"]

_GUARDED: Final = frozenset({"UNASSIGNED", "FAILED"})
"""States that must not hide what a newer owner has written."""
_WRITE_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 1.0
_log: Final = logging.getLogger(__name__)


class _Entry:
    """What is known of one connector instance or task."""

    __slots__ = ("deleted", "hidden", "status")

    def __init__(self) -> None:
        self.status: Status | None = None
        self.hidden = False
        self.deleted = False

    def admits(self, status: Status) -> bool:
        """Whether a guarded status may be written: nobody newer has spoken."""
        known = self.status
        return known is None or known.worker_id == status.worker_id or known.generation <= status.generation


@dataclass(frozen=True, slots=True)
class _Put:
    """Something to write.

    Attributes:
        key: of the record.
        value: of the record.
        generation: that it was put in; None if it is to be written however long that takes.
        entry: that it is about; None for topics.
        status: that it says, if it is guarded.
    """

    key: bytes
    value: bytes | None
    generation: int | None = None
    entry: _Entry | None = None
    status: Status | None = None


class StatusTopic:
    """Reads the topic, and writes to it.

    Args:
        table: on the topic; not open yet.
        now_ms: time of day in milliseconds.
        pause: seconds before what could not be written is written again.

    Attributes:
        revision: how many records were read; while it is the same, every status is.
    """

    def __init__(
        self,
        table: Table,
        now_ms: Callable[[], int] = lambda: int(time.time() * 1000),
        pause: float = _PAUSE_SECONDS,
    ) -> None:
        self._table = table
        self._now_ms = now_ms
        self._pause = pause
        self._connectors: dict[str, _Entry] = {}
        self._tasks: dict[str, dict[int, _Entry]] = {}
        self._topics: dict[str, dict[str, UsedTopic]] = {}
        self.revision = 0
        self._generation = 0
        self._queue: list[_Put] = []
        self._writing: list[_Put] = []
        self._more = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._writer: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Read what is there, then go on reading, and begin to write.

        Raises:
            ConfigError: the topic is not fit for this.
            UnreachableError, ConnectError: it can be neither made nor read.
        """
        await self._table.open(self._take)
        self._writer = asyncio.create_task(self._write_all(), name="status topic")
        self._writer.add_done_callback(report_failure)

    async def close(self) -> None:
        """Stop reading and writing; what is not written yet is given up, so flush first."""
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
        await self._table.close()

    # --- asking -------------------------------------------------------------------------------------------------

    def connector(self, name: str) -> Status | None:
        """Status of a connector instance."""
        entry = self._connectors.get(name)
        return entry.status if entry is not None else None

    def task(self, name: str, task: int) -> Status | None:
        """Status of a task."""
        entry = self._tasks.get(name, {}).get(task)
        return entry.status if entry is not None else None

    def tasks(self, name: str) -> dict[int, Status]:
        """Status of each task of a connector, by its number."""
        entries = sorted(self._tasks.get(name, {}).items())
        return {number: entry.status for number, entry in entries if entry.status is not None}

    def hidden(self, name: str, task: int) -> bool:
        """Whether the last record about a task is one that was ignored here; who starts later reads nothing else."""
        entry = self._tasks.get(name, {}).get(task)
        return entry is not None and entry.hidden

    def recorded(self) -> dict[str, list[int]]:
        """Connectors of which the topic holds a status, each with the tasks of which it does."""
        found: dict[str, list[int]] = {name: [] for name, entry in self._connectors.items() if entry.status is not None}
        for name, tasks in self._tasks.items():
            numbers = sorted(number for number, entry in tasks.items() if entry.status is not None)
            if numbers:
                found[name] = numbers
        return found

    def topics(self, name: str) -> list[str]:
        """Topics that a connector uses."""
        return list(self._topics.get(name, {}))

    # --- putting ------------------------------------------------------------------------------------------------

    def put_connector(self, name: str, status: Status) -> None:
        """Say the state of a connector instance; UNASSIGNED and FAILED only if no newer owner has spoken."""
        self._put(ConnectorKey(name), self._connectors.setdefault(name, _Entry()), status)

    def put_task(self, name: str, task: int, status: Status) -> None:
        """Say the state of a task; UNASSIGNED and FAILED only if no newer owner has spoken."""
        self._put(TaskKey(name, task), self._tasks.setdefault(name, {}).setdefault(task, _Entry()), status)

    def remove_connector(self, name: str) -> None:
        """Forget the states of a connector and its tasks."""
        for number in list(self._tasks.get(name, {})):
            self.remove_task(name, number)
        self._remove(ConnectorKey(name), self._connectors.setdefault(name, _Entry()))

    def remove_task(self, name: str, task: int) -> None:
        """Forget the state of a task."""
        self._remove(TaskKey(name, task), self._tasks.setdefault(name, {}).setdefault(task, _Entry()))

    def put_topic(self, name: str, task: int, topic: str) -> None:
        """Note that a task uses a topic; once is enough for a connector."""
        key = encode_key(TopicKey(topic, name))
        under_way = [put for put in self._under_way() if put.key == key]
        known = under_way[-1].value is not None if under_way else topic in self._topics.get(name, {})
        if not known:
            self._enqueue(_Put(key, encode_topic(UsedTopic(topic, name, task, self._now_ms()))))

    def remove_topics(self, name: str) -> None:
        """Forget the topics that a connector uses."""
        keys = {encode_key(TopicKey(topic, name)) for topic in self.topics(name)}
        for put in self._under_way():
            key = decode_key(put.key)
            if isinstance(key, TopicKey) and key.connector == name:
                keys.add(put.key)
        for key_bytes in sorted(keys):
            self._enqueue(_Put(key_bytes, None))

    @property
    def written(self) -> bool:
        """Whether everything that was put is written."""
        return self._idle.is_set()

    async def flush(self, seconds: float) -> bool:
        """Wait until everything that was put is written; False when that takes longer."""
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    def _put(self, key: StatusKey, entry: _Entry, status: Status) -> None:
        self._generation = status.generation
        guarded = status.state in _GUARDED
        if guarded and not entry.admits(status):
            return
        value = encode_status(status)
        self._enqueue(_Put(encode_key(key), value, status.generation, entry, status if guarded else None))

    def _remove(self, key: StatusKey, entry: _Entry) -> None:
        self._enqueue(_Put(encode_key(key), None, self._generation, entry))

    def _under_way(self) -> list[_Put]:
        return [*self._writing, *self._queue]

    # --- writing ------------------------------------------------------------------------------------------------

    def _enqueue(self, put: _Put) -> None:
        self._queue.append(put)
        self._idle.clear()
        self._more.set()

    async def _write_all(self) -> None:
        while True:
            await self._more.wait()
            try:
                await self._write_what_waits()
            except Exception:  # noqa: BLE001 - supervision point: no state would ever be written again
                _log.exception("States were not written to the status topic; going on in %g s", self._pause)
                await asyncio.sleep(self._pause)

    async def _write_what_waits(self) -> None:
        self._more.clear()
        self._writing, self._queue = self._queue, []
        try:
            self._writing = await self._write(self._writing)
            if self._writing:
                await asyncio.sleep(self._pause)
                self._queue[:0] = self._still_true(self._writing)
        finally:
            self._writing = []
            if self._queue:
                self._more.set()
            else:
                self._idle.set()

    async def _write(self, puts: list[_Put]) -> list[_Put]:
        """Write; what is left was not written for a reason that passes."""
        try:
            await self._table.write([(put.key, put.value) for put in puts], _WRITE_SECONDS)
        except RetriableError as error:
            _log.warning("%d records for the status topic wait to be written again: %s", len(puts), error.message)
            return puts
        except Exception as error:  # noqa: BLE001 - supervision point: one that cannot be written takes no others with it
            if len(puts) > 1:
                return [left for put in puts for left in await self._write([put])]
            unexpected = None if isinstance(error, ConnectError) else error
            _log.error("Failed to write %s to the status topic: %s", puts[0].key.decode(), error, exc_info=unexpected)
        return []

    def _still_true(self, puts: list[_Put]) -> list[_Put]:
        """Those that are worth writing late: nothing newer is known, and nothing newer waits."""
        newest = {put.key: put for put in (*puts, *self._queue)}
        return [put for put in puts if newest[put.key] is put and self._is_timely(put)]

    def _is_timely(self, put: _Put) -> bool:
        if put.entry is None:
            return True
        if put.entry.deleted or put.generation != self._generation:
            return False
        return put.status is None or put.entry.admits(put.status)

    # --- reading ------------------------------------------------------------------------------------------------

    def _take(self, records: Sequence[TableRecord]) -> None:
        self.revision += len(records)
        for record in records:
            try:
                self._take_one(decode_key(record.key), record.value)
            except Exception as error:  # noqa: BLE001 - supervision point: no record keeps others from being read
                _log.error(
                    "Skipped a record of the status topic (partition %d, offset %d, key %s): %s",
                    record.partition,
                    record.offset,
                    "null" if record.key is None else record.key.decode(errors="backslashreplace"),
                    error,
                    exc_info=None if isinstance(error, MalformedStatusError) else error,
                )

    def _take_one(self, key: StatusKey, value: bytes | None) -> None:
        match key:
            case ConnectorKey(name):
                self._take_connector(name, value)
            case TaskKey(name, task):
                self._take_task(name, task, value)
            case TopicKey(topic, name) if value is None:
                self._topics.get(name, {}).pop(topic, None)
            case TopicKey(topic, name):
                self._topics.setdefault(name, {})[topic] = decode_topic(value or b"")

    def _take_connector(self, name: str, value: bytes | None) -> None:
        # Its tasks have ends of their own. They may be in other partitions, and clocks of workers differ: whether a
        # task ended with this connector or belongs to one that was made anew, this record could not tell.
        if value is not None:
            self._connectors.setdefault(name, _Entry()).status = decode_status(value)
        elif (entry := self._connectors.pop(name, None)) is not None:
            entry.deleted = True

    def _take_task(self, name: str, task: int, value: bytes | None) -> None:
        tasks = self._tasks.setdefault(name, {})
        if value is None:
            entry = tasks.pop(task, None)
            if entry is not None:
                entry.deleted = True
            return
        status = decode_status(value)
        entry = tasks.setdefault(task, _Entry())
        known = entry.status
        if (
            status.state == "UNASSIGNED"
            and known is not None
            and known.state == "RUNNING"
            and (known.generation, known.worker_id) != (status.generation, status.worker_id)
            and known.generation >= status.generation
        ):
            # The last word of an owner that was slower than the new one.
            entry.hidden = True
            return
        entry.status, entry.hidden = status, False
