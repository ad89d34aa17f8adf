"""Generated .proto files through the original's classes and through ours: spelled and compared alike."""

from __future__ import annotations

from typing import Final

import pytest

from integration.compat.java_program import JavaProgram
from integration.registry.protobuf_pairs import pairs
from linkspan.convert.protobuf.compatibility import COMPATIBLE, differences
from linkspan.convert.protobuf.parsing import parse
from linkspan.registry.protobuf.schema import ProtobufSchema

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("registry")]

COUNT: Final = 300
SEED: Final = 1
PROGRAM: Final = "ProtobufRules"
Found = list[tuple[str, str, bool]]


def ours(case: dict[str, str]) -> Found:
    found = differences(parse(case["writer"]), parse(case["reader"]))
    return [(each.kind, "#/" + "/".join(each.path), each.kind in COMPATIBLE) for each in found]


def test_generated_pairs_are_spelled_and_compared_as_by_the_original(
    original: JavaProgram, request: pytest.FixtureRequest
) -> None:
    # later versions have other rules for what goes into and out of oneofs, and so have we
    cases = pairs(COUNT * (20 if request.config.getoption("--long") else 1), SEED, moves=False)
    verdicts = {"compatible": 0, "incompatible": 0}
    for case, answer in zip(cases, list(original.answers(cases)), strict=True):
        theirs: Found = [(kind, path, fits) for kind, path, fits in answer["found"]]
        mine = ours(case)
        # docs/reference/deviations.md: repeated on one side only
        more = [each for each in mine if each[0].endswith("_LABEL_CHANGED") and each not in theirs]
        assert sorted(each for each in mine if each not in more) == sorted(theirs), case
        for name in ("reader", "writer"):
            assert ProtobufSchema(case[name], (), strict=False).text == answer[name]
        verdicts["compatible" if all(fits for _, _, fits in mine) else "incompatible"] += 1
    assert min(verdicts.values()) > COUNT / 10, verdicts
