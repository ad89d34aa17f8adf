"""The simulated coordinator keeps the rules of Kafka's classic group protocol."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.simulation.clock import Agenda, VirtualLoop
from tests.simulation.group import SESSION_SECONDS, Coordinator, SimulatedMembership, UnreachableCoordinatorError
from tests.simulation.log import Link, Weather

BOTH = [("sessioned", b"2"), ("default", b"0")]
OLD = [("default", b"0")]


class Group:
    """Members that speak to a coordinator themselves; ``answers`` are the last ones of each."""

    def __init__(self) -> None:
        self.agenda = Agenda()
        self.coordinator = Coordinator(VirtualLoop(self.agenda, "broker"))
        self.answers: dict[str, dict[str, Any]] = {}

    def join(self, member: str, protocols: list[tuple[str, bytes]] = BOTH, *, new: bool = True) -> None:
        self.answers.pop(member, None)
        self.coordinator.join(member, protocols, lambda answer: self.answers.update({member: answer}), new=new)

    def sync(self, member: str, generation: int, shares: dict[str, bytes] | None = None) -> None:
        self.answers.pop(member, None)
        self.coordinator.sync(member, generation, shares or {}, lambda answer: self.answers.update({member: answer}))

    def form(self, *members: str) -> None:
        """Let these be a stable group."""
        for _ in range(2):
            for member in members:
                self.join(member)
        generation = self.coordinator.generation
        for member in members:
            self.sync(member, generation, {other: other.encode() for other in members})
        assert self.coordinator.state == "stable"

    def beat(self, seconds: int, *members: str) -> None:
        """Let time pass, with heartbeats of these."""
        for _ in range(seconds):
            self.agenda.run(self.agenda.now + 1)
            for member in members:
                self.coordinator.heartbeat(member, self.coordinator.generation)


def test_first_member_leads_and_learns_what_each_said_under_the_first_common_protocol() -> None:
    group = Group()
    group.join("a")
    assert group.answers["a"]["generation"] == 1
    group.join("b", OLD)
    assert "b" not in group.answers, "it waits until all have joined"
    group.join("a", new=False)
    assert (group.answers["a"]["leader"], group.answers["a"]["protocol"]) == ("a", "default")
    assert group.answers["a"]["members"] == {"a": b"0", "b": b"0"}
    assert group.answers["b"]["members"] == {}


def test_shares_reach_their_members_when_the_leader_has_sent_them() -> None:
    group = Group()
    group.form("a", "b")
    assert (group.answers["a"]["assignment"], group.answers["b"]["assignment"]) == (b"a", b"b")


def test_silent_member_is_dropped_when_its_session_has_ended_and_is_unknown_then() -> None:
    group = Group()
    group.form("a", "b")
    group.beat(int(SESSION_SECONDS) + 1, "a")
    assert list(group.coordinator.members) == ["a"]
    assert group.coordinator.heartbeat("b", group.coordinator.generation) == "UNKNOWN_MEMBER_ID"
    group.join("b", new=False)
    assert group.answers["b"] == {"error": "UNKNOWN_MEMBER_ID"}


def test_member_that_misses_a_round_is_dropped_though_its_session_lasts() -> None:
    group = Group()
    group.form("a", "b")
    group.join("c")
    group.join("a", new=False)
    assert group.coordinator.heartbeat("b", group.coordinator.generation) == "REBALANCE_IN_PROGRESS"
    group.beat(int(group.coordinator.rebalance_seconds), "b")
    assert list(group.coordinator.members) == ["a", "c"]
    assert group.answers["a"]["generation"] == group.coordinator.generation


def test_generation_that_is_over_is_illegal() -> None:
    group = Group()
    group.form("a", "b")
    old = group.coordinator.generation
    group.form("a", "b", "c")
    assert group.coordinator.heartbeat("b", old) == "ILLEGAL_GENERATION"
    group.sync("b", old)
    assert group.answers["b"] == {"error": "ILLEGAL_GENERATION"}


def test_follower_that_says_nothing_new_gets_the_generation_that_there_is() -> None:
    group = Group()
    group.form("a", "b")
    group.join("b", new=False)
    assert group.answers["b"]["generation"] == group.coordinator.generation
    group.join("b", [("sessioned", b"3")], new=False)
    assert group.coordinator.state == "preparing"


class Lone:
    """A worker with a connection to a coordinator."""

    def __init__(self) -> None:
        self.agenda = Agenda()
        self.loop, self.broker = VirtualLoop(self.agenda, "w1.1"), VirtualLoop(self.agenda, "broker")
        self.coordinator, self.link = Coordinator(self.broker), Link()
        self.membership = SimulatedMembership(
            "w1.1", self.coordinator, self.loop, self.link, Weather(random.Random(1)), lambda: None
        )


def test_request_whose_connection_has_broken_does_not_arrive_when_there_is_another() -> None:
    lone = Lone()
    arrived: list[str] = []
    lost = lone.loop.create_task(lone.membership._call(lambda _: arrived.append("first")))
    lone.agenda.run(0)
    lone.link.set(up=False)
    lone.link.set(up=True)
    lone.agenda.run(10)
    assert isinstance(lost.exception(), UnreachableCoordinatorError)
    lone.loop.run(lone.membership._call(lambda reply: (arrived.append("second"), reply({}))), 10)
    assert arrived == ["second"]


@pytest.mark.parametrize(("error", "same"), [("ILLEGAL_GENERATION", True), ("UNKNOWN_MEMBER_ID", False)])
def test_member_gets_another_id_only_when_the_group_has_lost_it(error: str, same: bool) -> None:
    membership = Lone().membership
    before, membership._new = membership.member_id, False
    assert membership._refused({"error": error})
    assert (membership.member_id == before, membership._new) == (same, not same)
