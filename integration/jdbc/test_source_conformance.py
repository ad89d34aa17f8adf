"""The conformance kit on the source: each case has a table of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from integration.services.postgresql import PostgreSql, PostgreSqlAddress
from linkspan.api import Guarantee
from linkspan.testing import SourceAdapter, check
from linkspan_connectors.jdbc.connector import JdbcSourceConnector

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


class ById(SourceAdapter):
    """A table of a database that all cases share."""

    connector = JdbcSourceConnector
    mode: ClassVar[str] = "incrementing"
    server: ClassVar[PostgreSqlAddress]

    def set_up(self) -> None:
        with self.server.connect() as connection:
            columns = "id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), text text"
            connection.execute(f'CREATE TABLE "{self.name}" ({columns})'.encode())

    def tear_down(self) -> None:
        with self.server.connect() as connection:
            connection.execute(f'DROP TABLE IF EXISTS "{self.name}"'.encode())

    def config(self) -> Mapping[str, str]:
        return {
            "connection.url": self.server.jdbc_url(),
            "connection.user": self.server.user,
            "connection.password": self.server.password,
            "connection.attempts": "1",
            "mode": self.mode,
            "table.whitelist": self.name,
            "topic.prefix": "from-",
            "poll.interval.ms": "50",
            "batch.max.rows": "7",
            "value.converter": "org.apache.kafka.connect.storage.StringConverter",
            "transforms": "text",
            "transforms.text.type": "org.apache.kafka.connect.transforms.ExtractField$Value",
            "transforms.text.field": "text",
            "timestamp.column.name": "at" if "timestamp" in self.mode else "",
        }

    def topic(self, config: Mapping[str, str]) -> str:
        return f"from-{config['table.whitelist']}"

    def fill(self, texts: Sequence[str]) -> None:
        with self.server.connect() as connection, connection.cursor() as cursor:
            cursor.executemany(f'INSERT INTO "{self.name}" (text) VALUES (%s)'.encode(), [(text,) for text in texts])


class ByTimeAndId(ById):
    mode = "timestamp+incrementing"


class ByTime(ById):
    mode = "timestamp"


class Once(ById):
    guarantee = Guarantee.EXACTLY_ONCE


class Alone(ById):
    """With a server of its own, which can be killed."""

    def set_up(self) -> None:
        self.own = PostgreSql()
        self.own.start()
        self.server = self.own  # type: ignore[misc]  # of this case
        super().set_up()

    def tear_down(self) -> None:
        self.own.remove()

    @contextmanager
    def outage(self) -> Iterator[None]:
        self.own.kill()
        try:
            yield
        finally:
            self.own.start()


OUTAGES = {"retry.outage", "stop.while-the-outside-is-away"}
IN_TRANSACTIONS = {"kill.before-commit_offsets", "kill.after-commit_offsets", "retry.commit-offsets"}
NOT_IN_TRANSACTIONS = {"kill.before-commit_transaction", "kill.after-commit_transaction"}
ONE_TABLE_WITHOUT_REQUIRED_KEYS = {"sharing.two-tasks", "configuration.required-keys"}


@pytest.mark.parametrize(
    ("adapter", "others"),
    [
        (ById, NOT_IN_TRANSACTIONS),
        (ByTimeAndId, NOT_IN_TRANSACTIONS),
        (ByTime, NOT_IN_TRANSACTIONS),
        (Once, IN_TRANSACTIONS),
    ],
)
def test_the_source_keeps_what_it_promises(
    adapter: type[ById],
    others: set[str],
    tmp_path: Path,
    postgresql: PostgreSqlAddress,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ById, "server", postgresql, raising=False)
    report = check(adapter, folder=tmp_path)
    assert report.passed, report.text()
    skipped = {case.name for case in report.cases if case.verdict == "skipped"}
    assert skipped == OUTAGES | ONE_TABLE_WITHOUT_REQUIRED_KEYS | others, report.text()


def test_the_source_waits_for_a_database_that_is_away(tmp_path: Path) -> None:
    report = check(Alone, folder=tmp_path, only=sorted(OUTAGES), at_once=1)
    assert report.passed, report.text()
    assert {case.verdict for case in report.cases} == {"passed"}, report.text()
