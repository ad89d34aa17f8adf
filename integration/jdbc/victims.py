"""Whoever may die at any moment while rows move."""

from __future__ import annotations

import os
import random
import signal
from contextlib import suppress

from integration.bench.footprint import tree
from integration.services.groups import LinkspanGroupWorker
from integration.services.linkspan import LinkspanWorker
from integration.services.mariadb import MariaDb
from integration.services.postgresql import PostgreSql

__all__ = ["kill", "kill_a_task"]

Worker = LinkspanWorker | LinkspanGroupWorker


def kill(victim: str, worker: Worker, server: PostgreSql | MariaDb, chance: random.Random) -> None:
    """SIGKILL of the ``worker``, the ``database``, or a ``task``; who does not come back by itself is started again."""
    if victim == "worker":
        worker.kill()
        worker.start()
    elif victim == "database":
        server.kill()
        server.start()
    else:
        kill_a_task(worker, chance)


def kill_a_task(worker: Worker, chance: random.Random) -> None:
    """SIGKILL of some process that the worker has started, if there is one."""
    children = [each for each in tree(worker.pid) if each != worker.pid]
    if children:
        with suppress(OSError):
            os.kill(chance.choice(children), signal.SIGKILL)
