"""Schemas and values as Converters.java and Transforms.java write them, the notation of the golden files."""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Mapping
from typing import Any

from linkspan.api import Schema, Type
from linkspan.api.schema import Again

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def schema_of(node: Mapping[str, Any] | None, within: tuple[Again, ...] = ()) -> Schema | None:
    """The schema; ``again`` says how many structs outwards the one is that is meant once more."""
    if node is None:
        return None
    if "again" in node:
        again = within[-1 - node["again"]]
        return again(optional=node.get("optional", False), parameters=node.get("parameters"))
    if "fields" in node:
        return Schema.recursive(lambda again: made_of(node, (*within, again)))
    inner = {name: schema_of(node[name], within) for name in ("keys", "values") if name in node}
    if None in inner.values():
        return None  # the original knows that it is a container, but not of what
    return made_of(node, within, **inner)


def made_of(node: Mapping[str, Any], within: tuple[Again, ...], **inner: Schema | None) -> Schema:
    plain = {name: node[name] for name in ("optional", "name", "version", "doc", "parameters") if name in node}
    fields = [(name, schema_of(field, within)) for name, field in node.get("fields", ())]
    return Schema(Type[node["type"]], default=value_of(node.get("default")), fields=fields, **inner, **plain)


def value_of(node: Mapping[str, Any] | None) -> object:
    """Python's value of a Java value; moments without schema come as a whole number of milliseconds."""
    if node is None:
        return None
    ((kind, content),) = node.items()
    return READERS[kind](content)


READERS: dict[str, Any] = {
    **dict.fromkeys(("i8", "i16", "i32", "i64"), int),
    **dict.fromkeys(("f32", "f64"), float),
    **dict.fromkeys(("bool", "str", "moment"), lambda content: content),
    **dict.fromkeys(("bytes", "buffer"), bytes.fromhex),
    "dec": decimal.Decimal,
    "date": lambda days: (EPOCH + datetime.timedelta(days=days)).date(),
    "time": lambda ms: (EPOCH + datetime.timedelta(milliseconds=ms)).time(),
    "timestamp": lambda ms: EPOCH + datetime.timedelta(milliseconds=ms),
    "list": lambda items: [value_of(item) for item in items],
    "map": lambda pairs: {value_of(key): value_of(item) for key, item in pairs},
    "struct": lambda node: {name: value_of(field) for name, field in node["fields"].items()},
}


def same(ours: object, theirs: object) -> bool:
    """Equal, and of the same type; NaN equals NaN, -0.0 is not 0.0."""
    if isinstance(theirs, int) and isinstance(ours, datetime.date | datetime.time):
        return ms_of(ours) == theirs
    if type(ours) is not type(theirs):
        return False
    if isinstance(theirs, float) and isinstance(ours, float):
        return (math.isnan(ours) and math.isnan(theirs)) or (
            ours == theirs and math.copysign(1, ours) == math.copysign(1, theirs)
        )
    if isinstance(theirs, decimal.Decimal):
        return str(ours) == str(theirs)
    if isinstance(theirs, list) and isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key]) for key in theirs)
    return ours == theirs


def ms_of(moment: datetime.date | datetime.time) -> int:
    if isinstance(moment, datetime.time):
        moment = datetime.datetime.combine(EPOCH.date(), moment, datetime.UTC)
    elif not isinstance(moment, datetime.datetime):
        moment = datetime.datetime.combine(moment, datetime.time(), datetime.UTC)
    return (moment - EPOCH) // datetime.timedelta(milliseconds=1)
