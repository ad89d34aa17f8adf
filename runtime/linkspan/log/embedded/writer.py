"""Appends batches: each in one transaction, or many together under a transactional id."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from linkspan.api.errors import ConnectError, FencedError
from linkspan.api.records import TopicPartition
from linkspan.log.embedded.packing import pack
from linkspan.log.embedded.partitioner import murmur2
from linkspan.log.embedded.store import Store
from linkspan.log.port import OutgoingBatch

__all__ = ["EmbeddedTransactionalWriter", "EmbeddedWriter"]

OnRecord = Callable[[int, TopicPartition, int, int], None]

_LARGEST_ROW: Final = 16 * 1024 * 1024
"""Bytes of records stored in one row. A reader holds a whole row, and SQLite refuses rows of a gigabyte."""


Failures = list[tuple[int, Exception]]
_Acknowledged = tuple[OnRecord, int, TopicPartition, int, int]
"""Whom to tell of index, place, offset and timestamp."""


class _Written:
    """Delivery of a batch whose transaction is over: always done."""

    done = True

    def __init__(self, failures: Sequence[tuple[int, Exception]] = ()) -> None:
        self.failures = failures


class _Appender:
    """Appends batches inside a transaction of its store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = 0

    def append(self, batch: OutgoingBatch, on_record: OnRecord | None) -> tuple[Failures, list[_Acknowledged]]:
        """Append a batch; the records that have no place, and whom to tell of the others."""
        now = int(time.time() * 1000)
        given = batch.timestamps
        stamps = [now] * len(batch) if given is None else [now if item is None else item for item in given]
        failures: Failures = []
        acknowledged: list[_Acknowledged] = []
        topic, partitions = self._store.topic(batch.topic) or self._store.create_topic(batch.topic, 1)
        for partition, indexes in self._shares(batch, partitions, failures).items():
            first = self._append(topic, partition, batch, indexes, stamps)
            if on_record is not None:
                place = TopicPartition(batch.topic, partition)
                acknowledged += [
                    (on_record, index, place, first + offset, stamps[index]) for offset, index in enumerate(indexes)
                ]
        return failures, acknowledged

    def _shares(self, batch: OutgoingBatch, partitions: int, failures: Failures) -> dict[int, Sequence[int]]:
        """Indexes of the records of each partition; those that have no place are added to ``failures``."""
        if batch.keys is None and batch.partitions is None:
            # Records without keys stay together; the next batch takes the next partition.
            self._turn += 1
            return {self._turn % partitions: range(len(batch))}
        if partitions == 1 and batch.partitions is None:
            return {0: range(len(batch))}
        self._turn += 1
        shares: dict[int, list[int]] = {}
        for index in range(len(batch)):
            partition = None if batch.partitions is None else batch.partitions[index]
            key = None if batch.keys is None else batch.keys[index]
            if partition is None:
                partition = self._turn % partitions if key is None else murmur2(key) % partitions
            elif not 0 <= partition < partitions:
                error = ConnectError(f"Topic {batch.topic} has no partition {partition}, it has {partitions}")
                failures.append((index, error))
                continue
            shares.setdefault(partition, []).append(index)
        return dict(shares)

    def _append(
        self, topic: int, partition: int, batch: OutgoingBatch, indexes: Sequence[int], stamps: Sequence[int]
    ) -> int:
        first = following = self._store.end(topic, partition)
        for piece in _pieces(batch, indexes):
            if len(piece) == len(batch):
                data = pack(batch.values, batch.keys, stamps, batch.headers)
            else:
                keys, headers = batch.keys, batch.headers
                data = pack(
                    [batch.values[index] for index in piece],
                    None if keys is None else [keys[index] for index in piece],
                    [stamps[index] for index in piece],
                    None if headers is None else [headers[index] for index in piece],
                )
            following += len(piece)
            self._store.rows(
                "INSERT INTO batches VALUES (?, ?, ?, ?, ?)", topic, partition, following - 1, len(piece), data
            )
        self._store.rows("INSERT OR REPLACE INTO ends VALUES (?, ?, ?)", topic, partition, following)
        return first


