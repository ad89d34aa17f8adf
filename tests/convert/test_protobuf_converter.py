"""ProtobufConverter on a registry in memory: bytes, message indexes, versions, and what does not fit."""

from __future__ import annotations

import datetime
import decimal
import itertools

import pytest

from linkspan.api import Column, DataError, Schema, Type, schema
from linkspan.config.definition import load
from linkspan.convert import registry
from linkspan.convert.protobuf import indexes
from linkspan.convert.protobuf.compatibility import can_read
from linkspan.convert.protobuf.converter import ProtobufConverter
from linkspan.convert.protobuf.model import text
from linkspan.convert.protobuf.parsing import parse
from linkspan.convert.registry_schema import RegistrySchema

SCOPES = itertools.count()
ROW = Schema(
    Type.STRUCT,
    name="shop.Row",
    fields={
        "id": schema.INT8,
        "names": Schema(Type.ARRAY, values=schema.STRING),
        "at": schema.timestamp(optional=True),
        "price": schema.decimal_of(2),
        "counts": Schema(Type.MAP, keys=schema.STRING, values=schema.INT64),
    },
)
VALUE = {
    "id": 7,
    "names": ["x"],
    "at": datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC),
    "price": decimal.Decimal("1.25"),
    "counts": {"a": 1},
}


@pytest.fixture
def url():
    return f"mock://protobuf-{next(SCOPES)}"


def converter(url, **settings):
    made = ProtobufConverter()
    given = {name.replace("_", "."): value for name, value in settings.items()}
    made.configure(load(made.config_class, {"schema.registry.url": url, **given}), is_key=False)
    return made


def register(url, subject, content):
    client = registry._mocks[url]
    return client.register_schema(subject, registry._to_client(RegistrySchema(content, "PROTOBUF")))


def test_what_is_written_is_read(url):
    made = converter(url)
    read, value = made.to_connect("t", made.from_connect("t", ROW, VALUE))
    assert value == VALUE
    assert (read.name, read.version, read.field("id").schema.type) == ("Row", 1, Type.INT8)
    assert read.field("price").schema.parameters["scale"] == "2"


def test_a_batch_is_written_and_read_like_its_records(url):
    made = converter(url)
    values = [{**VALUE, "id": number} for number in range(5)]
    payloads = made.from_connect_batch("t", Column(values, ROW))
    assert payloads == [made.from_connect("t", ROW, value) for value in values]
    assert made.to_connect_batch("t", payloads).values == values


NESTED = """syntax = "proto3";
package a;
message First { map<string, int32> m = 1; message In { int32 x = 1; } message Deep { message End { int32 y = 1; } } }
message Second { int32 z = 1; oneof o { string s = 2; int32 n = 3; } }
"""


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b"\x00\x0a\x05\x0a\x01k\x10\x07", {"m": {"k": 7}}),
        (b"\x02\x02\x08\x07\x12\x01x", {"o_0": {"s": "x", "n": None}, "z": 7}),
        (b"\x04\x00\x00\x08\x07", {"x": 7}),
        (b"\x06\x00\x02\x00\x08\x07", {"y": 7}),
    ],
)
def test_the_message_indexes_name_the_message(url, payload, value):
    made = converter(url)
    register(url, "t-value", NESTED)
    assert made.to_connect("t", b"\0\0\0\0\1" + payload).value == value


def test_a_batch_of_different_messages_of_one_schema_is_told_apart(url):
    made = converter(url)
    register(url, "t-value", NESTED)
    head = b"\0\0\0\0\1"
    column = made.to_connect_batch("t", [head + b"\x02\x02\x08\x07", head + b"\x04\x00\x00\x08\x07", None])
    assert column.values == [{"o_0": None, "z": 7}, {"x": 7}, None]


@pytest.mark.parametrize("places", [[0], [1], [0, 0], [3, 200, 0]])
def test_indexes_come_back_as_they_were(places):
    content = b"head" + indexes.written(places) + b"rest"
    assert indexes.read(content, 4) == places
    assert content[indexes.end(content, 4) :] == b"rest"


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"\0\0\0\0\1", "ends within its message indexes"),
        (b"\0\0\0\0\1\x04\x00", "ends within its message indexes"),
        (b"\0\0\0\0\1\x02\x08", "Invalid message indexes"),
        (b"\0\0\0\0\1\x00\xff\xff", "Error deserializing Protobuf message"),
    ],
)
def test_what_is_no_message_is_refused(url, payload, words):
    made = converter(url)
    register(url, "t-value", NESTED)
    with pytest.raises(DataError, match=words):
        made.to_connect("t", payload)


def test_a_scalar_is_written_in_a_message_of_google(url):
    made = converter(url)
    assert made.from_connect("t", schema.STRING, "x") == b"\0\0\0\0\1\x02\x0e\x0a\x01x"
    assert made.to_connect("t", b"\0\0\0\0\1\x02\x0e\x0a\x01x").value == "x"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("id", 300, "id: 300 is out of the range of INT8"),
        ("names", ["x", None], "names: Protobuf has no null among the items"),
        ("names", [5], "names: expected STRING, found int"),
        ("at", datetime.datetime(2020, 1, 2), "at: A Timestamp needs a time zone"),  # noqa: DTZ001
        ("counts", {"a": "b"}, "counts: expected INT64, found str"),
        ("other", 1, "other is not a field"),
    ],
)
def test_what_does_not_fit_is_refused(url, field, value, words):
    with pytest.raises(DataError, match=words):
        converter(url).from_connect("t", ROW, {**VALUE, field: value})


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (None, "needs a schema"),
        (Schema(Type.ARRAY, values=schema.STRING), "Unsupported root schema of type ARRAY"),
        (schema.date(), "cannot be written by itself"),
        (
            Schema(Type.STRUCT, fields={"a": Schema(Type.ARRAY, values=Schema(Type.ARRAY, values=schema.STRING))}),
            "Array cannot be nested",
        ),
    ],
)
def test_what_protobuf_cannot_express_is_refused(url, kind, words):
    with pytest.raises(DataError, match=words):
        converter(url).from_connect("t", kind, {"a": 1})


