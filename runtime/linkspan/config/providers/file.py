"""Values in a properties file: ``${file:/etc/secrets/db.properties:password}``."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import PurePosixPath
from typing import ClassVar, Final

from linkspan.api.errors import ConfigError
from linkspan.api.fields import LOW, Config, Str
from linkspan.api.provider import ConfigData, ConfigProvider
from linkspan.config import properties
from linkspan.config.providers.allowed_paths import ALLOWED_PATHS, allowed_paths, permitted
from linkspan.config.providers.reading import text_of

__all__ = ["AllowedPathsConfig", "FileConfigProvider"]

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


class FileConfigProvider(ConfigProvider[AllowedPathsConfig]):
    """Takes the path of a Java properties file in UTF-8, and a key in it."""

    config_class: ClassVar = AllowedPathsConfig
    java_class: ClassVar = "org.apache.kafka.common.config.provider.FileConfigProvider"
    polled: ClassVar = True

    _allowed: list[PurePosixPath] | None = None

    def configure(self) -> None:
        """Look at the paths that are allowed."""
        self._allowed = allowed_paths(self.config.originals.get(ALLOWED_PATHS))

    def get(self, path: str, keys: Collection[str]) -> ConfigData:
        """Values in a file; nothing for an empty path, or one that is not allowed."""
        if not path:
            return ConfigData({})
        place = permitted(path, self._allowed)
        if place is None:
            _log.warning("The path %s is not allowed to be accessed", path)
            return ConfigData({})
        try:
            text = text_of(place)
        except (OSError, ValueError) as error:
            raise ConfigError(f"Could not read properties from file {path}") from error
        known = properties.parse(text, path)
        return ConfigData({key: known[key] for key in keys if key in known})
