"""The owner of something has the last word about its state."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from linkspan.herder.own_states import OwnStates
from linkspan.herder.protocol import CONNECTOR, WorkItem
from linkspan.herder.status_topic import Status, StatusTopic
from tests.log.memory_table import MemoryTable, MemoryTopic

SECONDS_TO_HAPPEN = 60
RUNNING = Status("RUNNING", None, "me", 3)


class Owner:
    """A worker that has one task and one connector instance."""

    def __init__(self) -> None:
        self.log = MemoryTopic("connect-status", partitions=5)
        self.table = MemoryTable(self.log)
        self.statuses = StatusTopic(self.table)
        self.owned: set[WorkItem] = {("c", 0), ("c", CONNECTOR)}
        self.states = OwnStates(self.statuses, self.owned.__contains__)

    def wrote(self, key: str, state: str | None, generation: int = 1) -> None:
        """Another worker has written a state, or removed one."""
        value = {"state": state, "trace": None, "worker_id": "other", "generation": generation}
        self.log.append(key.encode(), None if state is None else json.dumps(value).encode())
        self.table.deliver()

    async def restore(self, generation: int = 5) -> None:
        """Look as often as it takes, and let all be written and read."""
        for _ in range(2):
            self.states.restore(generation)
            assert await self.statuses.flush(SECONDS_TO_HAPPEN)
            self.table.deliver()


@pytest.fixture
def play() -> Callable[[Callable[[Owner], Coroutine[Any, Any, None]]], None]:
    def play(story: Callable[[Owner], Coroutine[Any, Any, None]]) -> None:
        async def whole() -> None:
            owner = Owner()
            await owner.statuses.open()
            for item in (("c", 0), ("c", CONNECTOR)):
                owner.states.put(item, RUNNING)
            await owner.restore()
            assert sum(map(len, owner.log.records)) == 2, "what is true is not written again"
            await story(owner)
            await owner.statuses.close()

        asyncio.run(whole())

    return play


@pytest.mark.parametrize("state", ["UNASSIGNED", "FAILED", "RUNNING", None])
def test_state_that_a_former_owner_or_leader_has_hidden_is_written_again(play, state: str | None) -> None:
    async def story(owner: Owner) -> None:
        owner.wrote("status-task-c-0", state, generation=4)
        owner.wrote("status-connector-c", state, generation=4)
        await owner.restore(generation=5)
        assert owner.statuses.task("c", 0) == replace(RUNNING, generation=5)
        assert owner.statuses.connector("c") == replace(RUNNING, generation=5)

    play(story)


def test_state_that_only_who_starts_later_would_miss_is_written_again(play) -> None:
    async def story(owner: Owner) -> None:
        owner.wrote("status-task-c-0", "UNASSIGNED", generation=2)
        assert owner.statuses.task("c", 0) == RUNNING
        await owner.restore(generation=5)
        assert json.loads(owner.log.values()[b"status-task-c-0"] or b"")["state"] == "RUNNING"

    play(story)


def test_state_of_a_newer_generation_is_left_alone(play) -> None:
    async def story(owner: Owner) -> None:
        owner.wrote("status-task-c-0", "RUNNING", generation=6)
        await owner.restore(generation=5)
        assert owner.statuses.task("c", 0) == Status("RUNNING", None, "other", 6)

    play(story)


def test_what_does_not_belong_here_any_more_or_has_ended_is_not_written_again(play) -> None:
    async def story(owner: Owner) -> None:
        owner.owned.discard(("c", 0))
        owner.states.put(("c", CONNECTOR), replace(RUNNING, state="UNASSIGNED"))
        await owner.restore()
        owner.wrote("status-task-c-0", None)
        owner.wrote("status-connector-c", None)
        await owner.restore()
        assert owner.statuses.recorded() == {}

    play(story)
