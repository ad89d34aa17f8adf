"""The way of task configurations from the connector that made them to the config topic (spec/runtime.md 4.5, 1.11)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from linkspan.api.errors import ConnectError
from linkspan.herder.lanes import report_failure

__all__ = ["Publication"]

_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 60.0
_log: Final = logging.getLogger("linkspan.herder")

TaskConfigs = list[dict[str, str]]


class Publication:
    """Hands on task configurations until the leader has taken them; newer ones of a connector replace older ones.

    Args:
        send: takes a connector and its task configurations to the leader; may fail.
        due: whether these are still to be sent: the connector runs here, and they differ from what is published.
        origin: configuration that a connector has now, if it runs here.
    """

    def __init__(
        self,
        send: Callable[[str, TaskConfigs], Awaitable[None]],
        due: Callable[[str, TaskConfigs], bool],
        origin: Callable[[str], object | None],
    ) -> None:
        self._send = send
        self._due = due
        self._origin = origin
        self._made: dict[str, tuple[object | None, TaskConfigs]] = {}
        self._attempts: dict[str, asyncio.Task[None]] = {}

    def publish(self, name: str, configs: TaskConfigs) -> None:
        """Hand these on; returns at once."""
        before = self._attempts.pop(name, None)
        if before is not None:
            before.cancel()
        self._made[name] = self._origin(name), configs
        self._begin(name, configs)

    def again(self) -> None:
        """Hand on what was published, but is not what is in force: half of it was written, or it was taken back."""
        for name, (origin, configs) in list(self._made.items()):
            if origin is None or self._origin(name) != origin:
                del self._made[name]
            elif name not in self._attempts:
                self._begin(name, configs)

    def _begin(self, name: str, configs: TaskConfigs) -> None:
        if self._due(name, configs):
            attempt = asyncio.create_task(self._until_taken(name, configs), name=f"publish tasks of {name}")
            self._attempts[name] = attempt
            attempt.add_done_callback(lambda ended: self._forget(name, ended))
            attempt.add_done_callback(report_failure)

    def _forget(self, name: str, ended: asyncio.Task[None]) -> None:
        if self._attempts.get(name) is ended:
            del self._attempts[name]

    async def _until_taken(self, name: str, configs: TaskConfigs) -> None:
        pause = _FIRST_PAUSE
        while self._due(name, configs):
            try:
                await self._send(name, configs)
            except ConnectError as error:
                _log.warning(
                    "The task configs of connector %s did not reach the leader; trying again in %g s: %s",
                    name,
                    pause,
                    error.message,
                )
            else:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def stop(self) -> None:
        """Give up what was not taken, and forget all of it."""
        self._made.clear()
        attempts = list(self._attempts.values())
        for attempt in attempts:
            attempt.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)
