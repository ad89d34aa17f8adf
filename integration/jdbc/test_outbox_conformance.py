"""The conformance kit on mode outbox: each case has a table of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from integration.jdbc.test_source_conformance import (
    IN_TRANSACTIONS,
    NOT_IN_TRANSACTIONS,
    ONE_TABLE_WITHOUT_REQUIRED_KEYS,
    OUTAGES,
)
from integration.services.postgresql import PostgreSqlAddress
from linkspan.api import Guarantee
from linkspan.testing import SourceAdapter, check
from linkspan_connectors.jdbc.connector import JdbcSourceConnector

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


class Deleting(SourceAdapter):
    """Rows are deleted when the log has them."""

    connector = JdbcSourceConnector
    exempt: ClassVar[Mapping[str, str]] = {"offsets.*": "what was deleted is not there any more"}
    deletes: ClassVar[bool] = True
    server: ClassVar[PostgreSqlAddress]

    def set_up(self) -> None:
        with self.server.connect() as connection:
            connection.execute(
                f'CREATE TABLE "{self.name}" (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), n bigserial UNIQUE, '
                "aggregatetype text NOT NULL, aggregateid text NOT NULL DEFAULT '', payload text)".encode()
            )

    def tear_down(self) -> None:
        with self.server.connect() as connection:
            connection.execute(f'DROP TABLE IF EXISTS "{self.name}"'.encode())

    def config(self) -> Mapping[str, str]:
        return {
            "connection.url": self.server.jdbc_url(),
            "connection.user": self.server.user,
            "connection.password": self.server.password,
            "connection.attempts": "1",
            "mode": "outbox",
            "x.outbox.delete": str(self.deletes).lower(),
            "table.whitelist": self.name,
            "poll.interval.ms": "50",
            "batch.max.rows": "7",
            "value.converter": "org.apache.kafka.connect.storage.StringConverter",
        }

    def topic(self, config: Mapping[str, str]) -> str:
        return f"outbox.event.{config['table.whitelist']}"

    def fill(self, texts: Sequence[str]) -> None:
        insert = f'INSERT INTO "{self.name}" (aggregatetype, payload) VALUES (%s, %s)'.encode()
        with self.server.connect() as connection, connection.cursor() as cursor:
            cursor.executemany(insert, [(self.name, text) for text in texts])


class DeletingOnce(Deleting):
    guarantee = Guarantee.EXACTLY_ONCE


class Keeping(Deleting):
    exempt: ClassVar[Mapping[str, str]] = {}
    deletes = False


class KeepingOnce(Keeping):
    guarantee = Guarantee.EXACTLY_ONCE


@pytest.mark.parametrize(
    ("adapter", "others"),
    [
        (Deleting, NOT_IN_TRANSACTIONS | IN_TRANSACTIONS),
        (DeletingOnce, IN_TRANSACTIONS),
        (Keeping, NOT_IN_TRANSACTIONS),
        (KeepingOnce, IN_TRANSACTIONS),
    ],
)
def test_the_outbox_keeps_what_it_promises(
    adapter: type[Deleting],
    others: set[str],
    tmp_path: Path,
    postgresql: PostgreSqlAddress,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Deleting, "server", postgresql, raising=False)
    report = check(adapter, folder=tmp_path)
    assert report.passed, report.text()
    skipped = {case.name for case in report.cases if case.verdict == "skipped"}
    exempt = {case.name for case in report.cases if case.name.startswith("offsets.") and adapter.exempt}
    assert skipped == OUTAGES | ONE_TABLE_WITHOUT_REQUIRED_KEYS | others | exempt, report.text()
