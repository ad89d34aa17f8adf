"""A broker that is dead or hangs for a while: tasks go on running, REST answers, nothing is lost or doubled."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from integration.bench.footprint import tree
from integration.runtime.test_standalone_process import exists, lines, wait_until
from integration.services import topics
from integration.services.kafka import Broker, request
from integration.services.linkspan import LinkspanWorker

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("breakable")]

AWAY: Final = {"dead": 15.0, "hanging": 10.0}
"""Seconds."""
IMPATIENT: Final = {
    "request.timeout.ms": 1010,
    "socket.connection.setup.timeout.ms": 1000,
    "metadata.max.age.ms": 500,
    "reconnect.backoff.ms": 50,
    "retry.backoff.ms": 50,
}
"""Every time limit but that of a record's delivery runs out many times during the outage: so would a short one."""


class Pipeline:
    """File → topic → file with impatient clients."""

    def __init__(self, folder: Path, broker: Broker, topic: str) -> None:
        self.source, self.copy = folder / "in.txt", folder / "out.txt"
        self.names = (f"src-{topic}", f"snk-{topic}")
        self.written = 0
        source = {"name": self.names[0], "connector.class": "FileStreamSource", "file": self.source, "topic": topic}
        sink = {"name": self.names[1], "connector.class": "FileStreamSink", "file": self.copy, "topics": topic}
        source |= {f"producer.override.{key}": value for key, value in IMPATIENT.items()}
        # what one test of the broker left behind does not hold up the next
        sink |= {f"consumer.override.{key}": value for key, value in {**IMPATIENT, "session.timeout.ms": 2000}.items()}
        settings = {
            "offset.flush.interval.ms": 200,
            "offset.flush.timeout.ms": 2000,
            "task.shutdown.graceful.timeout.ms": 15_000,
        }
        self.append(20_000)
        self.worker = LinkspanWorker(folder / "w", broker.bootstrap, settings, [source, sink])

    def append(self, count: int) -> None:
        with self.source.open("a") as file:
            file.writelines(f"line {number}\n" for number in range(self.written, self.written + count))
        self.written += count

    def await_copy(self) -> None:
        wait_until(lambda: len(set(lines(self.copy))) == self.written, "every line is copied", 90)

    def states(self) -> set[str]:
        """States of both connectors and their tasks."""
        found = set()
        for name in self.names:
            _, status = request("GET", f"{self.worker.url}/connectors/{name}/status")
            found |= {status["connector"]["state"], *(task["state"] for task in status["tasks"])}
        return found


@pytest.fixture
def pipeline(breakable: Broker, tmp_path: Path) -> Iterator[Pipeline]:
    pipeline = Pipeline(tmp_path, breakable, f"outage-{tmp_path.name}")
    try:
        pipeline.worker.start()
        pipeline.await_copy()
        yield pipeline
    finally:
        pipeline.worker.stop()


@pytest.mark.parametrize("kind", ["dead", "hanging"])
def test_tasks_run_through_an_outage_and_nothing_is_lost_or_doubled(breakable: Broker, pipeline: Pipeline, kind: str):
    if kind == "dead":
        breakable.kill()
    else:
        os.kill(breakable.pid, signal.SIGSTOP)
    try:
        back = time.monotonic() + AWAY[kind]

        def over() -> bool:
            pipeline.append(100)
            assert pipeline.states() == {"RUNNING"}
            assert request("GET", f"{pipeline.worker.url}/health")[0] == 200
            return time.monotonic() >= back

        wait_until(over, "the end of the outage")
        assert len(set(lines(pipeline.copy))) < pipeline.written, "there was no outage"
    finally:
        if kind == "dead":
            breakable.start()
        else:
            os.kill(breakable.pid, signal.SIGCONT)
    pipeline.append(100)
    pipeline.await_copy()
    assert pipeline.states() == {"RUNNING"}
    wanted = [f"line {number}" for number in range(pipeline.written)]
    assert topics.values(breakable.bootstrap, pipeline.names[0].removeprefix("src-")) == wanted
    assert set(lines(pipeline.copy)) == set(wanted)
    assert pipeline.worker.stop() == 0


def test_worker_can_be_stopped_during_an_outage_and_goes_on_after_it(breakable: Broker, pipeline: Pipeline):
    breakable.kill()
    try:
        pipeline.append(1000)
        children = tree(pipeline.worker.pid)
        assert pipeline.worker.stop() == 0
        wait_until(lambda: not any(map(exists, children)), "every process is gone")
        assert "was killed" not in pipeline.worker.log.read_text(), "a task was not stopped but killed"
    finally:
        breakable.start()
    pipeline.worker.start()
    pipeline.await_copy()
    assert pipeline.states() == {"RUNNING"}
