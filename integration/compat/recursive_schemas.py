"""Generated schemas that contain themselves, with values: lists, trees, and records that hold each other."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from integration.compat.generated import Json
from integration.compat.generated_schemas import PROTOBUF_OPTIONS_OF_ONEOFS, options
from linkspan.convert.protobuf.descriptors import message_types
from linkspan.convert.protobuf.indexes import written
from linkspan.convert.protobuf.parsing import parse

__all__ = ["MESSAGES", "recursive_avro", "recursive_protobuf", "recursive_structs"]

DEPTH: Final = 3
RECORDS: Final = ("some.A", "some.B", "some.space.C")
PLAIN: Final[dict[str, st.SearchStrategy[Any]]] = {
    "int": st.integers(-9, 9),
    "string": st.text(max_size=3),
    "bytes": st.binary(max_size=3),
    "boolean": st.booleans(),
}


class Avro:
    """Records that know each other by their names."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.known: dict[str, Json] = {}

    def record(self) -> Json:
        """A record, which later ones and itself may mention."""
        name = RECORDS[len(self.known)]
        made = self.known[name] = {"type": "record", "name": name, "fields": []}
        for label in self.draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True)):
            made["fields"].append({"name": label, "type": self.field()})
        if self.draw(st.integers(0, 3)) == 0:
            made.update({"connect.version": 7, "connect.parameters": {"k": "v"}})
        return made

    def field(self) -> Any:
        shape = self.draw(st.sampled_from(["plain", "optional", "array", "map", "optionals", "union", "record"]))
        if shape == "plain":
            return self.draw(st.sampled_from(sorted(PLAIN)))
        if shape == "record" and len(self.known) < len(RECORDS):
            return self.record()
        target = self.mention()
        if shape == "array":
            return {"type": "array", "items": target}
        if shape == "map":
            return {"type": "map", "values": target}
        if shape == "optionals":
            return {"type": "array", "items": ["null", target]}
        if shape == "union":
            return self.draw(st.sampled_from([["null", "int", target], ["string", target], [target, "null", "bytes"]]))
        return ["null", target]

    def mention(self) -> Any:
        if len(self.known) < len(RECORDS) and self.draw(st.booleans()):
            return self.record()
        return self.draw(st.sampled_from(sorted(self.known)))

    def value(self, schema: Any, depth: int) -> Any:
        """A datum for fastavro, which ends."""
        if isinstance(schema, str) and schema in PLAIN:
            return self.draw(PLAIN[schema])
        if isinstance(schema, list):
            return self.branch(schema, depth)
        record = self.known[schema] if isinstance(schema, str) else schema
        if record["type"] == "record":
            return {item["name"]: self.value(item["type"], depth - 1) for item in record["fields"]}
        few = self.draw(st.integers(0, 2)) if depth > 0 else 0
        if record["type"] == "array":
            return [self.value(record["items"], depth) for _ in range(few)]
        # one entry, since the original's order of several is that of its hash table
        return {self.draw(st.text(max_size=2)): self.value(record["values"], depth) for _ in range(few and 1)}

    def branch(self, schemas: list[Any], depth: int) -> Any:
        plain = [item for item in schemas if item == "null" or (isinstance(item, str) and item in PLAIN)]
        chosen = self.draw(st.sampled_from(schemas if depth > 0 else plain))
        if chosen == "null":
            return None
        if isinstance(chosen, str) and chosen in PLAIN:
            return self.value(chosen, depth)
        name = chosen if isinstance(chosen, str) else chosen["name"]
        return (name, self.value(name, depth))


@st.composite
def recursive_avro(draw: st.DrawFn, values: int) -> list[tuple[Json, Any, Any]]:
    """Settings, an Avro schema that may contain itself, and data of it."""
    config = draw(options("enhanced.avro.schema.support", "connect.meta.data", "discard.type.doc.default"))
    made = Avro(draw)
    schema = made.record()
    return [(config, schema, made.value(schema, DEPTH)) for _ in range(values)]


# --- Protobuf ---------------------------------------------------------------------------------------------------------

