"""The source's task on SQLite: modes, offsets, turns and failures (spec/jdbc.md 5.4, 6, 7 and 15)."""

from __future__ import annotations

import datetime
import itertools
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from linkspan.api import ConfigError, ConnectError, DataError, RetriableError, UnsupportedError
from linkspan_connectors.jdbc.dialects.sqlite import SqliteDialect
from linkspan_connectors.jdbc.dialects.sqlite_columns import GrowingSelection
from tests.connectors.jdbc.sourcing import SourceTasks, polled, taken, values


class Source(SourceTasks):
    """A database and tasks that read it."""

    def __init__(self, path: Path) -> None:
        super().__init__({"connection.url": f"jdbc:sqlite:{path}"})
        self.database = sqlite3.connect(path, isolation_level=None)

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.database.execute(statement)


@pytest.fixture
def source(tmp_path) -> Iterator[Source]:
    made = Source(tmp_path / "test.db")
    yield made
    made.stop()
    made.database.close()


NUMBERS = "CREATE TABLE numbers (id INTEGER PRIMARY KEY AUTOINCREMENT, text VARCHAR(20))"


def fill(source: Source, count: int, table: str = "numbers") -> None:
    source.run(
        f"INSERT INTO {table}(text) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < {count}) "
        "SELECT 'row ' || i FROM n"
    )


def test_bulk_reads_all_rows_each_time_without_offsets(source):
    source.run(NUMBERS)
    fill(source, 3)
    task = source.start("numbers", mode="bulk")
    first, second = taken(task, 3), taken(task, 3)
    assert values(first) == values(second) == [1, 2, 3]
    record = first[0]
    assert record.source_partition == {"table": "numbers"}
    assert record.source_offset is None
    assert (record.topic, record.key, record.key_schema, record.partition) == ("p-numbers", None, None, None)
    assert record.value_schema is not None
    assert record.value_schema.name == "numbers"
    assert [field.name for field in record.value_schema.fields] == ["id", "text"]


def test_incrementing_reads_each_row_once_and_goes_on_behind_the_stored_offset(source):
    source.run(NUMBERS)
    fill(source, 3)
    task = source.start("numbers", mode="incrementing", incrementing_column_name="id")
    records = taken(task, 3)
    assert [record.source_offset for record in records] == [
        {"incrementing": 1},
        {"incrementing": 2},
        {"incrementing": 3},
    ]
    assert records[0].source_partition == {"protocol": "1", "table": "numbers"}
    fill(source, 2)
    assert values(taken(task, 2)) == [4, 5]
    source.stop()
    source.log.store(records)
    again = source.start("numbers", mode="incrementing", incrementing_column_name="id")
    assert values(taken(again, 2)) == [4, 5]


def test_offsets_of_the_older_protocol_are_gone_on_from(source):
    source.run(NUMBERS)
    fill(source, 3)
    source.log.known = [({"table": "numbers"}, {"incrementing": 2})]
    task = source.start("numbers", mode="incrementing", incrementing_column_name="id")
    assert values(taken(task, 1)) == [3]


def test_the_incrementing_column_is_found_by_itself(source):
    source.run(NUMBERS)
    fill(source, 2)
    assert values(taken(source.start("numbers", mode="incrementing"), 2)) == [1, 2]


def test_a_table_without_a_rising_column_says_so(source):
    source.run("CREATE TABLE plain (x INT NOT NULL)")
    task = source.start("plain", mode="incrementing")
    with pytest.raises(ConfigError, match=r"plain.*incrementing\.column\.name"):
        polled(task)


def test_ids_below_zero_are_read_the_first_time(source):
    source.run("CREATE TABLE t (id INTEGER NOT NULL)", "INSERT INTO t VALUES (-5), (-1), (0), (1)")
    task = source.start("t", mode="incrementing", incrementing_column_name="id")
    assert values(taken(task, 4)) == [-5, -1, 0, 1]


def test_ids_below_zero_are_left_out_as_by_the_reference_when_that_is_asked_for(source):
    source.run("CREATE TABLE t (id INTEGER NOT NULL)", "INSERT INTO t VALUES (-5), (-1), (0), (1)")
    settings = {"compat.initial.bounds": "true", "mode": "incrementing", "incrementing.column.name": "id"}
    assert values(taken(source.start("t", **settings), 2)) == [0, 1]


