"""What the control groups around this process allow: processors, memory, processes; versions 1 and 2 of them.

A group's limit holds for everything inside it, so of nested groups each one counts. The files of the two versions have
different names, so that it need not be known which version a folder belongs to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["ControlGroups", "Use"]

_MEMBERSHIP: Final = Path("/proc/self/cgroup")
_MOUNT: Final = Path("/sys/fs/cgroup")
_NO_LIMIT: Final = 1 << 60
"""Version 1 writes no limit of memory as the largest number of whole pages."""
_RECLAIMABLE: Final = ("inactive_file", "active_file", "slab_reclaimable")
"""What the kernel gives up before it ends a process: the cache of files."""
_OF_ALL_INSIDE: Final = "total_"


@dataclass(frozen=True, slots=True)
class Use:
    """A limit, and how much of it is used.

    Attributes:
        name: what an administrator calls the limit.
        limit: bytes or processes.
        used: the same, now.
    """

    name: str
    limit: int
    used: int

    @property
    def free(self) -> int:
        """What is left; negative when a limit was lowered below what was in use."""
        return self.limit - self.used


class ControlGroups:
    """Reads limits anew each time, since they may be changed while a process runs.

    Args:
        membership: says in which control groups this process is.
        mount: where the file system of control groups is.
    """

    def __init__(self, membership: Path = _MEMBERSHIP, mount: Path = _MOUNT) -> None:
        self._processors = list(_folders(membership, mount, "cpu"))
        self._memory = list(_folders(membership, mount, "memory"))
        self._processes = list(_folders(membership, mount, "pids"))

    def processors(self) -> float | None:
        """The smallest quota, in processors; None without one."""
        return min((quota for folder in self._processors if (quota := _quota(folder)) is not None), default=None)

    def memory(self) -> Use | None:
        """Memory where least of it is left, without the cache of files; None without a limit."""
        return _tightest(use for folder in self._memory if (use := _memory(folder)) is not None)

    def memory_limit(self) -> int | None:
        """The smallest limit of memory, in bytes; None without one."""
        limits = (_memory_limit(folder) for folder in self._memory)
        return min((limit for _, limit in filter(None, limits)), default=None)

    def processes(self) -> Use | None:
        """Processes and threads where the fewest more may come; None without a limit."""
        return _tightest(use for folder in self._processes if (use := _processes(folder)) is not None)


def _folders(membership: Path, mount: Path, controller: str) -> Iterator[Path]:
    """Of the group this process is in, and of all around it; in a container the outer ones cannot be seen."""
    for line in (_read(membership) or "").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            root = mount
        elif controller in controllers.split(","):
            root = mount / controller
        else:
            continue
        inner = Path(path.lstrip("/"))
        for folder in (inner, *inner.parents):
            if (root / folder).is_dir():
                yield root / folder


def _tightest(uses: Iterator[Use]) -> Use | None:
    return min(uses, key=lambda use: use.free, default=None)


def _quota(folder: Path) -> float | None:
    quota, _, period = (_read(folder / "cpu.max") or "").partition(" ")
    if not quota:
        quota, period = _read(folder / "cpu.cfs_quota_us") or "", _read(folder / "cpu.cfs_period_us") or ""
    # no limit is "max" or -1
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return None
    return int(quota) / int(period)


def _memory_limit(folder: Path) -> tuple[str, int] | None:
    for name in ("memory.max", "memory.limit_in_bytes"):
        limit = _number(folder / name)
        if limit is not None and limit < _NO_LIMIT:
            return name, limit
    return None


def _memory(folder: Path) -> Use | None:
    found = _memory_limit(folder)
    if found is None:
        return None
    used = _number(folder / "memory.current")
    if used is None:
        used = _number(folder / "memory.usage_in_bytes")
    if used is None:
        return None
    stat = dict(line.split(" ", 1) for line in (_read(folder / "memory.stat") or "").splitlines() if " " in line)
    inside = _OF_ALL_INSIDE if f"{_OF_ALL_INSIDE}{_RECLAIMABLE[0]}" in stat else ""
    cache = sum(int(stat.get(f"{inside}{name}", 0)) for name in _RECLAIMABLE)
    return Use(*found, max(0, used - cache))


def _processes(folder: Path) -> Use | None:
    limit, used = _number(folder / "pids.max"), _number(folder / "pids.current")
    return None if limit is None or used is None else Use("pids.max", limit, used)


def _number(file: Path) -> int | None:
    text = _read(file) or ""
    return int(text) if text.isdigit() else None


def _read(file: Path) -> str | None:
    try:
        return file.read_text().strip()
    except OSError:
        return None
