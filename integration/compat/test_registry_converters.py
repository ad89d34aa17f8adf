"""Generated records through Confluent's converters for Java and through ours, with one registry: the same bytes for the
same record, and the same record for the same bytes.
"""

from __future__ import annotations

import io
import json
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
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
from integration.compat.java_program import JavaProgram
from integration.conftest import missing
from integration.services import confluent
from integration.services.maven import UnavailableError
from integration.services.plain_registry import PlainRegistry, plain_registry
from linkspan.api import Converter, DataError, Schema
from linkspan.config.definition import load
from linkspan.convert import schema_json
from linkspan.convert.avro.converter import AvroConverter
from linkspan.convert.avro.model import parse, text
from linkspan.convert.protobuf.converter import ProtobufConverter
from tests.notation import same, schema_of, value_of

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("compat"), pytest.mark.timeout(3600)]

PROGRAM = Path(__file__).parents[2] / "tests" / "convert" / "golden" / "Converters.java"
AVRO = str(AvroConverter.java_class)
PROTOBUF = str(ProtobufConverter.java_class)
CLASSES: Mapping[str, type[Converter]] = {AVRO: AvroConverter, PROTOBUF: ProtobufConverter}
NAME = re.compile(r'"name": "((?:E|R|some\.F)\d+)"')
LATER_WORDS = re.compile(r" \[[^;]*\](?=;)")
FEW, MANY = 200, 10_000
VALUES = {FEW: 2, MANY: 10}
Json = dict[str, Any]
Outcome = tuple[str, Any]
Difference = Callable[[Json, Outcome, Outcome], bool]
CONVERTERS: dict[str, Converter] = {}


def is_lost_null(_case: Json, mine: Outcome, original: Outcome) -> bool:
    return mine[0] == "read" and mine[1][1] is None and original[1].startswith("NullPointerException")


def is_in_another_branch(_case: Json, mine: Outcome, original: Outcome) -> bool:
    if mine[0] != "read" or original[0] != "read":
        return False
    return bool(mine[1][0] == original[1][0] and bare(mine[1][1]) == bare(original[1][1]))


def is_another_version(_case: Json, mine: Outcome, original: Outcome) -> bool:
    if mine[0] != "read" or original[0] != "read" or not same(mine[1][1], original[1][1]):
        return False
    ours, theirs = (side[1][0] for side in (mine, original))
    return bool(ours and theirs and unversioned(ours) == unversioned(theirs))


def unversioned(schema: Schema) -> Json:
    return {**schema_json.to_json(schema, lambda _schema, default: repr(default)), "version": None}


def bare(value: Any) -> Any:
    """What is there, whichever field has it; bytes and decimals by their numbers."""
    if isinstance(value, Decimal):
        return int(value.scaleb(-int(value.as_tuple().exponent)))
    if isinstance(value, bytes):
        return int.from_bytes(value, "big", signed=True)
    if isinstance(value, dict):
        return [bare(item) for item in value.values() if item is not None]
    return list(map(bare, value)) if isinstance(value, list) else value


# docs/reference/deviations.md
DEVIATIONS: Mapping[str, Difference] = {
    "a null that has a schema of its own": is_lost_null,
    "a logical type by itself in Protobuf": lambda _case, mine, _original: (
        mine[0] == "error" and "cannot be written by itself" in mine[1]
    ),
    "defaults of the items of an array in Protobuf": lambda _case, _mine, original: (
        "Repeated fields cannot have default values" in str(original[1])
    ),
    "small numbers in unions of Avro": lambda _case, mine, original: (
        mine[0] == "read" and "Did not find matching union field for data" in str(original[1])
    ),
    "bytes and fixed in one union of Avro": is_in_another_branch,
    "versions that differ in docs or aliases deep inside": is_another_version,
    "a null is a tombstone, whatever its schema": lambda _case, mine, _original: mine == ("written", None),
}


class Pair:
    """The original and ours on one registry."""

    def __init__(self, program: JavaProgram, registry: PlainRegistry) -> None:
        self.program, self.registry = program, registry

    def theirs(self, cases: Sequence[Json]) -> list[Json]:
        """The cases with their results."""
        url = {"schema.registry.url": self.registry.url}
        asked = [{**case, "config": {**case["config"], **url}} for case in cases]
        return list(self.program.answers(asked))

    def ours(self, case: Json) -> Outcome:
        made = converter(self.registry.url, case["class"], case["config"])
        try:
            if "payload" in case:
                return "read", tuple(made.to_connect("t", bytes.fromhex(case["payload"]["hex"])))
            return "written", made.from_connect("t", schema_of(case["schema"]), value_of(case["value"]))
        except DataError as error:
            return "error", error.message

    def differ_in_text_only(self, mine: Outcome, original: Outcome) -> bool:
        """Whether the same is written by schemas that say the same in other words.

        Java 17 spells some fractions, the defaults in Avro schemas, with digits that are not needed. Later versions of
        the converter for Protobuf keep the types of small numbers in maps, and do not say of fields that they are not
        deprecated.
        """
        if mine[0] != "written" or original[0] != "written" or not mine[1] or mine[1][5:] != original[1][5:]:
            return False
        ours, theirs = (self.schema_in(side[1]) for side in (mine, original))
        if ours.startswith("syntax"):
            return LATER_WORDS.sub("", ours) == LATER_WORDS.sub("", theirs)
        return bool(singles(json.loads(ours)) == singles(json.loads(theirs)))

    def schema_in(self, payload: bytes) -> str:
        return str(self.registry.schema(int.from_bytes(payload[1:5], "big"))["schema"])


