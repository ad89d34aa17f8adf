"""JsonSchemaConverter against what Confluent's class did (golden/README.md)."""

from __future__ import annotations

import json
import struct
from functools import cache
from pathlib import Path

from linkspan.api import DataError
from linkspan.config.definition import load
from linkspan.convert import registry
from linkspan.convert.json_schema.converter import JsonSchemaConverter
from linkspan.convert.registry_schema import RegistrySchema
from tests.notation import same, schema_of, value_of

GOLDEN = Path(__file__).parent / "golden" / "confluent-json-schema-7.0.16.jsonl"
CASES = [json.loads(line) for line in GOLDEN.read_text("utf-8").splitlines()]
URL = "mock://golden-json-schema"


@cache
def converter(settings) -> JsonSchemaConverter:
    made = JsonSchemaConverter()
    made.configure(load(made.config_class, {"schema.registry.url": URL, **dict(settings)}), is_key=False)
    return made


def ours(case):
    made = converter(tuple(case["config"].items()))
    client = registry._mocks[URL]
    try:
        if "registered" in case:
            wanted = registry._to_client(RegistrySchema(case["registered"], "JSON"))
            head = b"\0" + client.register_schema("t-value", wanted).to_bytes(4, "big")
            return "read", tuple(made.to_connect("t", head + case["json"].encode()))
        payload = made.from_connect("t", schema_of(case["schema"]), value_of(case["value"]))
        if payload is None:
            return "written", None
        return "written", (client.get_schema(int.from_bytes(payload[1:5], "big")).schema_str, payload[5:].decode())
    except DataError as error:
        return "error", error.message


def theirs(case, version=None):
    """What the original made, with this version, which depends on what was registered before."""
    result = case["result"]
    if "error" in result:
        return "error", f"{result['error']}: {result['message']}"
    if "registered" in case:
        kind = result["schema"] and {**result["schema"], "version": version}
        return "read", (schema_of(kind), value_of(result["value"]))
    return "written", (result["registered"], result["json"]) if "json" in result else None


def singles(data):
    """JSON with its fractions as numbers of 32 bits, as far as they are: they are spelled otherwise."""
    if isinstance(data, float):
        return struct.pack(">f", data) if abs(data) < 3.4e38 else data
    if isinstance(data, list):
        return [singles(item) for item in data]
    return {key: singles(item) for key, item in data.items()} if isinstance(data, dict) else data


def version_of(mine):
    return mine[1][0].version if mine[0] == "read" and mine[1][0] is not None else None


def is_same(mine, original):
    if mine[0] != original[0] or mine[0] == "error" or None in (mine[1], original[1]):
        return mine[0] == original[0] and (mine[0] == "error" or mine == original)
    if mine[0] == "read":
        return mine[1][0] == original[1][0] and same(mine[1][1], original[1][1])
    return mine[1][0] == original[1][0] and singles(json.loads(mine[1][1])) == singles(json.loads(original[1][1]))


def test_every_case_ends_as_in_the_original():
    different = []
    for case in CASES:
        mine = ours(case)
        original = theirs(case, version_of(mine))
        if not is_same(mine, original):
            different.append((case, mine, original))
    assert different == []


def test_the_cases_are_of_every_kind():
    kinds = [theirs(case)[0] for case in CASES]
    assert {kind: kinds.count(kind) > 10 for kind in kinds} == dict.fromkeys(("written", "read", "error"), True)
