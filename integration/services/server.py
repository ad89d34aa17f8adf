"""A server process of a test: started on loopback, waited for by a line of its log, stopped by its pid."""

from __future__ import annotations

import os
import pwd
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

_PORTS: Final = range(15_000, 32_000)
"""Below those that Linux gives to connections that ask for none, so that none of these takes one before its server."""


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on, all different; another process rarely picks the same."""
    found: list[int] = []
    for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
        if len(found) == count:
            break
        with socket.socket() as tried, suppress(OSError):
            tried.bind(("127.0.0.1", port))
            found.append(port)
    return found


class Server:
    """One process with its output in a file.

    Args:
        command: what to run.
        log: file that gets stdout and stderr.
        env: variables in addition to ours.
        user: to run it as; None for ourselves.
    """

    def __init__(
        self, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None, user: str | None = None
    ) -> None:
        self.command = list(command)
        self.user = user
        self.log = log
        self.env = dict(env or {})
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        assert self.process is not None
        return self.process.pid

    def launch(self) -> None:
        """Start it without waiting for anything."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.env},
                user=self.user,
                group=None if self.user is None else pwd.getpwnam(self.user).pw_gid,
                cwd=None if self.user is None else self.log.parent,
            )

    def start(self, ready: str, timeout: float = 60.0) -> None:
        """Start it and wait until its log contains ``ready``.

        Raises:
            RuntimeError: it ended or was not ready in time; carries the end of its log.
        """
        begin = self.log.stat().st_size if self.log.exists() else 0
        self.launch()
        self.await_ready(lambda: ready.encode() in self.log.read_bytes()[begin:], timeout)

    def await_ready(self, ready: Callable[[], bool], timeout: float) -> None:
        """Wait, once it was launched, until ``ready`` says so.

        Raises:
            RuntimeError: it ended or was not ready in time; carries the end of its log.
        """
        assert self.process is not None
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if ready():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        state = "was not ready in time" if self.process.poll() is None else f"ended with {self.process.returncode}"
        self.stop()
        raise RuntimeError(f"{self.command[0]} {state}:\n{self.log.read_text(errors='replace')[-3000:]}")

    def terminate(self) -> None:
        """SIGTERM, without waiting for anything."""
        assert self.process is not None
        self.process.terminate()

    def stop(self, timeout: float = 30.0) -> int | None:
        """SIGTERM, then SIGKILL after ``timeout`` seconds; the exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode

    def wait(self, timeout: float) -> int:
        """Wait for its end; the exit status.

        Raises:
            RuntimeError: it goes on; it is killed, and the error carries the end of its log.
        """
        assert self.process is not None
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            text = self.log.read_text(errors="replace")[-3000:]
            raise RuntimeError(f"{self.command[0]} did not end within {timeout:g} s:\n{text}") from None

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
