"""Texts, mistakes and compatibility of each format; Avro is compared with the original's classes elsewhere."""

from __future__ import annotations

import json

import pytest

from linkspan.registry.compatibility import Earlier, incompatibilities
from linkspan.registry.formats import Named
from linkspan.registry.levels import Level
from linkspan.registry.parsers import PARSERS

CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}


def breaks(kind: str, level: str, *texts: object) -> list[str]:
    """What forbids the last of these schemas to follow the others."""
    parsed = [PARSERS[kind](text if isinstance(text, str) else json.dumps(text), (), True) for text in texts]
    earlier = [Earlier(place, schema) for place, schema in enumerate(parsed[:-1], 1)]
    return incompatibilities(Level(level), parsed[-1], earlier)


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("AVRO", "{", "Expecting property name"),
        ("AVRO", '"nothing"', "Undefined name"),
        ("AVRO", '{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":"x"}]}', "Invalid default"),
        ("AVRO", '{"type":"enum","name":"E","symbols":["A","A"]}', "Duplicate in enum: A"),
        ("JSON", "[]", "an object or a boolean"),
        ("JSON", '{"type":"nothing"}', "#/type"),
        ("JSON", '{"$ref":"#/definitions/x"}', "leads nowhere"),
        ("JSON", '{"$ref":"http://example.com/other.json"}', "leads nowhere"),
        ("PROTOBUF", "message {", "line 1"),
        ("PROTOBUF", 'syntax = "proto3"; message M { int32 a = 1; int32 b = 1; }', "duplicate field number"),
        ("PROTOBUF", 'syntax = "proto3"; import "other.proto"; message M { }', "imports other.proto"),
    ],
)
def test_what_is_no_schema_is_refused_with_the_reason(kind: str, text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        PARSERS[kind](text, (), True)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({**CLOSED, "properties": {**CLOSED["properties"], "b": {"type": "string"}}}, None),  # type: ignore[dict-item]
        ({**CLOSED, "required": ["a"]}, "REQUIRED_ATTRIBUTE_ADDED"),
        ({**CLOSED, "properties": {}}, "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL"),
        ({**CLOSED, "properties": {"a": {"type": "integer"}}}, "TYPE_CHANGED"),
        ({**CLOSED, "properties": {"a": {"type": ["string", "null"]}}}, None),
        ({**CLOSED, "properties": {"a": {"type": "string", "maxLength": 3}}}, "MAX_LENGTH_ADDED"),
        ({**CLOSED, "additionalProperties": True}, None),
        ({"title": "anything"}, None),
    ],
)
def test_json_schemas_may_accept_more_but_not_less(change: object, verdict: str | None) -> None:
    found = breaks("JSON", "BACKWARD", CLOSED, change)
    assert bool(found) is (verdict is not None)
    assert verdict is None or f'errorType:"{verdict}"' in found[0]


def test_json_schemas_that_lead_back_to_themselves_are_compared_to_the_end() -> None:
    def tree(kind: str) -> object:
        node = {"type": "object", "properties": {"value": {"type": kind}, "next": {"$ref": "#/definitions/node"}}}
        return {"definitions": {"node": node}, "$ref": "#/definitions/node"}

    assert breaks("JSON", "BACKWARD", tree("string"), tree("string")) == []
    assert 'errorType:"TYPE_CHANGED"' in breaks("JSON", "BACKWARD", tree("string"), tree("integer"))[0]


@pytest.mark.parametrize(
    ("level", "allowed"),
    [
        ("NONE", True),
        ("BACKWARD", False),
        ("FORWARD", True),
        ("FULL", False),
        ("FORWARD_TRANSITIVE", True),
        ("FULL_TRANSITIVE", False),
    ],
)
def test_levels_say_who_has_to_read_whom(level: str, allowed: bool) -> None:
    old = '{"type":"record","name":"R","fields":[]}'
    new = '{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}'
    assert (breaks("AVRO", level, old, new) == []) is allowed


def test_only_transitive_levels_look_at_all_versions() -> None:
    one = '{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}'
    two = '{"type":"record","name":"R","fields":[]}'
    three = '{"type":"record","name":"R","fields":[{"name":"a","type":"string","default":""}]}'
    assert breaks("AVRO", "BACKWARD", one, two, three) == []
    assert "{oldSchemaVersion: 1}" in breaks("AVRO", "BACKWARD_TRANSITIVE", one, two, three)


def test_protobuf_fields_keep_their_kind() -> None:
    first = 'syntax = "proto3"; message M { int32 a = 1; }'
    assert breaks("PROTOBUF", "BACKWARD", first, 'syntax = "proto3"; message M { int64 a = 1; string b = 2; }') == []
    assert breaks("PROTOBUF", "BACKWARD", first, 'syntax = "proto3"; message M { string a = 1; }')


def test_a_text_and_its_descriptor_are_the_same_protobuf_schema() -> None:
    parts = [Named("other.proto", 'syntax = "proto3"; package x; message O { int32 a = 1; }')]
    text = """
        syntax = "proto3"; package a.b; import "other.proto"; // a comment
        message M { string a = 1; map<string, int32> m = 2; oneof o { int32 p = 8; Q q = 9; } x.O other = 11;
          message Q { optional int64 z = 1; } }
        enum E { Z = 0; }
    """
    written = PARSERS["PROTOBUF"](text, parts, True)
    assert "comment" not in written.text
    assert PARSERS["PROTOBUF"](written.formatted("serialized"), parts, True).is_same_as(written)


def test_options_of_a_proto_file_keep_their_values() -> None:
    service = "service S { rpc R (M) returns (M); }"
    text = f'syntax = "proto3"; option optimize_for = SPEED; option java_package = "a.b"; message M {{}} {service}'
    made = PARSERS["PROTOBUF"](text, (), True).text
    assert 'option optimize_for = SPEED;\noption java_package = "a.b";\n' in made
    assert PARSERS["PROTOBUF"](made, (), True).text == made
