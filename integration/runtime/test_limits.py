"""A worker in a container: one task that eats the memory is ended alone, and tasks without room are refused.

The containers are control groups of the kernel, which would kill a process of theirs at the limit. Where none can be
made, nothing here can be shown, and the tests are skipped even in CI.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from integration.runtime.test_standalone_process import wait_until
from integration.services.control_group import ControlGroup, NotAllowedError
from integration.services.kafka import request
from integration.services.linkspan import LinkspanWorker

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("limits"), pytest.mark.timeout(700)]

PLUGINS: Final = Path(__file__).parent / "plugin_path"
PARTITIONS: Final = 12
RECORDS: Final = 400_000
RECORD_BYTES: Final = 100
LEAKS: Final = "leaks"
MIB: Final = 1 << 20


@pytest.fixture(scope="session")
def backlog(kafka) -> str:
    """A topic with more records than any sink here gets through."""
    name = f"backlog-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    (made,) = admin.create_topics([NewTopic(name, PARTITIONS)]).values()
    made.result()
    batches = {"linger.ms": 20, "batch.size": 1_000_000, "queue.buffering.max.messages": RECORDS}
    producer = Producer({"bootstrap.servers": kafka.bootstrap, **batches})
    record = b"x" * RECORD_BYTES
    for number in range(RECORDS):
        producer.produce(name, record, partition=number % PARTITIONS)
    assert producer.flush(60) == 0
    return name


def group(**limits: int) -> ControlGroup:
    try:
        return ControlGroup(**limits)
    except NotAllowedError as error:
        pytest.skip(str(error))


@pytest.fixture
def confined(kafka, tmp_path: Path) -> Iterator[Any]:
    """Start a worker with something before its command; it is stopped afterwards."""
    started: list[LinkspanWorker] = []

    def start(prefix: list[str]) -> LinkspanWorker:
        settings = {"plugin.path": PLUGINS, "offset.flush.interval.ms": 1000, "task.shutdown.graceful.timeout.ms": 2000}
        worker = LinkspanWorker(tmp_path / "w", kafka.bootstrap, settings, prefix=prefix)
        started.append(worker)
        worker.start()
        return worker

    yield start
    for worker in started:
        worker.stop()


def create(worker: LinkspanWorker, name: str, **config: object) -> None:
    body = {"name": name, "config": {"tasks.max": "1", **{key: str(value) for key, value in config.items()}}}
    status, answer = request("POST", f"{worker.url}/connectors", body, timeout=120)
    assert status == 201, answer


def task(worker: LinkspanWorker, name: str) -> tuple[str | None, str]:
    """State and trace of a connector's only task."""
    status, body = request("GET", f"{worker.url}/connectors/{name}/status", timeout=60)
    assert status == 200, body
    return (body["tasks"][0]["state"], body["tasks"][0].get("trace", "")) if body["tasks"] else (None, "")


def until_decided(worker: LinkspanWorker, name: str) -> tuple[str | None, str]:
    """What has become of a task that starts."""
    wait_until(lambda: task(worker, name)[0] in {"RUNNING", "FAILED"}, f"{name} runs or has failed")
    return task(worker, name)


# --- memory


def survives_a_leak(worker: LinkspanWorker, container: ControlGroup, topic: str, folder: Path, sinks: int) -> str:
    """Run so many sinks, one of which leaks; what its status says in the end."""
    others = [f"sink-{number}" for number in range(sinks - 1)]
    for name in (LEAKS, *others):
        put = "hoard" if name == LEAKS else "0.5"
        create(worker, name, **{"connector.class": "AwkwardSink", "topics": topic, "file": folder / name, "put": put})
    wait_until(lambda: task(worker, LEAKS)[0] == "FAILED", "the one that leaks has failed", seconds=300)
    done = {name: written(folder / name) for name in others}
    wait_until(lambda: all(written(folder / name) > done[name] for name in others), "all others go on", seconds=300)
    assert {name: task(worker, name)[0] for name in others} == dict.fromkeys(others, "RUNNING")
    assert request("GET", f"{worker.url}/health")[0] == 200
    assert container.kernel_kills == 0
    return task(worker, LEAKS)[1]


