"""Everything in one topic of an embedded log, read on whenever somebody looks."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Sequence
from typing import Final, NamedTuple

from linkspan.api import ConnectError, TopicPartition
from linkspan.log.embedded import EmbeddedLog
from linkspan.log.port import Reader

__all__ = ["Row", "TopicContent"]

_READ_SECONDS: Final = 30.0
_MOST_RECORDS: Final = 10_000


class Row(NamedTuple):
    """One record."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


class TopicContent:
    """One topic; may be asked by several threads.

    Args:
        log: has the topic.
        topic: its name.
    """

    def __init__(self, log: EmbeddedLog, topic: str) -> None:
        self._topic = topic
        self._lock = threading.Lock()
        self._rows: list[Row] = []
        self._admin = log.admin({})
        settings = {"group.id": f"look-{uuid.uuid4().hex}", "auto.offset.reset": "earliest"}
        self._reader: Reader = log.reader(settings)
        self._reader.subscribe([topic], self)

    def rows(self) -> list[Row]:
        """All records that are there now, in the order in which they were read.

        Raises:
            ConnectError: they could not be read in time.
        """
        with self._lock:
            wanted = self._count()
            until = time.monotonic() + _READ_SECONDS
            while len(self._rows) < wanted:
                for batch in self._reader.poll(0.1, _MOST_RECORDS):
                    self._rows += map(Row, batch.partitions, batch.offsets, batch.keys, batch.values)
                if time.monotonic() > until:
                    raise ConnectError(f"Topic {self._topic} could not be read within {_READ_SECONDS:g} s")
            return list(self._rows)

    def _count(self) -> int:
        found = self._admin.describe_topics([self._topic])
        if self._topic not in found:
            return 0
        places = [TopicPartition(self._topic, number) for number in range(found[self._topic].partitions)]
        return sum(self._admin.end_offsets(places).values())

    def close(self) -> None:
        """Leave it."""
        with self._lock:
            self._reader.close()
            self._admin.close()

    def on_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Its reader's partitions: nothing to do."""

    def on_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """As above."""

    def on_lost(self, partitions: Sequence[TopicPartition]) -> None:
        """As above."""
