"""The conformance kit on both connectors, with and without a state queue: each case has a queue manager of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from integration.conftest import missing
from integration.services.ibmmq.descriptor import Descriptor
from integration.services.ibmmq.server import QueueManagerServer
from integration.services.maven import UnavailableError
from linkspan.api import Guarantee
from linkspan.testing import Adapter, SinkAdapter, SourceAdapter, check
from linkspan_connectors.ibmmq.connector import MqSinkConnector, MqSourceConnector

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

TEXT = Descriptor(format="MQSTR", persistence=1)
STATE = {"mq.exactly.once.state.queue": "STATE"}


class QueueManager(Adapter):
    """What both directions have in common."""

    own: ClassVar[Mapping[str, str]] = {}

    def set_up(self) -> None:
        self.server = QueueManagerServer(self.folder / "mq", forced_to_disk=False)
        self.server.start()
        for name in ("Q", "STATE"):
            self.server.define_queue(name, max_depth=100_000)

    def tear_down(self) -> None:
        self.server.stop()

    def config(self) -> Mapping[str, str]:
        return {
            "mq.queue.manager": "QM1",
            "mq.connection.name.list": self.server.address,
            "mq.channel.name": "DEV.APP.SVRCONN",
            "mq.queue": "Q",
            **self.own,
        }

    @contextmanager
    def outage(self) -> Iterator[None]:
        self.server.kill()
        try:
            yield
        finally:
            self.server.start()


class Source(QueueManager, SourceAdapter):
    connector = MqSourceConnector
    exempt: ClassVar[Mapping[str, str]] = {"offsets.*": "what was taken from a queue is not there any more"}

    def config(self) -> Mapping[str, str]:
        return {
            **super().config(),
            "topic": self.name,
            "mq.record.builder": "DefaultRecordBuilder",
            "mq.message.body.jms": "true",
            "mq.message.receive.timeout": "100",
            "mq.reconnect.delay.max.ms": "500",
            "mq.batch.size": "7",
        }

    def fill(self, texts: Sequence[str]) -> None:
        for text in texts:
            self.server.put("Q", text.encode(), TEXT)


class Sink(QueueManager, SinkAdapter):
    connector = MqSinkConnector

    def config(self) -> Mapping[str, str]:
        return {**super().config(), "mq.message.builder": "DefaultMessageBuilder"}

    def content(self) -> Iterable[str]:
        return [body.decode() for body in self.server.bodies("Q")]


class SourceOnce(Source):
    guarantee = Guarantee.EXACTLY_ONCE
    own: ClassVar[Mapping[str, str]] = {**STATE, "mq.client.reconnect.options": "QMGR"}
    exempt: ClassVar[Mapping[str, str]] = {**Source.exempt, "sharing.*": "a state queue is for one task"}


class SinkOnce(Sink):
    guarantee = Guarantee.EXACTLY_ONCE
    own = STATE
    exempt: ClassVar[Mapping[str, str]] = {"sharing.*": "a state queue is for one task"}


IN_TRANSACTIONS = {"kill.before-commit_offsets", "kill.after-commit_offsets", "retry.commit-offsets"}
NOT_IN_TRANSACTIONS = {"kill.before-commit_transaction", "kill.after-commit_transaction"}
QUEUE_KEEPS_NOTHING = {"offsets.altered", "offsets.reset"}
TWO_TASKS, ONE_DIES, ONE_SLEEPS = {"sharing.two-tasks"}, {"sharing.one-dies"}, {"sharing.one-sleeps"}


@pytest.mark.parametrize(
    ("adapter", "skipped"),
    [
        # without a state queue its records have no offsets
        (Source, IN_TRANSACTIONS | NOT_IN_TRANSACTIONS | QUEUE_KEEPS_NOTHING),
        (SourceOnce, IN_TRANSACTIONS | QUEUE_KEEPS_NOTHING | TWO_TASKS),
        (Sink, ONE_SLEEPS),
        (SinkOnce, TWO_TASKS | ONE_DIES | ONE_SLEEPS),
    ],
)
def test_the_connectors_keep_what_they_promise(
    adapter: type[Adapter], skipped: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        path = QueueManagerServer(tmp_path / "unused").environment["LD_LIBRARY_PATH"]
    except UnavailableError as error:
        missing(str(error))
    monkeypatch.setenv("LD_LIBRARY_PATH", path)
    report = check(adapter, folder=tmp_path)
    assert report.passed, report.text()
    assert {case.name for case in report.cases if case.verdict == "skipped"} == skipped, report.text()
