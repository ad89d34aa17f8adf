"""What hangs or fails holds up neither the newer request, nor the tasks, nor the end of the worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from linkspan.api.errors import ConfigError, PluginError
from linkspan.herder.port import PreemptedError, StoppingError
from tests.herder.conftest import Plane, config
from tests.herder.fakes import Report
from tests.herder.test_standalone import Play, raised, until

NEWER: dict[str, Callable[[Plane], Coroutine[Any, Any, Any]]] = {
    "delete": lambda plane: plane.herder.delete_connector("c"),
    "stop": lambda plane: plane.herder.stop_connector("c"),
    "put": lambda plane: plane.herder.put_connector_config("c", config("c", topic="x")),
    "patch": lambda plane: plane.herder.patch_connector_config("c", {"topic": "x"}),
    "restart": lambda plane: plane.herder.restart_connector("c"),
    "restart with tasks": lambda plane: plane.herder.restart("c", include_tasks=True, only_failed=False),
}


async def hanging(plane: Plane, call: str, request: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Make a request whose call does not return; later calls do."""
    plane.worker.hangs[call, "c"] = asyncio.Event()
    plane.worker.calls.clear()
    task = asyncio.create_task(request)
    await until(lambda: any(told[:2] == (call, "c") for told in plane.worker.calls))
    plane.worker.hangs.clear()
    return task


@pytest.mark.parametrize("newer", NEWER)
@pytest.mark.parametrize("call", ["start_connector", "task_configs"])
def test_newer_requests_do_not_wait_for_a_start_that_hangs(play: Play, newer: str, call: str) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        older = await hanging(plane, call, plane.herder.restart_connector("c"))
        await NEWER[newer](plane)
        with pytest.raises(PreemptedError):
            await older
        await plane.settled()
        if newer == "delete":
            assert plane.herder.connectors() == []
        else:
            assert plane.states() == (("STOPPED", []) if newer == "stop" else ("RUNNING", ["RUNNING"]))

    play(story, grace=0.01)


