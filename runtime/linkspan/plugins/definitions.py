"""Keys of a plugin: body of ``GET /connector-plugins/{plugin}/config`` (spec/runtime.md 1.9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from linkspan.api.errors import ConfigError, NotFoundError
from linkspan.api.fields import ConfigKey
from linkspan.config.connector import SINK_KEYS, SOURCE_KEYS
from linkspan.config.definition import ConfigDef
from linkspan.config.render import key_info
from linkspan.plugins.catalog import Catalog, PluginInfo
from linkspan.plugins.loading import load

__all__ = ["connector_definition", "plugin_config", "plugin_keys"]

_FRAMEWORK: Final = {"source": SOURCE_KEYS, "sink": SINK_KEYS}


def plugin_keys(plugin: type[Any]) -> tuple[ConfigKey, ...]:
    """Keys that a plugin class declares itself."""
    keys: tuple[ConfigKey, ...] = plugin.config_class.keys
    return keys


def plugin_config(catalog: Catalog, name: str) -> list[dict[str, Any]]:
    """ConfigKeyInfo of every key: a connector's own keys first, then those of the framework not named yet.

    Raises:
        NotFoundError: there is no such plugin.
    """
    try:
        info = catalog.find(None, name)
    except (ConfigError, NotFoundError) as error:
        raise NotFoundError(f"Unknown plugin {name}.") from error
    own = ConfigDef(plugin_keys(load(info)))
    if info.kind not in _FRAMEWORK:
        return [key_info(key) for key in own.keys.values()]
    framework = connector_definition(info)
    return [key_info(key) for key in (*own.keys.values(), *(k for k in framework if k.name not in own.keys))]


def connector_definition(info: PluginInfo) -> list[ConfigKey]:
    """Framework keys of a connector; its own version is the default of ``connector.plugin.version``."""
    return [
        replace(key, default=info.version) if key.name == "connector.plugin.version" else key
        for key in _FRAMEWORK[info.kind]
    ]
