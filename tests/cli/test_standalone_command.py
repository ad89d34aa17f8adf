"""``connect-standalone`` as a process: its options, its environment, its streams."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).with_name("connect-standalone"))
TEXT = "org.apache.kafka.connect.storage.StringConverter"
DEADLINE = 60.0


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def worker(tmp_path: Path, port: int) -> Path:
    """A worker file on the embedded log."""
    path = tmp_path / "worker.properties"
    path.write_text(
        f"key.converter={TEXT}\nvalue.converter={TEXT}\noffset.storage.file.filename={tmp_path}/offsets\n"
        f"linkspan.data.dir={tmp_path}/log\nlisteners=http://127.0.0.1:{port}\n"
    )
    return path


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/connectors", timeout=5) as answer:
            return answer.read() == b"[]"
    except (urllib.error.URLError, OSError):
        return False


def wait_until(condition) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def refused(*arguments: str, **env: str) -> str:
    """The only line of a command that ends with status 2."""
    ended = subprocess.run(
        [COMMAND, *arguments], capture_output=True, text=True, timeout=DEADLINE, check=False, env={**os.environ, **env}
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    return line


def test_an_unknown_log_level_is_refused_with_the_known_ones(worker):
    assert refused(str(worker), LINKSPAN_LOG_LEVEL="loud") == (
        "connect-standalone: LINKSPAN_LOG_LEVEL=loud is no level; there are "
        "ALL, TRACE, DEBUG, INFO, WARN, ERROR, FATAL, OFF"
    )


def test_a_byte_order_mark_in_the_worker_file_is_named(worker):
    worker.write_text(worker.read_text(), "utf-8-sig")
    line = refused(str(worker))
    assert 'Missing required configuration "key.converter"' in line
    assert f"in {worker}, the file begins with a byte order mark, which spoils its first key key.converter" in line


@pytest.mark.parametrize("key", ["linkspan.task.stall.report.ms", "linkspan.plugin.request.timeout.ms"])
def test_keys_of_ours_are_checked_before_the_worker_starts(worker, key):
    worker.write_text(f"{worker.read_text()}{key}=soon\n")
    assert f"Invalid value soon for configuration {key}: Not a number of type LONG" in refused(str(worker))


def test_a_worker_whose_standard_streams_are_closed_works(worker, port):
    closed = ["sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-', COMMAND, str(worker)]
    with subprocess.Popen(closed) as process:
        try:
            wait_until(lambda: answers(port) or process.poll() is not None)
            assert process.poll() is None
            for number in range(3):
                assert Path(f"/proc/{process.pid}/fd/{number}").readlink() == Path(os.devnull)
        finally:
            process.terminate()
        assert process.wait(DEADLINE) == 0


def test_daemon_starts_the_worker_detached_with_its_output_in_a_file(worker, port, tmp_path):
    logs = tmp_path / "my logs"
    started = subprocess.run(
        [COMMAND, "-daemon", str(worker)],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
        env={**os.environ, "LOG_DIR": str(logs)},
    )
    output = logs / "connectStandalone.out"
    found = re.fullmatch(rf"Started process (\d+); its output is in {re.escape(str(output))}\n", started.stdout)
    assert found is not None
    pid = int(found[1])
    try:
        wait_until(lambda: answers(port))
        assert os.getsid(pid) == pid
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: "Kafka Connect stopped" in output.read_text())


def test_daemon_says_when_there_is_no_place_for_the_output(worker, tmp_path):
    (tmp_path / "file").touch()
    line = refused("-daemon", str(worker), LOG_DIR=str(tmp_path / "file"))
    assert f"-daemon: cannot write {tmp_path / 'file' / 'connectStandalone.out'}: " in line


PLUGIN = """
import threading
from linkspan.api import SourceConnector, SourceTask

class {name}Task(SourceTask):
    def start(self): self.ended = threading.Event()
    def poll(self): self.ended.wait(0.1)
    def stop(self): self.ended.set()

class {name}(SourceConnector):
    task_class = {name}Task
    def task_configs(self, max_tasks): return [{{}}]
"""


def unit(folder: Path, name: str, source: str) -> None:
    """A folder of plugin.path with a module ``connector``."""
    info = folder / name / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / name / "connector.py").write_text(source)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[linkspan.connectors]\n{name} = connector:{name}\n")


def ask(port: int, path: str, body: object = None) -> tuple[int, object]:
    data = None if body is None else json.dumps(body).encode()
    sent = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(sent, timeout=DEADLINE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_folders_of_plugin_path_do_not_disturb_each_other(worker, port, tmp_path):
    plugins = tmp_path / "plugins"
    for name in ("First", "Second"):
        unit(plugins, name, PLUGIN.format(name=name))
    unit(plugins, "Bad", "import os; os._exit(3)")
    worker.write_text(f"{worker.read_text()}plugin.path={plugins}\n")

    def create(name: str) -> tuple[int, object]:
        return ask(port, "/connectors", {"name": name, "config": {"connector.class": f"connector.{name}"}})

    def running(name: str) -> bool:
        status = ask(port, f"/connectors/{name}/status")[1]
        assert isinstance(status, dict)
        return [task["state"] for task in status["tasks"]] == ["RUNNING"]

    with subprocess.Popen([COMMAND, str(worker)], stdout=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: answers(port) or process.poll() is not None)
            assert [create(name)[0] for name in ("First", "Second")] == [201, 201]
            wait_until(lambda: running("First") and running("Second"))
            status, body = create("Bad")
            assert isinstance(body, dict)
            assert status == 400
            assert f"Could not import the plugins of {plugins / 'Bad'}: the process ended with" in body["message"]
        finally:
            process.terminate()
        assert process.wait(DEADLINE) == 0
