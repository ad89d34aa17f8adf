"""One worker of the original and two of ours in a group, led by either kind: all requests, and the death of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from integration.chaos.pipes import QUICK, Pipe, await_states, tried, wait_for
from integration.services.groups import Group, GroupWorker, LinkspanGroupWorker, OriginalGroupWorker, running

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


@pytest.fixture(params=["the original leads", "ours leads"])
def mixed(request: pytest.FixtureRequest, kafka: Any, tmp_path: Path) -> Any:
    """The three workers; the first is the leader, because it was there first."""
    group = Group(kafka.bootstrap, QUICK)
    original = OriginalGroupWorker(tmp_path / "original", group)
    ours = [LinkspanGroupWorker(tmp_path / f"ours-{number}", group) for number in range(2)]
    workers = [original, *ours] if request.param == "the original leads" else [*ours, original]
    with running(workers[0]), running(*workers[1:]):
        wait_for(lambda: leader_that_the_original_knows(original) == f"{workers[0].url}/", "the first worker leads")
        yield workers


def leader_that_the_original_knows(worker: OriginalGroupWorker) -> str:
    """As its log says after each round."""
    return (re.findall(r"leaderUrl='([^']*)'", worker.log.read_text(errors="replace")) or [""])[-1]


def succeeds(worker: GroupWorker, method: str, path: str, code: int, body: object = None) -> Any:
    got, answer = worker.ask(method, path, body)
    assert got == code, (worker.url, method, path, got, answer)
    return answer


def life_of_a_connector(pipe: Pipe, a: GroupWorker, b: GroupWorker, c: GroupWorker, everywhere: Any) -> None:
    """Every request changes hands: what one worker took, the next one changes."""
    for name, config in pipe.configs.items():
        created = succeeds(a, "POST", "/connectors", 201, {"name": name, "config": config})
        assert created["config"] == {**config, "name": name}
        wait_for(lambda name=name: tried(b, f"/connectors/{name}"), "the other worker knows the connector")
        code, _ = b.ask("POST", "/connectors", {"name": name, "config": config})
        assert code == 409, f"{name} was created twice"
    await_states(c, pipe.names, on=everywhere)
    pipe.add(20)
    pipe.await_all()
    for name in pipe.names:
        succeeds(b, "PUT", f"/connectors/{name}/pause", 202)
    await_states(a, pipe.names, "PAUSED", on=everywhere)
    for name in pipe.names:
        succeeds(c, "PUT", f"/connectors/{name}/resume", 202)
    await_states(b, pipe.names, on=everywhere)
    for name in pipe.names:
        body = succeeds(a, "POST", f"/connectors/{name}/restart?includeTasks=true", 202)
        assert [body["connector"]["state"], *(task["state"] for task in body["tasks"])] == ["RESTARTING"] * 2
    await_states(c, pipe.names, on=everywhere)
    for worker in (a, b, c):
        for name in pipe.names:
            succeeds(worker, "POST", f"/connectors/{name}/restart", 204)
            succeeds(worker, "POST", f"/connectors/{name}/tasks/0/restart", 204)
    await_states(b, pipe.names, on=everywhere)
    succeeds(b, "PUT", f"/connectors/{pipe.sink}/config", 200, {**pipe.configs[pipe.sink], "tasks.max": "3"})
    await_states(a, [pipe.sink], on=everywhere, tasks=3)
    succeeds(c, "PUT", f"/connectors/{pipe.source}/stop", 204)
    wait_for(lambda: tried(a, f"/connectors/{pipe.source}/tasks") == [], "the stopped connector has no tasks")
    pipe.add(20)
    offsets = succeeds(a, "GET", f"/connectors/{pipe.source}/offsets", 200)
    succeeds(b, "PATCH", f"/connectors/{pipe.source}/offsets", 200, offsets)
    succeeds(c, "PUT", f"/connectors/{pipe.source}/resume", 202)
    await_states(b, [pipe.source], on=everywhere)
    pipe.await_all()
    for name in pipe.names:
        succeeds(c, "DELETE", f"/connectors/{name}", 204)
        wait_for(lambda name=name: a.ask("GET", f"/connectors/{name}/status")[0] == 404, "the connector is gone")
        assert a.ask("DELETE", f"/connectors/{name}")[0] == 404


def test_every_worker_answers_and_the_death_of_each_is_survived(
    mixed: Sequence[GroupWorker], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    group = mixed[0].group
    for turn in range(3):
        a, b, c = mixed[turn:] + mixed[:turn]
        life_of_a_connector(Pipe(tmp_path, group, f"turn-{turn}"), a, b, c, mixed)

    pipes = [Pipe(tmp_path, group, f"left-{number}") for number in range(3)]
    for pipe in pipes:
        pipe.create(mixed[1])
    names = [name for pipe in pipes for name in pipe.names]
    await_states(mixed[2], names, on=mixed)
    # the leader; with --long each of them, the original last, for it takes long to start
    every = sorted(mixed, key=lambda worker: isinstance(worker, OriginalGroupWorker))
    for victim in every if request.config.getoption("--long") else mixed[:1]:
        others = [worker for worker in mixed if worker is not victim]
        with pipes[0].growing():
            victim.kill()
            for worker in others:
                await_states(worker, names, on=others)
        for pipe in pipes:
            pipe.add(10)
            pipe.await_all()
        if isinstance(victim, LinkspanGroupWorker):
            victim.start()
            await_states(victim, names, on=mixed)
    for pipe in pipes:
        pipe.check_single_owners()
