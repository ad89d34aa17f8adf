"""What sources that deliver exactly once have written, against what the config topic says: the rules of KIP-618."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

_BY_ANYBODY = ("target-state-", "logger-cluster-")
_CONNECTOR = "connector-"
_CUT = "commit-"
_COUNTED = "tasks-fencing-"


@dataclass
class Ledger:
    """Sees every record of the config topic, compacted or not, and every write of a task that the brokers accept.

    A set of tasks is known by the offset of the record that put it in force.

    Attributes:
        breaches: rules that were broken.
        told: hears what happens, for the trace.
        enabled: whether tasks deliver exactly once.
    """

    breaches: list[str]
    told: Callable[[str], None]
    enabled: bool = False
    _cuts: dict[str, list[int]] = field(default_factory=dict)
    _counts: dict[str, list[int]] = field(default_factory=dict)
    _sizes: dict[str, int] = field(default_factory=dict)
    _deleted: set[str] = field(default_factory=set)
    _newest: dict[str, int] = field(default_factory=dict)

    def appended(self, key: bytes, value: bytes | None, offset: int, *, by_leader: bool) -> None:
        """A record has got into the config topic."""
        text = key.decode()
        if self.enabled and not by_leader and not text.startswith(_BY_ANYBODY):
            self.breaches.append(f"{text} was written though nobody had claimed the config topic")
        if text.startswith(_CONNECTOR) and value is None:
            self._deleted.add(text.removeprefix(_CONNECTOR))
        elif text.startswith(_CUT):
            name = text.removeprefix(_CUT)
            self._cuts.setdefault(name, []).append(offset)
            self._sizes[name] = orjson.loads(value or b"{}")["tasks"]
            self._deleted.discard(name)
        elif text.startswith(_COUNTED):
            name = text.removeprefix(_COUNTED)
            self._counts.setdefault(name, []).append(offset)
            counted = orjson.loads(value or b"{}")["task-count"]
            # of a deleted one there are none, and a round that was under way may still count those of before
            if counted != self._sizes[name] and (counted or name not in self._deleted):
                self.breaches.append(f"{counted} tasks of {name} were counted, though there are {self._sizes[name]}")

    def set_before(self, connector: str, offset: int) -> int:
        """The set of tasks that is in force for whoever has read so far; -1 for none."""
        cuts = self._cuts.get(connector, [])
        found = bisect_left(cuts, offset)
        return cuts[found - 1] if found else -1

    def begins(self, who: str, connector: str, task_set: int) -> None:
        """A task begins to write."""
        if not any(count > task_set for count in self._counts.get(connector, ())):
            self.breaches.append(f"{who} begins to write before older tasks were fenced out")

    def written(self, who: str, connector: str, task_set: int) -> None:
        """The brokers have accepted what a task wrote."""
        newest = self._newest.get(connector, -1)
        if task_set < newest:
            self.breaches.append(f"{who} of set {task_set} has written, though set {newest} had its turn")
        self._newest[connector] = max(newest, task_set)

    def offsets_changed(self, connector: str, read_to: int) -> None:
        """A user has changed the offsets of a connector that has no tasks: no task of before may write any more."""
        self._newest[connector] = max(self._newest.get(connector, -1), self.set_before(connector, read_to))
