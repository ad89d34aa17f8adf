"""What the leader of a group looks after."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Self, cast

import pytest

from linkspan.herder.config_topic import ConfigTopic
from linkspan.herder.leadership import Leadership
from linkspan.herder.participant import Participant
from linkspan.herder.sessions import KeyPolicy
from linkspan.herder.status_topic import Status, StatusTopic
from tests.herder.config_listener import Told
from tests.log.memory_table import MemoryTable, MemoryTopic

SECONDS_TO_HAPPEN = 60


@dataclass
class Part:
    """In a group."""

    leads: bool
    sessioned: bool = False


class Worker:
    """One of a group."""

    def __init__(self, configs: MemoryTopic, statuses: MemoryTopic, *, leads: bool) -> None:
        self.configs = ConfigTopic(MemoryTable(configs, single_partition=True))
        self.table = MemoryTable(statuses)
        self.statuses = StatusTopic(self.table)
        group = cast("Participant", Part(leads))
        self.leadership = Leadership(group, self.configs, self.statuses, KeyPolicy("HmacSHA256", 32, 0))

    async def __aenter__(self) -> Self:
        await self.configs.open(Told())
        await self.statuses.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.configs.close()
        await self.statuses.close()

    async def look_after(self) -> None:
        self.leadership.forget_states()
        await self.settle()

    async def settle(self) -> None:
        assert await self.statuses.flush(SECONDS_TO_HAPPEN)
        self.table.deliver()


class Clock:
    """Stamps records."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        self.now += 1
        return self.now


@pytest.mark.parametrize("leads", [True, False])
def test_only_the_leader_removes_states_of_what_does_not_exist(leads: bool) -> None:
    async def story() -> None:
        configs, statuses = MemoryTopic("configs"), MemoryTopic("statuses", partitions=5, clock=Clock())
        async with Worker(configs, statuses, leads=leads) as worker:
            await worker.configs.put_connector("c", {"name": "c"}, None)
            await worker.configs.put_task_configs("c", [{}])
            for name in ("c", "gone"):
                worker.statuses.put_connector(name, running())
                for task in (0, 1):
                    worker.statuses.put_task(name, task, running())
            await worker.settle()
            await worker.look_after()
            everything = {"c": [0, 1], "gone": [0, 1]}
            assert worker.statuses.recorded() == ({"c": [0]} if leads else everything)

    asyncio.run(story())


def test_last_word_of_a_task_is_removed_though_its_connector_has_ended_after_it() -> None:
    async def story() -> None:
        configs, statuses = MemoryTopic("configs"), MemoryTopic("statuses", partitions=5, clock=Clock())
        async with Worker(configs, statuses, leads=True) as leader:
            leader.statuses.put_connector("c", running())
            await leader.settle()
            leader.leadership.forget_states()
            # arrives before what the leader has just decided to write
            statuses.append(b"status-task-c-1", UNASSIGNED)
            leader.table.deliver()
            assert leader.statuses.task("c", 1) is not None
            await leader.settle()
            await leader.look_after()
            assert leader.statuses.task("c", 1) is None
        async with Worker(configs, statuses, leads=False) as later:
            assert later.statuses.recorded() == {}

    asyncio.run(story())


UNASSIGNED = b'{"state":"UNASSIGNED","trace":null,"worker_id":"other","generation":1,"version":null}'


def running() -> Status:
    return Status("RUNNING", None, "me", 1)
