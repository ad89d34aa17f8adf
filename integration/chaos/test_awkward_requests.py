"""Requests in the wrong moment, at the same time, in quick succession; and topics that change or are shared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from integration.chaos.conftest import Fragile
from integration.chaos.pipes import QUICK, Pipe, await_states, states, tried, wait_for
from integration.services.groups import Group, GroupWorker, LinkspanGroupWorker, running
from integration.services.topics import keys
from linkspan.config.connector import LONGEST_NAME

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240), pytest.mark.xdist_group("fragile")]

SMALL_SEGMENTS = {
    "config.storage.segment.ms": 100,
    "config.storage.min.cleanable.dirty.ratio": 0.001,
    "config.storage.delete.retention.ms": 0,
}
IDLE = {
    "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector",
    "file": "/nowhere",
    "topic": "never-written",
}


@pytest.fixture(scope="module")
def workers(fragile: Fragile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[GroupWorker]]:
    """Two workers; the first leads."""
    group = Group(fragile.bootstrap, QUICK)
    folder = tmp_path_factory.mktemp("awkward")
    found: list[GroupWorker] = [LinkspanGroupWorker(folder / name, group) for name in ("one", "two")]
    with running(found[0]), running(found[1]):
        yield found


def test_a_connector_that_is_deleted_and_created_at_once_runs_as_created_last(
    workers: list[GroupWorker], tmp_path: Path
) -> None:
    pipe = Pipe(tmp_path, workers[0].group, "again")
    for turn in range(5):
        worker = workers[turn % 2]
        for name, config in pipe.configs.items():
            code, body = worker.ask("POST", "/connectors", {"name": name, "config": {**config, "turn": str(turn)}})
            assert code == 201, body
        pipe.add(10)
        if turn < 4:
            for name in pipe.names:
                assert worker.ask("DELETE", f"/connectors/{name}")[0] == 204
    for worker in workers:
        await_states(worker, pipe.names, on=workers)
        assert {tried(worker, f"/connectors/{name}")["config"]["turn"] for name in pipe.names} == {"4"}
    pipe.await_all()
    pipe.check_single_owners()
    for name in pipe.names:
        assert workers[1].ask("DELETE", f"/connectors/{name}")[0] == 204
    for worker in workers:
        wait_for(lambda worker=worker: not set(pipe.names) & set(tried(worker, "/connectors")), "both are gone")


def test_a_name_may_be_as_long_as_workers_can_tell_each_other_and_a_longer_one_harms_nobody(
    workers: list[GroupWorker],
) -> None:
    longest = "n" * LONGEST_NAME
    for worker in workers:
        code, body = worker.ask("POST", "/connectors", {"name": f"{longest}n", "config": IDLE})
        assert (code, "shorten it" in str(body)) == (400, True)
        code, body = worker.ask("POST", "/connectors", {"name": longest, "config": IDLE})
        assert code == 201, str(body)[-500:]
        await_states(worker, [longest], on=workers)
        assert worker.ask("DELETE", f"/connectors/{longest}")[0] == 204
        wait_for(lambda worker=worker: tried(worker, "/connectors?expand=status") == {}, "no states are left")


def test_thirty_connectors_are_created_through_a_follower_and_deleted(workers: list[GroupWorker]) -> None:
    _, follower = workers
    names = [f"idle-{number}" for number in range(30)]
    for name in names:
        code, body = follower.ask("POST", "/connectors", {"name": name, "config": IDLE})
        # the rounds that earlier ones have begun are no reason to refuse
        assert code == 201, body
    await_states(follower, names, on=workers)
    found = Counter(where for name in names for _, where in states(follower, name))
    assert set(found.values()) == {30}
    for name in names:
        assert follower.ask("DELETE", f"/connectors/{name}")[0] == 204
    for worker in workers:
        wait_for(lambda worker=worker: tried(worker, "/connectors?expand=status") == {}, "no states are left")


def test_of_two_workers_that_create_the_same_connector_at_once_one_is_told_that_it_exists(
    workers: list[GroupWorker],
) -> None:
    with ThreadPoolExecutor(8) as pool:
        for turn in range(5):
            body = {"name": f"same-{turn}", "config": IDLE}
            asked = [pool.submit(workers[n % 2].ask, "POST", "/connectors", body) for n in range(8)]
            answers = [each.result() for each in asked]
            assert sorted(code for code, _ in answers) == [201] + [409] * 7
            assert {said["message"] for code, said in answers if code == 409} == {
                f"Connector same-{turn} already exists"
            }
    names = [f"same-{turn}" for turn in range(5)]
    await_states(workers[0], names, on=workers)
    for name in names:
        assert workers[0].ask("DELETE", f"/connectors/{name}")[0] == 204


def test_configurations_put_at_once_through_two_workers_end_in_one_of_them_everywhere(
    workers: list[GroupWorker],
) -> None:
    path = "/connectors/contested/config"
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(workers[n % 2].ask, "PUT", path, {**IDLE, "turn": str(n)}) for n in range(16)]
        codes = Counter(each.result()[0] for each in asked)
    assert codes == {201: 1, 200: 15}
    await_states(workers[0], ["contested"], on=workers)
    turn = tried(workers[0], path)["turn"]

    def applied() -> bool:
        """The task has the configuration of its connector, as both workers see it."""
        tasks = [tried(worker, "/connectors/contested/tasks") for worker in workers]
        return tasks[0] == tasks[1] and tasks[0][0]["config"]["turn"] == turn

    wait_for(applied, f"task configurations of turn {turn}")
    assert workers[0].ask("DELETE", "/connectors/contested")[0] == 204


def test_requests_during_rounds_wait_instead_of_being_refused(workers: list[GroupWorker], tmp_path: Path) -> None:
    group = workers[0].group
    code, _ = workers[0].ask("PUT", "/connectors/busy/config", IDLE)
    assert code == 201
    await_states(workers[0], ["busy"], on=workers)
    third = LinkspanGroupWorker(tmp_path / "third", group)
    requests = [
        ("PUT", "/connectors/busy/config", {**IDLE, "note": "x"}),
        ("POST", "/connectors/busy/restart", None),
        ("POST", "/connectors/busy/restart?includeTasks=true", None),
        ("POST", "/connectors/busy/tasks/0/restart", None),
        ("PUT", "/connectors/busy/pause", None),
        ("PUT", "/connectors/busy/resume", None),
    ]
    answers: Counter[int] = Counter()
    for _ in range(2):
        with running(third), ThreadPoolExecutor(2) as pool:
            for method, path, body in requests:
                asked = [pool.submit(worker.ask, method, path, body) for worker in workers]
                answers.update(each.result()[0] for each in asked)
        for method, path, body in requests:
            answers.update(worker.ask(method, path, body)[0] for worker in workers)
    assert set(answers) <= {200, 202, 204}, answers
    await_states(workers[0], ["busy"], on=workers)
    assert workers[0].ask("DELETE", "/connectors/busy")[0] == 204


def test_a_worker_that_joins_after_compaction_knows_the_same(fragile: Fragile, tmp_path: Path) -> None:
    group = Group(fragile.bootstrap, {**QUICK, **SMALL_SEGMENTS})
    first, second = (LinkspanGroupWorker(tmp_path / name, group) for name in ("first", "second"))
    pipe = Pipe(tmp_path, group)
    with running(first):
        pipe.create(first)
        await_states(first, pipe.names, on=[first])
        code, _ = first.ask("PUT", "/connectors/gone/config", IDLE)
        assert code == 201
        await_states(first, ["gone"], on=[first])
        assert first.ask("PUT", f"/connectors/{pipe.sink}/pause")[0] == 202
        await_states(first, [pipe.sink], "PAUSED", on=[first])
        assert first.ask("DELETE", "/connectors/gone")[0] == 204
        for turn in range(5):
            config = {**pipe.configs[pipe.source], "turn": str(turn)}
            assert first.ask("PUT", f"/connectors/{pipe.source}/config", config)[0] == 200
        # a segment is closed, and so can be compacted, when something else is written later
        wait_for(lambda: compacted(group, first), "the config topic has one record of each connector")
        known = [tried(first, path) for path in ("/connectors?expand=info", f"/connectors/{pipe.source}/tasks")]
        with running(second):
            await_states(second, [pipe.source], on=[first, second])
            await_states(second, [pipe.sink], "PAUSED", on=[first, second])
            assert [
                tried(second, path) for path in ("/connectors?expand=info", f"/connectors/{pipe.source}/tasks")
            ] == known
            assert second.ask("PUT", f"/connectors/{pipe.sink}/resume")[0] == 202
            await_states(second, pipe.names, on=[first, second])
            pipe.add(20)
            pipe.await_all()
            pipe.check_single_owners()


def compacted(group: Group, worker: GroupWorker) -> bool:
    """Whether what was overwritten or deleted is gone; each look writes a record that changes nothing."""
    code, _ = worker.ask("PUT", "/admin/loggers/nobody.asks?scope=cluster", {"level": "INFO"})
    assert code == 204
    left = Counter(keys(group.bootstrap, group.config_topic))
    return left["connector-gone"] == 0 and left["connector-from-pipe"] == 1


def test_a_second_cluster_on_the_same_topics_runs_the_same_connectors(fragile: Fragile, tmp_path: Path) -> None:
    group = Group(fragile.bootstrap, QUICK)
    one = LinkspanGroupWorker(tmp_path / "one", group)
    stranger = LinkspanGroupWorker(tmp_path / "stranger", group, {"group.id": f"{group.name}-other"})
    with running(one):
        assert one.ask("PUT", "/connectors/shared/config", IDLE)[0] == 201
        await_states(one, ["shared"], on=[one])
        with running(stranger):
            # whoever wrote last is seen; neither fails
            await_states(stranger, ["shared"], on=[one, stranger])
            assert stranger.ask("PUT", "/connectors/shared/config", {**IDLE, "note": "x"})[0] == 200
            for worker in (one, stranger):
                wait_for(
                    lambda worker=worker: tried(worker, "/connectors/shared")["config"].get("note") == "x",
                    "both read what one wrote",
                )
                await_states(worker, ["shared"], on=[one, stranger])
        assert one.ask("DELETE", "/connectors/shared")[0] == 204
        wait_for(lambda: tried(one, "/connectors?expand=status") == {}, "no states are left")
