"""Dates, times and timestamps as Java's milliseconds, and back."""

from __future__ import annotations

import datetime
from typing import Final

from linkspan.api.errors import DataError

__all__ = ["EPOCH", "MS_OF_DAY", "from_ms", "ms_of", "text_of"]

EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MS_OF_DAY: Final = 86_400_000
_MS: Final = datetime.timedelta(milliseconds=1)
_FIRST_DAY: Final = EPOCH.toordinal()


def ms_of(moment: datetime.date | datetime.time) -> int:
    """Milliseconds since the epoch; a time is one of the first day."""
    if isinstance(moment, datetime.datetime):
        return (moment - EPOCH) // _MS
    if isinstance(moment, datetime.date):
        return (moment.toordinal() - _FIRST_DAY) * MS_OF_DAY
    return ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 1000 + moment.microsecond // 1000


def from_ms(ms: int) -> datetime.datetime:
    """The moment.

    Raises:
        DataError: it lies outside the years 1 to 9999.
    """
    try:
        return EPOCH + datetime.timedelta(milliseconds=ms)
    except OverflowError as error:
        raise DataError(f"The timestamp {ms} lies outside the years 1 to 9999") from error


def text_of(moment: datetime.date | datetime.time) -> str:
    """A moment as the original casts it to text, by what it looks like.

    On the first day of 1970 it is a time, at midnight a date, and else both. What was before, the original takes for a
    time; here it keeps its date.
    """
    ms = ms_of(moment)
    day, rest = divmod(ms, MS_OF_DAY)
    seconds, fraction = divmod(rest, 1000)
    time = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction:03d}Z"
    if day == 0:
        return time
    date = datetime.date.fromordinal(_FIRST_DAY + day).isoformat()
    return date if rest == 0 else f"{date}T{time}"
