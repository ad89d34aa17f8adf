"""What plugins do by accident or malice reaches neither the worker nor other tasks, and is told for what it is."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from conftest import Watched, source, until

from linkspan.api.errors import ConfigError, ConnectError, PluginError
from linkspan.worker.nurseries import Nurseries
from linkspan.worker.sink_offsets import parse

FAST = {"linkspan.plugin.request.timeout.ms": "2000", "task.shutdown.graceful.timeout.ms": "500"}


async def with_good_neighbour(watched: Watched, what: str, **config: str):
    """Run a bad task beside a good one; the event of the bad one's failure."""
    await watched.run_task("good")
    await watched.state("good", 0, "RUNNING")
    await watched.run_task("bad", poll=what, **config)
    event = await watched.state("bad", 0, "FAILED")
    assert watched.states("good", 0) == ["RUNNING"]
    return event


def test_a_signal_to_the_process_group_reaches_only_its_own_task(with_worker):
    async def story(watched: Watched) -> None:
        assert "SIGTERM" in (await with_good_neighbour(watched, "signal the group")).trace

    with_worker(story)


def test_a_process_that_a_task_started_ends_with_it(with_worker, tmp_path):
    path = tmp_path / "pid"

    async def story(watched: Watched) -> None:
        await watched.run_task("parent", start="start another", mark=str(path))
        await watched.state("parent", 0, "RUNNING")
        pid = path.read_text()
        assert not _gone(pid)
        await watched.worker.stop_tasks([("parent", 0)])
        await until(lambda: _gone(pid))

    with_worker(story)


def _gone(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_log_calls_that_cannot_be_written_fail_no_task(with_worker, tmp_path, caplog):
    async def story(watched: Watched) -> None:
        await watched.run_task("odd", start="log oddly", mark=str(tmp_path / "done"))
        await watched.state("odd", 0, "RUNNING")
        await until(lambda: len([r for r in caplog.records if r.name == "rogue_plugins"]) == 4)

    with_worker(story)
    texts = [record.getMessage() for record in caplog.records if record.name == "rogue_plugins"]
    assert texts[0].startswith("'%(a)s'")
    assert texts[2] == "a file \\udcff"


@pytest.mark.parametrize(
    ("what", "said"), [("unspeakable", "Unspeakable"), ("surrogate", "file \\udcff is bad"), ("long", "left out")]
)
def test_an_error_that_is_hard_to_tell_is_told_all_the_same(with_worker, what, said):
    async def story(watched: Watched) -> None:
        trace = (await with_good_neighbour(watched, what)).trace
        assert said in trace
        assert "rogue_plugins.py" in trace
        assert len(trace) < 300_000

    with_worker(story)


@pytest.mark.parametrize(("what", "said"), [("unspeakable", "Unspeakable"), ("surrogate", "file \\udcff is bad")])
def test_an_answer_that_is_hard_to_tell_is_told_all_the_same(with_worker, what, said):
    async def story(watched: Watched) -> None:
        with pytest.raises(ConnectError, match=re.escape(said)):
            await watched.run_task("bad", **{"connector.start": what})

    with_worker(story)


def test_a_child_that_floods_its_channel_is_killed(with_worker):
    async def story(watched: Watched) -> None:
        assert "control channel in one message" in (await with_good_neighbour(watched, "flood")).trace

    with_worker(story)


def test_a_task_that_takes_the_stack_signal_for_itself_is_not_killed_by_it(with_worker, tmp_path):
    async def story(watched: Watched) -> None:
        await watched.run_task("bad", poll="take the stack signal", mark=str(tmp_path / "mark"))
        event = await watched.state("bad", 0, "RUNNING", "stalled")
        assert event.trace.startswith("poll has not returned")
        assert "bad-0" in watched.worker.pids()

    with_worker(story, **{"linkspan.task.stall.report.ms": "200", **FAST})


@pytest.mark.parametrize("name", ["é" * 150, "😀" * 100, "x" * 1000])
def test_long_names_of_any_letters_have_processes(with_worker, name):
    async def story(watched: Watched) -> None:
        await watched.run_task(name)
        await watched.state(name, 0, "RUNNING")

    with_worker(story)


def test_what_cannot_be_passed_on_is_refused_and_leaves_nothing_open(with_worker):
    async def story(watched: Watched) -> None:
        await watched.run_task("good")
        before = _open_files()
        for _ in range(3):
            with pytest.raises(ConfigError, match="cannot be passed on"):
                await watched.worker.start_connector("bad", source("bad", text="\ud83d"), "STARTED")
            await watched.worker.stop_connector("bad")
        assert _open_files() <= before

    with_worker(story)


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_offsets_of_absurd_length_are_the_callers_mistake():
    entry = {"partition": {"kafka_topic": "t", "kafka_partition": 0}, "offset": {"kafka_offset": "9" * 5000}}
    with pytest.raises(ConfigError, match="need to be integers"):
        parse([entry])


def test_without_room_for_a_process_the_others_go_on(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_ROOM", str(tmp_path / "full"))

    async def story() -> None:
        made = Nurseries(["linkspan.worker.child", "no_room"])
        run = {"type": "run", "job": "branch_jobs:wait", "args": {}, "context": "t", "levels": {}, "beat": 60.0}
        try:
            first = await made.spawn("first", lambda *_: None, run)
            (tmp_path / "full").touch()
            with pytest.raises(PluginError, match=r"No process could be started.*temporarily unavailable"):
                await made.spawn("second", lambda *_: None, run)
            (tmp_path / "full").unlink()
            await made.spawn("third", lambda *_: None, run)
            assert first.alive
        finally:
            await made.close()

    asyncio.run(story())
