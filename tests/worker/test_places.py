"""When the worker takes the place of an ended sink task out of its consumer group."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
import rogue_plugins

from linkspan.api.errors import PluginError
from linkspan.worker.offsets import FileOffsetStore
from linkspan.worker.supervisor import Worker
from tests.worker.conftest import CATALOG, WORKER

OURS = {"consumer": {"group.instance.id": "i", "internal.leave.group.on.close": "true"}}
CHOSEN = {"consumer": {"group.instance.id": "i"}}


class Ended:
    """A task that ends at once."""

    def __init__(self, settings: Any, *, lingers: bool, begun_as: str) -> None:
        self.lingers = lingers
        self.begun_as = begun_as
        self.spec = SimpleNamespace(id="c-0", client_settings=settings, secrets=())

    def ask_to_stop(self) -> None: ...

    async def ended(self, _seconds: float) -> None: ...


def asked_when(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, task: Ended, error: Exception | None = None
) -> list[str]:
    """Questions of a worker that its group calls ``now`` and that stops one task."""
    asked = []

    async def ask(job: str, *_: object, **__: object) -> None:
        asked.append(job)
        if error is not None:
            raise error

    async def stop() -> None:
        store = FileOffsetStore(tmp_path / "offsets")
        worker = Worker(WORKER, rogue_plugins.SilentLog(), store, catalog=CATALOG, keeps_places_as="workers")
        worker.member_id = lambda: "now"
        monkeypatch.setattr(worker, "_ask", ask)
        monkeypatch.setitem(worker._tasks, ("c", 0), task)
        await worker.stop_tasks([("c", 0)])

    asyncio.run(stop())
    return asked


def test_the_place_of_a_task_that_lingers_is_given_up(tmp_path, monkeypatch):
    assert asked_when(tmp_path, monkeypatch, Ended(OURS, lingers=True, begun_as="now")) == ["give_up_place"]


@pytest.mark.parametrize(
    "task",
    [
        Ended(OURS, lingers=False, begun_as="now"),
        Ended(OURS, lingers=True, begun_as="before"),
        Ended(CHOSEN, lingers=True, begun_as="now"),
        Ended({}, lingers=True, begun_as="now"),
    ],
    ids=["it left itself", "it may run elsewhere by now", "the user chose the place", "it has none"],
)
def test_no_other_place_is_touched(tmp_path, monkeypatch, task):
    assert asked_when(tmp_path, monkeypatch, task) == []


def test_a_group_that_does_not_answer_does_not_keep_the_task_from_its_end(tmp_path, monkeypatch, caplog):
    task = Ended(OURS, lingers=True, begun_as="now")
    assert asked_when(tmp_path, monkeypatch, task, PluginError("no answer")) == ["give_up_place"]
    assert "no answer; it stays taken for session.timeout.ms" in caplog.text
