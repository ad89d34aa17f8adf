"""Looks for the plugins of a worker, in children: what a plugin does while it is imported costs the worker nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from linkspan.api.errors import ConnectError
from linkspan.plugins.catalog import INSTALLED, Catalog, PluginInfo
from linkspan.plugins.discovery import folders, packages, unusable
from linkspan.worker.questions import Questions

__all__ = ["find_plugins"]

_AT_ONCE = 4
_SECONDS = 60.0


async def find_plugins(questions: Questions, plugin_path: Sequence[str]) -> Catalog:
    """Every plugin there is; those of a place whose child dies or hangs are listed with that as their error.

    What is installed is imported by one child. Only when that fails, each package gets its own, to tell the bad one
    from the others.

    Args:
        questions: asks the children.
        plugin_path: folders whose sub-folders are plugins with their own packages.
    """
    search = _Search(questions)
    locations = await asyncio.to_thread(folders, plugin_path)
    answers = await asyncio.gather(search.installed(), *(search.scan(location) for location in locations))
    found: dict[tuple[str, str], PluginInfo] = {}
    for info in (info for answer in answers for info in answer):
        # Of one class found twice the installed copy stays, as the class path wins with equal versions in Kafka.
        found.setdefault((info.kind, info.class_name), info)
    return Catalog(found.values())


class _Search:
    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._busy = asyncio.Semaphore(_AT_ONCE)

    async def installed(self) -> list[PluginInfo]:
        try:
            return await self._ask(INSTALLED, None)
        except ConnectError:
            names = await asyncio.to_thread(packages)
            answers = await asyncio.gather(*(self.scan(INSTALLED, name) for name in names))
            return [info for answer in answers for info in answer]

    async def scan(self, location: str, package: str | None = None) -> list[PluginInfo]:
        try:
            return await self._ask(location, package)
        except ConnectError as error:
            return await asyncio.to_thread(unusable, location, package, error.message)

    async def _ask(self, location: str, package: str | None) -> list[PluginInfo]:
        args = {"location": location, "package": package}
        what = f"import the plugins of {package or ('this Python' if location == INSTALLED else location)}"
        async with self._busy:
            answer = await self._questions.ask("scan", args, context="worker", what=what, seconds=_SECONDS)
        return Catalog.from_json(answer).plugins
