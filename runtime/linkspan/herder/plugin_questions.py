"""What every herder answers about plugins, whatever it runs (spec/runtime.md 1.9)."""

from __future__ import annotations

from linkspan.api.errors import ConfigError, ConnectError, NotFoundError
from linkspan.herder.port import Body, RunningWorker, SubmittedConfig
from linkspan.plugins.versions import missing_version

__all__ = ["PluginQuestions"]


class PluginQuestions:
    """The part of a herder that asks its worker about plugins.

    Args:
        worker: knows its plugins.
    """

    def __init__(self, worker: RunningWorker) -> None:
        self._worker = worker

    def plugins(self, *, connectors_only: bool) -> list[Body]:
        """Installed plugins in Kafka's order."""
        return self._worker.catalog.listing(connectors_only)

    async def plugin_config(self, name: str, version: str | None) -> list[Body]:
        """Keys of a plugin; ``version`` must be the installed one."""
        try:
            info = self._worker.catalog.find(None, name)
        except ConnectError as error:
            raise NotFoundError(f"Unknown plugin {name}.") from error
        problem = missing_version(info.class_name, "version", version, [info.version or "undefined"])
        if problem is not None:
            raise ConfigError(problem, "version")
        return await self._worker.plugin_config(name)

    async def validate(self, config: SubmittedConfig) -> Body:
        """ConfigInfos of a configuration."""
        self._worker.catalog.connector_of(config)
        return await self._worker.validate(dict(config))
