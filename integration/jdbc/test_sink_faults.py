"""Records that a database refuses, and databases that go away (spec/jdbc.md 10 and 15)."""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from decimal import Decimal

import pytest

from integration.chaos.pipes import wait_for
from integration.jdbc.sinks import UPSERT, rows, sinking
from integration.jdbc.sleeper import PLACE
from integration.services.proxy import Proxy
from linkspan.api import (
    BatchError,
    ConnectError,
    CredentialsError,
    DataError,
    RetriableError,
    Schema,
    ThrottledError,
    schema,
)
from linkspan_connectors.jdbc.bulk.way import Statement
from tests.connectors.jdbc.sinking import order, put, struct

pytestmark = pytest.mark.integration

FIELDS = {
    "id": schema.OPTIONAL_INT64,
    "small": schema.OPTIONAL_INT64,
    "name": schema.OPTIONAL_STRING,
    "price": schema.decimal_of(2, optional=True),
    "needed": schema.OPTIONAL_STRING,
}
TOLERANT = {"errors_tolerance": "all"}


def record(number, **changes):
    value = {"id": number, "small": 1, "name": "n", "price": Decimal("1.00"), "needed": "x", **changes}
    return struct(FIELDS, value, offset=number)


@pytest.fixture
def narrow(target):
    if target.kind == "sqlite":
        pytest.skip("its columns take anything")
    target.session().run(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, small SMALLINT, name VARCHAR(5), price DECIMAL(4,2), "
        "needed VARCHAR(20) NOT NULL)"
    )
    return target


def refused(task, *records):
    with pytest.raises(BatchError) as caught:
        put(task, *records)
    return caught.value.failures


BAD = {
    "number out of range": ({"small": 40000}, "small"),
    "number far out of range": ({"small": 2**40}, "small"),
    "text too long": ({"name": "abcdef"}, "name"),
    "decimal too large": ({"price": Decimal("100.00")}, "price"),
    "null where it is not allowed": ({"needed": None}, "needed"),
    "text that is no UTF-8": ({"name": "\ud800"}, "name"),
}


@pytest.mark.parametrize("mode", [{}, {"insert_mode": "upsert", "pk_mode": "record_value", "pk_fields": "id"}])
@pytest.mark.parametrize("name", BAD)
def test_only_the_record_at_fault_is_refused_with_table_column_and_place(narrow, name, mode):
    changes, column = BAD[name]
    with sinking(narrow, **TOLERANT, **mode) as task:
        found = refused(task, *[record(number, **(changes if number == 33 else {})) for number in range(100)])
        assert list(found) == [33]
        text = str(found[33])
        assert "orders" in text.partition(" failed")[0]
        assert re.search(rf"(?i)column [`'\"\w.]*{column}\b", text.partition(" failed")[2])
        assert "orders-0@33" in text
        put(task, record(200))
    assert rows(narrow, "SELECT count(*) FROM orders") == [(100,)]


def test_a_text_that_is_no_utf_8_is_told_without_the_row(narrow):
    with sinking(narrow, **TOLERANT) as task:
        (failure,) = refused(task, record(1), record(2, name="\ud800", needed="hush")).values()
    assert "surrogates not allowed" in str(failure)
    assert "hush" not in str(failure)


@pytest.mark.parametrize("where", [0, 99])
def test_a_key_that_is_there_already_is_refused_alone(narrow, where):
    with sinking(narrow, **TOLERANT) as task:
        put(task, record(where))
        found = refused(task, *[record(number) for number in range(100)], record(50))
    assert sorted(found) == [where, 100]
    assert rows(narrow, "SELECT count(*) FROM orders") == [(100,)]


def test_many_bad_records_harm_no_good_one_and_the_driver_says_nothing_about_them(narrow, caplog):
    with sinking(narrow, batch_size="64", **TOLERANT) as task:
        records = [record(number, needed=None if number % 3 == 0 else "x") for number in range(300)]
        assert sorted(refused(task, *records)) == list(range(0, 300, 3))
    assert [record for record in caplog.records if record.name in ("psycopg", "pymysql")] == []
    assert rows(narrow, "SELECT count(*) FROM orders") == [(200,)]


