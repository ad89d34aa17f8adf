from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkspan.api import Column, ConfigError, DataError, Schema, Type, schema
from linkspan.config.definition import load
from linkspan.convert import values
from linkspan.convert.boolean import BooleanConverter
from linkspan.convert.bytes import ByteArrayConverter
from linkspan.convert.header import SimpleHeaderConverter
from linkspan.convert.numbers import (
    DoubleConverter,
    FloatConverter,
    IntegerConverter,
    LongConverter,
    ShortConverter,
)
from linkspan.convert.string import StringConverter, StringConverterConfig


@pytest.mark.parametrize(
    ("converter", "value", "payload"),
    [
        (ShortConverter(), -2, b"\xff\xfe"),
        (IntegerConverter(), 258, b"\x00\x00\x01\x02"),
        (LongConverter(), 1, b"\x00" * 7 + b"\x01"),
        (FloatConverter(), 1.5, b"\x3f\xc0\x00\x00"),
        (DoubleConverter(), 1.5, b"\x3f\xf8" + b"\x00" * 6),
        (BooleanConverter(), True, b"\x01"),
        (ByteArrayConverter(), b"\x00\xff", b"\x00\xff"),
        (StringConverter(), "ü", b"\xc3\xbc"),
    ],
)
def test_each_value_is_written_and_read_back(converter, value, payload):
    assert converter.from_connect("t", None, value) == payload
    assert converter.to_connect("t", payload).value == value
    assert converter.from_connect("t", None, None) is None
    assert converter.to_connect("t", None).value is None
    assert converter.to_connect_header("t", "h", payload).value == value
    assert converter.from_connect_header("t", "h", None, value) == payload


@pytest.mark.parametrize(
    ("converter", "value"),
    [
        (ShortConverter(), 40000),
        (IntegerConverter(), "1"),
        (LongConverter(), True),
        (FloatConverter(), 1),
        (BooleanConverter(), 1),
        (ByteArrayConverter(), "text"),
    ],
)
def test_value_of_another_type_is_refused(converter, value):
    with pytest.raises(DataError):
        converter.from_connect("t", None, value)


@pytest.mark.parametrize(
    ("converter", "payload"),
    [
        (ShortConverter(), b"1"),
        (DoubleConverter(), b"123456789"),
        (BooleanConverter(), b"\x02"),
        (StringConverter(), b"\xff"),
    ],
)
def test_bytes_that_make_no_sense_are_refused(converter, payload):
    with pytest.raises(DataError):
        converter.to_connect("t", payload)


def test_schema_of_another_type_is_refused():
    with pytest.raises(DataError, match="Invalid schema type for ByteArrayConverter: STRING"):
        ByteArrayConverter().from_connect("t", schema.STRING, b"")
    with pytest.raises(DataError, match="Invalid schema type for IntegerConverter: STRING"):
        IntegerConverter().from_connect("t", schema.STRING, 1)


