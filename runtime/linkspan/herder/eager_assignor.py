"""Sharing out the work anew in every round: the way of the subprotocol ``default`` (spec/runtime.md 3.5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import cycle

from linkspan.herder.protocol import CONNECTOR, WorkItem, java_order

__all__ = ["assign"]


def assign(members: Iterable[str], configured: Mapping[str, Iterable[int]]) -> dict[str, tuple[WorkItem, ...]]:
    """Deal out connectors and then tasks, one by one, in one circle of members.

    Args:
        members: ids of all members; there is at least one.
        configured: numbers of the tasks of each connector.

    Returns:
        All work of each member.
    """
    circle = sorted(members, key=java_order)
    connectors = sorted(configured, key=java_order)
    items = [(name, CONNECTOR) for name in connectors]
    items += [(name, number) for name in connectors for number in sorted(configured[name])]
    shares: dict[str, list[WorkItem]] = {member: [] for member in circle}
    for member, item in zip(cycle(circle), items, strict=False):
        shares[member].append(item)
    return {member: tuple(share) for member, share in shares.items()}
