"""Values in files of their own: ``${directory:/etc/secrets:password}``, as Kubernetes mounts secrets."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import ClassVar, Final

from linkspan.api.errors import ConfigError
from linkspan.config.providers.allowed_paths import PathProvider
from linkspan.config.providers.reading import text_of

__all__ = ["DirectoryConfigProvider"]

_log: Final = logging.getLogger(__name__)


class DirectoryConfigProvider(PathProvider):
    """Takes the path of a folder, and the name of a file in it; the whole content is the value, its newlines too."""

    java_class: ClassVar = "org.apache.kafka.common.config.provider.DirectoryConfigProvider"

    def read(self, path: str, place: str, keys: Collection[str]) -> Mapping[str, str]:
        """Contents of files; nothing for what is no folder."""
        folder = Path(place)
        if not folder.is_dir():
            _log.warning("The path %s is not a directory", path)
            return {}
        return {key: _content(folder / key) for key in keys if _is_file_in(folder, key)}


def _is_file_in(folder: Path, name: str) -> bool:
    """Whether it is the name of a file right there; a link to one counts."""
    return bool(name) and "/" not in name and (folder / name).is_file()


def _content(file: Path) -> str:
    try:
        return text_of(file)
    except (OSError, ValueError) as error:
        raise ConfigError(f"Could not read file {file} for property {file.name}") from error
