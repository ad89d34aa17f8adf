from __future__ import annotations

import datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkspan.api import Column, DataError, Schema, Type, schema
from linkspan.config.definition import load
from linkspan.convert.json import JsonConverter, JsonConverterConfig
from linkspan.convert.json_structs import reader_of

UTC = datetime.UTC
FIELDS: dict[str, dict[str, Any]] = {
    "a": {"type": "int8"},
    "b": {"type": "int64", "optional": True},
    "c": {"type": "string"},
    "d": {"type": "string", "optional": True},
    "e": {"type": "boolean", "optional": True},
    "f": {"type": "double"},
    "g": {"type": "float", "optional": True},
    "h": {"type": "int64", "name": schema.TIMESTAMP},
    "i": {"type": "int32", "name": schema.DATE, "optional": True},
    "j": {"type": "int32", "name": schema.TIME, "optional": True},
    "k": {"type": "int32", "default": 7},
    "l": {"type": "int32", "optional": True, "default": 8},
    "m": {"type": "array", "items": {"type": "int32"}, "optional": True},
    "n": {"type": "struct", "fields": [{"type": "int32", "field": "x"}], "optional": True},
    "o": {"type": "int64", "name": "io.debezium.time.Timestamp", "optional": True},
    "p": {"type": "bytes", "optional": True},
    "q": {"type": "bytes", "name": schema.DECIMAL, "parameters": {"scale": "2"}, "optional": True},
}
USUAL: dict[str, list[Any]] = {
    "a": [1, -128, 127],
    "b": [None, 5, -(1 << 63), (1 << 63) - 1],
    "c": ["", "text"],
    "d": [None, "x"],
    "e": [None, True, False],
    "f": [1.5, -0.0],
    "g": [None, 2.5],
    "h": [0, 1_700_000_000_123, -1],
    "i": [None, 0, -719162, 2932896],
    "j": [None, 1],
    "k": [3],
    "l": [4],
    "m": [None, [1, 2]],
    "n": [None, {"x": 1}],
    "o": [None, 9],
    "p": [None, "AQ=="],
    "q": [None, "AQ=="],
}
UNUSUAL: list[Any] = [None, True, 1, 128, 1.5, 1 << 63, "y", [], {}, 253402300800000, -719163, 2932897]


def converter(**settings: str) -> JsonConverter:
    made = JsonConverter()
    made.configure(load(JsonConverterConfig, {"converter.type": "value", **settings}), is_key=False)
    return made


def payload(names: list[str], value: object) -> bytes:
    fields = [{**FIELDS[name], "field": name} for name in names]
    whole = {"type": "struct", "fields": fields, "optional": True}
    return orjson.dumps({"schema": whole, "payload": value})


def kinds(value: Any) -> Any:
    """A value with the order of its fields and the types of what is in it, which equality does not tell apart."""
    return [(name, type(item), repr(item)) for name, item in value.items()] if isinstance(value, dict) else value


def one_by_one(made: JsonConverter, payloads: list[bytes | None]) -> list[Any]:
    found = []
    for each in payloads:
        try:
            one = made.to_connect("t", each)
        except DataError as error:
            found.append(str(error))
        else:
            found.append((kinds(one.value), one.schema))
    return found


def together(made: JsonConverter, payloads: list[bytes | None]) -> list[Any]:
    column = made.to_connect_batch("t", payloads)
    return [
        str(column.failures[at]) if at in column.failures else (kinds(value), column.schema_at(at))
        for at, value in enumerate(column.values)
    ]


@st.composite
def batches(draw: st.DrawFn) -> list[bytes | None]:
    """Payloads of one or two schemas, most of them usual."""
    shapes = draw(st.lists(st.lists(st.sampled_from(list(FIELDS)), min_size=1, unique=True), min_size=1, max_size=2))
    payloads: list[bytes | None] = []
    for _ in range(draw(st.integers(1, 6))):
        names = draw(st.sampled_from(shapes))
        value = {name: draw(st.sampled_from(USUAL[name])) for name in names}
        match draw(st.sampled_from(["", "", "", "order", "other", "missing", "null", "tombstone"])):
            case "order":
                value = dict(reversed(value.items()))
            case "other":
                value[draw(st.sampled_from(names))] = draw(st.sampled_from(UNUSUAL))
            case "missing":
                del value[draw(st.sampled_from(names))]
            case "null":
                payloads.append(payload(names, None))
                continue
            case "tombstone":
                payloads.append(None)
                continue
        payloads.append(payload(names, value))
    return payloads


@given(batches(), st.sampled_from(["true", "false"]))
def test_structs_read_by_columns_are_what_they_are_one_by_one(payloads, defaults):
    settings = {"replace.null.with.default": defaults}
    assert together(converter(**settings), payloads) == one_by_one(converter(**settings), payloads)


def test_usual_structs_are_read_by_columns(monkeypatch):
    made, names = converter(), ["a", "b", "c", "e", "f", "h", "i"]
    payloads: list[bytes | None] = [
        payload(names, {name: USUAL[name][at % len(USUAL[name])] for name in names}) for at in range(4)
    ]
    monkeypatch.setattr(JsonConverter, "_read", None)  # what reads one by one is not there
    column = made.to_connect_batch("t", payloads)
    assert list(column.values)[1] == {
        "a": -128,
        "b": 5,
        "c": "text",
        "e": True,
        "f": -0.0,
        "h": datetime.datetime.fromtimestamp(1_700_000_000, UTC) + datetime.timedelta(milliseconds=123),
        "i": datetime.date(1970, 1, 1),
    }


def test_few_schemas_in_turn_are_each_parsed_once(monkeypatch):
    made = converter()
    payloads = [payload(["a", "b"], {"a": 1, "b": 2}), payload(["a"], {"a": 1}), None] * 3
    monkeypatch.setattr(JsonConverter, "to_connect", None)
    column = made.to_connect_batch("t", payloads)
    assert list(column.values) == [{"a": 1, "b": 2}, {"a": 1}, None] * 3
    assert len(set(map(id, column.schemas or ()))) == 3


def test_more_schemas_than_are_recognised_end_as_each_does_alone():
    payloads: list[bytes | None] = [payload([name], {name: USUAL[name][-1]}) for name in FIELDS]
    assert together(converter(), payloads) == one_by_one(converter(), payloads)


@pytest.mark.parametrize(
    "of",
    [None, schema.INT32, Schema(Type.STRUCT), Schema(Type.STRUCT, name=schema.TIMESTAMP, fields={"a": schema.INT32})],
)
def test_what_is_no_struct_is_read_one_by_one(of):
    assert reader_of(of, lambda _, value: value) is None


def test_a_column_of_structs_is_one_of_dictionaries():
    column = converter().to_connect_batch("t", [payload(["a"], {"a": 1})])
    assert isinstance(column, Column)
    assert type(column.values[0]) is dict


@given(st.lists(st.integers(-(1 << 42), 1 << 42), min_size=1))
def test_every_millisecond_of_two_centuries_is_read_exactly(numbers):
    epoch = datetime.datetime(1970, 1, 1, tzinfo=UTC)
    column = converter().to_connect_batch("t", [payload(["h"], {"h": number}) for number in numbers])
    assert [each["h"] for each in column.values] == [epoch + datetime.timedelta(milliseconds=ms) for ms in numbers]


def test_fields_in_another_order_are_put_into_that_of_the_schema():
    column = converter().to_connect_batch("t", [payload(["a", "c"], {"c": "x", "a": 1})] * 2)
    assert [list(each.items()) for each in column.values] == [[("a", 1), ("c", "x")]] * 2
