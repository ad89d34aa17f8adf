"""Source offsets: found by what keys mean, written with the bytes that Java wrote."""

from __future__ import annotations

import asyncio

import pytest

from linkspan.api.errors import ConfigError, ConnectError, RetriableError
from linkspan.api.records import TopicPartition
from linkspan.worker import offset_file, sink_offsets
from linkspan.worker.offsets import FileOffsetStore


def stored(path) -> dict[bytes, bytes | None]:
    return dict(offset_file.load(path))


def test_a_key_is_found_by_decoded_equality_and_keeps_its_bytes(tmp_path):
    path = tmp_path / "offsets"
    javas = b'["c",{"z":1,"a":"x"}]'
    offset_file.save(path, {javas: b'{"position":4}'})

    async def story() -> None:
        store = FileOffsetStore(str(path))
        await store.start()
        assert await store.get("c", [{"a": "x", "z": 1}, {"a": "y"}]) == [{"position": 4}, None]
        await store.set("c", [({"a": "x", "z": 1}, {"position": 9})])
        await store.stop()

    asyncio.run(story())
    assert stored(path) == {javas: b'{"position":9}'}


def test_a_forgotten_partition_keeps_its_key_and_is_not_listed(tmp_path):
    path = tmp_path / "offsets"

    async def story() -> None:
        store = FileOffsetStore(str(path))
        await store.start()
        await store.set("c", [({"f": "a"}, {"p": 1}), ({"f": "b"}, {"p": 2})])
        await store.set("other", [({"f": "a"}, {"p": 3})])
        await store.set("c", [({"f": "a"}, None)])
        assert await store.all("c") == [({"f": "b"}, {"p": 2})]

    asyncio.run(story())
    assert stored(path)[b'["c",{"f":"a"}]'] is None


def test_many_tasks_may_commit_at_once(tmp_path):
    path = tmp_path / "offsets"

    async def story() -> None:
        store = FileOffsetStore(str(path))
        await store.start()
        await asyncio.gather(*(store.set(f"c{n}", [({"f": n}, {"p": n})]) for n in range(200)))

    asyncio.run(story())
    assert len(stored(path)) == 200


@pytest.mark.parametrize("name", ["offsets", "gone/offsets"])
def test_a_missing_folder_is_named_at_the_start(tmp_path, caplog, name):
    async def story() -> None:
        store = FileOffsetStore(str(tmp_path / name))
        await store.start()
        await store.stop()

    asyncio.run(story())
    said = f"there is no folder {tmp_path / 'gone'}, so offsets of source connectors cannot be stored"
    assert (said in caplog.text) is (name == "gone/offsets")


def test_a_file_that_cannot_be_written_is_a_passing_error_and_changes_nothing(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async def story() -> None:
        store = FileOffsetStore(str(tmp_path / "offsets"))
        await store.start()
        with monkeypatch.context() as patch:
            patch.setattr(offset_file, "save", refuse)
            with pytest.raises(RetriableError, match="No space left"):
                await store.set("c", [({"f": 1}, {"p": 1})])
        assert await store.get("c", [{"f": 1}]) == [None]
        await store.set("c", [({"f": 1}, {"p": 1})])
        assert await store.get("c", [{"f": 1}]) == [{"p": 1}]

    asyncio.run(story())


@pytest.mark.parametrize("offset", [{"p": [1]}, {"p": {"q": 1}}, {1: 2}])
def test_only_flat_maps_of_primitives_are_stored(tmp_path, offset):
    async def story() -> None:
        store = FileOffsetStore(str(tmp_path / "offsets"))
        await store.start()
        with pytest.raises(ConnectError, match="Source offsets may only"):
            await store.set("c", [({"f": 1}, offset)])

    asyncio.run(story())


def test_sink_offsets_of_a_request_are_read_as_kafka_reads_them():
    def entry(topic: object, partition: object, offset: object) -> dict[str, object]:
        return {"partition": {"kafka_topic": topic, "kafka_partition": partition}, "offset": offset}

    parsed = sink_offsets.parse(
        [entry("t", 0, {"kafka_offset": 1}), entry("t", "1", {"kafka_offset": "7"}), entry("t", 0, None)]
    )
    assert parsed == {TopicPartition("t", 0): None, TopicPartition("t", 1): 7}


@pytest.mark.parametrize(
    ("partition", "offset", "said"),
    [
        (None, None, "cannot be null or missing"),
        ({"kafka_topic": "t"}, None, "must contain the keys 'kafka_topic' and 'kafka_partition'"),
        ({"kafka_topic": None, "kafka_partition": 0}, None, "Kafka topic names must be valid strings"),
        ({"kafka_topic": "t", "kafka_partition": None}, None, "Kafka partitions must be valid numbers"),
        ({"kafka_topic": "t", "kafka_partition": "x"}, None, "Kafka partition value in the provided offsets: 'x'"),
        ({"kafka_topic": "t", "kafka_partition": 1.5}, None, "Kafka partition value in the provided offsets: '1.5'"),
        ({"kafka_topic": "t", "kafka_partition": 0}, {}, "either be null or contain the key 'kafka_offset'"),
        ({"kafka_topic": "t", "kafka_partition": 0}, {"kafka_offset": "x"}, "Kafka offset value"),
        ({"kafka_topic": "t", "kafka_partition": 0}, {"kafka_offset": -1}, "may not be negative, but that of t-0"),
        ({"kafka_topic": "t", "kafka_partition": -1}, {"kafka_offset": 1}, "may not be negative, but one of t is -1"),
        ({"kafka_topic": "", "kafka_partition": 0}, {"kafka_offset": 1}, "'' cannot be the name of a topic"),
        ({"kafka_topic": "a\0b", "kafka_partition": 0}, None, "cannot be the name of a topic"),
    ],
)
def test_malformed_sink_offsets_are_the_callers_mistake(partition, offset, said):
    with pytest.raises(ConfigError, match=said):
        sink_offsets.parse([{"partition": partition, "offset": offset}])
