"""Dates and times of databases → values of Connect (spec/jdbc.md 8.1, 8.4 and 15)."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from linkspan.api import DataError, Schema, Type, schema
from linkspan_connectors.jdbc.results import OutOfRange
from linkspan_connectors.jdbc.zones import from_wall

__all__ = ["TimeForms", "epoch_nanos"]

T = TypeVar("T", bound=datetime.date)

Values: TypeAlias = Sequence[Any]
Form: TypeAlias = "tuple[Schema, frozenset[type], Callable[[Any], Any], Callable[[Values], Values] | None]"
"""Schema, types that values have normally, what makes one value, what makes a column of such values."""

_UTC: Final = datetime.UTC
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=_UTC)
_EPOCH_DAY: Final = datetime.date(1970, 1, 1)
_SECONDS_OF_DAY: Final = 86_400
_LEAST: Final = -(1 << 63)
_MOST: Final = (1 << 63) - 1
_CUTOVER: Final = datetime.date(1582, 10, 15)
_CUTOVER_WALL: Final = datetime.datetime(1582, 10, 15)  # noqa: DTZ001 - a wall clock
_CUTOVER_MOMENT: Final = datetime.datetime(1582, 10, 15, tzinfo=_UTC)


def epoch_nanos(value: datetime.datetime) -> int:
    """Nanoseconds since the epoch of a moment with a zone."""
    past = value - _EPOCH
    return ((past.days * _SECONDS_OF_DAY + past.seconds) * 1_000_000 + past.microseconds) * 1000


@dataclass(frozen=True)
class TimeForms:
    """How dates and times are given.

    Attributes:
        zone: ``db.timezone``: of wall clocks.
        proleptic: whether days before 1582-10-15 are taken as they stand; else as Julian, as by Java.
        granularity: ``timestamp.granularity``, in lower case.
    """

    zone: datetime.tzinfo = _UTC
    proleptic: bool = False
    granularity: str = "connect_logical"

    def date(self, optional: bool) -> Form:
        """Of DATE: a day, whatever the zone."""

        def one(value: Any) -> datetime.date:  # noqa: ANN401 - of a driver
            if isinstance(value, datetime.datetime):
                value = value.date()
            if not isinstance(value, datetime.date):
                raise _misfit(value, "day of the years 1 to 9999")
            return value if self.proleptic or value >= _CUTOVER else _checked(value, _from_julian)

        def every(values: Values) -> Values:
            present = [value for value in values if value is not None]
            if not present or min(present) >= _CUTOVER:
                return values
            return [None if value is None else one(value) for value in values]

        kind = schema.date(optional=optional)
        return kind, frozenset({datetime.date}), one, None if self.proleptic else every

    def time(self, optional: bool) -> Form:
        """Of TIME: a wall clock of the zone on the first day of the epoch."""
        shift = self._offset_of_first_day()

        def one(value: Any) -> datetime.time:  # noqa: ANN401 - of a driver
            if not isinstance(value, datetime.time):
                raise _misfit(value, "time of a day")
            moment = datetime.datetime.combine(_EPOCH_DAY, value.replace(tzinfo=None), _UTC)
            moment -= shift if value.tzinfo is None else (value.utcoffset() or datetime.timedelta())
            return moment.time().replace(microsecond=moment.microsecond // 1000 * 1000)

        return schema.time(optional=optional), frozenset(), one, None

    def _offset_of_first_day(self) -> datetime.timedelta:
        return datetime.datetime(1970, 1, 1, tzinfo=self.zone).utcoffset() or datetime.timedelta()

    def timestamp(self, optional: bool) -> Form:
        """Of TIMESTAMP, by the granularity."""
        if self.granularity == "connect_logical":
            return self._logical(optional)
        unit = 1000 if self.granularity.startswith("micros") else 1
        if self.granularity.endswith("_long"):
            return Schema(Type.INT64, optional=optional), frozenset(), lambda value: self._number(value, unit), None
        kind = Schema(Type.STRING, optional=optional)
        if self.granularity.endswith("_iso_datetime_string"):
            ending = "000" if unit == 1 else ""
            return kind, frozenset(), lambda value: self._iso(value) + ending, None
        return kind, frozenset(), lambda value: str(self._number(value, unit)), None

    def moment(self, value: Any) -> datetime.datetime:  # noqa: ANN401 - of a driver
        """A moment in UTC.

        Raises:
            DataError: the value is none, or none that Python can hold.
        """
        if not isinstance(value, datetime.datetime):
            raise _misfit(value, "time of the years 1 to 9999")
        if value.tzinfo is None:
            return self._from_wall(value, self.zone)
        moment = _checked(value, lambda aware: aware.astimezone(_UTC))
        if not self.proleptic and moment < _CUTOVER_MOMENT:
            return self._from_wall(moment.replace(tzinfo=None), _UTC)
        return moment

    def _from_wall(self, wall: datetime.datetime, zone: datetime.tzinfo) -> datetime.datetime:
        return _checked(wall, lambda clock: from_wall(clock, zone, proleptic=self.proleptic))

    def nanos(self, value: Any) -> int:  # noqa: ANN401 - of a driver
        """Nanoseconds since the epoch.

        Raises:
            DataError: the value is no time.
        """
        if isinstance(value, OutOfRange) and value.epoch_ms is not None:
            return value.epoch_ms * 1_000_000
        return epoch_nanos(self.moment(value))

    def _logical(self, optional: bool) -> Form:
        def one(value: Any) -> datetime.datetime:  # noqa: ANN401 - of a driver
            moment = self.moment(value)
            rest = moment.microsecond % 1000
            return moment.replace(microsecond=moment.microsecond - rest) if rest else moment

        def every(values: Values) -> Values:
            present = [value for value in values if value is not None]
            if not present:
                return values
            is_wall = present[0].tzinfo is None
            if min(present) < (_CUTOVER_WALL if is_wall else _CUTOVER_MOMENT):
                raise ValueError  # by the Julian calendar: one by one
            make = _wall_in_utc if is_wall else _moment_in_utc
            return [None if value is None else make(value) for value in values]

        kind = schema.timestamp(optional=optional)
        natural = frozenset({datetime.datetime}) if self.zone is _UTC else frozenset[type]()
        return kind, natural, one, every

    def _number(self, value: Any, unit: int) -> int:  # noqa: ANN401 - of a driver
        number = self.nanos(value) // unit
        if not _LEAST <= number <= _MOST:
            text = value.text if isinstance(value, OutOfRange) else value
            raise DataError(f"{text} does not fit into 64 bits in this granularity")
        return number

    def _iso(self, value: Any) -> str:  # noqa: ANN401 - of a driver
        if not isinstance(value, datetime.datetime):
            raise _misfit(value, "time of the years 1 to 9999")
        wall = value if value.tzinfo is None else _checked(value, lambda aware: aware.astimezone(self.zone))
        return wall.replace(tzinfo=None).isoformat(timespec="microseconds")


def _wall_in_utc(value: datetime.datetime) -> datetime.datetime:
    rest = value.microsecond % 1000
    return value.replace(microsecond=value.microsecond - rest, tzinfo=_UTC) if rest else value.replace(tzinfo=_UTC)


def _moment_in_utc(value: datetime.datetime) -> datetime.datetime:
    value = value.astimezone(_UTC)
    rest = value.microsecond % 1000
    return value.replace(microsecond=value.microsecond - rest) if rest else value


def _from_julian(day: datetime.date) -> datetime.date:
    return from_wall(datetime.datetime.combine(day, datetime.time()), _UTC, proleptic=False).date()


def _checked(value: T, change: Callable[[T], T]) -> T:
    try:
        return change(value)
    except (OverflowError, ValueError):
        raise DataError(f"{value} is a time that Python cannot hold in UTC") from None


def _misfit(value: object, wanted: str) -> DataError:
    return DataError(f"{value.text if isinstance(value, OutOfRange) else f'{value!r:.100}'} is no {wanted}")
