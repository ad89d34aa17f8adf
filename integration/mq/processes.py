"""Processes of a worker that have the library of MQ loaded: its tasks of the MQ connectors."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from integration.bench.footprint import tree

__all__ = ["kill_tasks"]


def kill_tasks(pid: int, at_least: int) -> int:
    """SIGKILL all of them, of the worker with this process id; how many there were."""
    killed = 0
    for each in tree(pid):
        with suppress(OSError):
            if "libmqm_r.so" in Path(f"/proc/{each}/maps").read_text():
                os.kill(each, signal.SIGKILL)
                killed += 1
    assert killed >= at_least
    return killed
