"""References that stayed where a password belongs: they are refused, so that no client ever sends one."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

from linkspan.api.errors import ConfigError
from linkspan.api.fields import ConfigKey, ConfigType

__all__ = ["passwords", "refuse_unresolved", "unresolved_text", "warn_unresolved"]

log = logging.getLogger(__name__)


def unresolved_text(key: str, references: Sequence[str]) -> str:
    """What to say about a password whose references stayed."""
    return (
        f"Invalid value [hidden] for configuration {key}: no config provider knows {', '.join(references)}; check the "
        "name of the provider, its allow-list, the path and the key"
    )


def passwords(keys: Iterable[ConfigKey], prefix: str = "") -> set[str]:
    """Names of the keys that hold passwords."""
    return {prefix + name for key in keys if key.type is ConfigType.PASSWORD for name in (key.name, *key.aliases)}


def refuse_unresolved(secret: Iterable[str], unresolved: Mapping[str, Sequence[str]]) -> None:
    """Refuse a configuration with a password that still is a reference.

    Args:
        secret: names of keys that hold passwords.
        unresolved: by key, the references that stayed.

    Raises:
        ConfigError: names the first such key.
    """
    for key in sorted(set(secret) & unresolved.keys()):
        raise ConfigError(unresolved_text(key, unresolved[key]), key)


def warn_unresolved(who: str, unresolved: Mapping[str, Sequence[str]]) -> None:
    """Say which references stay as they are written; ``who`` has them, and begins the sentence."""
    for key, references in unresolved.items():
        log.warning("%s: %s keeps %s as it is written, which no config provider knows", who, key, ", ".join(references))
