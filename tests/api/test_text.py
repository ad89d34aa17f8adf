from __future__ import annotations

import datetime
import decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkspan.api import Schema, Type, schema
from linkspan.api.text import double_text, float_text, java_text, java_texts


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1.0"),
        (0.001, "0.001"),
        (0.0001, "1.0E-4"),
        (1e7, "1.0E7"),
        (9999999.0, "9999999.0"),
        (-2.5e-10, "-2.5E-10"),
        (1.2345678901234567e20, "1.2345678901234567E20"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (100.25, "100.25"),
    ],
)
def test_double_is_written_as_by_java(number, text):
    assert double_text(number) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0.1, "0.1"), (3.4028235e38, "3.4028235E38"), (16777216.0, "1.6777216E7")]
)
def test_float_has_no_more_digits_than_32_bits_need(number, text):
    assert float_text(number) == text


def test_containers_are_written_as_by_java():
    assert java_text({"a": 1, "b": [True, None], "c": {"d": "x"}}) == "{a=1, b=[true, null], c={d=x}}"


def test_struct_leaves_out_its_null_fields():
    kind = Schema(
        Type.STRUCT, fields={"a": schema.INT32, "b": schema.OPTIONAL_STRING, "c": Schema(Type.FLOAT32, optional=True)}
    )
    assert java_text({"a": 1, "b": None, "c": 0.1}, kind) == "Struct{a=1,c=0.1}"


def test_dates_and_decimals():
    assert java_text(decimal.Decimal("1.50")) == "1.50"
    assert java_text(datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)) == "Fri Jan 02 03:04:05 UTC 2026"
    assert java_text(datetime.date(1970, 1, 1)) == "Thu Jan 01 00:00:00 UTC 1970"
    assert java_text(None) == "null"


_ITEMS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(st.fixed_dictionaries({"a%s": _ITEMS, "{b}": _ITEMS}) | _ITEMS, max_size=6))
def test_many_values_are_written_as_each_by_itself(values):
    assert java_texts(values) == [java_text(value) for value in values]


_INNER = Schema(
    Type.STRUCT, optional=True, fields={"%s": Schema(Type.FLOAT32, optional=True), "n": schema.OPTIONAL_INT32}
)
_OUTER = Schema(
    Type.STRUCT,
    fields={
        "%d": schema.OPTIONAL_STRING,
        "whole": schema.OPTIONAL_INT64,
        "double": schema.OPTIONAL_FLOAT64,
        "flag": schema.OPTIONAL_BOOLEAN,
        "inner": _INNER,
        "many": Schema(Type.ARRAY, values=_INNER, optional=True),
    },
)
_INNERS = st.none() | st.fixed_dictionaries({"%s": st.none() | st.floats(width=32), "n": st.none() | st.integers(0, 9)})
_OUTERS = st.fixed_dictionaries(
    {},
    optional={
        "%d": st.none() | st.text(max_size=3),
        "whole": st.none() | st.integers(),
        "double": st.none() | st.floats(),
        "flag": st.none() | st.booleans(),
        "inner": _INNERS,
        "many": st.none() | st.lists(_INNERS, max_size=2),
    },
)


@given(st.lists(_OUTERS, max_size=6) | st.lists(st.none() | _OUTERS, max_size=3))
def test_many_structs_are_written_as_each_by_itself(values):
    assert java_texts(values, _OUTER) == [java_text(value, _OUTER) for value in values]


def test_structs_without_fields_are_written_as_each_by_itself():
    assert java_texts([{}, {}], Schema(Type.STRUCT, fields={})) == ["Struct{}", "Struct{}"]


@given(st.lists(st.dictionaries(st.sampled_from([1, True, 1.0, "a", "b"]), _ITEMS, min_size=1), min_size=1))
def test_keys_that_are_equal_but_not_the_same_are_told_apart(values):
    assert java_texts(values) == [java_text(value) for value in values]
