"""Tables that are cut into chunks, read by several tasks of a worker of ours, while anybody may be killed."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

import pytest

from integration.chaos.pipes import wait_for, wait_while_it_moves
from integration.jdbc.targets import Target
from integration.jdbc.test_source_worker import Writer, ids, pipe, running, tasks
from integration.jdbc.victims import kill
from integration.services.mariadb import MariaDb
from integration.services.postgresql import PostgreSql
from linkspan.config.definition import load
from linkspan_connectors.jdbc.snapshot_planner import SnapshotPlanner
from linkspan_connectors.jdbc.source_config import JdbcSourceConfig
from tests.connectors.jdbc.sourcing import Log

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

ROWS = 30_000
CHUNK = 1_000


def fill(server: PostgreSql | MariaDb) -> None:
    """A table with rows that are older than now, to which rows are added later."""
    if isinstance(server, PostgreSql):
        kind, now, old = "timestamptz", "clock_timestamp()", f"-n, '2024-01-01' FROM generate_series(1, {ROWS}) n"
    else:
        kind, now, old = "datetime(6)", "CURRENT_TIMESTAMP(6)", f"-seq, '2024-01-01' FROM seq_1_to_{ROWS}"
    with closing(server.connect("shop")) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE rising (id bigint PRIMARY KEY, at {kind} NOT NULL DEFAULT {now})")
        # ids that a Writer does not take
        cursor.execute(f"INSERT INTO rising SELECT {old}")


def settings_of(server: PostgreSql | MariaDb, mode: str) -> Mapping[str, str]:
    times = {"timestamp.column.name": "at", "timestamp.delay.interval.ms": "300"} if "timestamp" in mode else {}
    return {
        "connection.url": server.jdbc_url("shop"),
        "connection.user": server.user,
        "connection.password": server.password,
        "table.whitelist": "rising",
        "batch.max.rows": "20",
        "mode": mode,
        "incrementing.column.name": "id",
        "x.snapshot.chunk.size": str(CHUNK),
        "tasks.max": "3",
        **times,
    }


@pytest.mark.parametrize(
    ("server_class", "mode"),
    [
        (PostgreSql, "incrementing"),
        (MariaDb, "timestamp+incrementing"),
        pytest.param(PostgreSql, "timestamp+incrementing", marks=pytest.mark.long),
        pytest.param(MariaDb, "incrementing", marks=pytest.mark.long),
    ],
)
def test_chunks_and_what_follows_them_lose_no_row_whoever_is_killed(
    tmp_path: Path, server_class: type[PostgreSql | MariaDb], mode: str
) -> None:
    chance = random.Random(f"{server_class.__name__} {mode}")
    server = PostgreSql() if server_class is PostgreSql else MariaDb({"innodb-flush-log-at-trx-commit": 2})
    try:
        server.start()
        server.create_database("shop")
        fill(server)
        worker = pipe(tmp_path, settings_of(server, mode))
        worker.start()
        with Writer(server, "shop") as writer:
            for number in range(9):
                arrived = len(ids(tmp_path))
                wait_for(lambda: len(ids(tmp_path)) > arrived + chance.randrange(500, 3_000), "rows arrive")  # noqa: B023
                kill(("worker", "task", "database")[number % 3], worker, server, chance)
            expected = {-number for number in range(1, ROWS + 1)}
            await_ids(expected, tmp_path)
        await_ids(expected | set(writer.committed), tmp_path)
        wait_for(lambda: len(tasks(worker)) == 1, "one task is left when all chunks are read")
        worker.stop()
    finally:
        with suppress(Exception):
            worker.kill()
        server.remove()


def await_ids(expected: set[int], folder: Path) -> None:
    wait_while_it_moves(
        lambda: expected <= set(ids(folder)),
        lambda: len(ids(folder)),
        lambda: f"missing: {sorted(expected - set(ids(folder)))[:20]}",
    )


@pytest.mark.parametrize("server_class", [PostgreSql, MariaDb])
def test_three_tasks_read_the_chunks_of_a_table_and_each_row_once(
    tmp_path: Path, server_class: type[PostgreSql | MariaDb]
) -> None:
    server = server_class()
    try:
        server.start()
        server.create_database("shop")
        fill(server)
        settings = {**settings_of(server, "incrementing"), "batch.max.rows": "500", "table.poll.interval.ms": "600000"}
        with running(pipe(tmp_path, settings)) as worker:
            wait_for(lambda: len(ids(tmp_path)) == ROWS, lambda: str(len(ids(tmp_path))), seconds=60)
            assert set(ids(tmp_path)) == {-number for number in range(1, ROWS + 1)}
            assert [json.loads(each["config"]["x.snapshot.plan"])["share"] for each in tasks(worker)] == [0, 1, 2]
    finally:
        server.remove()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_table_is_cut_by_what_it_has_at_the_time_up_to_which_chunks_are_read(
    request: pytest.FixtureRequest, kind: str
) -> None:
    target: Target = request.getfixturevalue(f"{kind}_target")
    writer, reader = target.session(), target.session()
    for table in ("a", "b"):
        writer.run(
            f"CREATE TABLE {table} (id bigint PRIMARY KEY, at timestamp NOT NULL)",
            f"INSERT INTO {table} VALUES (1, '2024-01-01'), (25, '2024-01-01')",
        )
    settings = {"mode": "timestamp+incrementing", "timestamp.column.name": "at", "incrementing.column.name": "id"}
    config = load(JdbcSourceConfig, {**target.settings, **settings, "x.snapshot.chunk.size": "10"})
    planner = SnapshotPlanner(config, reader.dialect, Log())
    a, b = reader.dialect.table_id("a"), reader.dialect.table_id("b")
    assert planner.plans(reader.connection, [a])[a].end == 30
    # meanwhile, where the transaction that lists the tables may see none of it
    writer.run("INSERT INTO b VALUES (75, '2024-01-01')")
    assert planner.plans(reader.connection, [b])[b].end == 80
