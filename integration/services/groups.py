"""Groups of distributed workers: the original and ours, with the same properties, alone or mixed."""

from __future__ import annotations

import sys
import urllib.error
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

from integration.services.distributions import CURRENT, Distribution
from integration.services.kafka import SHORT_LIVED, java, request, write_properties
from integration.services.server import Server, free_ports

_CONVERTER: Final = "org.apache.kafka.connect.storage.StringConverter"


@dataclass(frozen=True)
class Group:
    """What the workers of a group have in common.

    Attributes:
        bootstrap: broker address.
        settings: worker properties in addition to, or instead of, the usual ones.
        distribution: which release the original's workers are of.
        name: ``group.id``, and the beginning of the topics' names; no other group has it.
    """

    bootstrap: str
    settings: Mapping[str, object] = field(default_factory=dict)
    distribution: Distribution = CURRENT
    name: str = field(default_factory=lambda: f"group-{uuid.uuid4().hex[:8]}")

    @property
    def config_topic(self) -> str:
        """Topic of configurations."""
        return f"{self.name}-configs"

    @property
    def offset_topic(self) -> str:
        """Topic of source offsets."""
        return f"{self.name}-offsets"

    @property
    def status_topic(self) -> str:
        """Topic of states."""
        return f"{self.name}-status"

    def properties(self) -> dict[str, object]:
        """Worker properties, without what each worker has for itself."""
        return {
            "bootstrap.servers": self.bootstrap,
            "group.id": self.name,
            "key.converter": _CONVERTER,
            "value.converter": _CONVERTER,
            "config.storage.topic": self.config_topic,
            "config.storage.replication.factor": 1,
            "offset.storage.topic": self.offset_topic,
            "offset.storage.replication.factor": 1,
            "offset.storage.partitions": 2,
            "status.storage.topic": self.status_topic,
            "status.storage.replication.factor": 1,
            "status.storage.partitions": 2,
            "offset.flush.interval.ms": 500,
            **self.settings,
        }


class GroupWorker:
    """One worker of a group; its subclasses are the two kinds.

    Args:
        folder: for its configuration and log.
        group: that it belongs to.
        settings: worker properties of its own.
    """

    extra: ClassVar[Mapping[str, object]] = {}

    def __init__(self, folder: Path, group: Group, settings: Mapping[str, object] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "plugins").mkdir(exist_ok=True)
        self.folder = folder
        self.group = group
        (self.port,) = free_ports(1)
        self.worker_id = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.worker_id}"
        own: dict[str, object] = {"listeners": self.url, "plugin.path": folder / "plugins"}
        properties = {**group.properties(), **own, **self.extra, **(settings or {})}
        self.properties = write_properties(folder / "worker.properties", properties)
        self.log = folder / "worker.log"
        self._server = Server(self.command(), self.log)

    def command(self) -> list[str]:
        """How this kind of worker is started."""
        raise NotImplementedError

    def launch(self) -> None:
        """Start it, or start it again, without waiting for anything."""
        self._server.launch()

    def await_ready(self, timeout: float = 180.0) -> None:
        """Wait until its REST API says that it is healthy: it has read its topics and takes requests."""
        self._server.await_ready(self._healthy, timeout)

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self.launch()
        self.await_ready()

    def _healthy(self) -> bool:
        try:
            return request("GET", f"{self.url}/health")[0] == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError, ValueError):
            return False

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, object]:
        """Send one REST request; status and parsed body."""
        return request(method, f"{self.url}{path}", body, timeout=120)

    def terminate(self) -> None:
        """SIGTERM, without waiting for anything."""
        self._server.terminate()

    def wait(self, timeout: float = 60.0) -> int:
        """Wait for its end; the exit status."""
        return self._server.wait(timeout)

    def stop(self) -> int | None:
        """Clean stop; the exit status. Nothing happens when it does not run."""
        return self._server.stop(60.0)

    def kill(self) -> None:
        """SIGKILL."""
        self._server.kill()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._server.pid


class OriginalGroupWorker(GroupWorker):
    """The original distributed worker of Apache Kafka."""

    # what is on the class path says what it is: nothing has to be searched, which takes long
    extra: ClassVar[Mapping[str, object]] = {"plugin.discovery": "service_load"}
    machine: ClassVar[Sequence[str]] = ("-Xmx256m", *SHORT_LIVED)
    """Options of the Java virtual machine."""

    def command(self) -> list[str]:
        main = "org.apache.kafka.connect.cli.ConnectDistributed"
        distribution = self.group.distribution
        return java(self.folder, main, str(self.properties), options=self.machine, distribution=distribution)


class LinkspanGroupWorker(GroupWorker):
    """Our distributed worker."""

    def command(self) -> list[str]:
        return [sys.executable, "-m", "linkspan.cli.distributed", str(self.properties)]


@contextmanager
def running(*workers: GroupWorker) -> Iterator[None]:
    """All of them, started together and, at the end, stopped together."""
    try:
        for worker in workers:
            worker.launch()
        for worker in workers:
            worker.await_ready()
        yield
    finally:
        with ThreadPoolExecutor(len(workers)) as pool:
            list(pool.map(lambda worker: worker.stop(), workers))
