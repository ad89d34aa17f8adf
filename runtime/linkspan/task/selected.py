"""A choice of the records of a fetched batch: what is left when some of them failed, or belong to nobody here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import TypeVar

from linkspan.api.records import TopicPartition
from linkspan.log.port import FetchedBatch, FetchedRecord, WireHeader

__all__ = ["Selected", "without_partitions"]

T = TypeVar("T")


class Selected:
    """A :class:`linkspan.log.port.FetchedBatch` of some records of another one; no payload is copied.

    Args:
        fetched: the other one.
        indices: which of its records, in order.
        positions: offsets after what this stands for; those of ``fetched`` by default, for what was left out is done.
    """

    def __init__(
        self,
        fetched: FetchedBatch,
        indices: Sequence[int],
        positions: Mapping[TopicPartition, int] | None = None,
    ) -> None:
        self.topic = fetched.topic
        self._positions = positions
        self._fetched = fetched
        self._indices = indices

    def __len__(self) -> int:
        return len(self._indices)

    def record(self, index: int) -> FetchedRecord:
        """One record."""
        return self._fetched.record(self._indices[index])

    @cached_property
    def positions(self) -> Mapping[TopicPartition, int]:
        """Offsets after what this stands for."""
        return self._fetched.positions if self._positions is None else self._positions

    @cached_property
    def values(self) -> Sequence[bytes | None]:
        """Payload of each value."""
        return self._of(self._fetched.values)

    @cached_property
    def keys(self) -> Sequence[bytes | None]:
        """Payload of each key."""
        return self._of(self._fetched.keys)

    @cached_property
    def partitions(self) -> Sequence[int]:
        """Partition of each record."""
        return self._of(self._fetched.partitions)

    @cached_property
    def offsets(self) -> Sequence[int]:
        """Offset of each record."""
        return self._of(self._fetched.offsets)

    @cached_property
    def timestamps(self) -> Sequence[int]:
        """Milliseconds since the epoch; -1 for none."""
        return self._of(self._fetched.timestamps)

    @cached_property
    def timestamp_types(self) -> Sequence[str]:
        """Kind of each timestamp."""
        return self._of(self._fetched.timestamp_types)

    @cached_property
    def headers(self) -> Sequence[Sequence[WireHeader]] | None:
        """One list a record, or None when no record of the whole batch has headers."""
        headers = self._fetched.headers
        return None if headers is None else self._of(headers)

    def _of(self, column: Sequence[T]) -> Sequence[T]:
        indices = self._indices
        if isinstance(indices, range) and indices.step == 1:
            return column[indices.start : indices.stop]
        return [column[index] for index in indices]


def without_partitions(fetched: FetchedBatch, partitions: Collection[TopicPartition]) -> FetchedBatch | None:
    """The records of all other partitions; None when there are none."""
    gone = {place.partition for place in partitions if place.topic == fetched.topic}
    if gone.isdisjoint(place.partition for place in fetched.positions):
        return fetched
    left = {place: offset for place, offset in fetched.positions.items() if place.partition not in gone}
    indices = [index for index, number in enumerate(fetched.partitions) if number not in gone]
    return Selected(fetched, indices, left) if left else None
