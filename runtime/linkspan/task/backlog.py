"""What a sink task has read and its target has not got yet.

It comes in as it was read, is converted as far as that is possible, and waits until ``put`` has taken it. While it is
*held*, because a converter does not work for now or ``put`` wants the same once more, nothing else is read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from linkspan.api.errors import OutageError
from linkspan.api.records import SinkBatch, TopicPartition
from linkspan.log.port import FetchedBatch
from linkspan.task.batches import JoinedBatch, RecordBatch
from linkspan.task.outage import Outage
from linkspan.task.selected import without_partitions

__all__ = ["Backlog"]

_FIRST_REDELIVERY: Final = 0.3
_LONGEST_REDELIVERY: Final = 10.0
_MOST_DOUBLINGS: Final = 16


class Backlog:
    """Keeps it in order.

    Args:
        what: the task, for what is logged about outages.
        clock: seconds, monotonic.

    Attributes:
        outage: what the task waits for, a converter or its target.
        pending: converted, for the next ``put``.
        consumed: the offset after what is in ``pending``, or was left out of it, of each partition.
        held: whether it waits until something is tried again.
    """

    def __init__(self, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.outage = Outage(what, clock)
        self.pending: SinkBatch = RecordBatch(())
        self.consumed: dict[TopicPartition, int] = {}
        self.held = False
        self._unconverted: list[FetchedBatch] = []
        self._redeliveries = 0

    def add(self, fetched: Sequence[FetchedBatch]) -> None:
        """Take what was read."""
        self._unconverted += fetched

    def convert(self, convert: Callable[[FetchedBatch], SinkBatch]) -> None:
        """Convert what was read; what could not be stays.

        Raises:
            Exception: what ``convert`` raised.
        """
        converted: list[SinkBatch] = []
        try:
            while self._unconverted:
                first = self._unconverted[0]
                converted.append(convert(first))
                self.consumed.update(first.positions)
                del self._unconverted[0]
        finally:
            self.pending = JoinedBatch.of([self.pending, *converted])

    @property
    def ends(self) -> Mapping[TopicPartition, int]:
        """The offset after all of it, of each partition."""
        return self.consumed | {place: end for batch in self._unconverted for place, end in batch.positions.items()}

    def keep(self, pieces: Sequence[SinkBatch]) -> None:
        """Only these are left of what is pending."""
        self.pending = JoinedBatch.of(pieces)

    def hold_for(self, outage: OutageError) -> None:
        """Something does not work for now."""
        self._redeliveries = 0
        self.outage.failed(outage)
        self.held = True

    def hold(self) -> None:
        """The target answers, and wants the same once more."""
        self.outage.over()  # how long to wait is said by one of the two only
        self._redeliveries = min(self._redeliveries + 1, _MOST_DOUBLINGS)
        self.held = True

    def pause(self, asked: float | None) -> float | None:
        """Seconds until it is tried again, when the task has asked for so many; None when there is nothing to try."""
        if self.outage.lasts:
            return min(self.outage.pause, asked or self.outage.pause)
        if asked is None and self.held:
            doubled: float = _FIRST_REDELIVERY * 2 ** (self._redeliveries - 1)
            return min(doubled, _LONGEST_REDELIVERY)
        return asked

    def clear(self) -> bool:
        """All of it is done with; whether it was held until now."""
        self.pending = RecordBatch(())
        self.consumed = {}
        self._redeliveries = 0
        self.outage.over()
        held, self.held = self.held, False
        return held

    def drop(self, partitions: AbstractSet[TopicPartition]) -> bool:
        """Records of these are read again, here or elsewhere; whether it was held and nothing is left."""
        rest = [without_partitions(fetched, partitions) for fetched in self._unconverted]
        self._unconverted = [fetched for fetched in rest if fetched is not None]
        if not self.consumed.keys().isdisjoint(partitions):
            self.consumed = {place: offset for place, offset in self.consumed.items() if place not in partitions}
            self.pending = RecordBatch(
                [
                    record
                    for record in self.pending
                    if TopicPartition(record.original_topic, record.original_partition) not in partitions
                ]
            )
        return not self.consumed and not self._unconverted and self.clear()
