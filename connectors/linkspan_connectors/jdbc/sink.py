"""Records of topics as rows of tables (spec/jdbc.md 9 to 14): at least once, and with upserts in effect once a key.

All records of a ``put`` are one transaction. Of many records ``put`` only begins it: another thread goes on while the
next ones are read and made ready, and the next call waits for it, whichever it is. ``flush`` is such a call, so no
offset is committed before the rows in front of it. What a SIGKILL between any two steps does, and a lost connection,
which is the same to the database:

====  ==========================================  =======================================================
Step  What happened                               A kill right after it
====  ==========================================  =======================================================
1     tables were created or extended             they stay; the records come again and find them
2     rows were sent, some or all; ``put`` may    they are rolled back; as 1
      have returned
3     the commit was asked for, not answered      as 2, or as 4
4     the commit was answered                     the records come again: upserts, updates and deletes change
                                                  nothing then; inserts come twice, or meet their own keys
5     refused records were reported               as 4; they are refused and reported again
6     offsets are committed                       nothing: reading goes on behind them
====  ==========================================  =======================================================

A call that fails rolls back before it raises. Records that ``put`` has returned for are kept until they are written,
and are written before all others; they are given up only when their offsets will not be committed, and come again then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import ClassVar, Final, NoReturn, TypeVar

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
    TopicPartition,
)
from linkspan.api.records import SinkRecords
from linkspan_connectors.jdbc.client import Client
from linkspan_connectors.jdbc.config import attempts_of, settings_of
from linkspan_connectors.jdbc.credentials import credentials_of
from linkspan_connectors.jdbc.dialects import dialect_of
from linkspan_connectors.jdbc.dialects.dialect import Dialect
from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.evolution import Tables
from linkspan_connectors.jdbc.groups import Group, grouped
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.keys import ColumnRules
from linkspan_connectors.jdbc.offsets_table import OffsetsTable, Span
from linkspan_connectors.jdbc.plans import Planner
from linkspan_connectors.jdbc.sink_config import JdbcSinkConfig, column_rules, date_zone_of, table_rules
from linkspan_connectors.jdbc.writer import Failures, TableNames, Work, Writer

__all__ = ["JdbcSinkTask", "refused"]

_log = logging.getLogger(__name__)

T = TypeVar("T")


_SOON: Final = 50
"""Milliseconds after which it is looked at what is in flight, when no records come."""
_PATIENCE: Final = 5.0
"""Seconds that a task which is stopped waits for what it has interrupted."""


@dataclass(slots=True)
class _InFlight:
    """Records that ``put`` has returned for, and that are not known to be written.

    Attributes:
        records: the records.
        outcome: of the thread that writes them; None when that has failed.
    """

    records: SinkBatch
    outcome: Future[Failures] | None


class JdbcSinkTask(SinkTask[JdbcSinkConfig]):
    """One connection, one transaction for each ``put``.

    Attributes:
        many: so many records are written while the next ones are read and made ready.
        retries_key: the setting that says how often writing is tried again.
    """

    many: ClassVar[int] = 500
    retries_key: ClassVar[str] = "max.retries"

    java_class = "io.confluent.connect.jdbc.sink.JdbcSinkTask"
    takes_large_batches = True

    _client: Client | None = None
    _in_flight: _InFlight | None = None
    _offsets: OffsetsTable | None = None

    @property
    def reads_committed(self) -> bool:
        """With ``x.exactly.once``: what a transaction has undone, and does again, is not to be written twice."""
        return self.config.x_exactly_once

    def start(self) -> None:
        """Make everything ready; the connection is opened when the first records come.

        Raises:
            ConfigError: the URL, the dialect or a driver property will not do.
        """
        config = self.config
        self._thread = ThreadPoolExecutor(1, "jdbc-sink")
        dialect = dialect_of(settings_of(config, date_zone_of(config)), config.dialect_name)
        mode = config.insert_mode.lower()
        if mode == "upsert" and not dialect.has_upsert:
            raise ConfigError.invalid("insert.mode", config.insert_mode, f"{dialect.title} has no statement for it")
        rules = self.column_rules()
        planner = Planner(
            dialect,
            self.tables(dialect),
            rules,
            mode,
            replaces_null=config.replace_null_with_default,
            in_bulk=self.in_bulk,
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
        if config.x_exactly_once:
            self._offsets = OffsetsTable(dialect, config.x_offsets_table, self.context.connector)
        self._told: set[tuple[TopicPartition, int]] = set()
        self._writer = Writer(
            dialect,
            planner,
            self.table_names(dialect),
            config.batch_size,
            self.grouped,
            with_coordinates=rules.key_mode == "kafka",
            trim=config.trim_sensitive_log,
            seal=self._seal if config.x_exactly_once else None,
        )

    # -- what connectors of other vendors do in their own way ----------------------------------------------------------

    in_bulk: bool = True
    """Whether many rows may go another way than the statement's, where only the last row of a key is written."""

    def column_rules(self) -> ColumnRules:
        """Which columns records become."""
        return column_rules(self.config)

    def tables(self, dialect: Dialect) -> Tables:
        """The tables, and how they are made."""
        return Tables(dialect, table_rules(self.config))

    def table_names(self, dialect: Dialect) -> TableNames:
        """The tables for topics."""
        return TableNames(dialect, self.config.table_name_format)

    def grouped(self, records: SinkBatch, table_of: Callable[[str], TableId], *, with_coordinates: bool) -> list[Group]:
        """The records by table and schemas, as of :func:`~linkspan_connectors.jdbc.groups.grouped`."""
        return grouped(records, table_of, with_coordinates=with_coordinates)

    def stop(self) -> None:
        """Close the connection."""
        if self._client is None:
            return
        if self._in_flight is not None and self._in_flight.outcome is not None:
            # nobody waits for it any more: what it writes is undone, or comes again
            self._client.interrupt()
            if wait([self._in_flight.outcome], _PATIENCE).not_done:
                self._client.abort()
        self._thread.shutdown()
        self._client.close()

    def put(self, records: SinkBatch) -> None:
        """Write the records and commit them; of many, begin to."""
        if not len(records):
            self._settle()
            return
        work = self._writer.prepare(None, records)
        self._settle()
        if len(records) >= self.many and self._offsets is None:
            self._in_flight = _InFlight(records, self._begun(records, work))
            self.context.timeout(_SOON)
            return
        failures = self._written(records, work)
        if failures and not self._tells:
            raise refused(records, failures)

    def open(self, partitions: Sequence[TopicPartition]) -> None:
        """These are taken over as soon as it is asked where they go on."""
        if self._offsets is not None:
            self._offsets.forget(partitions)

    def stored_offsets(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int | None] | None:
        """Where to go on, by the table of offsets; None without one. Takes partitions over that are new."""
        offsets = self._offsets
        return None if offsets is None else self._of_offsets(lambda connection: offsets.look(connection, partitions))

    def flush(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Wait for what is in flight; with exactly once, move offsets past what there was nothing to write of."""
        table = self._offsets
        if table is not None:
            self._of_offsets(lambda connection: table.advance(connection, offsets))
            return
        try:
            self._settle()
        except ConnectError:
            # they come again
            self._forget(offsets)
            raise

    def close(self, partitions: Sequence[TopicPartition]) -> None:
        """What is in flight ends; what is left of these partitions belongs to somebody else."""
        if self._offsets is not None:
            self._offsets.forget(partitions)
        if self._in_flight is None:
            return
        try:
            if self._in_flight.outcome is not None:
                self._settle()
        except ConnectError as error:
            _log.warning("Records of partitions that are given away were not written, and come again there: %s", error)
        self._forget(partitions)

    def _written(self, records: SinkBatch, work: Work | None = None) -> Failures:
        """Write records and commit them."""
        failures = self._attempt(lambda: self._writer.write(*self._ready(records, work), tolerant=self._tolerates))
        self._left = self._retries
        self._told.clear()
        return failures

    # -- what is in flight -------------------------------------------------------------------------------------------

    def _begun(self, records: SinkBatch, work: Work | None) -> Future[Failures]:
        """Have another thread write records; nothing else uses the connection until it is through."""
        connection, ready = self._attempt(lambda: self._ready(records, work))
        return self._thread.submit(self._writer.write, connection, ready, tolerant=self._tolerates)

    def _settle(self) -> None:
        """See what has become of the records in flight, if there are any; those that are not written are kept.

        Raises:
            RetriableError: they are not written yet; the next call tries it again.
            ConnectError: the task cannot go on.
        """
        flight = self._in_flight
        if flight is None:
            return
        if flight.outcome is None:
            flight.outcome = self._begun(flight.records, None)
        outcome, flight.outcome = flight.outcome, None
        failures = self._attempt(outcome.result)
        self._left = self._retries
        if failures:
            # while this raises they stay in flight: the runtime asks once more before the task ends
            self._report(flight.records, failures)
        self._in_flight = None

    def _forget(self, partitions: Collection[TopicPartition]) -> None:
        """Give up records of some partitions that are in flight, and not written."""
        if self._in_flight is not None:
            records = [
                record
                for record in self._in_flight.records
                if TopicPartition(record.original_topic, record.original_partition) not in partitions
            ]
            self._in_flight = _InFlight(SinkRecords(records), None) if records else None

    def _report(self, records: SinkBatch, failures: Failures) -> None:
        error = refused(records, failures)
        if not self._tolerates:
            raise ConnectError(error.message) from error
        reporter = self.context.errant_record_reporter
        if reporter is None:
            _log.warning("Passed over, since errors.tolerance=all: %s", error)
            return
        for place, failure in error.failures.items():
            reporter.report(records[place], failure)

    # -- exactly once ------------------------------------------------------------------------------------------------

    def _of_offsets(self, call: Callable[[DriverConnection], T]) -> T:
        """Talk to the database about offsets; whatever passes is tried again by the runtime, however often."""
        assert self._client is not None
        try:
            return call(self._client.connection())
        except ConnectError:
            self._give_up_connection()
            raise

    def _seal(self, connection: DriverConnection, records: SinkBatch, failures: Failures) -> None:
        """Move offsets in the transaction of the rows, when nothing is lost by that.

        Raises:
            FencedError: somebody else has taken a partition over.
            RetriableError: letters about refused records cannot be written yet.
            ConnectError: as :meth:`OffsetsTable.move`.
        """
        assert self._offsets is not None
        self._set_aside(records, failures)
        firsts = records.first_offsets
        spans = {place: Span(firsts[place], following) for place, following in records.next_offsets.items()}
        self._offsets.move(connection, spans)

    def _set_aside(self, records: SinkBatch, failures: Failures) -> None:
        """Have letters written before the commit behind which no record comes again."""
        reporter = self.context.errant_record_reporter
        if reporter is None:
            return
        reports = []
        for at, error in sorted(failures.items()):
            record = records[at]
            place = (TopicPartition(record.original_topic, record.original_partition), record.original_offset)
            if place not in self._told:
                reports.append((place, reporter.report(record, _named(record, error))))
        for place, report in reports:
            if not report.wait():
                raise RetriableError(f"The letter about {place[0]}@{place[1]} is not in the dead letter queue yet")
            self._told.add(place)

    @property
    def _tells(self) -> bool:
        """Whether the runtime hears of refused records within ``put``."""
        return self._offsets is not None and self._tolerates and self.context.errant_record_reporter is not None

    # -- what goes wrong ---------------------------------------------------------------------------------------------

    def _ready(self, records: SinkBatch, work: Work | None) -> tuple[DriverConnection, Work]:
        """The connection, and records that are ready for it."""
        assert self._client is not None
        try:
            connection = self._client.connection()
        except OutageError as error:
            raise _UnconnectedError(error) from error
        self._refusals = 0
        if self._opened != self._client.opened:
            self._opened = self._client.opened
            self._writer.forget()
            work = None
        ready = work or self._writer.prepare(connection, records)
        assert ready is not None
        return connection, ready

    def _attempt(self, call: Callable[[], T]) -> T:
        """Talk to the database.

        Raises:
            RetriableError: it may work the next time.
            ConnectError: it will not.
        """
        assert self._client is not None
        try:
            return call()
        except _UnconnectedError as error:
            self._unreachable(error.reason)
        except RetriableError as error:
            self._give_up_connection()
            self._again(error)
        except ConnectError:
            self._give_up_connection()
            raise

    def _give_up_connection(self) -> None:
        assert self._client is not None
        self._client.reset()
        if self._offsets is not None:
            self._offsets.doubt()

    def _unreachable(self, error: OutageError) -> NoReturn:
        """As many attempts to connect as are configured count as one that has failed."""
        self._refusals += 1
        if self._refusals % self._attempts:
            raise ThrottledError(error.message, self._backoff) from error
        self._again(error)

    def _again(self, error: RetriableError) -> NoReturn:
        """Have the same records come again after a pause, unless that was done too often (``max.retries``)."""
        if not self._left:
            raise ConnectError(f"Given up after {self._retries} retries ({self.retries_key}): {error}") from error
        self._left -= 1
        pause = self.config.retry_backoff_ms
        if isinstance(error, OutageError):
            raise ThrottledError(error.message, pause / 1000) from error
        self.context.timeout(pause)
        raise RetriableError(error.message) from error


class _UnconnectedError(Exception):
    """There is no connection."""

    def __init__(self, reason: OutageError) -> None:
        super().__init__(reason.message)
        self.reason = reason


def refused(records: SinkBatch, failures: Failures) -> BatchError:
    """The error that names the records, and where each lies."""
    named = {place: _named(records[place], failures[place]) for place in sorted(failures)}
    first = next(iter(named.values()))
    more = f", and {len(named) - 1} others" if len(named) > 1 else ""
    return BatchError(f"{first}{more}", named)


def _named(record: SinkRecord, error: DataError) -> DataError:
    """The same, with where the record lies."""
    place = f"{record.original_topic}-{record.original_partition}@{record.original_offset}"
    named = DataError(f"{error.message} (record {place}, key {record.key!r})")
    named.__cause__ = error.__cause__
    return named
