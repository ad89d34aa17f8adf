"""Consumer groups whose members are processes: who is there, and who reads what.

A change in a group (somebody comes, goes, dies, or a topic grows) raises its generation. A member that notices gives up
its partitions first and then declares itself ready for the new generation; only when all members are ready does each of
them compute the same assignment. So no two members ever hold one partition, and a member may commit until it is ready.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from linkspan.api.records import TopicPartition
from linkspan.log.embedded.store import Store

__all__ = ["GroupMember", "Live", "live_members"]

_NOT_READY = -1


class Live(NamedTuple):
    """One living member: its name, the topics it wants, and the generation it is ready for."""

    member: str
    topics: tuple[str, ...]
    ready: int


def live_members(store: Store, group: str) -> list[Live]:
    """Members whose process is alive and that looked in lately enough."""
    rows = store.rows(
        "SELECT member, topics, ready, pid, born, seen, patience FROM members WHERE consumers = ? ORDER BY member",
        group,
    )
    now = time.time()
    return [
        Live(member, tuple(json.loads(topics)), ready)
        for member, topics, ready, pid, born, seen, patience in rows
        if _birth(pid) == born and now - seen < patience
    ]


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
        self.generation = _NOT_READY
        self._joined = False

    def join(self, topics: Sequence[str]) -> None:
        """Enter the group, or enter again with other topics; everybody shares out anew."""
        with self._store.transaction():
            self._store.rows(
                "INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                *(self._group, self._name, json.dumps(sorted(topics)), os.getpid(), self._born),
                *(time.time(), self._patience, _NOT_READY),
            )
            self._raise_generation()
        self._joined = True

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

    def look_in(self) -> int:
        """Show that this member lives, remove those that do not; the group's generation."""
        with self._store.transaction():
            self._store.rows(
                "UPDATE members SET seen = ? WHERE consumers = ? AND member = ?", time.time(), self._group, self._name
            )
            living = {item.member for item in live_members(self._store, self._group)}
            known = self._store.rows("SELECT member FROM members WHERE consumers = ?", self._group)
            dead = [member for (member,) in known if member not in living]
            for member in dead:
                self._store.rows("DELETE FROM members WHERE consumers = ? AND member = ?", self._group, member)
            if dead:
                self._raise_generation()
        return self.current()

    def current(self) -> int:
        """The group's generation."""
        row = self._store.row("SELECT generation FROM groups WHERE consumers = ?", self._group)
        return 0 if row is None else int(row[0])

    def declare_ready(self, generation: int) -> None:
        """Everything of earlier generations was given up."""
        self._store.rows(
            "UPDATE members SET ready = ? WHERE consumers = ? AND member = ?", generation, self._group, self._name
        )

    def assignment(self, generation: int) -> list[TopicPartition] | None:
        """This member's share when all are ready for ``generation``, else None. Kafka's range assignment."""
        members = live_members(self._store, self._group)
        if any(item.ready != generation for item in members) or self.current() != generation:
            return None
        share: list[TopicPartition] = []
        for topic in sorted({topic for item in members for topic in item.topics}):
            found = self._store.topic(topic)
            readers = [item.member for item in members if topic in item.topics]
            if found is None or self._name not in readers:
                continue
            each, extra = divmod(found[1], len(readers))
            place = readers.index(self._name)
            begin = place * each + min(place, extra)
            share += [TopicPartition(topic, number) for number in range(begin, begin + each + (place < extra))]
        self.generation = generation
        return share

    def _raise_generation(self) -> None:
        self._store.rows(
            "INSERT INTO groups VALUES (?, 1) ON CONFLICT (consumers) DO UPDATE SET generation = generation + 1",
            self._group,
        )


def _birth(pid: int) -> str:
    """When a process was started, in the kernel's ticks: tells a process from a later one with the same number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
