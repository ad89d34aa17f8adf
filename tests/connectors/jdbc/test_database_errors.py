"""What errors of databases ask for, and what their messages say (spec/jdbc.md 7, 10 and 15)."""

import psycopg
import pymysql
import pytest

from linkspan.api import (
    ConfigError,
    ConnectError,
    CredentialsError,
    DataError,
    NotFoundError,
    OutageError,
    RetriableError,
    ThrottledError,
    UnreachableError,
)
from linkspan_connectors.jdbc.dialects import dialect_of
from linkspan_connectors.jdbc.errors import Kind, Refusal, failure_of, kind_of_state
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.urls import parse

STATES = [
    ("08006", Kind.UNREACHABLE), ("40001", Kind.AGAIN), ("40P01", Kind.AGAIN), ("53300", Kind.FULL),
    ("53100", Kind.WAIT), ("55P03", Kind.AGAIN), ("57P01", Kind.UNREACHABLE), ("57P03", Kind.WAIT),
    ("57014", Kind.AGAIN), ("28P01", Kind.CREDENTIALS), ("42501", Kind.CREDENTIALS), ("3D000", Kind.URL),
    ("26000", Kind.URL), ("42P05", Kind.URL),
    ("22003", Kind.RECORD), ("23505", Kind.RECORD), ("42P01", Kind.MISSING), ("42S22", Kind.MISSING),
    ("25P03", Kind.UNREACHABLE), ("25P04", Kind.UNREACHABLE), ("25006", Kind.WAIT), ("58030", Kind.WAIT),
    ("XX001", Kind.WAIT),
    ("42601", None), ("0A000", None), ("", None), (None, None),
]  # fmt: skip


@pytest.mark.parametrize(("state", "kind"), STATES)
def test_sqlstate_says_what_to_do(state, kind):
    assert kind_of_state(state) is kind


CLASSES = [
    (Kind.AGAIN, RetriableError), (Kind.WAIT, OutageError), (Kind.UNREACHABLE, UnreachableError),
    (Kind.FULL, ThrottledError), (Kind.CREDENTIALS, CredentialsError), (Kind.URL, ConfigError),
    (Kind.RECORD, DataError), (Kind.MISSING, NotFoundError), (Kind.FINAL, ConnectError),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "made"), CLASSES)
def test_what_is_to_be_done_is_the_class_of_the_error(kind, made):
    assert type(failure_of(Refusal(kind, "no"), "Reading")) is made


def test_message_says_what_where_and_by_which_numbers():
    refusal = Refusal(Kind.RECORD, "value\n  too long", "22001", 7, "name", "Key (id)=(1)")
    assert str(failure_of(refusal, "Writing to t")) == (
        "Writing to t failed: value too long (SQLState 22001, code 7), column name: Key (id)=(1)"
    )
    trimmed = str(failure_of(refusal, "Writing to t", trim=True))
    assert "Key" not in trimmed


def test_no_secret_of_a_url_gets_into_a_message():
    refusal = Refusal(Kind.UNREACHABLE, "no route to jdbc:postgresql://u:hush@h/d?password=hush")
    assert "hush" not in str(failure_of(refusal, "Connecting"))


@pytest.mark.parametrize(
    "text",
    [
        'column reference "id" is ambiguous',
        "Column 'id' in where clause is ambiguous",
        "ambiguous column name: id",
        "Ambiguous column name 'id'.",
    ],
)
def test_a_column_that_several_tables_of_a_query_have_says_what_to_do(text):
    assert "put the query into a SELECT of its own" in str(failure_of(Refusal(Kind.FINAL, text), "Reading the query"))


def test_errors_of_ours_stay_as_they_are():
    error = ThrottledError("slow")
    assert dialect_of(Settings(parse("jdbc:sqlite::memory:"))).failure(error, "It") is error


MYSQL = [
    (1040, ThrottledError), (1203, ThrottledError), (1045, CredentialsError), (1142, CredentialsError),
    (1049, ConfigError), (1205, RetriableError), (1213, RetriableError), (2003, UnreachableError),
    (2006, UnreachableError), (2013, UnreachableError), (1290, OutageError), (1114, OutageError), (1062, DataError),
    (1048, DataError), (1264, DataError), (1406, DataError), (1366, DataError), (1452, DataError), (4025, DataError),
    (1047, OutageError), (1135, OutageError), (3100, OutageError),
    (1180, RetriableError), (1206, RetriableError), (3101, RetriableError),
    (1153, DataError), (1146, NotFoundError), (1054, NotFoundError), (1064, ConnectError), (1118, ConnectError),
]  # fmt: skip


@pytest.mark.parametrize(("code", "kind"), MYSQL)
def test_error_of_mysql_is_named_by_what_it_asks_for(code, kind):
    failure = dialect_of(Settings(parse("jdbc:mysql://h/d"))).failure(pymysql.OperationalError(code, "text"), "It")
    assert type(failure) is kind
    assert str(failure).startswith(f"It failed: text (code {code})")


def test_connections_that_a_role_may_not_have_more_of_are_no_matter_of_credentials():
    text = 'connection to server at "h", port 5432 failed: FATAL:  too many connections for role "app"'
    failure = dialect_of(Settings(parse("jdbc:postgresql://h/d"))).failure(psycopg.OperationalError(text), "It")
    assert isinstance(failure, ThrottledError)


def test_a_closed_connection_of_mysql_is_unreachable():
    dialect = dialect_of(Settings(parse("jdbc:mysql://h/d")))
    assert isinstance(dialect.failure(pymysql.InterfaceError(0, ""), "It"), UnreachableError)
