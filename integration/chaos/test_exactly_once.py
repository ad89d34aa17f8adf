"""Exactly-once sources: whatever dies or stands still, who reads committed records sees every line once, in order."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

import pytest

from integration.bench.footprint import tree
from integration.chaos.conftest import Fragile
from integration.chaos.pipes import Pipe, await_states, states, wait_for
from integration.services.distributions import CURRENT, OLDEST, Distribution
from integration.services.groups import Group, GroupWorker, LinkspanGroupWorker, OriginalGroupWorker, running
from integration.services.topics import committed_values

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("fragile"), pytest.mark.timeout(900)]

SETTINGS: Final = {
    "exactly.once.source.support": "enabled",
    "scheduled.rebalance.max.delay.ms": 0,
    "session.timeout.ms": 1500,
    "heartbeat.interval.ms": 300,
}
INTERVAL: Final = {"transaction.boundary": "interval", "transaction.boundary.interval.ms": "200"}


def create(worker: GroupWorker, pipe: Pipe, more: dict[str, str]) -> None:
    config = {**pipe.configs[pipe.source], "exactly.once.support": "required", "batch.size": "20", **more}
    code, body = worker.ask("PUT", f"/connectors/{pipe.source}/config", config)
    assert code == 201, body


def seen(pipe: Pipe) -> list[str]:
    return committed_values(pipe.bootstrap, pipe.topic)


def await_each_once(pipe: Pipe, restarting: Sequence[GroupWorker] = ()) -> None:
    """Wait until the last line is there; then all of them are, once and in order."""

    def complete() -> bool:
        # a death may be noticed late
        restart_what_has_failed(restarting, pipe.source)
        return seen(pipe)[-1:] == pipe.written[-1:]

    wait_for(complete, lambda: f"{len(seen(pipe))} of {len(pipe.written)} lines")
    found = seen(pipe)
    repeated = [line for line, count in Counter(found).items() if count > 1]
    assert not repeated, f"{len(repeated)} lines came more than once, such as {repeated[:3]}"
    assert found == pipe.written


def leaves(worker: GroupWorker) -> list[int]:
    """Processes of a worker that have no child: tasks, above all."""
    members = tree(worker.pid)
    parents = set()
    for pid in members:
        with suppress(OSError):
            parents.add(int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]))
    return [pid for pid in members if pid not in parents and pid != worker.pid]


def restart_what_has_failed(workers: Sequence[GroupWorker], name: str) -> None:
    for worker in workers:
        if any(state == "FAILED" for state, _ in states(worker, name)):
            worker.ask("POST", f"/connectors/{name}/restart?includeTasks=true&onlyFailed=true")
            return


@pytest.mark.parametrize(
    ("seconds", "more"),
    [
        pytest.param(10, {}, id="poll"),
        pytest.param(150, {}, id="poll-minutes", marks=pytest.mark.long),
        pytest.param(150, INTERVAL, id="interval-minutes", marks=pytest.mark.long),
    ],
)
def test_killed_at_random_moments_every_line_is_there_once(
    fragile: Fragile, tmp_path: Path, seconds: float, more: dict[str, str]
) -> None:
    generator = random.Random(20)
    group = Group(fragile.bootstrap, SETTINGS)
    workers = [LinkspanGroupWorker(tmp_path / f"worker-{number}", group) for number in range(2)]
    pipe = Pipe(tmp_path, group)
    kills: Counter[str] = Counter()
    with running(*workers):
        create(workers[0], pipe, more)
        await_states(workers[0], [pipe.source], on=workers)
        with pipe.growing():
            end = time.monotonic() + seconds
            while time.monotonic() < end or not (kills["worker"] and kills["task"]):
                time.sleep(generator.uniform(0.1, 1.5))
                worker = generator.choice(workers)
                if generator.random() < 0.4:
                    kills["worker"] += 1
                    worker.kill()
                    time.sleep(generator.uniform(0, 2))
                    worker.start()
                elif pids := leaves(worker):
                    kills["task"] += 1
                    with suppress(ProcessLookupError):
                        os.kill(generator.choice(pids), signal.SIGKILL)
                restart_what_has_failed(workers, pipe.source)
        await_each_once(pipe, restarting=workers)


def tasks_run(workers: Sequence[GroupWorker], pipe: Pipe) -> bool:
    return [state for state, _ in states(workers[0], pipe.source)] == ["RUNNING", "RUNNING"]


@pytest.mark.parametrize("whole", [True, False], ids=["worker and task", "worker alone"])
def test_who_stood_still_while_another_took_over_writes_nothing_more(
    fragile: Fragile, tmp_path: Path, whole: bool
) -> None:
    group = Group(fragile.bootstrap, SETTINGS)
    workers = [LinkspanGroupWorker(tmp_path / f"worker-{number}", group) for number in range(2)]
    pipe = Pipe(tmp_path, group)
    with running(*workers):
        create(workers[0], pipe, {})
        await_states(workers[0], [pipe.source], on=workers)
        (_, _), (_, owner) = states(workers[0], pipe.source)
        zombie = next(worker for worker in workers if worker.worker_id == owner)
        (heir,) = [worker for worker in workers if worker is not zombie]
        with pipe.growing():
            wait_for(lambda: seen(pipe), "the first lines")
            still = tree(zombie.pid) if whole else [zombie.pid]
            for pid in still:
                os.kill(pid, signal.SIGSTOP)
            try:
                await_states(heir, [pipe.source], on=[heir])
                reached = len(pipe.written)
                wait_for(lambda: len(seen(pipe)) > reached, "lines through the heir")
            finally:
                for pid in still:
                    os.kill(pid, signal.SIGCONT)
            wait_for(lambda: "fenc" in log_of(zombie) or "no group any more" in log_of(zombie), "the zombie notices")
            time.sleep(2)
            restart_what_has_failed([heir], pipe.source)
        await_each_once(pipe)


def log_of(worker: GroupWorker) -> str:
    return worker.log.read_text(errors="replace")


@pytest.mark.parametrize("first", ["the original", "ours"])
@pytest.mark.parametrize(
    "distribution",
    [CURRENT, pytest.param(OLDEST, marks=(pytest.mark.xdist_group("oldest"), pytest.mark.long))],
    ids=str,
)
def test_both_kinds_of_workers_pass_a_source_on(
    request: pytest.FixtureRequest, tmp_path: Path, distribution: Distribution, first: str
) -> None:
    broker = request.getfixturevalue("fragile" if distribution is CURRENT else "oldest")
    settings = {**SETTINGS, "session.timeout.ms": 6000, "heartbeat.interval.ms": 1000}
    group = Group(broker.bootstrap, settings, distribution)
    original = OriginalGroupWorker(tmp_path / "original", group)
    ours = LinkspanGroupWorker(tmp_path / "ours", group)
    leader, follower = (original, ours) if first == "the original" else (ours, original)
    pipe = Pipe(tmp_path, group)
    with running(leader), running(follower):
        # the original looks at the rest of what it has read only when there is more in the file
        create(follower, pipe, {"batch.size": "1000"})
        await_states(leader, [pipe.source], on=[leader, follower])
        pipe.add(100)
        await_each_once(pipe)
        # new tasks: whoever does not lead has the older ones fenced out by the one that does
        for turn in range(3):
            config = {**config_of(pipe), "batch.size": f"{turn + 1000}"}
            code, body = follower.ask("PUT", f"/connectors/{pipe.source}/config", config)
            assert code == 200, body
            pipe.add(100)
            await_each_once(pipe)
            await_states(leader, [pipe.source], on=[leader, follower])
        follower.stop()
        await_states(leader, [pipe.source], on=[leader])
        pipe.add(100)
        await_each_once(pipe)
        follower.start()
        leader.stop()
        await_states(follower, [pipe.source], on=[follower])
        pipe.add(100)
        await_each_once(pipe)


@pytest.mark.long
def test_an_outage_of_the_broker_repeats_no_line(fragile: Fragile, tmp_path: Path) -> None:
    group = Group(fragile.bootstrap, SETTINGS)
    workers = [LinkspanGroupWorker(tmp_path / f"worker-{number}", group) for number in range(2)]
    pipe = Pipe(tmp_path, group)
    with running(*workers):
        create(workers[0], pipe, INTERVAL)
        await_states(workers[0], [pipe.source], on=workers)
        with pipe.growing():
            for _ in range(3):
                reached = len(seen(pipe))
                wait_for(lambda reached=reached: len(seen(pipe)) > reached, "lines")
                fragile.broker.kill()
                time.sleep(3)
                fragile.broker.start()
                wait_for(lambda: restart_what_has_failed(workers, pipe.source) or tasks_run(workers, pipe), "it runs")
        await_each_once(pipe, restarting=workers)


@pytest.mark.long
def test_a_task_whose_transaction_the_brokers_gave_up_begins_anew_by_itself(fragile: Fragile, tmp_path: Path) -> None:
    group = Group(fragile.bootstrap, SETTINGS)
    worker = LinkspanGroupWorker(tmp_path / "worker", group)
    pipe = Pipe(tmp_path, group)
    expired = "before its producer transaction expired"
    with running(worker):
        times = {"transaction.boundary.interval.ms": "1500", "producer.override.transaction.timeout.ms": "2000"}
        create(worker, pipe, {**INTERVAL, **times})
        await_states(worker, [pipe.source], on=[worker])
        with pipe.growing():
            wait_for(lambda: seen(pipe), "the first lines")
            for _ in range(4):
                still = leaves(worker)
                for pid in still:
                    os.kill(pid, signal.SIGSTOP)
                time.sleep(15)  # brokers look every 10 s
                for pid in still:
                    os.kill(pid, signal.SIGCONT)
                reached = len(pipe.written)
                wait_for(lambda reached=reached: len(seen(pipe)) > reached, "lines go on")
                if expired in log_of(worker):
                    break
        await_each_once(pipe)
        assert expired in log_of(worker)
        assert tasks_run([worker], pipe)


@pytest.mark.long
def test_a_group_is_switched_over_in_two_steps_and_back(fragile: Fragile, tmp_path: Path) -> None:
    common = {key: value for key, value in SETTINGS.items() if key != "exactly.once.source.support"}
    group = Group(fragile.bootstrap, common)
    pipe = Pipe(tmp_path, group)

    def made(number: int, support: str) -> LinkspanGroupWorker:
        folder = tmp_path / f"{support}-{number}-{len(pipe.written)}"
        return LinkspanGroupWorker(folder, group, {"exactly.once.source.support": support})

    workers = [made(number, "disabled") for number in range(2)]
    with ExitStack() as ends:
        ends.callback(lambda: [worker.stop() for worker in workers])
        for worker in workers:
            worker.start()
        code, body = workers[0].ask("PUT", f"/connectors/{pipe.source}/config", pipe.configs[pipe.source])
        assert code == 201, body
        for support in ("preparing", "enabled", "preparing", "disabled"):
            for number in range(2):
                workers[number].stop()
                workers[number] = made(number, support)
                workers[number].start()
                await_states(workers[0], [pipe.source], on=workers)
                pipe.add(50)
                await_each_once(pipe)
            config = {**pipe.configs[pipe.source], "batch.size": f"{len(pipe.written) + 1000}"}
            code, body = workers[0].ask("PUT", f"/connectors/{pipe.source}/config", config)
            assert code == 200, body
            pipe.add(50)
            await_each_once(pipe)


def config_of(pipe: Pipe) -> dict[str, str]:
    return {**pipe.configs[pipe.source], "exactly.once.support": "required"}
