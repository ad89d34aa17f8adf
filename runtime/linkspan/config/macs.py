"""Algorithms that sign requests between workers, under the names that Java gives them (spec/runtime.md 3.7)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from linkspan.api.errors import ConfigError

__all__ = ["MAC_ALGORITHMS", "MIN_KEY_BITS", "MacAlgorithm", "known_mac", "known_macs", "mac_algorithm"]


@dataclass(frozen=True, slots=True)
class MacAlgorithm:
    """One algorithm.

    Attributes:
        name: Java's, as it writes it.
        digest: name of its hash function for :mod:`hashlib`.
        key_bytes: length of a key that is made for it, unless another one is asked for.
    """

    name: str
    digest: str
    key_bytes: int


def _all() -> dict[str, MacAlgorithm]:
    found = (
        MacAlgorithm("HmacMD5", "md5", 64),
        MacAlgorithm("HmacSHA1", "sha1", 64),
        MacAlgorithm("HmacSHA224", "sha224", 28),
        MacAlgorithm("HmacSHA256", "sha256", 32),
        MacAlgorithm("HmacSHA384", "sha384", 48),
        MacAlgorithm("HmacSHA512", "sha512", 64),
        MacAlgorithm("HmacSHA512/224", "sha512_224", 28),
        MacAlgorithm("HmacSHA512/256", "sha512_256", 32),
        MacAlgorithm("HmacSHA3-224", "sha3_224", 28),
        MacAlgorithm("HmacSHA3-256", "sha3_256", 32),
        MacAlgorithm("HmacSHA3-384", "sha3_384", 48),
        MacAlgorithm("HmacSHA3-512", "sha3_512", 64),
    )
    # the truncated ones come from the system's OpenSSL, and not from every one
    return {item.name: item for item in found if item.digest in hashlib.algorithms_available}


MAC_ALGORITHMS: Final = _all()
"""Those that this worker knows, by Java's names."""
MIN_KEY_BITS: Final = 40
_BY_FOLDED_NAME: Final = {name.lower(): item for name, item in MAC_ALGORITHMS.items()}


def mac_algorithm(name: str) -> MacAlgorithm | None:
    """The algorithm of that name, written in any case; None when it is unknown."""
    return _BY_FOLDED_NAME.get(name.lower())


def known_mac(key: str, value: object) -> None:
    """The text names an algorithm."""
    if not isinstance(value, str) or mac_algorithm(value) is None:
        names = ", ".join(MAC_ALGORITHMS)
        reason = f"the algorithm is not supported by this worker; the supported algorithms are: [{names}]"
        raise ConfigError.invalid(key, value, reason)


def known_macs(key: str, value: object) -> None:
    """The list names at least one algorithm, and none that is unknown."""
    if not isinstance(value, Sequence) or not value:
        raise ConfigError.invalid(key, value, "At least one signature verification algorithm must be provided")
    for name in value:
        known_mac(key, name)