@pytest.mark.parametrize(("count", "every"), [(490, 400), (300, 10)])
def test_a_refused_record_costs_few_exchanges_where_the_database_tells_which_it_is(narrow, monkeypatch, count, every):
    written = []
    write = Statement.write
    monkeypatch.setattr(Statement, "write", lambda *args: (written.append(len(args[2])), write(*args))[1])
    bad = [number for number in range(count) if number % every == every - 1]
    with sinking(narrow, **TOLERANT) as task:
        records = [record(number, needed=None if number in bad else "x") for number in range(count)]
        assert sorted(refused(task, *records)) == bad
    # what is up to the next one, that alone, and what is behind it; the first time all is sent
    assert len(written) <= 4 * len(bad) + 10
    assert sum(written) <= 4 * count
    assert rows(narrow, "SELECT count(*) FROM orders") == [(count - len(bad),)]


def test_a_refused_record_fails_the_put_and_nothing_is_written_when_errors_are_not_tolerated(narrow):
    with sinking(narrow) as task:
        assert list(refused(task, *[record(number) for number in range(50)], record(50, needed=None))) == [50]
    assert rows(narrow, "SELECT count(*) FROM orders") == [(0,)]


def test_values_stay_out_of_messages_when_that_is_wanted(postgresql_target):
    postgresql_target.session().run("CREATE TABLE orders (id BIGINT PRIMARY KEY, item TEXT NOT NULL, amount FLOAT)")
    with sinking(postgresql_target, trim_sensitive_log="true") as task:
        failure = refused(task, order(1, None, 0.77123))[0]
        assert "0.77123" not in str(failure)
        assert "item" in str(failure)


def test_a_record_that_is_refused_at_the_commit_only_is_found_all_the_same(postgresql_target):
    session = postgresql_target.session()
    session.run(
        "CREATE TABLE items (item TEXT PRIMARY KEY)",
        "INSERT INTO items VALUES ('x')",
        "CREATE TABLE orders (id BIGINT, item TEXT REFERENCES items DEFERRABLE INITIALLY DEFERRED, amount FLOAT)",
    )
    for count in (0, 50):
        records = [order(1000 * count + number) for number in range(count)]
        with sinking(postgresql_target, **TOLERANT) as task:
            found = refused(task, *records, order(1), order(2, "nowhere"), order(3))
            assert list(found) == [count + 1]
            assert "Committing what was written failed" in str(found[count + 1])
            assert "orders-0@2" in str(found[count + 1])
    assert rows(postgresql_target, "SELECT count(*) FROM orders WHERE id = 2") == [(0,)]
    assert rows(postgresql_target, "SELECT count(*) FROM orders") == [(54,)]


def test_keys_that_the_database_takes_for_one_are_written_in_their_order(postgresql_target):
    postgresql_target.session().run("CREATE TABLE orders (id CHAR(5) PRIMARY KEY, amount INT)")
    fields = {"id": schema.STRING, "amount": schema.INT32}
    keys = {"insert_mode": "upsert", "pk_mode": "record_value", "pk_fields": "id"}
    with sinking(postgresql_target, **keys) as task:
        records = [struct(fields, {"id": f"a{at}", "amount": 0}) for at in range(40)]
        put(task, *records, struct(fields, {"id": "a1", "amount": 1}), struct(fields, {"id": "a1  ", "amount": 2}))
    assert rows(postgresql_target, "SELECT amount FROM orders WHERE id = 'a1'") == [(2,)]


def test_a_column_that_went_away_is_added_anew(target):
    if target.kind == "sqlite":
        pytest.skip("of the unit tests")
    with sinking(target, auto_create="true", auto_evolve="true") as task:
        put(task, order(1))
        target.session().run("ALTER TABLE orders DROP COLUMN amount")
        put(task, *[order(number, "x", 1.5) for number in range(2, 40)])
    assert rows(target)[:2] == [(1, "x", None), (2, "x", 1.5)]


def test_a_table_that_the_database_will_not_make_is_the_fault_of_its_records(mariadb_target):
    # so many digits are too many there
    fields = {"d": schema.decimal_of(50, optional=True)}
    with sinking(mariadb_target, auto_create="true", **TOLERANT) as task:
        found = refused(task, struct(fields, {"d": None}), struct({"n": schema.INT32}, {"n": 1}, topic="numbers"))
        assert list(found) == [0]
        assert "Creating table" in str(found[0])
    assert rows(mariadb_target, "SELECT n FROM numbers") == [(1,)]


