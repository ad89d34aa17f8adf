"""What has failed begins anew by itself, where its user wants that."""

from __future__ import annotations

import asyncio
import math
import os
import signal

import pytest
from conftest import Watched, source, until

from linkspan.api.errors import ConfigError, ConnectError
from linkspan.worker.restarts import PLACE_LOST, History, RestartPolicy, hopeless, policy_of
from linkspan.worker.room import Room
from linkspan.worker.running_connector import RunningConnector

ON = {
    "linkspan.restart.enable": "true",
    "linkspan.restart.attempts": "3",
    "linkspan.restart.backoff.ms": "10",
}
SLOWLY = {**ON, "linkspan.restart.backoff.ms": "60000", "linkspan.restart.backoff.max.ms": "60000"}


# --- how often, and how soon ----------------------------------------------------------------------------------------


def pauses(policy: RestartPolicy, *failures: tuple[float, float], chance: float = 0.0) -> list[float | None]:
    """What follows failures at these times, each after so many seconds of work."""
    history = History(policy)
    found = []
    for now, worked in failures:
        history.follow("RUNNING", now - worked)
        found.append(history.next_pause(now, chance))
        history.follow("RESTARTING", now)
    return found


def test_a_pause_is_no_work():
    history = History(RestartPolicy(1, math.inf, 1.0, 5.0, 60.0))
    assert history.next_pause(0.0, 0.0) == 1.0
    for state, now in (("RUNNING", 0.0), ("RUNNING", 30.0), ("PAUSED", 50.0), ("RUNNING", 500.0)):
        history.follow(state, now)
    assert history.next_pause(559.0, 0.0) is None
    assert history.next_pause(560.0, 0.0) == 1.0


def test_pauses_double_up_to_the_longest_one():
    policy = RestartPolicy(9, math.inf, 1.0, 5.0, 60.0)
    assert pauses(policy, *[(0.0, 0.0)] * 5) == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_a_budget_is_used_up_and_comes_back_with_time():
    policy = RestartPolicy(2, 100.0, 1.0, 5.0, 60.0)
    assert pauses(policy, (0, 0), (50, 0), (99, 0), (100, 0), (120, 0), (150, 0)) == [1, 2, None, 4, None, 5]


def test_whoever_has_worked_long_enough_begins_a_new_row():
    policy = RestartPolicy(2, math.inf, 1.0, 5.0, 60.0)
    assert pauses(policy, (0, 0), (1, 59.9), (2, 60.0), (3, 0), (4, 0)) == [1, 2, 1, 2, None]


def test_chance_shortens_a_pause_by_half_at_most():
    policy = policy_of(ON, {})
    assert policy is not None
    assert pauses(policy, (0, 0), chance=0.0) == [0.01]
    assert pauses(policy, (0, 0), chance=1.0) == [0.005]


def test_a_lost_place_is_taken_back_five_times():
    assert pauses(PLACE_LOST, *[(0.0, 59.0)] * 6) == [1, 2, 4, 8, 16, None]


def test_restarts_are_off_unless_somebody_wants_them_and_a_connector_goes_before_its_worker():
    assert policy_of({}, {}) is None
    assert policy_of(ON, {"linkspan.restart.enable": "false"}) is None
    policy = policy_of(ON, {"linkspan.restart.attempts": "7"})
    assert policy == RestartPolicy(7, 3600.0, 0.01, 300.0, 600.0, 0.5)


@pytest.mark.parametrize(("key", "text"), [("enable", "perhaps"), ("attempts", "-1"), ("window.ms", "0")])
def test_a_setting_that_cannot_be_is_named(key, text):
    with pytest.raises(ConfigError, match=f"linkspan.restart.{key}"):
        policy_of({}, {f"linkspan.restart.{key}": text})


@pytest.mark.parametrize(
    ("code", "lasting"),
    [
        ("config", True),
        ("credentials", True),
        ("data.batch", True),
        ("fenced", True),
        ("plugin", False),
        ("outage.unreachable", False),
        ("configuration", False),
        ("", False),
    ],
)
def test_what_a_person_has_to_change_is_not_restarted(code, lasting):
    assert hopeless(code) is lasting


# --- tasks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["raise", "sys.exit", "os._exit", "segfault"])
@pytest.mark.parametrize("place", ["start", "poll"])
def test_a_task_that_fails_is_restarted_until_its_budget_is_used_up(with_worker, place, what):
    async def story(watched: Watched) -> None:
        await watched.run_task("c", **{place: what}, **ON)
        trace = (await watched.state("c", 0, "FAILED")).trace
        assert trace.endswith("It is not restarted by itself any more, after 3 of at most 3 restarts within 3600 s")
        between = ["RUNNING"] if place == "poll" else []
        assert watched.states("c", 0) == [*between, "RESTARTING"] * 3 + [*between, "FAILED"]

    with_worker(story)


