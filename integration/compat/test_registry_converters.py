"""Generated records through Confluent's converters for Java and through ours, with one registry: the same bytes for the
same record, and the same record for the same bytes.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import fastavro
import pytest

from integration.compat.foreign_protobuf import FILES, protobuf_records
from integration.compat.generated_schemas import (
    AVRO_OPTIONS,
    PROTOBUF_OPTIONS,
    Chosen,
    avro_records,
    connect_records,
    drawn,
)
from integration.compat.recursive_schemas import MESSAGES, recursive_avro, recursive_protobuf, recursive_structs
from integration.compat.registry_pair import AVRO, PROTOBUF, Json, Pair, compare, pair, payload_of
from linkspan.convert.avro.model import parse, text

__all__ = ["pair"]

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("compat"), pytest.mark.timeout(3600)]

FEW, MANY = 200, 10_000
VALUES = {FEW: 2, MANY: 10}
NAME = re.compile(r'"name": "((?:E|R|some\.F)\d+)"')


def read_back(answered: Sequence[Json]) -> list[Json]:
    """The cases of reading what was written."""
    return [
        {"class": case["class"], "config": case["config"], "payload": {"hex": payload.hex()}}
        for case in answered
        if (payload := payload_of(case["result"].get("payload"))) is not None
    ]


def written_back(answered: Sequence[Json]) -> list[Json]:
    """The cases of writing what was read."""
    return [
        {
            "class": case["class"],
            "config": case["config"],
            "schema": case["result"]["schema"],
            "value": case["result"]["value"],
        }
        for case in answered
        if "value" in case["result"]
    ]


def write_and_read(pair: Pair, name: str, options: Any, number: int) -> None:
    values = VALUES[number]
    cases = drawn(connect_records(name, options, values), number, values)
    assert len(cases) >= number * 0.9
    payloads = read_back(compare(pair, cases))
    assert len(payloads) > len(cases) / 2
    compare(pair, payloads)


def foreign_avro(pair: Pair, number: int) -> None:
    """Schemas that Connect did not write are read alike, and what was read is written alike."""
    cases = []
    for config, schema, datum in drawn(avro_records(VALUES[number]), number, VALUES[number]):
        names = NAME.findall(json.dumps(schema))
        if len(set(names)) < len(names):
            continue  # a name is given once only
        # the subject that both look in; its versions count up
        schema_id = pair.registry.register("t-value", {"schema": text(parse(json.dumps(schema)))})
        payload = schema_id.to_bytes(4, "big") + encoded(schema, datum)
        cases.append({"class": AVRO, "config": config, "payload": {"hex": "00" + payload.hex()}})
    values = written_back(compare(pair, cases))
    assert len(values) > number / 2
    compare(pair, values)


def encoded(schema: Any, datum: Any) -> bytes:
    if schema == "bytes" or (isinstance(schema, dict) and schema["type"] == "bytes"):
        return bytes(datum)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, plain(schema), tupled(schema, datum))
    return out.getvalue()


def plain(schema: Any, path: str = "b") -> Any:
    """The schema for fastavro: without logical types, each branch of a union in a record of its own."""
    if isinstance(schema, list):
        return [
            item
            if item == "null"
            else {
                "type": "record",
                "name": f"{path}{at}",
                "fields": [{"name": "v", "type": plain(item, f"{path}{at}_")}],
            }
            for at, item in enumerate(schema)
        ]
    if isinstance(schema, str):
        return schema
    kept = {key: item for key, item in schema.items() if key not in ("logicalType", "namespace")}
    for key in ("items", "values"):
        if key in kept:
            kept[key] = plain(kept[key], f"{path}i_")
    if "fields" in kept:
        kept["fields"] = [
            {"name": item["name"], "type": plain(item["type"], f"{path}{item['name']}_")} for item in kept["fields"]
        ]
    return kept


def tupled(schema: Any, datum: Any, path: str = "b") -> Any:
    if isinstance(schema, list):
        if datum is None:
            return None
        at = datum.at if isinstance(datum, Chosen) else next(i for i, item in enumerate(schema) if item != "null")
        value = datum.value if isinstance(datum, Chosen) else datum
        return (f"{path}{at}", {"v": tupled(schema[at], value, f"{path}{at}_")})
    if isinstance(schema, str):
        return datum
    if schema["type"] == "record":
        return {
            item["name"]: tupled(item["type"], datum[item["name"]], f"{path}{item['name']}_")
            for item in schema["fields"]
        }
    if schema["type"] == "array":
        return [tupled(schema["items"], item, f"{path}i_") for item in datum]
    if schema["type"] == "map":
        return {key: tupled(schema["values"], item, f"{path}i_") for key, item in datum.items()}
    return datum


def recursive_avro_of_others(pair: Pair, number: int) -> None:
    """Schemas that contain themselves are read alike, twice, and what was read is written alike."""
    cases = []
    for config, schema, datum in drawn(recursive_avro(VALUES[number]), number, VALUES[number]):
        schema_id = pair.registry.register("t-value", {"schema": text(parse(json.dumps(schema)))})
        out = io.BytesIO()
        fastavro.schemaless_writer(out, json.loads(json.dumps(schema)), datum)
        payload = b"\0" + schema_id.to_bytes(4, "big") + out.getvalue()
        cases.append({"class": AVRO, "config": config, "back": True, "payload": {"hex": payload.hex()}})
    answered = compare(pair, cases)
    assert sum("value" in case["result"] for case in answered) > len(cases) * 0.9
    written = [case["result"]["payload"] for case in answered if "payload" in case["result"]]
    assert sum("error" not in case for case in written) > len(cases) / 2


def protobuf_of_others(
    pair: Pair, files: Mapping[str, str], family: Any, number: int, *, back: bool = False
) -> list[Json]:
    """The cases of reading messages of these files."""
    cases = []
    for config, name, content in drawn(family, number, VALUES[number]):
        schema_id = pair.registry.register("t-value", {"schema": files[name], "schemaType": "PROTOBUF"})
        payload = b"\0" + schema_id.to_bytes(4, "big") + content
        cases.append({"class": PROTOBUF, "config": config, "back": back, "payload": {"hex": payload.hex()}})
    return cases


def foreign_protobuf(pair: Pair, number: int) -> None:
    cases = protobuf_of_others(pair, FILES, protobuf_records(VALUES[number]), number)
    values = written_back(compare(pair, cases))
    assert len(values) > number / 2
    compare(pair, values)


def recursive_protobuf_of_others(pair: Pair, number: int) -> None:
    """Messages that contain themselves are read alike, and what was read is written alike where the original can."""
    cases = protobuf_of_others(pair, MESSAGES, recursive_protobuf(VALUES[number]), number, back=True)
    written = [answer["result"]["payload"] for answer in compare(pair, cases) if "value" in answer["result"]]
    assert len(written) > number / 2
    assert sum("error" not in payload for payload in written) > number / 10


def recursive_records(pair: Pair, name: str, number: int) -> None:
    """Records whose schema contains itself are written alike, and what was written is read alike."""
    answered = compare(pair, drawn(recursive_structs(name, VALUES[number]), number, VALUES[number]))
    payloads = read_back(answered)
    assert len(payloads) > len(answered) / 4
    compare(pair, payloads)


@pytest.mark.parametrize("name", [AVRO, PROTOBUF])
def test_records_that_contain_themselves_are_written_and_read_alike(pair: Pair, name: str) -> None:
    recursive_records(pair, name, FEW)


def test_records_become_the_same_avro_and_come_back_alike(pair: Pair) -> None:
    write_and_read(pair, AVRO, AVRO_OPTIONS, FEW)


def test_records_become_the_same_protobuf_and_come_back_alike(pair: Pair) -> None:
    write_and_read(pair, PROTOBUF, PROTOBUF_OPTIONS, FEW)


def test_avro_of_others_is_read_alike(pair: Pair) -> None:
    foreign_avro(pair, FEW)


def test_avro_that_contains_itself_is_read_and_written_alike(pair: Pair) -> None:
    recursive_avro_of_others(pair, FEW)


def test_protobuf_that_contains_itself_is_read_and_written_alike(pair: Pair) -> None:
    recursive_protobuf_of_others(pair, FEW)


def test_protobuf_of_others_is_read_alike(pair: Pair) -> None:
    foreign_protobuf(pair, FEW)


@pytest.mark.long
@pytest.mark.parametrize("name", [AVRO, PROTOBUF])
def test_many_records_that_contain_themselves_are_written_and_read_alike(pair: Pair, name: str) -> None:
    recursive_records(pair, name, MANY)


@pytest.mark.long
def test_many_records_become_the_same_protobuf_and_come_back_alike(pair: Pair) -> None:
    write_and_read(pair, PROTOBUF, PROTOBUF_OPTIONS, MANY)


@pytest.mark.long
def test_much_protobuf_of_others_is_read_alike(pair: Pair) -> None:
    foreign_protobuf(pair, MANY)


@pytest.mark.long
def test_much_protobuf_that_contains_itself_is_read_and_written_alike(pair: Pair) -> None:
    recursive_protobuf_of_others(pair, MANY)


@pytest.mark.long
def test_many_records_become_the_same_avro_and_come_back_alike(pair: Pair) -> None:
    write_and_read(pair, AVRO, AVRO_OPTIONS, MANY)


@pytest.mark.long
def test_much_avro_that_contains_itself_is_read_and_written_alike(pair: Pair) -> None:
    recursive_avro_of_others(pair, MANY)


@pytest.mark.long
def test_much_avro_of_others_is_read_alike(pair: Pair) -> None:
    foreign_avro(pair, MANY)


def test_infinite_defaults_of_fields_and_of_items_are_read_alike(pair: Pair) -> None:
    cases = []
    for kind, tag in (("FLOAT32", "f32"), ("FLOAT64", "f64")):
        for default in ("-Infinity", "Infinity", "1.5"):
            number = {"type": kind, "default": {tag: default}}
            schema = {
                "type": "STRUCT",
                "name": "r.R",
                "fields": [["m", {"type": "ARRAY", "values": number}], ["d", number]],
            }
            value = {"m": {"list": [{tag: "2.0"}]}, "d": {tag: "1.0"}}
            cases.append(
                {
                    "class": AVRO,
                    "config": {},
                    "schema": schema,
                    "value": {"struct": {"schema": schema, "fields": value}},
                }
            )
    assert len(compare(pair, read_back(compare(pair, cases)))) == len(cases)
