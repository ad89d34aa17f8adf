"""Names of tables and columns: their parts, how they are quoted, how they are read (spec/jdbc.md 2.3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from linkspan.api import ConfigError

__all__ = ["Quotes", "TableId"]

_DELIMITER = "."


class TableId(NamedTuple):
    """A table; parts that are not known are None, and empty parts do not exist.

    Attributes:
        catalog: in MySQL the database.
        schema: within the catalog.
        name: of the table itself, which topics are named after.
    """

    catalog: str | None
    schema: str | None
    name: str

    @property
    def parts(self) -> tuple[str, ...]:
        """What is known of it, from the outside in."""
        return tuple(part for part in self if part is not None)

    @property
    def namespace(self) -> str | None:
        """The database or schema it is in: where databases are catalogs, a name of two parts may say either."""
        return self.schema if self.schema is not None else self.catalog

    def __str__(self) -> str:
        """The fully qualified name without quotes, as it stands in offsets and filters."""
        return _DELIMITER.join(self.parts)


class Quotes(NamedTuple):
    """How a dialect quotes names.

    Attributes:
        begin: character before a name.
        end: character after a name; one within a name is doubled.
        always: whether names are quoted in statements (``quote.sql.identifiers``).
    """

    begin: str
    end: str
    always: bool = True

    def name(self, name: str) -> str:
        """One name as it stands in a statement."""
        return self.quoted(name) if self.always else name

    def quoted(self, name: str) -> str:
        """One name in quotes, whatever the configuration says."""
        return f"{self.begin}{name.replace(self.end, self.end * 2)}{self.end}"

    def names(self, names: Iterable[str]) -> str:
        """Names with commas between them."""
        return ",".join(map(self.name, names))

    def table(self, table: TableId) -> str:
        """A fully qualified name as it stands in a statement."""
        return _DELIMITER.join(map(self.name, table.parts))

    def split(self, text: str) -> list[str]:
        """Parts of a qualified name, without their quotes; dots within quotes do not separate.

        Raises:
            ConfigError: a quote is not closed, or a part is empty.
        """
        parts: list[str] = []
        rest = text.strip()
        while True:
            part, rest = self._first(rest, text)
            if not part:
                raise ConfigError(f"{text} is no name of a table: a part of it is empty")
            parts.append(part)
            if not rest:
                return parts
            rest = rest.removeprefix(_DELIMITER)

    def _first(self, rest: str, text: str) -> tuple[str, str]:
        """The first part, unquoted, and what comes after it, which is empty or begins with the delimiter."""
        if not rest.startswith(self.begin):
            part, delimiter, after = rest.partition(_DELIMITER)
            return part.strip(), delimiter + after
        at = 1
        while True:
            at = rest.find(self.end, at)
            if at < 0:
                raise ConfigError(f"{text} is no name of a table: a quote {self.begin} is not closed by {self.end}")
            if not rest.startswith(self.end, at + 1):
                break
            at += 2
        after = rest[at + 1 :].strip()
        if after and not after.startswith(_DELIMITER):
            raise ConfigError(f"{text} is no name of a table: {after} follows a closed quote")
        return rest[1:at].replace(self.end * 2, self.end), after
