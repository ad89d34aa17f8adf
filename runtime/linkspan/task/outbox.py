"""What a poll returned, on its way to the writer: converted, and sent in order however often the log says "later"."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from linkspan.api.errors import OutageError, RetriableError
from linkspan.api.records import SourceRecord
from linkspan.task.offsets import Part, Position
from linkspan.task.outage import Outage
from linkspan.task.port import WorkerPort
from linkspan.task.source_conversion import SourceConversion

__all__ = ["Outbox"]

_log = logging.getLogger("linkspan.task.source")

_SEND_RETRY: Final = 0.1
_LONGEST_REST: Final = 1.0
_STUCK_PATIENCE: Final = 5.0
"""Seconds that records may wait to be sent before there is a warning: a full buffer is nothing unusual."""
_STUCK_WARNING: Final = 30.0
"""Seconds between two warnings about records that cannot be sent."""


class Outbox:
    """Takes one poll at a time.

    Args:
        conversion: makes batches of it.
        send: gives one of them to the writer; may raise RetriableError.
        port: the worker.
        ensure_topic: called before records go to a topic, to create it; None when the connector asks for no topics.
            May raise RetriableError.
        clock: seconds, monotonic.

    Attributes:
        positions: last position of each source partition of this poll; known once it is converted.
        outage: something that a converter or transform needs, and whatever else the task waits for.
    """

    def __init__(
        self,
        conversion: SourceConversion,
        send: Callable[[Part], None],
        port: WorkerPort,
        *,
        ensure_topic: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._conversion = conversion
        self._send = send
        self._port = port
        self._ensure_topic = ensure_topic
        self._clock = clock
        self._unconverted: Sequence[SourceRecord] = ()
        self._waiting: list[Part] = []
        self.positions: Sequence[Position] = ()
        self.outage = Outage("The task", clock)
        self._stuck_since: float | None = None
        self._warn_at = 0.0

    @property
    def waiting(self) -> bool:
        """Whether some of this poll could not be sent yet."""
        return bool(self._waiting) or len(self._unconverted) > 0

    @property
    def part_sent(self) -> bool:
        """Whether some of this poll may have been sent, and the rest was not."""
        return bool(self._waiting)

    def load(self, polled: Sequence[SourceRecord]) -> None:
        """Take what a poll returned; nothing is waiting."""
        self._unconverted = polled
        self.positions = ()

    def send(self) -> bool:
        """Convert and send what waits, in order; False when it has to be tried again, after a moment that has passed.

        Raises:
            ConnectError: a record failed and that is not tolerated, or a topic can never be created or written to.
        """
        if len(self._unconverted) and not self._convert():
            return False
        while self._waiting:
            part = self._waiting[0]
            try:
                if self._ensure_topic is not None:
                    self._ensure_topic(part.batch.topic)
                self._send(part)
            except RetriableError as error:
                self._wait_after(part, error)
                return False
            self._stuck_since = None
            del self._waiting[0]
        return True

    def _convert(self) -> bool:
        if self.outage.pause <= 0:
            try:
                parts, self.positions = self._conversion.prepare(self._unconverted)
            except OutageError as error:
                self.outage.failed(error)
            else:
                self._waiting = list(parts)
                self._unconverted = ()
                self.outage.over()
                return True
        self.rest()
        return False

    def rest(self) -> None:
        """Wait until the next attempt is due, or a moment: acknowledgements have to be looked after meanwhile."""
        self._port.wait(min(self.outage.pause, _LONGEST_REST))

    def _wait_after(self, part: Part, error: RetriableError) -> None:
        now = self._clock()
        if self._stuck_since is None:
            self._stuck_since = now
        if now >= max(self._warn_at, self._stuck_since + _STUCK_PATIENCE):
            self._warn_at = now + _STUCK_WARNING
            _log.warning(
                "%d records for topic %s could not be sent for %.0f s, trying again: %s",
                len(part.batch),
                part.batch.topic,
                now - self._stuck_since,
                error,
            )
        self._port.wait(_SEND_RETRY)
