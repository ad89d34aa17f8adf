"""Headers that a user configures: cross-origin requests, and ``response.http.headers.config`` (spec/runtime.md 1.1)."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final

from linkspan.api.errors import ConfigError
from linkspan.config.regex import java_regex

__all__ = ["CrossOrigin", "HeaderRule", "header_rules"]

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


@dataclass(frozen=True, slots=True)
class HeaderRule:
    """One rule of ``response.http.headers.config``.

    Attributes:
        replaces: whether it replaces a header of that name (set) or adds one (add).
        name: header.
        value: its value at the time of the answer.
    """

    replaces: bool
    name: str
    value: Callable[[], str]


def header_rules(text: str) -> list[HeaderRule]:
    """Read ``[action] [name]:[value]`` rules separated by commas, in double quotes where they contain one."""
    rows = list(csv.reader([text], skipinitialspace=True))
    return [_rule(item.strip()) for item in (rows[0] if rows else []) if item.strip()]


def _rule(text: str) -> HeaderRule:
    action, _, pair = text.partition(" ")
    name, colon, value = pair.strip().partition(":")
    kind = action.lower()
    if kind not in {"set", "add", "setdate", "adddate"} or not colon or ":" in value or not name or " " in name.strip():
        raise ConfigError.invalid(
            "response.http.headers.config",
            text,
            "each rule must read '[action] [header name]:[header value]' with an action of set, add, setDate, addDate",
        )
    if kind.endswith("date"):
        return HeaderRule(kind.startswith("set"), name.strip(), _date(value.strip(), text))
    return HeaderRule(kind == "set", name.strip(), value.strip)


def _date(offset: str, rule: str) -> Callable[[], str]:
    try:
        milliseconds = int(offset)
    except ValueError:
        raise ConfigError.invalid(
            "response.http.headers.config", rule, "the value of a date action is an offset in milliseconds"
        ) from None
    return lambda: formatdate(time.time() + milliseconds / 1000, usegmt=True)


def _origin(pattern: str, origins: str) -> Callable[[str], bool]:
    try:
        return java_regex(f"(?i){pattern}")
    except ConfigError as error:
        raise ConfigError.invalid(ORIGINS_KEY, origins, error.message) from error


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]
