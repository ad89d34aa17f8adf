"""``/admin/loggers`` (KIP-495, KIP-976; spec/runtime.md 1.10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from linkspan.api.errors import ConfigError, NotFoundError
from linkspan.herder.port import Body, Herder
from linkspan.observe.levels import LEVELS
from linkspan.rest import bodies
from linkspan.rest.routing import Answer, Request, Route

__all__ = ["LevelRegistry", "LoggerResources"]


class LevelRegistry(Protocol):
    """Levels of this process' loggers."""

    def levels(self) -> Mapping[str, tuple[str, int | None]]:
        """Name → level and when it was last changed through here (ms since the epoch), sorted; root is ``root``."""
        ...

    def level(self, name: str) -> tuple[str, int | None] | None:
        """Level of one logger; None when there is no such logger."""
        ...

    def set_level(self, name: str, level: str) -> list[str]:
        """Change the logger and all whose names start so; the names that changed, sorted."""
        ...


class LoggerResources:
    """Everything below ``/admin/loggers``.

    Args:
        registry: knows and changes levels of this worker.
        herder: changes those of the whole group.
    """

    def __init__(self, registry: LevelRegistry, herder: Herder) -> None:
        self._registry = registry
        self._herder = herder

    def routes(self) -> list[Route]:
        """Its endpoints."""
        return [
            Route("GET", "/admin/loggers", self._list),
            Route("GET", "/admin/loggers/{l}", self._get),
            Route("PUT", "/admin/loggers/{l}", self._set, takes_body=True),
        ]

    async def _list(self, _: Request) -> Answer:
        return Answer(body={name: _shown(found) for name, found in self._registry.levels().items()})

    async def _get(self, request: Request) -> Answer:
        name = request.names["l"]
        found = self._registry.level(_root_or(name))
        if found is None:
            raise NotFoundError(f"Logger {name} not found.")
        return Answer(body=_shown(found))

    async def _set(self, request: Request) -> Answer:
        level = bodies.text_map(request.body).get("level")
        if level is None:
            raise ConfigError("Desired 'level' parameter was not specified in request.", "level")
        if level.upper() not in LEVELS:
            raise NotFoundError(f"invalid log level '{level}'.")
        logger = _root_or(request.names["l"])
        if (request.parameter("scope") or "").lower() == "cluster":
            await self._herder.set_cluster_log_level(logger, level)
            return Answer(204)
        return Answer(body=self._registry.set_level(logger, level.upper()))


def _root_or(name: str) -> str:
    return "root" if name.lower() == "root" else name


def _shown(found: tuple[str, int | None]) -> Body:
    level, modified = found
    return {"level": level, "last_modified": modified}
