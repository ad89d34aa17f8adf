"""The task that reads tables, or a query (spec/jdbc.md 5.4, 6 and 7)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import ClassVar, Final

from linkspan.api import Config, ConfigError, SourceRecord, SourceTask
from linkspan_connectors.jdbc.client import Client
from linkspan_connectors.jdbc.config import attempts_of
from linkspan_connectors.jdbc.credentials import credentials_of
from linkspan_connectors.jdbc.outbox import OutboxSource
from linkspan_connectors.jdbc.outbox_config import OUTBOX
from linkspan_connectors.jdbc.reader import Reader
from linkspan_connectors.jdbc.source_config import JdbcSourceTaskConfig, query_key, query_text
from linkspan_connectors.jdbc.source_tables import Readings, isolated

__all__ = ["JdbcSourceTask"]

log = logging.getLogger(__name__)

_LOOK_AGAIN: Final = 5.0
"""Seconds after which a task looks again at offsets that do not fit its configuration."""
_LONGEST_WAIT: Final = 0.5
"""Seconds that a poll waits, whatever ``poll.linger.ms`` says: the task has to be able to pause and stop."""

_CHOOSING: Final = (
    *("table.whitelist", "table.blacklist", "table.include.list", "table.exclude.list"),
    *("schema.pattern", "catalog.pattern", "table.types"),
)


class JdbcSourceTask(SourceTask[JdbcSourceTaskConfig]):
    """Reads its tables, or the query, again and again; one batch is of one table."""

    config_class: ClassVar[type[Config]] = JdbcSourceTaskConfig
    java_class = "io.confluent.connect.jdbc.source.JdbcSourceTask"

    def start(self) -> None:
        """Look up the offsets, and begin to read in a thread."""
        config = self.config
        self._reader: Reader | None = None
        self._outbox: OutboxSource | None = None
        self._due: float | None = None
        """When to look again at how tables are cut; None when that is settled."""
        self._wait = min(config.poll_linger_ms / 1000, _LONGEST_WAIT)
        has_query = bool(query_text(config))
        if not has_query and not config.tables and not config.x_snapshot_plan:
            if not config.tables_fetched:
                log.info("The tables are not known yet; the task waits to be configured anew")
                return
            raise ConfigError(
                "The task was assigned neither a table nor a query: no table of the database is chosen by "
                f"{_choice(config)}, or the user may see none"
            )
        if has_query and config.tables:
            raise ConfigError("The task was assigned both tables and a query; it takes one of them", "tables")
        if config.mode == OUTBOX:
            self._outbox = OutboxSource(config, self.context)
            return
        self._begin()

    def _begin(self) -> None:
        """Begin to read, unless tables are cut in another way by now than the configuration of the task says."""
        config = self.config
        readings = Readings.of(config, self.context.offset_reader)
        if readings.outdated is not None:
            if self._due is None:
                log.info(
                    "Table %s is cut in another way by now; the task waits to be configured anew", readings.outdated
                )
            self._due = time.monotonic() + _LOOK_AGAIN
            return
        self._due = None
        stopping = threading.Event()
        application = f"{self.context.connector}-{self.context.task}"
        prepare = isolated(readings.dialect, config.transaction_isolation_mode)
        self._reader = Reader(
            Client(readings.dialect, credentials_of(config), application, attempts_of(config), stopping, prepare),
            stopping,
            readings.made,
            interval=config.poll_interval_ms / 1000,
            buffered=config.max_buffer_size or 4 * config.batch_max_rows,
            attempts=config.query_retry_attempts,
            hides=query_key(config) == "query.masked",
        )
        self._reader.start()

    def poll(self) -> Sequence[SourceRecord] | None:
        """What was read; waits a moment when there is nothing."""
        if self._outbox is not None:
            return self._outbox.poll()
        if self._due is not None and time.monotonic() >= self._due:
            self._begin()
        if self._reader is None:
            time.sleep(_LONGEST_WAIT)
            return None
        batch = self._reader.take(self._wait)
        return None if batch is None else batch.records()

    def commit_batch(self, records: Sequence[SourceRecord]) -> None:
        """Rows of an outbox may be deleted now; nothing is to be done for others."""
        if self._outbox is not None:
            self._outbox.acknowledged(records)

    def stop(self) -> None:
        """End the thread and the connection."""
        outbox = getattr(self, "_outbox", None)
        if outbox is not None:
            outbox.stop()
        reader = getattr(self, "_reader", None)
        if reader is not None:
            reader.stop(self.config.engine_shutdown_timeout)


def _choice(config: JdbcSourceTaskConfig) -> str:
    """Which settings choose the tables."""
    given = [f"{key}={config.originals[key]}" for key in _CHOOSING if config.originals.get(key)]
    return ", ".join(given) or f"table.types={','.join(config.table_types)}"
