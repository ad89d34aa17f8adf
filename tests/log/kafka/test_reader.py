"""What a poll does when a rebalance or an error falls into it; the client library is played by a stand-in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as Native

from linkspan.api.errors import ConnectError
from linkspan.api.records import TopicPartition
from linkspan.log.kafka.reader import KafkaReader

PLACES = {TopicPartition("t", 0), TopicPartition("t", 1)}


class Library:
    """Has a record of t-0 when it is waited for; then something happens, and there is one of t-1."""

    def __init__(self, meanwhile: Callable[[Library], None]) -> None:
        self.meanwhile = meanwhile
        self.calls = 0

    def consume(self, _most: int, _timeout: float) -> list[Message]:
        self.calls += 1
        if self.calls == 2:
            return [Message(topic="t", partition=0, offset=10, value=b"v")]
        if self.calls == 3:
            self.meanwhile(self)
            return [Message(topic="t", partition=1, offset=20, value=b"w")]
        return []

    def incremental_unassign(self, _: object) -> None: ...
    def unassign(self) -> None: ...


def polled(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[KafkaReader, Library], None]):
    reader = KafkaReader({"bootstrap.servers": "127.0.0.1:1", "group.id": "g"})
    reader.close()
    monkeypatch.setattr(reader, "_consumer", Library(lambda library: meanwhile(reader, library)))
    monkeypatch.setattr(reader, "_assigned", set(PLACES))
    return reader, [(place, offset) for batch in reader.poll(1.0, 500) for place, offset in _rows(batch)]


def _rows(batch):
    return zip(batch.partitions, batch.offsets, strict=True)


def revoke(*partitions: int) -> Callable[[KafkaReader, Library], None]:
    natives = [Native("t", number) for number in partitions]
    return lambda reader, library: reader._on_revoke(library, natives)  # type: ignore[arg-type]


def test_records_that_come_together_are_returned_together(monkeypatch):
    _, rows = polled(monkeypatch, lambda *_: None)
    assert rows == [(0, 10), (1, 20)]


def test_a_record_whose_partition_goes_meanwhile_is_left_to_its_next_owner(monkeypatch):
    _, rows = polled(monkeypatch, revoke(0))
    assert rows == [(1, 20)]


def test_a_record_whose_partition_stays_is_returned(monkeypatch):
    _, rows = polled(monkeypatch, revoke(1))
    assert (0, 10) in rows


def test_an_error_does_not_take_the_record_with_it(monkeypatch):
    def fail(*_: object) -> None:
        raise KafkaException(KafkaError(KafkaError._STATE))

    reader, rows = polled(monkeypatch, fail)
    assert rows == [(0, 10)]
    with pytest.raises(ConnectError):
        reader.poll(0.0, 500)
