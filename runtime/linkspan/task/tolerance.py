"""What happens when a record fails: retry, tolerance, reports (spec/runtime.md 4.14).

Only failures come here: stages run unguarded over whole batches, and a batch that fails is repeated record by record
under :meth:`Tolerance.attempt`.

Deviation from the original: when the retries of a :class:`RetriableError` are used up and ``errors.tolerance`` is
``none``, the original drops the record without a word; here the task fails, because nothing was to be tolerated.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple, Protocol, TypeVar

from linkspan.api.errors import ConnectError, RetriableError
from linkspan.api.records import SourceRecord
from linkspan.log.port import FetchedBatch

__all__ = [
    "DROPPED",
    "Consumed",
    "Dropped",
    "ErrorLog",
    "ErrorPolicy",
    "Failure",
    "Reporter",
    "Stage",
    "Subject",
    "Tolerance",
    "class_name",
    "describe",
]

_log = logging.getLogger(__name__)
_FIRST_DELAY_MS: Final = 300
T = TypeVar("T")


class Stage(Enum):
    """Where a record failed; the names are Kafka's, they appear in logs and dead letter headers."""

    TASK_POLL = "TASK_POLL"
    TASK_PUT = "TASK_PUT"
    TRANSFORMATION = "TRANSFORMATION"
    KEY_CONVERTER = "KEY_CONVERTER"
    VALUE_CONVERTER = "VALUE_CONVERTER"
    HEADER_CONVERTER = "HEADER_CONVERTER"
    KAFKA_PRODUCE = "KAFKA_PRODUCE"
    KAFKA_CONSUME = "KAFKA_CONSUME"


class Dropped(Enum):
    """Type of :data:`DROPPED`."""

    DROPPED = "dropped"


DROPPED: Final = Dropped.DROPPED
"""Result of an attempt whose failure was tolerated: the record is skipped."""


class Consumed(NamedTuple):
    """A record as it lies in the log: the batch it was read with and its place there."""

    batch: FetchedBatch
    at: int

    @property
    def topic(self) -> str:
        """Topic it was read from."""
        return self.batch.topic

    @property
    def partition(self) -> int:
        """Partition it was read from."""
        return self.batch.partitions[self.at]

    @property
    def offset(self) -> int:
        """Offset it was read from."""
        return self.batch.offsets[self.at]


Subject = SourceRecord | Consumed
"""The record at fault: as the source task made it, or as it was read."""


class Failure(NamedTuple):
    """A record that failed for good.

    Attributes:
        stage: where.
        executing: full name of the class that was at work.
        error: what it raised.
        subject: the record.
    """

    stage: Stage
    executing: str
    error: Exception
    subject: Subject


class Reporter(Protocol):
    """Is told of every failed record, also when the task is about to fail because of it."""

    def report(self, failure: Failure) -> None:
        """Take note; must not raise because of the record."""
        ...


@dataclass(frozen=True)
class ErrorPolicy:
    """The ``errors.*`` keys of a connector.

    Attributes:
        retry_timeout_ms: how long a retriable failure is repeated; 0 never, -1 for ever.
        retry_delay_max_ms: longest pause between two attempts.
        tolerate_all: whether failed records are skipped.
        log_enabled: whether each failed record gets a log line.
        log_records: whether that line names the record.
    """

    retry_timeout_ms: int = 0
    retry_delay_max_ms: int = 60_000
    tolerate_all: bool = False
    log_enabled: bool = False
    log_records: bool = False


