"""A listener of the config topic that keeps what it is told."""

from __future__ import annotations

from typing import Any


class Told:
    """``calls`` has the events in their order, each with what came with it."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def on_connector_config(self, name: str) -> None:
        self.calls.append(("config", name))

    def on_connector_removed(self, name: str) -> None:
        self.calls.append(("removed", name))

    def on_tasks(self, name: str) -> None:
        self.calls.append(("tasks", name))

    def on_target(self, name: str) -> None:
        self.calls.append(("target", name))

    def on_session_key(self, key: Any) -> None:
        self.calls.append(("key", key))

    def on_restart(self, request: Any) -> None:
        self.calls.append(("restart", request))

    def on_log_level(self, logger: str, level: str) -> None:
        self.calls.append(("level", logger, level))
