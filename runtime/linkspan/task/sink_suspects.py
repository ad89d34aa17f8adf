"""How a sink takes records that are suspected of killing its process (:mod:`linkspan.task.suspects`): one by one.

What a SIGKILL, or the death that is looked for, between any two steps does:

====  =======================================================  ==========================================
Step  What happened                                            A death right after it
====  =======================================================  ==========================================
1     everything before the record is committed                it is read again, first of all
2     the record is read, and noted to be in flight            as 1, and it is the culprit
3     it was converted and put                                 as 2
4     ``pre_commit`` returned                                  as 2
5     its offset is committed                                  reading goes on after it; it stays noted until
                                                               the next one is, so it may be called the culprit
                                                               once too often: it is not read again, and so
                                                               nothing is done to it
6     the worker is told that the suspects are passed          nothing
====  =======================================================  ==========================================

A task whose ``pre_commit`` holds offsets back keeps more than one record in flight. Then none is called the culprit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from linkspan.api.records import TopicPartition
from linkspan.log.port import FetchedBatch
from linkspan.task.port import WorkerPort
from linkspan.task.suspects import Culprit, Span, Suspects
from linkspan.task.tolerance import PUT_CLASS, Consumed, Failure, Stage, class_name

__all__ = ["SinkSuspects"]

_MOST_STEPS: Final = 10_000
"""More records than that are taken several at a time; another death then narrows them down."""
_CONVERSION: Final = "conversion"

Offsets = Mapping[TopicPartition, int]
"""An offset of each partition that is assigned, or of some of them."""


class SinkSuspects:
    """Where a sink task stands with its suspects; leaves word of what is in flight.

    Args:
        suspects: of its connector; those in partitions that it has not got are ignored.
        port: told of what is in flight, and of what is behind all committed offsets.
    """

    def __init__(self, suspects: Suspects, port: WorkerPort) -> None:
        culprits = {each.span: each for each in suspects.culprits if isinstance(each.span, Span)}
        spans = [span for span in suspects.spans if isinstance(span, Span)]
        self._spans = [*spans, *culprits]
        self._culprits = {(span.place, span.begin): each for span, each in culprits.items()}
        self._step = max(1, sum(span.size for span in spans) // _MOST_STEPS)
        self._alone = False
        self._port = port

    # -- what is read ------------------------------------------------------------------------------------------------

    def limit(self, usual: int, current: Offsets) -> int:
        """How many records may be read now, so that the next one that is suspected comes alone.

        Args:
            usual: how many it would be otherwise.
            current: offset of the next record.
        """
        limits = [
            self._step if span.begin <= current[span.place] else span.begin - current[span.place]
            for span in self._spans
            if span.place in current and current[span.place] < span.end
        ]
        return min([usual, *limits])

    def surplus(self, fetched: Iterable[FetchedBatch], usual: int, current: Offsets) -> dict[TopicPartition, int]:
        """Where to read again, when suspects would not come alone: partitions were assigned while these were read."""
        if not self._spans or sum(map(len, fetched)) <= self.limit(usual, current):
            return {}
        return {place: current[place] for batch in fetched for place in batch.positions if place in current}

    def next_is_suspected(self, current: Offsets) -> bool:
        """Whether the next read may bring a suspect, or has just brought the last one: what is before it has to go."""
        return any(span.begin <= current.get(span.place, -1) <= span.end for span in self._spans)

    # -- what is in flight -------------------------------------------------------------------------------------------

    def in_hand(self, begins: Offsets, committed: Offsets, ends: Offsets) -> None:
        """Leave word of what goes to the plugins now; of suspects, what they have not let be committed yet.

        Args:
            begins: up to where records were put.
            committed: up to where they are committed.
            ends: up to where they were read.
        """
        self._alone = any(
            span.begin < ends[span.place] and begins.get(span.place, 0) < span.end
            for span in self._spans
            if span.place in ends
        )
        self._note(_CONVERSION if self._alone else "put", committed if self._alone else begins, ends)

    def put(self, committed: Offsets, ends: Offsets) -> None:
        """Suspects are converted, and are put now."""
        if self._alone:
            self._note("put", committed, ends)

    def pre_commit(self, committed: Offsets, ends: Offsets) -> None:
        """The task is asked what may be committed."""
        self._note("pre_commit", committed, ends)

    def returned(self) -> None:
        """Nothing is in flight."""
        self._port.in_flight("", ())

    def _note(self, call: str, begins: Offsets, ends: Offsets) -> None:
        spans = [
            Span(place.topic, place.partition, begin, end)
            for place, end in ends.items()
            if (begin := begins.get(place, end - 1)) < end
        ]
        if spans:
            self._port.in_flight(call, spans, alone=self._alone)

    # -- what becomes of them ----------------------------------------------------------------------------------------

    def failure(self, batch: FetchedBatch, conversion: object) -> Failure | None:
        """What is to be reported when this batch is a culprit, None otherwise; ``conversion`` is what converts it."""
        if not self._culprits or len(batch) != 1:
            return None
        culprit = self._culprits.get((TopicPartition(batch.topic, batch.partitions[0]), batch.offsets[0]))
        return None if culprit is None else _failure(culprit, batch, conversion)

    def committed(self, offsets: Offsets) -> None:
        """Forget what lies before these offsets."""
        behind = [span for span in self._spans if offsets.get(span.place, -1) >= span.end]
        if behind:
            self._spans = [span for span in self._spans if span not in behind]
            self._port.passed(behind)


def _failure(culprit: Culprit, batch: FetchedBatch, conversion: object) -> Failure:
    converting = culprit.call == _CONVERSION
    stage = Stage.VALUE_CONVERTER if converting else Stage.TASK_PUT
    executing = class_name(conversion) if converting else PUT_CLASS
    return Failure(stage, executing, culprit.error(), Consumed(batch, 0))
