"""``linkspan demo`` as a user runs it: what it prints, what it leaves, how it ends."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from integration.bench.footprint import tree
from integration.runtime.test_standalone_process import exists, wait_until
from integration.services.server import free_ports

COMMAND: Final = [str(Path(sys.executable).with_name("linkspan")), "demo"]
ROOT: Final = Path(__file__).parents[2]
GENERATED: Final = 100_000


def environment() -> dict[str, str]:
    (port,) = free_ports(1)
    return {**os.environ, "LINKSPAN_DEMO_PORT": str(port), "COLUMNS": "120"}


def demo(folder: Path, *arguments: object, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run it to its end, with the output in a pipe."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=folder,
        env=env or environment(),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@contextmanager
def running(folder: Path, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """The demo in the background, with its output in a file."""
    with (folder.parent / "output").open("w") as output:
        process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)], cwd=folder, env=environment(), stdout=output, stderr=output, text=True
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The working directory."""
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def copy_in(folder: Path) -> Path:
    (copy,) = (folder / ".demo").glob("*-copy*")
    return copy


def test_invented_file_is_copied_and_a_second_run_goes_on_from_there(folder: Path):
    done = demo(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"All {GENERATED:,} lines are copied" in done.stdout
    assert f"{GENERATED:,} records in, {GENERATED:,} out, lag 0. The copy equals the file byte for byte" in done.stdout
    source = folder / ".demo" / "access.log"
    assert source.read_bytes().count(b"\n") == GENERATED
    assert source.read_bytes() == copy_in(folder).read_bytes()
    again = demo(folder)
    assert again.returncode == 0
    assert f"Going on where the last run stopped: {GENERATED:,} records in, {GENERATED:,} out." in again.stdout
    assert "Nothing new to copy." in again.stdout
    assert source.read_bytes() == copy_in(folder).read_bytes()
    assert [path.name for path in folder.iterdir()] == [".demo"], "state lies about"


def test_own_file_interrupted_in_the_middle_is_copied_to_the_end_by_the_next_run(folder: Path, tmp_path: Path):
    source = tmp_path / "größe # 1 = a.txt"
    total = 2_000_000
    source.write_text("".join(f"line {number} äöü\n" for number in range(total)))
    with running(folder, "--file", source) as process:

        def copying() -> bool:
            copies = list((folder / ".demo").glob("*-copy*"))
            return bool(copies) and copies[0].stat().st_size > 0

        wait_until(copying, "the copy grows")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    said = (tmp_path / "output").read_text()
    assert "Stopping …" in said
    assert "The copy equals the first " in said
    done = demo(folder, "--file", source)
    assert done.returncode == 0, done.stdout + done.stderr
    resumed = re.search(r"Going on where the last run stopped: ([\d,]+) records in, ([\d,]+) out\.", done.stdout)
    assert resumed is not None, done.stdout
    assert 0 < int(resumed[2].replace(",", "")) < total
    assert "The copy equals the file byte for byte" in done.stdout
    assert source.read_bytes() == copy_in(folder).read_bytes()


def test_on_a_terminal_it_shows_live_progress_and_working_curl_lines_until_ctrl_c(folder: Path, tmp_path: Path):
    source = tmp_path / "in.txt"
    source.write_text("a\nb\n")
    ours, theirs = pty.openpty()
    env = environment()
    command = ["setsid", "--ctty", *COMMAND, "--file", str(source)]
    process = subprocess.Popen(command, cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = Screen(ours)
    try:
        wait_until(lambda: "All 2 lines are copied" in shown.text(), "the first lines are copied")
        curls = [line.strip() for line in shown.text().splitlines() if line.strip().startswith("curl ")]
        status, offsets, pause = map(in_shell, curls)
        assert {entry["status"]["connector"]["state"] for entry in json.loads(status).values()} == {"RUNNING"}
        assert json.loads(offsets)["offsets"][0]["offset"] == {"position": 4}
        assert pause == ""
        wait_until(lambda: in_shell(curls[0]).count('"state":"PAUSED"') == 2, "the sink and its task pause")
        with source.open("a") as file:
            file.write("c\n")
        wait_until(lambda: re.search(r"\r +3 +\d+ +2 +\d+ +1(?!\d)", shown.text()) is not None, "a lag of one is shown")
        in_shell(curls[2].replace("/pause", "/resume"))
        wait_until(lambda: re.search(r"\r +3 +\d+ +3 +\d+ +0(?!\d)", shown.text()) is not None, "the lag is gone")
        os.write(ours, b"\x03")
        assert process.wait(60) == 0
        wait_until(lambda: "The copy equals the file byte for byte (6 bytes)" in shown.text(), "the last words")
        assert "Traceback" not in shown.text()
    finally:
        # SIGKILL would leave the worker behind
        process.terminate()
        process.wait(60)
        os.close(ours)
    assert copy_in(folder).read_text() == "a\nb\nc\n"


def in_shell(line: str) -> str:
    """What a shell prints for a line of the demo."""
    done = subprocess.run(["bash", "-c", f"{line} -s"], capture_output=True, text=True, timeout=30, check=True)
    return done.stdout


class Screen:
    """What was printed to a terminal so far."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._data = b""

    def text(self) -> str:
        try:
            while data := os.read(self._descriptor, 65536):
                self._data += data
        except OSError:
            # nothing new, or the last process of the terminal has ended
            pass
        return self._data.decode(errors="replace")


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        (b"a\nb", r"The copy equals the first 2 of the file's 3 bytes. A last line without an end waits for it."),
        (b"a\r\nb\r\n", r"The copy has the same lines; their ends \r\n or \r are written as \n."),
    ],
)
def test_what_cannot_be_equal_is_explained(folder: Path, tmp_path: Path, content: bytes, verdict: str):
    (tmp_path / "in").write_bytes(content)
    done = demo(folder, "--file", tmp_path / "in")
    assert done.returncode == 0, done.stderr
    assert verdict in done.stdout


def test_file_that_is_no_text_ends_with_3_and_says_where(folder: Path, tmp_path: Path):
    (tmp_path / "in").write_bytes(b"good\n\xff\xfe\n")
    done = demo(folder, "--file", tmp_path / "in")
    assert done.returncode == 3
    assert "in is not UTF-8 at byte 5" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "in does not exist; give FILE=path of a text file"),
        ("directory", "in is a directory; give FILE=path of a text file"),
        ("pipe", "in is no ordinary file; give FILE=path of a text file"),
        ("empty", "in is empty, there is nothing to copy; give FILE=path of a text file"),
    ],
)
def test_file_that_cannot_be_copied_is_refused_with_one_message(folder: Path, tmp_path: Path, kind: str, message: str):
    path = tmp_path / "in"
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "empty":
        path.touch()
    done = demo(folder, "--file", path)
    assert done.returncode == 2
    assert done.stderr == f"demo: {tmp_path}/{message}\n"
    assert done.stdout == ""
    assert not list(folder.iterdir())


def test_file_that_cannot_be_read_is_refused_with_the_systems_reason(folder: Path):
    """A file that even the superuser cannot read from its beginning."""
    done = demo(folder, "--file", "/proc/self/mem")
    assert done.returncode == 2
    reason = "Input/output error; give FILE=path of a text file"
    assert done.stderr == f"demo: /proc/self/mem cannot be read: {reason}\n"


def test_port_in_use_is_said_and_another_one_is_taken(folder: Path, tmp_path: Path):
    (tmp_path / "in").write_text("a\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = demo(folder, "--file", tmp_path / "in", env={**os.environ, "LINKSPAN_DEMO_PORT": str(port)})
    assert done.returncode == 0, done.stderr
    assert f"Port {port} is in use" in done.stdout
    assert f"http://127.0.0.1:{port}" not in done.stdout
    assert "The copy equals the file byte for byte" in done.stdout


def test_second_demo_on_the_same_state_is_refused_and_a_terminated_one_leaves_no_process(folder: Path, tmp_path: Path):
    source = tmp_path / "in"
    source.write_text("".join(f"line {number}\n" for number in range(300_000)))
    with running(folder, "--file", source) as process:
        wait_until(lambda: "REST API: " in (tmp_path / "output").read_text(), "the worker runs")
        second = demo(folder, "--file", source)
        assert second.returncode == 2
        assert re.search(r"^demo: a demo runs on \.demo already \(its worker is process \d+\); ", second.stderr)
        processes = tree(process.pid)
        process.terminate()
        assert process.wait(60) == 0
    wait_until(lambda: not any(map(exists, processes)), "every process is gone")


def test_worker_that_dies_ends_the_demo_with_3(folder: Path, tmp_path: Path):
    source = tmp_path / "in"
    source.write_text("".join(f"line {number}\n" for number in range(300_000)))
    with running(folder, "--file", source) as process:
        wait_until(lambda: "REST API: " in (tmp_path / "output").read_text(), "the worker runs")
        worker = int(re.search(r"\d+", (folder / ".demo" / "lock").read_text())[0])
        os.kill(worker, signal.SIGKILL)
        assert process.wait(60) == 3
    assert "demo: the worker ended by itself" in (tmp_path / "output").read_text()


def test_reader_that_has_enough_ends_it_cleanly(folder: Path, tmp_path: Path):
    (tmp_path / "in").write_text("a\n")
    script = f"{' '.join(COMMAND)} --file {tmp_path / 'in'} | head -2; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment(), capture_output=True, text=True, timeout=90, check=False
    )
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


@pytest.mark.parametrize("name", ["my file.txt", 'a"b', "it's `x` $(y) $z \\"])
def test_make_hands_the_file_over_whatever_its_name(name: str):
    command = ["make", "-o", ".venv/ready", "demo", f"FILE={name}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"demo: {name} does not exist; give FILE=path of a text file\n")


def test_git_ignores_the_state():
    assert "/.demo/" in (ROOT / ".gitignore").read_text().splitlines()


def test_no_wait_is_needed_between_two_runs(folder: Path, tmp_path: Path):
    """The claim on the state ends with the worker, also when the demo itself was killed."""
    source = tmp_path / "in"
    source.write_text("a\n" * 300_000)
    with running(folder, "--file", source) as process:
        wait_until(lambda: "REST API: " in (tmp_path / "output").read_text(), "the worker runs")
        worker = int(re.search(r"\d+", (folder / ".demo" / "lock").read_text())[0])
        process.kill()
        process.wait(30)
        refused = demo(folder, "--file", source)
        assert refused.returncode == 2
        assert f"its worker is process {worker}" in refused.stderr
        os.kill(worker, signal.SIGTERM)
        deadline = time.monotonic() + 60
        while (done := demo(folder, "--file", source)).returncode == 2:
            assert time.monotonic() < deadline, done.stderr
    assert done.returncode == 0, done.stderr
    assert source.read_bytes() == copy_in(folder).read_bytes()
