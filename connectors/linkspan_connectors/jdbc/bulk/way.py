"""The port of the ways to write rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from linkspan.api import RetriableError
from linkspan_connectors.jdbc.dialects.dialect import Dialect
from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.keys import SinkColumn

__all__ = ["ChangedError", "Statement", "Target", "Way"]


class ChangedError(RetriableError):
    """A table is not what it was when the way into it was found."""


class Target(NamedTuple):
    """What is written, and how.

    Attributes:
        table: where to.
        mode: ``insert``, ``upsert``, ``update`` or ``delete``.
        columns: of the records, in the order of the values of a row.
        names: of the columns as the table has them, in the same order.
        keys: names of the key columns.
    """

    table: TableId
    mode: str
    columns: Sequence[SinkColumn]
    names: Sequence[str]
    keys: Sequence[str]

    @property
    def others(self) -> list[str]:
        """Names of the other columns."""
        return [name for name in self.names if name not in self.keys]


class Way(ABC):
    """How rows of one kind get into one table."""

    takes_duplicates: ClassVar[bool]
    """Whether rows of one key may be given together: they are then written in their order."""

    takes_all: ClassVar[bool]
    """Whether it is the better the more rows it gets at once; else ``batch.size`` says how many."""

    @abstractmethod
    def write(self, connection: DriverConnection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows within the transaction of the connection.

        Raises:
            Exception: of the driver; :meth:`Dialect.failure` makes an error of it. None or some of the rows are written
                then, until the transaction, or the savepoint before it, is rolled back.
        """

    def check(self, connection: DriverConnection) -> None:
        """See whether the table is still what it was when this way was found, as far as it matters.

        Behind :meth:`write`, in its transaction, nobody else can change the table any more.

        Raises:
            ChangedError: it is not.
            Exception: of the driver.
        """
        del connection


class Statement(Way):
    """The statement of the original connector, run once a row, in as few exchanges as the driver can.

    Args:
        dialect: of the database.
        text: with ``?``.
    """

    takes_duplicates = True
    takes_all = False

    def __init__(self, dialect: Dialect, text: str) -> None:
        self._dialect = dialect
        self._text = text

    def write(self, connection: DriverConnection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows."""
        self._dialect.run_many(connection, self._text, rows)
