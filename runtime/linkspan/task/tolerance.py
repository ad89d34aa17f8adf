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
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple, Protocol, TypeVar

from linkspan.api.errors import ConfigError, ConnectError, CredentialsError, RetriableError
from linkspan.api.records import NO_TIMESTAMP_TYPE, SourceRecord
from linkspan.log.port import FetchedRecord, OutgoingBatch, WireHeader
from linkspan.task.reaction import RefusedRecordError, as_outage, is_hopeless
from linkspan.task.traces import text_of

__all__ = [
    "DROPPED",
    "FAILED",
    "PRODUCE_CLASS",
    "PUT_CLASS",
    "UNCONVERTED",
    "Consumed",
    "Coordinates",
    "Dropped",
    "ErrorLog",
    "ErrorPolicy",
    "Failure",
    "Read",
    "Reporter",
    "Stage",
    "Subject",
    "Tolerance",
    "Unconverted",
    "Underway",
    "class_name",
    "describe",
]

_log = logging.getLogger(__name__)
_FIRST_DELAY_MS: Final = 300
FAILED: Final = "failed "
"""What names of counters of failed records begin with; stage and class of the error follow, with a blank between."""
_MOST_KINDS: Final = 50
PUT_CLASS: Final = "org.apache.kafka.connect.sink.SinkTask"
"""What was executing when a put failed, as the original names it."""
PRODUCE_CLASS: Final = "org.apache.kafka.connect.runtime.WorkerSourceTask"
"""What was executing when the log did not take a record, as the original names it."""
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


class Read(Protocol):
    """A batch of records of one topic, as far as those need to know it who look at one of them."""

    topic: str

    def record(self, index: int) -> FetchedRecord:
        """One of them."""
        ...


class Consumed(NamedTuple):
    """A record as it lies in the log: the batch it was read with and its place there."""

    batch: Read
    at: int

    @property
    def topic(self) -> str:
        """Topic it was read from."""
        return self.batch.topic

    @property
    def record(self) -> FetchedRecord:
        """All of it."""
        return self.batch.record(self.at)

    @property
    def partition(self) -> int:
        """Partition it was read from."""
        return self.record.partition

    @property
    def offset(self) -> int:
        """Offset it was read from."""
        return self.record.offset


class Coordinates(NamedTuple):
    """Where a record that was read lies: all that is left to know of it once its batch is gone."""

    topic: str
    partition: int
    offset: int


class Unconverted(Enum):
    """Type of :data:`UNCONVERTED`."""

    UNCONVERTED = "unconverted"


UNCONVERTED: Final = Unconverted.UNCONVERTED
"""In place of bytes that there are not yet."""


class Underway:
    """A record on its way into the log, as far as it got.

    Args:
        origin: as the task made it.
        seen: as the stage that failed got it: after transforms.

    Attributes:
        key: its bytes, once converted.
        value: its bytes, once converted.
        headers: those for the log, once converted.
    """

    __slots__ = ("headers", "key", "origin", "seen", "value")

    def __init__(self, origin: SourceRecord, seen: SourceRecord) -> None:
        self.origin = origin
        self.seen = seen
        self.key: bytes | Unconverted | None = UNCONVERTED
        self.value: bytes | Unconverted | None = UNCONVERTED
        self.headers: Sequence[WireHeader] | Unconverted | None = UNCONVERTED

    @classmethod
    def converted(cls, origin: SourceRecord, batch: OutgoingBatch, at: int) -> Underway:
        """A record that the log refused."""
        record = cls(origin, origin)
        record.key = None if batch.keys is None else batch.keys[at]
        record.value = batch.values[at]
        record.headers = None if batch.headers is None else batch.headers[at]
        return record


