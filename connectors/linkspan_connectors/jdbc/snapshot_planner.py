"""Decides which tables are cut into chunks, and notices when all chunks were read (spec/jdbc.md 18.3)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from linkspan.api import ConfigError, OffsetReader
from linkspan_connectors.jdbc.dialects.dialect import Dialect
from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.gaps import Settling
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.offsets import stored_positions
from linkspan_connectors.jdbc.queries import Mode, Tracking, moment_of
from linkspan_connectors.jdbc.reading import current_time
from linkspan_connectors.jdbc.snapshot_plan import Chunk, StoredSnapshot, TablePlan
from linkspan_connectors.jdbc.source_config import SNAPSHOT_KEY, JdbcSourceConfig
from linkspan_connectors.jdbc.source_tables import column_rules, settling_of
from linkspan_connectors.jdbc.tables import TableDefinition
from linkspan_connectors.jdbc.tracked_columns import tracked_columns

__all__ = ["SnapshotPlanner"]

log = logging.getLogger(__name__)

_MOST_CHUNKS: Final = 10_000
_MS: Final = 1_000_000
_SECOND: Final = 1_000_000_000


class _Table:
    """A table whose chunks are not all read.

    Attributes:
        plan: how it is cut.
        tracking: the columns by which rows are found, as they stand in statements.
        settling: whether rows may still appear in chunks; None where that is of no interest.
    """

    def __init__(self, plan: TablePlan, tracking: Tracking, settling: Settling | None) -> None:
        self.plan = plan
        self.tracking = tracking
        self.settling = settling


class SnapshotPlanner:
    """Of one connector; asks the database over the connection that lists the tables.

    Args:
        config: of the connector.
        dialect: of the database.
        offsets: what is stored.
    """

    def __init__(self, config: JdbcSourceConfig, dialect: Dialect, offsets: OffsetReader) -> None:
        self._config = config
        self._dialect = dialect
        self._offsets = offsets
        self._mode = Mode(config.mode)
        self._size = config.x_snapshot_chunk_size
        self._rules = column_rules(config, dialect.settings)
        self._tables: dict[TableId, _Table | None] = {}
        """None for those that are not cut, once that is known."""

    def plans(self, connection: DriverConnection, tables: Sequence[TableId]) -> dict[TableId, TablePlan]:
        """The plans of the tables that are cut; the connection's transaction is ended, or the caller's.

        Raises:
            Exception: of the driver.
            ConfigError: a table cannot be cut.
            ConnectError: a stored offset is none of ours.
        """
        found = {}
        for name in tables:
            if name not in self._tables:
                self._tables[name] = self._decided(connection, name)
            table = self._tables[name]
            if table is None:
                continue
            if not table.plan.is_over and not self._looked_at(connection, name, table):
                self._tables[name] = None
                continue
            found[name] = table.plan
        return found

    def _decided(self, connection: DriverConnection, name: TableId) -> _Table | None:
        definition = self._dialect.definition(connection, name)
        if definition is None:
            return None
        tracking = self._tracking(definition, name)
        moment = self._moment(connection)
        ids = self._ids(connection, name, tracking)
        if ids is None:
            return None
        plan = self._cut(*ids, moment)
        (following,) = stored_positions(self._offsets, [(str(name), name.name)])
        mark = None if following is None else plan.mark(following)
        if mark is None:
            if plan.end - plan.first < self._size * (1 if moment is None else 2):
                return None
        else:
            # what is left of the chunks is read however few rows, or many, the table has now
            plan = plan.marked(mark)
            if moment is not None and self._is_too_long(plan):
                older = self._ids(connection, name, tracking, mark)
                plan = plan._replace(end=plan.first) if older is None else self._cut(*older, mark)
        if self._is_too_long(plan):
            raise self._too_long(name, plan)
        is_safe = self._config.x_gap_safe
        settling = settling_of(self._dialect, connection, definition, name) if is_safe else None
        return _Table(plan, tracking, settling)

    def _moment(self, connection: DriverConnection) -> int | None:
        """Up to when rows may be in chunks; None in mode ``incrementing``.

        A second ago: columns may have whole seconds, and rows with the present one may still come. It is asked for in a
        transaction of its own, before the ids: one that sees an older state than this would leave out later ids.
        """
        if self._mode is not Mode.BOTH:
            return None
        connection.commit()
        now = current_time(self._dialect, connection, self._rules)
        return now - self._config.timestamp_delay_interval_ms * _MS - _SECOND

    def _cut(self, least: int, greatest: int, moment: int | None) -> TablePlan:
        low, high = (number // self._size * self._size for number in (least, greatest))
        return TablePlan(low, high if moment is None else high + self._size, moment)

    def _tracking(self, definition: TableDefinition, name: TableId) -> Tracking:
        timestamps, identity = tracked_columns(self._config, self._mode, definition, name)
        assert identity is not None
        quotes = self._dialect.quotes
        full = quotes.table(name)
        return Tracking(
            [f"{full}.{quotes.name(column)}" for column in timestamps], f"{full}.{quotes.name(identity)}", True
        )

    def _ids(
        self, connection: DriverConnection, name: TableId, tracking: Tracking, moment: int | None = None
    ) -> tuple[int, int] | None:
        """The least and the greatest id, of rows up to a time if there is one; None when there is none."""
        column = tracking.identity
        text = f"SELECT min({column}), max({column}) FROM {self._dialect.quotes.table(name)}"
        parameters: list[object] = []
        if moment is not None:
            text += f" WHERE {moment_of(tracking.timestamps)} <= ?"
            parameters.append(self._dialect.bind_timestamp(moment))
        ((least, greatest),) = self._dialect.ask(connection, text, parameters)
        return None if least is None else (self._id(least, name), self._id(greatest, name))

    def _id(self, value: object, name: TableId) -> int:
        if isinstance(value, Decimal) and value == value.to_integral_value():
            value = int(value)
        if not isinstance(value, int):
            raise ConfigError(
                f"Table {name} has {value!r:.60} among its ids; only a table with whole numbers can be cut into chunks",
                SNAPSHOT_KEY,
            )
        return value

    def _is_too_long(self, plan: TablePlan) -> bool:
        return plan.end - plan.first > _MOST_CHUNKS * self._size

    def _too_long(self, name: TableId, plan: TablePlan) -> ConfigError:
        return ConfigError.invalid(
            SNAPSHOT_KEY,
            self._size,
            f"table {name} has ids from {plan.first} to {plan.end}, which would make more than {_MOST_CHUNKS} chunks; "
            f"{(plan.end - plan.first) // 100} would make a hundred",
        )

    def _looked_at(self, connection: DriverConnection, name: TableId, table: _Table) -> bool:
        """Bring the plan up to what is stored; False when the table is followed already without one."""
        stored = StoredSnapshot.read(self._offsets, name, table.plan.chunks(self._size))
        mark = stored.mark(table.plan)
        if mark is None and stored.following is not None:
            return False
        if mark is not None and table.plan.marked(mark) != table.plan:
            table.plan = table.plan.marked(mark)
            stored = StoredSnapshot.read(self._offsets, name, table.plan.chunks(self._size))
        if table.settling is not None and not table.settling.is_over(connection):
            return True
        # the last ones are read last
        if not any(self._has_more(connection, name, table, stored, chunk) for chunk in reversed(list(stored.chunks))):
            log.info("Table %s: all chunks are read", name)
            table.plan = table.plan._replace(is_over=True)
        return True

    def _has_more(
        self, connection: DriverConnection, name: TableId, table: _Table, stored: StoredSnapshot, chunk: Chunk
    ) -> bool:
        """Whether a chunk has a row that is not in the log yet."""
        tracking, plan = table.tracking, table.plan
        reached = stored.reached(plan, chunk)
        column = tracking.identity
        text = f"SELECT min({column}) FROM {self._dialect.quotes.table(name)} WHERE {column} > ? AND {column} <= ?"
        parameters: list[object] = [chunk.first - 1 if reached is None else reached, chunk.last]
        if plan.moment is not None:
            text += f" AND {moment_of(tracking.timestamps)} <= ?"
            parameters.append(self._dialect.bind_timestamp(plan.moment))
        ((found,),) = self._dialect.ask(connection, text, parameters)
        return found is not None
