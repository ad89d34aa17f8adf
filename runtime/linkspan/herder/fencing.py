"""Zombie fencing: older exactly-once tasks of a source connector may write nothing more (KIP-618, spec 4.11)."""

from __future__ import annotations

import asyncio
from functools import partial

from linkspan.api.errors import ConflictError, NotFoundError
from linkspan.herder.config_topic import ConfigTopic
from linkspan.herder.port import RunningWorker
from linkspan.worker.clients import transactional_id

__all__ = ["Fencing"]


class Fencing:
    """Fences out the tasks of older generations; requests that come together share one round.

    Args:
        group: ``group.id`` of the workers.
        worker: asks the brokers.
        configs: the config topic.
        sync_seconds: longest wait for its end.
    """

    def __init__(self, group: str, worker: RunningWorker, configs: ConfigTopic, sync_seconds: float) -> None:
        self._group = group
        self._worker = worker
        self._configs = configs
        self._sync_seconds = sync_seconds
        self._rounds: dict[str, asyncio.Task[None]] = {}

    async def fence(self, name: str, config: dict[str, str]) -> None:
        """Return when the present tasks of a connector may begin to write.

        Raises:
            NotFoundError: the connector was deleted meanwhile.
            ConflictError: the tasks were made anew meanwhile.
            ConnectError: the brokers refuse, or the config topic cannot be written.
        """
        running = self._rounds.get(name)
        if running is None:
            running = self._rounds[name] = asyncio.create_task(self._round(name, config), name=f"fence {name}")
            running.add_done_callback(partial(self._over, name))
        await asyncio.shield(running)

    def _over(self, name: str, running: asyncio.Task[None]) -> None:
        self._rounds.pop(name, None)
        if not running.cancelled():
            # whoever asked may be gone; asyncio would complain that nobody wants to know
            running.exception()

    async def _round(self, name: str, config: dict[str, str]) -> None:
        await self._configs.read_to_end(self._sync_seconds)
        snapshot = self._configs.snapshot
        if name not in snapshot.connectors:
            raise NotFoundError(f"Connector {name} not found")
        if name not in snapshot.pending_fencing:
            return
        tasks = snapshot.task_counts.get(name, 0)
        before = snapshot.task_count_records.get(name)
        generation = snapshot.task_generations.get(name)
        # one task that follows one task fences it out by itself
        if before is not None and not (before == 1 and tasks == 1):
            ids = [transactional_id(self._group, name, number) for number in range(before)]
            await self._worker.fence_producers(name, config, ids)
        try:
            await self._configs.put_task_count(name, tasks, generation=generation)
        except ConflictError as error:
            raise ConflictError(
                f"Zombie fencing for connector {name} was overtaken by new task configs; its tasks will ask again"
            ) from error

    def stop(self) -> None:
        """Give up what is under way."""
        for running in self._rounds.values():
            running.cancel()