def test_a_right_that_is_missing_fails_the_task_at_once(postgresql_target):
    session = postgresql_target.session()
    session.run(
        "CREATE TABLE orders (id BIGINT, item TEXT, amount FLOAT)",
        "DROP ROLE IF EXISTS reader",
        "CREATE ROLE reader LOGIN PASSWORD 'reader'",
        "GRANT SELECT ON orders TO reader",
    )
    other = postgresql_target._replace(user="reader", password="reader")
    for count in (1, 60):
        with sinking(other, **TOLERANT) as task, pytest.raises(CredentialsError, match="orders"):
            put(task, *[order(number) for number in range(count)])
    session.run("REVOKE ALL ON orders FROM reader", "DROP ROLE reader")


# -- databases that go away --------------------------------------------------------------------------------------------


@pytest.fixture(params=["postgresql", "mariadb"])
def proxied(request):
    """A database behind a proxy, with the database itself."""
    target = request.getfixturevalue(f"{request.param}_target")
    proxy = Proxy()
    head, _, tail = target.url.partition("//")
    address, _, name = tail.partition("/")
    proxy.target = address
    yield target._replace(url=f"{head}//{proxy.address}/{name}"), target, proxy
    proxy.close()


def table(target):
    target.session().run("CREATE TABLE orders (id BIGINT PRIMARY KEY, item VARCHAR(20), amount DOUBLE PRECISION)")


WAITING = {
    "postgresql": "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN "
    "(SELECT pid FROM pg_stat_activity WHERE datname = current_database())",
    "mariadb": "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
}


def when_it_waits(target, action):
    """A thread that acts as soon as somebody waits for a lock."""

    def run():
        wait_for(lambda: rows(target, WAITING[target.kind])[0][0] > 0, "nobody waits for a lock")
        action()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


QUICK = {"retry_backoff_ms": "0", "connection_backoff_ms": "0", "connection_attempts": "1"}


def test_a_connection_that_is_cut_between_two_puts_is_made_anew_at_the_latest_when_the_records_come_again(proxied):
    through, target, proxy = proxied
    table(target)
    with sinking(through, **QUICK) as task:
        put(task, order(1))
        proxy.cut()
        proxy.mend()
        # a connection that was in use a moment ago is not asked whether it works
        with suppress(ThrottledError):
            put(task, order(2))
        if [row[0] for row in rows(target)] == [1]:
            put(task, order(2))
    assert [row[0] for row in rows(target)] == [1, 2]


@pytest.mark.parametrize("count", [3, 100])
def test_a_connection_that_is_cut_within_a_put_leaves_nothing_and_the_records_come_again(proxied, count):
    through, target, proxy = proxied
    table(target)
    blocker = target.session()
    with sinking(through, **QUICK, **UPSERT) as task:
        put(task, order(0))
        # the put waits for this row when the connection is cut
        blocker.dialect.run(blocker.connection, "UPDATE orders SET item = 'blocked' WHERE id = 0")
        cut = when_it_waits(target, proxy.cut)
        records = [order(number) for number in reversed(range(count))]
        with pytest.raises(RetriableError):
            put(task, *records)
        cut.join()
        blocker.connection.rollback()
        proxy.mend()
        assert len(rows(target)) == 1
        put(task, *records)
    assert len(rows(target)) == count


def without_key(target):
    target.session().run("CREATE TABLE orders (id BIGINT, item VARCHAR(20), amount DOUBLE PRECISION)")


@pytest.mark.parametrize("count", [3, 100])
def test_a_commit_whose_answer_is_lost_is_found_in_the_table_of_offsets(proxied, count):
    through, target, proxy = proxied
    without_key(target)
    with sinking(through, **QUICK, x_exactly_once="true") as task:
        task.open([PLACE])
        task.stored_offsets([PLACE])
        proxy.cut_behind(b"COMMIT")
        with pytest.raises(RetriableError):
            put(task, *[order(number) for number in range(count)])
        wait_for(lambda: len(rows(target)) == count, lambda: rows(target))
        assert task.stored_offsets([PLACE]) == {PLACE: count}
        put(task, order(count))
    assert [row[0] for row in rows(target)] == list(range(count + 1))


SLOW_COMMIT = """
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER waiting AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION wait();
    SELECT pg_advisory_lock(7)
"""


