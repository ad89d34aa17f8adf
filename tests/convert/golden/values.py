# ruff: noqa: SIM905, E501 - long lists of inputs
"""Schemas and values as Converters.java reads them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
LOGICAL = "org.apache.kafka.connect.data."
PRIMITIVES = "INT8 INT16 INT32 INT64 FLOAT32 FLOAT64 BOOLEAN STRING BYTES".split()
ODD_TEXTS = [
    "",
    " ",
    "abc",
    "é",
    "日本",
    "😀",
    "\u0000",
    "\t\n\r\b\f",
    '"',
    "\\",
    "/",
    "\u2028",
    "\u007f",
    "\ufeff",
    "\uffff",
]
ODD_TEXTS += ["</script>", "null", "a\u0301", "%s", "{}", "\u001b\u000b\u001f \\u001f", "é😀\U0010ffff\u001a"]


def logical(name: str, kind: str, scale: int | None = None, **more: Any) -> Json:
    parameters = {} if scale is None else {"parameters": {"scale": str(scale)}}
    return {"type": kind, "name": LOGICAL + name, "version": 1, **parameters, **more}


DATE, TIME = logical("Date", "INT32"), logical("Time", "INT32")
TIMESTAMP, DECIMAL = logical("Timestamp", "INT64"), logical("Decimal", "BYTES", 2)


def of(kind: str, **more: Any) -> Json:
    return {"type": kind, **more}


def struct(*fields: tuple[str, Json], **more: Any) -> Json:
    return of("STRUCT", fields=[list(field) for field in fields], **more)


def holding(schema: Json, **fields: Any) -> Json:
    return {"struct": {"schema": schema, "fields": fields}}


def texts(*items: str) -> list[Json]:
    return [{"str": item} for item in items]


WHOLE = {
    "i8": ["0", "-1", "127", "-128"],
    "i16": ["1", "32767", "-32768"],
    "i32": ["1", "2147483647", "-2147483648"],
    "i64": ["1", "9007199254740993", "9223372036854775807", "-9223372036854775808"],
}
FRACTIONS = (
    "0.0 -0.0 1.0 -1.5 0.1 0.001 0.0001 0.00099 1234567.0 9999999.0 1.0E7 12345678.9 1.0E10 1.0E-5 1.0E21 1.0E16 1.0E22 "
    "3.4028234663852886E38 1.401298464324817E-45 1.17549435E-38 0.3 100.0 123456.789 NaN Infinity -Infinity"
).split()
DOUBLES = "1.7976931348623157E308 2.2250738585072014E-308 4.9E-324 1.0E100 -1.0E-100 0.30000000000000004 9007199254740993".split()
DECIMALS = "0.00 1.00 -1.00 123.45 -123.45 0.01 -0.01 1.28 327.68 -1.28 12345678901234567890123456789.12 -99999999999999999999.99"


def scalars() -> Iterator[tuple[Json, Json]]:
    """Schema and value of every kind that contains no other."""
    for kind, name in (("i8", "INT8"), ("i16", "INT16"), ("i32", "INT32"), ("i64", "INT64")):
        yield from ((of(name), {kind: number}) for number in WHOLE[kind])
    yield from ((of("FLOAT32"), {"f32": number}) for number in FRACTIONS)
    yield from ((of("FLOAT64"), {"f64": number}) for number in FRACTIONS + DOUBLES)
    yield from ((of("BOOLEAN"), {"bool": flag}) for flag in (True, False))
    yield from ((of("STRING"), {"str": text}) for text in ODD_TEXTS)
    yield from ((of("BYTES"), {"bytes": content}) for content in ("", "00", "ff", "0102fdfeff", "68c3a9"))
    yield of("BYTES"), {"buffer": "0102"}
    yield from ((DECIMAL, {"dec": number}) for number in DECIMALS.split())
    for scale, number in ((0, "0"), (0, "127"), (0, "128"), (-2, "1E+2"), (-2, "0E+2"), (10, "0E-10"), (10, "1.23E-8")):
        yield logical("Decimal", "BYTES", scale), {"dec": number}
    yield from ((DATE, {"date": days}) for days in (0, 1, -1, 18262, 2932896, -719162))
    yield from ((TIME, {"time": ms}) for ms in (0, 1, 43200000, 86399999))
    yield from (
        (TIMESTAMP, {"timestamp": ms}) for ms in (0, 1, -1, 86400000, 1577836800123, -62135596800000, 253402300799999)
    )


POINT = struct(("x", of("INT32")), ("y", of("INT32", optional=True)), name="point")
RICH = struct(
    ("s", of("STRING", optional=True, default={"str": "x"})),
    ("n", of("INT64", optional=True)),
    ("f", of("FLOAT32", default={"f32": "1.5"})),
    ("b", of("BYTES", optional=True)),
    ("d", {**DECIMAL, "optional": True}),
    ("t", {**TIMESTAMP, "optional": True}),
    ("a", of("ARRAY", values=of("STRING", optional=True), optional=True)),
    ("p", {**POINT, "optional": True}),
    name="rich",
    version=3,
    doc="All kinds",
    parameters={"k": "v", "a": "b"},
)


def nested() -> Iterator[tuple[Json, Any]]:
    """Schema and value of containers."""
    ints, strings = of("ARRAY", values=of("INT32")), of("ARRAY", values=of("STRING", optional=True))
    one = {"i32": "1"}
    yield ints, {"list": []}
    yield ints, {"list": [one, {"i32": "-2"}]}
    yield strings, {"list": [*texts("a", "b,c", '"d\\'), None]}
    yield of("ARRAY", values=ints), {"list": [{"list": [one]}, {"list": []}]}
    yield of("ARRAY", values=of("BYTES")), {"list": [{"bytes": "0102"}]}
    yield of("ARRAY", values=of("FLOAT32")), {"list": [{"f32": "0.1"}, {"f32": "NaN"}]}
    yield of("ARRAY", values=of("INT32", default=one)), {"list": [None, one]}
    yield of("MAP", keys=of("STRING"), values=of("INT32")), {"map": []}
    yield of("MAP", keys=of("STRING"), values=of("INT32")), {"map": [[{"str": "a"}, one], [{"str": ""}, one]]}
    yield of("MAP", keys=of("STRING", optional=True), values=of("INT32")), {"map": [[{"str": "a"}, one]]}
    yield (
        of("MAP", keys=of("INT32"), values=of("STRING", optional=True)),
        {"map": [[one, {"str": "a"}], [{"i32": "2"}, None]]},
    )
    yield of("MAP", keys=of("BOOLEAN"), values=of("FLOAT64")), {"map": [[{"bool": True}, {"f64": "0.1"}]]}
    yield of("MAP", keys=of("STRING"), values=ints), {"map": [[{"str": "k"}, {"list": [one]}]]}
    yield POINT, holding(POINT, x=one, y={"i32": "2"})
    yield POINT, holding(POINT, x=one)
    yield RICH, holding(RICH, f={"f32": "2.0"})
    yield (
        RICH,
        holding(
            RICH,
            s={"str": "é"},
            n={"i64": "5"},
            f={"f32": "0.1"},
            b={"bytes": "00ff"},
            d={"dec": "1.20"},
            t={"timestamp": 1},
            a={"list": [*texts("q"), None]},
            p=holding({**POINT, "optional": True}, x=one),
        ),
    )
    yield of("ARRAY", values=POINT), {"list": [holding(POINT, x=one)]}
    yield struct(), holding(struct())
    yield of("ARRAY", values=DATE), {"list": [{"date": 1}]}
    yield of("MAP", keys=of("STRING"), values=DECIMAL), {"map": [[{"str": "a"}, {"dec": "1.50"}]]}


def schemaless() -> Iterator[Any]:
    yield from ({kind: number} for kind, numbers in WHOLE.items() for number in numbers)
    yield from ({"f64": number} for number in FRACTIONS + DOUBLES)
    yield from ({"str": text} for text in ODD_TEXTS)
    yield from ({"bool": True}, {"bool": False}, {"bytes": "0102"}, {"buffer": "0304"}, {"list": []}, {"map": []})
    yield from ({"dec": number} for number in ("1.50", "1E+10", "0E-10", "12345678901234567890.123", "5"))
    yield {"list": [{"i32": "1"}, {"str": "a"}, None, {"f64": "1.5"}, {"list": []}]}
    yield {"map": [[{"str": "a"}, {"i32": "1"}], [{"str": "b"}, None], [{"str": "c"}, {"bytes": "ff"}]]}
    yield {"map": [[{"i32": "1"}, {"str": "x"}]]}
    yield {"map": [[{"str": "a"}, {"str": "x"}], [{"i32": "1"}, {"bool": True}]]}
    yield {"list": [{"f64": "NaN"}, {"f64": "Infinity"}]}
    yield {"map": [[{"str": "m"}, {"map": [[{"str": "n"}, {"list": [{"f64": "-Infinity"}, None]}]]}]]}
    yield holding(POINT, x={"i32": "1"})
    yield {"timestamp": 1577836800123}


def wrong() -> Iterator[tuple[Json, Any]]:
    """Values that do not fit their schema."""
    samples = [
        {"str": "a"},
        {"bool": True},
        {"f64": "1.5"},
        {"list": []},
        {"map": []},
        {"bytes": "01"},
        {"dec": "1.50"},
    ]
    fits = {("STRING", "str"), ("BOOLEAN", "bool"), ("FLOAT64", "f64"), ("FLOAT32", "f64"), ("BYTES", "bytes")}
    for kind, sample in itertools.product(PRIMITIVES, samples):
        if (kind, next(iter(sample))) not in fits:
            yield of(kind), sample
    for schema in (DATE, TIME, TIMESTAMP, DECIMAL):
        yield schema, {"str": "a"}
        yield schema, {"list": []}
    yield DECIMAL, {"dec": "1.5"}
    yield DECIMAL, {"dec": "1.500"}
    yield logical("Decimal", "BYTES", None), {"dec": "1"}
    yield of("ARRAY", values=of("INT32")), {"str": "a"}
    yield of("ARRAY", values=of("INT32")), {"list": [{"str": "a"}]}
    yield of("ARRAY", values=of("INT32")), {"list": [None]}
    yield of("MAP", keys=of("STRING"), values=of("INT32")), {"map": [[{"str": "a"}, {"str": "b"}]]}
    yield POINT, {"str": "a"}


def nulls() -> Iterator[tuple[Json, None]]:
    for kind in PRIMITIVES:
        yield of(kind), None
        yield of(kind, optional=True), None
    yield of("STRING", default={"str": "d"}), None
    yield of("STRING", optional=True, default={"str": "d"}), None
    yield of("INT32", default={"i32": "7"}), None
    yield {**DATE, "default": {"date": 3}}, None
    yield {**DECIMAL, "default": {"dec": "1.25"}}, None
    yield of("ARRAY", values=of("INT32"), default={"list": [{"i32": "1"}]}), None
    yield of("ARRAY", values=of("INT32"), optional=True), None
    yield of("MAP", keys=of("STRING"), values=of("INT32")), None
    yield POINT, None
    yield RICH, None
