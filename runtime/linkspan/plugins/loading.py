"""From the entry of a plugin in the catalog to its class."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from linkspan.api.errors import ConfigError, PluginError
from linkspan.plugins.catalog import PluginInfo

__all__ = ["load", "use_location"]


def load(info: PluginInfo) -> type[Any]:
    """Import the class of a plugin.

    Raises:
        ConfigError: the plugin is known to be unusable, for example because an extra is missing.
        PluginError: importing it fails.
    """
    if info.error is not None:
        raise ConfigError(f"{info.class_name} cannot be used: {info.error}")
    use_location(info.location)
    module_name, _, qualified = info.python_path.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
        for part in qualified.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise PluginError(f"{info.class_name} cannot be loaded from {info.python_path}: {error}") from error
    if not isinstance(found, type):
        raise PluginError(f"{info.python_path} is not a class")
    return found


def use_location(location: str) -> None:
    """Make the packages of a folder of ``plugin.path`` importable in this process, before all others."""
    if location != "classpath" and location not in sys.path and Path(location).is_dir():
        sys.path.insert(0, location)
        importlib.invalidate_caches()
