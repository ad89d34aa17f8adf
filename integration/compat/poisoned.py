"""Sinks of the original worker and of ours that read the same topics with bad records, and what they leave behind."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from integration.compat.poison import Scenario
from integration.runtime.test_standalone_process import wait_until
from integration.services import topics
from integration.services.kafka import OriginalWorker, request
from integration.services.linkspan import LinkspanWorker

__all__ = ["NAMES", "PREFIX", "TIMESTAMP", "Outcome", "Side", "alike", "fill"]

PREFIX: Final = "__connect.errors."
TIMESTAMP: Final = int(time.time() * 1000) - 60_000
"""Not long ago: a broker soon deletes what is older than its topic keeps records."""
IN_ANOTHER_LANGUAGE: Final = (PREFIX + "exception.class.name", PREFIX + "exception.stacktrace")
"""Headers that name classes and lines of the program."""
NAMES: Final = {
    "org.apache.kafka.connect.errors.DataException": "linkspan.api.errors.DataError",
    "org.apache.kafka.connect.errors.ConnectException": "linkspan.api.errors.ConnectError",
    "java.lang.IllegalArgumentException": "linkspan.api.errors.DataError",
}


@dataclass
class Outcome:
    """What has become of one topic."""

    state: str
    trace: str
    letters: list[topics.Record]
    lines: list[str]
    committed: Mapping[int, int]
    logged: list[str]


class Side:
    """One worker with a sink for each topic."""

    def __init__(
        self,
        kind: type[OriginalWorker | LinkspanWorker],
        folder: Path,
        bootstrap: str,
        run: str,
        scenarios: Sequence[Scenario],
    ) -> None:
        self.name = "original" if kind is OriginalWorker else "linkspan"
        self.bootstrap = bootstrap
        self.run = run
        self.scenarios = scenarios
        self.folder = folder / self.name
        settings = {"offset.flush.interval.ms": 500, "plugin.path": self.folder / "plugins"}
        self.worker = kind(self.folder, bootstrap, settings)

    def connector(self, scenario: Scenario) -> str:
        """Name of its connector."""
        return f"{scenario.name}-{self.name}-{self.run}"

    def file(self, scenario: Scenario) -> Path:
        """What its sink writes."""
        return self.folder / f"{scenario.name}.txt"

    def config(self, scenario: Scenario) -> dict[str, str]:
        """Of its connector."""
        return {
            "connector.class": "FileStreamSink",
            "tasks.max": "1",
            "topics": topic_of(scenario, self.run),
            "file": str(self.file(scenario)),
            "errors.deadletterqueue.topic.name": f"dlq-{self.connector(scenario)}",
            "errors.deadletterqueue.topic.replication.factor": "1",
            "consumer.override.auto.offset.reset": "earliest",
            **scenario.config,
        }

    def play(self) -> dict[str, Outcome]:
        """Run all sinks to their end."""
        self.worker.start()
        try:
            for scenario in self.scenarios:
                body = {"name": self.connector(scenario), "config": self.config(scenario)}
                status, answer = request("POST", f"{self.worker.url}/connectors", body)
                assert status == 201, answer
            for scenario in self.scenarios:
                wait_until(lambda scenario=scenario: self.is_through(scenario), f"{self.name}: {scenario.name}", 60)
            states = {scenario.name: self.status(scenario) for scenario in self.scenarios}
        finally:
            self.worker.stop()
        return {scenario.name: self.outcome(scenario, *states[scenario.name]) for scenario in self.scenarios}

    def status(self, scenario: Scenario) -> tuple[str, str]:
        """State and trace of its task."""
        _, body = request("GET", f"{self.worker.url}/connectors/{self.connector(scenario)}/status")
        assert isinstance(body, dict)
        task = body["tasks"][0] if body["tasks"] else {"state": "none"}
        return task["state"], task.get("trace", "")

    def is_through(self, scenario: Scenario) -> bool:
        """Whether its sink has seen everything."""
        if scenario.fails:
            return self.status(scenario)[0] == "FAILED"
        file = self.file(scenario)
        return file.exists() and "last" in file.read_text()

    def outcome(self, scenario: Scenario, state: str, trace: str) -> Outcome:
        """What it has left behind."""
        name = self.connector(scenario)
        places = topics.committed(self.bootstrap, f"connect-{name}")
        return Outcome(
            state,
            trace,
            [self.unnamed(letter) for letter in topics.records(self.bootstrap, f"dlq-{name}")],
            self.file(scenario).read_text().splitlines() if self.file(scenario).exists() else [],
            {place.partition: offset for place, offset in places.items()},
            self.logged(name),
        )

    def logged(self, name: str) -> list[str]:
        """Lines about records of a connector, without what differs by worker."""
        text = self.worker.log.read_text(errors="replace")
        found = re.findall(rf"Error encountered in task {re.escape(name)}-0\..*", text)
        # the original's lines end with the name of a logger
        return [re.sub(r" \([\w.]+\)$", "", line.replace(name, "NAME")) for line in found]

    def unnamed(self, letter: topics.Record) -> topics.Record:
        """A letter without what differs by worker."""
        own = f"-{self.name}-{self.run}".encode()
        return letter._replace(headers=[(name, text and text.replace(own, b"")) for name, text in letter.headers])


def topic_of(scenario: Scenario, run: str) -> str:
    """Name of the topic of a scenario."""
    return f"poison-{scenario.name}-{run}"


def fill(bootstrap: str, run: str, scenarios: Sequence[Scenario]) -> None:
    """The topics of some scenarios, each with its records."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    new = [NewTopic(topic_of(each, run), 1, 1, config={"retention.ms": "-1"}) for each in scenarios]
    for made in admin.create_topics(new).values():
        made.result(30)
    producer = Producer({"bootstrap.servers": bootstrap})
    for scenario in scenarios:
        for number, (value, key, headers) in enumerate(scenario.records):
            producer.produce(
                topic_of(scenario, run), value, key, 0, timestamp=TIMESTAMP + number, headers=list(headers) or None
            )
    assert producer.flush(30) == 0


def alike(letter: topics.Record) -> topics.Record:
    """A letter without what another language says in other words."""
    return letter._replace(headers=[(name, comparable(name, text)) for name, text in letter.headers])


def comparable(name: str, text: bytes | None) -> bytes | None:
    """What has to be alike of a header."""
    if name in IN_ANOTHER_LANGUAGE:
        return b"there" if text else text
    if name == PREFIX + "exception.message" and text:
        # after it come the words of the parser
        return text.partition(b"serialization error")[0]
    return text
