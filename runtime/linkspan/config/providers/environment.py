"""Values of environment variables of the worker: ``${env:DB_PASSWORD}``."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection
from typing import ClassVar, Final

from linkspan.api.errors import ConfigError
from linkspan.api.fields import LOW, Config, Str
from linkspan.api.provider import ConfigData, ConfigProvider
from linkspan.api.regex import java_pattern

__all__ = ["EnvVarConfigProvider", "StrimziEnvVarConfigProvider"]

_log: Final = logging.getLogger(__name__)
_PATTERN: Final = "allowlist.pattern"


class _EnvVarConfig(Config):
    allowlist_pattern = Str(
        _PATTERN,
        default=None,
        importance=LOW,
        doc="A pattern / regular expression that needs to match for environment variables to be used by this config "
        "provider.",
    )


class EnvVarConfigProvider(ConfigProvider[_EnvVarConfig]):
    """Takes the name of a variable, and no path."""

    config_class: ClassVar = _EnvVarConfig
    java_class: ClassVar = "org.apache.kafka.common.config.provider.EnvVarConfigProvider"

    _allowed: re.Pattern[str] | None = None

    def configure(self) -> None:
        """Look at the pattern of names that are allowed."""
        pattern = self.config.originals.get(_PATTERN)
        if pattern is None:
            _log.info("No pattern for environment variables provided. Using default pattern '(.*)'.")
        else:
            self._allowed = java_pattern(pattern)

    def get(self, path: str, keys: Collection[str]) -> ConfigData:
        """Values of variables whose names are allowed."""
        if path:
            raise ConfigError(f"Path is not supported for EnvVarConfigProvider, invalid value '{path}'")
        return ConfigData({key: os.environ[key] for key in keys if key in os.environ and self._allows(key)})

    def _allows(self, name: str) -> bool:
        return self._allowed is None or self._allowed.fullmatch(name) is not None


class StrimziEnvVarConfigProvider(ConfigProvider[Config]):
    """Takes the name of a variable, and whatever path."""

    java_class: ClassVar = "io.strimzi.kafka.EnvVarConfigProvider"

    def get(self, path: str, keys: Collection[str]) -> ConfigData:  # noqa: ARG002 - the original ignores it, too
        """Values of variables."""
        return ConfigData({key: os.environ[key] for key in keys if key in os.environ})
