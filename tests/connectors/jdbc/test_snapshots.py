"""Tables that are cut into chunks (spec/jdbc.md 18.3)."""

from __future__ import annotations

import json
import sqlite3
import time
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from linkspan.api import ConfigError, SourceRecord
from linkspan.config.definition import load
from linkspan_connectors.jdbc.assignment import task_configs
from linkspan_connectors.jdbc.connector import JdbcSourceConnector
from linkspan_connectors.jdbc.dialects.sqlite import SqliteDialect
from linkspan_connectors.jdbc.gaps import NOBODY, Settling, Writers
from linkspan_connectors.jdbc.offsets import Position, chunk_partition, table_partition
from linkspan_connectors.jdbc.snapshot_plan import Chunk, SnapshotPlan, StoredSnapshot, TablePlan
from linkspan_connectors.jdbc.source import JdbcSourceTask
from linkspan_connectors.jdbc.source_config import JdbcSourceConfig
from linkspan_connectors.jdbc.source_tables import Readings
from tests.connectors.jdbc.sourcing import Log, SourceTasks, taken, values

IDS = {"mode": "incrementing", "incrementing.column.name": "id", "validate.non.null": "false"}
BOTH = {**IDS, "mode": "timestamp+incrementing", "timestamp.column.name": "changed"}