Subject = Underway | Consumed
"""The record at fault: on its way into the log, or as it was read."""


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

    def report(self, failures: Sequence[Failure]) -> None:
        """Take note; must not raise because of the records."""
        ...

    def counts(self) -> dict[str, float]:
        """What there is to measure."""
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

    Verdicts are reported a batch at a time: whoever works on a batch calls :meth:`report` when it is through with it,
    or :meth:`forget` when an outage came in between and the whole batch is done again later. So no record is reported
    twice for one failure, and reporters can do many at once.

    Args:
        policy: the ``errors.*`` keys.
        reporters: told of every failed record.
        pause: sleeps that many seconds, less when the task is to stop; returns whether it is to stop.
    """

    def __init__(self, policy: ErrorPolicy, reporters: Sequence[Reporter], pause: Callable[[float], bool]) -> None:
        self.policy = policy
        self._reporters = list(reporters)
        self._pause = pause
        self._noted: list[Failure] = []
        self._handed_over: deque[Failure] = deque()
        self._kinds: Counter[str] = Counter()
        self._failures = 0
        self._errors = 0
        self._retries = 0
        self._skipped = 0
        self._last_error_ms = 0

    def add(self, reporter: Reporter) -> None:
        """From now on, tell this one too."""
        self._reporters.append(reporter)

    @property
    def noted(self) -> int:
        """How many failures wait to be reported."""
        return len(self._noted)

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
            OutageError: something else does not work for now; no verdict on the record.
            CredentialsError, ConfigError, FencedError, MemoryError: no verdict either, and nothing that waiting helps.
            DataError: it failed and that is not tolerated.
        """
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - supervision point: converters and transforms are plugins
            return self.recover(stage, executing, error, call, subject)

    def recover(
        self, stage: Stage, executing: str, error: Exception, call: Callable[[], T], subject: Subject
    ) -> T | Dropped:
        """Like :meth:`attempt` when the first attempt has failed already with ``error``."""
        self._failures += 1
        deadline = None if self.policy.retry_timeout_ms < 0 else time.monotonic() + self.policy.retry_timeout_ms / 1000
        attempt = 0
        while True:
            _raise_unless_of_record(stage, executing, error, subject)
            if not isinstance(error, RetriableError) or (deadline is not None and time.monotonic() >= deadline):
                break
            attempt += 1
            self._retries += 1
            if self._pause(self._delay(attempt, deadline)):
                # not a verdict on the record: it is processed again after the next start
                raise ConnectError("The task was stopped while it retried a record.") from error
            try:
                return call()
            except Exception as again:  # noqa: BLE001 - supervision point: converters and transforms are plugins
                self._failures += 1
                error = again
        self._note(Failure(stage, executing, error, subject))
        return DROPPED

    def fail(self, failure: Failure) -> None:
        """Note a record that failed for good outside of the stages above; see :meth:`report`.

        Raises:
            DataError: failures are not tolerated; names the record.
        """
        self._failures += 1
        self._note(failure)

    def hand_over(self, failure: Failure) -> None:
        """Like :meth:`fail`, from any thread: reporters are told by the next :meth:`report`, whatever is forgotten.

        Raises:
            DataError: failures are not tolerated; names the record.
        """
        self._handed_over.append(failure)
        if not self.policy.tolerate_all:
            raise _refusal(failure) from failure.error

    def _note(self, failure: Failure) -> None:
        self._noted.append(failure)
        if not self.policy.tolerate_all:
            self.report()
            raise _refusal(failure) from failure.error

    def report(self) -> None:
        """Tell the log and the dead letter queue of what was noted, or handed over, since the last time."""
        for _ in range(len(self._handed_over)):
            self._failures += 1
            self._noted.append(self._handed_over.popleft())
        if not self._noted:
            return
        noted = self._noted
        for reporter in self._reporters:
            reporter.report(noted)
        self._noted = []  # not before all are told: no offset is committed while anything waits here
        self._errors += len(noted)
        self._last_error_ms = int(time.time() * 1000)
        for (stage, kind), count in Counter([(each.stage, type(each.error)) for each in noted]).items():
            self._kinds[self._name_of(stage, kind)] += count
        if self.policy.tolerate_all:
            self._skipped += len(noted)
        self._let_go(noted)

    def _name_of(self, stage: Stage, kind: type) -> str:
        name = f"{FAILED}{stage.value} {kind.__module__}.{kind.__qualname__}"
        return name if name in self._kinds or len(self._kinds) < _MOST_KINDS else f"{FAILED}{stage.value} other"

    def forget(self) -> None:
        """What was noted since the last report is found out again; what was handed over is not."""
        noted, self._noted = self._noted, []
        self._let_go(noted)

    def _let_go(self, failures: Sequence[Failure]) -> None:
        """Let go of what traces hold: the frames of the whole call, and so each batch, in circles with the errors."""
        if self.policy.tolerate_all:
            for failure in failures:
                if failure.stage is not Stage.TASK_PUT:
                    _forget_traces(failure.error)

    def counts(self) -> dict[str, float]:
        """What there is to measure, by the reporters too."""
        counts: dict[str, float] = {
            "total-record-failures": self._failures,
            "total-record-errors": self._errors,
            "total-records-skipped": self._skipped,
            "total-retries": self._retries,
            "last-error-timestamp": self._last_error_ms,
            **self._kinds,
        }
        for reporter in self._reporters:
            counts.update(reporter.counts())
        return counts

    def _delay(self, attempt: int, deadline: float | None) -> float:
        longest = self.policy.retry_delay_max_ms
        delay: float = _FIRST_DELAY_MS * 2 ** min(attempt - 1, 32)
        if delay > longest:
            # spread, so that many tasks do not come back at the same moment
            delay = random.random() * longest  # noqa: S311 - not for secrets
        seconds = delay / 1000
        return seconds if deadline is None else min(seconds, max(deadline - time.monotonic(), 0))


