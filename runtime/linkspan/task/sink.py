"""The sink loop: read, convert, put, commit (spec/runtime.md 4.13). At least once.

Offsets of a partition have three stages: *consumed* (in the batch that is being put), *current* (``put`` returned) and
*committed* (stored in the consumer group). Only current ones are offered to ``pre_commit``, and only what it returns is
committed. A SIGKILL before the commit is stored means that the records since the last one are read again.

Deviations from the original, each because it could lose or needlessly delay records: a rewind (asked for by the task,
or after a failed ``pre_commit``) also forgets the records of those partitions that wait for redelivery; after a
RetriableError without ``timeout()`` the batch is put again after a growing pause and not only at the next commit.

While something else does not work (:mod:`linkspan.task.reaction`) the loop *holds*: partitions are paused, polling and
commits go on, and what was read waits, converted or not, until it can be converted, put, or set aside.

A task may store offsets with its data; what that changes is said in :mod:`linkspan.task.stored_offsets`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from linkspan.api.errors import (
    BatchError,
    ConfigError,
    ConnectError,
    DataError,
    FencedError,
    OutageError,
    RetriableError,
)
from linkspan.api.records import SinkBatch, SinkRecord, TopicPartition
from linkspan.api.task import SinkTask
from linkspan.log.port import DisplacedError, FetchedBatch, Reader
from linkspan.log.topic_names import what_is_wrong_with
from linkspan.task.backlog import Backlog
from linkspan.task.batches import RecordBatch, halves
from linkspan.task.contexts import SinkContext
from linkspan.task.dead_letters import DeadLetters
from linkspan.task.errant import ErrantRecords
from linkspan.task.group_commits import GroupCommits, accepted_offsets
from linkspan.task.outage import Outage
from linkspan.task.port import WorkerPort
from linkspan.task.sink_conversion import SinkConversion
from linkspan.task.sink_suspects import SinkSuspects
from linkspan.task.stored_offsets import TargetOffsets
from linkspan.task.suspects import NOBODY, Suspects
from linkspan.task.tolerance import Tolerance

__all__ = ["SinkLoop", "SinkSettings"]

_log = logging.getLogger(__name__)

_SLICE: Final = 0.5
"""Longest single poll in seconds: so late a stop, pause or commit request is noticed."""
_METRICS_INTERVAL: Final = 5.0
_LARGE_RECORDS: Final = 4_000
"""More at a time are slower: they no longer fit the processor's cache."""
_LARGE_BYTES: Final = 8_000_000
_SAMPLE: Final = 64
_FENCED_PATIENCE: Final = 15.0
"""Seconds within which a group says that it gave away the partitions of a task that its target has fenced out."""


@dataclass(frozen=True)
class SinkSettings:
    """Settings of the loop; times in seconds.

    Attributes:
        topics: topics to read, unless ``matches`` says which.
        matches: whether a topic is read, or None.
        flush_interval: time between two commits.
        flush_timeout: after that a commit in flight counts as failed.
        stop_timeout: longest wait at the end, once for letters, once for the group to commit, and once to leave it.
        max_poll_records: most records a ``put`` gets; None when the task takes large batches and nobody set a limit.
        max_poll_interval: longest time between two reads before the group takes the partitions away.
    """

    topics: Sequence[str] = ()
    matches: Callable[[str], bool] | None = None
    flush_interval: float = 60.0
    flush_timeout: float = 5.0
    stop_timeout: float = 2.0
    max_poll_records: int | None = 500
    max_poll_interval: float = 300.0


