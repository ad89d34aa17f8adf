"""Tables → tasks (spec/jdbc.md 5.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import TypeVar

from linkspan.api import ConfigError
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.snapshot_plan import PLAN_KEY, SnapshotPlan

__all__ = ["check_names", "groups", "task_configs"]

T = TypeVar("T")


def check_names(tables: Sequence[TableId]) -> None:
    """See that topics, which are named after tables without their schemas, are told apart.

    Raises:
        ConfigError: they are not.
    """
    by_name: dict[str, list[str]] = {}
    for table in tables:
        by_name.setdefault(table.name, []).append(str(table))
    twice = [", ".join(names) for names in by_name.values() if len(names) > 1]
    if twice:
        raise ConfigError(
            "The connector uses the unqualified table name as the topic name and has detected duplicate unqualified "
            f"table names: {'; '.join(twice)}. Choose one of each by schema.pattern, catalog.pattern or the lists of "
            "tables, and read the others with another connector and topic.prefix"
        )


def groups(items: Sequence[T], most: int) -> list[Sequence[T]]:
    """Cut into at most so many runs that differ by one item at most, the longer ones first."""
    count = min(len(items), most)
    if not count:
        return []
    size, longer = divmod(len(items), count)
    ends = accumulate([size + (at < longer) for at in range(count)], initial=0)
    return [items[begin:end] for begin, end in pairwise(ends)]


def task_configs(
    common: Mapping[str, str], tables: Sequence[str] | None, most: int, snapshot: SnapshotPlan | None = None
) -> list[dict[str, str]]:
    """Configurations of the tasks.

    Args:
        common: what all have.
        tables: full names in quotes; None while they are not known: then one task waits for them.
        most: how many tasks there may be.
        snapshot: which tables are cut into how many chunks, if any may be.
    """
    if not tables:
        return [{**common, "tables": "", "tables.fetched": "false" if tables is None else "true"}]
    lists = [",".join(group) for group in groups(tables, most)]
    if snapshot is None:
        return [{**common, "tables": each, "tables.fetched": "true"} for each in lists]
    lists += [""] * (min(most, snapshot.chunk_count) - len(lists))
    return [
        {
            **common,
            "tables": each,
            "tables.fetched": "true",
            PLAN_KEY: snapshot._replace(share=share, shares=len(lists)).text(),
        }
        for share, each in enumerate(lists)
    ]
