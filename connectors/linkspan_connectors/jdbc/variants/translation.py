"""One vendor's settings in the engine's terms, and the engine's messages in the vendor's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from linkspan.api import Config, ConfigError, DataError

__all__ = ["Names", "translated", "without"]

C = TypeVar("C", bound=Config)


def without(*names: str) -> Callable[[type[C]], type[C]]:
    """Take keys out of the declaration of a configuration that a vendor does not have."""

    def cut(declared: type[C]) -> type[C]:
        declared.keys = tuple(key for key in declared.keys if key.name not in names)
        return declared

    return cut


def translated(config_class: type[C], config: Config, changes: Mapping[str, object]) -> C:
    """A configuration as the engine takes it.

    Keys of one name are taken over, others have their defaults. What a vendor declares under ``connection.`` for itself
    is no property of the driver.

    Args:
        config_class: of the engine.
        config: of the vendor.
        changes: values by the engine's names, in the types of these keys.
    """
    ours = {key.name for key in config_class.keys}
    values = {key.name: key.default for key in config_class.keys}
    values |= {name: value for name, value in config.values.items() if name in ours}
    values |= changes
    declared = {key.name for key in config.keys} - ours
    originals = {
        name: value
        for name, value in config.originals.items()
        if not (name in declared and name.startswith("connection."))
    }
    return config_class(
        {name: list(value) if isinstance(value, list) else value for name, value in values.items()}, originals
    )


class Names:
    """What a vendor calls the settings that the engine's messages speak of.

    Args:
        settings: the engine's ``key`` or ``key=value`` → the vendor's.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings
        longest_first = sorted(settings, key=len, reverse=True)
        # of no names at all it finds nothing
        self._any = re.compile(
            rf"(?<![\w.])(?:{'|'.join(map(re.escape, longest_first))})(?!\.?\w)" if settings else r"(?!)"
        )

    def text(self, message: str) -> str:
        """A message with the vendor's names."""
        return self._any.sub(lambda found: self._settings[found[0]], message)

    def setting(self, error: ConfigError) -> ConfigError:
        """An error about a setting, with the vendor's name of it."""
        key = None if error.key is None else self._settings.get(error.key, error.key)
        return ConfigError(self.text(error.message), key)

    def data(self, error: DataError) -> DataError:
        """An error about records of a table, with the vendor's names in what to do about it."""
        said = DataError(self.text(error.message))
        said.__cause__ = error.__cause__
        return said

    def settings(self, errors: Sequence[ConfigError]) -> list[ConfigError]:
        """Errors about settings."""
        return [self.setting(error) for error in errors]
