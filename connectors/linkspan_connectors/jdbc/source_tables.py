"""From the configuration of a task to the tables that it reads (spec/jdbc.md 5.4)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

from linkspan.api import ConfigError, NotFoundError, OffsetReader, Partition
from linkspan_connectors.jdbc.columns import ColumnRules
from linkspan_connectors.jdbc.config import settings_of
from linkspan_connectors.jdbc.dialects import dialect_of
from linkspan_connectors.jdbc.dialects.dialect import Dialect
from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.gaps import Horizon, Settling, Writers
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.offsets import (
    QUERY_PARTITION,
    Position,
    bare_partition,
    chunk_partition,
    stored_positions,
    table_partition,
)
from linkspan_connectors.jdbc.queries import Mode, Tracking
from linkspan_connectors.jdbc.query_text import conditionable, stripped
from linkspan_connectors.jdbc.reading import Bounds, Reading, ReadingRules, current_time
from linkspan_connectors.jdbc.record_keys import KeyColumns
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.snapshot import Snapshot
from linkspan_connectors.jdbc.snapshot_plan import Chunk, SnapshotPlan, StoredSnapshot, TablePlan
from linkspan_connectors.jdbc.source_config import (
    SNAPSHOT_KEY,
    JdbcSourceConfig,
    JdbcSourceTaskConfig,
    assigned_tables,
    query_text,
)
from linkspan_connectors.jdbc.tables import TableDefinition
from linkspan_connectors.jdbc.times import TimeForms
from linkspan_connectors.jdbc.tracked_columns import TrackedColumns, tracked_columns

__all__ = ["Readings", "column_rules", "horizon_of", "isolated", "settling_of"]

log = logging.getLogger(__name__)

_MS: Final = 1_000_000
_NOW: Final = -1
_LEAST_ID: Final = -(1 << 63)
_MOST_ID: Final = (1 << 63) - 1


def column_rules(config: JdbcSourceConfig, settings: Settings) -> ColumnRules:
    """What becomes of columns."""
    numeric = config.numeric_mapping or ("precision_only" if config.numeric_precision_mapping else "none")
    times = TimeForms(settings.zone, settings.proleptic, config.timestamp_granularity.lower())
    return ColumnRules(times, numeric.lower(), config.compat_unsigned_bigint == "decimal", config.x_extended_types)


def isolated(dialect: Dialect, mode: str) -> Callable[[DriverConnection], None] | None:
    """What sets ``transaction.isolation.mode`` on a new connection; None where it is to stay as it is."""
    if mode == "DEFAULT":
        return None

    def prepare(connection: DriverConnection) -> None:
        if not dialect.set_isolation(connection, mode):
            log.warning("%s has no isolation %s; its own is used", dialect.title, mode)

    return prepare


_WITH_WRITERS: Final = frozenset({"TABLE", "PARTITIONED TABLE"})
"""Kinds of tables that rows are written to themselves."""


def horizon_of(
    dialect: Dialect, connection: DriverConnection, definition: TableDefinition, table: TableId, column: str
) -> Horizon:
    """Up to which id of a table rows may be read without passing over others.

    Args:
        dialect: of the database.
        connection: to ask whether it can tell.
        definition: of the table.
        table: its name.
        column: with the ids, as it stands in statements.

    Raises:
        Exception: of the driver.
        ConfigError: the database cannot tell, or not for such a table.
    """
    writers = _writers_of(dialect, connection, definition, table)
    text = f"SELECT max({column}) FROM {dialect.quotes.table(table)}"

    def greatest(connection: DriverConnection, after: int | None) -> object:
        condition = "" if after is None else f" WHERE {column} > ?"
        ((last,),) = dialect.ask(connection, text + condition, () if after is None else (after,))
        return last

    return Horizon(greatest, writers)


def settling_of(
    dialect: Dialect, connection: DriverConnection, definition: TableDefinition, table: TableId
) -> Settling:
    """Whether rows may still appear among the ids that a table has now; arguments and errors as :func:`horizon_of`."""
    return Settling(_writers_of(dialect, connection, definition, table))


def _writers_of(
    dialect: Dialect, connection: DriverConnection, definition: TableDefinition, table: TableId
) -> Callable[[DriverConnection], Writers]:
    if definition.kind not in _WITH_WRITERS:
        raise ConfigError(
            f"Nobody can tell who writes to {table}, which is a {definition.kind}: x.gap.safe needs tables that rows "
            "are written to themselves",
            "x.gap.safe",
        )
    dialect.writers(connection, table)
    return lambda connection: dialect.writers(connection, table)


_WHOLE: Final = SnapshotPlan()
_NOTHING: Final[Mapping[str, StoredSnapshot]] = {}


class _Access(NamedTuple):
    """How the rows of a table are found.

    Attributes:
        table: its name.
        definition: of the table; None where nobody has to know.
        columns: by which rows are found.
        tracking: the same, as they stand in statements.
    """

    table: TableId
    definition: TableDefinition | None
    columns: TrackedColumns
    tracking: Tracking


class Readings:
    """Makes what a task reads, once it has a connection.

    Args:
        config: of the task.
        dialect: of the database.
        positions: where each table, or the query, goes on; None where nothing is stored.
        plan: how tables are cut.
        snapshots: what is stored of each of them.

    Attributes:
        dialect: of the database.
        outdated: a table that is cut in another way by now; None when there is none. Nothing may be read then before
            the connector gives the task another configuration.
    """

    def __init__(
        self,
        config: JdbcSourceTaskConfig,
        dialect: Dialect,
        positions: Sequence[Position | None],
        plan: SnapshotPlan = _WHOLE,
        snapshots: Mapping[str, StoredSnapshot] = _NOTHING,
    ) -> None:
        self.dialect = dialect
        self.outdated = next((name for name in plan.tables if not snapshots[name].agrees_with(plan.tables[name])), None)
        self._config = config
        self._plan = plan
        self._snapshots = snapshots
        self._mode = Mode(config.mode)
        self._positions = positions
        self._initial = config.timestamp_initial
        self._rules = ReadingRules(
            mode=self._mode,
            columns=column_rules(config, dialect.settings),
            batch_rows=config.batch_max_rows,
            suffix=config.query_suffix,
            delay=config.timestamp_delay_interval_ms * _MS,
            bounded=config.compat_initial_bounds,
        )

    @classmethod
    def of(cls, config: JdbcSourceTaskConfig, offsets: OffsetReader) -> Readings:
        """With the offsets that are stored, asked for at once.

        Raises:
            ConfigError: the configuration cannot be understood.
            ConnectError: a stored offset is none of ours.
        """
        dialect = dialect_of(settings_of(config), config.dialect_name)
        if query_text(config):
            stored = offsets.offset(QUERY_PARTITION)
            return cls(config, dialect, [Position.of(stored, "the query") if stored else None])
        tables = [dialect.table_id(text) for text in assigned_tables(config)]
        if Mode(config.mode) is Mode.BULK:
            return cls(config, dialect, [None] * len(tables))
        positions = stored_positions(offsets, [(str(table), table.name) for table in tables])
        plan = SnapshotPlan.of(config.x_snapshot_plan if config.x_snapshot_chunk_size else "")
        snapshots = {
            name: StoredSnapshot.read(offsets, dialect.table_id(name), each.chunks(plan.size))
            for name, each in plan.tables.items()
        }
        return cls(config, dialect, positions, plan, snapshots)

    def made(self, connection: DriverConnection) -> list[Reading | Snapshot]:
        """All of them, after a look at the tables.

        Raises:
            Exception: of the driver.
            ConnectError: a table cannot be read by this mode.
        """
        if self._initial == _NOW and self._mode.uses_timestamp and None in self._positions:
            # asked once: whatever fails later, rows from then on are read
            self._initial = current_time(self.dialect, connection, self._rules.columns) // _MS
        text = query_text(self._config)
        if text:
            return [self._query(text)]
        following = [self._following(connection, name, at) for at, name in enumerate(assigned_tables(self._config))]
        return [*following, *self._chunks(connection)]

    def _position(self, at: int, begin: Position | None = None) -> Position:
        """Where to go on.

        Args:
            at: which of the stored positions.
            begin: where to begin when there is none; None for all rows, or those that the configuration says.
        """
        stored = self._positions[at] or begin
        if stored is None:
            initial = self._initial
            moment = None if initial is None or initial < 0 else initial * _MS
            stored = Position(moment, self._config.x_incrementing_initial)
        return replace(
            stored,
            timestamp=stored.timestamp if self._mode.uses_timestamp else None,
            incrementing=stored.incrementing if self._mode.uses_id else None,
        )

    def _query(self, text: str) -> Reading:
        config, quotes = self._config, self.dialect.quotes
        query = stripped(text)
        timestamps = config.timestamp_column_name if self._mode.uses_timestamp else []
        identity = config.incrementing_column_name if self._mode.uses_id else None
        source = query if self._mode is Mode.BULK else conditionable(query, self.dialect.name)
        return Reading(
            title="the query",
            source=source,
            topic=config.topic_prefix.strip(),
            schema_name=None,
            partition=QUERY_PARTITION,
            position=self._position(0),
            timestamps=timestamps,
            identity=identity,
            tracking=Tracking(
                [quotes.name(column) for column in timestamps], None if identity is None else quotes.name(identity)
            ),
            rules=self._rules,
            dialect=self.dialect,
        )

    def _following(self, connection: DriverConnection, name: str, at: int) -> Reading:
        """Of a table that is read again and again, behind its chunks if it has some."""
        access = self._access(connection, self.dialect.table_id(name))
        table, definition, _, tracking = access
        horizon = None
        if self._config.x_gap_safe and definition is not None and tracking.identity is not None:
            horizon = horizon_of(self.dialect, connection, definition, table, tracking.identity)
            access = access._replace(tracking=replace(tracking, is_bounded=True))
        plan = self._plan.tables.get(name)
        partition = bare_partition(table.name) if self._mode is Mode.BULK else table_partition(str(table))
        position = self._position(at, None if plan is None else plan.begin())
        was_cut = position.snapshot_id is not None or position.snapshot_time is not None
        if was_cut and not self._config.x_snapshot_chunk_size:
            log.warning(
                "Table %s was cut into chunks, and %s is not set any more: what was not read of them is left out",
                table,
                SNAPSHOT_KEY,
            )
        return self._reading(access, partition, position, self._rules, horizon=horizon)

    def _chunks(self, connection: DriverConnection) -> Iterator[Snapshot]:
        for name, plan in self._plan.tables.items():
            chunks = self._plan.own_chunks(name)
            if not chunks:
                continue
            access = self._access(connection, self.dialect.table_id(name))
            settling = None
            if self._config.x_gap_safe and access.definition is not None:
                settling = settling_of(self.dialect, connection, access.definition, access.table)
            yield Snapshot(f"table {access.table}", chunks, partial(self._chunk, access, name, plan), settling)

    def _chunk(self, access: _Access, name: str, plan: TablePlan, chunk: Chunk) -> Reading:
        reached = self._snapshots[name].reached(plan, chunk)
        before = chunk.first - 1
        begin = reached if reached is not None else None if before < _LEAST_ID else before
        return self._reading(
            access._replace(tracking=replace(access.tracking, is_bounded=True)),
            chunk_partition(str(access.table), *chunk),
            plan.of_chunk(begin),
            replace(self._rules, mode=Mode.INCREMENTING),
            bounds=Bounds(min(chunk.last, _MOST_ID), plan.moment),
        )

    def _access(self, connection: DriverConnection, table: TableId) -> _Access:
        quotes = self.dialect.quotes
        full = quotes.table(table)
        definition = None
        if self._mode is not Mode.BULK or self._config.x_key_from_primary_key != "none":
            definition = self.dialect.definition(connection, table)
            if definition is None:
                raise NotFoundError(f"Table {table} does not exist, or the user may not see it")
        columns = TrackedColumns()
        if definition is not None and self._mode is not Mode.BULK:
            columns = tracked_columns(self._config, self._mode, definition, table)
        tracking = Tracking(
            [f"{full}.{quotes.name(name)}" for name in columns.timestamps],
            None if columns.identity is None else f"{full}.{quotes.name(columns.identity)}",
        )
        return _Access(table, definition, columns, tracking)

    def _reading(
        self,
        access: _Access,
        partition: Partition,
        position: Position,
        rules: ReadingRules,
        horizon: Horizon | None = None,
        bounds: Bounds | None = None,
    ) -> Reading:
        table, definition, columns, tracking = access
        form = self._config.x_key_from_primary_key
        return Reading(
            title=f"table {table}",
            source=f"SELECT * FROM {self.dialect.quotes.table(table)}",
            topic=self._config.topic_prefix.strip() + table.name,
            schema_name=table.name,
            partition=partition,
            position=position,
            timestamps=columns.timestamps,
            identity=columns.identity,
            tracking=tracking,
            rules=rules,
            dialect=self.dialect,
            keys=None if definition is None or form == "none" else KeyColumns.of(definition, form),
            horizon=horizon,
            bounds=bounds,
        )