def test_without_the_setting_a_task_that_fails_stays_failed(with_worker):
    async def story(watched: Watched) -> None:
        await watched.run_task("c", poll="raise")
        assert "restarted" not in (await watched.state("c", 0, "FAILED")).trace
        await asyncio.sleep(0.3)
        assert watched.states("c", 0) == ["RUNNING", "FAILED"]

    with_worker(story)


def test_a_worker_may_say_it_for_all_its_connectors(with_worker):
    async def story(watched: Watched) -> None:
        await watched.run_task("c")
        await watched.state("c", 0, "RUNNING")
        os.kill(watched.worker.pids()["c-0"], signal.SIGKILL)
        event = await watched.state("c", 0, "RESTARTING")
        assert "SIGKILL" in event.trace
        assert "1 of at most 3 restarts" in event.trace
        await until(lambda: watched.states("c", 0) == ["RUNNING", "RESTARTING", "RUNNING"])

    with_worker(story, **ON)


def test_a_failure_of_the_configuration_is_told_without_a_stack_and_not_restarted(with_worker):
    async def story(watched: Watched) -> None:
        await watched.run_task("c", start="misconfigured", **ON)
        text = "Task c-0 failed (config): Invalid value x for configuration some.key"
        assert (await watched.state("c", 0, "FAILED")).trace == text
        assert watched.states("c", 0) == ["FAILED"]

    with_worker(story)


def test_a_task_without_room_is_tried_again(with_worker, monkeypatch):
    answers = ["No room for task c-0: too many others", "No room for task c-0: still too many"]
    monkeypatch.setattr(Room, "lacking", lambda *_: answers.pop() if answers else None)

    async def story(watched: Watched) -> None:
        await watched.run_task("c", **ON)
        await watched.state("c", 0, "RUNNING")
        assert watched.states("c", 0) == ["RESTARTING", "RESTARTING", "RUNNING"]

    with_worker(story)


async def waits(watched: Watched) -> None:
    """A task that has failed waits for its restart."""
    await watched.run_task("c", poll="raise", **SLOWLY)
    await watched.state("c", 0, "RESTARTING")


def test_a_task_that_is_stopped_before_its_restart_never_begins(with_worker):
    async def story(watched: Watched) -> None:
        await waits(watched)
        await watched.worker.stop_tasks([("c", 0)])
        assert watched.states("c", 0) == ["RUNNING", "RESTARTING", "UNASSIGNED"]
        assert watched.worker.pids() == {}

    with_worker(story)


def test_a_task_that_is_stopped_before_it_begins_anew_leaves_no_process_that_has_failed_but_not_ended(
    with_worker, tmp_path
):
    mark = tmp_path / "mark"

    async def story(watched: Watched) -> None:
        await watched.run_task("c", poll="clog", mark=str(mark), **ON)
        await watched.state("c", 0, "RESTARTING")
        await until(lambda: watched.worker.pids() == {} and watched.worker.task_alive("c", 0))
        await watched.worker.stop_tasks([("c", 0)])
        with pytest.raises(ProcessLookupError):
            os.kill(int(mark.read_text()), 0)
        assert watched.states("c", 0) == ["RUNNING", "RESTARTING", "UNASSIGNED"]

    with_worker(story, **{"task.shutdown.graceful.timeout.ms": "1000"})


def test_a_task_without_room_that_is_stopped_does_not_wait_for_its_restart_any_more(with_worker, monkeypatch):
    monkeypatch.setattr(Room, "lacking", lambda *_: "No room for task c-0")

    async def story(watched: Watched) -> None:
        await watched.run_task("c", **SLOWLY)
        await watched.state("c", 0, "RESTARTING")
        await watched.worker.stop_tasks([("c", 0)])
        assert watched.states("c", 0) == ["RESTARTING", "UNASSIGNED"]

    with_worker(story)


def test_a_task_that_is_started_before_its_restart_begins_at_once_with_a_new_budget(with_worker):
    async def story(watched: Watched) -> None:
        await waits(watched)
        await until(lambda: not watched.worker.task_alive("c", 0))
        config = source("c", **ON)
        await watched.worker.start_task("c", 0, config, "STARTED", connector_config=config)
        await until(lambda: watched.states("c", 0) == ["RUNNING", "RESTARTING", "RUNNING"])

    with_worker(story)


def test_a_task_that_is_paused_before_its_restart_is_paused_at_once(with_worker):
    async def story(watched: Watched) -> None:
        await waits(watched)
        await watched.worker.set_task_target("c", 0, "PAUSED")
        await watched.state("c", 0, "PAUSED")
        assert watched.states("c", 0) == ["RUNNING", "RESTARTING", "PAUSED"]

    with_worker(story)


