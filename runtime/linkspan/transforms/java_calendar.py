"""Java's lenient ``GregorianCalendar`` of the United States in UTC: weeks begin on Sunday, the first has the first day.

Fields that are set resolve as there: the latest ones that say a day together count, and every number is good (month 13
is January of the next year). What was before 1582 is reckoned in the Gregorian calendar too.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

from linkspan.transforms.moments import MS_OF_DAY

__all__ = ["Calendar", "week_of_month", "week_of_year"]

_MS_OF: Final = {"minute": 60_000, "second": 1000, "ms": 1}
_HOUR: Final = 3_600_000
_YEARS_BACK: Final = 80
_DEFAULT_YEAR: Final = 1970


def week_of_year(moment: date) -> tuple[int, int]:
    """Year and number of the week that a day is in."""
    following = moment.year + 1
    until = date(following, 1, 1).toordinal() - moment.toordinal() if following <= 9999 else 31 - moment.day + 1
    if moment.month == 12 and until <= _weekday(moment.toordinal() + until) - 1:
        return following, 1
    first = moment.replace(month=1, day=1).toordinal()
    return moment.year, (moment.toordinal() - first + _weekday(first) - 1) // 7 + 1


def week_of_month(moment: date) -> int:
    """Number of the week in its month."""
    return (moment.day - 1 + _weekday(moment.replace(day=1).toordinal()) - 1) // 7 + 1


def _weekday(day: int) -> int:
    """1 for Sunday to 7, of a day counted as Python does."""
    return day % 7 + 1


class Calendar:
    """Fields of a moment as they are read one after the other."""

    def __init__(self) -> None:
        self._fields: dict[str, int] = {}
        self._order: dict[str, int] = {}
        self._two_digits: str | None = None

    def set(self, field: str, value: int) -> None:
        """Set a field; the latest of contradicting ones counts."""
        self._fields[field] = value
        self._order[field] = len(self._order) + 1 if field not in self._order else max(self._order.values()) + 1

    def set_two_digits(self, field: str, value: int) -> None:
        """Set a year of which only the end is known: it lies within 80 years before today and 20 after."""
        first = _century_start().year
        self.set(field, value + first // 100 * 100 + (100 if value < first % 100 else 0))
        self._two_digits = field if value == first % 100 else None

    def ms(self) -> int:
        """Milliseconds since the epoch."""
        found = self._ms()
        if self._two_digits is not None and found < _century_start().timestamp() * 1000:
            self._fields[self._two_digits] += 100
            found = self._ms()
        return found

    def _ms(self) -> int:
        time = sum(self._fields.get(name, 0) * size for name, size in _MS_OF.items())
        return self._day() * MS_OF_DAY + self._hours() * _HOUR + time - self._fields.get("zone", 0)

    def _stamp(self, *fields: str) -> int:
        """When the last of these was set; 0 unless all are."""
        stamps = [self._order.get(field, 0) for field in fields]
        return 0 if 0 in stamps else max(stamps)

    def _hours(self) -> int:
        fields = self._fields
        whole, half = self._stamp("hour_of_day"), self._stamp("hour", "half")
        if whole and whole >= half:
            return fields["hour_of_day"]
        return fields.get("hour", 0) + 12 * fields.get("half", 0)

    def _year(self) -> int:
        year = self._fields.get("year", _DEFAULT_YEAR)
        return 1 - year if self._fields.get("era") == 0 else year

    def _day(self) -> int:
        """The day, counted from the epoch."""
        fields = self._fields
        if self._stamp("week_year") > self._stamp("year"):
            weeks, weekday = _within_week(fields.get("weekday", 1))
            first = _sunday_before(_days(fields["week_year"], 0))
            return first + (fields.get("week_of_year", 1) - 1 + weeks) * 7 + weekday - 1
        ways = {
            "day": self._stamp("day"),
            "week_of_month": self._stamp("week_of_month", "weekday"),
            "weekday_in_month": self._stamp("weekday_in_month", "weekday"),
            "day_of_year": self._stamp("day_of_year"),
            "week_of_year": self._stamp("week_of_year", "weekday"),
        }
        if not any(ways.values()):
            ways = {
                "day": 0,
                "week_of_month": self._stamp("week_of_month"),
                "weekday_in_month": max(self._stamp("weekday_in_month"), self._stamp("weekday")),
                "day_of_year": 0,
                "week_of_year": self._stamp("week_of_year"),
            }
        way = max(ways, key=lambda name: ways[name])
        return self._by(way if ways[way] else "day")

    def _by(self, way: str) -> int:
        fields = self._fields
        weekday = fields.get("weekday", 1)
        if way == "day_of_year":
            return _days(self._year(), 0) + fields["day_of_year"] - 1
        if way == "week_of_year":
            return _sunday_before(_days(self._year(), 0)) + (fields["week_of_year"] - 1) * 7 + weekday - 1
        first = _days(self._year(), fields.get("month", 0))
        if way == "day":
            return first + fields.get("day", 1) - 1
        if way == "week_of_month":
            return _sunday_before(first) + (fields["week_of_month"] - 1) * 7 + weekday - 1
        number = fields.get("weekday_in_month", 1)
        if number < 0:  # counted from the end of the month
            last = _days(self._year(), fields.get("month", 0) + 1) - 1
            return last - (_weekday_of(last) - weekday) % 7 + (number + 1) * 7
        return first + (weekday - _weekday_of(first)) % 7 + (number - 1) * 7


def _days(year: int, month: int) -> int:
    """Days from the epoch to the first of a month, which is counted from 0 and may lie outside the year."""
    year += month // 12
    # Four hundred years have 146097 days: any year can be reckoned by one that Python knows.
    cycles, within = divmod(year - 1, 400)
    return date(within + 1, month % 12 + 1, 1).toordinal() + cycles * 146097 - date(1970, 1, 1).toordinal()


def _weekday_of(day: int) -> int:
    """1 for Sunday to 7, of a day counted from the epoch, which was a Thursday."""
    return (day + 4) % 7 + 1


def _within_week(weekday: int) -> tuple[int, int]:
    """Whole weeks in a day of the week that there is not, which counts from Monday, and the day that is left."""
    if 1 <= weekday <= 7:
        return 0, weekday
    weeks, rest = divmod(weekday - 1, 7)
    return weeks, (rest + 1) % 7 + 1


def _sunday_before(day: int) -> int:
    return day - _weekday_of(day) + 1


def _century_start() -> datetime:
    now = datetime.now(UTC)
    is_leap_day = (now.month, now.day) == (2, 29)
    return now.replace(year=now.year - _YEARS_BACK, day=28 if is_leap_day else now.day)
