"""Source offsets in a topic: what one worker writes the others find, under the bytes that Java would look for."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from linkspan.api.errors import ConnectError, RetriableError
from linkspan.worker import offset_topic
from linkspan.worker.offset_topic import TopicOffsetStore
from tests.log.memory_table import MemoryTable, MemoryTopic


async def started(topic: MemoryTopic) -> TopicOffsetStore:
    store = TopicOffsetStore(MemoryTable(topic))
    await store.start()
    return store


def test_an_offset_that_another_worker_wrote_is_found_without_being_told():
    async def story() -> None:
        topic = MemoryTopic(partitions=25)
        one, other = await started(topic), await started(topic)
        await one.set("c", [({"f": "a"}, {"p": 1}), ({"f": "b"}, {"p": 2})])
        assert await other.get("c", [{"f": "b"}, {"f": "a"}, {"f": "x"}]) == [{"p": 2}, {"p": 1}, None]
        await other.set("c", [({"f": "a"}, {"p": 7})])
        assert sorted(await one.all("c"), key=str) == [({"f": "a"}, {"p": 7}), ({"f": "b"}, {"p": 2})]
        assert await one.all("other") == []

    asyncio.run(story())


def test_a_key_that_java_wrote_is_found_by_its_meaning_and_keeps_its_bytes():
    async def story() -> None:
        topic = MemoryTopic(partitions=3)
        javas = b'["c",{"z":1,"a":"x"}]'
        topic.append(javas, b'{"position":4}')
        store = await started(topic)
        assert await store.get("c", [{"a": "x", "z": 1}]) == [{"position": 4}]
        await store.set("c", [({"a": "x", "z": 1}, {"position": 9})])
        assert topic.values() == {javas: b'{"position":9}'}

    asyncio.run(story())


def test_partition_that_is_written_again_before_it_was_read_keeps_its_first_bytes():
    async def story() -> None:
        topic = MemoryTopic()
        store = await started(topic)
        await store.set("c", [({"a": 1, "b": 2}, {"p": 1})])
        await store.set("c", [({"b": 2, "a": 1}, {"p": 2})])
        assert topic.values() == {b'["c",{"a":1,"b":2}]': b'{"p":2}'}

    asyncio.run(story())


def test_of_two_spellings_of_a_key_the_younger_counts_and_both_are_forgotten_together():
    async def story() -> None:
        topic = MemoryTopic(partitions=25)
        young, old = b'["c",{"a":1,"b":2}]', b'["c",{"b":2,"a":1}]'
        topic.append(young, b'{"p":2}', timestamp=200)
        topic.append(old, b'{"p":1}', timestamp=100)
        store = await started(topic)
        assert await store.all("c") == [({"a": 1, "b": 2}, {"p": 2})]
        await store.set("c", [({"a": 1, "b": 2}, None)])
        assert topic.values() == {young: None, old: None}
        topic.compact()
        again = await started(topic)
        assert await again.get("c", [{"a": 1, "b": 2}]) == [None]

    asyncio.run(story())


def test_a_forgotten_partition_has_no_offset_anywhere():
    async def story() -> None:
        topic = MemoryTopic()
        one, other = await started(topic), await started(topic)
        await one.set("c", [({"f": 1}, {"p": 1}), ({"f": 2}, {"p": 2})])
        await other.set("c", [({"f": 1}, None)])
        assert await one.get("c", [{"f": 1}]) == [None]
        assert await one.all("c") == [({"f": 2}, {"p": 2})]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("partition", "offset", "key", "value"),
    [
        ({"k": b"\xff\x00"}, {"v": b"abc"}, '["c",{"k":"/wA="}]', '{"v":"YWJj"}'),
        ({"k": 'ä/"\\'}, {"v": "\x00\x0b\x1f\b\n"}, '["c",{"k":"ä/\\"\\\\"}]', '{"v":"\\u0000\\u000B\\u001F\\b\\n"}'),
        ({"k": "\\u000b"}, {"v": "😀"}, '["c",{"k":"\\\\u000b"}]', '{"v":"\\uD83D\\uDE00"}'),
        ({"k": 1e10}, {"v": float("nan"), "w": -0.5}, '["c",{"k":1.0E10}]', '{"v":"NaN","w":-0.5}'),
        ({"k": None, "l": True}, {"v": -(2**63)}, '["c",{"k":null,"l":true}]', '{"v":-9223372036854775808}'),
        ({}, {}, '["c",{}]', "{}"),
    ],
)
def test_offsets_are_written_as_java_writes_them_and_found_again(partition, offset, key, value):
    async def story() -> None:
        topic = MemoryTopic()
        store = await started(topic)
        await store.set("c", [(partition, offset)])
        assert topic.values() == {key.encode(): value.encode()}
        assert await store.get("c", [partition]) == [orjson.loads(value)]

    asyncio.run(story())


@pytest.mark.parametrize("bad", [{"p": [1]}, {"p": {"q": 1}}, {1: 2}, {"p": 2**63}, {"p": "\ud800"}, [1]])
def test_what_cannot_be_stored_is_refused_and_nothing_is_written(bad):
    async def story() -> None:
        topic = MemoryTopic()
        store = await started(topic)
        for offset in ((bad, {"p": 1}), ({"f": 1}, bad)):
            with pytest.raises(ConnectError, match="Source"):
                await store.set("c", [({"f": 0}, {"p": 0}), offset])
        assert topic.values() == {}

    asyncio.run(story())


NESTED = b'["c",{"f":' + b"[" * 300 + b"]" * 300 + b"}]"


@pytest.mark.parametrize(
    "key", [b"text", b'["c"]', b'["c",[1]]', b'[1,{"f":1}]', b'{"c":{}}', b'["c",null]', NESTED, None]
)
def test_an_entry_with_a_foreign_key_is_left_out_with_a_warning(key, caplog):
    async def story() -> None:
        topic = MemoryTopic()
        topic.append(key, b'{"p":1}')
        topic.append(b'["c",{"f":1}]', b'{"p":2}')
        store = await started(topic)
        assert await store.all("c") == [({"f": 1}, {"p": 2})]

    asyncio.run(story())
    assert "Left out an entry of the offset topic" in caplog.text


def test_an_offset_that_is_no_object_counts_as_none_and_is_told(caplog):
    async def story() -> None:
        topic = MemoryTopic()
        topic.append(b'["c",{"f":1}]', b"broken")
        store = await started(topic)
        assert await store.get("c", [{"f": 1}]) == [None]

    asyncio.run(story())
    assert "is not a JSON object and counts as none" in caplog.text


def test_partition_that_cannot_be_stored_has_no_offset(caplog):
    async def story() -> None:
        store = await started(MemoryTopic())
        assert await store.get("c", [{"f": [1]}, {"f": 1}]) == [None, None]

    asyncio.run(story())
    assert "may only hold primitive values, but 'f' holds a list" in caplog.text


def test_reading_waits_for_a_log_that_is_away_instead_of_finding_no_offset():
    async def story() -> None:
        topic = MemoryTopic()
        store = await started(topic)
        await store.set("c", [({"f": 1}, {"p": 1})])
        topic.set_down(down=True)
        asking = asyncio.create_task(store.get("c", [{"f": 1}]))
        await topic.missed.wait()
        assert not asking.done()
        topic.set_down(down=False)
        assert await asking == [{"p": 1}]

    asyncio.run(story())


def test_a_user_who_asks_while_the_log_is_away_is_told_so_and_does_not_wait_for_ever(monkeypatch):
    async def story() -> None:
        topic = MemoryTopic()
        store = await started(topic)
        topic.set_down(down=True)
        with pytest.raises(RetriableError, match="took longer"):
            await store.all("c")

    monkeypatch.setattr(offset_topic, "_READ_SECONDS", 0.01)
    asyncio.run(story())


def test_whoever_waits_when_the_store_stops_is_told():
    async def story() -> None:
        topic = MemoryTopic()
        store = await started(topic)
        topic.set_down(down=True)
        asking = asyncio.create_task(store.get("c", [{"f": 1}]))
        await topic.missed.wait()
        await store.stop()
        with pytest.raises(RetriableError, match="closed"):
            await asking

    asyncio.run(story())


def test_a_write_that_fails_says_so_and_the_next_one_counts():
    async def story() -> None:
        topic = MemoryTopic()
        store = await started(topic)
        topic.refusal = RetriableError("not enough replicas")
        with pytest.raises(RetriableError, match="not enough replicas"):
            await store.set("c", [({"f": 1}, {"p": 1})])
        topic.refusal = None
        assert await store.get("c", [{"f": 1}]) == [None]
        await store.set("c", [({"f": 1}, {"p": 2})])
        assert await store.get("c", [{"f": 1}]) == [{"p": 2}]

    asyncio.run(story())
