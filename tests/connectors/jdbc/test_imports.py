"""What is imported when: a worker that lists plugins, or runs others, does not load databases' drivers."""

import subprocess
import sys

import pytest

DRIVERS = ("sqlalchemy", "psycopg", "pymysql", "oracledb", "pymssql", "sqlglot", "cryptography", "jks")


def imported(program):
    text = f"import sys\n{program}\nprint([name for name in {DRIVERS} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_listing_the_connectors_loads_no_driver():
    assert imported("import linkspan_connectors.jdbc.connector") == "[]"


@pytest.mark.parametrize(
    ("url", "loaded"),
    [
        ("jdbc:sqlite::memory:", []),
        ("jdbc:postgresql://127.0.0.1:1/d", ["psycopg"]),
        ("jdbc:mysql://127.0.0.1:1/d", ["pymysql"]),
    ],
)
def test_connecting_loads_the_driver_of_the_database(url, loaded):
    program = f"""
from linkspan_connectors.jdbc.credentials import Credentials
from linkspan_connectors.jdbc.dialects import dialect_of
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.urls import parse
dialect = dialect_of(Settings(parse({url!r})))
try:
    dialect.connect(Credentials("u", "p"), "x").close()
except Exception as error:
    assert dialect.failure(error, "It").code == "outage.unreachable", error
"""
    assert imported(program).replace("'cryptography', ", "").replace(", 'cryptography'", "") == str(loaded)


def test_what_is_missing_is_told_when_it_is_needed():
    program = """
sys.modules["psycopg"] = None
from linkspan.api import ConfigError
from linkspan_connectors.jdbc.credentials import Credentials
from linkspan_connectors.jdbc.dialects import dialect_of
from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.urls import parse
try:
    dialect_of(Settings(parse("jdbc:postgresql://h/d"))).connect(Credentials(), "x")
except ConfigError as error:
    assert "pip install 'linkspan[jdbc]'" in str(error), error
else:
    raise AssertionError
del sys.modules["psycopg"]
"""
    assert imported(program) == "[]"
