"""Workers of the original and ours in one group, led by either kind: all requests, deaths, and replacement."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from integration.chaos.pipes import QUICK, Pipe, await_states, tried, wait_for
from integration.services.distributions import CURRENT, OLDEST
from integration.services.groups import Group, GroupWorker, LinkspanGroupWorker, OriginalGroupWorker, running
from integration.services.kafka import Broker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ON_THE_OLDEST: Final = pytest.mark.xdist_group("oldest")
SOURCE_OF_OURS: Final = {"connector.class": "DatagenSource", "topic": "never-written", "format": "json", "count": "0"}


@pytest.fixture(
    params=[
        ("the original", CURRENT, "sessioned"),
        ("ours", CURRENT, "sessioned"),
        *(
            pytest.param((leader, CURRENT, protocol), marks=pytest.mark.long)
            for leader in ("the original", "ours")
            for protocol in ("compatible", "eager")
        ),
        pytest.param(("the original", OLDEST, "sessioned"), marks=(ON_THE_OLDEST, pytest.mark.long)),
        pytest.param(("ours", OLDEST, "sessioned"), marks=(ON_THE_OLDEST, pytest.mark.long)),
    ],
    ids=lambda param: f"{param[0]} leads, {param[1]}, {param[2]}",
)
def mixed(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """The three workers; the first is the leader, because it was there first."""
    leader, distribution, protocol = request.param
    broker = request.getfixturevalue("kafka" if distribution is CURRENT else "oldest")
    group = Group(broker.bootstrap, {**QUICK, "connect.protocol": protocol}, distribution)
    original = OriginalGroupWorker(tmp_path / "original", group)
    ours = [LinkspanGroupWorker(tmp_path / f"ours-{number}", group) for number in range(2)]
    workers = [original, *ours] if leader == "the original" else [*ours, original]
    with running(workers[0]), running(*workers[1:]):
        await_leader(original, workers[0])
        yield workers


def await_leader(original: OriginalGroupWorker, *leaders: GroupWorker) -> None:
    """Wait until one of these leads, as the original's log says after each round."""
    urls = {f"{worker.url}/" for worker in leaders}

    def known() -> str:
        return (re.findall(r"leaderUrl='([^']*)'", original.log.read_text(errors="replace")) or [""])[-1]

    wait_for(lambda: known() in urls, lambda: f"one of {urls} leads, but {known()}")


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


def refuses_what_the_original_lacks(worker: GroupWorker) -> None:
    """One of ours, in a group that ours lead, does not take a class that the original's worker could not run."""
    answer = succeeds(worker, "POST", "/connectors", 400, {"name": "only-ours", "config": SOURCE_OF_OURS})
    assert "is one of Apache Kafka's and does not have it" in answer["message"]
    succeeds(worker, "GET", "/connectors/only-ours", 404)


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


@ON_THE_OLDEST
def test_a_worker_of_the_oldest_release_is_replaced_while_its_connectors_run_and_comes_back(
    oldest: Broker, tmp_path: Path
) -> None:
    group = Group(oldest.bootstrap, QUICK, OLDEST)
    original = OriginalGroupWorker(tmp_path / "original", group)
    ours = [LinkspanGroupWorker(tmp_path / f"ours-{number}", group) for number in range(2)]
    everyone: list[GroupWorker] = [original, *ours]
    lasting = Pipe(tmp_path, group, "lasting")

    def goes_on(workers: Sequence[GroupWorker]) -> None:
        for worker in workers:
            await_states(worker, lasting.names, on=workers)
        lasting.check_single_owners()

    with ExitStack() as replacement:
        with running(original):
            lasting.create(original)
            goes_on([original])
            replacement.enter_context(running(*ours))
            await_leader(original, original)
            life_of_a_connector(Pipe(tmp_path, group, "original-leads"), *ours, original, everyone)
            goes_on(everyone)
        goes_on(ours)
        succeeds(ours[1], "POST", "/connectors", 201, {"name": "only-ours", "config": SOURCE_OF_OURS})
        succeeds(ours[0], "DELETE", "/connectors/only-ours", 204)
        with running(original):
            await_leader(original, *ours)
            for worker in ours:
                refuses_what_the_original_lacks(worker)
            life_of_a_connector(Pipe(tmp_path, group, "ours-lead"), original, *ours, everyone)
            goes_on(everyone)
            replacement.close()
            goes_on([original])
