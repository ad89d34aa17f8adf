"""Where the transactions of an exactly-once source end: ``transaction.boundary`` (spec/runtime.md 4.11)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Protocol

from linkspan.api.errors import PluginError
from linkspan.api.records import SourceRecord

__all__ = ["Boundary", "ConnectorBoundary", "End", "IntervalBoundary", "PollBoundary", "Requests"]


class End(Enum):
    """What happens after some records."""

    NONE = "none"
    COMMIT = "commit"
    ABORT = "abort"


class Boundary(Protocol):
    """Decides where transactions end."""

    def begin(self) -> None:
        """The task begins, or goes on after a pause."""
        ...

    def cut(self, polled: Sequence[SourceRecord]) -> Iterator[tuple[Sequence[SourceRecord], End]]:
        """The records of one poll, perhaps none, in pieces, and how each of them ends."""
        ...

    def due(self) -> End:
        """What happens to an open transaction between two polls, when the next one is long in coming."""
        ...

    def last(self) -> End:
        """What happens to an open transaction when the task pauses or stops."""
        ...


class PollBoundary:
    """Each poll is a transaction."""

    def begin(self) -> None:
        """Nothing."""

    def cut(self, polled: Sequence[SourceRecord]) -> Iterator[tuple[Sequence[SourceRecord], End]]:
        """All of them, and a commit."""
        yield polled, End.COMMIT

    def due(self) -> End:
        """Nothing: none is open."""
        return End.NONE

    def last(self) -> End:
        """A commit."""
        return End.COMMIT


class IntervalBoundary:
    """A transaction takes so long, and goes on to the end of a poll.

    Args:
        seconds: between two commits.
        clock: seconds, monotonic.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._began = 0.0

    def begin(self) -> None:
        """The time runs from now on."""
        self._began = self._clock()

    def cut(self, polled: Sequence[SourceRecord]) -> Iterator[tuple[Sequence[SourceRecord], End]]:
        """All of them, and a commit when its time has come."""
        yield polled, self.due()

    def due(self) -> End:
        """A commit when its time has come."""
        if self._clock() - self._began < self._seconds:
            return End.NONE
        self.begin()
        return End.COMMIT

    def last(self) -> End:
        """A commit."""
        return End.COMMIT


class Requests:
    """Where the task wants transactions to end; implements :class:`linkspan.api.task.TransactionContext`."""

    def __init__(self) -> None:
        self._of_batch: set[End] = set()
        self._of_records: dict[int, tuple[SourceRecord, set[End]]] = {}
        """By identity; the record is kept so that no other one gets the same."""

    def commit(self, record: SourceRecord | None = None) -> None:
        """Commit after a record, or after a poll."""
        self._ask(End.COMMIT, record)

    def abort(self, record: SourceRecord | None = None) -> None:
        """Drop what was sent up to a record, or up to the end of a poll."""
        self._ask(End.ABORT, record)

    def _ask(self, end: End, record: SourceRecord | None) -> None:
        if record is None:
            self._of_batch.add(end)
        else:
            self._of_records.setdefault(id(record), (record, set()))[1].add(end)

    @property
    def name_records(self) -> bool:
        """Whether something was asked for after single records."""
        return bool(self._of_records)

    def after(self, record: SourceRecord) -> End:
        """What was asked for after a record; asked for no longer.

        Raises:
            PluginError: both was asked for.
        """
        _, ends = self._of_records.pop(id(record), (None, ()))
        if len(ends) > 1:
            partition = "null" if record.partition is None else record.partition
            raise PluginError(
                "Connector requested both commit and abort of same record against topic/partition "
                f"{record.topic}/{partition}"
            )
        return next(iter(ends), End.NONE)

    def after_batch(self) -> End:
        """What was asked for after a poll; asked for no longer. Raises PluginError when it was both."""
        if len(self._of_batch) > 1:
            raise PluginError("Connector requested both commit and abort of same transaction")
        return self._of_batch.pop() if self._of_batch else End.NONE


class ConnectorBoundary:
    """The task says where.

    Args:
        requests: what it says.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def begin(self) -> None:
        """Nothing."""

    def cut(self, polled: Sequence[SourceRecord]) -> Iterator[tuple[Sequence[SourceRecord], End]]:
        """Pieces up to each record that ends a transaction, and the rest."""
        begin = 0
        if self._requests.name_records:
            for index, record in enumerate(polled):
                end = self._requests.after(record)
                if end is not End.NONE:
                    yield polled[begin : index + 1], end
                    begin = index + 1
        yield polled[begin:] if begin else polled, self._requests.after_batch()

    def due(self) -> End:
        """Nothing that was not asked for."""
        return End.NONE

    def last(self) -> End:
        """What was asked for after the last poll."""
        return self._requests.after_batch()
