"""Many records are written while the next ones come: what was returned for is kept until it is written."""

from __future__ import annotations

import sqlite3

import pytest

from linkspan.api import ConnectError, RetriableError, SinkRecord, TopicPartition
from tests.connectors.jdbc.sinking import KEY, VALUE, order, put, sink

PLACE = TopicPartition("orders", 0)


class Reporter:
    def __init__(self):
        self.reported = []

    def report(self, record, error):
        self.reported.append((record.original_offset, str(error)))


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "test.db"
    connection = sqlite3.connect(made)
    connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL, amount REAL)")
    connection.close()
    return made


@pytest.fixture
def ahead(path):
    def make(**changes):
        return sink(f"jdbc:sqlite:{path}?busy_timeout=0", retry_backoff_ms="0", **changes)

    return make


@pytest.fixture(autouse=True)
def always(monkeypatch):
    monkeypatch.setattr("linkspan_connectors.jdbc.sink.JdbcSinkTask.many", 1)


def ids(path):
    connection = sqlite3.connect(path)
    found = [number for (number,) in connection.execute("SELECT id FROM orders ORDER BY rowid")]
    connection.close()
    return found


class Lock:
    """Keeps everybody from writing."""

    def __init__(self, path):
        self.connection = sqlite3.connect(path, isolation_level=None)

    def __enter__(self):
        self.connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, *_):
        self.connection.execute("ROLLBACK")
        self.connection.close()


def elsewhere(number):
    return SinkRecord(
        "orders", 1, number, {"id": number, "item": "x", "amount": None}, VALUE, key={"id": number}, key_schema=KEY
    )


def test_what_was_returned_for_is_written_before_its_offsets_are_committed(path, ahead):
    with ahead() as task:
        put(task, order(1), order(2))
        put(task, order(3))
        task.flush({PLACE: 4})
        assert ids(path) == [1, 2, 3]


def test_the_runtime_is_asked_to_come_back_and_then_it_is_settled(path, ahead):
    with ahead() as task:
        put(task, order(1))
        assert task.context.timeouts == [50]
        put(task)
        assert ids(path) == [1]


def test_records_that_could_not_be_written_are_written_before_the_next_ones(path, ahead):
    with ahead() as task:
        put(task, order(1))
        put(task)
        with Lock(path):
            put(task, order(2))
            for _ in range(2):
                with pytest.raises(RetriableError, match="locked"):
                    put(task, order(3))
        put(task, order(3))
        task.flush({PLACE: 4})
    assert ids(path) == [1, 2, 3]


def test_records_whose_offsets_cannot_be_committed_come_again_and_are_not_written_twice(path, ahead):
    with ahead() as task:
        with Lock(path):
            put(task, order(1), elsewhere(2))
            with pytest.raises(RetriableError):
                task.flush({PLACE: 2})
        put(task, order(1))
        task.flush({PLACE: 2, TopicPartition("orders", 1): 3})
    # those of the partition that was not asked about are kept, and come first
    assert sorted(ids(path)) == [1, 2]


def test_partitions_that_are_given_away_are_not_written_to_any_more(path, ahead):
    with ahead() as task:
        with Lock(path):
            put(task, order(1), elsewhere(2))
            task.close([PLACE])
        task.flush({TopicPartition("orders", 1): 3})
    assert ids(path) == [2]


def test_retries_are_given_up_and_counted_anew_after_a_success(path, ahead):
    with ahead(max_retries="1") as task:
        with Lock(path):
            put(task, order(1))
            with pytest.raises(RetriableError):
                put(task)
            with pytest.raises(ConnectError, match="Given up after 1 retries") as caught:
                put(task)
            assert not isinstance(caught.value, RetriableError)
        put(task)
        assert ids(path) == [1]


def test_refused_records_are_reported_before_offsets_behind_them_are_committed(path, ahead):
    with ahead(errors_tolerance="all") as task:
        task.context.errant_record_reporter = Reporter()
        put(task, order(1), order(2, None), order(3))
        task.flush({PLACE: 4})
        ((offset, text),) = task.context.errant_record_reporter.reported
        assert offset == 2
        assert "orders-0@2" in text
    assert ids(path) == [1, 3]


def test_a_refused_record_fails_the_task_where_errors_are_not_tolerated(path, ahead):
    with ahead() as task:
        put(task, order(1), order(2, None))
        with pytest.raises(ConnectError, match="orders-0@2") as caught:
            put(task, order(3))
        assert type(caught.value) is ConnectError
    assert ids(path) == []


def test_offsets_behind_a_refused_record_are_not_committed_when_the_task_ends(path, ahead):
    with ahead() as task:
        put(task, order(1), order(2, None))
        with pytest.raises(ConnectError):
            put(task, order(3))
        with pytest.raises(ConnectError, match="orders-0@2"):
            task.pre_commit({PLACE: 3})
        task.close([PLACE])
    assert ids(path) == []


def test_records_whose_letters_cannot_be_handed_over_are_not_done_with(path, ahead):
    class Unwilling:
        def report(self, *_):
            raise ConnectError("no letters")

    with ahead(errors_tolerance="all", insert_mode="upsert", pk_mode="record_key") as task:
        task.context.errant_record_reporter = Unwilling()
        put(task, order(1), order(2, None))
        for _ in range(2):
            with pytest.raises(ConnectError, match="no letters"):
                put(task)
            with pytest.raises(ConnectError, match="no letters"):
                task.pre_commit({PLACE: 3})
            put(task, order(1), order(2, None))
    assert ids(path) == [1]


def test_a_task_that_is_stopped_leaves_nothing_half_done(path, ahead):
    with ahead() as task:
        put(task, *[order(number) for number in range(5000)])
    assert ids(path) in ([], list(range(5000)))
