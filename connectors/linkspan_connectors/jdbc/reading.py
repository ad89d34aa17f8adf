"""One table, or the query: its statement, its rows in batches, and how far reading got (spec/jdbc.md 6)."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from linkspan.api import ConfigError, ConnectError, DataError, Partition, SourceBatch
from linkspan_connectors.jdbc.columns import ColumnRules, Rows, columns_of
from linkspan_connectors.jdbc.dialects.dialect import Dialect
from linkspan_connectors.jdbc.drivers import DriverConnection
from linkspan_connectors.jdbc.gaps import Horizon
from linkspan_connectors.jdbc.offsets import Position, Positions
from linkspan_connectors.jdbc.queries import Mode, Parameter, Tracking, statement
from linkspan_connectors.jdbc.record_keys import KeyColumns, RecordKeys
from linkspan_connectors.jdbc.results import ResultColumn, Row, Selection

__all__ = ["Batch", "Bounds", "Reading", "ReadingRules", "current_time"]

_LEAST: Final = -(1 << 63)
_MOST: Final = (1 << 63) - 1
_COMPAT_ID: Final = -1
_COMPAT_TIME: Final = 0


@dataclass(frozen=True)
class ReadingRules:
    """What is the same for all tables of a task.

    Attributes:
        mode: how rows are found.
        columns: what columns become.
        batch_rows: of one batch, at most.
        suffix: put behind every statement.
        delay: nanoseconds that a row has to be old.
        bounded: whether a first read leaves out ids of -1 and less, and times up to 1970 (``compat.initial.bounds``).
    """

    mode: Mode
    columns: ColumnRules
    batch_rows: int = 1000
    suffix: str = ""
    delay: int = 0
    bounded: bool = False

    @property
    def ahead(self) -> int:
        """Rows that have to be known behind the last one of a batch: its offset depends on the next."""
        return 1 if self.mode is Mode.TIMESTAMP else 0


class Bounds(NamedTuple):
    """Up to where a chunk is read.

    Attributes:
        last: id.
        moment: nanoseconds since the epoch; None for all times.
    """

    last: int
    moment: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one table that were read and are to become records."""

    topic: str
    partition: Partition
    rows: Sequence[Row]
    made_by: Rows
    position: Callable[[int], Position] | None
    where: Callable[[int], str]
    keys: RecordKeys | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def records(self) -> SourceBatch:
        """The records."""
        count = len(self.rows)
        values, keys = self.made_by.records(self.rows, self.where), self.keys
        return SourceBatch(
            self.partition,
            [None] * count if self.position is None else Positions(count, self.position),
            self.topic,
            values,
            self.made_by.schema,
            keys=None if keys is None else keys.of(values),
            key_schema=None if keys is None else keys.schema,
            is_current=True,
        )


