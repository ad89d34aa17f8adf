"""One test per promise: what a plugin does ends with its own process, and the status says what it was."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import Watched, source, until

from linkspan.api.errors import ConnectError, PluginError
from linkspan.worker.events import StatusEvent
from linkspan.worker.room import Room

FAST = {"linkspan.plugin.request.timeout.ms": "500", "task.shutdown.graceful.timeout.ms": "500"}
ENDINGS = [
    ("raise", "no luck in {place}"),
    ("sys.exit", "SystemExit: 3"),
    ("os._exit", "status 7"),
    ("segfault", "SIGSEGV"),
]


@pytest.mark.parametrize("place", ["start", "poll"])
@pytest.mark.parametrize(("what", "said"), ENDINGS)
def test_a_task_that_ends_badly_is_failed_and_says_how(with_worker, place, what, said):
    async def story(watched: Watched) -> None:
        await watched.run_task("good")
        await watched.state("good", 0, "RUNNING")
        await watched.run_task("bad", **{place: what})
        event = await watched.state("bad", 0, "FAILED")
        assert said.format(place=place) in event.trace
        if what in {"raise", "segfault"}:
            assert "rogue_plugins.py" in event.trace
        assert watched.states("good", 0) == ["RUNNING"]

    with_worker(story)


def test_a_killed_task_is_failed_with_the_name_of_the_signal(with_worker):
    async def story(watched: Watched) -> None:
        await watched.run_task("bad")
        await watched.state("bad", 0, "RUNNING")
        os.kill(watched.worker.pids()["bad-0"], signal.SIGKILL)
        assert "SIGKILL" in (await watched.state("bad", 0, "FAILED")).trace

    with_worker(story)


@pytest.mark.parametrize("place", ["start", "poll"])
def test_a_call_that_does_not_return_is_reported_with_its_stack_and_not_killed(with_worker, place):
    async def story(watched: Watched) -> None:
        await watched.run_task("slow", **{place: "sleep"})
        state = "UNASSIGNED" if place == "start" else "RUNNING"
        event = await watched.state("slow", 0, state, "stalled")
        assert event.trace.startswith(f"{place} has not returned")
        assert "sleep_for_ever" in event.trace
        assert "slow-0" in watched.worker.pids()

    with_worker(story, **{"linkspan.task.stall.report.ms": "200", **FAST})


def test_a_call_that_returns_after_all_is_reported_as_moving(with_worker):
    async def story(watched: Watched) -> None:
        await watched.run_task("slow", poll="sleep:0.7")
        await watched.state("slow", 0, "RUNNING", "stalled")
        assert (await watched.state("slow", 0, "RUNNING", "moving")).trace is None

    with_worker(story, **{"linkspan.task.stall.report.ms": "200", **FAST})


def test_a_connector_may_ask_for_its_slow_calls_to_be_killed(with_worker):
    async def story(watched: Watched) -> None:
        await watched.run_task("slow", poll="sleep", **{"linkspan.task.call.timeout.ms": "300"})
        event = await watched.state("slow", 0, "FAILED")
        assert event.trace.startswith("poll had not returned")
        assert "sleep_for_ever" in event.trace

    with_worker(story)


def test_a_task_that_does_not_stop_is_killed_after_the_graceful_timeout(with_worker):
    async def story(watched: Watched) -> None:
        await watched.run_task("bad", stop="sleep")
        await watched.state("bad", 0, "RUNNING")
        await watched.worker.stop_tasks([("bad", 0)])
        event = watched.events[-1]
        assert event.state == "UNASSIGNED"
        assert "sleep_for_ever" in event.trace
        assert watched.worker.pids() == {}

    with_worker(story, **FAST)


def test_a_task_stops_cleanly_pauses_and_resumes(with_worker):
    async def story(watched: Watched) -> None:
        await watched.run_task("good")
        await watched.state("good", 0, "RUNNING")
        await watched.worker.set_task_target("good", 0, "PAUSED")
        await watched.state("good", 0, "PAUSED")
        await watched.worker.set_task_target("good", 0, "STARTED")
        await until(lambda: watched.states("good", 0) == ["RUNNING", "PAUSED", "RUNNING"])
        await watched.worker.stop_tasks([("good", 0)])
        assert watched.states("good", 0)[-1] == "UNASSIGNED"
        assert watched.events[-1].trace is None

    with_worker(story)


@pytest.mark.parametrize("what", ["raise", "sys.exit", "os._exit", "segfault", "sleep"])
def test_validate_survives_any_plugin(with_worker, what):
    async def story(watched: Watched) -> None:
        with pytest.raises(ConnectError) as caught:
            await watched.worker.validate(source("bad", validate=what))
        text = {
            "raise": "no luck in validate",
            "sys.exit": "sys.exit(3)",
            "os._exit": "status 7",
            "segfault": "SIGSEGV",
            "sleep": "within 0.5 s",
        }[what]
        assert text in caught.value.message
        if what == "sleep":
            assert isinstance(caught.value, PluginError)
            assert "sleep_for_ever" in (caught.value.trace or "")

    with_worker(story, **FAST)


@pytest.mark.parametrize(
    ("place", "what"),
    [
        *(("connector.start", what) for what in ("raise", "sys.exit", "os._exit", "segfault")),
        *(("task_configs", what) for what in ("raise", "sys.exit", "os._exit", "segfault", "sleep")),
    ],
)
def test_a_connector_that_misbehaves_is_failed_alone(with_worker, place, what):
    async def story(watched: Watched) -> None:
        with pytest.raises(ConnectError):
            await watched.run_task("bad", **{place: what})
        event = await watched.state("bad", None, "FAILED")
        words = {"raise": "no luck", "sys.exit": "3", "os._exit": "status 7", "segfault": "SIGSEGV", "sleep": "within"}
        assert words[what] in event.trace
        await watched.run_task("good")
        await watched.state("good", 0, "RUNNING")

    with_worker(story, **FAST)


def test_a_connector_without_its_plugin_is_failed_and_says_so(with_worker):
    async def story(watched: Watched) -> None:
        with pytest.raises(ConnectError, match="NoSuchSource"):
            await watched.worker.start_connector("c", source("c", "NoSuchSource"), "STARTED")
        event = await watched.state("c", None, "FAILED")
        assert "NoSuchSource" in event.trace

    with_worker(story)


def test_a_connector_start_that_does_not_return_is_reported_and_can_be_stopped(with_worker):
    async def story(watched: Watched) -> None:
        starting = asyncio.create_task(
            watched.worker.start_connector("slow", source("slow", **{"connector.start": "sleep"}), "STARTED")
        )
        event = await watched.state("slow", None, "UNASSIGNED", "stalled")
        assert "sleep_for_ever" in event.trace
        await watched.worker.stop_connector("slow")
        with pytest.raises(ConnectError):
            await starting

    with_worker(story, **{"linkspan.task.stall.report.ms": "200", **FAST})


def test_a_connector_without_watching_needs_no_process_once_it_has_cut_its_work(with_worker):
    async def story(watched: Watched) -> None:
        await watched.worker.start_connector("c", source("c"), "STARTED")
        assert "c" in watched.worker.pids()
        await watched.worker.task_configs("c")
        assert "c" not in watched.worker.pids()
        assert watched.states("c", None) == ["RUNNING"]
        await watched.worker.set_connector_target("c", "PAUSED")
        await watched.worker.set_connector_target("c", "STARTED")
        assert len(await watched.worker.task_configs("c")) == 1
        assert watched.states("c", None) == ["RUNNING", "PAUSED", "RUNNING"]

    with_worker(story)


def test_a_watching_connector_keeps_its_process_and_may_ask_for_new_tasks(with_worker):
    async def story(watched: Watched) -> None:
        config = source("c", "WatchingSource", watch="reconfigure")
        await watched.worker.start_connector("c", config, "STARTED")
        await watched.worker.task_configs("c")
        await until(lambda: watched.reconfigured == ["c"])
        assert "c" in watched.worker.pids()
        await watched.worker.stop_connector("c")
        assert watched.states("c", None) == ["RUNNING", "UNASSIGNED"]

    with_worker(story)


def test_an_error_that_a_connector_raises_by_its_context_fails_it(with_worker):
    async def story(watched: Watched) -> None:
        await watched.worker.start_connector("c", source("c", "WatchingSource", watch="raise_error"), "STARTED")
        assert "the external system is gone" in (await watched.state("c", None, "FAILED")).trace

    with_worker(story)


def test_more_tasks_than_allowed_fail_the_connector(with_worker):
    async def story(watched: Watched) -> None:
        with pytest.raises(ConnectError, match="has generated 2 tasks, which is greater than 1"):
            await watched.run_task("c", makes="2")
        await watched.state("c", None, "FAILED")

    with_worker(story)


def test_what_a_plugin_prints_is_logged_line_by_line_with_its_context(with_worker, caplog):
    async def story(watched: Watched) -> None:
        await watched.run_task("c", start="print")
        await until(lambda: {"printed in start", "half of a line, and the rest"} <= {r.message for r in caplog.records})
        printed = [r for r in caplog.records if r.message == "printed in start"]
        assert [r.connector_context for r in printed] == ["c|task-0"]

    caplog.set_level("INFO")
    with_worker(story)


def test_when_the_nursery_dies_its_children_are_failed_and_new_ones_can_be_started(with_worker):
    async def story(watched: Watched) -> None:
        await watched.run_task("c")
        await watched.state("c", 0, "RUNNING")
        os.kill(watched.worker.nursery_pid, signal.SIGKILL)
        await watched.state("c", 0, "FAILED")
        await watched.run_task("d")
        await watched.state("d", 0, "RUNNING")

    with_worker(story)


def test_nobody_waits_for_a_task_whose_start_is_slow(with_worker):
    async def story(watched: Watched) -> None:
        for number in range(5):
            await watched.run_task(f"slow{number}", start="sleep")
        await watched.run_task("good")
        await watched.state("good", 0, "RUNNING")

    with_worker(story, **FAST)


def test_no_child_survives_a_killed_worker(tmp_path: Path):
    script = (
        "import asyncio, pathlib, sys\n"
        "from conftest import running, until\n"
        "async def main():\n"
        "    async with running(pathlib.Path(sys.argv[1])) as watched:\n"
        "        await watched.run_task('c', poll='sleep')\n"
        "        await watched.run_task('d', start='sleep')\n"
        "        await until(lambda: len(watched.worker.pids()) == 2)\n"
        "        pids = [*watched.worker.pids().values(), watched.worker.nursery_pid]\n"
        "        print(*pids, flush=True)\n"
        "        await asyncio.sleep(3600)\n"
        "asyncio.run(main())\n"
    )
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    ) as worker:
        assert worker.stdout is not None
        pids = [int(pid) for pid in worker.stdout.readline().split()]
        assert len(pids) == 3
        worker.kill()
    end = time.monotonic() + 20
    while any(_alive(pid) for pid in pids):
        assert time.monotonic() < end, "children survived their worker"
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_values_of_task_configs_are_texts_and_what_is_none_is_not_set(with_worker):
    async def story(watched: Watched) -> None:
        await watched.worker.start_connector("c", source("c", odd="true"), "STARTED")
        (config,) = await watched.worker.task_configs("c")
        assert config["yes"] == "true"
        assert "none" not in config

    with_worker(story)


def test_starting_tasks_answers_before_they_are_up_and_those_whose_turn_never_comes_are_not_born(with_worker):
    async def story(watched: Watched) -> None:
        slow = source("slow", start="sleep", makes="12", **{"tasks.max": "12"})
        await watched.worker.start_connector("slow", slow, "STARTED")
        configs = await watched.worker.task_configs("slow")
        for number, config in enumerate(configs):
            await watched.worker.start_task("slow", number, config, "STARTED", connector_config=slow, count=12)
        assert all(watched.worker.task_alive("slow", number) for number in range(12))
        assert "slow-11" not in watched.worker.pids()
        await watched.worker.validate(source("other"))  # is not queued behind them
        await watched.worker.stop_tasks([("slow", 11)])
        assert watched.states("slow", 11) == ["UNASSIGNED"]
        await until(lambda: "slow-10" in watched.worker.pids())
        assert "slow-11" not in watched.worker.pids()

    with_worker(story, **FAST)


def test_a_task_whose_watch_has_failed_is_missed_when_it_dies(with_worker, caplog):
    async def story(watched: Watched) -> None:
        told = watched.worker.on_status

        def tell(event: StatusEvent) -> None:
            told(event)
            if event.kind == "stalled":
                raise RuntimeError("nobody thought of this")

        watched.worker.on_status = tell
        await watched.run_task("slow", poll="sleep")
        await watched.state("slow", 0, "RUNNING", "stalled")
        os.kill(watched.worker.pids()["slow-0"], signal.SIGKILL)
        assert "SIGKILL" in (await watched.state("slow", 0, "FAILED")).trace

    with_worker(story, **{"linkspan.task.stall.report.ms": "200"})
    assert "Calls of Task slow-0 could not be looked at" in caplog.text


def test_a_task_that_cannot_begin_has_failed_whatever_was_wrong(with_worker, monkeypatch):
    def lacking(*_: object) -> None:
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(Room, "lacking", lacking)

    async def story(watched: Watched) -> None:
        config = source("c")
        await watched.worker.start_task("c", 0, config, "STARTED", connector_config=config)
        trace = (await watched.state("c", 0, "FAILED")).trace
        assert "Task c-0 could not begin: RuntimeError: nobody thought of this" in trace
        assert "in lacking" in trace

    with_worker(story)


def test_a_task_that_waits_for_its_turn_keeps_the_configuration_it_was_cut_with(with_worker, tmp_path):
    async def story(watched: Watched) -> None:
        for number in range(4):
            await watched.run_task(f"slow{number}", start="sleep")
        old = source("c", start="signal", mark=str(tmp_path / "old"))
        await watched.worker.start_connector("c", old, "STARTED")
        (config,) = await watched.worker.task_configs("c")
        await watched.worker.start_task("c", 0, config, "STARTED", connector_config=old)
        await watched.worker.stop_connector("c")
        await watched.worker.start_connector("c", source("c", "QuietSink", topics="t"), "STARTED")
        await watched.state("c", 0, "RUNNING")
        assert (tmp_path / "old").exists()

    with_worker(story, **FAST)


def test_a_task_that_is_paused_before_its_turn_begins_paused(with_worker):
    async def story(watched: Watched) -> None:
        for number in range(5):
            await watched.run_task(f"slow{number}", start="sleep")
        await watched.run_task("late")
        await watched.worker.set_task_target("late", 0, "PAUSED")
        await watched.state("late", 0, "PAUSED")
        assert watched.states("late", 0) == ["PAUSED"]

    with_worker(story, **FAST)
