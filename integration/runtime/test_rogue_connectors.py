"""Connectors that hang, crash, leak or shout beside one that works: it goes on, REST answers, the status says why."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import Final

import pytest

from integration.bench.footprint import tree
from integration.runtime.test_standalone_process import exists, lines, wait_until
from integration.services.kafka import request
from integration.services.linkspan import LinkspanWorker

pytestmark = pytest.mark.integration

PLUGINS: Final = Path(__file__).parent / "plugin_path"
ROGUES: Final = {
    "hangs-in-start": {"start": "hang"},
    "hangs-in-poll": {"poll": "hang"},
    "hangs-in-stop": {"stop": "hang"},
    "crashes": {"poll": "segfault"},
    "exits": {"poll": "exit"},
    "leaks": {"poll": "leak"},
    "is-killed": {"poll": "0.05"},
}
"""Names of source connectors, and what they do."""
SAID: Final = {
    "hangs-in-start": ("UNASSIGNED", r"^start has not returned for .*awkward\.py"),
    "hangs-in-poll": ("RUNNING", r"^poll has not returned for .*awkward\.py"),
    "hangs-in-put": ("RUNNING", r"^put has not returned for .*awkward\.py"),
    "hangs-in-stop": ("RUNNING", None),
    "crashes": ("FAILED", r"SIGSEGV.*awkward\.py"),
    "exits": ("FAILED", r"ended with status 7"),
    "leaks": ("FAILED", r"MemoryError.*"),
    "is-killed": ("FAILED", r"SIGKILL \(killed from outside, for example by the kernel because memory ran out\)"),
}
"""State of the task, and what its trace says."""


def healthy(folder: Path, topic: str) -> list[dict[str, object]]:
    return [
        {"name": "works", "connector.class": "FileStreamSource", "file": folder / "in.txt", "topic": topic},
        {"name": "works-too", "connector.class": "FileStreamSink", "file": folder / "out.txt", "topics": topic},
    ]


def task(worker: LinkspanWorker, name: str) -> tuple[str | None, str]:
    """State and trace of a connector's only task."""
    status, body = request("GET", f"{worker.url}/connectors/{name}/status", timeout=10)
    if status != 200 or not body["tasks"]:
        return None, ""
    return body["tasks"][0]["state"], body["tasks"][0].get("trace", "")


def shows_what_happened(worker: LinkspanWorker, name: str) -> bool:
    wanted, said = SAID[name]
    state, trace = task(worker, name)
    return state == wanted and (said is None or re.search(said, trace, re.DOTALL) is not None)


def test_worker_goes_on_beside_connectors_that_misbehave_in_every_way(kafka, tmp_path: Path):
    (tmp_path / "in.txt").write_text("line 0\n")
    settings = {
        "plugin.path": PLUGINS,
        "offset.flush.interval.ms": 200,
        "task.shutdown.graceful.timeout.ms": 1000,
        "linkspan.task.stall.report.ms": 300,
        "linkspan.log.format": "json",
    }
    topic = f"rogue-{os.getpid()}"
    worker = LinkspanWorker(tmp_path / "w", kafka.bootstrap, settings, healthy(tmp_path, topic))
    worker.start()
    try:
        for name, config in ROGUES.items():
            more = {"pid.file": str(tmp_path / "pid")} if name == "is-killed" else {}
            create(worker, name, {"connector.class": "AwkwardSource", "topic": f"{topic}-{name}", **config, **more})
        sink = {"connector.class": "AwkwardSink", "topics": topic, "file": str(tmp_path / "put"), "put": "hang"}
        create(worker, "hangs-in-put", sink)
        wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "", "a process to kill")
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
        for name in SAID:
            wait_until(lambda name=name: shows_what_happened(worker, name), f"the status of {name}")
        assert_works(worker, tmp_path, 1)
        living = set(tree(worker.pid))
        for name in SAID:
            assert request("DELETE", f"{worker.url}/connectors/{name}")[0] == 204
        assert set(request("GET", f"{worker.url}/connectors")[1]) == {"works", "works-too"}
        assert_works(worker, tmp_path, 2)
        children = tree(worker.pid)
        assert len(living - set(children)) >= len([name for name in SAID if name.startswith("hangs")])
    finally:
        assert worker.stop() == 0
    wait_until(lambda: not any(map(exists, children)), "every process is gone")
    assert_log_is_json(worker)


def create(worker: LinkspanWorker, name: str, config: dict[str, object]) -> None:
    status, body = request("POST", f"{worker.url}/connectors", {"name": name, "config": config})
    assert status == 201, body


def assert_works(worker: LinkspanWorker, folder: Path, number: int) -> None:
    """The healthy pipeline still moves records, and REST knows."""
    with (folder / "in.txt").open("a") as file:
        file.write(f"line {number}\n")
    wait_until(lambda: lines(folder / "out.txt") == [f"line {n}" for n in range(number + 1)], "the line comes through")
    assert [task(worker, name)[0] for name in ("works", "works-too")] == ["RUNNING", "RUNNING"]


def assert_log_is_json(worker: LinkspanWorker) -> None:
    entries = [json.loads(line) for line in lines(worker.log)]
    assert all({"timestamp", "level", "logger", "message"} <= entry.keys() for entry in entries)
    said = {"hangs-in-poll": "poll has not returned for", "crashes": "Task crashes-0: its process ended"}
    for name, message in said.items():
        told = [entry["message"] for entry in entries if entry.get("context") == f"{name}|task-0"]
        assert any(text.startswith(message) for text in told), told


def test_what_a_plugin_prints_comes_in_whole_lines_under_its_name_and_within_limits(tmp_path: Path):
    connectors = [
        {"name": "loud", "connector.class": "AwkwardSource", "topic": "loud", "poll": "noise"},
        {"name": "loud too", "connector.class": "AwkwardSource", "topic": "loud", "poll": "noise"},
    ]
    worker = LinkspanWorker(tmp_path / "w", None, {"plugin.path": PLUGINS}, connectors)
    worker.start()
    try:
        for name in ("loud", "loud too"):
            limited = re.compile(rf"\[{name}\|task-0\] \d+ lines of output were left out")
            wait_until(lambda limited=limited: limited.search(worker.log.read_text()) is not None, "output is limited")
        assert request("GET", f"{worker.url}/health", timeout=10)[0] == 200
    finally:
        worker.stop()
    stamp = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\]"
    printed = [line for line in lines(worker.log) if "(linkspan.stdout)" in line]
    noise = rf"{stamp} INFO \[loud( too)?\|task-0\] (a{{50}} \d+ a|b{{50}} \d+ b) \(linkspan\.stdout\)"
    left_out = rf"{stamp} WARN \[loud( too)?\|task-0\] \d+ lines of output were left out .* \(linkspan\.stdout\)"
    assert [line for line in printed if not re.fullmatch(f"{noise}|{left_out}", line)] == []
    assert {name for name in ("[loud|", "[loud too|") if any(name in line for line in printed)} == {
        "[loud|",
        "[loud too|",
    }
