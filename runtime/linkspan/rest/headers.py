"""Headers for browsers that call from other origins (spec/runtime.md 1.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from linkspan.api.errors import ConfigError
from linkspan.api.regex import java_regex

__all__ = ["CrossOrigin"]

ALLOWED_HEADERS: Final = "Content-Type"
MAX_AGE_SECONDS: Final = 60
DEFAULT_METHODS: Final = ("GET", "POST", "HEAD")
ORIGINS_KEY: Final = "access.control.allow.origin"


class CrossOrigin:
    """Answers browsers of other origins as the original's Jetty 12 does: it judges origins, browsers judge the rest.

    Args:
        origins: ``access.control.allow.origin``: ``*``, or regular expressions of origins, comma separated.
        methods: ``access.control.allow.methods``; blank for GET, POST and HEAD.

    Raises:
        ConfigError: an expression is malformed.
    """

    def __init__(self, origins: str, methods: str = "") -> None:
        self._anyone = "*" in _items(origins)
        self._allowed = [] if self._anyone else [_origin(item, origins) for item in _items(origins)]
        self._methods = tuple(_items(methods)) or DEFAULT_METHODS

    def headers(self, method: str, sent: Mapping[str, str]) -> dict[str, str]:
        """Headers to add to the answer of one request."""
        added = {"Vary": "Origin"}
        origin = sent.get("Origin")
        if origin is None or not (self._anyone or any(self._allows(part) for part in origin.split())):
            return added
        added["Access-Control-Allow-Origin"] = origin
        if method == "OPTIONS" and "Access-Control-Request-Method" in sent:
            added["Access-Control-Allow-Methods"] = ",".join(self._methods)
            added["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
            added["Access-Control-Max-Age"] = str(MAX_AGE_SECONDS)
        return added

    def _allows(self, origin: str) -> bool:
        return any(allowed(origin) for allowed in self._allowed)


def _origin(pattern: str, origins: str) -> Callable[[str], bool]:
    try:
        return java_regex(f"(?i){pattern}")
    except ConfigError as error:
        raise ConfigError.invalid(ORIGINS_KEY, origins, error.message) from error


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]
