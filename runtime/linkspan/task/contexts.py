"""What a task sees of the runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from linkspan.api.converter import Converter
from linkspan.api.errors import ConfigError, ConnectError
from linkspan.api.records import Offset, Partition, TopicPartition
from linkspan.api.task import ErrantRecordReporter, TransactionContext
from linkspan.task.port import WorkerPort

__all__ = ["LoadConverter", "SinkContext", "SourceContext", "StoredOffsets"]

LoadConverter = Callable[[str, Mapping[str, str], str | None], Converter]
"""Class, settings and configuration key of a converter of values → the converter."""


def _no_converters(name: str, settings: Mapping[str, str], key: str | None) -> Converter:  # noqa: ARG001 - the contract
    raise ConfigError(f"There are no converters here, so no {name}", key)


class StoredOffsets:
    """Source offsets as the worker has them.

    Args:
        port: the worker.
    """

    def __init__(self, port: WorkerPort) -> None:
        self._port = port

    def offset(self, partition: Partition) -> Offset | None:
        """Last committed offset of one source partition, or None."""
        return self._port.read_offsets([partition])[0]

    def offsets(self, partitions: Sequence[Partition]) -> list[Offset | None]:
        """Last committed offsets of several source partitions, in their order."""
        return self._port.read_offsets(partitions)


class SourceContext:
    """Context of a source task.

    Args:
        connector: name of the connector.
        task: number of the task.
        configs: the task's configuration.
        offset_reader: the stored offsets.
        transaction: takes where transactions end, or None.
        load_converter: makes converters for the task.
        exactly_once: whether the task delivers in transactions.
    """

    def __init__(
        self,
        connector: str,
        task: int,
        configs: Mapping[str, str],
        offset_reader: StoredOffsets,
        transaction: TransactionContext | None = None,
        load_converter: LoadConverter = _no_converters,
        *,
        exactly_once: bool = False,
    ) -> None:
        self._exactly_once = exactly_once
        self._load_converter = load_converter
        self._transaction = transaction
        self.connector = connector
        self.task = task
        self._configs = configs
        self._offset_reader = offset_reader

    @property
    def configs(self) -> Mapping[str, str]:
        """The task's configuration, with references resolved."""
        return self._configs

    def converter(self, name: str, settings: Mapping[str, str], key: str | None = None) -> Converter:
        """A converter of values; closed after the task's end."""
        return self._load_converter(name, settings, key)

    @property
    def offset_reader(self) -> StoredOffsets:
        """The stored offsets of this connector."""
        return self._offset_reader

    @property
    def exactly_once(self) -> bool:
        """Whether records and offsets get into the log in one transaction."""
        return self._exactly_once

    @property
    def transaction(self) -> TransactionContext | None:
        """Takes where transactions end, if the task may say so."""
        return self._transaction


class SinkContext:
    """Context of a sink task: collects what the task asks for; the loop does it when it may.

    Args:
        connector: name of the connector.
        task: number of the task.
        configs: the task's configuration.
        reporter: takes bad records, or None.
        load_converter: makes converters for the task.
    """

    def __init__(
        self,
        connector: str,
        task: int,
        configs: Mapping[str, str],
        reporter: ErrantRecordReporter | None = None,
        load_converter: LoadConverter = _no_converters,
    ) -> None:
        self._load_converter = load_converter
        self.connector = connector
        self.task = task
        self._configs = configs
        self._reporter = reporter
        self._rewinds: dict[TopicPartition, int] = {}
        self._timeout_ms: int | None = None
        self.commit_wanted = False
        """Whether a commit was asked for and not made yet; cleared by the loop."""
        self.assigned: set[TopicPartition] = set()
        """Kept by the loop."""
        self.paused: set[TopicPartition] = set()
        """Partitions that the task itself paused."""
        self.on_pause: Callable[[Iterable[TopicPartition]], None] = _nothing
        """Called with partitions the task just paused; set by the loop."""
        self.on_resume: Callable[[Iterable[TopicPartition]], None] = _nothing
        """Called with partitions the task just resumed; set by the loop."""

    @property
    def configs(self) -> Mapping[str, str]:
        """The task's configuration, with references resolved."""
        return self._configs

    def converter(self, name: str, settings: Mapping[str, str], key: str | None = None) -> Converter:
        """A converter of values; closed after the task's end."""
        return self._load_converter(name, settings, key)

    @property
    def assignment(self) -> frozenset[TopicPartition]:
        """Partitions this task reads now."""
        return frozenset(self.assigned)

    @property
    def errant_record_reporter(self) -> ErrantRecordReporter | None:
        """Takes bad records, or None when neither a dead letter queue nor error logging is configured."""
        return self._reporter

    def rewind(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Read these partitions from these offsets on, before the next ``put``."""
        self._rewinds.update(offsets)

    def timeout(self, ms: int) -> None:
        """Come back after at most ``ms`` milliseconds, once, with or without records."""
        self._timeout_ms = ms

    def pause(self, *partitions: TopicPartition) -> None:
        """Deliver nothing of these partitions until :meth:`resume`; raises ConnectError for one not assigned."""
        self._check(partitions, "pause")
        self.paused.update(partitions)
        self.on_pause(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        """Deliver these partitions again; raises ConnectError for one not assigned."""
        self._check(partitions, "resume")
        self.paused.difference_update(partitions)
        self.on_resume(partitions)

    def request_commit(self) -> None:
        """Commit offsets soon instead of at the next interval."""
        self.commit_wanted = True

    def take_rewinds(self) -> dict[TopicPartition, int]:
        """What :meth:`rewind` asked for since the last call."""
        rewinds, self._rewinds = self._rewinds, {}
        return rewinds

    def take_timeout(self) -> float | None:
        """Seconds that :meth:`timeout` asked for since the last call, or None."""
        ms, self._timeout_ms = self._timeout_ms, None
        return None if ms is None or ms < 0 else ms / 1000

    def _check(self, partitions: Iterable[TopicPartition], verb: str) -> None:
        foreign = sorted(set(partitions) - self.assigned)
        if foreign:
            names = ", ".join(map(str, foreign))
            raise ConnectError(
                f"SinkTasks may not {verb} partitions that are not currently assigned to them: {names} "
                f"(connector {self.connector}, task {self.task})."
            )


def _nothing(_: Iterable[TopicPartition]) -> None:
    """Before the loop runs there is nothing to pause."""
