"""JsonSchemaConverter on a registry in memory: what is written, read, validated and refused."""

from __future__ import annotations

import decimal
import itertools
import json

import pytest

from linkspan.api import Column, DataError, Schema, Type, schema
from linkspan.config.definition import load
from linkspan.convert import registry
from linkspan.convert.json_schema.converter import JsonSchemaConverter
from linkspan.convert.registry_schema import RegistrySchema
from linkspan.convert.rules.json_schema import can_read

SCOPES = itertools.count()
ROW = Schema(
    Type.STRUCT,
    name="shop.Row",
    fields={"id": schema.INT32, "name": schema.OPTIONAL_STRING, "price": schema.decimal_of(2), "raw": schema.BYTES},
)
VALUE = {"id": 7, "name": None, "price": decimal.Decimal("1.25"), "raw": b"\x01"}


@pytest.fixture
def url():
    return f"mock://json-{next(SCOPES)}"


def converter(url, **settings):
    made = JsonSchemaConverter()
    given = {name.replace("_", "."): value for name, value in settings.items()}
    made.configure(load(made.config_class, {"schema.registry.url": url, **given}), is_key=False)
    return made


def register(url, subject, data):
    client = registry._mocks[url]
    return client.register_schema(subject, registry._to_client(RegistrySchema(json.dumps(data), "JSON")))


def test_a_payload_is_a_zero_the_id_and_json(url):
    payload = converter(url).from_connect("t", ROW, VALUE)
    assert payload == b'\0\0\0\0\1{"id":7,"name":null,"price":"fQ==","raw":"AQ=="}'


def test_what_is_written_is_read(url):
    made = converter(url)
    read, value = made.to_connect("t", made.from_connect("t", ROW, VALUE))
    assert value == VALUE
    assert (read.name, read.version, read.field("price").schema.name) == ("shop.Row", 1, ROW.field("price").schema.name)


def test_decimals_are_numbers_when_wanted(url):
    made = converter(url, decimal_format="numeric")
    payload = made.from_connect("t", ROW, {**VALUE, "price": decimal.Decimal("12345678901234567890.10")})
    assert b'"price":12345678901234567890.10' in payload
    assert made.to_connect("t", payload).value["price"] == decimal.Decimal("12345678901234567890.10")


def test_a_batch_is_written_and_read_like_its_records(url):
    made = converter(url)
    values = [{**VALUE, "id": number} for number in range(5)]
    payloads = made.from_connect_batch("t", Column(values, ROW))
    assert payloads == [made.from_connect("t", ROW, value) for value in values]
    assert made.to_connect_batch("t", payloads).values == values


def test_a_null_that_the_schema_allows_is_written(url):
    made = converter(url)
    assert made.from_connect_batch("t", Column([None, "x"], schema.OPTIONAL_STRING)) == [
        b"\0\0\0\0\1null",
        b'\0\0\0\0\1"x"',
    ]
    assert made.to_connect("t", b"\0\0\0\0\1null").value is None
    assert made.from_connect("t", schema.STRING, None) is None
    assert made.from_connect("t", None, None) is None


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("id", 1 << 31, "id: 2147483648 is out of the range of INT32"),
        ("id", "x", "id: expected INT32, found str"),
        ("name", 5, "name: expected STRING, found int"),
        ("price", decimal.Decimal("1.5"), "price: Decimal value has mismatching scale"),
        ("raw", "x", "raw: expected BYTES, found str"),
        ("other", 1, "other is not a field"),
    ],
)
def test_what_does_not_fit_is_refused(url, field, value, words):
    with pytest.raises(DataError, match=words):
        converter(url).from_connect("t", ROW, {**VALUE, field: value})


def test_a_value_without_schema_is_refused(url):
    with pytest.raises(DataError, match="needs a schema"):
        converter(url).from_connect("t", None, {"a": 1})


POSITIVE = {"type": "object", "properties": {"id": {"type": "integer", "minimum": 1}}, "required": ["id"]}


def test_json_is_checked_against_its_schema_when_wanted(url):
    made = converter(url, json_fail_invalid_schema="true")
    register(url, "t-value", POSITIVE)
    assert made.to_connect("t", b'\0\0\0\0\1{"id":1}').value == {"id": 1}
    with pytest.raises(DataError, match=r"Validation error in JSON \$\.id: 0 is less than the minimum of 1"):
        made.to_connect("t", b'\0\0\0\0\1{"id":0}')
    assert converter(url).to_connect("t", b'\0\0\0\0\1{"id":0}').value == {"id": 0}


def test_what_is_written_is_checked_against_the_latest_version_when_wanted(url):
    made = converter(
        url,
        json_fail_invalid_schema="true",
        auto_register_schemas="false",
        use_latest_version="true",
        latest_compatibility_strict="false",
    )
    register(url, "t-value", POSITIVE)
    row = Schema(Type.STRUCT, fields={"id": schema.INT64})
    assert made.from_connect("t", row, {"id": 1}) == b'\0\0\0\0\1{"id":1}'
    with pytest.raises(DataError, match="is less than the minimum"):
        made.from_connect("t", row, {"id": 0})


