"""The same REST calls to the original distributed worker and to ours, each alone in a group: the answers are compared,
and every record that they have written to their internal topics."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import linkspan
from integration.compat import alike_records
from integration.compat.exchange import Answer, Step, named, play
from integration.compat.group_script import GROUP_STEPS
from integration.compat.test_rest import SETTINGS, check_alike, undocumented, unreached
from integration.compat.written import Reader
from integration.conftest import missing
from integration.services.groups import Group, GroupWorker, LinkspanGroupWorker, OriginalGroupWorker, running
from integration.services.kafka import VERSION
from integration.services.maven import UnavailableError

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("compat"), pytest.mark.timeout(400)]

# What system tests wait for in the log of a worker.
WATCHED = (
    "Kafka version",
    "Kafka Connect started",
    "Joined group",
    "Starting connectors and tasks using config offset",
)


@dataclass
class Played:
    """What one worker answered, has written to its topics and to its log, and its exit status."""

    answers: Mapping[str, Answer]
    topics: Mapping[str, Mapping[str, list[str | None]]]
    folder: Path
    log: str
    status: int | None


def play_against(kind: type[GroupWorker], folder: Path, bootstrap: str, version: str) -> Played:
    side = kind.__name__.removesuffix("GroupWorker").lower()
    work = folder / f"{side}-files"
    work.mkdir()
    (work / "in.txt").write_text("one\ntwo\nthree\n")
    own = uuid.uuid4().hex[:8]
    # The name that the consumers of a sink with the name `own` have as a group.
    group = Group(bootstrap, SETTINGS, name=f"connect-{own}")
    worker = kind(folder / side, group)
    values = {
        "DIR": str(work),
        "TOPIC": f"{group.name}-topic",
        "SINK": f"{group.name}-sink",
        "GROUP": group.name,
        "OWN": own,
        "VERSION": version,
    }
    with running(worker):
        with Reader(bootstrap, group.status_topic) as statuses:
            answers = play(worker.url, GROUP_STEPS, values, statuses)
        status = worker.stop()
    topics = {"config": group.config_topic, "offset": group.offset_topic, "status": group.status_topic}
    names = {**values, "WORKER": worker.worker_id}
    written = {name: records_of(bootstrap, topic, names) for name, topic in topics.items()}
    return Played(answers, written, work, worker.log.read_text(errors="replace"), status)


def records_of(bootstrap: str, topic: str, names: Mapping[str, str]) -> dict[str, list[str | None]]:
    with Reader(bootstrap, topic) as reader:
        return {
            named(key, names): [None if value is None else named(value, names) for value in values]
            for key, values in reader.read_to_end().items()
        }


@pytest.fixture(scope="module")
def played(kafka: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Played, Played]:
    """The original's answers and records, and ours."""
    folder = tmp_path_factory.mktemp("compat")
    workers = [(OriginalGroupWorker, VERSION), (LinkspanGroupWorker, linkspan.__version__)]
    with ThreadPoolExecutor() as both:
        try:
            original, ours = both.map(lambda pair: play_against(pair[0], folder, kafka.bootstrap, pair[1]), workers)
        except UnavailableError as error:
            missing(str(error))
    return original, ours


@pytest.mark.parametrize("step", GROUP_STEPS, ids=lambda step: step.name.replace(" ", "-"))
def test_both_answer_alike_in_a_group(played: tuple[Played, Played], step: Step) -> None:
    check_alike(step, *(side.answers[step.name] for side in played))


@pytest.mark.parametrize("side", [0, 1], ids=["original", "linkspan"])
def test_every_awaited_state_is_reached_in_a_group(played: tuple[Played, Played], side: int) -> None:
    answers = played[side].answers
    assert unreached(GROUP_STEPS, answers) == []
    assert {name: answer.missed for name, answer in answers.items() if answer.missed} == {}


@pytest.mark.parametrize("topic", ["config", "offset", "status"])
def test_both_write_the_same_records(played: tuple[Played, Played], topic: str) -> None:
    original, ours = (alike_records.comparable(side.topics[topic]) for side in played)
    assert original
    assert {key: ours.get(key) for key in original | ours} == {key: original.get(key) for key in original | ours}


def test_both_sinks_of_a_group_have_written_the_same_lines(played: tuple[Played, Played]) -> None:
    original, ours = ((side.folder / "out.txt").read_text() for side in played)
    assert ours == original
    assert original.splitlines()[:3] == ["one", "two", "three"]


@pytest.mark.parametrize("text", WATCHED)
def test_both_log_what_system_tests_wait_for(played: tuple[Played, Played], text: str) -> None:
    assert [text in side.log for side in played] == [True, True]


def test_both_end_in_good_order_when_told_to(played: tuple[Played, Played]) -> None:
    # A Java machine that was told to end says by which signal (docs/reference/deviations.md).
    assert [side.status for side in played] == [128 + signal.SIGTERM, 0]


def test_steps_of_a_group_have_names_of_their_own() -> None:
    assert len({step.name for step in GROUP_STEPS}) == len(GROUP_STEPS)


def test_every_difference_in_a_group_is_documented() -> None:
    assert undocumented(GROUP_STEPS) == set()
