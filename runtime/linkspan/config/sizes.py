"""Sizes of memory as people write them: bytes, or a number with k, m or g behind it, as for Java's heap."""

from __future__ import annotations

import re
from typing import Final

from linkspan.api.errors import ConfigError

__all__ = ["check_size", "size", "size_text"]

_SIZE: Final = re.compile(r"(\d+)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS: Final = ("", "k", "m", "g", "t")
_NAMES: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")
_LEAST_OF_NEXT: Final = 1024


def size(key: str, text: str) -> int:
    """Bytes.

    Raises:
        ConfigError: it is no size, or nothing.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ConfigError.invalid(key, text, "Not a size; write bytes, or a number with k, m or g, such as 512m")
    value = int(found[1]) << 10 * _UNITS.index(found[2].lower())
    if value == 0:
        raise ConfigError.invalid(key, text, "Value must be at least 1")
    return value


def check_size(key: str, value: object) -> None:
    """Accept what :func:`size` understands, and nothing at all."""
    if value is not None and str(value).strip():
        size(key, str(value))


def size_text(value: int) -> str:
    """So many bytes, for people: ``1.5 GiB``."""
    number, unit = float(value), 0
    while number >= _LEAST_OF_NEXT and unit < len(_NAMES) - 1:
        number, unit = number / 1024, unit + 1
    return f"{number:.1f}".removesuffix(".0") + f" {_NAMES[unit]}"
