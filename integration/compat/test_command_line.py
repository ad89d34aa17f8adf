"""``connect-standalone`` with what users get wrong: exit statuses of the original and of ours."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from integration.conftest import missing
from integration.services.kafka import java, write_properties
from integration.services.maven import UnavailableError

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("compat"), pytest.mark.timeout(400)]

COMMAND = str(Path(sys.executable).with_name("connect-standalone"))
PROGRAM = Path(__file__).with_name("CommandLine.java")
TEXT = "org.apache.kafka.connect.storage.StringConverter"
SOURCE = {"connector.class": "FileStreamSource", "file": "/etc/hosts", "topic": "command-line", "name": "c"}

# Connector files that stop a worker, by what is wrong with them.
CONNECTOR_FILES: dict[str, str] = {
    "no name": "connector.class=FileStreamSource\ntopic=t\n",
    "unknown class": "name=c\nconnector.class=Nope\n",
    "no topic": "name=c\nconnector.class=FileStreamSource\n",
    "broken escape": "name=c\nconnector.class=FileStreamSource\ntopic=\\u12\n",
    "broken JSON": '{"name": "c"',
    "JSON without an object": "[1]",
    "byte order mark": "\ufeffname=c\nconnector.class=FileStreamSource\ntopic=t\n",
    "request with two names": json.dumps({"name": "d", "config": SOURCE}),
    "request with unknown state": json.dumps({"name": "c", "config": SOURCE, "initial_state": "ASLEEP"}),
    "request with a list": json.dumps({"name": "c", "config": {**SOURCE, "topic": ["t"]}}),
}
# Worker keys that stop a worker, by what is wrong with them; None leaves a key out.
WORKERS: dict[str, dict[str, str | None]] = {
    "no converter": {"key.converter": None},
    "unknown converter": {"value.converter": "Nope"},
    "wrong listener": {"listeners": "nonsense"},
    "port in use": {"listeners": "http://127.0.0.1:${PORT}"},
    "listener with a path": {"listeners": "http://127.0.0.1:0/path"},
    "wrong admin listener": {"admin.listeners": "nonsense"},
    "wrong response header": {"response.http.headers.config": "put x:y"},
    "unknown extension": {"rest.extension.classes": "Nope"},
    "unknown policy": {"connector.client.config.override.policy": "Nope"},
    "unknown config provider": {"config.providers": "vault", "config.providers.vault.class": "com.example.Vault"},
    "broker without port": {"bootstrap.servers": "127.0.0.1"},
    "broken offset file": {"offset.storage.file.filename": "BROKEN"},
    "offset file is a folder": {"offset.storage.file.filename": "FOLDER"},
}
OTHERS = ("no arguments", "help", "help at the end", "no such worker file", "no such connector file", "a name twice")
NAMES = (*OTHERS, *CONNECTOR_FILES, *WORKERS)


def originals(folder: Path, main: str, cases: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Exit statuses of a command of the original for each of these arguments; one Java process goes through them."""
    lines = "".join("\t".join(arguments or ["(none)"]) + "\n" for arguments in cases.values())
    command = java(folder, str(PROGRAM), main)
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=300, check=False)
    statuses = re.findall(r"^exit status (-?\d+)$", done.stdout, re.MULTILINE)
    assert len(statuses) == len(cases), done.stdout[-3000:] + done.stderr[-3000:]
    return dict(zip(cases, map(int, statuses), strict=True))


class Cases:
    """Arguments by name; all files are written into one folder."""

    def __init__(self, folder: Path, bootstrap: str, taken_port: int) -> None:
        self.folder = folder
        self.bootstrap = bootstrap
        self.taken_port = taken_port
        (folder / "BROKEN").write_bytes(b"this is no Java object")
        (folder / "FOLDER").mkdir()
        good = self.worker("good", {})
        twice = [self.file("twice", json.dumps(SOURCE))] * 2
        others = ([], ["--help"], [good, "--help"], [str(folder / "no")], [good, str(folder / "no")], [good, *twice])
        self.arguments: dict[str, list[str]] = {
            **dict(zip(OTHERS, others, strict=True)),
            **{name: [good, self.file(name, text)] for name, text in CONNECTOR_FILES.items()},
            **{name: [self.worker(name, keys)] for name, keys in WORKERS.items()},
        }

    def file(self, name: str, text: str) -> str:
        path = self.folder / f"connector {name}"
        path.write_text(text, "utf-8")
        return str(path)

    def worker(self, name: str, changes: dict[str, str | None]) -> str:
        keys: dict[str, str | None] = {
            "bootstrap.servers": self.bootstrap,
            "key.converter": TEXT,
            "value.converter": TEXT,
            "offset.storage.file.filename": "offsets",
            "listeners": "http://127.0.0.1:0",
            # Finds the plugins fast.
            "plugin.discovery": "service_load",
            **changes,
        }
        keys["offset.storage.file.filename"] = f"{self.folder}/{keys['offset.storage.file.filename']}"
        keys["listeners"] = str(keys["listeners"]).replace("${PORT}", str(self.taken_port))
        path = self.folder / f"worker {name}"
        return str(write_properties(path, {key: value for key, value in keys.items() if value is not None}))

    def originals(self) -> dict[str, int]:
        """Exit statuses of the original."""
        return originals(self.folder, "org.apache.kafka.connect.cli.ConnectStandalone", self.arguments)

    def ours(self) -> dict[str, subprocess.CompletedProcess[str]]:
        """What our command does, one process for each case."""
        return {
            name: subprocess.run([COMMAND, *arguments], capture_output=True, text=True, timeout=100, check=False)
            for name, arguments in self.arguments.items()
        }


@dataclass
class Ended:
    """How both ended, by the names of the cases."""

    originals: dict[str, int]
    ours: dict[str, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def ended(kafka: Any, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    with socket.create_server(("127.0.0.1", 0)) as taken, ThreadPoolExecutor() as both:
        cases = Cases(tmp_path_factory.mktemp("command-line"), kafka.bootstrap, taken.getsockname()[1])
        originals, ours = both.submit(cases.originals), both.submit(cases.ours)
        try:
            return Ended(originals.result(), ours.result())
        except UnavailableError as error:
            missing(str(error))


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name.replace(" ", "-"))
def test_both_end_with_the_same_status(ended: Ended, name: str) -> None:
    ours = ended.ours[name]
    assert ours.returncode == ended.originals[name], ours.stderr[-1000:]
    assert ours.returncode > 0


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name not in OTHERS[:3]], ids=lambda name: name.replace(" ", "-")
)
def test_one_message_says_why(ended: Ended, name: str) -> None:
    said = ended.ours[name].stderr
    assert said.count("connect-standalone: ") == 1
    assert "Traceback" not in said
