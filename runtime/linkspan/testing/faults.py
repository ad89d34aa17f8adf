"""Faults at exact places of a task's life, inside its real process.

A :class:`Fault` strikes before or after a call of the task (``poll``, ``put``, …) or of the log on its behalf
(``send``, ``commit_group``, ``commit_offsets``). The process that gets one is an ordinary task process: the same
loops on the same log, with a trap around these calls.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from linkspan.api import Offset, Partition, RetriableError, SinkBatch, SinkTask, SourceTask, TopicPartition
from linkspan.log.port import Delivery, Log, OutgoingBatch, Reader, TransactionalWriter, Writer
from linkspan.plugins import loading
from linkspan.task.port import WantedState, WorkerPort
from linkspan.task.spec import TaskSpec
from linkspan.worker.child import ChannelPort, unpack

__all__ = ["TASK_CALLS", "Action", "Fault", "FaultySpec", "When", "task"]

When = Literal["before", "after"]
Action = Literal["kill", "freeze", "stop", "fail", "note"]
"""``kill`` is a SIGKILL, ``freeze`` a SIGSTOP, ``stop`` the worker's wish for a stop, ``fail`` a RetriableError;
``note`` leaves the mark only."""

TASK_CALLS: Final = (
    *("start", "poll", "commit", "open", "stored_offsets", "put", "flush", "pre_commit", "close", "stop"),
)
"""Calls of a task that a fault may strike at; besides those of the log and the worker."""

_SEEN_BY_IDENTITY: Final = frozenset({"stored_offsets", "commit_record", "commit_batch"})
"""The runtime looks whether a task overrides these."""

_COMMITS: Final = frozenset({"flush", "pre_commit", "commit_group"})


@dataclass(frozen=True)
class Fault:
    """One fault; it strikes once.

    In a sink with a fault at ``flush``, ``pre_commit`` or ``commit_group`` offsets are committed at once after every
    ``put``: who lets go of records before they are written has no time left to write them.

    Attributes:
        point: the call: one of :data:`TASK_CALLS`, ``send`` (a batch goes to the log), ``commit_offsets`` (the worker
            stores source offsets), ``commit_transaction`` (records and source offsets become visible) or
            ``commit_group`` (offsets go to the consumer group).
        when: on which side of the call.
        action: what happens.
        count: at which call, from 1; a ``put`` without records and a ``poll`` that returned none do not count.
        mark: file that comes into being when it strikes; none if empty.
        gate: file that has to be there before a call counts; none if empty.
    """

    point: str
    when: When = "before"
    action: Action = "kill"
    count: int = 1
    mark: str = ""
    gate: str = ""

    def __str__(self) -> str:
        return f"{self.action} {self.when} {self.point}"


@dataclass(frozen=True)
class FaultySpec(TaskSpec):
    """A task with a fault.

    Attributes:
        fault: what happens to it.
    """

    fault: Fault | None = None

    @classmethod
    def of(cls, spec: TaskSpec, fault: Fault) -> FaultySpec:
        """The same task with a fault."""
        return cls(**{**vars(spec), "job": f"{__name__}:task", "fault": fault})


class _Trap:
    """Waits for the call at which the fault strikes."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.stopping = False
        # a task that was restarted by its worker is described as it was before
        self._left = 0 if fault.mark and Path(fault.mark).exists() else fault.count

    @contextmanager
    def around(self, point: str) -> Iterator[None]:
        self.reach(point, "before")
        yield
        self.reach(point, "after")

    def reach(self, point: str, when: When) -> None:
        fault = self.fault
        if self._left == 0 or (point, when) != (fault.point, fault.when):
            return
        if fault.gate and not Path(fault.gate).exists():
            return
        self._left -= 1
        if self._left == 0:
            self._strike()

    def _strike(self) -> None:
        if self.fault.mark:
            Path(self.fault.mark).touch()
        if self.fault.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault.action == "freeze":
            os.kill(os.getpid(), signal.SIGSTOP)
        if self.fault.action == "stop":
            self.stopping = True
        if self.fault.action == "fail":
            raise RetriableError(f"Fault of a test: {self.fault}")


class _Delegate:
    """Passes on whatever it does not do itself."""

    def __init__(self, inner: Any, trap: _Trap) -> None:  # noqa: ANN401 - stands in for its port, whichever it is
        self._inner = inner
        self._trap = trap

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as above
        return getattr(self._inner, name)


