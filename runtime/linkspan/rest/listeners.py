"""The address under which others see us (spec/runtime.md 1.1)."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from linkspan.api.errors import ConfigError
from linkspan.config.listeners import Listener

__all__ = ["advertised"]


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


def _own_name() -> str:
    """Address of this host as the Java worker resolves it; loopback when the host does not know its own name."""
    name = socket.gethostname()
    try:
        return socket.gethostbyname(name)
    except OSError:
        return "127.0.0.1"
