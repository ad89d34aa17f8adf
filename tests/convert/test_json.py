from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import uuid
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkspan.api import Column, DataError, Schema, Type, schema
from linkspan.config import render
from linkspan.config.definition import load
from linkspan.convert import json as json_module
from linkspan.convert import lenient_json
from linkspan.convert.json import JsonConverter, JsonConverterConfig

GOLDEN = Path(__file__).parents[1] / "config" / "golden"
UTC = datetime.UTC


def converter(**settings: str) -> JsonConverter:
    made = JsonConverter()
    given_settings = {key.replace("_", "."): value for key, value in settings.items()}
    made.configure(load(JsonConverterConfig, {"converter.type": "value", **given_settings}), is_key=False)
    return made


PLAIN = converter(**{"schemas.enable": "false"})
FULL = converter()


def test_keys_are_rendered_like_the_original():
    original = json.loads((GOLDEN / "JsonConverter-config.json").read_text())
    assert [render.key_info(key) for key in JsonConverterConfig.keys] == original


def test_null_without_schema_is_a_tombstone_in_both_modes():
    for either in (PLAIN, FULL):
        assert either.from_connect("t", None, None) is None
        assert either.to_connect("t", None) == (None, None)


def test_null_with_optional_schema():
    assert PLAIN.from_connect("t", schema.OPTIONAL_STRING, None) == b"null"
    assert FULL.from_connect("t", schema.OPTIONAL_STRING, None) == (
        b'{"schema":{"type":"string","optional":true},"payload":null}'
    )


def test_null_for_a_required_schema_is_refused():
    with pytest.raises(DataError, match="null value for field that is required and has no default value"):
        FULL.from_connect("t", schema.STRING, None)


RECORD = Schema(
    Type.STRUCT,
    name="rec",
    fields={"id": schema.INT32, "s": Schema(Type.STRING, optional=True, default="x")},
)


def test_envelope_has_the_members_in_kafkas_order():
    assert FULL.from_connect("t", RECORD, {"id": 1, "s": "y"}) == (
        b'{"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"},'
        b'{"type":"string","optional":true,"default":"x","field":"s"}],"optional":false,"name":"rec"},'
        b'"payload":{"id":1,"s":"y"}}'
    )


def test_null_is_replaced_by_the_default_unless_told_otherwise():
    assert FULL.from_connect("t", RECORD, {"id": 1, "s": None}).endswith(b'"payload":{"id":1,"s":"x"}}')
    kept = converter(replace_null_with_default="false")
    assert kept.from_connect("t", RECORD, {"id": 1, "s": None}).endswith(b'"payload":{"id":1,"s":null}}')


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        (schema.INT64, 2**63 - 1, b"9223372036854775807"),
        (schema.FLOAT64, float("nan"), b'"NaN"'),
        (schema.FLOAT64, float("-inf"), b'"-Infinity"'),
        (schema.BOOLEAN, True, b"true"),
        (schema.BYTES, b"\x00\xff", b'"AP8="'),
        (schema.STRING, 'a"\\\n\x01ü/', '"a\\"\\\\\\n\\u0001ü/"'.encode()),
        (schema.date(), datetime.date(1970, 1, 11), b"10"),
        (schema.time(), datetime.time(0, 0, 1, 500000), b"1500"),
        (schema.timestamp(), datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), b"1000"),
        (schema.decimal_of(2), decimal.Decimal("1.56"), b'"AJw="'),
        (schema.decimal_of(2), decimal.Decimal("-1.56"), b'"/2Q="'),
        (Schema(Type.ARRAY, values=schema.INT8), [1, 2], b"[1,2]"),
        (Schema(Type.MAP, keys=schema.STRING, values=schema.INT8), {"a": 1}, b'{"a":1}'),
        (Schema(Type.MAP, keys=schema.INT8, values=schema.INT8), {1: 2}, b"[[1,2]]"),
    ],
)
def test_values_with_schema_are_written_as_by_java_and_read_back(kind, value, written):
    assert PLAIN.from_connect("t", kind, value) == written
    back = FULL.to_connect("t", FULL.from_connect("t", kind, value))
    assert back.schema == kind
    if not isinstance(value, float):
        assert back.value == value


def test_decimal_as_number_keeps_its_digits():
    numeric = converter(schemas_enable="false", decimal_format="numeric")
    assert numeric.from_connect("t", schema.decimal_of(4), decimal.Decimal("1.5600")) == b"1.5600"


