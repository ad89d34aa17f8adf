"""Where our transforms differ from the original's on purpose (docs/reference/deviations.md)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from linkspan.transforms.java_numbers import single
from tests.transforms.replay import Outcome

__all__ = ["DEVIATIONS"]

Difference = Callable[[Mapping[str, Any], Outcome, Outcome], bool]
JAVA_BLANKS = "".join(map(chr, range(33)))
BEFORE_1582 = -12_219_292_800_000


def of_class(*names: str) -> Difference:
    return lambda case, _mine, _original: case["class"].rpartition(".")[2].partition("$")[0] in names


def we_say(pattern: str) -> Difference:
    expression = re.compile(pattern)
    return lambda _case, mine, _original: mine.kind == "error" and expression.search(mine.content) is not None


def they_say(pattern: str) -> Difference:
    expression = re.compile(pattern)
    return lambda _case, _mine, original: (
        original.kind == "error" and expression.search(original.content or "") is not None
    )


def both(*conditions: Difference) -> Difference:
    return lambda case, mine, original: all(condition(case, mine, original) for condition in conditions)


def is_before_1582(case: Mapping[str, Any], mine: Outcome, original: Outcome) -> bool:
    """Whether the moment, given or read, is one of the Julian calendar."""
    if not case["class"].rpartition(".")[2].startswith("Timestamp"):
        return False
    numbers = [int(found) for found in re.findall(r'"(?:timestamp|i64)": "?(-?\d+)', json.dumps(case["record"]))]
    years = [int(found) for found in re.findall(r"datetime\.datetime\((\d+)", f"{mine} {original}")]
    return any(number <= BEFORE_1582 for number in numbers) or any(year <= 1602 for year in years)


def is_extra_digit(case: Mapping[str, Any], mine: Outcome, original: Outcome) -> bool:
    """Whether Java 17 wrote more digits of a fraction than are needed (JDK-4511638)."""
    if "Cast" not in case["class"] or mine.kind != "record" or original.content is None:
        return False
    number = re.compile(r"'-?\d\.\d+E-?\d+'")
    texts = zip(number.findall(repr(mine.content)), number.findall(repr(original.content)), strict=False)
    different = [(ours, theirs) for ours, theirs in texts if ours != theirs]
    return bool(different) and all(
        single(float(ours[1:-1])) == single(float(theirs[1:-1])) for ours, theirs in different
    )


def is_cut_off(case: Mapping[str, Any], mine: Outcome, original: Outcome) -> bool:
    """Whether the header's text only begins like a number or a moment, so that ours keeps all of it."""
    if not case["class"].endswith(".InsertHeader") or not mine.kind == original.kind == "record":
        return False
    return bool(mine.content[-1][-1] == case["config"]["value.literal"].strip(JAVA_BLANKS) != original.content[-1][-1])


DEVIATIONS: Mapping[str, Difference] = {
    "digits that Java 17 adds": is_extra_digit,
    "header text that only begins like a number or a moment": is_cut_off,
    "moments outside the years 1 to 9999": we_say("outside the years 1 to 9999|beyond the year 9999"),
    "moments before 1582": is_before_1582,
    "moments before 1970 are cast to text with their date": both(
        of_class("Cast"),
        lambda case, _mine, original: '": -' in json.dumps(case["record"]) and original.kind == "record",
    ),
    "a timestamp format is checked when the task starts": both(
        of_class("TimestampRouter"), we_say("timestamp.format: Unterminated quote")
    ),
    "records are not printed": both(
        of_class("TimestampRouter"), they_say("^Timestamp missing on record: (Source|Sink)Record")
    ),
    "names that stand twice are refused, as when the connector is validated": we_say("values must not be duplicated"),
    "words of Python about regular expressions": both(we_say("Invalid regex"), they_say("Invalid regex")),
    "character classes inside others": we_say("An intersection of character classes"),
    "a struct inside that lacks a required field fails later": both(
        of_class("HoistField", "Flatten"), they_say("^Invalid value: null used for required field")
    ),
    "defaults of structs are refused by the original": they_say("^Invalid default value"),
}
