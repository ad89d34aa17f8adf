"""SIGTERM and Ctrl-C while a source polls and a sink puts: what was done is committed, and the worker ends with 0."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from integration.bench.footprint import tree
from integration.runtime.test_standalone_process import exists, lines, wait_until
from integration.services import topics
from integration.services.kafka import request
from integration.services.linkspan import LinkspanWorker
from linkspan.api.records import TopicPartition
from linkspan.worker import offset_file

pytestmark = pytest.mark.integration

PLUGINS: Final = Path(__file__).parent / "plugin_path"


def slow_pipeline(folder: Path, topic: str, **more: object) -> list[dict[str, object]]:
    source = {"name": f"from-{topic}", "connector.class": "AwkwardSource", "topic": topic, "poll": 1}
    sink = {
        "name": f"to-{topic}",
        "connector.class": "AwkwardSink",
        "topics": topic,
        "file": folder / "put",
        "put": 2,
        "consumer.override.max.poll.records": 1,
    }
    return [{**source, **more}, {**sink, **more}]


def in_put(folder: Path) -> bool:
    """Whether the sink is in a ``put`` now."""
    return len(lines(folder / "put.began")) > len(lines(folder / "put"))


def all_running(worker: LinkspanWorker) -> bool:
    """Whether every task of every connector is up."""
    _, connectors = request("GET", f"{worker.url}/connectors?expand=status")
    return all([task["state"] for task in each["status"]["tasks"]] == ["RUNNING"] for each in connectors.values())


def stored_number(worker: LinkspanWorker) -> int:
    stored = offset_file.load(worker.folder / "offsets")
    return sum(json.loads(value)["number"] for value in stored.values() if value is not None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_calls_in_progress_are_finished_and_their_offsets_committed(kafka, tmp_path: Path, number: signal.Signals):
    topic = f"graceful-{number.name.lower()}-{os.getpid()}"
    # nothing is committed before the end
    settings = {
        "plugin.path": PLUGINS,
        "offset.flush.interval.ms": 600_000,
        "task.shutdown.graceful.timeout.ms": 30_000,
    }
    worker = LinkspanWorker(tmp_path / "w", kafka.bootstrap, settings, slow_pipeline(tmp_path, topic))
    worker.start()
    wait_until(lambda: in_put(tmp_path), "the sink puts")
    children = tree(worker.pid)
    os.kill(worker.pid, number)
    assert worker.wait() == 0
    wait_until(lambda: not any(map(exists, children)), "every process is gone")
    written = len(topics.values(kafka.bootstrap, topic))
    assert stored_number(worker) == written > 0
    done = len(lines(tmp_path / "put"))
    assert done == len(lines(tmp_path / "put.began")) > 0, "the put was cut short"
    assert topics.committed(kafka.bootstrap, f"connect-to-{topic}") == {TopicPartition(topic, 0): done}
    assert "was killed" not in worker.log.read_text()


def test_call_that_outlasts_the_graceful_timeout_is_killed_and_the_worker_still_ends_with_0(tmp_path: Path):
    settings = {"plugin.path": PLUGINS, "task.shutdown.graceful.timeout.ms": 500}
    worker = LinkspanWorker(tmp_path / "w", None, settings, slow_pipeline(tmp_path, "late", poll="hang"))
    worker.start()
    wait_until(lambda: all_running(worker), "the tasks are up")
    children = tree(worker.pid)
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.wait() == 0
    wait_until(lambda: not any(map(exists, children)), "every process is gone")
    assert "[from-late|task-0] It did not stop within 0.5 s and was killed" in worker.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_ends_the_worker_and_its_tasks_at_once(tmp_path: Path, number: signal.Signals):
    settings = {"plugin.path": PLUGINS, "task.shutdown.graceful.timeout.ms": 600_000}
    worker = LinkspanWorker(tmp_path / "w", None, settings, slow_pipeline(tmp_path, "stuck", poll="hang"))
    worker.start()
    wait_until(lambda: all_running(worker), "the tasks are up")
    children = tree(worker.pid)
    os.kill(worker.pid, number)
    wait_until(lambda: f"Kafka Connect stopping ({number.name})" in worker.log.read_text(), "it begins to stop")
    os.kill(worker.pid, number)
    assert worker.wait() == 128 + number
    wait_until(lambda: not any(map(exists, children)), "every process is gone")
    assert f"Stopped at once by a second {number.name}" in worker.log.read_text()


def test_ctrl_c_while_the_worker_starts_ends_it_cleanly(tmp_path: Path):
    settings = {"plugin.path": PLUGINS}
    worker = LinkspanWorker(tmp_path / "w", None, settings, slow_pipeline(tmp_path, "early"))
    worker.launch()
    wait_until(lambda: "REST API at" in (worker.log.read_text() if worker.log.exists() else ""), "it begins to start")
    os.kill(worker.pid, signal.SIGINT)
    assert worker.wait() == 0
    assert "Traceback" not in worker.log.read_text()


def test_nothing_that_is_pending_keeps_a_worker_from_its_end_or_takes_the_time_of_tasks(tmp_path: Path):
    # nothing is committed before the end
    settings = {"plugin.path": PLUGINS, "offset.flush.interval.ms": 600_000}
    source = {"name": "good", "connector.class": "AwkwardSource", "topic": "t"}
    wrote = {"good": {"topics": ["t"]}}
    worker = LinkspanWorker(tmp_path / "w", None, settings, [source])
    worker.start()
    wait_until(lambda: request("GET", f"{worker.url}/connectors/good/topics")[1] == wrote, "a record is written")
    hanging = {"connector.class": "AwkwardSource", "topic": "t", "connector.start": "hang"}
    with ThreadPoolExecutor() as clients, half_sent(worker.port):
        waiting = clients.submit(request, "POST", f"{worker.url}/connectors", {"name": "bad", "config": hanging})
        wait_until(lambda: "the connector starts" in worker.log.read_text(), "the start hangs")
        later = clients.submit(request, "PUT", f"{worker.url}/connectors/bad/resume")
        children = tree(worker.pid)
        os.kill(worker.pid, signal.SIGTERM)
        assert worker.wait(40) == 0
        assert waiting.result()[0] == 503
        later.cancel()
    wait_until(lambda: not any(map(exists, children)), "every process is gone")
    assert stored_number(worker) > 0
    assert "good|task-0] It did not stop" not in worker.log.read_text()


@contextmanager
def half_sent(port: int) -> Iterator[None]:
    """A request whose body does not come."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        head = "POST /connectors HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100"
        client.sendall(f"{head}\r\n\r\nhalf".encode())
        yield


