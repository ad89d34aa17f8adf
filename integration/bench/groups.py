"""A group of two workers: the original distributed worker and ours, in turn, each on fresh topics of the same broker.

Every measurement is a part that can be run alone. A part gets two workers that no other part has used.
"""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from integration.bench import scenario
from integration.bench.footprint import memory_mb, tree
from integration.bench.pair import (
    Pair,
    await_gone,
    await_running,
    await_true,
    create,
    delete,
    pair,
    places,
    sink,
)
from integration.bench.rest_load import first_requests_per_second, requests_per_second
from integration.bench.table import SUBJECTS, Row, say, table
from integration.services.groups import GroupWorker
from integration.services.kafka import VERSION, Broker

_Item = TypeVar("_Item")
HEADING: Final = "A group of two workers"
_FIRST: Final = 300
_LOAD_SECONDS: Final = 5.0
_WARM_SECONDS: Final = 3.0
_SETTLE_SECONDS: Final = 15.0
_PART_SECONDS: Final = 900.0
_MOVED: Final = 12
_PULSE_SECONDS: Final = 0.05


@dataclass(frozen=True)
class Run:
    """What a part works with.

    Attributes:
        both: the workers.
        topics: of the broker.
        folder: for files of connectors.
        many: how many connectors are many.
        add: notes a figure under the key of its row.
    """

    both: Pair
    topics: scenario.Topics
    folder: Path
    many: int
    add: Callable[[str, float], None]

    def sinks(self, count: int, topic: str | None = None) -> dict[str, dict[str, str]]:
        """Configurations of that many sinks by name, on one topic."""
        mark = uuid.uuid4().hex[:8]
        if topic is None:
            topic = f"bench-{mark}"
            self.topics.create(topic)
        names = [f"bench-{mark}-{number:03d}" for number in range(count)]
        return {name: sink(topic, self.folder / f"{name}.out") for name in names}


def rows(many: int) -> dict[str, Row]:
    """The table, empty."""
    return {
        "start": Row("second worker start → member and REST ready", "s", "≥ 5"),
        "post": Row("POST connector through a follower → task RUNNING", "s", "≥ 2"),
        "create": Row("30 connectors created through a follower → all RUNNING", "s", "≥ 3"),
        "delete": Row("10 connectors deleted through a follower → gone everywhere", "s", "≥ 10"),
        "first serial": Row(
            f"the first {_FIRST} `GET …/status` of a worker, serial", "requests/s", "≥ 3", more_is_better=True
        ),
        "first parallel": Row(
            f"the next {4 * _FIRST} `GET …/status`, 32 at once", "requests/s", "≥ 2", more_is_better=True
        ),
        "serial": Row(
            "`GET …/status` under load for a while, one connection", "requests/s", "≥ 3", more_is_better=True
        ),
        "parallel": Row(
            "`GET …/status` under load for a while, 32 connections", "requests/s", "≥ 2", more_is_better=True
        ),
        "expand": Row("`GET /connectors?expand=status&expand=info`, 32 connectors", "ms", "≥ 2"),
        "kill": Row("kill −9 of a worker → all its tasks RUNNING elsewhere", "s", "≥ 1"),
        "kill sinks": Row("kill −9 of a worker → its sink tasks deliver again", "s", "≥ 3"),
        "term": Row("SIGTERM of a worker → all its tasks RUNNING elsewhere", "s", "≥ 2"),
        "term sinks": Row("SIGTERM of a worker → its sink tasks deliver again", "s", ""),
        "memory": Row("memory per worker with 16 idle sink connectors (PSS)", "MB", "≥ 3"),
        "many create": Row(f"{many} connectors created through a follower → all RUNNING", "s", "≥ 3"),
        "many list": Row(f"`GET /connectors?expand=status&expand=info`, {many} connectors", "ms", "≥ 3"),
        "many delete": Row(f"{many} connectors deleted through a follower → gone everywhere", "s", "≥ 3"),
    }


# --- the parts ------------------------------------------------------------------------------------------------------


