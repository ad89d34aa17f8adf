"""The config providers that a worker file declares, and the classes that come with Linkspan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from linkspan.api.errors import ConfigError
from linkspan.api.provider import ConfigProvider
from linkspan.config import definition
from linkspan.config.providers.directory import DirectoryConfigProvider
from linkspan.config.providers.environment import EnvVarConfigProvider, StrimziEnvVarConfigProvider
from linkspan.config.providers.file import FileConfigProvider
from linkspan.config.providers.kubernetes import KubernetesConfigMapConfigProvider, KubernetesSecretConfigProvider

__all__ = ["BUILT_IN", "KEY", "DeclaredProvider", "check_classes", "declared", "made"]

KEY: Final = "config.providers"

_CLASSES: Final[tuple[type[ConfigProvider[Any]], ...]] = (
    FileConfigProvider,
    DirectoryConfigProvider,
    EnvVarConfigProvider,
    StrimziEnvVarConfigProvider,
    KubernetesSecretConfigProvider,
    KubernetesConfigMapConfigProvider,
)
BUILT_IN: Final[Mapping[str, type[ConfigProvider[Any]]]] = MappingProxyType(
    {str(found.java_class): found for found in _CLASSES}
)
"""By the name of the Java class that each replaces."""


@dataclass(frozen=True, slots=True)
class DeclaredProvider:
    """One provider of a worker file.

    Attributes:
        name: that references use.
        class_name: of the provider.
        params: its parameters.
    """

    name: str
    class_name: str
    params: Mapping[str, str]

    @property
    def class_key(self) -> str:
        """The key that names the class."""
        return f"{KEY}.{self.name}.class"


def declared(settings: Mapping[str, str | None]) -> list[DeclaredProvider]:
    """The providers of a worker file.

    Raises:
        ConfigError: one has no class.
    """
    names = [name.strip() for name in (settings.get(KEY) or "").split(",")]
    return [_declared(name, settings) for name in dict.fromkeys(names) if name]


def _declared(name: str, settings: Mapping[str, str | None]) -> DeclaredProvider:
    prefix = f"{KEY}.{name}.param."
    params = {
        key.removeprefix(prefix): value
        for key, value in settings.items()
        if key.startswith(prefix) and value is not None
    }
    key = f"{KEY}.{name}.class"
    class_name = (settings.get(key) or "").strip()
    if not class_name:
        raise ConfigError(f'Missing required configuration "{key}" which has no default value.', key)
    return DeclaredProvider(name, class_name, params)


def check_classes(providers: list[DeclaredProvider], available: Mapping[str, object]) -> None:
    """Refuse a class that there is not.

    Args:
        providers: of a worker file.
        available: by the names of classes that there are.

    Raises:
        ConfigError: names the key, the class, and all the classes that there are.
    """
    for provider in providers:
        if provider.class_name not in available:
            reason = f"there is no such config provider here; there are {', '.join(sorted(available))}"
            raise ConfigError.invalid(provider.class_key, provider.class_name, reason)


def made(provider: DeclaredProvider, kind: type[ConfigProvider[Any]]) -> ConfigProvider[Any]:
    """A provider that is ready to be asked.

    Raises:
        ConfigError: a parameter is wrong; names the provider.
    """
    try:
        instance = kind()
        instance.config = definition.load(kind.config_class, provider.params)
        instance.configure()
    except ConfigError as error:
        message = f"Config provider {provider.name} ({provider.class_name}) cannot be used: {error.message}"
        raise ConfigError(message, error.key) from error
    return instance