def test_batches_have_no_more_rows_than_allowed(source):
    source.run(NUMBERS)
    fill(source, 25)
    task = source.start("numbers", mode="incrementing", batch_max_rows="10")
    assert [len(polled(task)) for _ in range(3)] == [10, 10, 5]


TIMES = "CREATE TABLE times (id INTEGER, ts TIMESTAMP NOT NULL)"


def ms(seconds: float) -> int:
    return int(seconds * 1000)


def test_rows_of_the_last_time_have_the_offset_before_it_until_a_later_row_or_the_end(source):
    source.run(TIMES)
    source.run(*[f"INSERT INTO times VALUES ({i}, {ms(t)})" for i, t in enumerate([10, 20, 20, 20, 30, 40])])
    task = source.start("times", mode="timestamp", timestamp_column_name="ts", batch_max_rows="3")
    first, second = polled(task), polled(task)
    offsets = [record.source_offset for record in [*first, *second]]
    at = [{"timestamp_nanos": 0, "timestamp": ms(t)} for t in (10, 20, 30, 40)]
    assert offsets == [at[0], at[0], at[0], at[1], at[2], at[3]]
    assert first.source_offsets[-1] == at[0]  # type: ignore[attr-defined]
    assert second.source_offsets[-1] == at[3]  # type: ignore[attr-defined]


@pytest.mark.parametrize("stored", range(1, 7))
def test_a_stop_among_rows_of_the_same_time_loses_none(source, stored):
    source.run(TIMES)
    source.run(*[f"INSERT INTO times VALUES ({i}, {ms(t)})" for i, t in enumerate([10, 20, 20, 20, 20, 30])])
    settings = {"mode": "timestamp", "timestamp.column.name": "ts", "batch.max.rows": "2"}
    before = taken(source.start("times", **settings), 6)[:stored]
    source.stop()
    source.log.store(before)
    seen = set(values(before))
    task = source.start("times", **settings)
    missing = set(range(6)) - seen
    while missing:
        missing -= set(values(polled(task)))


def test_the_last_batch_may_end_with_a_full_run(source):
    source.run(TIMES)
    source.run(*[f"INSERT INTO times VALUES ({i}, {ms(10)})" for i in range(4)])
    task = source.start("times", mode="timestamp", timestamp_column_name="ts", batch_max_rows="2")
    assert values(taken(task, 4)) == [0, 1, 2, 3]
    source.run(f"INSERT INTO times VALUES (9, {ms(11)})")
    assert values(taken(task, 1)) == [9]


def test_times_before_1970_are_read_the_first_time(source):
    source.run(TIMES, f"INSERT INTO times VALUES (1, {ms(-5)}), (2, 0), (3, {ms(5)})")
    task = source.start("times", mode="timestamp", timestamp_column_name="ts")
    records = taken(task, 3)
    assert records[0].source_offset == {"timestamp_nanos": 0, "timestamp": -5000}


def test_a_first_read_begins_behind_the_initial_timestamp(source):
    source.run(TIMES, f"INSERT INTO times VALUES (1, {ms(5)}), (2, {ms(6)})")
    task = source.start("times", mode="timestamp", timestamp_column_name="ts", timestamp_initial="5000")
    assert values(taken(task, 1)) == [2]


def test_a_first_read_may_begin_with_the_present(source):
    source.run(TIMES, f"INSERT INTO times VALUES (1, {ms(5)})")
    task = source.start("times", mode="timestamp", timestamp_column_name="ts", timestamp_initial="-1")
    assert task.poll() is None
    source.run(f"INSERT INTO times VALUES (2, {ms(time.time()) + 50})")
    assert values(taken(task, 1)) == [2]


def test_rows_of_the_future_and_of_the_delay_wait(source):
    now = time.time()
    source.run(TIMES, f"INSERT INTO times VALUES (1, {ms(now - 7200)}), (2, {ms(now - 1800)}), (3, {ms(now + 3600)})")
    settings = {"mode": "timestamp", "timestamp.column.name": "ts", "timestamp.delay.interval.ms": "3600000"}
    assert values(taken(source.start("times", **settings), 1)) == [1]
    settings["timestamp.delay.interval.ms"] = "0"
    assert values(taken(source.start("times", **settings), 2)) == [1, 2]


