"""What a query gives: columns with their JDBC types, and rows (spec/jdbc.md 8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

__all__ = ["DROPPED", "JdbcType", "OutOfRange", "ResultColumn", "Row", "Selection"]

Row: TypeAlias = "tuple[Any, ...]"
"""One row as the driver gives it: a value a column."""


class JdbcType(IntEnum):
    """The types of ``java.sql.Types``, by their numbers there."""

    BIT = -7
    TINYINT = -6
    SMALLINT = 5
    INTEGER = 4
    BIGINT = -5
    FLOAT = 6
    REAL = 7
    DOUBLE = 8
    NUMERIC = 2
    DECIMAL = 3
    CHAR = 1
    VARCHAR = 12
    LONGVARCHAR = -1
    DATE = 91
    TIME = 92
    TIMESTAMP = 93
    BINARY = -2
    VARBINARY = -3
    LONGVARBINARY = -4
    NULL = 0
    OTHER = 1111
    JAVA_OBJECT = 2000
    DISTINCT = 2001
    STRUCT = 2002
    ARRAY = 2003
    BLOB = 2004
    CLOB = 2005
    REF = 2006
    DATALINK = 70
    BOOLEAN = 16
    ROWID = -8
    NCHAR = -15
    NVARCHAR = -9
    LONGNVARCHAR = -16
    NCLOB = 2011
    SQLXML = 2009
    REF_CURSOR = 2012
    TIME_WITH_TIMEZONE = 2013
    TIMESTAMP_WITH_TIMEZONE = 2014


class OutOfRange(NamedTuple):
    """A date or time that the database has and Python's types cannot hold: before year 1, after 9999, infinity.

    Stands in the place of the value; whoever cannot write ``epoch_ms`` makes the row a failure that shows ``text``.

    Attributes:
        text: as the database writes it.
        epoch_ms: what the Java driver makes of it, in milliseconds since the epoch; None when it refuses, too.
    """

    text: str
    epoch_ms: int | None


class ResultColumn(NamedTuple):
    """A column of a query.

    After ``load`` a value is None, an :class:`OutOfRange`, bytes in place of a text that is no UTF-8, or

    =====================================  =========================================================================
    BOOLEAN                                bool
    BIT                                    bool, int or bytes
    TINYINT SMALLINT INTEGER BIGINT        int
    REAL FLOAT DOUBLE                      float
    NUMERIC DECIMAL                        decimal.Decimal, also NaN and infinite where the database has them
    characters, CLOB, SQLXML, DATALINK     str
    binary, BLOB                           bytes
    DATE                                   datetime.date
    TIME                                   datetime.time; without zone it is a wall clock in ``db.timezone``
    TIMESTAMP                              datetime.datetime; without zone it is a wall clock in ``db.timezone``
    ARRAY                                  list of these
    others                                 as the driver gives it
    =====================================  =========================================================================

    Days and moments before 1582-10-15 are dated in the calendar of ``date.calendar.system``.

    Attributes:
        label: name in the result.
        type: what a JDBC driver calls it.
        type_name: the database's own name of the type, in lower case.
        precision: digits of a number, characters of a text; 0 when unknown.
        scale: digits after the point; -127 and 0 as the JDBC driver says where there is none.
        nullable: whether null may come; None when that is not known.
        signed: False for unsigned numbers.
        auto_increment: whether the database fills it with rising numbers; None when that is not known.
        table: bare name of the table it comes from, if that is known.
        load: makes of a value that the driver gives what stands above; None when it is that already. Never gets None.
    """

    label: str
    type: JdbcType
    type_name: str = ""
    precision: int = 0
    scale: int = 0
    nullable: bool | None = None
    signed: bool = True
    auto_increment: bool | None = None
    table: str | None = None
    load: Callable[[Any], Any] | None = None


class Selection(Protocol):
    """A running query.

    Where the dialect has no ``selections_at_once``, nothing else may be asked on its connection before it is closed.

    Attributes:
        columns: in the order of the values of a row; may be others after :meth:`fetch`, when rows need wider types.
    """

    columns: tuple[ResultColumn, ...]

    def fetch(self, count: int) -> Sequence[Row]:
        """The next rows, ``count`` at most; fewer only at the end, none after it.

        Raises:
            Exception: of the driver; :meth:`Dialect.failure` makes an error of it.
        """
        ...

    def close(self) -> None:
        """Give up the cursor; what goes wrong is of no consequence.

        The transaction stays open, unless rows are left that a driver cannot skip: then the connection is closed.
        """
        ...


DROPPED: Final = frozenset(
    {
        JdbcType.ARRAY,
        JdbcType.JAVA_OBJECT,
        JdbcType.OTHER,
        JdbcType.DISTINCT,
        JdbcType.STRUCT,
        JdbcType.REF,
        JdbcType.ROWID,
        JdbcType.REF_CURSOR,
        JdbcType.TIME_WITH_TIMEZONE,
        JdbcType.TIMESTAMP_WITH_TIMEZONE,
    }
)
"""Types that no field is made of, unless a dialect says otherwise (spec/jdbc.md 8.1)."""
