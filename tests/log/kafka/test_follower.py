"""The thread that reads a table goes on after what nobody expected; what its client is told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from linkspan.api.errors import ConnectError
from linkspan.log.kafka import follower
from linkspan.log.kafka.follower import Follower
from linkspan.log.kafka.table import KafkaTable
from linkspan.log.port import TableRecord


class Record:
    """As the library gives it."""

    def error(self) -> None: ...

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 4

    def key(self) -> bytes:
        return b"k"

    def value(self) -> bytes:
        return b"v"

    def timestamp(self) -> tuple[int, int]:
        return (1, 5)


class Client:
    """A consumer whose first answer is a defect."""

    def __init__(self) -> None:
        self.answers: list[Any] = [TypeError("a defect"), [Record()], []]
        self.contact = self
        self.client = self
        self.closed = False

    def consume(self, *_: object) -> list[Record]:
        answer = self.answers.pop(0) if self.answers else []
        if isinstance(answer, Exception):
            raise answer
        return answer

    def poll(self, *_: object) -> None: ...

    def check(self) -> None: ...

    def assign(self, _: object) -> None: ...

    def close(self) -> None:
        self.closed = True


class Listener:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.records: list[TableRecord] = []
        self.over: ConnectError | None = None
        self.something = asyncio.Event()

    def prepared(self, partitions: int) -> None: ...

    def read(self, records: Sequence[TableRecord], _: Mapping[int, int]) -> None:
        self.records += records
        self.something.set()

    def troubled(self, error: ConnectError) -> None: ...

    def ended(self, error: ConnectError | None) -> None:
        self.over = error


def test_reading_goes_on_after_what_nobody_expected(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monkeypatch.setattr(follower, "_AGAIN_SECONDS", 0.01)

    async def story() -> None:
        listener, client = Listener(), Client()
        thread = Follower(asyncio.get_running_loop(), listener, "t", client)  # type: ignore[arg-type] # has poll
        thread.start(client, lambda _: 1)  # type: ignore[arg-type] # a client that is its own contact
        async with asyncio.timeout(60):
            await listener.something.wait()
        await thread.stop()
        assert [record.key for record in listener.records] == [b"k"]
        assert client.closed

    asyncio.run(story())
    assert "Reading topic t failed; going on" in caplog.text


def test_records_that_cannot_be_taken_in_are_behind_the_reader_all_the_same(caplog: Any) -> None:
    def fail(_: Sequence[TableRecord]) -> None:
        raise TypeError("a defect")

    async def story() -> None:
        table = KafkaTable.__new__(KafkaTable)
        table._closed, table._take, table._topic = False, fail, "t"
        table._positions, table._moved = {}, asyncio.Event()
        table.read([TableRecord(b"k", b"v", 0, 4, 5)], {0: 5})
        assert table._positions == {0: 5}
        assert table._moved.is_set()

    asyncio.run(story())
    assert "Records of topic t up to {0: 5} were not taken in" in caplog.text


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Settings that clients were opened with."""
    seen: list[dict[str, object]] = []
    monkeypatch.setattr(follower, "opened", lambda _kind, _client, settings, _more: seen.append(settings.native))
    return seen


def test_a_start_does_not_wait_for_the_second_connection_unless_its_user_wants_it(told):
    brokers = {"bootstrap.servers": "127.0.0.1:1"}
    follower.open_consumer(brokers, "127.0.0.1:1")
    follower.open_consumer({**brokers, "reconnect.backoff.ms": "700"}, "127.0.0.1:1")
    assert [str(native["reconnect.backoff.ms"]) for native in told] == ["50", "700"]


def test_everything_is_read_from_the_beginning_whatever_its_user_wants(told):
    follower.open_consumer({"bootstrap.servers": "127.0.0.1:1", "auto.offset.reset": "latest"}, "127.0.0.1:1")
    assert told[0]["auto.offset.reset"] == "earliest"
