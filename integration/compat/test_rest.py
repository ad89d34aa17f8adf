"""The same REST calls to the original standalone worker and to ours, on one broker: the answers are compared."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import linkspan
from integration.compat.alike import comparable
from integration.compat.connector_script import CONNECTOR_STEPS
from integration.compat.exchange import Answer, Step, play
from integration.compat.plugin_script import PLUGIN_STEPS
from integration.conftest import missing
from integration.services.kafka import VERSION, OriginalWorker, write_properties
from integration.services.linkspan import LinkspanWorker
from integration.services.maven import UnavailableError

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("compat"), pytest.mark.timeout(400)]

STEPS = (*CONNECTOR_STEPS, *PLUGIN_STEPS)
DEVIATIONS = Path(__file__).parents[2] / "docs" / "reference" / "deviations.md"
SETTINGS = {
    "offset.flush.interval.ms": 300,
    "access.control.allow.origin": r"http://a.example, http://.*\\.b\\.example",
    "access.control.allow.methods": "GET,PUT",
    "response.http.headers.config": 'add X-Added:one, "set X-Set:two, three", setDate X-Date:1000',
}


@dataclass
class Played:
    """What one worker answered, the folder its connectors worked in, and its log."""

    answers: Mapping[str, Answer]
    folder: Path
    log: Path


def connector_files(folder: Path, topic: str) -> list[Path]:
    """One file of each form, with misleading extensions."""
    source = {"connector.class": "FileStreamSource", "file": str(folder / "in.txt"), "topic": f"{topic}-0"}
    texts, request = folder / "texts.properties", folder / "request.properties"
    texts.write_text(json.dumps({"name": "file-json", **source}))
    request.write_text(json.dumps({"name": "file-request", "config": source, "initial_state": "STOPPED", "more": 1}))
    return [write_properties(folder / "c.json", {"name": "file-properties", **source, "tasks.max": 1}), texts, request]


def play_against(kind: type[Any], folder: Path, bootstrap: str, version: str) -> Played:
    side = kind.__name__.removesuffix("Worker").lower()
    work = folder / f"{side}-files"
    work.mkdir()
    (work / "in.txt").write_text("one\ntwo\nthree\n")
    topic = f"topic-of-{side}"
    worker = kind(folder / side, bootstrap, SETTINGS, files=connector_files(work, topic))
    worker.start()
    try:
        values = {"DIR": str(work), "TOPIC": topic, "SINK": f"sink-of-{side}", "VERSION": version}
        return Played(play(worker.url, STEPS, values), work, worker.log)
    finally:
        worker.stop()


@pytest.fixture(scope="module")
def played(kafka: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Played, Played]:
    """The original's answers, and ours."""
    folder = tmp_path_factory.mktemp("compat")
    workers = [(OriginalWorker, VERSION), (LinkspanWorker, linkspan.__version__)]
    with ThreadPoolExecutor() as both:
        try:
            original, ours = both.map(lambda pair: play_against(pair[0], folder, kafka.bootstrap, pair[1]), workers)
        except UnavailableError as error:
            missing(str(error))
    return original, ours


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name.replace(" ", "-"))
def test_both_answer_alike(played: tuple[Played, Played], step: Step) -> None:
    check_alike(step, *(side.answers[step.name] for side in played))


def check_alike(step: Step, original: Answer, ours: Answer) -> None:
    if step.differs is None:
        assert comparable(ours) == comparable(original)
        return
    assert (original.status, ours.status) == (step.differs.original, step.differs.linkspan)
    if ours.status >= 400:
        assert ours.body.keys() == {"error_code", "message"}
        assert ours.body["error_code"] == ours.status
        assert ours.body["message"]


@pytest.mark.parametrize("side", [0, 1], ids=["original", "linkspan"])
def test_every_awaited_state_is_reached(played: tuple[Played, Played], side: int) -> None:
    assert unreached(STEPS, played[side].answers) == []


def unreached(steps: Sequence[Step], answers: Mapping[str, Answer]) -> list[tuple[str, str]]:
    return [(step.name, text) for step in steps for text in step.until if text not in answers[step.name].text]


def test_both_sinks_have_written_the_same_lines(played: tuple[Played, Played]) -> None:
    original, ours = ((side.folder / "out.txt").read_text() for side in played)
    assert ours == original
    assert original.splitlines()[:3] == ["one", "two", "three"]


def test_both_write_the_same_lines_about_requests(played: tuple[Played, Played]) -> None:
    line = re.compile(
        r"INFO (?P<who>127\.0\.0\.1 - -) \[[^]]+ \+0000\] "
        r'(?P<what>"(?:GET /health/?|HEAD /connectors|GET /nope|GET /connectors/nope) HTTP/1\.1" \d+ \d+ "" "") \d+ '
        r"(?P<logger>\(org\.apache\.kafka\.connect\.runtime\.rest\.RestServer\))"
    )
    # A line is written when its answer is already on the way: the next request may overtake it.
    original, ours = (
        sorted(found.groups() for found in line.finditer(side.log.read_text(errors="replace"))) for side in played
    )
    assert ours == original
    assert len(original) >= 5


def test_steps_have_names_of_their_own() -> None:
    assert len({step.name for step in STEPS}) == len(STEPS)


def test_every_difference_is_documented() -> None:
    assert undocumented(STEPS) == set()


def undocumented(steps: Sequence[Step]) -> set[str]:
    rows = set(re.findall(r"^\| (.+?) \|", DEVIATIONS.read_text(), re.MULTILINE))
    return {step.differs.row for step in steps if step.differs} - rows
