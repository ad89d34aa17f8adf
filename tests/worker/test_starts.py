"""How many tasks come up at once: by the setting, by the processors, and never more."""

from __future__ import annotations

import asyncio
import os

import pytest

from linkspan.api.errors import ConfigError
from linkspan.worker import starts
from linkspan.worker.control_groups import ControlGroups
from linkspan.worker.starts import CONCURRENCY_KEY, Starts, concurrency, processors


@pytest.mark.parametrize(("quota", "counts"), [(None, 16.0), (1.5, 1.5), (64.0, 16.0)])
def test_of_quota_and_affinity_the_smaller_one_counts(monkeypatch, quota, counts):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    monkeypatch.setattr(ControlGroups, "processors", lambda _: quota)
    assert processors() == counts


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
