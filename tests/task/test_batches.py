from __future__ import annotations

import pytest

from linkspan.api.records import Column, TopicPartition
from linkspan.api.schema import Schema, Type
from linkspan.task.batches import JoinedBatch, ReadBatch, RecordBatch
from tests.task.memory_log import MemoryBatch


def read(topic, values, schema=None):
    fetched = MemoryBatch(topic, [(0, index, None, b"", -1 if index else 5, []) for index in range(len(values))])
    return ReadBatch(fetched, Column([None] * len(values)), Column(values, schema))


def test_columns_are_taken_without_making_records():
    values = ["a", "b"]
    batch = read("t", values)
    assert batch.values is values
    assert list(batch.keys) == [None, None]


def test_records_have_coordinates_and_no_timestamp_when_the_log_has_none():
    first, second = read("t", ["a", "b"])
    assert (first.topic, first.partition, first.offset, first.timestamp) == ("t", 0, 0, 5)
    assert (second.offset, second.timestamp, second.original_offset) == (1, None, 1)


def test_a_batch_can_be_indexed_and_sliced():
    batch = read("t", ["a", "b", "c"])
    assert [record.value for record in batch[1:]] == ["b", "c"]
    assert batch[-1].value == "c"
    with pytest.raises(IndexError):
        batch[3]


def test_joined_batches_are_one_sequence():
    batch = JoinedBatch.of([read("t", ["a"]), RecordBatch(()), read("u", ["b", "c"])])
    assert len(batch) == 3
    assert list(batch.values) == ["a", "b", "c"]
    assert [record.topic for record in batch] == ["t", "u", "u"]
    assert batch[2].value == "c"
    assert [record.value for record in batch[:2]] == ["a", "b"]


def test_first_offsets_are_those_of_the_first_record_of_each_partition():
    rows = [(1, 7, None, b"", 5, []), (0, 3, None, b"", 5, []), (1, 9, None, b"", 5, []), (0, 4, None, b"", 5, [])]
    batch = ReadBatch(MemoryBatch("t", rows), Column([None] * 4), Column(["a", "b", "c", "d"]), topic="renamed")
    first = {TopicPartition("t", 1): 7, TopicPartition("t", 0): 3}
    assert batch.first_offsets == RecordBatch(list(batch)).first_offsets == first
    later = ReadBatch(MemoryBatch("t", [(1, 10, None, b"", 5, [])]), Column([None]), Column(["e"]))
    assert JoinedBatch.of([batch, later, read("u", ["f"])]).first_offsets == {**first, TopicPartition("u", 0): 0}
    assert RecordBatch(()).first_offsets == {}


def test_joined_batches_stay_flat_however_many_they_are():
    topics = [read(f"t{number}", [number]) for number in range(2000)]
    batch = RecordBatch(())
    for topic in topics:
        batch = JoinedBatch.of([batch, topic])
    assert list(batch.values) == list(range(2000))
    assert [record.value for record in batch] == list(range(2000))


def test_a_single_batch_stays_as_it_is():
    batch = read("t", ["a"])
    assert JoinedBatch.of([RecordBatch(()), batch]) is batch


def test_a_schema_is_shared_when_all_are_equal():
    text = Schema(Type.STRING)
    assert read("t", ["a"], text).value_schema is text
    mixed = ReadBatch(
        MemoryBatch("t", [(0, 0, None, b"", 0, [])]), Column([None]), Column(["a", 1], schemas=[text, None])
    )
    assert mixed.value_schema is None


def test_columns_of_what_was_read_are_those_that_were_converted():
    values = ["a", "b"]
    (columns,) = read("t", values).columns
    assert columns.topic == "t"
    assert columns.values.values is values
    assert (list(columns.partitions), list(columns.offsets)) == ([0, 0], [0, 1])


def test_columns_of_joined_batches_come_piece_by_piece():
    batch = JoinedBatch.of([read("t", ["a"]), read("u", ["b", "c"])])
    assert [(columns.topic, list(columns.values.values)) for columns in batch.columns] == [
        ("t", ["a"]),
        ("u", ["b", "c"]),
    ]
