"""Which tables are read, and by which of their columns (spec/jdbc.md 5.2 and 4.6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from linkspan.api import ConfigError
from linkspan.api.regex import java_pattern
from linkspan_connectors.jdbc.identifiers import TableId

__all__ = ["ColumnMapping", "TableFilter", "compiled", "mapped_columns"]

_LISTED: Final = re.compile(r"\[(.*)\]", re.DOTALL)


def compiled(key: str, pattern: str) -> re.Pattern[str]:
    """A regular expression of a configuration, as Java has them.

    Raises:
        ConfigError: it is none, or has something that cannot be translated.
    """
    try:
        return java_pattern(pattern)
    except ConfigError as error:
        raise ConfigError.invalid(key, pattern, error.message) from error


@dataclass(frozen=True)
class TableFilter:
    """Chooses among the tables that there are; without any list it takes all.

    Attributes:
        names: only these (whitelist): full name with or without quotes, or bare name, to the letter.
        not_names: all but these (blacklist).
        patterns: only those whose full name without quotes matches one as a whole (include list).
        not_patterns: of these, not those that match one here (exclude list).
    """

    names: frozenset[str] = frozenset()
    not_names: frozenset[str] = frozenset()
    patterns: Sequence[re.Pattern[str]] = ()
    not_patterns: Sequence[re.Pattern[str]] = field(default=())

    def chosen(self, tables: Iterable[TableId], quoted: Callable[[TableId], str]) -> list[TableId]:
        """Those that are read, in the order given.

        Args:
            tables: what there is.
            quoted: full name with quotes.
        """
        return [table for table in tables if self._takes(table, quoted)]

    def unknown(self, chosen: Iterable[TableId], quoted: Callable[[TableId], str]) -> list[str]:
        """Names of tables that are to be read (whitelist) and are not among the chosen ones."""
        known = {name for table in chosen for name in (str(table), quoted(table), table.name)}
        return sorted(self.names - known)

    def _takes(self, table: TableId, quoted: Callable[[TableId], str]) -> bool:
        full = str(table)
        if self.names or self.not_names:
            known = {full, quoted(table), table.name}
            return bool(known & self.names) if self.names else not known & self.not_names
        if self.patterns and not any(pattern.fullmatch(full) for pattern in self.patterns):
            return False
        return not any(pattern.fullmatch(full) for pattern in self.not_patterns)


@dataclass(frozen=True)
class ColumnMapping:
    """One item of a mapping: the columns of the tables that a pattern matches.

    Attributes:
        pattern: of full names without quotes, as a whole.
        columns: their names.
    """

    pattern: re.Pattern[str]
    columns: tuple[str, ...]

    @classmethod
    def of(cls, key: str, item: str, *, lists: bool) -> ColumnMapping:
        """Read ``regex:[a|b]``, or ``regex:a`` where one column is meant.

        Args:
            key: the configuration key, for messages.
            item: the text.
            lists: whether there may be several columns, in brackets.

        Raises:
            ConfigError: it is not of that form.
        """
        form = "regex:[column1|column2]" if lists else "regex:column"
        pattern, colon, names = item.rpartition(":")
        listed = _LISTED.fullmatch(names.strip()) if lists else None
        if lists and listed is None:
            raise ConfigError.invalid(key, item, f"an item has the form {form}")
        columns = tuple(name.strip() for name in (listed[1].split("|") if listed else [names]))
        if not colon or not pattern.strip() or not all(columns):
            raise ConfigError.invalid(key, item, f"an item has the form {form}")
        return cls(compiled(key, pattern.strip()), columns)


def mapped_columns(key: str, mappings: Sequence[ColumnMapping], table: TableId) -> tuple[str, ...]:
    """The columns that the one item matching a table names.

    Raises:
        ConfigError: none matches it, or several do.
    """
    full = str(table)
    found = [mapping for mapping in mappings if mapping.pattern.fullmatch(full)]
    if not found:
        raise ConfigError(f"No item of {key} matches the table {full}; each table needs exactly one", key)
    if len(found) > 1:
        patterns = ", ".join(mapping.pattern.pattern for mapping in found)
        raise ConfigError(f"Several items of {key} match the table {full}: {patterns}; it needs exactly one", key)
    return found[0].columns
