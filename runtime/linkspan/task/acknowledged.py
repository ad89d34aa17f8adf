"""Delivery at least once: send, wait for acknowledgements, have the worker store offsets (spec/runtime.md 4.9).

What a SIGKILL between any two steps does (the next start reads on from the offsets that are stored):

====  ==========================================  =======================================================
Step  What happened                               A kill right after it
====  ==========================================  =======================================================
1     ``poll`` returned records                   nothing was written; they are read again
2     transforms and converters ran               as 1
3     some batches went to the writer             those that arrived are written twice, the others once
4     all batches went to the writer              as 3
5     the log acknowledged, ``Delivery`` is done  the records are written twice
6     the task was told of them                   as 5
7     positions were taken to be committed        as 5: taken out of memory only
8     the worker got them, not yet stored         as 5
9     they are stored                             nothing: reading goes on after them
10    ``commit`` was called                       as 9
====  ==========================================  =======================================================

A position is taken (7) only when everything before it is acknowledged (5), so no step loses a record.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from linkspan.api.errors import ConnectError, CredentialsError, OutageError
from linkspan.api.records import RecordMetadata, SourceRecord, TopicPartition
from linkspan.api.task import SourceTask
from linkspan.log.port import Delivery, Writer
from linkspan.task.dead_letters import DeadLetters
from linkspan.task.offsets import Part, Progress, Sent
from linkspan.task.outbox import Outbox
from linkspan.task.port import WorkerPort
from linkspan.task.reaction import as_outage, is_hopeless
from linkspan.task.source import (
    TopicsUsed,
    tell_of_batches,
    tell_of_commit,
    tell_of_record,
    wants_batches,
    wants_records,
)
from linkspan.task.source_conversion import SourceConversion
from linkspan.task.tolerance import PRODUCE_CLASS, Failure, Stage, Tolerance, describe

__all__ = ["AcknowledgedDelivery", "FlushTimes"]

_log = logging.getLogger("linkspan.task.source")

_MOST_POLLS_IN_FLIGHT: Final = 1000
_MOST_RECORDS_IN_FLIGHT: Final = 100_000
_MOST_DROPPED: Final = 10_000
_CROWDED_WAIT: Final = 0.1
_CATCH_UP: Final = 1.0
_CLOSE_TIMEOUT: Final = 30.0


@dataclass(frozen=True)
class FlushTimes:
    """Worker settings, in seconds.

    Attributes:
        interval: time between two commits of offsets.
        timeout: longest wait for outstanding acknowledgements and for the offsets to be stored.
        stop_timeout: longest wait for outstanding acknowledgements at the end.
    """

    interval: float = 60.0
    timeout: float = 5.0
    stop_timeout: float = 4.0


class AcknowledgedDelivery:
    """A :class:`linkspan.task.source.SourceDelivery` that commits the offsets of what was acknowledged.

    Args:
        task: the plugin, told of records and commits.
        writer: where records go; closed at the end.
        conversion: makes batches of records.
        tolerance: decides about records the log refuses.
        port: the worker; stores offsets.
        times: limits and intervals.
        ensure_topic: see :class:`linkspan.task.outbox.Outbox`.
        letters: the dead letter queue, or None; no offset behind a failed record is stored before its letter is.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        task: SourceTask[Any],
        writer: Writer,
        conversion: SourceConversion,
        tolerance: Tolerance,
        port: WorkerPort,
        times: FlushTimes,
        *,
        ensure_topic: Callable[[str], None] | None = None,
        letters: DeadLetters | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._task = task
        self._writer = writer
        self._conversion = conversion
        self._tolerance = tolerance
        self._port = port
        self._times = times
        self._clock = clock
        self._wants_records = wants_records(task)
        self._wants_batches = wants_batches(task)
        self._outbox = Outbox(conversion, self._send_part, port, ensure_topic=ensure_topic, clock=clock)
        self.outage = self._outbox.outage
        self._letters = letters
        self._letters_wait = False
        self._dropped: list[SourceRecord] = []
        """Of which the task is told once there are letters about them in the log."""
        self._polled: Sequence[SourceRecord] = ()
        self._complete: list[Sequence[SourceRecord]] = []
        """Polls of which the task is told, in the same way."""
        self._sent: list[tuple[Part, Delivery]] = []
        """Parts of the last poll that the writer has."""
        self._progress = Progress()
        self.topics = TopicsUsed(port)
        self._commit_at = 0.0
        self._refused = self._drained = False
        self._written = self._commits = self._commit_failures = 0

    # --- while the loop runs ------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The first commit is due after one interval."""
        self._commit_at = self._clock() + self._times.interval

    def attend(self) -> None:
        """Take in acknowledgements; commit when it is time."""
        self._acknowledge()
        self._post()
        self._tell()
        if self._clock() >= self._commit_at:
            # under a steady stream some record is always on its way: a short halt lets the log catch up
            self._writer.flush(min(self._times.timeout, _CATCH_UP))
            self._acknowledge()
            self._commit(self._times.timeout)
            self._commit_at = self._clock() + self._times.interval

    @property
    def busy(self) -> bool:
        """Whether something could not be sent, or too much is in flight."""
        # the writer bounds bytes, this bounds objects
        return (
            self._letters_wait
            or self._outbox.waiting
            or len(self._dropped) >= _MOST_DROPPED
            or len(self._progress) + len(self._complete) >= _MOST_POLLS_IN_FLIGHT
            or self._progress.records >= _MOST_RECORDS_IN_FLIGHT
        )

    def go_on(self) -> None:
        """Try to send the rest, or wait for acknowledgements."""
        if self._letters_wait:
            self._outbox.rest()
        elif self._outbox.waiting:
            self._send()
        else:
            self._writer.poll(_CROWDED_WAIT)

    def rest(self, seconds: float) -> bool:
        """Wait for acknowledgements when the task is to be told of them, without the delay of ``linger.ms``."""
        is_told = self._wants_records or self._wants_batches
        if not is_told or not (len(self._progress) or self._dropped or self._complete):
            return False
        self._writer.poll(seconds)
        return True

    def deliver(self, polled: Sequence[SourceRecord]) -> None:
        """Convert and send."""
        if polled:
            self._polled = polled
            self._outbox.load(polled)
            self._send()

    def _send(self) -> None:
        if self._outbox.send():
            records = sum(len(part.batch) for part, _ in self._sent)
            self._progress.add(Sent(tuple(self._sent), self._outbox.positions, records, self._polled))
            self._sent = []

    def _send_part(self, part: Part) -> None:
        told = self._callback(part.records) if self._wants_records else None
        self._sent.append((part, self._writer.send(part.batch, told)))

    def _post(self) -> None:
        """Give the log the letters that wait; nothing is polled before it takes them."""
        if self._letters is None or self.outage.pause > 0:
            return
        try:
            self._letters.send()
        except OutageError as error:
            self._letters_wait = True
            self.outage.failed(error)
        else:
            if self._letters_wait:
                self._letters_wait = False
                self.outage.over()

    def pause(self) -> None:
        """Nothing: commits go on."""

    def resume(self) -> None:
        """Nothing, as above."""

    # --- acknowledgements ---------------------------------------------------------------------------------------

    def _callback(self, records: Sequence[SourceRecord]) -> Callable[[int, TopicPartition, int, int], None]:
        def written(index: int, partition: TopicPartition, offset: int, timestamp: int) -> None:
            metadata = RecordMetadata(partition.topic, partition.partition, offset, timestamp)
            tell_of_record(self._task, records[index], metadata)

        return written

    def _acknowledge(self) -> None:
        """Take in acknowledgements; what is complete from the oldest poll on becomes committable.

        Raises:
            ConnectError: the log refused a record for good and that is not tolerated.
        """
        self._writer.poll(0.0)
        while (sent := self._progress.oldest) is not None:
            if sent.done or not self._tolerance.policy.tolerate_all:
                self._refuse(sent)
            if not sent.done:
                return
            self._progress.complete()
            self._written += sent.records
            if self._wants_batches:
                self._complete.append(sent.polled)
            self.topics.note({part.batch.topic for part, _ in sent.parts})

    def _refuse(self, sent: Sent) -> None:
        for record, error in sent.failures():
            if is_hopeless(error) or as_outage(error) is not None:
                # whatever is tolerated: all that follow would go the same way
                self._refused = True
                raise ConnectError(
                    f"Unrecoverable exception from producer send callback for {describe(record)}: {error}"
                ) from error
            try:
                self._tolerance.fail(Failure(Stage.KAFKA_PRODUCE, PRODUCE_CLASS, error, record))
            except ConnectError as refused:
                self._refused = True
                raise ConnectError(f"Unrecoverable exception from producer send callback: {refused}") from error
            self._conversion.dropped += 1
            self.dropped(record.origin)
        self._tolerance.report()

    def dropped(self, record: SourceRecord) -> None:
        """A record was dropped on the way: the task is told, but not before a letter about it is safe."""
        if not self._wants_records:
            return
        if self._letters is None:
            tell_of_record(self._task, record)
        else:
            self._dropped.append(record)

    def _tell(self) -> None:
        """Tell the task of what is safe now, letters included."""
        if not (self._dropped or self._complete) or not (self._letters is None or self._letters.settle(0.0)):
            return
        dropped, self._dropped = self._dropped, []
        for record in dropped:
            tell_of_record(self._task, record)
        complete, self._complete = self._complete, []
        tell_of_batches(self._task, complete, self._port)

    # --- offsets ------------------------------------------------------------------------------------------------

    def _commit(self, patience: float) -> None:
        if self._letters is not None and not self._letters.settle(patience):
            _log.warning("Offsets are not committed before the records that failed are in the dead letter queue")
            return
        self._tell()
        positions = self._progress.take()
        if positions:
            try:
                self._port.commit_offsets(positions, self._times.timeout)
            except ConnectError as error:
                self._commit_failures += 1
                self._progress.give_back(positions)
                _log.error(
                    "Offsets of %d source partitions were not stored and go with the next commit: %s",
                    len(positions),
                    error,
                )
                return
            self._commits += 1
        tell_of_commit(self._task, self._port)

    # --- the end ------------------------------------------------------------------------------------------------

    def complete(self) -> None:
        """Wait for outstanding acknowledgements, and commit once more."""
        # when only a part of the last poll was sent, its positions never became committable: it is read again
        flushed = False
        try:
            self._drained = self._writer.flush(self._times.stop_timeout)
            flushed = True
            if not self._refused:
                self._acknowledge()
        except ConnectError as error:
            _log.error("While the task ends: %s", error)
        if not flushed:  # what was acknowledged may not be safe
            return
        try:
            self._commit(self._times.stop_timeout)
        except CredentialsError as error:
            _log.error("While the task ends: %s", error)

    def abandon(self) -> None:
        """The same: what was acknowledged before the failure stays so."""
        self.complete()

    def close(self) -> None:
        """Close the writer; what is still on its way is written again, for its offset was not stored."""
        self._writer.close(_CLOSE_TIMEOUT if self._drained else 0.0)

    def counts(self) -> dict[str, float]:
        """Records and commits."""
        return {
            "source-record-write-total": self._written,
            "source-record-active-count": self._progress.records,
            "offset-commit-total": self._commits,
            "offset-commit-failure-total": self._commit_failures,
            **self.outage.counts(),
        }
