"""Inputs for Transforms.java, one JSON line a case."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
PACKAGE = "org.apache.kafka.connect.transforms."
LOGICAL = "org.apache.kafka.connect.data."


def of(kind: str, **more: Any) -> Json:
    return {"type": kind, **more}


def logical(name: str, kind: str, **more: Any) -> Json:
    return {"type": kind, "name": LOGICAL + name, "version": 1, **more}


def struct(*fields: tuple[str, Json], **more: Any) -> Json:
    return of("STRUCT", fields=[list(field) for field in fields], **more)


def holding(schema: Json, **fields: Any) -> Json:
    return {"struct": {"schema": schema, "fields": fields}}


def mapping(**items: Any) -> Json:
    return {"map": [[{"str": key}, item] for key, item in items.items()]}


def side(schema: Json | None, value: Any) -> Json:
    return {"schema": schema, "value": value}


def case(name: str, config: Json, record: Json) -> Json:
    return {"class": PACKAGE + name, "config": config, "record": record}


STRING, INT32, INT64, BYTES = of("STRING"), of("INT32"), of("INT64"), of("BYTES")
DATE, TIME, TIMESTAMP = logical("Date", "INT32"), logical("Time", "INT32"), logical("Timestamp", "INT64")
DECIMAL = logical("Decimal", "BYTES", parameters={"scale": "2"})
WITH_DEFAULT = of("STRING", default={"str": "d"})
MAY_LACK = of("STRING", optional=True)
ROW = struct(
    ("a", INT32),
    ("d", WITH_DEFAULT),
    ("o", MAY_LACK),
    ("e", of("STRING", optional=True, default={"str": "e"})),
    name="row",
    version=2,
    doc="A row",
    parameters={"k": "v"},
    optional=True,
)
KINDS: list[tuple[Json, Json]] = [
    (of("INT8"), {"i8": "-3"}),
    (of("INT16"), {"i16": "300"}),
    (INT32, {"i32": "2147483647"}),
    (INT64, {"i64": "9223372036854775807"}),
    (INT64, {"i64": "-9223372036854775808"}),
    (INT64, {"i64": "1577836800123"}),
    (INT64, {"i64": "-1"}),
    (INT64, {"i64": "36028797018963969"}),
    (of("FLOAT32"), {"f32": "0.5"}),
    (of("FLOAT32"), {"f32": "9.007199254740992E15"}),
    (of("FLOAT32"), {"f32": "1.0000000200408773E20"}),
    (of("FLOAT64"), {"f64": "-1.7"}),
    (of("FLOAT64"), {"f64": "1.0E20"}),
    (of("FLOAT64"), {"f64": "NaN"}),
    (of("FLOAT64"), {"f64": "-Infinity"}),
    (of("FLOAT64"), {"f64": "4294967297.5"}),
    (of("FLOAT64"), {"f64": "1.0E300"}),
    (of("BOOLEAN"), {"bool": True}),
    (of("BOOLEAN"), {"bool": False}),
    *(
        (STRING, {"str": text})
        for text in ("", "q", " 1", "+1", "-129", "1.5", "TRUE", "true", "1e400", "1_0", "0x1p3")
    ),
    *((STRING, {"str": text}) for text in ("٣", " 1.5f ", "99999999999999999999", "9223372036854775807", "NaN", "-")),
    (BYTES, {"bytes": "0102ff"}),
    (DECIMAL, {"dec": "12345678901234567890.99"}),
    (DECIMAL, {"dec": "-1.50"}),
    *((DATE, {"date": days}) for days in (0, 1, 18262, -1)),
    *((TIME, {"time": ms}) for ms in (0, 1000, 86399999)),
    *((TIMESTAMP, {"timestamp": ms}) for ms in (0, 1, 86399999, 86400000, 1577836800000, 1577836800123, -1, -86400000)),
    (of("ARRAY", values=INT32), {"list": [{"i32": "1"}]}),
    (of("MAP", keys=STRING, values=INT32), mapping(a={"i32": "1"})),
]
PLAIN: list[Any] = [
    *({"i64": number} for number in ("0", "300", "-1", "9223372036854775807", "1577836800123")),
    *({"f64": number} for number in ("0.5", "-1.7", "1.0E20", "NaN")),
    *({"str": text} for text in ("", "q", "12", "true", "2020-01-01")),
    {"bool": True},
    {"bytes": "0102ff"},
    {"dec": "1.50"},
    {"list": []},
    {"list": [{"i64": "1"}, mapping(x=None)]},
    mapping(),
    mapping(x={"i64": "1"}),
    None,
]
NESTED = struct(("n", ROW), ("x.y", INT32), ("m", of("MAP", keys=STRING, values=STRING, optional=True)), name="nested")
DEEP = struct(
    ("n", ROW),
    ("q", struct(("r", struct(("s", WITH_DEFAULT), ("l", of("ARRAY", values=INT32)))), optional=True)),
    ("t", TIMESTAMP),
    name="deep",
)
FULL = holding(ROW, a={"i32": "5"}, d={"str": "x"}, o={"str": "y"}, e={"str": "z"})
HALF = holding(ROW, a={"i32": "5"})
FLAT_MAP = mapping(a={"str": "q"}, b=None, c=mapping(), d={"list": [mapping()]}, o={"i64": "7"})
HEADERS = [["h", STRING, {"str": "1"}], ["g", None, {"i64": "2"}], ["h", INT32, {"i32": "3"}]]
SIDES: dict[str, Json] = {
    "full": side(ROW, FULL),
    "half": side(ROW, HALF),
    "empty": side(ROW, holding(ROW)),
    "no row": side(ROW, None),
    "nothing": side(None, None),
    "text": side(STRING, {"str": "q"}),
    "no text": side(MAY_LACK, None),
    "plain text": side(None, {"str": "q"}),
    "plain number": side(None, {"i64": "3"}),
    "plain fraction": side(None, {"f64": "3.5"}),
    "plain flag": side(None, {"bool": True}),
    "plain list": side(None, {"list": [{"i64": "3"}]}),
    "plain bytes": side(None, {"bytes": "00"}),
    "plain decimal": side(None, {"dec": "1.5"}),
    "map": side(None, FLAT_MAP),
    "map of a schema": side(of("MAP", keys=STRING, values=STRING), mapping(a={"str": "b"})),
    "list": side(of("ARRAY", values=STRING), {"list": []}),
    "date": side(DATE, {"date": 3}),
    "decimal": side(DECIMAL, {"dec": "1.50"}),
    "nested": side(NESTED, holding(NESTED, n=HALF, **{"x.y": {"i32": "1"}}, m=mapping(k={"str": "w"}))),
    "hollow": side(NESTED, holding(NESTED)),
    "nested map": side(None, mapping(n=mapping(d={"str": "x"}, k=mapping(z={"i64": "1"})), s={"str": "t"})),
}
SETTINGS: dict[str, list[Json]] = {
    "InsertField": [
        {},
        {"topic.field": "t"},
        {"topic.field": "a"},
        {
            "topic.field": "t!",
            "partition.field": "p?",
            "timestamp.field": "ts",
            "static.field": "s",
            "static.value": "v",
        },
        {"offset.field": "off!"},
        {"partition.field": "p!", "timestamp.field": "q!"},
        {"timestamp.field": "q!", "replace.null.with.default": "false"},
        {"topic.field": "t", "static.field": "t", "static.value": "x"},
        {"topic.field": ""},
        {"static.field": "x"},
        {"static.value": "x"},
        {"static.field": "o", "static.value": ""},
    ],
    "ReplaceField": [
        {},
        {"exclude": "a,zz"},
        {"include": "a,o"},
        {"include": "a,o", "exclude": "a"},
        {"renames": "a:b,o:p"},
        {"renames": "a:d"},
        {"renames": "zz:d"},
        {"renames": "a:o,o:a"},
        {"renames": "d:x", "replace.null.with.default": "false"},
        {"replace.null.with.default": "false"},
        {"include": "e", "replace.null.with.default": "false"},
        *({"renames": text} for text in ("a", "a:b:c", "a:", ":a", "a:b,a:c", "a:b,c:b", "a:b:")),
        {"exclude": "a,,b"},
    ],
    "ExtractField": [
        *({"field": name} for name in ("a", "d", "o", "zz", "x.y", "", "n")),
        *({"field": name, "replace.null.with.default": "false"} for name in ("d", "e")),
        *(
            {"field": path, "field.syntax.version": "v2"}
            for path in (
                "n.d",
                "n.e",
                "`x.y`",
                "x.y",
                "a.b",
                "n.",
                ".n",
                "n",
                "",
                "m.k",
                "n.k.z",
                "s.t",
                "`n`.d",
                "`n.d",
                "n.zz",
            )
        ),
        {"field": "n.d", "field.syntax.version": "V2", "replace.null.with.default": "false"},
        {"field": "a", "field.syntax.version": "V3"},
    ],
    "HoistField": [{"field": "x"}, {"field": ""}, {}],
    "Flatten": [{}, {"delimiter": "_"}, {"delimiter": ""}],
    "HeaderFrom": [
        *({"fields": "a", "headers": "h", "operation": how} for how in ("move", "copy", "MOVE")),
        *({"fields": "o,a,d", "headers": "h,i,j", "operation": how} for how in ("move", "copy")),
        {"fields": "d", "headers": "h", "operation": "copy", "replace.null.with.default": "false"},
        {"fields": "a", "headers": "h", "operation": "move", "replace.null.with.default": "false"},
        {"fields": "e", "headers": "h", "operation": "copy", "replace.null.with.default": "false"},
        {"fields": "zz", "headers": "h", "operation": "copy"},
        {"fields": "zz", "headers": "h", "operation": "move"},
        {"fields": "a,a", "headers": "h,i", "operation": "move"},
        {"fields": "a", "headers": "h,i", "operation": "move"},
        {"fields": "", "headers": "h,i", "operation": "move"},
    ],
    "MaskField": [
        {"fields": "a"},
        {"fields": "a,d,e,zz"},
        {"fields": "d", "replace.null.with.default": "false"},
        *({"fields": "a", "replacement": text} for text in ("x", "1e1", "-5")),
        *({"fields": "d", "replacement": text} for text in ("x", "1e1")),
        {"fields": ""},
        {"fields": "a", "replacement": ""},
    ],
    "SetSchemaMetadata": [
        {"schema.name": "n"},
        {"schema.version": "7"},
        {"schema.name": "n", "schema.version": "7", "replace.null.with.default": "false"},
        {"schema.version": "x"},
        {},
    ],
    "Cast": [
        *({"spec": spec} for spec in ("a:string,d:int8", "a:int8,o:boolean", "zz:int8", "o:string", "int8", "string")),
        *(
            {"spec": spec}
            for spec in ("a:float32,d:string", " a : INT64 ,e:string", "a:b:c", "a:foo", "foo", "int8,int16")
        ),
        *({"spec": spec} for spec in ("a:int8,a:int16", "a:bytes", "bytes", "", "a:")),
        {"spec": "o:int8", "replace.null.with.default": "false"},
    ],
    "TimestampConverter": [
        *({"target.type": kind, "field": name} for kind in ("unix", "Timestamp") for name in ("a", "d", "o", "zz", "")),
        {"target.type": "string", "field": "d", "format": "yyyy"},
        {"target.type": "string"},
        {"target.type": "string", "format": "bad"},
        {"target.type": "unix", "unix.precision": "x"},
        {"target.type": "time"},
    ],
}


def on_both_sides() -> Iterator[Json]:
    for name, configs in SETTINGS.items():
        for config, (place, given) in itertools.product(configs, SIDES.items()):
            record: Json = {"topic": "t", "value": given, "timestamp": 1577836800123, "partition": 1}
            yield case(f"{name}$Value", config, record)
            if place in ("half", "map"):
                yield case(f"{name}$Value", config, {**record, "offset": 42, "headers": HEADERS})
                yield case(f"{name}$Value", config, {"value": given})
                yield case(f"{name}$Key", config, {"key": given, "value": SIDES["text"], "headers": HEADERS})


def casts() -> Iterator[Json]:
    for kind in ["int8", "int16", "int32", "int64", "float32", "float64", "boolean", "string"]:
        for schema, value in KINDS:
            yield case("Cast$Value", {"spec": kind}, {"value": side(schema, value)})
        for value in PLAIN:
            yield case("Cast$Value", {"spec": kind}, {"value": side(None, value)})
            yield case("Cast$Value", {"spec": f"a:{kind}"}, {"value": side(None, mapping(a=value))})
        optional = struct(("a", {**INT64, "optional": True, "default": {"i64": "300"}}), optional=True)
        yield case("Cast$Value", {"spec": f"a:{kind}"}, {"value": side(optional, holding(optional))})
        defaulted = {**STRING, "default": {"str": "12"}, "optional": True, "doc": "x"}
        yield case("Cast$Value", {"spec": kind}, {"value": side(defaulted, {"str": "1"})})


def masks() -> Iterator[Json]:
    texts = (
        None,
        "1.9",
        "300",
        "1e3",
        "+5",
        "0x1",
        "1e400",
        "NaN",
        "99999999999999999999",
        "1E-400",
        "-",
        "１",
        ".5",
        "5.",
    )
    for text, (schema, value) in itertools.product(texts, KINDS):
        row = struct(("a", schema))
        config = {"fields": "a"} if text is None else {"fields": "a", "replacement": text}
        yield case("MaskField$Value", config, {"value": side(row, holding(row, a=value))})
    for text, value in itertools.product(texts[:5], PLAIN):
        config = {"fields": "a"} if text is None else {"fields": "a", "replacement": text}
        yield case("MaskField$Value", config, {"value": side(None, mapping(a=value))})


def flattens() -> Iterator[Json]:
    for schema, value in KINDS:
        for wrapped in (schema, {**schema, "optional": True}):
            row = struct(("n", struct(("a", wrapped), optional="optional" in wrapped)))
            inner = dict(row["fields"])["n"]
            yield case("Flatten$Value", {}, {"value": side(row, holding(row, n=holding(inner, a=value)))})
            yield case("Flatten$Value", {}, {"value": side(row, holding(row))})
    for value in PLAIN:
        yield case("Flatten$Value", {}, {"value": side(None, mapping(n=mapping(a=value), b=value))})
    deep = holding(DEEP, n=HALF, q=holding(dict(DEEP["fields"])["q"]), t={"timestamp": 5})
    yield case("Flatten$Value", {}, {"value": side(DEEP, deep)})
    yield case("Flatten$Value", {"delimiter": ""}, {"value": side(DEEP, deep)})
    clash = struct(("a", struct(("b", INT32))), ("a.b", INT32))
    inner = dict(clash["fields"])["a"]
    yield case("Flatten$Value", {}, {"value": side(clash, holding(clash, a=holding(inner, b={"i32": "1"})))})
    yield case(
        "Flatten$Value",
        {},
        {"value": side(None, {"map": [[{"str": "a"}, mapping(b=None)], [{"str": "a.b"}, {"i64": "1"}]]})},
    )
    of_parent = struct(
        ("b", INT32), ("c", MAY_LACK), default=holding(struct(("b", INT32), ("c", MAY_LACK)), b={"i32": "9"})
    )
    del of_parent["default"]
    parent = struct(("p", {**of_parent, "default": holding(of_parent, b={"i32": "9"})}))
    yield case("Flatten$Value", {}, {"value": side(parent, holding(parent))})


TEXTS = [
    *(
        "2020-01-02",
        "2020-1-2",
        "2020-13-45",
        "20-01-02",
        "2020-01-02T03:04:05",
        "2020-01-02T03:04:05.678Z",
        "x2020-01-02",
    ),
    *(
        "2020-01-02 and more",
        "2020-02-30",
        " 2020-01-02",
        "2020 -01-02",
        "-2020-01-02",
        "02/01/2020",
        "2020",
        "20200102",
    ),
    *("2020-01-02T03:04:05+01:00", "2020-01-02T03:04:05-0130", "2020-01-02T03:04:05+01", "2020-01-02T24:00:00", ""),
    *(
        "Thu, 02 Jan 2020 03:04:05 GMT",
        "thursday, 2 january 2020 3:04:05 PST",
        "12:30 AM",
        "12:30 pm",
        "0:30 PM",
        "13:30",
    ),
    *("2020-01-02T03:04:05.6", "2020-01-02T03:04:05.678901", "99-12-31", "1999-12-31T23:59:59.999Z", "2020-060", "5"),
    *("2020-W05-3", "1577836800", "2020-01-02 03:04:05 UTC", "2020-01-02 03:04:05 GMT+02:00", "Jan 5", "2020-01-0٣"),
]
FORMATS = [
    *("yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", "yyyy-MM-dd'T'HH:mm:ssXXX", "yyyyMMdd"),
    *("yyyy-MM-dd'T'HH:mm:ssZ", "yyyy-MM-dd'T'HH:mm:ssX", "yyyy-MM-dd HH:mm:ss z", "EEE, dd MMM yyyy HH:mm:ss zzz"),
    *(
        "EEEE, d MMMM yyyy h:mm:ss z",
        "hh:mm a",
        "K:mm a",
        "kk:mm",
        "yy-MM-dd",
        "y-M-d",
        "yyyy-DDD",
        "dd/MM/yyyy",
        "yyyy",
    ),
    *("YYYY-'W'ww-u", "yyyy-MM-dd'T'HH:mm:ss.S", "yyyy-MM-dd'T'HH:mm:ss.SSSSSS", "s", "MMM d", "G yyyy", "W F", "LLLL"),
    *(
        "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
        "yyMMddHHmmss",
        "''yyyy'a''b'",
        "{yyyy}",
        "d",
        "D",
        "w",
        "E u",
        "zzzz",
        "h",
        "XX",
    ),
]
MOMENTS = [
    0,
    1,
    -1,
    999,
    1577836800123,
    1577836800000,
    951782400000,
    4102444799999,
    1583020799999,
    1609372800000,
    86399999,
]
MOMENTS += [1577750400000, 946684799999, 253402300799999, -12219292800000]


def texts_of_moments() -> Iterator[Json]:
    name = "TimestampConverter$Value"
    for pattern in FORMATS:
        for text in TEXTS:
            yield case(name, {"target.type": "Timestamp", "format": pattern}, {"value": side(STRING, {"str": text})})
        for ms in MOMENTS:
            yield case(
                name, {"target.type": "string", "format": pattern}, {"value": side(TIMESTAMP, {"timestamp": ms})}
            )


def numbers_before_others() -> Iterator[Json]:
    """A number is cut off by the count of its letters only where another number follows."""
    texts = ("145Z", "145+0000", "145+01", "145UTC", "145AM", "145Mon", "145Jan", "14501", "1451", "145BC")
    for following in ("XXX", "X", "Z", "z", "a", "E", "MMM", "MM", "LLL", "LL", "G", "u", "y", "Y", "w"):
        for text in texts:
            config = {"target.type": "Timestamp", "format": f"ss{following}"}
            yield case("TimestampConverter$Value", config, {"value": side(STRING, {"str": text})})


def renamed_onto_others() -> Iterator[Json]:
    """A field that is left out gives its value to one that has its new name already, and another type."""
    given = struct(("a", DECIMAL), ("b", {"type": "ARRAY", "values": INT32}), ("c", INT32))
    row = holding(given, a={"dec": "1.50"}, b={"list": [{"i32": "1"}]}, c={"i32": "2"})
    for old, new in (("b", "a"), ("c", "a"), ("a", "c"), ("b", "c")):
        config = {"exclude": old, "renames": f"{old}:{new}"}
        yield case("ReplaceField$Value", config, {"value": side(given, row)})


def kinds_of_moments() -> Iterator[Json]:
    name = "TimestampConverter$Value"
    for target, precision in itertools.product(
        ("string", "unix", "Date", "Time", "Timestamp"), ("nanoseconds", "microseconds", "milliseconds", "seconds")
    ):
        config = {"target.type": target, "unix.precision": precision, "format": "yyyy-MM-dd'T'HH:mm:ss.SSS"}
        for schema, value in KINDS:
            if target == "string" or precision != "seconds" or schema is INT64:
                yield case(name, config, {"value": side(schema, value)})
        for number in (*MOMENTS, 1577836800, -1500, -1, 9223372036854775, 10**18 + 999999):
            yield case(name, config, {"value": side(INT64, {"i64": str(number)})})
            yield case(name, config, {"value": side(None, {"i64": str(number)})})
            yield case(name, config, {"value": side(TIMESTAMP, {"timestamp": number if abs(number) < 1e14 else 0})})


def moments_in_fields() -> Iterator[Json]:
    name = "TimestampConverter$Value"
    for target in ("string", "unix", "Date", "Time", "Timestamp"):
        config = {"target.type": target, "field": "a", "format": "yyyy-MM-dd"}
        for schema, value in KINDS:
            row = struct(("a", {**schema, "optional": True}), ("b", WITH_DEFAULT), optional=True, name="r")
            for given in (value, None):
                yield case(name, config, {"value": side(row, holding(row, a=given, b={"str": "x"}))})
        for value in PLAIN:
            yield case(name, config, {"value": side(None, mapping(a=value, b={"i64": "1"}))})
            yield case(name, {**config, "field": ""}, {"value": side(None, value)})
        defaulted = struct(("a", {**TIMESTAMP, "default": {"timestamp": 5}, "optional": True}), ("b", INT32))
        for more in ({}, {"replace.null.with.default": "false"}):
            yield case(name, {**config, **more}, {"value": side(defaulted, holding(defaulted, b={"i32": "1"}))})


def routed_by_time() -> Iterator[Json]:
    for ms, (topics, pattern) in itertools.product(
        [*MOMENTS, None],
        [
            ("${topic}-${timestamp}", "yyyyMMdd"),
            ("a", "yyyy"),
            ("${timestamp}${topic}${timestamp}", "HH:mm"),
            ("x", "'"),
        ],
    ):
        for topic in ("t", "a${timestamp}$1\\", "${topic}"):
            config = {"topic.format": topics, "timestamp.format": pattern}
            yield case("TimestampRouter", config, {"topic": topic, "timestamp": ms, "value": SIDES["text"]})


def keys() -> Iterator[Json]:
    for config, given in itertools.product(
        [
            *({"fields": names} for names in ("a", "a,d", "o,e", "zz", "a,a", "", "n")),
            {"fields": "d", "replace.null.with.default": "false"},
            {"fields": "e", "replace.null.with.default": "false"},
        ],
        SIDES.values(),
    ):
        yield case("ValueToKey", config, {"value": given, "key": SIDES["text"], "headers": HEADERS})


def routed() -> Iterator[Json]:
    routes = [
        *(("(.*)", "x-$1"), ("t", "u"), ("a|ab", "x"), ("(?<n>[a-z]+)-.*", "${n}"), ("(a)(b)?", "$2-$1"), ("x", "$9")),
        *(
            ("ab", "$1"),
            ("ab", "${n}"),
            ("ab", "a\\"),
            ("ab", "$"),
            ("ab", "$x"),
            ("ab", "\\$1"),
            ("ab", "${"),
            ("ab", "${1}"),
        ),
        *(("(a)(b)", "$21"), ("(a)(b)", "$12"), ("", "x"), (".*", "y"), ("(", "x"), ("\\Qab\\E", "q"), ("[a&&b]", "x")),
    ]
    for (regex, replacement), topic in itertools.product(routes, ("t", "ab", "ab-c", "abab", "")):
        yield case(
            "RegexRouter", {"regex": regex, "replacement": replacement}, {"topic": topic, "value": SIDES["text"]}
        )


def headers_and_predicates() -> Iterator[Json]:
    given = {"value": SIDES["full"], "headers": HEADERS}
    for names in ("h", "g", "h,g", "zz", "", "h,"):
        yield case("DropHeaders", {"headers": names}, given)
        yield case("DropHeaders", {"headers": names}, {"value": SIDES["text"]})
    for text in (
        "",
        "x",
        "5",
        "300",
        "true",
        "null",
        "1.5",
        "[1,2]",
        '{"a":1}',
        "2020-01-01",
        "1e5",
        " 5 ",
        "-",
        "ü",
        "7}x",
    ):
        yield case("InsertHeader", {"header": "n", "value.literal": text}, given)
    yield case("InsertHeader", {"header": "", "value.literal": "x"}, given)
    yield case("Filter", {}, given)
    for name in ("h", "zz", "H", ""):
        yield case("predicates.HasHeaderKey", {"name": name}, given)
        yield case("predicates.HasHeaderKey", {"name": name}, {"value": SIDES["text"]})
    for found in SIDES.values():
        yield case("predicates.RecordIsTombstone", {}, {"value": found})
    for pattern, topic in itertools.product(("t", "a.*", "", "(", "b|ab", "[a-c]{2}"), ("t", "ab", "ab-c", "")):
        yield case("predicates.TopicNameMatches", {"pattern": pattern}, {"topic": topic, "value": SIDES["text"]})


def every() -> Iterator[Json]:
    makers = (
        *(on_both_sides, casts, masks, flattens, texts_of_moments, kinds_of_moments, moments_in_fields, routed_by_time),
        *(keys, routed, headers_and_predicates, numbers_before_others, renamed_onto_others),
    )
    for maker in makers:
        yield from maker()


def shortened(node: Any) -> Any:
    """A result without what it says twice: the schemas of structs inside values."""
    if isinstance(node, list):
        return [shortened(item) for item in node]
    if isinstance(node, dict):
        return {key: shortened(item) for key, item in node.items() if key != "schema" or "fields" not in node}
    return node


if __name__ == "__main__":
    if sys.argv[1:] == ["shorten"]:
        for line in sys.stdin:
            sys.stdout.write(json.dumps(shortened(json.loads(line)["result"]), separators=(",", ":")) + "\n")
    else:
        for made in every():
            sys.stdout.write(json.dumps(made) + "\n")
