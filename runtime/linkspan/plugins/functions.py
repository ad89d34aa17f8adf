"""Functions that a configuration names by import path. Runs users' code: only in child processes."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import PathFinder
from importlib.util import find_spec
from typing import Any, Final

from linkspan.api.errors import NotFoundError, PluginError
from linkspan.plugins.loading import use_location
from linkspan.plugins.units import package_folders, units

__all__ = ["PLUGIN_PATH", "find_function", "look_in"]

PLUGIN_PATH: Final = "plugin.path"

_plugin_path: list[str] = []


def look_in(plugin_path: str | None) -> None:
    """Say where this process's worker has its plugins.

    Args:
        plugin_path: value of the worker's key ``plugin.path``.
    """
    _plugin_path[:] = [entry.strip() for entry in (plugin_path or "").split(",") if entry.strip()]


def find_function(path: str) -> Callable[..., Any]:
    """Import what ``package.module:function`` names.

    It is looked for in what is installed, in the units of ``plugin.path``, and among modules that lie in a folder of
    ``plugin.path`` itself.

    Raises:
        NotFoundError: it is no such path, or there is no such module or function.
        PluginError: importing it fails, or it is no function.
    """
    module_name, colon, qualified = path.partition(":")
    if not colon or not all(part.isidentifier() for part in (*module_name.split("."), *qualified.split("."))):
        raise NotFoundError("It is written as package.module:function")
    _make_importable(module_name.partition(".")[0])
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and f"{module_name}.".startswith(f"{error.name}."):
            raise NotFoundError(f"There is no module {error.name}") from error
        raise PluginError(f"{module_name} cannot be imported: {type(error).__name__}: {error}") from error
    for part in qualified.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            raise NotFoundError(f"There is no {part} in {found.__name__}") from error
    if not callable(found):
        raise PluginError(f"{path} is no function")
    function: Callable[..., Any] = found
    return function


def _make_importable(package: str) -> None:
    """Look for a package that is not installed on ``plugin.path``.

    Raises:
        NotFoundError: it is not there either.
    """
    if package in sys.modules or find_spec(package) is not None:
        return
    for location, folders in _places(_plugin_path):
        spec = PathFinder.find_spec(package, list(folders))
        if spec is not None and spec.origin is not None:
            use_location(location)
            return
    where = ", ".join(_plugin_path) or "not set"
    raise NotFoundError(f"There is no module {package}, neither installed nor on plugin.path ({where})")


def _places(plugin_path: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """Units, and behind them the folders of ``plugin.path`` themselves; each with where its packages lie."""
    for unit in units(plugin_path):
        yield str(unit), package_folders(str(unit))
    for entry in plugin_path:
        yield entry, [entry]
