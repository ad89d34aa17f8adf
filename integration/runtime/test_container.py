"""Containers of a group on a real broker: one set up by variables, one by a mounted worker file; no engine needed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from integration.services.kafka import request
from integration.services.server import free_ports

ROOT = Path(__file__).parents[2]
JSON = "org.apache.kafka.connect.json.JsonConverter"
SECONDS = 90.0


class Container:
    """The entry point with its own folder for temporary files, as in an image."""

    def __init__(self, folder: Path, port: int, *arguments: str, **variables: str) -> None:
        (folder / "tmp").mkdir(parents=True)
        self.url = f"http://127.0.0.1:{port}"
        self.output = folder / "output"
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(ROOT / "runtime"), str(ROOT / "connectors")]),
            "TMPDIR": str(folder / "tmp"),
            **variables,
        }
        self.command = [sys.executable, "-m", "linkspan.cli.container"]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*self.command, *arguments], env=self.environment, cwd="/", stdout=output, stderr=subprocess.STDOUT
            )

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + SECONDS
        while not condition():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < end, f"never happened: {what}\n{self.output.read_text()}"
            time.sleep(0.05)

    def healthy(self) -> bool:
        """What the image's health check says."""
        checked = subprocess.run(
            [*self.command, "health"], env=self.environment, capture_output=True, check=False, timeout=SECONDS
        )
        return checked.returncode == 0

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(SECONDS)


@pytest.fixture
def begun() -> Iterator[list[Container]]:
    containers: list[Container] = []
    yield containers
    for container in containers:
        if container.process.poll() is None:
            container.process.kill()
            container.process.wait()


def test_containers_of_either_contract_are_one_group(kafka, tmp_path: Path, begun: list[Container]):
    group = f"c-{uuid4().hex[:8]}"
    first, second = free_ports(2)
    settings = {
        "bootstrap.servers": kafka.bootstrap,
        "group.id": group,
        "key.converter": JSON,
        "value.converter": JSON,
        **{f"{kind}.storage.topic": f"{group}-{kind}" for kind in ("config", "offset", "status")},
        **{f"{kind}.storage.replication.factor": "1" for kind in ("config", "offset", "status")},
        "offset.storage.partitions": "1",
        "status.storage.partitions": "1",
    }
    variables = {f"CONNECT_{key.upper().replace('.', '_')}": value for key, value in settings.items()}
    variables |= {
        "CONNECT_LISTENERS": f"http://127.0.0.1:{first}",
        "CONNECT_REST_ADVERTISED_HOST_NAME": "127.0.0.1",
    }
    home = tmp_path / "kafka"
    (home / "custom-config").mkdir(parents=True)
    mounted = {
        **settings,
        "config.providers": "strimzienv",
        "config.providers.strimzienv.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
        "listeners": f"http://127.0.0.1:{second}",
        "rest.advertised.host.name": "${strimzienv:ADVERTISED_HOSTNAME}",
    }
    (home / "custom-config" / "kafka-connect.properties").write_text(
        "".join(f"{key}={value}\n" for key, value in mounted.items())
    )
    begun.append(Container(tmp_path / "1", first, **variables))
    begun[0].wait_until(begun[0].healthy, "the first is healthy")
    begun.append(Container(tmp_path / "2", second, "strimzi", KAFKA_HOME=str(home), ADVERTISED_HOSTNAME="127.0.0.1"))
    begun[1].wait_until(begun[1].healthy, "the second is healthy")

    source = {"connector.class": "FileStreamSource", "file": "/dev/null", "topic": f"{group}-t"}
    names = ["one", "two"]
    for name in names:
        status, body = request("POST", f"{begun[1].url}/connectors", {"name": name, "config": source})
        assert status == 201, body

    def spread() -> bool:
        """Whether everything runs, and not all on one worker."""
        running = []
        for name in names:
            status, state = request("GET", f"{begun[0].url}/connectors/{name}/status")
            if status == 200 and isinstance(state, dict):
                running += [part for part in (state["connector"], *state["tasks"]) if part["state"] == "RUNNING"]
        workers = {part["worker_id"] for part in running}
        return len(running) == 4 and workers == {f"127.0.0.1:{port}" for port in (first, second)}

    begun[0].wait_until(spread, "both containers run something")
    assert [container.stop() for container in begun] == [0, 0]
