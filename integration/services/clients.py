"""Clients of Kafka Connect's REST API that others wrote, each installed in an environment of its own.

They contradict each other and the project's own dependencies in the versions that they want, so each gets a folder in
the git-ignored cache, made once. A :class:`Conversation` with such a folder calls the client's library from a test.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from integration.services.maven import CACHE, UnavailableError

CLIENTS: Final = CACHE / "rest-clients"
SECONDS_TO_INSTALL: Final = 100
SECONDS_TO_HAPPEN: Final = 60


def python_client(pins: Path) -> Path:
    """Folder of a virtual environment with exactly the distributions of a requirements file.

    Args:
        pins: names every distribution with its version, those that a client depends on as well.

    Raises:
        UnavailableError: the package index does not give them.
    """

    def install(target: Path) -> None:
        # Most of the time of making an environment goes into its own pip; ours can install into it.
        _run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(target)])
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--retries", "1"]
        into = ["--python", str(target / "bin" / "python")]
        _run([*pip, *into, "install", "--quiet", "--no-deps", "--requirement", str(pins)])

    interpreter = f"{sys.base_prefix} {sys.version}"
    return _made_once(pins.stem, f"{interpreter}\n{pins.read_text()}", install)


def node_client(name: str, packages: Sequence[str]) -> Path:
    """Folder with these npm packages below ``node_modules``.

    Raises:
        UnavailableError: there is no Node.js 18 or newer with npm, or the registry does not give the packages.
    """
    if shutil.which("npm") is None or _node_version() < 18:
        raise UnavailableError(f"{name} needs Node.js 18 or newer (commands node and npm)")

    def install(target: Path) -> None:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        quiet = [
            "--no-audit",
            "--no-fund",
            "--no-update-notifier",
            "--no-package-lock",
            "--ignore-scripts",
            "--fetch-retries=1",
            "--fetch-retry-mintimeout=1000",
        ]
        _run(["npm", "install", *quiet, "--save-exact", "--prefix", str(target), *packages])

    return _made_once(name, "\n".join(packages), install)


def _node_version() -> int:
    if shutil.which("node") is None:
        return 0
    done = subprocess.run(["node", "--version"], capture_output=True, text=True, timeout=60, check=True)
    return int(done.stdout.strip().removeprefix("v").split(".")[0])


def _made_once(name: str, content: str, install: Callable[[Path], None]) -> Path:
    """The folder for this content; of several processes that want it one makes it and the others wait."""
    CLIENTS.mkdir(parents=True, exist_ok=True)
    target = CLIENTS / f"{name}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    complete = target / ".complete"
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            install(target)
            complete.touch()
    return target


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_TO_INSTALL, check=False)
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"Not done in {SECONDS_TO_INSTALL} s: {shlex.join(command)}") from error
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        reason = next((line for line in lines if line.lower().startswith(("error", "npm error"))), lines[-1])
        raise UnavailableError(f"A REST client could not be installed ({reason}); to see why: {shlex.join(command)}")


def _variables() -> dict[str, str]:
    """Our environment variables but those that would lead a client to our packages, or past the loopback interface."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return {**ours, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def run_command(folder: Path, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that a Python client brings, to its end."""
    program = str(folder / "bin" / command)
    return subprocess.run(
        [program, *arguments], env=_variables(), capture_output=True, encoding="utf-8", timeout=60, check=False
    )


def until(answer: Callable[[], object], wanted: object) -> None:
    """Ask again until the answer is the wanted one."""
    deadline = time.monotonic() + SECONDS_TO_HAPPEN
    while (found := answer()) != wanted:
        assert time.monotonic() < deadline, f"the answer stayed {found!r}, never became {wanted!r}"
        time.sleep(0.05)


class ClientError(Exception):
    """What a client raised: the name of its class and its text."""


class Conversation(AbstractContextManager["Conversation"]):
    """A process in a client's environment that evaluates what a test sends; ends with the ``with`` block.

    Args:
        command: interpreter and the program that evaluates, see ``integration/rest_clients/evaluate.py``.
        folder: where it runs.
        setup: statements to begin with, in the client's language.
        values: variables that the statements and all later expressions can use.
    """

    def __init__(self, command: Sequence[str], folder: Path, setup: str, **values: object) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=_variables(),
        )
        self._exchange({"setup": setup, "values": values})

    def ask(self, expression: str, **values: object) -> Any:
        """Value of an expression, as far as JSON can carry it.

        Raises:
            ClientError: the client raised an exception.
        """
        return self._exchange({"expression": expression, "values": values})

    def until(self, expression: str, wanted: object) -> None:
        """Ask again until the answer is this one."""
        until(lambda: self.ask(expression), wanted)

    def _exchange(self, request: Mapping[str, object]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the client's process ended with {self._process.wait(30)}; what it wrote stands in stderr"
        answer = json.loads(line)
        if "error" in answer:
            raise ClientError(answer["error"])
        return answer["value"]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process: it stops at the end of its input."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(30)
        self._process.stdout.close()
