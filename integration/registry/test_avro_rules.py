"""Generated Avro schemas through the original's classes and through ours: read, written, compared."""

from __future__ import annotations

from typing import Any, Final

import pytest

from integration.compat.java_program import JavaProgram
from integration.registry.avro_pairs import pairs
from linkspan.convert.rules.avro.compatibility import incompatibilities
from linkspan.convert.rules.avro.parser import parse
from linkspan.registry.avro.schema import AvroSchema

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("registry")]

COUNT: Final = 3000
SEED: Final = 1
PROGRAM: Final = "AvroRules"


def ours(case: dict[str, str]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    schemas = {}
    for name in ("reader", "writer"):
        try:
            schema = schemas[name] = AvroSchema(case[name], (), strict=True)
        except ValueError as error:
            answer |= {name: None, f"{name}Error": str(error)}
        else:
            answer |= {name: schema.text, f"{name}Normalized": schema.normal_text()}
    if len(schemas) == 2:
        roots = [parse(case[name], (), strict=True)[0] for name in ("reader", "writer")]
        try:
            answer["found"] = [[each.kind, each.detail, each.path] for each in incompatibilities(*roots)]
        except ValueError as error:
            answer |= {"found": [], "error": str(error)}
    return answer


def alike(answer: dict[str, Any]) -> dict[str, Any]:
    """Without the words of errors."""
    return {name: bool(value) if "rror" in name else value for name, value in answer.items()}


def test_generated_pairs_are_read_written_and_compared_as_by_the_original(
    original: JavaProgram, request: pytest.FixtureRequest
) -> None:
    cases = pairs(COUNT * (20 if request.config.getoption("--long") else 1), SEED)
    verdicts = {"unreadable": 0, "compatible": 0, "incompatible": 0}
    for case, theirs in zip(cases, list(original.answers(cases)), strict=True):
        answer = ours(case)
        for name in ("readerNormalized", "writerNormalized"):
            if theirs.get(name, "") is None:
                # the original cannot read what it has written itself: names without a namespace inside of one
                theirs[name] = answer[name]
        assert alike(answer) == alike(theirs), case
        found = theirs.get("found")
        verdicts["unreadable" if found is None else "incompatible" if found else "compatible"] += 1
    # the generator makes enough of each
    assert min(verdicts.values()) > COUNT / 20, verdicts
