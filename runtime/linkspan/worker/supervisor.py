"""The worker as a herder sees it: connectors and tasks in child processes, and questions answered by children.

No plugin code, no client of the log and no record ever gets into this process.
"""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, cast

from linkspan import __version__
from linkspan.api.errors import AlreadyExistsError, ConnectError, NotFoundError, PluginError
from linkspan.config.providers.passwords import refuse_unresolved, warn_unresolved
from linkspan.config.providers.references import Resolution
from linkspan.config.worker import POLL_DEFAULT_MS
from linkspan.log.port import Log
from linkspan.observe.hiding import known_in
from linkspan.observe.metrics import Family
from linkspan.plugins.catalog import Catalog, PluginInfo
from linkspan.task.spec import ExactlyOnce, TaskSpec
from linkspan.worker import clients
from linkspan.worker.answers import Answers, TaskGuard
from linkspan.worker.channel import Message, encode_error
from linkspan.worker.child import pack
from linkspan.worker.connector_offsets import ConnectorOffsets, Offsets
from linkspan.worker.connector_restarts import ConnectorRestarts
from linkspan.worker.control_groups import ControlGroups
from linkspan.worker.deadlines import Deadlines, milliseconds
from linkspan.worker.deaths import Deaths
from linkspan.worker.events import StatusEvent
from linkspan.worker.memory import MemoryWatch, budget, prefetch
from linkspan.worker.metrics import worker_metrics
from linkspan.worker.nurseries import PRELOADED, Nurseries
from linkspan.worker.offsets import OffsetStore
from linkspan.worker.plugin_search import find_plugins
from linkspan.worker.process import ChildProcess
from linkspan.worker.process_table import ProcessTable
from linkspan.worker.questions import Questions
from linkspan.worker.reloads import POLL_KEY, Reload, Reloads
from linkspan.worker.resolver import Resolver
from linkspan.worker.restarts import PLACE_LOST, History, Restarts, policy_of
from linkspan.worker.room import Room
from linkspan.worker.running_connector import ConnectorHooks, RunningConnector
from linkspan.worker.running_task import RunningTask, TaskHooks
from linkspan.worker.starts import Starts, concurrency
from linkspan.worker.task_configs import check_task_count

__all__ = ["Worker"]

log = logging.getLogger(__name__)

_COME_UP_SECONDS = 2.0
_CLUSTER_ID_SECONDS = 30.0
_GIVE_UP_SECONDS = 5.0
_TRANSACTION_KEY = "transaction.timeout.ms"
_TRANSACTION_DEFAULT_MS = 60_000


def _ignore(*_: object) -> None:
    """Takes events that nobody asked for."""


