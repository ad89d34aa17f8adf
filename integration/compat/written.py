"""What workers of a group have written to their internal topics."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from confluent_kafka import Consumer, KafkaError, TopicPartition

__all__ = ["Reader"]

_LIMIT_SECONDS: Final = 60.0


class Reader:
    """Reads a topic from its beginning, and goes on while more is written.

    Attributes:
        values: of every key in the order in which they were written; None where the key was removed.
    """

    def __init__(self, bootstrap: str, topic: str) -> None:
        settings = {"bootstrap.servers": bootstrap, "group.id": "onlooker", "enable.auto.commit": False}
        self._consumer = Consumer({**settings, "fetch.wait.max.ms": 100, "enable.partition.eof": True})
        known = self._consumer.list_topics(topic, timeout=30).topics[topic].partitions
        self._next = dict.fromkeys(known, 0)
        self._consumer.assign([TopicPartition(topic, number, 0) for number in known])
        self._topic = topic
        self.values: dict[str, list[str | None]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._consumer.close()

    def read_to_end(self) -> Mapping[str, list[str | None]]:
        """Read what is there by now."""
        partitions = [TopicPartition(self._topic, number) for number in self._next]
        ends = [self._consumer.get_watermark_offsets(partition, timeout=30)[1] for partition in partitions]
        deadline = time.monotonic() + _LIMIT_SECONDS
        while any(self._next[partition.partition] < end for partition, end in zip(partitions, ends, strict=True)):
            assert time.monotonic() < deadline, f"{self._topic} stops at {self._next}, not at {ends}"
            for message in self._consumer.consume(1000, timeout=0.05):
                error = message.error()
                if error is not None:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    self._next[message.partition()] = message.offset()  # behind the end of a transaction
                    continue
                self._next[message.partition()] = message.offset() + 1
                key, value = message.key(), message.value()
                assert not message.headers()
                self.values.setdefault(key.decode(), []).append(None if value is None else value.decode())
        return self.values

    def states(self, key: str) -> list[str]:
        """States that were written of ``connector-<name>`` or ``task-<name>-<number>``, ``-`` where one was removed.

        Of ``topic-<topic>:connector-<name>`` it is ``USED``.
        """
        written = self.read_to_end().get(f"status-{key}", [])
        return ["-" if value is None else json.loads(value).get("state", "USED") for value in written]
