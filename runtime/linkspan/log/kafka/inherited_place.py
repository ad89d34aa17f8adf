"""What a static member takes over when it joins, and whether that serves what it subscribes to."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from linkspan.api.errors import RetriableError
from linkspan.api.records import TopicPartition
from linkspan.log.kafka.admin import KafkaAdmin
from linkspan.log.kafka.settings import of_worker

__all__ = ["InheritedPlace"]

_LOOK: Final = 1.0
_LOOKS: Final = 2
_PATIENCE_MS: Final = "5000"


class InheritedPlace:
    """The first place that a static member gets.

    Whoever joins with a ``group.instance.id`` that the broker still knows gets what that id had before, without a round
    (KIP-345), and not what it subscribes to now. So there may be topics that it does not want, and partitions that
    nobody reads until something else begins a round: of topics that are new in its configuration or match its pattern
    only now, and such as a topic has been given meanwhile. A round leaves no partition without a reader whose topic
    somebody subscribes to; where there is one, the place is an old one that does not fit, to be left and joined anew.

    Args:
        settings: of the consumer, as Java's takes them.
        clock: monotonic seconds.
    """

    def __init__(self, settings: Mapping[str, str], clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = of_worker("admin", {**settings, "default.api.timeout.ms": _PATIENCE_MS})
        self._group = settings["group.id"]
        self._clock = clock
        self._look_at: float | None = None
        self._looks = 0
        self._is_foreign = False

    def refuses(self, partitions: Collection[TopicPartition], topics: Collection[str]) -> bool:
        """Take note of an assignment; whether it must not be read because it is for other topics than these."""
        if any(partition.topic not in topics for partition in partitions):
            self._is_foreign = True
        if self._look_at is None or self._is_foreign:
            # the second round of a cooperative assignor, which gives out the rest, is over by then
            self._look_at = self._clock() + (0 if self._is_foreign else _LOOK)
        return self._is_foreign

    @property
    def is_due(self) -> bool:
        """Whether it is time to look."""
        return self._look_at is not None and self._clock() >= self._look_at

    def look_later(self) -> None:
        """Look again, when what is there could not be told now."""
        self._look_at = self._clock() + _LOOK

    def fits(self, own: AbstractSet[TopicPartition], wanted: AbstractSet[TopicPartition]) -> bool | None:
        """Whether every partition has a reader.

        Args:
            own: what this member reads.
            wanted: all partitions of the topics that it subscribes to.

        Returns:
            None while that cannot be told yet.

        Raises:
            ConnectError: the group cannot be looked at.
        """
        if self._is_foreign:
            return False
        if wanted <= own:
            return True
        self.look_later()
        read = self._read_by_anybody()
        if read is None:
            return None
        if wanted <= read:
            return True
        self._looks += 1
        return False if self._looks == _LOOKS else None

    def _read_by_anybody(self) -> AbstractSet[TopicPartition] | None:
        admin = KafkaAdmin(self._settings)
        try:
            return admin.assigned_partitions(self._group)
        except RetriableError:
            return None
        finally:
            admin.close()