def start(run: Run) -> None:
    """A worker joins one that runs."""
    for _ in range(2):
        run.both.follower.stop()
        run.both.await_members(1)
        run.add("start", run.both.start_follower())


def changes(run: Run) -> None:
    """Connectors come and go through the follower."""
    through, workers = run.both.follower, (run.both.follower, run.both.leader)
    for _ in range(3):
        one = run.sinks(1)
        begin = time.perf_counter()
        _create_all(through, one)
        await_running(through, one)
        run.add("post", time.perf_counter() - begin)
    thirty = run.sinks(30)
    begin = time.perf_counter()
    _create_all(through, thirty)
    await_running(through, thirty)
    run.add("create", time.perf_counter() - begin)
    ten = list(thirty)[:10]
    begin = time.perf_counter()
    _delete_all(through, ten)
    await_gone(workers, ten)
    run.add("delete", time.perf_counter() - begin)


def requests(run: Run) -> None:
    """Reading states through the follower."""
    through = run.both.follower
    sinks = run.sinks(32)
    _create_all(through, sinks)
    await_running(through, sinks)
    paths = [f"/connectors/{name}/status" for name in sinks]
    run.add("first serial", first_requests_per_second(through.url, paths, 1, _FIRST))
    run.add("first parallel", first_requests_per_second(through.url, paths, 32, 4 * _FIRST))
    requests_per_second(through.url, paths, 1, _WARM_SECONDS)
    run.add("serial", requests_per_second(through.url, paths, 1, _LOAD_SECONDS))
    run.add("parallel", requests_per_second(through.url, paths, 32, _LOAD_SECONDS))
    run.add("expand", 1000 / requests_per_second(through.url, [_EXPANDED], 1, _LOAD_SECONDS))


_EXPANDED: Final = "/connectors?expand=status&expand=info"


def takeover(run: Run) -> None:
    """The follower ends, in either way; the leader has its tasks then."""
    sinks = run.sinks(_MOVED)
    _create_all(run.both.leader, sinks)
    for kind, end in (("kill", GroupWorker.kill), ("term", GroupWorker.terminate)):
        moving = _settle(run, sinks)
        begin = time.perf_counter()
        running, delivering = _end(run, sinks, moving, end)
        run.add(kind, running - begin)
        run.add(f"{kind} sinks", delivering - begin)
        run.both.follower.wait()
        run.both.await_members(1)
        run.both.start_follower()


def memory(run: Run) -> None:
    """Sixteen sinks with nothing to do, over both workers."""
    sinks = run.sinks(16)
    _create_all(run.both.follower, sinks)
    await_running(run.both.follower, sinks)
    time.sleep(_SETTLE_SECONDS)
    run.add("memory", statistics.mean(memory_mb(worker.pid) for worker in (run.both.leader, run.both.follower)))


def many(run: Run) -> None:
    """As many connectors as a large group has."""
    through = run.both.follower
    sinks = run.sinks(run.many)
    begin = time.perf_counter()
    _create_all(through, sinks)
    await_running(through, sinks)
    run.add("many create", time.perf_counter() - begin)
    run.add("many list", 1000 / requests_per_second(through.url, [_EXPANDED], 1, _LOAD_SECONDS))
    begin = time.perf_counter()
    _delete_all(through, sinks)
    await_gone((through, run.both.leader), sinks)
    run.add("many delete", time.perf_counter() - begin)


PARTS: Final[Mapping[str, Callable[[Run], None]]] = {
    "group-start": start,
    "group-changes": changes,
    "group-requests": requests,
    "group-takeover": takeover,
    "group-memory": memory,
    "group-many": many,
}
_ONCE: Final = frozenset({"group-many"})
"""Parts that take too long to be repeated."""


