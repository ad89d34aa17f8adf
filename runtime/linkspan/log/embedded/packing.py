"""How the records of one batch are stored: columns, each as lengths and joined bytes, guarded by a checksum."""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Final

from linkspan.api.errors import CorruptStateError
from linkspan.log.port import WireHeader

__all__ = ["Columns", "pack", "unpack"]

_HEAD: Final = struct.Struct("<IIIII")
_NULL: Final = -1
_STAMP_BYTES: Final = 8
_LENGTH_BYTES: Final = 4


class Columns:
    """The records of one stored batch; a column is unpacked when it is asked for.

    Attributes:
        size: bytes of all of them.

    Args:
        count: number of records.
        parts: bytes of values, keys, timestamps and headers as :func:`pack` joined them.
    """

    def __init__(self, count: int, parts: Sequence[bytes]) -> None:
        self.count = count
        self.size = sum(map(len, parts))
        self._values, self._keys, self._timestamps, self._headers = parts

    @cached_property
    def values(self) -> list[bytes | None]:
        """One payload a record."""
        return _uncolumn(self._values)

    @cached_property
    def keys(self) -> list[bytes | None]:
        """One payload a record."""
        return _uncolumn(self._keys) if self._keys else [None] * self.count

    @cached_property
    def timestamps(self) -> list[int]:
        """Milliseconds since the epoch, one a record."""
        return _numbers("q", self._timestamps).tolist()

    @cached_property
    def headers(self) -> list[list[WireHeader]] | None:
        """One list a record, or None when no record has any."""
        return _unheaders(self._headers, self.count) if self._headers else None


def pack(
    values: Sequence[bytes | None],
    keys: Sequence[bytes | None] | None,
    timestamps: Sequence[int],
    headers: Sequence[Sequence[WireHeader] | None] | None,
) -> bytes:
    """Bytes of a batch: checksum, lengths of the four parts, then values, keys, timestamps, headers."""
    moments = array("q", timestamps)
    if sys.byteorder == "big":
        moments.byteswap()
    parts = (
        _column(values),
        b"" if keys is None else _column(keys),
        moments.tobytes(),
        _headers(headers) if headers is not None and any(headers) else b"",
    )
    body = b"".join(parts)
    return _HEAD.pack(zlib.crc32(body), *map(len, parts)) + body


def unpack(data: object, count: int, where: str) -> Columns:
    """The reverse of :func:`pack`.

    Args:
        data: what :func:`pack` made, as it came out of the file.
        count: number of records that must be in it.
        where: names the batch in messages.

    Raises:
        CorruptStateError: the bytes are damaged.
    """
    if not isinstance(data, bytes) or len(data) < _HEAD.size:
        raise CorruptStateError(f"{where} is damaged: it is too short; nothing was changed")
    checksum, *sizes = _HEAD.unpack_from(data)
    body = memoryview(data)[_HEAD.size :]
    if len(body) != sum(sizes) or zlib.crc32(body) != checksum:
        raise CorruptStateError(f"{where} is damaged: its checksum is wrong; nothing was changed")
    if sizes[2] != count * _STAMP_BYTES or sizes[0] < (count + 1) * _LENGTH_BYTES:
        raise CorruptStateError(f"{where} is damaged: it does not hold {count} records; nothing was changed")
    ends = accumulate(sizes, initial=_HEAD.size)
    return Columns(count, [data[begin:end] for begin, end in pairwise(ends)])


def _numbers(kind: str, data: bytes) -> array[int]:
    """An array of little-endian numbers."""
    numbers = array(kind, data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _column(items: Sequence[bytes | None]) -> bytes:
    lengths = array("i", [_NULL if item is None else len(item) for item in items])
    if sys.byteorder == "big":
        lengths.byteswap()
    present = items if None not in items else [item for item in items if item is not None]
    return struct.pack("<I", len(items)) + lengths.tobytes() + b"".join(present)  # type: ignore[arg-type]  # no None left


def _uncolumn(data: bytes) -> list[bytes | None]:
    (count,) = struct.unpack_from("<I", data)
    lengths = _numbers("i", data[4 : 4 + 4 * count])
    body = data[4 + 4 * count :]
    if _NULL not in lengths:
        return [body[begin:end] for begin, end in pairwise(accumulate(lengths, initial=0))]
    bounds = pairwise(accumulate((max(length, 0) for length in lengths), initial=0))
    return [None if length == _NULL else body[begin:end] for length, (begin, end) in zip(lengths, bounds, strict=True)]


def _headers(headers: Sequence[Sequence[WireHeader] | None]) -> bytes:
    flat = [header for record in headers for header in record or ()]
    counts = array("i", [len(record or ()) for record in headers])
    if sys.byteorder == "big":
        counts.byteswap()
    return counts.tobytes() + _column([item for name, value in flat for item in (name.encode(), value)])


def _unheaders(data: bytes, count: int) -> list[list[WireHeader]]:
    counts = _numbers("i", data[: 4 * count])
    flat = _uncolumn(data[4 * count :])
    pairs = [((name or b"").decode(), value) for name, value in zip(flat[::2], flat[1::2], strict=True)]
    return [pairs[begin:end] for begin, end in pairwise(accumulate(counts, initial=0))]
