"""Reading that passes over no id (spec/jdbc.md 6.2 and 18.4)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import pytest

from linkspan.api import ConfigError
from linkspan_connectors.jdbc.dialects import dialect_of
from linkspan_connectors.jdbc.dialects.postgresql_writers import writers_of
from linkspan_connectors.jdbc.gaps import NOBODY, Horizon, Settling, Writers
from linkspan_connectors.jdbc.identifiers import TableId
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.urls import parse
from tests.connectors.jdbc.sourcing import SourceTasks, taken, values

CONNECTION: Any = object()


class Table:
    """Ids that can be seen, and transactions under way, as a test sets them."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.now = NOBODY
        self.horizon = Horizon(self._greatest, lambda _: self.now)

    def _greatest(self, _: object, after: int | None) -> int | None:
        return max((number for number in self.ids if after is None or number > after), default=None)

    def reached(self, after: int | None = None) -> Any:
        return self.horizon.reached(CONNECTION, after)


@pytest.fixture
def table():
    return Table()


def test_all_is_read_when_nobody_writes(table):
    table.ids, table.now = [1, 2], Writers(7, 7)
    assert table.reached() == 2
    assert table.reached(2) is None


@pytest.mark.parametrize(
    ("then", "later"),
    [(Writers(5, 9), Writers(9, 12)), (Writers(9, 9, frozenset({"3/4"})), Writers(9, 9, frozenset({"3/5"})))],
    ids=["with a number", "with a lock"],
)
def test_rows_wait_for_transactions_that_may_have_taken_lower_ids(table, then, later):
    table.ids, table.now = [2], then
    assert table.reached() is None
    table.ids = [2, 3]
    assert table.reached() is None
    table.now = later
    assert table.reached() == 2


def test_numbers_that_the_server_has_lost_when_it_died_are_not_waited_for(table):
    table.ids, table.now = [2], Writers(5, 9)
    assert table.reached() is None
    table.now = Writers(7, 7)
    assert table.reached() == 2


def test_a_transaction_that_has_outlived_the_server_is_waited_for(table):
    table.ids, table.now = [2], Writers(5, 9)
    assert table.reached() is None
    table.now = Writers(5, 8)
    assert table.reached() is None
    table.now = Writers(8, 8)
    assert table.reached() == 2


def test_whether_an_old_moment_is_settled_is_asked_anew_when_the_server_has_lost_its_numbers():
    moments = iter([Writers(5, 9), Writers(5, 8), Writers(8, 8)])
    settling = Settling(lambda _: next(moments))
    assert [settling.is_over(CONNECTION) for _ in range(3)] == [False, False, True]


def test_transactions_that_begin_later_are_not_waited_for(table):
    table.ids, table.now = [2], Writers(5, 9, frozenset({"3/4"}))
    assert table.reached() is None
    table.now = Writers(9, 10, frozenset({"3/5"}))
    assert table.reached() == 2


def test_rows_of_a_moment_are_read_before_others_that_have_to_wait(table):
    table.ids, table.now = [2], Writers(5, 9)
    table.reached()
    table.ids, table.now = [1, 2, 4], Writers(9, 12)
    assert table.reached() == 2
    assert table.reached(2) is None
    table.now = Writers(12, 12)
    assert table.reached(2) == 4


def test_an_isolation_that_does_not_see_what_others_commit_is_refused():
    row: Sequence[Any] = (1, 2, ["3/4"], "read committed", False)
    assert writers_of([row]) == Writers(1, 2, frozenset({"3/4"}))
    with pytest.raises(ConfigError, match=r"repeatable read.*transaction\.isolation\.mode=READ_COMMITTED"):
        writers_of([(1, 2, [], "repeatable read", False)])


def test_a_standby_is_refused_since_it_does_not_know_who_writes():
    with pytest.raises(ConfigError, match=r"standby.*connect to the primary") as caught:
        writers_of([(1, 2, [], "read committed", True)])
    assert caught.value.key == "connection.url"


def test_a_database_that_does_not_tell_who_writes_says_so():
    dialect = dialect_of(Settings(parse("jdbc:mysql://h/d")))
    with pytest.raises(ConfigError, match=r"MySQL does not tell"):
        dialect.writers(CONNECTION, TableId(None, None, "t"))


def test_a_safe_reading_gives_the_same_rows_and_offsets(tmp_path):
    tasks = SourceTasks({"connection.url": f"jdbc:sqlite:{tmp_path / 'test.db'}", "mode": "incrementing"})
    database = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)")
    database.execute("INSERT INTO t VALUES (-3), (1), (2)")
    task = tasks.start("t", x_gap_safe="true")
    records = taken(task, 3)
    assert values(records) == [-3, 1, 2]
    assert records[-1].source_offset == {"incrementing": 2}
    database.execute("INSERT INTO t VALUES (5)")
    assert values(taken(task, 1)) == [5]
    tasks.stop()
    database.close()


def test_views_are_refused_since_nobody_writes_to_them(tmp_path):
    tasks = SourceTasks({"connection.url": f"jdbc:sqlite:{tmp_path / 'test.db'}", "mode": "incrementing"})
    database = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)")
    database.execute("CREATE VIEW v AS SELECT id FROM t")
    settings = {"x.gap.safe": "true", "incrementing.column.name": "id", "validate.non.null": "false"}
    task = tasks.start("v", **settings)
    with pytest.raises(ConfigError, match=r"writes to v, which is a VIEW"):
        taken(task, 1)
    tasks.stop()
    database.close()
