"""Values of config providers in worker files and connectors: the original and ours answer, write and do the same."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import linkspan
from integration.compat import alike_records
from integration.compat.alike import comparable
from integration.compat.exchange import Answer, Step, play
from integration.compat.provider_script import PROVIDER_STEPS, VARIABLES, provider_settings, secrets_in
from integration.compat.test_distributed import records_of
from integration.compat.test_rest import check_alike, undocumented, unreached
from integration.compat.written import Reader
from integration.conftest import missing
from integration.services.groups import Group, GroupWorker, LinkspanGroupWorker, OriginalGroupWorker, running
from integration.services.kafka import VERSION
from integration.services.maven import UnavailableError

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("compat"), pytest.mark.timeout(400)]


@dataclass
class Played:
    """What one worker answered, has written to its config topic, and its log."""

    answers: Mapping[str, Answer]
    written: Mapping[str, list[str | None]]
    folder: Path
    log: str


def play_against(kind: type[GroupWorker], folder: Path, bootstrap: str, version: str) -> Played:
    side = kind.__name__.removesuffix("GroupWorker").lower()
    work = folder / f"{side}-files"
    work.mkdir()
    (work / "in.txt").write_text("one\ntwo\nthree\n")
    topic = f"topic-{uuid.uuid4().hex[:8]}"
    secrets_in(work, topic)
    group = Group(bootstrap, provider_settings(work))
    worker = kind(folder / side, group)
    values = {"DIR": str(work), "TOPIC": topic, "GROUP": group.name, "VERSION": version}
    with running(worker):
        with Reader(bootstrap, group.status_topic) as statuses:
            answers = play(worker.url, PROVIDER_STEPS, values, statuses)
        worker.stop()
    names = {**values, "WORKER": worker.worker_id}
    return Played(answers, records_of(bootstrap, group.config_topic, names), work, worker.log.read_text("utf-8"))


@pytest.fixture(scope="module")
def played(kafka: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Played, Played]:
    """The original's answers and records, and ours."""
    folder = tmp_path_factory.mktemp("compat")
    workers = [(OriginalGroupWorker, VERSION), (LinkspanGroupWorker, linkspan.__version__)]
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor() as both:
        for name, value in VARIABLES.items():
            patch.setenv(name, value)
        try:
            original, ours = both.map(lambda pair: play_against(pair[0], folder, kafka.bootstrap, pair[1]), workers)
        except UnavailableError as error:
            missing(str(error))
    return original, ours


@pytest.mark.parametrize("step", PROVIDER_STEPS, ids=lambda step: step.name.replace(" ", "-"))
def test_both_answer_alike_about_references(played: tuple[Played, Played], step: Step) -> None:
    check_alike(step, *(side.answers[step.name] for side in played))


@pytest.mark.parametrize("side", [0, 1], ids=["original", "linkspan"])
def test_every_awaited_state_is_reached_with_references(played: tuple[Played, Played], side: int) -> None:
    answers = played[side].answers
    assert unreached(PROVIDER_STEPS, answers) == []
    assert {name: answer.missed for name, answer in answers.items() if answer.missed} == {}


def test_validations_differ_only_in_what_is_shown_of_references(played: tuple[Played, Played]) -> None:
    for name in ("validate", "validate a wrong value", "validate what nobody knows"):
        (_, _, original), (_, _, ours) = (comparable(side.answers[name]) for side in played)
        assert ours["error_count"] == original["error_count"]
        for theirs, own in zip(original["configs"], ours["configs"], strict=True):
            assert own["definition"] == theirs["definition"]
            if own["value"] != theirs["value"]:
                key = own["value"]["name"]
                submitted: Any = next(step.body for step in PROVIDER_STEPS if step.name == name)
                assert "${" in submitted[key]
                assert own["value"]["value"] in {submitted[key], None}


def test_both_write_the_same_configurations(played: tuple[Played, Played]) -> None:
    original, ours = (alike_records.comparable(side.written) for side in played)
    assert original
    assert {key: ours.get(key) for key in original | ours} == {key: original.get(key) for key in original | ours}


def test_both_have_used_the_values(played: tuple[Played, Played]) -> None:
    assert [(side.folder / "out1.txt").read_text() for side in played] == ["one\ntwo\nthree\n"] * 2


def test_both_warn_of_paths_that_are_not_allowed(played: tuple[Played, Played]) -> None:
    assert ["The path /etc/passwd is not allowed to be accessed" in side.log for side in played] == [True, True]


def test_every_difference_about_references_is_documented() -> None:
    assert undocumented(PROVIDER_STEPS) == set()
