"""Records of topics as rows of tables (spec/jdbc.md 9 to 14): at least once, and with upserts in effect once a key.

``put`` writes all of its records in one transaction; the runtime commits offsets after it. What a SIGKILL between any
two steps does, and a lost connection, which is the same to the database:

====  ==========================================  =======================================================
Step  What happened                               A kill right after it
====  ==========================================  =======================================================
1     tables were created or extended             they stay; the records come again and find them
2     rows were sent, some or all                 they are rolled back; as 1
3     the commit was asked for, not answered      as 2, or as 4
4     the commit was answered                     the records come again: upserts, updates and deletes change
                                                  nothing then; inserts come twice, or meet their own keys
5     refused records were reported               as 4; they are refused and reported again
6     offsets are committed                       nothing: reading goes on behind them
====  ==========================================  =======================================================

A call that fails rolls back before it raises, so that nothing of it is left when the records come again.
"""

from __future__ import annotations

import logging
from typing import NoReturn

from linkspan.api import (
    BatchError,
    ConfigError,
    ConnectError,
    DataError,
    OutageError,
    RetriableError,
    SinkBatch,
    SinkRecord,
    SinkTask,
    ThrottledError,
)
from linkspan_connectors.jdbc.client import Client
from linkspan_connectors.jdbc.config import attempts_of, settings_of
from linkspan_connectors.jdbc.credentials import credentials_of
from linkspan_connectors.jdbc.dialects import dialect_of
from linkspan_connectors.jdbc.evolution import Tables
from linkspan_connectors.jdbc.plans import Planner
from linkspan_connectors.jdbc.sink_config import JdbcSinkConfig, column_rules, table_rules
from linkspan_connectors.jdbc.writer import Failures, TableNames, Writer

__all__ = ["JdbcSinkTask"]

_log = logging.getLogger(__name__)


class JdbcSinkTask(SinkTask[JdbcSinkConfig]):
    """One connection, one transaction for each ``put``."""

    java_class = "io.confluent.connect.jdbc.sink.JdbcSinkTask"
    takes_large_batches = True

    _client: Client | None = None

    def start(self) -> None:
        """Make everything ready; the connection is opened when the first records come.

        Raises:
            ConfigError: the URL, the dialect or a driver property will not do.
        """
        config = self.config
        dialect = dialect_of(
            settings_of(config, None if config.date_timezone == "DB_TIMEZONE" else config.date_timezone),
            config.dialect_name,
        )
        mode = config.insert_mode.lower()
        if mode == "upsert" and not dialect.has_upsert:
            raise ConfigError.invalid("insert.mode", config.insert_mode, f"{dialect.title} has no statement for it")
        rules = column_rules(config)
        planner = Planner(
            dialect,
            Tables(dialect, table_rules(config)),
            rules,
            mode,
            replaces_null=config.replace_null_with_default,
        )
        self._tolerates = self.context.configs.get("errors.tolerance", "none").strip().lower() == "all"
        self._retries = self._left = config.max_retries
        attempts = attempts_of(config)
        self._attempts, self._backoff = max(1, attempts[0]), attempts[1]
        self._refusals = 0
        self._client = Client(
            dialect, credentials_of(config), f"{self.context.connector}-{self.context.task}", attempts
        )
        self._opened = 0
        self._writer = Writer(
            dialect,
            planner,
            TableNames(dialect, config.table_name_format),
            config.batch_size,
            with_coordinates=rules.key_mode == "kafka",
            trim=config.trim_sensitive_log,
        )

    def stop(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()

    def put(self, records: SinkBatch) -> None:
        """Write the records and commit them."""
        if not len(records):
            return
        failures = self._write(records)
        self._left, self._refusals = self._retries, 0
        if failures:
            self._refuse(records, failures)

    def _write(self, records: SinkBatch) -> Failures:
        assert self._client is not None
        try:
            connection = self._client.connection()
        except OutageError as error:
            self._unreachable(error)
        if self._opened != self._client.opened:
            self._opened = self._client.opened
            self._writer.forget()
        try:
            return self._writer.write(connection, records, tolerant=self._tolerates)
        except DataError:
            # it was rolled back, and the same records come again in halves
            raise
        except RetriableError as error:
            self._client.reset()
            self._again(error)
        except ConnectError:
            self._client.reset()
            raise

    def _unreachable(self, error: OutageError) -> NoReturn:
        """As many attempts to connect as are configured count as one that has failed."""
        self._refusals += 1
        if self._refusals % self._attempts:
            raise ThrottledError(error.message, self._backoff) from error
        self._again(error)

    def _again(self, error: RetriableError) -> NoReturn:
        """Have the same records come again after a pause, unless that was done too often (``max.retries``)."""
        if not self._left:
            raise ConnectError(f"Given up after {self._retries} retries (max.retries): {error}") from error
        self._left -= 1
        pause = self.config.retry_backoff_ms
        if isinstance(error, OutageError):
            raise ThrottledError(error.message, pause / 1000) from error
        self.context.timeout(pause)
        raise RetriableError(error.message) from error

    def _refuse(self, records: SinkBatch, failures: Failures) -> NoReturn:
        named = {place: _named(records[place], failures[place]) for place in sorted(failures)}
        first = next(iter(named.values()))
        more = f", and {len(named) - 1} others" if len(named) > 1 else ""
        raise BatchError(f"{first}{more}", named)


def _named(record: SinkRecord, error: DataError) -> DataError:
    """The same, with where the record lies."""
    place = f"{record.original_topic}-{record.original_partition}@{record.original_offset}"
    named = DataError(f"{error.message} (record {place}, key {record.key!r})")
    named.__cause__ = error.__cause__
    return named
