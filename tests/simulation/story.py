"""One run of a cluster, decided by a seed: things go wrong for a while, then nothing does, and all has to be well."""

from __future__ import annotations

import asyncio
import logging
import random
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from linkspan.worker.restarts import RestartPolicy
from tests.simulation.clock import VirtualLoop
from tests.simulation.cluster import Cluster, Process
from tests.simulation.verdict import broken, problems
from tests.simulation.wishes import User

RECOVERY_SECONDS = 200.0
"""Time in which everything has to be well: repeated attempts wait for a minute at most, and lost work for a while."""
STEADY_SECONDS = 10.0
SETTLE_SECONDS = 2.0
TAIL = 120
MISHAPS = (
    *("crash", "crash", "stop", "freeze", "freeze", "cut", "cut", "topics", "compact"),
    *("fail", "source"),
)
CLOCK_JUMPS_MS = (-86_400_000, -3_600_000, -20_000, 20_000, 3_600_000, 86_400_000)
RESTARTS = (
    RestartPolicy(3, 3600.0, 0.5, 10.0, 20.0, 0.5),
    RestartPolicy(10, 30.0, 0.0, 4.0, 5.0, 0.5),
)
"""A small budget that is used up, and one that comes back soon."""


@dataclass
class Outcome:
    """How a run has ended.

    Attributes:
        failures: rules that were broken; empty when all is well.
        trace: what happened.
        fingerprint: of what happened.
    """

    failures: list[str]
    trace: list[str]
    fingerprint: str


class Recorder(logging.Handler):
    """Log lines of the product: errors without a name are failures, and with ``lines`` all are in the trace."""

    def __init__(self, cluster: Cluster, *, lines: bool) -> None:
        super().__init__(logging.INFO if lines else logging.ERROR)
        self.failures: list[str] = []
        self._cluster = cluster
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        loop = asyncio._get_running_loop()
        where = loop.name if isinstance(loop, VirtualLoop) else "?"
        if record.exc_info:
            self.failures.append(f"{where}: {self.format(record)}")
        if self._lines:
            self._cluster.told(f"    {where}: {record.levelname} {record.getMessage()}")


