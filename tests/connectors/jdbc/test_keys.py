from __future__ import annotations

import pytest

from linkspan.api import ConfigError, DataError, Schema, schema
from linkspan.api.schema import Type
from linkspan_connectors.jdbc.keys import ColumnRules, Origin


def struct(**fields: Schema) -> Schema:
    return Schema(Type.STRUCT, fields=fields)


VALUE = struct(b=schema.INT32, id=schema.INT64, a=schema.STRING)
KEY = struct(id=schema.INT64, region=schema.STRING)


def names(columns):
    return [column.name for column in columns]


def shape(rules: ColumnRules, key: Schema | None = None, value: Schema | None = VALUE):
    return rules.shape("t", key, value)


def test_without_key_mode_all_fields_are_written_in_the_order_of_the_schema():
    found = shape(ColumnRules("none"))
    assert (found.keys, names(found.others), names(found.in_table)) == ((), ["b", "id", "a"], ["b", "id", "a"])


def test_coordinates_come_first_in_statements_and_tables():
    found = shape(ColumnRules("kafka"))
    assert names(found.keys) == ["__connect_topic", "__connect_partition", "__connect_offset"]
    assert [column.origin for column in found.keys] == [Origin.TOPIC, Origin.PARTITION, Origin.OFFSET]
    assert names(found.in_table) == ["__connect_topic", "__connect_partition", "__connect_offset", "b", "id", "a"]


def test_coordinates_under_other_names_stand_at_the_end_of_a_table_by_name():
    found = shape(ColumnRules("kafka", ("z_topic", "y_partition", "x_offset")))
    assert names(found.columns) == ["z_topic", "y_partition", "x_offset", "b", "id", "a"]
    assert names(found.in_table) == ["b", "id", "a", "x_offset", "y_partition", "z_topic"]


def test_coordinates_need_three_names_or_none():
    with pytest.raises(ConfigError, match="three names") as caught:
        shape(ColumnRules("kafka", ("a",)))
    assert caught.value.key == "pk.fields"


def test_a_primitive_key_is_written_under_the_one_name_of_pk_fields():
    (key,) = shape(ColumnRules("record_key", ("k",)), schema.STRING).keys
    assert (key.name, key.origin, key.is_key) == ("k", Origin.KEY, True)
    for fields in ((), ("k", "l")):
        with pytest.raises(DataError, match=r"exactly one column name in pk\.fields"):
            shape(ColumnRules("record_key", fields), schema.STRING)


def test_all_fields_of_a_struct_key_are_key_columns_unless_some_are_named():
    assert names(shape(ColumnRules("record_key"), KEY).keys) == ["id", "region"]
    assert names(shape(ColumnRules("record_key", ("region",)), KEY).keys) == ["region"]


def test_a_key_column_that_the_value_has_too_is_written_once_from_the_key():
    found = shape(ColumnRules("record_key"), KEY)
    assert names(found.columns) == ["id", "region", "b", "a"]
    assert found.keys[0].origin is Origin.KEY_FIELD
    assert names(found.in_table) == ["b", "id", "a", "region"]


def test_key_fields_that_the_key_lacks_are_named():
    with pytest.raises(DataError, match=r"pk\.fields names nope.*key has only the fields id, region"):
        shape(ColumnRules("record_key", ("nope",)), KEY)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (None, "key has a schema"),
        (Schema(Type.ARRAY, values=schema.INT32), "primitive or a Struct, and not ARRAY"),
        (struct(), "key has no fields"),
    ],
)
def test_keys_that_can_be_no_columns_are_refused(key, text):
    with pytest.raises(DataError, match=text):
        shape(ColumnRules("record_key"), key)


def test_fields_of_the_value_are_key_columns_all_of_them_when_none_is_named():
    found = shape(ColumnRules("record_value", ("a", "id")))
    assert (names(found.keys), names(found.others), names(found.in_table)) == (["a", "id"], ["b"], ["b", "id", "a"])
    assert names(shape(ColumnRules("record_value")).keys) == ["b", "id", "a"]
    with pytest.raises(DataError, match=r"pk\.fields names x.*value has only the fields b, id, a"):
        shape(ColumnRules("record_value", ("x",)))


def test_the_whitelist_chooses_among_the_value_and_keys_are_written_always():
    rules = ColumnRules("record_value", ("id",), whitelist=frozenset({"a"}))
    assert names(shape(rules).columns) == ["id", "a"]
    with pytest.raises(DataError, match="no column is left"):
        shape(ColumnRules("none", whitelist=frozenset({"x"})))


@pytest.mark.parametrize("value", [None, schema.INT32, Schema(Type.MAP, keys=schema.STRING, values=schema.STRING)])
def test_values_without_schema_or_fields_are_refused(value):
    with pytest.raises(DataError, match="non-null Struct or String value"):
        shape(ColumnRules("none"), value=value)


def test_a_bare_text_is_one_column_of_its_own():
    found = shape(ColumnRules("kafka", text_column="line"), value=schema.STRING)
    assert names(found.others) == ["line"]
    assert found.others[0].schema == schema.OPTIONAL_STRING


@pytest.mark.parametrize(
    ("rules", "key"),
    [
        (ColumnRules("record_value"), "pk.mode=record_value"),
        (ColumnRules("none", whitelist=frozenset({"a"})), "fields.whitelist"),
        (ColumnRules("none", timestamp_fields=frozenset({"a"})), "timestamp.fields.list"),
    ],
)
def test_a_bare_text_has_no_fields_to_choose_from(rules, key):
    with pytest.raises(DataError, match=key):
        shape(rules, value=schema.STRING)


def test_numbers_and_texts_of_the_timestamp_list_become_timestamps():
    rules = ColumnRules("none", timestamp_fields=frozenset({"id", "a"}), timestamp_digits=9)
    assert [column.timestamp_digits for column in shape(rules).others] == [0, 9, 9]
    with pytest.raises(DataError, match=r"field b of timestamp\.fields\.list has to be INT64 or STRING"):
        shape(rules._replace(timestamp_fields=frozenset({"b"})))


def test_a_record_without_value_deletes_by_its_key_or_is_refused():
    found = ColumnRules("record_key", deletes=True).delete_shape("t", KEY)
    assert (names(found.columns), found.deletes) == (["id", "region"], True)
    with pytest.raises(DataError, match=r"delete\.enabled=true"):
        ColumnRules("record_key").delete_shape("t", KEY)