def test_nothing_is_restarted_while_the_group_shares_out_its_work_and_afterwards_only_what_is_owned(with_worker):
    async def story(watched: Watched) -> None:
        owned: set[tuple[str, int | None]] = set()
        watched.worker.owns = lambda connector, task: (connector, task) in owned
        for name in "ab":
            await watched.run_task(name, poll="raise", **ON)
            await watched.state(name, 0, "RESTARTING")
        await asyncio.sleep(0.7)
        owned.add(("a", 0))
        await until(lambda: watched.states("a", 0).count("RUNNING") == 2)
        assert watched.states("b", 0) == ["RUNNING", "RESTARTING"]
        await watched.worker.stop_tasks([("b", 0)])
        assert watched.states("b", 0) == ["RUNNING", "RESTARTING", "UNASSIGNED"]

    with_worker(story)


# --- connectors -----------------------------------------------------------------------------------------------------


def test_a_connector_that_does_not_start_is_restarted_and_then_cuts_its_work(with_worker, tmp_path):
    mark = tmp_path / "mark"

    async def story(watched: Watched) -> None:
        config = source("c", **{"connector.start": "twice", "mark": str(mark), **ON})
        with pytest.raises(ConnectError):
            await watched.worker.start_connector("c", config, "STARTED")
        await watched.state("c", None, "RUNNING")
        assert watched.states("c", None) == ["RESTARTING", "RESTARTING", "RUNNING"]
        await until(lambda: watched.reconfigured == ["c"])

    with_worker(story)


def test_a_connector_whose_watch_fails_is_begun_anew(with_worker):
    async def story(watched: Watched) -> None:
        config = source("c", "WatchingSource", watch="raise_error", **ON)
        await watched.worker.start_connector("c", config, "STARTED")
        trace = (await watched.state("c", None, "FAILED")).trace
        assert "the external system is gone" in trace
        assert "3 of at most 3 restarts" in trace
        assert watched.states("c", None).count("RESTARTING") == 3

    with_worker(story)


@pytest.mark.parametrize("target", ["PAUSED", "STOPPED", "STARTED"])
def test_what_a_user_wants_of_a_connector_goes_before_its_restart(with_worker, tmp_path, target):
    mark = tmp_path / "mark"

    async def story(watched: Watched) -> None:
        config = source("c", **{"connector.start": "once", "mark": str(mark), **SLOWLY})
        with pytest.raises(ConnectError):
            await watched.worker.start_connector("c", config, "STARTED")
        await watched.worker.set_connector_target("c", target)
        reached = "RUNNING" if target == "STARTED" else target
        assert watched.states("c", None) == ["RESTARTING", reached]

    with_worker(story)


def test_a_connector_that_cannot_begin_anew_has_failed_whatever_was_wrong(with_worker, monkeypatch):
    async def restart(*_: object) -> None:
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(RunningConnector, "restart", restart)

    async def story(watched: Watched) -> None:
        config = source("c", **{"connector.start": "raise", **ON})
        with pytest.raises(ConnectError):
            await watched.worker.start_connector("c", config, "STARTED")
        assert "nobody thought of this" in (await watched.state("c", None, "FAILED")).trace

    with_worker(story)


def test_a_connector_that_fails_while_it_is_paused_is_paused_after_its_restart(with_worker):
    async def story(watched: Watched) -> None:
        config = source("c", **{"connector.stop": "raise", **ON})
        await watched.worker.start_connector("c", config, "STARTED")
        with pytest.raises(ConnectError):
            await watched.worker.set_connector_target("c", "PAUSED")
        await watched.state("c", None, "PAUSED")
        assert watched.states("c", None) == ["RUNNING", "RESTARTING", "PAUSED"]
        assert watched.worker.pids() == {}

    with_worker(story)


def test_a_connector_that_hangs_in_its_restart_can_be_stopped(with_worker, tmp_path):
    mark = tmp_path / "mark"

    async def story(watched: Watched) -> None:
        config = source("c", **{"connector.start": "fail, then hang", "mark": str(mark), **ON})
        with pytest.raises(ConnectError):
            await watched.worker.start_connector("c", config, "STARTED")
        await until(lambda: mark.exists() and mark.read_text() == "hangs")
        await watched.worker.set_connector_target("c", "STOPPED")
        assert watched.states("c", None)[-1] == "STOPPED"
        assert watched.worker.pids() == {}

    with_worker(story)


def test_nothing_is_left_of_a_connector_that_was_deleted_before_its_restart(with_worker):
    async def story(watched: Watched) -> None:
        config = source("c", **{"connector.start": "raise", **SLOWLY})
        with pytest.raises(ConnectError):
            await watched.worker.start_connector("c", config, "STARTED")
        await watched.worker.stop_connector("c")
        assert watched.states("c", None) == ["RESTARTING", "UNASSIGNED"]

    with_worker(story)
