"""The herder of a worker in a group: what REST asks, answered from the internal topics or by the leader (spec 4).

Decisions are plain code between two awaits on one event loop, so none sees another's half-done work. Whatever waits
(a broker, a child, another worker) waits in a task of its own, and in the lane of its connector where order matters.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from linkspan.api.errors import (
    AlreadyExistsError,
    ConfigError,
    ConnectError,
    NotFoundError,
)
from linkspan.herder.admission import Admission
from linkspan.herder.config_snapshot import RestartRequest
from linkspan.herder.config_topic import ConfigTopic
from linkspan.herder.directory import Directory
from linkspan.herder.fencing import Fencing
from linkspan.herder.group import Membership
from linkspan.herder.group_metrics import group_metrics
from linkspan.herder.group_offsets import GroupOffsets
from linkspan.herder.health import Health
from linkspan.herder.join_guard import check_plugins
from linkspan.herder.lanes import REQUEST_TIMEOUT_SECONDS, Lanes, Stage, report_failure
from linkspan.herder.leadership import Leadership
from linkspan.herder.local_work import LocalWork
from linkspan.herder.mixed_group import MixedGroup
from linkspan.herder.own_states import OwnStates
from linkspan.herder.participant import GroupTimes, Participant
from linkspan.herder.plugin_questions import PluginQuestions
from linkspan.herder.port import (
    STARTED,
    STOPPED,
    Body,
    InternalRequest,
    Peers,
    ReloadRequest,
    RequestTimedOutError,
    RunningWorker,
    StatusReport,
    SubmittedConfig,
)
from linkspan.herder.protocol import CONNECTOR, WorkItem
from linkspan.herder.publication import Publication
from linkspan.herder.restart_plan import RestartPlan, restart_plan
from linkspan.herder.sessions import KeyPolicy, SessionKey, check_signature, signature_headers
from linkspan.herder.status_topic import Status, StatusTopic
from linkspan.herder.submitted import named
from linkspan.herder.task_guard import SourceGuard
from linkspan.herder.together import together
from linkspan.herder.topic_tracking import TopicTracking
from linkspan.herder.validation import refuse_if_invalid
from linkspan.herder.wanted import AssignedWork
from linkspan.observe.metrics import Family

__all__ = ["DistributedHerder", "DistributedSettings"]

_BEAT_SECONDS: Final = 1.0
_FLUSH_SECONDS: Final = 5.0
_log: Final = logging.getLogger("linkspan.herder")


@dataclass(frozen=True, slots=True)
class DistributedSettings:
    """What a worker file says about the herder.

    Attributes:
        group: ``group.id``.
        worker_id: ``host:port`` under which this worker is known.
        url: REST API of this worker, for the others.
        protocol: ``connect.protocol`` in small letters.
        times: limits and pauses of the group.
        keys: how session keys are made.
        signs_with: ``inter.worker.signature.algorithm``.
        verifies: ``inter.worker.verification.algorithms``.
        topics: whether used topics are remembered, and may be forgotten.
        delivers_once: whether sources deliver exactly once.
        joins_without_plugins: whether it joins a group whose connectors need plugins that it does not have.
    """

    group: str
    worker_id: str
    url: str
    protocol: str
    times: GroupTimes
    keys: KeyPolicy
    signs_with: str
    verifies: Sequence[str]
    topics: TopicTracking
    joins_without_plugins: bool = False
    delivers_once: bool = False


class DistributedHerder(PluginQuestions):
    """One worker of a group.

    Args:
        worker: runs connectors and tasks; already started.
        configs: the config topic; not open yet.
        statuses: the status topic; not open yet.
        membership: in the group.
        peers: the other workers.
        set_level: changes log levels of this worker.
        info: body of ``GET /``.
        settings: of the worker file.
        requests: where requests for a connector are queued.
        now_ms: time of day in milliseconds.

    Attributes:
        broken: called when something has failed that this worker cannot do without: it has to end.
        guard: of exactly-once tasks.
    """

    def __init__(
        self,
        worker: RunningWorker,
        configs: ConfigTopic,
        statuses: StatusTopic,
        membership: Membership,
        peers: Peers,
        set_level: Callable[[str, str], object],
        info: Body,
        settings: DistributedSettings,
        requests: Lanes | None = None,
        now_ms: Callable[[], int] = lambda: int(time.time() * 1000),
    ) -> None:
        super().__init__(worker)
        self._configs = configs
        self._statuses = statuses
        self._membership = membership
        self._peers = peers
        self._set_level = set_level
        self._info = info
        self._settings = settings
        self._requests = requests or Lanes()
        self._group = Participant(membership, configs, settings.url, settings.protocol, settings.times, self, now_ms)
        self._publication = Publication(self._send_task_configs, self._differ, self._config_here)
        self._admission = Admission(self._group)
        self._directory = Directory(configs, worker.catalog)
        self._mixed = MixedGroup(peers, worker.catalog)
        self._wanted = AssignedWork(configs, self._group)
        self._local = LocalWork(worker, self._wanted, self._publication.publish)
        self._states = OwnStates(statuses, self._owns)
        self._leadership = Leadership(self._group, configs, statuses, settings.keys, now_ms)
        self._fencing = Fencing(settings.group, worker, configs, settings.times.sync)
        self._offsets = GroupOffsets(
            worker,
            configs,
            self._directory,
            self._admission,
            self._requests,
            self._fencing if settings.delivers_once else None,
            settings.times.sync,
        )
        self.broken: Callable[[ConnectError], None] = lambda _error: None
        self.guard = SourceGuard(configs, self._ask_for_fencing, self._local.is_current)
        self._known: set[str] = set()
        self._read = asyncio.Event()
        self._health = Health(_BEAT_SECONDS)
        self._health.begin("awaiting startup")
        self._beating: asyncio.Task[None] | None = None

    # --- life ---------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Read the internal topics.

        Raises:
            ConfigError: an internal topic is not fit for its use.
            UnreachableError, ConnectError: one can be neither made nor read.
        """
        self._health.begin("initializing and reading to the end of internal topics")
        await together(self._statuses.open(), self._configs.open(self))
        self._read.set()

    async def start(self) -> None:
        """Begin to join the group; when this is called, everything is open.

        Raises:
            JoinRefusedError: connectors of the group need plugins that this worker does not have.
        """
        self._known = set(self._configs.snapshot.connectors)
        if not self._settings.joins_without_plugins:
            check_plugins(self._worker.catalog, self._configs.snapshot)
        self._health.begin("ensuring membership in the cluster")
        await self._membership.start(self._group)
        self._beating = asyncio.create_task(self._beat(), name="herder")
        self._beating.add_done_callback(report_failure)

    async def joined(self) -> None:
        """Wait for the end of the first round."""
        while not await self._group.wait_settled(REQUEST_TIMEOUT_SECONDS):
            _log.info("Still waiting for the group of workers")

    async def _beat(self) -> None:
        while True:
            self._membership.alive("handling requests and events")
            self._health.turn()
            try:
                if self._group.settled:
                    self._look_after()
            except Exception:  # noqa: BLE001 - supervision point: the group, and whoever asks for health, believe in this loop
                _log.exception("What others have left behind was not put right; trying again in %g s", _BEAT_SECONDS)
            await asyncio.sleep(_BEAT_SECONDS)

    def _look_after(self) -> None:
        """Put right what late, lost or half written records have left behind."""
        self._publication.again()
        self._leadership.look_after_claim()
        if self._statuses.written:
            self._leadership.forget_states()
            self._states.restore(self._group.generation)

    async def stop(self, seconds: float) -> None:
        """End what runs here, then leave the group; so many ``seconds`` are given to what is still queued."""
        await self._requests.close(seconds)
        self._leadership.stop()
        self._fencing.stop()
        await self._local.stop(seconds)
        await self._publication.stop()
        await self._statuses.flush(_FLUSH_SECONDS)
        await self._group.stop()
        if self._beating is not None:
            self._beating.cancel()
        await asyncio.gather(self._configs.close(), self._statuses.close())

    # --- the group ----------------------------------------------------------------------------------------------

    async def on_revoked(self, names: set[str]) -> None:
        """Stop what does not belong here any more; the states of what has ended are written when this returns."""
        await self._local.give_up(sorted(names))
        for name in sorted(names - set(self._configs.snapshot.connectors)):
            self._statuses.remove_topics(name)
        await self._statuses.flush(_FLUSH_SECONDS)

    def on_settled(self) -> None:
        """Start what belongs here."""
        self._health.complete()
        self._leadership.on_settled()
        self._local.follow(sorted(self._wanted.names() | self._local.names()))

    def on_broken(self, error: ConnectError) -> None:
        """Something has failed that this worker cannot do without."""
        self.broken(error)

    # --- the config topic ---------------------------------------------------------------------------------------

    def on_connector_config(self, name: str) -> None:
        """A connector is new, which concerns the group, or was configured again, which concerns its owner."""
        self._wanted.renew(name)
        if name in self._known:
            self._local.follow([name])
        else:
            self._known.add(name)
            self._group.rejoin(f"connector {name} is new")

    def on_connector_removed(self, name: str) -> None:
        """A connector was deleted: nothing of it may go on."""
        if name in self._known:
            self._known.discard(name)
            self._group.rejoin(f"connector {name} was deleted")
        self._local.follow([name])

    def on_tasks(self, name: str) -> None:
        """The work of a connector was cut anew: the old tasks end now, the new ones begin after the next round."""
        self._group.rejoin(f"connector {name} has new task configurations")
        self._local.follow([name])

    def on_target(self, name: str) -> None:
        """A connector is to be started, paused or stopped."""
        self._local.follow([name])

    def on_session_key(self, key: SessionKey) -> None:
        """The key for requests between workers has changed."""
        self._leadership.on_session_key(key)

    def on_restart(self, request: RestartRequest) -> None:
        """Restart what of it runs here (1.7)."""
        name = request.connector
        plan = self._plan(name, include_tasks=request.include_tasks, only_failed=request.only_failed)
        if plan is None:
            return
        self._local.restart(name, instance=plan.instance, tasks=plan.tasks, ended=self._put_restarting)

    def _put_restarting(self, name: str, task: int | None) -> None:
        self._put_status(name, task, "RESTARTING", None)

    def on_log_level(self, logger: str, level: str) -> None:
        """A log level was changed for all workers."""
        self._set_level(logger, level)

    # --- events of the worker -----------------------------------------------------------------------------------

    def on_status(self, report: StatusReport) -> None:
        """A child has reached a state."""
        self._put_status(report.connector, report.task, report.state, report.trace)

    def on_reconfigure(self, name: str) -> None:
        """A connector wants to cut its work anew."""
        self._local.recut(name)

    def on_reload(self, reload: ReloadRequest) -> None:
        """Values that something here refers to have changed: restart exactly that."""
        self._local.restart(reload.connector, instance=reload.instance, tasks=reload.tasks)

    def on_topics(self, name: str, task: int, topics: list[str]) -> None:
        """A task has used these topics."""
        if self._settings.topics.enabled:
            for topic in topics:
                self._statuses.put_topic(name, task, topic)

    # --- looking ------------------------------------------------------------------------------------------------

    def owns(self, name: str, task: int | None) -> bool:
        """Whether a task, or the instance of a connector (None), is this worker's, and no rebalance is under way."""
        return self._group.settled and (name, CONNECTOR if task is None else task) in self._group.items

    def member_id(self) -> str | None:
        """What the group calls this worker; while it is the same, nobody else has been given what runs here."""
        return self._group.member_id

    async def connectors_known(self) -> None:
        """Return when the internal topics have been read."""
        if self._read.is_set():
            return
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS):
                await self._read.wait()
        except TimeoutError:
            raise RequestTimedOutError(f"Request timed out.{self._health.doing}") from None

    def server_info(self) -> Body:
        """Body of ``GET /``."""
        return self._info

    async def health(self) -> tuple[str, str]:
        """Healthy once the worker has had a part in the group, for as long as this herder answers."""
        return await self._health.answer(self._group.outside)

    async def readiness(self) -> tuple[bool, str]:
        """Ready while the worker is healthy and in its group."""
        status, message = await self.health()
        return status == "healthy" and self._group.outside is None, message

    def metrics(self) -> list[Family]:
        """This worker's part in its group."""
        return group_metrics(self._group, self._settings.protocol)

    def connectors(self) -> list[str]:
        """Names of all connectors."""
        return list(self._configs.snapshot.connectors)

    def revision(self) -> tuple[int, int]:
        """How far the topics were read that say all there is to know of a connector."""
        return self._configs.snapshot.offset, self._statuses.revision

    def connector_info(self, name: str) -> Body:
        """ConnectorInfo."""
        return self._directory.info(name, self._directory.config(name))

    def connector_config(self, name: str) -> dict[str, str]:
        """Configuration as submitted."""
        return self._directory.config(name)

    def connector_status(self, name: str) -> Body:
        """ConnectorStateInfo."""
        if self._statuses.connector(name) is None:
            raise NotFoundError(f"No status found for connector {name}")
        return self._status_body(name, RestartPlan(instance=False, tasks=()))

    def task_infos(self, name: str) -> list[Body]:
        """Tasks with their configurations; null for one of a set that is incomplete."""
        self._directory.config(name)
        snapshot = self._configs.snapshot
        complete = name not in snapshot.inconsistent
        return [
            {
                "id": {"connector": name, "task": number},
                "config": snapshot.task_configs.get((name, number)) if complete else None,
            }
            for number in range(snapshot.task_counts.get(name, 0))
        ]

    def task_status(self, name: str, task: int) -> Body:
        """TaskState."""
        status = self._statuses.task(name, task)
        if status is None:
            raise NotFoundError(f"No status found for task {name}-{task}")
        return {"id": task, **_shown(status)}

    def active_topics(self, name: str) -> Body:
        """Used topics; an unknown connector has used none."""
        self._settings.topics.check()
        return {name: {"topics": self._statuses.topics(name)}}

    def reset_active_topics(self, name: str) -> None:
        """Forget used topics."""
        self._settings.topics.check_reset()
        self._statuses.remove_topics(name)

    # --- changing -----------------------------------------------------------------------------------------------

    async def create_connector(self, name: str, config: SubmittedConfig, target: str | None) -> Body:
        """Validate and write; the group starts it."""
        await self._admission.leading()

        async def create(stage: Stage) -> Body:
            await self._validated(name, config, stage)
            self._admission.check_leading()
            if name in self._configs.snapshot.connectors:
                raise AlreadyExistsError(f"Connector {name} already exists")
            return await self._write_config(name, config, target, stage)

        return await self._requests.ask(name, create)

    async def put_connector_config(self, name: str, config: SubmittedConfig) -> tuple[bool, Body]:
        """Create or replace; the target state stays."""
        await self._admission.leading()

        async def put(stage: Stage) -> tuple[bool, Body]:
            await self._validated(name, config, stage)
            self._admission.check_leading()
            created = name not in self._configs.snapshot.connectors
            return created, await self._write_config(name, config, None, stage)

        return await self._requests.ask(name, put)

    async def patch_connector_config(self, name: str, patch: SubmittedConfig) -> Body:
        """Change single keys of what is stored."""
        await self._admission.leading()

        async def change(stage: Stage) -> Body:
            merged = {**self._directory.config(name), **patch}
            config = named(name, {key: value for key, value in merged.items() if value is not None})
            await self._validated(name, config, stage)
            self._admission.check_leading()
            return await self._write_config(name, config, None, stage)

        return await self._requests.ask(name, change)

    async def delete_connector(self, name: str) -> None:
        """Forget its configuration; whoever runs something of it stops it."""
        await self._admission.leading()

        async def delete(stage: Stage) -> None:
            self._admission.check_leading()
            self._directory.config(name)
            stage.begin(f"removing the config for connector {name} from the config topic")
            await self._configs.remove_connector(name)

        await self._requests.ask(name, delete)

    async def set_target(self, name: str, target: str) -> None:
        """Pause or resume, from any worker; nobody waits until it has happened."""
        if name not in self._configs.snapshot.connectors:
            raise NotFoundError(f"Unknown connector {name}")
        await self._configs.put_target(name, target)

    async def stop_connector(self, name: str) -> None:
        """Forget its tasks, then stop the instance."""
        await self._admission.leading()

        async def stop(stage: Stage) -> None:
            self._admission.check_leading()
            if name not in self._configs.snapshot.connectors:
                raise NotFoundError(f"Unknown connector {name}")
            stage.begin(f"writing the STOPPED target stage for connector {name} to the config topic")
            await self._configs.put_task_configs(name, [])
            await self._configs.put_target(name, STOPPED)
            await self._configs.read_to_end(self._settings.times.sync)

        await self._requests.ask(name, stop)

    async def restart_connector(self, name: str) -> None:
        """Restart the instance, on the worker that has it."""
        await self._admission.undisturbed()
        if name not in self._configs.snapshot.connectors:
            raise NotFoundError(f"Unknown connector: {name}")
        self._admission.check_has((name, -1))
        await self._local.restart_connector(name)

    async def restart_task(self, name: str, task: int) -> None:
        """Restart a task, on the worker that has it."""
        await self._admission.undisturbed()
        snapshot = self._configs.snapshot
        if name not in snapshot.connectors:
            raise NotFoundError(f"Unknown connector: {name}")
        if (name, task) not in snapshot.task_configs or not 0 <= task < snapshot.task_counts.get(name, 0):
            raise NotFoundError(f"Unknown task: {name}-{task}")
        self._admission.check_has((name, task))
        await self._local.restart_task(name, task)

    async def restart(self, name: str, *, include_tasks: bool, only_failed: bool) -> Body:
        """Have every worker restart its share (KIP-745)."""
        await self._admission.undisturbed()
        self._admission.check_leading()
        if name not in self._configs.snapshot.connectors:
            raise NotFoundError(f"Unknown connector: {name}")
        plan = self._plan(name, include_tasks=include_tasks, only_failed=only_failed)
        if plan is None:
            raise NotFoundError(f"Status for connector {name} not found")
        body = self._status_body(name, plan)
        await self._configs.put_restart(name, include_tasks=include_tasks, only_failed=only_failed)
        return body

    # --- offsets ------------------------------------------------------------------------------------------------

    async def connector_offsets(self, name: str) -> Body:
        """Offsets in any target state."""
        return await self._offsets.shown(name)

    async def alter_offsets(self, name: str, offsets: list[Body]) -> Body:
        """Set offsets of a stopped connector."""
        return await self._offsets.alter(name, offsets)

    async def reset_offsets(self, name: str) -> Body:
        """Forget the offsets of a stopped connector."""
        return await self._offsets.reset(name)

    # --- between workers ----------------------------------------------------------------------------------------

    async def put_task_configs(self, name: str, configs: Sequence[SubmittedConfig], request: InternalRequest) -> None:
        """Write the task configurations that a connector on another worker has made."""
        self._check_signature(request)
        await self._admission.leading()
        self._check_takes(name, configs)
        await self._requests.ask(name, lambda stage: self._write_task_configs(name, configs, stage))

    async def fence(self, name: str, request: InternalRequest) -> None:
        """Fence out older exactly-once tasks of a source connector."""
        self._check_signature(request)
        await self._admission.leading()
        config = self._directory.config(name)
        if self._directory.kind(config) == "sink":
            raise ConfigError(f"Connector {name} is not a source connector")
        await self._fencing.fence(name, config)

    async def _ask_for_fencing(self, name: str) -> None:
        if self._group.leads:
            await self._fencing.fence(name, self._directory.config(name))
            return
        await self._peers.fence(self._group.leader_url, name, self._signed(b""))

    async def set_cluster_log_level(self, logger: str, level: str) -> None:
        """Write it for every worker, this one included."""
        await self._configs.put_log_level(logger, level)

    def _check_signature(self, request: InternalRequest) -> None:
        if self._group.sessioned:
            check_signature(request, self._configs.snapshot.session_key, self._settings.verifies)

    async def _send_task_configs(self, name: str, configs: list[dict[str, str]]) -> None:
        if self._group.leads:
            await self._requests.ask(name, lambda stage: self._write_task_configs(name, configs, stage))
            return
        body = orjson.dumps(configs)
        await self._peers.submit_tasks(self._group.leader_url, name, body, self._signed(body))

    def _signed(self, body: bytes) -> Mapping[str, str]:
        """Headers of a request to another worker that prove who sends it."""
        key = self._configs.snapshot.session_key if self._group.sessioned else None
        return {} if key is None else signature_headers(key, self._settings.signs_with, body)

    async def _write_task_configs(self, name: str, configs: Sequence[SubmittedConfig], stage: Stage) -> None:
        # What was asked for in the same lane before may have stopped or deleted the connector.
        self._admission.check_leading()
        self._check_takes(name, configs)
        stage.begin(f"writing {len(configs)} task configs for connector {name} to the config topic")
        await self._configs.put_task_configs(name, configs)

    def _check_takes(self, name: str, configs: Sequence[SubmittedConfig]) -> None:
        self._directory.config(name)
        if configs and self._configs.snapshot.targets.get(name) == STOPPED:
            raise ConfigError(f"Cannot submit non-empty set of task configs for stopped connector {name}")

    def _config_here(self, name: str) -> SubmittedConfig | None:
        wanted = self._wanted.connector(name)
        return None if wanted is None else wanted.config

    def _differ(self, name: str, configs: list[dict[str, str]]) -> bool:
        """Whether these task configurations are to be published: the connector is here, and they are news (4.5)."""
        wanted = self._wanted.connector(name)
        if wanted is None or wanted.target != STARTED:
            return False
        snapshot = self._configs.snapshot
        counted = snapshot.task_counts.get(name)
        if counted != len(configs) or snapshot.task_configs_of(name) != configs or name in snapshot.unfinished:
            return True
        return snapshot.applied.get(name) != wanted.config

    # --- states -------------------------------------------------------------------------------------------------

    def _put_status(self, name: str, task: int | None, state: str, trace: str | None) -> None:
        version = self._directory.version(self._configs.snapshot.connectors.get(name))
        status = Status(state, trace, self._settings.worker_id, self._group.generation, version)
        self._states.put((name, CONNECTOR if task is None else task), status)

    def _owns(self, item: WorkItem) -> bool:
        name, number = item
        if number == CONNECTOR:
            return self._local.runs_connector(name) and self._wanted.connector(name) is not None
        return self._local.runs_task(name, number) and self._wanted.has_task(name, number)

    def _plan(self, name: str, *, include_tasks: bool, only_failed: bool) -> RestartPlan | None:
        instance = self._statuses.connector(name)
        if instance is None:
            return None
        tasks = {number: status.state for number, status in self._statuses.tasks(name).items()}
        return restart_plan(instance.state, tasks, include_tasks=include_tasks, only_failed=only_failed)

    def _status_body(self, name: str, plan: RestartPlan) -> Body:
        """ConnectorStateInfo; what the plan restarts is RESTARTING."""
        instance = self._statuses.connector(name)
        assert instance is not None
        return {
            "name": name,
            "connector": _shown(instance, restarting=plan.instance),
            "tasks": [
                {"id": number, **_shown(status, restarting=number in plan.tasks)}
                for number, status in sorted(self._statuses.tasks(name).items())
            ],
            "type": self._directory.kind(self._configs.snapshot.connectors.get(name)),
        }

    # --- inside -------------------------------------------------------------------------------------------------

    async def _validated(self, name: str, config: SubmittedConfig, stage: Stage) -> None:
        stage.begin(f"performing multi-property validation for the connector {name}")
        refuse_if_invalid(await self.validate(config))
        await self._mixed.check(config, self._group.members)

    async def _write_config(self, name: str, config: SubmittedConfig, target: str | None, stage: Stage) -> Body:
        stage.begin(f"writing a config for connector {name} to the config topic")
        plain = {key: value for key, value in config.items() if value is not None}
        before = self._directory.info(name, plain)
        await self._configs.put_connector(name, plain, target)
        return before


def _shown(status: Status, *, restarting: bool = False) -> Body:
    """The members that ConnectorStateInfo shows."""
    state = "RESTARTING" if restarting else status.state
    body: Body = {"state": state, "worker_id": status.worker_id, "version": status.version}
    if status.trace:
        body["trace"] = status.trace
    return body
