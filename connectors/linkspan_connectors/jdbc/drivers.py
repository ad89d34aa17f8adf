"""Drivers of Python's database API: what is asked of them, how they are imported, how statements are put to them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any, Final, Literal, Protocol, TypeAlias

from linkspan.api import ConfigError

__all__ = [
    "DriverConnection",
    "DriverCursor",
    "ParameterStyle",
    "RowError",
    "driver",
    "with_nulls",
    "with_placeholders",
]

ParameterStyle: TypeAlias = Literal["qmark", "format", "numeric", "dollar"]
"""How a driver has parameters in a statement: ``?``, ``%s``, ``:1`` or ``$1``."""


class DriverCursor(Protocol):
    """A cursor of PEP 249."""

    @property
    def description(self) -> Sequence[Sequence[Any]] | None:
        """A sequence a column of the result, which begins with its label; None without result."""
        ...

    @property
    def rowcount(self) -> int:
        """Rows that the last statement gave or changed; -1 when that is not known."""
        ...

    def execute(self, operation: str, parameters: Any = ..., /) -> Any:  # noqa: ANN401 - drivers differ
        """Run one statement."""
        ...

    def executemany(self, operation: str, parameters: Any, /) -> Any:  # noqa: ANN401 - drivers differ
        """Run one statement once for each row of parameters."""
        ...

    def fetchone(self) -> Any:  # noqa: ANN401 - drivers differ
        """The next row, or None."""
        ...

    def fetchmany(self, size: int = ..., /) -> Any:  # noqa: ANN401 - drivers differ
        """The next rows."""
        ...

    def fetchall(self) -> Any:  # noqa: ANN401 - drivers differ
        """All other rows."""
        ...

    def close(self) -> Any:  # noqa: ANN401 - drivers differ
        """Give it up."""
        ...


class DriverConnection(Protocol):
    """A connection of PEP 249; with autocommit off."""

    def cursor(self) -> Any:  # noqa: ANN401 - a DriverCursor, drivers differ in their types
        """A new cursor."""
        ...

    def commit(self) -> Any:  # noqa: ANN401 - drivers differ
        """End the transaction with its changes."""
        ...

    def rollback(self) -> Any:  # noqa: ANN401 - drivers differ
        """End the transaction without its changes."""
        ...

    def close(self) -> Any:  # noqa: ANN401 - drivers differ
        """End the connection."""
        ...


class RowError(Exception):
    """One of many rows was refused, and it is known which.

    Attributes:
        reason: what the driver raised.
        taken: so many rows before it were taken; to be made sure of where it matters.
    """

    def __init__(self, reason: Exception, taken: int) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.taken = taken


def driver(module: str, install: str, database: str) -> ModuleType:
    """The driver's module, imported now.

    Args:
        module: its name.
        install: what pip has to install for it.
        database: what it is for, in the message.

    Raises:
        ConfigError: it is not installed, or cannot be loaded; says what to do.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"The driver for {database} is missing ({error}); install it with: pip install '{install}'",
            "connection.url",
        ) from error


_TOKEN: Final = re.compile(
    r"""
    (?P<text>'(?:[^']|'')*')
    | (?P<name>"(?:[^"]|"")*" | `(?:[^`]|``)*` | \[(?:[^\]\[]|\]\])*[^\]\[\d:,\s?](?:[^\]\[]|\]\])*\])
    | (?P<dollar>\$(?P<tag>[A-Za-z_]\w*)?\$.*?\$(?P=tag)?\$ | \$\$.*?\$\$)
    | (?P<comment>--[^\n]* | /\*.*?\*/)
    | (?P<operator>\?\?)
    | (?P<parameter>\?)
    """,
    re.VERBOSE | re.DOTALL,
)


def with_placeholders(statement: str, style: ParameterStyle, *, parameters: bool = True) -> str:
    """A statement with JDBC's ``?``, as a driver wants it.

    Question marks in texts, quoted names and comments are none; ``??`` is an operator with one question mark, as for
    the Java driver of PostgreSQL.

    Args:
        statement: with ``?``.
        style: of the driver.
        parameters: whether it will be run with parameters; percent signs are doubled for those only.
    """
    doubled = style == "format" and parameters
    mark = {"qmark": "?", "format": "%s", "numeric": ":{}", "dollar": "${}"}[style]
    return "".join(_pieces(statement, mark, doubled=doubled))


def with_nulls(statement: str) -> str:
    """A statement with null in the place of each parameter."""
    return "".join(_pieces(statement, "NULL", doubled=False))


def _pieces(statement: str, mark: str, *, doubled: bool) -> Iterator[str]:
    at, count = 0, 0
    for match in _TOKEN.finditer(statement):
        plain = statement[at : match.start()]
        yield plain.replace("%", "%%") if doubled else plain
        at = match.end()
        if match["parameter"]:
            count += 1
            yield mark.format(count)
        elif match["operator"]:
            yield "?"
        else:
            yield match[0].replace("%", "%%") if doubled else match[0]
    plain = statement[at:]
    yield plain.replace("%", "%%") if doubled else plain