class EmbeddedWriter:
    """The writer of the embedded log.

    A batch survives the death of this process when :meth:`send` returns, and that of the machine after :meth:`flush`.

    Args:
        folder: folder of the log.
    """

    def __init__(self, folder: str) -> None:
        self._store = Store(folder)
        self._appender = _Appender(self._store)
        self._acknowledged: list[_Acknowledged] = []

    def send(self, batch: OutgoingBatch, on_record: OnRecord | None = None) -> _Written:
        """Write the batch; partitions of keyed records as Kafka chooses them, all others of a batch together."""
        if not len(batch):
            return _Written()
        with self._store.transaction():
            failures, acknowledged = self._appender.append(batch, on_record)
        self._acknowledged += acknowledged
        return _Written(failures)

    def poll(self, timeout: float = 0.0) -> None:  # noqa: ARG002 - everything is acknowledged already
        """Report acknowledged records to whoever asked."""
        acknowledged, self._acknowledged = self._acknowledged, []
        for on_record, index, place, offset, stamp in acknowledged:
            on_record(index, place, offset, stamp)

    def flush(self, timeout: float) -> bool:
        """Have everything on the disk: offsets that are stored afterwards must not outlive the records before them."""
        self.poll(timeout)
        self._store.sync()
        return True

    def close(self, timeout: float) -> None:
        """Close the file."""
        try:
            self.poll(timeout)
        finally:
            self._store.close()


class EmbeddedTransactionalWriter:
    """Keeps batches until they are committed; then all of them are written in one transaction of the file.

    Args:
        folder: folder of the log.
        transactional_id: of all writers with the same id, the last one that was opened can write.
    """

    def __init__(self, folder: str, transactional_id: str) -> None:
        self._store = Store(folder)
        self._appender = _Appender(self._store)
        self._id = transactional_id
        self._epoch = -1
        self._kept: list[tuple[OutgoingBatch, OnRecord | None]] = []

    def open(self, timeout: float) -> None:  # noqa: ARG002 - nobody has to answer
        """Fence out older writers; what they had begun was never in the file."""
        with self._store.transaction():
            self._epoch = self._store.raise_epoch(self._id)

    def begin(self) -> None:
        """Begin a transaction."""
        self._kept = []
        self._check()

    def send(self, batch: OutgoingBatch, on_record: OnRecord | None = None) -> None:
        """Keep a batch."""
        if len(batch):
            self._kept.append((batch, on_record))

    def poll(self) -> None:
        """Nothing: there are no answers before the end."""

    def commit(self, timeout: float | None = None) -> None:  # noqa: ARG002 - nobody has to answer
        """Write everything; it survives a power cut, too, when this returns."""
        told: list[_Acknowledged] = []
        with self._store.transaction():
            self._check()
            for batch, on_record in self._kept:
                failures, acknowledged = self._appender.append(batch, on_record)
                if failures:
                    raise failures[0][1]
                told += acknowledged
        # only now: a file that is busy or cannot grow is asked again, for the same
        self._kept = []
        self._store.sync()
        for on_record, index, place, offset, stamp in told:
            on_record(index, place, offset, stamp)

    def abort(self, timeout: float | None = None) -> None:  # noqa: ARG002 - as above
        """Forget what was kept."""
        self._kept = []
        self._check()

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _check(self) -> None:
        if self._store.epoch(self._id) != self._epoch:
            raise FencedError(
                f"A newer writer has opened with the transactional id {self._id}, so this one may write nothing more"
            )


def _pieces(batch: OutgoingBatch, indexes: Sequence[int]) -> Iterator[Sequence[int]]:
    """Cut a share where a row would become too large; a record that is larger by itself gets a row of its own."""
    if sum(_header_bytes(batch)) + _bytes(batch.values) + _bytes(batch.keys or ()) <= _LARGEST_ROW:
        yield indexes
        return
    weights = _weights(batch)
    piece: list[int] = []
    size = 0
    for index in indexes:
        weight = weights[index]
        if piece and size + weight > _LARGEST_ROW:
            yield piece
            piece, size = [], 0
        piece.append(index)
        size += weight
    yield piece


def _bytes(payloads: Sequence[bytes | None]) -> int:
    return sum(map(len, filter(None, payloads)))


def _header_bytes(batch: OutgoingBatch) -> Sequence[int]:
    if batch.headers is None:
        return ()
    return [sum(len(name) + len(value or b"") for name, value in headers or ()) for headers in batch.headers]


def _weights(batch: OutgoingBatch) -> Sequence[int]:
    """Bytes of every record: value, key and headers."""
    nothing = [0] * len(batch)
    keys = nothing if batch.keys is None else [len(key or b"") for key in batch.keys]
    headers = _header_bytes(batch) or nothing
    return [len(value or b"") + key + header for value, key, header in zip(batch.values, keys, headers, strict=True)]
