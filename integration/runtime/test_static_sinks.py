"""Places of sink tasks in their consumer groups: taken over after a death, given up at a good end, shared with Java.

The session of the consumers lasts longer than any deadline here: what happens at all does not wait for its end.
"""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from integration.services.groups import Group, LinkspanGroupWorker, running
from integration.services.kafka import java, write_properties
from integration.services.server import Server
from integration.services.topics import Place, places
from linkspan.api.records import TopicPartition
from linkspan.log.kafka import KafkaLog
from linkspan.log.port import DisplacedError, Reader

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("static sinks")]

PLUGINS: Final = Path(__file__).parent / "plugin_path"
ASSIGNORS: Final = "org.apache.kafka.clients.consumer."
DEADLINE: Final = 90.0
SESSION_MS: Final = 290_000


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until something is true; what it is then."""
    deadline = time.monotonic() + DEADLINE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.05)
    return value


class Cluster:
    """Two workers of one group, and the broker seen from outside."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        settings = {
            "scheduled.rebalance.max.delay.ms": 0,
            "session.timeout.ms": 6000,
            "task.shutdown.graceful.timeout.ms": 2000,
            "consumer.session.timeout.ms": SESSION_MS,
            "consumer.heartbeat.interval.ms": 500,
            "plugin.path": PLUGINS,
        }
        self.bootstrap = bootstrap
        self.folder = folder
        self.group = Group(bootstrap, settings)
        self.workers = [
            LinkspanGroupWorker(folder / name, self.group, {"plugin.path": PLUGINS}) for name in ("one", "two")
        ]
        self.admin = AdminClient({"bootstrap.servers": bootstrap})
        self.producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0})

    def topic(self, partitions: int = 2) -> str:
        """A new topic."""
        name = f"static-{uuid.uuid4().hex[:8]}"
        (made,) = self.admin.create_topics([NewTopic(name, num_partitions=partitions)]).values()
        made.result()
        return name

    def send(self, topic: str, partitions: int = 2) -> set[str]:
        """Write a line to each partition."""
        lines = {f"{number}:{uuid.uuid4().hex[:8]}" for number in range(partitions)}
        for line in lines:
            self.producer.produce(topic, line.encode(), partition=int(line[0]))
        assert self.producer.flush(30) == 0
        return lines

    def places(self, group: str) -> set[Place]:
        """Members of a consumer group; none while a round is under way."""
        return places(self.admin, group)

    def start(self, name: str, **config: str) -> None:
        """Create or configure a connector."""
        status, body = self.workers[0].ask("PUT", f"/connectors/{name}/config", {"name": name, **config})
        assert status in {200, 201}, body

    def tasks(self, name: str) -> list[tuple[str, str]]:
        """State and worker of each task."""
        status, body = self.workers[0].ask("GET", f"/connectors/{name}/status")
        if status != 200:
            return []
        assert isinstance(body, dict)
        return [(task["state"], task["worker_id"]) for task in body["tasks"]]

    def await_running(self, name: str, workers: Sequence[LinkspanGroupWorker], tasks: int = 2) -> None:
        """Wait until that many tasks run, on all of these workers and on no other."""
        ids = {worker.worker_id for worker in workers}

        def spread() -> bool:
            found = self.tasks(name)
            return (
                len(found) == tasks
                and {state for state, _ in found} == {"RUNNING"}
                and {worker for _, worker in found} == ids
            )

        until(spread, f"tasks of {name} run on {ids}: {self.tasks(name)}")

    def stop(self, name: str) -> None:
        """Stop a connector."""
        assert self.workers[0].ask("PUT", f"/connectors/{name}/stop")[0] == 204
        until(lambda: not self.tasks(name), f"{name} has no tasks")

    def reset_offsets(self, name: str) -> None:
        """Reset the offsets of a stopped connector, which its group allows without members only."""
        answers = []
        until(
            lambda: (
                answers.append(self.workers[0].ask("DELETE", f"/connectors/{name}/offsets")) or answers[-1][0] == 200
            ),
            f"offsets of {name} are reset",
        )