class Reading:
    """A table, or the query, that is read again and again.

    A kill of the process at any point loses nothing: how far reading got stands here only, and in the log as far as
    the records before are there.

    Args:
        title: for messages: ``table shop.orders``.
        source: ``SELECT * FROM`` the table, or the query.
        topic: of its records.
        schema_name: of its records; None for none.
        partition: of its offsets.
        position: where to go on.
        timestamps: names of the timestamp columns.
        identity: name of the incrementing column.
        tracking: both as they stand in statements.
        rules: of the task.
        dialect: of the database.
        keys: of the records; None for records without.
        horizon: up to which id rows may be read; None for all.
        bounds: of a chunk, which is read once; None for what is read again and again.
    """

    def __init__(
        self,
        *,
        title: str,
        source: str,
        topic: str,
        schema_name: str | None,
        partition: Partition,
        position: Position,
        timestamps: Sequence[str],
        identity: str | None,
        tracking: Tracking,
        rules: ReadingRules,
        dialect: Dialect,
        keys: KeyColumns | None = None,
        horizon: Horizon | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self.title = title
        self.failures = 0
        self._source = source
        self._topic = topic
        self._schema_name = schema_name
        self._partition = partition
        self._position = position
        self._timestamps = timestamps
        self._identity = identity
        self._tracking = tracking
        self._rules = rules
        self._dialect = dialect
        self._key_columns = keys
        self._horizon = horizon
        self._bounds = bounds
        self._keys: RecordKeys | None = None
        self._selection: Selection | None = None
        self._columns: tuple[ResultColumn, ...] | None = None
        self._made_by: Rows | None = None
        self._track: _Track | None = None
        self._is_exact = True
        self._seen: frozenset[int] = frozenset()
        """Where times are cut: ids that were read of the last one, which is asked for again."""
        self._held: Sequence[Row] = ()
        """Read one row ahead where the offset of a row depends on the next."""

    @property
    def is_open(self) -> bool:
        """Whether a result set is being read."""
        return self._selection is not None

    @property
    def may_pause(self) -> bool:
        """Whether a new result set would begin right behind the last row that was taken."""
        return self._rules.mode is not Mode.BULK and self._is_exact

    def rest(self, interval: float) -> float:
        """Seconds until there is something to do again."""
        return interval

    def open(self, connection: DriverConnection) -> None:
        """Run the statement; none is run, and nothing is open, while transactions may still add rows before others.

        Raises:
            Exception: of the driver.
            ConnectError: its columns cannot be read.
        """
        rules, position = self._rules, self._position
        if rules.bounded:
            position = Position(
                _COMPAT_TIME if position.timestamp is None else position.timestamp,
                _COMPAT_ID if position.incrementing is None else position.incrementing,
            )
        last = None if self._bounds is None else self._bounds.last
        if self._horizon is not None:
            last = self._horizon.reached(connection, position.incrementing)
            if last is None:
                return
        asked = statement(
            self._source,
            rules.mode,
            self._tracking,
            has_begin=position.timestamp is not None,
            has_id=position.incrementing is not None,
            suffix=rules.suffix,
        )
        bound: dict[Parameter, Any] = {Parameter.ID: position.incrementing, Parameter.LAST: last}
        if self._bounds is not None and self._bounds.moment is not None:
            bound[Parameter.END] = self._dialect.bind_timestamp(self._bounds.moment)
        if rules.mode.uses_timestamp:
            end = current_time(self._dialect, connection, rules.columns) - rules.delay
            bound[Parameter.END] = self._dialect.bind_timestamp(end)
            if position.timestamp is not None:
                bound[Parameter.BEGIN] = self._dialect.bind_timestamp(position.timestamp)
        parameters = [bound[parameter] for parameter in asked.parameters]
        fetched = rules.batch_rows + rules.ahead
        selection = self._dialect.select(connection, asked.text, parameters, batch_rows=fetched)
        try:
            self._understand(selection.columns)
        except ConnectError:
            selection.close()
            raise
        self._selection, self._held = selection, ()

    def _understand(self, columns: tuple[ResultColumn, ...]) -> None:
        if columns == self._columns and self._made_by is not None:
            return
        try:
            self._made_by = columns_of(columns, self._schema_name, self._rules.columns)
            self._track = _Track.of(self._rules, columns, self._timestamps, self._identity)
            if self._key_columns is not None:
                self._keys = self._key_columns.found_in(self._made_by.schema)
            self._object_to([columns[index] for index, _ in self._track.moments])
        except ConnectError as error:
            raise type(error)(f"{self.title}: {error.message}") from error
        self._columns = columns

    def _object_to(self, moments: Sequence[ResultColumn]) -> None:
        """Raises ConfigError when the database cannot follow rows by one of these columns."""
        for column in moments:
            objection = self._dialect.objection_to_timestamp(column)
            if objection is not None:
                raise ConfigError(f"column {column.label} cannot be a timestamp column: {objection}")

    def next(self) -> Batch | None:
        """The next rows; None at the end, when the result set is closed.

        Raises:
            Exception: of the driver.
            ConnectError: a row does not say where reading goes on.
        """
        selection = self._selection
        assert selection is not None
        most = self._rules.batch_rows
        fetched, has_ended = self._unread(selection, most + self._rules.ahead - len(self._held))
        track = self._track
        assert track is not None
        assert self._made_by is not None
        rows = [*self._held, *fetched] if self._held else fetched
        following = rows[most] if len(rows) > most else None
        self._held = rows[most:]
        rows = rows[:most] if len(rows) > most else rows
        if has_ended and following is None:
            self.close()
        if not rows:
            return None
        before = self._position
        try:
            position = track.positions(rows, following, before)
            if position is not None:
                position = _of_the_snapshot_of(before, position)
                self._position = position(len(rows) - 1)
                self._is_exact = track.is_exact(rows[-1], following)
                if self._dialect.times_are_cut and self._rules.mode is Mode.BOTH:
                    self._seen = track.ids_of_last(rows, before, self._seen)
        except ConnectError as error:
            raise type(error)(f"{self.title}: {error.message}") from error
        return Batch(self._topic, self._partition, rows, self._made_by, position, self._where(rows), self._keys)

    def _unread(self, selection: Selection, count: int) -> tuple[Sequence[Row], bool]:
        """So many of the next rows, fewer only at the end, and whether that was it.

        Where times are cut, rows at the front were read before. Others are fetched in their place: a batch that is
        short without being the last would be taken for the end, behind which no row of its last time is expected.
        """
        rows = selection.fetch(count)
        has_ended = len(rows) < count
        self._understand(selection.columns)
        if not self._dialect.times_are_cut or not self._rules.mode.uses_timestamp:
            return rows, has_ended
        track = self._track
        assert track is not None
        unread = track.unseen(rows, self._position, self._seen)
        while len(unread) < count and not has_ended:
            wanted = count - len(unread)
            rows = selection.fetch(wanted)
            has_ended = len(rows) < wanted
            self._understand(selection.columns)
            unread = track.unseen([*unread, *rows], self._position, self._seen)
        return unread, has_ended

    def _where(self, rows: Sequence[Row]) -> Callable[[int], str]:
        """Says which row of the database one is: by its id, else by its columns that are short and whole."""
        columns = self._columns or ()

        def where(at: int) -> str:
            values = [(column.label, value) for column, value in zip(columns, rows[at], strict=True)]
            named = [pair for pair in values if pair[0] == self._identity] or values[:1]
            return f"{self.title}, row with " + ", ".join(f"{label}={value!r:.60}" for label, value in named)

        return where

    def close(self) -> None:
        """Give up what is being read; the next :meth:`open` goes on behind the rows that were taken."""
        if self._selection is not None:
            self._selection.close()
            self._selection, self._held = None, ()


def _of_the_snapshot_of(before: Position, position: Callable[[int], Position]) -> Callable[[int], Position]:
    if before.snapshot_id is None and before.snapshot_time is None:
        return position
    return lambda at: before.of_the_same_snapshot(position(at))


def current_time(dialect: Dialect, connection: DriverConnection, rules: ColumnRules) -> int:
    """The database's time in nanoseconds since the epoch.

    Raises:
        Exception: of the driver.
        ConnectError: it is no time.
    """
    selection = dialect.select(connection, dialect.current_time_query, batch_rows=1)
    try:
        (row,) = selection.fetch(1)
        load = selection.columns[0].load
    finally:
        selection.close()
    value = row[0] if load is None else load(row[0])
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value)
    return rules.times.nanos(value)


