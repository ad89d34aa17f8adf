"""Asking providers: what they say about each path, in a form that can be passed on to another process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from linkspan.api.errors import ConfigError, PluginError
from linkspan.api.provider import ConfigData, ConfigProvider
from linkspan.config.providers.references import Resolution, resolution, wanted

__all__ = ["Answer", "asked", "resolved"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider says about one path.

    Attributes:
        values: of the keys that were asked for, as far as they are known.
        ttl_ms: for how long they are good; None for ever.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    ttl_ms: int | None = None


def asked(provider: ConfigProvider[Any], path: str, keys: Sequence[str]) -> Answer:
    """Ask a provider; what it says beyond the question is left out.

    Raises:
        ConfigError: a value cannot be passed on, as a text with half a character.
        PluginError: it answers with something else than values.
    """
    data = provider.get(path, frozenset(keys))
    if not isinstance(data, ConfigData):
        raise PluginError(f"{type(provider).__qualname__}.get returned a {type(data).__name__}, and no ConfigData")
    said: Mapping[str, object] = data.values
    values: dict[str, str] = {}
    for key in keys:
        value = said.get(key, "")
        if not isinstance(value, str):
            # without the value, which may be a secret
            raise PluginError(f"{type(provider).__qualname__}.get returned no text for the key {key}")
        if not _is_text(value):
            where = f"{key} in {path}" if path else key
            raise ConfigError(f"The value of {where} is no text: it has half a character")
        if key in said:
            values[key] = value
    ttl = data.ttl_ms if data.ttl_ms is not None and data.ttl_ms >= 0 else None
    return Answer(values, ttl)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def resolved(config: Mapping[str, str | None], providers: Mapping[str, ConfigProvider[Any]]) -> Resolution:
    """Replace the references of a configuration; for providers of this process.

    Raises:
        ConfigError: a provider cannot say anything about a path; names the provider.
    """
    found: dict[str, dict[str, Mapping[str, str]]] = {}
    for name, paths in wanted([config]).items():
        for path, keys in paths.items() if name in providers else ():
            try:
                found.setdefault(name, {})[path] = asked(providers[name], path, keys).values
            except ConfigError as error:
                raise ConfigError(f"Config provider {name}: {error.message}", error.key) from error
    return resolution(config, found)
