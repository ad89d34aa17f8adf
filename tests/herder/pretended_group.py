"""A group of workers that only pretends: what its leader decides is carried out, or lost on the way."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from linkspan.herder.assignor import IncrementalAssignor, Round
from linkspan.herder.protocol import (
    CONNECTOR,
    Assignment,
    WorkerState,
    WorkItem,
    decode_worker_state,
    encode_worker_state,
)

OFFSET = 7


@dataclass
class PretendedGroup:
    """Members by their ids, each with the work it has; the first one leads.

    Attributes:
        asked: what the leader was asked in each round, for another leader to answer.
        decided: what it answered.
    """

    max_delay_ms: int
    members: dict[str, tuple[WorkItem, ...]] = field(default_factory=dict)
    connectors: dict[str, int] = field(default_factory=dict)
    generation: int = 0
    completed: int = -1
    now_ms: int = 1_000_000
    asked: list[dict[str, Any]] = field(default_factory=list)
    decided: list[Round | None] = field(default_factory=list)
    joined: int = 0

    def __post_init__(self) -> None:
        self.replace_leader()

    def replace_leader(self) -> None:
        """Somebody leads who knows nothing of the past."""
        self.assignor = IncrementalAssignor(self.max_delay_ms)
        self.completed = self.generation or -1
        self.asked.append({"op": "new", "max_delay": self.max_delay_ms})
        self.decided.append(None)

    def join(self, items: tuple[WorkItem, ...] = ()) -> str:
        self.joined += 1
        # Ids whose order is not the order of joining, some of them not ASCII.
        member = f"{'wört'[self.joined * 7 % 4]}-{self.joined * 37 % 101}-{self.joined}"
        self.members[member] = items
        return member

    @property
    def wanted(self) -> set[WorkItem]:
        return {(name, n) for name, count in self.connectors.items() for n in range(CONNECTOR, count)}

    def round(self, missed_by: Collection[str] = ()) -> Round:
        """One rebalance; its outcome does not get to those named."""
        self.generation += 1
        leader = next(iter(self.members))
        said = {member: _metadata(member, items) for member, items in self.members.items()}
        self.asked.append(
            {
                "op": "round",
                "protocol": "sessioned",
                "leader": leader,
                "members": {member: content.hex() for member, content in said.items()},
                "connectors": dict(self.connectors),
                "completed": self.completed,
                "generation": self.generation,
                "now": self.now_ms,
            }
        )
        states = {member: decode_worker_state(content) for member, content in said.items()}
        configured = {name: range(count) for name, count in self.connectors.items()}
        made = self.assignor.assign(states, configured, self.completed, self.generation, self.now_ms)
        self.decided.append(made)
        for member in self.members.keys() - set(missed_by):
            kept = [item for item in self.members[member] if item not in made.revoked[member]]
            self.members[member] = (*made.assigned[member], *kept)
        if leader not in missed_by:
            self.completed = self.generation
        return made

    def settle(self, most: int) -> int:
        """Rounds, waiting out delays, until nothing changes any more; says how many there were."""
        quiet = 0
        for count in range(1, most + 1):
            made = self.round()
            self.now_ms += made.delay_ms
            changed = made.delay_ms > 0 or any((*made.revoked.values(), *made.assigned.values()))
            # A leader that knows nothing of the past sees only in its second round what was deleted.
            quiet = 0 if changed else quiet + 1
            if quiet == 2:
                return count
        raise AssertionError(f"Still moving work after {most} rounds: {made}")

    def step(self, chance: random.Random) -> None:
        """Something happens to the group, and often a round after it."""
        names = [f"c{n}" for n in range(6)]
        match chance.choice(("join", "leave", "create", "delete", "resize", "wait", "round", "round", "rare")):
            case "join":
                self.join()
            case "leave" if len(self.members) > 1:
                # The one that leads stays, as somebody new would know nothing of the past.
                del self.members[chance.choice(list(self.members)[1:])]
            case "create" | "resize":
                self.connectors[chance.choice(names)] = chance.randrange(9)
            case "delete" if self.connectors:
                del self.connectors[chance.choice(list(self.connectors))]
            case "wait":
                self.now_ms += chance.choice((1, 40, 1600, self.max_delay_ms // 2, self.max_delay_ms))
            case "rare":
                self._rare_step(chance)
        if chance.random() < 0.7:
            missed_by = [member for member in self.members if chance.random() < 0.3] if chance.random() < 0.2 else []
            self.round(missed_by)

    def _rare_step(self, chance: random.Random) -> None:
        match chance.choice(("returns with its work", "has the work of another", "others lead")):
            case "returns with its work" if len(self.members) > 1:
                self.join(self.members.pop(chance.choice(list(self.members)[1:])))
            case "has the work of another":
                self.join(self.members[chance.choice(list(self.members))])
            case "others lead":
                self.replace_leader()


def _metadata(member: str, items: tuple[WorkItem, ...]) -> bytes:
    allocation = Assignment(2, 0, "leader", "http://leader", OFFSET, items) if items else None
    return encode_worker_state(WorkerState(f"http://{member}", OFFSET, allocation), 2)


def pretended(seed: int, max_delay_ms: int, steps: int = 40) -> PretendedGroup:
    """A group to which seeded things happened."""
    chance = random.Random(seed)
    group = PretendedGroup(max_delay_ms)
    group.join()
    for _ in range(steps):
        group.step(chance)
    return group
