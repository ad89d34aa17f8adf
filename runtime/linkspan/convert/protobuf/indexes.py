"""Message indexes: which message of a .proto file a payload holds, by its place from the outside in.

They are varints in zigzag form, their number first; the usual place, the first message, is a single zero.
"""

from __future__ import annotations

from linkspan.api import DataError

__all__ = ["end", "read", "written"]


def end(payload: bytes, start: int) -> int:
    """Where the indexes that begin at ``start`` end; the end of the payload if they are cut off."""
    try:
        return _read(payload, start)[1]
    except IndexError:
        return len(payload)


def read(payload: bytes, start: int) -> list[int]:
    """The indexes that begin at ``start``.

    Raises:
        DataError: they are cut off.
    """
    try:
        return _read(payload, start)[0]
    except IndexError:
        raise DataError("The payload ends within its message indexes") from None


def written(places: list[int]) -> bytes:
    """The indexes as they are written."""
    if places == [0]:
        return b"\0"
    return b"".join(map(_varint, (len(places), *places)))


def _read(payload: bytes, at: int) -> tuple[list[int], int]:
    if payload[at] == 0:
        return [0], at + 1
    size, at = _one(payload, at)
    places = []
    for _ in range(size):
        place, at = _one(payload, at)
        places.append(place)
    return places, at


def _one(payload: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = payload[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return (number >> 1) ^ -(number & 1), at


def _varint(number: int) -> bytes:
    left, out = number << 1, bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    out.append(left)
    return bytes(out)
