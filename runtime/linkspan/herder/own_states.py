"""States of what runs on this worker, kept true in the status topic.

Every worker writes to that topic, and a write may arrive late: what a former owner said when it stopped, or what a
leader removed before it knew better, can hide the state of what runs here. Nobody but the owner can know; so it looks
now and then, and says it again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from linkspan.herder.protocol import CONNECTOR, WorkItem
from linkspan.herder.status_topic import Status, StatusTopic

__all__ = ["OwnStates"]


class OwnStates:
    """Writes states, and remembers those of what runs here.

    Args:
        statuses: the status topic.
        owned: whether something belongs to this worker and runs here.
    """

    def __init__(self, statuses: StatusTopic, owned: Callable[[WorkItem], bool]) -> None:
        self._statuses = statuses
        self._owned = owned
        self._last: dict[WorkItem, Status] = {}
        self._hidden: set[WorkItem] = set()

    def put(self, item: WorkItem, status: Status) -> None:
        """Write a state that something here has reached."""
        if status.state == "UNASSIGNED":
            self._last.pop(item, None)
        else:
            self._last[item] = status
        self._write(item, status)

    def restore(self, generation: int) -> None:
        """Write again what was hidden when this was called before, and still is.

        Args:
            generation: of the group; what was written in a newer one is left alone.
        """
        hidden = set()
        for item, status in list(self._last.items()):
            if not self._owned(item):
                del self._last[item]
            elif self._is_hidden(item, status, generation):
                if item in self._hidden:
                    self.put(item, replace(status, generation=generation))
                else:
                    hidden.add(item)
        self._hidden = hidden

    def _is_hidden(self, item: WorkItem, status: Status, generation: int) -> bool:
        name, number = item
        known = self._statuses.connector(name) if number == CONNECTOR else self._statuses.task(name, number)
        if known is None:
            return True
        if known.worker_id != status.worker_id:
            return known.generation <= generation
        if number != CONNECTOR and self._statuses.hidden(name, number):
            return True
        return (known.state, known.trace) != (status.state, status.trace)

    def _write(self, item: WorkItem, status: Status) -> None:
        name, number = item
        if number == CONNECTOR:
            self._statuses.put_connector(name, status)
        else:
            self._statuses.put_task(name, number, status)
