"""One connection: opened, looked at before it is used again, given up (spec/jdbc.md 2.1)."""

import threading

import pytest

from linkspan.api import CredentialsError, UnreachableError
from linkspan_connectors.jdbc.client import Attempts, Client
from linkspan_connectors.jdbc.credentials import Credentials
from linkspan_connectors.jdbc.dialects import dialect_of
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.urls import parse


def made(refusals=(), **options):
    """A client of SQLite, and how often it was tried; the first attempts are refused."""
    dialect = dialect_of(Settings(parse("jdbc:sqlite::memory:")))
    waiting, tried, connect = list(refusals), [], dialect.connect

    def tried_connect(credentials, application):
        tried.append((credentials.user, application))
        if waiting:
            raise waiting.pop(0)
        return connect(credentials, application)

    dialect.connect = tried_connect
    return Client(dialect, lambda: Credentials(f"user {len(tried)}"), "source-0", **options), tried


def test_a_connection_is_kept_as_long_as_it_works():
    client, tried = made()
    first = client.connection()
    assert client.connection() is first
    first.close()
    assert client.connection() is not first
    assert client.opened == 2
    assert tried == [("user 0", "source-0"), ("user 1", "source-0")]
    client.close()


def test_opening_is_tried_as_often_as_configured():
    stopping = threading.Event()
    down = [UnreachableError("down")] * 2
    client, tried = made(down, attempts=Attempts(3, 0.0), stopping=stopping)
    client.connection()
    assert len(tried) == 3
    client.close()
    client, tried = made([UnreachableError("down")] * 5, attempts=Attempts(3, 0.0), stopping=stopping)
    with pytest.raises(UnreachableError, match="down"):
        client.connection()
    assert len(tried) == 3


def test_an_attempt_that_has_failed_is_told_before_the_pause():
    client, tried = made([UnreachableError("down")] * 2, attempts=Attempts(3, 0.0), stopping=threading.Event())
    told: list[int] = []
    client.on_outage = lambda: told.append(len(tried))
    client.connection()
    assert told == [1, 2]
    client.close()


def test_waiting_ends_when_nobody_wants_the_connection():
    stopping = threading.Event()
    stopping.set()
    client, tried = made([UnreachableError("down")] * 5, attempts=Attempts(3, 3600.0), stopping=stopping)
    with pytest.raises(UnreachableError):
        client.connection()
    assert len(tried) == 1


def test_without_a_way_to_wait_a_call_is_one_attempt_and_none_too_early(monkeypatch):
    slept = []
    monkeypatch.setattr("linkspan_connectors.jdbc.client.time.sleep", slept.append)
    client, tried = made([UnreachableError("down")] * 5, attempts=Attempts(3, 3600.0))
    for _ in range(3):
        with pytest.raises(UnreachableError, match="down"):
            client.connection()
    assert len(tried) == 1
    assert slept == [1.0, 1.0]


def test_a_refused_user_is_not_tried_again():
    client, tried = made([CredentialsError("no")], attempts=Attempts(3, 0.0), stopping=threading.Event())
    with pytest.raises(CredentialsError):
        client.connection()
    assert len(tried) == 1


def test_what_was_not_committed_is_undone_when_the_connection_is_given_up(tmp_path):
    client = Client(dialect_of(Settings(parse(f"jdbc:sqlite:{tmp_path / 'x.db'}"))), Credentials, "x")
    client.connection().execute("CREATE TABLE t (a)")
    client.connection().execute("INSERT INTO t VALUES (1)")
    client.reset()
    assert client.dialect.ask(client.connection(), "SELECT * FROM t") == []
    client.close()
