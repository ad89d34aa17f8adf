"""The connectors of a group of workers as its config topic and this worker's plugins describe them."""

from __future__ import annotations

from collections.abc import Mapping

from linkspan.api.errors import ConnectError, NotFoundError
from linkspan.herder.config_topic import ConfigTopic
from linkspan.herder.port import Body, SubmittedConfig
from linkspan.plugins.catalog import Catalog, PluginInfo

__all__ = ["Directory"]


class Directory:
    """Looks connectors up.

    Args:
        configs: the config topic.
        catalog: plugins of this worker.
    """

    def __init__(self, configs: ConfigTopic, catalog: Catalog) -> None:
        self._configs = configs
        self._catalog = catalog

    def config(self, name: str) -> dict[str, str]:
        """Configuration of a connector, without its null values; NotFoundError when there is no such one."""
        config = self._configs.snapshot.connectors.get(name)
        if config is None:
            raise NotFoundError(f"Connector {name} not found")
        return {key: value for key, value in config.items() if value is not None}

    def info(self, name: str, config: Mapping[str, str]) -> Body:
        """ConnectorInfo of a connector with this configuration."""
        tasks = [{"connector": name, "task": number} for number in self._configs.snapshot.tasks(name)]
        return {"name": name, "config": dict(config), "tasks": tasks, "type": self.kind(config)}

    def kind(self, config: SubmittedConfig | None) -> str:
        """``source`` or ``sink``; ``unknown`` where its plugin is not here."""
        plugin = self._plugin(config)
        return plugin.kind if plugin is not None else "unknown"

    def version(self, config: SubmittedConfig | None) -> str | None:
        """Version of its plugin; None where that is not here."""
        plugin = self._plugin(config)
        return plugin.version if plugin is not None else None

    def _plugin(self, config: SubmittedConfig | None) -> PluginInfo | None:
        if config is None:
            return None
        try:
            return self._catalog.connector_of(config)
        except ConnectError:
            return None