ITSELF: Final = """\
syntax = "proto3";
package some;

message Tree {
  string name = 1;
  repeated Tree children = 2;
  map<string, Tree> named = 3;
  Tree parent = 4;
  Leaf leaf = 5;
  repeated Leaf leaves = 6;

  oneof some {
    int32 number = 7;
    Tree tree = 8;
  }

  message Leaf {
    int32 size = 1;
    Leaf next = 2;
    optional Leaf other = 3;
  }
}
"""
EACH_OTHER: Final = """\
syntax = "proto3";

message Person {
  string name = 1;
  Firm firm = 2;
}
message Firm {
  repeated Person people = 1;
  Firm mother = 2;
}
"""
OLD: Final = """\
syntax = "proto2";

message Row {
  required int32 a = 1;
  optional Row next = 2;
  repeated Row rows = 3;
}
"""
MESSAGES: Final = {
    "some.Tree": ITSELF,
    "some.Tree.Leaf": ITSELF,
    "Person": EACH_OTHER,
    "Firm": EACH_OTHER,
    "Row": OLD,
}
leaves = st.recursive(
    st.fixed_dictionaries({}, optional={"size": st.integers(0, 9)}),
    lambda inner: st.fixed_dictionaries({}, optional={"size": st.integers(0, 9), "next": inner, "other": inner}),
    max_leaves=4,
)
trees = st.recursive(
    st.fixed_dictionaries({}, optional={"name": st.text(max_size=3), "number": st.integers(0, 9)}),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "name": st.text(max_size=3),
            "children": st.lists(inner, max_size=2),
            # one entry, since the original's order of several is that of its hash table
            "named": st.dictionaries(st.text(max_size=2), inner, max_size=1),
            "parent": inner,
            "leaf": leaves,
            "leaves": st.lists(leaves, max_size=2),
            "tree": inner,
        },
    ),
    max_leaves=5,
)
firms = st.recursive(
    st.just({}),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "people": st.lists(
                st.fixed_dictionaries({}, optional={"name": st.text(max_size=3), "firm": inner}), max_size=2
            ),
            "mother": inner,
        },
    ),
    max_leaves=4,
)
people = st.fixed_dictionaries({}, optional={"name": st.text(max_size=3), "firm": firms})
rows = st.recursive(
    st.fixed_dictionaries({"a": st.integers(0, 9)}),
    lambda inner: st.fixed_dictionaries(
        {"a": st.integers(0, 9)}, optional={"next": inner, "rows": st.lists(inner, max_size=2)}
    ),
    max_leaves=4,
)
VALUES: Final = {"some.Tree": trees, "some.Tree.Leaf": leaves, "Person": people, "Firm": firms, "Row": rows}
_TYPES: Final = {
    name: found for file in (ITSELF, EACH_OTHER, OLD) for name, found in message_types(parse(file), {}).items()
}


@st.composite
def recursive_protobuf(draw: st.DrawFn, values: int) -> list[tuple[Json, str, bytes]]:
    """Settings, the name of a message that contains itself, and what follows the id of its schema."""
    name, config = draw(st.sampled_from(list(MESSAGES))), draw(PROTOBUF_OPTIONS_OF_ONEOFS)
    place = written(parse(MESSAGES[name]).places_of(name))
    examples = [draw(VALUES[name]) for _ in range(values)]
    return [(config, name, place + _TYPES[name].made_by(**fields).SerializeToString()) for fields in examples]


# --- Connect ----------------------------------------------------------------------------------------------------------


class Structs:
    """Structs that mention those around them, in the notation of tests/convert/golden."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.around: list[Json] = []
        self.count = 0

    def struct(self) -> Json:
        self.count += 1
        made: Json = {"type": "STRUCT", "name": f"some.R{self.count}", "fields": []}
        self.around.append(made)
        for label in self.draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True)):
            made["fields"].append([label, self.field()])
        self.around.pop()
        return made

    def field(self) -> Json:
        shape = self.draw(st.sampled_from(["int", "text", "again", "array", "map", "struct"]))
        if shape == "struct" and self.count < 3:
            return {**self.struct(), "optional": True}
        again = {"again": self.draw(st.integers(0, len(self.around) - 1))}
        if shape == "array":
            return {"type": "ARRAY", "values": again}
        if shape == "map":
            return {"type": "MAP", "name": "Entries", "keys": {"type": "STRING"}, "values": again}
        if shape == "int":
            return {"type": "INT32"}
        return {"type": "STRING", "optional": True} if shape == "text" else {**again, "optional": True}

    def value(self, schema: Json, around: tuple[Json, ...], depth: int) -> Json | None:
        """A value, which ends; the schemas of its structs are those of the whole."""
        if "again" in schema:
            at = len(around) - schema["again"]
            return self.filled(around[at - 1], around[: at - 1], depth, optional="optional" in schema)
        if schema["type"] == "INT32":
            return {"i32": str(self.draw(st.integers(-9, 9)))}
        if schema["type"] == "STRING":
            return self.draw(st.none() | st.text(max_size=3).map(lambda text: {"str": text}))
        if schema["type"] == "STRUCT":
            return self.filled(schema, around, depth, optional="optional" in schema)
        few = self.draw(st.integers(0, 2)) if depth > 0 else 0
        items = [self.value(schema["values"], around, depth) for _ in range(few)]
        if schema["type"] == "ARRAY":
            return {"list": items}
        # one entry, since the original's order of several is that of its hash table
        return {"map": [[{"str": "k"}, item] for item in items[:1]]}

    def filled(self, schema: Json, around: tuple[Json, ...], depth: int, *, optional: bool) -> Json | None:
        if optional and (depth <= 0 or self.draw(st.booleans())):
            return None
        inner = (*around, schema)
        return {"struct": {"fields": {name: self.value(part, inner, depth - 1) for name, part in schema["fields"]}}}


@st.composite
def recursive_structs(draw: st.DrawFn, name: str, values: int) -> list[Json]:
    """Cases of writing with a class: a schema that may contain itself, and values of it."""
    made = Structs(draw)
    schema = made.struct()
    return [
        {"class": name, "config": {}, "schema": schema, "value": made.filled(schema, (), DEPTH, optional=False)}
        for _ in range(values)
    ]
