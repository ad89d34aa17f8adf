"""Starting, replacing and ending the tasks of one connector on this worker."""

from __future__ import annotations

from collections.abc import Sequence

from linkspan.herder.port import STOPPED, RunningWorker
from linkspan.herder.state import ConnectorState

__all__ = ["LocalTasks"]


class LocalTasks:
    """Keeps the worker's tasks and a connector's record of them in step.

    Args:
        worker: runs the tasks.
    """

    def __init__(self, worker: RunningWorker) -> None:
        self._worker = worker

    async def replace(self, name: str, state: ConnectorState, configs: list[dict[str, str]]) -> None:
        """End all tasks, take over new configurations and start them."""
        await self.remove(name, state)
        state.tasks = configs
        state.applied = dict(state.config)
        await self.begin(name, state, range(len(configs)))

    async def remove(self, name: str, state: ConnectorState) -> None:
        """End and forget all tasks with their states."""
        await self.end(name, range(len(state.tasks)))
        state.tasks = []
        state.applied = None
        state.task_statuses.clear()

    async def restart(self, name: str, state: ConnectorState, numbers: Sequence[int]) -> None:
        """End some tasks and start them with the same configurations."""
        await self.end(name, numbers)
        await self.begin(name, state, numbers)

    async def begin(self, name: str, state: ConnectorState, numbers: Sequence[int]) -> None:
        """Start some tasks in the connector's target state."""
        for number in numbers:
            if number < len(state.tasks) and state.target != STOPPED:
                await self._worker.start_task(
                    name,
                    number,
                    dict(state.tasks[number]),
                    state.target,
                    connector_config=dict(state.applied if state.applied is not None else state.config),
                    count=len(state.tasks),
                )

    async def revive(self, name: str, state: ConnectorState) -> None:
        """Start those that have no process though none of them has failed."""
        gone = [
            number
            for number in range(len(state.tasks))
            if not self._worker.task_alive(name, number) and not state.has_failed(number)
        ]
        await self.begin(name, state, gone)

    async def end(self, name: str, numbers: Sequence[int]) -> None:
        """Stop some tasks."""
        if numbers:
            await self._worker.stop_tasks([(name, number) for number in numbers])

    async def retarget(self, name: str, state: ConnectorState, target: str) -> None:
        """Pause or resume all tasks."""
        for number in range(len(state.tasks)):
            await self._worker.set_task_target(name, number, target)
