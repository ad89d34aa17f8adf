"""Two workers of one group, of either kind, and what the measurements ask of them."""

from __future__ import annotations

import time
import urllib.error
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from confluent_kafka.admin import AdminClient

from integration.bench.originals import DefaultGroupWorker
from integration.services.groups import Group, GroupWorker, LinkspanGroupWorker

PATIENCE_SECONDS: Final = 300.0
_LOOK_SECONDS: Final = 0.02
_CONFLICT: Final = 409
_SETTINGS: Final = {"scheduled.rebalance.max.delay.ms": 0, "session.timeout.ms": 10_000}


KINDS: Final[Mapping[str, type[GroupWorker]]] = {"original": DefaultGroupWorker, "linkspan": LinkspanGroupWorker}


class Pair:
    """A leader, and a worker that has come later and follows.

    Args:
        subject: which kind.
        bootstrap: broker address.
        folder: for their files.
    """

    def __init__(self, subject: str, bootstrap: str, folder: Path) -> None:
        self._group = Group(bootstrap, _SETTINGS)
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        kind = KINDS[subject]
        self.leader = kind(folder / f"{self._group.name}-leader", self._group)
        self.follower = kind(folder / f"{self._group.name}-follower", self._group)

    def start_follower(self) -> float:
        """Process start → member of the group, whose REST API says that it is ready; in seconds."""
        begin = time.perf_counter()
        self.follower.launch()
        self.await_ready(self.follower, members=2)
        return time.perf_counter() - begin

    def await_ready(self, worker: GroupWorker, members: int) -> None:
        """Wait until the worker's REST API answers, and the group has so many members and is at rest."""
        await_true(lambda: _healthy(worker) and self._stable(members), f"{worker.url} is not ready")

    def await_members(self, members: int) -> None:
        """Wait until the group has so many members, and is at rest."""
        await_true(lambda: self._stable(members), f"the group does not have {members} members")

    def _stable(self, members: int) -> bool:
        found = self._admin.list_groups(self._group.name, timeout=10)
        return len(found) == 1 and found[0].state == "Stable" and len(found[0].members) == members


@contextmanager
def pair(subject: str, bootstrap: str, folder: Path) -> Iterator[Pair]:
    """Both workers, ready; stopped at the end."""
    both = Pair(subject, bootstrap, folder)
    try:
        both.leader.launch()
        both.await_ready(both.leader, members=1)
        both.start_follower()
        yield both
    finally:
        both.follower.stop()
        both.leader.stop()


def await_true(reached: Callable[[], bool], otherwise: str, pause: float = _LOOK_SECONDS) -> None:
    """Wait for something.

    Raises:
        RuntimeError: it did not come in time.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise RuntimeError(f"After {PATIENCE_SECONDS:g} s, {otherwise}")
        time.sleep(pause)


def sink(topic: str, file: Path) -> dict[str, str]:
    """Configuration of a sink with one task."""
    return {
        "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
        "tasks.max": "1",
        "topics": topic,
        "file": str(file),
    }


def create(worker: GroupWorker, name: str, config: Mapping[str, str]) -> None:
    """POST a connector; again, when the group is being rearranged."""
    _insist(worker, "POST", "/connectors", 201, {"name": name, "config": config})


def delete(worker: GroupWorker, name: str) -> None:
    """DELETE a connector; again, when the group is being rearranged."""
    _insist(worker, "DELETE", f"/connectors/{name}", 204)


def _insist(worker: GroupWorker, method: str, path: str, wanted: int, body: object = None) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := worker.ask(method, path, body))[0] == _CONFLICT and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    if answer[0] != wanted:
        raise RuntimeError(f"{method} {path} answered {answer[0]}: {answer[1]}")


def places(worker: GroupWorker) -> dict[str, tuple[str, list[str]]]:
    """For each connector that runs with one task that runs: who has it, and who has the task.

    Raises:
        RuntimeError: a task has failed.
    """
    found = {}
    status, body = worker.ask("GET", "/connectors?expand=status")
    if status != 200 or not isinstance(body, dict):
        return {}
    for name, parts in body.items():
        state, tasks = parts["status"]["connector"], parts["status"]["tasks"]
        for task in tasks:
            if task["state"] == "FAILED":
                raise RuntimeError(f"A task of {name} failed: {task.get('trace')}")
        if state["state"] == "RUNNING" and [task["state"] for task in tasks] == ["RUNNING"]:
            found[name] = (state["worker_id"], [task["worker_id"] for task in tasks])
    return found


def await_running(worker: GroupWorker, names: Iterable[str]) -> None:
    """Wait until each of them, and its task, is RUNNING according to this worker."""
    wanted = set(names)
    await_true(lambda: wanted <= places(worker).keys(), "not all connectors run")


def await_gone(workers: Iterable[GroupWorker], names: Iterable[str]) -> None:
    """Wait until no worker knows them, nor a state of theirs."""
    for worker in workers:
        await_true(
            lambda worker=worker: not set(names) & set(_listed(worker)),  # type: ignore[misc]
            "deleted connectors are still listed",
        )
        for name in names:
            await_true(
                lambda worker=worker, name=name: worker.ask("GET", f"/connectors/{name}/status")[0] == 404,  # type: ignore[misc]
                f"{name} was deleted but has a status",
            )


def _listed(worker: GroupWorker) -> list[str]:
    status, body = worker.ask("GET", "/connectors")
    if status != 200 or not isinstance(body, list):
        raise RuntimeError(f"GET /connectors answered {status}: {body}")
    return body


def _healthy(worker: GroupWorker) -> bool:
    try:
        return worker.ask("GET", "/health")[0] == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError, ValueError):
        return False
