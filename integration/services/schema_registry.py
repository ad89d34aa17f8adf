"""Our own schema registry as a user starts it: a process with a properties file."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from integration.services.kafka import write_properties
from integration.services.server import Server, free_ports


class SchemaRegistry:
    """A registry; the same folder and port for its whole life, however often it is started.

    Args:
        folder: for its configuration, embedded log and output.
        bootstrap: broker address, or None for the embedded log.
        settings: properties in addition to, or instead of, the usual ones; or what makes them of the port.
    """

    def __init__(
        self,
        folder: Path,
        bootstrap: str | None,
        settings: Mapping[str, object] | Callable[[int], Mapping[str, object]] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.topic = f"_schemas-{uuid.uuid4().hex[:8]}"
        store: dict[str, object] = {
            "kafkastore.bootstrap.servers": f"PLAINTEXT://{bootstrap}",
            "kafkastore.topic.replication.factor": 1,
        }
        properties = {
            **(store if bootstrap else {"linkspan.data.dir": folder / "log"}),
            "kafkastore.topic": self.topic,
            "listeners": self.url,
            **((settings(self.port) if callable(settings) else settings) or {}),
        }
        self.topic = str(properties["kafkastore.topic"])
        file = write_properties(folder / "registry.properties", properties)
        self.log = folder / "registry.log"
        self._server = Server([str(Path(sys.executable).with_name("linkspan")), "registry", str(file)], self.log)

    def start(self) -> None:
        """Start it and wait until it says so."""
        self._server.start("Schema registry started", timeout=60)

    def launch(self) -> None:
        """Start it without waiting for anything."""
        self._server.launch()

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

    def call(self, method: str, path: str, body: object = None, timeout: float = 30.0) -> tuple[int, Any]:
        """One request: status and JSON of the answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/vnd.schemaregistry.v1+json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")
