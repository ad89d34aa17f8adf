"""Kafka's transforms in the chain of a sink: in columns while all goes well, record by record to find a culprit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from linkspan.config.definition import load
from linkspan.convert.header import SimpleHeaderConverter
from linkspan.convert.json import JsonConverter, JsonConverterConfig
from linkspan.convert.string import StringConverter
from linkspan.task.batches import ReadBatch, RecordBatch
from linkspan.task.chain import Chain, Step
from linkspan.task.conversion import Converters
from linkspan.task.sink_conversion import SinkConversion
from linkspan.task.tolerance import ErrorPolicy, Failure, Stage, Tolerance
from tests.task.memory_log import MemoryBatch
from tests.transforms.replay import CLASSES

PACKAGE = "org.apache.kafka.connect.transforms."


class Reports:
    def __init__(self) -> None:
        self.failures: list[Failure] = []

    def report(self, failures: Sequence[Failure]) -> None:
        self.failures += failures


def made(name: str, **config: str) -> Any:
    plugin = CLASSES[PACKAGE + name]()
    plugin.config = load(plugin.config_class, {key.replace("_", "."): value for key, value in config.items()})
    plugin.configure()
    return plugin


def converted(values: list[object], *steps: Step, topic: str = "t") -> tuple[Any, Reports]:
    value = JsonConverter()
    value.configure(load(JsonConverterConfig, {"converter.type": "value", "schemas.enable": "false"}), is_key=False)
    reports = Reports()
    tolerance = Tolerance(ErrorPolicy(tolerate_all=True), [reports], lambda _: False)
    converters = Converters(StringConverter(), value, SimpleHeaderConverter())
    payloads = [None if item is None else json.dumps(item).encode() for item in values]
    rows = [(0, offset, None, payload, 1000 + offset, []) for offset, payload in enumerate(payloads)]
    return SinkConversion(converters, tolerance, Chain(steps, tolerance)).convert(MemoryBatch(topic, rows)), reports


def test_a_whole_batch_is_changed_in_columns():
    batch, _ = converted(
        [{"a": 1}, None, {"a": 2}],
        Step(made("InsertField$Value", topic_field="t", offset_field="o", timestamp_field="ts")),
        Step(made("ReplaceField$Value", renames="a:b")),
        Step(made("RegexRouter", regex="(.*)", replacement="x-$1")),
    )
    assert isinstance(batch, ReadBatch)
    assert list(batch.values) == [
        {"b": 1, "t": "t", "o": 0, "ts": 1000},
        None,
        {"b": 2, "t": "t", "o": 2, "ts": 1002},
    ]
    assert [(record.topic, record.original_topic, record.offset) for record in batch] == [
        ("x-t", "t", 0),
        ("x-t", "t", 1),
        ("x-t", "t", 2),
    ]


def test_only_the_record_at_fault_is_left_out_and_reported():
    batch, reports = converted([{"a": "1"}, {"a": "x"}, {"a": "3"}], Step(made("Cast$Value", spec="a:int32")))
    assert list(batch.values) == [{"a": 1}, {"a": 3}]
    assert [(failure.stage, failure.executing, failure.subject.offset) for failure in reports.failures] == [
        (Stage.TRANSFORMATION, f"{PACKAGE}Cast$Value", 1)
    ]


@pytest.mark.parametrize(("values", "left"), [([{"a": 1}, None], [{"a": 1}]), ([None, None], []), ([{}, {}], [{}, {}])])
def test_tombstones_are_filtered_whether_all_are_some_or_none(values, left):
    batch, _ = converted(values, Step(made("Filter"), made("predicates.RecordIsTombstone")))
    assert list(batch.values) == left


def test_a_negated_predicate_chooses_the_others():
    step = Step(made("Filter"), made("predicates.TopicNameMatches", pattern="t"), negate=True)
    assert len(converted([{"a": 1}], step)[0]) == 1
    assert len(converted([{"a": 1}], step, topic="u")[0]) == 0


def test_what_takes_one_record_at_a_time_gets_records():
    batch, _ = converted([{"a": 1}, {"a": 2}], Step(made("TimestampRouter", timestamp_format="S")))
    assert isinstance(batch, RecordBatch)
    assert [record.topic for record in batch] == ["t-0", "t-1"]