def _refusal(failure: Failure) -> RefusedRecordError:
    return RefusedRecordError(
        f"Tolerance exceeded in error handler: {failure.stage.value} with class '{failure.executing}' failed "
        f"for {describe(failure.subject)}: {text_of(failure.error)}"
    )


def _raise_unless_of_record(stage: Stage, executing: str, error: Exception, subject: Subject) -> None:
    outage = as_outage(error)
    if outage is not None:
        raise outage
    if not is_hopeless(error):
        return
    text = f"{stage.value} with class '{executing}' failed for {describe(subject)}: {text_of(error)}"
    if isinstance(error, CredentialsError):
        raise CredentialsError(text) from error
    if isinstance(error, ConfigError):
        raise ConfigError(text, error.key) from error
    raise error


def _forget_traces(error: BaseException | None) -> None:
    while error is not None and error.__traceback__ is not None:  # histories may run in circles
        error.__traceback__ = None
        cause, context = error.__cause__, error.__context__
        if cause is not None and context is not cause:
            _forget_traces(context)
        error = context if cause is None else cause


class ErrorLog:
    """Writes one line for each failed record (``errors.log.enable``).

    Args:
        task_id: ``connector-task``.
        with_records: whether the line names the record (``errors.log.include.messages``).
    """

    def __init__(self, task_id: str, *, with_records: bool) -> None:
        self._task_id = task_id
        self._with_records = with_records
        self._logged = 0

    def report(self, failures: Sequence[Failure]) -> None:
        """Log each failure with its trace."""
        for failure in failures:
            text = (
                f"Error encountered in task {self._task_id}. "
                f"Executing stage '{failure.stage.value}' with class '{failure.executing}'"
            )
            if self._with_records:
                text += _log_details(failure.subject)
            _log.error("%s.", text, exc_info=failure.error)
        self._logged += len(failures)

    def counts(self) -> dict[str, float]:
        """What there is to measure."""
        return {"total-errors-logged": self._logged}


def class_name(plugin: object) -> str:
    """Full name of a plugin's class as logs and headers show it: the Java name where it has one."""
    kind = type(plugin)
    return getattr(kind, "java_class", None) or f"{kind.__module__}.{kind.__qualname__}"


def describe(subject: Subject | Coordinates) -> str:
    """Where a record comes from, for messages; never its payload."""
    if isinstance(subject, Underway):
        origin = subject.origin
        return f"the record for topic {origin.topic} read from {origin.source_partition} up to {origin.source_offset}"
    return f"the record {subject.topic}-{subject.partition} at offset {subject.offset}"


def _log_details(subject: Subject) -> str:
    if isinstance(subject, Underway):
        return f", where source record is = {subject.origin!r}"
    record = subject.record
    stamp = f", timestamp={record.timestamp}, timestampType={record.timestamp_type}"
    return (
        f", where consumed record is {{topic='{subject.topic}', partition={record.partition}, offset={record.offset}"
        f"{'' if record.timestamp_type == NO_TIMESTAMP_TYPE else stamp}}}"
    )