class _Port(_Delegate):
    """The worker, which wants a stop as soon as the trap says so."""

    @property
    def wanted(self) -> WantedState:
        wanted: WantedState = self._inner.wanted
        return "STOPPED" if self._trap.stopping else wanted

    def wait(self, timeout: float) -> None:
        self._inner.wait(0.0 if self._trap.stopping else timeout)

    def commit_offsets(self, offsets: Sequence[tuple[Partition, Offset]], timeout: float) -> None:
        with self._trap.around("commit_offsets"):
            self._inner.commit_offsets(offsets, timeout)


class _Log(_Delegate):
    def writer(self, settings: Mapping[str, str]) -> Writer:
        writer: Writer = _Writer(self._inner.writer(settings), self._trap)
        return writer

    def transactional_writer(
        self, settings: Mapping[str, str], transactional_id: str, *, reports_records: bool = False
    ) -> TransactionalWriter:
        writer = self._inner.transactional_writer(settings, transactional_id, reports_records=reports_records)
        trapped: TransactionalWriter = _TransactionalWriter(writer, self._trap)
        return trapped

    def reader(self, settings: Mapping[str, str]) -> Reader:
        reader: Reader = _Reader(self._inner.reader(settings), self._trap)
        return reader


class _Writer(_Delegate):
    def send(
        self, batch: OutgoingBatch, on_record: Callable[[int, TopicPartition, int, int], None] | None = None
    ) -> Delivery:
        with self._trap.around("send"):
            sent: Delivery = self._inner.send(batch, on_record)
        return sent


class _TransactionalWriter(_Delegate):
    def send(
        self, batch: OutgoingBatch, on_record: Callable[[int, TopicPartition, int, int], None] | None = None
    ) -> None:
        with self._trap.around("send"):
            self._inner.send(batch, on_record)

    def commit(self, timeout: float | None = None) -> None:
        with self._trap.around("commit_transaction"):
            self._inner.commit(timeout)


class _Reader(_Delegate):
    def commit(
        self, offsets: Mapping[TopicPartition, int], *, callback: Callable[[Exception | None], None] | None = None
    ) -> None:
        with self._trap.around("commit_group"):
            self._inner.commit(offsets, callback=callback)


def _trapped(method: Callable[..., Any], name: str, trap: _Trap) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(task: object, *args: Any) -> Any:  # noqa: ANN401 - any of the task's methods
        counts = name != "put" or len(args[0]) > 0
        if counts:
            trap.reach(name, "before")
        result = method(task, *args)
        if counts and (name != "poll" or result):
            trap.reach(name, "after")
        return result

    return call


def _set_traps(task_class: type[Any], trap: _Trap) -> None:
    """Put the trap around a method of a class; this process has no other use for it."""
    name = trap.fault.point
    method = getattr(task_class, name, None)
    unused = {getattr(contract, name, None) for contract in (SourceTask, SinkTask)}
    if method is not None and not (name in _SEEN_BY_IDENTITY and method in unused):
        setattr(task_class, name, _trapped(method, name, trap))


def _commit_after_each_put(task_class: type[SinkTask[Any]]) -> None:
    put = task_class.put

    @functools.wraps(put)
    def call(task: SinkTask[Any], records: SinkBatch) -> None:
        put(task, records)
        if len(records) > 0:
            task.context.request_commit()

    task_class.put = call  # type: ignore[assignment, method-assign]  # this process has no other use for the class


def task(port: ChannelPort, args: Mapping[str, Any]) -> None:
    """Run a task that has a fault: the job of its child process."""
    from linkspan.task.host import run_task  # noqa: PLC0415 - the worker that imports this module does without

    spec: FaultySpec = unpack(args["spec"])
    assert spec.fault is not None
    trap = _Trap(spec.fault)
    task_class = loading.load(spec.plugin).task_class
    _set_traps(task_class, trap)
    if issubclass(task_class, SinkTask) and trap.fault.point in _COMMITS:
        _commit_after_each_put(task_class)
    log: Log = _Log(spec.log, trap)  # type: ignore[assignment]  # passes on what it does not do itself
    faulty: WorkerPort = _Port(port, trap)
    run_task(replace(spec, log=log), faulty)
