"""What a group works on while it is disturbed: lines of a file go through a topic into another file."""

from __future__ import annotations

import threading
import time
import urllib.error
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

from integration.services.groups import Group, GroupWorker
from integration.services.topics import values

SECONDS: Final = 90.0
"""How long anything may take to happen; far more than it does."""
QUICK: Final = {
    "scheduled.rebalance.max.delay.ms": 0,
    "session.timeout.ms": 6000,
    "heartbeat.interval.ms": 1000,
    "consumer.session.timeout.ms": 6000,
    "consumer.heartbeat.interval.ms": 1000,
    "offset.flush.interval.ms": 300,
}
"""Worker properties under which the death of a worker is noticed soon."""


def wait_for(condition: Callable[[], object], what: str | Callable[[], object], seconds: float = SECONDS) -> None:
    """Wait until a condition holds; ``what`` says, or finds out, how things stand when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what() if callable(what) else what}"
        time.sleep(0.05)


def wait_while_it_moves(
    condition: Callable[[], object],
    measure: Callable[[], object],
    what: str | Callable[[], object],
    seconds: float = SECONDS,
) -> None:
    """Wait until a condition holds, however long it takes, as long as a measure changes within so many seconds."""
    last, deadline = measure(), time.monotonic() + seconds
    while not condition():
        now = measure()
        if now != last:
            last, deadline = now, time.monotonic() + seconds
        assert time.monotonic() < deadline, f"nothing moves: {what() if callable(what) else what}"
        time.sleep(0.05)


@contextmanager
def all_the_time(work: Callable[[], object]) -> Iterator[None]:
    """Have something done again and again, in a thread of its own."""
    ended = threading.Event()

    def work_on() -> None:
        while not ended.wait(0.02):
            work()

    thread = threading.Thread(target=work_on)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def lines(path: Path) -> list[str]:
    """Whole lines of a file that may be being written."""
    return path.read_text(errors="replace").split("\n")[:-1] if path.exists() else []


def tried(worker: GroupWorker, path: str) -> Any:
    """Body of a successful GET; None without one."""
    try:
        code, body = worker.ask("GET", path)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None
    return body if code == 200 else None


def states(worker: GroupWorker, name: str) -> list[tuple[str, str]]:
    """State and worker of a connector and of its tasks, by number, as a worker tells them."""
    body = tried(worker, f"/connectors/{name}/status")
    if body is None:
        return []
    return [(each["state"], each["worker_id"]) for each in (body["connector"], *body["tasks"])]


def await_states(
    ask: GroupWorker, names: Collection[str], state: str = "RUNNING", *, on: Collection[GroupWorker], tasks: int = 1
) -> None:
    """Wait until connectors with so many tasks are in a state, on these workers."""
    allowed = {worker.worker_id for worker in on}

    def reached(name: str) -> bool:
        found = states(ask, name)
        return len(found) == 1 + tasks and all(each == state and where in allowed for each, where in found)

    for name in names:
        wait_for(lambda name=name: reached(name), lambda name=name: f"{name} {state}, but {states(ask, name)}")


class Pipe:
    """A source and a sink.

    Args:
        folder: for the two files.
        group: that runs it; it gives the topic its name.
        name: end of the connectors' names.
    """

    def __init__(self, folder: Path, group: Group, name: str = "pipe") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.bootstrap = group.bootstrap
        self.topic = f"{group.name}-{name}"
        self.source_file, self.sink_file = folder / f"{name}-in.txt", folder / f"{name}-out.txt"
        self.source_file.touch()
        self.source, self.sink = f"from-{name}", f"to-{name}"
        self.names = [self.source, self.sink]
        self.written: list[str] = []

    @property
    def configs(self) -> Mapping[str, Mapping[str, str]]:
        """Configurations by connector."""
        return {
            self.source: {
                "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector",
                "file": str(self.source_file),
                "topic": self.topic,
            },
            self.sink: {
                "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
                "file": str(self.sink_file),
                "topics": self.topic,
                "consumer.override.metadata.max.age.ms": "500",
            },
        }

    def create(self, worker: GroupWorker) -> None:
        """Have a worker create both."""
        for name, config in self.configs.items():
            code, body = worker.ask("PUT", f"/connectors/{name}/config", config)
            assert code == 201, body

    def add(self, count: int = 100) -> list[str]:
        """Append so many lines, each unlike all others; the lines."""
        new = [f"line {len(self.written) + number}" for number in range(count)]
        with self.source_file.open("a") as file:
            file.write("".join(f"{line}\n" for line in new))
        self.written += new
        return new

    def growing(self) -> AbstractContextManager[None]:
        """Lines come all the time."""
        return all_the_time(lambda: self.add(5))

    def in_topic(self) -> list[str]:
        """What was written to the topic."""
        return values(self.bootstrap, self.topic)

    def arrived(self) -> list[str]:
        """What was written to the second file."""
        return lines(self.sink_file)

    def await_all(self) -> None:
        """Wait until every line has arrived at least once, and nothing else has."""
        wanted = set(self.written)
        wait_for(
            lambda: wanted <= set(self.arrived()),
            lambda: f"{len(wanted - set(self.arrived()))} of {len(wanted)} lines are missing",
        )
        assert set(self.arrived()) == wanted
        assert set(self.in_topic()) == wanted

    def check_single_owners(self) -> None:
        """New lines arrive exactly once: nobody but one task reads the file, nobody but one the topic."""
        new = set(self.add(50))
        self.await_all()
        for found in (self.in_topic(), self.arrived()):
            counts = Counter(line for line in found if line in new)
            assert set(counts.values()) == {1}, {line: count for line, count in counts.items() if count > 1}
