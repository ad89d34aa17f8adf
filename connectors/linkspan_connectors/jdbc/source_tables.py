"""From the configuration of a task to the tables that it reads (spec/jdbc.md 5.4)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from linkspan.api import ConfigError, ConnectError, OffsetReader
from linkspan_connectors.jdbc.columns import ColumnRules
from linkspan_connectors.jdbc.config import settings_of
from linkspan_connectors.jdbc.dialects import dialect_of
from linkspan_connectors.jdbc.dialects.dialect import Dialect
from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.filters import mapped_columns
from linkspan_connectors.jdbc.gaps import Horizon
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.offsets import (
    QUERY_PARTITION,
    Position,
    bare_partition,
    stored_positions,
    table_partition,
)
from linkspan_connectors.jdbc.queries import Mode, Tracking
from linkspan_connectors.jdbc.query_text import conditionable, stripped
from linkspan_connectors.jdbc.reading import Reading, ReadingRules, current_time
from linkspan_connectors.jdbc.record_keys import KeyColumns
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.source_config import JdbcSourceTaskConfig, column_mappings, query_text
from linkspan_connectors.jdbc.tables import TableDefinition
from linkspan_connectors.jdbc.times import TimeForms

__all__ = ["Readings", "column_rules", "detected", "horizon_of", "isolated"]

log = logging.getLogger(__name__)

_MS: Final = 1_000_000
_NOW: Final = -1


def column_rules(config: JdbcSourceTaskConfig, settings: Settings) -> ColumnRules:
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
    if definition.kind not in _WITH_WRITERS:
        raise ConfigError(
            f"Nobody can tell who writes to {table}, which is a {definition.kind}: x.gap.safe needs tables that rows "
            "are written to themselves",
            "x.gap.safe",
        )
    dialect.writers(connection, table)
    text = f"SELECT max({column}) FROM {dialect.quotes.table(table)}"

    def greatest(connection: DriverConnection, after: int | None) -> object:
        condition = "" if after is None else f" WHERE {column} > ?"
        ((last,),) = dialect.ask(connection, text + condition, () if after is None else (after,))
        return last

    return Horizon(greatest, lambda connection: dialect.writers(connection, table))


class Readings:
    """Makes what a task reads, once it has a connection.

    Args:
        config: of the task.
        dialect: of the database.
        positions: where each table, or the query, goes on; None where nothing is stored.
    """

    def __init__(self, config: JdbcSourceTaskConfig, dialect: Dialect, positions: Sequence[Position | None]) -> None:
        self.dialect = dialect
        self._config = config
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
        tables = [dialect.table_id(text) for text in config.tables]
        if Mode(config.mode) is Mode.BULK:
            return cls(config, dialect, [None] * len(tables))
        return cls(config, dialect, stored_positions(offsets, [(str(table), table.name) for table in tables]))

    def made(self, connection: DriverConnection) -> list[Reading]:
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
        tables = [self.dialect.table_id(name) for name in self._config.tables]
        return [self._table(connection, table, at) for at, table in enumerate(tables)]

    def _position(self, at: int) -> Position:
        stored = self._positions[at]
        if stored is None:
            initial = self._initial
            moment = None if initial is None or initial < 0 else initial * _MS
            stored = Position(moment, self._config.x_incrementing_initial)
        return Position(
            stored.timestamp if self._mode.uses_timestamp else None,
            stored.incrementing if self._mode.uses_id else None,
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

    def _table(self, connection: DriverConnection, table: TableId, at: int) -> Reading:
        quotes = self.dialect.quotes
        full = quotes.table(table)
        form, is_safe = self._config.x_key_from_primary_key, self._config.x_gap_safe
        definition = None
        if self._mode is not Mode.BULK or form != "none":
            definition = self.dialect.definition(connection, table)
            if definition is None:
                raise ConnectError(f"Table {table} does not exist, or the user may not see it")
        timestamps: Sequence[str] = ()
        identity = None
        if definition is not None and self._mode is not Mode.BULK:
            timestamps, identity = self._tracking(definition, table)
        column = None if identity is None else f"{full}.{quotes.name(identity)}"
        horizon = None
        if is_safe and definition is not None and column is not None:
            horizon = horizon_of(self.dialect, connection, definition, table, column)
        return Reading(
            title=f"table {table}",
            source=f"SELECT * FROM {full}",
            topic=self._config.topic_prefix.strip() + table.name,
            schema_name=table.name,
            partition=bare_partition(table.name) if self._mode is Mode.BULK else table_partition(str(table)),
            position=self._position(at),
            timestamps=timestamps,
            identity=identity,
            tracking=Tracking(
                [f"{full}.{quotes.name(name)}" for name in timestamps], column, is_bounded=horizon is not None
            ),
            rules=self._rules,
            dialect=self.dialect,
            keys=None if definition is None or form == "none" else KeyColumns.of(definition, form),
            horizon=horizon,
        )

    def _tracking(self, definition: TableDefinition, table: TableId) -> tuple[Sequence[str], str | None]:
        """Timestamp and incrementing columns of a table, which are there and never null where that is checked."""
        config = self._config
        timestamps: Sequence[str] = config.timestamp_column_name if self._mode.uses_timestamp else ()
        identity = config.incrementing_column_name if self._mode.uses_id else None
        if config.table_include_list:
            of_time, of_id = column_mappings(config)
            if self._mode.uses_timestamp:
                timestamps = mapped_columns("timestamp.columns.mapping", of_time, table)
            if self._mode.uses_id:
                (identity,) = mapped_columns("incrementing.column.mapping", of_id, table)
        if self._mode.uses_id and not identity:
            identity = detected(definition)
        self._check(definition, timestamps, identity)
        return timestamps, identity

    def _check(self, definition: TableDefinition, timestamps: Sequence[str], identity: str | None) -> None:
        table, columns = definition.table, definition.columns
        folded = {name.casefold(): column for name, column in columns.items()}
        missing = [name for name in timestamps if name.casefold() not in folded]
        if identity is not None and identity not in columns:
            missing.append(identity)
        if missing:
            raise ConfigError(
                f"Table {table} has no column {', '.join(missing)}; it has {', '.join(columns)}",
                "timestamp.column.name" if timestamps and missing[0] != identity else "incrementing.column.name",
            )
        if not self._config.validate_non_null:
            return
        if identity is not None and columns[identity].nullable:
            raise ConnectError(
                f"Cannot make incremental queries using incrementing column {identity} on {table} because this column "
                "is nullable; make it NOT NULL, or set validate.non.null=false to leave out rows where it is null"
            )
        if timestamps and all(folded[name.casefold()].nullable for name in timestamps):
            raise ConnectError(
                f"Cannot make incremental queries using timestamp columns {', '.join(timestamps)} on {table} because "
                "all of these columns nullable; make one NOT NULL, or set validate.non.null=false to leave out rows "
                "where all are null"
            )


def detected(definition: TableDefinition) -> str:
    """The column that the database fills with rising numbers."""
    found = [column.name for column in definition.columns.values() if column.auto_increment]
    if not found:
        raise ConfigError(
            f"Table {definition.table} has no column that the database fills with rising numbers; name one with "
            "incrementing.column.name",
            "incrementing.column.name",
        )
    if len(found) > 1:
        log.info("Table %s: %s is taken as the incrementing column", definition.table, found[0])
    return found[0]
