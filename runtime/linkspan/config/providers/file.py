"""Values in a properties file: ``${file:/etc/secrets/db.properties:password}``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import ClassVar

from linkspan.api.errors import ConfigError
from linkspan.config import properties
from linkspan.config.providers.allowed_paths import PathProvider
from linkspan.config.providers.reading import text_of

__all__ = ["FileConfigProvider"]


class FileConfigProvider(PathProvider):
    """Takes the path of a Java properties file in UTF-8, and a key in it."""

    java_class: ClassVar = "org.apache.kafka.common.config.provider.FileConfigProvider"

    def read(self, path: str, place: str, keys: Collection[str]) -> Mapping[str, str]:
        """Values in the file."""
        try:
            text = text_of(place)
        except (OSError, ValueError) as error:
            raise ConfigError(f"Could not read properties from file {path}") from error
        known = properties.parse(text, path)
        return {key: known[key] for key in keys if key in known}
