"""A standalone herder over a worker that only pretends, on a loop of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from linkspan.herder.lanes import Lanes
from linkspan.herder.standalone import StandaloneHerder
from tests.herder.fakes import FakeWorker, Report

SOURCE = {"connector.class": "FileStreamSource", "file": "f", "topic": "t"}


class Plane:
    """Herder and worker together, with the questions tests ask most."""

    def __init__(self, timeout: float = 20.0, grace: float = 20.0, **options: Any) -> None:
        self.worker = FakeWorker()
        lanes = Lanes(timeout, grace=grace)
        self.herder = StandaloneHerder(self.worker, "me:8083", {"version": "v"}, lanes=lanes, **options)
        self.worker.on_status = self.herder.on_status

    async def create(self, name: str = "c", target: str | None = None, **more: str) -> dict[str, Any]:
        return await self.herder.create_connector(name, config(name, **more), target)

    def states(self, name: str = "c") -> tuple[str, list[str]]:
        """State of the connector, and of its tasks."""
        status: Any = self.herder.connector_status(name)
        return status["connector"]["state"], [task["state"] for task in status["tasks"]]

    def fail(self, name: str, task: int | None, trace: str = "broken") -> None:
        self.herder.on_status(Report(name, task, "FAILED", trace))

    def calls(self) -> list[tuple[Any, ...]]:
        """What the worker was told since the last time, without questions."""
        told = [call for call in self.worker.calls if call[0] not in {"validate", "task_configs"}]
        self.worker.calls.clear()
        return told

    async def settled(self) -> None:
        """Wait until nothing is queued."""
        await self.herder._lanes.drain(20)


def config(name: str, **more: str) -> dict[str, str | None]:
    return {"name": name, **SOURCE, **{key.replace("_", "."): value for key, value in more.items()}}


Story = Callable[[Plane], Coroutine[Any, Any, None]]


@pytest.fixture
def play() -> Callable[..., None]:
    """Run a story with a plane of these options."""

    def play(story: Story, **options: Any) -> None:
        async def run() -> None:
            plane = Plane(**options)
            await story(plane)
            for gate in plane.worker.hangs.values():
                gate.set()
            await plane.settled()

        asyncio.run(run())

    return play
