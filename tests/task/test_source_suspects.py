"""How a source takes records that are suspected of killing its process."""

from __future__ import annotations

from typing import Any

import pytest

from linkspan.api.errors import DataError, ProcessDied, UnreachableError
from linkspan.api.records import SourceRecord
from linkspan.task.chain import Chain, Step
from linkspan.task.conversion import Converters
from linkspan.task.source_suspects import WatchedConversion
from linkspan.task.suspects import NOBODY, Culprit, SourceSpan, Suspects
from linkspan.task.tolerance import ErrorPolicy, Stage, Tolerance
from tests.task.harness import Port, Reports, Text, Upper


def record(offset: int, value: object = "x", file: str = "a") -> SourceRecord:
    return SourceRecord({"file": file}, {"o": offset}, "t", value)


def mark(offset: int, file: str = "a") -> str:
    return f'{{"file":"{file}"}} {{"o":{offset}}}'


def span(first: int, last: int, records: int, nth: int = 0) -> SourceSpan:
    return SourceSpan('{"file":"a"}', mark(first), mark(last), records, nth)


def culprit(offset: int, nth: int = 0) -> Suspects:
    return Suspects((), (Culprit(span(offset, offset, 1, nth), "conversion", "SIGSEGV"),))


class Run:
    """A conversion with its surroundings."""

    def __init__(self, suspects: Suspects = NOBODY, *, tolerates: bool = True, steps: bool = False) -> None:
        self.port = Port()
        self.reports = Reports()
        self.text = Text()
        tolerance = Tolerance(ErrorPolicy(tolerate_all=tolerates), [self.reports], lambda _: False)
        chain = Chain([Step(Upper(), None, negate=False)], tolerance) if steps else None
        self.conversion = WatchedConversion(Converters(self.text, self.text, self.text), tolerance, chain)
        self.conversion.watch(self.port, suspects)  # type: ignore[arg-type]

    def prepare(self, *records: SourceRecord) -> tuple[list[bytes | None], Any]:
        prepared = self.conversion.prepare(records)
        return [value for part in prepared.parts for value in part.batch.values], prepared.positions

    @property
    def flights(self) -> list[tuple[Any, bool]]:
        return [(SourceSpan(*spans[0]), alone) for call, spans, alone in self.port.flights if call == "conversion"]


def test_a_poll_is_in_flight_while_it_is_converted():
    run = Run()
    assert run.prepare(record(1, "a"), record(2, "b")) == ([b"a", b"b"], [({"file": "a"}, {"o": 2})])
    assert run.flights == [(span(1, 2, 2), False)]
    assert run.port.flights[-1] == ("", [], False)


@pytest.mark.parametrize("steps", [False, True])
def test_suspects_are_converted_alone_until_the_last_of_them_is_through(steps):
    suspected = span(2, 4, 3)
    run = Run(Suspects((suspected,)), steps=steps)
    values, positions = run.prepare(record(1), record(2), record(3))
    assert (len(values), positions) == (3, [({"file": "a"}, {"o": 3})])
    run.prepare(record(4), record(5))
    assert run.port.passed_spans == [suspected]
    run.prepare(record(6), record(7))
    assert run.flights == [*[(span(n, n, 1), True) for n in range(1, 6)], (span(6, 7, 2), False)]


def test_suspects_that_never_come_are_waited_for_among_ten_times_as_many_records():
    run = Run(Suspects((span(2, 4, 3),)))
    for n in range(100, 130):
        assert run.port.passed_spans == []
        run.prepare(record(n))
    assert run.port.passed_spans == [span(2, 4, 3)]


def test_a_culprit_is_skipped_and_reported_where_errors_are_tolerated():
    run = Run(culprit(2))
    dropped: list[SourceRecord] = []
    run.conversion.on_drop = dropped.append
    assert run.prepare(record(1, "a"), record(2, "b"), record(3, "c")) == ([b"a", b"c"], [({"file": "a"}, {"o": 3})])
    (failure,) = run.reports.failures
    assert isinstance(failure.error, ProcessDied)
    assert failure.stage is Stage.VALUE_CONVERTER
    assert [each.value for each in dropped] == ["b"]
    assert run.conversion.dropped == 1


