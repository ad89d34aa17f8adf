"""``listeners`` and the address under which others see us (spec/runtime.md 1.1)."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from linkspan.api.errors import ConfigError

__all__ = ["Listener", "advertised", "parse_listeners"]

_FORM: Final = re.compile(r"(.*)://\[?([0-9a-zA-Z\-%._:]*)\]?:(-?[0-9]+).*")


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
        return f"{self.scheme}://{_bracketed(self.host)}:{self.port}"


def parse_listeners(items: Sequence[str], key: str = "listeners") -> list[Listener]:
    """Read the items of ``listeners`` or ``admin.listeners``."""
    return [_listener(item.strip(), key) for item in items]


def advertised(
    listeners: Sequence[Listener],
    bound: Sequence[int],
    *,
    scheme: str | None = None,
    host: str | None = None,
    port: int | None = None,
) -> tuple[str, str, int]:
    """Scheme, host and port to give to others.

    Args:
        listeners: as configured.
        bound: port that each of them got.
        scheme: ``rest.advertised.listener``.
        host: ``rest.advertised.host.name``.
        port: ``rest.advertised.port``.
    """
    wanted = (scheme or "").lower() or ("http" if any(item.scheme == "http" for item in listeners) else "https")
    index = next((place for place, item in enumerate(listeners) if item.scheme == wanted), None)
    if index is None:
        raise ConfigError.invalid("rest.advertised.listener", scheme, f"there is no {wanted} listener")
    own_host = listeners[index].host
    return (
        wanted,
        host or (own_host if own_host and own_host not in {"0.0.0.0", "::"} else _own_name()),  # noqa: S104 - compared, not bound
        port if port is not None and port > 0 else bound[index],
    )


def _listener(item: str, key: str) -> Listener:
    match = _FORM.fullmatch(item)
    if match is None:
        raise ConfigError.invalid(key, item, "Listener doesn't have the right format (protocol://hostname:port).")
    scheme = match[1].lower()
    if scheme not in {"http", "https"}:
        raise ConfigError.invalid(key, item, 'Listener protocol must be either "http" or "https".')
    port = int(match[3])
    if not 0 <= port <= 65535:
        raise ConfigError.invalid(key, item, "the port must lie between 0 and 65535")
    return Listener(scheme, match[2], port)


def _own_name() -> str:
    """Address of this host as the Java worker resolves it; loopback when the host does not know its own name."""
    name = socket.gethostname()
    try:
        return socket.gethostbyname(name)
    except OSError:
        return "127.0.0.1"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
