"""Consumer groups whose members are processes: who is there, and who reads what.

A change in a group (somebody comes, goes, dies, or a topic grows) raises its generation. A member that notices gives up
its partitions first and then declares itself ready for the new generation; only when all members are ready does each of
them compute the same assignment. So no two members ever hold one partition, and a member may commit until it is ready.
Only a member that has not looked in for longer than its ``max.poll.interval.ms`` may still believe it holds something:
its commits are refused, and its next poll tells it what it has lost.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from linkspan.api.records import TopicPartition
from linkspan.log.embedded.store import Store

__all__ = ["GroupMember", "live_members"]

_NOT_READY: Final = -1
_LONGEST_TICK_SECONDS: Final = 1.0


def live_members(store: Store, group: str) -> set[str]:
    """Members whose process is alive and that looked in lately enough."""
    return _members(store, group)[0]


def _members(store: Store, group: str) -> tuple[set[str], set[str]]:
    """Names of the living, and of the dead that nobody has removed yet."""
    rows = store.rows("SELECT member, pid, born, seen, patience FROM members WHERE consumers = ?", group)
    # All processes share this clock, and nobody can set it. It begins anew when the machine starts: whoever was seen
    # in the future was there before that.
    now = time.monotonic()
    living = {
        member for member, pid, born, seen, patience in rows if 0 <= now - seen < patience and _birth(pid) == born
    }
    return living, {member for member, *_ in rows} - living


class GroupMember:
    """This reader's place in its group.

    Args:
        store: connection to the log.
        group: name of the group.
        patience: seconds without a look-in after which the others go on without this member.
    """

    def __init__(self, store: Store, group: str, patience: float) -> None:
        self._store = store
        self._group = group
        self._patience = patience
        self._born = _birth(os.getpid())
        self._name = uuid.uuid4().hex
        self._joined = False
        self._ready = _NOT_READY
        self._shown = 0.0
        self.tick = min(_LONGEST_TICK_SECONDS, patience / 4)
        """Seconds between two look-ins."""
        # A look-in is written only every now and then, so that a group at rest writes next to nothing; the others
        # grant as much more patience.
        self._pause = patience / 4

    def join(self, topics: Sequence[str]) -> None:
        """Enter the group, or enter again with other topics; everybody shares out anew."""
        with self._store.transaction():
            self._store.rows(
                "INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                *(self._group, self._name, json.dumps(sorted(topics)), os.getpid(), self._born),
                *(time.monotonic(), self._patience + self._pause + self.tick, _NOT_READY),
            )
            self._raise_generation()
        self._joined = True
        self._ready = _NOT_READY
        self._shown = time.monotonic()

    def leave(self) -> None:
        """Leave the group."""
        if not self._joined:
            return
        self._joined = False
        with self._store.transaction():
            self._store.rows("DELETE FROM members WHERE consumers = ? AND member = ?", self._group, self._name)
            self._raise_generation()

    @property
    def present(self) -> bool:
        """Whether the group still counts this member in."""
        row = self._store.row("SELECT 1 FROM members WHERE consumers = ? AND member = ?", self._group, self._name)
        return row is not None

    def look_in(self) -> None:
        """Show that this member lives, and remove those that do not."""
        due = time.monotonic() - self._shown >= self._pause
        if not due and not _members(self._store, self._group)[1]:
            return
        with self._store.transaction():
            self._store.rows(
                "UPDATE members SET seen = ? WHERE consumers = ? AND member = ?",
                *(time.monotonic(), self._group, self._name),
            )
            dead = _members(self._store, self._group)[1]
            for member in dead:
                self._store.rows("DELETE FROM members WHERE consumers = ? AND member = ?", self._group, member)
            if dead:
                self._raise_generation()
        self._shown = time.monotonic()

    def current(self) -> int:
        """The group's generation."""
        row = self._store.row("SELECT generation FROM groups WHERE consumers = ?", self._group)
        return 0 if row is None else int(row[0])

    def declare_ready(self, generation: int) -> None:
        """Everything of earlier generations was given up."""
        if generation == self._ready:
            return  # a write would wake all the others for nothing
        self._store.rows(
            "UPDATE members SET ready = ? WHERE consumers = ? AND member = ?", generation, self._group, self._name
        )
        self._ready = generation

    def assignment(self, generation: int) -> list[TopicPartition] | None:
        """This member's share when all are ready for ``generation``, else None. Kafka's range assignment.

        A member that has died counts until somebody removes it, which makes a new generation: whoever computes shares
        of one generation sees the same members.
        """
        rows = self._store.rows(
            "SELECT member, topics, ready, generation FROM members JOIN groups USING (consumers) "
            "WHERE consumers = ? ORDER BY member",
            self._group,
        )
        if any(current != generation or ready != generation for _, _, ready, current in rows):
            return None
        topics_of = {member: set(json.loads(topics)) for member, topics, _, _ in rows}
        if self._name not in topics_of:
            return None
        share: list[TopicPartition] = []
        for topic in sorted(topics_of[self._name]):
            found = self._store.topic(topic)
            if found is None:
                continue
            readers = [member for member, topics in topics_of.items() if topic in topics]
            each, extra = divmod(found[1], len(readers))
            place = readers.index(self._name)
            begin = place * each + min(place, extra)
            share += [TopicPartition(topic, number) for number in range(begin, begin + each + (place < extra))]
        return share

    def _raise_generation(self) -> None:
        self._store.rows(
            "INSERT INTO groups VALUES (?, 1) ON CONFLICT (consumers) DO UPDATE SET generation = generation + 1",
            self._group,
        )


def _birth(pid: int) -> str:
    """When a process was started, in the kernel's ticks: tells a process from a later one with the same number."""
    try:
        state, *others = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    # A process that was killed and that its parent has not asked about yet still has an entry.
    return "" if state in "ZX" else others[18]
