"""Looks for plugins: entry points of installed packages, and of the folders on ``plugin.path``.

What is installed, and each folder of ``plugin.path``, is imported in a process of its own: folders may have modules of
the same name, and what one does while it is imported concerns no other.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path
from typing import Any, Final

from linkspan.api import (
    ConfigProvider,
    Converter,
    HeaderConverter,
    Predicate,
    RestExtension,
    SinkConnector,
    SourceConnector,
    Transform,
)
from linkspan.plugins.catalog import INSTALLED, PluginInfo
from linkspan.plugins.loading import use_location
from linkspan.plugins.units import package_folders, units

__all__ = ["GROUPS", "folders", "packages", "scan", "scan_providers", "unusable"]

log = logging.getLogger(__name__)

GROUPS: Final = {
    "linkspan.connectors": "connector",
    "linkspan.converters": "converter",
    "linkspan.header_converters": "header_converter",
    "linkspan.transforms": "transformation",
    "linkspan.predicates": "predicate",
    "linkspan.rest_extensions": "rest_extension",
    "linkspan.config_providers": "configprovider",
}
"""Entry-point groups and what stands in them; ours and everybody else's plugins use the same."""

_OURSELVES: Final = "linkspan"

_CONTRACTS: Final[dict[str, tuple[type[Any], ...]]] = {
    "connector": (SourceConnector, SinkConnector),
    "converter": (Converter,),
    "header_converter": (HeaderConverter,),
    "transformation": (Transform,),
    "predicate": (Predicate,),
    "rest_extension": (RestExtension,),
    "configprovider": (ConfigProvider,),
}


def folders(plugin_path: Sequence[str]) -> list[str]:
    """The folders of ``plugin.path`` that hold plugins; what cannot be used is logged and skipped. Imports nothing."""
    found = []
    for unit in units(plugin_path):
        if any(_points(str(unit))):
            found.append(str(unit))
        elif not any(unit.rglob("*.jar")):
            log.warning("plugin.path: %s is skipped: no package in it has entry points of plugins", unit)
    return found


def packages() -> list[str]:
    """Installed packages that hold plugins. Imports nothing."""
    return list(dict.fromkeys(package for package, _ in _points(INSTALLED)))


def scan(location: str = INSTALLED, package: str | None = None) -> list[PluginInfo]:
    """Import plugins and describe them; a broken one is listed with its error. Runs plugin code.

    Args:
        location: a folder from :func:`folders`, or what is installed.
        package: only this one, None for all.
    """
    use_location(location)
    return [
        _describe(point, GROUPS[point.group], location)
        for name, point in _points(location)
        if package is None or name == package
    ]


def scan_providers(location: str) -> list[PluginInfo]:
    """Import the config providers of one place only, and describe them; runs plugin code."""
    use_location(location)
    points = [point for _, point in _points(location) if GROUPS[point.group] == "configprovider"]
    return [_describe(point, GROUPS[point.group], location) for point in points]


def unusable(location: str, package: str | None, reason: str) -> list[PluginInfo]:
    """List plugins that cannot be imported, as broken. Imports nothing; arguments as for :func:`scan`."""
    return [
        _broken(GROUPS[point.group], _target(point), location, reason)
        for name, point in _points(location)
        if package is None or name == package
    ]


def _points(location: str) -> Iterator[tuple[str, EntryPoint]]:
    """Names of packages with their entry points that are plugins."""
    beside = location != INSTALLED
    found = distributions(path=list(package_folders(location))) if beside else distributions()
    seen = {_OURSELVES} if beside else set()  # a copy that a plugin was installed with is never imported
    for distribution in found:
        try:
            points = [point for point in distribution.entry_points if point.group in GROUPS]
        except (OSError, TypeError, ValueError) as error:
            log.warning("%s is skipped: its entry points cannot be read: %s", _shown(distribution), error)
            continue
        if points and distribution.name not in seen:
            seen.add(distribution.name)  # a second one of that name cannot be imported
            yield from ((distribution.name, point) for point in points)


def _shown(distribution: Distribution) -> str:
    return f"Package {distribution.name} in {Path(str(distribution.locate_file('')))}"


def _describe(point: EntryPoint, role: str, location: str) -> PluginInfo:
    path = _target(point)
    try:
        plugin = point.load()
        if not inspect.isclass(plugin) or not issubclass(plugin, _CONTRACTS[role]):
            wanted = " or ".join(contract.__name__ for contract in _CONTRACTS[role])
            return _broken(role, path, location, f"{path} is not a {wanted}")
        kind = role if role != "connector" else ("source" if issubclass(plugin, SourceConnector) else "sink")
        texts = {name: getattr(plugin, name, None) for name in ("java_class", "version")}
        has_short_name = getattr(plugin, "has_short_name", True) is not False
    except BaseException as error:  # noqa: BLE001 - supervision point: importing a plugin may raise anything
        return _broken(role, path, location, _reason(point, error))
    for name, value in texts.items():
        if value is not None and not isinstance(value, str):
            return _broken(role, path, location, f"{name} of {path} is {value!r:.100}, which is not a text")
    return PluginInfo(
        kind=kind,
        class_name=texts["java_class"] or path.replace(":", "."),
        python_path=path,
        version=texts["version"] or "undefined",
        location=location,
        has_short_name=has_short_name,
    )


def _target(point: EntryPoint) -> str:
    return point.value.replace(" ", "").partition("[")[0]


def _reason(point: EntryPoint, error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        package = point.dist.name if point.dist is not None else "the package"
        extra = point.extras[0] if point.extras else point.name
        return f"the Python module {error.name} is missing; install it with: pip install '{package}[{extra}]'"
    return f"{type(error).__name__}: {error}"


def _broken(role: str, path: str, location: str, reason: str) -> PluginInfo:
    log.warning("Plugin %s cannot be used: %s", path, reason)
    kind = role if role != "connector" else ("sink" if path.endswith("SinkConnector") else "source")
    return PluginInfo(kind=kind, class_name=path.replace(":", "."), python_path=path, error=reason, location=location)
