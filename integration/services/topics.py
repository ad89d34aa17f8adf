"""What is in a topic, who reads it and how far, looked at from outside."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from linkspan.api.records import TopicPartition as Partition
from linkspan.log.kafka import KafkaLog

SECONDS: Final = 30


def values(bootstrap: str, topic: str, partition: int = 0) -> list[str]:
    """Values of one partition from its first record to the last one that is there now.

    Raises:
        AssertionError: an offset is missing, or the broker gives no answer.
    """
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "onlooker", "enable.auto.commit": False})
    try:
        end = _end(consumer, TopicPartition(topic, partition))
        consumer.assign([TopicPartition(topic, partition, 0)])
        found: list[str] = []
        while len(found) < end:
            messages = consumer.consume(min(5000, end - len(found)), timeout=30)
            assert messages, f"{topic} gave {len(found)} of {end} records"
            for message in messages:
                assert message.error() is None, message.error()
                assert message.offset() == len(found), f"offset {len(found)} of {topic} is missing"
                found.append((message.value() or b"").decode())
        return found
    finally:
        consumer.close()


def committed_values(bootstrap: str, topic: str, partition: int = 0) -> list[str]:
    """Values of one partition that readers of committed records see now; none when there is no such topic yet."""
    settings = {"bootstrap.servers": bootstrap, "group.id": "onlooker", "enable.auto.commit": False}
    consumer = Consumer({**settings, "enable.partition.eof": True, "isolation.level": "read_committed"})
    try:
        end = _end(consumer, TopicPartition(topic, partition))
        if not end:
            return []
        consumer.assign([TopicPartition(topic, partition, 0)])
        found: list[str] = []
        while True:
            message = consumer.poll(30)
            assert message is not None, f"{topic} gave no record, and no end"
            error = message.error()
            if error is None:
                found.append((message.value() or b"").decode())
            else:
                assert error.code() == KafkaError._PARTITION_EOF, error
            # what came meanwhile is left out, or a busy topic would have no end
            if error is not None or (message.offset() or 0) >= end - 1:
                return found
    finally:
        consumer.close()


class Record(NamedTuple):
    """A record of a topic; ``timestamp`` in milliseconds since the epoch."""

    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: list[tuple[str, bytes | None]]


def records(bootstrap: str, topic: str, partition: int = 0) -> list[Record]:
    """Records of one partition from its first to the last one that is there now; none of a topic that is not there."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "onlooker", "enable.auto.commit": False})
    try:
        end = _end(consumer, TopicPartition(topic, partition))
        consumer.assign([TopicPartition(topic, partition, 0)])
        found: list[Record] = []
        while len(found) < end:
            messages = consumer.consume(min(5000, end - len(found)), timeout=30)
            assert messages, f"{topic} gave {len(found)} of {end} records"
            for message in messages:
                assert message.error() is None, message.error()
                headers = [(name, value) for name, value in message.headers() or []]
                found.append(Record(message.key(), message.value(), message.timestamp()[1], headers))
        return found
    finally:
        consumer.close()


def keys(bootstrap: str, topic: str, partition: int = 0) -> list[str]:
    """Keys of the records that compaction has left in one partition."""
    settings = {"bootstrap.servers": bootstrap, "group.id": "onlooker", "enable.auto.commit": False}
    consumer = Consumer({**settings, "enable.partition.eof": True})
    try:
        consumer.assign([TopicPartition(topic, partition, 0)])
        found: list[str] = []
        while True:
            message = consumer.poll(30)
            assert message is not None, f"{topic} gave no record, and no end"
            error = message.error()
            if error is not None:
                assert error.code() == KafkaError._PARTITION_EOF, error
                return found
            found.append((message.key() or b"").decode())
    finally:
        consumer.close()


def _end(consumer: Consumer, partition: TopicPartition) -> int:
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return int(consumer.get_watermark_offsets(partition, timeout=SECONDS)[1])
        except KafkaException as error:
            name = error.args[0].name()
            if name in {"UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_PARTITION"}:
                return 0
            # a broker that has just come back does not lead its partitions yet
            if name != "NOT_LEADER_FOR_PARTITION" or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def committed(bootstrap: str, group: str) -> Mapping[Partition, int]:
    """Offsets that a consumer group has stored."""
    admin = KafkaLog().admin({"bootstrap.servers": bootstrap})
    try:
        return admin.group_offsets(group)
    finally:
        admin.close()


class Place(NamedTuple):
    """A member of a consumer group: its instance id, if it is a static one, and its partitions."""

    instance: str | None
    partitions: frozenset[int]


def places(admin: AdminClient, group: str) -> set[Place]:
    """Members of a consumer group; none while a round is under way."""
    (asked,) = admin.describe_consumer_groups([group]).values()
    found = asked.result()
    if found.state.name != "STABLE":
        return set()
    return {
        Place(member.group_instance_id, frozenset(place.partition for place in member.assignment.topic_partitions))
        for member in found.members
    }
