"""What becomes of a task that somebody else has fenced: by its place in a group, or by its transactional id."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rogue_plugins

from linkspan.worker import supervisor
from linkspan.worker.restarts import PLACE_LOST
from tests.worker.conftest import Watched, running, source

Story = Callable[[Watched], Coroutine[Any, Any, None]]


@pytest.fixture
def displaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """States of a task that is displaced as often as it begins."""

    def play(story: Story, pause: float = 0.01, keeps_places_as: str | None = "workers") -> list[str]:
        monkeypatch.setattr(supervisor, "PLACE_LOST", replace(PLACE_LOST, first_pause=pause))

        async def whole() -> list[str]:
            async with running(tmp_path, rogue_plugins.CrowdedLog(), keeps_places_as) as watched:
                config = source("c", "QuietSink", topics="t")
                await watched.worker.start_task("c", 0, config, "STARTED", connector_config=config)
                await story(watched)
                return watched.states("c", 0)

        return asyncio.run(whole())

    return play


async def until_failed(watched: Watched) -> None:
    event = await watched.state("c", 0, "FAILED")
    assert "DisplacedError: somebody else is there" in event.trace


def test_the_owner_of_a_task_takes_its_place_back_and_gives_in_after_the_fifth_time(displaced):
    assert displaced(until_failed) == ["RESTARTING"] * 5 + ["FAILED"]


def test_a_task_that_lost_a_place_which_the_user_looks_after_has_failed(displaced):
    assert displaced(until_failed, keeps_places_as=None) == ["FAILED"]


def test_a_worker_takes_no_place_back_of_a_task_that_its_group_has_not_given_it(displaced):
    async def leave(watched: Watched) -> None:
        watched.worker.owns = lambda *_: False
        await watched.state("c", 0, "RESTARTING")
        await asyncio.sleep(0.3)
        assert watched.worker.pids() == {}

    assert displaced(leave) == ["RESTARTING"]


def test_a_task_that_is_stopped_before_it_comes_back_never_does(displaced):
    async def stop(watched: Watched) -> None:
        await watched.state("c", 0, "RESTARTING")
        await watched.worker.stop_tasks([("c", 0)])
        await asyncio.sleep(0.2)
        assert watched.worker.pids() == {}

    assert displaced(stop, 0.1) == ["RESTARTING", "UNASSIGNED"]


@pytest.mark.parametrize("owned", [True, False])
def test_the_owner_of_an_exactly_once_source_fences_back(tmp_path, monkeypatch, owned):
    monkeypatch.setattr(supervisor, "PLACE_LOST", replace(PLACE_LOST, first_pause=0.01))

    async def whole() -> list[str]:
        async with running(tmp_path, rogue_plugins.FencingLog(), delivers_once_as="workers") as watched:
            watched.worker.owns = lambda *_: owned
            config = source("c")
            await watched.worker.start_task("c", 0, config, "STARTED", connector_config=config)
            event = await watched.state("c", 0, "FAILED" if owned else "RESTARTING")
            assert "FencedError: somebody else is workers-c-0" in event.trace
            await asyncio.sleep(0.1)
            return watched.states("c", 0)

    assert asyncio.run(whole()) == (["RESTARTING"] * 5 + ["FAILED"] if owned else ["RESTARTING"])


class Willing:
    """A guard that lets every task write."""

    async def fence_older(self, connector: str, task: int) -> None: ...
    async def confirm(self, connector: str, task: int) -> None: ...


def test_a_source_whose_transactions_are_always_over_their_time_gives_in_however_long_that_is(tmp_path, monkeypatch):
    # who works for "healthy" seconds begins a new row; here that is always, but for the time of a transaction
    monkeypatch.setattr(supervisor, "PLACE_LOST", replace(PLACE_LOST, first_pause=0.01, healthy=0.0))

    async def whole() -> list[str]:
        async with running(tmp_path, rogue_plugins.ExpiringLog(), delivers_once_as="workers") as watched:
            watched.worker.guard_tasks(Willing())
            config = source("c", "CountingSource", deadly="")
            await watched.worker.start_task("c", 0, config, "STARTED", connector_config=config)
            event = await watched.state("c", 0, "FAILED")
            assert "too slow" in event.trace
            return [state for state in watched.states("c", 0) if state != "RUNNING"]

    assert asyncio.run(whole()) == ["RESTARTING"] * 5 + ["FAILED"]
