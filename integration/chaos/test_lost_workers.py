"""Workers that are killed, frozen or cut off, and a broker that restarts: no line is lost, every task runs again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.chaos.conftest import Fragile
from integration.chaos.pipes import QUICK, Pipe, await_states, states, tried, wait_for
from integration.services.groups import Group, GroupWorker, LinkspanGroupWorker, running

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(240),
    pytest.mark.xdist_group("fragile"),
]

SHORT_SESSIONS = {
    **QUICK,
    "session.timeout.ms": 3000,
    "heartbeat.interval.ms": 500,
    "consumer.session.timeout.ms": 3000,
    "consumer.heartbeat.interval.ms": 500,
}
LONG = pytest.mark.long
"""Another kind of what the normal run has one kind of."""


@pytest.fixture
def workers(fragile: Fragile, tmp_path: Path) -> Iterator[list[GroupWorker]]:
    """Two workers; the second one's way to the broker can be cut."""
    group = Group(fragile.bootstrap, SHORT_SESSIONS)
    cuttable = {"bootstrap.servers": fragile.through_proxy}
    found: list[GroupWorker] = [
        LinkspanGroupWorker(tmp_path / "one", group),
        LinkspanGroupWorker(tmp_path / "two", group, cuttable),
    ]
    with running(found[0]), running(found[1]):
        yield found


@pytest.fixture
def pipes(workers: list[GroupWorker], tmp_path: Path) -> list[Pipe]:
    """So many that each worker has some of their connectors and tasks."""
    found = [Pipe(tmp_path, workers[0].group, f"pipe-{number}") for number in range(2)]
    for pipe in found:
        pipe.create(workers[0])
    for worker in workers:
        await_states(worker, names_of(found), on=workers)
    assert {where for name in names_of(found) for _, where in states(workers[0], name)} == {
        worker.worker_id for worker in workers
    }
    return found


def names_of(pipes: list[Pipe]) -> list[str]:
    return [name for pipe in pipes for name in pipe.names]


def chosen(workers: list[GroupWorker], victim: str) -> list[GroupWorker]:
    """The victim, then the other one; whoever started first leads."""
    return workers if victim == "leader" else workers[::-1]


def await_shared(workers: list[GroupWorker], pipes: list[Pipe]) -> None:
    """Wait until every worker has a part, and all of them see the same states."""

    def shared() -> bool:
        seen = [[states(worker, name) for name in names_of(pipes)] for worker in workers]
        flat = [each for found in seen[0] for each in found]
        return (
            all(each == seen[0] for each in seen)
            and all(len(found) == 2 for found in seen[0])
            and {state for state, _ in flat} == {"RUNNING"}
            and {where for _, where in flat} == {worker.worker_id for worker in workers}
        )

    wait_for(shared, lambda: [states(worker, name) for worker in workers for name in names_of(pipes)])


@pytest.mark.parametrize("victim", ["leader", pytest.param("follower", marks=LONG)])
def test_lines_arrive_when_a_worker_is_killed(workers: list[GroupWorker], pipes: list[Pipe], victim: str) -> None:
    lost, other = chosen(workers, victim)
    with pipes[0].growing(), pipes[1].growing():
        lost.kill()
        # what only a leader can do waits for the next one
        idle = {**pipes[0].configs[pipes[0].source], "topic": "never-written"}
        code, answer = other.ask("POST", "/connectors", {"name": "idle", "config": idle, "initial_state": "STOPPED"})
        assert code == 201, answer
        await_states(other, names_of(pipes), on=[other])
    for pipe in pipes:
        pipe.await_all()
    lost.start()
    await_shared(workers, pipes)
    for pipe in pipes:
        pipe.check_single_owners()


@pytest.mark.parametrize("victim", ["follower", pytest.param("leader", marks=LONG)])
def test_a_worker_that_was_frozen_for_longer_than_its_session_gives_up_its_tasks(
    workers: list[GroupWorker], pipes: list[Pipe], victim: str
) -> None:
    frozen, other = chosen(workers, victim)
    with pipes[0].growing(), pipes[1].growing():
        os.kill(frozen.pid, signal.SIGSTOP)
        try:
            await_states(other, names_of(pipes), on=[other])
        finally:
            os.kill(frozen.pid, signal.SIGCONT)
        await_shared(workers, pipes)
    for pipe in pipes:
        pipe.check_single_owners()


# held requests reach the broker late: a join among them fences the sink task that runs elsewhere by then
@pytest.mark.parametrize("how", ["cut", pytest.param("hold", marks=LONG)])
def test_a_worker_whose_broker_is_out_of_reach_gives_up_its_tasks(
    fragile: Fragile, workers: list[GroupWorker], pipes: list[Pipe], how: str
) -> None:
    other, lost = workers
    with pipes[0].growing(), pipes[1].growing():
        getattr(fragile.proxy, how)()
        try:
            await_states(other, names_of(pipes), on=[other])
            # it says so, and goes on living
            wait_for(lambda: "in no group" in tried(lost, "/health")["message"], lambda: tried(lost, "/health"))
        finally:
            fragile.proxy.mend()
        await_shared(workers, pipes)
    for pipe in pipes:
        pipe.check_single_owners()


@pytest.mark.parametrize("how", ["kill", pytest.param("stop", marks=LONG)])
def test_lines_arrive_when_the_broker_restarts(
    fragile: Fragile, workers: list[GroupWorker], pipes: list[Pipe], how: str
) -> None:
    with pipes[0].growing(), pipes[1].growing():
        getattr(fragile.broker, how)()
        fragile.broker.start()
        await_shared(workers, pipes)
    for pipe in pipes:
        pipe.await_all()
        pipe.check_single_owners()