@pytest.mark.parametrize(
    ("kind", "value"),
    [(schema.INT8, 200), (schema.INT32, "1"), (schema.BOOLEAN, 1), (RECORD, {"id": 1, "z": 2}), (schema.date(), 5)],
)
def test_value_that_does_not_fit_its_schema_is_refused(kind, value):
    with pytest.raises(DataError):
        FULL.from_connect("t", kind, value)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ('{"type":"int8"}', "257", 1),
        ('{"type":"int32"}', '"7"', 0),
        ('{"type":"boolean"}', '"true"', False),
        ('{"type":"float"}', '"NaN"', 0.0),
        ('{"type":"string","optional":true}', "5", None),
        ('{"type":"string","optional":true,"default":"d"}', "null", "d"),
        ('{"type":"struct","fields":[{"field":"a","type":"int8","optional":true}]}', '{"b":1}', {"a": None}),
        ("null", '{"a":[1,2.5,"x",null]}', {"a": [1, 2.5, "x", None]}),
    ],
)
def test_odd_payloads_are_read_as_by_java(kind, text, value):
    assert FULL.to_connect("t", f'{{"schema":{kind},"payload":{text}}}'.encode()).value == value


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"{}", "requires"),
        (b'{"schema":null,"payload":1,"x":2}', "may not contain additional fields"),
        (b'{"schema":{"type":"int99"},"payload":1}', "Unknown schema type: int99"),
        (b'{"schema":{"type":"int32"},"payload":null}', "Invalid null value for required INT32 field"),
        (b'{"schema":{"type":"bytes"},"payload":"???"}', "Invalid bytes field"),
        (b'{"schema":{"type":"struct","fields":1},"payload":{}}', "is not an array"),
        (b"{not json", "serialization error"),
        (b"\xff", "serialization error"),
    ],
)
def test_what_cannot_be_read_is_a_data_error(payload, message):
    with pytest.raises(DataError, match=message):
        FULL.to_connect("t", payload)


def test_text_after_the_first_value_is_ignored():
    assert PLAIN.to_connect("t", b'{"a":1} tail').value == {"a": 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=10,
)


@given(st.lists(JSON, max_size=5))
def test_batch_of_plain_values_is_what_single_values_are(values):
    batch = PLAIN.from_connect_batch("t", Column(values))
    assert list(batch) == [PLAIN.from_connect("t", None, value) for value in values]
    assert list(PLAIN.to_connect_batch("t", batch).values) == values


@given(
    st.lists(
        st.fixed_dictionaries({"id": st.integers(-(2**31), 2**31 - 1), "s": st.text('abc"\\ü', max_size=5)}), min_size=1
    )
)
def test_batch_with_schemas_is_what_single_values_are(values):
    payloads = FULL.from_connect_batch("t", Column(values, RECORD))
    quick = FULL.to_connect_batch("t", payloads)
    single = [FULL.to_connect("t", payload) for payload in payloads]
    assert list(quick.values) == [item.value for item in single] == values
    assert all(quick.schema_at(index) == RECORD for index in range(len(values)))


def test_batch_with_different_schemas_takes_the_slow_way():
    payloads = [FULL.from_connect("t", schema.INT8, 1), FULL.from_connect("t", schema.STRING, "a"), None]
    column = FULL.to_connect_batch("t", payloads)
    assert list(column.values) == [1, "a", None]
    assert [column.schema_at(index) for index in range(3)] == [schema.INT8, schema.STRING, None]


DECIMALS = (
    b'{"schema":{"type":"struct","optional":true,"fields":[{"field":"d","type":"bytes","optional":true,'
    b'"name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"1"}}]},"payload":'
)


def outcome(read):
    try:
        return read()
    except DataError as error:
        return str(error)


def outcomes(column):
    """What became of each payload of a batch."""
    failures = {at: str(error) for at, error in column.failures.items()}
    return [failures.get(at, (column.schema_at(at), value)) for at, value in enumerate(column.values)]


@pytest.mark.parametrize(
    "rest",
    [
        b'{"d":1.5}}',
        b'{"d":15e-1} }',
        b"null}",
        b'{"d":1.5},"extra":3}',
        b'{"d":1.5},"payload":{"d":2.5}}',
        b'{"d":1.5} x}',
        b"}",
        b" }",
        b'\xef\xbb\xbf{"d":1.5}}',
        b'{"d":01.5}}',
        b'{"d":1e9999999999999999999}}',
        b'{"d":1\x00}}',
    ],
)
def test_batch_with_decimals_ends_as_single_values_do(rest):
    payload = DECIMALS + rest
    single = outcome(lambda: FULL.to_connect("t", payload))
    assert outcomes(FULL.to_connect_batch("t", [payload])) == [single]


class Colour(enum.Enum):
    RED = "red"


class Level(int, enum.Enum):
    HIGH = 3


