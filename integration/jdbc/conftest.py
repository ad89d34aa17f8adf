from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.jdbc.targets import Session, Target
from integration.services.mariadb import MariaDbAddress
from integration.services.postgresql import PostgreSqlAddress


@pytest.fixture
def postgresql_target(postgresql: PostgreSqlAddress) -> Iterator[Target]:
    """A database of its own in PostgreSQL."""
    name = f"t{uuid.uuid4().hex[:12]}"
    postgresql.create_database(name)
    made = Target("postgresql", postgresql.jdbc_url(name), postgresql.user, postgresql.password, [])
    yield made
    made.close()


@pytest.fixture
def mariadb_target(mariadb: MariaDbAddress) -> Iterator[Target]:
    """A database of its own in MariaDB."""
    name = f"t{uuid.uuid4().hex[:12]}"
    mariadb.create_database(name)
    made = Target("mariadb", mariadb.jdbc_url(name), mariadb.user, mariadb.password, [])
    yield made
    made.close()


@pytest.fixture
def sqlite_target(tmp_path: Path) -> Iterator[Target]:
    """A file of SQLite."""
    made = Target("sqlite", f"jdbc:sqlite:{tmp_path / 'test.db'}", None, None, [])
    yield made
    made.close()


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def target(request: pytest.FixtureRequest) -> Target:
    """A database of each kind."""
    return request.getfixturevalue(f"{request.param}_target")


@pytest.fixture
def session(target: Target) -> Session:
    """A connection to a database of each kind."""
    return target.session()


@pytest.fixture(scope="module")
def databases(
    postgresql: PostgreSqlAddress, mariadb: MariaDbAddress, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Target]]:
    """A database of each kind for the tests of a module together, which takes less than one for each of them."""
    name = f"t{uuid.uuid4().hex[:12]}"
    postgresql.create_database(name)
    mariadb.create_database(name)
    made = {
        "postgresql": Target("postgresql", postgresql.jdbc_url(name), postgresql.user, postgresql.password, []),
        "mariadb": Target("mariadb", mariadb.jdbc_url(name), mariadb.user, mariadb.password, []),
        "sqlite": Target("sqlite", f"jdbc:sqlite:{tmp_path_factory.mktemp('trips') / 'test.db'}", None, None, []),
    }
    yield made
    for each in made.values():
        each.close()
