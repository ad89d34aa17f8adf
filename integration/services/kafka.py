"""Apache Kafka: KRaft brokers, and the original Connect worker from the same jars."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

from integration.services.distributions import CURRENT, Distribution
from integration.services.server import Server, free_ports

VERSION: Final = CURRENT.version


def class_path() -> str:
    """Class path with the broker and the original worker; fetched on first use."""
    return CURRENT.class_path()


SHORT_LIVED: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")
"""For programs that end before a better compiler or collector would have paid for itself."""


def java(
    folder: Path, main: str, *arguments: str, options: Sequence[str] = (), distribution: Distribution = CURRENT
) -> list[str]:
    """Command line of a Java program that logs to its standard output."""
    logging = distribution.log_to_stdout(folder)
    return ["java", *options, "-cp", distribution.class_path(), logging, main, *arguments]


def write_properties(path: Path, properties: Mapping[str, object]) -> Path:
    """Write a properties file of plain keys and values."""
    path.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
    return path


class Broker:
    """A broker that is a controller as well: its own, or one of several.

    Args:
        folder: for its configuration, data and log.
        settings: server properties in addition to, or instead of, the usual ones.
        listeners: names of further listeners and their security protocols.
        options: of the Java virtual machine, in addition to the usual ones.
        advertised: addresses that clients of a further listener are told instead of its own, by its name.
        distribution: which release it is of.
        node: its number.
        controllers: addresses of the controllers of all nodes, from number 1 on; None when it is the only one.

    Attributes:
        addresses: of the further listeners, by name.
    """

    machine: ClassVar[Sequence[str]] = ("-Xmx1g", *SHORT_LIVED)
    """Options of the Java virtual machine."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, object] | None = None,
        listeners: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
        advertised: Mapping[str, str] | None = None,
        distribution: Distribution = CURRENT,
        node: int = 1,
        controllers: Sequence[str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.distribution = distribution
        self.node = node
        protocols = dict(listeners or {})
        self.port, spare, *more = free_ports(2 + len(protocols))
        self._controllers = [f"127.0.0.1:{spare}"] if controllers is None else list(controllers)
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.addresses = {name: f"127.0.0.1:{port}" for name, port in zip(protocols, more, strict=True)}
        properties = {**self._settings(protocols, advertised or {}), **(settings or {})}
        self.properties = write_properties(folder / "server.properties", properties)
        command = self._java("kafka.Kafka", str(self.properties), options=(*self.machine, *options))
        self._server = Server(command, folder / "broker.log")
        self._formatted = False

    def _java(self, main: str, *arguments: str, options: Sequence[str] = ()) -> list[str]:
        return java(self.folder, main, *arguments, options=options, distribution=self.distribution)

    def _settings(self, protocols: Mapping[str, str], advertised: Mapping[str, str]) -> dict[str, object]:
        open_to_clients = {"PLAINTEXT": self.bootstrap, **self.addresses}
        told = {**open_to_clients, **advertised}
        known = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT", **protocols}
        listeners = ",".join(f"{name}://{address}" for name, address in open_to_clients.items())
        return {
            "process.roles": "broker,controller",
            "node.id": self.node,
            "controller.quorum.voters": ",".join(f"{node}@{each}" for node, each in enumerate(self._controllers, 1)),
            "listeners": f"{listeners},CONTROLLER://{self._controllers[self.node - 1]}",
            "advertised.listeners": ",".join(f"{name}://{address}" for name, address in told.items()),
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in known.items()),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": self.folder / "data",
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "offsets.topic.num.partitions": 5,
            "transaction.state.log.num.partitions": 5,
            "group.initial.rebalance.delay.ms": 0,
        }

    def start(self) -> None:
        """Start it, or start it again on the same data after :meth:`stop` or :meth:`kill`."""
        if not self._formatted:
            format_all = ("format", "-t", "bGlua3NwYW4tdGVzdHMtMQ", "-c", str(self.properties))
            command = self._java("kafka.tools.StorageTool", *format_all, options=SHORT_LIVED)
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            if done.returncode != 0:
                raise RuntimeError(f"Formatting the broker's data failed:\n{done.stdout}{done.stderr}")
            self._formatted = True
        self._server.start("Kafka Server started")

    def stop(self) -> None:
        """Clean stop."""
        self._server.stop()

    def kill(self) -> None:
        """SIGKILL."""
        self._server.kill()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._server.pid


class OriginalWorker:
    """The original standalone worker of Apache Kafka.

    Args:
        folder: for its configuration, offsets and log.
        bootstrap: broker address.
        settings: worker properties in addition to, or instead of, the usual ones.
        connectors: configurations of connectors given on the command line.
        files: files of more connectors.
    """

    # what is on the class path says what it is: nothing has to be searched, which takes long
    extra: ClassVar[Mapping[str, object]] = {"plugin.discovery": "service_load"}
    machine: ClassVar[Sequence[str]] = ("-Xmx512m", *SHORT_LIVED)
    """Options of the Java virtual machine."""

    def __init__(
        self,
        folder: Path,
        bootstrap: str,
        settings: Mapping[str, object] | None = None,
        connectors: Sequence[Mapping[str, object]] = (),
        files: Sequence[Path] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "plugins").mkdir(exist_ok=True)
        self.folder = folder
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        properties = {
            "bootstrap.servers": bootstrap,
            "key.converter": "org.apache.kafka.connect.storage.StringConverter",
            "value.converter": "org.apache.kafka.connect.storage.StringConverter",
            "offset.storage.file.filename": folder / "offsets",
            "listeners": self.url,
            "plugin.path": folder / "plugins",
            **self.extra,
            **(settings or {}),
        }
        worker = write_properties(folder / "worker.properties", properties)
        written = [
            write_properties(folder / f"connector-{index}.properties", connector)
            for index, connector in enumerate(connectors)
        ]
        command = java(
            folder,
            "org.apache.kafka.connect.cli.ConnectStandalone",
            str(worker),
            *map(str, [*written, *files]),
            options=self.machine,
        )
        self.log = folder / "worker.log"
        self._server = Server(command, self.log)

    def launch(self) -> None:
        """Start it without waiting for anything."""
        self._server.launch()

    def start(self) -> None:
        """Start it and wait until it says so."""
        self._server.start("Kafka Connect started", timeout=120)

    def stop(self) -> None:
        """Clean stop."""
        self._server.stop()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._server.pid


def request(method: str, url: str, body: object = None, timeout: float = 60.0) -> tuple[int, object]:
    """Send one REST request; status and parsed JSON body (None when empty)."""
    data = None if body is None else json.dumps(body).encode()
    message = urllib.request.Request(
        url, data=data, method=method, headers={"Content-Type": "application/json", "Accept": "application/json"}
    )
    try:
        with urllib.request.urlopen(message, timeout=timeout) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    return status, json.loads(text) if text else None
