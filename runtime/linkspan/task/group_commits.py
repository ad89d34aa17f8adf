"""When the offsets of a sink task are stored in its consumer group, and what became of it (spec/runtime.md 4.13).

One commit is in flight at a time. A newer one overtakes it, and an answer to the older one no longer counts. Which
offsets may be stored is the loop's business.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from linkspan.api.errors import ConnectError, RetriableError
from linkspan.api.records import TopicPartition
from linkspan.log.port import Reader

__all__ = ["GroupCommits", "accepted_offsets"]

_log = logging.getLogger("linkspan.task.sink")

_ANSWER_SLICE: Final = 0.02

Offsets = Mapping[TopicPartition, int]


class GroupCommits:
    """Commits of one task; times in seconds.

    Args:
        reader: member of the group.
        stored: told of offsets that the group has stored.
        interval: time between two commits.
        timeout: after that a commit in flight counts as failed.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        reader: Reader,
        stored: Callable[[Offsets], None],
        *,
        interval: float,
        timeout: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reader = reader
        self._stored = stored
        self._interval = interval
        self._timeout = timeout
        self._clock = clock
        self._number = 0
        self._began: float | None = None
        self._next_at = 0.0
        self._done = self._failures = self._skipped = 0

    # -- when --------------------------------------------------------------------------------------------------------

    def put_off(self) -> None:
        """The next one is due after an interval from now."""
        self._next_at = self._clock() + self._interval

    def are_due(self, *, asked: bool) -> bool:
        """Whether the next one may be made: none is in flight, and it is time or the task has asked for it."""
        return self._began is None and (asked or self._clock() >= self._next_at)

    @property
    def look_at(self) -> float:
        """When there is something to do: the next commit, which has to wait for the one in flight."""
        return self._next_at if self._began is None else max(self._next_at, self._began + self._timeout)

    def give_up_late(self) -> None:
        """Wait no longer for an answer that is overdue."""
        if self._began is not None and self._clock() - self._began > self._timeout:
            self._failures += 1
            self._began = None
            _log.warning("Commit of offsets timed out after %.1f s", self._timeout)

    # -- what --------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A new one begins, with the question what it may hold."""
        self._number += 1
        self._began = None

    def skip(self) -> None:
        """There is nothing to store."""
        self._skipped += 1

    def refuse(self) -> None:
        """The task could not say what may be stored."""
        self._failures += 1

    def now(self, offsets: Offsets) -> None:
        """Store these, and wait for it."""
        self._settle(offsets, self._reader.commit)

    def later(self, offsets: Offsets) -> None:
        """Have these stored; a later poll of the reader brings the answer."""
        self._began = self._clock()
        try:
            self._reader.commit(offsets, callback=partial(self._answered, self._number, offsets))
        except ConnectError as error:
            self._failed(error)

    def at_last(self, offsets: Offsets, patience: float, most: int) -> None:
        """Store these when the task ends: a group that is away must not keep it from its ``stop``.

        Args:
            offsets: the offsets.
            patience: longest wait.
            most: records that a poll may bring along; they are read again by whoever goes on from here.
        """
        self._settle(offsets, partial(self._commit_within, patience, most))

    def _settle(self, offsets: Offsets, commit: Callable[[Offsets], None]) -> None:
        try:
            commit(offsets)
        except ConnectError as error:
            self._failed(error)
        else:
            self._succeeded(offsets)

    def _commit_within(self, patience: float, most: int, offsets: Offsets) -> None:
        answers: list[Exception | None] = []
        self._reader.commit(offsets, callback=answers.append)
        until = self._clock() + patience
        while not answers:
            left = until - self._clock()
            if left <= 0:
                raise RetriableError(f"the group did not answer within {patience:.1f} s")
            self._reader.poll(min(left, _ANSWER_SLICE), most)
        if answers[0] is not None:
            raise answers[0]

    def _answered(self, number: int, offsets: Offsets, error: Exception | None) -> None:
        if number != self._number:
            self._skipped += 1  # overtaken by a newer one
        elif error is None:
            self._succeeded(offsets)
        else:
            self._failed(error)

    def _succeeded(self, offsets: Offsets) -> None:
        self._began = None
        self._done += 1
        self._stored(offsets)

    def _failed(self, error: Exception) -> None:
        self._began = None
        self._failures += 1
        _log.error("Commit of offsets failed, the next one includes them: %s", error)

    def counts(self) -> dict[str, float]:
        """Metrics (spec/runtime.md 8)."""
        return {
            "offset-commit-seq-no": self._number,
            "offset-commit-completion-total": self._done,
            "offset-commit-failure-total": self._failures,
            "offset-commit-skip-total": self._skipped,
        }


def accepted_offsets(
    provided: Offsets,
    current: Offsets,
    committed: Offsets,
) -> dict[TopicPartition, int]:
    """What to commit: the last committed offsets overlaid with those of the task that make sense.

    Args:
        provided: what ``pre_commit`` returned.
        current: up to where records were put.
        committed: what is stored.
    """
    accepted = dict(committed)
    for partition, offset in provided.items():
        if partition not in committed:
            _log.warning("Ignoring offset %d for %s: the partition is not assigned to this task", offset, partition)
        elif offset > current[partition]:
            _log.warning(
                "Ignoring offset %d for %s: only records before %d were put", offset, partition, current[partition]
            )
        else:
            accepted[partition] = offset
    return accepted
