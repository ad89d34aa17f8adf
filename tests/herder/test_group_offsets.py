"""Requests about offsets, on the leader of a group."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from linkspan.herder.admission import Admission
from linkspan.herder.config_topic import ConfigTopic
from linkspan.herder.directory import Directory
from linkspan.herder.group_offsets import GroupOffsets
from linkspan.herder.lanes import Lanes, Stage
from linkspan.herder.port import STARTED, STOPPED
from tests.herder.config_listener import Told
from tests.herder.fakes import FakeWorker
from tests.log.memory_table import MemoryTable, MemoryTopic

CONFIG = {"name": "c", "connector.class": "FileStreamSource", "file": "f", "topic": "t"}
SECONDS_TO_HAPPEN = 60


def test_offsets_are_changed_only_after_all_has_ended_that_was_stopped_after_they_were_asked_for() -> None:
    async def story() -> None:
        configs = ConfigTopic(MemoryTable(MemoryTopic("configs"), single_partition=True))
        await configs.open(Told())
        await configs.put_connector("c", CONFIG, STARTED)
        worker, lanes, ended, waits = FakeWorker(), Lanes(), asyncio.Event(), asyncio.Event()
        ended.set()  # nothing was stopped yet

        async def wait_at_rest(_: float) -> bool:
            if not ended.is_set():
                waits.set()
            await ended.wait()
            return True

        group = SimpleNamespace(leads=True, leader_url=None, wait_at_rest=wait_at_rest)
        offsets = GroupOffsets(
            worker,
            configs,
            Directory(configs, worker.catalog),
            Admission(group),  # type: ignore[arg-type] # what is asked of it
            lanes,
            None,
            SECONDS_TO_HAPPEN,
        )
        stopped = asyncio.Event()

        async def stop(_: Stage) -> None:
            await stopped.wait()
            await configs.put_target("c", STOPPED)
            ended.clear()

        lanes.tell("c", stop)
        asked = asyncio.ensure_future(offsets.reset("c"))
        await asyncio.sleep(0)
        stopped.set()
        waiting = asyncio.ensure_future(waits.wait())
        await asyncio.wait({asked, waiting}, return_when=asyncio.FIRST_COMPLETED)
        assert waiting.done()
        assert worker.calls == []
        ended.set()
        async with asyncio.timeout(SECONDS_TO_HAPPEN):
            await asked
        assert [call[0] for call in worker.calls] == ["reset_offsets"]
        await configs.close()

    asyncio.run(story())