def test_both_columns_go_on_by_time_and_by_id_where_times_are_equal(source):
    source.run(TIMES)
    source.run(*[f"INSERT INTO times VALUES ({i}, {ms(t)})" for i, t in [(5, 10), (2, 20), (3, 20), (1, 30)]])
    settings = {"mode": "timestamp+incrementing", "timestamp.column.name": "ts", "incrementing.column.name": "id"}
    settings["validate.non.null"] = "false"
    records = taken(source.start("times", **settings), 4)
    assert values(records) == [5, 2, 3, 1]
    assert list(records[1].source_offset or {}) == ["timestamp_nanos", "incrementing", "timestamp"]
    source.stop()
    source.log.store(records[:2])
    assert values(taken(source.start("times", **settings), 2)) == [3, 1]


def test_the_first_timestamp_that_is_not_null_counts(source):
    source.run(
        "CREATE TABLE t (id INTEGER, changed TIMESTAMP, made TIMESTAMP NOT NULL)",
        f"INSERT INTO t VALUES (1, NULL, {ms(30)}), (2, {ms(20)}, {ms(5)}), (3, {ms(40)}, {ms(1)})",
    )
    records = taken(source.start("t", mode="timestamp", timestamp_column_name="changed,made"), 3)
    assert values(records) == [2, 1, 3]
    assert records[1].source_offset == {"timestamp_nanos": 0, "timestamp": 30000}


@pytest.mark.parametrize(("kind", "value"), [("TEXT", "'0 o''clock'"), ("BOOLEAN", "0")])
def test_a_timestamp_column_that_holds_no_times_is_named(source, kind, value):
    source.run(f"CREATE TABLE t (id INTEGER, at {kind} NOT NULL)", f"INSERT INTO t VALUES (1, {value})")
    task = source.start("t", mode="timestamp", timestamp_column_name="at")
    with pytest.raises(ConnectError, match=r"table t: the timestamp column at: .* is no time"):
        polled(task)


def test_a_query_that_the_database_refuses_is_nobody_elses_mistake(source):
    source.run("CREATE TABLE a (id INTEGER)", "CREATE TABLE b (id INTEGER)")
    query = "SELECT a.id FROM a JOIN b ON a.id = b.id"
    task = source.start(query=query, mode="incrementing", incrementing_column_name="id", tables="")
    with pytest.raises(UnsupportedError, match=r"ambiguous.*put the query into a SELECT of its own"):
        polled(task)


def test_timestamp_columns_are_found_in_any_case(source):
    source.run(TIMES, f"INSERT INTO times VALUES (1, {ms(5)})")
    assert values(taken(source.start("times", mode="timestamp", timestamp_column_name="TS"), 1)) == [1]


@pytest.mark.parametrize(
    ("definition", "settings", "words"),
    [
        ("id INTEGER, ts TIMESTAMP NOT NULL", {"mode": "incrementing", "incrementing.column.name": "id"}, "id on t"),
        ("id INTEGER, ts TIMESTAMP", {"mode": "timestamp", "timestamp.column.name": "ts"}, "ts on t"),
    ],
)
def test_columns_that_may_be_null_are_refused_unless_that_is_not_checked(source, definition, settings, words):
    source.run(
        f"CREATE TABLE t ({definition})",
        f"INSERT INTO t VALUES (1, {ms(5)}), (NULL, NULL)"
        if "NOT" not in definition
        else f"INSERT INTO t VALUES (1, {ms(5)})",
    )
    with pytest.raises(ConfigError, match=words):
        polled(source.start("t", **settings))
    assert values(taken(source.start("t", validate_non_null="false", **settings), 1)) == [1]


def test_missing_columns_are_told_for_every_table_at_the_start(source):
    source.run(TIMES, f"INSERT INTO times VALUES (1, {ms(5)})", "CREATE TABLE bad (id INTEGER, x TIMESTAMP NOT NULL)")
    task = source.start("times", "bad", mode="timestamp", timestamp_column_name="ts")
    with pytest.raises(ConnectError, match="bad has no column ts"):
        polled(task)


