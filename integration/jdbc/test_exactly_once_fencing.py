"""Who may write with ``x.exactly.once``, on real databases, and what is said when a right is missing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from integration.jdbc.sinks import UPSERT, rows, sinking
from integration.jdbc.sleeper import FENCED, PLACE, ROWS
from integration.jdbc.targets import Target
from linkspan.api import (
    ConfigError,
    CredentialsError,
    FencedError,
    RetriableError,
    Schema,
    SinkRecord,
    TopicPartition,
    Type,
    schema,
)
from linkspan.api.records import SinkRecords
from tests.connectors.jdbc.sinking import gone, order, put

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

ONCE = {"x_exactly_once": "true"}
TABLE = "CREATE TABLE orders (id BIGINT{}, item VARCHAR(20), amount DOUBLE PRECISION)"


def epochs(target: Target) -> list[tuple[int | None, int]]:
    return rows(target, "SELECT next_offset, epoch FROM linkspan_connect_offsets ORDER BY topic")


@pytest.fixture(params=["postgresql", "mariadb"])
def served(request: pytest.FixtureRequest) -> Target:
    """A database that several write to at once; SQLite has one lock."""
    target: Target = request.getfixturevalue(f"{request.param}_target")
    target.session().run(TABLE.format(""))
    return target


def test_a_task_that_is_frozen_within_its_transaction_cannot_write_when_it_wakes_up(served: Target) -> None:
    settings = {key.replace(".", "_"): value for key, value in served.settings.items()}
    settings["url"] = settings.pop("connection_url")
    command = [sys.executable, "-m", "integration.jdbc.sleeper", json.dumps({**settings, **ONCE})]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sleeper:
        try:
            _, status = os.waitpid(sleeper.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status), status
            with sinking(served, **ONCE) as task:
                task.open([PLACE])
                assert task.stored_offsets([PLACE]) == {PLACE: None}
                put(task, *[order(number) for number in range(ROWS)])
                os.kill(sleeper.pid, signal.SIGCONT)
                said, _ = sleeper.communicate(timeout=60)
                assert sleeper.returncode == FENCED
                assert "Another task writes orders-0" in said
                put(task, order(ROWS))
        finally:
            with suppress(ProcessLookupError):
                sleeper.kill()
    assert [number for number, _, _ in rows(served)] == list(range(ROWS + 1))
    assert epochs(served) == [(ROWS + 1, 2)]


def test_nothing_is_written_by_who_has_lost_the_partition_however_many_rows_it_has(target: Target) -> None:
    target.session().run(TABLE.format(""))
    with sinking(target, **ONCE) as before, sinking(target, **ONCE) as after:
        before.open([PLACE])
        before.stored_offsets([PLACE])
        put(before, order(0))
        after.open([PLACE])
        assert after.stored_offsets([PLACE]) == {PLACE: 1}
        for count in (1, 700):
            with pytest.raises(FencedError):
                put(before, *[order(number) for number in range(1, 1 + count)])
        put(after, order(1))
    assert [number for number, _, _ in rows(target)] == [0, 1]


@pytest.mark.parametrize("mode", ["insert", "upsert", "update"])
def test_every_mode_moves_offsets_with_its_rows(target: Target, mode: str) -> None:
    target.session().run(TABLE.format(" PRIMARY KEY"), "INSERT INTO orders VALUES (1, 'a', 1), (2, 'b', 2)")
    changes = {**ONCE, **UPSERT, "insert_mode": mode, "delete_enabled": "true"}
    with sinking(target, **changes) as task:
        task.open([PLACE])
        task.stored_offsets([PLACE])
        put(task, gone(1, 0), gone(2, 1))
        put(task, *[order(number) for number in range(2, 100)])
        put(task, *[gone(number, 98 + number) for number in range(2, 50)])
    assert epochs(target) == [(148, 1)]
    assert [number for number, _, _ in rows(target)] == ([] if mode == "update" else list(range(50, 100)))


def test_tables_are_made_and_extended_without_a_commit_of_rows_in_between(target: Target) -> None:
    with sinking(target, **ONCE, auto_create="true", auto_evolve="true") as task:
        task.open([PLACE])
        task.stored_offsets([PLACE])
        put(task, order(0))
        target.session().run("ALTER TABLE orders DROP COLUMN amount") if target.kind != "sqlite" else None
        put(task, *[order(number, "x", 1.5) for number in range(1, 40)])
    assert len(rows(target)) == 40
    assert epochs(target) == [(40, 1)]


def test_names_that_differ_in_capitals_only_are_told_apart(target: Target) -> None:
    target.session().run(TABLE.format(""))
    places = [TopicPartition("orders", 0), TopicPartition("Orders", 0)]
    with sinking(target, **ONCE) as task:
        task.open(places)
        task.stored_offsets(places)
        put(task, order(0))
        assert task.stored_offsets(places) == {places[0]: 1, places[1]: None}


@pytest.mark.parametrize("engine", ["MyISAM", "Aria"])
def test_tables_whose_changes_cannot_be_undone_are_refused(mariadb_target: Target, engine: str) -> None:
    session = mariadb_target.session()
    session.run(f"{TABLE.format('')} ENGINE={engine}")
    with sinking(mariadb_target, **ONCE, errors_tolerance="all") as task:
        task.open([PLACE])
        task.stored_offsets([PLACE])
        with pytest.raises(ConfigError, match=r"x\.exactly\.once.*orders.*no part of transactions"):
            put(task, order(0))
    assert rows(mariadb_target) == []
    short = "MODIFY connector VARCHAR(50) NOT NULL, MODIFY topic VARCHAR(50) NOT NULL"
    session.run(f"ALTER TABLE linkspan_connect_offsets {short}, ENGINE={engine}", "ALTER TABLE orders ENGINE=InnoDB")
    with sinking(mariadb_target, **ONCE) as task, pytest.raises(ConfigError, match=r"x\.offsets\.table"):
        task.stored_offsets([PLACE])
    session.run("ALTER TABLE linkspan_connect_offsets ENGINE=InnoDB")
    with sinking(mariadb_target, **ONCE) as task:
        task.open([PLACE])
        task.stored_offsets([PLACE])
        put(task, order(0))
    assert len(rows(mariadb_target)) == 1


def test_names_without_quotes_are_no_hindrance(target: Target) -> None:
    target.session().run(TABLE.format(""))
    with sinking(target, **ONCE, quote_sql_identifiers="never") as task:
        task.open([PLACE])
        task.stored_offsets([PLACE])
        put(task, order(0))
    assert epochs(target) == [(1, 1)]


def test_two_who_take_a_partition_over_at_once_do_so_one_after_the_other(served: Target) -> None:
    with sinking(served, **ONCE) as task:
        task.open([PLACE])
        task.stored_offsets([PLACE])
    with sinking(served, **ONCE) as first, sinking(served, **ONCE) as second:
        for task in (first, second):
            task.open([PLACE])
        found = []
        for task in (first, second, first):
            try:
                found.append(task.stored_offsets([PLACE]))
            except (RetriableError, FencedError) as error:
                found.append(type(error))
        # the first one hears that the second has it
        assert found == [{PLACE: None}, {PLACE: None}, FencedError]


def test_tasks_that_make_the_same_tables_at_once_do_not_get_in_each_others_way(served: Target) -> None:
    served.session().run("DROP TABLE orders")
    count = 4
    errors: list[Exception] = []
    ready = threading.Barrier(count, timeout=60)

    def until_done(call: Callable[[], object]) -> None:
        while True:
            with suppress(RetriableError):
                call()
                return

    def run(number: int) -> None:
        place = TopicPartition("orders", number)
        fields: dict[str, Schema] = {"id": schema.INT32} | {f"c{at}": schema.OPTIONAL_INT32 for at in range(number)}
        value = dict.fromkeys(fields, number)
        batch = SinkRecords([SinkRecord("orders", number, 0, value, Schema(Type.STRUCT, fields=fields))])
        try:
            with sinking(served, **ONCE, auto_create="true", auto_evolve="true", retry_backoff_ms="1") as task:
                task.open([place])
                ready.wait()
                until_done(lambda: task.stored_offsets([place]))
                ready.wait()
                until_done(lambda: task.put(batch))
        except Exception as error:  # noqa: BLE001 - told by the test's thread
            errors.append(error)
            ready.abort()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert rows(served, "SELECT count(*), count(c0), count(c2) FROM orders") == [(4, 3, 1)]
    assert epochs(served) == [(1, 1)] * count


def test_a_right_that_is_missing_is_named_with_what_to_do(postgresql_target: Target) -> None:
    session = postgresql_target.session()
    session.run(
        TABLE.format(""),
        "DROP ROLE IF EXISTS writer",
        "CREATE ROLE writer LOGIN PASSWORD 'writer'",
        "GRANT SELECT, INSERT ON orders TO writer",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    )
    other = postgresql_target._replace(user="writer", password="writer")
    try:
        with sinking(other, **ONCE) as task:
            task.open([PLACE])
            with pytest.raises(CredentialsError) as caught:
                task.stored_offsets([PLACE])
        text = str(caught.value)
        assert "x.offsets.table" in text
        assert "permission denied for schema public" in text
        statement = text.partition("Have it made: ")[2].partition("; and grant")[0]
        assert text.endswith("grant SELECT, INSERT and UPDATE on it to the connector's user")
        session.run(statement, "GRANT SELECT, INSERT ON linkspan_connect_offsets TO writer")
        with sinking(other, **ONCE) as task:
            task.open([PLACE])
            task.stored_offsets([PLACE])
            with pytest.raises(CredentialsError, match="needs SELECT, INSERT and UPDATE"):
                put(task, order(0))
        session.run("GRANT UPDATE ON linkspan_connect_offsets TO writer")
        with sinking(other, **ONCE) as task:
            task.open([PLACE])
            task.stored_offsets([PLACE])
            put(task, order(0))
    finally:
        session.connection.rollback()
        session.run("DROP OWNED BY writer", "DROP ROLE writer")
    assert [number for number, _, _ in rows(postgresql_target)] == [0]
