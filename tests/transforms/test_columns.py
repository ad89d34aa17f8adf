"""What transforms do to many records at once is what they do to each."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkspan.api import Column, ConfigError, DataError, Headers, Predicate, RecordColumns, SinkRecord, UnsupportedError
from linkspan.api.records import left
from linkspan.api.transform import Transform
from tests.transforms.golden.cases import every
from tests.transforms.replay import CLASSES, parts, plugin, record_of

ABLE = [
    name
    for name, made in CLASSES.items()
    if (getattr(made, "apply_all", None) is not Transform.apply_all if issubclass(made, Transform) else True)
]


class Columns(RecordColumns):
    """Columns of records of a sink."""

    def __init__(self, records: Sequence[SinkRecord], *columns) -> None:
        super().__init__(*columns)
        self.records = records

    @property
    def partitions(self):
        return [record.partition for record in self.records]

    @property
    def offsets(self):
        return [record.offset for record in self.records]

    @property
    def timestamps(self):
        return [record.timestamp for record in self.records]

    def copy(self):
        return Columns(self.records, self.topic, self.keys, self.values, self.headers)

    def without(self, gone):
        headers = self.headers and left(self.headers, gone)
        return Columns(
            left(self.records, gone), self.topic, self.keys.without(gone), self.values.without(gone), headers
        )


def columns_of(records: Sequence[SinkRecord]) -> Columns:
    first = records[0]
    headers = [Headers(record.headers) for record in records] if first.headers else None
    keys = Column([record.key for record in records], first.key_schema)
    values = Column([record.value for record in records], first.value_schema)
    return Columns(records, first.topic, keys, values, headers)


Outcome = SinkRecord | Exception | None


def records_of(columns: RecordColumns | None, before: Sequence[SinkRecord]) -> list[Outcome]:
    if columns is None:
        return [None] * len(before)
    failures = {**columns.keys.failures, **columns.values.failures}
    changed: list[Outcome] = []
    for index, record in enumerate(before):
        if index in failures:
            changed.append(failures[index])
            continue
        twin = record.copy()
        twin.topic = columns.topic
        twin.key, twin.key_schema = columns.keys.values[index], columns.keys.schema_at(index)
        twin.value, twin.value_schema = columns.values.values[index], columns.values.schema_at(index)
        twin.headers = Headers() if columns.headers is None else columns.headers[index]
        changed.append(twin)
    return changed


def outcome(made: Transform, record: SinkRecord) -> Outcome:
    try:
        return made.apply(record)
    except DataError as error:
        return error


def seen(record: Outcome) -> str:
    return repr(parts(record)) if isinstance(record, SinkRecord) else f"{type(record).__name__} {record}"


@pytest.mark.parametrize("name", ABLE)
def test_many_at_once_become_what_each_becomes(name):
    compared = 0
    for case in every():
        if case["class"] != name:
            continue
        given = {"offset": 1, **case["record"]}
        batch = [record_of({**given, "offset": offset, "timestamp": 1000 + offset}) for offset in (5, 6, 7)]
        before = [seen(record) for record in batch]
        try:
            made = plugin(name, tuple(case["config"].items()))
            if isinstance(made, Predicate):
                assert [made.test_all(columns_of(batch))] * 3 == [made.test(record) for record in batch]
            else:
                at_once = records_of(made.apply_all(columns_of(batch)), batch)
                each = [outcome(made, record) for record in batch]
                assert list(map(seen, at_once)) == list(map(seen, each)), json.dumps(case)
        except (ConfigError, DataError, UnsupportedError):
            continue
        finally:
            assert list(map(seen, batch)) == before
        compared += 1
    assert compared


def test_what_fails_at_once_fails_for_one_at_least():
    for case in every():
        if case["class"] not in ABLE or issubclass(CLASSES[case["class"]], Predicate):
            continue
        record = record_of({**case["record"], "offset": 5})
        try:
            made = plugin(case["class"], tuple(case["config"].items()))
        except ConfigError:
            continue
        try:
            (found,) = records_of(made.apply_all(columns_of([record])), [record])
        except UnsupportedError:
            continue
        except DataError as error:
            found = error
        if isinstance(found, DataError):
            with pytest.raises(DataError):
                made.apply(record)


ITEMS = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.sampled_from(["1", "x", "true", "2.5"])
)
MAPS = st.dictionaries(st.sampled_from("abcd"), ITEMS, max_size=4)
SAME_KEYS = st.fixed_dictionaries({"a": ITEMS, "b": st.integers(0, 9), "c": st.floats(0, 1)})
CONFIGS = [
    *(
        ("Cast$Value", {"spec": f"a:{kind},b:{kind},c:{kind}"})
        for kind in ("int8", "int64", "float64", "boolean", "string")
    ),
    ("ReplaceField$Value", {"renames": "a:z,b:y"}),
    ("ReplaceField$Value", {"exclude": "a,b"}),
    ("ReplaceField$Value", {"renames": "a:z,b:z"}),
    ("ReplaceField$Value", {"include": "a"}),
    ("InsertField$Value", {"topic.field": "a", "offset.field": "d", "timestamp.field": "t"}),
    ("MaskField$Value", {"fields": "a,e"}),
]


@pytest.mark.parametrize(("name", "config"), CONFIGS)
@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.none() | MAPS, min_size=1, max_size=4) | st.lists(MAPS | SAME_KEYS, min_size=1, max_size=4))
def test_maps_of_all_kinds_become_at_once_what_each_becomes(name, config, values):
    made = plugin(f"org.apache.kafka.connect.transforms.{name}", tuple(config.items()))
    batch = [SinkRecord("t", 0, at, value, timestamp=at) for at, value in enumerate(values)]
    before = list(map(seen, batch))
    each = [outcome(made, record) for record in batch]
    try:
        at_once = records_of(made.apply_all(columns_of(batch)), batch)
    except DataError:
        assert any(isinstance(found, DataError) for found in each)
    else:
        assert list(map(seen, at_once)) == list(map(seen, each))
        values = [
            [list(found.value or ()) for found in made if isinstance(found, SinkRecord)] for made in (at_once, each)
        ]
        assert values[0] == values[1]
    assert list(map(seen, batch)) == before
