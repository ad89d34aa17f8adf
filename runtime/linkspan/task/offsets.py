"""Which source offsets may be committed: those before which everything was acknowledged (spec/runtime.md 4.9).

What one ``poll`` returned is one unit here. Units are committable in the order of their polls: a unit whose
acknowledgements are complete waits for the units before it. That is coarser than a queue for each source partition, and
costs nothing per record.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from linkspan.api.errors import ConnectError
from linkspan.api.records import Offset, Partition, SourceBatch, SourceRecord
from linkspan.log.port import Delivery, OutgoingBatch
from linkspan.task.tolerance import Underway

__all__ = ["Part", "Position", "Progress", "Sent", "identity", "last_positions"]

Position = tuple[Partition, Offset]


class Part(NamedTuple):
    """A converted batch and the source records it was made of, one for each entry."""

    batch: OutgoingBatch
    records: Sequence[SourceRecord]


class Sent(NamedTuple):
    """One poll's records on their way.

    Attributes:
        parts: each batch with its delivery.
        positions: last position of every source partition among them.
        records: how many.
        polled: what the poll returned.
    """

    parts: Sequence[tuple[Part, Delivery]]
    positions: Sequence[Position]
    records: int
    polled: Sequence[SourceRecord]

    @property
    def done(self) -> bool:
        """Whether every record was acknowledged or has failed for good."""
        return all(delivery.done for _, delivery in self.parts)

    def failures(self) -> Iterator[tuple[Underway, Exception]]:
        """Records that failed for good, known so far."""
        for part, delivery in self.parts:
            for index, error in delivery.failures:
                yield Underway.converted(part.records[index], part.batch, index), error


class Progress:
    """Polls in flight, oldest first, and the offsets that wait to be committed."""

    def __init__(self) -> None:
        self._flight: deque[Sent] = deque()
        self._committable: dict[object, Position] = {}
        self.records = 0
        """Records in flight."""

    def __len__(self) -> int:
        """Polls in flight."""
        return len(self._flight)

    def add(self, sent: Sent) -> None:
        """Append what was just sent."""
        self._flight.append(sent)
        self.records += sent.records

    @property
    def oldest(self) -> Sent | None:
        """The poll that holds up the others, or None when nothing is in flight."""
        return self._flight[0] if self._flight else None

    def complete(self) -> None:
        """Everything in the oldest poll is safe: its positions may be committed."""
        sent = self._flight.popleft()
        self.records -= sent.records
        for partition, offset in sent.positions:
            self._committable[identity(partition)] = (partition, offset)

    def take(self) -> list[Position]:
        """The positions to commit now; they are forgotten here unless :meth:`give_back` returns them."""
        positions = list(self._committable.values())
        self._committable = {}
        return positions

    def give_back(self, positions: Sequence[Position]) -> None:
        """These could not be committed; newer ones of the same partition win over them."""
        self._committable = {identity(partition): (partition, offset) for partition, offset in positions} | (
            self._committable
        )


def last_positions(records: Sequence[SourceRecord]) -> list[Position]:
    """Last position of every source partition among these records, unless its last record has none."""
    if not records:
        return []
    if isinstance(records, SourceBatch):
        last_one = records.source_offsets[-1]
        return [] if last_one is None else [_position(records.source_partition, last_one, records.topic)]
    # tasks mostly share one dict between the records of a partition: tell these apart by identity first, then the
    # few that remain by content
    last = {id(record.source_partition): index for index, record in enumerate(records)}
    newest: dict[object, Position] = {}
    for index in sorted(last.values()):
        record = records[index]
        if record.source_offset is not None:
            position = _position(record.source_partition, record.source_offset, record.topic)
            newest[identity(position[0])] = position
    return list(newest.values())


def _position(partition: Partition | None, offset: Offset, topic: str) -> Position:
    if partition is None:
        raise ConnectError(
            f"The task returned a record for topic {topic} with a source_offset and without a source_partition: give "
            "it the partition under which the offset is to be stored, or no offset if nothing is to be stored"
        )
    return dict(partition), dict(offset)


def identity(partition: Mapping[str, object]) -> object:
    """What tells a source partition from others."""
    # the type is part of a value: 1, 1.0 and True are different partitions, though equal in Python
    try:
        return frozenset((name, type(value), value) for name, value in partition.items())
    except TypeError:  # a list or map in it: the worker refuses to store it, and says so
        return repr(partition)
