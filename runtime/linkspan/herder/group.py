"""Membership in the group of workers, as the herder sees it; who looks after it is ``linkspan.herder.membership``.

Subscriptions and assignments are bytes here (their layouts are ``linkspan.herder.protocol``'s), so that the same herder
runs in a real group and in a simulated one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

__all__ = ["GroupMember", "Membership"]


class GroupMember(Protocol):
    """What membership asks of its herder. Called on the event loop, one call at a time, each awaited to its end."""

    def subscriptions(self) -> Sequence[tuple[str, bytes]]:
        """Subprotocols with their join metadata, the preferred one first (spec/runtime.md 3.1, 3.2)."""
        ...

    async def on_joining(self) -> None:
        """A rebalance begins: under the eager protocol everything is given up here (3.3)."""
        ...

    async def assign(
        self, leader: str, protocol: str, generation: int, members: Mapping[str, bytes]
    ) -> dict[str, bytes]:
        """Share out the work as the leader of this round.

        Args:
            leader: own member id.
            protocol: subprotocol that the broker chose.
            generation: of the group in this round.
            members: join metadata of each member, this one included.

        Returns:
            The assignment of each member.
        """
        ...

    async def on_joined(self, generation: int, member_id: str, protocol: str, assignment: bytes) -> None:
        """The round is over. What is revoked has been stopped when this returns."""
        ...

    async def on_lost(self, reason: str) -> None:
        """The worker is in no group any more: what it runs may soon run elsewhere and has to be stopped (3.3)."""
        ...


class Membership(Protocol):
    """A member of the group of workers. All methods are called on the event loop."""

    async def start(self, member: GroupMember) -> None:
        """Join, and stay joined until :meth:`stop`; returns at once, joining goes on in the background."""
        ...

    def rejoin(self, reason: str) -> None:
        """Begin another round soon; also ends an absence that :meth:`leave` began."""
        ...

    async def leave(self, reason: str) -> None:
        """Leave the group, and stay away until :meth:`rejoin`."""
        ...

    def alive(self, doing: str) -> None:
        """The herder's loop turns; if this is not said for ``rebalance.timeout.ms``, the worker leaves the group (4.1).

        Args:
            doing: what the herder does, for the warning.
        """
        ...

    async def stop(self) -> None:
        """Leave the group for good."""
        ...
