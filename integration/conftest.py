"""Real servers for the suite: a URL if given, else started here, else skipped visibly (a failure when CI=true)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import NoReturn

import pytest

from integration.services.kafka import Broker
from integration.services.mariadb import MariaDb, MariaDbAddress
from integration.services.maven import UnavailableError
from integration.services.postgresql import PostgreSql, PostgreSqlAddress
from integration.services.secured import SecuredBroker


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kafka-url", help="bootstrap address of a running Kafka, instead of starting one")
    parser.addoption("--mq-url", help="mq://user:password@host:port/QMGR/CHANNEL?queues=A,B of a running queue manager")
    parser.addoption("--postgres-url", help="postgresql://user:password@host:port of a running PostgreSQL")
    parser.addoption("--mariadb-url", help="mysql://user:password@host:port of a running MariaDB or MySQL")
    parser.addoption("--long", action="store_true", help="also run what takes long: more kinds of disturbance")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes long; run with --long"))


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """A broker; ``.bootstrap`` is its address."""
    given = request.config.getoption("--kafka-url")
    if given:
        yield SimpleNamespace(bootstrap=given)
        return
    try:
        broker = Broker(tmp_path_factory.mktemp("kafka"))
    except UnavailableError as error:
        missing(str(error))
    broker.start()
    yield broker
    broker.stop()


def missing(reason: str) -> NoReturn:
    """A server cannot be had: skip, or fail where everything must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    """A broker with every kind of secured listener, which denies what is not allowed.

    Tests that use it say ``pytest.mark.xdist_group("secured")``, so that there is one of it.
    """
    try:
        broker = SecuredBroker(tmp_path_factory.mktemp("secured"))
    except UnavailableError as error:
        missing(str(error))
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="session")
def postgresql(request: pytest.FixtureRequest) -> Iterator[PostgreSqlAddress]:
    """A PostgreSQL; tests make databases of their own in it."""
    given = request.config.getoption("--postgres-url")
    if given:
        yield PostgreSqlAddress.of(given)
        return
    try:
        server = PostgreSql()
    except UnavailableError as error:
        missing(str(error))
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def mariadb(request: pytest.FixtureRequest) -> Iterator[MariaDbAddress]:
    """A MariaDB; tests make databases of their own in it."""
    given = request.config.getoption("--mariadb-url")
    if given:
        yield MariaDbAddress.of(given)
        return
    try:
        server = MariaDb()
    except UnavailableError as error:
        missing(str(error))
    try:
        server.start()
        yield server
    finally:
        server.remove()