class Worker:
    """Runs connectors and tasks.

    The ``on_`` attributes are called on the event loop and must not block; set them before :meth:`start`.
    ``member_id`` is asked what this worker is called in its group of workers, if it has one, and ``owns`` whether a
    task, or a connector instance (None), is this worker's by the newest assignment.

    Args:
        properties: the worker's configuration as it was written.
        log: where records live; passed on to children.
        offsets: keeps source offsets.
        catalog: the plugins, if they are known already.
        search: looks for them, if somebody has begun that; without either, :meth:`start` looks for what is installed.
        nurseries: where children come from, if somebody has started them already.
        keeps_places_as: group of workers whose sink tasks keep their places in their consumer groups beyond a death;
            None when they do not.
        delivers_once_as: group of workers whose sources deliver exactly once; None when they do not.
    """

    def __init__(
        self,
        properties: Mapping[str, str],
        log: Log,
        offsets: OffsetStore,
        *,
        catalog: Catalog | None = None,
        search: Awaitable[Catalog] | None = None,
        nurseries: Nurseries | None = None,
        keeps_places_as: str | None = None,
        delivers_once_as: str | None = None,
    ) -> None:
        self.cluster_id: str | None = None
        self.on_status: Callable[[StatusEvent], None] = _ignore
        self.on_reconfigure: Callable[[str], None] = _ignore
        self.on_topics: Callable[[str, int, list[str]], None] = _ignore
        self.on_reload: Callable[[Reload], None] = _ignore
        self.member_id: Callable[[], str | None] = lambda: None
        self.owns: Callable[[str, int | None], bool] = lambda _connector, _task: True
        self._properties = dict(properties)
        self._keeps_places_as = keeps_places_as
        self._log = log
        self._offsets = offsets
        self._catalog = catalog
        self._search = search
        self._deadlines = Deadlines.of(self._properties)
        self._nurseries = nurseries or Nurseries([*PRELOADED, *log.preload])
        at_once = concurrency(self._properties)
        self._starting = asyncio.Semaphore(at_once)
        self._starts = Starts(at_once)  # tasks that are slow to start hold up no question
        self._questions = Questions(self._nurseries, self._starting)
        # tasks that are coming up ask for topics: they must not wait for each other
        self._topics = Questions(self._nurseries, asyncio.Semaphore(at_once))
        self._delivers_once_as = delivers_once_as
        self._resolver = Resolver(
            self._properties, self._nurseries, lambda name: self.catalog.find("configprovider", name)
        )
        self._offsets_of_connectors = ConnectorOffsets(
            self._properties, log, offsets, self._resolver, lambda: self.catalog, self._ask, delivers_once_as
        )
        self._answers = Answers(self._offsets_of_connectors.places, self._ensure_topic)
        interval = milliseconds(self._properties, POLL_KEY, POLL_DEFAULT_MS)
        self._reloads = Reloads(self._resolver, interval, self._tell_reload)
        self._connectors: dict[str, RunningConnector] = {}
        self._tasks: dict[tuple[str, int], RunningTask] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._groups = ControlGroups()
        self._room = Room(self._groups)
        self._memory_watch: asyncio.Task[None] | None = None
        budget(self._properties, {})  # a wrong one is refused now, not with each task
        policy_of(self._properties, {})  # the same
        self._task_restarts = Restarts(
            self._begin_task_anew, self._task_here, lambda task: self.owns(task.connector, task.task)
        )
        self._connector_restarts = ConnectorRestarts(
            self._begin_connector_anew,
            lambda connector: self._connectors.get(connector.name) is connector,
            lambda connector: self.owns(connector.name, None),
            self._tell_reconfigure,
        )
        self._deaths = Deaths()
        self._task_hooks = TaskHooks(
            self._tell_status,
            self._take_question,
            self._tell_topics,
            self._task_failed,
            self._task_displaced,
            self._deaths,
        )
        self._connector_hooks = ConnectorHooks(
            self._tell_status, self._tell_reconfigure, self._take_question, self._connector_restarts.failed
        )

    # --- life ---------------------------------------------------------------------------------------------------

    @property
    def catalog(self) -> Catalog:
        """The plugins of this worker; known after :meth:`start`."""
        assert self._catalog is not None, "the worker has not been started"
        return self._catalog

    def guard_tasks(self, guard: TaskGuard) -> None:
        """Have somebody look after exactly-once tasks; to be called before any is started."""
        self._answers.guard = guard

    @property
    def nursery_pid(self) -> int | None:
        """Process id of the process that children are forked from."""
        return self._nurseries.pid

    async def open_offsets(self) -> None:
        """Read the source offsets; to be called before anything is started.

        Raises:
            CorruptStateError: they cannot be read.
            ConflictError: another worker uses them.
            ConnectError: the topic that keeps them is of no use.
        """
        await self._offsets.start()

    async def start(self) -> None:
        """Learn what plugins there are, ask the log who it is.

        Raises:
            UnreachableError: nobody answers at ``bootstrap.servers``.
            PluginError: children cannot be started.
        """
        await self._nurseries.start()
        watch = MemoryWatch(self._nurseries.children, self._groups, ProcessTable())
        self._memory_watch = asyncio.create_task(watch.run(), name="memory")
        await asyncio.gather(self._scan(), self._identify())

    async def _scan(self) -> None:
        if self._catalog is None:
            self._catalog = await (self._search or find_plugins(self._nurseries, ()))

    async def _identify(self) -> None:
        args: dict[str, Any] = {
            "log": pack(self._log),
            "settings": clients.admin_settings(self._properties, {}, "linkspan-worker-admin"),
            "timeout": _CLUSTER_ID_SECONDS,
        }
        what, hide = "ask the log for its id", known_in(args["settings"])
        self.cluster_id = await self._ask("cluster_id", args, what, _CLUSTER_ID_SECONDS + 10, hide=hide)

    async def stop(self) -> None:
        """End everything: tasks within the graceful timeout, then connectors, then every process."""
        await self._reloads.stop()
        await self.stop_tasks(list(self._tasks))
        await asyncio.gather(*(self.stop_connector(name) for name in list(self._connectors)))
        self._questions.kill()
        self._topics.kill()
        await self._resolver.stop()
        if self._background:
            await asyncio.wait(self._background, timeout=self._deadlines.graceful_stop)
        await self._offsets_of_connectors.places.close()
        await self._offsets.stop()
        if self._memory_watch is not None:
            self._memory_watch.cancel()
            await asyncio.wait([self._memory_watch])
        await self._nurseries.close()

    def set_log_level(self, logger: str, level: int) -> None:
        """Pass a changed log level on to all children; the root logger's name is empty."""
        message: Message = {"type": "level", "logger": logger or None, "level": level}
        for task in self._tasks.values():
            task.send(message)
        for connector in self._connectors.values():
            connector.send(message)
        self._resolver.send(message)

    # --- events -------------------------------------------------------------------------------------------------

    def _tell_status(self, event: StatusEvent) -> None:
        self.on_status(event)

    def _tell_reconfigure(self, connector: str) -> None:
        self.on_reconfigure(connector)

    def _tell_topics(self, connector: str, task: int, topics: list[str]) -> None:
        self.on_topics(connector, task, topics)

    def _tell_reload(self, reload: Reload) -> None:
        self.on_reload(reload)

    # --- questions ----------------------------------------------------------------------------------------------

    async def validate(self, props: dict[str, str | None]) -> dict[str, Any]:
        """Check a connector configuration; the ConfigInfos JSON of spec 1.9.

        Raises:
            PluginError: the plugin's check did not end within 90 s, or its process died.
            ConnectError: what the check raised.
        """
        resolved = await self._resolver.resolve(props)
        args: dict[str, Any] = {
            "catalog": self.catalog.to_json(),
            "props": resolved.config,
            "written": props,
            "unresolved": resolved.unresolved,
            "worker": self._validation_config(),
        }
        what = f"validate the configuration of connector {props.get('name')}"
        try:
            plugin = self.catalog.connector_of(resolved.config)
        except ConnectError:  # which the answer to the question says better
            plugin = None
        # a worker file may refer to a class, which is among what is recommended
        classes = {name for info in self.catalog.plugins for name in (info.class_name, *info.aliases)}
        hide = {*resolved.values.values(), *known_in(args["worker"])} - classes
        return cast("dict[str, Any]", await self._ask("validate", args, what, self._deadlines.request, plugin, hide))

    def _validation_config(self) -> dict[str, str]:
        """What the check of a connector has to know of the worker; no client settings, which hold secrets."""
        clients_of_worker = ("producer.", "consumer.", "admin.", "ssl.", "sasl.", "listeners.https.")
        secret = (*clients_of_worker, "config.providers.")
        return {key: value for key, value in self._properties.items() if not key.startswith(secret)}

    async def plugin_config(self, name: str) -> list[dict[str, Any]]:
        """Keys of a plugin as ``GET /connector-plugins/{name}/config`` lists them."""
        args = {"catalog": self.catalog.to_json(), "name": name}
        found = await self._ask("plugin_config", args, f"describe plugin {name}", self._deadlines.request)
        return cast("list[dict[str, Any]]", found)

    async def _ask(
        self,
        job: str,
        args: Mapping[str, Any],
        what: str,
        seconds: float,
        plugin: PluginInfo | None = None,
        hide: Collection[str] = (),
    ) -> Any:  # noqa: ANN401 - each job has its own answer
        return await self._questions.ask(
            job, args, context="worker", what=what, seconds=seconds, plugin=plugin, hide=hide
        )

    async def _resolve(self, name: str, task: int | None, *configs: Mapping[str, str | None]) -> list[Resolution]:
        """What something is made of that begins here; from now on it is looked whether that changes.

        Raises:
            ConnectError: a provider cannot say what a reference stands for.
        """
        answers = await self._resolver.ask(configs)
        self._reloads.note(name, task, configs, answers)
        return [answers.resolution(config) for config in configs]

    # --- connectors ---------------------------------------------------------------------------------------------

    async def start_connector(self, name: str, config: dict[str, str], target: str) -> None:
        """Bring up a connector; returns when it has reached ``target``.

        Raises:
            AlreadyExistsError: it is running here.
            ConnectError: it cannot be started; reported as FAILED too.
        """
        if name in self._connectors:
            message = f"Connector with name {name} already exists"
            raise AlreadyExistsError(message)
        try:
            (resolved,) = await self._resolve(name, None, config)
            plugin = self.catalog.connector_of(resolved.config)
            restarts = History(policy_of(self._properties, resolved.texts))
        except Exception as error:
            # supervision point, though what is expected is a ConnectError: who cannot be started is seen to be so
            self._tell_status(StatusEvent(name, None, "FAILED", str(encode_error(error)["trace"])))
            raise
        warn_unresolved(f"Connector {name}", resolved.unresolved)
        running = RunningConnector(
            name,
            plugin,
            resolved,
            nurseries=self._nurseries,
            starting=self._starting,
            hooks=self._connector_hooks,
            deadlines=self._deadlines,
        )
        running.restarts = restarts
        self._connectors[name] = running
        await running.set_target(target)

    async def stop_connector(self, name: str) -> None:
        """End a connector, within five seconds; one that does not run here is fine."""
        self._reloads.forget(name, None)
        running = self._connectors.pop(name, None)
        if running is not None:
            await self._connector_restarts.give_up(running)
            await running.stop()

    async def set_connector_target(self, name: str, target: str) -> None:
        """Start, pause or stop a connector that runs here.

        Raises:
            NotFoundError: it does not run here.
            ConnectError: it failed on the way.
        """
        running = self._connector(name)
        await self._connector_restarts.give_up(running)
        await running.set_target(target)

    async def task_configs(self, name: str) -> list[dict[str, str]]:
        """Let a running connector cut its work (spec 4.5).

        Raises:
            NotFoundError: it does not run here.
            ConnectError: it failed, took longer than 90 s, or made more tasks than ``tasks.max``.
        """
        return await self._connector(name).task_configs()

    async def _begin_connector_anew(self, connector: RunningConnector) -> None:
        await connector.restart(await self._renewed_connector(connector))

    async def _renewed_connector(self, connector: RunningConnector) -> Resolution:
        """Configuration of a connector that begins anew: its references may stand for something else by now."""
        try:
            (resolved,) = await self._resolve(connector.name, None, connector.resolution.written)
        except ConnectError as error:
            log.warning("%s begins anew with the values that it had: %s", connector, error.message)
            return connector.resolution
        return resolved

    def _connector(self, name: str) -> RunningConnector:
        running = self._connectors.get(name)
        if running is None:
            message = f"Connector {name} not found in this worker."
            raise NotFoundError(message)
        return running

    # --- tasks --------------------------------------------------------------------------------------------------

    async def start_task(
        self,
        connector: str,
        task: int,
        config: dict[str, str],
        target: str,
        *,
        connector_config: dict[str, str],
        count: int = 1,
    ) -> None:
        """Begin a task when its turn comes; its states arrive as events, a failure to start it too.

        Args:
            connector: name of the connector.
            task: its number.
            config: the task's own configuration.
            target: STARTED or PAUSED.
            connector_config: what the task's configuration was made from.
            count: tasks of the connector.

        Raises:
            AlreadyExistsError: it is running here.
        """
        key = (connector, task)
        known = self._tasks.get(key)
        if known is not None and known.alive:
            message = f"Task already exists in this worker: {connector}-{task}"
            raise AlreadyExistsError(message)
        if known is not None:
            self._task_restarts.forget(known)
        running = RunningTask(connector, task, target, connector_config, self._task_hooks, self._deadlines)
        running.begun_as = self.member_id()
        running.written = connector_config, config
        self._tasks[key] = running
        running.birth = self._birth(running, partial(self._prepare, running, config, connector_config, count))

    async def _prepare(
        self, running: RunningTask, config: dict[str, str], connector_config: dict[str, str], count: int
    ) -> None:
        """Find out what a task is made of, then give birth to it."""
        name = running.connector
        try:
            whole, own = await self._resolve(name, running.task, connector_config, config)
            running.connector_config = whole.texts
            check_task_count(name, count, running.connector_config)
            spec = self._spec(name, running.task, whole, own)
            running.restarts = History(policy_of(self._properties, running.connector_config))
            running.returns = _returns(spec)
        except ConnectError as error:
            running.fail(error)
            return
        warn_unresolved(f"Task {spec.id}", spec.unresolved)
        self._deaths.begins(spec)
        await self._bear(running, spec)

    async def _bear(self, running: RunningTask, spec: TaskSpec) -> None:
        """Give birth to a task when its turn comes; the next one's comes when it is up, or slow to come up."""
        running.spec = spec
        async with self._starts.turn():
            lacking = self._room.lacking(spec.id, self._starts.under_way)
            if lacking is not None:
                running.refuse(lacking)
                return
            try:
                await running.start(self._nurseries, replace(spec, suspects=self._deaths.suspects(spec)))
            except ConnectError as error:
                running.fail(error)
            else:
                await running.came_up(_COME_UP_SECONDS)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    def _birth(self, running: RunningTask, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        async def watched() -> None:
            try:
                await work()
            except Exception as error:  # supervision point: whoever cannot be born has failed, whatever was wrong
                log.exception("%s could not begin", running)
                text = f"{running} could not begin: {type(error).__name__}: {error}"
                running.fail(PluginError(text, f"{text}\n{traceback.format_exc()}"))

        return self._in_background(watched())

    def _spec(self, connector: str, task: int, whole: Resolution, own: Resolution) -> TaskSpec:
        connector_config = whole.texts
        clients.check_overrides(self._properties, connector_config)
        refuse_unresolved(clients.override_passwords(connector_config), whole.unresolved)
        plugin = self.catalog.connector_of(connector_config)
        kind = cast("Literal['source', 'sink']", plugin.kind)
        memory_max = budget(self._properties, connector_config)
        worker_config = clients.task_worker_config(self._properties, connector_config)
        client_settings = clients.task_clients(
            kind,
            self._properties,
            connector_config,
            connector,
            task,
            worker_group=self._keeps_places_as,
            once_group=self._delivers_once_as,
            read_ahead=prefetch(self._groups.memory_limit(), memory_max),
        )
        of_worker = known_in(worker_config, *client_settings.values())
        return TaskSpec(
            connector=connector,
            task=task,
            kind=kind,
            log=self._log,
            plugin=plugin,
            catalog=self.catalog,
            connector_config=connector_config,
            task_config=own.texts,
            worker_config=worker_config,
            client_settings=client_settings,
            exactly_once=self._exactly_once(connector, task, connector_config) if kind == "source" else None,
            unresolved={**whole.unresolved, **own.unresolved},
            secrets=tuple({*whole.values.values(), *own.values.values(), *of_worker}),
            memory_max=memory_max,
        )

    def _exactly_once(self, connector: str, task: int, config: dict[str, str]) -> ExactlyOnce | None:
        group = self._delivers_once_as
        if group is None:
            return None
        return ExactlyOnce(
            clients.transactional_id(group, connector, task),
            clients.offset_topic(self._properties, config),
            copies_offsets=clients.copies_offsets(self._properties, config),
        )

    async def stop_tasks(self, ids: Sequence[tuple[str, int]]) -> None:
        """End tasks; together they have the graceful timeout, late ones are killed."""
        for connector, number in ids:
            self._reloads.forget(connector, number)
        running = [task for task in (self._tasks.pop(key, None) for key in ids) if task is not None]
        for task in running:
            self._task_restarts.forget(task)
            task.ask_to_stop()
        # Whoever asked may be given up when the worker stops; the tasks keep their time.
        await asyncio.shield(self._in_background(self._ended(running)))

    async def _ended(self, tasks: Sequence[RunningTask]) -> None:
        await asyncio.gather(*(self._task_ended(task) for task in tasks))

    def _task_failed(self, task: RunningTask, trace: str, code: str) -> None:
        self._task_restarts.failed(task, trace, task.restarts, code)

    def _task_displaced(self, task: RunningTask, trace: str) -> None:
        self._task_restarts.failed(task, trace, task.returns)

    def _task_here(self, task: RunningTask) -> bool:
        return self._tasks.get((task.connector, task.task)) is task

    def _begin_task_anew(self, task: RunningTask) -> None:
        assert task.spec is not None, "what could not even be described is not restarted"
        self._tasks[task.connector, task.task] = again = task.successor()
        again.birth = self._birth(again, partial(self._bear_after, task, again, task.spec))

    async def _bear_after(self, gone: RunningTask, again: RunningTask, spec: TaskSpec) -> None:
        await gone.gone(self._deadlines.graceful_stop)
        await self._bear(again, await self._renewed_task(again, spec))

    async def _renewed_task(self, task: RunningTask, spec: TaskSpec) -> TaskSpec:
        """What a task is that begins anew: its references may stand for something else by now."""
        if not (spec.secrets or spec.unresolved):
            return spec
        try:
            whole, own = await self._resolve(task.connector, task.task, *task.written)
            renewed = self._spec(task.connector, task.task, whole, own)
        except ConnectError as error:
            log.warning("%s begins anew with the values that it had: %s", task, error.message)
            return spec
        task.connector_config = whole.texts
        return renewed

    def _gives_up_place(self, task: RunningTask, spec: TaskSpec) -> bool:
        """Whether we look after the place of a task that has ended, and it is ours."""
        return task.begun_as == self.member_id() and clients.keeps_place(spec.client_settings)

    async def _task_ended(self, task: RunningTask) -> None:
        await task.ended(self._deadlines.graceful_stop)
        if task.lingers and task.spec is not None and self._gives_up_place(task, task.spec):
            await self._give_up_place(task.spec)

    async def _give_up_place(self, spec: TaskSpec) -> None:
        """Do for a task what it does itself when it ends in good order and in time."""
        args = {"spec": pack(spec), "seconds": _GIVE_UP_SECONDS}
        what = f"give up the place of task {spec.id} in its consumer group"
        try:
            await self._ask("give_up_place", args, what, 2 * _GIVE_UP_SECONDS, hide=spec.secrets)
        except ConnectError as error:
            log.warning("%s; it stays taken for session.timeout.ms, or until the task runs again", error.message)

    async def set_task_target(self, connector: str, task: int, target: str) -> None:
        """Pause or resume a task; one that does not run here is left alone."""
        running = self._tasks.get((connector, task))
        if running is not None:
            running.set_target(target)
            if target == "PAUSED":
                self._task_restarts.hurry(running)  # what comes up paused does nothing

    def task_alive(self, connector: str, task: int) -> bool:
        """Whether a task has a process."""
        running = self._tasks.get((connector, task))
        return running is not None and running.alive

    def metrics(self) -> list[Family]:
        """What there is to measure of connectors and tasks."""
        return worker_metrics(self._connectors.values(), self._tasks.values(), __version__, time.monotonic())

    def pids(self) -> dict[str, int]:
        """Processes of connectors (by name) and tasks (``name-0``) that are alive now."""
        found = {f"{name}-{task}": running.pid for (name, task), running in self._tasks.items() if running.alive}
        found.update({name: running.pid for name, running in self._connectors.items()})
        return {name: pid for name, pid in found.items() if pid}

    def _take_question(self, child: ChildProcess, connector: str, message: Message) -> None:
        self._in_background(self._answers.give(child, connector, message))

    async def _ensure_topic(self, connector: str, message: Message) -> bool:
        """Create a topic that a task needs: the admin client has the worker's credentials, which tasks must not see."""
        task, config, topic = message["task"], message["config"], message["args"]
        kind = cast("Literal['source', 'sink']", self.catalog.connector_of(config).kind)
        args: dict[str, Any] = {
            "log": pack(self._log),
            "settings": clients.topic_admin_settings(kind, self._properties, config, connector, task),
            "topic": topic,
        }
        context, what = f"{connector}|task-{task}", f"create topic {topic[0]}"
        seconds, hide = self._deadlines.request, known_in(args["settings"])
        return bool(
            await self._topics.ask("ensure_topic", args, context=context, what=what, seconds=seconds, hide=hide)
        )

    async def fence_producers(self, name: str, config: dict[str, str], ids: Sequence[str]) -> None:
        """Make it impossible for producers with these transactional ids to write anything more (spec 4.11).

        Raises:
            ConnectError: the brokers refuse, or do not answer in time.
        """
        config = (await self._resolver.resolve(config)).texts
        args: dict[str, Any] = {
            "log": pack(self._log),
            "settings": clients.admin_settings(self._properties, config, f"connector-worker-adminclient-{name}"),
            "ids": list(ids),
            "timeout": self._deadlines.request,
        }
        what, hide = f"fence out older tasks of {name}", known_in(args["settings"])
        await self._ask("fence_producers", args, what, self._deadlines.request + 5, hide=hide)

    # --- offsets ------------------------------------------------------------------------------------------------

    async def connector_offsets(self, name: str, config: dict[str, str]) -> Offsets:
        """Offsets of a connector as REST shows them (spec 1.8)."""
        return await self._offsets_of_connectors.shown(name, config)

    async def alter_offsets(self, name: str, config: dict[str, str], offsets: Offsets) -> bool:
        """Set offsets of a stopped connector; whether the connector itself looked after it.

        Raises:
            ConfigError: the offsets are malformed.
            ConnectError: the connector refuses, or they cannot be written.
        """
        self._deaths.forget(name)
        return await self._offsets_of_connectors.alter(name, config, offsets)

    async def reset_offsets(self, name: str, config: dict[str, str]) -> bool:
        """Forget all offsets of a stopped connector; whether the connector itself looked after it."""
        self._deaths.forget(name)
        return await self._offsets_of_connectors.reset(name, config)


def _returns(spec: TaskSpec) -> History:
    """How often a task takes its place or its transactional id back by itself.

    Raises:
        ConfigError: the time of its transactions is none.
    """
    if spec.exactly_once is None:
        return History(PLACE_LOST if clients.keeps_place(spec.client_settings) else None)
    # one whose transactions are over their time again and again runs for so long before it fails, and gets nowhere
    transaction = milliseconds(spec.client_settings["producer"], _TRANSACTION_KEY, _TRANSACTION_DEFAULT_MS)
    return History(replace(PLACE_LOST, healthy=max(PLACE_LOST.healthy, 2 * transaction)))
