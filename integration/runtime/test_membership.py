"""Workers' membership in a group, on real brokers: rounds, absences, outages, and what cannot be cured."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from kafka.structs import MemberState

from integration.runtime.group_members import Member, all_of, group_name, until
from integration.services.kafka import Broker
from integration.services.server import free_ports
from linkspan.herder.membership import GroupMembership, _Coordinator

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("breakable"),
]

OWN_LOG = "linkspan.herder.membership"


def settings(broker: Broker, **more: object) -> dict[str, str]:
    """Of a worker whose group forgets a silent member soon."""
    given = {
        "bootstrap.servers": broker.bootstrap,
        "group.id": group_name(),
        "session.timeout.ms": 1500,
        "heartbeat.interval.ms": 300,
        **{name.replace("_", "."): value for name, value in more.items()},
    }
    return {name: str(value) for name, value in given.items()}


async def together(stack: AsyncExitStack, *members: Member) -> None:
    for member in members:
        await stack.enter_async_context(member)
    await all_of(*members)


def run(test: Callable[[AsyncExitStack], Awaitable[None]]) -> None:
    """Run a test on an event loop; its members stop at the end."""

    async def whole() -> None:
        async with AsyncExitStack() as stack:
            await test(stack)

    asyncio.run(whole())


def inside(member: Member) -> _Coordinator:
    coordinator = member.membership._coordinator
    assert coordinator is not None
    return coordinator


def test_three_join_one_leads_and_all_get_what_it_said(breakable: Broker) -> None:
    async def test(stack: AsyncExitStack) -> None:
        given = settings(breakable)
        members = [Member(name, given) for name in "abc"]
        await together(stack, *members)
        assert [member.leads for member in members].count(True) == 1
        assert {member.protocol for member in members} == {"one"}
        assert [member.seen[-1]["you"] for member in members] == ["a", "b", "c"]
        assert all(member.id.startswith(f"connect-127.0.0.1:{member.name}-") for member in members)
        for member in members:
            assert member.asked[:2] == ["on_joining", "subscriptions"]
            assert not member.overlapped

    run(test)


def test_the_protocol_is_one_that_all_members_speak(breakable: Broker) -> None:
    async def test(stack: AsyncExitStack) -> None:
        given = settings(breakable)
        young, old = Member("young", given), Member("old", given, ["two"])
        await together(stack, young)
        assert young.protocol == "one"
        await stack.enter_async_context(old)
        await all_of(young, old)
        assert {young.protocol, old.protocol} == {"two"}

    run(test)


def test_a_round_begins_when_the_leader_rejoins_or_a_member_says_something_new(breakable: Broker) -> None:
    async def test(stack: AsyncExitStack) -> None:
        given = settings(breakable)
        members = [Member(name, given) for name in "abc"]
        await together(stack, *members)
        leader = next(member for member in members if member.leads)
        other = next(member for member in members if not member.leads)
        for member, more in ((leader, ()), (other, ("three",))):
            before = member.generation
            member.protocols = (*member.protocols, *more)
            member.membership.rejoin("a reason")
            await until(lambda: all(each.generation > before for each in members), "all are in a new round")  # noqa: B023
            await all_of(*members)

    run(test)


def test_a_member_that_rejoins_with_nothing_new_is_given_the_same_round_again(breakable: Broker) -> None:
    async def test(stack: AsyncExitStack) -> None:
        given = settings(breakable)
        members = [Member(name, given) for name in "ab"]
        await together(stack, *members)
        other = next(member for member in members if not member.leads)
        before, rounds = other.generation, len(other.seen)
        other.membership.rejoin("a reason")
        await until(lambda: len(other.seen) > rounds, "it has joined again")
        assert other.generation == before
        assert other.seen[-1] == other.seen[-2]

    run(test)


def test_rejoin_during_a_round_leads_to_another_one(breakable: Broker) -> None:
    async def test(stack: AsyncExitStack) -> None:
        member = Member("a", settings(breakable))

        async def once_more() -> None:
            member.joining = None
            member.membership.rejoin("in the middle of on_joined")

        member.joining = once_more
        await stack.enter_async_context(member)
        await until(lambda: len(member.seen) == 2, "the round that was asked for")
        assert member.seen[1]["generation"] > member.seen[0]["generation"]

    run(test)


def test_a_member_that_stops_is_gone_at_once(breakable: Broker) -> None:
    async def test(stack: AsyncExitStack) -> None:
        # nobody would be missed before a minute is over
        given = settings(breakable, session_timeout_ms=60_000)
        stays, goes = Member("stays", given), Member("goes", given)
        await together(stack, stays, goes)
        threads = {thread for thread in threading.enumerate() if "goes" in thread.name}
        await goes.membership.stop()
        await all_of(stays)
        assert threads
        assert not threads & set(threading.enumerate()), "its thread has ended"
        assert goes.lost == []

    run(test)


def test_a_member_that_leaves_stays_away_until_it_rejoins(breakable: Broker) -> None:
    async def test(stack: AsyncExitStack) -> None:
        given = settings(breakable, session_timeout_ms=60_000)
        stays, goes = Member("stays", given), Member("goes", given)
        await together(stack, stays, goes)
        await goes.membership.leave("a reason")
        await all_of(stays)
        rounds = len(goes.asked)
        # a round of the others does not bring it back
        before = stays.generation
        stays.membership.rejoin("another")
        await until(lambda: stays.generation > before, "the others go on")
        assert len(goes.asked) == rounds
        goes.membership.rejoin("back")
        await all_of(stays, goes)

    run(test)


def test_leaving_does_not_wait_for_the_round_that_is_under_way(breakable: Broker) -> None:
    async def test(stack: AsyncExitStack) -> None:
        given = settings(breakable)
        members = [Member(name, given) for name in "abc"]
        await together(stack, *members)
        slow, goes, stays = sorted(members, key=lambda member: not member.leads)
        gate = asyncio.Event()
        slow.joining = gate.wait
        slow.membership.rejoin("to be held up in on_joined")
        await until(lambda: slow.under_way, "it is held up")
        stays.protocols = (*stays.protocols, "three")
        goes.protocols = (*goes.protocols, "three")
        goes.membership.rejoin("to wait for the slow one")
        await until(lambda: inside(goes).state is MemberState.REBALANCING, "it waits for the slow one")
        await goes.membership.leave("tired of it")
        slow.joining = None
        gate.set()
        await all_of(slow, stays)

    run(test)


def test_a_member_whose_thread_hangs_is_dropped_and_comes_back(breakable: Broker) -> None:
    async def test(stack: AsyncExitStack) -> None:
        given = settings(breakable)
        well, ill = Member("well", given), Member("ill", given)
        await together(stack, well, ill)
        old, gate = ill.id, threading.Event()
        inside(ill)._net.call_soon_threadsafe(gate.wait)
        try:
            await all_of(well)
        finally:
            gate.set()
        await all_of(well, ill)
        assert ill.id != old

    run(test)


def test_a_member_that_takes_longer_than_its_session_stays_a_member(breakable: Broker) -> None:
    async def test(stack: AsyncExitStack) -> None:
        given = settings(breakable)
        members = [Member(name, given) for name in "ab"]
        await together(stack, *members)
        slow, other = sorted(members, key=lambda member: not member.leads)

        async def sessions() -> None:
            heartbeat = inside(slow).heartbeat
            begin = asyncio.get_running_loop().time()
            await until(lambda: heartbeat.last_receive - begin > 4.5, "heartbeats are answered for three sessions")
            slow.joining = None

        slow.joining = sessions
        old, before = slow.id, slow.generation
        slow.membership.rejoin("to be slow")
        await until(lambda: slow.joining is None and not slow.under_way, "the slow one has joined")
        await all_of(slow, other)
        assert slow.id == old, "a member that was dropped gets another id"
        assert slow.generation == before + 1, "and nobody had to join again"

    run(test)


def test_a_broker_that_is_restarted_costs_the_membership_and_gives_it_back(
    breakable: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(stack: AsyncExitStack) -> None:
        given = settings(breakable)
        members = [Member(name, given) for name in "ab"]
        await together(stack, *members)
        for member in members:
            member.seen.clear()
        breakable.kill()
        try:
            await until(lambda: all(member.lost for member in members), "both know that they are in no group")
        finally:
            await asyncio.to_thread(breakable.start)
        await all_of(*members)
        assert all(len(member.lost) == 1 for member in members), "it is said once"
        assert "was not found at 127.0.0.1" in members[0].lost[0]
        assert all(member.failures == [] for member in members)

    with caplog.at_level(logging.INFO):
        run(test)
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 2, "one line for each of them"
    assert not [record for record in caplog.records if record.name.startswith("kafka")]
    found = [record for record in caplog.records if "was found" in record.getMessage()]
    assert len(found) == 2


def test_a_broker_that_hangs_costs_the_membership_when_the_session_has_ended(breakable: Broker) -> None:
    async def test(stack: AsyncExitStack) -> None:
        given = settings(breakable)
        members = [Member(name, given) for name in "ab"]
        await together(stack, *members)
        for member in members:
            member.seen.clear()
        os.kill(breakable.pid, signal.SIGSTOP)
        try:
            await until(lambda: all(member.lost for member in members), "both know that they are in no group")
            await members[0].membership.stop()
        finally:
            os.kill(breakable.pid, signal.SIGCONT)
        await all_of(members[1])
        assert all(member.failures == [] for member in members)

    run(test)


def test_a_member_stops_while_no_broker_answers(caplog: pytest.LogCaptureFixture) -> None:
    async def test(stack: AsyncExitStack) -> None:
        (port,) = free_ports(1)
        given = {"bootstrap.servers": f"127.0.0.1:{port}", "group.id": "g", "session.timeout.ms": "1000"}
        member = Member("alone", given)
        await stack.enter_async_context(member)
        await until(lambda: caplog.records, "it says so")
        await member.membership.stop()
        assert member.asked == []
        assert member.failures == []

    with caplog.at_level(logging.WARNING):
        run(test)
    (line,) = (record.getMessage() for record in caplog.records)
    assert line.startswith("The coordinator of group g was not found at 127.0.0.1:")
    assert "ECONNREFUSED" in line


def test_a_herder_that_hangs_is_out_of_the_group_until_it_lives_again(
    breakable: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(stack: AsyncExitStack) -> None:
        given = settings(breakable)
        well, hangs = Member("well", given), Member("hangs", {**given, "rebalance.timeout.ms": "2000"})
        await together(stack, well, hangs)
        hangs.membership.alive("stopping connector c")
        await all_of(well)
        assert hangs.lost == [], "as in the original, it keeps what it runs"
        hangs.membership.alive("polling the group coordinator")
        await all_of(well, hangs)

    with caplog.at_level(logging.WARNING, logger=OWN_LOG):
        run(test)
    (line,) = (record.getMessage() for record in caplog.records)
    assert line.startswith(
        "worker poll timeout has expired. The last known action being performed by the worker is : stopping connector c"
    )


def test_a_group_that_speaks_other_protocols_ends_membership_with_one_clear_error(breakable: Broker) -> None:
    async def test(stack: AsyncExitStack) -> None:
        given = settings(breakable)
        member, stranger = Member("a", given), Member("stranger", given, ["three"])
        await together(stack, member)
        await stack.enter_async_context(stranger)
        await until(lambda: stranger.failures, "it is told")
        (failure,) = stranger.failures
        assert failure.message == (
            f"Joining group {given['group.id']} failed: INCONSISTENT_GROUP_PROTOCOL. Its members speak none of the "
            "protocols of this worker (three): give all workers the same connect.protocol, and this cluster a group.id "
            "that no other kind of client uses."
        )
        assert stranger.seen == []
        assert member.sees(member)

    run(test)


def test_a_session_that_the_broker_does_not_allow_ends_membership(breakable: Broker) -> None:
    async def test(stack: AsyncExitStack) -> None:
        member = Member("a", settings(breakable, session_timeout_ms=400))
        await stack.enter_async_context(member)
        await until(lambda: member.failures, "it is told")
        assert "session.timeout.ms is 400" in member.failures[0].message

    run(test)


@pytest.mark.parametrize("call", ["subscriptions", "on_joining", "assign", "on_joined"])
def test_an_error_of_the_herder_ends_membership(breakable: Broker, call: str) -> None:
    async def test(stack: AsyncExitStack) -> None:
        member = Member("a", settings(breakable))

        def broken(*_: Any) -> Any:
            raise ValueError("a bug")

        async def broken_too(*_: Any) -> Any:
            broken()

        setattr(member, call, broken if call == "subscriptions" else broken_too)
        await stack.enter_async_context(member)
        await until(lambda: member.failures, "it is told")
        assert "ValueError: a bug" in member.failures[0].message
        assert len(member.failures) == 1

    run(test)


def test_a_stop_cancels_the_call_that_is_under_way(breakable: Broker) -> None:
    async def test(stack: AsyncExitStack) -> None:
        member, cancelled = Member("a", settings(breakable)), asyncio.Event()

        async def assign(*_: object) -> dict[str, bytes]:
            member.asked.append("assign")
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.set()
                raise
            raise AssertionError

        setattr(member, "assign", assign)  # noqa: B010 - a method is replaced
        await stack.enter_async_context(member)
        await until(lambda: "assign" in member.asked, "it leads")
        await member.membership.stop()
        await cancelled.wait()
        assert member.failures == []

    run(test)


def test_nothing_is_said_before_it_starts_or_after_it_stops(breakable: Broker) -> None:
    async def test(_: AsyncExitStack) -> None:
        membership = GroupMembership(settings(breakable), "w", lambda _: None)
        membership.rejoin("x")
        membership.alive("x")
        await membership.leave("x")
        await membership.stop()

    run(test)
