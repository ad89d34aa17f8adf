"""AvroConverter on a registry in memory: bytes, batches, subjects, versions, and what does not fit."""

from __future__ import annotations

import datetime
import decimal
import itertools
import json

import pytest

from linkspan.api import Column, ConfigError, DataError, Schema, Type, schema
from linkspan.config.definition import load
from linkspan.convert import registry
from linkspan.convert.avro.converter import AvroConverter
from linkspan.convert.registered import REFUSED_SECONDS, Recent
from linkspan.convert.registry_schema import RegistrySchema

SCOPES = itertools.count()
ROW = Schema(
    Type.STRUCT,
    name="shop.Row",
    fields={
        "id": schema.INT32,
        "name": schema.OPTIONAL_STRING,
        "at": schema.timestamp(optional=True),
        "price": schema.decimal_of(2),
    },
)
VALUE = {
    "id": 7,
    "name": "x",
    "at": datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC),
    "price": decimal.Decimal("1.25"),
}


@pytest.fixture
def url():
    return f"mock://scope-{next(SCOPES)}"


def converter(url, is_key=False, **settings):
    made = AvroConverter()
    given = {name.replace("_", "."): value for name, value in settings.items()}
    made.configure(load(made.config_class, {"schema.registry.url": url, **given}), is_key=is_key)
    return made


def register(url, subject, data):
    client = registry._mocks[url]
    return client.register_schema(subject, registry._to_client(RegistrySchema(json.dumps(data), "AVRO")))


def test_a_payload_is_a_zero_the_id_and_avro(url):
    payload = converter(url).from_connect("t", ROW, VALUE)
    assert payload == b"\0\0\0\0\1" + b"\x0e" + b"\x02\x02x" + b"\x02\x80\x90\xea\xb8\xec\x5b" + b"\x02\x7d"


def test_what_is_written_is_read_with_the_version_of_the_subject(url):
    made = converter(url)
    read, value = made.to_connect("t", made.from_connect("t", ROW, VALUE))
    assert value == VALUE
    assert (read.name, read.version, read.field("price").schema) == ("shop.Row", 1, schema.decimal_of(2))


def test_a_batch_is_written_and_read_like_its_records(url):
    made = converter(url)
    values = [{**VALUE, "id": number} for number in range(5)]
    payloads = made.from_connect_batch("t", Column(values, ROW))
    assert payloads == [made.from_connect("t", ROW, value) for value in values]
    column = made.to_connect_batch("t", payloads)
    assert column.schemas is None
    assert column.values == values


def test_tombstones_in_a_batch_stay_tombstones(url):
    made = converter(url)
    optional = Schema(Type.STRING, optional=True)
    payloads = made.from_connect_batch("t", Column(["a", None, "b"], optional))
    assert payloads[1] is None
    column = made.to_connect_batch("t", payloads)
    assert column.values == ["a", None, "b"]
    assert column.schema_at(1) is None


def test_a_required_null_is_refused(url):
    with pytest.raises(DataError, match="Found null value for non-optional schema"):
        converter(url).from_connect("t", ROW, None)


def test_bytes_alone_are_written_without_their_length(url):
    made = converter(url)
    assert made.from_connect("t", schema.BYTES, b"abc") == b"\0\0\0\0\1abc"
    assert made.to_connect("t", b"\0\0\0\0\1abc").value == b"abc"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("id", 1 << 31, "2147483648 is out of the range of INT32"),
        ("id", 1.5, "expected INT32, found float"),
        ("id", True, "expected INT32, found bool"),
        ("id", None, "expected INT32, found NoneType"),
        ("name", 5, "name: expected STRING, found int"),
        ("at", datetime.datetime(2020, 1, 2), "needs a time zone"),  # noqa: DTZ001
        ("price", decimal.Decimal("1.5"), "mismatching scale"),
        ("other", 1, "other is not a field of the schema shop.Row"),
    ],
)
def test_what_avro_would_write_as_something_else_is_refused(url, field, value, words):
    with pytest.raises(DataError, match=words):
        converter(url).from_connect("t", ROW, {**VALUE, field: value})


def test_a_value_without_schema_comes_back_as_it_was(url):
    made = converter(url)
    value = {"a": [1, 2.5, "x", None, True], 3: {"b": b"\x01"}}
    assert made.to_connect("t", made.from_connect("t", None, value)) == (None, value)


def test_a_null_field_with_a_default_is_written_as_its_default(url):
    row = Schema(Type.STRUCT, fields={"n": Schema(Type.INT32, optional=True, default=5)})
    made = converter(url)
    assert made.to_connect("t", made.from_connect("t", row, {"n": None})).value == {"n": 5}
    keeping = converter(url, ignore_default_for_nullables="true")
    assert keeping.to_connect("t", keeping.from_connect("t", row, {"n": None})).value == {"n": None}