def written(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def assert_tells_of_memory(trace: str, limit: str, least: float) -> None:
    said = re.match(
        rf"Task {LEAKS}-0: memory: at its peak it held ([\d.]+) (MiB|GiB), the most of all, when [\d.]+ (?:MiB|GiB) of "
        rf"the {limit} that the container may use \(memory\.[a-z_]+\) were taken",
        trace,
    )
    assert said is not None, trace
    assert float(said[1]) * {"MiB": MIB, "GiB": 1024 * MIB}[said[2]] > least


def test_of_several_sinks_in_a_small_container_only_the_one_that_leaks_is_ended(confined, backlog, tmp_path: Path):
    with group(memory=512 * MIB) as container:
        worker = confined(container.prefix)
        trace = survives_a_leak(worker, container, backlog, tmp_path, sinks=6)
        assert_tells_of_memory(trace, "512 MiB", least=100 * MIB)
        assert worker.stop() == 0


@pytest.mark.long
def test_of_forty_sinks_in_two_gibibytes_only_the_one_that_leaks_is_ended(confined, backlog, tmp_path: Path):
    with group(memory=2048 * MIB) as container:
        worker = confined(container.prefix)
        trace = survives_a_leak(worker, container, backlog, tmp_path, sinks=40)
        assert_tells_of_memory(trace, "2 GiB", least=200 * MIB)
        assert worker.stop() == 0


# --- processes and descriptors


def fill(worker: LinkspanWorker, topic: str, folder: Path) -> tuple[list[str], str]:
    """Create sinks until one of them finds no room; those before it, and what its status says."""
    runs: list[str] = []
    for number in range(40):
        name = f"sink-{number}"
        sink = {"connector.class": "AwkwardSink", "topics": topic, "file": folder / name, "put": "0.5"}
        create(worker, name, **sink)
        state, trace = until_decided(worker, name)
        if state == "FAILED":
            return runs, trace
        runs.append(name)
    pytest.fail("there was always room")


def assert_goes_on(worker: LinkspanWorker, runs: list[str], folder: Path) -> None:
    """Those that run still do, requests are answered, and room that is made can be used."""
    assert len(runs) > 1
    done = {name: written(folder / name) for name in runs}
    wait_until(lambda: all(written(folder / name) > done[name] for name in runs), "those that run go on")
    assert [task(worker, name)[0] for name in runs] == ["RUNNING"] * len(runs)
    refused = f"sink-{len(runs)}"
    for name in runs[:2]:
        assert request("DELETE", f"{worker.url}/connectors/{name}")[0] == 204
    wait_until(lambda: restarted(worker, refused), "the one without room has some now")


def restarted(worker: LinkspanWorker, name: str) -> bool:
    """Restart a task; whether it runs then."""
    assert request("POST", f"{worker.url}/connectors/{name}/tasks/0/restart", timeout=60)[0] == 204
    return until_decided(worker, name)[0] == "RUNNING"


def test_a_task_without_room_for_its_processes_is_failed_naming_the_limit(confined, backlog, tmp_path: Path):
    with group(pids=110) as container:
        worker = confined(container.prefix)
        runs, trace = fill(worker, backlog, tmp_path)
        assert re.match(r"No room for task sink-\d+-0: \d+ of 110 processes are in use \(pids\.max\), ", trace), trace
        assert_goes_on(worker, runs, tmp_path)
        assert worker.stop() == 0


def test_a_task_without_room_for_its_descriptors_is_failed_naming_the_limit(confined, backlog, tmp_path: Path):
    worker = confined(["sh", "-c", 'ulimit -n 72; exec "$@"', "sh"])
    runs, trace = fill(worker, backlog, tmp_path)
    said = r"No room for task sink-\d+-0: \d+ of 72 descriptors are in use \(RLIMIT_NOFILE, ulimit -n\), "
    assert re.match(said, trace), trace
    assert_goes_on(worker, runs, tmp_path)
    assert worker.stop() == 0