PERSON = Schema.recursive(
    lambda again: Schema(
        Type.STRUCT,
        name="Person",
        fields={
            "name": schema.STRING,
            "friend": again(optional=True),
            "firm": Schema(
                Type.STRUCT, name="Firm", optional=True, fields={"people": Schema(Type.ARRAY, values=again())}
            ),
        },
    )
)


def test_a_message_that_contains_itself_is_written_and_read(url):
    made = converter(url)
    value = {
        "name": "a",
        "friend": {"name": "b"},
        "firm": {"people": [{"name": "c", "firm": {"people": [{"name": "d"}]}}]},
    }
    payload = made.from_connect("t", PERSON, value)
    assert payload == b"\0\0\0\0\1\0\x0a\1a\x12\3\x0a\1b\x1a\x0c\x0a\x0a\x0a\1c\x1a\5\x0a\3\x0a\1d"
    read = made.to_connect("t", payload)
    firm = read.value["firm"]
    assert (read.value["friend"]["name"], firm["people"][0]["firm"]["people"][0]["name"]) == ("b", "d")
    assert read.schema.field("friend").schema.field("friend").schema.name == "Person"
    assert made.from_connect("t", read.schema, read.value)[6:] == payload[6:]


def test_a_message_that_is_nested_too_deeply_is_at_fault_itself(url):
    value = None
    for _ in range(10_000):
        value = {"name": "", "friend": value}
    made = converter(url)
    with pytest.raises(DataError, match="nested too deeply"):
        made.from_connect("t", PERSON, value)
    nested = b""
    for _ in range(2000):
        size, length = len(nested), b""
        while size > 127:
            length, size = length + bytes([size & 127 | 128]), size >> 7
        nested = b"\x12" + length + bytes([size]) + nested
    made.from_connect("t", PERSON, {"name": "a"})
    with pytest.raises(DataError, match="Error deserializing Protobuf message"):
        made.to_connect("t", b"\0\0\0\0\1\0" + nested)


@pytest.mark.parametrize("content", ["{", "message A {", 'edition = "2023";', "message A { optional group G = 1 {} }"])
def test_a_schema_that_is_none_is_refused(url, content):
    made = converter(url)
    register(url, "t-value", content)
    with pytest.raises(DataError, match=r"Protobuf .* is not supported|This is no Protobuf schema"):
        made.to_connect("t", b"\0\0\0\0\1\0")


def test_files_that_are_imported_are_fetched(url):
    made = converter(url)
    register(url, "inner", 'syntax = "proto3"; package in; message Inner { int32 x = 1; }')
    outer = 'syntax = "proto3"; import "inner.proto"; message Outer { in.Inner i = 1; }'
    wanted = RegistrySchema(outer, "PROTOBUF", (registry.Reference("inner.proto", "inner", 1),))
    number = registry._mocks[url].register_schema("t-value", registry._to_client(wanted))
    assert made.to_connect("t", b"\0" + number.to_bytes(4, "big") + b"\0\x0a\x02\x08\x07").value == {"i": {"x": 7}}


def test_a_missing_import_is_named(url):
    made = converter(url)
    register(url, "t-value", 'syntax = "proto3"; import "inner.proto"; message Outer { in.Inner i = 1; }')
    with pytest.raises(DataError, match=r"imports inner\.proto, which is neither well known nor among its references"):
        made.to_connect("t", b"\0\0\0\0\1\0")


BEFORE = 'syntax = "proto3"; message R { int32 a = 1; string b = 2; }'


@pytest.mark.parametrize(
    ("after", "fits"),
    [
        ('syntax = "proto3"; message R { int64 a = 1; bytes b = 2; bool c = 3; }', True),
        ('syntax = "proto3"; message R { int32 a = 1; }', True),
        ('syntax = "proto3"; message R { string a = 1; string b = 2; }', False),
        ('syntax = "proto3"; message R { sint32 a = 1; }', False),
        ('syntax = "proto3"; message Other { int32 a = 1; string b = 2; }', False),
        ('syntax = "proto3"; package p; message R { int32 a = 1; string b = 2; }', False),
        ('syntax = "proto3"; message R { oneof o { int32 a = 1; string b = 2; } }', False),
        ('syntax = "proto2"; message R { optional int32 a = 1; required string c = 3; }', False),
    ],
)
def test_later_versions_read_earlier_ones_or_do_not(after, fits):
    assert can_read(parse(after), parse(BEFORE)) is fits


def test_the_latest_version_gives_the_place_of_the_message(url):
    made = converter(url, auto_register_schemas="false", use_latest_version="true")
    row = Schema(Type.STRUCT, name="R", fields={"a": schema.INT32, "b": schema.STRING})
    register(url, "t-value", 'syntax = "proto3"; message Other {} message R { int32 a = 1; string b = 2; }')
    assert made.from_connect("t", row, {"a": 7, "b": "x"}) == b"\0\0\0\0\1\x02\x02\x08\x07\x12\x01x"


def test_a_file_is_written_as_it_was_read():
    content = (
        'syntax = "proto3";\npackage a;\n\nimport "x.proto";\n\nmessage R {\n  optional int32 a = 1;\n'
        "  repeated E b = 2;\n\n  oneof o {\n    string s = 3;\n  }\n"
        "\n  message In {}\n  enum E {\n    ZERO = 0;\n  }\n}\n"
    )
    assert text(parse(content)) == content
