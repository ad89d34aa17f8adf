"""Rules of ``response.http.headers.config``: headers that every answer carries (spec/runtime.md 1.1)."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final

from linkspan.api.errors import ConfigError

__all__ = ["HeaderRule", "header_rules"]

_KEY: Final = "response.http.headers.config"


@dataclass(frozen=True, slots=True)
class HeaderRule:
    """One rule.

    Attributes:
        replaces: whether it replaces a header of that name (set) or adds one (add).
        name: header.
        value: its value at the time of the answer.
    """

    replaces: bool
    name: str
    value: Callable[[], str]


def header_rules(text: str) -> list[HeaderRule]:
    """Read ``[action] [name]:[value]`` rules separated by commas, in double quotes where they contain one.

    Raises:
        ConfigError: one is malformed.
    """
    rows = list(csv.reader([text], skipinitialspace=True))
    return [_rule(item.strip()) for item in (rows[0] if rows else []) if item.strip()]


def _rule(text: str) -> HeaderRule:
    action, *pairs = text.split(maxsplit=1)
    if not pairs:
        raise ConfigError.invalid(
            _KEY, text, "Invalid format of header config. Expected: '[action] [header name]:[header value]'"
        )
    kind = action.lower()
    if kind not in {"set", "add", "setdate", "adddate"}:
        raise ConfigError.invalid(
            _KEY, text, f"Invalid header config action: '{action}'. Expected one of [set, add, setDate, addDate]"
        )
    name, colon, value = (part.strip() for part in pairs[0].partition(":"))
    if not colon or ":" in value or len(name.split()) != 1:
        raise ConfigError.invalid(
            _KEY,
            text,
            f"Invalid format of header name and header value pair '{pairs[0]}'. "
            "Expected: '[header name]:[header value]'",
        )
    if kind.endswith("date"):
        return HeaderRule(kind == "setdate", name, _date(value, text))
    return HeaderRule(kind == "set", name, lambda: value)


def _date(offset: str, rule: str) -> Callable[[], str]:
    try:
        milliseconds = int(offset)
    except ValueError:
        raise ConfigError.invalid(_KEY, rule, "the value of a date action is an offset in milliseconds") from None
    return lambda: formatdate(time.time() + milliseconds / 1000, usegmt=True)
