"""What a worker of a group does before an exactly-once task of its own begins to write (spec/runtime.md 4.11)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from linkspan.api.errors import ConflictError, ConnectError, FencedError, NotReadyError, RetriableError
from linkspan.herder.config_topic import ConfigTopic, LostClaimError
from linkspan.herder.port import NotLeaderError, PeerError
from linkspan.herder.sessions import MISSING_SIGNATURE

__all__ = ["SourceGuard"]

_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 5.0
_READ_SECONDS: Final = 30.0
_PASSING: Final = frozenset({None, 409, 503})
"""Answers of a leader that it will give no longer in a moment: a round is under way, it starts, or it is gone."""
_SAID_IN_PASSING: Final = (MISSING_SIGNATURE, LostClaimError().message)
"""What it says then with another status: the request came without its signature, through a worker that has led before;
or whoever leads next has just taken the config topic over."""
_log: Final = logging.getLogger("linkspan.herder")


class SourceGuard:
    """Asks the leader to fence out older tasks, and the config topic whether a task is to run.

    Args:
        configs: the config topic.
        ask_leader: has the leader fence out older tasks of a connector.
        holds: whether a task belongs here, and was begun with its newest configuration.
    """

    def __init__(
        self, configs: ConfigTopic, ask_leader: Callable[[str], Awaitable[None]], holds: Callable[[str, int], bool]
    ) -> None:
        self._configs = configs
        self._ask_leader = ask_leader
        self._holds = holds

    async def fence_older(self, connector: str, task: int) -> None:
        """Return when older tasks can write nothing more; a change of leaders is waited for.

        What the leader says is not enough: after a compaction it may have read of the connector, but not of its tasks
        (KAFKA-16838), and then has nothing to do. That the tasks were counted is known from the topic.

        Raises:
            ConnectError: the leader or its brokers refuse, or the task is not to run here any more.
        """
        pause = _FIRST_PAUSE
        while True:
            self._check(connector, task)
            try:
                await self._ask_leader(connector)
                await self._configs.read_to_end(_READ_SECONDS)
                if connector in self._configs.snapshot.pending_fencing:
                    raise ConflictError("The leader does not know of its newest tasks")
            except ConnectError as error:
                if not _passes(error):
                    raise
                _log.info("Older tasks of connector %s are not fenced out yet: %s", connector, error.message)
            else:
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def confirm(self, connector: str, task: int) -> None:
        """Return when everything that was configured until now is known, and the task is to run all the same.

        Raises:
            FencedError: it is not.
        """
        while True:
            try:
                await self._configs.read_to_end(_READ_SECONDS)
            except RetriableError as error:
                _log.warning("Task %s-%d cannot begin yet: %s", connector, task, error.message)
            else:
                break
        self._check(connector, task)

    def _check(self, connector: str, task: int) -> None:
        if not self._holds(connector, task):
            raise FencedError(
                f"Cannot start source task {connector}-{task} with exactly-once support as the connector has already "
                "generated a new set of task configs, or it has been revoked from this worker"
            )


def _passes(error: ConnectError) -> bool:
    if isinstance(error, PeerError):
        return error.status in _PASSING or any(text in error.message for text in _SAID_IN_PASSING)
    return isinstance(error, ConflictError | NotReadyError | NotLeaderError | LostClaimError | RetriableError)
