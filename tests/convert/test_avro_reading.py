"""Reading Avro: what fastavro writes by any schema comes back, and nothing but a few errors comes of anything else."""

from __future__ import annotations

import contextlib
import io
import json
import struct

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkspan.convert.avro.model import parse
from linkspan.convert.avro.options import Options
from linkspan.convert.avro.reading import reader
from linkspan.convert.avro.to_connect import connect_schema

NAMES = ("b", "p", "size", "n", "end", "found", "count", "item", "key", "value", "class", "None", "read", "v0", "v1")
"""Names that a program has a use of its own for, and words of Python."""


def read(schema, payload):
    node = parse(json.dumps(schema), [])
    return reader(node, connect_schema(node, Options(), 1))(payload, 0)


def written(schema, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return out.getvalue()


@st.composite
def schemas_and_values(draw, depth=3):
    """A schema without names that repeat, and a strategy for its values."""
    kinds = ["boolean", "int", "long", "float", "double", "bytes", "string", "enum", "fixed"]
    kind = draw(st.sampled_from(kinds + (["record", "array", "map", "union"] if depth else [])))
    if kind in SIMPLE:
        return kind, SIMPLE[kind]
    name = f"x{draw(st.uuids()).hex}"
    if kind == "enum":
        return {"type": "enum", "name": name, "symbols": ["A", "B"]}, st.sampled_from(["A", "B"])
    if kind == "fixed":
        return {"type": "fixed", "name": name, "size": 3}, st.binary(min_size=3, max_size=3)
    if kind == "record":
        members = draw(st.dictionaries(st.sampled_from(NAMES), schemas_and_values(depth=depth - 1), max_size=4))
        fields = [{"name": member, "type": inner} for member, (inner, _) in members.items()]
        values = st.fixed_dictionaries({member: value for member, (_, value) in members.items()})
        return {"type": "record", "name": name, "fields": fields}, values
    inner, values = draw(schemas_and_values(depth=depth - 1))
    if kind == "union":
        branches = inner if isinstance(inner, list) else draw(st.permutations(["null", inner]))
        return branches, values if isinstance(inner, list) else st.none() | values
    if kind == "array":
        return {"type": "array", "items": inner}, st.lists(values, max_size=3)
    return {"type": "map", "values": inner}, st.dictionaries(st.text(max_size=3), values, max_size=3)


SIMPLE = {
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "bytes": st.binary(max_size=200),
    "string": st.text(max_size=200),
}


@st.composite
def rows(draw):
    """A record with one field of any schema, and a value of it."""
    inner, values = draw(schemas_and_values())
    return {"type": "record", "name": "Row", "fields": [{"name": "f", "type": inner}]}, {"f": draw(values)}


@given(rows())
def test_what_is_written_by_any_schema_comes_back(row):
    schema, value = row
    assert read(schema, written(schema, value)) == value


@given(rows(), st.binary(max_size=3))
def test_what_stands_behind_a_value_is_not_looked_at(row, behind):
    schema, value = row
    assert read(schema, written(schema, value) + behind) == value


@given(rows())
def test_a_payload_that_ends_too_early_is_told_as_such(row):
    schema, value = row
    payload = written(schema, value)
    for end in range(len(payload)):
        with pytest.raises((EOFError, IndexError, struct.error)):
            read(schema, payload[:end])


@given(rows(), st.data())
def test_whatever_is_read_there_are_only_these_errors(row, data):
    schema, value = row
    payload = bytearray(written(schema, value))
    if payload:
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(EOFError, IndexError, struct.error, ValueError):
        read(schema, bytes(payload))


def field(kind):
    return {"type": "record", "name": "Row", "fields": [{"name": "f", "type": kind}]}


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("int", b"\xff\xff\xff\xff\xff\x01"),
        ("long", b"\xff" * 10 + b"\x01"),
        ("string", b"\x01"),
        ("bytes", b"\x03"),
        ("string", b"\x02\xff"),
        (["null", "int"], b"\x04"),
        (["null", "int"], b"\x01"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, b"\x02"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, b"\x01"),
    ],
)
def test_what_is_no_avro_is_refused(kind, payload):
    with pytest.raises((EOFError, ValueError)):
        read(field(kind), payload)


def test_blocks_may_tell_their_length_and_be_many():
    blocks = b"\x03\x04\x02\x04" + b"\x02\x06" + b"\0"
    assert read(field({"type": "array", "items": "int"}), blocks) == {"f": [1, 2, 3]}
    assert read(field({"type": "map", "values": "int"}), b"\x01\x06\x02a\x0e\0") == {"f": {"a": 7}}
