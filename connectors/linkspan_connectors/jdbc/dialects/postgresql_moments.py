"""Days and moments of PostgreSQL that Python's types cannot hold, as its Java driver counts them (spec/jdbc.md 2.1)."""

from __future__ import annotations

import datetime
import re
from typing import Final

from linkspan_connectors.jdbc.settings import Settings
from linkspan_connectors.jdbc.zones import calendar_date, from_wall, offset_text

__all__ = ["epoch_ms", "moment_in_utc", "moment_text"]

_INFINITY: Final = 9_223_372_036_825_200_000
_DAY: Final = 86_400
_DAY_MS: Final = _DAY * 1000
_OLD: Final = datetime.datetime(4, 1, 1, tzinfo=datetime.UTC)
"""Before the first rules of any zone."""
_MOMENT: Final = re.compile(
    r"(\d{4,})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?([+-]\d\d(?::?\d\d){0,2})?( BC)?"
)
_REFORM: Final = (1582, 10, 15)


def epoch_ms(text: str, settings: Settings) -> int | None:
    """Milliseconds since the epoch; None for what is neither a day nor a moment.

    Args:
        text: as the server writes it in ISO's style.
        settings: zone of what has none, and calendar of what is old.
    """
    if text in ("infinity", "-infinity"):
        return _INFINITY if text == "infinity" else -_INFINITY
    if text.startswith("24:00:00"):
        return _DAY * 1000
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    year = 1 - int(match[1]) if match[9] else int(match[1])
    month, day = int(match[2]), int(match[3])
    hour, minute, second = (int(part or 0) for part in match.group(4, 5, 6))
    julian = not settings.proleptic and (year, month, day) < _REFORM
    seconds = _day_number(year, month, day, julian=julian) * _DAY + hour * 3600 + minute * 60 + second
    if match[8]:
        seconds -= _offset(match[8])
    elif match[4]:
        # a year of the same cycle has the same rules; before the first one all have those of the beginning
        wall = datetime.datetime(2000 + year % 400 if year > 0 else 4, month, day, hour, minute, second)  # noqa: DTZ001 - a wall clock
        seconds -= int((wall - from_wall(wall, settings.zone).replace(tzinfo=None)).total_seconds())
    return seconds * 1000 + int((match[7] or "").ljust(3, "0")[:3])


def moment_in_utc(text: str) -> datetime.datetime | None:
    """The moment of a text with a zone, whose year there is not one of Python's; None when it is not in UTC either."""
    match = _MOMENT.fullmatch(text)
    if match is None or not match[8] or not match[4]:
        return None
    year = 1 - int(match[1]) if match[9] else int(match[1])
    month, day, hour, minute, second = map(int, match.group(2, 3, 4, 5, 6))
    seconds = hour * 3600 + minute * 60 + second - _offset(match[8])
    past = datetime.timedelta(_day_number(year, month, day, julian=False), seconds, int((match[7] or "").ljust(6, "0")))
    try:
        return datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + past
    except OverflowError:
        return None


def moment_text(epoch_ms: int, settings: Settings) -> str:
    """What the server reads as a moment that Python cannot hold: the inverse of :func:`epoch_ms` before year 1.

    Args:
        epoch_ms: milliseconds since the epoch.
        settings: as there.
    """
    if epoch_ms <= -_INFINITY:
        return "-infinity"
    ahead = settings.zone.utcoffset(_OLD.replace(tzinfo=None)) or datetime.timedelta()
    days, rest = divmod(epoch_ms + int(ahead.total_seconds()) * 1000, _DAY_MS)
    year, month, day = calendar_date(days, julian=not settings.proleptic)
    seconds, millis = divmod(rest, 1000)
    clock = (
        f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{millis:03}{offset_text(_OLD, settings.zone)}"
    )
    era = " BC" if year < 1 else ""
    return f"{1 - year if era else year:04}-{month:02}-{day:02} {clock}{era}"


def _day_number(year: int, month: int, day: int, *, julian: bool) -> int:
    """Days since 1970-01-01, of a date of either calendar from 4801 BC on."""
    shift = (14 - month) // 12
    years, months = year + 4800 - shift, month + 12 * shift - 3
    days = day + (153 * months + 2) // 5 + 365 * years + years // 4 - 2_440_588
    return days - 32_083 if julian else days - years // 100 + years // 400 - 32_045


def _offset(text: str) -> int:
    """Seconds that a zone's clocks are ahead."""
    parts = [int(part) for part in re.findall(r"\d\d", text)]
    seconds = sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))
    return -seconds if text.startswith("-") else seconds
