"""How many messages a unit of work takes: learned from what the queue manager refuses (MAXUMSGS, spec/mq.md 3.7)."""

from __future__ import annotations

import logging
from typing import Final

__all__ = ["UnitSize"]

log = logging.getLogger(__name__)

_LARGEST: Final = 5000
"""Messages: half of what a queue manager takes by default."""


class UnitSize:
    """Of the units of work of one connection.

    What else belongs to a unit, such as a state that is taken and put again, is not counted: a unit for which there is
    no room makes the next ones smaller, whichever of its calls was refused.
    """

    def __init__(self) -> None:
        self._most = _LARGEST
        self._tried = _LARGEST

    def of(self, wanted: int) -> int:
        """Messages to take of so many that are there, for the next unit."""
        self._tried = min(wanted, self._most)
        return self._tried

    def refused(self) -> bool:
        """The queue manager took no more; whether units can become smaller than this one was."""
        if self._tried <= 1:
            return False
        self._most = self._tried = self._tried // 2
        log.warning("Units of work get smaller, %d messages: the queue manager takes no more (MAXUMSGS)", self._most)
        return True
