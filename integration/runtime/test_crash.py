"""SIGKILL at random moments on a real broker: no line is lost, no stored offset runs ahead of what it stands for."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.bench.footprint import tree
from integration.runtime.test_standalone_process import lines, wait_until
from integration.services import topics
from integration.services.kafka import Broker, request
from integration.services.linkspan import LinkspanWorker
from linkspan.api.records import TopicPartition
from linkspan.worker import offset_file

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("breakable")]

LINES = 40_000
KILLS = 5


@dataclass(frozen=True)
class Copying:
    """File → topic → file, by a worker that may be killed."""

    broker: Broker
    worker: LinkspanWorker
    source: Path
    copy: Path
    topic: str

    @property
    def sink(self) -> str:
        """Name of the sink, one for each test: it is the group's, too."""
        return f"snk-{self.topic}"

    def append(self, numbers: range) -> None:
        with self.source.open("a") as file:
            file.writelines(f"line {number}\n" for number in numbers)

    def stored_position(self) -> int:
        """What the offset file says, read as a worker would that starts now."""
        stored = offset_file.load(self.worker.folder / "offsets")
        return sum(json.loads(value)["position"] for value in stored.values() if value is not None)

    def committed(self) -> int:
        """Up to which record of the topic the sink has committed."""
        group = topics.committed(self.broker.bootstrap, f"connect-{self.sink}")
        return group.get(TopicPartition(self.topic, 0), 0)

    def assert_offsets_stand_for_records(self) -> None:
        """Before the stored offset of the source everything is in the topic, before the sink's it is in the copy."""
        with self.source.open("rb") as file:
            passed = file.read(self.stored_position()).decode().splitlines()
        written = topics.values(self.broker.bootstrap, self.topic)
        assert not set(passed) - set(written), "the stored offset of the source is ahead of the topic"
        assert not set(written[: self.committed()]) - set(lines(self.copy)), (
            "the committed offset of the sink is ahead of the copy"
        )


@pytest.fixture
def copying(breakable: Broker, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Copying]:
    topic = f"crash-{request.node.callspec.id}"
    source, copy = tmp_path / "in.txt", tmp_path / "out.txt"
    source.touch()
    worker = LinkspanWorker(
        tmp_path / "w",
        breakable.bootstrap,
        {"offset.flush.interval.ms": 50},
        [
            {"name": "src", "connector.class": "FileStreamSource", "file": source, "topic": topic, "batch.size": 100},
            {
                "name": f"snk-{topic}",
                "connector.class": "FileStreamSink",
                "file": copy,
                "topics": topic,
                "consumer.override.max.poll.records": 200,
                # the group waits so long for a member that was killed
                "consumer.override.session.timeout.ms": 600,
                "consumer.override.heartbeat.interval.ms": 200,
            },
        ],
    )
    try:
        worker.start()
        yield Copying(breakable, worker, source, copy, topic)
    finally:
        worker.stop()


@pytest.mark.parametrize("victim", ["worker", "task"])
def test_killed_at_random_moments_no_line_is_lost_and_no_offset_runs_ahead(copying: Copying, victim: str):
    generator = random.Random(victim)
    wait_until(lambda: states(copying) == ["RUNNING", "RUNNING"], "both tasks run")
    for part in range(KILLS):
        copying.append(range(part * LINES // KILLS, (part + 1) * LINES // KILLS))
        moment = time.monotonic() + generator.uniform(0.05, 0.5)
        wait_until(lambda moment=moment: time.monotonic() >= moment, "the moment of the kill")
        if victim == "worker":
            copying.worker.kill()
            copying.assert_offsets_stand_for_records()
            copying.worker.start()
        else:
            kill_a_task(copying, generator)
            copying.assert_offsets_stand_for_records()
            restart_failed(copying)
    wanted = [f"line {number}" for number in range(LINES)]
    wait_until(lambda: copying.stored_position() == copying.source.stat().st_size, "the whole source is read")
    written = topics.values(copying.broker.bootstrap, copying.topic)
    assert list(dict.fromkeys(written)) == wanted, "lines came into the topic out of order or were invented"
    wait_until(lambda: copying.committed() == len(written), "the whole topic is copied")
    assert copying.worker.stop() == 0
    copying.assert_offsets_stand_for_records()
    assert set(lines(copying.copy)) == set(wanted)


def states(copying: Copying) -> Sequence[str]:
    """States of the tasks of source and sink."""
    found = []
    for connector in ("src", copying.sink):
        _, status = request("GET", f"{copying.worker.url}/connectors/{connector}/status")
        found += [task["state"] for task in status["tasks"]]
    return found


def kill_a_task(copying: Copying, generator: random.Random) -> None:
    """SIGKILL one of the processes that have no child."""
    members = tree(copying.worker.pid)
    parents = {Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1] for pid in members}
    os.kill(generator.choice([pid for pid in members if str(pid) not in parents]), signal.SIGKILL)
    wait_until(lambda: "FAILED" in states(copying), "a killed task is reported")


def restart_failed(copying: Copying) -> None:
    for connector in ("src", copying.sink):
        url = f"{copying.worker.url}/connectors/{connector}/restart?includeTasks=true&onlyFailed=true"
        status, _ = request("POST", url)
        assert status == 202
    wait_until(lambda: states(copying) == ["RUNNING", "RUNNING"], "both tasks run again")
