"""Ids that are committed in another order than they were taken, on PostgreSQL (spec/jdbc.md 6.2 and 18.4)."""

from __future__ import annotations

import random
import threading
import types
from collections.abc import Iterator
from contextlib import closing

import pytest

from integration.jdbc.targets import Session, Target
from linkspan.api import ConfigError
from linkspan.config.definition import load
from linkspan_connectors.jdbc.source import JdbcSourceTask
from linkspan_connectors.jdbc.source_config import JdbcSourceConfig
from linkspan_connectors.jdbc.source_connector import JdbcSourceConnector
from tests.connectors.jdbc.sourcing import SourceTasks, polled, values

pytestmark = pytest.mark.integration

SAFE = {"mode": "incrementing", "x.gap.safe": "true"}


@pytest.fixture
def tasks(postgresql_target) -> Iterator[SourceTasks]:
    made = SourceTasks({**postgresql_target.settings, **SAFE}, '"')
    yield made
    made.stop()


def nothing_comes(task: JdbcSourceTask) -> bool:
    """Whether several statements find nothing; a poll waits for one that finds something."""
    return all(task.poll() is None for _ in range(3))


def insert(session: Session, table: str = "t") -> None:
    session.dialect.run(session.connection, f"INSERT INTO {table} DEFAULT VALUES")


@pytest.mark.parametrize("is_safe", [True, False])
def test_a_row_that_is_committed_later_than_its_follower_is_read_first_or_missed(postgresql_target, tasks, is_safe):
    early, late = postgresql_target.session(), postgresql_target.session()
    early.run("CREATE TABLE t (id bigserial PRIMARY KEY)")
    task = tasks.start("t", x_gap_safe=str(is_safe).lower())
    insert(early)
    insert(late)
    late.connection.commit()
    if not is_safe:
        assert values(polled(task)) == [2]
        early.connection.commit()
        assert nothing_comes(task)
        return
    assert nothing_comes(task)
    early.connection.commit()
    assert values(polled(task)) == [1, 2]


