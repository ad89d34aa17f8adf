"""A request that has waited is not carried out by a worker that does not lead any more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from linkspan.herder.config_topic import ConfigTopic
from linkspan.herder.distributed import DistributedHerder, DistributedSettings
from linkspan.herder.lanes import Lanes, Stage
from linkspan.herder.participant import GroupTimes
from linkspan.herder.port import STOPPED, NotLeaderError
from linkspan.herder.sessions import KeyPolicy
from linkspan.herder.status_topic import StatusTopic
from linkspan.herder.topic_tracking import TopicTracking
from tests.herder.config_listener import Told
from tests.herder.fakes import FakeWorker
from tests.log.memory_table import MemoryTable, MemoryTopic

CONFIG = {"name": "c", "connector.class": "FileStreamSource", "tasks.max": "1"}
SETTINGS = DistributedSettings(
    group="g",
    worker_id="w:8083",
    url="http://w:8083/",
    protocol="sessioned",
    times=GroupTimes(),
    keys=KeyPolicy("HmacSHA256", 32, 0),
    signs_with="HmacSHA256",
    verifies=["HmacSHA256"],
    topics=TopicTracking(),
)


async def wait_settled(_: float) -> bool:
    return True


@pytest.mark.parametrize(
    "request_of",
    [
        lambda herder: herder.delete_connector("c"),
        lambda herder: herder.stop_connector("c"),
        lambda herder: herder.alter_offsets("c", [{"partition": {"p": 1}, "offset": {"o": 1}}]),
        lambda herder: herder.reset_offsets("c"),
        lambda herder: herder.put_connector_config("c", CONFIG),
        lambda herder: herder.patch_connector_config("c", {"tasks.max": "2"}),
    ],
    ids=["delete", "stop", "alter offsets", "reset offsets", "put", "patch"],
)
def test_what_has_waited_is_refused_once_another_worker_leads(
    request_of: Callable[[DistributedHerder], Awaitable[Any]],
) -> None:
    async def story() -> None:
        configs = ConfigTopic(MemoryTable(MemoryTopic("configs"), single_partition=True))
        await configs.open(Told())
        await configs.put_connector("c", CONFIG, STOPPED)
        before = configs.snapshot
        statuses = StatusTopic(MemoryTable(MemoryTopic("statuses")))
        worker, lanes, nobody = FakeWorker(), Lanes(), SimpleNamespace()
        herder = DistributedHerder(
            worker,
            configs,
            statuses,
            nobody,  # type: ignore[arg-type] # nobody is joined
            nobody,  # type: ignore[arg-type] # nobody is asked
            lambda _logger, _level: None,
            {},
            SETTINGS,
            lanes,
        )
        group = SimpleNamespace(
            in_group=True, leads=True, leader_url=None, members={}, wait_settled=wait_settled, wait_at_rest=wait_settled
        )
        herder._group = herder._admission._group = group  # type: ignore[assignment]
        gate = asyncio.Event()

        async def busy(_: Stage) -> None:
            await gate.wait()

        lanes.tell("c", busy)
        asked = asyncio.ensure_future(request_of(herder))
        await asyncio.sleep(0.01)
        group.leads = False
        gate.set()
        with pytest.raises(NotLeaderError):
            await asked
        await configs.read_to_end(1)
        assert configs.snapshot.offset == before.offset, "nothing was written"
        assert not {"alter_offsets", "reset_offsets"} & {call[0] for call in worker.calls}
        await configs.close()

    asyncio.run(story())
