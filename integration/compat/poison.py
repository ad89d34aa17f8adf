"""Topics with bad records in them, and how a sink is configured that reads each.

Every topic ends with a good record, so that a sink which goes on is known to have seen all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

__all__ = ["SCENARIOS", "Poison", "Scenario"]

_JSON: Final = "org.apache.kafka.connect.json.JsonConverter"
_SMT: Final = "org.apache.kafka.connect.transforms."
_LAST: Final = '{"f":"last"}'


class Poison(NamedTuple):
    """A record."""

    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()


class Scenario(NamedTuple):
    """A topic and what a sink is told about it.

    Attributes:
        name: of the scenario.
        records: of the topic, all in one partition.
        config: of the sink, in addition to the usual.
        fails: whether the task does.
    """

    name: str
    records: Sequence[Poison]
    config: Mapping[str, str]
    fails: bool = False


def _values(*values: bytes | None) -> list[Poison]:
    return [Poison(value, f"k{number}".encode()) for number, value in enumerate(values)]


_PLAIN: Final = {"value.converter": _JSON, "value.converter.schemas.enable": "false"}
_ENVELOPE: Final = {"value.converter": _JSON, "value.converter.schemas.enable": "true"}
_ALL: Final = {"errors.tolerance": "all"}
_LOG: Final = {"errors.log.enable": "true"}
_LOG_RECORDS: Final = {**_LOG, "errors.log.include.messages": "true"}
_CONTEXT: Final = {"errors.deadletterqueue.context.headers.enable": "true"}
_EXTRACT: Final = {"transforms": "x", "transforms.x.type": f"{_SMT}ExtractField$Value", "transforms.x.field": "f"}


def _chain(*transforms: Mapping[str, str]) -> dict[str, str]:
    """Settings of transforms, one after the other."""
    names = [f"t{number}" for number in range(len(transforms))]
    own = {
        f"transforms.{name}.{key}": value
        for name, transform in zip(names, transforms, strict=True)
        for key, value in transform.items()
    }
    return {"transforms": ",".join(names), **own}


def _struct(field: str) -> str:
    """A record with its schema, which has this field."""
    schema = f'{{"type":"struct","fields":[{{"field":"{field}","type":"string"}}]}}'
    return f'{{"schema":{schema},"payload":{{"{field}":"last"}}}}'


_BAD_VALUES: Final = _values(b'{"f":1}', b"{bad", None, b"", b"\xff\xfe", b'{"f":2}', b"{also bad", _LAST.encode())
_BAD_HEADERS: Final = [
    Poison(b'{"f":1}', b"k0", [("h", b"1"), ("none", None)]),
    Poison(b'{"f":2}', b"k1", [("h", b"{bad"), ("other", b"2")]),
    Poison(b'{"f":3}', b"k2"),
    Poison(_LAST.encode(), b"k3", [("h", b'"x"')]),
]

SCENARIOS: Final = (
    Scenario("values", _BAD_VALUES, {**_PLAIN, **_ALL, **_CONTEXT, **_LOG_RECORDS}),
    Scenario("values-without-context", _BAD_VALUES, {**_PLAIN, **_ALL, **_LOG}),
    Scenario("values-fatal", _BAD_VALUES, {**_PLAIN, **_CONTEXT, **_LOG_RECORDS}, fails=True),
    Scenario("values-fatal-in-silence", _BAD_VALUES, {**_PLAIN, **_CONTEXT}, fails=True),
    Scenario(
        "envelopes",
        _values(
            b'{"f":1}',
            b'{"schema":{"type":"int32"},"payload":"x"}',
            b'{"schema":{"type":"nope"},"payload":1}',
            b'{"schema":null,"payload":{"f":"last"}}',
        ),
        {**_ENVELOPE, **_ALL, **_CONTEXT},
    ),
    Scenario(
        "keys",
        [
            Poison(b'{"f":1}', b'"good"'),
            Poison(b'{"f":2}', b"{bad"),
            Poison(b"{bad too", b"{bad"),
            Poison(_LAST.encode(), b"1"),
        ],
        {**_PLAIN, "key.converter": _JSON, "key.converter.schemas.enable": "false", **_ALL, **_CONTEXT, **_LOG},
    ),
    Scenario(
        "headers",
        _BAD_HEADERS,
        {**_PLAIN, "header.converter": _JSON, "header.converter.schemas.enable": "false", **_ALL, **_CONTEXT, **_LOG},
    ),
    Scenario(
        "headers-fatal",
        _BAD_HEADERS,
        {**_PLAIN, "header.converter": _JSON, "header.converter.schemas.enable": "false", **_CONTEXT},
        fails=True,
    ),
    Scenario(
        "transform",
        _values(b'{"f":1}', b'"text"', b"[1]", b'{"g":1}', _LAST.encode()),
        {**_PLAIN, **_EXTRACT, **_ALL, **_CONTEXT, **_LOG_RECORDS},
    ),
    Scenario(
        "transform-fatal",
        _values(b'{"f":1}', b'"text"', _LAST.encode()),
        {**_PLAIN, **_EXTRACT, **_CONTEXT, **_LOG},
        fails=True,
    ),
    Scenario(
        "tombstones-through-transforms",
        _values(b'{"f":1}', None, b"null", b"[]", _LAST.encode()),
        {
            **_PLAIN,
            **_chain(
                {"type": f"{_SMT}InsertField$Value", "static.field": "s", "static.value": "v"},
                {"type": f"{_SMT}ReplaceField$Value", "renames": "s:t"},
                {"type": f"{_SMT}Cast$Value", "spec": "f:string"},
                {"type": f"{_SMT}Flatten$Value"},
                {"type": f"{_SMT}TimestampConverter$Value", "field": "at", "target.type": "unix"},
                {"type": f"{_SMT}ExtractField$Value", "field": "f"},
                {"type": f"{_SMT}HoistField$Value", "field": "h"},
                {"type": f"{_SMT}RegexRouter", "regex": ".*", "replacement": "elsewhere"},
                {"type": f"{_SMT}InsertHeader", "header": "h", "value.literal": "1"},
            ),
            **_ALL,
            **_CONTEXT,
            **_LOG,
        },
    ),
    *(
        Scenario(
            f"tombstones-refused-{number}",
            _values(b'{"f":1}', None, _LAST.encode()),
            {**_PLAIN, **_chain(transform), **_ALL, **_CONTEXT, **_LOG},
        )
        for number, transform in enumerate(
            (
                {"type": f"{_SMT}MaskField$Value", "fields": "g"},
                {"type": f"{_SMT}ValueToKey", "fields": "f"},
                {"type": f"{_SMT}HeaderFrom$Value", "fields": "f", "headers": "h", "operation": "copy"},
            )
        )
    ),
    Scenario(
        "fields-that-cannot-be-cast",
        _values(b'{"n":"x"}', b'{"n":[1]}', b'{"n":{"a":1}}', b"{}", b'{"n":null}', b'{"f":"last","n":"1"}'),
        {**_PLAIN, **_chain({"type": f"{_SMT}Cast$Value", "spec": "n:int32"}), **_ALL, **_CONTEXT, **_LOG},
    ),
    Scenario(
        "fields-that-are-missing",
        _values(*(_struct(field).encode() for field in ("g", "f"))),
        {**_ENVELOPE, **_EXTRACT, **_ALL, **_CONTEXT, **_LOG},
    ),
    Scenario(
        "later-converters-are-not-asked",
        [Poison(b"{bad", b"{bad", [("h", b"{bad")]), Poison(_LAST.encode(), b"1", [("h", b"1")])],
        {
            **_PLAIN,
            "key.converter": _JSON,
            "key.converter.schemas.enable": "false",
            "header.converter": _JSON,
            "header.converter.schemas.enable": "false",
            **_ALL,
            **_CONTEXT,
            **_LOG,
        },
    ),
)
