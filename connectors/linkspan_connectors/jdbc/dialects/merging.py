"""MERGE statements (spec/jdbc.md 11)."""

from __future__ import annotations

from collections.abc import Sequence

from linkspan_connectors.jdbc.identifiers import Quotes, TableId

__all__ = ["merge_of_selected", "merge_of_values"]


def merge_of_values(quotes: Quotes, table: TableId, keys: Sequence[str], columns: Sequence[str]) -> str:
    """As DB2 and Derby have it: the row is a list of values."""
    target, names = quotes.table(table), [*keys, *columns]
    same = " and ".join(f"{target}.{quotes.name(key)}=DAT.{quotes.name(key)}" for key in keys)
    changes = ",".join(f"{target}.{quotes.name(column)}=DAT.{quotes.name(column)}" for column in columns)
    matched = f" when matched then update set {changes}" if columns else ""
    into, values = _insertion(quotes, [*columns, *keys], f"{target}.", "DAT.", ",")
    return (
        f"merge into {target} using (values({','.join('?' for _ in names)})) as DAT({quotes.names(names)}) on {same}"
        f"{matched} when not matched then insert({into}) values({values})"
    )


def merge_of_selected(quotes: Quotes, table: TableId, keys: Sequence[str], columns: Sequence[str], hint: str) -> str:
    """As SQL Server and Sybase have it: the row is selected.

    Args:
        quotes: of the dialect.
        table: to write to.
        keys: key columns.
        columns: the others.
        hint: behind the name of the table, with a blank in front of it; may be empty.
    """
    name = quotes.name
    row = ", ".join(f"? AS {name(column)}" for column in [*keys, *columns])
    same = " and ".join(f"target.{name(key)}=incoming.{name(key)}" for key in keys)
    changes = ",".join(f"{name(column)}=incoming.{name(column)}" for column in columns)
    matched = f" when matched then update set {changes}" if columns else ""
    into, values = _insertion(quotes, [*columns, *keys], "", "incoming.", ", ")
    return (
        f"merge into {quotes.table(table)}{hint} using (select {row}) AS incoming on ({same})"
        f"{matched} when not matched then insert ({into}) values ({values})"
    )


def _insertion(quotes: Quotes, names: Sequence[str], before: str, incoming: str, separator: str) -> tuple[str, str]:
    """Columns and values of the INSERT."""
    quoted = [quotes.name(name) for name in names]
    return separator.join(f"{before}{name}" for name in quoted), ",".join(f"{incoming}{name}" for name in quoted)
