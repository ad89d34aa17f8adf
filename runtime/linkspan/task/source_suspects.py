"""Records of a source that are suspected of killing its process in a converter or transform.

As for sinks (:mod:`linkspan.task.suspects`), with the difference that a source's offsets have no order that we know.
What one ``poll`` returned is in flight while it is transformed and converted. After several deaths there, each record
is taken alone until the last one that was in flight is through. A culprit is known again by its source partition and
offset, and by how many records with the same ones came directly before it; since offsets are committed behind it sooner
or later, it is looked for only for a while.

A process that dies in ``poll`` dies before there is a record: nothing can be found then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import orjson

from linkspan.api.records import SourceRecord
from linkspan.task.offsets import Part, last_positions
from linkspan.task.port import WorkerPort
from linkspan.task.source_conversion import Prepared, SourceConversion
from linkspan.task.suspects import Culprit, SourceSpan, Suspects
from linkspan.task.tolerance import Failure, Stage, Underway, class_name

__all__ = ["WatchedConversion"]

_CONVERSION: Final = "conversion"
_PATIENCE: Final = 10
"""Times as many records as were in flight are taken alone, when the last of them does not come."""
_MOST_LOOKS: Final = 1_000_000
"""Records among which a culprit is looked for; so many are not left to be committed."""
_MARK_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS


class _Marked(NamedTuple):
    """A record with what it is known by."""

    record: SourceRecord
    identity: tuple[str, int]


class WatchedConversion(SourceConversion):
    """Notes what it converts, and takes suspects one by one. Call :meth:`watch` before anything else."""

    _port: WorkerPort

    def watch(self, port: WorkerPort, suspects: Suspects) -> None:
        """Take note of suspects, and of whom to tell what is in flight."""
        self._port = port
        self._spans = [span for span in suspects.spans if isinstance(span, SourceSpan)]
        self._alone = _PATIENCE * sum(span.records for span in self._spans)
        self._culprits: dict[tuple[str, int], Culprit] = {
            (each.span.last, each.span.nth): each for each in suspects.culprits if isinstance(each.span, SourceSpan)
        }
        self._looks = _MOST_LOOKS
        self._done: list[Prepared] = []
        """What became of the first records of this poll, when an outage came in between."""
        self._last = ("", 0)

    def prepare(self, polled: Sequence[SourceRecord]) -> Prepared:
        """Transform and convert what a poll returned; raises as :meth:`SourceConversion.prepare` does."""
        if not self._spans and not self._culprits:
            return self._noted(polled, SourceSpan(*_places(polled[0], polled[-1]), len(polled)))
        marked = list(self._marked(polled))
        innocent = [each for each in marked if each.identity not in self._culprits]
        culprits = [each for each in marked if each.identity in self._culprits]
        parts, kept = self._each_alone(innocent) if self._spans else self._together(innocent)
        # only now, since all of it is done again after an outage
        self._fail_all(culprits)
        if self.sets_aside:
            kept += [each.record for each in culprits]
        self._through(marked)
        counted = set(map(id, kept))
        return Prepared(parts, last_positions([each.record for each in marked if id(each.record) in counted]))

    def _noted(self, polled: Sequence[SourceRecord], span: SourceSpan, *, alone: bool = False) -> Prepared:
        self._port.in_flight(_CONVERSION, [span], alone=alone)
        try:
            return super().prepare(polled)
        finally:
            self._port.in_flight("", ())

    def _marked(self, polled: Sequence[SourceRecord]) -> Iterator[_Marked]:
        mark, nth = self._last
        for record in polled:
            before, mark = mark, _mark(record)
            nth = nth + 1 if mark == before else 0
            yield _Marked(record, (mark, nth))

    def _together(self, innocent: Sequence[_Marked]) -> tuple[Sequence[Part], list[SourceRecord]]:
        """Convert them; also, after which of them reading goes on."""
        if not innocent:
            return (), []
        records = [each.record for each in innocent]
        prepared = self._noted(records, SourceSpan(*_places(records[0], records[-1]), len(records)))
        return prepared.parts, self._counted(records)

    def _each_alone(self, innocent: Sequence[_Marked]) -> tuple[Sequence[Part], list[SourceRecord]]:
        # each one is reported at once: after an outage, only those that are left are taken again
        for record, (_, nth) in innocent[len(self._done) :]:
            span = SourceSpan(*_places(record, record), 1, nth)
            self._done.append(self._noted([record], span, alone=True))
        done, self._done = self._done, []
        parts: list[Part] = [part for prepared in done for part in prepared.parts]
        return parts, [each.record for each, prepared in zip(innocent, done, strict=True) if prepared.positions]

    def _fail_all(self, culprits: Sequence[_Marked]) -> None:
        """Fail records that kill the process; raises when that is not tolerated."""
        stage = Stage.VALUE_CONVERTER if self._chain is None else Stage.TRANSFORMATION
        for record, identity in culprits:
            error = self._culprits[identity].error()
            self._tolerance.fail(Failure(stage, class_name(self), error, Underway(record, record)))
            self._tolerance.report()
            self.dropped += 1
            if self.on_drop is not None:
                self.on_drop(record)

    def _through(self, marked: Sequence[_Marked]) -> None:
        """These records are through; the last one of a suspicion ends it."""
        self._last = marked[-1].identity
        self._looks -= len(marked)
        if self._looks <= 0:
            self._culprits = {}
        self._alone -= len(marked)
        marks = {each.identity[0] for each in marked}
        behind = self._spans if self._alone <= 0 else [span for span in self._spans if span.last in marks]
        if behind:
            self._spans = [span for span in self._spans if span not in behind]
            self._port.passed(behind)


def _places(first: SourceRecord, last: SourceRecord) -> tuple[str, str, str]:
    return _text(first.source_partition), _mark(first), _mark(last)


def _mark(record: SourceRecord) -> str:
    return f"{_text(record.source_partition)} {_text(record.source_offset)}"


def _text(value: Any) -> str:  # noqa: ANN401 - whatever plugins put into partitions and offsets
    try:
        return orjson.dumps(value, default=repr, option=_MARK_OPTIONS).decode()
    except TypeError:  # a number beyond 64 bits
        return repr(value)
