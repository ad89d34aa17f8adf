"""A whole worker in a test: the embedded log, the real supervisor and herder, real task processes; no REST server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from linkspan import KAFKA_VERSION, __version__
from linkspan.api import ConnectError, SinkConnector, SourceConnector, TopicPartition
from linkspan.config.providers.references import Resolution
from linkspan.herder.standalone import StandaloneHerder
from linkspan.log.embedded import EmbeddedLog
from linkspan.log.port import OutgoingBatch, TopicSpec
from linkspan.plugins.catalog import Catalog, PluginInfo
from linkspan.task.spec import TaskSpec
from linkspan.testing.content import TopicContent
from linkspan.testing.faults import Fault, FaultySpec
from linkspan.testing.poison import Poison
from linkspan.testing.transactions import LogOffsetStore, NoGuard, in_transactions
from linkspan.worker import clients
from linkspan.worker.events import StatusEvent
from linkspan.worker.offsets import FileOffsetStore, OffsetStore
from linkspan.worker.supervisor import Worker

__all__ = ["EmbeddedWorker", "describe"]

T = TypeVar("T")

_TEXT: Final = "org.apache.kafka.connect.storage.StringConverter"
_PROPERTIES: Final = {
    "key.converter": _TEXT,
    "value.converter": _TEXT,
    "offset.flush.interval.ms": "100",
    "task.shutdown.graceful.timeout.ms": "10000",
}
_CALL_SECONDS: Final = 60.0
_NAP: Final = 0.02


def describe(connector: type[Any]) -> PluginInfo:
    """What a catalog says about a connector class, however it is installed.

    Raises:
        ConnectError: no other process could import it.
    """
    if connector.__module__ == "__main__" or "<locals>" in connector.__qualname__:
        raise ConnectError(f"{connector.__qualname__} has to be in a module that a task's process can import")
    path = f"{connector.__module__}:{connector.__qualname__}"
    kind = "source" if issubclass(connector, SourceConnector) else "sink"
    return PluginInfo(kind, connector.java_class or path.replace(":", "."), path, connector.version)


class _Worker(Worker):
    """A worker with more plugins than those installed, and with faults in its tasks."""

    def __init__(
        self,
        properties: Mapping[str, str],
        log: EmbeddedLog,
        store: OffsetStore,
        more: Sequence[PluginInfo],
        *,
        transactions: bool,
    ) -> None:
        super().__init__(properties, log, store)
        self.faults: dict[tuple[str, int], Fault] = {}
        self._more = more
        self._transactions = transactions

    async def _scan(self) -> None:
        await super()._scan()
        known = {info.python_path for info in self.catalog.plugins}
        self._catalog = Catalog([*self.catalog.plugins, *(i for i in self._more if i.python_path not in known)])

    def _spec(self, connector: str, task: int, *config: Resolution) -> TaskSpec:
        spec = super()._spec(connector, task, *config)
        if self._transactions and spec.kind == "source":
            spec = replace(spec, exactly_once=in_transactions(connector, task))
        fault = self.faults.pop((connector, task), None)
        return spec if fault is None else FaultySpec.of(spec, fault)


class EmbeddedWorker:
    """A standalone worker on an embedded log; a context manager, to be used from any thread.

    Args:
        folder: where log and offsets are kept; two workers may not share it.
        connectors: classes that need not be installed; they have to be in importable modules.
        properties: worker settings besides, or instead of, the defaults: texts as keys and values, a commit every
            100 ms, 10 s for tasks to stop: a loaded machine is slow, and a task that hangs is found all the same.
        transactions: have sources deliver exactly once, as a group of workers with
            ``exactly.once.source.support=enabled`` does.
    """

    def __init__(
        self,
        folder: Path | str,
        connectors: Sequence[type[SourceConnector[Any] | SinkConnector[Any]]] = (),
        properties: Mapping[str, str] | None = None,
        *,
        transactions: bool = False,
    ) -> None:
        self.transactions = transactions
        self.folder = Path(folder)
        self.log = EmbeddedLog(str(self.folder / "log"))
        self._properties = {**_PROPERTIES, **(properties or {})}
        poison = PluginInfo("transformation", "Poison", f"{Poison.__module__}:{Poison.__qualname__}", Poison.version)
        self._more = [*map(describe, connectors), poison]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="embedded worker", daemon=True)
        self._worker: _Worker | None = None
        self._herder: StandaloneHerder | None = None
        self._events: list[StatusEvent] = []
        self._contents: dict[str, TopicContent] = {}
        self._lock = threading.Lock()

    # -- life --------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        """Start it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._admin = self.log.admin({})
        self._thread.start()
        try:
            self._call(self._start())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything that it runs, and itself."""
        try:
            self._call(self._stop())
        finally:
            for content in self._contents.values():
                content.close()
            self._admin.close()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_CALL_SECONDS)
            self._loop.close()

    async def _start(self) -> None:
        store: OffsetStore = LogOffsetStore(self.log)
        if not self.transactions:
            store = FileOffsetStore(str(self.folder / "offsets"))
        worker = _Worker(self._properties, self.log, store, self._more, transactions=self.transactions)
        worker.guard_tasks(NoGuard())
        self._worker = worker
        await worker.open_offsets()
        await worker.start()
        self._herder = herder = StandaloneHerder(
            worker, "embedded:0", {"version": KAFKA_VERSION, "commit": __version__}
        )
        worker.on_status = self._take_status
        worker.on_reconfigure = herder.on_reconfigure
        worker.on_reload = herder.on_reload
        worker.on_topics = herder.on_topics
        herder.ready()

    async def _stop(self) -> None:
        if self._herder is not None:
            await self._herder.stop(2.0)
        if self._worker is not None:
            await self._worker.stop()

    def _take_status(self, event: StatusEvent) -> None:
        self._events.append(event)
        self.herder.on_status(event)

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_CALL_SECONDS)

    @property
    def herder(self) -> StandaloneHerder:
        """The herder; its coroutines run on the worker's own loop only."""
        assert self._herder is not None, "the worker has not been started"
        return self._herder

    @property
    def worker(self) -> Worker:
        """The supervisor, for what this class does not offer."""
        assert self._worker is not None, "the worker has not been started"
        return self._worker

    # -- connectors --------------------------------------------------------------------------------------------------

    def validate(self, config: Mapping[str, str | None]) -> dict[str, Any]:
        """ConfigInfos as ``PUT /connector-plugins/…/config/validate`` answers them."""
        return self._call(self.herder.validate(dict(config)))

    def create(self, name: str, config: Mapping[str, str], fault: Fault | None = None, task: int = 0) -> None:
        """Create a connector, optionally with a fault in one of its tasks.

        Raises:
            ConnectError: as the REST request would fail.
        """
        self.arm(name, task, fault)
        self._call(self.herder.create_connector(name, {"name": name, **config}, None))

    def restart_task(self, name: str, task: int = 0, fault: Fault | None = None) -> None:
        """End a task if it runs, and start it, optionally with a fault."""
        self.arm(name, task, fault)
        self._call(self.herder.restart_task(name, task))

    def arm(self, name: str, task: int, fault: Fault | None) -> None:
        """Have a task that begins next have a fault, if there is one."""
        assert self._worker is not None
        if fault is not None:
            self._worker.faults[name, task] = fault

    def pause(self, name: str) -> None:
        """Pause a connector; its tasks follow in their time."""
        self._call(self.herder.set_target(name, "PAUSED"))

    def resume(self, name: str) -> None:
        """Resume a connector."""
        self._call(self.herder.set_target(name, "STARTED"))

    def stop(self, name: str) -> None:
        """Stop a connector: its tasks end, its configuration and offsets stay."""
        self._call(self.herder.stop_connector(name))

    def delete(self, name: str) -> None:
        """End and forget a connector."""
        self._call(self.herder.delete_connector(name))

    def offsets(self, name: str) -> list[dict[str, Any]]:
        """Offsets of a connector as REST shows them."""
        found: Any = self._call(self.herder.connector_offsets(name))["offsets"]
        return list(found)

    def alter_offsets(self, name: str, offsets: Sequence[Mapping[str, Any]]) -> None:
        """Set offsets of a stopped connector; raises ConnectError as the REST request would fail."""
        self._call(self.herder.alter_offsets(name, [dict(entry) for entry in offsets]))

    def reset_offsets(self, name: str) -> None:
        """Forget all offsets of a stopped connector; raises as :meth:`alter_offsets`."""
        self._call(self.herder.reset_offsets(name))

    def kill_task(self, name: str, task: int = 0, number: int = signal.SIGKILL) -> None:
        """Send a signal to the process of a task; SIGKILL unless said otherwise."""
        pid = self.worker.pids().get(f"{name}-{task}")
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    # -- what can be seen --------------------------------------------------------------------------------------------

    def tasks(self, name: str) -> list[tuple[str, str]]:
        """State and trace (empty for none) of every task of a connector, in order."""
        tasks: Any = self.herder.connector_status(name)["tasks"]
        return [(task["state"], task.get("trace") or "") for task in tasks]

    def task_count(self, name: str) -> int:
        """How many tasks a connector was cut into."""
        return len(self.herder.task_infos(name))

    def traces(self, name: str) -> list[str]:
        """Every trace that the worker ever reported for this connector and its tasks, oldest first."""
        return [event.trace for event in list(self._events) if event.connector == name and event.trace]

    def alive(self, name: str, task: int = 0) -> bool:
        """Whether a task has a process."""
        return self.worker.task_alive(name, task)

    def wait(self, condition: Callable[[], T], seconds: float = 30.0) -> T:
        """Wait until a condition holds, or for so many seconds; what it said last."""
        until = time.monotonic() + seconds
        while True:
            answer = condition()
            if answer or time.monotonic() > until:
                return answer
            time.sleep(_NAP)

    def wait_for(self, name: str, state: str, task: int = 0, seconds: float = 30.0) -> None:
        """Wait until a task is in a state.

        Raises:
            ConnectError: it was not in time; says in which it was, and its trace.
        """

        def reached() -> bool:
            states = self.tasks(name)
            return task < len(states) and states[task][0] == state

        if not self.wait(reached, seconds):
            raise ConnectError(f"Task {name}-{task} was not {state} within {seconds:g} s but {self.tasks(name)}")

    # -- the log -----------------------------------------------------------------------------------------------------

    def create_topic(self, topic: str, partitions: int = 1) -> None:
        """Create a topic unless it exists."""
        with self._lock:
            self._admin.create_topic(TopicSpec(topic, partitions, 1))

    def write(self, topic: str, values: Sequence[bytes | None], partition: int | None = None) -> None:
        """Append values to a topic, to one partition if it is named."""
        writer = self.log.writer({})
        try:
            writer.send(
                OutgoingBatch(topic, list(values), partitions=None if partition is None else [partition] * len(values))
            )
            writer.flush(_CALL_SECONDS)
        finally:
            writer.close(_CALL_SECONDS)

    def read(self, topic: str) -> list[bytes | None]:
        """Every value in a topic, by partition and offset; empty for a topic that does not exist."""
        with self._lock:
            if topic not in self._contents:
                self._contents[topic] = TopicContent(self.log, topic)
        return [row.value for row in sorted(self._contents[topic].rows(), key=lambda row: row[:2])]

    def group_lag(self, name: str, topic: str) -> int:
        """Records of a topic that the consumer group of a sink has not got behind it."""
        ends = self._ends(topic)
        with self._lock:
            known = self._admin.group_offsets(clients.sink_group(self._properties, {}, name))
        return sum(end - known.get(place, 0) for place, end in ends.items())

    def _ends(self, topic: str) -> dict[TopicPartition, int]:
        with self._lock:
            found = self._admin.describe_topics([topic])
            if topic not in found:
                return {}
            return dict(self._admin.end_offsets([TopicPartition(topic, n) for n in range(found[topic].partitions)]))