def singles(data: Any) -> Any:
    """JSON with its fractions as numbers of 32 bits, as far as they are."""
    if isinstance(data, float):
        return struct.pack(">f", data) if abs(data) < 3.4e38 else data
    if isinstance(data, list):
        return [singles(item) for item in data]
    return {key: singles(item) for key, item in data.items()} if isinstance(data, dict) else data


def converter(url: str, name: str, settings: Json) -> Converter:
    key = f"{name} {settings}"
    if key not in CONVERTERS:
        made = CONVERTERS[key] = CLASSES[name]()
        made.configure(load(made.config_class, {"schema.registry.url": url, **settings}), is_key=False)
    return CONVERTERS[key]


def outcome_of(case: Json) -> Outcome:
    result = case["result"]
    if "error" in result:
        return "error", f"{result['error']}: {result['message']}"
    if "payload" in case:
        return "read", (schema_of(result["schema"]), value_of(result["value"]))
    return "written", payload_of(result["payload"])


def payload_of(node: Any) -> bytes | None:
    if isinstance(node, dict):
        return bytes.fromhex(node["hex"])
    return None if node is None else str(node).encode()


def is_same(mine: Outcome, original: Outcome) -> bool:
    if mine[0] != original[0] or mine[0] == "error":
        return mine[0] == original[0]
    if mine[0] == "read":
        return mine[1][0] == original[1][0] and same(mine[1][1], original[1][1])
    return bool(mine[1] == original[1])


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    try:
        jars = Path(confluent.class_path()).parent
    except UnavailableError as error:
        missing(str(error))
    program = JavaProgram([PROGRAM], "Converters", jars, tmp_path_factory.mktemp("converters"))
    with plain_registry() as registry:
        yield Pair(program, registry)
        program.stop()
        for made in CONVERTERS.values():
            made.close()
        CONVERTERS.clear()


def compare(pair: Pair, cases: Sequence[Json]) -> list[Json]:
    """The cases with the original's results, if ours are the same."""
    answered = pair.theirs(cases)
    different = []
    for case, answer in zip(cases, answered, strict=True):
        mine, original = pair.ours(case), outcome_of(answer)
        if is_same(mine, original) or pair.differ_in_text_only(mine, original):
            continue
        if not any(same_but(case, mine, original) for same_but in DEVIATIONS.values()):
            texts = [pair.schema_in(side[1]) for side in (mine, original) if side[0] == "written" and side[1]]
            different.append((case, mine, original, texts))
    assert different == []
    return answered


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


def foreign_protobuf(pair: Pair, number: int) -> None:
    cases = []
    for config, name, content in drawn(protobuf_records(VALUES[number]), number, VALUES[number]):
        schema_id = pair.registry.register("t-value", {"schema": FILES[name], "schemaType": "PROTOBUF"})
        payload = b"\0" + schema_id.to_bytes(4, "big") + content
        cases.append({"class": PROTOBUF, "config": config, "payload": {"hex": payload.hex()}})
    values = written_back(compare(pair, cases))
    assert len(values) > number / 2
    compare(pair, values)


def test_records_become_the_same_avro_and_come_back_alike(pair: Pair) -> None:
    write_and_read(pair, AVRO, AVRO_OPTIONS, FEW)


def test_records_become_the_same_protobuf_and_come_back_alike(pair: Pair) -> None:
    write_and_read(pair, PROTOBUF, PROTOBUF_OPTIONS, FEW)


def test_avro_of_others_is_read_alike(pair: Pair) -> None:
    foreign_avro(pair, FEW)


def test_protobuf_of_others_is_read_alike(pair: Pair) -> None:
    foreign_protobuf(pair, FEW)


@pytest.mark.long
def test_many_records_become_the_same_protobuf_and_come_back_alike(pair: Pair) -> None:
    write_and_read(pair, PROTOBUF, PROTOBUF_OPTIONS, MANY)


@pytest.mark.long
def test_much_protobuf_of_others_is_read_alike(pair: Pair) -> None:
    foreign_protobuf(pair, MANY)


@pytest.mark.long
def test_many_records_become_the_same_avro_and_come_back_alike(pair: Pair) -> None:
    write_and_read(pair, AVRO, AVRO_OPTIONS, MANY)


@pytest.mark.long
def test_much_avro_of_others_is_read_alike(pair: Pair) -> None:
    foreign_avro(pair, MANY)
