"""The source loop: poll, convert, send, acknowledge, commit (spec/runtime.md 4.9). At least once.

What a SIGKILL between any two steps does (the next start reads on from the offsets that are stored):

====  ==========================================  =======================================================
Step  What happened                               A kill right after it
====  ==========================================  =======================================================
1     ``poll`` returned records                   nothing was written; they are read again
2     transforms and converters ran               as 1
3     some batches went to the writer             those that arrived are written twice, the others once
4     all batches went to the writer              as 3
5     the log acknowledged, ``Delivery`` is done  the records are written twice
6     ``commit_record`` was called                as 5
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

from linkspan.api.errors import ConnectError, RetriableError
from linkspan.api.records import RecordMetadata, SourceRecord, TopicPartition
from linkspan.api.task import SourceTask
from linkspan.log.port import Delivery, Writer
from linkspan.task.conversion import SourceConversion
from linkspan.task.offsets import Part, Position, Progress, Sent
from linkspan.task.port import WorkerPort
from linkspan.task.tolerance import Failure, Stage, Tolerance, class_name

__all__ = ["SourceLoop", "SourceSettings", "tell_of_record"]

_log = logging.getLogger(__name__)

_MOST_POLLS_IN_FLIGHT: Final = 1000
_MOST_RECORDS_IN_FLIGHT: Final = 500_000
_SEND_RETRY: Final = 0.1
_STUCK_PATIENCE: Final = 5.0
"""Seconds that records may wait to be sent before there is a warning: a full buffer is nothing unusual."""
_STUCK_WARNING: Final = 30.0
"""Seconds between two warnings about records that cannot be sent."""
_FIRST_POLL_RETRY: Final = 0.1
_LONGEST_POLL_RETRY: Final = 10.0
_EMPTY_POLLS_ALLOWED: Final = 3
_EMPTY_POLL_PAUSE: Final = 0.05
_METRICS_INTERVAL: Final = 5.0
_CATCH_UP: Final = 1.0
_CLOSE_TIMEOUT: Final = 30.0


@dataclass(frozen=True)
class SourceSettings:
    """Worker settings of the loop, in seconds.

    Attributes:
        flush_interval: time between two commits of offsets.
        flush_timeout: longest wait for outstanding acknowledgements and for the offsets to be stored.
        stop_timeout: longest wait for outstanding acknowledgements at the end.
    """

    flush_interval: float = 60.0
    flush_timeout: float = 5.0
    stop_timeout: float = 4.0


def tell_of_record(task: SourceTask[Any], record: SourceRecord, metadata: RecordMetadata | None = None) -> None:
    """Tell the task of one record that was acknowledged, or dropped (``metadata`` None)."""
    try:
        task.commit_record(record, metadata)
    except Exception:  # noqa: BLE001 - supervision point: what this call raises is only logged
        _log.exception("Exception thrown while calling task.commit_record()")


class SourceLoop:
    """Runs one source task that was started already.

    Args:
        task: the plugin.
        writer: where records go; closed at the end.
        conversion: makes batches of records.
        tolerance: decides about records the log refuses.
        port: the worker.
        settings: times.
        ensure_topic: called before records go to a topic, to create it; None when the connector asks for no topics.
            May raise RetriableError.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        task: SourceTask[Any],
        writer: Writer,
        conversion: SourceConversion,
        tolerance: Tolerance,
        port: WorkerPort,
        settings: SourceSettings,
        *,
        ensure_topic: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._task = task
        self._writer = writer
        self._conversion = conversion
        self._tolerance = tolerance
        self._port = port
        self._settings = settings
        self._ensure_topic = ensure_topic
        self._clock = clock
        self._wants_records = type(task).commit_record is not SourceTask.commit_record
        self._progress = Progress()
        self._positions: Sequence[Position] = ()
        """Positions of the last poll."""
        self._waiting: list[Part] = []
        """Parts of the last poll that are not sent yet."""
        self._sent: list[tuple[Part, Delivery]] = []
        """Parts of the last poll that are."""
        self._topics: set[str] = set()
        self._reported: dict[str, float] = {}
        self._empty_polls = 0
        self._poll_failures = 0
        self._commit_at = 0.0
        self._metrics_at = 0.0
        self._stuck_since: float | None = None
        self._warn_at = 0.0
        self._refused = False
        self._polled = self._written = self._commits = self._commit_failures = 0

    def run(self) -> None:
        """Work until the worker wants the task stopped.

        Raises:
            Exception: what the task, a converter or the log raised; the offsets of what was acknowledged before are
                committed all the same.
        """
        self._commit_at = self._clock() + self._settings.flush_interval
        try:
            while self._port.wanted != "STOPPED":
                self._step()
        finally:
            self._finish()

    def _step(self) -> None:
        self._acknowledge()
        self._look_after()
        if self._port.wanted == "PAUSED":
            self._stay_paused()
        elif self._waiting:
            self._send()
        elif self._crowded():
            self._writer.poll(_SEND_RETRY)
        else:
            self._poll()

    def _crowded(self) -> bool:
        # the writer bounds bytes, this bounds objects
        return len(self._progress) >= _MOST_POLLS_IN_FLIGHT or self._progress.records >= _MOST_RECORDS_IN_FLIGHT

    def _poll(self) -> None:
        began = self._clock()
        self._port.calling("poll")
        try:
            polled = self._task.poll()
        except RetriableError as error:
            self._poll_failed(error)
            return
        finally:
            self._port.calling(None)
        self._poll_failures = 0
        if not polled:
            self._rest_after_nothing(began)
            return
        self._empty_polls = 0
        self._polled += len(polled)
        parts, self._positions = self._conversion.prepare(polled)
        self._waiting = list(parts)
        self._send()

    def _poll_failed(self, error: RetriableError) -> None:
        pause = min(_FIRST_POLL_RETRY * 2**self._poll_failures, _LONGEST_POLL_RETRY)
        self._poll_failures = min(self._poll_failures + 1, 16)
        _log.error("The task failed to poll and is asked again in %.1f s: %s", pause, error, exc_info=error)
        self._port.wait(pause)

    def _rest_after_nothing(self, began: float) -> None:
        """Poll should block while there is nothing; where it does not, keep the processor cool."""
        if self._clock() - began > _EMPTY_POLL_PAUSE:
            self._empty_polls = 0
            return
        self._empty_polls += 1
        if self._empty_polls > _EMPTY_POLLS_ALLOWED:
            self._port.wait(_EMPTY_POLL_PAUSE)

    def _send(self) -> None:
        """Send what waits, in order; what cannot be sent now stays for the next step."""
        while self._waiting:
            part = self._waiting[0]
            try:
                if self._ensure_topic is not None:
                    self._ensure_topic(part.batch.topic)
                delivery = self._writer.send(part.batch, self._callback(part.records))
            except RetriableError as error:
                self._send_failed(part, error)
                return
            self._stuck_since = None
            self._sent.append((part, delivery))
            del self._waiting[0]
        if self._sent:
            records = sum(len(part.batch) for part, _ in self._sent)
            self._progress.add(Sent(tuple(self._sent), self._positions, records))
            self._sent = []

    def _send_failed(self, part: Part, error: RetriableError) -> None:
        now = self._clock()
        if self._stuck_since is None:
            self._stuck_since = now
        if now >= max(self._warn_at, self._stuck_since + _STUCK_PATIENCE):
            self._warn_at = now + _STUCK_WARNING
            _log.warning(
                "%d records for topic %s could not be sent for %.0f s, trying again: %s",
                len(part.batch),
                part.batch.topic,
                now - self._stuck_since,
                error,
            )
        self._port.wait(_SEND_RETRY)

    def _callback(self, records: Sequence[SourceRecord]) -> Callable[[int, TopicPartition, int, int], None] | None:
        if not self._wants_records:
            return None

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
            self._note_topics(sent)

    def _refuse(self, sent: Sent) -> None:
        for record, error in sent.failures():
            try:
                self._tolerance.fail(Failure(Stage.KAFKA_PRODUCE, class_name(self), error, record))
            except ConnectError as refused:
                self._refused = True
                raise ConnectError(f"Unrecoverable exception from producer send callback: {refused}") from error
            self._conversion.dropped += 1
            if self._wants_records:
                tell_of_record(self._task, record.origin)
        self._tolerance.report()

    def _note_topics(self, sent: Sent) -> None:
        new = {part.batch.topic for part, _ in sent.parts} - self._topics
        if new:
            self._topics |= new
            self._port.topics_used(sorted(new))

    def _look_after(self) -> None:
        """Commit and report when it is time."""
        now = self._clock()
        if now >= self._commit_at:
            # under a steady stream some record is always on its way: a short halt lets the log catch up
            self._writer.flush(min(self._settings.flush_timeout, _CATCH_UP))
            self._acknowledge()
            self._commit()
            self._commit_at = self._clock() + self._settings.flush_interval
        if now >= self._metrics_at:
            self._metrics_at = now + _METRICS_INTERVAL
            self._report()
            self._topics.clear()  # a user may have had them forgotten meanwhile

    def _commit(self) -> None:
        positions = self._progress.take()
        if positions:
            try:
                self._port.commit_offsets(positions, self._settings.flush_timeout)
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
        self._port.calling("commit")
        try:
            self._task.commit()
        except Exception:  # noqa: BLE001 - supervision point: what this call raises is only logged
            _log.exception("Exception thrown while calling task.commit()")
        finally:
            self._port.calling(None)

    def _stay_paused(self) -> None:
        self._port.status("PAUSED")
        while self._port.wanted == "PAUSED":
            self._acknowledge()
            self._look_after()
            self._port.wait(1.0)
        if self._port.wanted == "STARTED":
            self._port.status("RUNNING")

    def _finish(self) -> None:
        """Wait for outstanding acknowledgements, commit once more, stop the task, close the writer."""
        # when only a part of the last poll was sent, its positions never became committable: it is read again
        flushed = drained = False
        try:
            drained = self._writer.flush(self._settings.stop_timeout)
            flushed = True
            if not self._refused:
                self._acknowledge()
        except ConnectError as error:
            _log.error("While the task ends: %s", error)
        try:
            if flushed:  # else what was acknowledged may not be safe
                self._commit()
            self._report()
        finally:
            self._stop()
            # what is still on its way is read and written again, for its offset was not stored
            self._writer.close(_CLOSE_TIMEOUT if drained else 0.0)

    def _stop(self) -> None:
        self._port.calling("stop")
        try:
            self._task.stop()
        except Exception:  # noqa: BLE001 - supervision point: the end goes on whatever stop raises
            _log.exception("The task could not be stopped cleanly")
        finally:
            self._port.calling(None)

    def _report(self) -> None:
        values: dict[str, float] = {
            "source-record-poll-total": self._polled,
            "source-record-write-total": self._written,
            "source-record-active-count": self._progress.records,
            "offset-commit-total": self._commits,
            "offset-commit-failure-total": self._commit_failures,
            **self._tolerance.counts(),
        }
        if values != self._reported:
            self._reported = values
            self._port.metrics(values, {})
