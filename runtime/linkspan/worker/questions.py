"""Questions that a child of its own answers once, within a deadline: plugin code, and clients of the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Any

from linkspan.api.errors import PluginError
from linkspan.plugins.catalog import PluginInfo
from linkspan.worker.channel import Message, decode_error
from linkspan.worker.log_levels import log_levels
from linkspan.worker.nurseries import Nurseries
from linkspan.worker.process import ChildProcess

__all__ = ["Questions"]

log = logging.getLogger(__name__)

_DEATH_SECONDS = 10.0


class Questions:
    """Runs jobs of :mod:`linkspan.worker.requests` to their end.

    Args:
        nurseries: where children come from.
        starting: limits how many children come up at the same time.
    """

    def __init__(self, nurseries: Nurseries, starting: asyncio.Semaphore) -> None:
        self._nurseries = nurseries
        self._starting = starting
        self._children: set[ChildProcess] = set()

    async def ask(
        self,
        job: str,
        args: Mapping[str, Any],
        *,
        context: str,
        what: str,
        seconds: float,
        plugin: PluginInfo | None = None,
        hide: Collection[str] = (),
    ) -> Any:  # noqa: ANN401 - each job has its own answer
        """Let a child do a job and return its result.

        Args:
            job: name of a function in :mod:`linkspan.worker.requests`.
            args: its arguments, as JSON values.
            context: what the child's log lines carry.
            what: words for messages, for example ``validate the configuration of connector c1``.
            seconds: how long it may take; the child is killed then.
            plugin: the connector class that it is about, or None.
            hide: secrets that are to be in no text of the child.

        Raises:
            PluginError: the child died or was too slow; carries the stack of the blocked call.
            ConnectError: what the job raised.
        """
        answered: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

        def take(_: ChildProcess, message: Message) -> None:
            if message["type"] == "result" and not answered.done():
                answered.set_result(message)

        run: Message = {
            "type": "run",
            "job": f"linkspan.worker.requests:{job}",
            "args": dict(args),
            "context": context,
            "levels": log_levels(),
            "beat": 60.0,
            "hide": list(hide),
        }
        async with self._starting:
            child = await self._nurseries.spawn(context, take, run, plugin)
        self._children.add(child)
        ending = asyncio.ensure_future(child.ended())
        try:
            waiting: list[asyncio.Future[Any]] = [answered, ending]
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not answered.done():
                raise await self._silent(child, ending, what, seconds)
        finally:
            child.kill()
            await asyncio.wait([ending], timeout=_DEATH_SECONDS)
            child.close()
            self._children.discard(child)
        message = answered.result()
        if message.get("error"):
            raise decode_error(message["error"])
        return message["value"]

    @staticmethod
    async def _silent(child: ChildProcess, ending: asyncio.Future[Any], what: str, seconds: float) -> PluginError:
        """The error for a child that gave no answer."""
        if ending.done():
            trace = child.crash_stack()
            how = child.fault or f"the process ended with {ending.result()} before it answered"
            text = f"Could not {what}: {how}"
        else:
            trace = await child.blocked_stack()
            text = f"Could not {what} within {seconds:g} s; the process was killed"
        log.error("%s%s", text, f". It was blocked in:\n{trace}" if trace else "")
        return PluginError(text, trace or None)

    def kill(self) -> None:
        """End every child that has not answered yet."""
        for child in self._children:
            child.kill()
