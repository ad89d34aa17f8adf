"""How tables that are read for the first time are cut into chunks, which tasks read side by side (spec/jdbc.md 18.3).

A chunk is a run of ids, with offsets of its own: a task that starts anew goes on within the chunk. Behind the chunks a
table is followed as it is without them, by the task that has it. Where chunks end stands in the plan, and in every
offset of the table:

* In mode ``incrementing`` it is an id: chunks have those below, following begins with it.
* In mode ``timestamp+incrementing`` it is a time: chunks have rows up to it, following begins behind it, so that what
  changes while chunks are read is read again.

Chunks begin at multiples of their size, so that their offsets mean the same whatever the table has grown to. The
connector makes the plan; what is stored goes before what it would choose now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from linkspan.api import ConfigError, Offset, OffsetReader
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.offsets import Position, chunk_partition, stored_positions

__all__ = ["PLAN_KEY", "Chunk", "SnapshotPlan", "StoredSnapshot", "TablePlan"]

PLAN_KEY: Final = "x.snapshot.plan"
"""Of the configuration of a task."""


class Chunk(NamedTuple):
    """A run of ids: the first and the last one, which need not be there."""

    first: int
    last: int


class TablePlan(NamedTuple):
    """How one table is cut.

    Attributes:
        first: id with which the first chunk begins.
        end: id behind the last chunk.
        moment: nanoseconds since the epoch: chunks have rows up to this time; None in mode ``incrementing``.
        is_over: whether all chunks were read.
    """

    first: int
    end: int
    moment: int | None = None
    is_over: bool = False

    def chunks(self, size: int) -> list[Chunk]:
        """All of them, in their order."""
        return [Chunk(first, min(first + size, self.end) - 1) for first in range(self.first, self.end, size)]

    def begin(self) -> Position:
        """Where following begins."""
        if self.moment is None:
            return Position(None, self.end - 1, snapshot_id=self.end)
        return Position(self.moment, (1 << 63) - 1, snapshot_time=self.moment)

    def of_chunk(self, reached: int | None) -> Position:
        """A place in a chunk: the last id that was read; None at its very beginning."""
        return self.begin().of_the_same_snapshot(Position(None, reached))

    def mark(self, position: Position) -> int | None:
        """Where chunks end, as a stored offset has it: an id or a time; None when it has none of this mode."""
        return position.snapshot_id if self.moment is None else position.snapshot_time

    def marked(self, mark: int) -> TablePlan:
        """The same, with chunks that end elsewhere."""
        return self._replace(end=mark) if self.moment is None else self._replace(moment=mark)


class SnapshotPlan(NamedTuple):
    """What a task has to know.

    Attributes:
        tables: the plans, by full name in quotes.
        size: how many ids make a chunk.
        share: number of the task.
        shares: how many tasks share the chunks.
    """

    tables: Mapping[str, TablePlan] = {}
    size: int = 1
    share: int = 0
    shares: int = 1

    @property
    def chunk_count(self) -> int:
        """Chunks that there are to read."""
        return sum(len(plan.chunks(self.size)) for plan in self.tables.values() if not plan.is_over)

    def text(self) -> str:
        """As it stands in the configuration of a task."""
        tables = {name: list(plan) for name, plan in self.tables.items()}
        return orjson.dumps({"tables": tables, "size": self.size, "share": self.share, "of": self.shares}).decode()

    @classmethod
    def of(cls, text: str) -> SnapshotPlan:
        """Read what :meth:`text` wrote; an empty text is an empty plan.

        Raises:
            ConfigError: it is none.
        """
        if not text:
            return cls()
        try:
            read: Any = orjson.loads(text)
            tables = {str(name): TablePlan(*plan) for name, plan in read["tables"].items()}
            return cls(tables, int(read["size"]), int(read["share"]), int(read["of"]))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigError.invalid(PLAN_KEY, text, "the connector makes this; leave it out") from error

    def own_chunks(self, name: str) -> list[Chunk]:
        """Chunks of a table that fall to this task: each task takes every so many of all, so that all end together."""
        before = 0
        for other, plan in self.tables.items():
            chunks = [] if plan.is_over else plan.chunks(self.size)
            if other == name:
                return [chunk for at, chunk in enumerate(chunks, before) if at % self.shares == self.share]
            before += len(chunks)
        raise KeyError(name)


class StoredSnapshot(NamedTuple):
    """What is stored of a table that is cut.

    Attributes:
        following: of what comes behind the chunks; None where nothing is stored.
        chunks: of each chunk.
    """

    following: Position | None
    chunks: Mapping[Chunk, Position | None]

    @classmethod
    def read(cls, reader: OffsetReader, table: TableId, chunks: Sequence[Chunk]) -> StoredSnapshot:
        """Ask for it.

        Raises:
            ConnectError: a stored offset is none of ours.
        """
        (following,) = stored_positions(reader, [(str(table), table.name)])
        found = reader.offsets([chunk_partition(str(table), *chunk) for chunk in chunks])
        return cls(following, {chunk: _position(offset, table) for chunk, offset in zip(chunks, found, strict=True)})

    def mark(self, plan: TablePlan) -> int | None:
        """Where chunks end by what is stored; None when nothing says so, also when following began without chunks."""
        if self.following is not None:
            return plan.mark(self.following)
        marks = [plan.mark(position) for position in self.chunks.values() if position is not None]
        return min((mark for mark in marks if mark is not None), default=None)

    def agrees_with(self, plan: TablePlan) -> bool:
        """Whether nothing that is stored says that chunks end elsewhere."""
        mark = self.mark(plan)
        if mark is None:
            return self.following is None
        return plan.marked(mark) == plan

    def reached(self, plan: TablePlan, chunk: Chunk) -> int | None:
        """The last id of a chunk that was read, of which nothing is missing; None for none."""
        stored = self.chunks.get(chunk)
        if stored is None:
            return None
        mark = plan.mark(stored)
        # rows that changed between an earlier time and the plan's belong to the chunk, and were not read
        is_whole = mark is not None and (plan.moment is None or mark >= plan.moment)
        return stored.incrementing if is_whole else None


def _position(offset: Offset | None, table: TableId) -> Position | None:
    return Position.of(offset, f"table {table}") if offset else None
