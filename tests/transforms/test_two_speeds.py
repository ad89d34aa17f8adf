"""In columns and record by record, the same becomes of the same records, good and bad."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkspan.api.errors import DataError
from linkspan.api.headers import Headers
from linkspan.api.records import SinkBatch, SourceBatch, SourceRecord
from linkspan.api.schema import INT64, STRING
from linkspan.config.definition import load
from linkspan.convert.json import JsonConverter, JsonConverterConfig
from linkspan.convert.string import StringConverter, StringConverterConfig
from linkspan.log.port import FetchedBatch
from linkspan.task.batches import ReadBatch
from linkspan.task.chain import Chain, Step
from linkspan.task.conversion import Converters
from linkspan.task.letters import LetterForm
from linkspan.task.offsets import Part
from linkspan.task.sink_conversion import SinkConversion
from linkspan.task.source_conversion import Prepared, SourceConversion
from linkspan.task.tolerance import ErrorPolicy, Tolerance
from linkspan.transforms.python import PythonValue
from tests.task.memory_log import MemoryBatch
from tests.transforms.test_chain import Reports, made

CHAINS = {
    "none": (),
    "one": (("ExtractField$Value", {"field": "a"}),),
    "several": (
        ("InsertField$Value", {"static_field": "s", "static_value": "v"}),
        ("Cast$Value", {"spec": "a:int32"}),
        ("ReplaceField$Value", {"renames": "a:b"}),
    ),
    "two that fail": (
        ("Cast$Value", {"spec": "a:int32"}),
        ("ExtractField$Value", {"field": "n"}),
        ("Cast$Value", {"spec": "int8"}),
    ),
    "by header": (("HeaderFrom$Value", {"fields": "a", "headers": "h", "operation": "copy"}),),
    "to key": (("ValueToKey", {"fields": "a"}), ("ExtractField$Key", {"field": "a"}), ("Cast$Key", {"spec": "int32"})),
    "python": (
        ("Python", {"expression": "{'a': int(value['a']), 'n': 7}"}),
        ("Python", {"expression": "value['a'] + 1"}),
    ),
    "python that drops": (("Python", {"expression": "None if value['a'] == '1' else value['n']"}),),
    "filtered": (("Cast$Value", {"spec": "a:int32"}), ("Filter", {})),
}
VALUES = [
    *(
        b'{"a":"1","n":"1"}',
        b'{"a":"x","n":"1"}',
        b'{"a":"2","n":"y"}',
        b'{"n":"7"}',
        b'{"a":[1]}',
        b"{bad",
        b"[1",
        b'"x"',
    ),
    *(b"null", b"3", b"", None),
]
KEYS = [b'"k"', b"1", b"{bad", None]
HEADERS = [[], [("h", b"1")], [("h", b"{bad")]]
rows = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES), st.sampled_from(HEADERS)), min_size=1)


def json_converter(*, is_key: bool = False, schemas: bool = False) -> JsonConverter:
    converter = JsonConverter()
    settings = {"converter.type": "value", "schemas.enable": str(schemas).lower()}
    converter.configure(load(JsonConverterConfig, settings), is_key=is_key)
    return converter


def string_converter() -> StringConverter:
    converter = StringConverter()
    converter.configure(
        load(StringConverterConfig, {"converter.type": "value", "converter.encoding": "ascii"}), is_key=False
    )
    return converter


class OneByOne(SinkConversion):
    """Never tries the quick way."""

    def _in_columns(self, fetched: FetchedBatch) -> SinkBatch | None:  # noqa: ARG002 - as above
        return None


class SourceOneByOne(SourceConversion):
    """The same for sources."""

    __module__, __qualname__ = SourceConversion.__module__, SourceConversion.__qualname__

    def _whole(self, polled: Sequence[SourceRecord]) -> Prepared | None:  # noqa: ARG002 - as above
        return None

    def _by_topic(self, pairs: Sequence[tuple[SourceRecord, SourceRecord]]) -> list[Part]:
        return self._one_by_one(pairs)


def steps(name: str) -> list[Step]:
    return [
        Step(python(**config) if transform == "Python" else made(transform, **config))
        for transform, config in CHAINS[name]
    ]


def python(**config: str) -> PythonValue:
    transform = PythonValue()
    transform.alias = "p"
    transform.config = load(PythonValue.config_class, config)
    transform.configure()
    return transform


def letters(reports: Reports) -> list[Any]:
    """What was reported, as letters; the lines of a trace differ by the way that was taken."""
    form = LetterForm("c", 0, context_headers=True)
    filled = [form.fill(failure) for failure in reports.failures]
    return [
        (
            each.key,
            each.value,
            each.timestamp,
            [header for header in each.headers if not header[0].endswith("stacktrace")],
        )
        for each in filled
    ]


def sunk(kind: type[SinkConversion], given_rows: Any, chain: str, *, tolerate_all: bool = True) -> Any:
    reports = Reports()
    tolerance = Tolerance(ErrorPolicy(tolerate_all=tolerate_all), [reports], lambda _: False)
    converters = Converters(json_converter(is_key=True), json_converter(), json_converter())
    conversion = kind(converters, tolerance, Chain(steps(chain), tolerance) if CHAINS[chain] else None)
    batch = MemoryBatch(
        "t", [(0, at, key, value, 1000 + at, headers) for at, (key, value, headers) in enumerate(given_rows)]
    )
    raised = None
    left: Sequence[Any] = ()
    try:
        left = list(conversion.convert(batch))
    except DataError as error:
        raised = str(error)
    kept = [
        (each.topic, each.offset, each.original_offset, each.key, each.value, [(h.key, h.value) for h in each.headers])
        for each in left
    ]
    return kept, [failure.subject.offset for failure in reports.failures], letters(reports), raised


@pytest.mark.parametrize("tolerate_all", [True, False])
@pytest.mark.parametrize("chain", CHAINS)
@given(given_rows=rows)
def test_a_sinks_records_fare_the_same_in_columns_and_one_by_one(chain, tolerate_all, given_rows):
    ways = [sunk(kind, given_rows, chain, tolerate_all=tolerate_all) for kind in (SinkConversion, OneByOne)]
    assert ways[0] == ways[1]
    assert ways[0][1] == sorted(ways[0][1])


def sourced(kind: type[SourceConversion], polled: Sequence[SourceRecord], chain: str) -> Any:
    reports = Reports()
    tolerance = Tolerance(ErrorPolicy(tolerate_all=True), [reports], lambda _: False)
    converters = Converters(string_converter(), json_converter(schemas=True), string_converter())
    conversion = kind(converters, tolerance, Chain(steps(chain), tolerance) if CHAINS[chain] else None)
    dropped: list[Any] = []
    conversion.on_drop = lambda record: dropped.append(record.source_offset)
    prepared = conversion.prepare(polled)
    sent = [
        (part.batch.topic, *entry)
        for part in prepared.parts
        for entry in zip(
            part.batch.values,
            part.batch.keys or [None] * len(part.batch),
            [headers or None for headers in part.batch.headers or [None] * len(part.batch)],
            part.batch.partitions or [None] * len(part.batch),
            part.batch.timestamps or [None] * len(part.batch),
            [record.source_offset for record in part.records],
            strict=True,
        )
    ]
    return sent, prepared.positions, sorted(dropped, key=str), sorted(letters(reports), key=str)


def _headers(text: str | None) -> Headers | None:
    if text is None:
        return None
    headers = Headers()
    headers.add("h", text, STRING)
    return headers


texts = st.sampled_from(["plain", "ä", None])
source_rows = st.lists(
    st.tuples(
        st.sampled_from([{"a": "1", "n": "1"}, {"a": "x"}, {"a": "2", "n": "y"}, {"a": object}, "text", None, 3]),
        st.sampled_from([None, None, INT64]),
        texts,
        texts,
        st.sampled_from([None, 1, -5]),
        st.sampled_from([None, 5, -7]),
    ),
    min_size=1,
)


@pytest.mark.parametrize("chain", CHAINS)
@given(given_rows=source_rows)
def test_a_sources_records_fare_the_same_in_columns_and_one_by_one(chain, given_rows):
    polled = [
        SourceRecord(
            {"p": 1},
            {"at": at},
            "t",
            value,
            schema,
            key=key,
            headers=_headers(header),
            partition=partition,
            timestamp=stamp,
        )
        for at, (value, schema, key, header, partition, stamp) in enumerate(given_rows)
    ]
    ways = [sourced(kind, polled, chain) for kind in (SourceConversion, SourceOneByOne)]
    assert ways[0] == ways[1]


@pytest.mark.parametrize("chain", ["none", "one", "several"])
@given(values=st.lists(st.sampled_from([{"a": "1"}, {"a": object}, "text"]), min_size=1))
def test_a_sources_batch_fares_as_its_records_do(chain, values):
    offsets = [{"at": at} for at in range(len(values))]
    batch = SourceBatch({"p": 1}, offsets, "t", values, timestamps=[9] * len(values))
    assert sourced(SourceConversion, batch, chain) == sourced(SourceOneByOne, list(batch), chain)


def test_the_others_stay_in_columns():
    good, bad = (None, b'{"a":"1","n":"1"}', []), (None, b'{"a":"x"}', [])
    reports = Reports()
    tolerance = Tolerance(ErrorPolicy(tolerate_all=True), [reports], lambda _: False)
    singles: list[int] = []

    class Spied(Chain):
        def apply(self, record: Any, subject: Any) -> Any:
            singles.append(1)
            return super().apply(record, subject)

    conversion = SinkConversion(
        Converters(json_converter(is_key=True), json_converter(), json_converter()),
        tolerance,
        Spied(steps("several"), tolerance),
    )
    given_rows = [good, bad, (None, b"{bad", []), good, bad]
    batch = conversion.convert(MemoryBatch("t", [(0, at, *row[:2], 5, row[2]) for at, row in enumerate(given_rows)]))
    assert (type(batch), singles, [record.offset for record in batch]) == (ReadBatch, [], [0, 3])
    assert [failure.subject.offset for failure in reports.failures] == [1, 2, 4]


def test_what_fails_in_every_record_leaves_nothing():
    kept, failed, _, _ = sunk(SinkConversion, [(None, b'{"a":"x"}', [])] * 3, "several")
    assert (kept, failed) == ([], [0, 1, 2])
