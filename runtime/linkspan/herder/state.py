"""What a standalone herder knows about its connectors; held in memory only (spec/runtime.md 7.2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from linkspan.herder.port import STARTED, Body

__all__ = ["ConnectorState", "Status"]


@dataclass(frozen=True, slots=True)
class Status:
    """Last known state of a connector instance or a task."""

    state: str
    trace: str | None = None

    def body(self, worker_id: str, version: str | None) -> Body:
        """The members that ConnectorStateInfo shows."""
        body: Body = {"state": self.state, "worker_id": worker_id, "version": version}
        if self.trace:
            body["trace"] = self.trace
        return body


@dataclass(slots=True)
class ConnectorState:
    """One connector.

    Attributes:
        config: as submitted, with its name.
        target: STARTED, PAUSED or STOPPED.
        kind: source, sink or unknown.
        version: version of the plugin, if it has one.
        tasks: configuration of each task.
        applied: connector configuration that the tasks were made from.
        status: of the connector instance; None until it has reported.
        task_statuses: of the tasks that have reported.
        topics: used since the last reset, in the order of first use.
    """

    config: dict[str, str]
    target: str = STARTED
    kind: str = "unknown"
    version: str | None = None
    tasks: list[dict[str, str]] = field(default_factory=list)
    applied: dict[str, str] | None = None
    status: Status | None = None
    task_statuses: dict[int, Status] = field(default_factory=dict)
    topics: dict[str, None] = field(default_factory=dict)

    def has_failed(self, task: int) -> bool:
        """Whether a task is FAILED, and so waits for somebody to restart it."""
        status = self.task_statuses.get(task)
        return status is not None and status.state == "FAILED"
