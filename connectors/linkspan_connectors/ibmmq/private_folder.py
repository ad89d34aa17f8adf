"""A folder for keys that nobody else may read, and that does not outlive whoever made it by much.

A process that is killed leaves its folder behind. Each folder has a file that its owner holds a lock on, and the next
one that is made anywhere on the machine takes those away whose lock nobody holds.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["PrivateFolder"]

_PREFIX: Final = "linkspan-mq-"
_LOCK: Final = "lock"
_YOUNG: Final = 60.0
"""Seconds: the owner of a younger one may not have locked it yet."""


class PrivateFolder:
    """A new folder.

    Raises:
        OSError: there is no place for temporary files.

    Attributes:
        path: where it is.
    """

    def __init__(self) -> None:
        _remove_left_behind()
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = (self.path / _LOCK).open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self) -> None:
        """Remove it with what is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def _remove_left_behind() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            found = folder.lstat()
            if found.st_uid == os.getuid() and time.time() - found.st_mtime > _YOUNG:
                _remove_unless_held(folder)


def _remove_unless_held(folder: Path) -> None:
    """Raises OSError when somebody holds it, or it is gone."""
    with (folder / _LOCK).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
