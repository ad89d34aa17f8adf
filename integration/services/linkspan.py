"""Our own worker as a user starts it: a process with properties files."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from integration.services.kafka import write_properties
from integration.services.server import Server, free_ports


class LinkspanWorker:
    """A standalone worker of ours.

    Args:
        folder: for its configuration, offsets, embedded log and output.
        bootstrap: broker address, or None for the embedded log.
        settings: worker properties in addition to, or instead of, the usual ones.
        connectors: configurations of connectors given on the command line.
        files: files of more connectors.
        env: variables in addition to ours.
        prefix: what to write before its command.
    """

    def __init__(
        self,
        folder: Path,
        bootstrap: str | None,
        settings: Mapping[str, object] | None = None,
        connectors: Sequence[Mapping[str, object]] = (),
        env: Mapping[str, str] | None = None,
        files: Sequence[Path] = (),
        prefix: Sequence[str] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        properties = {
            **({"bootstrap.servers": bootstrap} if bootstrap else {"linkspan.data.dir": folder / "log"}),
            "key.converter": "org.apache.kafka.connect.storage.StringConverter",
            "value.converter": "org.apache.kafka.connect.storage.StringConverter",
            "offset.storage.file.filename": folder / "offsets",
            "listeners": self.url,
            **(settings or {}),
        }
        worker = write_properties(folder / "worker.properties", properties)
        written = [
            write_properties(folder / f"connector-{index}.properties", connector)
            for index, connector in enumerate(connectors)
        ]
        self.log = folder / "worker.log"
        command = [str(Path(sys.executable).with_name("connect-standalone")), *map(str, [worker, *written, *files])]
        self._server = Server([*prefix, *command], self.log, env)

    def launch(self) -> None:
        """Start it without waiting for anything."""
        self._server.launch()

    def start(self) -> None:
        """Start it and wait until it says so."""
        self._server.start("Kafka Connect started", timeout=60)

    def stop(self) -> int | None:
        """Clean stop; the exit status."""
        return self._server.stop()

    def wait(self, timeout: float = 60.0) -> int:
        """Wait for its end; the exit status."""
        return self._server.wait(timeout)

    def kill(self) -> None:
        """SIGKILL."""
        self._server.kill()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._server.pid