def measure(broker: Broker, parts: list[str], rounds: int, many: int, folder: Path) -> str:
    """Run the parts in all rounds; the section for the page.

    A part that does not come to its end costs its own figures alone.
    """
    figures = rows(many)
    unfinished = []
    topics = scenario.Topics(broker.bootstrap)
    for part in parts:
        for turn in range(1 if part in _ONCE else rounds):
            for subject in SUBJECTS:
                say(f"{part}, round {turn + 1}: {subject}")

                def add(key: str, value: float, subject: str = subject) -> None:
                    figures[key].add(subject, value)

                try:
                    with pair(subject, broker.bootstrap, folder) as both:
                        PARTS[part](Run(both, topics, folder, many, add))
                except (RuntimeError, OSError) as error:
                    say(f"  {error}")
                    unfinished.append(f"\n{part} with two workers of {subject}, not finished: {error}\n")
    return f"""Two distributed workers of ours against two of Apache Kafka {VERSION}, alternating in one run on one
machine with one broker: {rounds} rounds, each part with two fresh workers, connectors with one task each
({many} connectors: once). Medians; the ratio says how many times better Linkspan is. Workers share the processors with
the broker. The original runs with the memory and garbage collector settings of its own start script. All workers have
`scheduled.rebalance.max.delay.ms=0` and `session.timeout.ms=10000`; everything else has its default. "Deliver again"
is when every sink of the worker that ended has written a record that was produced after its end.

{scenario.measured()}

{table(figures)}
{"".join(unfinished)}"""


def _create_all(worker: GroupWorker, sinks: Mapping[str, Mapping[str, str]]) -> None:
    for name, config in _in_time(sinks.items()):
        create(worker, name, config)


def _delete_all(worker: GroupWorker, names: Iterable[str]) -> None:
    for name in _in_time(names):
        delete(worker, name)


def _in_time(items: Iterable[_Item]) -> Iterator[_Item]:
    deadline = time.monotonic() + _PART_SECONDS
    for item in items:
        if time.monotonic() > deadline:
            raise RuntimeError(f"not all is done after {_PART_SECONDS:g} s")
        yield item


# --- the end of a worker --------------------------------------------------------------------------------------------


def _settle(run: Run, sinks: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Wait until both workers have their share and every sink delivers; the names of the follower's sinks."""
    share = _MOVED // 2
    mine = run.both.follower.worker_id

    def shared() -> bool:
        placed = places(run.both.leader)
        return placed.keys() >= sinks.keys() and sum(tasks == [mine] for _, tasks in placed.values()) == share

    await_true(shared, "the tasks are not shared evenly")
    _await_delivery(run, sinks, list(sinks))
    return [name for name, (_, tasks) in places(run.both.leader).items() if tasks == [mine]]


def _end(
    run: Run, sinks: Mapping[str, Mapping[str, str]], moving: list[str], end: Callable[[GroupWorker], None]
) -> tuple[float, float]:
    """End the follower; when its tasks were RUNNING at the leader, and when all of them had delivered a record."""
    leader, follower = run.both.leader, run.both.follower
    processes = tree(follower.pid)
    end(follower)
    running = 0.0

    def taken_over() -> bool:
        nonlocal running
        placed = places(leader)
        if not running and all(placed.get(name, ("", []))[1] == [leader.worker_id] for name in moving):
            running = time.perf_counter()
        return bool(running)

    await_true(lambda: taken_over() or not any(map(_alive, processes)), "the worker has not ended")
    delivering = _await_delivery(run, sinks, moving, taken_over)
    await_true(taken_over, "the tasks are not taken over")
    return running, delivering


def _await_delivery(
    run: Run, sinks: Mapping[str, Mapping[str, str]], names: list[str], meanwhile: Callable[[], bool] = lambda: True
) -> float:
    """Write records until each of the sinks has delivered one of them; when that was so."""
    mark = uuid.uuid4().hex
    topic = next(iter(sinks.values()))["topics"]
    missing = dict.fromkeys(names)

    def delivered() -> bool:
        run.topics.fill(topic, [mark.encode()])
        meanwhile()
        for name in list(missing):
            file = Path(sinks[name]["file"])
            if file.exists() and mark in file.read_text():
                del missing[name]
        return not missing

    await_true(delivered, f"{sorted(missing)} deliver nothing", _PULSE_SECONDS)
    return time.perf_counter()


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
