"""How far the sink got, in a table of the same database (spec/jdbc.md 18.1).

A row holds, for one partition of one connector, the next offset to read and an epoch. Who takes a partition over raises
the epoch. Who moves the offset names the epoch that he knows, and the offset of the first record that he writes now. An
UPDATE that meets no row says that somebody else has taken over, or that these records are written already, and its
transaction is rolled back. So it is the database that decides, whatever a task believes that was asleep.

What a SIGKILL between any two steps does:

====  ==============================================  ==============================================================
Step  What happened                                   A kill right after it
====  ==============================================  ==============================================================
1     the table was created                           it stays, and is found
2     the epoch was raised and committed              whoever comes next raises it again; nobody else can write
3     rows were sent                                  they are rolled back, and the records come again
4     the offset was moved, in the same transaction   as 3
5     the commit was asked for, not answered          as 3, or as 6: the table says which, see below
6     the commit was answered                         reading goes on behind the records
====  ==============================================  ==============================================================

The database may still be at the commit of 5 when the offset is asked for again, by whoever took over or by the same
task on a new connection. It holds the row until then. So the row is written to, which waits for that, and then read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from linkspan.api import (
    ConfigError,
    ConnectError,
    CredentialsError,
    DataError,
    FencedError,
    RetriableError,
    TopicPartition,
    Type,
    schema,
)
from linkspan_connectors.jdbc.dialects.dialect import ColumnField, Dialect
from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.tables import TableDefinition

__all__ = ["OffsetsTable", "Span"]

_log = logging.getLogger(__name__)

T = TypeVar("T")

_FIELDS: Final = (
    ColumnField("connector", schema.STRING, is_key=True),
    ColumnField("topic", schema.STRING, is_key=True),
    ColumnField("partition", schema.INT32, is_key=True),
    ColumnField("next_offset", schema.OPTIONAL_INT64),
    ColumnField("epoch", schema.INT64),
)
_RIGHTS: Final = "SELECT, INSERT and UPDATE"


class Span(NamedTuple):
    """Records of one partition that are written together.

    Attributes:
        first: offset of the first one; nothing from it on may be written already.
        following: offset after the last one.
    """

    first: int
    following: int


class _Row(NamedTuple):
    following: int | None
    epoch: int


class OffsetsTable:
    """The rows of one connector in the table.

    Args:
        dialect: of the database.
        name: of the table, as it is configured.
        connector: whose rows.

    Raises:
        ConfigError: the name is none.
    """

    def __init__(self, dialect: Dialect, name: str, connector: str) -> None:
        self._dialect = dialect
        self._name = name.strip()
        self._connector = connector
        self._epochs: dict[TopicPartition, int] = {}
        self._doubtful: set[TopicPartition] = set()
        """Partitions whose offsets a connection that was lost may still move."""
        self._is_there = False
        self._set_table(dialect.table_id(self._name))

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """These partitions are somebody else's, or taken over anew."""
        for place in partitions:
            self._epochs.pop(place, None)
            self._doubtful.discard(place)

    def doubt(self) -> None:
        """The connection was lost, and what it was at may still be committed."""
        self._doubtful.update(self._epochs)

    def look(
        self, connection: DriverConnection, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int | None]:
        """Where to go on; partitions that are new to this task are taken over, and nobody else can move them then.

        Args:
            connection: without changes in its transaction; without a transaction afterwards.
            partitions: whose offsets are wanted.

        Returns:
            the next offset to read, for each; None where none is stored.

        Raises:
            FencedError: somebody else has taken one over.
            CredentialsError: a right is missing; says which.
            ConnectError: of :meth:`Dialect.failure`.
        """
        self._make_sure(connection)
        rows = self._rows(connection)
        epochs: dict[TopicPartition, int] = {}
        for place in sorted(partitions):
            if place not in self._epochs:
                epochs[place] = self._claimed(connection, place, rows.get(place))
            elif place in self._doubtful:
                self._changed(connection, self._await_text, [self._connector, *place])
                epochs[place] = self._epochs[place]
        self._commit(connection)
        self._epochs.update(epochs)
        self._doubtful.difference_update(epochs)
        if epochs:
            rows = self._rows(connection)
            self._back(connection)
        for place in partitions:
            if place not in rows or rows[place].epoch != self._epochs[place]:
                raise self._fenced(place)
        return {place: rows[place].following for place in partitions}

    def move(self, connection: DriverConnection, spans: Mapping[TopicPartition, Span]) -> None:
        """Move offsets within the transaction of the connection, which the caller commits when this returns.

        Raises:
            FencedError: somebody else has taken a partition over; the transaction is rolled back.
            ConfigError: records came that the table says are written: the topic is another one now. As above.
            ConnectError: of :meth:`Dialect.failure`, but no DataError.
        """
        for place, span in sorted(spans.items()):
            epoch = self._epochs.get(place)
            if epoch is None:
                raise self._fenced(place)
            parameters = [span.following, self._connector, *place, epoch, span.first]
            try:
                is_moved = self._changed(connection, self._move_text, parameters)
            except DataError as error:
                # no record is at fault
                raise ConnectError(error.message) from error
            if not is_moved:
                self._back(connection)
                raise self._why_not(connection, place, span)

    def advance(self, connection: DriverConnection, offsets: Mapping[TopicPartition, int]) -> None:
        """Move offsets on where there was nothing to write, in a transaction of its own.

        Raises:
            FencedError: somebody else has taken a partition over.
            ConnectError: of :meth:`Dialect.failure`.
        """
        stored = self.look(connection, [*offsets])
        spans: dict[TopicPartition, Span] = {}
        for place, offset in offsets.items():
            following = stored[place]
            if following is None or following < offset:
                spans[place] = Span(offset if following is None else following, offset)
        if spans:
            self.move(connection, spans)
            self._commit(connection)

    # -- without a task ----------------------------------------------------------------------------------------------

    def stored(self, connection: DriverConnection) -> dict[TopicPartition, int]:
        """Every offset that is stored; none when there is no table.

        Raises:
            ConnectError: of :meth:`Dialect.failure`.
        """
        if self._found(connection) is None:
            return {}
        rows = self._rows(connection)
        self._back(connection)
        return {place: row.following for place, row in rows.items() if row.following is not None}

    def alter(self, connection: DriverConnection, offsets: Mapping[TopicPartition, int | None]) -> None:
        """Set offsets in one transaction, None for none; whoever had a partition has lost it.

        Rows stay where an offset is taken away: their epochs must not begin anew.

        Raises:
            CredentialsError: a right is missing.
            ConnectError: of :meth:`Dialect.failure`.
        """
        self._make_sure(connection)
        rows = self._rows(connection)
        for place, offset in sorted(offsets.items()):
            if place in rows:
                self._changed(connection, self._set_text, [offset, self._connector, *place])
            else:
                self._changed(connection, self._insert_text, [self._connector, *place, offset, 1])
        self._commit(connection)

    # -- the table ---------------------------------------------------------------------------------------------------

    def _set_table(self, table: TableId) -> None:
        self._table = table
        name = self._dialect.quotes.table(table)
        # always in quotes: some of the names are keywords somewhere
        columns = [self._dialect.quotes.quoted(field.name) for field in _FIELDS]
        connector, topic, partition, following, epoch = columns
        where = f"WHERE {connector}=? AND {topic}=? AND {partition}=?"
        self._rows_text = f"SELECT {topic},{partition},{following},{epoch} FROM {name} WHERE {connector}=?"
        self._insert_text = f"INSERT INTO {name}({','.join(columns)}) VALUES(?,?,?,?,?)"
        self._await_text = f"UPDATE {name} SET {epoch}={epoch} {where}"
        self._claim_text = f"UPDATE {name} SET {epoch}={epoch}+1 {where} AND {epoch}=?"
        self._set_text = f"UPDATE {name} SET {following}=?,{epoch}={epoch}+1 {where}"
        self._move_text = (
            f"UPDATE {name} SET {following}=? {where} AND {epoch}=? AND ({following} IS NULL OR {following}<=?)"
        )

    @property
    def _create_text(self) -> str:
        dialect = self._dialect
        lines = []
        for field in _FIELDS:
            exact = dialect.exact_texts if field.schema.type is Type.STRING else ""
            null = "NULL" if field.schema.optional else "NOT NULL"
            lines.append(f"{dialect.quotes.quoted(field.name)} {dialect.column_type(field)}{exact} {null}")
        keys = ",".join(dialect.quotes.quoted(field.name) for field in _FIELDS if field.is_key)
        lines.append(f"PRIMARY KEY({keys})")
        return f"CREATE TABLE {dialect.quotes.table(self._table)} ({', '.join(lines)}){dialect.transactional_table}"

    def _make_sure(self, connection: DriverConnection) -> None:
        """Find the table, or make it."""
        if self._is_there:
            return
        definition = self._found(connection)
        refusal: ConnectError | None = None
        if definition is None:
            refusal = self._create(connection)
            definition = self._found(connection)
        if definition is None:
            raise CredentialsError(
                f"The table of offsets {self._table} (x.offsets.table) is missing, and "
                + ("cannot be seen after it was made" if refusal is None else f"cannot be made: {refusal.message}")
                + f". Have it made: {self._create_text}; and grant {_RIGHTS} on it to the connector's user"
            ) from refusal
        missing = [field.name for field in _FIELDS if field.name not in definition.columns]
        if missing:
            reason = f"{self._table} has no column {', '.join(missing)}; it has to be as by {self._create_text}"
            raise ConfigError.invalid("x.offsets.table", self._name, reason)
        self._is_there = True

    def _found(self, connection: DriverConnection) -> TableDefinition | None:
        def find() -> TableDefinition | None:
            # the connection may be another one, with another current schema
            named = self._dialect.table_id(self._name)
            catalog, outer = self._dialect.current_namespace(connection)
            self._set_table(TableId(named.catalog or catalog, named.schema or outer, named.name))
            definition = self._dialect.definition(connection, self._table)
            if definition is not None and not self._dialect.can_undo(connection, definition.table):
                reason = f"changes of {definition.table} are no part of transactions in its engine"
                raise ConfigError.invalid("x.offsets.table", self._name, reason)
            connection.rollback()
            return definition

        return self._try(find, "Looking up")

    def _create(self, connection: DriverConnection) -> ConnectError | None:
        """Why the table could not be made, else None; somebody else may have made it at the same time."""
        _log.info("Table %s (x.offsets.table) is made", self._table)

        def create() -> None:
            self._dialect.run(connection, self._create_text)
            connection.commit()

        try:
            self._try(create, "Creating")
        except RetriableError:
            raise
        except ConnectError as error:
            self._back(connection)
            return error
        return None

    # -- its rows ----------------------------------------------------------------------------------------------------

    def _rows(self, connection: DriverConnection) -> dict[TopicPartition, _Row]:
        found = self._try(lambda: self._dialect.ask(connection, self._rows_text, [self._connector]), "Reading")
        return {
            TopicPartition(topic, int(partition)): _Row(None if following is None else int(following), int(epoch))
            for topic, partition, following, epoch in found
        }

    def _claimed(self, connection: DriverConnection, place: TopicPartition, row: _Row | None) -> int:
        """Take a partition over; the epoch from now on."""
        if row is None:
            try:
                self._changed(connection, self._insert_text, [self._connector, *place, None, 1])
            except DataError as error:
                self._back(connection)
                raise RetriableError(f"{place} is taken over by somebody else at this moment: {error}") from error
            return 1
        if not self._changed(connection, self._claim_text, [self._connector, *place, row.epoch]):
            self._back(connection)
            raise RetriableError(f"{place} was taken over by somebody else at this moment, says {self._table}")
        return row.epoch + 1

    def _why_not(self, connection: DriverConnection, place: TopicPartition, span: Span) -> ConnectError:
        """Why a row was not met, for a connection without a transaction."""
        row = self._rows(connection).get(place)
        self._back(connection)
        if row is None or row.epoch != self._epochs[place] or row.following is None:
            return self._fenced(place)
        return ConfigError(
            f"Records of {place} come from offset {span.first} on, and table {self._table} (x.offsets.table) says that "
            f"all before {row.following} are written. If topic {place.topic} was deleted and made anew, stop connector "
            f"{self._connector} and reset its offsets (DELETE /connectors/{self._connector}/offsets)"
        )

    def _fenced(self, place: TopicPartition) -> FencedError:
        return FencedError(
            f"Another task writes {place} by now, or its row is gone, says table {self._table} (x.offsets.table) for "
            f"connector {self._connector}. Two groups of workers with connectors of one name need a table each"
        )

    # -- talking to the database -------------------------------------------------------------------------------------

    def _changed(self, connection: DriverConnection, text: str, parameters: Sequence[object]) -> bool:
        count = self._try(lambda: self._dialect.run(connection, text, parameters), "Writing to")
        if count < 0:
            raise ConnectError(f"The driver of {self._dialect.title} does not say how many rows a statement changes")
        return count > 0

    def _commit(self, connection: DriverConnection) -> None:
        self._try(connection.commit, "Committing changes of")

    def _back(self, connection: DriverConnection) -> None:
        self._try(connection.rollback, "Rolling back changes of")

    def _try(self, call: Callable[[], T], what: str) -> T:
        try:
            with self._dialect.attempt(f"{what} the table of offsets {self._table} (x.offsets.table)"):
                return call()
        except CredentialsError as error:
            raise CredentialsError(f"{error.message}; the connector's user needs {_RIGHTS} on it") from error
