"""A simulated group coordinator of a broker (Kafka's classic protocol), and the membership of each worker in it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from linkspan.herder.group import GroupMember
from tests.simulation.clock import VirtualLoop
from tests.simulation.log import Link, Weather

SESSION_SECONDS = 10.0
HEARTBEAT_SECONDS = 3.0
BACKOFF_SECONDS = 0.1

Reply = Callable[[dict[str, Any]], None]


def failed(error: str) -> dict[str, Any]:
    return {"error": error}


@dataclass
class Member:
    """As the broker knows it."""

    id: str
    protocols: Sequence[tuple[str, bytes]]
    seen: float
    join: Reply | None = None
    sync: Reply | None = None
    assignment: bytes = b""
    synced: bool = False


@dataclass
class Coordinator:
    """The group, on the broker that looks after it.

    Attributes:
        initial_delay: before the first round of an empty group.
        rebalance_seconds: that members have to join a round, and to get its result.
        state: ``empty``, ``preparing``, ``completing`` or ``stable``.
        members: in the order in which they came.
        removed: told the id of each member that the group loses.
        told: told what happens, for the trace.
    """

    loop: VirtualLoop
    initial_delay: float = 0.0
    rebalance_seconds: float = 20.0
    state: str = "empty"
    generation: int = 0
    leader: str | None = None
    protocol: str = ""
    members: dict[str, Member] = field(default_factory=dict)
    removed: Callable[[str], None] = lambda _: None
    told: Callable[[str], None] = lambda _: None
    _round: int = 0
    _not_before: float = 0.0

    # --- requests ---------------------------------------------------------------------------------------------------

    def join(self, member_id: str, protocols: Sequence[tuple[str, bytes]], reply: Reply, *, new: bool) -> None:
        member = self.members.get(member_id)
        if member is None:
            if not new:
                reply(failed("UNKNOWN_MEMBER_ID"))
                return
            member = self.members[member_id] = Member(member_id, protocols, self.loop.time())
            self._watch(member)
            changed = True
        else:
            changed = tuple(member.protocols) != tuple(protocols)
        member.seen = self.loop.time()
        member.protocols = protocols
        if self.state == "stable" and not changed and member_id != self.leader:
            reply(self._joined(member))
            return
        if self.state == "completing" and not changed:
            reply(self._joined(member))
            return
        if member.join is not None:
            member.join(failed("REBALANCE_IN_PROGRESS"))
        member.join = reply
        if self.state != "preparing":
            self._prepare(f"{member_id} joins")
        self._maybe_complete()

    def sync(self, member_id: str, generation: int, assignments: dict[str, bytes], reply: Reply) -> None:
        member = self.members.get(member_id)
        if member is None:
            reply(failed("UNKNOWN_MEMBER_ID"))
        elif generation != self.generation:
            reply(failed("ILLEGAL_GENERATION"))
        elif self.state == "preparing":
            reply(failed("REBALANCE_IN_PROGRESS"))
        else:
            member.seen = self.loop.time()
            member.synced = True
            if self.state == "stable":
                reply(self._assigned(member))
                return
            member.sync = reply
            if member_id == self.leader:
                self._distribute(assignments)

    def heartbeat(self, member_id: str, generation: int) -> str | None:
        member = self.members.get(member_id)
        if member is None:
            return "UNKNOWN_MEMBER_ID"
        if generation != self.generation:
            return "ILLEGAL_GENERATION"
        member.seen = self.loop.time()
        return "REBALANCE_IN_PROGRESS" if self.state == "preparing" else None

    def leave(self, member_id: str) -> None:
        if member_id in self.members:
            self._remove([member_id], f"{member_id} leaves")

    # --- rounds -----------------------------------------------------------------------------------------------------

    def _prepare(self, why: str) -> None:
        self.told(f"group prepares a round: {why}")
        self._not_before = self.loop.time() + (self.initial_delay if self.state == "empty" else 0.0)
        for member in self.members.values():
            member.synced = False
            if member.sync is not None:
                member.sync(failed("REBALANCE_IN_PROGRESS"))
                member.sync = None
        self.state = "preparing"
        self._round += 1
        self.loop.call_later(self.rebalance_seconds, self._overdue_to_join, self._round)
        if self.initial_delay:
            self.loop.call_at(self._not_before, self._maybe_complete)

    def _maybe_complete(self) -> None:
        if self.state != "preparing" or self.loop.time() < self._not_before:
            return
        if not self.members:
            self.state, self.leader = "empty", None
        elif all(member.join is not None for member in self.members.values()):
            self._complete()

    def _complete(self) -> None:
        self.generation += 1
        self.state = "completing"
        if self.leader not in self.members:
            self.leader = next(iter(self.members))
        offers = [[name for name, _ in member.protocols] for member in self.members.values()]
        common = [name for name in offers[0] if all(name in offer for offer in offers)]
        votes = [next(name for name in offer if name in common) for offer in offers]
        self.protocol = max(common, key=votes.count)
        self.told(f"group has generation {self.generation}: {', '.join(self.members)}; {self.leader} leads")
        self.loop.call_later(self.rebalance_seconds, self._overdue_to_sync, self._round)
        for member in self.members.values():
            member.seen = self.loop.time()
            reply, member.join = member.join, None
            assert reply is not None
            reply(self._joined(member))

    def _joined(self, member: Member) -> dict[str, Any]:
        chosen = {other.id: dict(other.protocols)[self.protocol] for other in self.members.values()}
        return {
            "generation": self.generation,
            "leader": self.leader,
            "protocol": self.protocol,
            "members": chosen if member.id == self.leader else {},
        }

    def _distribute(self, assignments: dict[str, bytes]) -> None:
        self.state = "stable"
        for member in self.members.values():
            member.assignment = assignments.get(member.id, b"")
            reply, member.sync = member.sync, None
            if reply is not None:
                reply(self._assigned(member))

    def _assigned(self, member: Member) -> dict[str, Any]:
        return {"generation": self.generation, "protocol": self.protocol, "assignment": member.assignment}

    # --- members that are gone --------------------------------------------------------------------------------------

    def _watch(self, member: Member) -> None:
        def look() -> None:
            if self.members.get(member.id) is not member:
                return
            if member.join is not None or member.sync is not None:
                member.seen = self.loop.time()
            if self.loop.time() >= member.seen + SESSION_SECONDS:
                self._remove([member.id], f"the session of {member.id} has ended")
            else:
                self.loop.call_at(member.seen + SESSION_SECONDS, look)

        self.loop.call_later(SESSION_SECONDS, look)

    def _overdue_to_join(self, round_: int) -> None:
        if self.state == "preparing" and round_ == self._round:
            late = [member.id for member in self.members.values() if member.join is None]
            self._remove(late, f"{', '.join(late)} did not join in time")

    def _overdue_to_sync(self, round_: int) -> None:
        if self.state in {"completing", "stable"} and round_ == self._round:
            late = [member.id for member in self.members.values() if not member.synced]
            if late:
                self._remove(late, f"{', '.join(late)} did not sync in time")

    def _remove(self, ids: list[str], why: str) -> None:
        for member_id in ids:
            member = self.members.pop(member_id)
            for reply in (member.join, member.sync):
                if reply is not None:
                    reply(failed("UNKNOWN_MEMBER_ID"))
            self.removed(member_id)
        if self.state != "preparing":
            self._prepare(why)
        else:
            self.told(f"group goes on with its round: {why}")
        self._maybe_complete()


class UnreachableCoordinatorError(Exception):
    """A request, or its answer, got lost."""


class GivenUpError(Exception):
    """The worker does not want to join any more."""


class SimulatedMembership:
    """What ``linkspan.herder.membership`` does, in simulated time.

    Attributes:
        member_id: as the broker knows it.
        in_generation: called whenever a round is over and what was revoked has been stopped.
    """

    def __init__(
        self,
        process: str,
        coordinator: Coordinator,
        loop: VirtualLoop,
        link: Link,
        weather: Weather,
        in_generation: Callable[[], None],
    ) -> None:
        self.member_id = f"{process}-0"
        self._process = process
        self._coordinator = coordinator
        self._loop = loop
        self._link = link
        self._weather = weather
        self._in_generation = in_generation
        self._member: GroupMember | None = None
        self._identities = 0
        self._new = True
        self._generation = -1
        self._found = False
        self._needs_round = True
        self._asked = False
        self._prepared = False
        self._settled = False
        self._beating = False
        self._absent = False
        self._ended = False
        self._wakeup = asyncio.Event()
        self._waiting: set[asyncio.Future[Any]] = set()
        self._driving: asyncio.Task[None] | None = None

    # --- the port ---------------------------------------------------------------------------------------------------

    async def start(self, member: GroupMember) -> None:
        self._member = member
        self._driving = asyncio.create_task(self._drive())
        self._loop.call_later(self._weather.chance.uniform(0.1, HEARTBEAT_SECONDS), self._beat)

    def rejoin(self, reason: str) -> None:  # noqa: ARG002
        self._asked, self._absent = True, False
        self._wakeup.set()

    async def leave(self, reason: str) -> None:  # noqa: ARG002
        self._absent = True
        await self._part()

    def alive(self, doing: str) -> None:
        """In a simulated process the loop turns whenever the process does."""

    async def stop(self) -> None:
        self._ended = True
        self._wakeup.set()
        await self._part()
        if self._driving is not None:
            self._driving.cancel()
            await asyncio.wait({self._driving})

    async def _part(self) -> None:
        for waiting in list(self._waiting):
            if not waiting.done():
                waiting.set_exception(GivenUpError())
        leaver = self.member_id
        self._reset()
        self._coordinator.loop.call_later(self._weather.travel(), self._arrive_to_leave, leaver)
        await asyncio.sleep(self._weather.travel())

    def _arrive_to_leave(self, leaver: str) -> None:
        if self._link.up:
            self._coordinator.leave(leaver)

    # --- rounds -----------------------------------------------------------------------------------------------------

    @property
    def _away(self) -> bool:
        return self._ended or self._absent

    def _reset(self) -> None:
        """The group does not know this member any more."""
        self._identities += 1
        self.member_id = f"{self._process}-{self._identities}"
        self._new = True
        self._lag()

    def _lag(self) -> None:
        """The group has gone on without this member, which it still knows."""
        self._generation, self._beating, self._needs_round = -1, False, True

    def _learn(self, error: str) -> None:
        """As the broker has refused a request."""
        if error == "UNKNOWN_MEMBER_ID":
            self._reset()
        elif error == "ILLEGAL_GENERATION":
            self._lag()
        else:
            self._needs_round = True

    async def _drive(self) -> None:
        assert self._member is not None
        while not self._ended:
            try:
                if self._away:
                    await self._sleep(None)
                elif not self._found:
                    await self._find()
                elif self._needs_round or self._asked:
                    await self._go_round(self._member)
                else:
                    await self._sleep(None)
            except UnreachableCoordinatorError:
                self._found = False
            except GivenUpError:
                pass

    async def _sleep(self, seconds: float | None) -> None:
        self._wakeup.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wakeup.wait()

    async def _find(self) -> None:
        deadline = self._loop.time() + HEARTBEAT_SECONDS
        while not self._away and self._loop.time() < deadline:
            if self._link.up:
                await asyncio.sleep(self._weather.travel())
                self._found = self._link.up
                return
            await self._sleep(BACKOFF_SECONDS * 5)
        if self._settled and not self._away:
            self._settled, self._needs_round = False, True
            assert self._member is not None
            await self._member.on_lost("simulated: the coordinator was not found")

    async def _go_round(self, member: GroupMember) -> None:
        if not self._prepared:
            await member.on_joining()
            self._prepared = True
        if self._away:
            return
        self._asked, self._beating, self._needs_round = False, False, True
        protocols = list(member.subscriptions())
        me, new = self.member_id, self._new
        self._new = False
        answer = await self._call(lambda reply: self._coordinator.join(me, protocols, reply, new=new))
        if self._refused(answer):
            return
        self._generation = answer["generation"]
        shares: dict[str, bytes] = {}
        if answer["leader"] == me:
            shares = await member.assign(me, answer["protocol"], answer["generation"], answer["members"])
            if self._away:
                return
        generation = self._generation
        answer = await self._call(lambda reply: self._coordinator.sync(me, generation, shares, reply))
        if self._refused(answer):
            return
        self._prepared, self._needs_round, self._settled, self._beating = False, False, True, True
        await member.on_joined(generation, me, answer["protocol"], answer["assignment"])
        if self._generation == generation:
            self._in_generation()

    def _refused(self, answer: dict[str, Any]) -> bool:
        error = answer.get("error")
        if error is not None:
            self._learn(error)
        return error is not None

    async def _call(self, request: Callable[[Reply], None]) -> dict[str, Any]:
        """One request to the coordinator; its connection may break before it arrives or before it is answered.

        It never arrives after that: membership resets connections that it gives up.
        """
        if not self._link.up:
            raise UnreachableCoordinatorError
        future: asyncio.Future[dict[str, Any]] = self._loop.create_future()

        def settle(answer: dict[str, Any]) -> None:
            if not future.done():
                future.set_result(answer)

        def reply(answer: dict[str, Any]) -> None:
            if self._link.up:
                self._loop.call_later(self._weather.travel(), settle, answer)

        def arrive() -> None:
            if self._link.up and not future.done():
                request(reply)

        def cut() -> None:
            self._loop.call_soon(self._break, future)

        self._waiting.add(future)
        self._link.cut.append(cut)
        self._coordinator.loop.call_later(self._weather.travel(), arrive)
        try:
            return await future
        finally:
            self._waiting.discard(future)
            if cut in self._link.cut:
                self._link.cut.remove(cut)

    def _break(self, future: asyncio.Future[Any]) -> None:
        if not future.done():
            future.set_exception(UnreachableCoordinatorError())

    def _beat(self) -> None:
        if self._ended:
            return
        self._loop.call_later(HEARTBEAT_SECONDS, self._beat)
        if not self._beating:
            return
        if not self._link.up:
            self._found = False
            self._wakeup.set()
            return
        error = self._coordinator.heartbeat(self.member_id, self._generation)
        if error is not None:
            self._learn(error)
            self._wakeup.set()
