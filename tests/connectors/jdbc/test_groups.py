from __future__ import annotations

from linkspan.api import Schema, SinkRecord, schema
from linkspan.api.records import SinkRecords
from linkspan.api.schema import Type
from linkspan_connectors.jdbc.groups import grouped
from linkspan_connectors.jdbc.identifiers import TableId

ONE = Schema(Type.STRUCT, fields={"a": schema.INT32})
OTHER = Schema(Type.STRUCT, fields={"b": schema.INT32})


def table_of(topic: str) -> TableId:
    return TableId(None, None, topic)


def groups(*records: SinkRecord, with_coordinates: bool = False):
    return grouped(SinkRecords(records), table_of, with_coordinates=with_coordinates)


def test_records_of_one_table_and_pair_of_schemas_are_one_group():
    found = groups(SinkRecord("t", 0, 0, {"a": 1}, ONE, key=1), SinkRecord("t", 0, 1, {"a": 2}, ONE, key=2))
    assert [(group.places, group.keys, group.values) for group in found] == [([0, 1], [1, 2], [{"a": 1}, {"a": 2}])]
    assert found[0].topics == []


def test_records_are_sorted_by_table_schemas_and_whether_they_have_a_value():
    found = groups(
        SinkRecord("t", 0, 0, {"a": 1}, ONE),
        SinkRecord("t", 0, 1, {"b": 1}, OTHER),
        SinkRecord("u", 0, 0, {"a": 1}, ONE),
        SinkRecord("t", 0, 2, {"a": 2}, ONE),
        SinkRecord("t", 0, 3, None, ONE),
        SinkRecord("t", 0, 4, None, None),
        SinkRecord("t", 0, 5, {"a": 2}, ONE, key=1, key_schema=schema.INT32),
    )
    assert [(group.table.name, group.places) for group in found] == [
        ("t", [0, 3]),
        ("t", [1]),
        ("u", [2]),
        ("t", [4, 5]),
        ("t", [6]),
    ]
    assert [group.kind[3] for group in found] == [True, True, True, False, True]


def test_schemas_that_are_equal_are_one_whatever_object_they_are():
    twin = Schema(Type.STRUCT, fields={"a": schema.INT32})
    assert len(groups(SinkRecord("t", 0, 0, {"a": 1}, ONE), SinkRecord("t", 0, 1, {"a": 2}, twin))) == 1


def test_coordinates_are_those_that_transforms_left():
    record = SinkRecord("t", 3, 7, {"a": 1}, ONE)
    record.topic = "renamed"
    (group,) = groups(record, with_coordinates=True)
    assert (group.topics, group.partitions, group.offsets) == (["renamed"], [3], [7])
