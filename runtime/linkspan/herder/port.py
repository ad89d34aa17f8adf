"""What REST and the command line ask of a herder, and what a herder asks of its worker and of other workers.

Bodies are plain JSON values with members in the order in which Kafka Connect writes them. Refusals are errors of
:mod:`linkspan.api.errors`; REST turns ``NotFoundError`` into 404, ``ConflictError`` into 409, ``ConfigError`` into 400
and everything else into 500 (spec/runtime.md 1.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from linkspan.api.errors import ConnectError, NotReadyError

if TYPE_CHECKING:
    from linkspan.observe.metrics import Family
    from linkspan.plugins.catalog import Catalog

__all__ = [
    "PAUSED",
    "STARTED",
    "STOPPED",
    "Body",
    "Herder",
    "InternalRequest",
    "NotLeaderError",
    "PeerError",
    "Peers",
    "PreemptedError",
    "RebalanceNeededError",
    "ReloadRequest",
    "RequestTimedOutError",
    "RunningWorker",
    "StatusReport",
    "StoppingError",
    "SubmittedConfig",
    "WrongWorkerError",
]

STARTED = "STARTED"
PAUSED = "PAUSED"
STOPPED = "STOPPED"

Body = dict[str, object]
"""A JSON object."""

SubmittedConfig = Mapping[str, str | None]
"""A connector configuration as a user sends it; null values are refused by validation."""


class RequestTimedOutError(ConnectError):
    """The work goes on, but whoever asked does not wait any longer; the text says what the worker is doing."""

    code: ClassVar[str] = "request_timed_out"


class PreemptedError(ConnectError):
    """A newer request about the same connector does not wait for this one."""

    code: ClassVar[str] = "preempted"


class StoppingError(ConnectError):
    """The worker is stopping; what was asked for is not done, or not to its end."""

    code: ClassVar[str] = "stopping"

    def __init__(self) -> None:
        super().__init__("The worker is stopping; the request was not completed")


class WrongWorkerError(ConnectError):
    """Another worker of the group has to do this; REST forwards the request to it (spec/runtime.md 1.3).

    Attributes:
        url: of that worker's REST API; None when nobody knows it for now.

    Args:
        message: what was asked for, and who has to do it.
        url: as above; a blank one counts as None.
    """

    code: ClassVar[str] = "wrong_worker"

    def __init__(self, message: str, url: str | None) -> None:
        super().__init__(message)
        self.url = (url or "").strip() or None


class NotLeaderError(WrongWorkerError):
    """Only the leader of the group does this."""

    code: ClassVar[str] = "wrong_worker.not_leader"


class RebalanceNeededError(NotReadyError):
    """What this worker knows is stale: a rebalance is due, and has to end first."""

    code: ClassVar[str] = "not_ready.rebalance"

    def __init__(self) -> None:
        super().__init__(
            "Cannot complete request momentarily due to stale configuration "
            "(typically caused by a concurrent config change)"
        )


class PeerError(ConnectError):
    """Another worker has refused a request, or has not answered it.

    Attributes:
        status: of its answer; None when there was none that could be understood.

    Args:
        message: what it says, or why there is no answer.
        status: as above.
    """

    code: ClassVar[str] = "peer"

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class InternalRequest:
    """A request of another worker of the group, as far as it proves who sent it (spec/runtime.md 1.11).

    Attributes:
        body: exactly as received.
        signature: ``X-Connect-Authorization``, if it was sent.
        algorithm: ``X-Connect-Request-Signature-Algorithm``, if it was sent.
    """

    body: bytes = b""
    signature: str | None = None
    algorithm: str | None = None


class StatusReport(Protocol):
    """A state that a child process has reached."""

    @property
    def connector(self) -> str:
        """Name of the connector."""
        ...

    @property
    def task(self) -> int | None:
        """Number of the task; None for the connector itself."""
        ...

    @property
    def state(self) -> str:
        """RUNNING, PAUSED, STOPPED, FAILED, UNASSIGNED or RESTARTING."""
        ...

    @property
    def trace(self) -> str | None:
        """What went wrong, when the state is FAILED."""
        ...


class ReloadRequest(Protocol):
    """Values that something on this worker refers to have changed."""

    @property
    def connector(self) -> str:
        """Name of the connector."""
        ...

    @property
    def instance(self) -> bool:
        """Whether its instance is to be restarted."""
        ...

    @property
    def tasks(self) -> Sequence[int]:
        """Its tasks that are to be restarted."""
        ...


class RunningWorker(Protocol):
    """The part of ``linkspan.worker.supervisor.Worker`` that a herder uses."""

    @property
    def catalog(self) -> Catalog:
        """The plugins of this worker."""
        ...

    @property
    def cluster_id(self) -> str | None:
        """Id of the Kafka cluster, or of the embedded log."""
        ...

    async def validate(self, props: dict[str, str | None]) -> Body:
        """Check a connector configuration; the ConfigInfos JSON of spec 1.9."""
        ...

    async def plugin_config(self, name: str) -> list[Body]:
        """Keys of a plugin."""
        ...

    async def start_connector(self, name: str, config: dict[str, str], target: str) -> None:
        """Bring up the connector instance; returns when it has reached ``target``."""
        ...

    async def stop_connector(self, name: str) -> None:
        """End the connector instance."""
        ...

    async def set_connector_target(self, name: str, target: str) -> None:
        """Start, pause or stop the connector instance."""
        ...

    async def task_configs(self, name: str) -> list[dict[str, str]]:
        """Let the running connector cut its work."""
        ...

    async def start_task(
        self,
        connector: str,
        task: int,
        config: dict[str, str],
        target: str,
        *,
        connector_config: dict[str, str],
        count: int,
    ) -> None:
        """Begin one of ``count`` tasks; its state arrives as an event."""
        ...

    async def stop_tasks(self, ids: Sequence[tuple[str, int]]) -> None:
        """End tasks gracefully, at the latest after the graceful timeout."""
        ...

    async def set_task_target(self, connector: str, task: int, target: str) -> None:
        """Pause or resume one task."""
        ...

    def task_alive(self, connector: str, task: int) -> bool:
        """Whether a task has a process."""
        ...

    async def fence_producers(self, name: str, config: dict[str, str], ids: Sequence[str]) -> None:
        """Make it impossible for producers with these transactional ids to write anything more (spec 4.11)."""
        ...

    async def connector_offsets(self, name: str, config: dict[str, str]) -> list[Body]:
        """Offsets as REST shows them (spec 1.8)."""
        ...

    async def alter_offsets(self, name: str, config: dict[str, str], offsets: list[Body]) -> bool:
        """Set offsets; whether the connector itself looked after it."""
        ...

    async def reset_offsets(self, name: str, config: dict[str, str]) -> bool:
        """Forget all offsets; whether the connector itself looked after it."""
        ...


class Herder(Protocol):
    """One method for each thing REST offers. All may raise ConnectError."""

    async def connectors_known(self) -> None:
        """Return when it can tell which connectors there are: before, nobody must hear that there are none.

        Raises:
            RequestTimedOutError: the worker has not come so far within the request timeout.
        """
        ...

    def server_info(self) -> Body:
        """Body of ``GET /``."""
        ...

    async def health(self) -> tuple[str, str]:
        """``healthy``, ``starting`` or ``unhealthy``, and the sentence that goes with it (spec 1.5)."""
        ...

    async def readiness(self) -> tuple[bool, str]:
        """Whether this worker takes part in the work now, and the sentence that goes with it."""
        ...

    def metrics(self) -> list[Family]:
        """What there is to measure beyond what the worker itself knows."""
        ...

    def connectors(self) -> list[str]:
        """Names of all connectors."""
        ...

    def revision(self) -> tuple[int, int] | None:
        """While it is the same, every connector's info and status are; None where that is not known."""
        ...

    def connector_info(self, name: str) -> Body:
        """Configuration, tasks and type of one connector."""
        ...

    def connector_config(self, name: str) -> dict[str, str]:
        """Configuration as it was submitted, with the name."""
        ...

    def connector_status(self, name: str) -> Body:
        """States of a connector and its tasks."""
        ...

    def task_infos(self, name: str) -> list[Body]:
        """Tasks of a connector with their configurations."""
        ...

    def task_status(self, name: str, task: int) -> Body:
        """State of one task."""
        ...

    async def create_connector(self, name: str, config: SubmittedConfig, target: str | None) -> Body:
        """Create a connector; AlreadyExistsError if there is one of that name."""
        ...

    async def put_connector_config(self, name: str, config: SubmittedConfig) -> tuple[bool, Body]:
        """Create or replace a connector; whether it is new, and its ConnectorInfo."""
        ...

    async def patch_connector_config(self, name: str, patch: SubmittedConfig) -> Body:
        """Change single keys; null removes one."""
        ...

    async def delete_connector(self, name: str) -> None:
        """Stop and forget a connector; its offsets stay."""
        ...

    async def set_target(self, name: str, target: str) -> None:
        """Pause or resume; does not wait until it has happened."""
        ...

    async def stop_connector(self, name: str) -> None:
        """Stop a connector and remove its tasks."""
        ...

    async def restart_connector(self, name: str) -> None:
        """Restart the connector instance only."""
        ...

    async def restart(self, name: str, *, include_tasks: bool, only_failed: bool) -> Body:
        """Restart connector and tasks by KIP-745; the plan, as a status."""
        ...

    async def restart_task(self, name: str, task: int) -> None:
        """Restart one task."""
        ...

    def active_topics(self, name: str) -> Body:
        """Topics that the connector has used since the last reset."""
        ...

    def reset_active_topics(self, name: str) -> None:
        """Forget them."""
        ...

    async def connector_offsets(self, name: str) -> Body:
        """Stored offsets of a connector."""
        ...

    async def alter_offsets(self, name: str, offsets: list[Body]) -> Body:
        """Set offsets of a stopped connector."""
        ...

    async def reset_offsets(self, name: str) -> Body:
        """Forget the offsets of a stopped connector."""
        ...

    def plugins(self, *, connectors_only: bool) -> list[Body]:
        """Installed plugins."""
        ...

    async def plugin_config(self, name: str, version: str | None) -> list[Body]:
        """Keys of a plugin."""
        ...

    async def validate(self, config: SubmittedConfig) -> Body:
        """Check a configuration without creating anything."""
        ...

    async def put_task_configs(self, name: str, configs: Sequence[SubmittedConfig], request: InternalRequest) -> None:
        """Take the task configurations, all of them, that another worker of the group has cut."""
        ...

    async def fence(self, name: str, request: InternalRequest) -> None:
        """Fence out older exactly-once tasks of a source connector, for another worker of the group."""
        ...

    async def set_cluster_log_level(self, logger: str, level: str) -> None:
        """Change the level of a logger, and of all whose names start so, on every worker of the group (spec 1.10).

        Args:
            logger: its name; ``root`` for all.
            level: in capitals, one that exists.
        """
        ...


class Peers(Protocol):
    """What a herder asks of the other workers of its group.

    All raise PeerError; its ``status`` is 403 when the leader does not accept the signature.
    """

    async def submit_tasks(
        self, leader_url: str | None, connector: str, body: bytes, headers: Mapping[str, str]
    ) -> None:
        """Hand the task configurations of a connector to the leader.

        Args:
            leader_url: its REST API, as its assignment names it.
            connector: whose tasks they are.
            body: JSON list with the configurations of all tasks.
            headers: that prove who sends it.
        """
        ...

    async def original_plugins(self, url: str) -> frozenset[str] | None:
        """Classes that the worker at ``url`` has, if it is one of the original; None if it is one of ours."""
        ...

    async def fence(self, leader_url: str | None, connector: str, headers: Mapping[str, str]) -> None:
        """Have the leader fence out older exactly-once tasks; the arguments are those of :meth:`submit_tasks`."""
        ...
