"""Tasks that would come near a limit are not started; those that hold too much memory are ended."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import source, until

from linkspan.api.errors import PluginError
from linkspan.worker import memory, room
from linkspan.worker.control_groups import ControlGroups, Use
from linkspan.worker.process_table import ProcessTable
from linkspan.worker.room import Room, raise_descriptor_limit

MIB = 1 << 20
UNLIMITED = {resource.RLIMIT_NPROC: (-1, -1), resource.RLIMIT_NOFILE: (-1, -1)}


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at the memory of children are as frequent as tests are impatient."""
    monkeypatch.setattr(memory, "_ROUTINE", (0.1, 1.0))


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> dict[int, tuple[int, int]]:
    """Limits that a test may change, of a user who is not exempt from them."""
    found = dict(UNLIMITED)
    monkeypatch.setattr(resource, "getrlimit", found.__getitem__)
    monkeypatch.setattr(resource, "setrlimit", found.__setitem__)
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(room, "_exempt", lambda: False)
    return found


def lacking(processes: Use | None = None, coming: int = 1) -> str | None:
    groups = SimpleNamespace(processes=lambda: processes)
    return Room(groups).lacking("c-0", coming)


@pytest.mark.usefixtures("limits")
def test_without_limits_there_is_room():
    assert lacking() is None


@pytest.mark.usefixtures("limits")
def test_a_task_that_would_come_near_the_limit_of_the_group_is_told_so():
    assert lacking(Use("pids.max", 512, 432)) is None
    said = lacking(Use("pids.max", 512, 433))
    for part in ("No room for task c-0", "433 of 512 processes", "pids.max", "64 are kept", "Raise the limit"):
        assert part in str(said)


@pytest.mark.usefixtures("limits")
def test_tasks_that_come_up_at_the_same_time_count():
    assert lacking(Use("pids.max", 512, 400), coming=3) is None
    assert lacking(Use("pids.max", 512, 400), coming=4) is not None


@pytest.mark.usefixtures("limits")
def test_a_small_limit_keeps_a_small_part_for_the_worker():
    assert lacking(Use("pids.max", 64, 40)) is None
    assert lacking(Use("pids.max", 64, 41)) is not None


def test_descriptors_are_limited_by_the_process(limits):
    opened = len(list(Path("/proc/self/fd").iterdir()))
    limits[resource.RLIMIT_NOFILE] = (8 * (opened + 50), -1)
    assert lacking() is None
    limits[resource.RLIMIT_NOFILE] = (opened + 10, -1)
    assert f"of {opened + 10} descriptors are in use (RLIMIT_NOFILE, ulimit -n)" in str(lacking())


def test_processes_are_limited_by_the_user_but_not_for_who_is_exempt(limits, monkeypatch):
    monkeypatch.setattr(room, "_threads_of_machine", lambda: 960)
    monkeypatch.setattr(room, "threads_of_user", lambda: 500)
    limits[resource.RLIMIT_NPROC] = (1000, 1000)
    assert lacking() is None
    monkeypatch.setattr(room, "threads_of_user", lambda: 940)
    assert "940 of 1000 processes are in use (RLIMIT_NPROC, ulimit -u)" in str(lacking())
    monkeypatch.setattr(room, "_exempt", lambda: True)
    assert lacking() is None


def test_threads_of_the_user_are_counted_only_near_the_limit(limits, monkeypatch):
    monkeypatch.setattr(room, "threads_of_user", lambda: pytest.fail("counted"))
    monkeypatch.setattr(room, "_threads_of_machine", lambda: 900)
    limits[resource.RLIMIT_NPROC] = (2000, 2000)
    assert lacking() is None


def test_without_a_descriptor_to_look_with_there_is_no_room_and_nothing_breaks(limits, monkeypatch):
    def list_nothing(_: str) -> list[str]:
        raise OSError(errno.EMFILE, "Too many open files")

    limits[resource.RLIMIT_NOFILE] = (1024, 1024)
    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", list_nothing)
        said, threads, families = lacking(), room.threads_of_user(), ProcessTable().members([1])
    assert said == "No room for task c-0: Too many open files. Raise the limit (ulimit -n), then restart the task"
    assert (threads, families) == (0, {1: [1]})


def test_this_machine_can_be_counted():
    assert room.threads_of_user() >= 1
    assert room._threads_of_machine() >= 1
    assert room._exempt() in {True, False}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((1024, 4096), 4096),
        ((1024, -1), 65536),
        ((1024, 1 << 20), 65536),
        ((1 << 20, 1 << 20), 1 << 20),
        ((-1, -1), -1),
    ],
)
def test_the_worker_takes_as_many_descriptors_as_it_may(limits, before, after):
    limits[resource.RLIMIT_NOFILE] = before
    raise_descriptor_limit()
    assert limits[resource.RLIMIT_NOFILE] == (after, before[1])


