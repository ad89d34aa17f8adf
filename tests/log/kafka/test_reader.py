"""What a poll does when a rebalance or an error falls into it; the client library is played by a stand-in."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as Native

from linkspan.api.errors import ConnectError, FencedError
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


FENCED = KafkaError(KafkaError._FATAL, f"Fatal error: {KafkaError(KafkaError.FENCED_INSTANCE_ID).str()}: more")


class Static:
    """The library as a static member: some polls after it has joined, and after its last subscription has ended."""

    def __init__(self, messages: list[object] | None = None, *, joins: int = 0, leaves: int = 2) -> None:
        self.calls: list[str] = []
        self.messages = messages or []
        self.joins = joins
        self.leaves = leaves
        self.known = ["t"]

    def consume(self, _most: int, _timeout: float) -> list[object]:
        messages, self.messages = self.messages, []
        return messages

    def list_topics(self, timeout: float) -> object:
        assert timeout
        return SimpleNamespace(topics=self.known)

    def unsubscribe(self) -> None:
        self.calls.append("unsubscribe")

    def memberid(self) -> str | None:
        return "m" if self.joins == 0 and self.leaves else None

    def poll(self, _timeout: float) -> None:
        self.calls.append("poll")
        if self.joins:
            self.joins -= 1
        else:
            self.leaves -= 1

    def close(self) -> None:
        self.calls.append("close")


def static_reader(monkeypatch: pytest.MonkeyPatch, library: Static, *, ours: bool = True) -> KafkaReader:
    given = {"bootstrap.servers": "127.0.0.1:1", "group.id": "g", "group.instance.id": "i"}
    reader = KafkaReader(given | ({"internal.leave.group.on.close": "true"} if ours else {}))
    reader._consumer.close()
    monkeypatch.setattr(reader, "_consumer", library)
    monkeypatch.setattr(reader, "_topics", ["t"])
    return reader


def test_nothing_that_was_read_is_returned_with_the_news_that_the_member_is_fenced(monkeypatch):
    record = Message(topic="t", partition=0, offset=10, value=b"v")
    reader = static_reader(monkeypatch, Static([record, Message(error=FENCED)]))
    with pytest.raises(
        FencedError, match=r"as i of group g failed: a newer consumer with the same group\.instance\.id"
    ):
        reader.poll(0.0, 500)


def test_a_place_that_is_ours_is_given_up_before_the_end(monkeypatch):
    library = Static()
    assert static_reader(monkeypatch, library).close(30)
    assert library.calls == ["unsubscribe", "poll", "poll", "close"]


def test_a_place_that_is_about_to_be_had_is_waited_for_and_given_up(monkeypatch):
    library = Static(joins=1)
    assert static_reader(monkeypatch, library).close(30)
    assert library.calls == ["poll", "unsubscribe", "poll", "poll", "close"]


@pytest.mark.parametrize("library", [Static(joins=-1), Static(leaves=-1)])
def test_a_place_that_could_not_be_given_up_in_time_is_told(monkeypatch, library):
    assert not static_reader(monkeypatch, library).close(0.01)


def test_who_has_nothing_to_join_for_has_no_place(monkeypatch):
    library = Static(joins=-1)
    library.known = []
    assert static_reader(monkeypatch, library).close(30)
    assert library.calls == ["close"]


def test_a_place_that_the_user_chose_is_kept(monkeypatch):
    library = Static()
    assert static_reader(monkeypatch, library, ours=False).close(30)
    assert library.calls == ["close"]


class Looked(list[tuple[str, bytes]]):
    """No headers, and counts how often somebody looks whether there are any."""

    times = 0

    def __len__(self) -> int:
        Looked.times += 1
        return 0


def test_who_looks_at_each_record_of_a_batch_goes_through_the_headers_once(monkeypatch):
    monkeypatch.setattr(Looked, "times", 0)
    messages = [Message(topic="t", partition=0, offset=at, value=b"v", headers=Looked()) for at in range(100)]
    reader = static_reader(monkeypatch, Static(list(messages)), ours=False)
    (batch,) = reader.poll(1.0, 500)
    assert batch.headers is None
    once = Looked.times
    assert once >= 100
    assert [batch.record(at).headers for at in range(100)] == [[]] * 100
    assert Looked.times == once


class Shared(Static):
    """The library as a static member that takes part in rounds: what it was told to do, in order."""

    def __init__(self, *, listed: Callable[[], object] | None = None) -> None:
        super().__init__(leaves=1)
        self.listed = listed
        self.assigned: list[list[Native]] = []

    def list_topics(self, timeout: float) -> object:
        assert timeout
        if self.listed is not None:
            self.listed()
        return SimpleNamespace(topics={"t": SimpleNamespace(topic="t", partitions={0: 0, 1: 1})})

    def subscribe(self, topics: list[str], **_: object) -> None:
        self.calls.append(f"subscribe {topics}")

    def assign(self, partitions: list[Native]) -> None:
        self.assigned.append(partitions)

    def resume(self, partitions: list[Native]) -> None: ...
    def unassign(self) -> None: ...


def takes_over(monkeypatch: pytest.MonkeyPatch, library: Shared, *topics: str) -> KafkaReader:
    reader = static_reader(monkeypatch, library)
    reader._on_assign(library, [Native(topic, 0) for topic in topics])  # type: ignore[arg-type]
    return reader


def test_a_place_for_other_topics_is_not_read_but_left_and_joined_anew(monkeypatch):
    library = Shared()
    reader = takes_over(monkeypatch, library, "t", "foreign")
    assert library.assigned == [[]]
    assert reader.assignment() == frozenset()
    reader.poll(0.0, 500)
    assert library.calls == ["unsubscribe", "poll", "subscribe ['t']"]
    reader.poll(0.0, 500)
    assert len(library.calls) == 3


def test_a_place_that_cannot_be_judged_is_kept_and_the_task_goes_on(monkeypatch, caplog):
    library = Shared()
    reader = takes_over(monkeypatch, library, "t")
    place = reader._inherited
    assert place is not None
    refused = ConnectError("not allowed")
    monkeypatch.setattr(type(place), "is_due", True)
    monkeypatch.setattr(place, "fits", lambda *_: (_ for _ in ()).throw(refused))
    reader.poll(0.0, 500)
    assert "not allowed" in caplog.text
    assert reader._inherited is None
    assert not library.calls


def test_partitions_that_cannot_be_looked_up_now_are_looked_up_again(monkeypatch):
    def fail() -> None:
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))

    library = Shared(listed=fail)
    reader = takes_over(monkeypatch, library, "foreign")
    reader.poll(0.0, 500)
    assert reader._inherited is not None
    assert not reader._inherited.is_due
    assert not library.calls


def test_a_member_with_a_place_of_its_own_looks_at_none():
    reader = KafkaReader({"bootstrap.servers": "127.0.0.1:1", "group.id": "g"})
    assert reader._inherited is None
    reader.close()
