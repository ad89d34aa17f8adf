"""Zones and calendars of dates and times (spec/jdbc.md 2.1)."""

from __future__ import annotations

import datetime
import re
from datetime import UTC, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from linkspan.api import ConfigError, DataError

__all__ = ["calendar_date", "from_wall", "moment_of", "offset_text", "to_wall", "wall_date", "wall_time", "zone_of"]

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = datetime.date(1970, 1, 1)
_GREGORIAN: Final = datetime.datetime(1582, 10, 15)  # noqa: DTZ001 - a wall clock
_GREGORIAN_DAY: Final = _GREGORIAN.date()
_OFFSET: Final = re.compile(r"(?:GMT|UTC|UT)?([+-])(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?")

_SHORT_IDS: Final = {
    "ACT": "Australia/Darwin",
    "AET": "Australia/Sydney",
    "AGT": "America/Argentina/Buenos_Aires",
    "ART": "Africa/Cairo",
    "AST": "America/Anchorage",
    "BET": "America/Sao_Paulo",
    "BST": "Asia/Dhaka",
    "CAT": "Africa/Harare",
    "CNT": "America/St_Johns",
    "CST": "America/Chicago",
    "CTT": "Asia/Shanghai",
    "EAT": "Africa/Addis_Ababa",
    "ECT": "Europe/Paris",
    "EST": "-05:00",
    "HST": "-10:00",
    "IET": "America/Indiana/Indianapolis",
    "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo",
    "MIT": "Pacific/Apia",
    "MST": "-07:00",
    "NET": "Asia/Yerevan",
    "NST": "Pacific/Auckland",
    "PLT": "Asia/Karachi",
    "PNT": "America/Phoenix",
    "PRT": "America/Puerto_Rico",
    "PST": "America/Los_Angeles",
    "SST": "Pacific/Guadalcanal",
    "VST": "Asia/Ho_Chi_Minh",
}
"""The short ids of the JDK (``ZoneId.SHORT_IDS``); three of them are fixed offsets."""


def zone_of(text: str, key: str = "db.timezone") -> tzinfo:
    """The zone with this id of the JDK.

    Args:
        text: ``Europe/Paris``, ``UTC``, ``GMT+2``, ``+02:00``, or a short id such as ``PST``.
        key: that names it.

    Raises:
        ConfigError: there is no such zone.
    """
    name = _SHORT_IDS.get(text, text)
    if name in ("Z", "UTC", "GMT", "UT"):
        return UTC
    match = _OFFSET.fullmatch(name)
    if match is not None:
        sign, hours, minutes, seconds = match.groups()
        size = timedelta(hours=int(hours), minutes=int(minutes or 0), seconds=int(seconds or 0))
        if size <= timedelta(hours=18) and int(minutes or 0) < 60 and int(seconds or 0) < 60:
            return timezone(-size if sign == "-" else size)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError.invalid(key, text, "Invalid time zone identifier") from None


def to_wall(instant: datetime.datetime, zone: tzinfo, *, proleptic: bool = True) -> datetime.datetime:
    """What a clock in the zone shows at a point in time, without zone.

    Raises:
        OverflowError: it is before year 1 or after 9999 there.
    """
    wall = instant.astimezone(zone).replace(tzinfo=None)
    return wall if proleptic or wall >= _GREGORIAN else _to_julian(wall)


def from_wall(wall: datetime.datetime, zone: tzinfo, *, proleptic: bool = True) -> datetime.datetime:
    """The point in time, in UTC, at which a clock in the zone shows this; as Java's calendars have it.

    Where a clock was set back, the later of two points; what it skipped, as if it had not been set forward yet.

    Raises:
        OverflowError: it is before year 1 or after 9999 in UTC.
    """
    if not proleptic and wall < _GREGORIAN:
        wall = _from_julian(wall)
    there = wall.replace(tzinfo=zone)
    if zone is UTC:
        return there
    offsets = (there.utcoffset(), there.replace(fold=1).utcoffset())
    return (wall - min(offset for offset in offsets if offset is not None)).replace(tzinfo=UTC)