@pytest.fixture
def cutting(source, monkeypatch) -> Source:
    """A database whose driver gives whole seconds, though its times are finer."""
    original = SqliteDialect.select

    def select(dialect: SqliteDialect, *args: Any, **names: Any) -> Any:
        selection = original(dialect, *args, **names)
        selection.columns = tuple(
            column._replace(load=lambda value: datetime.datetime.fromtimestamp(value // 1000, datetime.UTC))
            if column.type_name == "timestamp"
            else column
            for column in selection.columns
        )
        return selection

    monkeypatch.setattr(SqliteDialect, "select", select)
    monkeypatch.setattr(SqliteDialect, "times_are_cut", True)
    source.run(TIMES)
    return source


@pytest.mark.parametrize("mode", ["timestamp", "timestamp+incrementing"])
def test_rows_whose_times_the_driver_cuts_are_not_read_for_ever(cutting, mode):
    cutting.run(*[f"INSERT INTO times VALUES ({i}, {ms(t)})" for i, t in [(1, 10.2), (2, 20.1), (3, 20.3)]])
    settings = {"mode": mode, "timestamp.column.name": "ts", "validate.non.null": "false"}
    settings |= {"incrementing.column.name": "id"} if "incrementing" in mode else {}
    task = cutting.start("times", **settings)
    assert values(taken(task, 3)) == [1, 2, 3]
    for _ in range(3):
        assert task.poll() is None
    cutting.run(f"INSERT INTO times VALUES (4, {ms(30.5)})")
    assert values(taken(task, 1)) == [4]


def test_a_row_that_comes_later_with_a_cut_time_that_was_read_is_told_by_its_id(cutting):
    cutting.run(*[f"INSERT INTO times VALUES ({i}, {ms(t)})" for i, t in [(7, 20.1), (8, 20.3)]])
    settings = {"mode": "timestamp+incrementing", "timestamp.column.name": "ts", "incrementing.column.name": "id"}
    task = cutting.start("times", validate_non_null="false", batch_max_rows="1", **settings)
    assert values(taken(task, 2)) == [7, 8]
    cutting.run(f"INSERT INTO times VALUES (3, {ms(20.4)})")
    assert values(taken(task, 1)) == [3]
    assert task.poll() is None


def test_rows_of_one_time_are_all_read_when_a_batch_ends_among_them_behind_rows_that_were_read(cutting):
    cutting.run(f"INSERT INTO times VALUES (1, {ms(10.2)})")
    task = cutting.start("times", mode="timestamp", timestamp_column_name="ts", batch_max_rows="2")
    assert values(taken(task, 1)) == [1]
    later = ", ".join(f"({i}, {ms(t)})" for i, t in [(2, 20.5), (3, 30.5), (4, 30.5), (5, 30.5), (6, 40.5)])
    cutting.run(f"INSERT INTO times VALUES {later}")
    assert values(taken(task, 5)) == [2, 3, 4, 5, 6]


@pytest.mark.parametrize("stored", range(1, 5))
def test_a_restart_among_rows_of_a_cut_time_loses_none(cutting, stored):
    rows = [(4, 20.1), (3, 20.2), (2, 20.3), (1, 21.0)]
    cutting.run(*[f"INSERT INTO times VALUES ({i}, {ms(t)})" for i, t in rows])
    settings = {"mode": "timestamp+incrementing", "timestamp.column.name": "ts", "incrementing.column.name": "id"}
    settings["validate.non.null"] = "false"
    before = taken(cutting.start("times", **settings), 4)[:stored]
    cutting.stop()
    cutting.log.store(before)
    missing = {1, 2, 3, 4} - set(values(before))
    task = cutting.start("times", **settings)
    while missing:
        missing -= set(values(polled(task)))


def test_a_query_is_read_in_each_mode(source):
    source.run(TIMES)
    source.run(*[f"INSERT INTO times VALUES ({i}, {ms(i)})" for i in range(1, 5)])
    tracking = {"incrementing.column.name": "id", "timestamp.column.name": "ts"}
    for mode in ("bulk", "incrementing", "timestamp", "timestamp+incrementing"):
        query = "SELECT id, ts FROM times WHERE id > 1"
        task = source.start(mode=mode, query=query, topic_prefix="q", tables="", **tracking)
        records = taken(task, 3)
        assert values(records) == [2, 3, 4]
        assert records[0].source_partition == {"query": "query"}
        assert (records[0].topic, records[0].value_schema.name) == ("q", None)  # type: ignore[union-attr]
        source.stop()


def test_a_query_may_begin_with_with(source):
    source.run(NUMBERS)
    fill(source, 3)
    task = source.start(
        mode="incrementing",
        query="WITH some AS (SELECT * FROM numbers) SELECT id, text FROM some ORDER BY text DESC;",
        incrementing_column_name="id",
        topic_prefix="q",
        tables="",
    )
    assert values(taken(task, 3)) == [1, 2, 3]


def test_the_suffix_is_put_behind_every_statement(source):
    source.run(NUMBERS)
    fill(source, 5)
    task = source.start("numbers", mode="incrementing", query_suffix=" LIMIT 2")
    assert [values(polled(task)) for _ in range(3)] == [[1, 2], [3, 4], [5]]


def test_a_column_that_is_added_is_in_the_records_from_then_on(source):
    source.run(NUMBERS)
    fill(source, 1)
    task = source.start("numbers", mode="incrementing")
    (first,) = taken(task, 1)
    source.run("ALTER TABLE numbers ADD more INTEGER", "INSERT INTO numbers (text, more) VALUES ('b', 5)")
    (second,) = taken(task, 1)
    assert first.value == {"id": 1, "text": "row 1"}
    assert second.value == {"id": 2, "text": "b", "more": 5}
    assert second.value_schema is not None
    assert [field.name for field in second.value_schema.fields] == ["id", "text", "more"]


def test_records_of_unchanged_columns_have_the_very_same_schema(source):
    source.run(NUMBERS)
    fill(source, 1)
    task = source.start("numbers", mode="bulk")
    assert taken(task, 1)[0].value_schema is taken(task, 1)[0].value_schema


@pytest.mark.parametrize("mode", ["bulk", "incrementing"])
def test_integers_are_wider_from_the_batch_on_that_has_a_larger_number(source, mode):
    source.run("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, m INTEGER)")
    source.run(*(f"INSERT INTO t VALUES ({at}, {-1 << 40 if at == 4 else at}, NULL)" for at in range(6)))
    records = taken(source.start("t", mode=mode, batch_max_rows="2"), 6)
    assert values(records, "n") == [0, 1, 2, 3, -(1 << 40), 5]
    kinds = [tuple(field.schema.type.value for field in record.value_schema.fields) for record in records]
    assert kinds == [("INT32", "INT32", "INT32")] * 4 + [("INT32", "INT64", "INT32")] * 2
    for record in records:
        record.value_schema.validate(record.value)


@pytest.mark.parametrize("calendar", ["LEGACY", "PROLEPTIC_GREGORIAN"])
def test_milliseconds_are_the_same_moment_in_either_calendar(source, calendar):
    source.run("CREATE TABLE t (day DATE, moment TIMESTAMP)", "INSERT INTO t VALUES (-14829955200000, -14829955200123)")
    (record,) = taken(source.start("t", mode="bulk", date_calendar_system=calendar), 1)
    day, moment = datetime.date(1500, 1, 22), datetime.datetime(1500, 1, 21, 23, 59, 59, 877_000, datetime.UTC)
    assert record.value == {"day": day, "moment": moment}


def test_tables_take_turns_by_batches(source):
    for name in ("large", "small"):
        source.run(NUMBERS.replace("numbers", name))
    fill(source, 100, "large")
    fill(source, 3, "small")
    task = source.start("large", "small", mode="bulk", batch_max_rows="10", max_buffer_size="1")
    topics = [polled(task)[0].topic for _ in range(4)]
    assert sorted(set(topics[:2])) == ["p-large", "p-small"]


def test_two_labels_that_are_the_same_are_refused(source):
    source.run(NUMBERS)
    fill(source, 1)
    task = source.start(mode="bulk", query="SELECT id, text AS id FROM numbers", topic_prefix="q", tables="")
    with pytest.raises(ConnectError, match=r"the query: Two columns of the result are called id"):
        polled(task)


def test_the_isolation_is_set_on_each_connection(source, monkeypatch):
    asked: list[str] = []
    monkeypatch.setattr(SqliteDialect, "set_isolation", lambda _, __, mode: asked.append(mode) or True)
    source.run(NUMBERS)
    fill(source, 1)
    taken(source.start("numbers", mode="incrementing", transaction_isolation_mode="READ_UNCOMMITTED"), 1)
    taken(source.start("numbers", mode="incrementing"), 1)
    assert asked == ["READ_UNCOMMITTED"]


def test_an_isolation_that_the_database_does_not_have_is_told_and_no_more(source, caplog):
    source.run(NUMBERS)
    fill(source, 1)
    taken(source.start("numbers", mode="incrementing", transaction_isolation_mode="REPEATABLE_READ"), 1)
    assert "SQLite has no isolation REPEATABLE_READ" in caplog.text


def test_a_task_waits_while_the_tables_are_not_known(source):
    assert source.start(tables="", tables_fetched="false", mode="bulk").poll() is None


def test_a_task_without_tables_fails(source):
    chosen_by = r"neither a table nor a query: .* is chosen by table\.whitelist=z, table\.types=TABLE, or"
    with pytest.raises(ConfigError, match=chosen_by):
        source.start(tables="", mode="bulk", table_whitelist="z", table_types="TABLE")


def test_a_table_that_is_gone_fails_the_task_at_once(source):
    task = source.start("gone", mode="bulk")
    with pytest.raises(ConnectError, match="gone"):
        polled(task)


def make_selects_fail(monkeypatch, fails: Callable[[int], Exception | None]) -> Callable[[], int]:
    """Have reads of tables fail by their number, from 0; returns what counts them."""
    original = SqliteDialect.select
    count = itertools.count()
    last = -1

    def select(dialect: SqliteDialect, connection: Any, statement: str, *args: Any, **names: Any) -> Any:
        nonlocal last
        if " FROM `" in statement:
            last = next(count)
            error = fails(last)
            if error is not None:
                raise error
        return original(dialect, connection, statement, *args, **names)

    monkeypatch.setattr(SqliteDialect, "select", select)
    return lambda: last + 1


def busy() -> Exception:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error


def test_rows_read_before_a_failure_come_first(source, monkeypatch):
    source.run("CREATE TABLE t (id INTEGER NOT NULL, x INT)", "INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)")
    gone = sqlite3.OperationalError("no such column: x")
    make_selects_fail(monkeypatch, lambda number: gone if number else None)
    task = source.start("t", mode="incrementing", incrementing_column_name="id", batch_max_rows="2")
    reader = task._reader
    assert reader is not None
    reader._thread.join(30)
    assert values(polled(task)) == [1, 2]
    assert values(polled(task)) == [3]
    with pytest.raises(ConnectError, match="no such column"):
        polled(task)


def test_what_passes_is_tried_again_and_nothing_is_read_twice(source, monkeypatch):
    source.run(NUMBERS)
    fill(source, 3)
    make_selects_fail(monkeypatch, lambda number: busy() if number % 3 else None)
    task = source.start("numbers", mode="incrementing", batch_max_rows="2")
    assert values(taken(task, 3)) == [1, 2, 3]
    fill(source, 1)
    assert values(taken(task, 1)) == [4]


def test_what_passes_fails_the_task_after_the_attempts_that_are_allowed(source, monkeypatch):
    source.run(NUMBERS)
    tried = make_selects_fail(monkeypatch, lambda _: busy())
    task = source.start("numbers", mode="incrementing", query_retry_attempts="3")
    with pytest.raises(ConnectError, match=r"Reading table numbers failed.*given up after 3 attempts") as error:
        polled(task)
    assert not isinstance(error.value, RetriableError)
    assert tried() == 3


@pytest.mark.parametrize("batches", ["1", "1000"])
def test_a_table_that_fails_again_and_again_keeps_no_other_from_being_read_to_its_end(source, monkeypatch, batches):
    source.run(NUMBERS, "CREATE TABLE locked (id INTEGER)")
    fill(source, 10)
    original = SqliteDialect.select

    def select(dialect: SqliteDialect, connection: Any, statement: str, *args: Any, **names: Any) -> Any:
        if "`locked`" in statement:
            raise busy()
        return original(dialect, connection, statement, *args, **names)

    monkeypatch.setattr(SqliteDialect, "select", select)
    task = source.start("numbers", "locked", mode="bulk", batch_max_rows=batches, poll_interval_ms="0")
    seen = values(taken(task, 10))
    while 10 not in seen and len(seen) < 100:
        seen += values(polled(task))
    assert 10 in seen
    assert tried_again(task, "locked")


def tried_again(task: Any, table: str) -> bool:
    """Whether a table is tried more than once while others are read."""
    (turn,) = [each for each in task._reader._turns if each.reading.title == f"table {table}"]
    end = time.monotonic() + 30
    while turn.reading.failures < 3 and time.monotonic() < end:
        task.poll()
    return turn.reading.failures >= 3


def lose_results_after(monkeypatch, batches: int) -> None:
    """Have each result be lost when so many batches of it were fetched."""
    original = GrowingSelection.fetch
    fetched: dict[GrowingSelection, int] = {}

    def fetch(selection: GrowingSelection, count: int) -> Any:
        fetched[selection] = number = fetched.get(selection, 0) + 1
        if number > batches:
            raise busy()
        return original(selection, count)

    monkeypatch.setattr(GrowingSelection, "fetch", fetch)


def test_attempts_count_from_the_last_row_behind_which_reading_goes_on(source, monkeypatch):
    source.run(NUMBERS)
    fill(source, 10)
    lose_results_after(monkeypatch, 2)
    task = source.start("numbers", mode="incrementing", batch_max_rows="1", query_retry_attempts="2")
    assert values(taken(task, 10)) == list(range(1, 11))


def test_attempts_go_on_counting_where_the_same_rows_come_again(source, monkeypatch):
    source.run(NUMBERS)
    fill(source, 10)
    lose_results_after(monkeypatch, 2)
    task = source.start("numbers", mode="bulk", batch_max_rows="1", query_retry_attempts="2")
    assert values(taken(task, 4)) == [1, 2, 1, 2]
    with pytest.raises(ConnectError, match="given up after 2 attempts"):
        polled(task)


def test_a_row_that_fits_no_record_fails_alone_with_table_and_key(source):
    source.run("CREATE TABLE t (id INTEGER NOT NULL, day DATE)")
    source.run("INSERT INTO t VALUES (1, 0), (2, 'once upon a time'), (3, 0)")
    records = taken(source.start("t", mode="incrementing", incrementing_column_name="id"), 3)
    assert [records[0].value["id"], records[2].value["id"]] == [1, 3]  # type: ignore[index]
    with pytest.raises(DataError, match=r"table t, row with id=2, column day: once upon a time"):
        records[1].value["id"]  # type: ignore[index]


def test_an_incrementing_column_that_is_no_number_fails_with_its_name(source):
    source.run("CREATE TABLE t (id TEXT NOT NULL)", "INSERT INTO t VALUES ('a')")
    task = source.start("t", mode="incrementing", incrementing_column_name="id")
    with pytest.raises(ConnectError, match=r"table t: the incrementing column id has 'a'"):
        polled(task)


def test_reading_ahead_is_bounded(source):
    source.run(NUMBERS)
    fill(source, 500)
    task = source.start("numbers", mode="incrementing", batch_max_rows="10", max_buffer_size="20")
    polled(task)
    reader = task._reader
    assert reader is not None
    assert reader._rows <= 30
    assert values(taken(task, 490)) == list(range(11, 501))


def test_a_task_that_takes_nothing_keeps_no_transaction_open(source, monkeypatch):
    commits = threading.Semaphore(0)
    original = SqliteDialect.connect

    class Connection:
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def commit(self) -> None:
            self._inner.commit()
            commits.release()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

    monkeypatch.setattr(SqliteDialect, "connect", lambda *args: Connection(original(*args)))
    source.run(NUMBERS)
    fill(source, 5)
    task = source.start("numbers", mode="bulk", max_buffer_size="1", poll_interval_ms="600000")
    assert commits.acquire(timeout=30), "after the look at the tables"
    assert commits.acquire(timeout=30), "after the rows, which nobody has taken"
    assert values(taken(task, 5)) == [1, 2, 3, 4, 5]


def test_stop_ends_the_thread(source):
    source.run(NUMBERS)
    fill(source, 500)
    task = source.start("numbers", mode="bulk", batch_max_rows="10")
    polled(task)
    reader = task._reader
    assert reader is not None
    source.stop()
    assert not reader._thread.is_alive()
