"""What an error of a database asks for (spec/jdbc.md 7, 10 and 15)."""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

from linkspan.api import (
    ConfigError,
    ConnectError,
    CredentialsError,
    DataError,
    NotFoundError,
    OutageError,
    RetriableError,
    ThrottledError,
    UnreachableError,
)
from linkspan_connectors.jdbc.urls import masked

__all__ = ["Kind", "Refusal", "failure_of", "kind_of_state"]


class Kind(Enum):
    """What has to be done about it."""

    AGAIN = "again"
    """The same transaction may work now: a deadlock, a conflict, a lock that was waited for too long."""
    WAIT = "wait"
    """The database cannot take it now: it is starting, full, read-only, or its files are damaged."""
    UNREACHABLE = "unreachable"
    """There is no connection, or it is lost."""
    FULL = "full"
    """There are too many connections."""
    CREDENTIALS = "credentials"
    """User, password or a right."""
    URL = "url"
    """The URL or a property of the connection is wrong: no such database, no such option."""
    RECORD = "record"
    """A value or a key: this row is refused, others may not be."""
    MISSING = "missing"
    """A table or column does not exist."""
    FINAL = "final"
    """It will be refused whenever it is tried: a syntax error, a feature that is not there."""


class Refusal(NamedTuple):
    """A driver's error in parts.

    Attributes:
        kind: what has to be done.
        text: what the database says, without rows' values as far as it keeps them apart.
        state: SQLState, or None.
        code: number of the error in this database, or None.
        column: that it names, or None.
        detail: what else it says, which may show values of rows; or None.
    """

    kind: Kind
    text: str
    state: str | None = None
    code: int | str | None = None
    column: str | None = None
    detail: str | None = None


_STATES: Final = {
    "28": Kind.CREDENTIALS,
    "42501": Kind.CREDENTIALS,
    "08": Kind.UNREACHABLE,
    "25P03": Kind.UNREACHABLE,
    "25P04": Kind.UNREACHABLE,
    "57P": Kind.UNREACHABLE,
    "57P03": Kind.WAIT,
    "40": Kind.AGAIN,
    "55P03": Kind.AGAIN,
    "55006": Kind.AGAIN,
    "57014": Kind.AGAIN,
    "53300": Kind.FULL,
    "53": Kind.WAIT,
    "58": Kind.WAIT,
    "F0": Kind.WAIT,
    "XX001": Kind.WAIT,
    "XX002": Kind.WAIT,
    "25006": Kind.WAIT,
    "3D000": Kind.URL,
    "26000": Kind.URL,
    "42P05": Kind.URL,
    "22": Kind.RECORD,
    "23": Kind.RECORD,
    "44": Kind.RECORD,
    "54": Kind.RECORD,
    "42P01": Kind.MISSING,
    "42703": Kind.MISSING,
    "42S02": Kind.MISSING,
    "42S22": Kind.MISSING,
    "3F000": Kind.MISSING,
}


def kind_of_state(state: str | None) -> Kind | None:
    """What an SQLState asks for; None when it says nothing that could be acted upon."""
    if not state:
        return None
    for length in (5, 3, 2):
        kind = _STATES.get(state[:length])
        if kind is not None:
            return kind
    return None


_CLASSES: Final[dict[Kind, type[ConnectError]]] = {
    Kind.AGAIN: RetriableError,
    Kind.WAIT: OutageError,
    Kind.UNREACHABLE: UnreachableError,
    Kind.FULL: ThrottledError,
    Kind.CREDENTIALS: CredentialsError,
    Kind.RECORD: DataError,
    Kind.MISSING: NotFoundError,
    Kind.FINAL: ConnectError,
}

_HINTS: Final = {
    Kind.FULL: "lower tasks.max, or let the database take more connections",
    Kind.CREDENTIALS: "check connection.user, connection.password and what is granted to the user",
    Kind.MISSING: "check the name, and the rights to see it",
}


_OF_THE_SERVER: Final = frozenset({Kind.AGAIN, Kind.WAIT, Kind.UNREACHABLE, Kind.FULL})
"""Refusals that are about the server or others who use it, and not about the statement."""
_UNSAID: Final = "what the database says is not shown, since it may repeat the statement"


_POOLED: Final = "a pool may hand out its connections by transaction: put prepareThreshold=0 into the URL"
_HINTS_OF_STATES: Final = {"26000": _POOLED, "42P05": _POOLED}
_IN_ITS_OWN: Final = "put the query into a SELECT of its own: SELECT * FROM (…) q"
"""For a column of the conditions that several tables of a query have: databases differ in all but one word about it."""


def failure_of(refusal: Refusal, what: str, *, trim: bool = False, hidden: bool = False) -> ConnectError:
    """The error of ours for one of a driver.

    Args:
        refusal: what the driver says.
        what: was tried, and with what.
        trim: whether values of rows must not be shown (``trim.sensitive.log``).
        hidden: whether the statement must not be shown, which the database may repeat (``query.masked``).
    """
    if hidden and refusal.kind not in _OF_THE_SERVER:
        refusal = refusal._replace(text=_UNSAID, column=None, detail=None)
    parts = [f"SQLState {refusal.state}" if refusal.state else "", f"code {refusal.code}" if refusal.code else ""]
    marks = ", ".join(part for part in parts if part)
    text = f"{what} failed: {masked(' '.join(refusal.text.split()))}" + (f" ({marks})" if marks else "")
    if refusal.column and refusal.column not in refusal.text:
        text += f", column {refusal.column}"
    if refusal.detail and not trim:
        text += f": {masked(refusal.detail)}"
    hint = _HINTS_OF_STATES.get(refusal.state or "", _HINTS.get(refusal.kind))
    if refusal.kind is Kind.FINAL and "ambiguous" in refusal.text.casefold():
        hint = _IN_ITS_OWN
    if hint:
        text += f"; {hint}"
    if refusal.kind is Kind.URL:
        return ConfigError(text, "connection.url")
    return _CLASSES[refusal.kind](text)
