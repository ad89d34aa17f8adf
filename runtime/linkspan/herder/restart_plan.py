"""What a restart by KIP-745 restarts (spec/runtime.md 1.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["RestartPlan", "restart_plan"]

_TO_RESTART: Final = frozenset({"FAILED", "RESTARTING"})


@dataclass(frozen=True, slots=True)
class RestartPlan:
    """The instance, if it is to be restarted, and numbers of tasks."""

    instance: bool
    tasks: tuple[int, ...]


def restart_plan(instance: str, tasks: Mapping[int, str], *, include_tasks: bool, only_failed: bool) -> RestartPlan:
    """What to restart.

    Args:
        instance: state of the connector instance.
        tasks: state of each task.
        include_tasks: whether tasks are meant, too.
        only_failed: whether only what has failed is meant, or waits for a restart.
    """

    def meant(state: str) -> bool:
        return not only_failed or state in _TO_RESTART

    numbers = tuple(number for number, state in sorted(tasks.items()) if include_tasks and meant(state))
    return RestartPlan(meant(instance), numbers)
