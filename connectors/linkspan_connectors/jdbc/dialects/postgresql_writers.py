"""Who is writing to a table of PostgreSQL (spec/jdbc.md 18.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from linkspan.api import ConfigError
from linkspan_connectors.jdbc.gaps import Writers

__all__ = ["OF_WRITERS", "writers_of"]

OF_WRITERS: Final = """
    with recursive family(oid) as (
        select to_regclass(?)::oid
        union
        select case when i.inhparent = f.oid then i.inhrelid else i.inhparent end
        from family f join pg_catalog.pg_inherits i on f.oid in (i.inhparent, i.inhrelid)
    )
    select pg_snapshot_xmin(s.now)::text::bigint, pg_snapshot_xmax(s.now)::text::bigint,
        array(
            select l.virtualtransaction from pg_catalog.pg_locks l
            where l.locktype = 'relation' and l.mode = 'RowExclusiveLock' and l.granted
                and l.relation in (select oid from family)
                and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
        ),
        current_setting('transaction_isolation'), pg_is_in_recovery()
    from (select pg_current_snapshot() as now) s
"""
"""Parameter: the table as it stands in a statement. An INSERT locks the table that it names, and that of the row."""
_EACH_STATEMENT: Final = frozenset({"read committed", "read uncommitted"})


def writers_of(rows: Sequence[Sequence[Any]]) -> Writers:
    """Of what :data:`OF_WRITERS` gives.

    Raises:
        ConfigError: statements of the transaction do not see what was committed before them, or the server is a
            standby, which does not know who is writing to its primary.
    """
    ((oldest, following, holders, isolation, is_standby),) = rows
    if is_standby:
        raise ConfigError(
            "The server is a standby, which does not tell who is writing to its primary; connect to the primary, with "
            "targetServerType=primary in the URL where there are several hosts",
            "connection.url",
        )
    if isolation not in _EACH_STATEMENT:
        raise ConfigError(
            f"The transactions that read have the isolation {isolation}, in which they do not see what others commit; "
            "set transaction.isolation.mode=READ_COMMITTED",
            "transaction.isolation.mode",
        )
    return Writers(oldest, following, frozenset(holders))