STRATEGIES = "io.confluent.kafka.serializers.subject."


@pytest.mark.parametrize(
    ("name", "is_key", "subject"),
    [
        ("TopicNameStrategy", False, "t-value"),
        ("TopicNameStrategy", True, "t-key"),
        ("RecordNameStrategy", False, "shop.Row"),
        ("TopicRecordNameStrategy", False, "t-shop.Row"),
    ],
)
def test_the_strategy_names_the_subject(url, name, is_key, subject):
    side = "key" if is_key else "value"
    made = converter(url, is_key, **{f"{side}_subject_name_strategy": STRATEGIES + name})
    payload = made.from_connect("t", ROW, VALUE)
    assert registry._mocks[url].get_latest_version(subject).schema_id == 1
    assert made.to_connect("t", payload).schema.version == 1


def test_only_records_have_a_name_for_the_subject(url):
    made = converter(url, value_subject_name_strategy=STRATEGIES + "RecordNameStrategy")
    with pytest.raises(DataError, match="the message value must only be a record schema"):
        made.from_connect("t", schema.STRING, "x")


def test_an_unknown_strategy_is_a_mistake_in_the_settings(url):
    with pytest.raises(ConfigError, match=r"use one of .*TopicNameStrategy") as raised:
        converter(url, value_subject_name_strategy="com.example.Mine")
    assert raised.value.key == "value.subject.name.strategy"


def test_a_schema_that_may_not_be_registered_must_be_there(url):
    made = converter(url, auto_register_schemas="false")
    now = [0.0]
    made._writing = Recent(1000, lambda: now[0])
    with pytest.raises(DataError, match="Error retrieving Avro schema"):
        made.from_connect("t", ROW, VALUE)
    converter(url).from_connect("t", ROW, VALUE)
    now[0] += REFUSED_SECONDS
    assert made.from_connect("t", ROW, VALUE)[:5] == b"\0\0\0\0\1"


LATER = {
    "type": "record",
    "name": "Row",
    "namespace": "shop",
    "fields": [{"name": "extra", "type": "string", "default": "new"}, {"name": "id", "type": "long"}],
}
SMALL = Schema(Type.STRUCT, name="shop.Row", fields={"id": schema.INT32})


def test_the_latest_version_is_written_by_the_names_of_its_fields(url):
    made = converter(url, auto_register_schemas="false", use_latest_version="true")
    register(url, "t-value", LATER)
    assert made.to_connect("t", made.from_connect("t", SMALL, {"id": 7})).value == {"extra": "new", "id": 7}


def test_a_latest_version_that_cannot_read_the_record_is_refused(url):
    fields = [{"name": "extra", "type": "string"}, {"name": "id", "type": "long"}]
    made = converter(url, auto_register_schemas="false", use_latest_version="true")
    register(url, "t-value", {**LATER, "fields": fields})
    with pytest.raises(DataError, match=r"Set latest\.compatibility\.strict=false to disable this check"):
        made.from_connect("t", SMALL, {"id": 7})


def test_a_latest_version_is_taken_unchecked_when_told_so(url):
    made = converter(url, auto_register_schemas="false", use_latest_version="true", latest_compatibility_strict="false")
    register(url, "t-value", {**LATER, "fields": [{"name": "id", "type": "long"}], "name": "Other"})
    assert made.from_connect("t", SMALL, {"id": 7}) == b"\0\0\0\0\1\x0e"


def test_a_schema_can_be_chosen_by_its_id(url):
    made = converter(url, auto_register_schemas="false", use_schema_id="1")
    register(url, "t-value", LATER)
    assert made.from_connect("t", SMALL, {"id": 7}) == b"\0\0\0\0\1\x06new\x0e"


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", "Unknown magic byte!"),
        (b"\1\0\0\0\1x", "Unknown magic byte!"),
        (b"{}", "Unknown magic byte!"),
        (b"\0\0\0", "ends within the id"),
        (b"\0\0\0\0\x63x", "Error retrieving Avro schema for id 99"),
        (b"\0\0\0\0\1\x0e", "Error deserializing Avro message"),
    ],
)
def test_what_is_not_ours_is_refused(url, payload, words):
    made = converter(url)
    made.from_connect("t", ROW, VALUE)
    with pytest.raises(DataError, match=words) as raised:
        made.to_connect("t", payload)
    assert raised.value.message.startswith("Failed to deserialize data for topic t to Avro: ")


NUMBERS = Schema.recursive(
    lambda again: Schema(Type.STRUCT, name="Number", fields={"value": schema.INT32, "next": again(optional=True)})
)


