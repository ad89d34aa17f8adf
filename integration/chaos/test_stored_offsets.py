"""A sink that stores offsets with its data, on a real broker: every line once, whatever is killed or frozen."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from integration.chaos.pipes import QUICK, all_the_time, states, tried, wait_for
from integration.services.groups import Group, LinkspanGroupWorker, running
from tests.testing import ledger
from tests.testing.ledger import Ledger

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300), pytest.mark.xdist_group("stored offsets")]

PARTITIONS: Final = 4
FLUSH_SECONDS: Final = 0.3


def plugins(folder: Path) -> Path:
    """A folder for ``plugin.path`` with the sink in it."""
    package = folder / "ledger"
    information = package / "ledger-1.0.dist-info"
    information.mkdir(parents=True)
    shutil.copy(ledger.__file__, package / "ledger.py")
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: ledger\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[linkspan.connectors]\nledger = ledger:LedgerSinkConnector\n")
    return folder


class LedgerSink:
    """The sink on a group of two workers, its topic, and its database seen from outside."""

    def __init__(self, workers: list[LinkspanGroupWorker], folder: Path) -> None:
        self.workers = workers
        self.name = f"ledger-{uuid.uuid4().hex[:8]}"
        self.topic = f"{self.name}-in"
        self.file = folder / f"{self.name}.db"
        bootstrap = workers[0].group.bootstrap
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0})
        admin = AdminClient({"bootstrap.servers": bootstrap})
        (made,) = admin.create_topics([NewTopic(self.topic, num_partitions=PARTITIONS)]).values()
        made.result()
        self.sent: list[str] = []
        config = {
            "connector.class": "LedgerSink",
            "topics": self.topic,
            "file": str(self.file),
            "tasks.max": "2",
            "consumer.override.max.poll.records": "20",
        }
        code, body = workers[0].ask("PUT", f"/connectors/{self.name}/config", config)
        assert code == 201, body
        self.await_running()

    def send(self, count: int) -> None:
        """Write so many lines, each unlike all others."""
        for _ in range(count):
            line = f"line {len(self.sent)}"
            self._producer.produce(self.topic, line.encode(), partition=len(self.sent) % PARTITIONS)
            self.sent.append(line)
        assert self._producer.flush(30) == 0

    def growing(self) -> AbstractContextManager[None]:
        """Lines come all the time."""
        return all_the_time(lambda: self.send(10))

    def _look(self, what: Any) -> Any:
        found = Ledger(str(self.file))
        try:
            return what(found)
        finally:
            found.close()

    @property
    def lines(self) -> list[str]:
        """What has been written."""
        return list(self._look(Ledger.lines))

    @property
    def stored(self) -> dict[int, int]:
        """What the database says."""
        return {place.partition: offset for place, offset in self._look(Ledger.positions).items()}

    @property
    def committed(self) -> dict[int, int]:
        """What the consumer group says, as REST tells it."""
        body = tried(self.workers[0], f"/connectors/{self.name}/offsets")
        found = [] if body is None else body["offsets"]
        return {each["partition"]["kafka_partition"]: each["offset"]["kafka_offset"] for each in found}

    def owners(self) -> set[int]:
        """Processes of the tasks that have claimed partitions last."""
        rows = self._look(lambda found: found._database.execute("SELECT DISTINCT owner FROM positions").fetchall())
        return {int(owner.split()[0]) for (owner,) in rows if owner}

    def freeze(self, pid: int) -> None:
        """Stop a task, most likely in its put, before it has a lock: with one it would stop everybody else, too."""

        def freeze(found: Ledger) -> None:
            found._database.execute(
                "PRAGMA busy_timeout=30000"
            )  # tasks take turns with the lock, and it has to have one
            with found.transaction():
                time.sleep(0.3)
                os.kill(pid, signal.SIGSTOP)

        self._look(freeze)

    def await_all(self) -> None:
        """Wait until every line is there; each is there once."""
        wanted = len(self.sent)
        wait_for(lambda: len(set(self.lines)) >= wanted, lambda: f"{len(set(self.lines))} of {wanted} lines")
        counts = Counter(self.lines)
        assert set(counts) == set(self.sent)
        assert {line: count for line, count in counts.items() if count != 1} == {}

    def await_running(self) -> None:
        """Wait until both tasks run, each on some worker."""

        def up() -> bool:
            _, *tasks = states(self.workers[0], self.name) or [("", "")]
            return [state for state, _ in tasks] == ["RUNNING", "RUNNING"]

        wait_for(up, lambda: f"two tasks, but {states(self.workers[0], self.name)}")

    def restart_failed(self) -> None:
        """As a user would, on every worker that answers."""
        for worker in self.workers:
            with suppress(OSError):
                worker.ask("POST", f"/connectors/{self.name}/restart?includeTasks=true&onlyFailed=true")

    def stop(self) -> None:
        """Stop it, and wait until nobody is in its group."""
        code, body = self.workers[0].ask("PUT", f"/connectors/{self.name}/stop")
        assert code == 204, body
        wait_for(lambda: len(states(self.workers[0], self.name)) == 1, "no tasks")

    def change_offsets(self, method: str, body: object = None) -> None:
        """Alter or reset them, as soon as the group is empty."""
        answers: list[tuple[int, object]] = []

        def done() -> bool:
            answers.append(self.workers[0].ask(method, f"/connectors/{self.name}/offsets", body))
            return answers[-1][0] == 200

        wait_for(done, lambda: str(answers[-1]))

    def delete(self) -> None:
        """Remove it."""
        self.workers[0].ask("DELETE", f"/connectors/{self.name}")


@pytest.fixture(scope="module")
def workers(kafka: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LinkspanGroupWorker]]:
    folder = tmp_path_factory.mktemp("stored")
    settings = {
        **QUICK,
        "plugin.path": plugins(folder / "plugins"),
        "offset.flush.interval.ms": int(1000 * FLUSH_SECONDS),
        "task.shutdown.graceful.timeout.ms": 3000,
    }
    group = Group(kafka.bootstrap, settings)
    made = [LinkspanGroupWorker(folder / name, group, {"plugin.path": settings["plugin.path"]}) for name in "ab"]
    with running(*made):
        yield made


@pytest.fixture
def sink(workers: list[LinkspanGroupWorker], tmp_path: Path) -> Iterator[LedgerSink]:
    made = LedgerSink(workers, tmp_path)
    yield made
    made.delete()


def kill_at_random(sink: LedgerSink, seconds: float, generator: random.Random) -> int:
    """Kill tasks, now and then a worker; how often."""
    kills = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(generator.uniform(0.1, 1.2))
        if generator.random() < 0.1:
            victim = sink.workers[1]
            victim.kill()
            victim.start()
        else:
            for pid in sorted(sink.owners())[: generator.randint(1, 2)]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        kills += 1
        wait_for(lambda: "FAILED" not in str(states(sink.workers[0], sink.name)) or sink.restart_failed(), "restarted")
    return kills


@pytest.mark.parametrize("seconds", [12, pytest.param(180, marks=[pytest.mark.long, pytest.mark.timeout(600)])])
def test_every_line_is_there_once_whatever_is_killed(sink: LedgerSink, seconds: float) -> None:
    sink.send(50)
    sink.await_all()
    with sink.growing():
        kills = kill_at_random(sink, seconds, random.Random(7))
    wait_for(lambda: sink.restart_failed() or set(sink.lines) == set(sink.sent), lambda: len(sink.lines))
    sink.await_all()
    assert kills >= 4
    wait_for(lambda: sink.committed == sink.stored, lambda: f"{sink.committed} in the group, {sink.stored} stored")


def test_a_frozen_task_writes_nothing_of_what_it_has_lost_and_goes_on_with_its_new_share(sink: LedgerSink) -> None:
    sink.send(50)
    sink.await_all()
    wait_for(lambda: len(sink.owners()) == 2, sink.owners)
    sleeper = min(sink.owners())
    with sink.growing():
        time.sleep(0.2)
        sink.freeze(sleeper)
        try:
            wait_for(lambda: sleeper not in sink.owners(), "the other task has all partitions")
            time.sleep(1.0)
        finally:
            os.kill(sleeper, signal.SIGCONT)
        time.sleep(3.0)
    sink.await_all()
    sink.await_running()
    wait_for(lambda: sink.committed == sink.stored, lambda: f"{sink.committed} in the group, {sink.stored} stored")


def test_the_group_is_never_ahead_of_the_target_nor_behind_for_longer_than_an_interval(sink: LedgerSink) -> None:
    with sink.growing():
        for _ in range(10):
            committed = sink.committed
            stored = sink.stored
            assert all(offset <= stored[partition] for partition, offset in committed.items())
            time.sleep(0.2)
    sink.await_all()
    time.sleep(FLUSH_SECONDS + 1.0)
    assert sink.committed == sink.stored


def test_offsets_are_altered_and_reset_in_both_stores(sink: LedgerSink) -> None:
    sink.send(40)
    sink.await_all()
    sink.stop()
    entry = {"partition": {"kafka_topic": sink.topic, "kafka_partition": 1}, "offset": {"kafka_offset": 8}}
    sink.change_offsets("PATCH", {"offsets": [entry]})
    assert sink.stored[1] == sink.committed[1] == 8
    sink.workers[0].ask("PUT", f"/connectors/{sink.name}/resume")
    wait_for(lambda: len(sink.lines) == 42, lambda: len(sink.lines))
    sink.stop()
    sink.change_offsets("DELETE")
    assert sink.stored == sink.committed == {}
    sink.workers[0].ask("PUT", f"/connectors/{sink.name}/resume")
    wait_for(lambda: len(sink.lines) == 82, lambda: len(sink.lines))
    assert set(Counter(sink.lines).values()) == {2, 3}


def test_a_new_target_goes_on_where_the_group_stands(sink: LedgerSink) -> None:
    sink.send(40)
    sink.await_all()
    wait_for(lambda: sink.committed == sink.stored, "committed")
    sink.stop()
    sink.file.unlink()
    sink.workers[0].ask("PUT", f"/connectors/{sink.name}/resume")
    sink.await_running()
    sink.send(8)
    wait_for(lambda: len(sink.lines) >= 8, lambda: sink.lines)
    assert sorted(sink.lines) == sorted(sink.sent[40:])
