"""Up to which id no row can appear any more: reading that passes over none (spec/jdbc.md 6.2 and 18.4).

Ids of a sequence are taken before rows become visible, so a transaction may commit an id that is lower than others that
were read. Whoever took an id has either a number of its own, which snapshots know, or still holds the lock on the table
with which its INSERT began, before the id was taken. So reading goes on up to the greatest id of a moment when all
transactions of either kind that there were after that moment have ended; what is read then has no gap that could fill.

Nothing of it is stored: after a kill the next start looks at the transactions of its own time. A server that was
killed, or a standby that took its place, may give numbers again that the log did not have yet. Nothing waits for those:
it is looked anew, for transactions that were prepared have outlived the server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from linkspan_connectors.jdbc.drivers import DriverConnection

__all__ = ["NOBODY", "Horizon", "Settling", "Writers"]


class Writers(NamedTuple):
    """Transactions that may have taken ids of a table and have not ended.

    Attributes:
        oldest: number of the oldest transaction under way; ``following`` when there is none.
        following: number that the next transaction gets.
        holders: transactions, with or without a number, that hold the lock that writing to the table takes.
    """

    oldest: int = 0
    following: int = 0
    holders: frozenset[str] = frozenset()

    def have_ended(self, now: Writers) -> bool:
        """Whether none of them is among those of a later moment."""
        return now.oldest >= self.following and not self.holders & now.holders

    def are_lost(self, now: Writers) -> bool:
        """Whether the server has lost numbers since, so that these say nothing any more."""
        return now.following < self.following


NOBODY = Writers()
"""Where ids become visible in their order."""


class Horizon:
    """Of one table.

    Args:
        greatest: the greatest id behind one, None when there is none; a statement of its own, with a connection.
        writers: who is writing to the table, likewise.
    """

    def __init__(
        self, greatest: Callable[[DriverConnection, int | None], Any], writers: Callable[[DriverConnection], Writers]
    ) -> None:
        self._greatest = greatest
        self._writers = writers
        self._awaited: tuple[Any, Writers] | None = None

    def reached(self, connection: DriverConnection, after: int | None) -> Any:  # noqa: ANN401 - of a driver
        """Up to which id reading may go by a statement that begins now; None when there is nothing to read yet.

        Args:
            connection: each statement on it has to see what was committed before.
            after: the last id that was read; None for none.

        Raises:
            Exception: of the driver.
        """
        ready = None
        if self._awaited is not None:
            last, before = self._awaited
            now = self._writers(connection)
            if before.have_ended(now):
                ready = last
            elif not before.are_lost(now):
                return None
            self._awaited = None
        last = self._greatest(connection, after if ready is None else ready)
        if last is None:
            return ready
        before = self._writers(connection)
        if before.have_ended(before):
            return last
        self._awaited = last, before
        return ready


class Settling:
    """Whether all have ended who were writing to a table when that was first asked.

    Args:
        writers: who is writing to the table; a statement of its own, with a connection.
    """

    def __init__(self, writers: Callable[[DriverConnection], Writers]) -> None:
        self._writers = writers
        self._first: Writers | None = None
        self._is_over = False

    def is_over(self, connection: DriverConnection) -> bool:
        """Whether no row can appear any more among the ids that there were when this was first asked.

        Args:
            connection: each statement on it has to see what was committed before.

        Raises:
            Exception: of the driver.
        """
        if not self._is_over:
            now = self._writers(connection)
            if self._first is None or self._first.are_lost(now):
                self._first = now
            self._is_over = self._first.have_ended(now)
        return self._is_over
