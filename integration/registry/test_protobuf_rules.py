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
SPELLED: Final = (
    (
        'syntax = "proto3"; package a.b; import "google/protobuf/timestamp.proto"; option java_package = "com.x"; '
        "option java_multiple_files = true; option optimize_for = SPEED; message M { google.protobuf.Timestamp t = 2; }"
    ),
    (
        'syntax = "proto3"; message M { reserved 5, 7 to 9; int32 a = 1 [deprecated = true]; map<string, int32> d = 4; '
        'string b = 2 [json_name = "bee", deprecated = true]; reserved "x"; oneof o { int32 p = 10; } } '
        "enum E { option allow_alias = true; A = 0; B = 0; }"
    ),
    (
        'syntax = "proto2"; message M { optional int32 a = 1 [default = 5]; optional K k = 4 [default = B]; '
        "enum K { A = 0; B = 1; } }"
    ),
)


def ours(case: dict[str, str]) -> Found:
    found = differences(parse(case["writer"]), parse(case["reader"]))
    return [(each.kind, "#/" + "/".join(each.path), each.kind in COMPATIBLE) for each in found]


def test_options_and_reserved_names_are_spelled_as_by_the_original(original: JavaProgram) -> None:
    answers = original.answers([{"reader": text, "writer": text} for text in SPELLED])
    for text, answer in zip(SPELLED, answers, strict=True):
        assert ProtobufSchema(text, (), strict=True).text == answer["reader"]


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
