"""What passes through a process, and what it costs there: processor time of each record, and memory on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from integration.bench.footprint import cpu_seconds, memory_mb, tree
from integration.bench.table import say

__all__ = ["MARKS", "Moment", "Passage", "moments", "passage"]

MARKS: Final = (0.1, 0.5, 1.0)
"""Parts of all records after which memory is looked at; rates are those from the first to the last of them."""
_PATIENCE_SECONDS: Final = 300.0


class Moment(NamedTuple):
    """How far it is, when, and what the processes have used by then.

    Attributes:
        count: records that have passed.
        seconds: of a clock.
        processor: seconds of processor time, by process.
        memory: megabytes of proportional set size, by process.
    """

    count: int
    seconds: float
    processor: Mapping[int, float]
    memory: Mapping[int, float]


class Passage(NamedTuple):
    """What was measured.

    Attributes:
        rate: records a second.
        cost: microseconds of processor time a record, of the process that used most.
        memory: megabytes of that process, at each mark.
    """

    rate: float
    cost: float
    memory: Sequence[float]


def moments(pid: int, log: Path, seen: Callable[[], int], count: int) -> list[Moment]:
    """Wait for the marks.

    Args:
        pid: of the process; those that descend from it count as well.
        log: what to show when records do not come.
        seen: how many have passed.
        count: of all records.

    Raises:
        RuntimeError: from one mark to the next took too long.
    """
    return [_at(pid, log, seen, int(part * count)) for part in MARKS]


def passage(found: Sequence[Moment]) -> Passage:
    """What lies between the first and the last moment."""
    first, last = found[0], found[-1]
    used = {pid: seconds - first.processor.get(pid, 0.0) for pid, seconds in last.processor.items()}
    busiest = max(used, key=lambda pid: used[pid])
    for one, next_ in pairwise(found):
        say(f"  {one.count:,} to {next_.count:,}: {_rate(one, next_):,.0f}/s")
    cost = 1e6 * used[busiest] / (last.count - first.count)
    return Passage(_rate(first, last), cost, [each.memory[busiest] for each in found])


def _rate(one: Moment, other: Moment) -> float:
    return (other.count - one.count) / max(other.seconds - one.seconds, 1e-9)


def _at(pid: int, log: Path, seen: Callable[[], int], wanted: int) -> Moment:
    """The moment at which so many have passed."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (number := seen()) < wanted:
        if time.monotonic() > deadline:
            end = log.read_text(errors="replace")[-3000:]
            raise RuntimeError(f"only {number} of {wanted} records passed within {_PATIENCE_SECONDS:.0f} s:\n{end}")
        time.sleep(0.01)
    now, processes = time.perf_counter(), tree(pid)
    alone = [each for each in processes if tree(each) == [each]]
    return Moment(number, now, {each: cpu_seconds(each) for each in alone}, {each: memory_mb(each) for each in alone})
