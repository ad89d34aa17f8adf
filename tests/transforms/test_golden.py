"""Our transforms and predicates against what the original classes did (golden/README.md)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.transforms.deviations import DEVIATIONS
from tests.transforms.golden.cases import every
from tests.transforms.replay import CLASSES, is_same, ours, theirs

GOLDEN = Path(__file__).parent / "golden" / "original-4.3.1.jsonl"


@cache
def cases() -> list[dict[str, Any]]:
    results = map(json.loads, GOLDEN.read_text(encoding="utf-8").splitlines())
    return [{**case, "result": result} for case, result in zip(every(), results, strict=True)]


@pytest.mark.parametrize("name", CLASSES)
def test_every_case_ends_as_in_the_original(name):
    own = [case for case in cases() if case["class"] == name]
    assert own
    different = []
    for case in own:
        mine, original = ours(case), theirs(case)
        if not is_same(mine, original) and not any(same_but(case, mine, original) for same_but in DEVIATIONS.values()):
            different.append((case, mine, original))
    assert different == []


@pytest.mark.parametrize("deviation", DEVIATIONS)
def test_no_deviation_is_listed_in_vain(deviation):
    same_but = DEVIATIONS[deviation]
    pairs = ((case, ours(case), theirs(case)) for case in cases())
    assert any(same_but(*pair) and not is_same(*pair[1:]) for pair in pairs)


LOOKS_INSIDE = [name for name in CLASSES if name.endswith(("$Value", "ValueToKey"))]


@pytest.mark.parametrize("name", LOOKS_INSIDE)
def test_the_original_was_asked_about_nulls_tombstones_and_wrong_types(name):
    given = [case["record"].get("value", {}) for case in every() if case["class"] == name]
    shapes = {(side.get("schema") is not None, *(side.get("value") or {"null": 0})) for side in given}
    assert {(with_schema, "null") for with_schema in (False, True)} <= shapes
    assert {(False, kind) for kind in ("map", "str", "i64", "f64", "bool", "bytes", "list")} <= shapes
    assert {(True, kind) for kind in ("struct", "str", "map", "list")} <= shapes
