"""Generated records and settings for the transforms and predicates, in the notation of tests/convert/golden."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import partial
from itertools import product
from typing import Any, Final, NamedTuple, Protocol

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from linkspan.api.text import double_text

__all__ = ["ALONE", "CASES", "Size", "drawn"]

Json = dict[str, Any]
PACKAGE: Final = "org.apache.kafka.connect.transforms."
LOGICAL: Final = "org.apache.kafka.connect.data."
DAY: Final = 86_400_000
NAMES: Final = ("a", "b", "c", "a.b", "ü")
FORMATS: Final = (
    *("yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", "yyyy-MM-dd'T'HH:mm:ssXXX", "dd/MM/yyyy HH:mm", "yyyyMMdd"),
    *("EEE, dd MMM yyyy HH:mm:ss Z", "yy-M-d h:mm a", "yyyy-DDD", "MMMM d yyyy", "HH:mm:ss.S", "YYYY-ww-u"),
)


class Size(NamedTuple):
    """How many sides of one schema, and how many frames for each of them, go through a transform with one setting."""

    sides: int = 1
    frames: int = 1


ALONE: Final = Size()


class Families(Protocol):
    """Makes cases that belong together."""

    def __call__(self, size: Size) -> st.SearchStrategy[list[Json]]: ...


texts = st.text(max_size=6) | st.sampled_from(["1", "-7", "1.5", "true", "2020-01-02", "NaN", " 5"])
singles = st.floats(width=32, allow_nan=True).map(lambda number: struct.unpack(">f", struct.pack(">f", number))[0])
names = st.sampled_from(NAMES)
booleans = st.sampled_from(["true", "false"])


def kind(of: str, values: st.SearchStrategy[Any], tag: str, **more: Any) -> tuple[Json, st.SearchStrategy[Json]]:
    return {"type": of, **more}, values.map(lambda value: {tag: value})


def whole(bits: int) -> st.SearchStrategy[str]:
    return st.integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1).map(str)


def logical(name: str, of: str, values: st.SearchStrategy[Any], **more: Any) -> tuple[Json, st.SearchStrategy[Json]]:
    tag = {"Decimal": "dec"}.get(name, name.lower())
    return kind(of, values, tag, name=LOGICAL + name, version=1, **more)


SCALARS: Final = (
    kind("INT8", whole(8), "i8"),
    kind("INT16", whole(16), "i16"),
    kind("INT32", whole(32), "i32"),
    kind("INT64", whole(64) | st.integers(-(10**13), 10**14).map(str), "i64"),
    kind("FLOAT32", singles.map(double_text), "f32"),
    kind("FLOAT64", st.floats().map(double_text), "f64"),
    kind("BOOLEAN", st.booleans(), "bool"),
    kind("STRING", texts, "str"),
    kind("BYTES", st.binary(max_size=5).map(bytes.hex), "bytes"),
    logical("Date", "INT32", st.integers(0, 2_900_000)),
    logical("Time", "INT32", st.integers(0, DAY - 1)),
    logical("Timestamp", "INT64", st.integers(-(10**13) + 1, 25 * 10**13)),
    logical(
        "Decimal",
        "BYTES",
        st.integers(-(10**25), 10**25).map(lambda number: f"{number // 100}.{abs(number) % 100:02d}"),
        parameters={"scale": "2"},
    ),
)
NOTHING: Final[st.SearchStrategy[None]] = st.none()


@st.composite
def scalar(draw: st.DrawFn) -> tuple[Json, st.SearchStrategy[Json | None]]:
    """A schema of a value without others in it, and its values."""
    schema, values = draw(st.sampled_from(SCALARS))
    form = draw(st.sampled_from(["plain", "plain", "optional", "default", "both"]))
    found: st.SearchStrategy[Json | None] = values
    schema = dict(schema)
    if form in ("optional", "both"):
        schema["optional"] = True
    if form in ("default", "both"):
        # one that is no number is not equal to itself
        schema["default"] = draw(values.filter(lambda value: "NaN" not in str(value)))
    return schema, found | NOTHING if "optional" in schema else found


@st.composite
def typed(draw: st.DrawFn, depth: int = 2) -> tuple[Json, st.SearchStrategy[Json | None]]:
    """A schema of any kind, and its values."""
    shape = draw(st.sampled_from(["scalar", "scalar", "scalar", "struct", "array", "map"])) if depth else "scalar"
    if shape == "scalar":
        return draw(scalar())
    if shape == "struct":
        return draw(record_type(depth - 1))
    schema, values = draw(scalar())
    is_optional = draw(st.booleans())
    several = st.lists(values, max_size=3)
    if shape == "array":
        whole_schema, found = {"type": "ARRAY", "values": schema}, several.map(lambda items: {"list": items})
    else:
        whole_schema = {"type": "MAP", "keys": {"type": "STRING"}, "values": schema}
        found = st.dictionaries(names, values, max_size=2).map(mapping)
    return ({**whole_schema, "optional": True}, found | NOTHING) if is_optional else (whole_schema, found)


@st.composite
def record_type(draw: st.DrawFn, depth: int = 2) -> tuple[Json, st.SearchStrategy[Json | None]]:
    """A schema of a struct, and its values."""
    fields = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    kinds = {name: draw(typed(depth)) for name in fields}
    schema: Json = {"type": "STRUCT", "fields": [[name, kinds[name][0]] for name in fields]}
    if draw(st.booleans()):
        schema.update(name="row", version=2, doc="text", parameters={"k": "v"})
    if draw(st.integers(0, 3)) == 0:
        schema["optional"] = True
    # in the original a required field is null only as long as it is not set
    may_lack = {name for name in fields if "default" in kinds[name][0] and "optional" not in kinds[name][0]}
    held = st.fixed_dictionaries(
        {name: kinds[name][1] for name in fields if name not in may_lack},
        optional={name: kinds[name][1] for name in fields if name in may_lack},
    )
    found = held.map(lambda fields: {"struct": {"schema": schema, "fields": fields}})
    return schema, found | NOTHING if "optional" in schema else found


def mapping(items: Mapping[str, Any]) -> Json:
    return {"map": [[{"str": key}, item] for key, item in items.items()]}


plain_scalars = st.one_of(
    st.none(),
    whole(64).map(lambda number: {"i64": number}),
    st.floats().map(lambda number: {"f64": double_text(number)}),
    st.booleans().map(lambda flag: {"bool": flag}),
    texts.map(lambda text: {"str": text}),
    st.binary(max_size=3).map(lambda content: {"bytes": content.hex()}),
)
plain: st.SearchStrategy[Any] = st.recursive(
    plain_scalars,
    lambda inner: (
        st.lists(inner, max_size=2).map(lambda items: {"list": items})
        | st.dictionaries(names, inner, max_size=3).map(mapping)
    ),
    max_leaves=6,
)
plain_maps = st.dictionaries(names, plain, max_size=4).map(mapping)


Sides = st.SearchStrategy[Json]
"""Keys or values of one schema."""


def of_schema(schema: Json | None, values: st.SearchStrategy[Json | None]) -> Sides:
    return values.map(lambda value: {"schema": schema, "value": value})


@st.composite
def side(draw: st.DrawFn) -> Sides:
    """Keys or values with or without schema; mostly structs or maps."""
    form = draw(st.sampled_from(["struct", "struct", "struct", "map", "map", "typed", "plain", "null"]))
    if form in ("struct", "typed"):
        return of_schema(*draw(record_type() if form == "struct" else typed()))
    return of_schema(None, {"map": plain_maps, "plain": plain, "null": NOTHING}[form])


@st.composite
def whole_side(draw: st.DrawFn) -> Sides:
    return of_schema(*draw(scalar()))


SIDES: Final = side()
FEW: Final = st.just(
    st.sampled_from([{"schema": None, "value": None}, {"schema": {"type": "STRING"}, "value": {"str": "x"}}])
)
"""For what does not look inside."""


@st.composite
def header(draw: st.DrawFn) -> list[Any]:
    schema, values = draw(scalar())
    return [draw(names), schema, draw(values)]


OTHER_SIDES: Final = (
    {"schema": None, "value": None},
    {"schema": {"type": "STRING"}, "value": {"str": "o"}},
    {"schema": None, "value": mapping({"o": {"i64": "1"}})},
)


@st.composite
def frame(draw: st.DrawFn) -> Json:
    """All of a record of a source or of a sink but one side."""
    made: Json = {
        "topic": draw(st.sampled_from(["t", "orders-2", "a.b", "ünï"])),
        "other": draw(st.sampled_from(OTHER_SIDES)),
        "timestamp": draw(st.none() | st.integers(0, 10**13)),
        "partition": draw(st.none() | st.integers(0, 99)),
        "headers": draw(st.lists(header(), max_size=2)),
    }
    return {**made, "offset": draw(st.integers(0, 1 << 40))} if draw(st.booleans()) else made


FRAMES: Final = frame()


def record(main: Json, around: Json, is_key: bool) -> Json:
    other = around["other"]
    key, value = (main, other) if is_key else (other, main)
    return {"key": key, "value": value, **{name: part for name, part in around.items() if name != "other"}}


def config(**settings_of: st.SearchStrategy[str]) -> st.SearchStrategy[Json]:
    """Settings, some of them left out; a trailing underscore marks one that is always there."""
    always = {key(name): values for name, values in settings_of.items() if name.endswith("_")}
    sometimes = {key(name): values for name, values in settings_of.items() if not name.endswith("_")}
    return st.fixed_dictionaries(always, optional=sometimes)


def key(name: str) -> str:
    return name.rstrip("_").replace("_", ".")


some_names = st.lists(names, min_size=1, max_size=3, unique=True).map(",".join)
types = st.sampled_from(["int8", "int16", "int32", "int64", "float32", "float64", "boolean", "string"])
casts = st.dictionaries(names, types, min_size=1, max_size=3).map(lambda pairs: ",".join(map(":".join, pairs.items())))
renames = st.dictionaries(names, names | st.just("z"), min_size=1, max_size=2)
inserted = st.sampled_from(["t", "p!", "o?", "q", "a"])
paths = st.lists(st.sampled_from(["a", "b", "`a.b`", "c", "`a`", "ü"]), min_size=1, max_size=3).map(".".join)
operations = st.sampled_from(["move", "copy"])
topic_texts = st.sampled_from(["$0", "x-$1", "\\$1", "${n}", "$2", "plain", ""])


@st.composite
def headers_from(draw: st.DrawFn) -> Json:
    fields = draw(st.lists(names, min_size=1, max_size=3))
    targets = draw(st.lists(st.sampled_from("hij"), min_size=len(fields), max_size=len(fields)))
    chosen = draw(config(operation_=operations, replace_null_with_default=booleans))
    return {"fields": ",".join(fields), "headers": ",".join(targets), **chosen}


@st.composite
def moment_text(draw: st.DrawFn) -> Json:
    """A text that looks like a moment more or less."""
    year, month, day = draw(st.integers(1600, 2400)), draw(st.integers(0, 14)), draw(st.integers(0, 35))
    hour, minute, second = draw(st.integers(0, 26)), draw(st.integers(0, 70)), draw(st.integers(0, 70))
    date = draw(
        st.sampled_from([f"{year}-{month:02d}-{day:02d}", f"{day}/{month}/{year}", f"{year}{month:02d}{day:02d}"])
    )
    time = draw(st.sampled_from([f"{hour:02d}:{minute:02d}:{second:02d}", f"{hour}:{minute}:{second}.{second}"]))
    zone = draw(st.sampled_from(["", "Z", "+01:30", "-0800", " GMT", "000Z"]))
    text = draw(
        st.sampled_from([date, f"{date}T{time}{zone}", f"{date} {time}{zone}", f"{time}{zone}", f"{date}{zone}"])
    )
    return {"schema": {"type": "STRING"}, "value": {"str": text}}


@st.composite
def moment(draw: st.DrawFn) -> Sides:
    return of_schema(*draw(st.sampled_from([SCALARS[3], SCALARS[9], SCALARS[10], SCALARS[11]])))


@st.composite
def family(
    draw: st.DrawFn, name: str, configs: st.SearchStrategy[Json], sides: st.SearchStrategy[Sides], size: Size
) -> list[Json]:
    where = draw(st.sampled_from(["$Key", "$Value"])) if name in BOTH else ""
    settings_of, main = draw(configs), draw(sides)
    mains, frames = [draw(main) for _ in range(size.sides)], [draw(FRAMES) for _ in range(size.frames)]
    return [
        {"class": f"{PACKAGE}{name}{where}", "config": settings_of, "record": record(side_, around, where == "$Key")}
        for side_, around in product(mains, frames)
    ]


def cases(name: str, configs: st.SearchStrategy[Json], sides: st.SearchStrategy[Sides] = SIDES) -> Families:
    """A class, its settings and some records, of which the main side, of one schema, is changed or looked at."""
    return partial(family, name, configs, sides)


BOTH: Final = {
    *("Cast", "ExtractField", "Flatten", "HeaderFrom", "HoistField", "InsertField", "MaskField", "ReplaceField"),
    *("SetSchemaMetadata", "TimestampConverter"),
}
"""Transforms with a class for keys and one for values."""
conversions = config(
    target_type_=st.sampled_from(["string", "unix", "Date", "Time", "Timestamp"]),
    format_=st.sampled_from(FORMATS),
    field=names,
    unix_precision=st.sampled_from(["seconds", "milliseconds", "microseconds", "nanoseconds"]),
    replace_null_with_default=booleans,
)
CASES: Final[Mapping[str, Families]] = {
    "InsertField": cases(
        "InsertField",
        config(
            topic_field=inserted,
            partition_field=inserted,
            offset_field=inserted,
            timestamp_field=inserted,
            static_field_=inserted,
            static_value_=texts,
            replace_null_with_default=booleans,
        ),
    ),
    "ReplaceField": cases(
        "ReplaceField",
        config(
            exclude=some_names,
            include=some_names,
            renames=renames.map(lambda pairs: ",".join(map(":".join, pairs.items()))),
            replace_null_with_default=booleans,
        ),
    ),
    "ValueToKey": cases("ValueToKey", config(fields_=some_names, replace_null_with_default=booleans)),
    "ExtractField": cases("ExtractField", config(field_=names, replace_null_with_default=booleans)),
    "ExtractField of paths": cases(
        "ExtractField", config(field_=paths, field_syntax_version_=st.just("V2"), replace_null_with_default=booleans)
    ),
    "RegexRouter": cases(
        "RegexRouter",
        config(
            regex_=st.sampled_from(["(.*)", "(?<n>[a-z]+)-(\\d)", "t|orders-2", "(a)\\.(b)", "[a-c.]+", "x?", "ü.*"]),
            replacement_=topic_texts,
        ),
        FEW,
    ),
    "TimestampConverter": cases("TimestampConverter", conversions),
    "TimestampConverter of moments": cases("TimestampConverter", conversions, moment()),
    "TimestampConverter of texts": cases("TimestampConverter", conversions, st.just(moment_text())),
    "Cast": cases("Cast", config(spec_=casts, replace_null_with_default=booleans)),
    "Cast of the whole": cases("Cast", config(spec_=types), whole_side()),
    "Flatten": cases("Flatten", config(delimiter=st.sampled_from([".", "_", ""]))),
    "MaskField": cases(
        "MaskField",
        config(
            fields_=some_names,
            replacement=st.sampled_from(["1", "-2.5", "x", "1e3", "300"]),
            replace_null_with_default=booleans,
        ),
    ),
    "HoistField": cases("HoistField", config(field_=names)),
    "HeaderFrom": cases("HeaderFrom", headers_from()),
    "SetSchemaMetadata": cases(
        "SetSchemaMetadata",
        config(schema_name_=names, schema_version=st.sampled_from(["1", "-5"]), replace_null_with_default=booleans),
    ),
    "TimestampRouter": cases(
        "TimestampRouter",
        config(
            topic_format=st.sampled_from(["${topic}-${timestamp}", "${timestamp}"]),
            timestamp_format=st.sampled_from(FORMATS),
        ),
        FEW,
    ),
    "DropHeaders": cases("DropHeaders", config(headers_=some_names), FEW),
    "InsertHeader": cases("InsertHeader", config(header_=names, value_literal_=texts), FEW),
    "Filter": cases("Filter", config(), FEW),
    "HasHeaderKey": cases("predicates.HasHeaderKey", config(name_=names), FEW),
    "RecordIsTombstone": cases("predicates.RecordIsTombstone", config(), FEW),
    "TopicNameMatches": cases(
        "predicates.TopicNameMatches",
        config(pattern_=st.sampled_from([".*", "t", "[a-z]+-\\d", "a.b", "ü"])),
        FEW,
    ),
}
"""Cases by what they are about."""


def drawn(families: Families, number: int, size: Size = ALONE) -> list[Json]:
    """So many cases, or a few more, always the same ones; larger families are drawn faster."""
    found: list[Json] = []

    @settings(
        max_examples=-(-number // (size.sides * size.frames)),
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(families(size))
    def take(cases: list[Json]) -> None:
        found.extend(cases)

    take()
    return found
