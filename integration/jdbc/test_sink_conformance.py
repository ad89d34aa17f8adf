"""The conformance kit on the sink: each case has a table of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from integration.jdbc.ahead import AheadSinkConnector
from integration.services.mariadb import MariaDb, MariaDbAddress
from integration.services.postgresql import PostgreSql, PostgreSqlAddress
from linkspan.api import Guarantee
from linkspan.testing import SinkAdapter, check
from linkspan_connectors.jdbc.connector import JdbcSinkConnector

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


class Inserts(SinkAdapter):
    """Texts into a column, in a database that all cases share."""

    connector = JdbcSinkConnector
    server: ClassVar[PostgreSqlAddress | MariaDbAddress]
    database: ClassVar[str] = "postgres"
    columns: ClassVar[str] = "line text"
    own: ClassVar[Mapping[str, str]] = {}

    @property
    def table(self) -> str:
        return re.sub(r"\W", "_", self.name)

    def set_up(self) -> None:
        self.execute(f"CREATE TABLE {self.table} ({self.columns})")

    def tear_down(self) -> None:
        self.execute(f"DROP TABLE IF EXISTS {self.table}")

    def execute(self, statement: str) -> None:
        with closing(self.server.connect(self.database)) as connection, connection.cursor() as cursor:
            cursor.execute(statement.encode())

    def config(self) -> Mapping[str, str]:
        return {
            "connection.url": self.server.jdbc_url(self.database),
            "connection.user": self.server.user,
            "connection.password": self.server.password,
            **self.how,
        }

    @property
    def how(self) -> Mapping[str, str]:
        """What is the same for every database."""
        return {
            "connection.attempts": "1",
            "connection.backoff.ms": "100",
            "retry.backoff.ms": "100",
            "max.retries": "1000",
            "table.name.format": self.table,
            "string.output.value.column.name": "line",
            "value.converter": "org.apache.kafka.connect.storage.StringConverter",
            **self.own,
        }

    def content(self) -> Iterable[str]:
        with closing(self.server.connect(self.database)) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT line FROM {self.table}".encode())
            return [line for (line,) in cursor.fetchall()]


class Once(Inserts):
    """Upserts by the place in the log: a record that comes again changes nothing."""

    guarantee = Guarantee.EXACTLY_ONCE
    columns = (
        "line text, __connect_topic varchar(200), __connect_partition int, __connect_offset bigint, "
        "PRIMARY KEY (__connect_topic, __connect_partition, __connect_offset)"
    )
    own: ClassVar[Mapping[str, str]] = {"pk.mode": "kafka", "insert.mode": "upsert"}


class Ahead(Once):
    """Records are written while the next ones come."""

    connector = AheadSinkConnector


class Alone(Once):
    """With a server of its own, which can be killed."""

    server_class: ClassVar[type[PostgreSql | MariaDb]] = PostgreSql

    def set_up(self) -> None:
        # what is committed is at least with the system when the server's process dies
        settings = {"innodb-flush-log-at-trx-commit": 2} if self.server_class is MariaDb else None
        self.own_server = self.server_class(settings)
        self.own_server.start()
        self.own_server.create_database("shop")
        self.server = self.own_server  # type: ignore[misc]  # of this case
        self.database = "shop"  # type: ignore[misc]  # as above
        super().set_up()

    def tear_down(self) -> None:
        self.own_server.remove()

    @contextmanager
    def outage(self) -> Iterator[None]:
        self.own_server.kill()
        try:
            yield
        finally:
            self.own_server.start()


OUTAGES = {"retry.outage", "stop.while-the-outside-is-away"}


@pytest.mark.parametrize(("adapter", "others"), [(Inserts, {"sharing.one-sleeps"}), (Once, set()), (Ahead, set())])
def test_the_sink_keeps_what_it_promises(
    adapter: type[Inserts],
    others: set[str],
    tmp_path: Path,
    postgresql: PostgreSqlAddress,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Inserts, "server", postgresql, raising=False)
    report = check(adapter, folder=tmp_path)
    assert report.passed, report.text()
    skipped = {case.name for case in report.cases if case.verdict == "skipped"}
    assert skipped == OUTAGES | others, report.text()


@pytest.mark.parametrize(
    ("server", "connector"),
    [(PostgreSql, JdbcSinkConnector), (MariaDb, JdbcSinkConnector), (PostgreSql, AheadSinkConnector)],
)
def test_the_sink_waits_for_a_database_that_is_away(
    server: type[PostgreSql | MariaDb],
    connector: type[JdbcSinkConnector],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Alone, "server_class", server)
    monkeypatch.setattr(Alone, "connector", connector)
    report = check(Alone, folder=tmp_path, only=sorted(OUTAGES), at_once=1)
    assert report.passed, report.text()
    assert {case.verdict for case in report.cases} == {"passed"}, report.text()
