"""Order in which Java's ``HashMap`` walks over texts: the REST API lists some entries in it (spec/runtime.md 1.9)."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["hash_order"]

_FIRST_SIZE = 16
_FULL = 0.75


def hash_order(names: Iterable[str], first_size: int = _FIRST_SIZE) -> list[str]:
    """Distinct names in the order of a ``HashMap`` that got them one by one.

    Args:
        names: in the order in which it got them.
        first_size: of its table, a power of two.
    """
    distinct = list(dict.fromkeys(names))
    size = first_size
    while len(distinct) > size * _FULL:
        size *= 2
    # Names of one bucket stay in the order in which they came, as does a stable sort.
    return sorted(distinct, key=lambda name: _spread(name) & (size - 1))


def _spread(name: str) -> int:
    code = 0
    encoded = name.encode("utf-16-be", "surrogatepass")
    for at in range(0, len(encoded), 2):
        code = (31 * code + int.from_bytes(encoded[at : at + 2])) & 0xFFFFFFFF
    return code ^ (code >> 16)