def test_the_position_of_a_culprit_that_came_last_is_not_committed_before_something_comes_behind_it():
    assert Run(culprit(2)).prepare(record(1), record(2))[1] == [({"file": "a"}, {"o": 1})]
    assert Run(culprit(2)).prepare(record(2)) == ([], [])


@pytest.mark.parametrize("suspects", [(), (span(1, 9, 9),)])
def test_reading_goes_on_after_a_culprit_that_was_set_aside(suspects):
    run = Run(Suspects(suspects, culprit(2).culprits), steps=True)
    run.conversion.sets_aside = True
    assert run.prepare(record(1), record(2))[1] == [({"file": "a"}, {"o": 2})]
    assert run.prepare(record(3), record(4, "drop"))[1] == [({"file": "a"}, {"o": 3})]
    alone = Run(Suspects(suspects, culprit(2).culprits))
    alone.conversion.sets_aside = True
    assert alone.prepare(record(2)) == ([], [({"file": "a"}, {"o": 2})])


def test_a_culprit_fails_the_task_where_errors_are_not_tolerated():
    run = Run(culprit(2), tolerates=False, steps=True)
    with pytest.raises(DataError, match=r"TRANSFORMATION .* up to {'o': 2}.*died in conversion") as caught:
        run.prepare(record(1), record(2))
    assert isinstance(caught.value.__cause__, ProcessDied)
    assert len(run.reports.failures) == 1


def test_among_records_with_the_same_offset_the_culprit_is_told_by_its_place():
    run = Run(culprit(2, nth=1))
    assert run.prepare(record(2, "a"), record(2, "b"), record(2, "c"))[0] == [b"a", b"c"]
    split = Run(culprit(2, nth=1))
    assert split.prepare(record(2, "a"))[0] == [b"a"]
    assert split.prepare(record(2, "b"))[0] == []


def test_after_an_outage_a_poll_is_taken_again_and_its_culprit_is_reported_once():
    run = Run(culprit(2, nth=1))
    convert = run.text.from_connect
    outages = [UnreachableError("registry is away")]

    def from_connect(topic: str, schema: object, value: object, headers: object = None) -> bytes | None:
        if value == "a" and outages:
            raise outages.pop()
        return convert(topic, schema, value, headers)

    run.text.from_connect = from_connect  # type: ignore[method-assign]
    polled = [record(2, "a"), record(2, "b")]
    with pytest.raises(UnreachableError):
        run.prepare(*polled)
    assert run.port.flights[-1] == ("", [], False)
    assert run.reports.failures == []
    assert run.prepare(*polled)[0] == [b"a"]
    assert len(run.reports.failures) == 1


def test_after_an_outage_among_suspects_only_those_that_are_left_are_taken_again():
    run = Run(Suspects((span(1, 3, 3),)))
    dropped: list[SourceRecord] = []
    run.conversion.on_drop = dropped.append
    run.text.fails["c"] = [UnreachableError("registry is away") for _ in range(3)]
    polled = [record(1, "bad"), record(2, "b"), record(3, "c")]
    outages = 0
    while outages < 4:
        try:
            values, positions = run.prepare(*polled)
            break
        except UnreachableError:
            outages += 1
    assert (values, positions) == ([b"b", b"c"], [({"file": "a"}, {"o": 3})])
    assert outages > 0
    assert [failure.subject.origin.value for failure in run.reports.failures] == ["bad"]  # type: ignore[union-attr]
    assert [each.value for each in dropped] == ["bad"]
    assert run.conversion.dropped == 1
    assert run.prepare(record(4, "d"))[0] == [b"d"]


def test_partitions_and_offsets_may_hold_anything():
    run = Run(Suspects((span(2, 4, 3),)))
    odd = SourceRecord({"a": b"\0", "n": 1 << 70}, {"o": 1 << 70, "when": object()}, "t", "x")
    assert run.prepare(odd, record(4))[0] == [b"x", b"x"]
    assert run.port.passed_spans == [span(2, 4, 3)]
