"""Small members of a workers' group: bytes are JSON, the leader tells everybody who is in the group."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Self

from linkspan.api.errors import ConnectError
from linkspan.herder.membership import GroupMembership

__all__ = ["Member", "all_of", "group_name", "until"]

SECONDS: Final = 90.0


def group_name() -> str:
    """A group that nobody else uses."""
    return f"workers-{uuid.uuid4()}"


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition."""
    try:
        async with asyncio.timeout(SECONDS):
            while not condition():  # noqa: ASYNC110 - what is waited for happens in other threads
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"never: {what}") from None


class Member:
    """A member that remembers what it was asked, and its membership.

    Args:
        name: what it tells the leader.
        settings: of the worker.
        protocols: subprotocols it offers.

    Attributes:
        asked: names of the calls, in order.
        seen: what the leader said, of each round.
        joining: awaited inside ``on_joined``, when set.
    """

    def __init__(self, name: str, settings: Mapping[str, str], protocols: Sequence[str] = ("one", "two")) -> None:
        self.name, self.protocols = name, protocols
        self.asked: list[str] = []
        self.seen: list[dict[str, Any]] = []
        self.lost: list[str] = []
        self.failures: list[ConnectError] = []
        self.id, self.generation, self.protocol = "", -1, ""
        self.joining: Callable[[], Awaitable[None]] | None = None
        self.under_way = 0
        self.overlapped = False
        self.membership = GroupMembership(settings, f"127.0.0.1:{name}", self.failures.append)

    # --- what membership asks ---------------------------------------------------------------------------------------

    def subscriptions(self) -> Sequence[tuple[str, bytes]]:
        self.asked.append("subscriptions")
        return [
            (protocol, json.dumps({"name": self.name, "protocol": protocol}).encode()) for protocol in self.protocols
        ]

    async def on_joining(self) -> None:
        self.asked.append("on_joining")

    async def assign(
        self, leader: str, protocol: str, generation: int, members: Mapping[str, bytes]
    ) -> dict[str, bytes]:
        self.asked.append("assign")
        told = {key: json.loads(value) for key, value in members.items()}
        assert {each["protocol"] for each in told.values()} == {protocol}
        said = {"leader": leader, "generation": generation, "names": sorted(each["name"] for each in told.values())}
        return {key: json.dumps(said | {"you": each["name"]}).encode() for key, each in told.items()}

    async def on_joined(self, generation: int, member_id: str, protocol: str, assignment: bytes) -> None:
        self.asked.append("on_joined")
        self.overlapped = self.overlapped or self.under_way > 0
        self.under_way += 1
        try:
            self.generation, self.id, self.protocol = generation, member_id, protocol
            self.seen.append(json.loads(assignment))
            if self.joining is not None:
                await self.joining()
        finally:
            self.under_way -= 1

    async def on_lost(self, reason: str) -> None:
        self.asked.append("on_lost")
        self.lost.append(reason)

    # --- what tests ask ---------------------------------------------------------------------------------------------

    @property
    def leads(self) -> bool:
        """Whether it was the leader of its last round."""
        return bool(self.seen) and self.seen[-1]["leader"] == self.id

    def sees(self, *members: Member) -> bool:
        """Whether its last round had exactly these members."""
        return bool(self.seen) and self.seen[-1]["names"] == sorted(member.name for member in members)

    async def __aenter__(self) -> Self:
        await self.membership.start(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.membership.stop()


async def all_of(*members: Member) -> None:
    """Wait until all of them are in one round, and nobody else is."""

    def together() -> bool:
        return all(member.sees(*members) for member in members) and len({m.generation for m in members}) == 1

    await until(together, f"{[member.name for member in members]} are together")
