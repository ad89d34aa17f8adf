"""What the leader of a group does besides sharing out work: session keys, and states that nobody needs (3.7, 4.3).

Where sources may deliver exactly once it also keeps former leaders from writing to the config topic (2.4).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from linkspan.api.errors import ConnectError
from linkspan.herder.config_topic import ConfigTopic
from linkspan.herder.lanes import report_failure
from linkspan.herder.participant import Participant
from linkspan.herder.sessions import KeyPolicy, SessionKey
from linkspan.herder.status_topic import StatusTopic

__all__ = ["Leadership"]

_PAUSE_SECONDS: Final = 1.0
_CLAIM_SECONDS: Final = 30.0
_log: Final = logging.getLogger("linkspan.herder")


class Leadership:
    """Duties of the leader; on other workers nothing happens.

    Args:
        group: this worker's part in it.
        configs: the config topic.
        statuses: the status topic.
        keys: how session keys are made.
        now_ms: time of day in milliseconds.
    """

    def __init__(
        self,
        group: Participant,
        configs: ConfigTopic,
        statuses: StatusTopic,
        keys: KeyPolicy,
        now_ms: Callable[[], int] = lambda: int(time.time() * 1000),
    ) -> None:
        self._group = group
        self._configs = configs
        self._statuses = statuses
        self._keys = keys
        self._now_ms = now_ms
        self._rotating: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._giving_up: asyncio.Task[None] | None = None

    def on_settled(self) -> None:
        """A round is over: this worker may lead now."""
        self.look_after_claim()
        self.forget_states()
        self.rotate_if_due()

    def on_session_key(self, _: SessionKey) -> None:
        """There is a new key: its end is what to wait for."""
        self.rotate_if_due()

    def rotate_if_due(self) -> None:
        """Write a new session key if this worker leads and one is due; look again when the present one ends."""
        self._cancel_timer()
        if not (self._group.leads and self._group.sessioned):
            return
        key = self._configs.snapshot.session_key
        if not self._keys.due(key, self._now_ms()):
            expires = self._keys.expires(key) if key is not None else None
            if expires is not None:
                pause = (expires - self._now_ms()) / 1000
                self._timer = asyncio.get_running_loop().call_later(pause, self.rotate_if_due)
        elif self._rotating is None or self._rotating.done():
            self._rotating = asyncio.create_task(self._rotate(), name="session key")

    def look_after_claim(self) -> None:
        """Have the config topic to write to while this worker leads, and only then; in a settled group."""
        if self._group.leads:
            self._configs.begin_claim(_CLAIM_SECONDS)
        elif self._giving_up is None or self._giving_up.done():
            self._giving_up = asyncio.create_task(self._configs.give_up_claim(), name="give up the config topic")
            self._giving_up.add_done_callback(report_failure)

    async def _rotate(self) -> None:
        try:
            await self._configs.put_session_key(self._keys.generate(self._now_ms()))
        except Exception as error:  # noqa: BLE001 - supervision point: the group would be left with an old key
            unexpected = None if isinstance(error, ConnectError) else error
            text = "No session key was written; trying again in %g s: %s"
            _log.warning(text, _PAUSE_SECONDS, error, exc_info=unexpected)
            self._cancel_timer()
            self._timer = asyncio.get_running_loop().call_later(_PAUSE_SECONDS, self.rotate_if_due)

    def forget_states(self) -> None:
        """Remove states of connectors that were deleted, and of tasks that a connector has no more."""
        if not self._group.leads:
            return
        snapshot = self._configs.snapshot
        for name, tasks in self._statuses.recorded().items():
            if name not in snapshot.connectors:
                self._statuses.remove_connector(name)
                continue
            for number in tasks:
                if number >= snapshot.task_counts.get(name, 0):
                    self._statuses.remove_task(name, number)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def stop(self) -> None:
        """Do nothing any more."""
        self._cancel_timer()
        for doing in filter(None, (self._rotating, self._giving_up)):
            doing.cancel()
