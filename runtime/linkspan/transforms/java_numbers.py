"""Numbers as Java narrows, widens and reads them."""

from __future__ import annotations

import decimal
import math
import re
import struct
from typing import Final

from linkspan.api.errors import ConfigError
from linkspan.api.fields import ConfigType
from linkspan.config.definition import parse_value

__all__ = ["decimal_from", "fraction_from", "single", "to_long", "whole_from", "wrapped"]

_WHOLE: Final = re.compile(r"[+-]?\d+")
_DECIMAL: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d{1,10}))?")
_SINGLE: Final = struct.Struct(">f")
_LARGEST_EXPONENT: Final = (1 << 31) - 1
_MOST_DIGITS: Final = 20


def wrapped(number: int, bits: int) -> int:
    """What is left of a whole number in so many bits."""
    half = 1 << (bits - 1)
    return ((number + half) & ((1 << bits) - 1)) - half


def to_long(number: float, bits: int = 64) -> int:
    """A fraction without what follows the point, or the nearest whole number that has room."""
    if math.isnan(number):
        return 0
    most = (1 << (bits - 1)) - 1
    if number >= most:
        return most
    return -most - 1 if number <= -most - 1 else int(number)


def single(number: float) -> float:
    """The nearest number of 32 bits."""
    if isinstance(number, int):
        # A long is rounded once, not to 64 bits first: what falls off is remembered in the last bit.
        size = abs(number)
        excess = size.bit_length() - 50
        if excess > 0:
            kept = size >> excess | (size & ((1 << excess) - 1) != 0)
            number = math.copysign(math.ldexp(kept, excess), number)
    try:
        return float(_SINGLE.unpack(_SINGLE.pack(number))[0])
    except OverflowError:
        return math.copysign(math.inf, number)


def whole_from(text: str, bits: int) -> int | None:
    """What ``Long.parseLong`` and its siblings read; None where they refuse."""
    if not _WHOLE.fullmatch(text) or len(text.lstrip("+-0")) > _MOST_DIGITS:
        return None
    number = int(text)
    return number if wrapped(number, bits) == number else None


def fraction_from(text: str) -> float | None:
    """What ``Double.parseDouble`` reads; None where it refuses."""
    try:
        number = parse_value("", text, ConfigType.DOUBLE)
    except ConfigError:
        return None
    except OverflowError:  # hexadecimal
        return math.inf if "-" not in text.partition("p")[0] else -math.inf
    assert isinstance(number, float)
    return number


def decimal_from(text: str) -> decimal.Decimal | None:
    """What ``new BigDecimal`` reads; None where it refuses."""
    found = _DECIMAL.fullmatch(text)
    if found is None or abs(int(found.group(1) or 0)) > _LARGEST_EXPONENT:
        return None
    return decimal.Decimal(text)
