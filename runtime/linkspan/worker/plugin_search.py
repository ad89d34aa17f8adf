"""Looks for the plugins of a worker, in children: what a plugin does while it is imported costs the worker nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from linkspan.api.errors import ConnectError
from linkspan.plugins.catalog import INSTALLED, Catalog, PluginInfo
from linkspan.plugins.discovery import packages, unusable
from linkspan.plugins.versions import version_order
from linkspan.worker.nurseries import Nurseries
from linkspan.worker.questions import Questions

__all__ = ["find_plugins"]

_AT_ONCE = 4
_IMPORT_SECONDS = 60.0
_FOLDERS_SECONDS = 60.0


async def find_plugins(nurseries: Nurseries, plugin_path: Sequence[str]) -> Catalog:
    """Every plugin there is; those of a place whose child dies or hangs are listed with that as their error.

    What is installed is imported by one child. Only when that fails, each package gets its own, to tell the bad one
    from the others.

    Args:
        nurseries: where the children come from; started if they are not yet.
        plugin_path: folders whose sub-folders are plugins with their own packages.

    Raises:
        PluginError: no child can be started, or looking through ``plugin_path`` takes too long.
    """
    search = _Search(nurseries)
    installed, beside = await asyncio.gather(search.installed(), search.beside(plugin_path))
    found: dict[tuple[str, str], PluginInfo] = {}
    for info in (*installed, *beside):
        key = (info.kind, info.class_name)
        found[key] = _better(found[key], info) if key in found else info
    return Catalog(found.values())


def _better(first: PluginInfo, second: PluginInfo) -> PluginInfo:
    """Of one class found twice: one that can be used, then the higher version, then the first, as in Kafka.

    What is installed comes first.
    """
    ranks = [(info.error is None, version_order(info.version)) for info in (first, second)]
    return second if ranks[1] > ranks[0] else first


class _Search:
    def __init__(self, nurseries: Nurseries) -> None:
        self._questions = Questions(nurseries, asyncio.Semaphore(_AT_ONCE))
        self._busy = asyncio.Semaphore(_AT_ONCE)

    async def installed(self) -> list[PluginInfo]:
        try:
            return await self._ask(INSTALLED, None)
        except ConnectError:
            names = await asyncio.to_thread(packages)
            return await self._each((INSTALLED, name) for name in names)

    async def beside(self, plugin_path: Sequence[str]) -> list[PluginInfo]:
        if not plugin_path:
            return []
        args, what = {"plugin_path": list(plugin_path)}, "look through plugin.path"
        locations = await self._questions.ask(
            "plugin_folders", args, context="worker", what=what, seconds=_FOLDERS_SECONDS
        )
        return await self._each((location, None) for location in locations)

    async def _each(self, places: Iterable[tuple[str, str | None]]) -> list[PluginInfo]:
        answers = await asyncio.gather(*(self._scan(*place) for place in places))
        return [info for answer in answers for info in answer]

    async def _scan(self, location: str, package: str | None) -> list[PluginInfo]:
        try:
            return await self._ask(location, package)
        except ConnectError as error:
            return await asyncio.to_thread(unusable, location, package, error.message)

    async def _ask(self, location: str, package: str | None) -> list[PluginInfo]:
        args = {"location": location, "package": package}
        what = f"import the plugins of {package or ('this Python' if location == INSTALLED else location)}"
        async with self._busy:
            answer = await self._questions.ask("scan", args, context="worker", what=what, seconds=_IMPORT_SECONDS)
        return Catalog.from_json(answer).plugins
