"""The stand-in as a server: a process of its own, with a journal from which it starts again."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path
from typing import Self

from integration.services.ibmmq.compiler import library_folder, server_program
from integration.services.ibmmq.control import Control
from integration.services.server import Server, free_ports

__all__ = ["QueueManagerServer"]

_FRAME = struct.Struct("<II")
_CONTROL = 0


class QueueManagerServer(Control):
    """A queue manager; the same name, port and journal for its whole life, however often it is started.

    It dies with the thread that starts it, so that no test leaves one behind.

    Args:
        folder: for its journal and output.
        name: of the queue manager.
        forced_to_disk: whether a commit of persistent messages waits for the disk.

    Raises:
        UnavailableError: there is no C compiler.
    """

    def __init__(self, folder: Path, name: str = "QM1", *, forced_to_disk: bool = True) -> None:
        super().__init__(self._exchange, name)
        folder.mkdir(parents=True, exist_ok=True)
        (self.port,) = free_ports(1)
        self.journal = folder / f"{name}.journal"
        self.log = folder / f"{name}.log"
        options = [] if forced_to_disk else ["--no-fsync"]
        command = [str(server_program()), name, str(self.port), str(self.journal), *options]
        self._server = Server(command, self.log)

    @property
    def address(self) -> str:
        """For ``mq.connection.name.list``."""
        return f"127.0.0.1({self.port})"

    @property
    def environment(self) -> dict[str, str]:
        """Variables for a process whose binding shall find the library that leads here."""
        path = [str(library_folder("forward")), os.environ.get("LD_LIBRARY_PATH", "")]
        return {"LD_LIBRARY_PATH": ":".join(filter(None, path)), "STAND_IN_ADDRESS": self.address}

    @property
    def pid(self) -> int:
        """Process id."""
        return self._server.pid

    def start(self) -> None:
        """Starts it with what its journal says."""
        self._server.start(f"queue manager {self.name} is ready", timeout=30)

    def stop(self) -> int | None:
        """Clean stop; the exit status."""
        return self._server.stop()

    def kill(self) -> None:
        """SIGKILL."""
        self._server.kill()

    def wait(self, timeout: float = 30.0) -> int:
        """Waits for its end, as after a fault that makes it exit; the exit status."""
        return self._server.wait(timeout)

    def restart(self) -> None:
        """SIGKILL and a new start."""
        self.kill()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _exchange(self, line: str) -> str:
        text = line.encode()
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(_FRAME.pack(len(text) + 4, _CONTROL) + struct.pack("<i", len(text)) + text)
            stream = connection.makefile("rb")
            length, _ = _FRAME.unpack(stream.read(_FRAME.size))
            return stream.read(length).decode()