def test_schemas_that_are_referred_to_are_fetched(url):
    made = converter(url, json_fail_invalid_schema="true")
    register(url, "inner", {"type": "object", "properties": {"x": {"type": "integer"}}})
    outer = {"type": "object", "properties": {"in": {"$ref": "inner.json"}}}
    wanted = RegistrySchema(json.dumps(outer), "JSON", (registry.Reference("inner.json", "inner", 1),))
    number = registry._mocks[url].register_schema("t-value", registry._to_client(wanted))
    head = b"\0" + number.to_bytes(4, "big")
    assert made.to_connect("t", head + b'{"in":{"x":7}}').value == {"in": {"x": 7}}
    with pytest.raises(DataError, match="is not of type 'integer'"):
        made.to_connect("t", head + b'{"in":{"x":"y"}}')


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"type": "array", "items": {"$ref": "#"}, "title": "Lists"}, "Lists contains itself"),
        ({"$ref": "#/a", "a": {"$ref": "#/a"}}, "reference of the JSON Schema means itself"),
        ({"$ref": "#/definitions/None"}, "refers to #/definitions/None, which it does not have"),
        ({"$ref": "other.json"}, "refers to other.json, which is not among its references"),
        ({"type": "text"}, r"unknown type: \[text\]"),
        ({}, "Unsupported schema type empty"),
        (5, "This is no JSON Schema"),
    ],
)
def test_schemas_that_cannot_be_expressed_are_refused(url, data, words):
    made = converter(url)
    register(url, "t-value", data)
    with pytest.raises(DataError, match=words):
        made.to_connect("t", b"\0\0\0\0\1{}")


def test_what_is_no_json_is_refused(url):
    made = converter(url)
    register(url, "t-value", POSITIVE)
    with pytest.raises(DataError, match="topic t: Error deserializing JSON message"):
        made.to_connect("t", b"\0\0\0\0\1{")


BEFORE = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


@pytest.mark.parametrize(
    ("after", "fits"),
    [
        ({"type": "object", "properties": {"a": {"type": "number"}}}, True),
        ({"type": "object", "properties": {"a": {"oneOf": [{"type": "null"}, {"type": "integer"}]}}}, True),
        # what may hold anything may hold another b already
        ({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}, False),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, False),
        ({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a", "b"]}, True),
        ({"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}, False),
        ({"type": "array", "items": {"type": "integer"}}, False),
    ],
)
def test_later_versions_read_earlier_ones_by_the_rules_of_the_registry(after, fits):
    assert can_read(json.dumps(after), json.dumps(BEFORE)) is fits


PERSON = Schema.recursive(
    lambda person: Schema(
        Type.STRUCT,
        name="Person",
        fields={
            "name": schema.STRING,
            "friend": person(optional=True),
            "named": Schema(Type.MAP, keys=schema.STRING, values=person()),
            "firm": Schema.recursive(
                lambda firm: Schema(
                    Type.STRUCT,
                    name="Firm",
                    optional=True,
                    fields={"people": Schema(Type.ARRAY, values=person()), "mother": firm(optional=True)},
                )
            ),
        },
    )
)


def person(name: str, **more: object) -> dict[str, object]:
    return {"name": name, "friend": None, "named": {}, "firm": None, **more}


def test_a_schema_that_contains_itself_is_written_and_read(url):
    made = converter(url)
    firm = {"people": [person("c")], "mother": {"people": [], "mother": None}}
    value = person("a", friend=person("b"), named={"x": person("d", firm=firm)}, firm=firm)
    payload = made.from_connect("t", PERSON, value)
    read = made.to_connect("t", payload)
    assert read.value == value
    assert read.schema.field("firm").schema.field("people").schema.values.name == "Person"
    assert made.to_connect("t", made.from_connect("t", read.schema, read.value)).value == value


def test_a_value_that_is_nested_too_deeply_is_at_fault_itself(url):
    made = converter(url)
    value = None
    for _ in range(100_000):
        value = person("a", friend=value)
    with pytest.raises(DataError, match="nested too deeply"):
        made.from_connect("t", PERSON, value)
    head = made.from_connect("t", PERSON, person("a"))[:5]
    with pytest.raises(DataError):
        made.to_connect("t", head + b'{"friend":' * 100_000 + b"null" + b"}" * 100_000)


def test_only_the_outermost_value_may_lack_what_is_required(url):
    made = converter(url)
    inner = {"type": "object", "properties": {"x": {"type": "integer"}}}
    register(url, "t-value", {"type": "object", "properties": {"a": inner, "b": {"type": "string"}}})
    assert made.to_connect("t", b'\0\0\0\0\1{"a":{"x":1}}').value == {"a": {"x": 1}, "b": None}
    with pytest.raises(DataError, match="Invalid null value for required INT64 field"):
        made.to_connect("t", b'\0\0\0\0\1{"a":{},"b":"x"}')
