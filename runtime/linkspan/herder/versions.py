"""Plugin versions as requests ask for them: ``1.2`` for exactly that one, or a Maven range ``[1.0,2.0)``."""

from __future__ import annotations

import re
from typing import Final

from linkspan.api.errors import ConfigError

__all__ = ["check_version"]

_RANGE: Final = re.compile(r"([\[(])\s*([^,\[\]()]*?)\s*(?:(,)\s*([^,\[\]()]*?)\s*)?([])])")


def check_version(class_name: str, available: str | None, wanted: str | None) -> None:
    """Refuse a request for a version that is not installed.

    Raises:
        ConfigError: with Kafka's text (observed on 4.3.1).
    """
    if wanted is None or not wanted.strip():
        return
    text = wanted.strip()
    text = text if text[0] in "[(" else f"[{text},{text}]"
    match = _RANGE.fullmatch(text)
    if match is None:
        raise ConfigError(f"Invalid version range {wanted} for plugin {class_name}: write 1.2 or [1.0,2.0)")
    if available is None or not _inside(available, match):
        raise ConfigError(
            f"Plugin {class_name} not found that matches the version range {text}, "
            f"available versions: [{available or 'undefined'}]"
        )


def _inside(version: str, match: re.Match[str]) -> bool:
    opening, low, comma, high, closing = match.groups()
    key = _key(version)
    if not comma:
        return key == _key(low)
    above = not low or _key(low) < key or (opening == "[" and _key(low) == key)
    below = not high or key < _key(high) or (closing == "]" and _key(high) == key)
    return above and below


def _key(version: str) -> tuple[tuple[int, int, str], ...]:
    """Numbers compare as numbers, words below numbers; trailing zeros do not count."""
    parts = [
        (1, int(part), "") if part.isdigit() else (0, 0, part.lower()) for part in re.findall(r"\d+|[A-Za-z]+", version)
    ]
    while parts and parts[-1] == (1, 0, ""):
        parts.pop()
    return tuple(parts)
