"""Addresses to listen on, as ``listeners`` and ``admin.listeners`` write them (spec/runtime.md 1.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from linkspan.api.errors import ConfigError

__all__ = ["Listener", "parse_listeners"]

_FORM: Final = re.compile(r"(.*)://\[?([0-9a-zA-Z\-%._:]*)\]?:(-?[0-9]+)")


@dataclass(frozen=True, slots=True)
class Listener:
    """One address to listen on.

    Attributes:
        scheme: http or https.
        host: empty for all addresses.
        port: 0 for any free one.
    """

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse_listeners(items: Sequence[str], key: str = "listeners") -> list[Listener]:
    """Read the items of a list of addresses.

    Args:
        items: one address each.
        key: where they stand, for messages.

    Raises:
        ConfigError: one is malformed.
    """
    return [_listener(key, items, item.strip()) for item in items]


def _listener(key: str, items: Sequence[str], item: str) -> Listener:
    if not item:
        raise ConfigError.invalid(key, items, "Empty URL found when parsing listeners list.")
    match = _FORM.fullmatch(item)
    if match is None:
        raise ConfigError.invalid(key, items, "Listener doesn't have the right format (protocol://hostname:port).")
    scheme, port = match[1].lower(), int(match[3])
    if scheme not in {"http", "https"}:
        raise ConfigError.invalid(key, items, 'Listener protocol must be either "http" or "https".')
    if not 0 <= port <= 65535:
        raise ConfigError.invalid(key, items, f"Port {port} is not between 0 and 65535.")
    return Listener(scheme, match[2], port)
