"""Which partition a key belongs to: murmur2, as Kafka's default partitioner has it."""

from __future__ import annotations

__all__ = ["murmur2"]

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2 of a key, made positive."""
    length = len(data)
    state = (0x9747B28C ^ length) & _MASK
    whole = length - length % 4
    for index in range(0, whole, 4):
        chunk = int.from_bytes(data[index : index + 4], "little") * _M & _MASK
        chunk = (chunk ^ chunk >> 24) * _M & _MASK
        state = state * _M & _MASK ^ chunk
    rest = data[whole:]
    if rest:
        state = (state ^ int.from_bytes(rest, "little")) * _M & _MASK
    state = (state ^ state >> 13) * _M & _MASK
    state ^= state >> 15
    return state & 0x7FFFFFFF
