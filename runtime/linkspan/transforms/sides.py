"""What transforms of one side of a record, its key or its value, have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final, Generic, NamedTuple, TypeVar

from linkspan.api.errors import DataError, UnsupportedError
from linkspan.api.fields import Config
from linkspan.api.records import Column, RecordColumns, SinkRecord, SourceRecord, StructRows
from linkspan.api.schema import Schema
from linkspan.api.transform import Transform

__all__ = ["Plan", "PlanCache", "SideTransform", "changed_each"]

RecordT = TypeVar("RecordT", SourceRecord, SinkRecord)
ConfigT = TypeVar("ConfigT", bound=Config)
P = TypeVar("P")

_LARGEST: Final = 16


class Plan(NamedTuple):
    """What a transform does with all values of a schema.

    Attributes:
        schema: the schema of what comes out.
        change: makes a new value of an old one, which it leaves as it is.
    """

    schema: Schema | None
    change: Callable[[Any], object]


class PlanCache(Generic[P]):
    """What was worked out for the schemas seen last; the latest one costs no more than a comparison of identities.

    Args:
        make: works it out; what it raises is raised again for each record.
    """

    __slots__ = ("_known", "_latest", "_make", "_plan")

    def __init__(self, make: Callable[[Schema | None], P]) -> None:
        self._make = make
        self._known: dict[Schema | None, P] = {}
        self._latest: object = self  # no schema
        self._plan: P

    def __call__(self, schema: Schema | None) -> P:
        """What is to be done with values of this schema."""
        if schema is not self._latest:
            self._plan = self._look_up(schema)
            self._latest = schema
        return self._plan

    def _look_up(self, schema: Schema | None) -> P:
        known = self._known
        plan = known.pop(schema) if schema in known else self._make(schema)
        if len(known) >= _LARGEST:
            del known[next(iter(known))]
        known[schema] = plan
        return plan


def changed_each(change: Callable[[Any], object], values: Iterable[Any], schema: Schema | None) -> Column:
    """New values of all; where a value is refused, the column says so and goes on behind it."""
    made: list[object] = []
    failures: dict[int, Exception] = {}
    rest = iter(values)
    while True:
        try:
            made.extend(map(change, rest))
            return Column(made, schema, failures=failures)
        except DataError as error:
            failures[len(made)] = error
            made.append(None)


class SideTransform(Transform[ConfigT]):
    """Changes the key, or the value, of each record.

    Attributes:
        is_key: which of the two; set by the class for keys and the one for values.
        keeps_null: whether a record without value on this side stays as it is.
    """

    is_key: ClassVar[bool] = False
    keeps_null: ClassVar[bool] = True

    def __init__(self) -> None:
        self.plans = PlanCache(self.plan)

    @abstractmethod
    def plan(self, schema: Schema | None) -> Plan:
        """Work out what is to be done with values of a schema.

        Raises:
            DataError: there are no values of that schema that could be changed.
        """

    def apply(self, record: RecordT) -> RecordT | None:
        """The record with its side changed."""
        schema, value = (record.key_schema, record.key) if self.is_key else (record.value_schema, record.value)
        if value is None and self.keeps_null:
            return record
        plan = self.plans(schema)
        return self.changed(record, plan.schema, plan.change(value))

    def apply_all(self, columns: RecordColumns) -> RecordColumns | None:
        """The same for a whole column of values of one schema."""
        column = columns.keys if self.is_key else columns.values
        values = column.values
        kinds = {dict} if type(values) is StructRows else set(map(type, values))
        has_nulls = self.keeps_null and type(None) in kinds
        if column.schemas is not None or (has_nulls and column.schema is not None):
            raise UnsupportedError("The schemas differ")
        plan = self.plans(column.schema)
        change = plan.change
        changed: Column | None = None
        if column.schema is None and kinds == {dict}:
            with suppress(DataError):
                changed = Column(self._maps_changed(values))
        elif has_nulls:
            changed = changed_each(lambda value: None if value is None else change(value), values, plan.schema)
        if changed is None:
            changed = changed_each(change, values, plan.schema)
        twin = columns.copy()
        if self.is_key:
            twin.keys = changed
        else:
            twin.values = changed
        return twin

    def _maps_changed(self, maps: Sequence[Any]) -> Sequence[object]:
        rows = StructRows.of(maps)
        changed = None if rows is None else self.change_rows(rows)
        return list(map(self.plans(None).change, maps)) if changed is None else changed

    def change_rows(self, rows: StructRows) -> Sequence[object] | None:  # noqa: ARG002 - of those that override it
        """New values of maps in columns; None, as here, where each is changed by itself."""
        return None

    def changed(self, record: RecordT, schema: Schema | None, value: object) -> RecordT:
        """A copy of the record with this on its side."""
        twin = record.copy()
        if self.is_key:
            twin.key_schema, twin.key = schema, value
        else:
            twin.value_schema, twin.value = schema, value
        return twin
