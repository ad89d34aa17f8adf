"""What runs on this worker against what should: started, stopped, replaced until both agree (spec/runtime.md 4.2, 4.3).

Nothing here follows single events. Whatever has changed (an assignment, a configuration, a target state), the connector
is looked at again as a whole; so an event that is lost, repeated or overtaken makes no difference. Connector instance
and tasks have a lane each: an instance that takes long to start holds up no task.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from linkspan.api.errors import ConfigError, ConnectError, NotFoundError
from linkspan.herder.lanes import Lanes, Stage, report_failure
from linkspan.herder.port import STARTED, STOPPED, RunningWorker

__all__ = ["LocalWork", "Wanted", "WantedConnector", "WantedTask"]

_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 60.0
_log: Final = logging.getLogger("linkspan.herder")


@dataclass(frozen=True, slots=True)
class WantedConnector:
    """A connector instance that belongs here.

    Attributes:
        config: as submitted.
        target: STARTED, PAUSED or STOPPED.
        submission: counts how often a configuration was submitted; an instance of an older one is replaced.
    """

    config: Mapping[str, str]
    target: str
    submission: int = 0


@dataclass(frozen=True, slots=True)
class WantedTask:
    """A task that belongs here.

    Attributes:
        config: its own configuration.
        connector_config: of its connector.
        count: tasks of the connector.
        generation: counts how often the connector's work was cut; a task of an older one is replaced (2.3).
        target: STARTED or PAUSED.
    """

    config: Mapping[str, str]
    connector_config: Mapping[str, str]
    count: int
    generation: int
    target: str


class Wanted(Protocol):
    """What this worker is to run, by the newest assignment and the newest configuration."""

    def connector(self, name: str) -> WantedConnector | None:
        """The connector instance, if it belongs here."""
        ...

    def tasks(self, name: str) -> Mapping[int, WantedTask]:
        """The tasks of a connector that belong here."""
        ...

    def may_start(self) -> bool:
        """Whether the assignment still holds: while a rebalance is under way nothing new is begun."""
        ...


@dataclass(slots=True)
class _Instance:
    config: Mapping[str, str]
    target: str
    submission: int

    def serves(self, wanted: WantedConnector) -> bool:
        return (wanted.config, wanted.submission) == (self.config, self.submission)


@dataclass(slots=True)
class _Task:
    generation: int
    target: str


class LocalWork:
    """Runs what belongs here.

    Args:
        worker: runs connectors and tasks.
        wanted: says what belongs here.
        publish: takes a connector's task configurations whenever its work was cut.
        lanes: where work for connectors is queued.
    """

    def __init__(
        self,
        worker: RunningWorker,
        wanted: Wanted,
        publish: Callable[[str, list[dict[str, str]]], None],
        lanes: Lanes | None = None,
    ) -> None:
        self._worker = worker
        self._wanted = wanted
        self._publish = publish
        self._lanes = lanes or Lanes()
        self._instances: dict[str, _Instance] = {}
        self._tasks: dict[str, dict[int, _Task]] = {}
        self._to_cut: set[str] = set()
        self._failed_cuts: dict[str, int] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._endings: dict[asyncio.Task[None], str] = {}
        self._stopping = False
        self._stopped = asyncio.Event()

    # --- looking ------------------------------------------------------------------------------------------------

    def names(self) -> set[str]:
        """Connectors of which something runs here."""
        return {*self._instances, *self._tasks}

    def runs_connector(self, name: str) -> bool:
        """Whether the instance of a connector is here."""
        return name in self._instances

    def runs_task(self, name: str, task: int) -> bool:
        """Whether a task is here."""
        return task in self._tasks.get(name, {})

    def is_current(self, name: str, task: int) -> bool:
        """Whether a task that is here belongs here, as it was begun."""
        known = self._tasks.get(name, {}).get(task)
        wanted = self._wanted.tasks(name).get(task)
        return known is not None and wanted is not None and known.generation == wanted.generation

    # --- following ----------------------------------------------------------------------------------------------

    def follow(self, names: Iterable[str]) -> None:
        """Bring these connectors to what is wanted; nobody waits for it."""
        for name in names:
            if name in self._instances or self._wanted.connector(name) is not None:
                self._lanes.tell(name, partial(self._follow_instance, name), presses=self._instance_rests(name))
            if name in self._tasks or self._wanted.tasks(name):
                self._lanes.tell(_tasks_of(name), partial(self._follow_tasks, name))

    async def give_up(self, names: Collection[str]) -> None:
        """End whatever of these does not belong here any more, and wait until it has ended."""
        asked: list[Awaitable[None]] = []
        for name in names:
            if self._instance_ends(name):
                follow = partial(self._follow_instance, name)
                asked.append(self._lanes.ask(name, follow, presses=True, to_its_end=True))
            if self._surplus_tasks(name):
                asked.append(self._lanes.ask(_tasks_of(name), partial(self._follow_tasks, name), to_its_end=True))
        # What has begun to end already is in no list any more, and may still take its time.
        asked += [asyncio.shield(ending) for ending, name in self._endings.items() if name in names]
        for outcome in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(outcome, ConnectError):
                _log.warning("%s", outcome.message)
            elif isinstance(outcome, BaseException):
                raise outcome
        if self._stopping:
            # Lanes were given up, with what was queued in them.
            await self._stopped.wait()

    def _instance_ends(self, name: str) -> bool:
        wanted, running = self._wanted.connector(name), self._instances.get(name)
        return running is not None and (wanted is None or not running.serves(wanted))

    def _instance_rests(self, name: str) -> bool:
        """Whether the instance is to end or to stop, which waits for no start that takes long."""
        wanted, running = self._wanted.connector(name), self._instances.get(name)
        stops = running is not None and wanted is not None and wanted.target == STOPPED != running.target
        return stops or self._instance_ends(name)

    def _surplus_tasks(self, name: str) -> list[int]:
        wanted = self._wanted.tasks(name)
        return [
            number
            for number, task in self._tasks.get(name, {}).items()
            if number not in wanted or wanted[number].generation != task.generation
        ]

    async def _follow_instance(self, name: str, stage: Stage) -> None:
        if self._instance_ends(name):
            await self._end_instance(name, stage)
        wanted, running = self._wanted.connector(name), self._instances.get(name)
        if wanted is None:
            return
        if running is None:
            if self._wanted.may_start():
                await self._begin_instance(name, wanted, stage)
        elif running.target != wanted.target:
            running.target = wanted.target
            stage.begin(f"bringing connector {name} to the state {wanted.target}")
            bringing = self._worker.set_connector_target(name, wanted.target)
            if wanted.target == STARTED:
                await stage.giving_way(bringing)
                await self._cut(name, stage)
            else:
                # the worker waits for no end that takes long, and nobody would ask for this one again
                await bringing

    async def _begin_instance(self, name: str, wanted: WantedConnector, stage: Stage) -> None:
        self._instances[name] = _Instance(dict(wanted.config), wanted.target, wanted.submission)
        self._failed_cuts.pop(name, None)
        stage.begin(f"starting connector {name}")
        await stage.giving_way(self._worker.start_connector(name, dict(wanted.config), wanted.target))
        if wanted.target == STARTED:
            await self._cut(name, stage)

    async def _end_instance(self, name: str, stage: Stage) -> None:
        self._instances.pop(name, None)
        self._forget_timer(name)
        stage.begin(f"stopping connector {name}")
        await self._ended(name, self._worker.stop_connector(name))

    async def _follow_tasks(self, name: str, stage: Stage) -> None:
        running = self._tasks.setdefault(name, {})
        await self._end_tasks(name, self._surplus_tasks(name), stage)
        wanted = self._wanted.tasks(name)
        for number, task in sorted(wanted.items()):
            known = running.get(number)
            if known is None:
                await self._begin_task(name, number, task)
            elif known.target != task.target:
                known.target = task.target
                await self._worker.set_task_target(name, number, task.target)
        if not running:
            del self._tasks[name]

    async def _begin_task(self, name: str, number: int, task: WantedTask) -> None:
        if not self._wanted.may_start():
            return
        self._tasks.setdefault(name, {})[number] = _Task(task.generation, task.target)
        await self._worker.start_task(
            name,
            number,
            dict(task.config),
            task.target,
            connector_config=dict(task.connector_config),
            count=task.count,
        )

    async def _end_tasks(self, name: str, numbers: Sequence[int], stage: Stage) -> None:
        if not numbers:
            return
        for number in numbers:
            self._tasks[name].pop(number, None)
        stage.begin(f"stopping {len(numbers)} task(s) of connector {name}")
        await self._ended(name, self._worker.stop_tasks([(name, number) for number in numbers]))

    async def _ended(self, name: str, ending: Coroutine[Any, Any, None]) -> None:
        """Wait for the end of something; it goes on, and is waited for at last, where a lane is given up."""
        await asyncio.shield(self._begin_to_end(name, ending))

    def _begin_to_end(self, name: str, ending: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(ending, name=f"end {name}")
        self._endings[task] = name
        task.add_done_callback(self._endings.pop)
        return task

    # --- restarting ---------------------------------------------------------------------------------------------

    async def restart_connector(self, name: str) -> None:
        """Restart the instance.

        Raises:
            NotFoundError: it is not here any more.
            ConnectError: it failed to start.
        """
        await self._lanes.ask(name, partial(self._restart_instance, name), presses=True)

    async def restart_task(self, name: str, task: int) -> None:
        """Restart a task.

        Raises:
            NotFoundError: it is not here any more.
        """
        await self._lanes.ask(_tasks_of(name), partial(self._restart_tasks, name, [task]))

    def restart(
        self,
        name: str,
        *,
        instance: bool,
        tasks: Sequence[int],
        ended: Callable[[str, int | None], None] | None = None,
    ) -> None:
        """Restart what of these is here; nobody waits for it.

        Args:
            name: of the connector.
            instance: whether its instance is meant.
            tasks: that are meant.
            ended: told of the instance (None) and of each task when it has ended and is about to begin anew.
        """
        here = [number for number in tasks if self.runs_task(name, number)]
        if here:
            self._lanes.tell(_tasks_of(name), partial(self._restart_tasks, name, here, ended=ended))
        if instance and self.runs_connector(name):
            self._lanes.tell(name, partial(self._restart_instance, name, ended=ended), presses=True)

    async def _restart_instance(
        self, name: str, stage: Stage, ended: Callable[[str, int | None], None] | None = None
    ) -> None:
        await self._end_instance(name, stage)
        wanted = self._wanted.connector(name)
        if wanted is None:
            raise NotFoundError(f"Connector {name} does not run on this worker any more")
        if ended is not None:
            ended(name, None)
        await self._begin_instance(name, wanted, stage)

    async def _restart_tasks(
        self,
        name: str,
        numbers: Sequence[int],
        stage: Stage,
        ended: Callable[[str, int | None], None] | None = None,
    ) -> None:
        running = self._tasks.get(name, {})
        await self._end_tasks(name, [number for number in numbers if number in running], stage)
        wanted = self._wanted.tasks(name)
        for number in numbers:
            if number not in wanted:
                continue
            if ended is not None:
                ended(name, number)
            await self._begin_task(name, number, wanted[number])
        if gone := sorted(set(numbers) - wanted.keys()):  # which keep nothing else from beginning anew
            raise NotFoundError(f"Task {name}-{gone[0]} does not run on this worker any more")

    # --- cutting the work ---------------------------------------------------------------------------------------

    def recut(self, name: str) -> None:
        """Ask a connector for its task configurations, if it runs here; one that is queued sees what it wants."""
        if name in self._instances and name not in self._to_cut:
            self._to_cut.add(name)
            self._lanes.tell(name, partial(self._recut, name))

    async def _recut(self, name: str, stage: Stage) -> None:
        self._to_cut.discard(name)
        wanted = self._wanted.connector(name)
        if name not in self._instances or wanted is None or wanted.target != STARTED:
            return
        if self._failed_cuts.get(name):
            stage.begin(f"starting connector {name}")
            await stage.giving_way(self._worker.set_connector_target(name, STARTED))
        await self._cut(name, stage)

    async def _cut(self, name: str, stage: Stage) -> None:
        stage.begin(f"generating task configs for connector {name}")
        try:
            configs = await stage.giving_way(self._worker.task_configs(name))
        except ConfigError:
            raise  # its configuration has to change; asking again is of no use
        except ConnectError as error:
            self._cut_later(name, error)
            return
        self._failed_cuts.pop(name, None)
        self._publish(name, configs)

    def _cut_later(self, name: str, error: ConnectError) -> None:
        failed = self._failed_cuts.get(name, 0)
        self._failed_cuts[name] = failed + 1
        pause = min(_FIRST_PAUSE * 2**failed, _LONGEST_PAUSE)
        _log.error("Connector %s did not cut its work and is asked again in %g s: %s", name, pause, error.message)
        self._forget_timer(name)
        self._timers[name] = asyncio.get_running_loop().call_later(pause, self.recut, name)

    def _forget_timer(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    # --- the end ------------------------------------------------------------------------------------------------

    async def stop(self, seconds: float) -> None:
        """End everything; so many ``seconds`` are given to what is still queued."""
        self._stopping = True
        for name in list(self._timers):
            self._forget_timer(name)
        await self._lanes.close(seconds)
        for name, tasks in self._tasks.items():
            self._begin_to_end(name, self._worker.stop_tasks([(name, number) for number in tasks]))
        for name in self._instances:
            self._begin_to_end(name, self._worker.stop_connector(name))
        for ending in self._endings:
            ending.add_done_callback(report_failure)
        await asyncio.gather(*self._endings, return_exceptions=True)  # the rest of the worker has to end as well
        self._tasks.clear()
        self._instances.clear()
        self._stopped.set()


def _tasks_of(name: str) -> str:
    """The lane of a connector's tasks; no connector has a control character in its name."""
    return f"{name}\0tasks"
