"""Who is ended for the memory it holds, by whom it is measured, and how often that is looked at."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from types import SimpleNamespace

import pytest

from linkspan.api.errors import ConfigError
from linkspan.worker import memory
from linkspan.worker.control_groups import Use
from linkspan.worker.memory import MEMORY_KEY, Footprint, MemoryWatch, budget, condemned, headroom, prefetch
from linkspan.worker.process_table import ProcessTable

MIB = 1 << 20
GIB = 1 << 30
FULL = Use("memory.max", 2 * GIB, 2 * GIB - 64 * MIB)
EMPTY = Use("memory.max", 2 * GIB, 200 * MIB)


# --- the decision


def test_a_child_above_its_budget_is_ended_with_its_peak_and_what_to_do():
    found = condemned(None, [Footprint(1, 600 * MIB, 512 * MIB), Footprint(2, 500 * MIB, 512 * MIB), Footprint(3, GIB)])
    assert found.keys() == {1}
    for said in ("memory", "at its peak it held 600 MiB", "its budget of 512 MiB", f"raise {MEMORY_KEY}"):
        assert said in found[1]


def test_nobody_is_ended_while_the_container_has_room():
    assert condemned(EMPTY, [Footprint(1, GIB), Footprint(2, 10 * MIB)]) == {}


def test_the_largest_is_ended_before_the_container_is_full():
    found = condemned(FULL, [Footprint(1, 40 * MIB), Footprint(2, 900 * MIB), Footprint(3, 45 * MIB)])
    assert found.keys() == {2}
    for said in ("memory", "at its peak it held 900 MiB", "1.9 GiB of the 2 GiB", "memory.max", MEMORY_KEY):
        assert said in found[2]


def test_who_is_above_its_budget_goes_before_who_is_larger():
    assert condemned(FULL, [Footprint(1, 900 * MIB), Footprint(2, 200 * MIB, 100 * MIB)]).keys() == {2}


def test_nobody_is_ended_for_memory_that_others_hold():
    assert condemned(FULL, [Footprint(1, 100 * MIB), Footprint(2, 50 * MIB)]) == {}
    assert condemned(FULL, []) == {}


@pytest.mark.parametrize(
    ("limit", "free"), [(64 * MIB, 16 * MIB), (512 * MIB, 64 * MIB), (2 * GIB, 128 * MIB), (64 * GIB, 512 * MIB)]
)
def test_what_has_to_stay_free_grows_with_the_limit(limit, free):
    assert headroom(limit) == free


# --- settings


def test_the_budget_of_a_connector_goes_before_that_of_the_worker():
    assert budget({}, {}) is None
    assert budget({MEMORY_KEY: "512m"}, {}) == 512 * MIB
    assert budget({MEMORY_KEY: "512m"}, {MEMORY_KEY: "1g"}) == GIB
    assert budget({MEMORY_KEY: " "}, {MEMORY_KEY: ""}) is None
    with pytest.raises(ConfigError, match=MEMORY_KEY):
        budget({MEMORY_KEY: "lots"}, {})


@pytest.mark.parametrize(
    ("limit", "allowed", "bytes_ahead"),
    [
        (None, None, None),
        (2 * GIB, None, 2 * GIB // 640),
        (256 * MIB, None, MIB),
        (256 * GIB, None, 16 * MIB),
        (None, 128 * MIB, 8 * MIB),
        (2 * GIB, 32 * MIB, 2 * MIB),
    ],
)
def test_sinks_read_ahead_what_limit_and_budget_allow(limit, allowed, bytes_ahead):
    assert prefetch(limit, allowed) == bytes_ahead


# --- the watch


class Child:
    """As much of a child as the watch touches; ends when it is killed."""

    def __init__(self, pid: int, memory_max: int | None = None) -> None:
        self.pid, self.memory_max, self.context = pid, memory_max, f"c{pid}|task-0"
        self.memory, self.fault, self.alive = 0, None, True

    def kill(self) -> None:
        self.alive = False

    async def ended(self) -> None:
        assert not self.alive


class Measured:
    """Families with given sizes; knows how often it was asked what."""

    def __init__(self, sizes: dict[int, int], shared: int = 0, others: dict[int, list[int]] | None = None) -> None:
        self.sizes, self.shared, self.others = sizes, shared, others or {}
        self.looks, self.exact, self.killed = 0, [], []

    def members(self, heads: Iterable[int]) -> dict[int, list[int]]:
        self.looks += 1
        return {head: [head, *self.others.get(head, [])] for head in heads}

    def at_most(self, pids: Sequence[int]) -> int:
        return sum(self.sizes[pid] + self.shared for pid in pids)

    def exactly(self, pids: Sequence[int]) -> int:
        self.exact.append(pids[0])
        return sum(self.sizes[pid] for pid in pids)

    def kill(self, pids: Sequence[int]) -> None:
        self.killed += pids


class Scene:
    """A watch over some children, on a clock that the test turns."""

    def __init__(self, children: list[Child], measured: Measured, container: Use | None = None) -> None:
        self.now = 100.0
        self.container = container
        groups = SimpleNamespace(memory=lambda: self.container)
        self.watch = MemoryWatch(lambda: children, groups, measured, clock=lambda: self.now)

    def look(self) -> float:
        return asyncio.run(self.watch.look())


def test_a_look_that_fails_is_not_the_last_one(monkeypatch, caplog):
    monkeypatch.setattr(memory, "_AGAIN_SECONDS", 0.0)
    looked: list[str] = []

    def children() -> list[Child]:
        looked.append("again")
        raise RuntimeError("nobody thought of this") if len(looked) == 1 else asyncio.CancelledError

    watch = MemoryWatch(children, SimpleNamespace(memory=lambda: None), Measured({}))
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(watch.run())
    assert looked == ["again", "again"]
    assert "The memory of tasks could not be looked at" in caplog.text


def test_what_shares_pages_with_others_is_not_charged_for_them():
    child, measured = Child(1, 100 * MIB), Measured({1: 90 * MIB}, shared=20 * MIB)
    Scene([child], measured).look()
    assert (child.alive, child.memory, measured.exact) == (True, 90 * MIB, [1])


def test_a_family_is_ended_as_a_whole_and_says_why():
    child, measured = Child(1, 100 * MIB), Measured({1: 30 * MIB, 7: 80 * MIB}, others={1: [7]})
    assert Scene([child], measured).look() == 0.0
    assert (child.alive, measured.killed) == (False, [7])
    assert "at its peak it held 110 MiB" in str(child.fault)


def test_the_next_is_judged_only_when_the_memory_of_the_first_is_free():
    first, second = Child(1), Child(2)
    scene = Scene([first, second], Measured({1: 900 * MIB, 2: 800 * MIB}), FULL)
    scene.look()
    assert (first.alive, second.alive) == (False, True)
    scene.container = EMPTY
    scene.look()
    assert second.alive


def test_children_are_looked_at_rarely_while_all_is_well():
    measured = Measured({1: 10 * MIB})
    scene = Scene([Child(1, 100 * MIB)], measured, Use("memory.max", 64 * GIB, GIB))
    assert scene.look() == 5.0
    scene.now += 4.9
    assert scene.look() == pytest.approx(0.1)
    scene.now += 0.2
    scene.look()
    assert (measured.looks, measured.exact) == (2, [])


def test_children_are_looked_at_often_near_a_budget():
    assert Scene([Child(1, 100 * MIB)], Measured({1: 60 * MIB})).look() == 0.5


@pytest.mark.parametrize(("used", "pause"), [(0, (2 * GIB - 128 * MIB) / (2 * GIB)), (2 * GIB - 140 * MIB, 0.05)])
def test_the_container_is_looked_at_before_it_could_be_full(used, pause):
    assert Scene([], Measured({}), Use("memory.max", 2 * GIB, used)).look() == pytest.approx(pause)


def test_looking_at_very_many_processes_takes_a_twothousandth_of_the_time():
    measured = Measured({1: MIB})
    scene = Scene([Child(1)], measured)
    members = measured.members

    def slow(heads: Iterable[int]) -> dict[int, list[int]]:
        scene.now += 0.01
        return members(heads)

    measured.members = slow
    scene.look()
    scene.now += 19.9
    scene.look()
    assert measured.looks == 1
    scene.now += 0.2
    scene.look()
    assert measured.looks == 2


def test_memory_that_others_hold_is_complained_about_once_a_minute(caplog):
    scene = Scene([Child(1)], Measured({1: MIB}), FULL)
    for _ in range(3):
        assert scene.look() == 0.25
        scene.now += 1
    assert [record.message for record in caplog.records if "most of it by other than tasks" in record.message] != []
    assert len(caplog.records) == 1
    scene.now += 60
    scene.look()
    assert len(caplog.records) == 2


# --- the measuring, on real processes

HOLD = "import os, sys; held = os.urandom(int(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
FAMILY = (
    "import subprocess, sys; "
    f"child = subprocess.Popen([sys.executable, '-c', {HOLD!r}, sys.argv[1]], stdin=0, start_new_session=True); "
    "print(child.pid, flush=True); child.wait()"
)


def started(code: str, size: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, str(size)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_process_is_charged_for_what_it_holds():
    with started(HOLD, 64 * MIB) as process:
        assert process.stdout.readline() == "held\n"
        table = ProcessTable()
        assert 64 * MIB <= table.exactly([process.pid]) <= table.at_most([process.pid]) < 128 * MIB
        process.stdin.close()


def test_what_a_child_has_started_belongs_to_it_whatever_session_it_is_in():
    with started(FAMILY, 32 * MIB) as process:
        table = ProcessTable()
        grandchild = int(process.stdout.readline())
        assert process.stdout.readline() == "held\n"
        family = table.members([process.pid])[process.pid]
        assert set(family) == {process.pid, grandchild}
        assert table.exactly(family) >= 32 * MIB
        table.kill([grandchild])
        assert process.wait(60) == 0


def test_processes_are_told_apart_by_the_nearest_head():
    with started(HOLD, MIB) as process:
        process.stdout.readline()
        families = ProcessTable().members([os.getpid(), process.pid])
        assert families[process.pid] == [process.pid]
        assert process.pid not in families[os.getpid()]
        process.stdin.close()


def test_a_process_that_is_gone_holds_nothing():
    with started(HOLD, MIB) as process:
        process.stdin.close()
        process.wait(60)
    table = ProcessTable()
    assert table.members([process.pid]) == {process.pid: [process.pid]}
    assert (table.exactly([process.pid]), table.at_most([process.pid])) == (0, 0)
