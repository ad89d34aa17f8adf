"""Protobuf schemas that Connect did not write, spelled as Confluent's library spells them, with generated messages."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from integration.compat.generated import Json
from integration.compat.generated_schemas import PROTOBUF_OPTIONS_OF_ONEOFS
from linkspan.convert.protobuf.descriptors import message_types
from linkspan.convert.protobuf.indexes import written
from linkspan.convert.protobuf.parsing import parse

__all__ = ["FILES", "protobuf_records"]

MODERN: Final = """\
syntax = "proto3";
package shop;

import "google/protobuf/wrappers.proto";
import "google/protobuf/timestamp.proto";
import "google/type/date.proto";
import "google/type/timeofday.proto";
import "confluent/type/decimal.proto";

message Order {
  uint32 a = 1;
  uint64 b = 2;
  sint32 c = 3;
  fixed64 d = 4;
  sfixed32 e = 5;
  optional string f = 6;
  repeated int64 g = 7;
  map<string, Item> h = 8;
  Color i = 9;
  google.protobuf.StringValue j = 10;
  google.protobuf.Timestamp k = 11;
  google.type.Date l = 12;
  float m = 13;
  bytes n = 14;
  repeated Color o = 15;
  Item p = 16;
  google.type.TimeOfDay q = 17;
  confluent.type.Decimal r = 18;
  map<int32, string> s = 19;
  google.protobuf.UInt64Value t = 20;

  oneof first {
    string u = 21;
    Item v = 22;
    bool w = 23;
  }
  oneof second {
    int32 x = 24;
    google.protobuf.Int32Value y = 25;
  }

  message Item {
    string name = 1;
    double price = 2;
    repeated Inner inner = 3;
  
    message Inner {
      int32 z = 1;
    }
  }
  enum Color {
    RED = 0;
    GREEN = 1;
    BLUE = -7;
  }
}
"""  # noqa: W293 - a line without anything has its blanks too
OLD: Final = """\
syntax = "proto2";

message Row {
  required int32 a = 1;
  optional string b = 2;
  optional Kind c = 3;
  repeated bool d = 4;
  optional Other e = 5;
}
message Other {
  optional fixed32 a = 1;
  optional bytes b = 2;
}
enum Kind {
  NONE = 0;
  SOME = 5;
}
"""
small, big = st.integers(0, (1 << 31) - 1), st.integers(-(1 << 63), (1 << 63) - 1)
texts = st.text(max_size=4)
items = st.fixed_dictionaries(
    {},
    optional={
        "name": texts,
        "price": st.floats(allow_nan=False),
        "inner": st.lists(st.fixed_dictionaries({}, optional={"z": small}), max_size=2),
    },
)
orders = st.fixed_dictionaries(
    {},
    optional={
        "a": st.integers(0, (1 << 32) - 1),
        "b": st.integers(0, (1 << 64) - 1),
        "c": st.integers(-(1 << 31), 0),
        "d": st.integers(0, (1 << 64) - 1),
        "e": small,
        "f": texts,
        "g": st.lists(big, max_size=3),
        "h": st.dictionaries(texts, items, max_size=1),
        "i": st.sampled_from([0, 1, -7]),
        "j": st.fixed_dictionaries({}, optional={"value": texts}),
        "k": st.fixed_dictionaries({"seconds": st.integers(-(10**9), 10**10), "nanos": st.just(5_000_000)}),
        "l": st.fixed_dictionaries(
            {"year": st.integers(1583, 9999), "month": st.integers(1, 12), "day": st.integers(1, 28)}
        ),
        "m": st.floats(width=32, allow_nan=False),
        "n": st.binary(max_size=4),
        "o": st.lists(st.sampled_from([0, 1, -7]), max_size=2),
        "p": items,
        "q": st.fixed_dictionaries({"hours": st.integers(0, 23), "nanos": st.just(7_000_000)}),
        "r": st.fixed_dictionaries({"value": st.binary(min_size=1, max_size=3), "scale": st.integers(0, 4)}),
        "s": st.dictionaries(small, texts, max_size=1),
        "t": st.fixed_dictionaries({}, optional={"value": st.integers(0, (1 << 64) - 1)}),
    },
)
first = st.sampled_from([{}, {"u": ""}, {"u": "x"}, {"v": {}}, {"v": {"name": "i"}}, {"w": True}])
second = st.sampled_from([{}, {"x": 0}, {"x": 3}, {"y": {}}, {"y": {"value": 3}}])
rows = st.fixed_dictionaries(
    {"a": small},
    optional={
        "b": texts,
        "c": st.sampled_from([0, 5]),
        "d": st.lists(st.booleans(), max_size=2),
        "e": st.fixed_dictionaries({}, optional={"a": st.integers(0, (1 << 32) - 1), "b": st.binary(max_size=2)}),
    },
)
FILES: Final = {"shop.Order": MODERN, "shop.Order.Item": MODERN, "Row": OLD, "Other": OLD}
_TYPES: Final = {**message_types(parse(MODERN), {}), **message_types(parse(OLD), {})}


@st.composite
def protobuf_records(draw: st.DrawFn, values: int) -> list[tuple[Json, str, bytes]]:
    """Settings, the name of a message, and what follows the id of its schema."""
    name, config = draw(st.sampled_from(list(FILES))), draw(PROTOBUF_OPTIONS_OF_ONEOFS)
    place = written(parse(FILES[name]).places_of(name))
    found: Any = {"shop.Order": orders, "shop.Order.Item": items, "Row": rows}.get(name, st.just({"a": 4_000_000_000}))
    examples = []
    for _ in range(values):
        fields = draw(found)
        if name == "shop.Order":
            fields = {**fields, **draw(first), **draw(second)}
        examples.append((config, name, place + _TYPES[name].made_by(**fields).SerializeToString()))
    return examples
