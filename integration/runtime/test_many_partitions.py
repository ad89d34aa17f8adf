"""One sink task over 3,000 partitions, found by a pattern that only Java's expressions can say."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from integration.bench.footprint import memory_mb, tree
from integration.conftest import missing
from integration.runtime.test_standalone_process import lines, wait_until
from integration.services.kafka import Broker, request
from integration.services.linkspan import LinkspanWorker
from integration.services.maven import UnavailableError
from linkspan.log.kafka import KafkaLog
from linkspan.log.port import OutgoingBatch

pytestmark = pytest.mark.integration

TOPICS: Final = [f"Metric-{number:02d}" for number in range(30)]
PARTITIONS: Final = 100
OTHERS: Final = ("metric-internal", "a-metric-01")
MOST_MEMORY_MB: Final = 200


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[Broker]:
    """A broker with 3,000 partitions, and two topics that the pattern leaves out."""
    # thousands of small files take a disk most of a minute
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as data:
        try:
            broker = Broker(tmp_path / "broker", {"log.dirs": data, "log.index.size.max.bytes": 4096})
        except UnavailableError as error:
            missing(str(error))
        broker.start()
        try:
            fill(broker)
            yield broker
        finally:
            # a clean stop would write them all once more
            broker.kill()


def fill(broker: Broker) -> None:
    """Create the topics, with records in some of their partitions."""
    cluster = {"bootstrap.servers": broker.bootstrap}
    wanted = [NewTopic(name, 1 if name in OTHERS else PARTITIONS) for name in (*TOPICS, *OTHERS)]
    admin = AdminClient(cluster)
    for created in admin.create_topics(wanted, operation_timeout=60, request_timeout=90).values():
        created.result(90)
    writer = KafkaLog().writer(cluster)
    for name in (*TOPICS, *OTHERS):
        numbers = [0] if name in OTHERS else [0, 42, PARTITIONS - 1]
        writer.send(OutgoingBatch(name, [f"{name}/{number}".encode() for number in numbers], partitions=numbers))
    assert writer.flush(60)
    writer.close(1)


def assigned(bootstrap: str, group: str) -> int:
    """Partitions that the members of a group have, as the broker sees it."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    try:
        described = admin.describe_consumer_groups([group])[group].result(30)
    except KafkaException:
        # the broker has just made the topic of the groups' offsets and does not know its groups yet
        return 0
    return sum(len(member.assignment.topic_partitions) for member in described.members)


def test_one_sink_reads_three_thousand_partitions_in_little_memory(crowded: Broker, tmp_path: Path):
    sink = {
        "name": "wide",
        "connector.class": "FileStreamSink",
        "file": tmp_path / "out.txt",
        "topics.regex": r"(?i)metric-(?!internal)\\w+",
    }
    worker = LinkspanWorker(tmp_path / "w", crowded.bootstrap, {"offset.flush.interval.ms": 1000}, [sink])
    began = time.monotonic()
    worker.start()
    try:
        wanted = {f"{name}/{number}" for name in TOPICS for number in (0, 42, PARTITIONS - 1)}
        wait_until(lambda: assigned(crowded.bootstrap, "connect-wide") == len(TOPICS) * PARTITIONS, "all are assigned")
        wait_until(lambda: set(lines(tmp_path / "out.txt")) >= wanted, "records of every topic come through")
        seconds = time.monotonic() - began
        assert sorted(lines(tmp_path / "out.txt")) == sorted(wanted)
        _, status = request("GET", f"{worker.url}/connectors/wide/status")
        assert [task["state"] for task in status["tasks"]] == ["RUNNING"]
        whole, task = memory_mb(worker.pid), memory_mb(task_process(worker.pid))
        print(
            f"3,000 partitions in {seconds:.1f} s, {task:.0f} MB the task, {whole:.0f} MB the worker with its children"
        )
        assert whole <= MOST_MEMORY_MB
    finally:
        assert worker.stop() == 0


def task_process(worker: int) -> int:
    """The only process of the tree that has a parent which is not the worker."""
    return tree(worker)[-1]