def moment_of(number: object, digits: int) -> datetime.datetime:
    """The point in time of a number of micro- or nanoseconds since the epoch; nanoseconds are cut off.

    Args:
        number: as a number, or as a text that holds one.
        digits: 6 or 9.

    Raises:
        DataError: it is no number, or a moment before year 1 or after 9999.
    """
    try:
        micros = int(str(number)) // 10 ** (digits - 6)
        return _EPOCH + timedelta(microseconds=micros)
    except (ValueError, OverflowError) as error:
        unit = "microseconds" if digits == 6 else "nanoseconds"
        raise DataError(f"{number!r} is no time in {unit} since 1970") from error


def offset_text(instant: datetime.datetime, zone: tzinfo) -> str:
    """How far clocks of the zone are ahead of UTC at a point in time: ``+02:00``."""
    offset = instant.astimezone(zone).utcoffset() or timedelta()
    seconds = int(abs(offset).total_seconds())
    text = f"{'-' if offset < timedelta() else '+'}{seconds // 3600:02}:{seconds % 3600 // 60:02}"
    return f"{text}:{seconds % 60:02}" if seconds % 60 else text


def wall_date(day: datetime.date, zone: tzinfo, *, proleptic: bool = True) -> datetime.date:
    """The day in the zone when the day begins in UTC: what Java makes of a Connect Date.

    Raises:
        OverflowError: it is before year 1 or after 9999 there.
    """
    if zone is UTC and (proleptic or day >= _GREGORIAN_DAY):
        return day
    return to_wall(datetime.datetime.combine(day, datetime.time(), UTC), zone, proleptic=proleptic).date()


def wall_time(time: datetime.time, zone: tzinfo) -> datetime.time:
    """What a clock in the zone showed at this time of 1970-01-01 in UTC: what Java makes of a Connect Time."""
    if zone is UTC:
        return time
    return datetime.datetime.combine(_EPOCH_DAY, time, UTC).astimezone(zone).time()


def _julian_day(wall: datetime.date) -> int:
    """Day number of a date of the Julian calendar; that of 1970-01-01 (Gregorian) is 0."""
    shift = (14 - wall.month) // 12
    year, month = wall.year + 4800 - shift, wall.month + 12 * shift - 3
    return wall.day + (153 * month + 2) // 5 + 365 * year + year // 4 - 32083 - 2440588


def _from_julian(wall: datetime.datetime) -> datetime.datetime:
    """The proleptic Gregorian date of the day that has this date in the Julian calendar."""
    day = datetime.date(1970, 1, 1) + timedelta(days=_julian_day(wall.date()))
    return datetime.datetime.combine(day, wall.time())


def calendar_date(day_number: int, *, julian: bool) -> tuple[int, int, int]:
    """Year, month and day of either calendar, some days after 1970-01-01; 1 BC is the year 0."""
    number = day_number + 2440588 + (32082 if julian else 32044)
    centuries = 0 if julian else (4 * number + 3) // 146_097
    number -= 146_097 * centuries // 4
    era = (4 * number + 3) // 1461
    rest = number - 1461 * era // 4
    month = (5 * rest + 2) // 153
    day = rest - (153 * month + 2) // 5 + 1
    return 100 * centuries + era - 4800 + month // 10, month + 3 - 12 * (month // 10), day


def _to_julian(wall: datetime.datetime) -> datetime.datetime:
    """The date in the Julian calendar of a day that Python dates in the Gregorian one.

    Raises:
        OverflowError: it has none that Python can hold: 1000-02-29 and its like.
    """
    year, month, day = calendar_date((wall.date() - _EPOCH_DAY).days, julian=True)
    try:
        return datetime.datetime.combine(datetime.date(year, month, day), wall.time())
    except ValueError as error:
        raise OverflowError(f"{year:04}-{month:02}-{day:02} of the Julian calendar is no date of Python") from error