def test_encoding_can_be_chosen_and_must_exist():
    converter = StringConverter()
    converter.configure(
        load(StringConverterConfig, {"converter.type": "value", "converter.encoding": "ISO-8859-1"}), is_key=False
    )
    assert converter.from_connect("t", None, "ü") == b"\xfc"
    with pytest.raises(ConfigError, match="no such character encoding"):
        load(StringConverterConfig, {"converter.type": "value", "converter.encoding": "klingon"})


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])) | st.integers() | st.booleans()))
def test_batch_of_texts_is_what_single_texts_are(items):
    converter = StringConverter()
    payloads = converter.from_connect_batch("t", Column(items))
    assert list(payloads) == [converter.from_connect("t", None, item) for item in items]
    assert list(converter.to_connect_batch("t", payloads).values) == [
        converter.to_connect("t", payload).value for payload in payloads
    ]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("", schema.STRING, ""),
        ("null", None, None),
        (" true ", schema.BOOLEAN, True),
        ("5", schema.INT8, 5),
        ("-129", schema.INT16, -129),
        ("1e3", schema.INT16, 1000),
        ("1.0", schema.INT8, 1),
        ("3000000000", schema.INT64, 3000000000),
        ("1.5", schema.FLOAT32, 1.5),
        ("1e300", schema.FLOAT64, 1e300),
        ("1.5e300", schema.FLOAT64, 1.5e300),
        ("2019-08-23", schema.date(), datetime.date(2019, 8, 23)),
        ("14:34:54.346Z", schema.time(), datetime.time(14, 34, 54, 346000)),
        ("2019-13-45", schema.STRING, "2019-13-45"),
        ("[1,2,300]", Schema(Type.ARRAY, values=schema.INT16), [1, 2, 300]),
        ('["a","b"]', Schema(Type.ARRAY, values=schema.STRING), ["a", "b"]),
        ("[1,true]", None, [1, True]),
        # a null has no place where the others have a schema in common, and one beside what has none
        ("[1,null]", schema.STRING, "[1,null]"),
        ("[[1],null]", schema.STRING, "[[1],null]"),
        ('[[1,"x"],null]', schema.STRING, '[[1,"x"],null]'),
        ('[null,1,"x"]', None, [None, 1, "x"]),
        ('{"a":2,"b":"x","c":null}', None, {"a": 2, "b": "x", "c": None}),
        ("[[],null,2]", None, [[], None, 2]),
        ("[null,null]", None, [None, None]),
        # what has no schema itself stands beside anything
        ('[[1,"x"],3]', None, [[1, "x"], 3]),
        ('[{"a":2},{"a":1,"b":"x"}]', None, [{"a": 2}, {"a": 1, "b": "x"}]),
        ("[[2],[]]", None, [[2], []]),
        ('{"a":{},"b":1}', None, {"a": {}, "b": 1}),
        ('[[1],["x"]]', None, [[1], ["x"]]),
        ("[]", None, []),
        ('{"a":1,"b":2}', Schema(Type.MAP, keys=schema.STRING, values=schema.INT8), {"a": 1, "b": 2}),
        ("[a,b]", schema.STRING, "[a,b]"),
        ("[1,]", Schema(Type.ARRAY, values=schema.INT8), [1]),
        ('{"a":1,}', Schema(Type.MAP, keys=schema.STRING, values=schema.INT8), {"a": 1}),
        ("[" * 5000, schema.STRING, "[" * 5000),
        ("just text", schema.STRING, "just text"),
        ("9" * 5000, schema.STRING, "9" * 5000),
        ("1e9999999999999999999", schema.STRING, "1e9999999999999999999"),
        ("1e-9999999999999999999", schema.STRING, "1e-9999999999999999999"),
        ("[1e9999999999999999999]", schema.STRING, "[1e9999999999999999999]"),
        ("0e99999999", schema.INT8, 0),
    ],
)
def test_text_of_a_header_says_what_it_is(text, kind, value):
    found = SimpleHeaderConverter().to_connect_header("t", "h", text.encode())
    assert (found.schema, found.value) == (kind, value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (["a", 1, None], '["a",1,null]'),
        ({"k": 'a"b\\'}, '{"k":"a\\"b\\\\"}'),
        (b"\x00", "AA=="),
        (True, "true"),
        (1.0, "1.0"),
        (datetime.datetime(2019, 8, 23, 14, 34, 54, 346000, tzinfo=datetime.UTC), "2019-08-23T14:34:54.346Z"),
        (datetime.date(2019, 8, 23), "2019-08-23"),
        (datetime.time(14, 34, 54), "14:34:54.000Z"),
    ],
)
def test_header_values_are_written_as_text(value, text):
    assert SimpleHeaderConverter().from_connect_header("t", "h", None, value) == text.encode()


def test_bytes_that_are_no_text_stay_bytes():
    found = SimpleHeaderConverter().to_connect_header("t", "h", b"\xff")
    assert (found.schema, found.value) == (schema.BYTES, b"\xff")


@given(st.text())
def test_no_text_makes_the_parser_crash(text):
    values.parse(text)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Nd"]), min_size=1), min_size=1, max_size=4))
def test_list_of_texts_is_read_back(items):
    assert values.parse(values.text(items)).value == items
