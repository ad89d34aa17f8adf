"""Schemas that contain themselves: equality, hashing, copies and checks of values come to an end."""

from __future__ import annotations

import copy
import pickle

import pytest

from linkspan.api import DataError, Schema, Type
from linkspan.api import schema as connect


def number(doc: str | None = None) -> Schema:
    return Schema.recursive(
        lambda again: Schema(
            Type.STRUCT,
            name="Number",
            doc=doc,
            fields={"value": connect.INT32, "next": again(optional=True, parameters={"tag": "2"})},
        )
    )


def tree() -> Schema:
    return Schema.recursive(
        lambda again: Schema(
            Type.STRUCT,
            name="Tree",
            fields={
                "children": Schema(Type.ARRAY, values=again()),
                "by_name": Schema(Type.MAP, keys=connect.STRING, values=again()),
            },
        )
    )


def mutual(leaf: Schema = connect.STRING) -> Schema:
    return Schema.recursive(
        lambda person: Schema(
            Type.STRUCT,
            name="Person",
            fields={
                "firm": Schema.recursive(
                    lambda firm: Schema(
                        Type.STRUCT,
                        name="Firm",
                        optional=True,
                        fields={"owner": person(optional=True), "mother": firm(optional=True), "title": leaf},
                    )
                )
            },
        )
    )


def inner(schema: Schema, *names: str) -> Schema:
    for name in names:
        field = schema.field(name)
        assert field is not None
        schema = field.schema
    return schema


def test_what_stands_for_a_schema_within_itself_is_like_it_but_for_what_was_asked_for():
    schema = number(doc="of a list")
    following = inner(schema, "next")
    assert (following.type, following.name, following.doc) == (Type.STRUCT, "Number", "of a list")
    assert (schema.optional, following.optional) == (False, True)
    assert (dict(schema.parameters), dict(following.parameters)) == ({}, {"tag": "2"})
    assert inner(following, "next", "next", "value") == connect.INT32


@pytest.mark.parametrize("make", [number, tree, mutual])
def test_schemas_made_alike_are_equal_and_hash_alike(make):
    assert make() == make()
    assert hash(make()) == hash(make())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda schema: pickle.loads(pickle.dumps(schema))])
@pytest.mark.parametrize("make", [number, tree, mutual])
def test_a_copy_is_equal_and_complete(make, copied):
    twin = copied(make())
    assert twin == make()
    assert hash(twin) == hash(make())
    assert twin.is_recursive


def test_a_schema_that_was_unrolled_once_is_equal():
    rolled = inner(number(), "next")
    unrolled = Schema(
        Type.STRUCT,
        optional=True,
        name="Number",
        parameters={"tag": "2"},
        fields={"value": connect.INT32, "next": inner(number(), "next")},
    )
    assert rolled == unrolled
    assert hash(rolled) == hash(unrolled)


def test_a_difference_behind_a_recursion_is_seen():
    assert number() != number(doc="other")
    assert mutual() != mutual(leaf=connect.OPTIONAL_STRING)
    assert number() != tree()


def test_only_schemas_that_contain_themselves_are_recursive():
    assert number().is_recursive
    assert Schema(Type.ARRAY, values=number()).is_recursive
    assert not Schema(Type.STRUCT, fields={"a": connect.STRING, "b": connect.STRING}).is_recursive
    twice = Schema(Type.STRUCT, fields={"x": connect.INT32})
    assert not Schema(Type.STRUCT, fields={"a": twice, "b": twice, "c": Schema(Type.ARRAY, values=twice)}).is_recursive


def test_values_are_checked_as_deep_as_they_are():
    schema = number()
    schema.validate({"value": 1, "next": {"value": 2, "next": {"value": 3, "next": None}}})
    with pytest.raises(DataError, match=r"next\.next\.value: expected INT32, found str"):
        schema.validate({"value": 1, "next": {"value": 2, "next": {"value": "three"}}})


def test_a_default_may_be_a_value_that_ends():
    schema = Schema.recursive(
        lambda again: Schema(
            Type.STRUCT, fields={"next": again(optional=True)}, default={"next": None}, name="Defaulted"
        )
    )
    assert inner(schema, "next").default == {"next": None}


def test_only_a_struct_contains_itself():
    with pytest.raises(DataError, match="Only a STRUCT"):
        Schema.recursive(lambda _: connect.STRING)


def test_replaced_parts_are_new_and_the_others_stay():
    schema = number().replace(optional=True, parameters={"k": "v"})
    assert (schema.optional, dict(schema.parameters), schema.name) == (True, {"k": "v"}, "Number")
    assert schema.fields is not number().fields
    assert schema.replace(optional=False, parameters={}) == number()
    with pytest.raises(DataError):
        schema.replace(default={"value": "text"})
