"""What is given up leaves no process and no secret behind, and takes no time from the tasks."""

from __future__ import annotations

import asyncio

import pytest
from conftest import Watched, source, until

from linkspan.worker.process import ChildProcess


def test_a_start_that_is_given_up_leaves_the_connector_failed_and_without_a_process(with_worker):
    async def story(watched: Watched) -> None:
        config = source("slow", **{"connector.start": "sleep"})
        starting = asyncio.create_task(watched.worker.start_connector("slow", config, "STARTED"))
        await watched.state("slow", None, "UNASSIGNED", "stalled")
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        event = await watched.state("slow", None, "FAILED")
        assert event.trace.startswith("Connector slow was given up")
        assert "sleep_for_ever" in event.trace
        assert watched.worker.pids() == {}
        await watched.worker.set_connector_target("slow", "STOPPED")
        assert watched.states("slow", None)[-1] == "STOPPED"

    with_worker(story, **{"linkspan.task.stall.report.ms": "200"})


def test_tasks_keep_their_time_when_whoever_stopped_them_is_given_up(with_worker, tmp_path):
    async def story(watched: Watched) -> None:
        await watched.run_task("slow", stop="sleep:0.5", stopped=str(tmp_path / "stopped"))
        await watched.state("slow", 0, "RUNNING")
        stopping = asyncio.create_task(watched.worker.stop_tasks([("slow", 0)]))
        await asyncio.sleep(0)
        stopping.cancel()
        await watched.worker.stop()
        assert watched.states("slow", 0) == ["RUNNING", "UNASSIGNED"]
        assert watched.events[-1].trace is None
        assert (tmp_path / "stopped").exists()

    with_worker(story)


def test_a_task_that_ends_while_it_is_asked_where_it_is_blocked_harms_nobody(with_worker, monkeypatch):
    async def killed_meanwhile(child: ChildProcess) -> str:
        child.kill()
        await until(lambda: child.box < 0)
        return await real(child)

    real = ChildProcess.blocked_stack

    async def story(watched: Watched) -> None:
        await watched.run_task("bad", stop="sleep")
        await watched.state("bad", 0, "RUNNING")
        with monkeypatch.context() as patch:
            patch.setattr(ChildProcess, "blocked_stack", killed_meanwhile)
            await watched.worker.stop_tasks([("bad", 0)])
        assert watched.states("bad", 0)[-1] == "UNASSIGNED"

    with_worker(story, **{"task.shutdown.graceful.timeout.ms": "100"})


def test_nothing_is_kept_of_a_connector_that_has_ended(with_worker):
    async def story(watched: Watched) -> None:
        await watched.run_task("c", password="s3cret")
        await watched.worker.stop_tasks([("c", 0)])
        await watched.worker.stop_connector("c")
        assert "s3cret" not in repr(vars(watched.worker))

    with_worker(story)


def test_blanks_around_the_class_do_not_matter(with_worker):
    async def story(watched: Watched) -> None:
        config = {**source("c"), "connector.class": " rogue_plugins.RogueSource "}
        await watched.worker.start_connector("c", config, "STARTED")
        (configs,) = await watched.worker.task_configs("c")
        await watched.worker.start_task("c", 0, configs, "STARTED", connector_config=config)
        await watched.state("c", 0, "RUNNING")
        assert await watched.worker.connector_offsets("c", config) == []

    with_worker(story)


def test_a_task_is_alive_until_its_process_has_ended(with_worker):
    async def story(watched: Watched) -> None:
        assert not watched.worker.task_alive("c", 0)
        await watched.run_task("c", poll="raise")
        await watched.state("c", 0, "FAILED")
        await until(lambda: not watched.worker.task_alive("c", 0))
        await watched.run_task("d")
        assert watched.worker.task_alive("d", 0)

    with_worker(story)
