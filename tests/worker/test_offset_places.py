"""Offsets of a source in a topic of its own, over the worker's store (spec/runtime.md 2.5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import pytest

from linkspan.api.errors import ConnectError, RetriableError
from linkspan.worker import clients
from linkspan.worker.offset_places import LayeredOffsetStore, OffsetPlaces
from linkspan.worker.offset_topic import TopicOffsetStore
from tests.log.memory_table import MemoryTable, MemoryTopic

WORKER = {"bootstrap.servers": "b:1,a:1", "offset.storage.topic": "offsets", "offset.storage.partitions": "7"}
OWN = {"offsets.storage.topic": "mine"}
A, B = {"file": "a"}, {"file": "b"}
KEY_A, KEY_B = b'["c",{"file":"a"}]', b'["c",{"file":"b"}]'


class Tables:
    """A log of tables in memory, by topic."""

    def __init__(self) -> None:
        self.topics: dict[str, MemoryTopic] = {}
        self.asked: list[tuple[Any, dict[str, Any]]] = []

    def table(self, settings: Mapping[str, str], spec: Any, **more: Any) -> MemoryTable:
        assert settings == {}
        self.asked.append((spec, more))
        return MemoryTable(self.topics.setdefault(spec.name, MemoryTopic(spec.name)))


class Story:
    def __init__(self, write_once: Any = None) -> None:
        self.log = Tables()
        self.worker_topic = MemoryTopic("offsets")
        self.worker = TopicOffsetStore(MemoryTable(self.worker_topic))
        self.places = OffsetPlaces(WORKER, self.log, self.worker, write_once)  # type: ignore[arg-type]

    @property
    def own_topic(self) -> MemoryTopic:
        return self.log.topics["mine"]


def run(story: Callable[[Story], Awaitable[None]], write_once: Any = None) -> None:
    async def whole() -> None:
        told = Story(write_once)
        await told.worker.start()
        await story(told)
        await told.places.close()
        await told.worker.stop()

    asyncio.run(whole())


def test_a_source_without_a_topic_of_its_own_has_the_workers_store() -> None:
    async def story(told: Story) -> None:
        async with told.places.of("c", {}) as store:
            assert store is told.worker
        async with told.places.of("c", {"offsets.storage.topic": "offsets"}) as store:
            assert store is told.worker, "the same topic under the same brokers"

    run(story)


@pytest.mark.parametrize(
    ("config", "exactly_once", "topic"),
    [
        ({}, False, None),
        ({}, True, None),
        (OWN, False, "mine"),
        (OWN, True, "mine"),
        ({"producer.override.bootstrap.servers": "a:1, b:1"}, True, None),
        ({"producer.override.bootstrap.servers": "z:1"}, False, None),
        ({"producer.override.bootstrap.servers": "z:1"}, True, "offsets"),
        ({"producer.override.bootstrap.servers": "z:1", "offsets.storage.topic": "offsets"}, False, "offsets"),
    ],
)
def test_where_offsets_go_depends_on_topic_and_cluster(
    config: dict[str, str], exactly_once: bool, topic: str | None
) -> None:
    assert clients.own_offset_topic(WORKER, config, "c", exactly_once=exactly_once) == topic


def test_what_may_be_the_same_topic_under_another_address_gets_no_copies() -> None:
    assert clients.copies_offsets(WORKER, OWN)
    assert not clients.copies_offsets(WORKER, {})
    assert not clients.copies_offsets(WORKER, {"producer.override.bootstrap.servers": "z:1"})


def test_the_topic_of_a_source_is_made_like_the_workers_and_read_by_its_own_clients() -> None:
    async def story(told: Story) -> None:
        async with told.places.of("c", {**OWN, "consumer.override.isolation.level": "read_uncommitted"}):
            pass
        ((spec, more),) = told.log.asked
        assert (spec.name, spec.partitions, spec.replication_factor) == ("mine", 7, 3)
        assert (more["key"], more["read_committed"]) == ("offsets.storage.topic", False)
        assert more["clients"]["consumer"]["isolation.level"] == "read_uncommitted"
        assert more["clients"]["producer"]["client.id"] == "connector-producer-c"
        assert more["clients"]["admin"]["client.id"] == "connector-adminclient-c"

    run(story)


def test_an_exactly_once_source_reads_committed_offsets_whatever_it_says() -> None:
    async def story(told: Story) -> None:
        async with told.places.of("c", {**OWN, "consumer.override.isolation.level": "read_uncommitted"}):
            pass
        ((_, more),) = told.log.asked
        assert more["read_committed"] is True
        assert more["clients"]["consumer"]["isolation.level"] == "read_committed"

    async def refuse(*_: object) -> None:
        raise AssertionError

    run(story, refuse)


def test_the_topic_of_a_source_counts_and_the_workers_store_fills_in() -> None:
    async def story(told: Story) -> None:
        await told.worker.set("c", [(A, {"at": 1}), (B, {"at": 1})])
        async with told.places.of("c", OWN) as store:
            await store.set("c", [(A, {"at": 2})])
            assert await store.get("c", [A, B]) == [{"at": 2}, {"at": 1}]
            assert sorted(await store.all("c"), key=str) == [(A, {"at": 2}), (B, {"at": 1})]
        assert told.own_topic.values() == {KEY_A: b'{"at":2}'}
        assert told.worker_topic.values()[KEY_A] == b'{"at":2}', "the copy"

    run(story)


def test_what_is_forgotten_is_so_in_the_workers_store_first() -> None:
    async def story(told: Story) -> None:
        await told.worker.set("c", [(A, {"at": 1})])
        async with told.places.of("c", OWN) as store:
            told.worker_topic.refusal = ConnectError("no")
            with pytest.raises(ConnectError):
                await store.set("c", [(A, None), (B, {"at": 5})])
            assert told.own_topic.values() == {}
            told.worker_topic.refusal = None
            await store.set("c", [(A, None), (B, {"at": 5})])
            assert await store.get("c", [A, B]) == [None, {"at": 5}]

    run(story)


def test_a_copy_that_fails_is_only_a_copy(caplog: pytest.LogCaptureFixture) -> None:
    async def story(told: Story) -> None:
        async with told.places.of("c", OWN) as store:
            told.worker_topic.refusal = RetriableError("not now")
            await store.set("c", [(A, {"at": 2})])
            assert await store.get("c", [A]) == [{"at": 2}]
        assert "Failed to write offsets to secondary backing store (connector c)" in caplog.text

    run(story)


def test_keys_of_a_task_are_those_of_its_own_topic() -> None:
    async def story(told: Story) -> None:
        told.log.topics["mine"] = MemoryTopic("mine")
        told.own_topic.append(b'["c",{"b":1,"a":2}]', b"{}")
        async with told.places.of("c", OWN) as store:
            assert await store.keys("c", [{"a": 2, "b": 1}, {"a": 3}]) == [b'["c",{"b":1,"a":2}]', b'["c",{"a":3}]']

    run(story)


def test_offsets_of_an_exactly_once_source_are_written_in_one_transaction_and_copied() -> None:
    written: list[tuple[str, str, Sequence[tuple[bytes, bytes | None]]]] = []

    async def write_once(name: str, _: object, topic: str, records: Sequence[tuple[bytes, bytes | None]]) -> None:
        written.append((name, topic, list(records)))

    async def story(told: Story) -> None:
        async with told.places.of("c", OWN) as store:
            await store.set("c", [(A, {"at": 1}), (B, {"at": 2})])
        async with told.places.of("d", {}) as store:
            await store.set("d", [(A, {"at": 3})])
        assert written == [
            ("c", "mine", [(KEY_A, b'{"at":1}'), (KEY_B, b'{"at":2}')]),
            ("d", "offsets", [(b'["d",{"file":"a"}]', b'{"at":3}')]),
        ]
        assert told.worker_topic.values() == {KEY_A: b'{"at":1}', KEY_B: b'{"at":2}'}, "the copy, by the worker itself"
        await told.places.copy("c", OWN, [(A, {"at": 9})])
        assert told.worker_topic.values()[KEY_A] == b'{"at":9}'

    run(story, write_once)


def test_a_topic_that_cannot_be_opened_is_tried_again_by_the_next_one() -> None:
    async def story(told: Story) -> None:
        inner, told.log.table = told.log.table, _refuse  # type: ignore[method-assign]
        with pytest.raises(ConnectError, match="no such thing"):
            async with told.places.of("c", OWN):
                pass
        told.log.table = inner  # type: ignore[method-assign]
        async with told.places.of("c", OWN) as store:
            assert isinstance(store, LayeredOffsetStore)

    run(story)


def _refuse(*_: object, **__: object) -> MemoryTable:
    raise ConnectError("no such thing")


def test_what_a_user_sets_against_transactions_gives_way_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    config = {"producer.override.transactional.id": "x", "producer.override.enable.idempotence": "false"}
    settings = clients.transactional_producer(WORKER, config, "c", 3, "g")
    assert (settings["transactional.id"], settings["enable.idempotence"]) == ("g-c-3", "true")
    assert "'transactional.id' will be ignored as it is required to be 'g-c-3'" in caplog.text
    assert "'enable.idempotence' will be ignored" in caplog.text


def test_requests_of_a_transaction_are_in_flight_together_unless_a_user_says_otherwise() -> None:
    name = "max.in.flight.requests.per.connection"
    assert clients.producer_settings(WORKER, {}, "c", 0)[name] == "1"
    assert clients.transactional_producer(WORKER, {}, "c", 0, "g")[name] == "5"
    assert clients.transactional_producer(WORKER, {f"producer.override.{name}": "1"}, "c", 0, "g")[name] == "1"
    assert clients.transactional_producer({**WORKER, f"producer.{name}": "2"}, {}, "c", 0, "g")[name] == "2"