class Tolerance:
    """Repeats, tolerates and reports the failures of one task.

    Args:
        policy: the ``errors.*`` keys.
        reporters: told of every failed record.
        pause: sleeps that many seconds, less when the task is to stop; returns whether it is to stop.
    """

    def __init__(self, policy: ErrorPolicy, reporters: Sequence[Reporter], pause: Callable[[float], bool]) -> None:
        self.policy = policy
        self._reporters = tuple(reporters)
        self._pause = pause
        self.failures = 0
        self.errors = 0
        self.retries = 0
        self.skipped = 0
        self._last_error_ms = 0

    def attempt(self, stage: Stage, executing: str, call: Callable[[], T], subject: Subject) -> T | Dropped:
        """Run one stage for one record.

        Args:
            stage: which stage.
            executing: full name of the class at work.
            call: the work; repeated when it raises RetriableError.
            subject: the record.

        Returns:
            what ``call`` returned, or :data:`DROPPED` when it failed and that is tolerated.

        Raises:
            ConnectError: it failed and that is not tolerated.
        """
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - supervision point: converters and transforms are plugins
            return self.recover(stage, executing, error, call, subject)

    def recover(
        self, stage: Stage, executing: str, error: Exception, call: Callable[[], T], subject: Subject
    ) -> T | Dropped:
        """Like :meth:`attempt` when the first attempt has failed already with ``error``."""
        self.failures += 1
        deadline = None if self.policy.retry_timeout_ms < 0 else time.monotonic() + self.policy.retry_timeout_ms / 1000
        attempt = 0
        while isinstance(error, RetriableError) and (deadline is None or time.monotonic() < deadline):
            attempt += 1
            self.retries += 1
            if self._pause(self._delay(attempt, deadline)):
                # not a verdict on the record: it is processed again after the next start
                raise ConnectError("The task was stopped while it retried a record.") from error
            try:
                return call()
            except Exception as again:  # noqa: BLE001 - supervision point: converters and transforms are plugins
                self.failures += 1
                error = again
        self.fail(Failure(stage, executing, error, subject))
        return DROPPED

    def fail(self, failure: Failure) -> None:
        """Report a record that failed for good.

        Raises:
            ConnectError: failures are not tolerated; names the record.
        """
        self.errors += 1
        self._last_error_ms = int(time.time() * 1000)
        for reporter in self._reporters:
            reporter.report(failure)
        if not self.policy.tolerate_all:
            raise ConnectError(
                f"Tolerance exceeded in error handler: {failure.stage.value} with class '{failure.executing}' failed "
                f"for {describe(failure.subject)}: {failure.error}"
            ) from failure.error
        self.skipped += 1

    def counts(self) -> dict[str, float]:
        """What there is to measure."""
        return {
            "total-record-failures": self.failures,
            "total-record-errors": self.errors,
            "total-retries": self.retries,
            "last-error-timestamp": self._last_error_ms,
        }

    def _delay(self, attempt: int, deadline: float | None) -> float:
        longest = self.policy.retry_delay_max_ms
        delay: float = _FIRST_DELAY_MS * 2 ** min(attempt - 1, 32)
        if delay > longest:
            # spread, so that many tasks do not come back at the same moment
            delay = random.random() * longest  # noqa: S311 - not for secrets
        seconds = delay / 1000
        return seconds if deadline is None else min(seconds, max(deadline - time.monotonic(), 0))


class ErrorLog:
    """Writes one line for each failed record (``errors.log.enable``).

    Args:
        task_id: ``connector-task``.
        with_records: whether the line names the record (``errors.log.include.messages``).
    """

    def __init__(self, task_id: str, *, with_records: bool) -> None:
        self._task_id = task_id
        self._with_records = with_records

    def report(self, failure: Failure) -> None:
        """Log the failure with its trace."""
        text = (
            f"Error encountered in task {self._task_id}. "
            f"Executing stage '{failure.stage.value}' with class '{failure.executing}'"
        )
        if self._with_records:
            text += _log_details(failure.subject)
        _log.error("%s.", text, exc_info=failure.error)


def class_name(plugin: object) -> str:
    """Full name of a plugin's class as logs and headers show it: the Java name where it has one."""
    kind = type(plugin)
    return getattr(kind, "java_class", None) or f"{kind.__module__}.{kind.__qualname__}"


def describe(subject: Subject) -> str:
    """Where a record comes from, for messages; never its payload."""
    if isinstance(subject, SourceRecord):
        return (
            f"the record for topic {subject.topic} read from {subject.source_partition} up to {subject.source_offset}"
        )
    return f"the record {subject.topic}-{subject.partition} at offset {subject.offset}"


def _log_details(subject: Subject) -> str:
    if isinstance(subject, SourceRecord):
        return f", where source record is = {subject!r}"
    return (
        f", where consumed record is {{topic='{subject.topic}', partition={subject.partition}, "
        f"offset={subject.offset}, timestamp={subject.batch.timestamps[subject.at]}, "
        f"timestampType={subject.batch.timestamp_types[subject.at]}}}"
    )
