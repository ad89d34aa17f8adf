"""The sink with ``x.exactly.once`` on SQLite (spec/jdbc.md 18.1)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from linkspan.api import (
    BatchError,
    ConfigError,
    ConnectError,
    CredentialsError,
    FencedError,
    RetriableError,
    Schema,
    SinkRecord,
    TopicPartition,
    Type,
    schema,
)
from linkspan.config.definition import load
from linkspan_connectors.jdbc.connector import JdbcSinkConnector
from linkspan_connectors.jdbc.dialects import dialect_of
from linkspan_connectors.jdbc.offsets_table import OffsetsTable
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.sink_config import JdbcSinkConfig
from linkspan_connectors.jdbc.urls import parse
from tests.connectors.jdbc.sinking import gone, order, put, sink, sink_task, struct

ONCE = {"x_exactly_once": "true"}
PLACE = TopicPartition("orders", 0)
OTHER = TopicPartition("orders", 1)


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "shop.db"
    ask(file, "CREATE TABLE orders (id INTEGER, item TEXT NOT NULL, amount REAL)")
    return file


def ask(file, statement, *parameters):
    with closing(sqlite3.connect(file)) as connection, connection:
        return connection.execute(statement, parameters).fetchall()


def ids(file):
    return [number for (number,) in ask(file, "SELECT id FROM orders ORDER BY rowid")]


def table(file):
    columns = "connector, topic, partition, next_offset, epoch"
    return ask(file, f"SELECT {columns} FROM linkspan_connect_offsets ORDER BY connector, topic, partition")


@contextmanager
def once(file, *places, **changes) -> Iterator:
    """A task that has these partitions, and where it was told to go on."""
    with sink(f"jdbc:sqlite:{file}", **ONCE, **changes) as task:
        task.open([*places])
        task.found = task.stored_offsets([*places])
        yield task


class Report:
    def __init__(self, reporter):
        self.reporter = reporter

    def wait(self):
        self.reporter.seen.append(self.reporter.look())
        return self.reporter.answers


class Reporter:
    """Takes letters, and notes what the database holds while they are waited for."""

    def __init__(self, look, *, answers=True):
        self.look, self.answers = look, answers
        self.letters, self.seen = [], []

    def report(self, record, error):
        self.letters.append((record.original_offset, str(error)))
        return Report(self)


# -- rows and offsets --------------------------------------------------------------------------------------------------


def test_offsets_are_moved_with_the_rows_and_reading_goes_on_from_them(path):
    with once(path, PLACE, OTHER) as task:
        assert task.found == {PLACE: None, OTHER: None}
        put(task, order(0), order(1))
        assert table(path) == [("orders", "orders", 0, 2, 1), ("orders", "orders", 1, None, 1)]
        put(task, order(4))
        task.flush({PLACE: 9})
    assert ids(path) == [0, 1, 4]
    with once(path, PLACE) as task:
        assert task.found == {PLACE: 9}
    assert table(path)[0] == ("orders", "orders", 0, 9, 2)


def test_without_the_property_nothing_is_stored_and_offsets_are_the_groups(path):
    with sink(f"jdbc:sqlite:{path}") as task:
        task.open([PLACE])
        assert task.stored_offsets([PLACE]) is None
        assert not task.reads_committed
        put(task, order(0))
        task.flush({PLACE: 1})
    assert ask(path, "SELECT name FROM sqlite_master WHERE name LIKE 'linkspan%'") == []


def test_records_of_transactions_that_are_undone_are_not_read(path):
    assert sink_task(f"jdbc:sqlite:{path}", **ONCE).reads_committed


@pytest.mark.parametrize("count", [1, 600])
def test_a_put_has_written_everything_when_it_returns(path, count):
    with once(path, PLACE) as task:
        put(task, *[order(number) for number in range(count)])
        assert len(ids(path)) == count
        assert table(path)[0][3] == count


def test_a_put_that_fails_moves_no_offset(path):
    with once(path, PLACE) as task:
        put(task, order(0))
        with pytest.raises(BatchError):
            put(task, order(1), order(2, None), order(3))
        assert table(path)[0][3] == 1
        assert ids(path) == [0]


class Cut:
    """A connection that breaks at a commit, before or after the database has done it."""

    def __init__(self, inner, *, is_done):
        self._inner, self._is_done = inner, is_done

    def commit(self):
        if self._is_done:
            self._inner.commit()
        else:
            self._inner.rollback()
        raise sqlite3.OperationalError("disk I/O error")

    def __getattr__(self, name):
        return getattr(self._inner, name)


@pytest.mark.parametrize("is_done", [False, True])
def test_after_a_commit_that_may_have_been_done_the_table_says_whether_it_was(path, is_done):
    with once(path, PLACE, retry_backoff_ms="0") as task:
        put(task, order(0))
        client = task._client
        client._connection = Cut(client._connection, is_done=is_done)
        with pytest.raises(ConnectError):
            put(task, order(1), order(2))
        stored = task.stored_offsets([PLACE])
        assert stored == {PLACE: 3 if is_done else 1}
        put(task, *[order(number) for number in (1, 2, 3) if number >= stored[PLACE]])
    assert ids(path) == [0, 1, 2, 3]


@pytest.mark.parametrize("mode", ["insert", "upsert", "update"])
def test_every_mode_moves_offsets_deletes_too(tmp_path, mode):
    file = tmp_path / "shop.db"
    ask(file, "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, amount REAL)")
    ask(file, "INSERT INTO orders VALUES (1, 'a', 1), (2, 'b', 2)")
    with once(file, PLACE, insert_mode=mode, pk_mode="record_key", delete_enabled="true") as task:
        put(task, gone(1, 0), gone(2, 1))
        assert table(file)[0][3] == 2
        put(task, order(3, "c"))
    assert table(file)[0][3] == 4
    assert ids(file) == ([] if mode == "update" else [3])


def test_tables_are_made_and_extended_before_the_transaction_that_moves_offsets(tmp_path):
    file = tmp_path / "shop.db"
    fields: dict[str, Schema] = {"id": schema.INT64}
    with once(file, PLACE, auto_create="true", auto_evolve="true") as task:
        put(task, struct(fields, {"id": 1}, offset=0))
        more = {**fields, "item": schema.OPTIONAL_STRING}
        put(task, struct(fields, {"id": 2}, offset=1), struct(more, {"id": 3, "item": "x"}, offset=2))
    assert ask(file, "SELECT id, item FROM orders ORDER BY id") == [(1, None), (2, None), (3, "x")]
    assert table(file)[0][3] == 3


def test_offsets_are_those_of_the_log_whatever_transforms_made_of_the_topic(path):
    record = order(0)
    record.original_topic, record.original_partition, record.original_offset = "raw", 7, 40
    with once(path, TopicPartition("raw", 7)) as task:
        put(task, record)
    assert table(path) == [("orders", "raw", 7, 41, 1)]


# -- who may write -----------------------------------------------------------------------------------------------------


def test_whoever_has_lost_a_partition_writes_nothing_of_it_and_no_offset(path):
    with once(path, PLACE, OTHER) as before:
        put(before, order(0))
        with once(path, PLACE) as after:
            assert after.found == {PLACE: 1}
            for late in (
                lambda: put(before, order(1)),
                lambda: before.flush({PLACE: 5}),
                lambda: before.stored_offsets([PLACE]),
            ):
                with pytest.raises(FencedError, match="Another task writes orders-0"):
                    late()
            put(after, order(1))
        assert ids(path) == [0, 1]
        # what it still has goes on
        put(before, SinkRecord("orders", 1, 0, *_value(9)))
    assert ids(path) == [0, 1, 9]


def test_nothing_of_a_put_is_written_when_one_of_its_partitions_is_lost(path):
    with once(path, PLACE, OTHER) as before, once(path, OTHER):
        with pytest.raises(FencedError, match="orders-1"):
            put(before, order(0), SinkRecord("orders", 1, 0, *_value(9)))
        assert ids(path) == []
        assert table(path)[0][3] is None


def test_a_partition_that_was_given_away_can_be_taken_over_again(path):
    with once(path, PLACE) as task:
        put(task, order(0))
        task.close([PLACE])
        with once(path, PLACE) as other:
            put(other, order(1))
        task.open([PLACE])
        assert task.stored_offsets([PLACE]) == {PLACE: 2}
        put(task, order(2))
    assert ids(path) == [0, 1, 2]
    assert table(path)[0][4] == 3


@pytest.mark.parametrize("has_row", [False, True])
def test_of_two_who_take_a_partition_over_at_once_one_does_it_again(path, has_row):
    url = f"jdbc:sqlite:{path}"
    if has_row:
        with once(path, PLACE):
            pass
    dialect = dialect_of(Settings(parse(url)))
    mine = OffsetsTable(dialect, "linkspan_connect_offsets", "orders")
    connection = dialect.connect(None, "")  # type: ignore[arg-type]  # it needs none
    read = mine._rows

    def then_the_other(*args):
        found = read(*args)
        with once(path, PLACE):
            pass
        mine._rows = read  # type: ignore[method-assign]
        return found

    mine._rows = then_the_other  # type: ignore[method-assign]
    with closing(connection):
        with pytest.raises(RetriableError, match="taken over by somebody else"):
            mine.look(connection, [PLACE])
        assert mine.look(connection, [PLACE]) == {PLACE: None}
    assert table(path)[0][4] == (3 if has_row else 2)


def test_connectors_share_a_table_and_see_their_own_rows_only(path):
    with once(path, PLACE) as task:
        put(task, order(0))
    task = sink_task(f"jdbc:sqlite:{path}", **ONCE)
    task.context.connector = "others"
    task.start()
    try:
        task.open([PLACE])
        assert task.stored_offsets([PLACE]) == {PLACE: None}
    finally:
        task.stop()
    assert [row[0] for row in table(path)] == ["orders", "others"]


# -- what comes twice, and what comes anew -----------------------------------------------------------------------------


@pytest.mark.parametrize("first", [0, 4])
def test_a_topic_that_was_made_anew_is_refused_with_what_to_do(path, first):
    with once(path, PLACE) as task:
        task.flush({PLACE: 5})
        with pytest.raises(ConfigError, match=r"from offset \d on.*all before 5.*DELETE /connectors/orders/offsets"):
            put(task, *[order(number) for number in range(first, first + 8)])
    assert ids(path) == []
    assert table(path)[0][3] == 5


def test_gaps_between_offsets_are_passed_over(path):
    with once(path, PLACE) as task:
        put(task, order(3), order(7))
        put(task, order(20))
        task.flush({PLACE: 25})
        task.flush({PLACE: 24})
        assert task.stored_offsets([PLACE]) == {PLACE: 25}
    assert ids(path) == [3, 7, 20]


# -- records that are left out -----------------------------------------------------------------------------------------


def test_letters_about_refused_records_are_safe_before_the_offset_behind_them_is_stored(path):
    with once(path, PLACE, errors_tolerance="all") as task:
        reporter = task.context.errant_record_reporter = Reporter(lambda: (ids(path), table(path)[0][3]))
        put(task, order(0), order(1, None), order(2))
    assert [offset for offset, _ in reporter.letters] == [1]
    assert "orders-0@1" in reporter.letters[0][1]
    assert reporter.seen == [([], None)]
    assert ids(path) == [0, 2]
    assert table(path)[0][3] == 3


def test_nothing_is_written_while_a_letter_is_not_safe_and_it_is_not_told_twice_afterwards(path):
    with once(path, PLACE, errors_tolerance="all", retry_backoff_ms="0") as task:
        reporter = task.context.errant_record_reporter = Reporter(lambda: None, answers=False)
        with pytest.raises(RetriableError, match="orders-0@1"):
            put(task, order(0), order(1, None))
        assert ids(path) == []
        assert table(path)[0][3] is None
        reporter.answers = True
        put(task, order(0), order(1, None))
    assert ids(path) == [0]
    assert table(path)[0][3] == 2


def test_refused_records_are_named_to_the_runtime_where_nobody_wants_letters(path):
    with once(path, PLACE, errors_tolerance="all") as task:
        with pytest.raises(BatchError) as caught:
            put(task, order(0), order(1, None), order(2))
        assert list(caught.value.failures) == [1]
    assert ids(path) == [0, 2]
    assert table(path)[0][3] == 3


def test_a_record_that_is_refused_at_the_commit_is_told_before_others_behind_it_are_written(path):
    ask(path, "CREATE TABLE items (item TEXT PRIMARY KEY)")
    ask(path, "INSERT INTO items VALUES ('x')")
    ask(path, "DROP TABLE orders")
    ask(path, "CREATE TABLE orders (id INTEGER, item TEXT REFERENCES items DEFERRABLE INITIALLY DEFERRED, amount REAL)")
    url = f"{path}?foreign_keys=true"
    with sink(f"jdbc:sqlite:{url}", **ONCE, errors_tolerance="all") as task:
        task.open([PLACE])
        task.stored_offsets([PLACE])
        reporter = task.context.errant_record_reporter = Reporter(lambda: table(path)[0][3])
        put(task, order(0), order(1, "nowhere"), order(2), order(3))
    assert [offset for offset, _ in reporter.letters] == [1]
    assert reporter.seen == [1]
    assert ids(path) == [0, 2, 3]
    assert table(path)[0][3] == 4


# -- the table ---------------------------------------------------------------------------------------------------------


def test_the_table_has_the_name_that_is_configured(path):
    with once(path, PLACE, x_offsets_table="`progress of sinks`") as task:
        put(task, order(0))
    assert ask(path, "SELECT next_offset FROM `progress of sinks`") == [(1,)]


def test_a_table_of_that_name_with_other_columns_is_refused_with_what_it_has_to_be(path):
    with (
        sink(f"jdbc:sqlite:{path}", **ONCE, x_offsets_table="orders") as task,
        pytest.raises(ConfigError, match=r"no column connector, topic, partition, next_offset, epoch.*CREATE TABLE"),
    ):
        task.stored_offsets([PLACE])


def test_a_table_that_cannot_be_made_is_named_with_the_statement_and_the_rights(path):
    path.chmod(0o444)
    with (
        sink(f"jdbc:sqlite:file:{path}?mode=ro", **ONCE) as task,
        pytest.raises(CredentialsError, match=r"linkspan_connect_offsets.*x\.offsets\.table") as caught,
    ):
        task.stored_offsets([PLACE])
    assert "SELECT, INSERT and UPDATE" in str(caught.value)


def test_a_task_that_could_not_start_can_be_stopped():
    task = sink_task("jdbc:sqlite::memory:", **ONCE, x_offsets_table="a.b.c.d")
    with pytest.raises(ConfigError, match="no name of a table"):
        task.start()
    task.stop()


def test_a_blank_name_is_refused():
    with pytest.raises(ConfigError, match=r"x\.offsets\.table"):
        load(JdbcSinkConfig, {"connection.url": "jdbc:sqlite:x", "x.offsets.table": " "})


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("jdbc:postgresql://h/d", ['"partition" INT NOT NULL', '"connector" TEXT NOT NULL']),
        ("jdbc:mariadb://h/d", ["`connector` VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "ENGINE=InnoDB"]),
        ("jdbc:sqlserver://h", ["[topic] varchar(900) COLLATE Latin1_General_BIN2 NOT NULL"]),
    ],
)
@pytest.mark.parametrize("quote", [True, False])
def test_the_table_tells_names_apart_and_takes_part_in_transactions(url, parts, quote):
    text = OffsetsTable(dialect_of(Settings(parse(url), quote=quote)), "o", "c")._create_text
    assert [part for part in parts if part not in text] == [], text


# -- by REST -----------------------------------------------------------------------------------------------------------


def connector(path, **changes):
    given = {"name": "orders", "topics": "orders", "connection.url": f"jdbc:sqlite:{path}", **changes}
    made = JdbcSinkConnector()
    made.config = load(JdbcSinkConfig, given)
    return made, given


def test_offsets_that_a_user_sets_are_those_of_the_table(path):
    made, given = connector(path, **{"x.exactly.once": "true"})
    assert made.stored_offsets(given) == {}
    with once(path, PLACE) as task:
        put(task, *[order(number) for number in range(4)])
        assert made.stored_offsets(given) == {PLACE: 4}
        assert made.alter_offsets(given, {PLACE: 1, OTHER: 8})
        assert made.stored_offsets(given) == {PLACE: 1, OTHER: 8}
        # a task that is still there has lost its partition
        with pytest.raises(FencedError):
            put(task, order(4))
    with once(path, PLACE, OTHER) as task:
        assert task.found == {PLACE: 1, OTHER: 8}
        put(task, order(1))
    assert made.alter_offsets(given, {PLACE: None, OTHER: None})
    assert made.stored_offsets(given) == {}
    assert [row[3:] for row in table(path)] == [(None, 4), (None, 3)]


def test_without_the_property_offsets_are_the_groups_only(path):
    made, given = connector(path)
    assert made.stored_offsets(given) is None
    assert made.alter_offsets(given, {PLACE: 1})
    assert ask(path, "SELECT name FROM sqlite_master WHERE name LIKE 'linkspan%'") == []


def _value(number):
    value = {"id": number, "item": "x", "amount": None}
    return value, Schema(
        Type.STRUCT,
        fields={"id": schema.INT64, "item": schema.OPTIONAL_STRING, "amount": schema.OPTIONAL_FLOAT64},
    )
