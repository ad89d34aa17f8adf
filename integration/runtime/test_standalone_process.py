"""The standalone worker as a process: exit statuses, bad input, kills, restarts (embedded log, no server needed)."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.bench.footprint import tree
from integration.services.kafka import request, write_properties
from integration.services.linkspan import LinkspanWorker
from integration.services.server import free_ports

COMMAND = str(Path(sys.executable).with_name("connect-standalone"))
TEXT = "org.apache.kafka.connect.storage.StringConverter"
FILE_PROVIDER = {
    "config.providers": "file",
    "config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider",
}


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.02)


def exists(pid: int) -> bool:
    """Whether there is such a process; one that was killed may take a moment to go."""
    return Path(f"/proc/{pid}").exists()


def pipeline(folder: Path) -> list[dict[str, object]]:
    return [
        {"name": "src", "connector.class": "FileStreamSource", "file": folder / "in.txt", "topic": "t"},
        {"name": "snk", "connector.class": "FileStreamSink", "file": folder / "out.txt", "topics": "t"},
    ]


def lines(path: Path) -> list[str]:
    # a file that is being written may end in the middle of a character
    return path.read_text(errors="replace").splitlines() if path.exists() else []


def run(folder: Path, *files: Path, **changes: object) -> subprocess.CompletedProcess[str]:
    (port,) = free_ports(1)
    properties = {
        "key.converter": TEXT,
        "value.converter": TEXT,
        "offset.storage.file.filename": folder / "offsets",
        "listeners": f"http://127.0.0.1:{port}",
        "linkspan.data.dir": folder / "log",
        **changes,
    }
    worker = write_properties(folder / "worker.properties", {k: v for k, v in properties.items() if v is not None})
    return subprocess.run(
        [COMMAND, str(worker), *map(str, files)], capture_output=True, text=True, timeout=60, check=False
    )


def test_file_arrives_whole_and_the_worker_stops_cleanly(tmp_path: Path):
    (tmp_path / "in.txt").write_text("".join(f"line {number}\n" for number in range(50_000)))
    worker = LinkspanWorker(tmp_path / "w", None, connectors=pipeline(tmp_path))
    worker.start()
    wait_until(lambda: len(lines(tmp_path / "out.txt")) >= 50_000, "all lines written")
    children = tree(worker.pid)
    assert worker.stop() == 0
    assert (tmp_path / "in.txt").read_bytes() == (tmp_path / "out.txt").read_bytes()
    wait_until(lambda: not any(map(exists, children)), "every process is gone")


def test_restarted_worker_goes_on_without_loss_or_repetition(tmp_path: Path):
    (tmp_path / "in.txt").write_text("a\nb\n")
    worker = LinkspanWorker(tmp_path / "w", None, connectors=pipeline(tmp_path))
    worker.start()
    wait_until(lambda: lines(tmp_path / "out.txt") == ["a", "b"], "first lines")
    assert worker.stop() == 0
    with (tmp_path / "in.txt").open("a") as file:
        file.write("c\n")
    worker.start()
    wait_until(lambda: len(lines(tmp_path / "out.txt")) >= 3, "third line")
    assert worker.stop() == 0
    assert lines(tmp_path / "out.txt") == ["a", "b", "c"]


@pytest.mark.parametrize("victim", ["worker", "task"])
def test_killed_at_random_moments_nothing_is_lost(tmp_path: Path, victim: str):
    total = 30_000
    generator = random.Random(victim)
    source = tmp_path / "in.txt"
    source.touch()
    settings = {"offset.flush.interval.ms": 50}
    connectors = [{**item, **({"batch.size": 100} if item["name"] == "src" else {})} for item in pipeline(tmp_path)]
    worker = LinkspanWorker(tmp_path / "w", None, settings, connectors)
    worker.start()
    for part in range(6):
        with source.open("a") as file:
            file.writelines(f"line {number}\n" for number in range(part * total // 6, (part + 1) * total // 6))
        moment = time.monotonic() + generator.uniform(0.0, 0.4)
        wait_until(lambda moment=moment: time.monotonic() >= moment, "the moment of the kill")
        if victim == "worker":
            worker.kill()
            worker.start()
        else:
            kill_a_task(worker, generator)
    wanted = {f"line {number}" for number in range(total)}
    wait_until(lambda: wanted <= set(lines(tmp_path / "out.txt")), "every line written")
    worker.stop()


def kill_a_task(worker: LinkspanWorker, generator: random.Random) -> None:
    name = generator.choice(["src", "snk"])
    parents = {pid: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1] for pid in tree(worker.pid)}
    leaves = [pid for pid in parents if str(pid) not in parents.values() and parents[pid] != str(worker.pid)]
    os.kill(generator.choice(leaves), signal.SIGKILL)

    def failed() -> list[str]:
        found = []
        for connector in ("src", "snk"):
            _, status = request("GET", f"{worker.url}/connectors/{connector}/status")
            found += [connector for task in status["tasks"] if task["state"] == "FAILED"]
        return found

    wait_until(lambda: bool(failed()), f"a killed task is reported (asked for {name})")
    for connector in failed():
        status, _ = request("POST", f"{worker.url}/connectors/{connector}/restart?includeTasks=true&onlyFailed=true")
        assert status == 202


def test_standard_input_is_read_and_records_are_shown_on_standard_output(tmp_path: Path):
    worker = LinkspanWorker(
        tmp_path / "w",
        None,
        connectors=[
            {"name": "src", "connector.class": "FileStreamSource", "topic": "t"},
            {"name": "snk", "connector.class": "FileStreamSink", "topics": "t"},
        ],
    )
    with subprocess.Popen(worker._server.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("typed by hand\n")
        process.stdin.flush()
        try:
            assert "typed by hand\n" in process.stdout
        finally:
            process.terminate()
            process.communicate(timeout=60)


def test_no_argument_prints_the_usage():
    done = subprocess.run([COMMAND], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "Usage: connect-standalone" in done.stdout


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"listeners": "http:8083"}, "Listener doesn't have the right format"),
        ({"key.converter": None}, 'Missing required configuration "key.converter"'),
        ({"offset.flush.interval.ms": "soon"}, "offset.flush.interval.ms: Not a number of type LONG"),
        ({"offset.storage.file.filename": None}, 'Missing required configuration "offset.storage.file.filename"'),
        ({"connector.client.config.override.policy": "Mine"}, "there are the policies All, Allowlist, None, Principal"),
        ({"bootstrap.servers": "127.0.0.1:1"}, "127.0.0.1:1"),
        ({"config.providers": "file"}, 'Missing required configuration "config.providers.file.class"'),
        (
            {"config.providers": "v", "config.providers.v.class": "com.example.Vault"},
            "there is no such config provider here; there are io.strimzi.kafka.EnvVarConfigProvider, ",
        ),
        (
            {**FILE_PROVIDER, "offset.flush.interval.ms": "${file:/nowhere:x}"},
            "Could not read properties from file /nowhere",
        ),
        (
            {**FILE_PROVIDER, "producer.ssl.key.password": "${file::x}"},
            "Invalid value [hidden] for configuration producer.ssl.key.password: no config provider knows ${file::x}",
        ),
    ],
)
def test_wrong_worker_file_ends_with_2_and_one_message(tmp_path: Path, changes: dict[str, object], message: str):
    done = run(tmp_path, **changes)
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_missing_worker_file_is_named(tmp_path: Path):
    done = subprocess.run([COMMAND, str(tmp_path / "none")], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "none: No such file" in done.stderr
    assert "Traceback" not in done.stderr


def test_port_in_use_is_named(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        done = run(tmp_path, listeners=address)
    assert done.returncode == 2
    assert address in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["offsets", "log"])
def test_damaged_state_is_refused_named_and_left_alone(tmp_path: Path, name: str):
    path = tmp_path / "offsets" if name == "offsets" else tmp_path / "log" / "log.sqlite"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"this is something else" * 200)
    done = run(tmp_path)
    assert done.returncode == 3, done.stdout + done.stderr
    assert str(path) in done.stderr
    assert path.read_bytes() == b"this is something else" * 200
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("connector.class=FileStreamSource\ntopic=t\n", "missing the mandatory 'name' configuration"),
        ("name=c\nconnector.class=Nope\n", "available connectors are"),
        ("name=c\nconnector.class=FileStreamSource\n", 'Missing required configuration "topic"'),
        ("name=a\\u0007b\nconnector.class=FileStreamSource\ntopic=t\n", "control sequences"),
    ],
)
def test_wrong_connector_file_ends_with_3_and_names_it(tmp_path: Path, text: str, message: str):
    path = tmp_path / "connector.properties"
    path.write_text(text)
    done = run(tmp_path, path)
    assert done.returncode == 3, done.stdout + done.stderr
    assert message in done.stderr
    assert "connector.properties" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_line_that_is_no_text_fails_the_task_and_loses_nothing(tmp_path: Path):
    (tmp_path / "in.txt").write_bytes(b"good\n\xff\xfe\n")
    worker = LinkspanWorker(tmp_path / "w", None, connectors=pipeline(tmp_path))
    worker.start()
    try:
        wait_until(lambda: task_state(worker, "src") == "FAILED", "the source fails")
        trace = request("GET", f"{worker.url}/connectors/src/status")[1]["tasks"][0]["trace"]
        assert "in.txt is not UTF-8 at byte 5" in trace
        (tmp_path / "in.txt").write_bytes(b"good\nxx\n")
        request("POST", f"{worker.url}/connectors/src/restart?includeTasks=true")
        wait_until(lambda: lines(tmp_path / "out.txt") == ["good", "xx"], "both lines arrive")
    finally:
        worker.stop()


def test_undecodable_record_is_named_by_topic_partition_offset(tmp_path: Path):
    (tmp_path / "in.txt").write_text('{"a":1}\nnot json\n')
    source, sink = pipeline(tmp_path)
    sink |= {
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "false",
    }
    worker = LinkspanWorker(tmp_path / "w", None, connectors=[source, sink])
    worker.start()
    try:
        wait_until(lambda: task_state(worker, "snk") == "FAILED", "the sink fails")
        trace = request("GET", f"{worker.url}/connectors/snk/status")[1]["tasks"][0]["trace"]
        assert "t-0" in trace or ("topic 't'" in trace and "offset 1" in trace) or "t-0@1" in trace, trace
    finally:
        worker.stop()


def task_state(worker: LinkspanWorker, connector: str) -> str | None:
    status, body = request("GET", f"{worker.url}/connectors/{connector}/status")
    return body["tasks"][0]["state"] if status == 200 and body["tasks"] else None
