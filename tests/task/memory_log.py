# ruff: noqa: ARG002 - stand-ins take what the real ones take
"""A log in memory: one member a group, everything acknowledged at once. For tests of the loops only."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from linkspan.api.records import TopicPartition
from linkspan.log.port import FetchedRecord, OutgoingBatch, RebalanceListener, TopicDescription, TopicSpec


class MemoryDelivery:
    def __init__(self) -> None:
        self.done = True
        self.failures: list[tuple[int, Exception]] = []


class MemoryBatch:
    def __init__(self, topic: str, rows: list[tuple]) -> None:
        self.topic = topic
        self.partitions = [row[0] for row in rows]
        self.offsets = [row[1] for row in rows]
        self.keys = [row[2] for row in rows]
        self.values = [row[3] for row in rows]
        self.timestamps = [row[4] for row in rows]
        self.timestamp_types = ["CreateTime"] * len(rows)
        self.headers = [row[5] for row in rows] if any(row[5] for row in rows) else None
        self.positions = {TopicPartition(topic, row[0]): row[1] + 1 for row in rows}

    def __len__(self) -> int:
        return len(self.values)

    def record(self, index: int) -> FetchedRecord:
        return FetchedRecord(
            self.partitions[index],
            self.offsets[index],
            self.keys[index],
            self.values[index],
            self.timestamps[index],
            self.timestamp_types[index],
            () if self.headers is None else self.headers[index],
        )


class MemoryLog:
    preload = ()

    def __init__(self) -> None:
        self.topics: dict[str, list[list[tuple]]] = {}
        self.groups: dict[str, dict[TopicPartition, int]] = defaultdict(dict)

    def writer(self, _: Mapping[str, str]) -> MemoryWriter:
        return MemoryWriter(self)

    def reader(self, settings: Mapping[str, str]) -> MemoryReader:
        return MemoryReader(self, settings["group.id"])

    def admin(self, _: Mapping[str, str]) -> MemoryAdmin:
        return MemoryAdmin(self)


class MemoryWriter:
    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    def send(
        self, batch: OutgoingBatch, on_record: Callable[[int, TopicPartition, int, int], None] | None = None
    ) -> MemoryDelivery:
        partitions = self._log.topics.setdefault(batch.topic, [[]])
        for index, value in enumerate(batch.values):
            number = (batch.partitions[index] if batch.partitions else None) or 0
            rows = partitions[number]
            timestamp = (batch.timestamps[index] if batch.timestamps else None) or 1
            key = batch.keys[index] if batch.keys else None
            headers = list((batch.headers[index] if batch.headers else None) or ())
            rows.append((number, len(rows), key, value, timestamp, headers))
            if on_record is not None:
                on_record(index, TopicPartition(batch.topic, number), len(rows) - 1, timestamp)
        return MemoryDelivery()

    def poll(self, timeout: float = 0.0) -> None: ...

    def flush(self, timeout: float) -> bool:
        return True

    def close(self, timeout: float) -> None: ...


class MemoryReader:
    def __init__(self, log: MemoryLog, group: str) -> None:
        self._log = log
        self._committed = log.groups[group]
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._answers: list[Callable[[], None]] = []
        self._wanted: Callable[[str], bool] = lambda _: False

    def subscribe(
        self, topics: Sequence[str], listener: RebalanceListener, *, matches: Callable[[str], bool] | None = None
    ) -> None:
        names = set(topics)
        self._wanted = matches or names.__contains__
        self._listener = listener

    def poll(self, timeout: float, max_records: int) -> list[MemoryBatch]:
        answers, self._answers = self._answers, []
        for answer in answers:
            answer()
        new = [
            TopicPartition(topic, number)
            for topic, partitions in self._log.topics.items()
            if self._wanted(topic)
            for number in range(len(partitions))
            if TopicPartition(topic, number) not in self._positions
        ]
        if new:
            self._positions.update({partition: self._committed.get(partition, 0) for partition in new})
            self._listener.on_assigned(new)
        batches = []
        for topic in {partition.topic: None for partition in self._positions}:
            rows: list[tuple] = []
            for partition in [each for each in self._positions if each.topic == topic and each not in self._paused]:
                at = self._positions[partition]
                some = self._log.topics[topic][partition.partition][at : at + max_records]
                max_records -= len(some)
                self._positions[partition] += len(some)
                rows += some
            if rows:
                batches.append(MemoryBatch(topic, rows))
        if not batches:
            time.sleep(min(timeout, 0.001))
        return batches

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self._positions)

    def position(self, partition: TopicPartition) -> int:
        return self._positions[partition]

    def positions(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        return {partition: self._positions[partition] for partition in partitions}

    def known_ends(self) -> Mapping[TopicPartition, int]:
        return {place: len(self._log.topics[place.topic][place.partition]) for place in self._positions}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._positions[partition] = offset

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        self._paused.update(partitions)

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        self._paused.difference_update(partitions)

    def commit(
        self,
        offsets: Mapping[TopicPartition, int],
        *,
        callback: Callable[[Exception | None], None] | None = None,
    ) -> None:
        def store() -> None:
            self._committed.update(offsets)
            if callback is not None:
                callback(None)

        if callback is None:
            store()
        else:
            self._answers.append(store)

    def close(self, timeout: float = 30.0) -> bool:
        self._listener.on_revoked(list(self._positions))
        return True


class MemoryAdmin:
    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    def topics(self) -> list[str]:
        return list(self._log.topics)

    def describe_topics(self, names: Sequence[str]) -> dict[str, TopicDescription]:
        return {name: TopicDescription(name, len(self._log.topics[name])) for name in names if name in self._log.topics}

    def create_topic(self, spec: TopicSpec) -> bool:
        if spec.name in self._log.topics:
            return False
        self._log.topics[spec.name] = [[] for _ in range(max(spec.partitions, 1))]
        return True

    def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return {partition: len(self._log.topics[partition.topic][partition.partition]) for partition in partitions}

    def group_offsets(self, group: str) -> dict[TopicPartition, int]:
        return dict(self._log.groups[group])

    def close(self) -> None: ...
