"""The REST calls about transforms and predicates: their keys, and what users get right and wrong in a connector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from integration.compat.connector_script import SINK, SOURCE, connector
from integration.compat.exchange import Step

__all__ = ["TRANSFORM_STEPS"]

PACKAGE: Final = "org.apache.kafka.connect.transforms."
OLD: Final = {"predicates": "old", "predicates.old.type": f"{PACKAGE}predicates.TopicNameMatches"}

PLUGINS: Final = (
    *(f"{PACKAGE}{name}" for name in ("Cast$Key", "InsertField$Value", "TimestampConverter$Value", "Flatten$Key")),
    *("ReplaceField", "RegexRouter", "DropHeaders", "HasHeaderKey", "RecordIsTombstone", "Filter", "Value"),
)

CHAINS: Final[Mapping[str, Mapping[str, str]]] = {
    "fine": {
        "transforms": "route,insert,drop",
        "transforms.route.type": "RegexRouter",
        "transforms.route.regex": "(.*)",
        "transforms.route.replacement": "x-$1",
        "transforms.insert.type": f"{PACKAGE}InsertField$Value",
        "transforms.insert.static.field": "from",
        "transforms.insert.static.value": "here",
        "transforms.drop.type": "Filter",
        "transforms.drop.predicate": "old",
        "transforms.drop.negate": "true",
        **OLD,
        "predicates.old.pattern": "old-.*",
    },
    "of a predicate that is not defined": {
        "transforms": "drop",
        "transforms.drop.type": "Filter",
        "transforms.drop.predicate": "nope",
    },
    "with negate alone": {"transforms": "drop", "transforms.drop.type": "Filter", "transforms.drop.negate": "true"},
    "with negate that is no boolean": {
        "transforms": "drop",
        "transforms.drop.type": "Filter",
        "transforms.drop.predicate": "old",
        "transforms.drop.negate": "maybe",
        **OLD,
        "predicates.old.pattern": "(",
    },
    "without types": {"transforms": "a,b", "predicates": "p", "transforms.c.type": "Filter"},
    "of unknown classes": {
        "transforms": "a,b,c",
        "transforms.a.type": "Nope",
        "transforms.b.type": f"{PACKAGE}InsertField",
        "transforms.c.type": "org.apache.kafka.connect.json.JsonConverter",
        "predicates": "p",
        "predicates.p.type": f"{PACKAGE}Filter",
    },
    "of wrong types": {
        "transforms": "a,b,c,d",
        "transforms.a.type": f"{PACKAGE}SetSchemaMetadata$Key",
        "transforms.a.schema.version": "new",
        "transforms.b.type": f"{PACKAGE}MaskField$Value",
        "transforms.b.fields": "x,x",
        "transforms.b.replacement": "",
        "transforms.c.type": f"{PACKAGE}InsertField$Value",
        "transforms.c.replace.null.with.default": "perhaps",
        "transforms.d.type": f"{PACKAGE}TimestampConverter$Value",
        "transforms.d.target.type": "unix",
        "transforms.d.unix.precision": "minutes",
    },
    "that lack keys": {
        "transforms": "a,b,c,d,e",
        "transforms.a.type": "ValueToKey",
        "transforms.b.type": f"{PACKAGE}Cast$Value",
        "transforms.c.type": f"{PACKAGE}HeaderFrom$Value",
        "transforms.c.operation": "steal",
        "transforms.d.type": f"{PACKAGE}ExtractField$Key",
        "transforms.d.field.syntax.version": "V3",
        "transforms.e.type": "InsertHeader",
    },
    "that nobody knows how to apply": {
        "transforms": "a,b,c,d",
        "transforms.a.type": f"{PACKAGE}ReplaceField$Value",
        "transforms.a.renames": "x",
        "transforms.a.exclude": "a,,b",
        "transforms.b.type": f"{PACKAGE}Cast$Value",
        "transforms.b.spec": "int8,int16",
        "transforms.c.type": "DropHeaders",
        "transforms.c.headers": "",
        "transforms.d.type": f"{PACKAGE}Cast$Value",
        "transforms.d.spec": "a:bytes",
    },
    "that fail when they are made": {
        "transforms": "a,b",
        "transforms.a.type": f"{PACKAGE}InsertField$Value",
        "transforms.b.type": f"{PACKAGE}TimestampConverter$Value",
        "transforms.b.target.type": "string",
    },
    "twice": {"transforms": "a,a,", "transforms.a.type": "Filter", "predicates": "p,p", "predicates.p.type": "Filter"},
    "of another version": {
        "transforms": "a",
        "transforms.a.type": "Filter",
        "transforms.a.plugin.version": "9.9",
    },
}

TRANSFORM_STEPS: Final = (
    *(Step(f"plugin config {name}", f"GET /connector-plugins/{name}/config") for name in PLUGINS),
    *(
        Step(
            f"validate transforms {name}",
            "PUT /connector-plugins/FileStreamSource/config/validate",
            {**SOURCE, "name": "v", **chain},
        )
        for name, chain in CHAINS.items()
    ),
    Step(
        "validate transforms of a sink",
        "PUT /connector-plugins/FileStreamSink/config/validate",
        {**SINK, "name": "v", **CHAINS["fine"]},
    ),
    *(
        Step(f"create with transforms {name}", "POST /connectors", connector("x", {**SOURCE, **chain}))
        for name, chain in CHAINS.items()
        if name.startswith("of ") and name != "of a predicate that is not defined"
    ),
)
