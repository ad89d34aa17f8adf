"""``rest.extension.classes``: finds, configures, registers and closes the extensions (spec/runtime.md 1.1)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from linkspan.api.errors import ConfigError, ConnectError, NotFoundError, PluginError
from linkspan.api.rest import (
    ClusterState,
    ConnectorHealth,
    RestExtension,
    RestFilter,
    RestHandler,
    TaskHealth,
)
from linkspan.config import definition
from linkspan.herder.port import Herder
from linkspan.plugins.catalog import Catalog, PluginInfo
from linkspan.plugins.loading import load
from linkspan.rest.routing import ForeignRoute

__all__ = ["Extensions", "HerderState"]

_KEY: Final = "rest.extension.classes"
_log: Final = logging.getLogger(__name__)


class HerderState:
    """What extensions see of the connectors.

    Args:
        herder: knows them.
        kafka_cluster_id: of the log.
    """

    def __init__(self, herder: Herder, kafka_cluster_id: str | None) -> None:
        self._herder = herder
        self._cluster_id = kafka_cluster_id

    @property
    def kafka_cluster_id(self) -> str | None:
        """Id of the Kafka cluster, or of the embedded log."""
        return self._cluster_id

    def connectors(self) -> list[str]:
        """Names of all connectors."""
        return self._herder.connectors()

    def connector_config(self, name: str) -> dict[str, str]:
        """Configuration of a connector; a copy."""
        return dict(self._herder.connector_config(name))

    def connector_health(self, name: str) -> ConnectorHealth:
        """State of a connector and its tasks."""
        status = self._herder.connector_status(name)
        connector, tasks = status["connector"], status["tasks"]
        assert isinstance(connector, dict)
        assert isinstance(tasks, list)
        return ConnectorHealth(
            name=name,
            kind=str(status["type"]),
            state=connector["state"],
            worker_id=connector["worker_id"],
            trace=connector.get("trace"),
            tasks={task["id"]: TaskHealth(task["state"], task["worker_id"], task.get("trace")) for task in tasks},
        )


class Extensions:
    """The extensions of one server, and what they have registered.

    Args:
        cluster: what they see of the connectors.
    """

    def __init__(self, cluster: ClusterState) -> None:
        self._cluster = cluster
        self._open: list[RestExtension[Any]] = []
        self.filters: list[RestFilter] = []
        self.routes: list[ForeignRoute] = []

    @property
    def cluster(self) -> ClusterState:
        """The connectors."""
        return self._cluster

    def add_filter(self, rest_filter: RestFilter) -> None:
        """Called by extensions."""
        self.filters.append(rest_filter)

    def add_route(self, method: str, path: str, handler: RestHandler) -> None:
        """Called by extensions."""
        self.routes.append(ForeignRoute(method.upper(), path, handler))

    def register(self, names: Sequence[str], catalog: Catalog, properties: Mapping[str, str | None]) -> None:
        """Create, configure and register extensions in this order.

        Args:
            names: class names, Java's or Python's, or ``module:Class``.
            catalog: all plugins.
            properties: of the worker.

        Raises:
            ConfigError: there is no such extension, or a key of it is wrong.
            PluginError: its code raises.
        """
        for name in names:
            extension = _created(_found(name, catalog), name, properties)
            self._open.append(extension)
            try:
                extension.register(self)
            except ConnectError:
                raise
            except Exception as error:
                raise PluginError(f"{_KEY}: {name} failed to register: {type(error).__name__}: {error}") from error
            _log.info("Registered REST extension %s", name)

    def close(self) -> None:
        """Close all of them, whatever one of them raises."""
        while self._open:
            extension = self._open.pop(0)
            try:
                extension.close()
            except Exception:  # noqa: BLE001 - supervision point: the others must be closed as well
                _log.warning("REST extension %s failed to close", type(extension).__name__, exc_info=True)


def _found(name: str, catalog: Catalog) -> PluginInfo:
    try:
        return catalog.find("rest_extension", name)
    except NotFoundError as error:
        if ":" in name:
            return PluginInfo("rest_extension", class_name=name, python_path=name)
        raise ConfigError.invalid(_KEY, name, error.message) from error


def _created(info: PluginInfo, name: str, properties: Mapping[str, str | None]) -> RestExtension[Any]:
    try:
        found = load(info)
    except PluginError as error:
        raise ConfigError.invalid(_KEY, name, error.message) from error
    if not issubclass(found, RestExtension):
        raise ConfigError.invalid(_KEY, name, "the class is not a linkspan.api.RestExtension")
    config = definition.load(found.config_class, properties)
    try:
        extension: RestExtension[Any] = found()
    except Exception as error:
        raise PluginError(f"{_KEY}: {name} cannot be created: {type(error).__name__}: {error}") from error
    extension.config = config
    return extension
