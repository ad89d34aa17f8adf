"""A simulated worker: connectors and tasks that start slowly, fail, hang; and the book of who runs what when."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from linkspan.api.errors import AlreadyExistsError, ConnectError, FencedError, NotFoundError, RetriableError
from linkspan.herder.task_guard import SourceGuard
from linkspan.worker.clients import transactional_id
from linkspan.worker.restarts import PLACE_LOST, History, Restarts
from tests.herder.fakes import CATALOG, Report
from tests.simulation.clock import VirtualLoop
from tests.simulation.ledger import Ledger
from tests.simulation.log import Weather
from tests.simulation.producers import Connection, Coordinator

GRACEFUL_SECONDS = 5.0
CALL_SECONDS = 90.0
GROUP = "workers"
NONSENSE = "some"
"""A number of tasks that is refused, after a long look."""
DAWDLING = 0.1
"""How often a task takes its time between two steps."""
WRITES = (0.5, 4.0)
"""Seconds between two writes of a source that delivers exactly once, about."""

Item = tuple[str, int]
"""A task of a connector; -1 stands for the connector instance."""


@dataclass
class Run:
    """One life of a connector instance or task."""

    process: str
    item: Item
    config: dict[str, str]
    target: str
    told: Callable[[Run, str, str | None], None]
    restarts: History = field(default_factory=History)
    returns: History = field(default_factory=lambda: History(PLACE_LOST))
    state: str = "UNASSIGNED"
    task_set: int = -1
    taking_over: bool = False
    life: asyncio.Task[None] | None = None

    def __str__(self) -> str:
        return f"{self.process}'s {self.item[0]}-{self.item[1]}"

    def report(self, state: str, trace: str | None = None) -> None:
        """Reach a state."""
        self.told(self, state, trace)


@dataclass
class Book:
    """Who runs what.

    Attributes:
        member: whether a process is a member of the group by the newest round.
        told: takes what happens, for the trace.
        breaches: rules that were broken.
        runs: by item and process.
    """

    member: Callable[[str], bool]
    told: Callable[[str], None]
    breaches: list[str] = field(default_factory=list)
    runs: dict[Item, dict[str, Run]] = field(default_factory=dict)

    def begin(self, run: Run) -> None:
        here = self.runs.setdefault(run.item, {})
        self.told(f"{run.process} begins {run.item[0]}-{run.item[1]}")
        if run.process in here:
            self.breaches.append(f"{run.process} begins {run.item} though it runs it already")
        if self.member(run.process):
            others = [process for process in here if process != run.process and self.member(process)]
            if others:
                self.breaches.append(f"{run.process} begins {run.item} while {', '.join(others)} runs it")
        here[run.process] = run

    def end(self, run: Run) -> None:
        here = self.runs.get(run.item, {})
        if here.get(run.process) is run:
            del here[run.process]
            self.told(f"{run.process} ends {run.item[0]}-{run.item[1]}")

    def crash(self, process: str) -> None:
        """Children die with their worker."""
        for here in self.runs.values():
            here.pop(process, None)


class SimulatedWorker:
    """What runs in one process.

    Attributes:
        on_status: takes states.
        on_reconfigure: takes wishes of connectors to cut their work anew.
        owns: says what belongs to this process.
        guard: of tasks that deliver exactly once; None where there are none.
        known_to: how far this process has read the config topic.
    """

    catalog = CATALOG
    cluster_id = "simulated"

    def __init__(
        self,
        process: str,
        loop: VirtualLoop,
        weather: Weather,
        book: Book,
        parts: Callable[[str], int],
        brokers: tuple[Connection, Coordinator, Ledger],
    ) -> None:
        self.on_status: Callable[[Report], None] = lambda _: None
        self.on_reconfigure: Callable[[str], None] = lambda _: None
        self.owns: Callable[[str, int | None], bool] = lambda *_: False
        self.guard: SourceGuard | None = None
        self.known_to: Callable[[], int] = lambda: 0
        self.process = process
        self._loop = loop
        self._weather = weather
        self._book = book
        self._parts = parts
        self._brokers, self._producers, self._ledger = brokers
        self.connectors: dict[str, Run] = {}
        self.tasks: dict[Item, Run] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._restarts = Restarts(self._begin_anew, self._here, self._owned, weather.chance.random)
        self._restarting: dict[Item, asyncio.Task[None]] = {}

    def _run(self, item: Item, config: dict[str, str], target: str) -> Run:
        return Run(self.process, item, config, target, self._report, History(self._weather.restarts))

    def _report(self, run: Run, state: str, trace: str | None = None) -> None:
        run.state = state
        for history in (run.restarts, run.returns):
            history.follow(state, self._loop.time())
        name, number = run.item
        self._book.told(f"{self.process} says {name}-{number} {state}")
        self.on_status(Report(name, None if number < 0 else number, state, trace))

    # --- restarts -----------------------------------------------------------------------------------------------

    def _failed(self, run: Run, trace: str) -> None:
        self._restarts.failed(run, trace, run.restarts)

    def _here(self, run: Run) -> bool:
        here = self.connectors.get(run.item[0]) if run.item[1] < 0 else self.tasks.get(run.item)
        return here is run

    def _owned(self, run: Run) -> bool:
        name, number = run.item
        return self.owns(name, None if number < 0 else number)

    def _begin_anew(self, run: Run) -> None:
        self._book.told(f"{self.process} restarts {run.item[0]}-{run.item[1]}")
        if run.item[1] < 0:
            self._restarting[run.item] = self._in_background(self._restart_connector(run))
            return
        self._book.end(run)
        again = self.tasks[run.item] = self._run(run.item, run.config, run.target)
        again.state, again.restarts, again.returns = run.state, run.restarts, run.returns
        again.task_set = run.task_set
        self._book.begin(again)
        again.life = self._in_background(self._live(again))

    async def _restart_connector(self, run: Run) -> None:
        with contextlib.suppress(ConnectError):
            await self._start(run)
            self._report(run, "RUNNING")
            self.on_reconfigure(run.item[0])

    async def _give_up_restart(self, run: Run) -> None:
        self._restarts.forget(run)
        restarting = self._restarting.pop(run.item, None)
        if restarting is not None and not restarting.done():
            restarting.cancel()
            await asyncio.wait([restarting])

    async def _work(self) -> None:
        """Time that something takes in a child."""
        await asyncio.sleep(self._weather.travel() * 3)

    # --- connectors -------------------------------------------------------------------------------------------------

    async def validate(self, props: dict[str, str | None]) -> dict[str, Any]:
        await self._work()
        errors = []
        if props["tasks.max"] == NONSENSE:
            await asyncio.sleep(self._weather.chance.uniform(0, 20))
            errors = [f"{NONSENSE} is no number"]
        info = {"definition": {"name": "tasks.max"}, "value": {"name": "tasks.max", "errors": errors}}
        return {"name": props["connector.class"], "error_count": len(errors), "groups": [], "configs": [info]}

    async def plugin_config(self, name: str) -> list[dict[str, object]]:
        raise NotFoundError(name)

    async def start_connector(self, name: str, config: dict[str, str], target: str) -> None:
        if name in self.connectors:
            raise AlreadyExistsError(f"Connector with name {name} already exists")
        run = self.connectors[name] = self._run((name, -1), config, "")
        self._book.begin(run)
        await self._bring(run, target)

    async def set_connector_target(self, name: str, target: str) -> None:
        run = self._connector(name)
        await self._give_up_restart(run)
        await self._bring(run, target)

    async def _bring(self, run: Run, target: str) -> None:
        run.target = target
        if target == "STARTED":
            if run.state != "RUNNING":
                await self._start(run)
                self._report(run, "RUNNING")
        elif not (run.state == "FAILED" and target == "PAUSED"):
            await self._work()
            self._report(run, target)

    async def _start(self, run: Run) -> None:
        try:
            await self._work()
            if self._weather.happens(self._weather.broken_children / 2):
                self._book.told(f"{self.process}: the start of {run.item[0]} hangs")
                run.state = "UNASSIGNED"
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self._report(run, "FAILED", "simulated: given up")
            raise
        if self._weather.happens(self._weather.broken_children):
            self._failed(run, "simulated: start failed")
            raise ConnectError("simulated: start failed")

    async def stop_connector(self, name: str) -> None:
        run = self.connectors.pop(name, None)
        if run is None:
            return
        await self._give_up_restart(run)
        await self._work()
        self._book.end(run)
        if run.state not in {"FAILED", "STOPPED"}:
            self._report(run, "UNASSIGNED")

    async def task_configs(self, name: str) -> list[dict[str, str]]:
        run = self._connector(name)
        if run.state != "RUNNING":
            raise ConnectError(f"Connector {name} is {run.state}")
        parts = self._parts(name)
        await self._work()
        if self._weather.happens(self._weather.broken_children):
            self._failed(run, "simulated: task_configs failed")
            raise ConnectError("simulated: task_configs failed")
        count = min(int(run.config["tasks.max"]), parts)
        return [{"part": str(number), "version": run.config["version"]} for number in range(count)]

    def _connector(self, name: str) -> Run:
        if name not in self.connectors:
            raise NotFoundError(f"Connector {name} not found in this worker.")
        return self.connectors[name]

    def source_changed(self, name: str) -> None:
        """What the connector reads from has other parts than before."""
        run = self.connectors.get(name)
        if run is not None and run.state == "RUNNING":
            self.on_reconfigure(name)

    # --- tasks ------------------------------------------------------------------------------------------------------

    async def start_task(
        self,
        connector: str,
        task: int,
        config: dict[str, str],
        target: str,
        *,
        connector_config: dict[str, str],  # noqa: ARG002
        count: int,  # noqa: ARG002
    ) -> None:
        known = self.tasks.get((connector, task))
        if known is not None and known.state != "FAILED" and not self._restarts.waits(known):
            raise AlreadyExistsError(f"Task already exists in this worker: {connector}-{task}")
        if known is not None:
            self._restarts.forget(known)
            self._book.end(known)
        run = self.tasks[connector, task] = self._run((connector, task), config, target)
        run.task_set = self._ledger.set_before(connector, self.known_to())
        self._book.begin(run)
        run.life = self._in_background(self._live(run))

    async def _live(self, run: Run) -> None:
        await self._work()
        if self.tasks.get(run.item) is not run:
            return
        if self._weather.happens(self._weather.broken_children / 2):
            self._book.told(f"{self.process}: {run.item} hangs")
            run.state = "UNASSIGNED"
        elif self._weather.happens(self._weather.broken_children):
            self._failed(run, "simulated: start failed")
        elif self.guard is None:
            self._report(run, "RUNNING" if run.target == "STARTED" else run.target)
        else:
            await self._deliver_once(run, self.guard)

    async def _deliver_once(self, run: Run, guard: SourceGuard) -> None:
        """What a source that delivers exactly once does from its start to its end (spec/runtime.md 4.11)."""
        name, number = run.item
        writes_as = transactional_id(GROUP, name, number)
        try:
            epoch = await self._take_over(run, guard, writes_as)
            self._ledger.begins(str(run), name, run.task_set)
            self._report(run, "RUNNING" if run.target == "STARTED" else run.target)
            while True:
                await asyncio.sleep(self._weather.chance.uniform(*WRITES))
                if run.state == "RUNNING":
                    await self._write(run, writes_as, epoch)
        except FencedError as error:
            self._book.told(f"{run} is fenced")
            self._lose(run, error.message, run.returns)
        except ConnectError as error:
            self._lose(run, error.message, run.restarts)

    async def _take_over(self, run: Run, guard: SourceGuard, writes_as: str) -> int:
        run.taking_over = True
        try:
            await guard.fence_older(*run.item)
            await self._dawdle()
            epoch = await self._open(writes_as)
            await self._dawdle()
            await guard.confirm(*run.item)
            await self._dawdle()
        finally:
            run.taking_over = False
        return epoch

    async def _dawdle(self) -> None:
        await self._work()
        if self._weather.happens(DAWDLING):
            await asyncio.sleep(self._weather.chance.uniform(0, 15))

    async def _open(self, writes_as: str) -> int:
        while True:
            try:
                return await self._brokers.ask(lambda: self._producers.take_over(writes_as))
            except RetriableError:
                await asyncio.sleep(0.5)

    async def _write(self, run: Run, writes_as: str, epoch: int) -> None:
        def append() -> None:
            self._producers.check(writes_as, epoch)
            self._ledger.written(str(run), run.item[0], run.task_set)

        with contextlib.suppress(RetriableError):
            await self._brokers.ask(append)

    def _lose(self, run: Run, trace: str, history: History) -> None:
        if self.tasks.get(run.item) is run:
            self._restarts.failed(run, trace, history)

    async def fence_producers(self, name: str, config: dict[str, str], ids: Sequence[str]) -> None:  # noqa: ARG002
        for writes_as in ids:
            await self._brokers.ask(lambda writes_as=writes_as: self._producers.take_over(writes_as))

    async def stop_tasks(self, ids: Sequence[Item]) -> None:
        runs = [run for run in (self.tasks.pop(item, None) for item in ids) if run is not None]
        for run in runs:
            self._restarts.forget(run)
        await asyncio.gather(*(asyncio.shield(self._in_background(self._end(run))) for run in runs))

    async def _end(self, run: Run) -> None:
        if self._weather.happens(self._weather.broken_children):
            await asyncio.sleep(GRACEFUL_SECONDS)
        else:
            await self._work()
        if run.life is not None:
            run.life.cancel()
        self._book.end(run)
        if run.state != "FAILED":
            self._report(run, "UNASSIGNED")

    async def set_task_target(self, connector: str, task: int, target: str) -> None:
        run = self.tasks.get((connector, task))
        if run is not None:
            run.target = target
            if run.state in {"RUNNING", "PAUSED"}:
                self._report(run, "RUNNING" if target == "STARTED" else target)
            elif target == "PAUSED":
                self._restarts.hurry(run)

    def task_alive(self, connector: str, task: int) -> bool:
        run = self.tasks.get((connector, task))
        return run is not None and run.state != "FAILED" and not self._restarts.waits(run)

    def fail(self, item: Item) -> None:
        """A running task fails by itself."""
        run = self.tasks.get(item)
        if run is not None and run.state in {"RUNNING", "PAUSED"}:
            if run.life is not None:
                run.life.cancel()
            self._failed(run, "simulated: failed at work")

    def _in_background(self, work: Any) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def connector_offsets(self, name: str, config: dict[str, str]) -> list[dict[str, object]]:  # noqa: ARG002
        return []

    async def alter_offsets(self, name: str, config: dict[str, str], offsets: list[dict[str, object]]) -> bool:  # noqa: ARG002
        return False

    async def reset_offsets(self, name: str, config: dict[str, str]) -> bool:  # noqa: ARG002
        if self.guard is not None:
            self._ledger.offsets_changed(name, self.known_to())
        await self._work()
        return False
