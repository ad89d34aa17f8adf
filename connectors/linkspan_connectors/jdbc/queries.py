"""The statements that read tables and queries, with JDBC's ``?`` for parameters (spec/jdbc.md 6.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

__all__ = ["Mode", "Parameter", "Statement", "Tracking", "moment_of", "statement"]


class Mode(Enum):
    """How rows are found; the value is what the configuration says."""

    BULK = "bulk"
    INCREMENTING = "incrementing"
    TIMESTAMP = "timestamp"
    BOTH = "timestamp+incrementing"

    @property
    def uses_timestamp(self) -> bool:
        """Whether rows are found by their time."""
        return self in (Mode.TIMESTAMP, Mode.BOTH)

    @property
    def uses_id(self) -> bool:
        """Whether rows are found by their id."""
        return self in (Mode.INCREMENTING, Mode.BOTH)


class Parameter(Enum):
    """What is bound when a statement is executed."""

    BEGIN = "time of the last row"
    END = "time before which rows have to be, or up to which, in a chunk"
    ID = "id of the last row"
    LAST = "id up to which rows may be read"


@dataclass(frozen=True)
class Statement:
    """A statement, and what is bound to its ``?``, in order."""

    text: str
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True)
class Tracking:
    """The columns by which rows are found, quoted and qualified as they stand in a statement.

    Attributes:
        timestamps: of which the first one that is not null counts.
        identity: the incrementing column.
        is_bounded: whether ids may be read up to one only; for mode incrementing. If there are timestamps then, times
            may be read up to one as well.
    """

    timestamps: Sequence[str] = ()
    identity: str | None = None
    is_bounded: bool = False


def statement(
    source: str, mode: Mode, tracking: Tracking, *, has_begin: bool = True, has_id: bool = True, suffix: str = ""
) -> Statement:
    """The statement of a mode.

    Args:
        source: ``SELECT * FROM`` a table, or the text of a query, ready for a WHERE.
        mode: how rows are found.
        tracking: by which columns.
        has_begin: whether there is a time to go on from; a first read may have none, and then takes all times.
        has_id: likewise for the id.
        suffix: put behind it, trimmed.
    """
    conditions, parameters = _CONDITIONS[mode](tracking, has_begin, has_id)
    ending = f" {suffix.strip()}" if suffix.strip() else ""
    return Statement(source + conditions + ending, parameters)


def _bulk(_: Tracking, __: bool, ___: bool) -> tuple[str, tuple[Parameter, ...]]:
    return "", ()


def _incrementing(
    tracking: Tracking,
    _: bool,
    has_id: bool,
) -> tuple[str, tuple[Parameter, ...]]:
    identity = tracking.identity
    if tracking.is_bounded:
        conditions = [(f"{identity} > ?", Parameter.ID)] if has_id else []
        conditions.append((f"{identity} <= ?", Parameter.LAST))
        if tracking.timestamps:
            conditions.append((f"{moment_of(tracking.timestamps)} <= ?", Parameter.END))
        text = " AND ".join(condition for condition, _ in conditions)
        return f" WHERE {text} ORDER BY {identity} ASC", tuple(parameter for _, parameter in conditions)
    if has_id:
        return f" WHERE {identity} > ? ORDER BY {identity} ASC", (Parameter.ID,)
    # A bound would leave out nulls, too, of which there is no place to go on from.
    return f" WHERE {identity} IS NOT NULL ORDER BY {identity} ASC", ()


def _timestamp(
    tracking: Tracking,
    has_begin: bool,
    _: bool,
) -> tuple[str, tuple[Parameter, ...]]:
    moment = moment_of(tracking.timestamps)
    if has_begin:
        text = f" WHERE {moment} > ? AND {moment} < ? ORDER BY {moment} ASC"
        return text, (Parameter.BEGIN, Parameter.END)
    return f" WHERE {moment} < ? ORDER BY {moment} ASC", (Parameter.END,)


def _both(
    tracking: Tracking,
    has_begin: bool,
    has_id: bool,
) -> tuple[str, tuple[Parameter, ...]]:
    moment, identity = moment_of(tracking.timestamps), tracking.identity
    order = f" ORDER BY {moment},{identity} ASC"
    if not has_begin:
        return f" WHERE {moment} < ? AND {identity} IS NOT NULL{order}", (Parameter.END,)
    if not has_id:
        # The original takes ids above -1 at the very time to begin with.
        text = f" WHERE {moment} < ? AND {moment} >= ? AND {identity} IS NOT NULL{order}"
        return text, (Parameter.END, Parameter.BEGIN)
    text = f" WHERE {moment} < ? AND (({moment} = ? AND {identity} > ?) OR {moment} > ?){order}"
    return text, (Parameter.END, Parameter.BEGIN, Parameter.ID, Parameter.BEGIN)


_CONDITIONS = {
    Mode.BULK: _bulk,
    Mode.INCREMENTING: _incrementing,
    Mode.TIMESTAMP: _timestamp,
    Mode.BOTH: _both,
}


def moment_of(columns: Sequence[str]) -> str:
    """The time of a row: the first of its timestamp columns that is not null."""
    return columns[0] if len(columns) == 1 else f"COALESCE({','.join(columns)})"