class Story:
    """Plays one seed.

    Args:
        seed: decides everything.
        lines: whether log lines of the product get into the trace, which changes its fingerprint.
        delivers_once: whether sources deliver exactly once, whatever the seed says.
    """

    def __init__(self, seed: int, *, lines: bool = False, delivers_once: bool = False) -> None:
        self.cluster = cluster = self._cluster(seed)
        cluster.ledger.enabled |= delivers_once
        self.chance = cluster.chance
        # of their own, so that a seed plays the same story with and without them
        self.clocks = random.Random(f"clocks {seed}")
        self.user = User(cluster)
        self.recorder = Recorder(cluster, lines=lines)
        self.names = [f"c{number}" for number in range(self.chance.randrange(1, 5))]
        self.end = self.chance.uniform(20, 60)
        cluster.weather.lost_writes = self.chance.choice((0, 0, 0.05, 0.2))
        cluster.weather.slow = self.chance.choice((0, 0.01, 0.05))
        cluster.weather.broken_children = self.chance.choice((0, 0, 0.05, 0.2))
        cluster.weather.restarts = self.chance.choice((None, *RESTARTS))

    @staticmethod
    def _cluster(seed: int) -> Cluster:
        cluster = Cluster(seed)
        chance = cluster.chance
        cluster.protocol = chance.choice(("sessioned",) * 4 + ("compatible", "eager"))
        cluster.rebalance_delay = chance.choice((0.0, 0.0, 3.0, 15.0))
        cluster.key_ttl_ms = chance.choice((0, 0, 20_000))
        cluster.coordinator.initial_delay = chance.choice((0.0, 3.0))
        cluster.coordinator.rebalance_seconds = chance.choice((20.0, 20.0, 6.0))
        cluster.ledger.enabled = chance.random() < 0.5
        return cluster

    def play(self) -> Outcome:
        logger = logging.getLogger("linkspan")
        level, propagates = logger.level, logger.propagate
        logger.addHandler(self.recorder)
        logger.setLevel(self.recorder.level)
        logger.propagate = False
        try:
            failures = self._play()
        except Exception:  # noqa: BLE001 - whatever it is, it has to be told with its seed
            failures = [traceback.format_exc()]
        finally:
            logger.removeHandler(self.recorder)
            logger.setLevel(level)
            logger.propagate = propagates
            trace, fingerprint = list(self.cluster.trace), self.cluster.fingerprint
            self.cluster.agenda.close()
        return Outcome(failures, trace, fingerprint)

    def _play(self) -> list[str]:
        cluster = self.cluster
        workers = self.chance.randrange(2, 6)
        for number in range(1, workers + 1):
            self._at(0 if self.chance.random() < 0.8 else self.chance.uniform(0, self.end), self._start, number)
        for name in self.names:
            self._at(self.chance.uniform(0, 10), self.user.act, name)
            for _ in range(self.chance.randrange(8)):
                self._at(self.chance.uniform(5, self.end), self.user.act, name)
            for _ in range(self.chance.randrange(3)):
                self._at(self.chance.uniform(5, self.end), self.user.bungle, name)
        for _ in range(self.chance.randrange(12)):
            self._at(self.chance.uniform(3, self.end), self._mishap)
        for _ in range(self.chance.randrange(2, 7) if cluster.ledger.enabled else 0):
            self._at(self.chance.uniform(5, self.end), self._make_zombie, self.chance.choice(self.names))
        for _ in range(self.clocks.choice((0, 0, 1, 4))):
            number, jump = self.clocks.randrange(1, workers + 1), self.clocks.choice(CLOCK_JUMPS_MS)
            self._at(self.clocks.uniform(0, self.end), cluster.turn_clock, number, jump)
        cluster.agenda.run(self.end)
        self._heal(workers)
        return (
            self._well("after the faults")
            or self._repaired()
            or self._steady()
            or self._served()
            or [*cluster.book.breaches, *cluster.agenda.troubles, *self.recorder.failures]
        )

    def _at(self, when: float, call: Callable[..., object], *args: object) -> None:
        self.user.loop.call_at(when, call, *args)

    # --- what goes wrong --------------------------------------------------------------------------------------------

    def _start(self, number: int) -> None:
        if number not in self.cluster.processes and self.cluster.agenda.now < self.end:
            self.cluster.start(number)

    def _mishap(self) -> None:
        if not self.cluster.processes or self.cluster.agenda.now >= self.end:
            return
        number = self.chance.choice(list(self.cluster.processes))
        pause = self.chance.choice((0.1, 1, 5, 12, 30)) * self.chance.uniform(0.5, 1.5)
        match self.chance.choice(MISHAPS):
            case "topics":
                self.cluster.set_topics(up=False)
                self._later(pause, lambda: self.cluster.set_topics(up=True))
            case "compact":
                self.cluster.config_topic.compact()
                self.cluster.status_topic.compact()
            case "source":
                self._change_source(self.chance.choice(self.names), self.chance.randrange(0, 6))
            case "fail":
                self._fail_task(self.cluster.processes[number])
            case kind:
                self._hit(kind, self.cluster.processes[number], pause)

    def _hit(self, kind: str, process: Process, pause: float) -> None:
        cluster, number = self.cluster, process.number
        match kind:
            case "crash":
                cluster.crash(number)
                self._later(pause, self._start, number)
            case "stop" if not process.loop.frozen and not process.stopping:
                cluster.stop(number)
                self._later(pause + 15, self._start, number)
            case "freeze" if not process.loop.frozen:
                cluster.freeze(number)
                self._later(pause, cluster.thaw, number)
            case "cut" if process.link.up:
                cluster.cut(number, tasks=self.chance.random() < 0.5)
                self._later(pause, cluster.mend, number)

    def _make_zombie(self, name: str) -> None:
        """Tasks live on, unknown to the group, while the work of their connector is cut anew or its offsets change."""
        tasks = [item for item in self.cluster.book.runs if item[0] == name and item[1] >= 0]
        here = {process for item in tasks for process in self.cluster.book.runs[item]}
        processes = [process for process in self.cluster.processes.values() if process.name in here]
        if not processes or self.cluster.agenda.now >= self.end:
            return
        process = self.chance.choice(processes)
        pause = self.chance.uniform(12, 45)
        if self.chance.random() < 0.7 and not process.loop.frozen:
            self.cluster.freeze(process.number)
            self._later(pause, self.cluster.thaw, process.number)
        elif process.link.up:
            self.cluster.cut(process.number, tasks=False)
            self._later(pause, self.cluster.mend, process.number)
        if self.chance.random() < 0.6:
            self._later(self.chance.uniform(0, 12), self._change_source, name, self.chance.choice((1, 1, 2, 5)))
        else:
            self._later(self.chance.uniform(0, 12), self.user.stop_and_reset, name)

    def _fail_task(self, process: Process) -> None:
        items = [item for item, run in process.worker.tasks.items() if run.state == "RUNNING"]
        if items and not process.loop.frozen:
            process.loop.call_soon(process.worker.fail, self.chance.choice(items))

    def _later(self, pause: float, call: Callable[..., object], *args: object) -> None:
        self.user.loop.call_later(pause, call, *args)

    def _change_source(self, name: str, parts: int) -> None:
        """There is more or less to read than before; the connector notices."""
        self.cluster.parts[name] = parts
        self.cluster.told(f"the source of {name} has {parts} parts")
        for process in self.cluster.processes.values():
            process.loop.call_later(0.1, process.worker.source_changed, name)

    # --- what becomes well ------------------------------------------------------------------------------------------

    def _heal(self, workers: int) -> None:
        cluster = self.cluster
        cluster.told("nothing goes wrong any more")
        cluster.weather.calm = True
        cluster.set_topics(up=True)
        for number in list(cluster.processes):
            cluster.mend(number)
            cluster.thaw(number)
        for number in range(1, workers + 1):
            if number not in cluster.processes and (not cluster.processes or self.chance.random() < 0.5):
                cluster.start(number)

    def _well(self, when: str) -> list[str]:
        deadline = self.cluster.agenda.now + RECOVERY_SECONDS
        while True:
            self.cluster.agenda.run(self.cluster.agenda.now + SETTLE_SECONDS)
            if not self.cluster.processes:
                self.cluster.start(1)
            found = ["a user still waits"] if any(wish.busy for wish in self.user.wishes.values()) else []
            found = found or problems(self.cluster, self.user)
            if not found:
                return []
            if self.cluster.agenda.now > deadline:
                return [f"{when}, not well within {RECOVERY_SECONDS:g} s: {problem}" for problem in found]

    def _repaired(self) -> list[str]:
        """A user restarts what has failed or hangs, until nothing does."""
        for _ in range(6):
            left = broken(self.cluster)
            if not left:
                return []
            for run in left:
                self.user.repair(*run.item)
            found = self._well("after a repair")
            if found:
                return found
        return [f"cannot be repaired: {run}" for run in broken(self.cluster)]

    def _steady(self) -> list[str]:
        """Where nothing goes wrong, nothing moves, once what was on its way has arrived."""
        for _ in range(4):
            generation, length = self.cluster.coordinator.generation, len(self.cluster.trace)
            self.cluster.agenda.run(self.cluster.agenda.now + STEADY_SECONDS)
            if self.cluster.coordinator.generation == generation:
                return self._well("in peace")
        return [f"in peace, this happened: {line}" for line in self.cluster.trace[length:]]

    def _served(self) -> list[str]:
        """Where nothing goes wrong, a request is carried out."""
        # A former leader that came back may have claimed the config topic: a write shows that, and it is claimed anew.
        for attempt in range(2 if self.cluster.ledger.enabled else 1):
            self.cluster.agenda.run(self.cluster.agenda.now + STEADY_SECONDS)
            wish = self.user.create(f"last-{attempt}")
            found = self._well("after a last wish")
            if found or all(version is not None for version, _ in wish.possible):
                return found
        return ["in peace, a connector could not be created"]


def failure_among(seeds: int, *, first: int = 0, delivers_once: bool = False) -> str:
    """What the first of so many seeds finds, from ``first`` on; for a product that does wrong on purpose."""
    for seed in range(first, first + seeds):
        failures = Story(seed, delivers_once=delivers_once).play().failures
        if failures:
            return failures[0]
    raise AssertionError(f"none of {seeds} seeds has shown it")


def explained(seed: int, failures: list[str]) -> str:
    """Everything one has to know of a seed that failed; it is played again with the log lines."""
    again = Story(seed, lines=True).play()
    first = "\n  ".join(failures[:20])
    return f"seed {seed}:\n  {first}\nThe end of what happened:\n" + "\n".join(again.trace[-TAIL:])
