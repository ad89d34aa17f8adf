"""Change events, CloudEvents and plain records: what is written of each (spec/jdbc.md 16.2)."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum
from typing import Any, Final, NamedTuple

from linkspan.api import Schema, Type
from linkspan.api.regex import java_pattern
from linkspan.api.schema import DATE, TIME, TIMESTAMP
from linkspan_connectors.jdbc.dialects.dialect import ZONED

__all__ = ["DIGITS", "SCHEMA_CHANGE", "Action", "FieldFilter", "Form", "Forms", "is_truncation", "source_text"]

SCHEMA_CHANGE: Final = "SchemaChangeValue"
"""In the names of schemas of events that tell of changed tables."""
_ENVELOPE: Final = "Envelope"
_OPERATION: Final = "op"
_AFTER: Final = "after"
_SOURCE: Final = "source"
_DATA: Final = "data"

DIGITS: Final[Mapping[str, int]] = {"io.debezium.time.MicroTimestamp": 6, "io.debezium.time.NanoTimestamp": 9}
"""Numbers that are times, with the digits of a second's fraction that they count."""

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_FIRST_DAY: Final = datetime.date(1970, 1, 1)
_SECOND: Final = datetime.timedelta(seconds=1)


class Action(Enum):
    """What an event asks for."""

    WRITE = "write"
    DELETE = "delete"
    NOTHING = "nothing"
    """An event that there is no row of: a message, or a truncation that is looked at elsewhere or not wanted."""


_ACTIONS: Final[Mapping[object, Action]] = {
    "c": Action.WRITE,
    "r": Action.WRITE,
    "u": Action.WRITE,
    "d": Action.DELETE,
}


def _time_of(microseconds: int) -> datetime.time:
    return (_EPOCH + datetime.timedelta(microseconds=microseconds)).time()


def _instant(text: str) -> datetime.datetime:
    found = datetime.datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=datetime.UTC)


class _Meaning(NamedTuple):
    """What a number or text with the name of one of Debezium's types is.

    Attributes:
        type: that it has to have.
        made: the schema of what it becomes, which is optional or not.
        convert: makes that of it.
        parameters: of the schema.
    """

    type: Type
    name: str
    made: Type
    convert: Callable[[Any], object]
    parameters: Mapping[str, str] = {}


