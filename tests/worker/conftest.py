"""A worker with rogue plugins; children find this folder on their path."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))

import rogue_plugins

from linkspan.log.port import Log
from linkspan.plugins.catalog import Catalog, PluginInfo
from linkspan.worker.offsets import FileOffsetStore
from linkspan.worker.supervisor import Worker

DEADLINE = 30.0


def plugin(kind: str, name: str) -> PluginInfo:
    return PluginInfo(
        kind=kind,
        class_name=f"rogue_plugins.{name}",
        python_path=f"rogue_plugins:{name}",
        version="1",
        aliases=(name,),
        error=None,
        location="tests",
    )


CATALOG = Catalog(
    [
        plugin("source", "RogueSource"),
        plugin("source", "WatchingSource"),
        plugin("source", "SearchingSource"),
        plugin("source", "SecretSource"),
        plugin("source", "CountingSource"),
        plugin("sink", "QuietSink"),
        plugin("sink", "DeadlySink"),
        plugin("converter", "PlainConverter"),
        plugin("converter", "DeadlyConverter"),
        plugin("header_converter", "PlainConverter"),
        plugin("configprovider", "RogueProvider"),
    ]
)
WORKER = {
    "key.converter": "rogue_plugins.PlainConverter",
    "value.converter": "rogue_plugins.PlainConverter",
    "header.converter": "rogue_plugins.PlainConverter",
    "bootstrap.servers": "127.0.0.1:1",
    "offset.flush.interval.ms": "60000",
}


class Watched:
    """A worker, and everything it said."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.events: list[Any] = []
        self.reconfigured: list[str] = []
        worker.on_status = self.events.append
        worker.on_reconfigure = self.reconfigured.append

    def states(self, connector: str, task: int | None) -> list[str]:
        return [e.state for e in self.events if (e.connector, e.task) == (connector, task) and e.kind == "state"]

    async def state(self, connector: str, task: int | None, state: str, kind: str = "state") -> Any:
        """Wait for an event."""

        def found() -> Any:
            wanted = (connector, task, state, kind)
            return next((e for e in self.events if (e.connector, e.task, e.state, e.kind) == wanted), None)

        await until(lambda: found() is not None, lambda: f"no {state} of {connector}-{task} among {self.events}")
        return found()

    async def run_task(self, name: str, **config: str) -> None:
        """Start a connector and its first task."""
        whole = source(name, **config)
        await self.worker.start_connector(name, whole, "STARTED")
        configs = await self.worker.task_configs(name)
        await self.worker.start_task(name, 0, configs[0], "STARTED", connector_config=whole)


def source(name: str, kind: str = "RogueSource", **config: str) -> dict[str, str]:
    return {"name": name, "connector.class": f"rogue_plugins.{kind}", "tasks.max": "1", **config}


async def until(condition: Callable[[], bool], complaint: Callable[[], str] = lambda: "condition never true") -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            pytest.fail(complaint())
        await asyncio.sleep(0.01)


@asynccontextmanager
async def running(
    folder: Path,
    log: Log | None = None,
    keeps_places_as: str | None = None,
    delivers_once_as: str | None = None,
    **properties: str,
) -> AsyncIterator[Watched]:
    """A started worker; everything is gone afterwards."""
    store = FileOffsetStore(str(folder / "offsets"))
    log = log or rogue_plugins.SilentLog()
    worker = Worker(
        {**WORKER, **properties},
        log,
        store,
        catalog=CATALOG,
        keeps_places_as=keeps_places_as,
        delivers_once_as=delivers_once_as,
    )
    await worker.open_offsets()
    await worker.start()
    try:
        yield Watched(worker)
    finally:
        await worker.stop()


@pytest.fixture
def with_worker(tmp_path: Path) -> Callable[..., None]:
    """Run a coroutine function with a worker."""

    def run(story: Callable[[Watched], Coroutine[Any, Any, None]], **properties: str) -> None:
        async def whole() -> None:
            async with running(tmp_path, **properties) as watched:
                await story(watched)

        asyncio.run(whole())

    return run
