"""The conformance kit on the sink that stores offsets with its rows: plain inserts, no key that would tell repeats."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from integration.jdbc.test_sink_conformance import OUTAGES, Alone, Inserts
from integration.services.mariadb import MariaDb
from integration.services.postgresql import PostgreSql
from linkspan.api import Guarantee
from linkspan.testing import check

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


class Exactly(Inserts):
    """With a table of offsets for each case."""

    guarantee = Guarantee.EXACTLY_ONCE

    @property
    def how(self) -> Mapping[str, str]:
        return {**super().how, "x.exactly.once": "true", "x.offsets.table": f"{self.table}_offsets"}

    def tear_down(self) -> None:
        super().tear_down()
        self.execute(f"DROP TABLE IF EXISTS {self.table}_offsets")


class ExactlyInFile(Exactly):
    """In a file of SQLite."""

    @property
    def path(self) -> Path:
        return self.folder / "sink.db"

    def execute(self, statement: str) -> None:
        with closing(sqlite3.connect(self.path, timeout=10)) as connection, connection:
            connection.execute(statement)

    def config(self) -> Mapping[str, str]:
        return {**self.how, "connection.url": f"jdbc:sqlite:{self.path}?journal_mode=WAL"}

    def content(self) -> Iterable[str]:
        with closing(sqlite3.connect(self.path, timeout=10)) as connection:
            return [line for (line,) in connection.execute(f"SELECT line FROM {self.table}")]


class ExactlyAlone(Exactly, Alone):
    """With a server of its own, which can be killed."""

    def tear_down(self) -> None:
        self.own_server.remove()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb", "sqlite"])
def test_the_sink_writes_every_record_once(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = ExactlyInFile if kind == "sqlite" else Exactly
    if kind != "sqlite":
        server = request.getfixturevalue(kind)
        monkeypatch.setattr(adapter, "server", server, raising=False)
        if kind == "mariadb":
            server.create_database("exactly")
            monkeypatch.setattr(adapter, "database", "exactly")
    report = check(adapter, folder=tmp_path)
    assert report.passed, report.text()
    assert {case.name for case in report.cases if case.verdict == "skipped"} == OUTAGES, report.text()


@pytest.mark.parametrize("server", [PostgreSql, MariaDb])
def test_the_sink_waits_for_a_database_that_is_away_and_repeats_nothing(
    server: type[PostgreSql | MariaDb], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ExactlyAlone, "server_class", server)
    report = check(ExactlyAlone, folder=tmp_path, only=sorted(OUTAGES), at_once=1)
    assert report.passed, report.text()
    assert {case.verdict for case in report.cases} == {"passed"}, report.text()