@dataclasses.dataclass
class Point:
    x: int = 1


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (datetime.datetime(1970, 1, 1, 0, 0, 1, 500000, tzinfo=UTC), b"1500"),
        (datetime.date(1970, 1, 11), b"10"),
        (datetime.time(0, 0, 1, 500000), b"1500"),
        (uuid.UUID(int=1), b'"00000000-0000-0000-0000-000000000001"'),
        (Colour.RED, b'"red"'),
        (Level.HIGH, b"3"),
        (b"\x00\xff", b'"AP8="'),
        (decimal.Decimal("1.50"), b"1.50"),
        (decimal.Decimal("NaN"), b'"NaN"'),
        (decimal.Decimal("sNaN"), b'"NaN"'),
        (decimal.Decimal("-Infinity"), b'"-Infinity"'),
        (float("inf"), b'"Infinity"'),
        ("\x1b\x0b\x1f \\u001f \x7fé", b'"\\u001B\\u000B\\u001F \\\\u001f \x7f\xc3\xa9"'),
        ("é😀\U0010ffff", b'"\xc3\xa9\\uD83D\\uDE00\\uDBFF\\uDFFF"'),
        ({"😀\x1a": []}, b'{"\\uD83D\\uDE00\\u001A":[]}'),
    ],
)
def test_a_value_without_schema_is_written_alike_alone_in_a_batch_and_beside_odd_ones(value, written):
    expected = b'{"v":' + written + b"}"
    assert PLAIN.from_connect("t", None, {"v": value}) == expected
    assert PLAIN.from_connect_batch("t", Column([{"v": value}])) == [expected]
    assert PLAIN.from_connect_batch("t", Column([{"v": value}, {"n": None}]))[0] == expected
    beside = PLAIN.from_connect("t", None, {"v": value, "d": decimal.Decimal(1)})
    assert beside == b'{"v":' + written + b',"d":1}'


@pytest.mark.parametrize("value", [Point(), object(), 1j])
def test_a_value_that_json_has_no_form_for_is_a_data_error_in_a_batch_too(value):
    for write in (
        lambda: PLAIN.from_connect("t", None, {"v": value}),
        lambda: PLAIN.from_connect_batch("t", Column([{"v": value}])),
    ):
        with pytest.raises(DataError, match=f"cannot write a value of type {type(value).__name__} without a schema"):
            write()


@pytest.mark.parametrize("envelope", ["true", "false"])
def test_only_records_with_a_null_are_written_twice(monkeypatch, envelope):
    made = converter(schemas_enable=envelope)
    values = [{"a": number} for number in range(20)]
    values[7] = {"a": None, "f": float("nan")}
    expected = [made.from_connect("t", None, value) for value in values]
    again = []
    single = JsonConverter.from_connect

    def counting(self, topic, kind, value, headers=None):
        again.append(value)
        return single(self, topic, kind, value, headers)

    monkeypatch.setattr(JsonConverter, "from_connect", counting)
    assert made.from_connect_batch("t", Column(values)) == expected
    assert again == [values[7]]


def test_records_with_a_schema_are_written_without_making_schemas(monkeypatch):
    FULL.from_connect("t", RECORD, {"id": 1, "s": "y"})
    monkeypatch.setattr(json_module, "Schema", None)
    assert FULL.from_connect("t", RECORD, {"id": 2, "s": "z"}).endswith(b'"payload":{"id":2,"s":"z"}}')


@pytest.mark.parametrize("batch", [True, False])
@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int64", "18446744073709551621", 5),
        ("int64", "-18446744073709551621", -5),
        ("int64", "9007199254740993.0", 9007199254740993),
        ("int32", "3e9", 3_000_000_000 - 2**32),
        ("int64", "1e64", 0),
        ("int64", "1e999999999", 0),
        ("int64", "1e-999999999", 0),
        ("int8", "-1.9", -1),
        ("double", "1" + "0" * 400, float("inf")),
    ],
)
def test_digits_of_numbers_are_kept_until_they_are_cut_as_by_java(kind, text, value, batch):
    payload = f'{{"schema":{{"type":"{kind}"}},"payload":{text}}}'.encode()
    if batch:
        assert list(FULL.to_connect_batch("t", [payload]).values) == [value]
    else:
        assert FULL.to_connect("t", payload).value == value


def test_digits_of_a_default_are_kept():
    payload = b'{"schema":{"type":"int64","default":18446744073709551621},"payload":null}'
    assert converter().to_connect("t", payload).value == 5
    assert list(converter().to_connect_batch("t", [payload, payload]).values) == [5, 5]


def test_a_whole_number_that_no_fraction_can_hold_is_infinite_beside_decimals():
    kind = DECIMALS.removesuffix(b']},"payload":') + b',{"field":"f","type":"double"}]},"payload":'
    payload = kind + b'{"d":1.5,"f":-1' + b"0" * 400 + b"}}"
    assert FULL.to_connect("t", payload).value == {"d": decimal.Decimal("1.5"), "f": float("-inf")}


