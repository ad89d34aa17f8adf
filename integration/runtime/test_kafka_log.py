"""The Kafka log on a real broker: what the port promises."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from linkspan.api.errors import ConflictError, UnreachableError
from linkspan.api.records import TopicPartition
from linkspan.log.kafka import KafkaLog
from linkspan.log.port import OutgoingBatch, Reader, TopicSpec

pytestmark = pytest.mark.integration

PRODUCER = {
    "acks": "all",
    "max.in.flight.requests.per.connection": "1",
    "max.block.ms": "9223372036854775807",
    "delivery.timeout.ms": "2147483647",
}
CONSUMER = {"enable.auto.commit": "false", "auto.offset.reset": "earliest"}


class Listener:
    def __init__(self) -> None:
        self.reader: Reader | None = None
        self.assigned: list[TopicPartition] = []
        self.revoked: list[TopicPartition] = []
        self.starts: dict[TopicPartition, int] = {}
        self.seeks: dict[TopicPartition, int] = {}

    def on_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        assert self.reader is not None
        self.assigned += partitions
        self.starts.update(self.reader.positions(partitions))
        for partition, offset in self.seeks.items():
            self.reader.seek(partition, offset)

    def on_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        self.revoked += partitions

    def on_lost(self, partitions: Sequence[TopicPartition]) -> None:
        self.revoked += partitions


def until(condition: Callable[[], Any], timeout: float = 30.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"


@pytest.fixture
def cluster(kafka: Any) -> dict[str, str]:
    return {"bootstrap.servers": kafka.bootstrap}


@pytest.fixture
def topic(cluster: dict[str, str]) -> str:
    name = f"t-{uuid.uuid4().hex[:8]}"
    create(cluster, name)
    return name


def create(cluster: dict[str, str], name: str, partitions: int = 1, **configs: str) -> None:
    admin = KafkaLog().admin(cluster)
    assert admin.create_topic(TopicSpec(name, partitions, 1, {key.replace("_", "."): v for key, v in configs.items()}))
    until(lambda: name in admin.describe_topics([name]))
    admin.close()


def open_reader(cluster: dict[str, str], topics: Sequence[str], **more: Any) -> tuple[Reader, Listener]:
    group = more.pop("group", f"g-{uuid.uuid4().hex[:8]}")
    matches = more.pop("matches", None)
    reader = KafkaLog().reader({**cluster, **CONSUMER, "group.id": group, **more})
    listener = Listener()
    listener.reader = reader
    reader.subscribe(topics, listener, matches=matches)
    return reader, listener


def read(cluster: dict[str, str], topic: str, count: int) -> list[tuple[bytes | None, bytes | None]]:
    reader, _ = open_reader(cluster, [topic])
    found: list[tuple[bytes | None, bytes | None]] = []

    def enough() -> bool:
        for batch in reader.poll(0.2, 500):
            found.extend(zip(batch.keys, batch.values, strict=True))
        return len(found) >= count

    until(enough)
    reader.close()
    return found


def test_every_column_travels(cluster: dict[str, str], topic: str) -> None:
    writer = KafkaLog().writer({**cluster, **PRODUCER})
    told: list[tuple[int, TopicPartition, int, int]] = []
    batch = OutgoingBatch(
        topic, [b"a", None, b""], keys=[None, b"k", b""], timestamps=[1000, 2000, 3000],
        headers=[[("h", b"1"), ("h", None)], None, []],
    )  # fmt: skip
    delivery = writer.send(batch, lambda *answer: told.append(answer))
    assert writer.flush(30)
    writer.close(1)
    assert delivery.done
    assert not delivery.failures
    where = TopicPartition(topic, 0)
    assert told == [(0, where, 0, 1000), (1, where, 1, 2000), (2, where, 2, 3000)]
    reader, _ = open_reader(cluster, [topic])
    batches: list[Any] = []
    until(lambda: batches.extend(reader.poll(0.2, 500)) or sum(map(len, batches)) == 3)
    (got,) = batches
    assert (got.values, got.keys, got.timestamps) == ([b"a", None, b""], [None, b"k", b""], [1000, 2000, 3000])
    assert got.timestamp_types == ["CreateTime"] * 3
    assert [list(some) for some in got.headers] == [[("h", b"1"), ("h", None)], [], []]
    assert got.positions == {where: 3}
    reader.close()


def test_commits_positions_and_seeks(cluster: dict[str, str], topic: str) -> None:
    writer = KafkaLog().writer({**cluster, **PRODUCER})
    writer.send(OutgoingBatch(topic, [b"%d" % number for number in range(10)]))
    assert writer.flush(30)
    writer.close(1)
    where = TopicPartition(topic, 0)
    group = f"g-{uuid.uuid4().hex[:8]}"
    reader, listener = open_reader(cluster, [topic], group=group)
    until(lambda: reader.poll(0.2, 4))
    assert listener.starts == {where: 0}
    assert reader.position(where) == 4
    reader.commit({where: 3})
    answers: list[Exception | None] = []
    reader.commit({where: 4}, callback=answers.append)
    until(lambda: (reader.poll(0.1, 1), answers)[1])
    assert answers == [None]
    reader.seek(where, 9)
    values: list[bytes | None] = []
    until(lambda: [values.extend(batch.values) for batch in reader.poll(0.2, 5)])
    assert values == [b"9"]
    reader.close()
    assert listener.revoked == [where]
    again, second = open_reader(cluster, [topic], group=group)
    second.seeks[where] = 6
    values.clear()
    until(lambda: [values.extend(batch.values) for batch in again.poll(0.2, 1)])
    assert second.starts == {where: 4}
    assert values == [b"6"]
    again.close()


def test_a_pattern_finds_topics_that_come_later(cluster: dict[str, str]) -> None:
    prefix = f"p-{uuid.uuid4().hex[:8]}"
    reader, listener = open_reader(
        cluster, [], matches=lambda name: name.startswith(prefix), **{"metadata.max.age.ms": "200"}
    )
    create(cluster, f"{prefix}-1")
    create(cluster, f"{prefix}-2")
    until(lambda: (reader.poll(0.1, 10), len(reader.assignment()) == 2)[1])
    assert {partition.topic for partition in listener.assigned} == {f"{prefix}-1", f"{prefix}-2"}
    reader.close()


def test_groups_are_looked_after(cluster: dict[str, str], topic: str) -> None:
    admin = KafkaLog().admin(cluster)
    group, where = f"g-{uuid.uuid4().hex[:8]}", TopicPartition(topic, 0)
    assert not admin.create_topic(TopicSpec(topic, 1, 1))
    assert admin.group_offsets(group) == {}
    admin.delete_group(group)
    admin.alter_group_offsets(group, {where: 7})
    assert admin.group_offsets(group) == {where: 7}
    other = f"t-{uuid.uuid4().hex[:8]}"
    create(cluster, other)
    admin.alter_group_offsets(group, {TopicPartition(other, 0): 3})
    admin.delete_group_offsets(group, [TopicPartition(other, 0)])
    assert admin.group_offsets(group) == {where: 7}
    admin.delete_group_offsets(group, [where])
    assert admin.group_offsets(group) == {}
    reader, _ = open_reader(cluster, [topic], group=group)
    until(lambda: (reader.poll(0.1, 1), reader.assignment())[1])
    reader.commit({where: 0})
    for refused in (
        lambda: admin.delete_group(group),
        lambda: admin.alter_group_offsets(group, {where: 1}),
        lambda: admin.delete_group_offsets(group, [where]),
    ):
        with pytest.raises(ConflictError, match=re.escape(group)):
            refused()
    reader.close()
    until(lambda: deleted(admin, group))
    assert admin.cluster_id(10)
    assert topic in admin.topics()
    admin.close()


def deleted(admin: Any, group: str) -> bool:
    try:
        admin.delete_group(group)
    except ConflictError:
        return False
    return True


def test_an_unreachable_cluster_is_named() -> None:
    admin = KafkaLog().admin({"bootstrap.servers": "127.0.0.1:1"})
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1"):
        admin.cluster_id(1.0)


@pytest.mark.parametrize("assignor", ["RangeAssignor", "CooperativeStickyAssignor"])
def test_partitions_move_to_a_second_member_and_back(cluster: dict[str, str], assignor: str) -> None:
    name, group = f"r-{uuid.uuid4().hex[:8]}", f"g-{uuid.uuid4().hex[:8]}"
    create(cluster, name, 2)
    strategy = {"partition.assignment.strategy": f"org.apache.kafka.clients.consumer.{assignor}"}
    first, _ = open_reader(cluster, [name], group=group, **strategy)
    until(lambda: (first.poll(0.1, 1), len(first.assignment()) == 2)[1])
    second, _ = open_reader(cluster, [name], group=group, **strategy)
    until(
        lambda: (
            (first.poll(0.1, 1), second.poll(0.1, 1), len(first.assignment()), len(second.assignment()))[2:] == (1, 1)
        )
    )
    second.close()
    until(lambda: (first.poll(0.1, 1), len(first.assignment()) == 2)[1])
    first.close()


def test_a_member_that_polls_too_late_rejoins(cluster: dict[str, str], topic: str) -> None:
    limits = {"max.poll.interval.ms": "6000", "session.timeout.ms": "6000"}
    reader, listener = open_reader(cluster, [topic], **limits)
    until(lambda: (reader.poll(0.1, 1), reader.assignment())[1])
    # the delay is the behaviour under test: nothing is polled until the group has moved on
    late = time.monotonic() + 7
    until(lambda: time.monotonic() > late)
    until(lambda: (reader.poll(0.1, 1), len(listener.assigned) == 2)[1])
    assert reader.poll_exceeded == 1  # type: ignore[attr-defined]
    assert listener.revoked == [TopicPartition(topic, 0)]
    reader.close()
