"""Loaded into a nursery: while a file is there, the system has no room for another process."""

from __future__ import annotations

import os
from pathlib import Path

_fork = os.fork


def fork() -> int:
    if Path(os.environ["NO_ROOM"]).exists():
        raise BlockingIOError(11, "Resource temporarily unavailable")
    return _fork()


os.fork = fork
