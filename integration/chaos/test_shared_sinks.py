"""Tasks of one sink on workers of both kinds share its consumer group: every partition is read by one of them."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from integration.chaos.pipes import QUICK, await_states, lines, states, wait_for
from integration.services.groups import Group, GroupWorker, LinkspanGroupWorker, OriginalGroupWorker, running
from integration.services.topics import places

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240), pytest.mark.xdist_group("shared sinks")]

PARTITIONS: Final = 5
ASSIGNORS: Final = "org.apache.kafka.clients.consumer."
OVERRIDES: Final[Mapping[str, Mapping[str, str]]] = {
    "default": {},
    "range": {"consumer.override.partition.assignment.strategy": f"{ASSIGNORS}RangeAssignor"},
    "sticky": {"consumer.override.partition.assignment.strategy": f"{ASSIGNORS}CooperativeStickyAssignor"},
}


class SharedSink:
    """A sink of two tasks, one on each worker, that reads a topic of several partitions."""

    def __init__(self, folder: Path, assignor: str, original: GroupWorker, ours: GroupWorker) -> None:
        self.original, self.ours = original, ours
        self.name = f"{assignor}-sink"
        self.topic = f"{ours.group.name}-{self.name}"
        self.file = folder / f"{assignor}.txt"
        self.admin = AdminClient({"bootstrap.servers": ours.group.bootstrap})
        self.producer = Producer({"bootstrap.servers": ours.group.bootstrap, "linger.ms": 0})
        (made,) = self.admin.create_topics([NewTopic(self.topic, num_partitions=PARTITIONS)]).values()
        made.result()
        config = {
            "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
            "file": str(self.file),
            "topics": self.topic,
            "tasks.max": "2",
        }
        code, body = ours.ask("PUT", f"/connectors/{self.name}/config", {**config, **OVERRIDES[assignor]})
        assert code == 201, body

    def await_spread(self) -> None:
        """Wait until each worker has a task of it."""
        both = {self.original.worker_id, self.ours.worker_id}
        await_states(self.ours, [self.name], on=[self.original, self.ours], tasks=2)
        wait_for(lambda: self._owners() == both, lambda: f"a task on {both}, but {self._owners()}")

    def _owners(self) -> set[str]:
        return {where for _, where in states(self.ours, self.name)[1:]}

    def restart_task_of(self, worker: GroupWorker) -> None:
        """Have the task that a worker has leave the consumer group and come again: the other one leads it then."""
        _, *tasks = states(self.ours, self.name)
        (number,) = [number for number, (_, where) in enumerate(tasks) if where == worker.worker_id]
        code, body = self.ours.ask("POST", f"/connectors/{self.name}/tasks/{number}/restart")
        assert code == 204, body

    def await_shared(self) -> None:
        """Wait until each task has some of the partitions, and both together have each of them once."""

        def shared() -> bool:
            found = places(self.admin, f"connect-{self.name}")
            # ours are static members, unlike those of the original
            kinds = {place.instance is None for place in found}
            numbers = sorted(number for place in found for number in place.partitions)
            return (
                len(found) == len(kinds) == 2
                and all(place.partitions for place in found)
                and numbers == list(range(PARTITIONS))
            )

        wait_for(shared, lambda: f"both read {self.topic}, but {places(self.admin, f'connect-{self.name}')}")

    def assigned_by_original(self) -> int:
        """How often a task of the original has led the consumer group and said who reads what."""
        text = self.original.log.read_text(errors="replace")
        return text.count(f"groupId=connect-{self.name}] Finished assignment for group")

    def send(self) -> set[str]:
        """Write a line to every partition."""
        sent = {f"{number}-{uuid.uuid4().hex[:8]}" for number in range(PARTITIONS)}
        for line in sent:
            self.producer.produce(self.topic, line.encode(), partition=int(line[0]))
        assert self.producer.flush(30) == 0
        return sent

    def await_arrival(self, sent: set[str]) -> None:
        """Wait until all of them have arrived at least once."""
        wait_for(lambda: sent <= set(lines(self.file)), lambda: f"{sent - set(lines(self.file))} of {self.topic}")


@pytest.fixture(scope="module")
def sinks(kafka: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[SharedSink]]:
    """One sink for each assignor, on one worker of each kind."""
    folder = tmp_path_factory.mktemp("shared")
    group = Group(kafka.bootstrap, QUICK)
    original, ours = OriginalGroupWorker(folder / "original", group), LinkspanGroupWorker(folder / "ours", group)
    with running(original, ours):
        found = []
        for assignor in OVERRIDES:
            found.append(SharedSink(folder, assignor, original, ours))
            # one at a time, or both tasks of one may get onto the same worker
            found[-1].await_spread()
        yield found


def test_every_partition_is_read_once_whoever_leads_the_consumer_group(sinks: list[SharedSink]) -> None:
    sent: list[set[str]] = [set() for _ in sinks]

    def deliver() -> None:
        for sink, so_far in zip(sinks, sent, strict=True):
            sink.await_shared()
            new = sink.send()
            sink.await_arrival(new)
            so_far.update(new)

    deliver()
    before = [sink.assigned_by_original() for sink in sinks]
    for sink in sinks:
        sink.restart_task_of(sink.ours)
    deliver()
    after = [sink.assigned_by_original() for sink in sinks]
    assert all(now > then for now, then in zip(after, before, strict=True)), "the original led"
    for sink in sinks:
        sink.restart_task_of(sink.original)
    deliver()
    assert [sink.assigned_by_original() for sink in sinks] == after, "ours led"
    for sink, lines_sent in zip(sinks, sent, strict=True):
        assert Counter(lines(sink.file)) == Counter(lines_sent), f"{sink.topic} was not read once"


def test_tasks_of_the_original_read_the_partitions_of_a_killed_worker_of_ours(sinks: list[SharedSink]) -> None:
    original, ours = sinks[0].original, sinks[0].ours
    ours.kill()
    try:
        sent = [sink.send() for sink in sinks]
        for sink, new in zip(sinks, sent, strict=True):
            sink.await_arrival(new)
            await_states(original, [sink.name], on=[original], tasks=2)
    finally:
        ours.start()
    for sink in sinks:
        await_states(original, [sink.name], on=[original, ours], tasks=2)
        sink.await_arrival(sink.send())
