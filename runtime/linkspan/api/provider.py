"""Config providers: where values stand that a configuration only refers to, as in ``${vault:secret/db:password}``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from linkspan.api.fields import Config

__all__ = ["ConfigData", "ConfigProvider"]

ConfigT = TypeVar("ConfigT", bound=Config)


@dataclass(frozen=True, slots=True)
class ConfigData:
    """What a provider knows about one path.

    Attributes:
        values: by key; a key that is missing leaves its references as they are written.
        ttl_ms: milliseconds for which the values are good; connectors that use them are restarted after that. None
            for ever.
    """

    values: Mapping[str, str]
    ttl_ms: int | None = None


class ConfigProvider(ABC, Generic[ConfigT]):
    """Looks up values. The runtime sets ``config`` (``config.providers.<name>.param.*``) before the first call.

    It runs in a process of its own, one for each name in ``config.providers``, and is called from one thread.

    Attributes:
        polled: whether the runtime asks again from time to time whether a value has changed. Not for what costs, or
            gives another answer each time.
    """

    config_class: ClassVar[type[Config]] = Config
    version: ClassVar[str] = "undefined"
    java_class: ClassVar[str | None] = None
    polled: ClassVar[bool] = False

    config: ConfigT

    def configure(self) -> None:
        """Prepare; called once, after ``config`` was set."""

    @abstractmethod
    def get(self, path: str, keys: Collection[str]) -> ConfigData:
        """Look up values.

        Args:
            path: what stands between the colons of a reference; empty for ``${name:key}``.
            keys: that are asked for; others are ignored.

        Raises:
            ConfigError: nothing can be said about this path; whoever refers to it does not start.
        """

    def close(self) -> None:
        """Release resources."""