def numbers(count: int) -> dict[str, object] | None:
    chain = None
    for value in range(count, 0, -1):
        chain = {"value": value, "next": chain}
    return chain


def test_a_schema_that_contains_itself_is_written_and_read(url):
    made = converter(url)
    payload = made.from_connect("t", NUMBERS, numbers(3))
    assert payload == b"\0\0\0\0\1\x02\x02\x04\x02\x06\0"
    read = made.to_connect("t", payload)
    assert read.value == numbers(3)
    assert read.schema.field("next").schema.field("next").schema.field("value").schema == schema.INT32
    assert made.from_connect("t", read.schema, read.value)[5:] == payload[5:]


def test_a_record_that_can_only_be_endless_is_refused(url):
    made = converter(url)
    register(url, "t-value", {"type": "record", "name": "Node", "fields": [{"name": "next", "type": "Node"}]})
    with pytest.raises(DataError, match="The Avro schema Node contains itself"):
        made.to_connect("t", b"\0\0\0\0\1\0")
    endless = Schema.recursive(lambda again: Schema(Type.STRUCT, name="Other", fields={"next": again()}))
    with pytest.raises(DataError):
        made.from_connect("t", endless, {"next": {"next": None}})


def test_a_value_that_is_nested_too_deeply_is_at_fault_itself(url):
    made = converter(url)
    payload = made.from_connect("t", NUMBERS, numbers(200))
    assert made.to_connect("t", payload).value == numbers(200)
    with pytest.raises(DataError, match="nested too deeply"):
        made.from_connect("t", NUMBERS, numbers(100_000))
    with pytest.raises(DataError, match="nested too deeply"):
        made.to_connect("t", payload[:5] + b"\x02\x02" * 100_000 + b"\0")


def test_schemas_that_are_referred_to_are_fetched(url):
    made = converter(url)
    inner = {"type": "record", "name": "Inner", "fields": [{"name": "x", "type": "int"}]}
    register(url, "inner", inner)
    outer = {"type": "record", "name": "Outer", "fields": [{"name": "in", "type": "Inner"}]}
    reference = registry.Reference("Inner", "inner", 1)
    wanted = RegistrySchema(json.dumps(outer), "AVRO", (reference,))
    number = registry._mocks[url].register_schema("t-value", registry._to_client(wanted))
    assert made.to_connect("t", b"\0" + number.to_bytes(4, "big") + b"\x0e").value == {"in": {"x": 7}}


def test_a_schema_of_another_format_is_refused(url):
    made = converter(url)
    registry._mocks[url].register_schema("t-value", registry._to_client(RegistrySchema("{}", "JSON")))
    with pytest.raises(DataError, match="of type JSON, not AVRO"):
        made.to_connect("t", b"\0\0\0\0\1x")


def test_a_branch_of_a_union_is_a_field_of_a_struct(url):
    made = converter(url, enhanced_avro_schema_support="true")
    inner = {"type": "record", "name": "a.Inner", "fields": [{"name": "x", "type": "int"}]}
    register(
        url,
        "t-value",
        {"type": "record", "name": "R", "fields": [{"name": "u", "type": ["null", "int", "string", inner]}]},
    )
    for body, value in (
        (b"\x00", None),
        (b"\x02\x0e", {"int": 7}),
        (b"\x04\x02x", {"string": "x"}),
        (b"\x06\x0e", {"a.Inner": {"x": 7}}),
    ):
        read, found = made.to_connect("t", b"\0\0\0\0\1" + body)
        expected = None if value is None else {"int": None, "string": None, "a.Inner": None, **value}
        assert found == {"u": expected}
        assert made.from_connect("t", read, found)[5:] == body


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"schema.registry.url": "localhost:8081"}, "begins with http"),
        ({"schema.registry.url": ""}, "name the address of a schema registry"),
        ({"schema.registry.url": "mock://a,mock://b"}, "Only one mock scope is permitted"),
        ({"basic.auth.credentials.source": "USER_INFO"}, "basic.auth.user.info must be provided"),
        ({"basic.auth.credentials.source": "SASL_INHERIT"}, "sasl.jaas.config must be provided"),
        ({"bearer.auth.credentials.source": "STATIC_TOKEN"}, "bearer.auth.token must be provided"),
        ({"bearer.auth.credentials.source": "MAGIC"}, "the supported values are STATIC_TOKEN and OAUTHBEARER"),
        ({"bearer.auth.credentials.source": "OAUTHBEARER"}, "bearer.auth.issuer.endpoint.url must be provided"),
    ],
)
def test_settings_that_cannot_work_are_named(given, words):
    made = AvroConverter()
    config = load(made.config_class, {"schema.registry.url": "http://127.0.0.1:1", **given})
    with pytest.raises(ConfigError, match=words):
        made.configure(config, is_key=False)
