from __future__ import annotations

import datetime as dt
import decimal
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkspan.api import DataError, Schema, Type, schema

ORDER = Schema(
    Type.STRUCT,
    name="Order",
    version=2,
    fields={
        "id": schema.INT64,
        "items": Schema(
            Type.ARRAY, values=Schema(Type.STRUCT, fields={"price": schema.decimal_of(2), "count": schema.INT8})
        ),
        "tags": Schema(Type.MAP, keys=schema.STRING, values=schema.OPTIONAL_STRING, optional=True),
    },
)


def order(**changes: object) -> dict[str, object]:
    return {"id": 1, "items": [{"price": decimal.Decimal("1.50"), "count": 3}], "tags": {"a": None}, **changes}


def test_value_that_fits_is_accepted():
    ORDER.validate(order())


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (order(id="1"), "id: expected INT64, found str"),
        (order(id=1 << 63), "id: 9223372036854775808 is out of the range of INT64"),
        (order(id=True), "id: expected INT64, found bool"),
        (order(id=None), "id: null used for a required INT64"),
        (
            order(items=[{"price": decimal.Decimal("1.5"), "count": 3}]),
            r"items\[0\]\.price: Decimal 1.5 does not have the scale 2",
        ),
        (
            order(items=[{"price": decimal.Decimal("1.50"), "count": 128}]),
            r"items\[0\]\.count: 128 is out of the range of INT8",
        ),
        (order(tags={1: "x"}), r"tags\{key 1\}: expected STRING, found int"),
        (order(more=1), "more is not a field of STRUCT \\(Order\\)"),
        ([], "expected STRUCT \\(Order\\), found list"),
    ],
)
def test_message_names_the_path_and_what_was_found(value: object, message: str):
    with pytest.raises(DataError, match=message):
        ORDER.validate(value)


def test_null_is_fine_when_there_is_a_default():
    Schema(Type.INT32, default=7).validate(None)


def test_default_has_to_fit_the_schema():
    with pytest.raises(DataError, match="expected INT32"):
        Schema(Type.INT32, default="seven")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"type": Type.ARRAY}, "needs the schema of its items"),
        ({"type": Type.MAP, "keys": schema.STRING}, "needs the schemas of its keys and values"),
        ({"type": Type.STRING, "fields": {"a": schema.STRING}}, "Fields belong to a STRUCT"),
        ({"type": Type.STRUCT, "fields": [("a", schema.STRING), ("a", schema.STRING)]}, "must be unique"),
    ],
)
def test_parts_that_contradict_each_other_are_refused(parts: dict, message: str):
    with pytest.raises(DataError, match=message):
        Schema(**parts)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (schema.date(), dt.date(2026, 1, 1), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)),
        (schema.time(), dt.time(12, 30), "12:30"),
        (schema.timestamp(), dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 1, 1)),  # noqa: DTZ001 - the rule under test
        (schema.decimal_of(0), decimal.Decimal(5), 5),
    ],
)
def test_logical_types_take_their_python_type_only(kind: Schema, good: object, bad: object):
    kind.validate(good)
    with pytest.raises(DataError):
        kind.validate(bad)


def test_equal_schemas_are_equal_and_hash_alike():
    twin = pickle.loads(pickle.dumps(ORDER))
    assert twin == ORDER
    assert hash(twin) == hash(ORDER)
    assert twin is not ORDER


def test_schemas_that_differ_in_one_part_are_not_equal():
    assert schema.STRING != schema.OPTIONAL_STRING
    assert Schema(Type.STRING, parameters={"a": "1"}) != Schema(Type.STRING, parameters={"a": "2"})
    assert Schema(Type.INT32, default=1) != Schema(Type.INT32, default=2)


def test_fields_are_found_by_name_and_keep_their_order():
    assert [field.name for field in ORDER.fields] == ["id", "items", "tags"]
    assert ORDER.field("items").index == 1
    assert ORDER.field("nothing") is None


@given(st.sampled_from([Type.INT8, Type.INT16, Type.INT32, Type.INT64]), st.integers(-(1 << 70), 1 << 70))
def test_whole_numbers_are_accepted_exactly_within_their_bits(kind: Type, number: int):
    bits = {Type.INT8: 8, Type.INT16: 16, Type.INT32: 32, Type.INT64: 64}[kind]
    fits = -(2 ** (bits - 1)) <= number < 2 ** (bits - 1)
    try:
        Schema(kind).validate(number)
    except DataError:
        assert not fits
    else:
        assert fits


def test_defaults_that_are_written_differently_make_different_schemas():
    zero, less = (Schema(Type.FLOAT32, default=number) for number in (0.0, -0.0))
    assert zero != less
    pair = [Schema(Type.ARRAY, values=Schema(Type.FLOAT64), default=[number]) for number in (0.0, -0.0)]
    assert pair[0] != pair[1]
    unknown = [Schema(Type.FLOAT64, default=float("nan")) for _ in range(2)]
    assert unknown[0] == unknown[1]