@pytest.fixture(scope="module")
def cluster(kafka: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(kafka.bootstrap, tmp_path_factory.mktemp("static"))
    with running(*cluster.workers):
        yield cluster


@contextmanager
def sink(cluster: Cluster, file: Path, tasks: int = 2, **more: str) -> Iterator[tuple[str, str]]:
    """A file sink on both workers that has read from both partitions; its name and topic."""
    topic = cluster.topic()
    name = f"sink-{topic}"
    sinks = {"connector.class": "FileStreamSink", "topics": topic, "file": str(file), "tasks.max": str(tasks)}
    cluster.start(name, **{**sinks, **{key.replace("_", "."): value for key, value in more.items()}})
    workers = cluster.workers[:tasks]
    if tasks == len(cluster.workers):
        cluster.await_running(name, workers, tasks)
    until(lambda: len(cluster.places(f"connect-{name}")) == tasks, f"{tasks} members read {topic}")
    delivered(cluster, topic, file)
    yield name, topic
    cluster.workers[0].ask("DELETE", f"/connectors/{name}")


def delivered(cluster: Cluster, topic: str, file: Path) -> None:
    """A new line of each partition arrives."""
    lines = cluster.send(topic)
    until(lambda: file.exists() and lines <= set(file.read_text().split()), f"{lines} in {file}")


def test_the_next_worker_takes_the_places_of_a_killed_one(cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "out"
    with sink(cluster, file) as (name, topic):
        before = {place.instance for place in cluster.places(f"connect-{name}")}
        assert all(instance and instance.startswith(f"{cluster.group.name}-{name}-") for instance in before)
        cluster.workers[1].kill()
        try:
            cluster.await_running(name, cluster.workers[:1])
            delivered(cluster, topic, file)
            after = until(lambda: cluster.places(f"connect-{name}"), "the group is stable")
            assert {place.instance for place in after} == before
            assert {len(place.partitions) for place in after} == {1}
        finally:
            cluster.workers[1].start()


def test_the_tasks_of_a_worker_that_stops_go_on_elsewhere(cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "out"
    with sink(cluster, file) as (name, topic):
        cluster.workers[1].terminate()
        assert cluster.workers[1].wait() == 0
        try:
            cluster.await_running(name, cluster.workers[:1])
            delivered(cluster, topic, file)
        finally:
            cluster.workers[1].start()


def test_the_sibling_of_a_task_that_is_no_more_reads_its_partitions(cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "out"
    with sink(cluster, file) as (name, topic):
        fewer = {"connector.class": "FileStreamSink", "topics": topic, "file": str(file), "tasks.max": "1"}
        cluster.start(name, **fewer)
        until(
            lambda: [place.partitions for place in cluster.places(f"connect-{name}")] == [{0, 1}],
            "one task reads all",
        )
        delivered(cluster, topic, file)


def test_offsets_can_be_changed_as_soon_as_the_tasks_have_ended(cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "out"
    with sink(cluster, file) as (name, topic):
        cluster.stop(name)
        cluster.reset_offsets(name)
        lines = file.read_text().split()
        cluster.workers[0].ask("PUT", f"/connectors/{name}/resume")
        until(lambda: file.read_text().split().count(lines[0]) == 2, "what was read before comes again")
        cluster.stop(name)
        offsets = [{"partition": {"kafka_topic": topic, "kafka_partition": 0}, "offset": {"kafka_offset": 1}}]
        answer: list[tuple[int, object]] = []
        until(
            lambda: (
                answer.append(cluster.workers[0].ask("PATCH", f"/connectors/{name}/offsets", {"offsets": offsets}))
                or answer[-1][0] == 200
            ),
            "offsets are altered",
        )


@pytest.mark.parametrize("end", ["hang", "exit"])
def test_the_place_of_a_task_that_did_not_end_in_good_order_is_given_up(
    cluster: Cluster, tmp_path: Path, end: str
) -> None:
    topic, file = cluster.topic(), tmp_path / "out"
    name = f"{end}-{topic}"
    cluster.start(name, **{"connector.class": "AwkwardSink", "topics": topic, "file": str(file), "put": end})
    cluster.send(topic)
    until(file.with_suffix(".began").exists, "the task is in put")
    cluster.stop(name)
    cluster.reset_offsets(name)
    cluster.workers[0].ask("DELETE", f"/connectors/{name}")


def test_a_worker_that_was_away_and_comes_back_leaves_no_task_failed(cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "out"
    with sink(cluster, file) as (name, topic):
        os.kill(cluster.workers[1].pid, signal.SIGSTOP)
        try:
            cluster.await_running(name, cluster.workers[:1])
            delivered(cluster, topic, file)
        finally:
            os.kill(cluster.workers[1].pid, signal.SIGCONT)
        cluster.await_running(name, cluster.workers)
        delivered(cluster, topic, file)


class Nobody:
    """Listens to no rebalance."""

    def on_assigned(self, _: Sequence[TopicPartition]) -> None: ...
    def on_revoked(self, _: Sequence[TopicPartition]) -> None: ...
    def on_lost(self, _: Sequence[TopicPartition]) -> None: ...


def test_a_member_whose_place_is_taken_is_fenced_and_a_place_that_is_ours_is_given_up(cluster: Cluster) -> None:
    topic = cluster.topic(1)
    group, settings = f"g-{topic}", {"group.instance.id": "i", "internal.leave.group.on.close": "true"}
    common = {"bootstrap.servers": cluster.bootstrap, "group.id": group, "auto.offset.reset": "earliest"}
    old, new = (KafkaLog().reader({**common, **settings}) for _ in range(2))
    cluster.send(topic, 1)
    old.subscribe([topic], Nobody())
    until(lambda: old.poll(0.1, 1), "the old one reads")
    new.subscribe([topic], Nobody())
    until(lambda: new.poll(0.1, 1), "the new one reads")
    with pytest.raises(DisplacedError, match=f"as i of group {group} failed: a newer consumer"):
        until(lambda: old.poll(0.1, 1), "the old one is told")
    with pytest.raises(Exception, match="Fatal error"):
        old.commit({TopicPartition(topic, 0): 1})
    old.close()
    until(lambda: cluster.places(group) == {Place("i", frozenset({0}))}, "the new one keeps the place")
    new.close()
    KafkaLog().admin({"bootstrap.servers": cluster.bootstrap}).delete_group(group)


class Rounds(Nobody):
    """Counts the assignments that a member gets."""

    def __init__(self) -> None:
        self.times = 0
        self.partitions: set[TopicPartition] = set()

    def on_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Note it."""
        self.times += 1
        self.partitions.update(partitions)


def member(cluster: Cluster, group: str, instance: str, assignor: str) -> Reader:
    """A static member of a consumer group."""
    return KafkaLog().reader(
        {
            "bootstrap.servers": cluster.bootstrap,
            "group.id": group,
            "group.instance.id": instance,
            "partition.assignment.strategy": ASSIGNORS + assignor,
            "session.timeout.ms": str(SESSION_MS),
            "max.poll.interval.ms": "300000",
        }
    )


def polled_until(readers: Sequence[Reader], condition: Callable[[], Any], what: str) -> None:
    """Let members take part in rounds until something is true."""

    def one_round() -> Any:
        for reader in readers:
            reader.poll(0.05, 10)
        return condition()

    until(one_round, what)


@pytest.mark.parametrize("assignor", ["RangeAssignor", "CooperativeStickyAssignor"])
@pytest.mark.parametrize("change", ["another topic", "one topic less", "one topic more", "more partitions"])
def test_who_takes_a_place_over_reads_what_it_subscribes_to_and_nothing_else(
    cluster: Cluster, assignor: str, change: str
) -> None:
    first, second = cluster.topic(), cluster.topic()
    before, after = {
        "another topic": ([first], [second]),
        "one topic less": ([first, second], [second]),
        "one topic more": ([first], [first, second]),
        "more partitions": ([first], [first]),
    }[change]
    group, rounds = f"g-{first}", Rounds()
    old, new = (member(cluster, group, "i", assignor) for _ in range(2))
    old.subscribe(before, Nobody())
    polled_until([old], old.assignment, "the old one reads")
    if change == "more partitions":
        for done in cluster.admin.create_partitions([NewPartitions(first, 4)]).values():
            done.result()
    new.subscribe(after, rounds)
    wanted = {
        TopicPartition(topic, number) for topic in after for number in range(4 if change == "more partitions" else 2)
    }
    polled_until([new], lambda: new.assignment() == wanted, f"{new.assignment()} becomes {wanted}")
    assert rounds.partitions == wanted
    new.close()
    old.close()


@pytest.mark.parametrize("assignor", ["RangeAssignor", "CooperativeStickyAssignor"])
def test_who_takes_over_a_place_that_fits_keeps_it_without_a_round(cluster: Cluster, assignor: str) -> None:
    topic = cluster.topic()
    group, rounds = f"g-{topic}", Rounds()
    old, new, sibling = (member(cluster, group, name, assignor) for name in ("i", "i", "j"))
    old.subscribe([topic], Nobody())
    sibling.subscribe([topic], Nobody())
    polled_until(
        [old, sibling],
        lambda: len(old.assignment()) == len(sibling.assignment()) == 1,
        "both read a partition",
    )
    generation = until(lambda: cluster.places(group), "the group is stable")
    new.subscribe([topic], rounds)
    looked_until = time.monotonic() + 3
    polled_until([new, sibling], lambda: time.monotonic() > looked_until, "it has looked")
    assert rounds.times == 1
    assert cluster.places(group) == generation
    for reader in (new, sibling, old):
        reader.close()


def test_a_task_takes_its_place_back_from_somebody_whom_no_worker_knows(cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "out"
    with sink(cluster, file, 1) as (name, topic):
        group = f"connect-{name}"
        (place,) = cluster.places(group)
        settings = {
            "bootstrap.servers": cluster.bootstrap,
            "group.id": group,
            "group.instance.id": place.instance or "",
        }
        stranger = KafkaLog().reader({**settings, "client.id": "stranger"})
        stranger.subscribe([topic], Nobody())
        until(lambda: stranger.poll(0.1, 1) or stranger.assignment(), "the stranger has the place")
        with pytest.raises(DisplacedError):
            until(lambda: stranger.poll(0.1, 1) and None, "the stranger is told")
        stranger.close()
        until(lambda: [state for state, _ in cluster.tasks(name)] == ["RUNNING"], "the task runs")
        delivered(cluster, topic, file)
        assert {place.instance for place in cluster.places(group)} == {place.instance}


@pytest.mark.parametrize("assignor", ["RangeAssignor", "CooperativeStickyAssignor"])
def test_tasks_here_and_members_in_java_share_a_group(cluster: Cluster, tmp_path: Path, assignor: str) -> None:
    file = tmp_path / "out"
    strategy = ASSIGNORS + assignor
    with sink(cluster, file, 1, consumer_override_partition_assignment_strategy=strategy) as (name, topic):
        group = f"connect-{name}"
        settings = {"group.id": group, "partition.assignment.strategy": strategy, "auto.offset.reset": "earliest"}
        config = write_properties(tmp_path / "console.properties", settings)
        main = "org.apache.kafka.tools.consumer.ConsoleConsumer"
        options = ("--bootstrap-server", cluster.bootstrap, "--topic", topic, "--command-config", str(config))
        console = Server(java(tmp_path, main, *options, options=("-Xmx128m", "-XX:+UseSerialGC")), tmp_path / "console")
        console.launch()
        try:

            def shared() -> bool:
                found = cluster.places(group)
                in_java = {place.instance is None for place in found}
                return len(in_java) == 2 and sorted(map(sorted, (place.partitions for place in found))) == [[0], [1]]

            # between the two rounds that a cooperative assignor needs, a partition has no reader
            until(shared, "one partition is read here, one in Java")
            lines = cluster.send(topic)
            until(
                lambda: lines <= {*file.read_text().split(), *console.log.read_text().split()},
                "every line has arrived on one of the two sides",
            )
            until(lambda: any(line in console.log.read_text() for line in lines), "one of them in Java")
        finally:
            console.stop()
        until(lambda: [place.partitions for place in cluster.places(group)] == [{0, 1}], "ours has all again")
        delivered(cluster, topic, file)
