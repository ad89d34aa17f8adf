"""A provider gives values for a limited time: both workers restart the connector then, and its task if they changed."""

from __future__ import annotations

import subprocess
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from integration.compat.written import Reader
from integration.conftest import missing
from integration.services.groups import Group, GroupWorker, LinkspanGroupWorker, OriginalGroupWorker, running
from integration.services.kafka import class_path
from integration.services.maven import UnavailableError

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("compat"), pytest.mark.timeout(300)]

PROGRAM = Path(__file__).with_name("LimitedProvider.java")
INTERFACE = "org.apache.kafka.common.config.provider.ConfigProvider"
OURS = """
from pathlib import Path
from linkspan.api import Config, ConfigData, ConfigProvider, Str

class LimitedConfig(Config):
    file = Str(doc="File with the value.")

class LimitedProvider(ConfigProvider[LimitedConfig]):
    config_class, java_class = LimitedConfig, "compat.LimitedProvider"

    def get(self, path, keys):
        return ConfigData(dict.fromkeys(keys, Path(self.config.file).read_text()), int(path))
"""
TTL_MS = 1500


def install_original(plugins: Path) -> None:
    """The provider as a plugin of the original."""
    folder = plugins / "limited"
    services = folder / "META-INF" / "services"
    services.mkdir(parents=True)
    (services / INTERFACE).write_text("compat.LimitedProvider\n")
    jars = ":".join(map(str, Path(class_path()).parent.glob("*.jar")))
    command = ["java", "-m", "jdk.compiler/com.sun.tools.javac.Main", "-d", str(folder), "-cp", jars, str(PROGRAM)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    archive = ["java", "-m", "jdk.jartool/sun.tools.jar.Main", "-cf", str(folder / "limited.jar"), "-C", str(folder)]
    done = subprocess.run([*archive, "."], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def install_ours(plugins: Path) -> None:
    """The provider as a plugin of ours."""
    metadata = plugins / "limited" / "limited-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata.parent / "limited.py").write_text(OURS)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: limited\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[linkspan.config_providers]\nlimited = limited:LimitedProvider\n")


@dataclass
class Seen:
    """States of connectors and tasks, when the value was the same for some time, and after it had changed."""

    same: Mapping[str, list[str]]
    changed: Mapping[str, list[str]]
    output: str


def watch(kind: type[GroupWorker], install: Callable[[Path], None], folder: Path, bootstrap: str) -> Seen:
    folder.mkdir()
    install(folder / "plugins")
    value = folder / "value"
    value.write_text(str(folder / "first.txt"))
    settings = {
        "config.providers": "limited",
        "config.providers.limited.class": "compat.LimitedProvider",
        "config.providers.limited.param.file": value,
    }
    group = Group(bootstrap, settings)
    worker = kind(folder, group)
    topic = f"t-{uuid.uuid4().hex[:8]}"
    sink = {"connector.class": "FileStreamSink", "topics": topic, "file": f"${{limited:{TTL_MS}:file}}"}
    source = {"connector.class": "FileStreamSource", "topic": topic, "file": str(folder / "in.txt")}
    (folder / "in.txt").write_text("one\n")
    parts = [f"{part}{name}" for name in ("a", "none") for part in ("connector-", "task-")]
    with running(worker), Reader(bootstrap, group.status_topic) as statuses:

        def states() -> dict[str, list[str]]:
            return {part: list(statuses.states(part if part[0] == "c" else f"{part}-0")) for part in parts}

        assert worker.ask("PUT", "/connectors/in/config", source)[0] == 201
        assert worker.ask("PUT", "/connectors/none/config", {**sink, "config.action.reload": "none"})[0] == 201
        assert worker.ask("PUT", "/connectors/a/config", sink)[0] == 201
        until(lambda: len(states()["connector-a"]) >= 5, states)
        same = states()
        value.write_text(str(folder / "second.txt"))
        until(lambda: states()["task-a"].count("RUNNING") >= 2, states)
        until((folder / "second.txt").exists, states)
        with (folder / "in.txt").open("a") as file:
            file.write("two\n")
        until(lambda: "two" in (folder / "second.txt").read_text(), states)
        return Seen(same, states(), (folder / "second.txt").read_text())


def until(condition: Callable[[], bool], states: Callable[[], object]) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline, states()
        time.sleep(0.05)


SIDES = [
    pytest.param((OriginalGroupWorker, install_original), id="original", marks=pytest.mark.long),
    pytest.param((LinkspanGroupWorker, install_ours), id="ours"),
]


@pytest.fixture(scope="module", params=SIDES)
def seen(request: pytest.FixtureRequest, kafka: Any, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What happened to the original, which takes long to find out, or to ours."""
    kind, install = request.param
    try:
        return watch(kind, install, tmp_path_factory.mktemp("limited") / kind.__name__, kafka.bootstrap)
    except UnavailableError as error:
        missing(str(error))


def test_a_value_that_runs_out_restarts_the_connector_and_not_its_task(seen: Seen) -> None:
    assert seen.same["connector-a"][:5] == ["RUNNING", "UNASSIGNED", "RUNNING", "UNASSIGNED", "RUNNING"]
    assert seen.same["task-a"] == ["RUNNING"]


def test_a_value_that_has_changed_then_restarts_the_task(seen: Seen) -> None:
    assert seen.changed["task-a"] == ["RUNNING", "UNASSIGNED", "RUNNING"]
    assert seen.output.endswith("two\n")


def test_a_connector_that_wants_no_restart_gets_none(seen: Seen) -> None:
    assert {part: seen.changed[part] for part in ("connector-none", "task-none")} == {
        "connector-none": ["RUNNING"],
        "task-none": ["RUNNING"],
    }
