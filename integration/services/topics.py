"""What is in a topic, and how far its readers are, looked at from outside."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import Consumer, KafkaException, TopicPartition

from linkspan.api.records import TopicPartition as Partition
from linkspan.log.kafka import KafkaLog


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


def first_offset(bootstrap: str, topic: str, partition: int = 0) -> int:
    """Offset of the oldest record that is still there, or that the next one gets."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "onlooker", "enable.auto.commit": False})
    try:
        return int(consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)[0])
    finally:
        consumer.close()


def _end(consumer: Consumer, partition: TopicPartition) -> int:
    try:
        return int(consumer.get_watermark_offsets(partition, timeout=30)[1])
    except KafkaException as error:
        if error.args[0].name() in {"UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_PARTITION"}:
            return 0
        raise


def committed(bootstrap: str, group: str) -> Mapping[Partition, int]:
    """Offsets that a consumer group has stored."""
    admin = KafkaLog().admin({"bootstrap.servers": bootstrap})
    try:
        return admin.group_offsets(group)
    finally:
        admin.close()
