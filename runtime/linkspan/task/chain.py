"""Transforms and their predicates, in the order of the configuration (spec/runtime.md 4.15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from linkspan.api.records import RecordColumns, SinkRecord, SourceRecord, left
from linkspan.api.transform import Predicate, Transform
from linkspan.task.reaction import is_of_record
from linkspan.task.tolerance import DROPPED, Consumed, Stage, Tolerance, Underway, class_name

__all__ = ["Chain", "Missed", "Passed", "Step"]

RecordT = TypeVar("RecordT", SourceRecord, SinkRecord)


class Step(NamedTuple):
    """One transform of a chain.

    Attributes:
        transform: the transform.
        predicate: decides whether it applies; None means always.
        negate: whether the predicate's answer is turned round.
    """

    transform: Transform[Any]
    predicate: Predicate[Any] | None = None
    negate: bool = False

    @property
    def in_columns(self) -> bool:
        """Whether it may be able to do many records at once."""
        able = type(self.transform).apply_all is not Transform.apply_all
        return able and (self.predicate is None or type(self.predicate).test_all is not Predicate.test_all)

    def apply_all(self, columns: RecordColumns) -> RecordColumns | None:
        """Many records at once; raises whatever keeps it from that."""
        if self.predicate is not None and self.predicate.test_all(columns) == self.negate:
            return columns
        return self.transform.apply_all(columns)

    def apply(self, record: RecordT) -> RecordT | None:
        """The record to go on with, or None to drop it."""
        if self.predicate is not None and self.predicate.test(record) == self.negate:
            return record
        return self.transform.apply(record)


class Missed(NamedTuple):
    """A record that a transform failed for.

    Attributes:
        executing: full name of the transform's class.
        error: what it said.
        columns: what it got, with the record in it.
        at: the record's index there.
    """

    executing: str
    error: Exception
    columns: RecordColumns
    at: int


class Passed(NamedTuple):
    """What became of many records that were sent through a chain at once.

    Attributes:
        columns: those to go on with; None when there are none.
        kept: their indices among those that were sent.
        failures: the others that were not dropped on purpose, by their indices.
    """

    columns: RecordColumns | None
    kept: Sequence[int]
    failures: Mapping[int, Missed]


class Chain:
    """The transforms of one task.

    Args:
        steps: the transforms, in order; at least one (a task without transforms has no chain).
        tolerance: decides about failed records.
    """

    def __init__(self, steps: Sequence[Step], tolerance: Tolerance) -> None:
        self._steps = tuple(steps)
        self._tolerance = tolerance
        self._in_columns = all(step.in_columns for step in self._steps)

    @property
    def in_columns(self) -> bool:
        """Whether it is worth while to try :meth:`apply_all`."""
        return self._in_columns

    def apply_all(self, columns: RecordColumns) -> Passed:
        """Send many records through the chain at once, unguarded.

        Raises:
            Exception: a transform refused, or failed and could not say for which records; they are to be sent through
                :meth:`apply`.
        """
        kept: Sequence[int] = range(len(columns))
        failures: dict[int, Missed] = {}
        for step in self._steps:
            result = step.apply_all(columns)
            if result is None:
                return Passed(None, (), failures)
            if result.keys.failures or result.values.failures:
                bad = {**result.keys.failures, **result.values.failures}
                name = class_name(step.transform)
                for at, error in bad.items():
                    if not is_of_record(error):
                        raise error
                    failures[kept[at]] = Missed(name, error, columns, at)
                kept = left(kept, bad)
                if not kept:
                    return Passed(None, (), failures)
                result = result.without(bad)
            columns = result
        return Passed(columns, kept, failures)

    def apply(self, record: RecordT, subject: SourceRecord | Consumed) -> RecordT | None:
        """Send one record through the chain.

        Args:
            record: the record.
            subject: the record as it came in, to name it when a transform fails.

        Returns:
            the record to go on with; None when it was dropped on purpose, or failed and that is tolerated.

        Raises:
            ConnectError: a transform failed and that is not tolerated.
        """
        for step in self._steps:
            try:
                result = step.apply(record)
            except Exception as error:  # noqa: BLE001 - supervision point: transforms are plugins
                seen = subject if isinstance(subject, Consumed) else Underway(subject, record)  # type: ignore[arg-type]
                recovered = self._tolerance.recover(
                    Stage.TRANSFORMATION, class_name(step.transform), error, partial(step.apply, record), seen
                )
                result = None if recovered is DROPPED else recovered
            if result is None:
                return None
            record = result
        return record
