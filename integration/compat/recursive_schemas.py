"""Generated schemas that contain themselves, with values: lists, trees, and records that hold each other."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from integration.compat.generated import Json
from integration.compat.generated_schemas import options

__all__ = ["recursive_avro"]

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
