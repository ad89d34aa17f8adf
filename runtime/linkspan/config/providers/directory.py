"""Values in files of their own: ``${directory:/etc/secrets:password}``, as Kubernetes mounts secrets."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import ClassVar, Final

from linkspan.api.errors import ConfigError
from linkspan.api.provider import ConfigData, ConfigProvider
from linkspan.config.providers.allowed_paths import ALLOWED_PATHS, allowed_paths, permitted
from linkspan.config.providers.file import AllowedPathsConfig
from linkspan.config.providers.reading import text_of

__all__ = ["DirectoryConfigProvider"]

_log: Final = logging.getLogger(__name__)


class DirectoryConfigProvider(ConfigProvider[AllowedPathsConfig]):
    """Takes the path of a folder, and the name of a file in it; the whole content is the value, its newlines too."""

    config_class: ClassVar = AllowedPathsConfig
    java_class: ClassVar = "org.apache.kafka.common.config.provider.DirectoryConfigProvider"
    polled: ClassVar = True

    _allowed: list[PurePosixPath] | None = None

    def configure(self) -> None:
        """Look at the paths that are allowed."""
        self._allowed = allowed_paths(self.config.originals.get(ALLOWED_PATHS))

    def get(self, path: str, keys: Collection[str]) -> ConfigData:
        """Contents of files; nothing for an empty path, one that is not allowed, or what is no folder."""
        if not path:
            return ConfigData({})
        place = permitted(path, self._allowed)
        if place is None:
            _log.warning("The path %s is not allowed to be accessed", path)
            return ConfigData({})
        folder = Path(place)
        if not folder.is_dir():
            _log.warning("The path %s is not a directory", path)
            return ConfigData({})
        return ConfigData({key: _content(folder / key) for key in keys if _is_file_in(folder, key)})


def _is_file_in(folder: Path, name: str) -> bool:
    """Whether it is the name of a file right there; a link to one counts."""
    return bool(name) and "/" not in name and (folder / name).is_file()


def _content(file: Path) -> str:
    try:
        return text_of(file)
    except (OSError, ValueError) as error:
        raise ConfigError(f"Could not read file {file} for property {file.name}") from error