_MEANINGS: Final[Mapping[str, _Meaning]] = {
    "io.debezium.time.Date": _Meaning(
        Type.INT32, DATE, Type.INT32, lambda days: _FIRST_DAY + datetime.timedelta(days=days)
    ),
    "io.debezium.time.Time": _Meaning(Type.INT32, TIME, Type.INT32, lambda number: _time_of(number * 1000)),
    "io.debezium.time.MicroTime": _Meaning(Type.INT64, TIME, Type.INT32, _time_of),
    "io.debezium.time.NanoTime": _Meaning(Type.INT64, TIME, Type.INT32, lambda number: _time_of(number // 1000)),
    "io.debezium.time.Timestamp": _Meaning(
        Type.INT64, TIMESTAMP, Type.INT64, lambda number: _EPOCH + datetime.timedelta(milliseconds=number)
    ),
    "io.debezium.time.ZonedTimestamp": _Meaning(Type.STRING, TIMESTAMP, Type.INT64, _instant, {ZONED: "true"}),
}


_ONLY_IN_KEYS: Final[Mapping[str, _Meaning]] = {
    "io.debezium.time.MicroTimestamp": _Meaning(
        Type.INT64, TIMESTAMP, Type.INT64, lambda number: _EPOCH + datetime.timedelta(microseconds=number)
    ),
    "io.debezium.time.NanoTimestamp": _Meaning(
        Type.INT64, TIMESTAMP, Type.INT64, lambda number: _EPOCH + datetime.timedelta(microseconds=number // 1000)
    ),
}
"""Columns of keys are not made of numbers that are times."""


def _same_moment(convert: Callable[[Any], Any], zone: datetime.tzinfo) -> Callable[[Any], object]:
    """What clocks of a zone show as those of UTC show what is converted."""
    return lambda value: convert(value).replace(tzinfo=zone)


def _meanings(zone: datetime.tzinfo) -> Mapping[str, _Meaning]:
    """What is converted where clocks of the database show the time of a zone.

    The engine takes times and timestamps for those of UTC, and shows them in the zone. Debezium writes all of them as
    they stand, but for those with an offset (as measured with 3.2 in PostgreSQL).
    """
    if zone is datetime.UTC:
        return _MEANINGS

    def same_clock(convert: Callable[[Any], Any]) -> Callable[[Any], object]:
        return lambda value: datetime.datetime.combine(_FIRST_DAY, convert(value), zone).astimezone(datetime.UTC).time()

    def counted(unit: int) -> Callable[[Any], object]:
        def convert(number: int) -> int:
            seconds, rest = divmod(number, unit)
            moment = (_EPOCH + datetime.timedelta(seconds=seconds)).replace(tzinfo=zone)
            return (moment - _EPOCH) // _SECOND * unit + rest

        return convert

    found = dict(_MEANINGS)
    found[TIME] = _Meaning(Type.INT32, TIME, Type.INT32, lambda time: time)
    found[TIMESTAMP] = _Meaning(Type.INT64, TIMESTAMP, Type.INT64, lambda instant: instant)
    for name, meaning in found.items():
        if meaning.name == TIME:
            found[name] = meaning._replace(convert=same_clock(meaning.convert))
        elif meaning.name == TIMESTAMP and ZONED not in meaning.parameters:
            found[name] = meaning._replace(convert=_same_moment(meaning.convert, zone))
    for name, digits in DIGITS.items():
        found[name] = _Meaning(Type.INT64, name, Type.INT64, counted(10**digits))
    return found


def _meanings_in_keys(zone: datetime.tzinfo) -> Mapping[str, _Meaning]:
    """As of rows; what is a number there is a timestamp here."""
    if zone is datetime.UTC:
        return {**_MEANINGS, **_ONLY_IN_KEYS}
    numbers = {
        name: meaning._replace(convert=_same_moment(meaning.convert, zone)) for name, meaning in _ONLY_IN_KEYS.items()
    }
    return {**_meanings(zone), **numbers}


class FieldFilter:
    """Fields that are written (``field.include.list``, ``field.exclude.list``).

    Args:
        included: names, or regular expressions for ``topic:field``; none for all.
        excluded: likewise.
    """

    def __init__(self, included: Sequence[str] = (), excluded: Sequence[str] = ()) -> None:
        self._listed = [item.strip() for item in excluded or included]
        self._patterns = [java_pattern(item) for item in self._listed]
        self._default = bool(excluded) or not included

    def takes(self, topic: str, field: str) -> bool:
        """Whether a field is written."""
        full = f"{topic}:{field}"
        named = any(
            item in (field, full) or pattern.fullmatch(full if ":" in item else field)
            for item, pattern in zip(self._listed, self._patterns, strict=True)
        )
        return named is not self._default


class Form:
    """What is written of values of one schema.

    Args:
        value: the schema; None for none.
        wrapped: whether the value is a CloudEvent, which has what is written in its data.
        takes: whether a field is written.
        meanings: what is converted.
    """

    def __init__(
        self,
        value: Schema | None,
        *,
        wrapped: bool = False,
        takes: Callable[[str], bool] = lambda _: True,
        meanings: Mapping[str, _Meaning] = _MEANINGS,
    ) -> None:
        self._wrapped = wrapped
        self._meanings = meanings
        inner = _field_schema(value, _DATA) if wrapped else value
        self.is_event = inner is not None and _is_event(inner)
        row = _field_schema(inner, _AFTER) if self.is_event else inner
        self.row: Schema | None = row
        self._converts: list[tuple[str, Callable[[Any], object]]] = []
        if row is not None and row.type is Type.STRUCT:
            self.row = self._projected(row, takes)

    def _projected(self, row: Schema, takes: Callable[[str], bool]) -> Schema:
        fields: list[tuple[str, Schema]] = []
        for field in row.fields:
            if not takes(field.name):
                continue
            made = field.schema
            meaning = self._meanings.get(made.name or "")
            if meaning is not None and meaning.type is made.type:
                self._converts.append((field.name, meaning.convert))
                made = Schema(meaning.made, optional=made.optional or made.default is not None, name=meaning.name,
                              version=1, parameters=meaning.parameters)  # fmt: skip
            elif made.name in DIGITS and made.default is not None:
                # a default that is a number is none of a column of times
                made = Schema(made.type, optional=True, name=made.name, version=made.version)
            fields.append((field.name, made))
        return Schema(Type.STRUCT, name=row.name, fields=fields)

    @property
    def converts(self) -> bool:
        """Whether what is written is not what the record has."""
        return bool(self._converts)

    def inner(self, values: Sequence[Any]) -> Sequence[Any]:
        """Events, or rows, without what they are wrapped in."""
        return [value.get(_DATA) for value in values] if self._wrapped else values

    def by_action(self, events: Sequence[Any]) -> list[tuple[Action, Sequence[int] | None]]:
        """What is to be done, with the indexes of those to do it about; None for all of them."""
        if self.is_event:
            operations = ["d" if event is None else event.get(_OPERATION) for event in events]
        elif None in events:
            operations = ["d" if event is None else "c" for event in events]
        else:
            return [(Action.WRITE, None)]
        asked = {_ACTIONS.get(operation, Action.NOTHING) for operation in set(operations)}
        found: list[tuple[Action, Sequence[int] | None]] = []
        for action in (Action.WRITE, Action.DELETE):
            if asked == {action}:
                found.append((action, None))
            elif action in asked:
                found.append((action, [at for at, name in enumerate(operations) if _ACTIONS.get(name) is action]))
        return found

    def rows(self, events: Sequence[Any]) -> list[Any]:
        """What is written of each."""
        rows = [event.get(_AFTER) for event in events] if self.is_event else list(events)
        return [self._converted(row) for row in rows] if self._converts else rows

    def _converted(self, row: Any) -> Any:  # noqa: ANN401 - of any type
        if row is None:
            return None
        made = dict(row)
        for name, convert in self._converts:
            value = made.get(name)
            if value is not None:
                made[name] = _converted(convert, value)
        return made


def _converted(convert: Callable[[Any], object], value: object) -> object:
    """What cannot be converted stays, and is refused with its record when it is made ready for the database."""
    try:
        return convert(value)
    except (ArithmeticError, TypeError, ValueError):
        return value


def _field_schema(value: Schema | None, name: str) -> Schema | None:
    if value is None or value.type is not Type.STRUCT:
        return None
    return next((field.schema for field in value.fields if field.name == name), None)


def _is_event(value: Schema) -> bool:
    return _ENVELOPE in (value.name or "") and _field_schema(value, _OPERATION) is not None


def is_truncation(value: object, value_schema: Schema | None) -> bool:
    """Whether a record says that a table was emptied."""
    if value_schema is None or not isinstance(value, Mapping) or _ENVELOPE not in (value_schema.name or ""):
        return False
    return value.get(_OPERATION) == "t"


class Forms:
    """Forms of the schemas that come, remembered.

    Args:
        pattern: ``cloud.events.schema.name.pattern``.
        fields: which fields are written.
        keys: fields that are key columns, which are always written.
        zone: of clocks in the database.
    """

    _MOST: Final = 1_000

    def __init__(
        self, pattern: str, fields: FieldFilter, keys: Collection[str] = (), zone: datetime.tzinfo = datetime.UTC
    ) -> None:
        self._meanings = _meanings(zone)
        self._meanings_in_keys = _meanings_in_keys(zone)
        self._pattern = java_pattern(pattern)
        self._keys = frozenset(keys)
        self._fields = fields
        self._known: dict[tuple[str, Schema | None], Form] = {}
        self._of_keys: dict[Schema, Form] = {}

    def of(self, topic: str, value: Schema | None) -> Form:
        """What is written of values of a schema in a topic."""
        form = self._known.get((topic, value))
        if form is None:
            if len(self._known) >= self._MOST:
                self._known.clear()
            wrapped = value is not None and self._pattern.fullmatch(value.name or "") is not None
            form = Form(
                value,
                wrapped=wrapped,
                takes=lambda field: field in self._keys or self._fields.takes(topic, field),
                meanings=self._meanings,
            )
            self._known[topic, value] = form
        return form

    def of_key(self, key: Schema | None) -> Form | None:
        """What key columns are made of, when that is not what the key has."""
        if key is None or key.type is not Type.STRUCT:
            return None
        form = self._of_keys.get(key)
        if form is None:
            if len(self._of_keys) >= self._MOST:
                self._of_keys.clear()
            form = self._of_keys[key] = Form(key, meanings=self._meanings_in_keys)
        return form if form.converts else None


def source_text(inner: Any, name: str) -> str | None:  # noqa: ANN401 - of any type
    """A field of where an event comes from; None when there is none."""
    source = inner.get(_SOURCE)
    found = source.get(name) if isinstance(source, Mapping) else None
    return None if found is None else str(found)
