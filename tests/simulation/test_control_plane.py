"""The control plane on virtual time: many seeds, each a cluster to which things happen.

``LINKSPAN_SIMULATION_SEEDS=100000`` plays more of them, ``LINKSPAN_SIMULATION_FIRST=4711`` begins elsewhere.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from linkspan.herder.config_topic import ConfigTopic
from linkspan.herder.local_work import LocalWork
from linkspan.herder.participant import Participant
from linkspan.worker.restarts import Restarts
from tests.simulation.children import SimulatedWorker
from tests.simulation.story import Story, explained, failure_among

SEEDS = int(os.environ.get("LINKSPAN_SIMULATION_SEEDS", "2000"))
FIRST = int(os.environ.get("LINKSPAN_SIMULATION_FIRST", "0"))
TOGETHER = 50
FINGERPRINTS = """
from tests.simulation.story import Story
for seed in range(12):
    print(Story(seed).play().fingerprint)
"""


@pytest.mark.parametrize("first", range(FIRST, FIRST + SEEDS, TOGETHER))
def test_all_is_well_once_nothing_goes_wrong_any_more(first: int) -> None:
    for seed in range(first, min(first + TOGETHER, FIRST + SEEDS)):
        failures = Story(seed).play().failures
        if failures:
            pytest.fail(explained(seed, failures), pytrace=False)


def test_a_seed_gives_the_same_run_in_every_process() -> None:
    def fingerprints(hash_seed: str) -> list[str]:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        played = subprocess.run([sys.executable, "-c", FINGERPRINTS], env=environment, capture_output=True, check=True)
        return played.stdout.decode().split()

    here = [Story(seed).play().fingerprint for seed in range(12)]
    assert len(set(here)) == 12
    assert fingerprints("1") == here
    assert fingerprints("2") == here


def test_seeds_make_everything_happen_that_can_go_wrong() -> None:
    happened = "\n".join(line for seed in range(60) for line in Story(seed).play().trace)
    for what in (
        "crashes",
        "is frozen",
        "loses its brokers",
        "has stopped",
        "topics are down",
        "did not join in time",
        "has ended",
        "hangs",
        "FAILED",
        "RESTARTING",
        " restarts c",
        "PAUSED",
        "STOPPED",
        "user has got",
        "user is refused",
        "user does not know",
        "delete",
        "has 0 parts",
        "is fenced",
        "reset offsets",
        "the clock of w",
    ):
        assert what in happened, what


# --- the simulation notices when a herder does wrong ----------------------------------------------------------------


def test_a_herder_that_does_not_wait_for_the_end_of_what_was_revoked_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    async def follow(work: LocalWork, names: list[str]) -> None:
        work.follow(names)

    monkeypatch.setattr(LocalWork, "give_up", follow)
    assert "while" in failure_among(400)


def test_a_herder_that_runs_on_without_a_group_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    async def joined(participant: Participant, generation: int, member: str, name: str, assignment: bytes) -> None:
        before = participant._items
        await on_joined(participant, generation, member, name, assignment)
        participant._items |= before

    on_joined = Participant.on_joined
    monkeypatch.setattr(Participant, "on_joined", joined)
    assert failure_among(100)


def test_a_configuration_that_was_accepted_but_not_written_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def put(topic: ConfigTopic, name: str, config: object, target: str | None) -> None:
        if name != "c0":
            await put_connector(topic, name, config, target)  # type: ignore[arg-type]

    put_connector = ConfigTopic.put_connector
    monkeypatch.setattr(ConfigTopic, "put_connector", put)
    assert "should be one of" in failure_among(50)


def test_a_worker_that_restarts_what_is_not_its_own_any_more_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SimulatedWorker, "_here", lambda *_: True)
    monkeypatch.setattr(SimulatedWorker, "_owned", lambda *_: True)
    monkeypatch.setattr(Restarts, "forget", lambda *_: None)
    assert failure_among(400)


def test_what_goes_on_after_its_connector_was_deleted_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalWork, "_surplus_tasks", lambda *_: [])
    assert "runs" in failure_among(50)
