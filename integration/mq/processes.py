"""Processes of a worker that have the library of MQ loaded: its tasks of the MQ connectors."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from integration.bench.footprint import tree
from integration.chaos.pipes import wait_for

__all__ = ["kill_tasks"]


def kill_tasks(pid: int, at_least: int) -> int:
    """SIGKILL all of them, of the worker with this process id, once there are so many; how many there were."""
    wait_for(lambda: len(_tasks(pid)) >= at_least, lambda: _tasks(pid))
    tasks = _tasks(pid)
    for each in tasks:
        with suppress(OSError):
            os.kill(each, signal.SIGKILL)
    return len(tasks)


def _tasks(pid: int) -> list[int]:
    found = []
    for each in tree(pid):
        with suppress(OSError):
            if "libmqm_r.so" in Path(f"/proc/{each}/maps").read_text():
                found.append(each)
    return found
