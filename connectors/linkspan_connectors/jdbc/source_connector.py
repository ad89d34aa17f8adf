"""The source connector: what tables there are, and who reads them (spec/jdbc.md 4, 5 and 15)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Final

from linkspan.api import (
    Config,
    ConfigError,
    ExactlyOnceSupport,
    Offset,
    Partition,
    SourceConnector,
)
from linkspan_connectors.jdbc.assignment import check_names, task_configs
from linkspan_connectors.jdbc.client import Client
from linkspan_connectors.jdbc.config import attempts_of, settings_of
from linkspan_connectors.jdbc.credentials import credentials_of
from linkspan_connectors.jdbc.dialects import dialect_class, dialect_of
from linkspan_connectors.jdbc.dialects.dialect import Dialect
from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.filters import mapped_columns
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.monitor import Listing, TableMonitor
from linkspan_connectors.jdbc.offsets import check_offsets
from linkspan_connectors.jdbc.outbox_config import OUTBOX
from linkspan_connectors.jdbc.query_text import stripped
from linkspan_connectors.jdbc.snapshot_plan import SnapshotPlan
from linkspan_connectors.jdbc.snapshot_planner import SnapshotPlanner
from linkspan_connectors.jdbc.source import JdbcSourceTask
from linkspan_connectors.jdbc.source_config import (
    JdbcSourceConfig,
    column_mappings,
    query_key,
    query_text,
    table_filter,
)
from linkspan_connectors.jdbc.source_tables import isolated
from linkspan_connectors.jdbc.urls import parse
from linkspan_connectors.jdbc.validation import connected, unknown_settings

__all__ = ["JdbcSourceConnector", "chosen"]

log = logging.getLogger(__name__)

_STOP_SECONDS: Final = 5.0


class JdbcSourceConnector(SourceConnector[JdbcSourceConfig]):
    """From tables, or a query, into topics."""

    config_class: ClassVar[type[Config]] = JdbcSourceConfig
    task_class = JdbcSourceTask
    version = "10.9.0"
    java_class = "io.confluent.connect.jdbc.JdbcSourceConnector"
    watches: ClassVar[bool] = True

    _monitor: TableMonitor | None = None
    _unknown: Sequence[str] = ()

    def start(self) -> None:
        """Begin to watch the tables; a query has none to watch."""
        config = self.config
        if query_text(config):
            return
        if not _has_filter(config):
            log.warning("No list of tables is set: all tables that the user may see are read")
        dialect = dialect_of(settings_of(config), config.dialect_name)
        stopping = threading.Event()
        application = f"{self.context.connector}-tables"
        prepare = isolated(dialect, config.transaction_isolation_mode)
        self._monitor = TableMonitor(
            Client(dialect, credentials_of(config), application, attempts_of(config), stopping, prepare),
            stopping,
            self._lister(config, dialect),
            interval=config.table_poll_interval_ms / 1000,
            changed=self.context.request_task_reconfiguration,
            failed=self.context.raise_error,
        )
        self._monitor.start()
        self._quoted = dialect.quotes

    def stop(self) -> None:
        """End watching."""
        if self._monitor is not None:
            self._monitor.stop(_STOP_SECONDS)
            self._monitor = None

    def task_configs(self, max_tasks: int) -> Sequence[Mapping[str, str]]:
        """One task for a query; else the tables, shared out.

        Raises:
            ConnectError: two tables would go to the same topic.
        """
        common = {name: value for name, value in self.config.originals.items() if value is not None}
        if self._monitor is None:
            return task_configs(common, (), 1)
        listing = self._monitor.listing(self.config.table_monitoring_startup_polling_limit_ms / 1000)
        if listing is None:
            return task_configs(common, None, 1)
        check_names(listing.tables)
        quoted = self._quoted._replace(always=True).table
        size = self.config.x_snapshot_chunk_size
        snapshot = SnapshotPlan({quoted(name): plan for name, plan in listing.plans.items()}, size) if size else None
        return task_configs(common, [quoted(table) for table in listing.tables], max_tasks, snapshot)

    def _lister(self, config: JdbcSourceConfig, dialect: Dialect) -> Callable[[DriverConnection], Listing]:
        planner = None
        if config.x_snapshot_chunk_size:
            planner = SnapshotPlanner(config, dialect, self.context.offset_reader)

        def listed(connection: DriverConnection) -> Listing:
            found = chosen(config, dialect, connection)
            self._say_unknown(table_filter(config).unknown(found, dialect.quotes._replace(always=True).table))
            tables = tuple(self.named(found))
            return Listing(tables) if planner is None else Listing(tables, planner.plans(connection, tables))

        return listed

    def named(self, tables: list[TableId]) -> list[TableId]:
        """The tables that are to be read, by the names that they are read by."""
        return tables

    def _say_unknown(self, names: list[str]) -> None:
        """Say once that tables of the list are not there: reading begins when they are."""
        if names and names != self._unknown:
            log.warning(
                "Of table.whitelist these are not there, or the user may not see them: %s. They are read once they are "
                "there; case counts, and schema.pattern, catalog.pattern and table.types apply as well",
                ", ".join(names),
            )
        self._unknown = names

    def validate(self, config: Config) -> Sequence[ConfigError]:
        """Try to connect, and have a query looked at."""
        assert isinstance(config, JdbcSourceConfig)
        unknown = unknown_settings(config, str(self.java_class))
        return unknown or connected(
            config,
            lambda dialect: _objections(config, dialect),
            lambda dialect, connection: _looked_at(config, dialect, connection),
        )

    def exactly_once_support(self, config: Mapping[str, str]) -> ExactlyOnceSupport:
        """Where the offset of a row says exactly where to go on: by an id, or in an outbox.

        By time alone, rows of the same time are read again when reading ends among them; so are they by time and id
        where the driver does not tell the whole time.
        """
        mode = (config.get("mode") or "").strip()
        try:
            url = parse(config.get("connection.url") or "")
            dialect = dialect_class(url.protocol, (config.get("dialect.name") or "").strip())
        except ConfigError:  # validation says so
            return ExactlyOnceSupport.UNSUPPORTED
        is_exact = mode in ("incrementing", OUTBOX) or (mode == "timestamp+incrementing" and not dialect.times_are_cut)
        return ExactlyOnceSupport.SUPPORTED if is_exact else ExactlyOnceSupport.UNSUPPORTED

    def alter_offsets(
        self,
        config: Mapping[str, str],  # noqa: ARG002 - any will do
        offsets: Sequence[tuple[Partition, Offset | None]],
    ) -> bool:
        """Take offsets of tables and of the query."""
        check_offsets(offsets)
        return True


def _has_filter(config: JdbcSourceConfig) -> bool:
    return bool(config.table_whitelist or config.table_blacklist or config.table_include_list)


def chosen(config: JdbcSourceConfig, dialect: Dialect, connection: DriverConnection) -> list[TableId]:
    """The tables that are to be read."""
    found = dialect.tables(connection, config.catalog_pattern, config.schema_pattern, config.table_types)
    return table_filter(config).chosen(found, dialect.quotes._replace(always=True).table)


def _objections(config: JdbcSourceConfig, dialect: Dialect) -> list[ConfigError]:
    """What does not go with the database."""
    key, mode = "transaction.isolation.mode", config.transaction_isolation_mode
    if mode == "SQL_SERVER_SNAPSHOT" and dialect.name != "SqlServerDatabaseDialect":
        return [ConfigError.invalid(key, mode, f"{dialect.title} does not have it, SQL Server does")]
    return []


def _looked_at(config: JdbcSourceConfig, dialect: Dialect, connection: DriverConnection) -> list[ConfigError]:
    key = query_key(config)
    try:
        if key is not None:
            dialect.check_query(connection, stripped(query_text(config)))
        elif config.table_include_list:
            return _unmapped(config, chosen(config, dialect, connection))
    except Exception as error:  # noqa: BLE001 - supervision point: drivers raise what they want
        what = "Looking at the tables" if key is None else "Looking at the query"
        failure = dialect.failure(error, what, hidden=key == "query.masked")
        if isinstance(failure, ConfigError) and failure.key is not None:
            return [failure]
        return [ConfigError(failure.message, key or "table.include.list")]
    return []


def _unmapped(config: JdbcSourceConfig, tables: Sequence[TableId]) -> list[ConfigError]:
    """Tables for which no mapping, or more than one, names columns."""
    of_time, of_id = column_mappings(config)
    asked = [("timestamp.columns.mapping", of_time)] * ("timestamp" in config.mode)
    asked += [("incrementing.column.mapping", of_id)] * ("incrementing" in config.mode)
    problems = []
    for table in tables:
        for key, mappings in asked:
            try:
                mapped_columns(key, mappings, table)
            except ConfigError as error:
                problems.append(error)
    return problems
