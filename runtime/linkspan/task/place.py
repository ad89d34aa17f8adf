"""The place of a sink task in its consumer group, when the task itself could not give it up."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from linkspan.api.errors import RetriableError
from linkspan.api.records import TopicPartition
from linkspan.task import settings
from linkspan.task.spec import TaskSpec

__all__ = ["give_up_place"]

_SLICE: Final = 0.05


class _Arrival:
    """Notes that the group has let a member in."""

    def __init__(self) -> None:
        self.there = False

    def on_assigned(self, _: Sequence[TopicPartition]) -> None:
        self.there = True

    def on_revoked(self, _: Sequence[TopicPartition]) -> None: ...

    def on_lost(self, _: Sequence[TopicPartition]) -> None: ...


def give_up_place(spec: TaskSpec, seconds: float) -> None:
    """Take over the place of a task whose process is dead, and leave the group with it.

    The group then shares its partitions among the other members, instead of waiting for the end of its session. It
    needs no right that the task has not, and what may be left of the task is fenced.

    Args:
        spec: the task; nothing of it runs any more, and nothing of it is started before this returns.
        seconds: how long the group may take to let it in.

    Raises:
        RetriableError: the group has not done so.
    """
    limits = settings.sink_settings(spec, takes_large_batches=False)
    reader = spec.log.reader(spec.client_settings["consumer"])
    arrival = _Arrival()
    deadline = time.monotonic() + seconds
    try:
        reader.subscribe(list(dict.fromkeys(limits.topics)), arrival, matches=limits.matches)
        while not arrival.there:
            if time.monotonic() >= deadline:
                raise RetriableError(f"Consumer group of {spec.id}: no answer within {seconds:g} s")
            reader.poll(_SLICE, 1)
    finally:
        reader.close(seconds)