@pytest.mark.parametrize("proxied", ["postgresql"], indirect=True)
@pytest.mark.parametrize("who", ["the same task", "another task"])
def test_what_a_lost_connection_still_commits_is_waited_for(proxied, who):
    through, target, proxy = proxied
    without_key(target)
    blocker = target.session()
    blocker.run(SLOW_COMMIT)

    def let_go():
        try:
            # the commit, and who asks for the offset
            wait_for(lambda: rows(target, WAITING["postgresql"])[0][0] > 1, "nobody waits for the commit")
        finally:
            blocker.run("SELECT pg_advisory_unlock(7)")

    once = {**QUICK, "x_exactly_once": "true"}
    with sinking(through, **once) as before, sinking(through, **once) as after:
        before.open([PLACE])
        before.stored_offsets([PLACE])
        proxy.cut_behind(b"COMMIT")
        with pytest.raises(RetriableError):
            put(before, *[order(number) for number in range(30)])
        task = before if who == "the same task" else after
        if task is after:
            task.open([PLACE])
        meanwhile = threading.Thread(target=let_go)
        meanwhile.start()
        assert task.stored_offsets([PLACE]) == {PLACE: 30}
        meanwhile.join()
        put(task, order(30))
    assert [row[0] for row in rows(target)] == list(range(31))


def test_a_database_that_cannot_be_reached_is_given_up_after_the_retries(proxied):
    through, target, proxy = proxied
    table(target)
    with sinking(through, **QUICK, max_retries="2") as task:
        put(task, order(1))
        proxy.cut()
        for _ in range(2):
            with pytest.raises(RetriableError):
                put(task, order(2))
        with pytest.raises(ConnectError, match="Given up after 2 retries") as caught:
            put(task, order(2))
        assert not isinstance(caught.value, RetriableError)
        assert not isinstance(caught.value, DataError)
        proxy.mend()
        put(task, order(2))
    assert [row[0] for row in rows(target)] == [1, 2]


def test_attempts_to_connect_count_as_one_retry(proxied):
    through, target, proxy = proxied
    table(target)
    proxy.cut()
    with sinking(through, **{**QUICK, "connection_attempts": "3"}, max_retries="1") as task:
        for _ in range(5):
            with pytest.raises(RetriableError):
                put(task, order(1))
        with pytest.raises(ConnectError, match="Given up after 1 retries"):
            put(task, order(1))


def test_a_deadlock_is_tried_again(target):
    if target.kind == "sqlite":
        pytest.skip("it has one lock only")
    table(target)
    keys = {"id": schema.INT64}
    settings = {"insert_mode": "upsert", "pk_mode": "record_value", "pk_fields": "id", "retry_backoff_ms": "1"}
    fields: dict[str, Schema] = {**keys, "item": schema.STRING}
    other = target.session()
    with sinking(target, **settings) as task:
        put(task, *[struct(fields, {"id": at, "item": "a"}) for at in (1, 2)])
        other.dialect.run(other.connection, "UPDATE orders SET item = 'b' WHERE id = 2")
        met = []

        def second():
            try:
                other.dialect.run(other.connection, "UPDATE orders SET item = 'b' WHERE id = 1")
                other.connection.commit()
            except Exception as error:  # noqa: BLE001 - whoever the database chooses
                met.append(error)
                other.connection.rollback()

        waiting = when_it_waits(target, second)
        records = [struct(fields, {"id": at, "item": "c"}) for at in (1, 2)]
        try:
            put(task, *records)
        except RetriableError as error:
            met.append(error)
            waiting.join()
            put(task, *records)
        waiting.join()
    assert len(met) == 1
    assert {item for _, item, _ in rows(target)} <= {"b", "c"}


class SlowReporter:
    """Whose letters are written when the server has given up a transaction that waits for them."""

    def __init__(self, target):
        self.target = target

    def report(self, *_):
        return self

    def wait(self):
        idle = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'orders-0'"
        )
        wait_for(lambda: rows(self.target, idle) == [(0,)], "the transaction is given up")
        return True


def test_a_transaction_that_was_idle_for_too_long_is_done_anew(postgresql_target):
    postgresql_target.session().run("CREATE TABLE orders (id BIGINT, item TEXT NOT NULL, amount FLOAT)")
    query = "?options=-c%20idle_in_transaction_session_timeout=100"
    with sinking(postgresql_target, query, x_exactly_once="true", **TOLERANT) as task:
        task.context.errant_record_reporter = SlowReporter(postgresql_target)
        task.open([PLACE])
        task.stored_offsets([PLACE])
        with pytest.raises(RetriableError, match="25P03"):
            put(task, order(1, None), order(2))
        put(task, order(1, None), order(2))
        assert task.stored_offsets([PLACE]) == {PLACE: 3}
    assert rows(postgresql_target) == [(2, "x", None)]
