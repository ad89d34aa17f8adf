# ruff: noqa: SIM905, E501 - long lists of inputs
"""Inputs for Converters.java, one JSON line a case; ``value`` and ``schema`` are written, ``payload`` is read."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

from values import LOGICAL, ODD_TEXTS, PRIMITIVES, RICH, Json, holding, nested, nulls, of, scalars, schemaless, wrong

JSON = "org.apache.kafka.connect.json.JsonConverter"
STRING = "org.apache.kafka.connect.storage.StringConverter"
HEADER = "org.apache.kafka.connect.storage.SimpleHeaderConverter"
FIXED = "org.apache.kafka.connect.converters.{}Converter"
PLAIN = {"schemas.enable": "false"}
WIRE = {"FLOAT32": "float", "FLOAT64": "double"}


def case(name: str, config: Json, **more: Any) -> Json:
    return {"class": name, "config": {"converter.type": "value", **config}, **more}


def written_as_json() -> Iterator[Json]:
    everything = [*scalars(), *nested()]
    for schema, value in everything:
        yield case(JSON, {}, schema=schema, value=value)
        yield case(JSON, PLAIN, schema=schema, value=value)
    for schema, value in everything:
        if "dec" in json.dumps(value):
            yield case(JSON, {**PLAIN, "decimal.format": "numeric"}, schema=schema, value=value)
            yield case(JSON, {"decimal.format": "NUMERIC"}, schema=schema, value=value)
    for value in schemaless():
        yield case(JSON, PLAIN, schema=None, value=value)
    yield case(JSON, {}, schema=None, value={"str": "x"})
    for schema, value in [*wrong(), *nulls()]:
        yield case(JSON, PLAIN, schema=schema, value=value)
    for schema, value in nulls():
        yield case(JSON, {}, schema=schema, value=value)
        yield case(JSON, {"replace.null.with.default": "false"}, schema=schema, value=value)
    for config in ({}, PLAIN):
        yield case(JSON, config, schema=None, value=None)
    for flag in ("true", "false"):
        yield case(JSON, {"replace.null.with.default": flag}, schema=RICH, value=holding(RICH, f={"f32": "1.0"}))


LITERALS = [
    *"null true false 0 1 -1 127 128 -129 255 256 32768 65536 2147483647 2147483648 -2147483649 4294967296".split(),
    *"9223372036854775807 -9223372036854775808 9223372036854775808 -9223372036854775809 18446744073709551615".split(),
    *"123456789012345678901234567890 1.5 -1.5 2.9 1e3 1E400 -1e400 1e-400 3.4028236e38 3.5e38 0.1 -0.0 -0 1.0 1e10".split(),
    *"12345678901234567890.5 0.12345678901234567890123 1.50 100.00 1E+2 9.99e18 1e19".split(),
    *"3e9 -3e9 1e20 2.5e19 1e30 1e64 129.5 9007199254740993.0 18446744073709551621 -18446744073709551621".split(),
    *(
        '""',
        '"abc"',
        '"true"',
        '"1"',
        '"NaN"',
        '"Infinity"',
        '"AQI="',
        '"AQI"',
        '"A QI="',
        '"AQ I="',
        '"AQ\\nI="',
        '"_-8="',
    ),
    *(
        '"AQI=="',
        '"====", ',
        '"AB=="',
        '"AQIDBAUGBwgJCg=="',
        '"\\u00e9\\ud83d\\ude00"',
        '"\\ud800"',
        '"\\u0000"',
        "[]",
        "[1,2]",
    ),
    *(
        '["a",null]',
        "{}",
        '{"a":1}',
        '{"x":1,"y":2}',
        '{"x":1}',
        '{"y":1}',
        '{"x":1,"z":3}',
        '{"x":1,"x":2}',
        "[[1,2]]",
    ),
    *(
        '[["a",1]]',
        "[[1]]",
        "[[1,2,3]]",
        '[["a",1],["a",2]]',
        '{"":1}',
        '{"a":null}',
        "86399999",
        "86400000",
        "-86400000",
    ),
]
LITERALS = [literal.rstrip(", ") for literal in LITERALS]

DOCUMENTS = [
    *(
        "",
        " ",
        "\n",
        "{",
        "[",
        "[1,]",
        '{"a":1,}',
        "{'a':1}",
        "{a:1}",
        "nul",
        "nullx",
        "truE",
        "1 2",
        "1,2",
        '{"a":1} x',
        "}",
    ),
    *(
        '{"a":1}}',
        "01",
        "-01",
        "00",
        "007.5",
        "+1",
        ".5",
        "5.",
        "1.e3",
        "1e",
        "1e+",
        "-",
        "0x10",
        "NaN",
        "Infinity",
        "-Infinity",
    ),
    *(
        '"a\nb"',
        '"a\tb"',
        '"\\x"',
        '"\\u12"',
        '"open',
        "// c\n1",
        "/* c */ 1",
        "# c\n1",
        "\ufeff1",
        '\ufeff{"a":1}',
        "\x00",
        "1\x00",
    ),
    *(
        '{"a":1,"a":2}',
        '{"a":{"b":[1,2.5,null,true,"x"]}}',
        '{"\\u0061":1}',
        '{"a":"\\/"}',
        "[1 2]",
        '{"a" 1}',
        '{"a":1 "b":2}',
    ),
    *(
        "\u00a01",
        "[[[[[[[[[[1]]]]]]]]]]",
        '"\\ud83d\\ude00"',
        '"\\udc00"',
        '"\\ud800x"',
        '["\\ud800"]',
        "1e5",
        "1.0",
        "-0",
        "-0.0",
    ),
    *(
        "[" * 90 + "]" * 90,
        "1" * 400,
        "0." + "1" * 400,
        "[1,2",
        '{"a":',
        "[NaN]",
        '{"a":Infinity}',
        "[01]",
        '{"a":007}',
        "\x0c1",
    ),
    *('{"a":1}\n{"b":2}', "[1]]", "truefalse", "true false", "1a", '"a"b', "[]x", "null null", "\r\n\t 1 \r\n"),
    *("null\\x", "false\\", "true-", "true:", "null(x", "nullé", "null_", "null$", "null€", "null\x7f", "null\u00a0"),
    *("nullx", "true5", "true\u200b", "1\\x", "1:", "1\u00a0"),
]
RAW = [
    "ff",
    "c3",
    "22c322",
    "22ff22",
    "22c3a922",
    "22eda08022",
    "22f09f988022",
    "22c08022",
    "fffe3100",
    "feff0031",
    "310000",
    "31003200",
]
RAW += ["00000031", "7b2261223a22ff227d", "5b2278c3225d", "22f4908080 22".replace(" ", "")]

ENVELOPES = [
    *(
        "{}",
        "[]",
        "1",
        '"x"',
        "null",
        '{"schema":null}',
        '{"payload":1}',
        '{"schema":null,"payload":1,"x":2}',
        '{"Schema":null,"payload":1}',
    ),
    *(
        '{"payload":1,"schema":null}',
        '{"schema":null,"payload":null}',
        '{"schema":null,"payload":{"a":[1,2.5,"x",null]}}',
    ),
    '{"schema":null,"payload":1,"payload":2}',
    *(
        f'{{"schema":{schema},"payload":1}}'
        for schema in ('"int32"', "1", "[]", "{}", '{"type":null}', '{"type":5}', '{"type":"int33"}')
    ),
    *(f'{{"schema":{schema},"payload":1}}' for schema in ('{"type":"INT32"}', '{"type":"int32","optional":"true"}')),
    *(
        f'{{"schema":{{"type":"int32",{more}}},"payload":1}}'
        for more in ('"optional":null', '"optional":1', '"name":5', '"name":null')
    ),
    *(
        f'{{"schema":{{"type":"int32",{more}}},"payload":1}}'
        for more in ('"version":"1"', '"version":1.5', '"version":null', '"doc":5')
    ),
    *(
        f'{{"schema":{{"type":"int32",{more}}},"payload":1}}'
        for more in ('"version":99999999999', '"parameters":[]', '"doc":"d"')
    ),
    *(
        f'{{"schema":{{"type":"int32",{more}}},"payload":1}}'
        for more in ('"parameters":{"a":1}', '"parameters":{"a":"b","c":"d"}')
    ),
    *(
        f'{{"schema":{{"type":"int32",{more}}},"payload":null}}'
        for more in ('"default":5', '"optional":true,"default":5', '"default":"x"')
    ),
    *(
        f'{{"schema":{{"type":"int32",{more}}},"payload":null}}'
        for more in ('"default":null', '"optional":true,"default":null')
    ),
    *(
        f'{{"schema":{{"type":"array"{more}}},"payload":[1]}}'
        for more in ("", ',"items":null', ',"items":"int32"', ',"items":{}')
    ),
    *(
        f'{{"schema":{{"type":"map"{more}}},"payload":{{}}}}'
        for more in ("", ',"keys":{"type":"string"}', ',"values":{"type":"int32"}')
    ),
    *(
        f'{{"schema":{{"type":"struct"{more}}},"payload":{{}}}}'
        for more in ("", ',"fields":null', ',"fields":{}', ',"fields":[]', ',"fields":[1]')
    ),
    *(
        f'{{"schema":{{"type":"struct","fields":[{fields}]}},"payload":{{"a":1}}}}'
        for fields in (
            '{"type":"int32"}',
            '{"type":"int32","field":5}',
            '{"field":"a"}',
            '{"type":"int32","field":"a"},{"type":"int32","field":"a"}',
            '{"type":"int32","field":"a","default":3}',
            '{"type":"int32","field":"b","default":3},{"type":"string","field":"c","optional":true}',
            "null",
        )
    ),
    '{"schema":{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal"},"payload":"AQI="}',
    '{"schema":{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"x"}},"payload":"AQI="}',
    '{"schema":{"type":"string","name":"org.apache.kafka.connect.data.Date"},"payload":"x"}',
    '{"schema":{"type":"int32","name":"own.Type","version":7},"payload":5}',
    '{"schema":{"type":"float","default":1.5},"payload":null}',
    '{"schema":{"type":"int64","default":18446744073709551621},"payload":null}',
    '{"schema":{"type":"float","default":"NaN","optional":true},"payload":null}',
    '{"schema":{"type":"bytes","default":"AQI="},"payload":null}',
    '{"schema":{"type":"array","items":{"type":"int32"},"default":[1,2]},"payload":null}',
    '{"schema":{"type":"map","keys":{"type":"string"},"values":{"type":"int32"},"default":{"a":1}},"payload":null}',
    '{"schema":{"type":"struct","fields":[{"type":"int32","field":"a"}],"default":{"a":1}},"payload":null}',
    *DOCUMENTS[:24],
]


def wire(kind: str) -> str:
    return WIRE.get(kind, kind.lower())


def read_schemas() -> Iterator[str]:
    for kind in PRIMITIVES:
        yield f'{{"type":"{wire(kind)}","optional":true}}'
        yield f'{{"type":"{wire(kind)}"}}'
    for name, kind in (("Date", "int32"), ("Time", "int32"), ("Timestamp", "int64")):
        yield f'{{"type":"{kind}","name":"{LOGICAL}{name}","version":1}}'
    yield f'{{"type":"bytes","name":"{LOGICAL}Decimal","version":1,"parameters":{{"scale":"2"}},"optional":true}}'
    yield '{"type":"array","items":{"type":"int32"}}'
    yield '{"type":"array","items":{"type":"string","optional":true},"optional":true}'
    yield '{"type":"map","keys":{"type":"string"},"values":{"type":"int64","optional":true}}'
    yield '{"type":"map","keys":{"type":"int32"},"values":{"type":"int32"}}'
    yield '{"type":"map","keys":{"type":"string","optional":true},"values":{"type":"int32"}}'
    yield '{"type":"struct","name":"p","fields":[{"type":"int32","field":"x"},{"type":"int32","optional":true,"field":"y"}]}'


def read_from_json() -> Iterator[Json]:
    for schema, literal in itertools.product(read_schemas(), LITERALS):
        yield case(JSON, {}, payload=f'{{"schema":{schema},"payload":{literal}}}')
    for literal in LITERALS + DOCUMENTS:
        yield case(JSON, PLAIN, payload=literal)
    for envelope in ENVELOPES:
        yield case(JSON, {}, payload=envelope)
        if "default" in envelope:
            yield case(JSON, {"replace.null.with.default": "false"}, payload=envelope)
    for raw in RAW:
        yield case(JSON, PLAIN, payload={"hex": raw})
        yield case(JSON, {}, payload={"hex": raw})
    for config in ({}, PLAIN):
        yield case(JSON, config, payload=None)
    for payload in ("1", '"x"', "null", "", '{"schema":{"type":"int32"},"payload":5}', "1.5"):
        yield case(JSON, {"schema.content": '{"type":"int32","optional":true}'}, payload=payload)


def simple() -> Iterator[Json]:
    for schema, value in [*scalars(), *nested()]:
        yield case(STRING, {}, schema=schema, value=value)
    for value in schemaless():
        yield case(STRING, {}, schema=None, value=value)
    for encoding in ("ISO-8859-1", "UTF-16", "UTF-16LE", "US-ASCII", "windows-1252", "UTF8", "Shift_JIS"):
        for text in ("abc", "é", "日本", "😀"):
            yield case(STRING, {"converter.encoding": encoding}, schema=None, value={"str": text})
        for raw in ("616263", "e9", "c3a9", "fffe6100", "6100"):
            yield case(STRING, {"converter.encoding": encoding}, payload={"hex": raw})
    for encoding in ("nonsense",):
        yield case(STRING, {"converter.encoding": encoding}, payload="a")
    for text in ODD_TEXTS:
        yield case(STRING, {}, payload=text)
    for raw in ("ff", "c328", "e282", "eda080", "f0908d", "c080", "61ff62"):
        yield case(STRING, {}, payload={"hex": raw})
    yield case(STRING, {}, payload=None)
    yield case(STRING, {}, schema=of("STRING"), value=None)


def fixed() -> Iterator[Json]:
    values = [*scalars(), *nested()]
    names = {
        "ByteArray": "BYTES",
        "Short": "INT16",
        "Integer": "INT32",
        "Long": "INT64",
        "Float": "FLOAT32",
        "Double": "FLOAT64",
    }
    for name, own in {**names, "Boolean": "BOOLEAN"}.items():
        converter = FIXED.format(name)
        for raw in (
            "",
            "00",
            "01",
            "02",
            "ff",
            "0001",
            "7fff",
            "8000",
            "00000001",
            "7fffffff",
            "80000000",
            "7fc00000",
            "7f800000",
        ):
            yield case(converter, {}, payload={"hex": raw})
        for raw in (
            "3f8ccccd",
            "00000001" * 2,
            "7ff8000000000000",
            "fff0000000000000",
            "8000000000000000",
            "3ff199999999999a",
            "00" * 9,
        ):
            yield case(converter, {}, payload={"hex": raw})
        yield case(converter, {}, payload=None)
        for schema, value in values:
            # The number converters want exactly their own class, which Python's int does not tell.
            if schema["type"] == own or (schema["type"] not in WHOLE_TYPES and value is not None):
                yield case(converter, {}, schema=schema, value=value)
        for kind in PRIMITIVES:
            yield case(converter, {}, schema=of(kind), value=None)
        yield case(converter, {}, schema=None, value=None)
        for value in ({"str": "a"}, {"bool": True}, {"list": []}, {"bytes": "01"}):
            yield case(converter, {}, schema=None, value=value)


WHOLE_TYPES = {"INT8", "INT16", "INT32", "INT64", "FLOAT32", "FLOAT64"}

HEADER_TEXTS = [
    *"1e9999999999999999999 [1e9999999999999999999] 1e-9999999999999999999 [1e-9999999999999999999] 1e999999999".split(),
    *"1e2147483647 1e2147483648 1e-2147483647 1e-2147483648 1.2e-2147483646 1.2e-2147483647 0e99999999".split(),
    *'0e9999999999999999999 0.00e2147483648 1e0002147483648 {"a":1e9999999999999999999}'.split(),
    *ODD_TEXTS,
    *(
        "null",
        " null ",
        "NULL",
        "Null",
        "nullx",
        "true",
        "false",
        " true",
        "true ",
        "TRUE",
        "True",
        "truex",
        "tru",
        " ",
        "  a  ",
    ),
    *"0 1 -1 +1 00 01 -01 127 128 -128 -129 32767 32768 -32769 2147483647 2147483648 9223372036854775807".split(),
    *"9223372036854775808 -9223372036854775808 -9223372036854775809 1.0 1.00 1.5 -1.5 +1.5 .5 5. 1e3 1E3 1e-3 1e+3 1.5e1 0.1".split(),
    *"3.4028235e38 3.4028236e38 3.5e38 1e39 1e308 1e309 1e400 -1e400 1e-45 1e-46 1e-400 0.0 -0.0 -0 1_000 1,000 0x10 1f 1d 1L".split(),
    *"12345678901234567890 12345678901234567890.5 0.30000000000000004 NaN Infinity -Infinity 1e 1e+ e1 - + -- 1-1 1.2.3 ١٢".split(),
    *(
        "123 ",
        " 123",
        "12 3",
        "1e19",
        "1e20",
        "100000000000000000000",
        "1.0e19",
        "12345678901234567890.0",
        "0.1e1",
        "10e-1",
    ),
    *(
        "2019-08-23",
        "2019-8-23",
        "2019-02-30",
        "2019-13-01",
        "0001-01-01",
        "9999-12-31",
        " 2019-08-23 ",
        "2019-08-23x",
        "-019-08-23",
    ),
    *(
        "14:34:54.346Z",
        "14:34:54Z",
        "14:34:54.346",
        "24:00:00.000Z",
        "23:59:59.999Z",
        "00:00:00.000Z",
        "14:60:00.000Z",
        "1:34:54.3466Z",
    ),
    *("2019-08-23T14:34:54.346Z", "2019-08-23T14:34:54Z", "2019-08-23 14:34:54.346Z", "2019-02-29T00:00:00.000Z"),
    *("2019-08-23T24:00:00.000Z", "1969-12-31T23:59:59.999Z", "2019-08-23T14:34:54.346z", "2019-08-23T14:34:54.346+"),
    *(
        "[]",
        "[ ]",
        "[",
        "]",
        "[1",
        "[1]",
        "[1,2]",
        "[1, 2, 3]",
        "[1,200]",
        "[1,200,40000]",
        "[1,3000000000]",
        "[1,1.5]",
        "[1,1e300]",
    ),
    *(
        "[true,false]",
        "[null]",
        "[1,null]",
        "[null,1]",
        "[,]",
        "[1,]",
        "[,1]",
        "[1,,2]",
        "[1 2]",
        "[a]",
        '["a"]',
        '["a","b"]',
        '["a",1]',
    ),
    *('["a,b"]', '["a\\"b"]', '["a\\\\b"]', '[a,"b"]', '["a"b]', '["a" ,"b"]', '["a', '["2019-08-23"]', "[2019-08-23]"),
    *(
        '["14:34:54.346Z"]',
        "[14:34:54.346Z]",
        '["2019-08-23T14:34:54.346Z"]',
        "[[1,2],[3]]",
        "[[1],[300]]",
        "[[]]",
        "[{}]",
        '[{"a":1}]',
    ),
    *(
        "[1]x",
        "[1] ",
        "[1]]",
        "[1],[2]",
        "[true,1]",
        "[1,-1]",
        "[+1]",
        "[1.0]",
        "[12345678901234567890]",
        "[[1],2]",
        "[\\1]",
        '[""]',
    ),
    *(
        '["true"]',
        '["null"]',
        '["1"]',
        "['a']",
        '["é"]',
        "[ 1 , 2 ]",
        "[\n1\n]",
        "[1;2]",
        "[1:2]",
        "[-]",
        "[1.5,2.5]",
        "[1,1e39]",
        "[Infinity]",
    ),
    *(
        "{}",
        "{ }",
        "{",
        "}",
        '{"a":1}',
        '{"a":1,"b":2}',
        '{"a":1,"b":200}',
        '{"a":"x"}',
        '{"a":1,"b":"x"}',
        "{1:2}",
        '{1:"a",2:"b"}',
    ),
    *(
        '{"a":null}',
        '{"a":1,"b":null}',
        '{"a"}',
        '{"a":}',
        "{:1}",
        '{"a":1,}',
        '{,"a":1}',
        '{"a":1 "b":2}',
        '{"a":1,"a":2}',
        "{a:1}",
    ),
    *(
        '{"a":b}',
        '{"a":[1,2]}',
        '{"a":{"b":1}}',
        '{"a":{"b":1},"c":{"d":300}}',
        '{"a":{}}',
        '{"a":[]}',
        "{true:1}",
        '{"a":true}',
    ),
    *(
        '{"a":1}x',
        '{"a" : 1}',
        '{ "a":1 }',
        '{"a";1}',
        '{"a":1;"b":2}',
        '{"a":2019-08-23}',
        '{"a":"2019-08-23"}',
        '{"a:b":1}',
        "{1.5:1}",
    ),
    *(
        "{null:1}",
        '{"a":1,1:2}',
        "{[1]:2}",
        '{"a":\\"b"}',
        '{"a":"x}',
        '{"2019-08-23":1}',
        '{"a":14:34:54.346Z}',
        "{1:2,300:4}",
        "{-1:2}",
    ),
    *(
        "\\",
        "\\a",
        '"a"',
        '"',
        '"a',
        'a"b',
        "a,b",
        "a:b",
        "a]b",
        "{a",
        "[a b]",
        "a[1]",
        "x{}",
        ",",
        ":",
        "::",
        ",,",
        "]",
        "\\[1]",
        "\\\\",
    ),
    *(
        "Hello World",
        "true,false",
        "1,2",
        "1:2",
        "2019",
        "20190823",
        "2019-08",
        "1/2",
        "$1",
        "1%",
        "1e1000000000",
        "9" * 100,
        "0." + "9" * 60,
    ),
]


def headers() -> Iterator[Json]:
    for text in dict.fromkeys(HEADER_TEXTS):
        yield case(HEADER, {"converter.type": "header"}, payload=text)
    for raw in ("ff", "61ff", "c3", "31ff", "00ff00"):
        yield case(HEADER, {"converter.type": "header"}, payload={"hex": raw})
    yield case(HEADER, {"converter.type": "header"}, payload=None)
    for schema, value in [*scalars(), *nested(), (of("STRING"), None)]:
        yield case(HEADER, {"converter.type": "header"}, schema=schema, value=value)
    for value in [*schemaless(), None]:
        yield case(HEADER, {"converter.type": "header"}, schema=None, value=value)


if __name__ == "__main__":
    for item in itertools.chain(written_as_json(), read_from_json(), simple(), fixed(), headers()):
        print(json.dumps(item))
