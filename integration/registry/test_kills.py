"""Registries that are killed, stopped, frozen, or share a topic: no id is given away twice, what was answered stays."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from integration.services.kafka import Broker
from integration.services.schema_registry import SchemaRegistry

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("registry")]


def record(name: str, *fields: str) -> dict[str, str]:
    body = [{"name": field, "type": "int", "default": 0} for field in fields]
    return {"schema": json.dumps({"type": "record", "name": name, "fields": body}, separators=(",", ":"))}


class Clients:
    """Threads that register schemas, each its own, one after the other, until they are told to stop."""

    def __init__(self, registries: list[SchemaRegistry], count: int) -> None:
        self.answered: dict[tuple[str, str], int] = {}
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(number, registries[number % len(registries)]))
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def _work(self, number: int, registry: SchemaRegistry) -> None:
        turn = 0
        while not self._stopping.is_set():
            subject, body = f"s{number}-{turn % 5}", record(f"R{number}x{turn}")
            try:
                status, answer = registry.call("POST", f"/subjects/{subject}/versions", body, timeout=20)
            except (OSError, urllib.error.URLError, HTTPException):
                time.sleep(0.05)
                continue
            if status == 200:
                self.answered[subject, body["schema"]] = answer["id"]
            turn += 1

    def wait(self, more: int) -> None:
        """Until so many more were answered."""
        wanted, deadline = len(self.answered) + more, time.monotonic() + 60
        while len(self.answered) < wanted:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)


@pytest.fixture(params=["kafka", "embedded"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., SchemaRegistry]]:
    started: list[SchemaRegistry] = []

    def make(like: SchemaRegistry | None = None) -> SchemaRegistry:
        bootstrap = request.getfixturevalue("kafka").bootstrap if request.param == "kafka" else None
        settings: dict[str, Any] = {"schema.compatibility.level": "none"}
        if like is not None:
            settings["kafkastore.topic"] = like.topic
        server = SchemaRegistry(tmp_path / f"registry-{len(started)}", bootstrap, settings)
        started.append(server)
        return server

    yield make
    for server in started:
        server.stop()


def check(registry: SchemaRegistry, answered: dict[tuple[str, str], int]) -> None:
    """Everything that was answered is there, under the id that was answered, which nothing else has."""
    assert len(set(answered.values())) == len({schema for _, schema in answered})
    for (subject, schema), number in answered.items():
        assert registry.call("GET", f"/schemas/ids/{number}")[1]["schema"] == schema
        found = registry.call("POST", f"/subjects/{subject}", {"schema": schema})
        assert (found[0], found[1].get("id")) == (200, number), found


def test_what_was_answered_survives_kills_and_no_id_comes_twice(made: Callable[..., SchemaRegistry]) -> None:
    registry = made()
    registry.start()
    clients = Clients([registry], 4)
    try:
        for more in (3, 8):
            clients.wait(more)
            registry.kill()
            registry.start()
        clients.wait(5)
    finally:
        clients.stop()
    check(registry, clients.answered)


@pytest.mark.parametrize("made", ["kafka"], indirect=True)
def test_registries_on_one_topic_give_each_id_once(made: Callable[..., SchemaRegistry]) -> None:
    first = made()
    second = made(first)
    first.start()
    second.start()
    clients = Clients([first, second], 4)
    try:
        clients.wait(20)
        second.kill()
        second.start()
        clients.wait(10)
    finally:
        clients.stop()
    for registry in (first, second):
        check(registry, clients.answered)


@pytest.mark.parametrize("made", ["kafka"], indirect=True)
def test_a_registry_that_was_frozen_does_not_write_what_it_had_decided(made: Callable[..., SchemaRegistry]) -> None:
    first = made()
    second = made(first)
    first.start()
    second.start()
    assert first.call("POST", "/subjects/s/versions", record("A"))[1]["id"] == 1
    os.kill(first.pid, signal.SIGSTOP)
    answers: list[tuple[int, Any]] = []
    frozen = threading.Thread(target=lambda: answers.append(first.call("POST", "/subjects/s/versions", record("B"))))
    frozen.start()
    try:
        assert second.call("POST", "/subjects/s/versions", record("C"))[1]["id"] == 2
    finally:
        os.kill(first.pid, signal.SIGCONT)
        frozen.join(60)
    assert [(status, body.get("id"), body.get("version")) for status, body in answers] == [(200, 3, 3)]
    # each of them sees what the other one has written
    assert first.call("GET", "/subjects/s/versions")[1] == [1, 2, 3]
    assert second.call("GET", "/schemas/ids/3")[0] == 200
    assert second.call("GET", "/subjects/s/versions")[1] == [1, 2, 3]


@pytest.mark.parametrize("made", ["embedded"], indirect=True)
def test_a_second_registry_on_the_same_embedded_log_is_refused(made: Callable[..., SchemaRegistry]) -> None:
    registry = made()
    registry.start()
    file = registry.log.with_name("registry.properties")
    other = SchemaRegistry(
        registry.log.parent / "other",
        None,
        {"linkspan.data.dir": registry.log.parent / "log", "kafkastore.topic": registry.topic},
    )
    assert file.exists()
    other.launch()
    assert other.wait(60) == 3
    assert "is in use by another process, and only one may keep it" in other.log.read_text()


@pytest.mark.long
def test_a_registry_answers_again_when_its_broker_does(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "kafka")
    broker.start()
    settings = {"kafkastore.timeout.ms": 3000, "schema.compatibility.level": "none"}
    registry = SchemaRegistry(tmp_path / "registry", broker.bootstrap, settings)
    try:
        registry.start()
        assert registry.call("POST", "/subjects/s/versions", record("A"))[0] == 200
        broker.kill()
        status, body = registry.call("POST", "/subjects/s/versions", record("B"))
        assert (status, body["error_code"] in {50001, 50002}) == (500, True), body
        assert registry.call("GET", "/schemas/ids/1")[0] == 200
        assert registry.call("GET", "/health")[0] == 500
        broker.start()
        deadline = time.monotonic() + 60
        while (answer := registry.call("POST", "/subjects/s/versions", record("B")))[0] != 200:
            assert time.monotonic() < deadline, answer
            time.sleep(0.5)
        assert registry.call("GET", "/subjects/s/versions")[1] == [1, 2]
        assert registry.call("GET", "/health")[0] == 200
    finally:
        registry.stop()
        broker.stop()