class Place:
    """A database, and a connector with its tasks that reads it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "test.db"
        self.database = sqlite3.connect(self.path, isolation_level=None)
        self.database.execute("PRAGMA journal_mode = WAL")
        self.url = f"jdbc:sqlite:{self.path}"
        self.tasks = SourceTasks({"connection.url": self.url})
        self.log = self.tasks.log
        self.asked = 0
        self._connectors: list[JdbcSourceConnector] = []

    def table(self, name: str, ids: Sequence[int], changed: int = 1_000) -> None:
        self.database.execute(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, changed TIMESTAMP)")
        self.insert(name, ids, changed)

    def insert(self, name: str, ids: Sequence[int], changed: int = 1_000) -> None:
        self.database.executemany(f"INSERT INTO {name} VALUES (?, ?)", [(each, changed) for each in ids])

    def configs(self, tasks: int = 1, size: int = 10, **settings: str) -> list[dict[str, str]]:
        """Of the tasks, as a connector that starts now makes them."""
        return [dict(config) for config in self.started(size, **settings).task_configs(tasks)]

    def started(self, size: int = 10, **settings: str) -> JdbcSourceConnector:
        connector = JdbcSourceConnector()
        connector.context = types.SimpleNamespace(  # type: ignore[assignment]
            connector="c", request_task_reconfiguration=self._ask, raise_error=_raise, offset_reader=self.log
        )
        given = {"connection.url": self.url, "x.snapshot.chunk.size": str(size), "table.poll.interval.ms": "10"}
        connector.config = load(JdbcSourceConfig, {**given, **settings})
        connector.start()
        self._connectors.append(connector)
        return connector

    def start(self, config: dict[str, str]) -> JdbcSourceTask:
        return self.tasks.start(**config)

    def _ask(self) -> None:
        self.asked += 1

    def close(self) -> None:
        self.tasks.stop()
        for connector in self._connectors:
            connector.stop()
        self.database.close()


def _raise(error: Exception) -> None:
    raise error


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.close()


def wait_for(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def ids(records: Sequence[SourceRecord]) -> list[int]:
    return sorted(values(records))


def plan_of(config: dict[str, str]) -> Any:
    return json.loads(config["x.snapshot.plan"])


def test_chunks_begin_at_multiples_of_their_size():
    assert TablePlan(-10, 20).chunks(10) == [Chunk(-10, -1), Chunk(0, 9), Chunk(10, 19)]
    assert TablePlan(0, 15).chunks(10) == [Chunk(0, 9), Chunk(10, 14)]


def test_every_chunk_falls_to_one_task():
    plan = SnapshotPlan({"a": TablePlan(0, 70), "b": TablePlan(0, 30), "c": TablePlan(0, 30, None, True)}, 10, 0, 3)
    found = [[plan._replace(share=share).own_chunks(name) for name in plan.tables] for share in range(3)]
    assert sorted(chunk.first for of_a, _, _ in found for chunk in of_a) == [0, 10, 20, 30, 40, 50, 60]
    assert sorted(chunk.first for _, of_b, _ in found for chunk in of_b) == [0, 10, 20]
    assert max(len(a) + len(b) for a, b, _ in found) == 4
    assert SnapshotPlan.of(plan.text()) == plan


def test_every_task_has_a_chunk_where_there_are_as_many_as_tasks():
    plan = SnapshotPlan({"a": TablePlan(0, 20), "over": TablePlan(0, 50, None, True), "b": TablePlan(0, 20)}, 10, 0, 4)
    shares = [plan._replace(share=share) for share in range(4)]
    assert [sum(len(share.own_chunks(name)) for name in plan.tables) for share in shares] == [1, 1, 1, 1]


def test_as_many_tasks_as_there_are_chunks_or_may_be():
    plan = SnapshotPlan({"a": TablePlan(0, 30)}, 10)
    assert [config["tables"] for config in task_configs({}, ["a", "b"], 8, plan)] == ["a", "b", ""]
    assert [config["tables"] for config in task_configs({}, ["a", "b"], 1, plan)] == ["a,b"]
    over = SnapshotPlan({"a": TablePlan(0, 30, None, True)}, 10)
    assert [config["tables"] for config in task_configs({}, ["a", "b"], 8, over)] == ["a", "b"]


@pytest.mark.parametrize(
    ("stored", "agrees"),
    [
        (StoredSnapshot(None, {Chunk(0, 9): None}), True),
        (StoredSnapshot(None, {Chunk(0, 9): Position(None, 5, snapshot_id=20)}), True),
        (StoredSnapshot(None, {Chunk(0, 9): Position(None, 5, snapshot_id=30)}), False),
        (StoredSnapshot(Position(None, 25, snapshot_id=20), {}), True),
        (StoredSnapshot(Position(None, 35, snapshot_id=30), {}), False),
        (StoredSnapshot(Position(None, 25), {}), False),
    ],
)
def test_what_is_stored_says_whether_a_plan_still_holds(stored, agrees):
    assert stored.agrees_with(TablePlan(0, 20)) is agrees


def test_rows_of_a_chunk_that_were_read_up_to_an_earlier_time_are_read_again():
    chunk = Chunk(0, 9)
    stored = StoredSnapshot(None, {chunk: Position(None, 7, snapshot_time=100)})
    assert stored.reached(TablePlan(0, 20, 100), chunk) == 7
    assert stored.reached(TablePlan(0, 20, 99), chunk) == 7
    assert stored.reached(TablePlan(0, 20, 101), chunk) is None
    assert StoredSnapshot(None, {chunk: Position(None, 7)}).reached(TablePlan(0, 20), chunk) is None


@pytest.mark.parametrize("settings", [IDS, BOTH], ids=["ids", "ids and times"])
def test_tasks_share_the_chunks_and_every_row_is_read_once(place, settings):
    place.table("t", range(-25, 100))
    place.table("small", range(5))
    configs = place.configs(3, **settings)
    assert [config["tables"] for config in configs] == ["`small`", "`t`", ""]
    records = []
    for config, count in zip(configs, _shares(configs, settings), strict=True):
        found = taken(place.start(config), count)
        place.log.store(found)
        records.append(found)
    assert ids([record for each in records for record in each]) == sorted([*range(-25, 100), *range(5)])
    assert all(records)


def _shares(configs: Sequence[dict[str, str]], settings: dict[str, str]) -> list[int]:
    """How many rows of t and small each task has to read."""
    plan = SnapshotPlan.of(configs[0]["x.snapshot.plan"])
    following = {"`small`": 5, "`t`": 10 if settings is IDS else 0}
    counts = []
    for share, config in enumerate(configs):
        mine = plan._replace(share=share).own_chunks("`t`")
        counts.append(sum(len(range(max(c.first, -25), min(c.last, 99) + 1)) for c in mine))
        counts[-1] += following.get(config["tables"], 0)
    return counts


def test_new_rows_follow_behind_the_chunks(place):
    place.table("t", range(25))
    (config,) = place.configs(**IDS)
    task = place.start(config)
    records = taken(task, 25)
    place.insert("t", [25, 26])
    records += taken(task, 2)
    assert ids(records) == list(range(27))
    (last,) = [record for record in records if record.value["id"] == 26]
    assert last.source_partition == table_partition("t")
    assert last.source_offset == {"incrementing": 26, "snapshot_id": 20}
    (first,) = [record for record in records if record.value["id"] == 3]
    assert first.source_partition == chunk_partition("t", 0, 9) == {"protocol": "1", "table": "t", "chunk": "0..9"}
    assert first.source_offset == {"incrementing": 3, "snapshot_id": 20}


def test_a_task_goes_on_within_its_chunks(place):
    place.table("t", range(100))
    (config,) = place.configs(**{**IDS, "batch.max.rows": "3", "max.buffer.size": "3"})
    begun = place.start(config)
    seen: list[SourceRecord] = []
    while len(seen) < 40:
        batch = taken(begun, 3) if not seen else list(begun.poll() or ())
        place.log.store(batch)
        seen += batch
    place.tasks.stop()
    place.insert("t", range(100, 120))
    (again,) = place.configs(**IDS)
    assert plan_of(again) == plan_of(config), "what is stored goes before what the table has grown to"
    rest = taken(place.start(again), 120 - len(seen))
    assert ids([*seen, *rest]) == list(range(120))


def test_what_changes_while_chunks_are_read_is_read_again(place):
    place.table("t", range(25))
    (config,) = place.configs(**BOTH)
    task = place.start(config)
    records = taken(task, 25)
    assert records[0].source_offset.keys() == {"incrementing", "snapshot_time"}
    later = plan_of(config)["tables"]["`t`"][2] // 1_000_000 + 1
    place.database.execute("UPDATE t SET changed = ? WHERE id = 7", [later])
    changed = taken(task, 1)
    assert values(changed) == [7]
    assert changed[0].source_offset.keys() == {"timestamp_nanos", "incrementing", "timestamp", "snapshot_time"}


def test_a_row_that_comes_in_the_second_of_the_plan_is_read_though_its_time_has_whole_seconds(place):
    place.table("t", range(25))
    (config,) = place.configs(**BOTH)
    task = place.start(config)
    taken(task, 25)
    place.insert("t", [25], changed=int(time.time()) * 1000)
    assert values(taken(task, 1)) == [25]


def test_an_offset_of_an_earlier_time_is_kept_to(place):
    place.table("t", range(25))
    (config,) = place.configs(**BOTH)
    begun = plan_of(config)["tables"]["`t`"][2]
    place.log.known.append((chunk_partition("t", 10, 19), {"incrementing": 12, "snapshot_time": begun}))
    time.sleep(0.002)
    (again,) = place.configs(**BOTH)
    assert plan_of(again)["tables"]["`t`"][2] == begun
    assert 11 not in values(taken(place.start(again), 22))


def test_a_table_that_is_followed_already_is_not_cut(place):
    place.table("t", range(100))
    place.log.known.append((table_partition("t"), {"incrementing": 41}))
    (config,) = place.configs(**IDS)
    assert plan_of(config)["tables"] == {}
    assert ids(taken(place.start(config), 58)) == list(range(42, 100))


def test_a_task_with_another_plan_than_the_offsets_waits(place):
    place.table("t", range(100))
    (config,) = place.configs(**IDS)
    place.log.known.append((table_partition("t"), {"incrementing": 72, "snapshot_id": 70}))
    assert place.start(config).poll() is None
    (again,) = place.configs(**IDS)
    assert plan_of(again)["tables"]["`t`"][:2] == [0, 70]
    assert ids(taken(place.start(again), 97)) == [*range(70), *range(73, 100)]


def test_a_task_that_has_nothing_to_read_asks_for_it_once(place, monkeypatch):
    place.table("t", range(25))
    (config,) = place.configs(**IDS)
    asked: list[int] = []
    made = Readings.made

    def counted(readings: Readings, connection: Any) -> Any:
        asked.append(1)
        return made(readings, connection)

    monkeypatch.setattr(Readings, "made", counted)
    task = place.start(
        {**config, "tables": "", "x.snapshot.plan": SnapshotPlan({"`t`": TablePlan(0, 10)}, 10, 1, 2).text()}
    )
    wait_for(lambda: bool(asked))
    for _ in range(3):
        assert task.poll() is None
    assert len(asked) == 1


def test_a_connection_that_is_lost_behind_the_last_chunk_is_of_no_consequence(place, monkeypatch, caplog):
    place.table("t", range(25))
    (config,) = place.configs(**IDS)
    plan = SnapshotPlan({"`t`": TablePlan(0, 20)}, 10, 1, 2)
    selected: list[str] = []
    losses: list[str] = []
    select, connect = SqliteDialect.select, sqlite3.connect

    def noted(dialect: SqliteDialect, connection: Any, statement: str, *rest: Any, **more: Any) -> Any:
        selected.append(statement)
        return select(dialect, connection, statement, *rest, **more)

    class Losing(sqlite3.Connection):
        """Lost when a transaction is to end in which a chunk was read."""

        def commit(self) -> None:
            if selected and not losses:
                losses.append(selected[0])
                raise sqlite3.OperationalError("Cannot operate on a closed database.")
            super().commit()

    monkeypatch.setattr(SqliteDialect, "select", noted)
    monkeypatch.setattr(sqlite3, "connect", lambda *names, **more: connect(*names, factory=Losing, **more))
    task = place.start({**config, "tables": "", "x.snapshot.plan": plan.text()})
    assert ids(taken(task, 10)) == list(range(10, 20))
    wait_for(lambda: "trying again" in caplog.text)
    for _ in range(3):
        assert task.poll() is None


def followed_behind_chunks(place, settings):
    """A table of which most is gone since reading began behind its chunks; up to when these are, None without times."""
    place.table("t", range(35))
    (config,) = place.configs(**settings)
    _, end, moment, _ = plan_of(config)["tables"]["`t`"]
    behind = {"snapshot_id": end} if moment is None else {"timestamp": moment // 1_000_000, "snapshot_time": moment}
    place.log.known.append((table_partition("t"), {"incrementing": 34, **behind}))
    place.database.execute("DELETE FROM t WHERE id < 22 OR id > 24")
    return moment


@pytest.mark.parametrize("settings", [IDS, BOTH], ids=["ids", "ids and times"])
def test_chunks_that_are_left_are_read_also_when_most_of_the_table_is_gone(place, settings):
    followed_behind_chunks(place, settings)
    (again,) = place.configs(**settings)
    assert ids(taken(place.start(again), 3)) == [22, 23, 24]


def test_chunks_that_nobody_reads_any_more_are_warned_of(place, caplog):
    place.table("t", range(35))
    place.log.known.append((table_partition("t"), {"incrementing": 33, "snapshot_id": 30}))
    (config,) = place.configs(**IDS)
    assert values(taken(place.start({**config, "x.snapshot.chunk.size": "0"}), 1)) == [34]
    assert "Table t was cut into chunks, and x.snapshot.chunk.size is not set any more" in caplog.text


def test_the_tasks_are_made_anew_when_all_chunks_are_read(place):
    place.table("t", range(95))
    connector = place.started(**IDS)
    configs = [dict(config) for config in connector.task_configs(3)]
    assert len(configs) == 3
    running = [place.start(config) for config in configs]
    found = 0
    while found < 95:
        for task in running:
            batch = task.poll() or ()
            place.log.store(batch)
            found += len(batch)
    wait_for(lambda: place.asked > 0)
    (config,) = connector.task_configs(3)
    assert plan_of(config)["tables"] == {"`t`": [0, 90, None, True]}
    place.tasks.stop()
    place.insert("t", [95])
    assert values(taken(place.start(dict(config)), 1)) == [95]


def test_chunks_wait_for_those_who_were_writing(place):
    now = Writers(5, 9)
    settling = Settling(lambda _: now)
    connection: Any = object()
    assert not settling.is_over(connection)
    now = Writers(8, 12)
    assert not settling.is_over(connection)
    now = Writers(9, 12)
    assert settling.is_over(connection)
    now = Writers(5, 9)
    assert settling.is_over(connection), "who begins later takes other ids"
    assert Settling(lambda _: NOBODY).is_over(connection)
    place.table("t", range(25))
    (config,) = place.configs(**IDS, **{"x.gap.safe": "true"})
    assert ids(taken(place.start(config), 25)) == list(range(25))


def test_those_who_write_are_asked_for_in_the_isolation_that_is_set(place, monkeypatch):
    asked: list[str] = []

    def noted(_: SqliteDialect, __: Any, mode: str) -> bool:
        asked.append(mode)
        return True

    monkeypatch.setattr(SqliteDialect, "set_isolation", noted)
    place.table("t", range(25))
    place.configs(**IDS, **{"x.gap.safe": "true", "transaction.isolation.mode": "READ_COMMITTED"})
    assert asked == ["READ_COMMITTED"]


@pytest.mark.parametrize("settings", [IDS, BOTH], ids=["ids", "ids and times"])
def test_a_table_may_grow_as_far_as_it_likes_behind_its_chunks(place, settings):
    moment = followed_behind_chunks(place, settings)
    place.insert("t", [1 << 40], changed=1 << 42)
    (again,) = place.configs(**settings)
    rest = taken(place.start(again), 4 if moment is None else 3)
    assert ids(rest) == [22, 23, 24, 1 << 40][: len(rest)]


def test_too_many_chunks_are_refused_with_a_size_that_would_do(place):
    place.table("t", [1, 1 << 60])
    failures: list[Exception] = []
    connector = JdbcSourceConnector()
    connector.context = types.SimpleNamespace(  # type: ignore[assignment]
        connector="c", request_task_reconfiguration=None, raise_error=failures.append, offset_reader=Log()
    )
    given = {"connection.url": place.url, "x.snapshot.chunk.size": "1000"}
    connector.config = load(JdbcSourceConfig, {**given, **IDS})
    connector.start()
    wait_for(lambda: bool(failures))
    connector.stop()
    assert "more than 10000 chunks; 11529215046068460 would make a hundred" in str(failures[0])
    assert isinstance(failures[0], ConfigError)
    assert failures[0].key == "x.snapshot.chunk.size"
