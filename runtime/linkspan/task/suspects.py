"""Records that are suspected of killing the process of their task.

A process that dies cannot say why. It leaves behind which records were in flight (:class:`Span`), and the worker counts
deaths. When there were several on the same records, the next process is told: it takes these one at a time
(:mod:`linkspan.task.sink_suspects`, :mod:`linkspan.task.source_suspects`). If it dies again, the record that was alone
in flight is the culprit (:class:`Culprit`); it is not processed any more, but failed as ``errors.tolerance`` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from linkspan.api.errors import ProcessDied
from linkspan.api.records import TopicPartition

__all__ = ["NOBODY", "AnySpan", "Culprit", "SourceSpan", "Span", "Suspects", "read_span", "told_span"]


class Span(NamedTuple):
    """Records of one partition of the log, from offset ``begin`` to before ``end``."""

    topic: str
    partition: int
    begin: int
    end: int

    @property
    def place(self) -> TopicPartition:
        """The partition."""
        return TopicPartition(self.topic, self.partition)

    @property
    def size(self) -> int:
        """How many records there may be."""
        return self.end - self.begin

    def shared(self, other: AnySpan) -> Span | None:
        """Records that are in both."""
        if not isinstance(other, Span) or other.place != self.place:
            return None
        begin, end = max(self.begin, other.begin), min(self.end, other.end)
        return Span(self.topic, self.partition, begin, end) if begin < end else None

    def beyond(self, culprit: AnySpan) -> Span | None:
        """What is left to be suspected once a culprit among these records is known."""
        if self.shared(culprit) is None:
            return self
        assert isinstance(culprit, Span), "it shares records"
        return self._replace(begin=culprit.end) if culprit.end < self.end else None

    def passed_by(self, other: AnySpan) -> bool:
        """Whether these records are done with when those are."""
        return isinstance(other, Span) and other.place == self.place and self.end <= other.end

    def __str__(self) -> str:
        offsets = f"offset {self.begin}" if self.size == 1 else f"offsets {self.begin} to {self.end - 1}"
        return f"{self.topic}-{self.partition} {offsets}"


class SourceSpan(NamedTuple):
    """Records that a source returned from one ``poll``.

    Attributes:
        partition: source partition of the first one, as text.
        first: source partition and offset of the first one, as text.
        last: of the last one.
        records: how many.
        nth: how many with the same source partition and offset came directly before the first one.
    """

    partition: str
    first: str
    last: str
    records: int
    nth: int = 0

    @property
    def size(self) -> int:
        """How many records."""
        return self.records

    def shared(self, other: AnySpan) -> SourceSpan | None:
        """The other one, when both may hold the same records: the next process may poll them in other portions."""
        return other if isinstance(other, SourceSpan) and other.partition == self.partition else None

    def beyond(self, culprit: AnySpan) -> SourceSpan | None:
        """The same, unless the culprit was the last one."""
        return None if isinstance(culprit, SourceSpan) and culprit.last == self.last else self

    def passed_by(self, other: AnySpan) -> bool:
        """Whether these records are done with when those are."""
        return other == self

    def __str__(self) -> str:
        return self.first if self.records == 1 else f"{self.records} records from {self.first} to {self.last}"


AnySpan = Span | SourceSpan

_KINDS: Final[Mapping[str, type[AnySpan]]] = MappingProxyType({"log": Span, "source": SourceSpan})


def told_span(span: AnySpan) -> list[object]:
    """Values that :func:`read_span` makes a span of."""
    return ["log" if isinstance(span, Span) else "source", *span]


def read_span(values: Sequence[Any]) -> AnySpan:
    """A span of the values that :func:`told_span` made of it."""
    return _KINDS[values[0]](*values[1:])


class Culprit(NamedTuple):
    """A record that kills the process that takes it.

    Attributes:
        span: the record.
        call: what was done with it.
        death: how the process ended.
    """

    span: AnySpan
    call: str
    death: str

    def error(self) -> ProcessDied:
        """What the record is failed with."""
        return ProcessDied(f"The process of the task died in {self.call} of this record alone: {self.death}")


@dataclass(frozen=True)
class Suspects:
    """What a task is told about the deaths of those before it. Picklable.

    Attributes:
        spans: records to be taken one by one.
        culprits: records not to be taken at all.
    """

    spans: tuple[AnySpan, ...] = ()
    culprits: tuple[Culprit, ...] = ()


NOBODY: Final = Suspects()
