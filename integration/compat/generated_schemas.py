"""Generated schemas and values for the converters with a registry, in the notation of tests/convert/golden."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st

from integration.compat.generated import NOTHING, Json, scalar

__all__ = ["AVRO_OPTIONS", "PROTOBUF_OPTIONS", "PROTOBUF_OPTIONS_OF_ONEOFS", "avro_records", "connect_records", "drawn"]

Drawn = TypeVar("Drawn")
NAMES: Final = ("a", "b", "c", "d_1", "E")
ODD_NAMES: Final = (*NAMES, "a-b", "1st", "ü x", "__")
DOC: Final = 'some: "doc" ü\u0007'
numbers = st.integers(0, 10**9)


def options(*names: str) -> st.SearchStrategy[Json]:
    """Settings, each left out or turned from its default."""
    on = {"connect.meta.data", "optional.for.proto2", "wrapper.for.raw.primitives"}
    turned = {name: "false" if name in on else "true" for name in names}
    return st.sets(st.sampled_from(sorted(turned)), max_size=3).map(
        lambda chosen: {name: turned[name] for name in chosen}
    )


AVRO_OPTIONS: Final = options(
    *("enhanced.avro.schema.support", "connect.meta.data", "allow.optional.map.keys", "discard.type.doc.default"),
    "scrub.invalid.names",
)


PROTOBUF_OPTIONS: Final = options(
    *("enhanced.protobuf.schema.support", "scrub.invalid.names", "optional.for.nullables", "optional.for.proto2"),
    *("wrapper.for.nullables", "wrapper.for.raw.primitives"),
)
# After version 7.0 the members of a oneof may be null in any case, and a wrapped one says so in a parameter.
PROTOBUF_OPTIONS_OF_ONEOFS: Final = PROTOBUF_OPTIONS.map(
    lambda chosen: {key: value for key, value in chosen.items() if not key.endswith(".for.nullables")}
)


# --- Connect ----------------------------------------------------------------------------------------------------------


@st.composite
def connect_type(draw: st.DrawFn, depth: int = 2) -> tuple[Json, st.SearchStrategy[Json | None]]:
    """A schema of any kind, and its values."""
    shape = draw(st.sampled_from(["scalar"] * 5 + ["struct", "array", "map", "map2", "enum"])) if depth else "scalar"
    if shape == "scalar":
        return draw(described(scalar()))
    if shape == "struct":
        return draw(struct(depth - 1))
    if shape == "enum":
        return draw(enum())
    inner, values = draw(connect_type(depth - 1))
    if shape == "array":
        schema: Json = {"type": "ARRAY", "values": inner}
        found = st.lists(values, max_size=3).map(lambda items: {"list": items})
    elif shape == "map":
        schema = {"type": "MAP", "keys": {"type": "STRING"}, "values": inner}
        # one entry, since the original's order of several is that of its hash table
        found = st.dictionaries(st.text(max_size=4), values, max_size=1).map(pairs("str"))
    else:
        key, tag = draw(st.sampled_from([("INT32", "i32"), ("INT64", "i64"), ("STRING", "str")]))
        keys: Json = {"type": key, "optional": True} if key == "STRING" else {"type": key}
        schema = {"type": "MAP", "keys": keys, "values": inner}
        found = st.dictionaries(st.integers(0, 99).map(str), values, max_size=1 if key == "STRING" else 3).map(
            pairs(tag)
        )
        if draw(st.booleans()):
            schema["name"] = f"maps.Map{draw(numbers)}"
    if draw(st.booleans()):
        return {**schema, "optional": True}, found | NOTHING
    return schema, found


def pairs(tag: str) -> Any:
    return lambda items: {"map": [[{tag: key}, item] for key, item in items.items()]}


@st.composite
def described(draw: st.DrawFn, of: st.SearchStrategy[Any]) -> tuple[Json, st.SearchStrategy[Json | None]]:
    """A schema, sometimes with what metadata keeps."""
    schema, values = draw(of)
    more: Json = {}
    if draw(st.integers(0, 4)) == 0:
        more["doc"] = DOC
    if draw(st.integers(0, 4)) == 0 and "name" not in schema:
        more.update(name=f"plain.T{draw(numbers)}", version=draw(st.integers(1, 9)))
    if draw(st.integers(0, 4)) == 0:
        more["parameters"] = {**schema.get("parameters", {}), "k": "v", "other": "ü"}
    return {**schema, **more}, values


@st.composite
def enum(draw: st.DrawFn) -> tuple[Json, st.SearchStrategy[Json | None]]:
    name, symbols = f"some.Enum{draw(numbers)}", ["RED", "GREEN", "BLUE"]
    title = "io.confluent.connect.avro.Enum"
    parameters = {title: name, **{f"{title}.{symbol}": symbol for symbol in symbols}}
    values = st.sampled_from(symbols).map(lambda symbol: {"str": symbol})
    return {"type": "STRING", "name": name, "parameters": parameters}, values


@st.composite
def struct(draw: st.DrawFn, depth: int = 2) -> tuple[Json, st.SearchStrategy[Json | None]]:
    fields = draw(
        st.lists(st.sampled_from(draw(st.sampled_from([NAMES, NAMES, ODD_NAMES]))), min_size=1, max_size=4, unique=True)
    )
    kinds = {name: draw(connect_type(depth)) for name in fields}
    schema: Json = {"type": "STRUCT", "fields": [[name, kinds[name][0]] for name in fields]}
    if draw(st.booleans()):
        schema.update(name=f"some.space.R{draw(numbers)}", version=draw(st.integers(1, 9)))
    if draw(st.integers(0, 3)) == 0:
        schema["doc"] = DOC
    # in the original a required field is null only as long as it is not set
    may_lack = {name for name in fields if "default" in kinds[name][0] and "optional" not in kinds[name][0]}
    held = st.fixed_dictionaries(
        {name: kinds[name][1] for name in fields if name not in may_lack},
        optional={name: kinds[name][1] for name in fields if name in may_lack},
    )
    found = held.map(lambda content: {"struct": {"schema": schema, "fields": content}})
    if draw(st.integers(0, 3)) == 0:
        schema["optional"] = True
        return schema, found | NOTHING
    return schema, found


@st.composite
def connect_records(draw: st.DrawFn, name: str, settings: st.SearchStrategy[Json], values: int) -> list[Json]:
    """A class, its settings, and values of one schema; many values are drawn faster than many schemas."""
    schema, found = draw(st.one_of(struct(), struct(), connect_type()))
    config = draw(settings)
    return [{"class": name, "config": config, "schema": schema, "value": draw(found)} for _ in range(values)]


# --- Avro -------------------------------------------------------------------------------------------------------------

PRIMITIVES: Final[tuple[tuple[Any, st.SearchStrategy[Any]], ...]] = (
    ("boolean", st.booleans()),
    ("int", st.integers(-(1 << 31), (1 << 31) - 1)),
    ("long", st.integers(-(1 << 63), (1 << 63) - 1)),
    ("float", st.floats(width=32, allow_nan=False)),
    ("double", st.floats(allow_nan=False)),
    ("string", st.text(max_size=5)),
    ("bytes", st.binary(max_size=5)),
    ({"type": "int", "logicalType": "date"}, st.integers(0, 2_900_000)),
    ({"type": "int", "logicalType": "time-millis"}, st.integers(0, 86_399_999)),
    ({"type": "long", "logicalType": "timestamp-millis"}, st.integers(-(10**13) + 1, 25 * 10**13)),
    ({"type": "long", "logicalType": "timestamp-micros"}, st.integers(0, 10**16)),
    ({"type": "string", "logicalType": "uuid"}, st.just("00000000-0000-0000-0000-000000000000")),
    ({"type": "string", "avro.java.string": "String"}, st.text(max_size=5)),
    ({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}, st.binary(min_size=1, max_size=4)),
    ({"type": "bytes", "logicalType": "decimal", "precision": 64}, st.binary(min_size=1, max_size=4)),
    ({"type": "int", "connect.type": "int8"}, st.integers(-128, 127)),
    ({"type": "int", "connect.type": "int16"}, st.integers(-300, 300)),
)
DEFAULTS: Final[dict[str, Any]] = {
    "boolean": True,
    "int": 7,
    "long": 8,
    "float": 1.5,
    "double": 0.1,
    "string": "x",
    "bytes": "\u00ff",
}
Avro = tuple[Any, st.SearchStrategy[Any]]


@st.composite
def avro_type(draw: st.DrawFn, depth: int = 2) -> Avro:
    """An Avro schema as JSON, and data for fastavro."""
    shapes = ["plain"] * 5 + ["optional"] * 2 + ["enum", "fixed"]
    shape = draw(st.sampled_from([*shapes, "record", "array", "map", "union", "union"] if depth else shapes))
    if shape == "plain":
        return draw(st.sampled_from(PRIMITIVES))
    if shape == "enum":
        symbols = ["A", "B_1", "c"]
        more = draw(st.sampled_from([{}, {"doc": DOC}, {"default": "A"}]))
        return {"type": "enum", "name": f"E{draw(numbers)}", "symbols": symbols, **more}, st.sampled_from(symbols)
    if shape == "fixed":
        return {"type": "fixed", "name": f"some.F{draw(numbers)}", "size": 3}, st.binary(min_size=3, max_size=3)
    if shape == "record":
        return draw(avro_record(depth - 1))
    if shape == "union":
        return draw(avro_union(depth - 1))
    inner, values = draw(avro_type(max(depth - 1, 0)).filter(lambda made: not isinstance(made[0], list)))
    if shape == "array":
        return {"type": "array", "items": inner}, st.lists(values, max_size=3)
    if shape == "map":
        return {"type": "map", "values": inner}, st.dictionaries(st.text(max_size=3), values, max_size=1)
    first = draw(st.booleans())
    return ["null", inner] if first else [inner, "null"], st.none() | values


@st.composite
def avro_union(draw: st.DrawFn, depth: int) -> Avro:
    """A union of several branches of different types; data choose by number."""
    branches = draw(
        st.lists(
            avro_type(depth).filter(lambda made: not isinstance(made[0], list)),
            min_size=1,
            max_size=4,
            unique_by=lambda made: branch_key(made[0]),
        )
    )
    found = st.one_of([values.map(lambda value, at=at: Chosen(at, value)) for at, (_, values) in enumerate(branches)])
    schemas: list[Any] = [schema for schema, _ in branches]
    if draw(st.booleans()):
        return ["null", *schemas], st.none() | found.map(lambda chosen: Chosen(chosen.at + 1, chosen.value))
    return schemas, found


class Chosen:
    """A branch of a union and its value."""

    def __init__(self, at: int, value: Any) -> None:
        self.at, self.value = at, value


def branch_key(schema: Any) -> str:
    kind = schema if isinstance(schema, str) else schema["type"]
    return schema["name"] if kind in ("record", "enum", "fixed") else kind


@st.composite
def avro_record(draw: st.DrawFn, depth: int = 2) -> Avro:
    fields, kinds = [], {}
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True)):
        schema, values = draw(avro_type(depth))
        field = {"name": name, "type": schema}
        if isinstance(schema, str) and draw(st.booleans()):
            field["default"] = DEFAULTS[schema]
        if isinstance(schema, list) and schema[0] == "null" and draw(st.booleans()):
            field["default"] = None
        if draw(st.integers(0, 4)) == 0:
            field["doc"] = DOC
        if draw(st.integers(0, 6)) == 0:
            field["aliases"] = ["old"]
        fields.append(field)
        kinds[name] = values
    made: Json = {"type": "record", "name": f"R{draw(numbers)}", "fields": fields}
    if draw(st.booleans()):
        made["namespace"] = "some.space"
    if draw(st.integers(0, 3)) == 0:
        made["doc"] = DOC
    return made, st.fixed_dictionaries(kinds)


@st.composite
def avro_records(draw: st.DrawFn, values: int) -> list[tuple[Json, Any, Any]]:
    """Settings, an Avro schema, and data of it."""
    settings = draw(
        options(
            "enhanced.avro.schema.support", "connect.meta.data", "allow.optional.map.keys", "discard.type.doc.default"
        )
    )
    schema, found = draw(st.one_of(avro_record(), avro_record(), avro_type()))
    return [(settings, schema, draw(found)) for _ in range(values)]


def drawn(family: st.SearchStrategy[list[Drawn]], number: int, values: int) -> list[Drawn]:
    """So many examples, always the same ones, of families with so many values each."""
    found: list[Drawn] = []

    @hypothesis.settings(
        max_examples=-(-number // values),
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(family)
    def take(examples: list[Drawn]) -> None:
        found.extend(examples)

    take()
    return found
