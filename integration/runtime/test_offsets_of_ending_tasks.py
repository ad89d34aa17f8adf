"""Offsets that are changed while tasks of a connector that was stopped still end on another worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from integration.runtime.test_standalone_process import wait_until
from integration.services.groups import Group, LinkspanGroupWorker, running

pytestmark = pytest.mark.integration

PLUGINS: Final = {"plugin.path": Path(__file__).parent / "plugin_path"}
SET: Final = {"offsets": [{"partition": {"counter": "one"}, "offset": {"number": 1000}}]}


@pytest.fixture(scope="module")
def workers(kafka: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LinkspanGroupWorker]]:
    """Two workers; the first leads."""
    group, folder = Group(kafka.bootstrap), tmp_path_factory.mktemp("ending")
    found = [LinkspanGroupWorker(folder / name, group, PLUGINS) for name in ("one", "two")]
    with running(found[0]), running(found[1]):
        yield found


def place(worker: LinkspanGroupWorker, name: str) -> str | None:
    """Which worker runs the task of a connector."""
    code, status = worker.ask("GET", f"/connectors/{name}/tasks/0/status")
    return status["worker_id"] if code == 200 and isinstance(status, dict) and status["state"] == "RUNNING" else None


def test_offsets_are_changed_only_after_the_tasks_on_other_workers_have_stored_theirs(
    workers: list[LinkspanGroupWorker], tmp_path: Path
) -> None:
    leader, follower = workers
    names = [f"slow-{number}" for number in range(4)]
    for name in names:
        config = {"connector.class": "AwkwardSource", "topic": "slow", "poll": "2", "pid.file": tmp_path / name}
        body = {"name": name, "config": {key: str(value) for key, value in config.items()}}
        code, said = leader.ask("POST", "/connectors", body)
        assert code == 201, said
    wait_until(lambda: all(place(leader, name) and (tmp_path / name).exists() for name in names), "all tasks poll")
    name = next(name for name in names if place(leader, name) == follower.worker_id)
    pid = (tmp_path / name).read_text()

    assert leader.ask("PUT", f"/connectors/{name}/stop")[0] == 204
    code, said = leader.ask("PATCH", f"/connectors/{name}/offsets", SET)
    assert code == 200, said
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the task has ended")
    assert leader.ask("GET", f"/connectors/{name}/offsets") == (200, SET)