# --- in a worker


def test_a_task_without_room_is_failed_and_the_worker_goes_on(with_worker, monkeypatch):
    async def story(watched) -> None:
        await watched.run_task("first")
        await watched.state("first", 0, "RUNNING")
        monkeypatch.setattr(ControlGroups, "processes", lambda _: Use("pids.max", 100, 95))
        await watched.run_task("second")
        event = await watched.state("second", 0, "FAILED")
        assert event.trace.startswith("No room for task second-0: 95 of 100 processes are in use (pids.max)")
        assert watched.worker.task_alive("first", 0)
        assert not watched.worker.task_alive("second", 0)
        assert (await watched.worker.validate(source("third")))["error_count"] == 0

    with_worker(story)


@pytest.mark.parametrize("deed", ["hold", "let another hold"])
def test_a_task_above_its_budget_is_failed_with_its_peak_and_its_processes_are_gone(with_worker, tmp_path: Path, deed):
    mark = tmp_path / "pid"

    async def story(watched) -> None:
        await watched.run_task("modest")
        await watched.run_task("greedy", poll=deed, bytes=str(150 * MIB), mark=str(mark))
        event = await watched.state("greedy", 0, "FAILED")
        assert "Task greedy-0: memory: at its peak it held" in event.trace
        assert "its budget of 100 MiB" in event.trace
        assert watched.states("modest", 0) == ["RUNNING"]
        if mark.exists():
            await until(lambda: not Path(f"/proc/{mark.read_text()}/exe").exists(), lambda: "it lives")

    with_worker(story, **{"linkspan.task.memory.max": "100m"})


def test_what_each_task_holds_is_measured_while_it_lives(with_worker):
    async def story(watched) -> None:
        def held() -> dict[str, float]:
            (family,) = [found for found in watched.worker.metrics() if found.name == "linkspan_task_memory_bytes"]
            return dict(family.samples)

        await watched.run_task("large", poll="hold once", bytes=str(60 * MIB))
        await watched.run_task("small")
        large, small = 'connector="large",task="0"', 'connector="small",task="0"'
        await until(lambda: held().get(large, 0) >= 60 * MIB > held().get(small, 60 * MIB), lambda: str(held()))
        await watched.worker.stop_tasks([("large", 0)])
        assert set(held()) == {small}

    with_worker(story)


@pytest.fixture
def full_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A container that is nearly full for as long as a process lives that a plugin has started."""

    def memory_in_use(_: ControlGroups) -> Use:
        lives = mark.exists() and mark.read_text() and Path(f"/proc/{mark.read_text()}/exe").exists()
        return Use("memory.max", 400 * MIB, 390 * MIB if lives else 50 * MIB)

    mark = tmp_path / "pid"
    monkeypatch.setattr(ControlGroups, "memory", memory_in_use)
    return mark


def test_a_connector_instance_that_fills_the_container_is_ended_and_tasks_go_on(with_worker, full_with: Path):
    async def story(watched) -> None:
        await watched.run_task("modest")
        await watched.state("modest", 0, "RUNNING")
        greedy = {"connector.start": "let another hold", "bytes": str(150 * MIB), "mark": str(full_with)}
        with pytest.raises(PluginError, match="Connector greedy: memory: at its peak it held"):
            await watched.worker.start_connector("greedy", source("greedy", **greedy), "STARTED")
        await watched.state("greedy", None, "FAILED")
        assert watched.states("modest", 0) == ["RUNNING"]

    with_worker(story)


def test_a_validation_that_fills_the_container_is_ended_and_says_why(with_worker, full_with: Path):
    async def story(watched) -> None:
        greedy = {"validate": "let another hold", "bytes": str(150 * MIB), "mark": str(full_with)}
        with pytest.raises(PluginError, match=r"Could not validate .* memory: at its peak it held"):
            await watched.worker.validate(source("greedy", **greedy))

    with_worker(story)


def test_a_connector_may_give_its_tasks_a_budget_of_its_own(with_worker):
    async def story(watched) -> None:
        await watched.run_task("greedy", poll="hold", bytes=str(150 * MIB), **{"linkspan.task.memory.max": "100m"})
        await watched.state("greedy", 0, "FAILED")

    with_worker(story, **{"linkspan.task.memory.max": "8g"})
