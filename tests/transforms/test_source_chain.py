"""Kafka's transforms in the chain of a source: in columns while all goes well, record by record otherwise."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

from linkspan.api import Headers, SourceBatch, SourceRecord
from linkspan.api.schema import STRING
from linkspan.config.definition import load
from linkspan.convert.header import SimpleHeaderConverter
from linkspan.convert.json import JsonConverter, JsonConverterConfig
from linkspan.convert.string import StringConverter
from linkspan.task.chain import Chain, Step
from linkspan.task.conversion import Converters
from linkspan.task.source_conversion import Prepared, SourceConversion
from linkspan.task.tolerance import ErrorPolicy, Tolerance
from tests.transforms.test_chain import Reports, made

ROUTE = {"regex": "(.*)", "replacement": "x-$1"}
AT = {"source": "s"}


class Spied(Chain):
    """Counts what is sent through record by record."""

    singles = 0

    def apply(self, record: Any, subject: Any) -> Any:
        self.singles += 1
        return super().apply(record, subject)


class Pipeline:
    def __init__(self, *steps: Step) -> None:
        value = JsonConverter()
        value.configure(load(JsonConverterConfig, {"converter.type": "value", "schemas.enable": "false"}), is_key=False)
        self.reports = Reports()
        tolerance = Tolerance(ErrorPolicy(tolerate_all=True), [self.reports], lambda _: False)
        self.chain = Spied(steps, tolerance)
        converters = Converters(StringConverter(), value, SimpleHeaderConverter())
        self.conversion = SourceConversion(converters, tolerance, self.chain)
        self.dropped: list[SourceRecord] = []
        self.conversion.on_drop = self.dropped.append

    def prepare(self, polled: Sequence[SourceRecord]) -> Prepared:
        return self.conversion.prepare(polled)


def record(position: int, value: object, topic: str = "t", **more: Any) -> SourceRecord:
    return SourceRecord(AT, {"position": position}, topic, value, **more)


def written(prepared: Prepared) -> list[tuple[str, list[bytes | None]]]:
    return [(part.batch.topic, list(part.batch.values)) for part in prepared.parts]


def test_a_poll_for_one_topic_is_changed_in_columns():
    headers = Headers()
    headers.add("h", "v", STRING)
    pipeline = Pipeline(
        Step(made("InsertField$Value", topic_field="t", timestamp_field="ts")), Step(made("RegexRouter", **ROUTE))
    )
    polled = [
        record(1, {"a": 1}, key="k", partition=3, timestamp=5, headers=headers),
        record(2, {"a": 2}),
        record(3, None),
    ]
    prepared = pipeline.prepare(polled)
    (part,) = prepared.parts
    assert pipeline.chain.singles == 0
    assert written(prepared) == [("x-t", [b'{"a":1,"t":"t","ts":5}', b'{"a":2,"t":"t"}', None])]
    assert (list(part.batch.keys), part.batch.partitions) == ([b"k", None, None], [3, None, None])
    assert (part.batch.timestamps, part.batch.headers) == ([5, None, None], [[("h", b"v")], None, None])
    assert prepared.positions == [(AT, {"position": 3})]
    assert part.records is polled


def test_a_batch_is_changed_in_columns_and_the_task_keeps_its_values():
    values = [{"a": 1}, {"a": 2}]
    batch = SourceBatch(AT, [{"position": 1}, {"position": 2}], "t", values, is_current=True)
    pipeline = Pipeline(Step(made("ReplaceField$Value", renames="a:b")))
    prepared = pipeline.prepare(batch)
    assert (pipeline.chain.singles, written(prepared)) == (0, [("t", [b'{"b":1}', b'{"b":2}'])])
    assert prepared.parts[0].batch.timestamps is None
    assert prepared.positions == [(AT, {"position": 2})]
    assert values == [{"a": 1}, {"a": 2}]


def test_records_of_now_go_with_the_time_that_a_transform_saw():
    batch = SourceBatch(AT, [{"position": 1}, {"position": 2}], "t", [{"a": 1}, {"a": 2}], is_current=True)
    before = int(time.time() * 1000)
    (part,) = Pipeline(Step(made("InsertField$Value", timestamp_field="ts"))).prepare(batch).parts
    moments = list(part.batch.timestamps)
    assert before <= moments[0] <= time.time() * 1000
    assert list(part.batch.values) == [f'{{"a":{at + 1},"ts":{moment}}}'.encode() for at, moment in enumerate(moments)]


def test_records_for_several_topics_keep_their_order_when_they_are_sent_to_one():
    pipeline = Pipeline(Step(made("RegexRouter", regex="[ab]", replacement="one")))
    prepared = pipeline.prepare([record(1, 1, "a"), record(2, 2, "b"), record(3, 3, "a")])
    assert written(prepared) == [("one", [b"1", b"2", b"3"])]
    assert pipeline.chain.singles == 3


def test_what_all_are_dropped_has_no_position():
    pipeline = Pipeline(Step(made("Filter"), made("predicates.TopicNameMatches", pattern="t")))
    polled = [record(1, {"a": 1}), record(2, {"a": 2})]
    assert [list(column) for column in pipeline.prepare(polled)] == [[], []]
    assert (pipeline.dropped, pipeline.conversion.dropped, pipeline.chain.singles) == (polled, 2, 0)


@pytest.mark.parametrize("as_batch", [False, True])
def test_only_the_record_at_fault_is_left_out_and_reported(as_batch):
    polled: Sequence[SourceRecord] = [record(at, {"a": text}) for at, text in enumerate(("1", "x", "3"))]
    if as_batch:
        offsets = [{"position": at} for at in range(3)]
        polled = SourceBatch(AT, offsets, "t", [item.value for item in polled])
    pipeline = Pipeline(Step(made("Cast$Value", spec="a:int32")))
    prepared = pipeline.prepare(polled)
    assert written(prepared) == [("t", [b'{"a":1}', b'{"a":3}'])]
    assert [failure.subject.origin.source_offset for failure in pipeline.reports.failures] == [{"position": 1}]
    assert [item.source_offset for item in pipeline.dropped] == [{"position": 1}]
    assert prepared.positions == [(AT, {"position": 2})]


def test_times_of_one_day_are_routed_in_columns_and_others_one_by_one():
    day = 86_400_000
    pipeline = Pipeline(Step(made("TimestampRouter")))
    prepared = pipeline.prepare([record(1, 1, timestamp=day), record(2, 2, timestamp=2 * day - 1)])
    assert (written(prepared), pipeline.chain.singles) == ([("t-19700102", [b"1", b"2"])], 0)
    prepared = pipeline.prepare([record(1, 1, timestamp=day - 1), record(2, 2, timestamp=day)])
    assert written(prepared) == [("t-19700101", [b"1"]), ("t-19700102", [b"2"])]
    assert pipeline.chain.singles == 2
    assert pipeline.prepare([record(1, 1), record(2, 2, timestamp=day)]).parts[0].batch.topic == "t-19700102"
    assert len(pipeline.reports.failures) == 1


@pytest.mark.parametrize(
    ("pattern", "grain"),
    [
        ("yyyyMMdd", 86_400_000),
        ("yyyy-MM-dd HH", 3_600_000),
        ("h a", 3_600_000),
        ("HH:mm", 60_000),
        ("ss", 1000),
        ("S", 1),
    ],
)
def test_times_are_written_alike_for_as_long_as_their_pattern_says(pattern, grain):
    router = made("TimestampRouter", timestamp_format=pattern, topic_format="${timestamp}")
    start = 1_700_000_000_000 // grain * grain
    topics = [router.apply(record(1, 1, timestamp=at)).topic for at in (start, start + grain - 1, start + grain)]
    fresh = made("TimestampRouter", timestamp_format=pattern, topic_format="${timestamp}")
    assert [fresh.apply(record(1, 1, timestamp=at)).topic for at in (start + grain, start + grain - 1)] == topics[:0:-1]
    assert topics[0] == topics[1]
    assert topics[1] != topics[2]
