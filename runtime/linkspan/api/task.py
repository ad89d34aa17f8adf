"""Tasks: where records come from and go to. All methods run on one thread of a process of their own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic, Protocol, TypeVar

from linkspan.api.converter import Converter
from linkspan.api.fields import Config
from linkspan.api.records import (
    Offset,
    Partition,
    RecordMetadata,
    SinkBatch,
    SinkRecord,
    SourceRecord,
    TopicPartition,
)

__all__ = [
    "ErrantRecordReporter",
    "ErrantReport",
    "OffsetReader",
    "SinkTask",
    "SinkTaskContext",
    "SourceTask",
    "SourceTaskContext",
    "Task",
    "TransactionContext",
]

ConfigT = TypeVar("ConfigT", bound=Config)


class OffsetReader(Protocol):
    """Looks up how far reading got before."""

    def offset(self, partition: Partition) -> Offset | None:
        """Last committed offset of one source partition, or None."""
        ...

    def offsets(self, partitions: Sequence[Partition]) -> list[Offset | None]:
        """Last committed offsets of several source partitions, in their order."""
        ...


class TransactionContext(Protocol):
    """Says where transactions end. A request for a record that was returned already, or never is, has no effect."""

    def commit(self, record: SourceRecord | None = None) -> None:
        """Commit after ``record``, or after the records that the ``poll`` in progress, else the next one, returns."""
        ...

    def abort(self, record: SourceRecord | None = None) -> None:
        """Drop the records of the transaction up to this point, as above; their offsets are committed all the same.

        Asking for both at the same point makes the task fail.
        """
        ...


class SourceTaskContext(Protocol):
    """What the runtime offers a source task."""

    connector: str
    task: int

    @property
    def configs(self) -> Mapping[str, str]:
        """The task's configuration, with references resolved."""
        ...

    def converter(self, name: str, settings: Mapping[str, str], key: str | None = None) -> Converter:
        """A converter of values, for a task that makes them of something else itself; closed after the task's end.

        Args:
            name: its class, as in ``value.converter``.
            settings: its own settings.
            key: the configuration key that names it, for messages.

        Raises:
            ConfigError: there is no such converter, or a setting is wrong.
        """
        ...

    @property
    def offset_reader(self) -> OffsetReader:
        """The stored offsets of this connector."""
        ...

    @property
    def exactly_once(self) -> bool:
        """Whether what ``poll`` returns gets into the log together with the offsets after it, or not at all.

        False on a worker that does not deliver exactly once: offsets are stored some time after the records then.
        """
        ...

    @property
    def transaction(self) -> TransactionContext | None:
        """For the task to say where transactions end; None unless ``transaction.boundary`` is ``connector``.

        None, too, on a worker that does not deliver exactly once.
        """
        ...


class ErrantReport(Protocol):
    """A bad record that was handed over."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until its letter is in the dead letter queue, or was refused for good; at once if there is no queue.

        There is rarely a need to: no offset behind the record is committed before. Only the task's own thread can:
        the one that calls ``put``.

        Args:
            timeout: seconds to wait at most; None for as long as the task is wanted.

        Returns:
            whether that is so.

        Raises:
            CredentialsError: it will never be.
            ConnectError: it is called in another thread.
        """
        ...


class ErrantRecordReporter(Protocol):
    """Takes records that the target refuses, so that ``put`` can go on with the rest."""

    def report(self, record: SinkRecord, error: Exception) -> ErrantReport:
        """Hand over a bad record, from any thread.

        A thread other than that of ``put`` has to be through with it before ``flush`` or ``pre_commit`` returns an
        offset behind the record: its letter is written before such an offset is committed, not before others.
        Of a task that stores offsets with its data (:meth:`SinkTask.stored_offsets`), it has to be through with it
        before the ``put`` or ``flush`` begins that stores an offset behind the record; or that call waits for the
        thread, and then for the letter (:meth:`ErrantReport.wait`).

        Raises:
            ConnectError: errors are not tolerated; the task fails, also when this is swallowed.
        """
        ...


