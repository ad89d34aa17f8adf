"""Confluent's converters for Java and ours on one registry: what each makes of the same cases."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integration.compat.java_program import JavaProgram
from integration.conftest import missing
from integration.services import confluent
from integration.services.maven import UnavailableError
from integration.services.plain_registry import PlainRegistry, plain_registry
from linkspan.api import Converter, DataError
from linkspan.config.definition import load
from linkspan.convert.avro.converter import AvroConverter
from linkspan.convert.protobuf.converter import ProtobufConverter
from tests.notation import same, schema_of, value_of

__all__ = ["AVRO", "PROTOBUF", "Json", "Pair", "compare", "converter", "pair", "payload_of"]

PROGRAM = Path(__file__).parents[2] / "tests" / "convert" / "golden" / "Converters.java"
AVRO = str(AvroConverter.java_class)
PROTOBUF = str(ProtobufConverter.java_class)
CLASSES: Mapping[str, type[Converter]] = {AVRO: AvroConverter, PROTOBUF: ProtobufConverter}
LATER_WORDS = re.compile(r" \[[^;]*\](?=;)")
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
    "messages of Protobuf that contain themselves within others": lambda case, mine, original: (
        case["class"] == PROTOBUF and mine[0] == "written" and str(original[1]).startswith("StackOverflowError")
    ),
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

    def ours_back(self, case: Json) -> Outcome:
        """What was read, written by the same converter."""
        made = converter(self.registry.url, case["class"], case["config"])
        try:
            schema, value = made.to_connect("t", bytes.fromhex(case["payload"]["hex"]))
            return "written", made.from_connect("t", schema, value)
        except DataError as error:
            return "error", error.message

    def outcomes(self, case: Json, answer: Json) -> Iterator[tuple[Outcome, Outcome]]:
        """Ours and the original's."""
        result = answer["result"]
        yield self.ours(case), outcome_of(result)
        if case.get("back") and "value" in result:
            yield self.ours_back(case), outcome_of({"payload": result["payload"]})

    def differ_in_text_only(self, mine: Outcome, original: Outcome) -> bool:
        """Whether the same is written by schemas that say the same in other words.

        Java 17 spells some fractions, the defaults in Avro schemas, with digits that are not needed. Later versions of
        the converter for Protobuf keep the types of small numbers in maps, and do not say of fields that they are not
        deprecated; that for Avro keeps the parameters of a record that is mentioned again at the field.
        """
        if mine[0] != "written" or original[0] != "written" or not mine[1] or mine[1][5:] != original[1][5:]:
            return False
        ours, theirs = (self.schema_in(side[1]) for side in (mine, original))
        if ours.startswith("syntax"):
            return LATER_WORDS.sub("", ours) == LATER_WORDS.sub("", theirs)
        return bool(singles(unmarked(json.loads(ours))) == singles(unmarked(json.loads(theirs))))

    def differ_in_version_only(self, mine: Outcome, original: Outcome) -> bool:
        """Whether the original gives a schema the version of one that differs in docs and aliases deep inside only.

        Avro's Java library takes them for equal, and the converter gives all of them the version that it read first;
        later versions of it do not (docs/reference/deviations.md).
        """
        if mine[0] != "read" or original[0] != "read" or not same(mine[1][1], original[1][1]):
            return False
        ours, theirs = (side[1][0] for side in (mine, original))
        if not ours or not theirs or ours.version == theirs.version or ours.replace(version=theirs.version) != theirs:
            return False
        texts = [str(self.registry.version("t-value", side.version)["schema"]) for side in (ours, theirs)]
        return texts[0] != texts[1] and len({json.dumps(undescribed(json.loads(text))) for text in texts}) == 1

    def schema_in(self, payload: bytes) -> str:
        return str(self.registry.schema(int.from_bytes(payload[1:5], "big"))["schema"])


def undescribed(data: Any) -> Any:
    """An Avro schema without docs and aliases."""
    if isinstance(data, list):
        return [undescribed(item) for item in data]
    if not isinstance(data, dict):
        return data
    return {key: undescribed(item) for key, item in data.items() if key not in ("doc", "aliases")}


def unmarked(data: Any) -> Any:
    """An Avro schema without parameters of fields."""
    if isinstance(data, list):
        return [unmarked(item) for item in data]
    if not isinstance(data, dict):
        return data
    is_field = "name" in data and data.get("type") not in ("record", "enum", "fixed")
    return {key: unmarked(item) for key, item in data.items() if key != "connect.parameters" or not is_field}


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


def outcome_of(result: Json) -> Outcome:
    if "error" in result:
        return "error", f"{result['error']}: {result['message']}"
    if "value" in result:
        return "read", (schema_of(result["schema"]), value_of(result["value"]))
    written = result["payload"]
    if isinstance(written, dict) and "error" in written:
        return "error", written["error"]
    return "written", payload_of(written)


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
        for mine, original in pair.outcomes(case, answer):
            if is_same(mine, original) or pair.differ_in_text_only(mine, original):
                continue
            if pair.differ_in_version_only(mine, original):
                continue
            if not any(same_but(case, mine, original) for same_but in DEVIATIONS.values()):
                texts = [pair.schema_in(side[1]) for side in (mine, original) if side[0] == "written" and side[1]]
                different.append((case, mine, original, texts))
    assert not different, "\n".join([f"{len(different)} differ, such as", *map(str, different[:3])])
    return answered
