"""Older tasks of a source connector are fenced out before newer ones write (spec/runtime.md 4.11)."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest

from linkspan.api.errors import ConflictError, ConnectError, NotFoundError
from linkspan.herder.config_topic import ConfigTopic
from linkspan.herder.fencing import Fencing
from tests.herder.config_listener import Told
from tests.herder.fakes import FakeWorker
from tests.log.memory_table import MemoryTable, MemoryTopic

CONFIG = {"name": "c"}


class FencingWorker(FakeWorker):
    def __init__(self) -> None:
        super().__init__()
        self.fenced: list[list[str]] = []
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        self.refusal: ConnectError | None = None

    async def fence_producers(self, name: str, config: dict[str, str], ids: Sequence[str]) -> None:  # noqa: ARG002
        self.fenced.append(list(ids))
        if self.meanwhile is not None:
            await self.meanwhile()
        if self.refusal is not None:
            raise self.refusal


def run(story: Callable[[ConfigTopic, FencingWorker, Fencing], Awaitable[Any]]) -> None:
    async def whole() -> None:
        configs = ConfigTopic(MemoryTable(MemoryTopic("configs"), single_partition=True))
        await configs.open(Told())
        await configs.put_connector("c", CONFIG, None)
        worker = FencingWorker()
        await story(configs, worker, Fencing("g", worker, configs, 3.0))
        await configs.close()

    asyncio.run(whole())


async def cut(configs: ConfigTopic, tasks: int) -> None:
    await configs.put_task_configs("c", [{"n": str(number)} for number in range(tasks)])


def test_the_first_tasks_are_counted_and_nobody_is_fenced_out() -> None:
    async def story(configs: ConfigTopic, worker: FencingWorker, fencing: Fencing) -> None:
        await cut(configs, 2)
        await fencing.fence("c", CONFIG)
        assert worker.fenced == []
        assert configs.snapshot.task_count_records["c"] == 2
        assert configs.snapshot.pending_fencing == frozenset()

    run(story)


def test_all_tasks_of_the_generation_before_are_fenced_out_once() -> None:
    async def story(configs: ConfigTopic, worker: FencingWorker, fencing: Fencing) -> None:
        await cut(configs, 3)
        await fencing.fence("c", CONFIG)
        await cut(configs, 1)
        await asyncio.gather(*(fencing.fence("c", CONFIG) for _ in range(3)))
        await fencing.fence("c", CONFIG)
        assert worker.fenced == [["g-c-0", "g-c-1", "g-c-2"]]
        assert configs.snapshot.task_count_records["c"] == 1

    run(story)


def test_one_task_after_one_task_fences_it_out_by_itself() -> None:
    async def story(configs: ConfigTopic, worker: FencingWorker, fencing: Fencing) -> None:
        for _ in range(2):
            await cut(configs, 1)
            await fencing.fence("c", CONFIG)
        assert worker.fenced == []
        assert configs.snapshot.pending_fencing == frozenset()

    run(story)


def test_a_round_that_newer_tasks_overtook_is_refused_and_not_counted() -> None:
    async def story(configs: ConfigTopic, worker: FencingWorker, fencing: Fencing) -> None:
        await cut(configs, 2)
        await fencing.fence("c", CONFIG)
        await cut(configs, 3)
        worker.meanwhile = lambda: cut(configs, 4)
        with pytest.raises(ConflictError, match="overtaken by new task configs"):
            await fencing.fence("c", CONFIG)
        assert configs.snapshot.task_count_records["c"] == 2
        assert configs.snapshot.pending_fencing == {"c"}

    run(story)


@pytest.mark.parametrize("turns", range(12))
def test_tasks_that_are_cut_while_a_round_ends_are_not_counted_as_fenced(turns: int) -> None:
    async def story(configs: ConfigTopic, worker: FencingWorker, fencing: Fencing) -> None:
        cutting: list[asyncio.Task[None]] = []

        async def meanwhile() -> None:
            cutting.append(asyncio.create_task(cut(configs, 1)))
            for _ in range(turns):
                await asyncio.sleep(0)

        await cut(configs, 2)
        await fencing.fence("c", CONFIG)
        await cut(configs, 3)
        worker.meanwhile = meanwhile
        with suppress(ConflictError):
            await fencing.fence("c", CONFIG)
        await cutting[0]
        assert configs.snapshot.task_counts["c"] == 1
        assert configs.snapshot.pending_fencing == {"c"}

    run(story)


def test_a_failed_round_can_be_tried_again() -> None:
    async def story(configs: ConfigTopic, worker: FencingWorker, fencing: Fencing) -> None:
        await cut(configs, 2)
        await fencing.fence("c", CONFIG)
        await cut(configs, 2)
        worker.refusal = ConnectError("no right to do this")
        with pytest.raises(ConnectError, match="no right"):
            await fencing.fence("c", CONFIG)
        worker.refusal = None
        await fencing.fence("c", CONFIG)
        assert configs.snapshot.pending_fencing == frozenset()

    run(story)


def test_tasks_of_a_connector_that_was_deleted_meanwhile_are_not_counted() -> None:
    async def story(configs: ConfigTopic, worker: FencingWorker, fencing: Fencing) -> None:
        await cut(configs, 3)
        await fencing.fence("c", CONFIG)
        await cut(configs, 2)
        await configs.remove_connector("c")
        with pytest.raises(NotFoundError, match="Connector c not found"):
            await fencing.fence("c", CONFIG)
        assert worker.fenced == []
        assert configs.snapshot.task_count_records["c"] == 3, "who may write under which id is still known"

    run(story)


def test_a_round_that_fails_after_everybody_has_gone_is_no_trouble() -> None:
    troubles: list[dict[str, Any]] = []

    async def story(configs: ConfigTopic, worker: FencingWorker, fencing: Fencing) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))
        await cut(configs, 2)
        await fencing.fence("c", CONFIG)
        await cut(configs, 3)
        asking = asyncio.ensure_future(fencing.fence("c", CONFIG))

        async def gone() -> None:
            asking.cancel()
            await asyncio.sleep(0)

        worker.meanwhile, worker.refusal = gone, ConnectError("no broker")
        with suppress(asyncio.CancelledError):
            await asking
        await asyncio.wait(fencing._rounds.values())
        await asyncio.sleep(0)
        gc.collect()

    run(story)
    assert troubles == []
