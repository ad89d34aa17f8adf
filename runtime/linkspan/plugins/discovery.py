"""Looks for plugins: entry points of installed packages, and of the folders on ``plugin.path``."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint, distributions, entry_points
from pathlib import Path
from typing import Any, Final

from linkspan.api import (
    Converter,
    HeaderConverter,
    Predicate,
    RestExtension,
    SinkConnector,
    SourceConnector,
    Transform,
)
from linkspan.plugins.catalog import Catalog, PluginInfo
from linkspan.plugins.loading import use_location

__all__ = ["GROUPS", "scan"]

log = logging.getLogger(__name__)

GROUPS: Final = {
    "linkspan.connectors": "connector",
    "linkspan.converters": "converter",
    "linkspan.header_converters": "header_converter",
    "linkspan.transforms": "transformation",
    "linkspan.predicates": "predicate",
    "linkspan.rest_extensions": "rest_extension",
}
"""Entry-point groups and what stands in them; ours and everybody else's plugins use the same."""

_CONTRACTS: Final[dict[str, tuple[type[Any], ...]]] = {
    "connector": (SourceConnector, SinkConnector),
    "converter": (Converter,),
    "header_converter": (HeaderConverter,),
    "transformation": (Transform,),
    "predicate": (Predicate,),
    "rest_extension": (RestExtension,),
}


def scan(plugin_path: Sequence[str]) -> Catalog:
    """Import every plugin there is and describe it; a broken one is listed with its error.

    Args:
        plugin_path: folders whose sub-folders are plugins with their own packages.
    """
    found: dict[tuple[str, str], PluginInfo] = {}
    for group, role in GROUPS.items():
        for point in entry_points(group=group):
            _add(found, _describe(point, role, "classpath"))
    for location in _units(plugin_path):
        use_location(str(location))
        for distribution in distributions(path=[str(location)]):
            for point in distribution.entry_points:
                if point.group in GROUPS:
                    _add(found, _describe(point, GROUPS[point.group], str(location)))
    return Catalog(found.values())


def _add(found: dict[tuple[str, str], PluginInfo], info: PluginInfo) -> None:
    # Of one class found twice the installed copy stays, as the class path wins with equal versions in Kafka.
    found.setdefault((info.kind, info.class_name), info)


def _units(plugin_path: Sequence[str]) -> Iterator[Path]:
    for entry in plugin_path:
        folder = Path(entry.strip())
        if not entry.strip():
            continue
        if not folder.is_dir():
            log.error("plugin.path: %s is not a folder that can be read; it is skipped", folder)
            continue
        jars = [item.name for item in folder.rglob("*.jar")]
        if jars:
            log.warning("plugin.path: %d jars under %s are skipped, plugins are Python here", len(jars), folder)
        yield from (item for item in sorted(folder.iterdir()) if item.is_dir() and not item.name.startswith("."))


def _describe(point: EntryPoint, role: str, location: str) -> PluginInfo:
    path = point.value.replace(" ", "").partition("[")[0]
    try:
        plugin = point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - supervision point: importing a plugin may raise anything
        return _broken(role, path, point, location, error)
    if not inspect.isclass(plugin) or not issubclass(plugin, _CONTRACTS[role]):
        wanted = " or ".join(contract.__name__ for contract in _CONTRACTS[role])
        return _broken(role, path, point, location, TypeError(f"{path} is not a {wanted}"))
    kind = role if role != "connector" else ("source" if issubclass(plugin, SourceConnector) else "sink")
    python_name = path.replace(":", ".")
    return PluginInfo(
        kind=kind,
        class_name=getattr(plugin, "java_class", None) or python_name,
        python_path=path,
        version=str(getattr(plugin, "version", "undefined")),
        location=location,
    )


def _broken(role: str, path: str, point: EntryPoint, location: str, error: Exception | SystemExit) -> PluginInfo:
    reason = f"{type(error).__name__}: {error}"
    if isinstance(error, ModuleNotFoundError):
        package = point.dist.name if point.dist is not None else "the package"
        extra = point.extras[0] if point.extras else point.name
        reason = f"the Python module {error.name} is missing; install it with: pip install '{package}[{extra}]'"
    log.warning("Plugin %s cannot be used: %s", path, reason)
    return PluginInfo(
        kind="sink" if role == "connector" and path.endswith("SinkConnector") else _kind_of_broken(role),
        class_name=path.replace(":", "."),
        python_path=path,
        error=reason,
        location=location,
    )


def _kind_of_broken(role: str) -> str:
    return "source" if role == "connector" else role