class SinkLoop:
    """Runs one sink task. :meth:`subscribe` before the task is started, then :meth:`run`.

    Args:
        task: the plugin.
        context: the task's context.
        reader: member of the connector's group; closed at the end.
        conversion: makes what ``put`` gets.
        tolerance: decides about records that ``put`` refuses.
        errant: the task's reporter.
        port: the worker.
        settings: topics, limits and times.
        letters: the dead letter queue, or None; written out before every commit.
        suspects: records that may have killed the processes of this connector's tasks.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        task: SinkTask[Any],
        context: SinkContext,
        reader: Reader,
        conversion: SinkConversion,
        tolerance: Tolerance,
        errant: ErrantRecords,
        port: WorkerPort,
        settings: SinkSettings,
        *,
        letters: DeadLetters | None = None,
        suspects: Suspects = NOBODY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._task = task
        self._context = context
        self._reader = reader
        self._conversion = conversion
        self._tolerance = tolerance
        self._errant = errant
        self._port = port
        self._settings = settings
        self._letters = letters
        self._suspects = SinkSuspects(suspects, port)
        self._clock = clock
        self._stored = TargetOffsets(task, port)
        self._unplaced: set[TopicPartition] = set()
        """Partitions that are not read before the target has said where to go on."""
        self._limit = settings.max_poll_records or 500
        self._backlog = Backlog(f"Task {context.connector}-{context.task}", clock)
        self._current: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._paused = False
        self._unreadable = Outage(f"Reading of task {context.connector}-{context.task}", clock)
        self._ending = False
        self._letters_until = 0.0
        """Until when letters are waited for at the end, before and after the last ``pre_commit``."""
        self._over = False
        self._losses = 0
        """How often the group took partitions away without asking."""
        self._rebalance_error: Exception | None = None
        self._commits = GroupCommits(
            reader,
            self._stored_in_group,
            interval=settings.flush_interval,
            timeout=settings.flush_timeout,
            clock=clock,
        )
        self._metrics_at = 0.0
        self._topics: set[str] = set()
        self._reported: tuple[dict[str, float], dict[TopicPartition, int]] = ({}, {})
        self._read_total = self._put_total = self._put_calls = 0
        self._put_seconds = self._longest_put = 0.0
        context.on_pause = self._task_paused
        context.on_resume = self._task_resumed

    def subscribe(self) -> None:
        """Join the group; nothing is assigned before :meth:`run` polls.

        Raises:
            ConfigError: one of the topics can be none; the group would wait for it for ever.
        """
        for topic in self._settings.topics:
            problem = what_is_wrong_with(topic)
            if problem is not None:
                raise ConfigError(f"topics: {problem}", "topics")
        self._reader.subscribe(list(dict.fromkeys(self._settings.topics)), self, matches=self._settings.matches)

    def run(self) -> None:
        """Work until the worker wants the task stopped.

        Raises:
            FencedError: another member has taken this one's place, or the target has fenced this task out though the
                group knows of nobody else; nothing is committed any more.
            Exception: what ``put``, ``open``, a converter or the log raised; offsets of what was put before are
                committed all the same.
        """
        self._commits.put_off()
        fenced = False
        try:
            while self._port.wanted != "STOPPED":
                try:
                    self._step()
                except FencedError as error:
                    if isinstance(error, DisplacedError) or not (
                        self._stored.kept and self._has_lost_everything(error)
                    ):
                        raise
        except FencedError:
            fenced = True
            raise
        finally:
            self._finish(fenced=fenced)

    # -- one round ---------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        self._errant.check()
        self._follow_target()
        if self._commits.are_due(asked=self._context.commit_wanted):
            self._context.commit_wanted = False
            self._commit(set(self._context.assigned), closing=False)
            self._commits.put_off()
        else:
            self._commits.give_up_late()
        self._rewind(self._context.take_rewinds())
        fetched = self._read()
        if self._port.wanted == "STOPPED" and not fetched:
            return
        self._handle(fetched)

    def _handle(self, fetched: Sequence[FetchedBatch]) -> None:
        self._backlog.add(fetched)
        if self._backlog.outage.pause > 0:
            return
        self._suspects.in_hand(self._current, self._committed, self._backlog.ends)
        try:
            self._find_places()
            self._backlog.convert(self._take)
        except OutageError as error:
            self._wait_for(error)
        else:
            self._suspects.put(self._committed, self._backlog.consumed)
            self._deliver()
        self._suspects.returned()
        if not self._backlog.held and self._suspects.next_is_suspected(self._current):
            # everything before it is to be done with, as far as the task says
            self._commit(set(self._context.assigned), closing=False, wait=True)

    def _follow_target(self) -> None:
        wanted = self._port.wanted
        if wanted == "PAUSED" and not self._paused:
            self._paused = True
            self._reader.pause(sorted(self._context.assigned))
            self._port.status("PAUSED")
            self._context.request_commit()
        elif wanted == "STARTED" and self._paused:
            self._paused = False
            self._resume_all()
            self._port.status("RUNNING")

    def _read(self) -> list[FetchedBatch]:
        """Poll until there are records, or it is time for something else."""
        until = self._look_again_at()
        while True:
            now = self._clock()
            left = until - now
            if now >= self._metrics_at:
                # also while nothing comes: what was put last is told soon, and the lag may grow behind a pause
                self._metrics_at = now + _METRICS_INTERVAL
                self._report()
                self._topics.clear()  # a user may have had them forgotten meanwhile
            fetched = self._poll(max(0.0, min(left, _SLICE)))
            if fetched or left <= _SLICE or self._interrupted():
                return fetched

    def _look_again_at(self) -> float:
        until = self._commits.look_at
        pause = self._backlog.pause(self._context.take_timeout())
        return until if pause is None else min(until, self._clock() + pause)

    def _poll(self, timeout: float) -> list[FetchedBatch]:
        try:
            fetched = self._reader.poll(timeout, self._suspects.limit(self._limit, self._current))
        except RetriableError as error:
            self._unreadable.failed(error)
            self._port.wait(_SLICE)
            fetched = []
        else:
            self._unreadable.over()
        if self._rebalance_error is not None:
            raise self._rebalance_error
        surplus = self._suspects.surplus(fetched, self._limit, self._current)
        for place, offset in surplus.items():
            self._reader.seek(place, offset)
        return [] if surplus else fetched

    def _interrupted(self) -> bool:
        wanted = self._port.wanted
        return (
            wanted == "STOPPED"
            or (wanted == "PAUSED") != self._paused
            or self._errant.refused
            or bool(self._unplaced and not self._backlog.outage.pause)
            or self._commits.are_due(asked=self._context.commit_wanted)
        )

    def _take(self, fetched: FetchedBatch) -> SinkBatch:
        batch = self._converted(fetched)
        self._read_total += len(fetched)
        if fetched.topic not in self._topics:
            self._topics.add(fetched.topic)
            self._port.topics_used([fetched.topic])
        if self._settings.max_poll_records is None:
            # large batches are bounded by bytes: guess from a sample
            sample = fetched.values[:_SAMPLE]
            mean = sum(len(value) for value in sample if value) // max(len(sample), 1)
            self._limit = max(1, min(_LARGE_RECORDS, _LARGE_BYTES // max(mean, 1)))
        return batch

    def _converted(self, fetched: FetchedBatch) -> SinkBatch:
        failure = self._suspects.failure(fetched, self._conversion)
        if failure is None:
            return self._conversion.convert(fetched)
        self._tolerance.fail(failure)
        self._tolerance.report()
        return RecordBatch(())

    def _deliver(self) -> None:
        """Put what waits, in pieces where that shows which record is at fault."""
        pieces = [self._backlog.pending]
        while pieces:
            piece = pieces.pop()
            try:
                self._before_put()
                if self._backlog.held:
                    piece = self._stored.missing(piece)
                self._put(piece)
            except OutageError as error:
                self._backlog.keep([piece, *reversed(pieces)])
                self._wait_for(error)
                return
            except RetriableError as error:
                self._backlog.keep([piece, *reversed(pieces)])
                self._redeliver_later(error)
                return
            except BatchError as error:
                self._blame(piece, error)
            except DataError as error:
                if len(piece) > 1:
                    pieces += reversed(halves(piece))
                    continue
                self._blame(piece, BatchError(str(error), {0: error}))
            self._put_total += len(piece)
        self._current.update(self._backlog.consumed)
        if self._backlog.clear():
            self._resume_all()

    def _before_put(self) -> None:
        """Have done what must not be overtaken by a ``put``.

        A target that stores offsets moves them there, past the records that failed, so the letters have to be safe.
        Other threads of the task may have reported some of those a moment ago, and some may have been refused.

        Raises:
            OutageError: the dead letter queue does not take letters now.
            ConnectError: a record was refused.
        """
        self._tolerance.report()
        self._errant.check()
        if self._letters is None:
            return
        self._letters.send()
        if self._stored.kept and not self._letters_settled():
            raise OutageError("Letters about records that failed are not in the dead letter queue yet")

    def _put(self, batch: SinkBatch) -> None:
        began = self._clock()
        self._port.calling("put")
        try:
            self._task.put(batch)
        except (RetriableError, FencedError):
            raise
        except Exception as error:
            if isinstance(error, BatchError) or (isinstance(error, DataError) and batch and not self._errant.refused):
                raise
            raise ConnectError(
                "Exiting WorkerSinkTask due to unrecoverable exception: put failed with "
                f"{type(error).__name__}: {error}"
            ) from error
        finally:
            self._port.calling(None)
            self._watch(self._clock() - began, len(batch))
            self._tolerance.report()
        self._errant.check()

    def _wait_for(self, outage: OutageError) -> None:
        self._backlog.hold_for(outage)
        self._reader.pause(sorted(self._context.assigned))

    def _redeliver_later(self, error: RetriableError) -> None:
        self._backlog.hold()
        self._reader.pause(sorted(self._context.assigned))
        records = len(self._backlog.pending)
        _log.error("put failed for %d records, the same come again: %s", records, error, exc_info=error)

    def _blame(self, batch: SinkBatch, error: BatchError) -> None:
        """Report the records a put names; raises ConnectError when that is not tolerated, or when it names none."""
        if not error.failures:
            raise ConnectError(
                f"Exiting WorkerSinkTask due to unrecoverable exception: put failed and named no record: {error}"
            ) from error
        try:
            for index, cause in sorted(error.failures.items()):
                self._errant.report(_named(batch, index), cause)
        except ConnectError as refused:
            said = _said(error, refused)
            raise ConnectError(f"Exiting WorkerSinkTask due to unrecoverable exception: {said}") from error
        finally:
            self._tolerance.report()

    def _watch(self, seconds: float, records: int) -> None:
        self._put_calls += 1
        self._put_seconds += seconds
        self._longest_put = max(self._longest_put, seconds)
        limit = self._settings.max_poll_interval
        if seconds > limit:
            _log.warning(
                "put took %.1f s for %d records, longer than max.poll.interval.ms=%d: the group takes the partitions "
                "away and the records come again. Raise consumer.override.max.poll.interval.ms, or lower "
                "consumer.override.max.poll.records (%d now).",
                seconds,
                records,
                round(limit * 1000),
                self._limit,
            )

    # -- positions ---------------------------------------------------------------------------------------------------

    def _find_places(self) -> None:
        """Ask the target where to go on with partitions that wait for that, and read them from there.

        The group, if it says something else, learns it with the next commit.

        Raises:
            OutageError: it does not answer.
            FencedError, ConnectError: as :meth:`TargetOffsets.look`.
        """
        if not self._unplaced:
            return
        stored = self._stored.where(self._unplaced)
        self._unplaced = set()
        for partition, offset in stored.items():
            if self._current[partition] != offset:
                _log.info("%s goes on from %d, as the target says", partition, offset)
                self._reader.seek(partition, offset)
                self._current[partition] = offset
            if self._committed[partition] != offset:
                self._context.request_commit()
        # what they were held up for may be forgotten already, with the records of others
        self._resume_all()

    def _place(self, partitions: Iterable[TopicPartition]) -> None:
        """Find out where to go on, or hold until the target says it."""
        if not self._stored.kept:
            return
        self._unplaced.update(partitions)
        self._drop(self._unplaced)
        try:
            self._find_places()
        except OutageError as error:
            self._wait_for(error)

    def _go_back(self, committed: Mapping[TopicPartition, int]) -> None:
        """Read again what was put but, for all that is known, not written."""
        if self._stored.kept:
            for partition, offset in committed.items():
                self._reader.seek(partition, offset)
                self._current[partition] = offset
            self._place(committed)
        else:
            self._rewind(committed)

    def _rewind(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Go on from these offsets, and count everything before them as done."""
        for partition, offset in offsets.items():
            if partition not in self._context.assigned:
                _log.warning("Cannot rewind %s to %d: it is not assigned to this task", partition, offset)
                continue
            self._reader.seek(partition, offset)
            self._committed[partition] = self._current[partition] = offset
            self._drop({partition})

    def _drop(self, partitions: AbstractSet[TopicPartition]) -> None:
        """Records of these partitions wait no longer for redelivery: they are read again, here or elsewhere."""
        if self._backlog.drop(partitions):
            self._resume_all()

    def _resume_all(self) -> None:
        """Deliver again, except what is paused for some other reason."""
        if not self._paused and not self._backlog.held:
            self._reader.resume(sorted(self._context.assigned - self._context.paused - self._unplaced))

    def _task_paused(self, partitions: Iterable[TopicPartition]) -> None:
        self._reader.pause(list(partitions))

    def _task_resumed(self, partitions: Iterable[TopicPartition]) -> None:
        if not self._paused and not self._backlog.held:
            self._reader.resume([partition for partition in partitions if partition not in self._unplaced])

    # -- commits -----------------------------------------------------------------------------------------------------

    def _commit(self, partitions: set[TopicPartition], *, closing: bool, wait: bool = False) -> None:
        """Ask the task what may be committed, and commit it.

        Args:
            partitions: whose offsets.
            closing: they go away: close them in the task, and wait for the commit.
            wait: wait for the commit.
        """
        self._commits.begin()
        known = partitions - self._unplaced
        current = {partition: self._current[partition] for partition in known if partition in self._current}
        committed = {partition: self._committed[partition] for partition in current}
        offsets = None
        try:
            if current and self._letters_safe():
                offered = self._errant.before_refused(current, committed)
                offsets = self._pre_commit(offered, committed, closing=closing)
                # a task that writes when it is asked to may have reported records only now
                if not self._letters_safe():
                    offsets = None
                elif offsets is not None:
                    offsets = self._errant.before_refused(offsets, committed)
        finally:
            if closing:
                self._close_in_task(partitions)
        if offsets is None or offsets == committed:
            self._commits.skip()
        elif self._ending:
            self._over = True
            self._commits.at_last(offsets, self._settings.stop_timeout, self._limit)
        elif closing or wait:
            self._commits.now(offsets)
        else:
            self._commits.later(offsets)

    def _letters_safe(self) -> bool:
        """Whether no letter is missing, so that offsets may be committed."""
        self._tolerance.report()
        settled = self._letters_settled()
        if not settled:
            _log.warning("Offsets are not committed before the records that failed are in the dead letter queue")
        return settled

    def _letters_settled(self) -> bool:
        if self._letters is None:
            return True
        if self._ending:
            return self._letters.settle(max(0.0, self._letters_until - self._clock()))
        return self._letters.settle(self._settings.flush_timeout, given_up=lambda: self._port.wanted == "STOPPED")

    def _pre_commit(
        self, current: Mapping[TopicPartition, int], committed: Mapping[TopicPartition, int], *, closing: bool
    ) -> dict[TopicPartition, int] | None:
        self._suspects.pre_commit(committed, current)
        try:
            offered = self._stored.offered(current)
            self._port.calling("pre_commit")
            provided = self._task.pre_commit(dict(offered))
            stored = self._stored.look(provided or ())
        except Exception as error:  # supervision point: a failing flush never fails the task
            self._commits.refuse()
            if closing:
                _log.warning("Offset commit failed during close: %s", error, exc_info=error)
            elif isinstance(error, FencedError):
                raise
            else:
                _log.error("Offset commit failed, rewinding to last committed offsets: %s", error, exc_info=error)
                self._go_back(committed)
            return None
        finally:
            self._port.calling(None)
            self._suspects.returned()
        if not provided:
            return None
        return self._stored.allowed(accepted_offsets(provided, offered, committed), stored, committed)

    def _close_in_task(self, partitions: Iterable[TopicPartition]) -> None:
        self._port.calling("close")
        try:
            self._task.close(sorted(partitions))
        finally:
            self._port.calling(None)

    def _stored_in_group(self, offsets: Mapping[TopicPartition, int]) -> None:
        # an answer may come when some of the partitions are gone
        self._committed.update((place, offset) for place, offset in offsets.items() if place in self._committed)
        self._suspects.committed(self._committed)

    # -- the group's listener, called inside poll --------------------------------------------------------------------

    def on_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Take over partitions: find out where they stand and open them in the task."""
        if self._over or self._rebalance_error is not None:
            return
        try:
            self._assigned(partitions)
        except Exception as error:  # noqa: BLE001 - kept, and raised after poll on the task's own account
            self._rebalance_error = error

    def on_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Give partitions back: pre_commit, close, commit and wait for it."""
        self._removed(partitions, lost=False)

    def on_lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Partitions are gone: close them in the task, commit nothing."""
        self._removed(partitions, lost=True)

    def _assigned(self, partitions: Sequence[TopicPartition]) -> None:
        if not partitions:
            return
        positions = self._reader.positions(partitions)
        self._committed.update(positions)
        self._current.update(positions)
        self._context.assigned.update(partitions)
        if self._paused or self._backlog.held:
            self._reader.pause(list(partitions))
        self._port.calling("open")
        try:
            self._task.open(list(partitions))
        finally:
            self._port.calling(None)
        self._place(partitions)
        self._rewind(self._context.take_rewinds())

    def _removed(self, partitions: Sequence[TopicPartition], *, lost: bool) -> None:
        gone = set(partitions)
        if self._over or not gone:
            return
        try:
            if self._rebalance_error is None:
                if lost:
                    self._losses += 1
                    self._close_in_task(gone)
                else:
                    self._commit(gone, closing=True)
        except Exception as error:  # noqa: BLE001 - kept, and raised after poll on the task's own account
            self._rebalance_error = error
        finally:
            self._forget(gone)

    def _has_lost_everything(self, error: FencedError) -> bool:
        """Whether the group gave this member's partitions away while it was out: then it goes on with a new share.

        The target knew first, for its new owner has begun there; the group tells with one of the next polls.
        """
        partitions = set(self._context.assigned)
        if not partitions or self._rebalance_error is not None:
            return False
        _log.warning("The target has fenced this task out, asking the group whose the partitions are: %s", error)
        self._drop(partitions)
        self._reader.pause(sorted(partitions))
        until = self._clock() + _FENCED_PATIENCE
        losses = self._losses
        while self._losses == losses and self._clock() < until and self._port.wanted != "STOPPED":
            fetched = self._poll(_SLICE)
            if fetched:
                self._handle(fetched)
        self._resume_all()
        return self._losses != losses

    def _forget(self, partitions: set[TopicPartition]) -> None:
        self._context.assigned -= partitions
        self._context.paused -= partitions
        self._unplaced -= partitions
        for partition in partitions:
            self._current.pop(partition, None)
            self._committed.pop(partition, None)
        self._drop(partitions)

    # -- the end -----------------------------------------------------------------------------------------------------

    def _finish(self, *, fenced: bool) -> None:
        """Commit (unless ``fenced``) and close every partition, stop the task, leave the group."""
        self._ending = True
        self._letters_until = self._clock() + self._settings.stop_timeout
        try:
            if fenced:
                self._close_in_task(self._context.assigned)
            else:
                self._commit(set(self._context.assigned), closing=True)
        except Exception:  # noqa: BLE001 - supervision point: the end goes on whatever close raises
            _log.exception("Partitions could not be closed cleanly")
        self._over = True
        self._report()
        self._port.calling("stop")
        try:
            self._task.stop()
        except Exception:  # noqa: BLE001 - supervision point: the end goes on whatever stop raises
            _log.exception("The task could not be stopped cleanly")
        finally:
            self._port.calling(None)
        if not self._reader.close(self._settings.stop_timeout):
            self._port.lingers()

    def _report(self) -> None:
        values: dict[str, float] = {
            "sink-record-read-total": self._read_total,
            "sink-record-send-total": self._put_total,
            "partition-count": len(self._context.assigned),
            "put-batch-avg-time-ms": 1000 * self._put_seconds / max(self._put_calls, 1),
            "put-batch-max-time-ms": 1000 * self._longest_put,
            **self._commits.counts(),
            **self._tolerance.counts(),
            **self._backlog.outage.counts(),
        }
        lag = {
            place: max(0, end - self._current[place])
            for place, end in self._reader.known_ends().items()
            if place in self._current
        }
        if (values, lag) != self._reported:
            self._reported = values, lag
            self._port.metrics(values, lag)


def _said(error: BatchError, refused: ConnectError) -> str:
    """What a refused record says, and the batch where it says more; the batch most often repeats its first record."""
    first, *others = (str(failure) for _, failure in sorted(error.failures.items()))
    more = f"; {len(others)} more of the batch failed" if others else ""
    return f"{refused}{more}" if str(error).startswith(first) else f"{error}: {refused}{more}"


def _named(batch: SinkBatch, index: int) -> SinkRecord:
    if not 0 <= index < len(batch):
        raise ConnectError(f"put got {len(batch)} records, counted from 0, and names number {index}")
    return batch[index]
