"""How many tasks come up at once: by the setting, by the processors, and never more."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from linkspan.api.errors import ConfigError
from linkspan.worker import starts
from linkspan.worker.starts import CONCURRENCY_KEY, Starts, concurrency, processors


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))

    def make(membership: str, **files: str) -> float:
        (tmp_path / "membership").write_text(membership)
        for name, text in files.items():
            file = tmp_path / "mount" / name.replace("__", "/").replace("max", "cpu.max").replace("cfs", "cpu.cfs")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return processors(tmp_path / "membership", tmp_path / "mount")

    return make


def test_without_a_quota_the_affinity_counts(groups):
    assert groups("0::/\n") == 16


def test_a_quota_of_the_second_version_counts(groups):
    assert groups("0::/pod/app\n", pod__app__max="150000 100000\n") == 1.5


def test_the_smallest_quota_around_counts(groups):
    assert groups("0::/pod/app\n", pod__app__max="max 100000\n", pod__max="50000 100000\n", max="400000 100000") == 0.5


def test_a_quota_of_the_first_version_counts_as_a_container_sees_it(groups):
    membership = "4:memory:/docker/1\n3:cpu,cpuacct:/docker/1\n"
    assert groups(membership, cpu__cfs_quota_us="200000\n", cpu__cfs_period_us="100000\n") == 2.0


def test_no_limit_of_the_first_version_is_none(groups):
    assert groups("3:cpu:/\n", cpu__cfs_quota_us="-1\n", cpu__cfs_period_us="100000\n") == 16


def test_where_control_groups_cannot_be_read_the_affinity_counts(tmp_path: Path):
    assert processors(tmp_path / "none", tmp_path) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("share", "at_once"), [(0.1, 1), (1.0, 2), (1.5, 3), (4.0, 8)])
def test_twice_the_processors_start_at_once(monkeypatch, share, at_once):
    monkeypatch.setattr(starts, "processors", lambda: share)
    assert concurrency({}) == at_once


def test_the_setting_goes_before_the_processors():
    assert concurrency({CONCURRENCY_KEY: "7"}) == 7


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5"])
def test_a_setting_that_is_no_positive_number_is_refused(text):
    with pytest.raises(ConfigError, match=CONCURRENCY_KEY):
        concurrency({CONCURRENCY_KEY: text})


def test_no_more_than_allowed_are_under_way_and_all_have_their_turn():
    async def story() -> tuple[int, int]:
        turns, under_way, most, done = Starts(3, jitter=0.001), 0, 0, 0

        async def one() -> None:
            nonlocal under_way, most, done
            async with turns.turn():
                under_way += 1
                most = max(most, under_way)
                await asyncio.sleep(0)
                under_way -= 1
                done += 1

        await asyncio.gather(*(one() for _ in range(40)))
        return most, done

    assert asyncio.run(story()) == (3, 40)


def test_a_turn_that_fails_is_given_back():
    async def story() -> bool:
        turns = Starts(1)
        with pytest.raises(ValueError, match="no"):
            async with turns.turn():
                raise ValueError("no")
        async with turns.turn():
            return True

    assert asyncio.run(story())
