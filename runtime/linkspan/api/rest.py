"""REST extensions: filters and endpoints that a user adds to the REST API with ``rest.extension.classes``.

Extensions run inside the worker, on its event loop: their functions are coroutines and must not block.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Generic, Protocol, TypeVar

from linkspan.api.fields import Config

__all__ = [
    "ClusterState",
    "ConnectorHealth",
    "RestExtension",
    "RestExtensionContext",
    "RestFilter",
    "RestHandler",
    "RestRequest",
    "RestResponse",
    "TaskHealth",
]

ConfigT = TypeVar("ConfigT", bound=Config)


@dataclass(frozen=True, slots=True)
class RestRequest:
    """What an extension sees of a request.

    Attributes:
        method: GET, POST, ….
        path: as sent, without query.
        query: text after the question mark.
        headers: names in any case find their value.
        secure: whether it came through an https listener.
        names: decoded values of the path's variables; empty in a filter.
        body: as received; empty in a filter, which runs before the body is read.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    secure: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class RestResponse:
    """What an extension answers.

    Attributes:
        status: HTTP status.
        body: bytes, or text that is sent as UTF-8.
        headers: in addition to the usual ones; ``Content-Type`` is JSON unless given.
    """

    status: int = 200
    body: str | bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


RestFilter = Callable[[RestRequest], Awaitable[RestResponse | None]]
"""Answers in place of the endpoint, or returns None to let the request through."""

RestHandler = Callable[[RestRequest], Awaitable[RestResponse]]
"""Answers the requests of one endpoint."""


@dataclass(frozen=True, slots=True)
class TaskHealth:
    """State of a task: RUNNING, PAUSED, FAILED, …, where it runs, and what went wrong."""

    state: str
    worker_id: str
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class ConnectorHealth:
    """State of a connector and its tasks.

    Attributes:
        name: of the connector.
        kind: source or sink.
        state: RUNNING, PAUSED, STOPPED, FAILED or UNASSIGNED.
        worker_id: where it runs.
        trace: what went wrong, when it failed.
        tasks: by number.
    """

    name: str
    kind: str
    state: str
    worker_id: str
    trace: str | None
    tasks: Mapping[int, TaskHealth]


class ClusterState(Protocol):
    """Read-only view of the connectors."""

    @property
    def kafka_cluster_id(self) -> str | None:
        """Id of the Kafka cluster, or of the embedded log."""
        ...

    def connectors(self) -> list[str]:
        """Names of all connectors."""
        ...

    def connector_config(self, name: str) -> dict[str, str]:
        """Configuration of a connector, secrets included; NotFoundError if there is none of that name."""
        ...

    def connector_health(self, name: str) -> ConnectorHealth:
        """State of a connector; NotFoundError if there is none of that name."""
        ...


class RestExtensionContext(Protocol):
    """Where an extension registers what it adds."""

    @property
    def cluster(self) -> ClusterState:
        """The connectors."""
        ...

    def add_filter(self, rest_filter: RestFilter) -> None:
        """Look at every request to a known endpoint; filters run in the order in which they were added."""
        ...

    def add_route(self, method: str, path: str, handler: RestHandler) -> None:
        """Add an endpoint; it cannot take the place of one of the worker's own.

        Args:
            method: GET, POST, ….
            path: such as ``/owners/{name}``; a variable stands for one segment.
            handler: answers.
        """
        ...


class RestExtension(ABC, Generic[ConfigT]):
    """Adds to the REST API. The runtime sets ``config``, read from the worker's properties, before :meth:`register`."""

    config_class: ClassVar[type[Config]] = Config
    version: ClassVar[str] = "undefined"
    java_class: ClassVar[str | None] = None

    config: ConfigT

    @abstractmethod
    def register(self, context: RestExtensionContext) -> None:
        """Add filters and endpoints; called once, before the worker's own endpoints answer."""

    def close(self) -> None:
        """Release resources; called when the server stops."""
