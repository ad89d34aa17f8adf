"""``connect-distributed`` with what users get wrong: exit statuses of the original and of ours."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from integration.compat.test_command_line import originals
from integration.conftest import missing
from integration.services.groups import Group
from integration.services.kafka import write_properties
from integration.services.maven import UnavailableError

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("compat"), pytest.mark.timeout(400)]

COMMAND = str(Path(sys.executable).with_name("connect-distributed"))
MAIN = "org.apache.kafka.connect.cli.ConnectDistributed"
# Worker keys that stop a worker, by what is wrong with them, and what the message has to name; None leaves a key out.
WORKERS: dict[str, tuple[dict[str, object], str]] = {
    "no group": ({"group.id": None}, "group.id"),
    "no config topic": ({"config.storage.topic": None}, "config.storage.topic"),
    "no converter": ({"key.converter": None}, "key.converter"),
    "unknown converter": ({"value.converter": "Nope"}, "value.converter"),
    "unknown protocol": ({"connect.protocol": "lazy"}, "connect.protocol"),
    "session that is no number": ({"session.timeout.ms": "long"}, "session.timeout.ms"),
    "delay below zero": ({"scheduled.rebalance.max.delay.ms": -1}, "scheduled.rebalance.max.delay.ms"),
    "unknown key generator": (
        {"inter.worker.key.generation.algorithm": "Nope"},
        "inter.worker.key.generation.algorithm",
    ),
    "unknown signature": ({"inter.worker.signature.algorithm": "Nope"}, "inter.worker.signature.algorithm"),
    "signature that is not verified": (
        {"inter.worker.verification.algorithms": "HmacSHA1"},
        "inter.worker.verification.algorithms",
    ),
    "no partitions": ({"offset.storage.partitions": 0}, "offset.storage.partitions"),
    "no copies": ({"status.storage.replication.factor": 0}, "status.storage.replication.factor"),
    "wrong listener": ({"listeners": "nonsense"}, "listeners"),
    "broker without port": ({"bootstrap.servers": "127.0.0.1"}, "bootstrap.servers"),
    "config topic that forgets": ({"config.storage.topic": "${FORGETS}"}, "cleanup.policy=compact"),
    "offset topic that forgets": ({"offset.storage.topic": "${FORGETS}"}, "cleanup.policy=compact"),
    "status topic that forgets": ({"status.storage.topic": "${FORGETS}"}, "cleanup.policy=compact"),
    "config topic of two partitions": ({"config.storage.topic": "${TWO}"}, "config.storage.topic"),
    "more copies of configs than brokers": (
        {"config.storage.replication.factor": 3},
        "config.storage.replication.factor",
    ),
    "more copies of states than brokers": (
        {"status.storage.replication.factor": 3},
        "status.storage.replication.factor",
    ),
    "session longer than the broker allows": (
        {"session.timeout.ms": 3000000, "rebalance.timeout.ms": 3000000},
        "session.timeout.ms",
    ),
}
OTHERS = ("no arguments", "help", "no such worker file")


@dataclass
class Ended:
    """How both ended, by the names of the cases."""

    originals: Mapping[str, int]
    ours: Mapping[str, subprocess.CompletedProcess[str]]


def cases(folder: Path, bootstrap: str) -> dict[str, list[str]]:
    """Arguments by name; each has topics of its own."""
    made = {"${FORGETS}": f"forgets-{uuid.uuid4().hex}", "${TWO}": f"two-{uuid.uuid4().hex}"}
    topics = [
        NewTopic(made["${FORGETS}"], 1, 1, config={"cleanup.policy": "delete"}),
        NewTopic(made["${TWO}"], 2, 1, config={"cleanup.policy": "compact"}),
    ]
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics(topics).values():
        future.result(30)
    found = {"no arguments": [], "help": ["--help"], "no such worker file": [str(folder / "no")]}
    for name, (changes, _) in WORKERS.items():
        keys = {
            **Group(bootstrap).properties(),
            "listeners": "http://127.0.0.1:0",
            # How long a topic that cannot be made is tried again.
            "default.api.timeout.ms": 1500,
            "request.timeout.ms": 1000,
            # Finds the plugins fast.
            "plugin.discovery": "service_load",
            **{key: made.get(str(value), value) for key, value in changes.items()},
        }
        path = write_properties(folder / f"worker {name}", {k: v for k, v in keys.items() if v is not None})
        found[name] = [str(path)]
    return found


def ours(arguments: Mapping[str, list[str]]) -> dict[str, subprocess.CompletedProcess[str]]:
    return {
        name: subprocess.run([COMMAND, *given], capture_output=True, text=True, timeout=100, check=False)
        for name, given in arguments.items()
    }


@pytest.fixture(scope="module")
def ended(kafka: Any, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    folder = tmp_path_factory.mktemp("command-line")
    theirs, own = folder / "theirs", folder / "ours"
    theirs.mkdir()
    own.mkdir()
    with ThreadPoolExecutor() as both:
        try:
            first = both.submit(originals, theirs, MAIN, cases(theirs, kafka.bootstrap))
            second = both.submit(ours, cases(own, kafka.bootstrap))
            return Ended(first.result(), second.result())
        except UnavailableError as error:
            missing(str(error))


@pytest.mark.parametrize("name", [*OTHERS, *WORKERS], ids=lambda name: name.replace(" ", "-"))
def test_both_end_with_the_same_status(ended: Ended, name: str) -> None:
    given = ended.ours[name]
    assert given.returncode == ended.originals[name], given.stderr[-1000:]
    assert given.returncode > 0


@pytest.mark.parametrize("name", WORKERS, ids=lambda name: name.replace(" ", "-"))
def test_one_message_names_what_is_wrong(ended: Ended, name: str) -> None:
    said = ended.ours[name].stderr
    assert said.count("connect-distributed: ") == 1
    assert "Traceback" not in said
    (line,) = [line for line in said.splitlines() if "connect-distributed: " in line]
    assert WORKERS[name][1] in line
