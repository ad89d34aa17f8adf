"""Generated values and payloads through the original's converters and ours: both come to the same end."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integration.compat.generated_payloads import PAYLOADS, WRITTEN, drawn
from integration.compat.java_program import JavaProgram
from integration.conftest import missing
from integration.services.kafka import class_path
from integration.services.maven import UnavailableError
from linkspan.api import schema
from linkspan.transforms.java_numbers import single
from tests.convert.test_golden import DEVIATIONS, HEADER, JSON, expected, is_same, ours, singles

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("compat"), pytest.mark.timeout(3600)]

PROGRAM = Path(__file__).parents[2] / "tests" / "convert" / "golden" / "Converters.java"
FEW, MANY = 60, 5_000
"""Values to write, and payloads to read; what was written is read, too."""
Json = dict[str, Any]
BLANKS = "".join(map(chr, range(0x21)))
NUMBER = re.compile(rb"-?\d+\.\d+(?:E-?\d+)?")


def is_extra_digit(_case: Json, mine: tuple[str, Any], original: tuple[str, Any]) -> bool:
    """Whether Java 17 wrote more digits of a fraction than are needed (JDK-4511638)."""
    if mine[0] != "written" or original[0] != "written" or mine[1] is None or original[1] is None:
        return False
    ours_, theirs = (outcome[1].replace(b"\0", b"") for outcome in (mine, original))  # of UTF-16
    numbers = zip(NUMBER.findall(ours_), NUMBER.findall(theirs), strict=False)
    rest = [NUMBER.sub(b"#", text) for text in (ours_, theirs)]
    return rest[0] == rest[1] and all(single(float(one)) == single(float(other)) for one, other in numbers)


def is_same_json(case: Json, mine: tuple[str, Any], original: tuple[str, Any]) -> bool:
    """Whether JSON says the same in other digits, as in a default in its schema."""
    if case["class"] != JSON or not mine[0] == original[0] == "written":
        return False
    return bool(singles(json.loads(mine[1])) == singles(json.loads(original[1])))


def is_more_than_json(case: Json, mine: tuple[str, Any], original: tuple[str, Any]) -> bool:
    """Whether there is more behind a JSON document that is no envelope, either of which is an error."""
    return case["class"] == JSON and mine[0] == original[0] == "error" and "unexpected content" in mine[1]


def is_number_without_schema(case: Json, mine: tuple[str, Any], original: tuple[str, Any]) -> bool:
    """Whether a number of another size was written, for Python's numbers have no sizes."""
    if case.get("schema") is not None or mine[0] != "written" or "Failed to serialize to" not in str(original[1]):
        return False
    return not {"i64", "f64"}.isdisjoint(case["value"])


def is_mixture_in_header(case: Json, mine: tuple[str, Any], original: tuple[str, Any]) -> bool:
    """Whether items of a list or map differ, so that ours has no schema; the original's may fit some.

    Where numbers and moments of several kinds stand beside each other, it makes one kind of all, or text, or fails.
    """
    if case["class"] != HEADER or mine[0] != "read" or mine[1][0] is not None or not is_mixed(mine[1][1]):
        return False
    if original[0] != "read":
        return original[0] == "error" and "Cannot look up" in original[1]
    is_text = original[1] == (schema.STRING, case["payload"])
    return is_text or without_moments(mine[1][1]) == without_moments(original[1][1])


def is_lost_blank(case: Json, mine: tuple[str, Any], original: tuple[str, Any]) -> bool:
    """Whether quoted blanks, which Java's String.trim() takes away, are there in ours only."""
    if case["class"] != HEADER or not mine[0] == original[0] == "read":
        return False
    return bool((mine[1][0], without_blanks(mine[1][1])) == original[1] and mine[1] != original[1])


def without_blanks(value: Any) -> Any:
    """The value with empty texts in the place of those that have blanks alone."""
    if isinstance(value, str):
        return value if value.strip(BLANKS) else ""
    if isinstance(value, list):
        return list(map(without_blanks, value))
    if isinstance(value, dict):
        return {without_blanks(key): without_blanks(item) for key, item in value.items()}
    return value


def is_mixed(value: Any) -> bool:
    """Whether null, an empty list or map, a list or map of other things, or a moment stands beside something else."""
    if not isinstance(value, list | dict):
        return False
    items = list(value.values()) if isinstance(value, dict) else value
    return len(set(map(kind, items))) > 1 or any(map(is_mixed, items))


def kind(value: Any) -> str:
    if value in (None, [], {}):
        return repr(value)
    if isinstance(value, list | dict):
        inside = sorted({kind(item) for item in (value.values() if isinstance(value, dict) else value)})
        return f"{type(value).__name__} of {inside}"
    return "number" if isinstance(value, int | float | Decimal) else type(value).__name__


def without_moments(value: Any) -> Any:
    """The value with the same in the place of every number and moment."""
    if isinstance(value, list):
        return list(map(without_moments, value))
    if isinstance(value, dict):
        return {key: without_moments(item) for key, item in value.items()}
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return "moment" if is_number or isinstance(value, datetime.date | datetime.time) else value


# docs/reference/deviations.md
KNOWN = (
    *DEVIATIONS.values(),
    *(is_extra_digit, is_same_json, is_more_than_json, is_number_without_schema, is_mixture_in_header, is_lost_blank),
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JavaProgram]:
    try:
        jars = Path(class_path()).parent
    except UnavailableError as error:
        missing(str(error))
    program = JavaProgram([PROGRAM], "Converters", jars, tmp_path_factory.mktemp("converters"))
    yield program
    program.stop()


def compare(cases: Sequence[Json]) -> int:
    """How many came out alike; the others are known."""
    different, alike = [], 0
    for case in cases:
        mine, theirs = ours(case), expected(case)
        if is_same(mine, theirs):
            alike += 1
        elif not any(same_but(case, mine, theirs) for same_but in KNOWN):
            different.append((case, mine, theirs))
    assert not different, "\n".join(map(repr, different[:3]))
    return alike


def all_cases(original: JavaProgram, name: str, number: int, size: int) -> list[Json]:
    written = list(original.answers(drawn(WRITTEN[name](size), number, size)))
    again = [
        {"class": case["class"], "config": case["config"], "payload": case["result"]["payload"]}
        for case in written
        if "payload" in case["result"]
    ]
    read = drawn(PAYLOADS[name](size), number, size)
    return [*written, *original.answers(again), *original.answers(read)]


@pytest.mark.parametrize("name", WRITTEN)
def test_generated_values_and_payloads_come_out_alike(original: JavaProgram, name: str) -> None:
    cases = all_cases(original, name, FEW, 1)
    assert compare(cases) > len(cases) / 2


@pytest.mark.long
@pytest.mark.parametrize("name", WRITTEN)
def test_many_generated_values_and_payloads_come_out_alike(original: JavaProgram, name: str) -> None:
    cases = all_cases(original, name, MANY, 10)
    assert len(cases) >= 10_000
    assert compare(cases) > len(cases) / 2
