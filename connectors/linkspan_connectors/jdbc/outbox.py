"""The mode ``outbox``: rows are events, whose columns say where they go (spec/jdbc.md 18).

All of it runs on the task's thread: rows are read when the log has taken enough of those before, and deleted, where
that is asked for, when the runtime tells that the log has them. What a kill does stands in
:mod:`linkspan_connectors.jdbc.outbox_tables`.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from linkspan.api import ConfigError, ConnectError, NotFoundError, RetriableError, SourceRecord, SourceTaskContext
from linkspan_connectors.jdbc.client import Client
from linkspan_connectors.jdbc.config import attempts_of, settings_of
from linkspan_connectors.jdbc.credentials import credentials_of
from linkspan_connectors.jdbc.dialects import dialect_of
from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.offsets import Position, stored_positions, table_partition
from linkspan_connectors.jdbc.outbox_events import EventRules, Events
from linkspan_connectors.jdbc.outbox_tables import Deletion, OutboxTable, Succession
from linkspan_connectors.jdbc.results import ResultColumn
from linkspan_connectors.jdbc.source_config import JdbcSourceTaskConfig, assigned_tables
from linkspan_connectors.jdbc.source_tables import column_rules, horizon_of, isolated
from linkspan_connectors.jdbc.tables import TableDefinition
from linkspan_connectors.jdbc.tracked_columns import detected

__all__ = ["OutboxSource"]

log = logging.getLogger(__name__)

_LONGEST_WAIT: Final = 0.5
_MOST_NAMED: Final = 1000
"""Rows of a batch whose keys stand in one offset."""


class OutboxSource:
    """Reads the tables of a task in turns.

    Args:
        config: of the task.
        context: of the task.
        clock: seconds, monotonic.

    Raises:
        ConfigError: the configuration cannot be understood.
    """

    def __init__(
        self, config: JdbcSourceTaskConfig, context: SourceTaskContext, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._config = config
        self._offsets = context.offset_reader
        self._names_rows = config.x_outbox_delete and context.exactly_once
        self._clock = clock
        self._dialect = dialect_of(settings_of(config), config.dialect_name)
        self._rules = EventRules(config, column_rules(config, self._dialect.settings))
        self._client = Client(
            self._dialect,
            credentials_of(config),
            f"{context.connector}-{context.task}",
            attempts_of(config),
            prepare=isolated(self._dialect, config.transaction_isolation_mode),
        )
        self._most = min(config.batch_max_rows, _MOST_NAMED) if self._names_rows else config.batch_max_rows
        self._buffered = 1 if self._names_rows else config.max_buffer_size or 4 * config.batch_max_rows
        self._turns: deque[_Turn] = deque()
        self._on_their_way: deque[tuple[Sequence[SourceRecord], _Turn]] = deque()
        self._failures = 0
        self._last_failure: Exception | None = None

    def poll(self) -> Sequence[SourceRecord] | None:
        """The next records of one table; None when there are none, or enough of them are on their way.

        Raises:
            RetriableError: the database cannot be read now.
            ConnectError: it never can.
        """
        try:
            if not self._turns:
                self._begin()
            records = self._next()
        except Exception as error:  # noqa: BLE001 - supervision point: drivers raise what they want
            failure = self._failed(error, "Reading the outbox")
            raise failure from (None if failure is error else error)
        self._failures, self._last_failure = 0, None
        if records is None and not self._on_their_way:
            due = min(turn.due for turn in self._turns)
            time.sleep(min(max(due - self._clock(), 0.0), _LONGEST_WAIT))
        return records

    def acknowledged(self, records: Sequence[SourceRecord]) -> None:
        """The log has all that one poll returned, or what it has not was dropped for good.

        What cannot be deleted now is before the next rows are read.
        """
        if not self._on_their_way or self._on_their_way[0][0] is not records:
            return
        _, turn = self._on_their_way.popleft()
        turn.table.acknowledge(len(records))
        try:
            turn.table.settle(self._client.connection())
        except Exception as error:  # noqa: BLE001 - supervision point: drivers raise what they want
            failure = self._dialect.failure(error, f"Deleting rows of {turn.title}")
            self._client.reset()
            log.warning("%s; they are deleted later", failure.message)

    def stop(self) -> None:
        """Close the connection."""
        self._client.close()

    def _failed(self, error: Exception, what: str) -> ConnectError:
        failure = self._dialect.failure(error, what)
        self._client.reset()
        # the very same one comes again while the pause between two attempts to connect is not over
        if error is not self._last_failure:
            self._failures += 1
            self._last_failure = error
        most = self._config.query_retry_attempts
        if isinstance(failure, RetriableError) and self._failures >= most > 0:
            return ConnectError(f"{failure.message}; that was attempt {self._failures} of {most}")
        return failure

    def _next(self) -> Sequence[SourceRecord] | None:
        now = self._clock()
        for _ in range(len(self._turns)):
            turn = self._turns[0]
            self._turns.rotate(-1)
            if turn.due <= now and turn.table.on_their_way < self._buffered:
                records = self._read(turn, now)
                if records:
                    return records
        return None

    def _read(self, turn: _Turn, now: float) -> Sequence[SourceRecord] | None:
        connection = self._client.connection()
        turn.table.settle(connection)
        found = turn.table.next(connection, self._most)
        connection.commit()
        if found is None or len(found[1]) < self._most:
            turn.due = now + self._config.poll_interval_ms / 1000
        if found is None:
            return None
        columns, rows = found
        events = turn.events_of(columns)
        records = events.records(rows)
        offset = turn.table.take(columns, rows)
        for at, record in enumerate(records):
            record.source_partition, record.source_offset = turn.partition, offset(at)
        if self._config.x_outbox_delete:
            self._on_their_way.append((records, turn))
        return records

    # --- at first -----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Find out about the tables.

        Raises:
            Exception: of the driver.
            ConfigError: a table is no outbox of the kind that is configured.
        """
        connection = self._client.connection()
        turns = [self._turn(connection, name) for name in assigned_tables(self._config)]
        connection.commit()
        self._turns.extend(turns)

    def _turn(self, connection: DriverConnection, text: str) -> _Turn:
        table = self._dialect.table_id(text)
        definition = self._dialect.definition(connection, table)
        if definition is None:
            raise NotFoundError(f"Table {table} does not exist, or the user may not see it")
        source = self._dialect.quotes.table(table)
        made: OutboxTable
        if self._config.x_outbox_delete:
            made = self._deletion(definition, source, str(table))
        else:
            identity = self._identity(definition)
            column = self._dialect.quotes.name(identity)
            try:
                horizon = horizon_of(self._dialect, connection, definition, table, column)
            except ConfigError as error:
                raise ConfigError(f"{error.message}; x.outbox.delete=true needs no order", error.key) from error
            (stored,) = stored_positions(self._offsets, [(str(table), table.name)])
            position = stored or Position(None, self._config.x_incrementing_initial)
            made = Succession(self._dialect, source, identity, horizon, position.incrementing)
        return _Turn(made, self._rules, f"table {table}", table.name, str(table))

    def _deletion(self, definition: TableDefinition, source: str, name: str) -> Deletion:
        if not definition.keys:
            raise ConfigError(
                f"Table {name} has no primary key, by which rows that were delivered could be deleted",
                "x.outbox.delete",
            )
        rising = [column.name for column in definition.columns.values() if column.auto_increment]
        first = [self._config.incrementing_column_name] if self._config.incrementing_column_name else rising[:1]
        if not first and self._config.x_outbox_table_field_event_timestamp:
            first = [self._config.x_outbox_table_field_event_timestamp]
        _check(definition, first)
        order = dict.fromkeys([*first, *definition.keys])
        made = Deletion(self._dialect, source, definition.keys, list(order), names_rows=self._names_rows)
        if self._names_rows:
            made.remember(self._offsets.offset(table_partition(name)))
        return made

    def _identity(self, definition: TableDefinition) -> str:
        identity = self._config.incrementing_column_name
        if not identity:
            try:
                return detected(definition)
            except ConfigError as error:
                raise ConfigError(
                    f"{error.message}, or set x.outbox.delete=true, which needs none", error.key
                ) from error
        _check(definition, [identity])
        if definition.columns[identity].nullable:
            raise ConfigError(
                f"The incrementing column {identity} of {definition.table} may be null, and such rows would be "
                "passed over; make it NOT NULL",
                "incrementing.column.name",
            )
        return identity


def _check(definition: TableDefinition, columns: Sequence[str]) -> None:
    missing = [name for name in columns if name not in definition.columns]
    if missing:
        raise ConfigError(
            f"Table {definition.table} has no column {', '.join(missing)}; it has {', '.join(definition.columns)}",
            "incrementing.column.name",
        )


class _Turn:
    """A table, and when it is read."""

    __slots__ = ("_columns", "_events", "_name", "_rules", "due", "partition", "table", "title")

    def __init__(self, table: OutboxTable, rules: EventRules, title: str, name: str, qualified: str) -> None:
        self.table = table
        self.title = title
        self.partition = table_partition(qualified)
        self.due = float("-inf")
        self._rules = rules
        self._name = name
        self._columns: tuple[ResultColumn, ...] | None = None
        self._events: Events | None = None

    def events_of(self, columns: tuple[ResultColumn, ...]) -> Events:
        """What makes records of rows with these columns.

        Raises:
            ConfigError: one that is configured is not there.
        """
        if self._events is None or columns != self._columns:
            self._events = Events(self._rules, self.title, self._name, columns)
            self._columns = columns
        return self._events
