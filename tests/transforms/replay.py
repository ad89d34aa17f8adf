"""Runs the cases of Transforms.java through our transforms and predicates, and compares what came out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from linkspan.api import ConfigError, DataError, Header, Headers, Predicate, Schema, SinkRecord, SourceRecord, Type
from linkspan.api.records import CREATE_TIME
from linkspan.config.definition import load
from linkspan.plugins.discovery import scan
from linkspan.plugins.loading import load as load_plugin
from tests.notation import same, schema_of, value_of

__all__ = ["CLASSES", "Outcome", "is_same", "ours", "theirs"]

CLASSES: dict[str, Any] = {
    info.class_name: load_plugin(info)
    for info in scan()
    if info.kind in ("transformation", "predicate") and info.class_name.startswith("org.apache.kafka.")
}


ACCIDENTS = re.compile(r"Cannot invoke|fromIndex|cannot be cast to|@[0-9a-f]{6}|java\.lang\.Illegal")


class Outcome(NamedTuple):
    """What came out: a kind (``record``, ``dropped``, ``test``, ``error``) and what it consists of."""

    kind: str
    content: Any


@cache
def plugin(name: str, config: tuple[tuple[str, str | None], ...]) -> Any:
    made = CLASSES[name]()
    made.config = load(made.config_class, dict(config))
    made.configure()
    return made


def record_of(node: Mapping[str, Any]) -> SourceRecord | SinkRecord:
    sides = [
        (schema_of(side.get("schema")), value_of(side.get("value")))
        for side in (node.get("key", {}), node.get("value", {}))
    ]
    (key_schema, key), (value_schema, value) = sides
    headers = Headers(Header(name, value_of(item), schema_of(schema)) for name, schema, item in node.get("headers", ()))
    if "offset" in node:
        return SinkRecord(
            node.get("topic", "t"),
            node.get("partition") or 0,
            node["offset"],
            value,
            value_schema,
            key=key,
            key_schema=key_schema,
            timestamp=node.get("timestamp"),
            timestamp_type=CREATE_TIME,
            headers=headers,
        )
    return SourceRecord(
        {},
        {},
        node.get("topic", "t"),
        value,
        value_schema,
        key=key,
        key_schema=key_schema,
        partition=node.get("partition"),
        timestamp=node.get("timestamp"),
        headers=headers,
    )


def whole(value: Any, schema: Schema | None) -> Any:
    """The value with null for each field of a struct that it lacks."""
    if value is None or schema is None:
        return value
    if schema.type is Type.STRUCT and isinstance(value, dict):
        return {field.name: whole(value.get(field.name), field.schema) for field in schema.fields}
    if schema.type is Type.ARRAY:
        return [whole(item, schema.values) for item in value]
    if schema.type is Type.MAP:
        return {key: whole(item, schema.values) for key, item in value.items()}
    return value


def parts(record: SourceRecord | SinkRecord) -> list[Any]:
    """All that can be compared, each schema beside its value."""
    sides = [(record.key_schema, record.key), (record.value_schema, record.value)]
    headers = [(header.schema, header.value) for header in record.headers or ()]
    return [
        [record.topic, record.partition, getattr(record, "offset", None), record.timestamp],
        [header.key for header in record.headers or ()],
        [schema for schema, _ in [*sides, *headers]],
        [whole(value, schema) for schema, value in [*sides, *headers]],
    ]


def ours(case: Mapping[str, Any]) -> Outcome:
    record = record_of(case["record"])
    before = parts(record)
    try:
        made = plugin(case["class"], tuple(case["config"].items()))
        if isinstance(made, Predicate):
            return Outcome("test", made.test(record))
        changed = made.apply(record)
    except (DataError, ConfigError) as error:
        return Outcome("error", error.message)
    finally:
        assert parts(record) == before or "nan" in repr(before), "the record that it was given was changed"
    return Outcome("dropped", None) if changed is None else Outcome("record", parts(changed))


def theirs(case: Mapping[str, Any]) -> Outcome:
    result = case["result"]
    if "error" in result:
        return Outcome("error", result["message"])
    if "test" in result:
        return Outcome("test", result["test"])
    if result["record"] is None:
        return Outcome("dropped", None)
    try:
        return Outcome("record", parts(record_of(result["record"])))
    except OverflowError:
        return Outcome("record", None)  # a moment that Python does not have


def sensible(message: str | None) -> bool:
    """Whether a message of the original can be asked of us: it is no accident, and does not print a Java object."""
    return message is not None and not ACCIDENTS.search(message)


def is_same(mine: Outcome, original: Outcome) -> bool:
    if mine.kind != original.kind:
        return False
    if mine.kind == "error":
        return not sensible(original.content) or mine.content == original.content.replace("LinkedHashMap", "HashMap")
    if mine.kind != "record":
        return bool(mine.content == original.content)
    place, names, schemas, values = mine.content
    if original.content is None:
        return False
    return [place, names, schemas] == original.content[:3] and same(values, original.content[3])
