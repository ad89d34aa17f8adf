"""This worker's part in its group: what it was assigned, whether it leads, when it joins anew (spec 3.3 to 3.6)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from linkspan.api.errors import ConnectError
from linkspan.herder import eager_assignor, protocol
from linkspan.herder.assignor import IncrementalAssignor
from linkspan.herder.config_topic import ConfigTopic
from linkspan.herder.group import Membership
from linkspan.herder.protocol import Assignment, WorkerState, WorkItem

__all__ = ["GroupTimes", "Participant", "ParticipantHooks"]

_SUBPROTOCOLS: Final = {
    "sessioned": (("sessioned", 2), ("compatible", 1), ("default", 0)),
    "compatible": (("compatible", 1), ("default", 0)),
    "eager": (("default", 0),),
}
"""Names and versions that a worker offers, by ``connect.protocol`` (3.1)."""
_PATIENCE: Final = 5
"""How often a worker may fail to catch up before it gives up what it runs (3.4)."""
_log: Final = logging.getLogger("linkspan.herder")


@dataclass(frozen=True, slots=True)
class GroupTimes:
    """Limits and pauses, in seconds.

    Attributes:
        sync: for catching up with the config topic.
        unsync_backoff: how long an eager worker stays away after it could not.
        rebalance_delay: how long work of a lost worker waits for it, at most.
    """

    sync: float = 3.0
    unsync_backoff: float = 300.0
    rebalance_delay: float = 300.0


class ParticipantHooks(Protocol):
    """What the herder does about its part in the group; called on the event loop."""

    async def on_revoked(self, names: set[str]) -> None:
        """Something of these connectors does not belong here any more; returns when it has been stopped."""
        ...

    def on_settled(self) -> None:
        """A round is over and its assignment holds: everything that belongs here may start."""
        ...

    def on_broken(self, error: ConnectError) -> None:
        """This worker cannot take part in the group any more."""
        ...


class Participant:
    """A :class:`linkspan.herder.group.GroupMember`.

    Attributes:
        generation: of the group, as of the last round; -1 before any.
        leader_url: REST API of the leader; None when nobody is known to lead.
        rounds: how many have ended with an assignment for this worker.
        outside: why this worker is not in the group now; None while it is.

    Args:
        membership: in the group.
        configs: the config topic; open.
        url: this worker's REST API, for the others.
        offers: ``connect.protocol`` in small letters.
        times: limits and pauses.
        hooks: of the herder.
        now_ms: time of day in milliseconds.
    """

    def __init__(
        self,
        membership: Membership,
        configs: ConfigTopic,
        url: str,
        offers: str,
        times: GroupTimes,
        hooks: ParticipantHooks,
        now_ms: Callable[[], int] = lambda: int(time.time() * 1000),
    ) -> None:
        self.generation = -1
        self.leader_url: str | None = None
        self.rounds = 0
        self.outside: str | None = "it has not joined yet"
        self._membership = membership
        self._configs = configs
        self._url = url
        self._offers = _SUBPROTOCOLS[offers]
        self._times = times
        self._hooks = hooks
        self._now_ms = now_ms
        self._assignor = IncrementalAssignor(int(times.rebalance_delay * 1000))
        self._items: frozenset[WorkItem] = frozenset()
        self._last: Assignment | None = None
        self._member_id: str | None = None
        self._rejoining = True
        self._away = False
        self._resolving: asyncio.Task[None] | None = None
        self._delayed: asyncio.TimerHandle | None = None
        self._settled = asyncio.Event()
        self._nothing_revoked = asyncio.Event()
        self._nothing_revoked.set()
        self._owners: Mapping[WorkItem, str] = {}
        self._members: Mapping[str, str] = {}
        self._unsynced = 0

    # --- what is known ------------------------------------------------------------------------------------------

    @property
    def items(self) -> frozenset[WorkItem]:
        """What belongs to this worker."""
        return self._items

    @property
    def in_group(self) -> bool:
        """Whether this worker has a part in the group."""
        return self._last is not None and self.outside is None

    @property
    def member_id(self) -> str | None:
        """What the group calls this worker; another one when it has been out of the group meanwhile."""
        return self._member_id

    @property
    def leads(self) -> bool:
        """Whether this worker leads the group; who stays away from it leads nobody, whatever the last round said."""
        return self._last is not None and self.outside is None and self._last.leader == self._member_id

    @property
    def members(self) -> Mapping[str, str]:
        """REST API of each member; known to the leader only."""
        return self._members

    @property
    def sessioned(self) -> bool:
        """Whether requests between workers are signed: by the group's protocol, or the one that this worker prefers."""
        version = self._offers[0][1] if self._last is None else self._last.version
        return version >= 2

    @property
    def settled(self) -> bool:
        """Whether the last round is over and no other one is due."""
        return self._settled.is_set()

    def owner_url(self, item: WorkItem) -> str | None:
        """REST API of the worker that has something; None when it is not known. Only the leader knows (3.3)."""
        return self._owners.get(item) if self.leads and self.settled else None

    async def wait_settled(self, seconds: float) -> bool:
        """Wait until no round is under way; False when it takes longer."""
        try:
            async with asyncio.timeout(seconds):
                await self._settled.wait()
        except TimeoutError:
            return False
        return True

    async def wait_at_rest(self, seconds: float) -> bool:
        """Wait until no round is under way, and what the last one revoked has ended; False when it takes longer.

        Only the leader knows what others were told to stop. Each of them joins anew when that has ended, so the round
        that revokes nothing comes after it (3.3).
        """
        try:
            async with asyncio.timeout(seconds):
                while not (self.settled and self._nothing_revoked.is_set()):
                    await self._settled.wait()
                    await self._nothing_revoked.wait()
        except TimeoutError:
            return False
        return True

    # --- what the herder wants ----------------------------------------------------------------------------------

    def rejoin(self, reason: str) -> None:
        """The assignment does not fit the configuration any more."""
        self._settled.clear()
        self._rejoining = True
        if not self._away:  # whoever is behind would hear of changes all the time, and disturb the others each time
            self._membership.rejoin(reason)

    async def stop(self) -> None:
        """Leave the group for good."""
        self._settled.clear()
        self._cancel_delayed()
        self._cancel_resolving()
        await self._membership.stop()

    # --- rounds -------------------------------------------------------------------------------------------------

    def subscriptions(self) -> Sequence[tuple[str, bytes]]:
        """What this worker offers, with what it knows and has."""
        offset = self._configs.snapshot.offset
        return [
            (name, protocol.encode_worker_state(WorkerState(self._url, offset, self._allocation()), version))
            for name, version in self._offers
        ]

    def _allocation(self) -> Assignment | None:
        last = self._last
        if last is None:
            return None
        return Assignment(last.version, 0, last.leader, last.leader_url, last.offset, tuple(sorted(self._items)))

    async def on_joining(self) -> None:
        """A round begins."""
        self._settled.clear()
        self._cancel_resolving()
        if self._offers[0][1] == 0 or (self._last is not None and self._last.version == 0):
            await self._give_up_everything()

    async def assign(self, leader: str, name: str, generation: int, members: Mapping[str, bytes]) -> dict[str, bytes]:
        """Share out the work."""
        version = dict(self._offers)[name]
        states = {member: protocol.decode_worker_state(content) for member, content in members.items()}
        self._members = {member: state.url for member, state in states.items()}
        newest = max(state.offset for state in states.values())
        if self._configs.snapshot.offset < newest:
            await self._catch_up()
        snapshot = self._configs.snapshot
        leader_url = states[leader].url
        if snapshot.offset < newest:
            _log.warning("The config topic was read to offset %d only, others know %d", snapshot.offset, newest)
            failed = Assignment(version, protocol.CONFIG_MISMATCH, leader, leader_url, newest)
            return dict.fromkeys(members, protocol.encode_assignment(failed))
        configured = {connector: snapshot.tasks(connector) for connector in snapshot.connectors}
        self._nothing_revoked.set()
        if version == 0:
            shares = eager_assignor.assign(members, configured)
            self._owners = {item: states[member].url for member, items in shares.items() for item in items}
            return {
                member: protocol.encode_assignment(
                    Assignment(version, 0, leader, leader_url, snapshot.offset, tuple(shares[member]))
                )
                for member in members
            }
        round_ = self._assignor.assign(states, configured, self.generation, generation, self._now_ms())
        if any(round_.revoked.values()):
            self._nothing_revoked.clear()
        self._owners = {item: states[member].url for member, items in round_.owned.items() for item in items}
        return {
            member: protocol.encode_assignment(
                Assignment(
                    version,
                    0,
                    leader,
                    leader_url,
                    snapshot.offset,
                    tuple(round_.assigned[member]),
                    tuple(round_.revoked[member]),
                    round_.delay_ms,
                )
            )
            for member in members
        }

    async def on_joined(self, generation: int, member_id: str, name: str, assignment: bytes) -> None:  # noqa: ARG002 - the assignment has its version
        """A round is over: stop what is revoked."""
        got = protocol.decode_assignment(assignment)
        self.generation, self._member_id = generation, member_id
        self._last = got
        self.rounds += 1
        self.outside = None
        self.leader_url = got.leader_url
        self._rejoining = False
        revoked = frozenset(got.revoked) & self._items
        if got.version == 0:
            self._items = frozenset(got.assigned)
        else:
            self._items = (self._items - revoked) | frozenset(got.assigned)
        if not self.leads:
            self._owners, self._members = {}, {}
            self._nothing_revoked.set()
        _log.info(
            "Assigned in generation %d: %d connector(s) and task(s) new, %d revoked, %d in all, delay %d ms, error %d",
            generation,
            len(got.assigned),
            len(got.revoked),
            len(self._items),
            got.delay_ms,
            got.error,
        )
        self._delay(got.delay_ms)
        if revoked:
            await self._hooks.on_revoked({connector for connector, _ in revoked})
        self._resolving = asyncio.create_task(self._resolve(got), name="end of a rebalance")
        self._resolving.add_done_callback(self._resolved)

    async def on_lost(self, reason: str) -> None:
        """What runs here may soon run elsewhere."""
        _log.warning("This worker is in no group any more and stops what it runs: %s", reason)
        self.outside = reason
        self._settled.clear()
        self._cancel_delayed()
        self._cancel_resolving()
        await self._give_up_everything()
        self._last, self.leader_url, self._owners, self._members = None, None, {}, {}
        self._nothing_revoked.set()

    async def _give_up_everything(self) -> None:
        names = {connector for connector, _ in self._items}
        self._items = frozenset()
        if names:
            await self._hooks.on_revoked(names)

    # --- after a round ------------------------------------------------------------------------------------------

    def _resolved(self, ended: asyncio.Task[None]) -> None:
        """A part of the herder has failed: what belongs here would never start."""
        error = None if ended.cancelled() else ended.exception()
        if error is not None:
            _log.error("The end of a rebalance failed", exc_info=error)
            self._hooks.on_broken(ConnectError(f"The end of a rebalance failed: {type(error).__name__}: {error}"))

    async def _resolve(self, got: Assignment) -> None:
        """Make sure that this worker knows the configuration that its assignment was made from (3.4)."""
        behind = self._configs.snapshot.offset < got.offset
        if (behind or (got.error and self.leads)) and not await self._catch_up():
            await self._stay_away(eager=got.version == 0)
            return
        self._unsynced = 0
        if got.error:
            self.rejoin("the leader could not catch up with the config topic")
        elif self._configs.snapshot.offset != got.offset:
            self.rejoin("the configuration has changed since the work was shared out")
        elif not self._rejoining:
            self._settled.set()
            _log.info("Starting connectors and tasks using config offset %d", got.offset)
            self._hooks.on_settled()
            if got.revoked:
                self.rejoin("what was revoked can be shared out now")

    async def _catch_up(self) -> bool:
        try:
            await self._configs.read_to_end(self._times.sync)
        except ConnectError as error:
            _log.warning("The config topic was not read to its end within %g s: %s", self._times.sync, error.message)
            return False
        return True

    async def _stay_away(self, *, eager: bool) -> None:
        """Leave the group for a while; who cannot read configurations is of no use to it."""
        reason = "this worker could not catch up with the config topic"
        self._resolving = None  # leaving ends what is under way, but not this
        self._away = True
        self.outside, self.leader_url = reason, None
        await self._membership.leave(reason)
        if eager:
            await self._give_up_everything()
            pause = self._times.unsync_backoff
        else:
            pause = self._times.rebalance_delay / 10 / (_PATIENCE - self._unsynced)
            self._unsynced += 1
        _log.info("Staying out of the group for %g s: %s", pause, reason)
        await asyncio.sleep(pause)
        if self._unsynced == _PATIENCE:
            self._unsynced = 0
            await self._give_up_everything()
        self._away = False
        self.rejoin("another attempt to catch up with the config topic")

    def _delay(self, delay_ms: int) -> None:
        self._cancel_delayed()
        if delay_ms > 0:
            self._delayed = asyncio.get_running_loop().call_later(
                delay_ms / 1000, self.rejoin, "the scheduled rebalance is due"
            )

    def _cancel_delayed(self) -> None:
        if self._delayed is not None:
            self._delayed.cancel()
            self._delayed = None

    def _cancel_resolving(self) -> None:
        if self._resolving is not None:
            self._resolving.cancel()
            self._resolving = None
