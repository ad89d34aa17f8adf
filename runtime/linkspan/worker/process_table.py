"""What the kernel says of processes: who belongs to whom, how much memory they hold, how many threads there are.

A look at all processes costs some ten microseconds for each of them.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

__all__ = ["Families", "ProcessTable", "threads_of_user"]

_OWN: Final = re.compile(rb"^(?:RssAnon|RssShmem):\s+(\d+) kB", re.MULTILINE)
_PROPORTIONAL: Final = re.compile(rb"^(?:Pss_Anon|Pss_Shmem):\s+(\d+) kB", re.MULTILINE)
_ENOUGH: Final = 16384


class Families(Protocol):
    """Children, each with every process that it has started: what :class:`ProcessTable` finds out for others."""

    def members(self, heads: Iterable[int]) -> dict[int, list[int]]:
        """The processes of each family, its head included, by the head's process id."""

    def at_most(self, pids: Sequence[int]) -> int:
        """Bytes of memory that some processes hold, and maybe some more, since shared pages count in full."""

    def exactly(self, pids: Sequence[int]) -> int:
        """The same with their parts of shared pages only; takes ten times as long."""

    def kill(self, pids: Sequence[int]) -> None:
        """End processes at once."""


class _Row(NamedTuple):
    pid: int
    parent: int
    group: int
    threads: int


class ProcessTable:
    """The families of this machine, from ``/proc``."""

    def members(self, heads: Iterable[int]) -> dict[int, list[int]]:
        """See :meth:`Families.members`; whoever is left by its parent still belongs to its process group."""
        families: dict[int, list[int]] = {head: [head] for head in heads}
        rows = {row.pid: row for row in _rows()}
        known: dict[int, int | None] = {head: head for head in families}
        for pid in rows:
            head = _head(pid, rows, known)
            if head is not None and head != pid:
                families[head].append(pid)
        return families

    def at_most(self, pids: Sequence[int]) -> int:
        """See :meth:`Families.at_most`."""
        return sum(_kilobytes(pid, "status", _OWN) or 0 for pid in pids) << 10

    def exactly(self, pids: Sequence[int]) -> int:
        """See :meth:`Families.exactly`; where the kernel does not tell, what they hold at most."""
        total = 0
        for pid in pids:
            found = _kilobytes(pid, "smaps_rollup", _PROPORTIONAL)
            total += self.at_most([pid]) if found is None else found << 10
        return total

    def kill(self, pids: Sequence[int]) -> None:
        """See :meth:`Families.kill`."""
        for pid in pids:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _head(pid: int, rows: dict[int, _Row], known: dict[int, int | None]) -> int | None:
    """The head of a process's family: the nearest of its ancestors that is one, or the leader of its group."""
    way = []
    while pid not in known and pid in rows:
        way.append(pid)
        pid = rows[pid].group if rows[pid].group in known else rows[pid].parent
    head = known.get(pid)
    known.update(dict.fromkeys(way, head))
    return head


def threads_of_user() -> int:
    """Threads of all processes that run as the same user as this one."""
    user = os.geteuid()
    count = 0
    for row in _rows():
        with suppress(OSError):
            if os.stat(f"/proc/{row.pid}").st_uid == user:  # noqa: PTH116 - hundreds of them, often
                count += row.threads
    return count


def _rows() -> Iterator[_Row]:
    try:
        names = os.listdir("/proc")  # noqa: PTH208 - as above
    except OSError:  # there is no descriptor left to look with
        return
    for name in names:
        if name.isdigit() and (text := _file(int(name), "stat")):
            fields = text[text.rfind(b")") + 2 :].split()
            yield _Row(int(name), int(fields[1]), int(fields[2]), int(fields[17]))


def _kilobytes(pid: int, file: str, pattern: re.Pattern[bytes]) -> int | None:
    found = pattern.findall(_file(pid, file))
    return sum(map(int, found)) if found else None


def _file(pid: int, name: str) -> bytes:
    """A file of a process; empty when it has ended, or is none of ours."""
    try:
        fd = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, _ENOUGH)
    except OSError:
        return b""
    finally:
        os.close(fd)
