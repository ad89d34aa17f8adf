"""Before an exactly-once task writes: older ones are fenced out, and it is asked whether it is still wanted (4.11)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from linkspan.api.errors import ConflictError, ConnectError, FencedError
from linkspan.herder import task_guard
from linkspan.herder.config_topic import ConfigTopic, LostClaimError
from linkspan.herder.port import NotLeaderError, PeerError, RebalanceNeededError
from linkspan.herder.task_guard import SourceGuard
from tests.herder.config_listener import Told
from tests.log.memory_table import MemoryTable, MemoryTopic


class Leader:
    """Answers with errors first."""

    def __init__(self, *errors: ConnectError) -> None:
        self.errors = list(errors)
        self.asked = 0

    async def __call__(self, _: str) -> None:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)


def guarded(
    leader: Callable[[str], Awaitable[None]], story: Callable[[SourceGuard, ConfigTopic, MemoryTopic], Awaitable[None]]
) -> None:
    """Play with a guard whose tasks are all wanted, on a config topic."""

    async def whole() -> None:
        topic = MemoryTopic("configs")
        configs = ConfigTopic(MemoryTable(topic, single_partition=True))
        await configs.open(Told())
        await story(SourceGuard(configs, leader, lambda *_: True), configs, topic)
        await configs.close()

    asyncio.run(whole())


async def ask(guard: SourceGuard, *_: object) -> None:
    await guard.fence_older("c", 0)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_guard, "_FIRST_PAUSE", 0.001)


def test_a_change_of_leaders_is_waited_for() -> None:
    leader = Leader(
        NotLeaderError("not me", None),
        PeerError("gone"),
        PeerError("rebalance", 409),
        PeerError("starting", 503),
        PeerError("Internal request missing required signature", 400),
        PeerError(LostClaimError().message, 500),
        RebalanceNeededError(),
        ConflictError("overtaken"),
        LostClaimError(),
    )
    guarded(leader, ask)
    assert leader.asked == 10


def test_a_leader_that_has_not_counted_the_newest_tasks_is_asked_again() -> None:
    async def count(_: str) -> None:
        answers.append("done")
        if len(answers) == 3:
            await topics[0].put_task_count("c", 1, generation=0)

    async def story(guard: SourceGuard, configs: ConfigTopic, _: MemoryTopic) -> None:
        topics.append(configs)
        await configs.put_connector("c", {"name": "c"}, None)
        await configs.put_task_configs("c", [{}])
        await guard.fence_older("c", 0)

    answers: list[str] = []
    topics: list[ConfigTopic] = []
    guarded(count, story)
    assert len(answers) == 3, "the leader had read the topic after a compaction, and knew no tasks at first"


@pytest.mark.parametrize("refusal", [PeerError("no right", 500), PeerError("no right", 400), ConnectError("no right")])
def test_a_refusal_is_one(refusal: ConnectError) -> None:
    leader = Leader(refusal)
    with pytest.raises(ConnectError, match="no right"):
        guarded(leader, ask)
    assert leader.asked == 1


def test_nothing_is_asked_for_a_task_that_is_not_wanted_any_more() -> None:
    leader = Leader()
    guard = SourceGuard(None, leader, lambda *_: False)  # type: ignore[arg-type]
    with pytest.raises(FencedError, match="Cannot start source task c-0 with exactly-once support"):
        asyncio.run(guard.fence_older("c", 0))
    assert leader.asked == 0


def test_a_task_is_confirmed_by_what_is_in_the_topic_now() -> None:
    async def story() -> None:
        topic = MemoryTopic("configs")
        configs = ConfigTopic(MemoryTable(topic, single_partition=True))
        await configs.open(Told())
        guard = SourceGuard(configs, Leader(), lambda name, _: "c" not in configs.snapshot.connectors or name == "d")
        await guard.confirm("c", 0)
        topic.append(b"connector-c", b'{"properties":{"name":"c"}}')
        with pytest.raises(FencedError):
            await guard.confirm("c", 0)
        await guard.confirm("d", 0)
        await configs.close()

    asyncio.run(story())
