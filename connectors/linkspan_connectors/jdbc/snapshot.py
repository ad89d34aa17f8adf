"""The chunks of a table that fall to a task, read one after the other (spec/jdbc.md 18.3).

A SIGKILL at any point loses nothing: offsets of a chunk say behind which id it goes on, as those of a table do, and a
chunk of which nothing is stored is read from its beginning.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from typing import Final

from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.gaps import Settling
from linkspan_connectors.jdbc.reading import Batch, Reading
from linkspan_connectors.jdbc.snapshot_plan import Chunk

__all__ = ["Snapshot"]

log = logging.getLogger(__name__)

_NEVER: Final = math.inf


class Snapshot:
    """Reads chunks of one table; takes turns with other readings of the task.

    Args:
        title: for messages: ``table shop.orders``.
        chunks: to be read, one at least.
        reading_of: makes what reads a chunk.
        settling: whether rows may still appear in them; None where that is of no interest.
    """

    def __init__(
        self,
        title: str,
        chunks: Sequence[Chunk],
        reading_of: Callable[[Chunk], Reading],
        settling: Settling | None = None,
    ) -> None:
        self.title = title
        self.failures = 0
        self._chunks = chunks
        self._reading_of = reading_of
        self._settling = settling
        self._at = 0
        self._reading: Reading | None = None
        self._waits = False

    @property
    def is_open(self) -> bool:
        """Whether a result set is being read."""
        return self._reading is not None and self._reading.is_open

    @property
    def may_pause(self) -> bool:
        """Always: a new result set begins right behind the last id."""
        return True

    def rest(self, interval: float) -> float:
        """Seconds until there is something to do again."""
        if self._at == len(self._chunks):
            return _NEVER
        return interval if self._waits else 0.0

    def open(self, connection: DriverConnection) -> None:
        """Run the statement of the next chunk; none while rows may still appear in it.

        Raises:
            Exception: of the driver.
            ConnectError: its columns cannot be read.
        """
        self._waits = self._settling is not None and not self._settling.is_over(connection)
        if self._waits:
            return
        if self._reading is None:
            self._reading = self._reading_of(self._chunks[self._at])
        self._reading.open(connection)

    def next(self) -> Batch | None:
        """The next rows; None when there are none left in the chunk.

        Raises:
            Exception: of the driver.
            ConnectError: a row does not say where reading goes on.
        """
        assert self._reading is not None
        batch = self._reading.next()
        if not self._reading.is_open:
            self._reading = None
            self._at += 1
            log.info("%s: %d of %d chunks of this task are read", self.title, self._at, len(self._chunks))
        return batch

    def close(self) -> None:
        """Give up what is being read; the next :meth:`open` goes on behind the rows that were taken."""
        if self._reading is not None:
            self._reading.close()
