"""Restarts of connector instances that have failed; whatever a user or the group of workers wants of one goes first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from linkspan.api.errors import ConnectError
from linkspan.worker.channel import readable
from linkspan.worker.restarts import Restarts
from linkspan.worker.running_connector import RunningConnector

__all__ = ["ConnectorRestarts"]

log: Final = logging.getLogger(__name__)


class ConnectorRestarts:
    """Restarts instances, one attempt at a time for each.

    Args:
        begin: starts one anew; raises ConnectError when it has failed again, and has said so.
        here: whether it is still what this worker is to run.
        owned: whether the group of workers says so, too.
        restarted: told the name of a connector that has begun anew: it may cut its work in another way.
    """

    def __init__(
        self,
        begin: Callable[[RunningConnector], Awaitable[None]],
        here: Callable[[RunningConnector], bool],
        owned: Callable[[RunningConnector], bool],
        restarted: Callable[[str], None],
    ) -> None:
        self._begin = begin
        self._restarted = restarted
        self._waiting = Restarts(self._start, here, owned)
        self._under_way: dict[str, asyncio.Task[None]] = {}

    def failed(self, connector: RunningConnector, trace: str, code: str) -> None:
        """Restart it later if its user wants that, or leave it FAILED."""
        self._waiting.failed(connector, trace, connector.restarts, code)

    def _start(self, connector: RunningConnector) -> None:
        name = connector.name
        self._under_way[name] = asyncio.create_task(self._restart(connector), name=f"restart of connector {name}")

    async def _restart(self, connector: RunningConnector) -> None:
        try:
            await self._begin(connector)
        except ConnectError as error:
            log.warning("%s did not start: %s", connector, error.message)
        except Exception as error:  # supervision point: it would be RESTARTING for ever
            log.exception("%s could not begin anew", connector)
            connector.report("FAILED", readable(f"{connector} could not begin anew: {type(error).__name__}: {error}"))
        else:
            self._restarted(connector.name)

    async def give_up(self, connector: RunningConnector) -> None:
        """Forget a restart that waits, and end one that is under way."""
        self._waiting.forget(connector)
        restarting = self._under_way.pop(connector.name, None)
        if restarting is not None and not restarting.done():
            restarting.cancel()
            await asyncio.wait([restarting])
            self._waiting.forget(connector)  # it may have failed once more before it was ended
