"""How the events of one table are found, and what is remembered of those that were delivered (spec/jdbc.md 18).

With ``x.outbox.delete`` the table is what remembers: what is in it was not delivered. Rows that are on their way are
passed over, whatever the order in which transactions commit. What a SIGKILL between any two steps does:

====  ===========================================  ==============================================================
Step  What happened                                A kill right after it
====  ===========================================  ==============================================================
1     rows were read, ``poll`` returned records    nothing; they are read again
2     the log has some of the records, or all      they are read again, and those records written twice
3     the runtime told of them                     as 2
4     the rows were deleted, not committed         the database undoes it; as 2
5     the deletion was committed                   nothing: the rows are gone
====  ===========================================  ==============================================================

On a worker that delivers exactly once, records and the offset after them get into the log together or not at all. The
offset names the rows, so that the next start deletes those first that a kill at 2 to 4 has left; there is one batch at
a time, so that it names all of them. The ids of rows must never come again for that, as those of events do not.

Without deletion reading goes on behind the greatest id, up to where no lower one can appear
(:mod:`linkspan_connectors.jdbc.gaps`), and offsets are those of mode incrementing.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Final

from linkspan.api import ConfigError, ConnectError, Offset
from linkspan_connectors.jdbc.dialects.dialect import Dialect
from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.gaps import Horizon
from linkspan_connectors.jdbc.offsets import Position
from linkspan_connectors.jdbc.results import ResultColumn, Row

__all__ = ["DELIVERED", "Deletion", "Found", "OutboxTable", "Succession"]

DELIVERED: Final = "delivered"
"""Key of an offset: rows that the log has."""
_MOST_PARAMETERS: Final = 500
_HEX: Final = "hex"

Found = tuple[tuple[ResultColumn, ...], Sequence[Row]]
"""Columns and rows of a result."""


class OutboxTable(ABC):
    """Finds the rows of one table.

    Args:
        dialect: of the database.
        source: the table, as it stands in statements.
    """

    def __init__(self, dialect: Dialect, source: str) -> None:
        self._dialect = dialect
        self._source = source

    @abstractmethod
    def next(self, connection: DriverConnection, most: int) -> Found | None:
        """The next rows, ``most`` at most, that were not returned yet; None when there are none.

        Raises:
            Exception: of the driver.
            ConnectError: they cannot be followed.
        """

    @abstractmethod
    def take(self, columns: Sequence[ResultColumn], rows: Sequence[Row]) -> Callable[[int], Offset | None]:
        """Rows become records: the offset after each, by its index.

        Raises:
            ConnectError: they have no offset.
        """

    @property
    @abstractmethod
    def on_their_way(self) -> int:
        """Rows that were taken and are not acknowledged."""

    @abstractmethod
    def acknowledge(self, count: int) -> None:
        """The log has the oldest so many rows that are on their way."""

    @abstractmethod
    def settle(self, connection: DriverConnection) -> None:
        """Have the database know what was acknowledged; to be called again when it fails.

        Raises:
            Exception: of the driver.
        """

    def _select(
        self, connection: DriverConnection, conditions: str, parameters: Sequence[Any], most: int
    ) -> Found | None:
        text = f"SELECT * FROM {self._source}{conditions}{self._dialect.row_limit.format(most)}"
        selection = self._dialect.select(connection, text, parameters, batch_rows=most)
        try:
            columns, rows = selection.columns, selection.fetch(most)
        finally:
            selection.close()
        return (columns, rows) if rows else None


class Deletion(OutboxTable):
    """Rows are deleted once the log has them.

    Args:
        dialect: of the database.
        source: the table, as it stands in statements.
        keys: columns of the primary key.
        order: columns that rows are ordered by.
        names_rows: whether offsets name the rows, for delivery exactly once.
    """

    def __init__(
        self, dialect: Dialect, source: str, keys: Sequence[str], order: Sequence[str], *, names_rows: bool
    ) -> None:
        super().__init__(dialect, source)
        self._keys = tuple(keys)
        self._names_rows = names_rows
        quoted = dialect.quotes.name
        self._order = f" ORDER BY {','.join(map(quoted, order))}"
        one = "(" + " AND ".join(f"{quoted(key)} = ?" for key in keys) + ")"
        self._one = one if len(keys) > 1 else "?"
        self._condition = " OR ".join if len(keys) > 1 else lambda items: f"{quoted(keys[0])} IN ({','.join(items)})"
        self._taken: dict[tuple[Any, ...], None] = {}
        """Keys of rows that are on their way, in the order of their records."""
        self._acknowledged = 0
        """How many of these, from the first one on, the log has."""
        self._delivered: list[tuple[Any, ...]] = []
        """To be deleted."""

    def remember(self, offset: Offset | None) -> None:
        """What a stored offset says of rows that the log has.

        Raises:
            ConnectError: it is none of ours.
        """
        if offset is None or DELIVERED not in offset:
            return
        try:
            named = json.loads(str(offset[DELIVERED]))
            self._delivered = [tuple(map(_read, key)) for key in named]
        except (ValueError, TypeError, KeyError) as error:
            raise ConnectError(
                f"The stored offset of table {self._source} is none of this connector's: {error}"
            ) from error

    @property
    def on_their_way(self) -> int:
        """Rows that were taken and are not acknowledged; what cannot be deleted yet keeps no others waiting."""
        return len(self._taken) - self._acknowledged

    def next(self, connection: DriverConnection, most: int) -> Found | None:
        """The next rows."""
        taken = self._taken
        found = self._select(connection, self._order, (), most + len(taken))
        if found is None or not taken:
            return found
        columns, rows = found
        keys = self._keys_of(columns, rows)
        fresh = [row for row, key in zip(rows, keys, strict=True) if key not in taken][:most]
        return (columns, fresh) if fresh else None

    def take(self, columns: Sequence[ResultColumn], rows: Sequence[Row]) -> Callable[[int], Offset | None]:
        """Remember them."""
        keys = self._keys_of(columns, rows)
        offset: Offset | None = None
        if self._names_rows:
            offset = {
                DELIVERED: json.dumps([[_written(value) for value in key] for key in keys], separators=(",", ":"))
            }
        self._taken.update(dict.fromkeys(keys))
        return lambda _: offset

    def _keys_of(self, columns: Sequence[ResultColumn], rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        labels = [column.label for column in columns]
        places = [labels.index(key) for key in self._keys]
        return list(zip(*([row[at] for row in rows] for at in places), strict=True))

    def acknowledge(self, count: int) -> None:
        """They are to be deleted."""
        self._delivered += islice(self._taken, self._acknowledged, self._acknowledged + count)
        self._acknowledged += count

    def settle(self, connection: DriverConnection) -> None:
        """Delete them."""
        if not self._delivered:
            return
        size = max(1, _MOST_PARAMETERS // len(self._keys))
        for begin in range(0, len(self._delivered), size):
            keys = self._delivered[begin : begin + size]
            condition = self._condition([self._one] * len(keys))
            text = f"DELETE FROM {self._source} WHERE {condition}"
            self._dialect.run(connection, text, [value for key in keys for value in key])
        connection.commit()
        for key in self._delivered:
            self._taken.pop(key, None)
        self._delivered, self._acknowledged = [], 0


class Succession(OutboxTable):
    """Rows stay; they are read in the order of their ids, each once no lower id can appear.

    Args:
        dialect: of the database.
        source: the table, as it stands in statements.
        identity: the column with the ids.
        horizon: up to which id rows may be read.
        position: the last id that was read; None for none.
    """

    def __init__(self, dialect: Dialect, source: str, identity: str, horizon: Horizon, position: int | None) -> None:
        super().__init__(dialect, source)
        self._identity = identity
        self._quoted = dialect.quotes.name(identity)
        self._horizon = horizon
        self._position = position
        self._until: Any = None

    @property
    def on_their_way(self) -> int:
        """None: nothing is to be done about them."""
        return 0

    def next(self, connection: DriverConnection, most: int) -> Found | None:
        """The next rows."""
        if self._until is None:
            self._until = self._horizon.reached(connection, self._position)
        if self._until is None:
            return None
        after = () if self._position is None else (self._position,)
        begin = f"{self._quoted} > ? AND " if after else ""
        conditions = f" WHERE {begin}{self._quoted} <= ? ORDER BY {self._quoted} ASC"
        found = self._select(connection, conditions, (*after, self._until), most)
        if found is None or len(found[1]) < most:
            self._until = None
        return found

    def take(self, columns: Sequence[ResultColumn], rows: Sequence[Row]) -> Callable[[int], Offset | None]:
        """Go on behind the last one."""
        at = [column.label for column in columns].index(self._identity)
        load = columns[at].load
        given = [row[at] if load is None else load(row[at]) for row in rows]
        if any(isinstance(number, str) or number != int(number) for number in given):
            raise ConfigError(f"column {self._identity} of table {self._source} has to have whole numbers")
        ids = [int(number) for number in given]
        self._position = ids[-1]
        return lambda at: Position(None, ids[at]).offset()

    def acknowledge(self, count: int) -> None:
        """Nothing: the offset says it."""

    def settle(self, connection: DriverConnection) -> None:
        """Nothing: the offset says it."""


def _written(value: object) -> object:
    """A value of a key in an offset.

    Raises:
        ConfigError: it cannot be told from others there.
    """
    if isinstance(value, bytes):
        return {_HEX: value.hex()}
    if isinstance(value, int | str) and not isinstance(value, bool):
        return value
    raise ConfigError(
        f"Delivery exactly once needs a primary key of whole numbers, texts or bytes; there is {value!r:.60}",
        "x.outbox.delete",
    )


def _read(written: Any) -> object:  # noqa: ANN401 - of JSON
    return bytes.fromhex(written[_HEX]) if isinstance(written, dict) else written