def test_an_id_that_was_taken_by_a_transaction_without_a_number_is_waited_for(postgresql_target, tasks):
    early, late = postgresql_target.session(), postgresql_target.session()
    early.run(
        "CREATE TABLE t (id bigserial PRIMARY KEY)",
        # takes its id, and waits before it has a row and a number
        "CREATE FUNCTION slow() RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE taken bigint; BEGIN "
        "taken := nextval('t_id_seq'); PERFORM pg_advisory_lock_shared(7); RETURN taken; END $$",
    )
    late.run("SELECT nextval('t_id_seq')")  # the sequence is logged: the next to take an id needs no number for that
    late.run("SELECT pg_advisory_lock(7)")
    insertion = threading.Thread(target=early.run, args=("INSERT INTO t VALUES (slow())",))
    insertion.start()
    while not late.rows("SELECT 1 AS x FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
        pass
    state = "SELECT backend_xid::text AS x FROM pg_stat_activity WHERE wait_event = 'advisory'"
    assert late.rows(state) == [{"x": None}]
    insert(late)
    late.connection.commit()
    task = tasks.start("t")
    assert nothing_comes(task)
    late.run("SELECT pg_advisory_unlock(7)")
    assert values(polled(task)) == [2, 3]
    insertion.join()


def test_a_transaction_that_wrote_elsewhere_may_have_taken_an_id(postgresql_target, tasks):
    early, late = postgresql_target.session(), postgresql_target.session()
    early.run("CREATE TABLE t (id bigserial PRIMARY KEY)", "CREATE TABLE other (id bigserial PRIMARY KEY)")
    insert(early, "other")
    (taken,) = early.dialect.ask(early.connection, "SELECT nextval('t_id_seq')")
    insert(late)
    late.connection.commit()
    task = tasks.start("t")
    assert nothing_comes(task)
    early.dialect.run(early.connection, f"INSERT INTO t VALUES ({taken[0]})")
    early.connection.commit()
    assert values(polled(task)) == [1, 2]


def test_who_writes_to_a_partition_or_to_the_table_of_partitions_is_waited_for(postgresql_target):
    early, late = postgresql_target.session(), postgresql_target.session()
    early.run(
        "CREATE SEQUENCE numbers",
        "CREATE TABLE t (id bigint NOT NULL DEFAULT nextval('numbers'), kind int NOT NULL DEFAULT 1) "
        "PARTITION BY LIST (kind)",
        "CREATE TABLE one PARTITION OF t FOR VALUES IN (1)",
        "ALTER TABLE one ALTER id SET DEFAULT nextval('numbers')",
    )
    found = {}
    for table, name in ((early, "t"), (late, "one")):
        insert(table, name)
        for asked in ("t", "one"):
            session = postgresql_target.session()
            found[name, asked] = session.dialect.writers(session.connection, session.dialect.table_id(asked)).holders
        table.connection.rollback()
    assert all(len(holders) == 1 for holders in found.values())


def test_ids_of_a_wider_type_are_read_on(postgresql_target, tasks):
    session = postgresql_target.session()
    session.run("CREATE TABLE t (id serial PRIMARY KEY)")
    task = tasks.start("t")
    for number in range(1, 10):  # until the driver has its statements prepared
        insert(session)
        session.connection.commit()
        assert values(polled(task)) == [number]
    session.run("ALTER TABLE t ALTER id TYPE bigint", "INSERT INTO t VALUES (5000000000)")
    assert values(polled(task)) == [5_000_000_000]


def test_an_isolation_with_one_snapshot_is_refused(postgresql_target, tasks):
    postgresql_target.session().run("CREATE TABLE t (id bigserial PRIMARY KEY)")
    task = tasks.start("t", transaction_isolation_mode="REPEATABLE_READ")
    with pytest.raises(ConfigError, match="repeatable read"):
        polled(task)


def test_chunks_are_cut_in_the_isolation_that_is_set_whatever_the_server_has(postgresql_target, tasks):
    postgresql_target.session().run(
        "CREATE TABLE t (id bigserial PRIMARY KEY)", "INSERT INTO t SELECT generate_series(1, 25)"
    )
    failures: list[Exception] = []
    connector = JdbcSourceConnector()
    connector.context = types.SimpleNamespace(  # type: ignore[assignment]
        connector="c", request_task_reconfiguration=None, raise_error=failures.append, offset_reader=tasks.log
    )
    settings = {**postgresql_target.settings, **SAFE, "table.whitelist": "t", "x.snapshot.chunk.size": "10"}
    settings["connection.url"] += "?options=-c%20default_transaction_isolation=serializable"
    connector.config = load(JdbcSourceConfig, {**settings, "transaction.isolation.mode": "READ_COMMITTED"})
    connector.start()
    try:
        (config,) = connector.task_configs(1)
        assert values(polled(tasks.start("t", **config))) == list(range(20, 26))
    finally:
        connector.stop()
    assert failures == []


def writing(target: Target, seed: int, ended: threading.Event, committed: list[int]) -> None:
    """Transactions of several rows with pauses between, some of which are undone."""
    chance, session = random.Random(seed), target.session()
    with closing(session.connection):
        while not ended.is_set():
            ids = []
            for _ in range(chance.randrange(1, 5)):
                ((number,),) = session.dialect.ask(session.connection, "INSERT INTO t DEFAULT VALUES RETURNING id")
                ids.append(number)
                ended.wait(chance.random() * 0.02)
            if chance.random() < 0.2:
                session.connection.rollback()
            else:
                session.connection.commit()
                committed.extend(ids)


def test_no_row_of_concurrent_writers_is_missed(postgresql_target, tasks):
    postgresql_target.session().run("CREATE TABLE t (id bigserial PRIMARY KEY)")
    ended = threading.Event()
    committed: list[int] = []
    threads = [threading.Thread(target=writing, args=(postgresql_target, seed, ended, committed)) for seed in range(6)]
    for thread in threads:
        thread.start()
    seen: list[int] = []
    try:
        task = tasks.start("t", poll_interval_ms="1")
        while len(seen) < 1000:
            seen += values(polled(task))
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    while len(seen) < len(committed):
        seen += values(polled(task))
    assert seen == sorted(committed)
