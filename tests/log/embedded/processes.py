"""Bodies of child processes in the tests of the embedded log; each speaks over a pipe."""

from __future__ import annotations

import random
from collections.abc import Sequence
from multiprocessing.connection import Connection

from linkspan.api.records import TopicPartition
from linkspan.log.embedded import EmbeddedLog
from linkspan.log.port import OutgoingBatch


class Quiet:
    def on_assigned(self, partitions: Sequence[TopicPartition]) -> None: ...
    def on_revoked(self, partitions: Sequence[TopicPartition]) -> None: ...
    def on_lost(self, partitions: Sequence[TopicPartition]) -> None: ...


def write_for_ever(path: str, seed: int, pipe: Connection) -> None:
    """Write batches of random sizes over three partitions; tell each one's number and size when it is acknowledged."""
    chance = random.Random(seed)
    writer = EmbeddedLog(path).writer({})
    number = 0
    while True:
        size = chance.randint(1, 200)
        text = b"%d/%d/%d" % (seed, number, size)
        writer.send(OutgoingBatch("t", [text] * size, partitions=[index % 3 for index in range(size)]))
        writer.flush(1)
        pipe.send((number, size))
        number += 1


def open_log(path: str, pipe: Connection) -> None:
    """Open a log that may not exist yet, and tell its identity."""
    admin = EmbeddedLog(path).admin({})
    pipe.send(admin.cluster_id(1))
    admin.close()


def append(path: str, name: bytes, batches: int, pipe: Connection) -> None:
    """Write numbered batches of two records."""
    writer = EmbeddedLog(path).writer({})
    for number in range(batches):
        writer.send(OutgoingBatch("t", [b"%s-%d" % (name, number)] * 2))
    writer.close(1)
    pipe.send(True)


def take_part(path: str, group: str, pipe: Connection) -> None:
    """Be a member until killed; tell the assignment whenever it has changed, commit what was read."""
    reader = EmbeddedLog(path).reader({"group.id": group, "auto.offset.reset": "earliest"})
    reader.subscribe(["t"], Quiet())
    held: frozenset[TopicPartition] | None = None
    while True:
        for batch in reader.poll(0.1, 100):
            reader.commit(batch.positions)
        if reader.assignment() != held:
            held = reader.assignment()
            pipe.send(sorted(held))
