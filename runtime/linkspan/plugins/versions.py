"""Versions that a configuration asks for, written as Maven writes them: ``1.2``, ``[1.2]``, ``[1.2,2.0)``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from linkspan.api.errors import ConfigError

__all__ = ["missing_version", "version_order"]

_RANGE: Final = re.compile(r"([\[(])([^\[\](),]*)(,?)([^\[\](),]*)([\])])")
_NUMBER: Final = re.compile(r"\d+")


def missing_version(class_name: str, key: str, wanted: str | None, available: Iterable[str]) -> str | None:
    """Why no version of a plugin fits, or None when one does.

    Args:
        class_name: the plugin.
        key: where the version is asked for.
        wanted: one version, a range, ``latest`` or None for any.
        available: the versions there are.

    Raises:
        ConfigError: ``wanted`` cannot be understood.
    """
    text = (wanted or "").strip()
    versions = list(available)
    if text in ("", "latest"):
        return None
    shown = text if text[0] in "[(" else f"[{text},{text}]"
    match = _RANGE.fullmatch(shown)
    if match is None:
        raise ConfigError.invalid(key, wanted, "a version is written as 1.2, [1.2] or [1.2,2.0)")
    if any(_inside(version, match) for version in versions):
        return None
    return (
        f"Plugin {class_name} not found that matches the version range {shown}, available versions: "
        f"[{', '.join(versions)}]"
    )


def version_order(version: str) -> tuple[int, ...]:
    """What a version is compared by: its numbers, without zeros at the end; ``undefined`` comes before all others."""
    found = [int(item) for item in _NUMBER.findall(version)]
    while found and found[-1] == 0:
        found.pop()
    return tuple(found)


def _inside(version: str, bounds: re.Match[str]) -> bool:
    opening, low, comma, high, closing = bounds.groups()
    if not comma:
        high = low
    if low == high and low:
        return version == low
    number = version_order(version)
    above = not low or number > version_order(low) or (opening == "[" and number == version_order(low))
    below = not high or number < version_order(high) or (closing == "]" and number == version_order(high))
    return above and below
