"""Requests about the offsets of a connector in a group of workers: read, alter, reset (spec/runtime.md 1.8, 4.12).

Any worker reads. The leader changes, in the lane of the connector, once it is stopped and its tasks have ended; and
where sources deliver exactly once, not before their older tasks can write nothing more.
"""

from __future__ import annotations

from linkspan.herder import offset_requests
from linkspan.herder.admission import Admission
from linkspan.herder.config_topic import ConfigTopic
from linkspan.herder.directory import Directory
from linkspan.herder.fencing import Fencing
from linkspan.herder.lanes import Lanes, Stage
from linkspan.herder.port import STARTED, Body, RunningWorker

__all__ = ["GroupOffsets"]


class GroupOffsets:
    """Answers these requests.

    Args:
        worker: reads and changes offsets.
        configs: the config topic.
        directory: of connectors.
        admission: of requests.
        lanes: where requests for a connector are queued.
        fencing: of older exactly-once tasks; None where sources do not deliver exactly once.
        sync_seconds: longest wait for the end of the config topic.
    """

    def __init__(
        self,
        worker: RunningWorker,
        configs: ConfigTopic,
        directory: Directory,
        admission: Admission,
        lanes: Lanes,
        fencing: Fencing | None,
        sync_seconds: float,
    ) -> None:
        self._worker = worker
        self._configs = configs
        self._directory = directory
        self._admission = admission
        self._lanes = lanes
        self._fencing = fencing
        self._sync_seconds = sync_seconds

    async def shown(self, name: str) -> Body:
        """Offsets in any target state."""
        return {"offsets": await self._worker.connector_offsets(name, self._directory.config(name))}

    async def alter(self, name: str, offsets: list[Body]) -> Body:
        """Set offsets of a stopped connector."""
        offset_requests.check_offsets(offsets)
        await self._admission.undisturbed()
        self._admission.check_leading()

        async def alter(stage: Stage) -> Body:
            config = await self._lone_config(name, stage)
            stage.begin(f"modifying offsets for connector {name}")
            return offset_requests.altered(await self._worker.alter_offsets(name, config, offsets))

        return await self._lanes.ask(name, alter)

    async def reset(self, name: str) -> Body:
        """Forget the offsets of a stopped connector."""
        await self._admission.undisturbed()
        self._admission.check_leading()

        async def reset(stage: Stage) -> Body:
            config = await self._lone_config(name, stage)
            stage.begin(f"modifying offsets for connector {name}")
            return offset_requests.reset(await self._worker.reset_offsets(name, config))

        return await self._lanes.ask(name, reset)

    async def _lone_config(self, name: str, stage: Stage) -> dict[str, str]:
        """Configuration of a stopped connector whose tasks, if they deliver exactly once, can write nothing more."""
        self._admission.check_leading()
        config = await self._stopped_config(name)
        if self._fencing is not None and self._directory.kind(config) == "source":
            stage.begin(f"initiating a round of zombie fencing for connector {name}")
            await self._fencing.fence(name, config)
            config = await self._stopped_config(name)
        return config

    async def _stopped_config(self, name: str) -> dict[str, str]:
        await self._configs.read_to_end(self._sync_seconds)
        # a task that ends, on any worker, stores its last offsets; it may have been stopped since this was asked for
        await self._admission.undisturbed()
        self._admission.check_leading()
        config = self._directory.config(name)
        snapshot = self._configs.snapshot
        offset_requests.check_stopped(name, snapshot.targets.get(name, STARTED), len(snapshot.tasks(name)))
        return config
