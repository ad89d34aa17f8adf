"""Which files a provider may read: the parameter ``allowed.paths`` (Kafka's AllowedPaths, rule for rule)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from linkspan.api.errors import ConfigError

__all__ = ["ALLOWED_PATHS", "allowed_paths", "permitted"]

ALLOWED_PATHS: Final = "allowed.paths"


def allowed_paths(text: str | None) -> list[PurePosixPath] | None:
    """Folders and files of a comma-separated list, blanks included; None when there is no limit.

    Raises:
        ConfigError: one is not absolute, or does not exist.
    """
    if not text:
        return None
    paths = [_normalised(item) for item in _split(text)]
    for path in paths:
        if not path.is_absolute():
            raise ConfigError(f"Path {path} is not absolute", ALLOWED_PATHS)
        if not os.path.exists(path):  # noqa: PTH110 - PurePosixPath has no such method
            raise ConfigError(f"Path {path} does not exist", ALLOWED_PATHS)
    return paths


def permitted(path: str, allowed: Sequence[PurePosixPath] | None) -> str | None:
    """The path to read; None when it is outside. As in Kafka only its text counts: symbolic links are followed."""
    if allowed is None:
        return path
    normalised = _normalised(path)
    return str(normalised) if any(normalised.is_relative_to(place) for place in allowed) else None


def _normalised(path: str) -> PurePosixPath:
    path = os.path.normpath(path) if path else path
    # two slashes at the beginning mean something to POSIX, but not to Java
    return PurePosixPath("/" + path.lstrip("/") if path.startswith("/") else path)


def _split(text: str) -> list[str]:
    """As Java's split: empty items at the end are left out."""
    items = text.split(",")
    while items and not items[-1]:
        items.pop()
    return items
