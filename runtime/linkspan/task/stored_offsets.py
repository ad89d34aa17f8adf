"""Sinks that store offsets with their data: the target's word on how far they got (design section 8).

Such a task overrides ``stored_offsets``. Three positions of a partition then matter: the *stored* one, in the target,
moved in the same transaction as the data; the *current* one, of this run; and the *committed* one, in the consumer
group, which follows the stored one for monitoring and for a way back to another runtime.

What a SIGKILL between any two steps does (the next open reads on from the stored position):

====  ============================================  =====================================================
Step  What happened                                 A kill right after it
====  ============================================  =====================================================
1     ``put`` was entered, nothing is stored yet    the records are read again: they were never written
2     the target has the records and the position   reading goes on after them; the group learns it later
3     ``put`` returned                              as 2
4     ``pre_commit`` returned                       as 2
5     the stored position was asked for             as 2
6     the group has the same position               as 2, and the group knows
====  ============================================  =====================================================

The group is never ahead of the target (5 before 6), so whoever goes on by the group's offsets alone loses nothing. A
partition for which the target has stored nothing begins where the group says: so a sink takes over from a runtime that
knew the group's offsets only.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from linkspan.api.errors import ConnectError, OutageError, RetriableError, UnreachableError
from linkspan.api.records import SinkBatch, TopicPartition
from linkspan.api.task import SinkTask
from linkspan.task.batches import RecordBatch
from linkspan.task.port import WorkerPort

__all__ = ["TargetOffsets"]

_log = logging.getLogger(__name__)


class TargetOffsets:
    """What a sink task says about the offsets that its target holds; nothing at all for a task that stores none.

    Args:
        task: the plugin.
        port: the worker.
    """

    def __init__(self, task: SinkTask[Any], port: WorkerPort) -> None:
        self._task = task
        self._port = port
        self.kept = type(task).stored_offsets is not SinkTask.stored_offsets
        """Whether the task stores offsets at all; one whose configuration decides it says so when it is asked."""

    def look(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Stored offsets of these partitions, as far as there are any.

        Raises:
            RetriableError, FencedError, …: what the task raised.
            ConnectError: its answer makes no sense.
        """
        wanted = sorted(partitions)
        if not self.kept or not wanted:
            return {}
        self._port.calling("stored_offsets")
        try:
            answer = self._task.stored_offsets(wanted)
        finally:
            self._port.calling(None)
        if answer is None:
            self.kept = False
            return {}
        found: dict[TopicPartition, Any] = {place: answer.get(place) for place in wanted}
        for place, offset in found.items():
            if offset is not None and (not isinstance(offset, int) or isinstance(offset, bool) or offset < 0):
                raise ConnectError(f"stored_offsets gave {offset!r} for {place}; an offset is a number from 0, or None")
        return {place: offset for place, offset in found.items() if offset is not None}

    def where(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The same, for partitions of which nothing can be put before the target has answered.

        Raises:
            OutageError: it does not answer; whatever it says of the reason, it is waited for.
            FencedError, ConnectError: as :meth:`look`.
        """
        try:
            return self.look(partitions)
        except OutageError:
            raise
        except RetriableError as error:
            raise UnreachableError(f"The target does not say up to where it holds records: {error}") from error

    def offered(self, current: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """What ``pre_commit`` is asked about: what was put, and what a ``put`` that failed has stored after all.

        A task that stores what it is offered would go back otherwise, and write the same records twice.

        Args:
            current: up to where records were put.

        Raises:
            RetriableError, FencedError, …: as :meth:`look`.
        """
        stored = self.look(current)
        return {place: max(offset, stored.get(place, offset)) for place, offset in current.items()}

    def allowed(
        self,
        offsets: Mapping[TopicPartition, int],
        stored: Mapping[TopicPartition, int],
        committed: Mapping[TopicPartition, int],
    ) -> dict[TopicPartition, int]:
        """What the consumer group may be given: never more than the target has stored.

        Args:
            offsets: what the task would have committed.
            stored: what the target holds; a partition it knows nothing of stays where the group has it.
            committed: what the group has.
        """
        if not self.kept:
            return dict(offsets)
        return {place: min(offset, stored.get(place, committed[place])) for place, offset in offsets.items()}

    def missing(self, batch: SinkBatch) -> SinkBatch:
        """The records of a batch that the target does not hold yet: a ``put`` that failed may have written them.

        Raises:
            RetriableError, FencedError, …: as :meth:`look`.
        """
        if not self.kept or not len(batch):
            return batch
        stored = self.look(batch.next_offsets)
        left = [
            record
            for record in batch
            if record.original_offset >= stored.get(TopicPartition(record.original_topic, record.original_partition), 0)
        ]
        if len(left) < len(batch):
            _log.info("%d of %d records were written by the put that failed", len(batch) - len(left), len(batch))
        return batch if len(left) == len(batch) else RecordBatch(left)
