"""References ``${provider:path:key}`` of a worker file to values that stand elsewhere (spec/runtime.md 4.17)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from linkspan.api.errors import ConfigError
from linkspan.config import properties
from linkspan.config.kubernetes import secret

__all__ = ["resolved"]

Lookup = Callable[[str, str], str | None]

_PROVIDERS: Final = "config.providers"
_KAFKA: Final = "org.apache.kafka.common.config.provider."
_SECRETS: Final = "io.strimzi.kafka.KubernetesSecretConfigProvider"
_REFERENCE: Final = re.compile(r"\$\{([^}]*?):(([^}]*?):)?([^}]*?)\}")


def resolved(settings: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The settings with the values that they refer to, and without the keys of the providers.

    What a provider does not know stays as it is written.

    Args:
        settings: of a worker.
        environment: what references to variables are about.

    Raises:
        ConfigError: a setting refers to a provider whose class is not available here; a file or a secret cannot be
            read.
    """
    names = [name.strip() for name in settings.get(_PROVIDERS, "").split(",") if name.strip()]
    lookups = {name: _lookup(name, settings, environment) for name in names}
    kept = {key: value for key, value in settings.items() if not f"{key}.".startswith(f"{_PROVIDERS}.")}
    return {key: value if key == "plugin.path" else _replaced(key, value, lookups) for key, value in kept.items()}


def _replaced(key: str, text: str, lookups: Mapping[str, Lookup | str]) -> str:
    def value(match: re.Match[str]) -> str:
        lookup = lookups.get(match[1])
        if lookup is None:
            return match[0]
        if isinstance(lookup, str):
            message = f"{key} refers to config provider {match[1]}, whose class {lookup!r} is not available here"
            raise ConfigError(message, key)
        found = lookup(match[3] or "", match[4])
        return match[0] if found is None else found

    return _REFERENCE.sub(value, text)


def _lookup(name: str, settings: Mapping[str, str], environment: Mapping[str, str]) -> Lookup | str:
    """What answers for a provider; the name of its class when that is none of ours."""
    prefix = f"{_PROVIDERS}.{name}."
    given = settings.get(f"{prefix}class", "")
    allowed = [Path(item.strip()) for item in settings.get(f"{prefix}param.allowed.paths", "").split(",") if item]
    if given == f"{_KAFKA}EnvVarConfigProvider":
        return _variables(environment, settings.get(f"{prefix}param.allowlist.pattern", ".*"))
    if given == f"{_KAFKA}DirectoryConfigProvider":
        return _inside(allowed, _from_directory)
    if given == f"{_KAFKA}FileConfigProvider":
        return _inside(allowed, _from_file)
    if given == _SECRETS:
        return _secrets(environment)
    return given


def _secrets(environment: Mapping[str, str]) -> Lookup:
    known: dict[str, dict[str, str]] = {}

    def lookup(path: str, key: str) -> str | None:
        if path not in known:
            known[path] = secret(path, environment)
        return known[path].get(key)

    return lookup


def _variables(environment: Mapping[str, str], pattern: str) -> Lookup:
    try:
        allowed = re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"allowlist.pattern {pattern!r} is no regular expression: {error}") from error

    def lookup(path: str, key: str) -> str | None:
        return environment.get(key) if not path and allowed.fullmatch(key) else None

    return lookup


def _inside(allowed: list[Path], lookup: Lookup) -> Lookup:
    def guarded(path: str, key: str) -> str | None:
        place = Path(path).resolve()
        if not path or (allowed and not any(place.is_relative_to(folder.resolve()) for folder in allowed)):
            return None
        return lookup(path, key)

    return guarded


def _from_directory(path: str, key: str) -> str | None:
    place = Path(path) / key
    if "/" in key or not place.is_file():
        return None
    try:
        return place.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"Could not read {place} for a config provider: {error}") from error


def _from_file(path: str, key: str) -> str | None:
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"Could not read properties from file {path}: {error}") from error
    return properties.parse(text, path).get(key)
