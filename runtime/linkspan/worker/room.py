"""Whether there is room for another task below the limits of processes and descriptors.

At a limit nothing works any more: no request is accepted, no question answered, no file opened. So a task that would
come near one is not started, and what the worker needs itself stays free.
"""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from linkspan.worker.control_groups import ControlGroups, Use
from linkspan.worker.process_table import threads_of_user

__all__ = ["Room", "raise_descriptor_limit"]

_THREADS: Final = 16
"""Of a task: a sink with a few brokers."""
_DESCRIPTORS: Final = 8
"""That a task costs the worker."""
_KEPT: Final = {"processes": 64, "descriptors": 128}
_MOST_DESCRIPTORS: Final = 65536
"""There are programs that close each descriptor they might have."""
_EXEMPT: Final = 1 << 21 | 1 << 24
"""Capabilities of those for whom the number of processes of a user is not limited: SYS_ADMIN, SYS_RESOURCE."""


class Room:
    """The limits of processes and descriptors.

    Args:
        groups: the control groups around this process.
    """

    def __init__(self, groups: ControlGroups) -> None:
        self._groups = groups

    def lacking(self, task: str, coming: int) -> str | None:
        """What is near its limit, in words for the status of a task that cannot come; None when there is room.

        Args:
            task: its name.
            coming: how many tasks come up at this moment, this one included.
        """
        try:
            limits = list(self._limits(coming * _THREADS))
        except OSError as error:  # there is no descriptor left to look with
            return f"No room for task {task}: {error.strerror}. Raise the limit (ulimit -n), then restart the task"
        for use, what, each in limits:
            kept = min(_KEPT[what], use.limit // 8)
            if use.free < kept + each * coming:
                return (
                    f"No room for task {task}: {use.used} of {use.limit} {what} are in use ({use.name}), a task takes "
                    f"about {each}, and {kept} are kept for the worker itself. Raise the limit or run fewer tasks on "
                    "this worker, then restart the task"
                )
        return None

    def _limits(self, threads: int) -> Iterator[tuple[Use, str, int]]:
        group = self._groups.processes()
        if group is not None:
            yield group, "processes", _THREADS
        user = _processes_of_user(threads)
        if user is not None:
            yield user, "processes", _THREADS
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if limit != resource.RLIM_INFINITY:
            opened = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - there may be thousands
            yield Use("RLIMIT_NOFILE, ulimit -n", limit, opened), "descriptors", _DESCRIPTORS


def _processes_of_user(threads: int) -> Use | None:
    """Processes and threads of this user; None where they are not limited, or far from it."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    if limit == resource.RLIM_INFINITY or os.getuid() == 0 or _exempt():
        return None
    # counting all threads of the machine is much cheaper than counting those of one user
    name = "RLIMIT_NPROC, ulimit -u"
    if limit - _threads_of_machine() > _KEPT["processes"] + threads:
        return None
    return Use(name, limit, threads_of_user())


def _exempt() -> bool:
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    return found is not None and bool(int(found[1], 16) & _EXEMPT)


def _threads_of_machine() -> int:
    return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])


def raise_descriptor_limit() -> None:
    """Let this process, and its children, have as many descriptors as it may allow itself, as Java's machine does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # the system may say no: it goes on as it was
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
