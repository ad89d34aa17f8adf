"""How the records of one batch are stored: columns, each as lengths and joined bytes, guarded by a checksum."""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

from linkspan.api.errors import CorruptStateError
from linkspan.log.port import WireHeader

__all__ = ["Columns", "pack", "unpack"]

_HEAD: Final = struct.Struct("<IIIII")
_NULL: Final = -1


class Columns:
    """The unpacked records of one stored batch.

    Attributes:
        values, keys: one payload a record.
        timestamps: milliseconds since the epoch, one a record.
        headers: one list a record, or None when no record has any.
    """

    __slots__ = ("headers", "keys", "timestamps", "values")

    def __init__(
        self,
        values: Sequence[bytes | None],
        keys: Sequence[bytes | None],
        timestamps: Sequence[int],
        headers: Sequence[Sequence[WireHeader]] | None,
    ) -> None:
        self.values = values
        self.keys = keys
        self.timestamps = timestamps
        self.headers = headers


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


def unpack(data: bytes, where: str) -> Columns:
    """The reverse of :func:`pack`.

    Raises:
        CorruptStateError: the bytes are damaged; names ``where`` they stand.
    """
    if len(data) < _HEAD.size:
        raise CorruptStateError(f"{where} is damaged: it is too short; nothing was changed")
    checksum, *sizes = _HEAD.unpack_from(data)
    body = data[_HEAD.size :]
    if len(body) != sum(sizes) or zlib.crc32(body) != checksum:
        raise CorruptStateError(f"{where} is damaged: its checksum is wrong; nothing was changed")
    ends = list(accumulate(sizes, initial=0))
    values, keys, moments, headers = (body[begin:end] for begin, end in pairwise(ends))
    timestamps = array("q", moments)
    if sys.byteorder == "big":
        timestamps.byteswap()
    unpacked = _uncolumn(values)
    return Columns(
        unpacked,
        _uncolumn(keys) if keys else [None] * len(unpacked),
        timestamps,
        _unheaders(headers, len(unpacked)) if headers else None,
    )


def _column(items: Sequence[bytes | None]) -> bytes:
    lengths = array("i", [_NULL if item is None else len(item) for item in items])
    if sys.byteorder == "big":
        lengths.byteswap()
    present = items if None not in items else [item for item in items if item is not None]
    return struct.pack("<I", len(items)) + lengths.tobytes() + b"".join(present)  # type: ignore[arg-type]  # no None left


def _uncolumn(data: bytes) -> list[bytes | None]:
    (count,) = struct.unpack_from("<I", data)
    lengths = array("i", data[4 : 4 + 4 * count])
    if sys.byteorder == "big":
        lengths.byteswap()
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
    counts = array("i", data[: 4 * count])
    if sys.byteorder == "big":
        counts.byteswap()
    flat = _uncolumn(data[4 * count :])
    pairs = [((name or b"").decode(), value) for name, value in zip(flat[::2], flat[1::2], strict=True)]
    return [pairs[begin:end] for begin, end in pairwise(accumulate(counts, initial=0))]
