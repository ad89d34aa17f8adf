"""A control group with limits, below the one that the tests run in: what a container's engine makes for a container."""

from __future__ import annotations

import os
import signal
import time
import uuid
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final

from linkspan.worker.control_groups import _MEMBERSHIP, _MOUNT, _folders

_LIMITS: Final = {"memory": ("memory.max", "memory.limit_in_bytes"), "pids": ("pids.max",)}
_SECONDS_TO_END: Final = 30


class NotAllowedError(Exception):
    """The system lets nobody, or not us, make control groups here."""


class ControlGroup(AbstractContextManager["ControlGroup"]):
    """One group, of either version, for the time of a ``with`` block; what is left in it then is killed.

    Args:
        limits: of ``memory`` in bytes, of ``pids``.

    Raises:
        NotAllowedError: it cannot be made.
    """

    def __init__(self, **limits: int) -> None:
        name = f"linkspan-{uuid.uuid4().hex[:8]}"
        self._folders: dict[str, Path] = {}
        try:
            for controller, limit in limits.items():
                self._folders[controller] = _made(controller, name)
                file = next(file for text in _LIMITS[controller] if (file := self._folders[controller] / text).exists())
                file.write_text(str(limit))
        except (OSError, StopIteration) as error:
            self._remove()
            message = f"no control group can be made here: {error!r}"
            raise NotAllowedError(message) from error

    @property
    def prefix(self) -> list[str]:
        """What to write before a command that is to run in it."""
        script = 'for folder in $0; do echo $$ > "$folder/cgroup.procs" || exit 99; done; exec "$@"'
        return ["sh", "-c", script, " ".join(map(str, self._folders.values()))]

    @property
    def kernel_kills(self) -> int:
        """How many of its processes the kernel has killed because memory ran out."""
        files = [self._folders["memory"] / name for name in ("memory.events", "memory.oom_control")]
        lines = next(file for file in files if file.exists()).read_text().splitlines()
        return int(dict(line.split() for line in lines)["oom_kill"])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def _remove(self) -> None:
        deadline = time.monotonic() + _SECONDS_TO_END
        for folder in self._folders.values():
            while folder.exists():
                for pid in (folder / "cgroup.procs").read_text().split():
                    with suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
                try:
                    folder.rmdir()
                except OSError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.05)


def _made(controller: str, name: str) -> Path:
    """The folder of a new group."""
    around = next(iter(_folders(_MEMBERSHIP, _MOUNT, controller)))
    passed_on = around / "cgroup.subtree_control"
    if passed_on.exists() and controller not in passed_on.read_text().split():
        passed_on.write_text(f"+{controller}")  # refused where the group has processes of its own, as most have
    folder = around / name
    folder.mkdir()
    return folder