def test_signal_is_obeyed_while_a_connector_of_the_command_line_starts(tmp_path: Path):
    source = {"name": "bad", "connector.class": "AwkwardSource", "topic": "t", "connector.start": "hang"}
    worker = LinkspanWorker(tmp_path / "w", None, {"plugin.path": PLUGINS}, [source])
    worker.launch()
    wait_until(lambda: worker.log.exists() and "the connector starts" in worker.log.read_text(), "the start hangs")
    children = tree(worker.pid)
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.wait(40) == 0
    wait_until(lambda: not any(map(exists, children)), "every process is gone")
    assert "Traceback" not in worker.log.read_text()


def test_connector_whose_start_hangs_can_be_deleted(tmp_path: Path):
    worker = LinkspanWorker(tmp_path / "w", None, {"plugin.path": PLUGINS})
    worker.start()
    config = {"connector.class": "AwkwardSource", "topic": "t", "connector.start": "hang"}
    try:
        with ThreadPoolExecutor() as clients:
            created = clients.submit(request, "POST", f"{worker.url}/connectors", {"name": "c", "config": config})
            wait_until(lambda: "the connector starts" in worker.log.read_text(), "the start hangs")
            assert request("DELETE", f"{worker.url}/connectors/c")[0] == 204
            status, body = created.result()
            assert (status, "newer request has pre-empted this one" in body["message"]) == (500, True)
        assert request("GET", f"{worker.url}/connectors") == (200, [])
    finally:
        assert worker.stop() == 0


def test_second_worker_on_an_offset_file_ends_with_2_and_one_message(tmp_path: Path):
    offsets = tmp_path / "offsets"
    first = LinkspanWorker(tmp_path / "first", None, {"offset.storage.file.filename": offsets})
    second = LinkspanWorker(tmp_path / "second", None, {"offset.storage.file.filename": offsets})
    first.start()
    try:
        second.launch()
        assert second.wait() == 2
        (said,) = [line for line in lines(second.log) if line.startswith("connect-standalone:")]
        assert f"The offset file {offsets} is in use by another worker" in said
        assert "Traceback" not in second.log.read_text()
    finally:
        assert first.stop() == 0
    second.start()
    assert second.stop() == 0


def test_worker_and_children_may_open_as_many_files_as_the_system_allows(tmp_path: Path):
    source = {"name": "c", "connector.class": "AwkwardSource", "topic": "t"}
    worker = LinkspanWorker(tmp_path / "w", None, {"plugin.path": PLUGINS}, [source])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
    try:
        worker.launch()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    try:
        wait_until(lambda: "Kafka Connect started" in worker.log.read_text(), "it has started")
        limits = [limit for pid in [worker.pid, *tree(worker.pid)] if (limit := open_files(pid)) is not None]
        assert len(limits) > 2
        assert [limit for limit in limits if limit[0] != limit[1]] == []
    finally:
        assert worker.stop() == 0


def open_files(pid: int) -> tuple[str, ...] | None:
    """Soft and hard limit of a process; None of one that has ended meanwhile."""
    try:
        text = Path(f"/proc/{pid}/limits").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    found = re.search(r"^Max open files +(\S+) +(\S+)", text, re.MULTILINE)
    assert found is not None
    return found.groups()
