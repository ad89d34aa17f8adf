"""This worker's part in its group, as its rounds come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from linkspan.herder import protocol
from linkspan.herder.config_topic import ConfigTopic
from linkspan.herder.group import GroupMember
from linkspan.herder.participant import GroupTimes, Participant
from linkspan.herder.protocol import Assignment
from tests.herder.config_listener import Told
from tests.log.memory_table import MemoryTable, MemoryTopic

ME = "http://me:8083/"
SECONDS_TO_HAPPEN = 60


class Outsider:
    """A membership that joins nothing."""

    def __init__(self) -> None:
        self.left = asyncio.Event()

    async def start(self, member: GroupMember) -> None:  # noqa: ARG002 - the protocol's
        raise AssertionError("the test holds the rounds itself")

    def rejoin(self, reason: str) -> None:
        """Nobody cares."""

    async def leave(self, reason: str) -> None:  # noqa: ARG002 - the protocol's
        self.left.set()

    def alive(self, doing: str) -> None:
        """Nobody cares."""

    async def stop(self) -> None:
        """Nobody cares."""


class Hooks:
    """Do nothing, or fail."""

    fail = False

    async def on_revoked(self, names: set[str]) -> None:
        """Nothing runs here."""

    def on_settled(self) -> None:
        if self.fail:
            raise RuntimeError("a defect")


class Part:
    """A participant, and the topic that it reads."""

    def __init__(self, offers: str) -> None:
        self.topic = MemoryTopic("configs")
        self.configs = ConfigTopic(MemoryTable(self.topic, single_partition=True))
        self.membership = Outsider()
        times = GroupTimes(sync=0.01, unsync_backoff=SECONDS_TO_HAPPEN, rebalance_delay=SECONDS_TO_HAPPEN)
        self.hooks = Hooks()
        self.group = Participant(self.membership, self.configs, ME, offers, times, self.hooks)

    async def join(self, *, offset: int, version: int = 2) -> None:
        """A round that this worker leads."""
        assignment = protocol.encode_assignment(Assignment(version, 0, "me", ME, offset))
        await self.group.on_joined(1, "me", "sessioned", assignment)


def play(story: Callable[[Part], Awaitable[None]], offers: str = "sessioned") -> None:
    async def whole() -> None:
        part = Part(offers)
        await part.configs.open(Told())
        await story(part)
        await part.group.stop()
        await part.configs.close()

    asyncio.run(whole())


@pytest.mark.parametrize(("offers", "signed"), [("sessioned", True), ("compatible", False), ("eager", False)])
def test_before_the_first_round_requests_are_signed_where_this_worker_prefers_the_protocol_that_does(
    offers: str, signed: bool
) -> None:
    async def story(part: Part) -> None:
        assert part.group.sessioned is signed

    play(story, offers)


def test_after_a_round_its_protocol_decides_whether_requests_are_signed() -> None:
    async def story(part: Part) -> None:
        await part.join(offset=-1, version=1)
        assert not part.group.sessioned
        await part.join(offset=-1)
        assert part.group.sessioned

    play(story)


def test_a_leader_that_stays_away_because_it_cannot_catch_up_leads_nobody_until_it_is_back() -> None:
    async def story(part: Part) -> None:
        await part.join(offset=-1)
        assert part.group.leads
        part.topic.set_down(down=True)
        await part.join(offset=7)
        async with asyncio.timeout(SECONDS_TO_HAPPEN):
            await part.membership.left.wait()
        assert (part.group.leads, part.group.in_group, part.group.leader_url) == (False, False, None)
        await part.join(offset=-1)
        assert (part.group.leads, part.group.in_group, part.group.leader_url) == (True, True, ME)

    play(story)


def test_a_defect_in_what_follows_a_round_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def story(part: Part) -> None:
        part.hooks.fail = True
        await part.join(offset=-1)
        await part.group.wait_settled(SECONDS_TO_HAPPEN)
        await asyncio.sleep(0)
        assert "a defect" in caplog.text

    play(story)
