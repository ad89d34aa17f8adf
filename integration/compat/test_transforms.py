"""Generated records through the original's transforms and predicates and through ours: both come to the same end."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from integration.compat.generated import ALONE, CASES, Size, drawn
from integration.conftest import missing
from integration.services.kafka import class_path
from integration.services.maven import UnavailableError
from tests.transforms.deviations import DEVIATIONS
from tests.transforms.replay import is_same, ours, theirs

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("compat"), pytest.mark.timeout(7200)]

TESTS = Path(__file__).parents[2] / "tests"
PROGRAMS = (TESTS / "convert" / "golden" / "Converters.java", TESTS / "transforms" / "golden" / "Transforms.java")
OPTIONS = ("-Duser.timezone=UTC", "-Duser.language=en", "-Duser.country=US", "-Dlog4j2.level=OFF")
FEW, MANY, FAMILY = 40, 10_000, Size(sides=8, frames=3)


class Original:
    """The program with the original's classes, compiled and started once."""

    def __init__(self, folder: Path) -> None:
        jars = ":".join(map(str, Path(class_path()).parent.glob("*.jar")))
        compiler = ["java", "-m", "jdk.compiler/com.sun.tools.javac.Main", "-Xlint:none", "-nowarn", "-d", str(folder)]
        done = subprocess.run(
            [*compiler, "-cp", jars, *map(str, PROGRAMS)], capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        self._process = subprocess.Popen(
            ["java", *OPTIONS, "-cp", f"{folder}:{jars}", "Transforms"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )

    def answers(self, cases: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The cases with their results."""
        read = self._process.stdout
        assert read is not None
        feeder = Thread(target=self._feed, args=(cases,))
        feeder.start()
        for _ in cases:
            yield json.loads(read.readline())
        feeder.join()

    def _feed(self, cases: list[dict[str, Any]]) -> None:
        write = self._process.stdin
        assert write is not None
        for case in cases:
            write.write(json.dumps(case) + "\n")
        write.flush()

    def stop(self) -> None:
        self._process.communicate(timeout=60)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Original]:
    try:
        program = Original(tmp_path_factory.mktemp("transforms"))
    except UnavailableError as error:
        missing(str(error))
    yield program
    program.stop()


def compare(original: Original, name: str, number: int, size: Size = ALONE) -> None:
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
def test_generated_records_come_out_alike(original: Original, name: str) -> None:
    compare(original, name, FEW)


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_many_generated_records_come_out_alike(original: Original, name: str) -> None:
    compare(original, name, MANY, FAMILY)
