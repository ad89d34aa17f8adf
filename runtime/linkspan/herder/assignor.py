"""Sharing out the work while it runs: incremental cooperative rebalancing (KIP-415, spec/runtime.md 3.6).

The leader moves as little as it can. Work of a worker that left waits for its return; what has to move is revoked in
one round and assigned in the next, so that nothing ever runs twice.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Final, TypeAlias

from linkspan.herder.protocol import CONNECTOR, WorkerState, WorkItem, java_order

__all__ = ["IncrementalAssignor", "Round"]

_Shares: TypeAlias = dict[str, dict[WorkItem, None]]
"""Work of each member, in the order in which it has it."""
_BACKOFF_MULTIPLIER: Final = 40


@dataclass(frozen=True, slots=True)
class Round:
    """What the leader decided.

    Attributes:
        assigned: what is new for each member.
        revoked: what each member has to stop.
        owned: what each member has afterwards.
        delay_ms: time until the group should join again; 0 for none.
    """

    assigned: Mapping[str, tuple[WorkItem, ...]]
    revoked: Mapping[str, tuple[WorkItem, ...]]
    owned: Mapping[str, tuple[WorkItem, ...]]
    delay_ms: int


class IncrementalAssignor:
    """Decides for the leader, and remembers what it decided in the round before.

    Args:
        max_delay_ms: how long work of a lost worker waits for it, at most.

    Attributes:
        candidates: members that came without work while lost work was waiting, in the order in which they came.
        scheduled_ms: when the wait ends; 0 for no wait.
    """

    def __init__(self, max_delay_ms: int) -> None:
        self.candidates: dict[str, None] = {}
        self.scheduled_ms = 0
        self._max_delay_ms = max_delay_ms
        self._delay_ms = 0
        self._assignment: set[WorkItem] = set()
        self._revocation: set[WorkItem] = set()
        self._generation = -1
        self._members: frozenset[str] = frozenset()
        self._revoked_before = False
        self._successive_revocations = 0

    def assign(
        self,
        members: Mapping[str, WorkerState],
        configured: Mapping[str, Iterable[int]],
        completed_generation: int,
        generation: int,
        now_ms: int,
    ) -> Round:
        """Decide one round.

        Args:
            members: what each member said when it joined.
            configured: numbers of the tasks of each connector.
            completed_generation: the last generation whose assignment reached the leader itself; -1 for none.
            generation: of this round.
            now_ms: the leader's clock.
        """
        wanted = {(name, CONNECTOR) for name in configured}
        wanted |= {(name, number) for name, numbers in configured.items() for number in numbers}
        held = {member: dict.fromkeys(members[member].items) for member in sorted(members, key=java_order)}
        active = {item for share in held.values() for item in share}
        before = self._recall(active, completed_generation)

        deleted = before - wanted
        lost = before - active - deleted
        created = wanted - before - active
        times = Counter(item for share in held.values() for item in share)
        # Each holder gives up what several have; it counts as created in the next round.
        surplus = deleted | {item for item, count in times.items() if count > 1}
        shares = {member: {item: None for item in share if item not in surplus} for member, share in held.items()}
        revoked = {member: [item for item in share if item in surplus] for member, share in held.items()}

        orphans = self._take_care_of(lost, shares, now_ms)
        for member, items in self._balance(wanted, shares, now_ms).items():
            revoked[member] += items
            for item in items:
                del shares[member][item]
        _deal_out(shares, [*_in_order(created), *_in_order(orphans)])

        self._assignment = {item for share in shares.values() for item in share} | lost
        self._revocation = {item for items in revoked.values() for item in items}
        self._generation = generation
        self._members = frozenset(members)
        return Round(
            assigned={
                member: tuple(item for item in share if item not in held[member]) for member, share in shares.items()
            },
            revoked={member: tuple(items) for member, items in revoked.items()},
            owned={
                member: tuple(item for item in share if item not in revoked[member]) for member, share in shares.items()
            },
            delay_ms=self._delay_ms,
        )

    def _recall(self, active: set[WorkItem], completed_generation: int) -> set[WorkItem]:
        """What was assigned before this round, as far as it can be relied on."""
        if self._revocation & active:
            return active  # the members did not get to know the last round
        return self._assignment if self._generation == completed_generation else set()

    # --- work of workers that left ------------------------------------------------------------------------------

    def _take_care_of(self, lost: set[WorkItem], shares: _Shares, now_ms: int) -> Collection[WorkItem]:
        """Let lost work wait, or give it to those that wait for it; what is returned is for anybody."""
        if not lost and not self._revoked_before:
            self._end_wait()
            return ()
        nobody_left = self.scheduled_ms <= 0 and self._members <= shares.keys()
        if nobody_left or self._max_delay_ms == 0:
            return lost
        if 0 < self.scheduled_ms <= now_ms:
            heirs = [member for member in self.candidates if member in shares]
            for items in _by_kind(_in_order(lost)):
                for member, item in zip(cycle(heirs), items, strict=False):
                    shares[member][item] = None
            self._end_wait()
            self._revoked_before = False
            return () if heirs else lost
        self.candidates |= dict.fromkeys(member for member, share in shares.items() if not share)
        waiting = now_ms < self.scheduled_ms
        self._delay_ms = min(self.scheduled_ms - now_ms, self._max_delay_ms) if waiting else self._max_delay_ms
        self.scheduled_ms = now_ms + self._delay_ms
        return ()

    def _end_wait(self) -> None:
        self.candidates.clear()
        self.scheduled_ms = 0
        self._delay_ms = 0

    # --- balance ------------------------------------------------------------------------------------------------

    def _balance(self, wanted: set[WorkItem], shares: _Shares, now_ms: int) -> dict[str, list[WorkItem]]:
        """What each member has to give up so that others get their part; all members keep their work during a wait."""
        if self._delay_ms:
            self._revoked_before = False
            return {}
        excess = _excess(wanted, shares)
        if not excess:
            if self._revoked_before:
                self._revoked_before = False
                self._successive_revocations = 0
            return {}
        if not self._revoked_before:
            self._revoked_before = True
            return excess
        self._successive_revocations += 1
        self._delay_ms = self._backoff_ms()
        if self._delay_ms == 0:
            return excess
        self.scheduled_ms = now_ms + self._delay_ms
        return {}

    def _backoff_ms(self) -> int:
        """Wait before yet another round of revocations: 40 ms, 1.6 s, 64 s, and so on up to the longest delay."""
        if self._max_delay_ms <= 1:
            return self._max_delay_ms
        largest = math.log(self._max_delay_ms) / math.log(_BACKOFF_MULTIPLIER)
        exponent = min(float(self._successive_revocations), largest)
        return min(int(math.pow(_BACKOFF_MULTIPLIER, exponent)), self._max_delay_ms)


def _excess(wanted: set[WorkItem], shares: _Shares) -> dict[str, list[WorkItem]]:
    """What members have above their part; connectors and tasks are counted separately."""
    found: dict[str, list[WorkItem]] = {}
    if not wanted or not any(shares.values()):
        return found
    connectors = sum(number == CONNECTOR for _, number in wanted)
    by_kind = {member: _by_kind(share) for member, share in shares.items()}
    for kind, total in enumerate((connectors, len(wanted) - connectors)):
        each, extra = divmod(total, len(shares))
        sizes = Counter(len(split[kind]) for split in by_kind.values())
        if sizes[each + 1] == extra and sizes[each] + sizes[each + 1] == len(shares):
            continue
        for member, split in by_kind.items():
            above = len(split[kind]) - each
            if above > 0 and extra > 0:
                extra -= 1
                above -= 1
            if above > 0:
                found.setdefault(member, []).extend(split[kind][:above])
    return found


def _deal_out(shares: _Shares, items: Iterable[WorkItem]) -> None:
    """Give each item to a member with the least work of its kind."""
    for kind, dealt in enumerate(_by_kind(items)):
        sizes = {member: len(_by_kind(share)[kind]) for member, share in shares.items()}
        members = sorted(sizes, key=lambda member: (sizes[member], java_order(member)))
        left = list(dealt)
        while left:
            lowest = [member for member in members if sizes[member] == sizes[members[0]]]
            for member, item in zip(lowest, left, strict=False):
                shares[member][item] = None
                sizes[member] += 1
            del left[: len(lowest)]


def _in_order(items: Iterable[WorkItem]) -> list[WorkItem]:
    return sorted(items, key=lambda item: (java_order(item[0]), item[1]))


def _by_kind(items: Iterable[WorkItem]) -> tuple[Sequence[WorkItem], Sequence[WorkItem]]:
    """Connectors and tasks."""
    ordered = list(items)
    connectors = [item for item in ordered if item[1] == CONNECTOR]
    return connectors, [item for item in ordered if item[1] != CONNECTOR]
