"""From the description of a plugin to its class. Runs plugin code: only in child processes."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path
from typing import Any

from linkspan.api.errors import ConfigError, PluginError
from linkspan.plugins.catalog import INSTALLED, PluginInfo
from linkspan.plugins.units import package_folders

__all__ = ["create", "load", "use_location"]


def load(info: PluginInfo) -> type[Any]:
    """Import the class of a plugin.

    Raises:
        ConfigError: the plugin is known to be unusable, for example because an extra is missing.
        PluginError: importing it fails, whatever its module raises.
    """
    if info.error is not None:
        raise ConfigError(f"{info.class_name} cannot be used: {info.error}")
    use_location(info.location)
    module_name, _, qualified = info.python_path.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
        for part in qualified.split("."):
            found = getattr(found, part)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        message = f"{info.class_name} cannot be loaded from {info.python_path}: {reason}"
        raise PluginError(message, traceback.format_exc()) from error
    if not isinstance(found, type):
        raise PluginError(f"{info.python_path} is not a class")
    return found


def create(info: PluginInfo) -> Any:  # noqa: ANN401 - an object of whatever kind the plugin is
    """Import the class of a plugin and make an object of it, without arguments.

    Raises:
        ConfigError: as :func:`load`.
        PluginError: as :func:`load`, or its constructor raises.
    """
    plugin = load(info)
    try:
        return plugin()
    except Exception as error:
        message = f"{info.class_name} cannot be created: {type(error).__name__}: {error}"
        raise PluginError(message, traceback.format_exc()) from error


def use_location(location: str) -> None:
    """Make the packages of a unit of ``plugin.path`` importable in this process, before all others."""
    if location == INSTALLED or not Path(location).is_dir():
        return
    added = [folder for folder in package_folders(location) if folder not in sys.path]
    if added:
        sys.path[:0] = added
        importlib.invalidate_caches()
