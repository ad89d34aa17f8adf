from __future__ import annotations

from linkspan.api import Headers, SinkRecord, SourceBatch, SourceRecord, schema
from linkspan.api.records import SinkRecords


def batch() -> SourceBatch:
    return SourceBatch(
        {"file": "a"},
        [{"position": 2}, {"position": 4}, {"position": 6}],
        "t",
        ["x", "y", "z"],
        schema.STRING,
        keys=[1, 2, 3],
        key_schema=schema.INT32,
        timestamps=[10, 20, 30],
    )


def test_source_batch_makes_the_records_it_is_asked_for():
    record = batch()[1]
    assert (record.topic, record.key, record.value, record.timestamp) == ("t", 2, "y", 20)
    assert record.source_offset == {"position": 4}
    assert record.value_schema is schema.STRING
    assert [item.value for item in batch()] == ["x", "y", "z"]
    assert batch()[-1].value == "z"
    assert [item.value for item in batch()[1:]] == ["y", "z"]


def test_sink_record_keeps_the_coordinates_it_was_read_from():
    record = SinkRecord("t", 3, 7, "v")
    record.topic = "renamed"
    assert (record.original_topic, record.original_partition, record.original_offset) == ("t", 3, 7)


def test_sink_records_share_a_schema_only_when_all_have_it():
    plain, typed = SinkRecord("t", 0, 0, "v"), SinkRecord("t", 0, 1, "w", schema.STRING)
    assert SinkRecords([plain, typed]).value_schema is None
    assert SinkRecords([typed, typed]).value_schema is schema.STRING
    assert SinkRecords([plain, typed]).values == ["v", "w"]


def test_columns_of_sink_records_are_cut_where_the_topic_changes():
    first, second = SinkRecord("t", 0, 0, "v", timestamp=5), SinkRecord("t", 1, 9, "w", schema.STRING, key="k")
    third = SinkRecord("u", 2, 3, "x")
    one, two = SinkRecords([first, second, third]).columns
    assert (one.topic, list(one.values.values), list(one.keys.values)) == ("t", ["v", "w"], [None, "k"])
    assert one.values.schemas == [None, schema.STRING]
    assert one.keys.schema is None
    assert (list(one.partitions), list(one.offsets), list(one.timestamps)) == ([0, 1], [0, 9], [5, None])
    assert (two.topic, list(two.copy().values.values)) == ("u", ["x"])
    assert (list(one.without([0]).values.values), one.without([0]).values.schema) == (["w"], schema.STRING)


def test_headers_of_one_name_may_repeat_and_the_last_one_is_found():
    headers = Headers()
    headers.add("a", 1)
    headers.add("b", 2)
    headers.add("a", 3)
    assert headers.last("a").value == 3
    assert [header.value for header in headers.all("a")] == [1, 3]
    assert [header.key for header in headers.drop(["a"])] == ["b"]
    assert headers.last("c") is None


def test_a_copy_has_all_that_the_record_has_and_can_be_changed():
    sunk = SinkRecord("t", 1, 7, {"a": 1}, schema.STRING, key="k", timestamp=5, headers=Headers())
    sunk.topic = "u"
    made = SourceRecord({"p": 1}, {"o": 2}, "t", "v", schema.STRING, key=1, key_schema=schema.INT32, partition=3)
    for record in (sunk, made):
        twin = record.copy()
        assert type(twin) is type(record)
        assert all(getattr(twin, name) is getattr(record, name) for name in type(record).__slots__)
        twin.topic, twin.value = "other", None
        assert (record.topic, record.value is None) != (twin.topic, True)
