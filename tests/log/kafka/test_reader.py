"""What a poll does with the client library, which a stand-in plays here."""

from __future__ import annotations

from confluent_kafka import Message

from linkspan.api.records import TopicPartition
from linkspan.log.kafka.reader import KafkaReader


class Library:
    """Has nothing at first, then two records while it is waited for."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, bool]] = []
        self.waiting = [Message(topic="t", partition=0, offset=offset, value=b"v") for offset in (10, 11)]

    def consume(self, most: int, timeout: float) -> list[Message]:
        self.calls.append((most, timeout > 0))
        if len(self.calls) == 1:
            return []
        taken, self.waiting = self.waiting[:most], self.waiting[most:]
        return taken


def test_what_a_poll_returns_comes_from_one_call_so_that_no_rebalance_lies_between(monkeypatch):
    reader = KafkaReader({"bootstrap.servers": "127.0.0.1:1", "group.id": "g"})
    reader.close()
    library = Library()
    monkeypatch.setattr(reader, "_consumer", library)
    monkeypatch.setattr(reader, "_assigned", {TopicPartition("t", 0)})
    assert [list(batch.offsets) for batch in reader.poll(1.0, 500)] == [[10]]
    assert library.calls == [(500, False), (1, True)]
    assert [list(batch.offsets) for batch in reader.poll(1.0, 500)] == [[11]]
