"""The task process's view of the control channel to its worker.

The worker implements :class:`WorkerPort` with a reader thread beside the task's own thread; tests implement it in a few
lines. Nothing here is called per record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from linkspan.api.records import Offset, Partition, TopicPartition
from linkspan.log.port import TopicSpec
from linkspan.task.suspects import AnySpan

__all__ = ["TaskState", "WantedState", "WorkerPort"]

WantedState = Literal["STARTED", "PAUSED", "STOPPED"]
"""What the worker wants of the task. ``STOPPED`` is final."""

TaskState = Literal["RUNNING", "PAUSED", "FAILED", "UNASSIGNED", "DISPLACED"]
"""What the task reports.

UNASSIGNED is its last word after a clean stop, DISPLACED when somebody else has fenced it (by its place in the
consumer group, or by its transactional id) or the log has given up its transaction, FAILED after any other end.
"""


class WorkerPort(Protocol):
    """The control channel as the task sees it."""

    @property
    def wanted(self) -> WantedState:
        """What the worker wants now.

        Changed by another thread at any time, never away from ``STOPPED``.
        """
        ...

    def wait(self, timeout: float) -> None:
        """Sleep at most ``timeout`` seconds; return early once :attr:`wanted` has changed since the last call.

        A change that happened before the call counts, so that nobody sleeps through it.
        """
        ...

    def status(self, state: TaskState, trace: str | None = None, code: str = "") -> None:
        """Report a new state.

        Args:
            state: the state.
            trace: Python stack trace of a failure.
            code: of the failure, as :mod:`linkspan.api.errors` has them.
        """
        ...

    def calling(self, name: str | None) -> None:
        """Mark the plugin method (``start``, ``poll``, ``put``, …) that is entered, or None when it returned.

        Costs no more than an attribute assignment; the heartbeat thread reads it to report stalled calls.
        """
        ...

    def in_flight(self, call: str, spans: Sequence[AnySpan], *, alone: bool = False) -> None:
        """Note what is being worked on, for whoever looks when this process has died; no records for nothing.

        Costs one system call; survives whatever ends the process.

        Args:
            call: what is done with the records: ``put``, ``pre_commit`` or ``conversion``.
            spans: the records.
            alone: whether all others before are done with, as far as the task says.
        """
        ...

    def passed(self, spans: Sequence[AnySpan]) -> None:
        """These records, which were suspected to kill the process, are done with."""
        ...

    def read_offsets(self, partitions: Sequence[Partition]) -> list[Offset | None]:
        """Last committed source offset of each partition, in their order. Blocks until the worker answers.

        Raises:
            ConnectError: the offsets cannot be read.
        """
        ...

    def commit_offsets(self, offsets: Sequence[tuple[Partition, Offset]], timeout: float) -> None:
        """Store source offsets; returns when they survive a crash of the worker.

        Args:
            offsets: the newest position of each partition.
            timeout: seconds to wait at most.

        Raises:
            RetriableError: not stored (in time), or not known to be; committing the same or newer ones again is safe.
            ConnectError: they can never be stored.
        """
        ...

    def fence_older(self) -> None:
        """Have tasks of older generations of this connector fenced; blocks until they can write nothing more.

        Raises:
            ConnectError: that is refused.
        """
        ...

    def confirm(self) -> None:
        """Ask once more whether this task is to run here, by the newest configuration; blocks until that is known.

        Raises:
            FencedError: it is not.
        """
        ...

    def offset_keys(self, partitions: Sequence[Partition]) -> list[bytes]:
        """Under which keys offsets of these source partitions are stored, in their order.

        Raises:
            RetriableError: the worker did not answer.
            ConnectError: they can never be stored.
        """
        ...

    def copy_offsets(self, offsets: Sequence[tuple[Partition, Offset]]) -> None:
        """Hand over offsets that are stored already, for the worker's copy of them; nobody waits for it."""
        ...

    def ensure_topic(self, spec: TopicSpec) -> bool:
        """Create a topic unless it exists; whether it was created now. Blocks until the worker answers.

        The worker does it, since an admin client has the worker's own credentials (spec/runtime.md 4.8).

        Raises:
            RetriableError: the log did not answer; ask again.
            ConnectError: the topic does not exist and cannot be created.
        """
        ...

    def topics_used(self, names: Sequence[str]) -> None:
        """Topics this task has used; those in constant use are named again every few seconds."""
        ...

    def lingers(self) -> None:
        """This task ends, but its consumer group keeps its place."""
        ...

    def metrics(self, values: Mapping[str, float], lag: Mapping[TopicPartition, int]) -> None:
        """Current values, when they have changed; called at most about once in five seconds.

        Args:
            values: of the task's counters.
            lag: records of each partition that a sink task has not put yet, as far as known.
        """
        ...
