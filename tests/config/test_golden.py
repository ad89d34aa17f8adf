"""Values, properties files and regular expressions against what Java made of them (golden/README.md)."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from linkspan.api import ConfigError, validators
from linkspan.api.fields import NO_DEFAULT, ConfigKey, ConfigType, Secret, Validator
from linkspan.api.regex import java_regex
from linkspan.api.text import double_text
from linkspan.config import connector, properties
from linkspan.config.definition import ConfigDef

GOLDEN = Path(__file__).parent / "golden" / "configs-4.3.1.jsonl"
CASES: list[dict[str, Any]] = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
VALIDATORS: Mapping[str, Any] = {
    "atLeast": validators.at_least,
    "between": validators.between,
    "ValidString": validators.one_of,
    "CaseInsensitiveValidString": validators.one_of_ignoring_case,
    "NonEmptyString": lambda: validators.non_empty,
    "NonNull": lambda: validators.non_null,
    "NonEmptyStringWithoutControlChars": lambda: connector.connector_name,
    "anyNonDuplicateValues": lambda _empty, _null: connector.distinct_items,
}
# Refused with a message that names it: Python's expressions cannot say it.
UNTRANSLATABLE = (
    *("is not supported", "look-behind requires fixed-width pattern", "multiple repeat", "invalid group reference"),
    "bad character range \\w",
)


def of(kind: str) -> list[dict[str, Any]]:
    return [case for case in CASES if case["kind"] == kind]


def validator(node: list[Any] | None) -> Validator | None:
    return None if node is None else VALIDATORS[node[0]](*node[1:])


def shown(value: object) -> object:
    """A value in the notation of the golden file."""
    if isinstance(value, Secret):
        return {"secret": value.value, "shown": str(value)}
    return double_text(value) if isinstance(value, float) else value


@pytest.mark.parametrize("kind", list(ConfigType))
def test_values_are_parsed_and_checked_as_by_config_def(kind):
    for case in of("value"):
        if case["type"] != kind.value:
            continue
        default = case.get("default", NO_DEFAULT)
        key = ConfigKey(name="the.key", type=kind, default=default, validator=validator(case.get("validator")))
        props = {"the.key": case["text"]} if "text" in case else {}
        (found,) = ConfigDef([key]).validate(props)
        mine = {"errors": found.errors, "value": shown(found.value)}
        if any("duplicated" in message for message in found.errors):
            # Where nothing was validated before, the original drops duplicates with a warning; we refuse them.
            assert mine.items() <= case["result"].items(), case
            continue
        try:
            ConfigDef([key]).parse(props)
        except ConfigError as error:
            mine["raised"] = error.message
        assert mine == case["result"], case


def test_properties_are_read_as_by_java():
    for case in of("properties"):
        pairs = case["result"].get("pairs")
        if pairs is None:
            with pytest.raises(ConfigError, match="uxxxx encoding"):
                properties.parse(case["text"])
            continue
        mine = properties.parse(case["text"])
        # A backslash alone is an empty key without value for Java.
        assert pairs in (mine, {"": "", **mine}), case


@pytest.mark.parametrize("case", of("regex"), ids=lambda case: case["pattern"])
def test_expressions_match_whole_strings_as_in_java_or_are_refused(case):
    original = case["result"].get("matched")
    refusal = None if original is None else "|".join(map(re.escape, UNTRANSLATABLE))
    matches = None
    with contextlib.suppress(ConfigError):
        matches = java_regex(case["pattern"])
    if matches is not None:
        assert [text for text in case["inputs"] if matches(text)] == original
        return
    with pytest.raises(ConfigError, match=refusal):
        java_regex(case["pattern"])
