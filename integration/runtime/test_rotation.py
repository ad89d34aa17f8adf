"""A secret that changes restarts exactly what uses it, on running workers; it is nowhere to be read meanwhile."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from integration.compat.written import Reader
from integration.services.groups import Group, LinkspanGroupWorker, running
from integration.services.kafka import request
from integration.services.linkspan import LinkspanWorker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(200)]

PROVIDER = {
    "config.providers": "dir",
    "config.providers.dir.class": "org.apache.kafka.common.config.provider.DirectoryConfigProvider",
    "linkspan.config.providers.poll.interval.ms": 300,
    "offset.flush.interval.ms": 200,
}
RESTARTED = re.compile(r"Connector (\S+) refers to values that have changed or run out; restarting (.*) \(")


class Mounted:
    """A folder as Kubernetes mounts a secret: files are links, and all of them change at once."""

    def __init__(self, folder: Path, **values: str) -> None:
        self.folder = folder
        self._number = 0
        folder.mkdir()
        self.change(**values)
        for name in values:
            (folder / name).symlink_to(f"..data/{name}")

    def change(self, **values: str) -> None:
        self._number += 1
        now = self.folder / f"..{self._number}"
        now.mkdir()
        for name, value in values.items():
            (now / name).write_text(value)
        (self.folder / "..data_tmp").symlink_to(now.name)
        (self.folder / "..data_tmp").rename(self.folder / "..data")

    def reference(self, name: str) -> str:
        return f"${{dir:{self.folder}:{name}}}"


def wait_until(condition: Callable[[], bool], what: Callable[[], str]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.05)


def restarts(log: Path) -> list[tuple[str, ...]]:
    return [found.groups() for found in RESTARTED.finditer(log.read_text(errors="replace"))]


def test_a_changed_secret_takes_effect_and_an_unchanged_one_changes_nothing(tmp_path: Path) -> None:
    first, second = tmp_path / "first-place-of-output", tmp_path / "second-place-of-output"
    mounted = Mounted(tmp_path / "secret", place=str(first), other="x")
    (tmp_path / "in.txt").write_text("one\n")
    sink = {"connector.class": "FileStreamSink", "topics": "t"}
    connectors = [
        {"name": "src", "connector.class": "FileStreamSource", "file": tmp_path / "in.txt", "topic": "t"},
        {"name": "uses", **sink, "file": mounted.reference("place")},
        {"name": "other", **sink, "file": tmp_path / "other.txt", "x": mounted.reference("other")},
        {"name": "none", **sink, "file": mounted.reference("place"), "config.action.reload": "none"},
    ]
    worker = LinkspanWorker(tmp_path / "worker", None, PROVIDER, connectors)
    worker.start()
    told: list[str] = []
    try:
        wait_until(lambda: first.exists() and first.read_text().count("one") == 2, lambda: "no output")
        mounted.change(place=str(first), other="x")  # the same values in other files
        time.sleep(1)
        assert restarts(worker.log) == []
        mounted.change(place=str(second), other="x")
        wait_until(lambda: bool(restarts(worker.log)), lambda: "nothing was restarted")
        wait_until(second.exists, lambda: f"{second} was not made: {worker.log.read_text()}")
        with (tmp_path / "in.txt").open("a") as file:
            file.write("two\n")
        wait_until(lambda: "two" in second.read_text(), second.read_text)
        assert second.read_text() == "two\n"
        wait_until(lambda: "two" in first.read_text(), first.read_text)
        time.sleep(0.7)
        assert restarts(worker.log) == [("uses", "its instance, task 0")]
        paths = ("?expand=info&expand=status", "/uses/tasks", "/uses/config", "/uses/status")
        told += [json.dumps(request("GET", f"{worker.url}/connectors{path}")[1]) for path in paths]
        assert mounted.reference("place") in told[1]
    finally:
        worker.stop()
    assert not [text for text in [*told, worker.log.read_text()] if "place-of-output" in text]


def test_each_worker_of_a_group_restarts_its_own_part(kafka: Any, tmp_path: Path) -> None:
    mounted = Mounted(tmp_path / "secret", place=str(tmp_path / "first"))
    group = Group(kafka.bootstrap, {**PROVIDER, "scheduled.rebalance.max.delay.ms": 0, "heartbeat.interval.ms": 300})
    topic = f"{group.name}-t"
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.create_topics([NewTopic(topic, num_partitions=3)])[topic].result(30)
    workers = [LinkspanGroupWorker(tmp_path / name, group) for name in ("one", "two")]
    config = {
        "connector.class": "FileStreamSink",
        "topics": topic,
        "tasks.max": "3",
        "file": mounted.reference("place"),
    }
    parts = ["connector-c", "task-c-0", "task-c-1", "task-c-2"]
    with running(*workers), Reader(kafka.bootstrap, group.status_topic) as statuses:

        def states() -> dict[str, list[str]]:
            return {part: statuses.states(part) for part in parts}

        assert workers[0].ask("PUT", "/connectors/c/config", config)[0] == 201
        wait_until(lambda: all(found[-1:] == ["RUNNING"] for found in states().values()), lambda: str(states()))
        before = {part: len(found) for part, found in states().items()}
        mounted.change(place=str(tmp_path / "second"))
        again = ["UNASSIGNED", "RUNNING"]
        wait_until(
            lambda: all(found[before[part] :] == again for part, found in states().items()), lambda: str(states())
        )
        time.sleep(1)
        told = [restarts(worker.log) for worker in workers]
        assert [len(lines) for lines in told] == [1, 1], told
        assert sorted(",".join(lines[0][1] for lines in told).replace(", ", ",").split(",")) == [
            "its instance",
            "task 0",
            "task 1",
            "task 2",
        ]
        assert all(found[before[part] :] == again for part, found in states().items())


def test_what_clients_say_about_a_wrong_login_has_no_secret_in_it(kafka: Any, tmp_path: Path) -> None:
    mounted = Mounted(tmp_path / "secret", password="hunter-of-secrets", mechanism="MADE-UP-MECHANISM")
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    sasl = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.jaas.config": f'{login} username="u" password="{mounted.reference("password")}";',
    }
    wrong = {**sasl, "sasl.mechanism": mounted.reference("mechanism")}
    group = Group(kafka.bootstrap, {**PROVIDER, "admin.request.timeout.ms": 3000})
    worker = LinkspanGroupWorker(tmp_path / "worker", group)
    sink = {"connector.class": "FileStreamSink", "topics": f"{group.name}-t", "file": str(tmp_path / "out")}
    told: list[str] = []
    with running(worker), Reader(kafka.bootstrap, group.status_topic) as statuses:
        for name, login_of in (("login", sasl), ("mechanism", wrong)):
            overrides = {f"consumer.override.{key}": value for key, value in login_of.items()}
            told.append(str(worker.ask("PUT", f"/connectors/{name}/config", {**sink, **overrides})))
        wait_until(
            lambda: all("FAILED" in statuses.states(f"task-{name}-0") for name in ("login", "mechanism")),
            lambda: str(statuses.values),
        )
        told += [
            str(worker.ask("GET", f"/connectors/{path}")) for path in ("?expand=status&expand=info", "login/tasks")
        ]
        told += [str(value) for values in statuses.read_to_end().values() for value in values]
    text = "\n".join([*told, worker.log.read_text(errors="replace")])
    assert "[hidden]" in text
    assert not re.findall("hunter-of-secrets|MADE-UP-MECHANISM", text)
