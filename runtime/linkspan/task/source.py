"""The source loop: poll for as long as the worker wants it, and hand over what comes (spec/runtime.md 4.9).

How records get to the log, and offsets to where they are stored, is the business of a :class:`SourceDelivery`:
:mod:`linkspan.task.acknowledged` delivers at least once, :mod:`linkspan.task.transactions` exactly once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Protocol

from linkspan.api.errors import OutageError, RetriableError
from linkspan.api.records import RecordMetadata, SourceRecord
from linkspan.api.task import SourceTask
from linkspan.task.outage import Outage
from linkspan.task.port import WorkerPort
from linkspan.task.tolerance import Tolerance

__all__ = [
    "SourceDelivery",
    "SourceLoop",
    "TopicsUsed",
    "tell_of_batches",
    "tell_of_commit",
    "tell_of_record",
    "wants_batches",
    "wants_records",
]

_log = logging.getLogger(__name__)

_FIRST_POLL_RETRY: Final = 0.1
_LONGEST_POLL_RETRY: Final = 10.0
_EMPTY_POLLS_ALLOWED: Final = 3
_EMPTY_POLL_PAUSE: Final = 0.05
_METRICS_INTERVAL: Final = 5.0
_LONGEST_REST: Final = 1.0
"""Seconds after which acknowledgements and commits are looked after, however long an outage pauses polling."""


def wants_records(task: SourceTask[Any]) -> bool:
    """Whether the task wants to be told of each record, which costs time."""
    return type(task).commit_record is not SourceTask.commit_record


def wants_batches(task: SourceTask[Any]) -> bool:
    """Whether the task wants to be told of what each poll returned."""
    return type(task).commit_batch is not SourceTask.commit_batch


def tell_of_record(task: SourceTask[Any], record: SourceRecord, metadata: RecordMetadata | None = None) -> None:
    """Tell the task of one record that was acknowledged, or dropped (``metadata`` None)."""
    try:
        task.commit_record(record, metadata)
    except Exception:  # noqa: BLE001 - supervision point: what this call raises is only logged
        _log.exception("Exception thrown while calling task.commit_record()")


def tell_of_batches(task: SourceTask[Any], polls: Iterable[Sequence[SourceRecord]], port: WorkerPort) -> None:
    """Tell the task of what some polls returned: all of it was acknowledged or dropped."""
    for polled in polls:
        port.calling("commit_batch")
        try:
            task.commit_batch(polled)
        except Exception:  # noqa: BLE001 - supervision point: what this call raises is only logged
            _log.exception("Exception thrown while calling task.commit_batch()")
        finally:
            port.calling(None)


def tell_of_commit(task: SourceTask[Any], port: WorkerPort) -> None:
    """Tell the task that the offsets of everything acknowledged so far are stored."""
    port.calling("commit")
    try:
        task.commit()
    except Exception:  # noqa: BLE001 - supervision point: what this call raises is only logged
        _log.exception("Exception thrown while calling task.commit()")
    finally:
        port.calling(None)


class TopicsUsed:
    """Tells the worker once of each topic that records went to.

    Args:
        port: the worker.
    """

    def __init__(self, port: WorkerPort) -> None:
        self._port = port
        self._told: set[str] = set()

    def note(self, topics: set[str]) -> None:
        """Records have arrived in these."""
        new = topics - self._told
        if new:
            self._told |= new
            self._port.topics_used(sorted(new))

    def forget(self) -> None:
        """A user may have had them forgotten meanwhile: tell again."""
        self._told.clear()


class SourceDelivery(Protocol):
    """Brings what a source task polled into the log, and has offsets stored."""

    topics: TopicsUsed
    outage: Outage

    def begin(self) -> None:
        """The loop begins."""
        ...

    def attend(self) -> None:
        """Do what is due between two polls, also while the task is paused: take in acknowledgements, commit.

        Raises:
            ConnectError: the log refused a record for good and that is not tolerated, or a transaction failed.
        """
        ...

    @property
    def busy(self) -> bool:
        """Whether :meth:`go_on` is to be called instead of the next poll."""
        ...

    def go_on(self) -> None:
        """Bring on what could not be delivered at once; waits a moment if need be."""
        ...

    def rest(self, seconds: float) -> bool:
        """The task had nothing to poll, perhaps because it waits to be told of records that are on their way.

        Args:
            seconds: to wait for them, at most.

        Returns:
            whether there were any to wait for.
        """
        ...

    def deliver(self, polled: Sequence[SourceRecord]) -> None:
        """Take what a poll returned, be it nothing; not while :attr:`busy`.

        Raises:
            ConnectError: a record failed and that is not tolerated.
        """
        ...

    def pause(self) -> None:
        """The task is about to rest for a while."""
        ...

    def resume(self) -> None:
        """The task goes on."""
        ...

    def complete(self) -> None:
        """The task was stopped in good order: store what may be stored."""
        ...

    def abandon(self) -> None:
        """The task has failed: store what may be stored in spite of that."""
        ...

    def close(self) -> None:
        """Close the writer; called last."""
        ...

    def counts(self) -> dict[str, float]:
        """Metrics (spec/runtime.md 8)."""
        ...


class SourceLoop:
    """Runs one source task that was started already.

    Args:
        task: the plugin.
        delivery: takes what it polls; closed at the end.
        tolerance: counts failed records.
        port: the worker.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        task: SourceTask[Any],
        delivery: SourceDelivery,
        tolerance: Tolerance,
        port: WorkerPort,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._task = task
        self._delivery = delivery
        self._tolerance = tolerance
        self._port = port
        self._clock = clock
        self._reported: dict[str, float] = {}
        self._empty_polls = 0
        self._poll_failures = 0
        self._metrics_at = 0.0
        self._polled = 0

    def run(self) -> None:
        """Work until the worker wants the task stopped.

        Raises:
            Exception: what the task, a converter or the log raised.
        """
        try:
            self._delivery.begin()
            while self._port.wanted != "STOPPED":
                self._step()
        except BaseException:
            self._finish(self._delivery.abandon)
            raise
        self._finish(self._delivery.complete)

    def _step(self) -> None:
        self._delivery.attend()
        self._look_after()
        if self._port.wanted == "PAUSED":
            self._stay_paused()
        elif self._delivery.busy:
            self._delivery.go_on()
        elif self._delivery.outage.pause > 0:
            self._port.wait(min(self._delivery.outage.pause, _LONGEST_REST))
        else:
            self._poll()

    def _poll(self) -> None:
        began = self._clock()
        self._port.calling("poll")
        try:
            polled = self._task.poll()
        except OutageError as error:
            self._delivery.outage.failed(error)
            return
        except RetriableError as error:
            self._poll_failed(error)
            return
        finally:
            self._port.calling(None)
        self._delivery.outage.over()
        self._poll_failures = 0
        self._polled += len(polled or ())
        self._delivery.deliver(polled or ())
        if polled or self._delivery.rest(_EMPTY_POLL_PAUSE):
            self._empty_polls = 0
        else:
            self._rest_after_nothing(began)

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

    def _look_after(self) -> None:
        now = self._clock()
        if now >= self._metrics_at:
            self._metrics_at = now + _METRICS_INTERVAL
            self._report()
            self._delivery.topics.forget()

    def _stay_paused(self) -> None:
        self._delivery.pause()
        self._port.status("PAUSED")
        while self._port.wanted == "PAUSED":
            self._delivery.attend()
            self._look_after()
            self._port.wait(1.0)
        if self._port.wanted == "STARTED":
            self._port.status("RUNNING")
            self._delivery.resume()

    def _finish(self, settle: Callable[[], None]) -> None:
        """Settle what was delivered, stop the task, close the writer."""
        try:
            settle()
            self._report()
        finally:
            self._stop()
            self._delivery.close()

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
            **self._delivery.counts(),
            **self._tolerance.counts(),
        }
        if values != self._reported:
            self._reported = values
            self._port.metrics(values, {})
