"""Generated records through the original's transforms and predicates and through ours: both come to the same end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.compat.generated import ALONE, CASES, Size, drawn
from integration.compat.java_program import JavaProgram
from integration.conftest import missing
from integration.services.kafka import class_path
from integration.services.maven import UnavailableError
from tests.transforms.deviations import DEVIATIONS
from tests.transforms.replay import is_same, ours, theirs

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("compat"), pytest.mark.timeout(7200)]

TESTS = Path(__file__).parents[2] / "tests"
PROGRAMS = (TESTS / "convert" / "golden" / "Converters.java", TESTS / "transforms" / "golden" / "Transforms.java")
FEW, MANY, FAMILY = 40, 10_000, Size(sides=8, frames=3)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JavaProgram]:
    try:
        program = JavaProgram(PROGRAMS, "Transforms", Path(class_path()).parent, tmp_path_factory.mktemp("transforms"))
    except UnavailableError as error:
        missing(str(error))
    yield program
    program.stop()


def compare(original: JavaProgram, name: str, number: int, size: Size = ALONE) -> None:
    different, known = [], 0
    cases = drawn(CASES[name], number, size)
    assert len(cases) >= number
    for case in original.answers(cases):
        mine, theirs_ = ours(case), theirs(case)
        if is_same(mine, theirs_):
            known += 1
        elif not any(same_but(case, mine, theirs_) for same_but in DEVIATIONS.values()):
            different.append((case, mine, theirs_))
    assert different[:3] == []
    assert known > len(cases) / 3


@pytest.mark.parametrize("name", CASES)
def test_generated_records_come_out_alike(original: JavaProgram, name: str) -> None:
    compare(original, name, FEW)


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_many_generated_records_come_out_alike(original: JavaProgram, name: str) -> None:
    compare(original, name, MANY, FAMILY)
