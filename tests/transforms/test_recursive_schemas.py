"""Transforms on records whose schema contains itself."""

from __future__ import annotations

import pytest

from linkspan.api import DataError, Schema, SourceRecord, Type
from linkspan.api import schema as connect
from linkspan.config.definition import load
from linkspan.transforms.flatten import FlattenValue
from linkspan.transforms.replace_field import ReplaceFieldValue
from linkspan.transforms.set_schema_metadata import SetSchemaMetadataValue

NODE = Schema.recursive(
    lambda again: Schema(Type.STRUCT, name="Node", fields={"value": connect.INT32, "next": again(optional=True)})
)
VALUE = {"value": 1, "next": {"value": 2, "next": None}}


def applied(kind, settings):
    made = kind()
    made.config = load(made.config_class, settings)
    made.configure()
    return made.apply(SourceRecord({}, {}, "t", VALUE, value_schema=NODE))


def test_what_has_no_end_is_not_flattened():
    with pytest.raises(DataError, match="Flatten: the schema Node contains itself"):
        applied(FlattenValue, {})


def test_fields_that_are_left_keep_their_schema():
    record = applied(ReplaceFieldValue, {"exclude": "value"})
    assert record.value == {"next": {"value": 2, "next": None}}
    assert record.value_schema.field("next").schema == NODE.field("next").schema


def test_a_new_name_is_that_of_the_outside():
    record = applied(SetSchemaMetadataValue, {"schema.name": "Root"})
    assert (record.value_schema.name, record.value_schema.field("next").schema.name) == ("Root", "Node")
