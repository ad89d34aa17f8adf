"""Generated values and payloads for the converters, in the notation of tests/convert/golden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from integration.compat.generated import SCALARS, config, plain, scalar, typed

__all__ = ["PAYLOADS", "WRITTEN", "drawn"]

Json = dict[str, Any]
Cases = st.SearchStrategy[list[Json]]
CONNECT: Final = "org.apache.kafka.connect."
booleans: Final = st.sampled_from(["true", "false"])
VALUE: Final = st.just("value")
JSON: Final = config(
    converter_type_=VALUE,
    schemas_enable=booleans,
    decimal_format=st.sampled_from(["BASE64", "NUMERIC"]),
    replace_null_with_default=booleans,
)
TEXT: Final = config(
    converter_type_=VALUE, converter_encoding=st.sampled_from(["UTF-8", "US-ASCII", "ISO-8859-1", "UTF-16"])
)
BARE: Final = config(converter_type_=VALUE)
NUMBERS: Final = {"Short": 1, "Integer": 2, "Long": 3, "Float": 4, "Double": 5}
"""Places of their schemas in SCALARS."""


@st.composite
def written(draw: st.DrawFn, name: str, configs: st.SearchStrategy[Json], kinds: Any, size: int) -> list[Json]:
    """Some values of one schema, to write."""
    settings_of = draw(configs)
    schema, values = draw(kinds)
    return [
        {"class": CONNECT + name, "config": settings_of, "schema": schema, "value": draw(values)} for _ in range(size)
    ]


@st.composite
def read(
    draw: st.DrawFn, name: str, configs: st.SearchStrategy[Json], payloads: st.SearchStrategy[Any], size: int
) -> list[Json]:
    """Some payloads, to read."""
    settings_of = draw(configs)
    return [{"class": CONNECT + name, "config": settings_of, "payload": draw(payloads)} for _ in range(size)]


@st.composite
def schemaless(draw: st.DrawFn) -> tuple[None, Any]:
    return None, draw(st.sampled_from([plain]))


def number_or_other(at: int) -> Any:
    return st.just(SCALARS[at]) | st.just(SCALARS[at]) | scalar() | schemaless()


hexadecimal: Final = st.binary(max_size=9).map(lambda content: {"hex": content.hex()})
words: Final = st.sampled_from(
    (
        *("null", "true", "false", "NaN", "1", "-5", "0.5", "1e3", '"', "\\", ",", ":", "{", "}", "[", "]", " ", "a"),
        *("2020-01-02", "12:30:00.000Z", "2020-01-02T12:30:00.000Z", "127", "128", "32768", "2147483648", "é", '"x"'),
    )
)
values_like: Final = st.lists(words, max_size=6).map("".join)
nested: Final = st.recursive(
    words,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[" + ",".join(items) + "]")
        | st.dictionaries(st.sampled_from(['"a"', "b", "1"]), inner, max_size=2).map(
            lambda pairs: "{" + ",".join(f"{name}:{item}" for name, item in pairs.items()) + "}"
        )
    ),
    max_leaves=6,
)
WRITTEN: Final[Mapping[str, Any]] = {
    "json.JsonConverter": lambda size: written("json.JsonConverter", JSON, typed() | typed() | schemaless(), size),
    "storage.StringConverter": lambda size: written(
        "storage.StringConverter", TEXT, typed() | typed() | schemaless(), size
    ),
    "converters.ByteArrayConverter": lambda size: written(
        "converters.ByteArrayConverter", BARE, number_or_other(8), size
    ),
    "converters.BooleanConverter": lambda size: written("converters.BooleanConverter", BARE, number_or_other(6), size),
    **{
        f"converters.{name}Converter": lambda size, name=name, at=at: written(
            f"converters.{name}Converter", BARE, number_or_other(at), size
        )
        for name, at in NUMBERS.items()
    },
    "storage.SimpleHeaderConverter": lambda size: written(
        "storage.SimpleHeaderConverter", st.just({}), typed() | typed() | schemaless(), size
    ),
}
"""Values to write; what was written is read again."""
PAYLOADS: Final[Mapping[str, Any]] = {
    "json.JsonConverter": lambda size: read("json.JsonConverter", JSON, nested | values_like | hexadecimal, size),
    "storage.StringConverter": lambda size: read(
        "storage.StringConverter", TEXT, hexadecimal | st.text(max_size=8), size
    ),
    **{
        f"converters.{name}Converter": lambda size, name=name: read(
            f"converters.{name}Converter", BARE, st.none() | hexadecimal, size
        )
        for name in ("ByteArray", "Boolean", *NUMBERS)
    },
    "storage.SimpleHeaderConverter": lambda size: read(
        "storage.SimpleHeaderConverter", st.just({}), nested | values_like | st.text(max_size=8), size
    ),
}
"""Payloads to read that nobody may have written."""


def drawn(family: Cases, number: int, size: int) -> list[Json]:
    """So many cases, always the same ones; ``size`` of them are drawn together."""
    found: list[Json] = []

    @settings(
        max_examples=-(-number // size),
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(family)
    def take(cases: list[Json]) -> None:
        found.extend(cases)

    take()
    return found
