"""Connect's logical types as the plain numbers and bytes that are written for them, and back (spec/runtime.md 5.8).

Used by the converters that write numbers themselves. All raise DataError for a value of another type, or outside of
what the type or Python can hold.
"""

from __future__ import annotations

import datetime
import decimal
import re
from typing import Final

from linkspan.api import DataError, Schema
from linkspan.api.schema import DATE, DECIMAL, SCALE, TIME, TIMESTAMP

__all__ = [
    "LOGICAL",
    "date_of",
    "days",
    "decimal_of",
    "milliseconds",
    "milliseconds_of_day",
    "scale_of",
    "time_of",
    "timestamp_of",
    "to_plain",
    "unscaled",
]

LOGICAL: Final = frozenset((DATE, TIME, TIMESTAMP, DECIMAL))
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_EPOCH_ORDINAL: Final = 719_163
_DAY_MS: Final = 86_400_000
_MS: Final = datetime.timedelta(milliseconds=1)
_WIDE: Final = decimal.Context(prec=decimal.MAX_PREC)
_SCALE: Final = re.compile("[+-]?[0-9]{1,9}")
_MIDNIGHT: Final = datetime.datetime(1, 1, 1)  # noqa: DTZ001 - the day does not matter


def days(value: object) -> int:
    """Days since 1970 of a date."""
    if type(value) is not datetime.date:
        raise DataError(f"Invalid type for Date, expected datetime.date but was {type(value).__name__}")
    return value.toordinal() - _EPOCH_ORDINAL


def milliseconds_of_day(value: object) -> int:
    """Milliseconds since midnight of a time."""
    if not isinstance(value, datetime.time):
        raise DataError(f"Invalid type for Time, expected datetime.time but was {type(value).__name__}")
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 1000 + value.microsecond // 1000


def milliseconds(value: object) -> int:
    """Milliseconds since 1970 of a moment."""
    if not isinstance(value, datetime.datetime):
        raise DataError(f"Invalid type for Timestamp, expected datetime.datetime but was {type(value).__name__}")
    if value.tzinfo is None:
        raise DataError("A Timestamp needs a time zone; use datetime.timezone.utc")
    return (value - _EPOCH) // _MS


def scale_of(schema: Schema) -> int:
    """Scale of a Decimal schema."""
    text = schema.parameters.get(SCALE)
    if text is None:
        raise DataError("Invalid Decimal schema: scale parameter not found.")
    if not _SCALE.fullmatch(text):
        raise DataError(f"Invalid scale parameter found in Decimal schema: {text}")
    return int(text)


def unscaled(value: object, scale: int) -> bytes:
    """Two's complement of the digits of a decimal, most significant byte first."""
    if not isinstance(value, decimal.Decimal):
        raise DataError(f"Invalid type for Decimal, expected decimal.Decimal but was {type(value).__name__}")
    sign, digits, exponent = value.as_tuple()
    if exponent != -scale:
        raise DataError("Decimal value has mismatching scale for given Decimal schema")
    number = int("".join(map(str, digits)))
    number = -number if sign else number
    bits = number.bit_length() if number >= 0 else (number + 1).bit_length()
    return number.to_bytes(bits // 8 + 1, "big", signed=True)


def decimal_of(content: bytes, scale: int) -> decimal.Decimal:
    """Decimal with these digits."""
    if not content:
        raise DataError("Invalid bytes for a Decimal: there are none")
    return decimal.Decimal(int.from_bytes(content, "big", signed=True)).scaleb(-scale, _WIDE)


def date_of(number: int) -> datetime.date:
    """Date of days since 1970."""
    try:
        return datetime.date.fromordinal(number + _EPOCH_ORDINAL)
    except (ValueError, OverflowError):
        raise DataError(f"Date values must lie in the years 1 to 9999: {number} days since 1970") from None


def time_of(number: int) -> datetime.time:
    """Time of milliseconds since midnight."""
    if not 0 <= number < _DAY_MS:
        raise DataError(f"Time values must use number of milliseconds greater than 0 and less than {_DAY_MS}: {number}")
    return (_MIDNIGHT + datetime.timedelta(milliseconds=number)).time()


def timestamp_of(number: int) -> datetime.datetime:
    """Moment of milliseconds since 1970."""
    try:
        return _EPOCH + datetime.timedelta(milliseconds=number)
    except OverflowError:
        raise DataError(f"Timestamp values must lie in the years 1 to 9999: {number} milliseconds since 1970") from None


def to_plain(schema: Schema, value: object) -> object:
    """The number or bytes that stand for a value of a logical type; other values as they are."""
    if schema.name == DATE:
        return days(value)
    if schema.name == TIME:
        return milliseconds_of_day(value)
    if schema.name == TIMESTAMP:
        return milliseconds(value)
    return unscaled(value, scale_of(schema)) if schema.name == DECIMAL else value