@dataclass(frozen=True)
class _Track:
    """Where the tracking columns stand in a row.

    Attributes:
        mode: how rows are found.
        rules: what columns become.
        moments: indices of the timestamp columns, with what loads their values.
        identity: index of the incrementing column, with what loads its values.
        name: of the incrementing column.
        timestamps: names of the timestamp columns.
    """

    mode: Mode
    rules: ColumnRules
    moments: tuple[tuple[int, Callable[[Any], Any] | None], ...]
    identity: tuple[int, Callable[[Any], Any] | None] | None
    name: str | None
    timestamps: Sequence[str] = ()

    @classmethod
    def of(
        cls, rules: ReadingRules, columns: Sequence[ResultColumn], timestamps: Sequence[str], identity: str | None
    ) -> _Track:
        """Look the columns up.

        Raises:
            ConfigError: one is not there.
            DataError: a name fits several.
        """
        labels = [column.label for column in columns]
        moments = [_found(labels, name) for name in timestamps] if rules.mode.uses_timestamp else []
        at = None
        if rules.mode.uses_id and identity is not None:
            if identity not in labels:
                raise ConfigError(
                    f"the incrementing column {identity} is not among the columns {', '.join(labels)}; its case counts"
                )
            index = labels.index(identity)
            at = (index, columns[index].load)
        return cls(rules.mode, rules.columns, tuple((i, columns[i].load) for i in moments), at, identity, timestamps)

    def positions(
        self, rows: Sequence[Row], following: Row | None, before: Position
    ) -> Callable[[int], Position] | None:
        """The position after each row, worked out when it is asked for; None when the mode has none.

        Args:
            rows: of one batch.
            following: the row behind them; None at the end of the result set.
            before: the position before them.

        Raises:
            ConfigError: an id is none.
        """
        if self.mode is Mode.BULK:
            return None
        if self.mode is Mode.TIMESTAMP:
            return self._complete(rows, following, before)
        self._check_ids(rows)
        if self.mode is Mode.INCREMENTING:
            return lambda at: Position(None, self._id(rows[at]))
        return lambda at: Position(self._nanos(self._moment(rows[at])), self._id(rows[at]))

    def unseen(self, rows: Sequence[Row], begin: Position, seen: Collection[int]) -> Sequence[Row]:
        """Without rows at the front that were read: their times are later than what is known of them.

        Args:
            rows: next in their order.
            begin: behind which rows were asked for.
            seen: ids that were read of its time.
        """
        if begin.timestamp is None:
            return rows
        for at, row in enumerate(rows):
            if self._nanos(self._moment(row)) > begin.timestamp:
                return [each for each in rows[:at] if not self._is_seen(each, seen)] + list(rows[at:])
        return [each for each in rows if not self._is_seen(each, seen)]

    def _is_seen(self, row: Row, seen: Collection[int]) -> bool:
        return self.mode is Mode.TIMESTAMP or self._id(row) in seen

    def ids_of_last(self, rows: Sequence[Row], before: Position, seen: frozenset[int]) -> frozenset[int]:
        """Ids of all rows that were read of the last one's time."""
        last = self._moment(rows[-1])
        found = {self._id(row) for row in rows if self._moment(row) == last}
        return frozenset(found | seen) if before.timestamp == self._nanos(last) else frozenset(found)

    def is_exact(self, last: Row, following: Row | None) -> bool:
        """Whether the position after this row tells it from the one that follows."""
        return self.mode is not Mode.TIMESTAMP or following is None or self._moment(last) != self._moment(following)

    def _complete(self, rows: Sequence[Row], following: Row | None, before: Position) -> Callable[[int], Position]:
        """Times of which all rows were read: a row has its own only where the next one is later, or there is none."""
        last = len(rows) - 1
        known: list[Position] = []

        def position(at: int) -> Position:
            if at == last and not known:
                return back(at)
            if not known:
                reached = before
                for index in range(last + 1):
                    if is_complete(index):
                        reached = Position(self._nanos(self._moment(rows[index])))
                    known.append(reached)
            return known[at]

        def is_complete(at: int) -> bool:
            after = rows[at + 1] if at < last else following
            return after is None or self._moment(after) != self._moment(rows[at])

        def back(at: int) -> Position:
            while at >= 0:
                if is_complete(at):
                    return Position(self._nanos(self._moment(rows[at])))
                at -= 1
            return before

        return position

    def _moment(self, row: Row) -> Any:  # noqa: ANN401 - as the driver has times
        for index, load in self.moments:
            value = row[index]
            if value is not None and load is not None:
                value = load(value)
            if value is not None:
                return value
        raise DataError("a row has null in all timestamp columns")

    def _nanos(self, value: Any) -> int:  # noqa: ANN401 - as the driver has times
        try:
            moment = datetime.datetime.fromisoformat(value) if isinstance(value, str) else value
            return self.rules.times.nanos(moment)
        except (DataError, ValueError) as error:
            reason = error.message if isinstance(error, DataError) else f"{value!r:.60} is no time"
            raise DataError(f"the timestamp column {' or '.join(self.timestamps)}: {reason}") from error

    def _check_ids(self, rows: Sequence[Row]) -> None:
        """Raise ConfigError for ids that are none; looks at single ones only where it has to."""
        assert self.identity is not None
        index, load = self.identity
        if load is not None or set(map(type, [row[index] for row in rows])) != {int}:
            for row in rows:
                self._id(row)

    def _id(self, row: Row) -> int:
        assert self.identity is not None
        index, load = self.identity
        value = row[index]
        if value is not None and load is not None:
            value = load(value)
        if isinstance(value, decimal.Decimal) and value.is_finite() and value == value.to_integral_value():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ConfigError(
                f"the incrementing column {self.name} has {value!r:.60}; whole numbers are needed, without nulls"
            )
        if not _LEAST <= value <= _MOST:
            raise ConfigError(f"the incrementing column {self.name} has {value}, which does not fit into 64 bits")
        return value


def _found(labels: Sequence[str], name: str) -> int:
    """Index of a column, by its name to the letter or else in any case."""
    if name in labels:
        return labels.index(name)
    found = [index for index, label in enumerate(labels) if label.casefold() == name.casefold()]
    if not found:
        raise ConfigError(f"the timestamp column {name} is not among the columns {', '.join(labels)}")
    if len(found) > 1:
        candidates = ", ".join(labels[index] for index in found)
        raise DataError(f"the timestamp column {name} may be any of {candidates}; name it to the letter")
    return found[0]