def test_nesting_that_is_too_deep_is_a_data_error_that_says_so():
    value: object = 1
    for _ in range(5000):
        value = [value]
    with pytest.raises(DataError, match="nested too deeply"):
        PLAIN.from_connect("t", None, value)
    with pytest.raises(DataError, match="nested too deeply"):
        PLAIN.from_connect_batch("t", Column([value]))
    text = b"[" * 100_000 + b"]" * 100_000
    with pytest.raises(DataError, match="nested too deeply"):
        PLAIN.to_connect("t", text)
    assert "nested too deeply" in str(PLAIN.to_connect_batch("t", [text]).failures[0])
    kind = b'{"type":"array","items":' * 900 + b'{"type":"int8"}' + b"}" * 900
    with pytest.raises(DataError, match="nested too deeply"):
        FULL.to_connect("t", b'{"schema":' + kind + b',"payload":[]}')


def test_a_batch_goes_on_behind_what_cannot_be_read_and_behind_what_only_looks_odd():
    payloads = [b"1", b"{bad", None, b"007", b"", b'"x"', b"\xff\xfe\xff", b"[1]", b"{bad"]
    plain = converter(**{"schemas.enable": "false"})
    column = plain.to_connect_batch("t", payloads)
    assert list(column.failures) == [1, 6, 8]
    assert all(isinstance(error, DataError) for error in column.failures.values())
    for index, payload in enumerate(payloads):
        if index in column.failures:
            with pytest.raises(DataError) as caught:
                plain.to_connect("t", payload)
            assert str(caught.value) == str(column.failures[index])
        else:
            assert column.values[index] == plain.to_connect("t", payload).value


@pytest.mark.parametrize("payload", [b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"])
def test_a_byte_order_mark_without_a_text_is_no_json(payload):
    with pytest.raises(DataError):
        PLAIN.to_connect("t", payload)


def test_what_fails_in_a_batch_says_nothing_of_the_other_failures_there():
    column = converter(**{"schemas.enable": "false"}).to_connect_batch("t", [b"1", b"{bad", b"2", b"[worse"])
    assert (list(column.values), list(column.failures)) == ([1, None, 2, None], [1, 3])
    for failure in column.failures.values():
        assert failure.__context__ is None
        assert failure.__cause__.__context__ is None


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_a_text_that_ends_too_early_would_be_refused_by_the_slow_way_too(value):
    whole = json.dumps(value).encode()
    for end in range(1, len(whole)):
        try:
            orjson.loads(whole[:end])
        except orjson.JSONDecodeError as error:
            if error.msg == json_module._CUT_OFF:
                with pytest.raises(ValueError, match=r"char|Unterminated"):
                    lenient_json.parse(whole[:end])


def test_a_schema_that_contains_itself_is_refused_with_what_to_do():
    node = Schema.recursive(
        lambda again: Schema(Type.STRUCT, name="Node", fields={"next": again(optional=True)}),
    )
    with pytest.raises(DataError, match="The schema Node contains itself, which JsonConverter cannot write"):
        converter().from_connect("t", node, {"next": None})
    assert converter(**{"schemas.enable": "false"}).from_connect("t", node, {"next": None}) == b'{"next":null}'


ENVELOPES = [
    b'{"schema":{"type":"int32","optional":true},"payload":1}',
    b'{"schema":{"type":"int32","optional":true},"payload":null}',
    b'{"schema":{"type":"int32","optional":true},"payload":1.5}',
    b'{"schema":{"type":"int32","optional":true},"payload":{}}x',
    b'{"schema":{"type":"int32","optional":true},"payload":1},"x":{}}',
    b'{"schema":{"type":"int32","optional":true},"payload":1',
    b'{"schema":{"type":"int32"},"payload":null}',
    b'{"schema":{"type":"string"},"payload":"a"}',
    b'{"schema":null,"payload":{"a":1}}',
    b'{"payload":1,"schema":{"type":"int64"}}',
    b'{"schema":{"type":"nope"},"payload":1}',
    *(b"{bad", b"", b"1", None),
]


@given(st.lists(st.sampled_from(ENVELOPES), min_size=1))
def test_envelopes_in_a_batch_fare_as_each_does_alone(payloads):
    each = [outcome(lambda payload=payload: converter().to_connect("t", payload)) for payload in payloads]
    made = outcome(lambda: outcomes(converter().to_connect_batch("t", payloads)))
    # one that cannot be done at once is done again in small pieces
    assert made in ([each] if isinstance(made, list) else each)


def test_one_bad_envelope_leaves_the_others_with_the_schema_they_share():
    column = converter().to_connect_batch("t", [ENVELOPES[5], ENVELOPES[0], ENVELOPES[1]])
    assert (column.schemas, column.schema, list(column.values)) == (None, schema.OPTIONAL_INT32, [None, 1, None])
    assert list(column.failures) == [0]