def test_newer_requests_do_not_wait_for_a_resume_that_hangs(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create(target="PAUSED")
        await hanging(plane, "set_connector_target", plane.herder.set_target("c", "STARTED"))
        await plane.herder.stop_connector("c")
        assert plane.states() == ("STOPPED", [])

    play(story, grace=0.01)


@pytest.mark.parametrize("newer", ["put", "patch"])
def test_a_request_that_is_refused_makes_nothing_give_way(play: Play, newer: str) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        older = await hanging(plane, "start_connector", plane.herder.restart_connector("c"))
        plane.worker.invalid["c"] = ["wrong"]
        with pytest.raises(ConfigError):
            await NEWER[newer](plane)
        await asyncio.sleep(0)
        assert not older.done()
        plane.worker.invalid.clear()
        await plane.herder.delete_connector("c")
        with pytest.raises(PreemptedError):
            await older

    play(story, grace=0.01)


def test_a_pause_waits_for_the_start(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        gate = plane.worker.hangs["start_connector", "c"] = asyncio.Event()
        older = asyncio.create_task(plane.herder.restart_connector("c"))
        await until(lambda: ("start_connector", "c", "STARTED") in plane.calls())
        await plane.herder.set_target("c", "PAUSED")
        for _ in range(20):
            await asyncio.sleep(0)
        gate.set()
        await older
        await plane.settled()
        assert plane.states() == ("PAUSED", ["PAUSED"])

    play(story, grace=0)


# --- restarts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["fails", "hangs"])
def test_restarted_tasks_run_whatever_becomes_of_their_connector(play: Play, end: str) -> None:
    async def story(plane: Plane) -> None:
        await plane.create(tasks_max="2")
        if end == "fails":
            plane.worker.errors["start_connector", "c"] = PluginError("no luck")
        else:
            plane.worker.hangs["start_connector", "c"] = asyncio.Event()
        plane.calls()
        await plane.herder.restart("c", include_tasks=True, only_failed=False)
        await until(lambda: ("start_connector", "c", "STARTED") in plane.worker.calls)
        connector, tasks = plane.states()
        assert (connector == "FAILED", tasks) == (end == "fails", ["RUNNING", "RUNNING"])
        assert [call[0] for call in plane.calls()].count("start_task") == 2

    play(story)


def test_a_task_without_process_is_started_when_its_connector_is_resumed_unless_it_failed(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create(tasks_max="3")
        for task, state in ((0, "UNASSIGNED"), (1, "FAILED")):
            plane.worker.running.discard(("c", task))
            plane.herder.on_status(Report("c", task, state))
        plane.calls()
        plane.worker.set_task_target = do_nothing  # what a worker does for a task that it does not run
        await plane.herder.set_target("c", "STARTED")
        await plane.settled()
        assert plane.states() == ("RUNNING", ["RUNNING", "FAILED", "RUNNING"])
        assert [call for call in plane.calls() if call[0] == "start_task"] == [("start_task", "c", 0, "STARTED")]

    play(story)


async def do_nothing(*_: Any) -> None:
    pass


# --- reconfiguration ------------------------------------------------------------------------------------------------


def test_of_many_wishes_to_cut_the_work_anew_one_is_queued(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        gate = plane.worker.hangs["stop_task", "c"] = asyncio.Event()
        restarted = asyncio.create_task(plane.herder.restart_task("c", 0))
        await until(lambda: ("stop_task", "c", 0) in plane.worker.calls)
        plane.worker.calls.clear()
        for _ in range(1000):
            plane.herder.on_reconfigure("c")
        gate.set()
        await restarted
        await plane.settled()
        assert plane.worker.calls.count(("task_configs", "c")) == 1
        plane.herder.on_reconfigure("c")
        await plane.settled()
        assert plane.worker.calls.count(("task_configs", "c")) == 2

    play(story)


# --- names and secrets ----------------------------------------------------------------------------------------------


def test_blanks_around_the_class_do_not_matter(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create(connector_class=" FileStreamSource")
        body = await plane.herder.patch_connector_config("c", {"connector.class": "FileStreamSource\t"})
        assert (body["type"], body["config"]["connector.class"]) == ("source", "FileStreamSource\t")
        assert plane.states() == ("RUNNING", ["RUNNING"])

    play(story)


def test_an_unknown_class_leaves_the_connector_as_it_was(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        plane.calls()
        await raised(plane.herder.patch_connector_config("c", {"connector.class": "Nope"}), ConfigError)
        assert plane.calls() == []
        assert plane.herder.connector_config("c")["connector.class"] == "FileStreamSource"

    play(story)


def test_refusing_a_configuration_without_class_tells_none_of_its_values(play: Play) -> None:
    async def story(plane: Plane) -> None:
        sent: dict[str, str | None] = {"name": "c", "database.password": "s3cret", "topic": None}
        said = await raised(plane.herder.create_connector("c", sent, None), ConfigError)
        assert said == "Connector config {name, database.password, topic} contains no connector type"

    play(story)


# --- the end --------------------------------------------------------------------------------------------------------


def test_whoever_waits_when_the_worker_stops_is_told_so(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create("other")
        plane.worker.hangs["start_connector", "c"] = asyncio.Event()
        requests = [asyncio.create_task(plane.create("c")), asyncio.create_task(plane.herder.delete_connector("c"))]
        await until(lambda: ("start_connector", "c", "STARTED") in plane.worker.calls)
        plane.calls()
        await plane.herder.stop(0.01)
        for request in requests:
            assert await raised(request, StoppingError) == "The worker is stopping; the request was not completed"
        assert plane.calls() == [("stop_task", "other", 0), ("stop_connector", "other"), ("stop_connector", "c")]
        await raised(plane.create("late"), StoppingError)

    play(story)