class SinkTaskContext(Protocol):
    """What the runtime offers a sink task."""

    connector: str
    task: int

    @property
    def configs(self) -> Mapping[str, str]:
        """The task's configuration, with references resolved."""
        ...

    def converter(self, name: str, settings: Mapping[str, str], key: str | None = None) -> Converter:
        """As of a :class:`SourceTaskContext`."""
        ...

    @property
    def assignment(self) -> frozenset[TopicPartition]:
        """Partitions this task reads now."""
        ...

    @property
    def errant_record_reporter(self) -> ErrantRecordReporter | None:
        """Takes bad records, or None when neither a dead letter queue nor error logging is configured."""
        ...

    def rewind(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Read these partitions from these offsets on, before the next ``put``."""
        ...

    def timeout(self, ms: int) -> None:
        """Come back after at most ``ms`` milliseconds, once, with or without records."""
        ...

    def pause(self, *partitions: TopicPartition) -> None:
        """Deliver nothing of these partitions until :meth:`resume`."""
        ...

    def resume(self, *partitions: TopicPartition) -> None:
        """Deliver these partitions again."""
        ...

    def request_commit(self) -> None:
        """Commit offsets soon instead of at the next interval."""
        ...


class Task(ABC, Generic[ConfigT]):
    """Common to both directions. The runtime sets ``config`` and ``context`` before :meth:`start`."""

    config_class: ClassVar[type[Config]] = Config
    """Configuration of the task; the connector's own ``config_class`` when left alone."""

    java_class: ClassVar[str | None] = None
    """Name of the Java task it replaces; a Java worker in the same group then runs that one."""

    config: ConfigT

    @abstractmethod
    def start(self) -> None:
        """Connect, open, allocate. Raises whatever went wrong; the task is then FAILED."""

    @abstractmethod
    def stop(self) -> None:
        """Release everything. Called on the task's thread after the last ``poll`` or ``put``, also after a failure."""


class SourceTask(Task[ConfigT]):
    """Reads an external system."""

    context: SourceTaskContext

    @abstractmethod
    def poll(self) -> Sequence[SourceRecord] | None:
        """Wait a moment for new records and return them; None or nothing when there are none.

        Must return by itself within about a second so that the task can be paused and stopped. A list of
        :class:`SourceRecord` or a :class:`~linkspan.api.records.SourceBatch`.

        Raises:
            RetriableError: try again later; OutageError when another system is down.
        """

    def commit(self) -> None:
        """The offsets of everything acknowledged so far have been stored. Failures are only logged."""

    def commit_record(self, record: SourceRecord, metadata: RecordMetadata | None) -> None:
        """One record was acknowledged, or dropped on the way (``metadata`` None).

        A task that does not override this spares the runtime a callback for every record; see :meth:`commit_batch`.
        """

    def commit_batch(self, records: Sequence[SourceRecord]) -> None:
        """Every record that one ``poll`` returned was acknowledged, or dropped (and set aside, where asked for).

        For a task that has to know when what it read is safe, and not where each record is. Failures are only logged.

        Args:
            records: the very object that ``poll`` returned. Each comes once, in the order of the polls.
        """


class SinkTask(Task[ConfigT]):
    """Writes to an external system."""

    takes_large_batches: ClassVar[bool] = False
    """Whether ``put`` takes more than ``max.poll.records`` records at once."""

    context: SinkTaskContext

    @property
    def reads_committed(self) -> bool:
        """Whether records of transactions that are undone, or have not ended, must not get here.

        The consumer then has ``isolation.level=read_committed``, and a task whose user wants something else fails.
        Asked once, before :meth:`start`, with ``config`` set.
        """
        return False

    @abstractmethod
    def put(self, records: SinkBatch) -> None:
        """Take records, possibly none. What is not written yet must be by the time :meth:`flush` returns.

        Raises:
            RetriableError: the same records come again. An OutageError (UnreachableError, ThrottledError) as well, with
                one warning for all of it and growing pauses.
            BatchError: the named records are at fault, the others were written.
            DataError: some record is at fault; the same records come again in halves until it is found.
            CredentialsError, ConfigError: a person has to change something; the task fails, as for any other error.
        """

    def flush(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Write everything up to these offsets (exclusive)."""

    def pre_commit(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        """Return the offsets that may be committed; the next record to read, per partition."""
        self.flush(offsets)
        return offsets

    def open(self, partitions: Sequence[TopicPartition]) -> None:
        """These partitions are read from now on."""

    def stored_offsets(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int | None] | None:
        """Where to go on, by what the target itself holds: for a sink that stores offsets with its data.

        Overriding this makes the target's answer the one that counts. It is asked after :meth:`open`, before a batch
        is put again, and before every commit: reading goes on from it, records before it do not come again, and the
        consumer group is given the same offsets but never more.

        Args:
            partitions: whose offsets are wanted.

        Returns:
            the next record to read, per partition; None, or no entry, where the target has stored none: then reading
            goes on where the consumer group says. None instead of all that from a task whose configuration stores no
            offsets: then they are the consumer group's alone, as if this were not overridden.

        Raises:
            RetriableError: the target does not answer; it is asked again.
            FencedError: somebody newer took over.
        """
        return None

    def close(self, partitions: Sequence[TopicPartition]) -> None:
        """These partitions are read no longer."""
