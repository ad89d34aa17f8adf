"""Records of one ``put`` into tables, in one transaction (spec/jdbc.md 10).

First everything is made ready: tables, which are transactions of their own, and rows. Then the rows are written by the
fastest way, without looking back. Only when the database refuses a row is all of it done again more carefully: between
savepoints, in pieces, until the row at fault is found, which is left out. Where the database tells which row it is, the
pieces are cut there, else in halves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple, TypeAlias

from linkspan.api import ConnectError, DataError, NotFoundError, SinkBatch, UnsupportedError
from linkspan.api.records import SinkRecords
from linkspan_connectors.jdbc.binding import Rows
from linkspan_connectors.jdbc.bulk.way import ChangedError
from linkspan_connectors.jdbc.dialects.dialect import Dialect
from linkspan_connectors.jdbc.drivers import DriverConnection, RowError
from linkspan_connectors.jdbc.groups import Group, Grouping, grouped
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.plans import Course, Plan, Planner, UnknownError
from linkspan_connectors.jdbc.rounds import folded, latest, rounds
from linkspan_connectors.jdbc.unfit import is_of_constraint, names_column, unfit_column

__all__ = ["Failures", "Seal", "Step", "TableNames", "Work", "Writer"]

Failures = dict[int, DataError]
"""Why records cannot be written, by their places in the ``put``."""

Seal: TypeAlias = "Callable[[DriverConnection, SinkBatch, Failures], None]"
"""Called within each transaction before its commit: with its records, and those of them that are left out."""

_FEW: Final = 20
"""So many rows are written as fast by statements as in bulk, which takes more exchanges with the database."""
_SAVING: Final = "Setting a savepoint"


_Planned: TypeAlias = "list[tuple[Group, Plan]]"
"""Records for one table."""


class TableNames:
    """The tables for topics, by ``table.name.format``.

    Args:
        dialect: reads names.
        template: with ``${topic}``.
    """

    def __init__(self, dialect: Dialect, template: str) -> None:
        self._dialect = dialect
        self._template = template.strip()
        self._known: dict[str, TableId] = {}
        self._outer: tuple[str | None, str | None] | None = None

    def forget(self) -> None:
        """Another connection may have another current schema."""
        self._known.clear()
        self._outer = None

    def text_of(self, topic: str) -> str:
        """Name of the table for a topic, with its schema if it says one."""
        return self._template.replace("${topic}", topic)

    def of(self, connection: DriverConnection | None, topic: str) -> TableId:
        """The table for a topic, with the catalog and schema that it is in where the dialect has them.

        Raises:
            UnknownError: it is not known yet, and there is no connection.
            ConfigError: the format makes no name of it.
            ConnectError: of :meth:`Dialect.failure`.
        """
        table = self._known.get(topic)
        if table is None:
            if connection is None:
                raise UnknownError
            if self._outer is None:
                with self._dialect.attempt("Asking for the current schema"):
                    self._outer = self._dialect.current_namespace(connection)
            named = self._dialect.table_id(self.text_of(topic))
            catalog, schema = self._outer
            table = TableId(named.catalog or catalog, named.schema or schema, named.name)
            self._known[topic] = table
        return table


class Step(NamedTuple):
    """Rows that are written together.

    Attributes:
        plan: what for.
        course: how.
        rows: parameters.
        keys: what identifies the row of each; empty when it does not matter.
        places: of their records in the ``put``.
    """

    plan: Plan
    course: Course
    rows: Sequence[tuple[Any, ...]]
    keys: Sequence[Any]
    places: Sequence[int]


class Work(NamedTuple):
    """Records of one ``put``, ready to be written.

    Attributes:
        records: the records.
        planned: plans for them, by table.
        steps: what is written one after the other.
        failures: of records that cannot be written.
    """

    records: SinkBatch
    planned: Sequence[_Planned]
    steps: Sequence[Step]
    failures: Failures


class _Bound(NamedTuple):
    """Rows of all records of one kind."""

    plan: Plan
    course: Course
    made: Rows
    places: Sequence[int]


class _Refusal(NamedTuple):
    """Why rows were not taken, and how many before the one at fault would have been; None when that is not told."""

    failure: ConnectError
    taken: int | None


class Writer:
    """Writes to the tables of one database.

    Args:
        dialect: of the database.
        planner: knows how.
        names: of the tables.
        batch_size: rows of a statement batch; less than 1 counts as 1.
        grouping: sorts records by table and schemas.
        with_coordinates: whether columns hold topics, partitions or offsets.
        trim: whether values of rows are kept out of messages.
        seal: what else belongs to each transaction; raises no DataError.
    """

    def __init__(
        self,
        dialect: Dialect,
        planner: Planner,
        names: TableNames,
        batch_size: int,
        grouping: Grouping = grouped,
        *,
        with_coordinates: bool = False,
        trim: bool = False,
        seal: Seal | None = None,
    ) -> None:
        self._dialect = dialect
        self._seal = seal
        self._planner = planner
        self._names = names
        self._batch_size = max(1, batch_size)
        self._grouping = grouping
        self._with_coordinates = with_coordinates
        self._trim = trim

    def forget(self) -> None:
        """Look at everything in the database anew: the connection is another one."""
        self._planner.forget()
        self._names.forget()

    def prepare(self, connection: DriverConnection | None, records: SinkBatch) -> Work | None:
        """Make records ready to be written; tables are made and extended here, before anything is written.

        Args:
            connection: without changes in its transaction; None while it is used for something else.
            records: of one ``put``.

        Returns:
            them, or None when the database would have to be asked and there is no connection.

        Raises:
            ConfigError: ``table.name.format`` makes no name of a topic.
            ConnectError: of :meth:`Dialect.failure`.
        """
        failures: Failures = {}
        planned: dict[TableId, _Planned] = {}
        try:
            for group in self._groups(connection, records):
                try:
                    plan = self._planner.plan(connection, group.kind)
                except DataError as error:
                    failures.update(dict.fromkeys(group.places, error))
                else:
                    planned.setdefault(group.table, []).append((group, plan))
        except UnknownError:
            return None
        tables = list(planned.values())
        return Work(records, tables, self._steps(tables, failures, in_bulk=True), failures)

    def write(self, connection: DriverConnection, work: Work, *, tolerant: bool) -> Failures:
        """Write records and commit them.

        Args:
            connection: without changes in its transaction.
            work: made ready by :meth:`prepare`.
            tolerant: whether the others are to be written when some cannot be; else nothing is, but for what it takes
                to find out which records a database refuses at the commit only.

        Returns:
            which could not be written, and why.

        Raises:
            ConnectError: of :meth:`Dialect.failure`; nothing was written, or the connection was lost at the commit. No
                DataError.
        """
        try:
            try:
                return self._write(connection, work, tolerant=tolerant)
            except (NotFoundError, ChangedError):
                # a table or column is not what it was when it was looked up
                self._rollback(connection)
                self._planner.forget()
                again = self.prepare(connection, work.records)
                assert again is not None
                return self._write(connection, again, tolerant=tolerant)
        except DataError as error:
            return self._divided(connection, work.records, error, tolerant=tolerant)

    def _write(self, connection: DriverConnection, work: Work, *, tolerant: bool) -> Failures:
        """As :meth:`write`; raises DataError when the commit is refused for a record."""
        failures = dict(work.failures)
        if failures and not tolerant:
            self._rollback(connection)
            return failures
        try:
            self._all_at_once(connection, work.steps)
        except ConnectError as error:
            if not _is_of_rows(error):
                raise
            self._rollback(connection)
            self._check(connection, work.steps)
            steps = self._steps(work.planned, failures, in_bulk=False)
            self._carefully(connection, steps, failures, tolerant=tolerant)
            if failures and not tolerant:
                self._rollback(connection)
                return failures
        self._commit(connection, work.records, failures)
        return failures

    def _divided(
        self, connection: DriverConnection, records: SinkBatch, error: DataError, *, tolerant: bool
    ) -> Failures:
        """Write records in halves, each a transaction of its own: at the commit no record at fault is named."""
        if len(records) == 1:
            if tolerant and self._seal is not None:
                self._commit(connection, records, {0: error})
            return {0: error}
        found: Failures = {}
        middle = len(records) // 2
        for begin, half in ((0, records[:middle]), (middle, records[middle:])):
            work = self.prepare(connection, SinkRecords(half))
            assert work is not None
            failures = self.write(connection, work, tolerant=tolerant)
            found.update((begin + place, failure) for place, failure in failures.items())
            if found and not tolerant:
                break
        return found

    # -- making ready ------------------------------------------------------------------------------------------------

    def _groups(self, connection: DriverConnection | None, records: SinkBatch) -> list[Group]:
        return self._grouping(
            records, lambda topic: self._names.of(connection, topic), with_coordinates=self._with_coordinates
        )

    def _steps(self, planned: Sequence[_Planned], failures: Failures, *, in_bulk: bool) -> list[Step]:
        steps: list[Step] = []
        for of_table in planned:
            steps += _steps_of_table([_bound(group, plan, failures, in_bulk=in_bulk) for group, plan in of_table])
        return steps

    # -- writing -----------------------------------------------------------------------------------------------------

    def _all_at_once(self, connection: DriverConnection, steps: Sequence[Step]) -> None:
        for step in steps:
            way = step.course.way
            selective = step.plan.keyed and not way.takes_duplicates
            with self._dialect.attempt(step.plan.what, trim=self._trim):
                for begin, end in pairwise([0, len(step.rows)] if way.takes_all else self._cuts(len(step.rows))):
                    rows = step.rows[begin:end]
                    kept = latest(step.keys[begin:end]) if selective else None
                    way.write(connection, rows if kept is None else [rows[position] for position in kept])
                way.check(connection)

    def _check(self, connection: DriverConnection, steps: Sequence[Step]) -> None:
        """See whether what was refused was refused because a table is another one now."""
        for plan, way in {id(step.course.way): (step.plan, step.course.way) for step in steps}.values():
            with self._dialect.attempt(f"Looking at table {plan.target.table}"):
                way.check(connection)
                connection.rollback()

    def _carefully(
        self, connection: DriverConnection, steps: Sequence[Step], failures: Failures, *, tolerant: bool
    ) -> None:
        """Write what can be written, and find out which records cannot."""
        if not steps:
            return
        with self._dialect.attempt(_SAVING):
            self._dialect.set_savepoint(connection)
        for step in steps:
            for begin, end in pairwise(self._cuts(len(step.rows))):
                self._in_pieces(connection, step, begin, end, failures)
                if failures and not tolerant:
                    return
        with self._dialect.attempt(_SAVING):
            self._dialect.release_savepoint(connection)

    def _in_pieces(self, connection: DriverConnection, step: Step, begin: int, end: int, failures: Failures) -> None:
        plan = step.plan
        waiting, most = [(begin, end)], end - begin
        while waiting:
            begin, end = waiting.pop()
            if end - begin > most:
                waiting.append((begin + most, end))
                end = begin + most
            refusal = self._refusal(connection, step, begin, end)
            if refusal is None:
                most = max(most, 2 * (end - begin))
            elif end - begin == 1:
                failures[step.places[begin]] = _of_row(refusal.failure, plan, step.rows[begin])
            elif refusal.taken is None:
                middle = (begin + end) // 2
                waiting += [(middle, end), (begin, middle)]
            else:
                # the next one may be as near: what is sent behind it is sent in vain
                most = max(_FEW, 2 * refusal.taken)
                at = begin + min(refusal.taken, end - begin - 1)
                waiting += [each for each in ((at + 1, end), (at, at + 1), (begin, at)) if each[0] < each[1]]

    def _refusal(self, connection: DriverConnection, step: Step, begin: int, end: int) -> _Refusal | None:
        """Write some rows behind the savepoint and move it behind them; why that failed, with nothing of them left."""
        dialect = self._dialect
        try:
            with dialect.attempt(step.plan.what, trim=self._trim):
                step.course.way.write(connection, step.rows[begin:end])
        except ConnectError as failure:
            if not _is_of_rows(failure):
                raise
            with dialect.attempt("Rolling back to a savepoint"):
                dialect.rollback_to_savepoint(connection)
            return _Refusal(failure, failure.__cause__.taken if isinstance(failure.__cause__, RowError) else None)
        with dialect.attempt(_SAVING):
            dialect.move_savepoint(connection)
        return None

    def _cuts(self, count: int) -> list[int]:
        return [*range(0, count, self._batch_size), count]

    def _commit(self, connection: DriverConnection, records: SinkBatch, failures: Failures) -> None:
        if self._seal is not None:
            self._seal(connection, records, failures)
        try:
            with self._dialect.attempt("Committing what was written", trim=self._trim):
                connection.commit()
        except DataError:
            self._rollback(connection)
            raise

    def _rollback(self, connection: DriverConnection) -> None:
        with self._dialect.attempt("Rolling back"):
            connection.rollback()


def _bound(group: Group, plan: Plan, failures: Failures, *, in_bulk: bool) -> _Bound:
    """Rows of a group; of records that become none, the failures."""
    course = plan.bulk if in_bulk and plan.bulk is not None and len(group) >= _FEW else plan.plain
    made = course.binding.rows(group)
    if made.failures and course is not plan.plain:
        # what one way cannot take, the other may
        course = plan.plain
        made = course.binding.rows(group)
    places = group.places
    for position, error in made.failures.items():
        failures[places[position]] = DataError(f"{plan.what} failed: {error}")
    kept = places if made.positions is None else [places[position] for position in made.positions]
    return _Bound(plan, course, made, kept)


def _steps_of_table(bound: Sequence[_Bound]) -> list[Step]:
    """What is written one after the other into one table, in few steps that keep the order of each key."""
    keyed = any(each.plan.keyed for each in bound)
    has_order = len(bound) > 1 and keyed and all(len(each.made.keys) == len(each.made.rows) for each in bound)
    if not has_order:
        return [Step(each.plan, each.course, each.made.rows, each.made.keys, each.places) for each in bound]
    steps: list[Step] = []
    keys = [list(map(folded, each.made.keys)) for each in bound]
    for kind, positions in rounds([each.places for each in bound], keys):
        plan, course, made, places = bound[kind]
        steps.append(
            Step(
                plan,
                course,
                [made.rows[position] for position in positions],
                [made.keys[position] for position in positions],
                [places[position] for position in positions],
            )
        )
    return steps


def _is_of_rows(error: ConnectError) -> bool:
    """Whether it may be one row only that the database refuses: other rows may do."""
    return isinstance(error, DataError | UnsupportedError) or type(error) is ConnectError


def _of_row(failure: ConnectError, plan: Plan, row: tuple[Any, ...]) -> DataError:
    column = None if is_of_constraint(failure.message) else unfit_column(plan.definition, plan.target.names, row)
    is_told = column is None or names_column(failure.message, column.partition(" (")[0])
    error = DataError(failure.message if is_told else f"{failure.message}, column {column}")
    error.__cause__ = failure.__cause__
    return error
