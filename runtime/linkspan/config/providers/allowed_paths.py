"""Which files a provider may read: the parameter ``allowed.paths`` (Kafka's AllowedPaths, rule for rule)."""

from __future__ import annotations

import logging
import os
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath
from typing import ClassVar, Final

from linkspan.api.errors import ConfigError
from linkspan.api.fields import LOW, Config, Str
from linkspan.api.provider import ConfigData, ConfigProvider

__all__ = ["ALLOWED_PATHS", "AllowedPathsConfig", "PathProvider", "allowed_paths", "permitted"]

ALLOWED_PATHS: Final = "allowed.paths"
_log: Final = logging.getLogger(__name__)


class AllowedPathsConfig(Config):
    """Parameters of providers that read files."""

    allowed_paths = Str(
        ALLOWED_PATHS,
        default=None,
        importance=LOW,
        doc="A comma separated list of paths that this config provider is allowed to access. If not set, all paths "
        "are allowed.",
    )


class PathProvider(ConfigProvider[AllowedPathsConfig]):
    """Takes paths of the file system; knows nothing for an empty one, and for one that is not allowed."""

    config_class: ClassVar = AllowedPathsConfig
    polled: ClassVar = True

    _allowed: list[PurePosixPath] | None = None

    def configure(self) -> None:
        """Look at the paths that are allowed."""
        self._allowed = allowed_paths(self.config.originals.get(ALLOWED_PATHS))

    def get(self, path: str, keys: Collection[str]) -> ConfigData:
        """Values at a path."""
        if not path:
            return ConfigData({})
        place = permitted(path, self._allowed)
        if place is None:
            _log.warning("The path %s is not allowed to be accessed", path)
            return ConfigData({})
        return ConfigData(self.read(path, place, keys))

    @abstractmethod
    def read(self, path: str, place: str, keys: Collection[str]) -> Mapping[str, str]:
        """Values at a path that is allowed.

        Args:
            path: as it is written in the reference.
            place: where to read.
            keys: that are asked for.

        Raises:
            ConfigError: it cannot be read.
        """


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
