"""SIGTERM and Ctrl-C while a source polls and a sink puts: what was done is committed, and the worker ends with 0."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Final

import pytest

from integration.bench.footprint import tree
from integration.runtime.test_standalone_process import exists, lines, wait_until
from integration.services import topics
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
