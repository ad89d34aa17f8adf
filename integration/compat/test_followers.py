"""The same REST calls to a worker of the original that does not lead its group, and to one of ours."""

from __future__ import annotations

import base64
import hmac
import json
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

import linkspan
from integration.compat.exchange import Answer, Step, play
from integration.compat.follower_script import FOLLOWER_STEPS, LEADER_STEPS
from integration.compat.test_rest import SETTINGS, check_alike, undocumented, unreached
from integration.compat.written import Reader
from integration.conftest import missing
from integration.services.groups import Group, GroupWorker, LinkspanGroupWorker, OriginalGroupWorker, running
from integration.services.kafka import VERSION
from integration.services.maven import UnavailableError

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("compat"), pytest.mark.timeout(400)]

Answers = Mapping[str, Answer]
# Others hear of a round with their next heartbeat.
QUICK: Final = {**SETTINGS, "heartbeat.interval.ms": 300, "scheduled.rebalance.max.delay.ms": 0}


def signature(group: Group, body: bytes) -> str:
    """As a worker of this group makes it."""
    with Reader(group.bootstrap, group.config_topic) as reader:
        written = reader.read_to_end()["session-key"][-1]
    assert written is not None
    key = base64.b64decode(json.loads(written)["key"])
    return base64.b64encode(hmac.digest(key, body, "sha256")).decode()


def play_against(kind: type[GroupWorker], folder: Path, bootstrap: str, version: str) -> tuple[Answers, Answers]:
    """What the leader answered, and the follower."""
    side = kind.__name__.removesuffix("GroupWorker").lower()
    work = folder / f"{side}-files"
    work.mkdir()
    (work / "in.txt").write_text("one\ntwo\nthree\n")
    own = uuid.uuid4().hex[:8]
    group = Group(bootstrap, QUICK, name=f"connect-{own}")
    leader, follower = (kind(folder / f"{side}-{name}", group) for name in ("leader", "follower"))
    # Whoever was there first leads.
    with running(leader), running(follower), Reader(bootstrap, group.status_topic) as statuses:
        values = {
            "DIR": str(work),
            "TOPIC": f"{group.name}-topic",
            "SINK": f"{group.name}-sink",
            "VERSION": version,
            "TASKS_SIGNED": signature(group, b'[{"a":"b"}]'),
            "NOTHING_SIGNED": signature(group, b""),
        }
        led = play(leader.url, LEADER_STEPS, values, statuses)
        return led, play(follower.url, FOLLOWER_STEPS, {**values, "LEADER": leader.worker_id}, statuses)


@pytest.fixture(scope="module")
def played(kafka: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[tuple[Answers, Answers], ...]:
    """What was answered in the group of the original, and in ours."""
    folder = tmp_path_factory.mktemp("followers")
    workers = [(OriginalGroupWorker, VERSION), (LinkspanGroupWorker, linkspan.__version__)]
    with ThreadPoolExecutor() as both:
        try:
            return tuple(both.map(lambda pair: play_against(pair[0], folder, kafka.bootstrap, pair[1]), workers))
        except UnavailableError as error:
            missing(str(error))


def anywhere(answer: Answer) -> Answer:
    """The same answer, whichever of the two workers has got a connector or task to run."""
    return replace(answer, text=answer.text.replace("${LEADER}", "${WORKER}"))


def name_of(step: Step) -> str:
    return step.name.replace(" ", "-")


@pytest.mark.parametrize("step", FOLLOWER_STEPS, ids=name_of)
def test_both_answer_alike_through_a_follower(played: Sequence[tuple[Answers, Answers]], step: Step) -> None:
    check_alike(step, *(anywhere(follower[step.name]) for _, follower in played))


@pytest.mark.parametrize("step", LEADER_STEPS, ids=name_of)
def test_both_leaders_take_what_their_group_has_signed(played: Sequence[tuple[Answers, Answers]], step: Step) -> None:
    check_alike(step, *(leader[step.name] for leader, _ in played))


@pytest.mark.parametrize("side", [0, 1], ids=["original", "linkspan"])
def test_every_awaited_state_is_reached_through_a_follower(
    played: Sequence[tuple[Answers, Answers]], side: int
) -> None:
    for steps, answers in zip((LEADER_STEPS, FOLLOWER_STEPS), played[side], strict=True):
        assert unreached(steps, answers) == []
        assert {name: answer.missed for name, answer in answers.items() if answer.missed} == {}


def test_steps_through_a_follower_have_names_of_their_own() -> None:
    assert len({step.name for step in FOLLOWER_STEPS}) == len(FOLLOWER_STEPS)


def test_every_difference_through_a_follower_is_documented() -> None:
    assert undocumented(FOLLOWER_STEPS) == set()
