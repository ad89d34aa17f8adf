"""This worker's part in its group, as its rounds come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from linkspan.api.errors import ConnectError
from linkspan.herder import protocol
from linkspan.herder.admission import Admission
from linkspan.herder.config_topic import ConfigTopic
from linkspan.herder.group import GroupMember
from linkspan.herder.participant import GroupTimes, Participant
from linkspan.herder.protocol import Assignment, WorkerState, WorkItem
from tests.herder.config_listener import Told
from tests.log.memory_table import MemoryTable, MemoryTopic

ME = "http://me:8083/"
SECONDS_TO_HAPPEN = 60


class Outsider:
    """A membership that joins nothing."""

    def __init__(self) -> None:
        self.left, self.rejoined = asyncio.Event(), asyncio.Event()
        self.rejoins: list[str] = []

    async def start(self, member: GroupMember) -> None:  # noqa: ARG002 - the protocol's
        raise AssertionError("the test holds the rounds itself")

    def rejoin(self, reason: str) -> None:
        self.rejoins.append(reason)
        self.rejoined.set()

    async def leave(self, reason: str) -> None:  # noqa: ARG002 - the protocol's
        self.left.set()

    def alive(self, doing: str) -> None:
        """Nobody cares."""

    async def stop(self) -> None:
        """Nobody cares."""


class Hooks:
    """Remember what was revoked; fail if they are to."""

    def __init__(self) -> None:
        self.revoked: list[set[str]] = []
        self.fail = False
        self.broken: ConnectError | None = None

    async def on_revoked(self, names: set[str]) -> None:
        self.revoked.append(names)

    def on_settled(self) -> None:
        if self.fail:
            raise RuntimeError("a defect")

    def on_broken(self, error: ConnectError) -> None:
        self.broken = error


class Part:
    """A participant, and the topic that it reads."""

    def __init__(self, offers: str, pause: float) -> None:
        self.topic = MemoryTopic("configs")
        self.configs = ConfigTopic(MemoryTable(self.topic, single_partition=True))
        self.membership = Outsider()
        times = GroupTimes(sync=0.01, unsync_backoff=SECONDS_TO_HAPPEN, rebalance_delay=pause)
        self.hooks = Hooks()
        self.group = Participant(self.membership, self.configs, ME, offers, times, self.hooks)

    async def join(self, *, offset: int, version: int = 2, assigned: Sequence[WorkItem] = ()) -> None:
        """A round that this worker leads."""
        assignment = protocol.encode_assignment(Assignment(version, 0, "me", ME, offset, tuple(assigned)))
        await self.group.on_joined(1, "me", "sessioned", assignment)

    async def lead(self, generation: int, *, other_has: Sequence[WorkItem]) -> None:
        """A round that this worker leads, with another one that has some work."""
        await self.group.on_joining()
        offset = self.configs.snapshot.offset
        allocation = Assignment(2, 0, "me", ME, offset, tuple(other_has))
        members = {
            "me": dict(self.group.subscriptions())["sessioned"],
            "other": protocol.encode_worker_state(WorkerState("http://other", offset, allocation), 2),
        }
        shares = await self.group.assign("me", "sessioned", generation, members)
        await self.group.on_joined(generation, "me", "sessioned", shares["me"])
        assert await self.group.wait_settled(SECONDS_TO_HAPPEN)

    async def fail_to_catch_up(self) -> None:
        """A round in which others know more than the topic gives."""
        self.topic.set_down(down=True)
        await self.join(offset=7)
        async with asyncio.timeout(SECONDS_TO_HAPPEN):
            await self.membership.left.wait()
        self.membership.left.clear()


def play(story: Callable[[Part], Awaitable[None]], offers: str = "sessioned", pause: float = 3600.0) -> None:
    async def whole() -> None:
        part = Part(offers, pause)
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
        await part.fail_to_catch_up()
        assert (part.group.leads, part.group.in_group, part.group.leader_url) == (False, False, None)
        await part.join(offset=-1)
        assert (part.group.leads, part.group.in_group, part.group.leader_url) == (True, True, ME)

    play(story)


def test_changes_of_the_configuration_do_not_call_a_worker_back_that_stays_away() -> None:
    async def story(part: Part) -> None:
        await part.fail_to_catch_up()
        part.group.rejoin("a connector is new")
        assert part.membership.rejoins == []

    play(story)


def test_a_worker_that_stays_away_comes_back_each_time_and_gives_up_its_work_after_the_fifth() -> None:
    async def story(part: Part) -> None:
        await part.join(offset=-1, assigned=(("c", 0),))
        for attempt in range(1, 12):
            await part.fail_to_catch_up()
            async with asyncio.timeout(SECONDS_TO_HAPPEN):
                await part.membership.rejoined.wait()
            part.membership.rejoined.clear()
            assert part.hooks.revoked == ([] if attempt < 5 else [{"c"}])
        assert part.membership.rejoins == ["another attempt to catch up with the config topic"] * 11

    play(story, pause=0.01)


def test_a_defect_in_what_follows_a_round_is_logged_and_told(caplog: pytest.LogCaptureFixture) -> None:
    async def story(part: Part) -> None:
        part.hooks.fail = True
        await part.join(offset=-1)
        await part.group.wait_settled(SECONDS_TO_HAPPEN)
        await asyncio.sleep(0)
        assert "a defect" in caplog.text
        assert str(part.hooks.broken) == "The end of a rebalance failed: RuntimeError: a defect"

    play(story)


def test_a_leader_is_at_rest_when_a_round_revokes_nothing_as_only_then_all_has_ended_that_was_revoked() -> None:
    async def story(part: Part) -> None:
        await part.lead(1, other_has=[("gone", 0)])
        assert await part.group.wait_at_rest(0)
        await part.lead(2, other_has=[("gone", 0)])
        assert part.group.settled
        assert not await part.group.wait_at_rest(0), "the other worker may not have stopped it yet"
        waiting = asyncio.ensure_future(part.group.wait_at_rest(SECONDS_TO_HAPPEN))
        await part.lead(3, other_has=[])
        assert await waiting

    play(story)


def test_requests_about_what_is_between_two_owners_wait_for_the_next_one() -> None:
    async def story(part: Part) -> None:
        await part.configs.put_connector("c", {"name": "c"}, None)
        await part.configs.put_task_configs("c", [{}, {}])
        await part.lead(1, other_has=[("c", 0), ("c", 1)])
        assert part.group.settled
        moving = next(item for item in (("c", 0), ("c", 1)) if part.group.owner_url(item) is None)
        admitted = asyncio.ensure_future(Admission(part.group).undisturbed())
        await part.lead(2, other_has=[item for item in (("c", 0), ("c", 1)) if item != moving])
        await admitted
        assert moving in part.group.items

    play(story)
