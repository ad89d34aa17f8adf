"""Structs that are written by columns are what they are one by one."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkspan.api import Column, DataError, Schema, StructRows, Type, schema
from linkspan.config.definition import load
from linkspan.convert.json import JsonConverter
from linkspan.convert.json_columns import columns_of

UTC = datetime.UTC


def converter(**settings: str) -> JsonConverter:
    made = JsonConverter()
    given_ = {"converter.type": "value", **{key.replace("_", "."): value for key, value in settings.items()}}
    made.configure(load(JsonConverter.config_class, given_), is_key=False)
    return made


PLAIN, FULL = converter(schemas_enable="false"), converter(schemas_enable="true")
NUMERIC = converter(schemas_enable="false", decimal_format="numeric")

ROW = Schema(
    Type.STRUCT,
    name="row",
    fields={
        "byte": schema.INT8,
        "whole": schema.OPTIONAL_INT64,
        "text": schema.OPTIONAL_STRING,
        "flag": schema.OPTIONAL_BOOLEAN,
        "double": schema.OPTIONAL_FLOAT64,
        "single": schema.OPTIONAL_FLOAT32,
        "bytes": schema.OPTIONAL_BYTES,
        "decimal": schema.decimal_of(2, optional=True),
        "date": schema.date(optional=True),
        "time": schema.time(optional=True),
        "moment": schema.timestamp(optional=True),
        "filled": Schema(Type.INT32, optional=True, default=7),
    },
)


def outcome(call: Callable[[], object]) -> object:
    """What a call returns, or what it says when it fails."""
    try:
        return call()
    except DataError as error:
        return error.message


def maybe(strategy):
    return st.none() | strategy


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
ROWS = st.fixed_dictionaries(
    {
        "byte": st.integers(-128, 127),
        "whole": maybe(st.integers(-(2**63), 2**63 - 1)),
        "text": maybe(TEXTS),
        "flag": maybe(st.booleans()),
        "double": maybe(st.floats()),
        "single": maybe(st.floats(width=32)),
        "bytes": maybe(st.binary(max_size=5)),
        "decimal": maybe(st.integers(-(10**30), 10**30).map(lambda number: Decimal(f"{number}E-2"))),
        "date": maybe(st.dates()),
        "time": maybe(st.times()),
        "moment": maybe(st.datetimes(timezones=st.just(UTC))),
        "filled": maybe(st.integers(-5, 5)),
    }
)


@pytest.mark.parametrize("made", [PLAIN, FULL, NUMERIC])
@given(rows=st.lists(ROWS, min_size=1, max_size=5))
def test_structs_by_columns_are_what_they_are_one_by_one(made, rows):
    assert list(made.from_connect_batch("t", Column(rows, ROW))) == [made.from_connect("t", ROW, row) for row in rows]


def test_usual_structs_are_written_by_columns():
    row = {
        "byte": 1,
        "whole": None,
        "text": "ü\U0001f600\u0001",
        "flag": True,
        "double": 1.5,
        "single": 1.5,
        "bytes": b"x",
        "decimal": Decimal("-1.28"),
        "date": datetime.date(1, 1, 1),
        "time": datetime.time(23, 59, 59, 999999),
        "moment": datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
        "filled": None,
    }
    columns = columns_of(ROW, numeric=False, null=PLAIN._write_null)
    assert columns is not None
    assert columns.written([row, row]) == [PLAIN.from_connect("t", ROW, row)] * 2


@pytest.mark.parametrize(
    "change",
    [
        {"byte": 128},
        {"byte": True},
        {"byte": None},
        {"text": 1},
        {"double": 1},
        {"double": math.nan},
        {"flag": 1},
        {"decimal": Decimal("1.5")},
        {"decimal": Decimal("NaN")},
        {"moment": datetime.datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None)},
        {"date": datetime.datetime(2024, 1, 1, tzinfo=UTC)},
        {"bytes": bytearray(b"x")},
        {"text": "\ud800"},
        {"other": 1},
    ],
)
def test_what_is_unusual_is_left_to_who_writes_one_by_one(change):
    usual = {field.name: None for field in ROW.fields} | {"byte": 1}
    rows = [usual, usual | change]
    columns = columns_of(ROW, numeric=False, null=PLAIN._write_null)
    assert columns is not None
    assert columns.written(rows) is None
    assert outcome(lambda: list(PLAIN.from_connect_batch("t", Column(rows, ROW)))) == outcome(
        lambda: [PLAIN.from_connect("t", ROW, row) for row in rows]
    )


@pytest.mark.parametrize("rows", [[{"byte": 1}], [None], [], [dict(reversed(list({"byte": 1, "whole": 2}.items())))]])
def test_structs_of_another_shape_are_left_as_well(rows):
    columns = columns_of(ROW, numeric=False, null=PLAIN._write_null)
    assert columns is not None
    assert columns.written(rows) is None


@pytest.mark.parametrize("made", [PLAIN, FULL, NUMERIC])
@given(rows=st.lists(ROWS, min_size=1, max_size=5))
def test_structs_that_come_in_columns_are_what_they_are_one_by_one(made, rows):
    names = tuple(field.name for field in ROW.fields)
    given_ = StructRows(names, [[row[name] for row in rows] for name in names], len(rows))
    assert list(made.from_connect_batch("t", Column(given_, ROW))) == [made.from_connect("t", ROW, row) for row in rows]


def test_structs_in_structs_are_written_one_by_one():
    nested = Schema(Type.STRUCT, fields={"inner": ROW})
    assert columns_of(nested, numeric=False, null=PLAIN._write_null) is None


def test_the_schema_may_change_from_batch_to_batch():
    made = converter(schemas_enable="true")
    for one in (schema.INT32, schema.INT64, schema.INT32):
        struct = Schema(Type.STRUCT, fields={"a": one})
        assert made.from_connect_batch("t", Column([{"a": 1}], struct)) == [made.from_connect("t", struct, {"a": 1})]
