"""The herder of a single worker: everything in memory, answers as a Java standalone worker gives them (spec 7.2)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from linkspan.api.errors import (
    AlreadyExistsError,
    NotFoundError,
    UnsupportedError,
)
from linkspan.herder import offset_requests
from linkspan.herder.health import HEALTHY, STARTING
from linkspan.herder.lanes import Lanes, Stage
from linkspan.herder.plugin_questions import PluginQuestions
from linkspan.herder.port import (
    PAUSED,
    STARTED,
    STOPPED,
    Body,
    InternalRequest,
    ReloadRequest,
    RunningWorker,
    StatusReport,
    SubmittedConfig,
)
from linkspan.herder.restart_plan import restart_plan
from linkspan.herder.state import ConnectorState, Status
from linkspan.herder.submitted import named
from linkspan.herder.tasks import LocalTasks
from linkspan.herder.topic_tracking import TopicTracking
from linkspan.herder.validation import refuse_if_invalid
from linkspan.observe.metrics import Family

__all__ = ["StandaloneHerder"]

_log: Final = logging.getLogger("linkspan.herder")


class StandaloneHerder(PluginQuestions):
    """Keeps connectors of one worker in the state that users asked for.

    Args:
        worker: runs connectors and tasks; already started.
        worker_id: ``host:port`` under which this worker is known.
        info: body of ``GET /``.
        lanes: where work for connectors is queued.
        topic_tracking: whether used topics are remembered, and may be forgotten.
        set_log_level: changes a logger of this process, by name and level.
    """

    def __init__(
        self,
        worker: RunningWorker,
        worker_id: str,
        info: Body,
        *,
        lanes: Lanes | None = None,
        topic_tracking: TopicTracking | None = None,
        set_log_level: Callable[[str, str], object] = lambda _logger, _level: None,
    ) -> None:
        super().__init__(worker)
        self._worker_id = worker_id
        self._info = info
        self._lanes = lanes or Lanes()
        self._topic_tracking = topic_tracking or TopicTracking()
        self._set_log_level = set_log_level
        self._connectors: dict[str, ConnectorState] = {}
        self._tasks = LocalTasks(worker)
        self._to_cut: set[str] = set()
        self._ready = False

    # --- life ---------------------------------------------------------------------------------------------------

    def ready(self) -> None:
        """The connector files were created: from now on the worker is healthy."""
        self._ready = True

    async def stop(self, seconds: float) -> None:
        """End all connectors and tasks; so many ``seconds`` are given to what is still queued.

        Requests that come later, or are not done by then, fail.
        """
        await self._lanes.close(seconds)
        ids = [(name, number) for name, state in self._connectors.items() for number in range(len(state.tasks))]
        await asyncio.gather(
            self._worker.stop_tasks(ids), *(self._worker.stop_connector(name) for name in list(self._connectors))
        )

    # --- events of the worker -----------------------------------------------------------------------------------

    def on_status(self, report: StatusReport) -> None:
        """A child has reached a state; what is not wanted any more is ignored."""
        state = self._connectors.get(report.connector)
        if state is None:
            return
        status = Status(report.state, report.trace)
        if report.task is None:
            state.status = status
        elif report.task < len(state.tasks):
            state.task_statuses[report.task] = status

    def on_reconfigure(self, name: str) -> None:
        """A connector wants to cut its work anew; a failure is logged and not retried (spec 7.2)."""
        # One that is queued will see what the connector wants by then.
        if name in self._connectors and name not in self._to_cut:
            self._to_cut.add(name)
            self._lanes.tell(name, lambda stage: self._regenerate(name, stage))

    def on_reload(self, reload: ReloadRequest) -> None:
        """Values that something here refers to have changed: restart exactly that."""
        name, instance, tasks = reload.connector, reload.instance, reload.tasks
        state = self._connectors.get(name)
        if state is not None:
            self._lanes.tell(
                name, lambda stage: self._execute_restart(name, state, instance, tasks, stage), presses=instance
            )

    def on_topics(self, name: str, task: int, topics: list[str]) -> None:  # noqa: ARG002 - which task is not shown
        """Tasks have used these topics."""
        state = self._connectors.get(name)
        if state is not None and self._topic_tracking.enabled:
            state.topics.update(dict.fromkeys(topics))

    # --- looking ------------------------------------------------------------------------------------------------

    async def connectors_known(self) -> None:
        """At once: what there is was created here."""

    def server_info(self) -> Body:
        """Body of ``GET /``."""
        return self._info

    async def health(self) -> tuple[str, str]:
        """Healthy once the connector files were created."""
        return ("healthy", HEALTHY) if self._ready else ("starting", STARTING)

    async def readiness(self) -> tuple[bool, str]:
        """Ready when healthy."""
        status, message = await self.health()
        return status == "healthy", message

    def metrics(self) -> list[Family]:
        """Nothing beyond what the worker says itself."""
        return []

    def connectors(self) -> list[str]:
        """Names in the order of creation."""
        return list(self._connectors)

    def revision(self) -> None:
        """Changes are not counted here."""
        return

    def connector_info(self, name: str) -> Body:
        """ConnectorInfo."""
        return self._info_of(name, self._existing(name))

    def connector_config(self, name: str) -> dict[str, str]:
        """Configuration as submitted."""
        return dict(self._existing(name).config)

    def connector_status(self, name: str) -> Body:
        """ConnectorStateInfo; 404 as long as the connector has not reported."""
        state = self._connectors.get(name)
        if state is None or state.status is None:
            raise NotFoundError(f"No status found for connector {name}")
        return self._status_of(name, state, state.status, state.task_statuses)

    def task_infos(self, name: str) -> list[Body]:
        """Tasks with their configurations."""
        tasks = self._existing(name).tasks
        return [{"id": {"connector": name, "task": number}, "config": config} for number, config in enumerate(tasks)]

    def task_status(self, name: str, task: int) -> Body:
        """TaskState."""
        state = self._connectors.get(name)
        status = state.task_statuses.get(task) if state is not None else None
        if state is None or status is None:
            raise NotFoundError(f"No status found for task {name}-{task}")
        return {"id": task, **status.body(self._worker_id, state.version)}

    def active_topics(self, name: str) -> Body:
        """Used topics; an unknown connector has used none."""
        self._topic_tracking.check()
        state = self._connectors.get(name)
        return {name: {"topics": list(state.topics) if state is not None else []}}

    def reset_active_topics(self, name: str) -> None:
        """Forget used topics."""
        self._topic_tracking.check_reset()
        state = self._connectors.get(name)
        if state is not None:
            state.topics.clear()

    # --- changing -----------------------------------------------------------------------------------------------

    async def create_connector(self, name: str, config: SubmittedConfig, target: str | None) -> Body:
        """Validate, then create and start; answers when its tasks are known."""

        async def create(stage: Stage) -> Body:
            await self._validated(name, config, stage)
            if name in self._connectors:
                raise AlreadyExistsError(f"Connector {name} already exists")
            state = self._adopt(name, config, target or STARTED)
            await self._bring_up(name, state, stage)
            return self._info_of(name, state)

        return await self._lanes.ask(name, create)

    async def put_connector_config(self, name: str, config: SubmittedConfig) -> tuple[bool, Body]:
        """Create, or stop, replace and start; the target state stays."""
        # Before it is queued: what is refused must not make anything give way.
        refuse_if_invalid(await self.validate(config))

        async def put(stage: Stage) -> tuple[bool, Body]:
            return await self._replace(name, config, stage)

        return await self._lanes.ask(name, put, presses=True)

    async def patch_connector_config(self, name: str, patch: SubmittedConfig) -> Body:
        """Change single keys of what is stored."""
        checked = self._patched(name, patch) if name in self._connectors else None  # one may be queued
        if checked is not None:
            refuse_if_invalid(await self.validate(checked))

        async def change(stage: Stage) -> Body:
            config = self._patched(name, patch)
            if config != checked:  # it was made or changed by others meanwhile
                await self._validated(name, config, stage)
            _, body = await self._replace(name, config, stage)
            return body

        return await self._lanes.ask(name, change, presses=checked is not None)

    def _patched(self, name: str, patch: SubmittedConfig) -> dict[str, str]:
        merged: dict[str, str | None] = {**self._existing(name).config, **patch}
        config = {key: value for key, value in merged.items() if value is not None}
        named(name, config)
        config["name"] = name
        return config

    async def delete_connector(self, name: str) -> None:
        """End its tasks and itself, and forget it."""

        async def delete(stage: Stage) -> None:
            state = self._existing(name)
            stage.begin(f"stopping connector {name} to delete it")
            await self._tasks.remove(name, state)
            await self._worker.stop_connector(name)
            del self._connectors[name]

        await self._lanes.ask(name, delete, presses=True)

    async def set_target(self, name: str, target: str) -> None:
        """Pause or resume, in its turn; nobody waits for it."""
        state = self._connectors.get(name)
        if state is None:
            raise NotFoundError(f"Unknown connector {name}")
        self._lanes.tell(name, lambda stage: self._follow_target(name, state, target, stage))

    async def stop_connector(self, name: str) -> None:
        """End and forget its tasks, stop the instance."""

        async def stop(stage: Stage) -> None:
            state = self._connectors.get(name)
            if state is None:
                raise NotFoundError(f"Unknown connector {name}")
            stage.begin(f"stopping connector {name}")
            state.target = STOPPED
            await self._tasks.remove(name, state)
            await self._worker.set_connector_target(name, STOPPED)

        await self._lanes.ask(name, stop, presses=True)

    async def restart_connector(self, name: str) -> None:
        """Restart the instance only; tasks change only if it cuts the work differently."""

        async def again(stage: Stage) -> None:
            await self._restart_instance(name, self._known(name), stage)

        await self._lanes.ask(name, again, presses=True)

    async def restart(self, name: str, *, include_tasks: bool, only_failed: bool) -> Body:
        """Show everything to be restarted as RESTARTING, and do it in its turn."""
        state = self._known(name)
        if state.status is None:
            raise NotFoundError(f"Status for connector {name} not found")
        plan = restart_plan(
            state.status.state,
            {number: status.state for number, status in state.task_statuses.items()},
            include_tasks=include_tasks,
            only_failed=only_failed,
        )
        instance, numbers = plan.instance, plan.tasks
        # The plan still tells why; the state itself begins anew.
        shown = replace(state.status, state="RESTARTING") if instance else state.status
        tasks = {**state.task_statuses, **{n: replace(state.task_statuses[n], state="RESTARTING") for n in numbers}}
        body = self._status_of(name, state, shown, tasks)
        if instance:
            state.status = Status("RESTARTING")
        state.task_statuses.update(dict.fromkeys(numbers, Status("RESTARTING")))
        if instance or numbers:
            self._lanes.tell(
                name, lambda stage: self._execute_restart(name, state, instance, numbers, stage), presses=instance
            )
        return body

    async def restart_task(self, name: str, task: int) -> None:
        """End a task and start it again."""

        async def again(stage: Stage) -> None:
            state = self._known(name)
            if not 0 <= task < len(state.tasks):
                raise NotFoundError(f"Task {name}-{task} not found")
            stage.begin(f"restarting task {name}-{task}")
            await self._tasks.restart(name, state, [task])

        await self._lanes.ask(name, again)

    # --- offsets ------------------------------------------------------------------------------------------------

    async def connector_offsets(self, name: str) -> Body:
        """Offsets in any target state; not queued, so that a hanging connector can still be looked at."""
        config = dict(self._existing(name).config)
        return {"offsets": await self._worker.connector_offsets(name, config)}

    async def alter_offsets(self, name: str, offsets: list[Body]) -> Body:
        """Set offsets of a stopped connector."""
        offset_requests.check_offsets(offsets)

        async def alter(stage: Stage) -> Body:
            config = self._stopped_config(name)
            stage.begin(f"altering the offsets of connector {name}")
            return offset_requests.altered(await self._worker.alter_offsets(name, config, offsets))

        return await self._lanes.ask(name, alter)

    async def reset_offsets(self, name: str) -> Body:
        """Forget the offsets of a stopped connector."""

        async def reset(stage: Stage) -> Body:
            config = self._stopped_config(name)
            stage.begin(f"resetting the offsets of connector {name}")
            return offset_requests.reset(await self._worker.reset_offsets(name, config))

        return await self._lanes.ask(name, reset)

    # --- what only a group of workers has -----------------------------------------------------------------------

    async def put_task_configs(
        self,
        name: str,  # noqa: ARG002 - the protocol's
        configs: Sequence[SubmittedConfig],  # noqa: ARG002 - the protocol's
        request: InternalRequest,  # noqa: ARG002 - the protocol's
    ) -> None:
        """Never: there is no other worker."""
        raise UnsupportedError(
            "Kafka Connect in standalone mode does not support externally setting task configurations."
        )

    async def fence(self, name: str, request: InternalRequest) -> None:  # noqa: ARG002 - the protocol's
        """Never: exactly-once needs a group of workers."""
        raise UnsupportedError("Kafka Connect in standalone mode does not support exactly-once source connectors.")

    async def set_cluster_log_level(self, logger: str, level: str) -> None:
        """Here, for this worker is the whole group."""
        self._set_log_level(logger, level.upper())

    # --- inside -------------------------------------------------------------------------------------------------

    def _existing(self, name: str) -> ConnectorState:
        state = self._connectors.get(name)
        if state is None:
            raise NotFoundError(f"Connector {name} not found")
        return state

    def _known(self, name: str) -> ConnectorState:
        state = self._connectors.get(name)
        if state is None:
            raise NotFoundError(f"Unknown connector: {name}")
        return state

    def _info_of(self, name: str, state: ConnectorState) -> Body:
        tasks = [{"connector": name, "task": number} for number in range(len(state.tasks))]
        return {"name": name, "config": dict(state.config), "tasks": tasks, "type": state.kind}

    def _status_of(self, name: str, state: ConnectorState, status: Status, tasks: Mapping[int, Status]) -> Body:
        return {
            "name": name,
            "connector": status.body(self._worker_id, state.version),
            "tasks": [
                {"id": number, **task.body(self._worker_id, state.version)} for number, task in sorted(tasks.items())
            ],
            "type": state.kind,
        }

    async def _validated(self, name: str, config: SubmittedConfig, stage: Stage) -> None:
        stage.begin(f"performing multi-property validation for the connector {name}")
        refuse_if_invalid(await self.validate(config))

    def _adopt(self, name: str, config: SubmittedConfig, target: str) -> ConnectorState:
        state = ConnectorState(config={}, target=target)
        self._configure(state, config)
        self._connectors[name] = state
        return state

    def _configure(self, state: ConnectorState, config: SubmittedConfig) -> None:
        info = self._worker.catalog.connector_of(config)
        state.config = {key: value for key, value in config.items() if value is not None}
        state.kind, state.version = info.kind, info.version

    async def _replace(self, name: str, config: SubmittedConfig, stage: Stage) -> tuple[bool, Body]:
        state = self._connectors.get(name)
        created = state is None
        if state is None:
            state = self._adopt(name, config, STARTED)
        else:
            stage.begin(f"stopping connector {name} to give it its new configuration")
            await self._worker.stop_connector(name)
            self._configure(state, config)
        await self._bring_up(name, state, stage)
        return created, self._info_of(name, state)

    async def _bring_up(self, name: str, state: ConnectorState, stage: Stage) -> None:
        stage.begin(f"starting connector {name}")
        await stage.giving_way(self._worker.start_connector(name, dict(state.config), state.target))
        if state.target == STARTED:
            await self._cut(name, state, stage)

    async def _cut(self, name: str, state: ConnectorState, stage: Stage) -> None:
        stage.begin(f"generating the task configurations of connector {name}")
        configs = await stage.giving_way(self._worker.task_configs(name))
        if configs == state.tasks and state.applied == state.config:
            await self._tasks.revive(name, state)
            return
        stage.begin(f"starting the tasks of connector {name}")
        await self._tasks.replace(name, state, configs)

    async def _regenerate(self, name: str, stage: Stage) -> None:
        self._to_cut.discard(name)
        state = self._connectors.get(name)
        if state is not None and state.target == STARTED:
            await self._cut(name, state, stage)

    async def _follow_target(self, name: str, state: ConnectorState, target: str, stage: Stage) -> None:
        if self._connectors.get(name) is not state:
            return
        state.target = target
        stage.begin(f"{'pausing' if target == PAUSED else 'resuming'} connector {name}")
        await self._tasks.retarget(name, state, target)
        await stage.giving_way(self._worker.set_connector_target(name, target))
        if target == STARTED:
            await self._cut(name, state, stage)

    async def _restart_instance(self, name: str, state: ConnectorState, stage: Stage) -> None:
        stage.begin(f"restarting connector {name}")
        await self._worker.stop_connector(name)
        await self._bring_up(name, state, stage)

    async def _execute_restart(
        self, name: str, state: ConnectorState, instance: bool, numbers: Sequence[int], stage: Stage
    ) -> None:
        if self._connectors.get(name) is not state:
            return
        stage.begin(f"restarting {len(numbers)} task(s) of connector {name}")
        await self._tasks.end(name, numbers)
        # Before the connector: however its start ends, and whenever, the tasks run.
        await self._tasks.begin(name, state, numbers)
        if instance:
            await self._restart_instance(name, state, stage)

    def _stopped_config(self, name: str) -> dict[str, str]:
        state = self._existing(name)
        offset_requests.check_stopped(name, state.target, len(state.tasks))
        return dict(state.config)
