"""The standalone herder: what a user asks for, what the worker is told, what is answered (spec/runtime.md 7.2)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from linkspan.api.errors import (
    AlreadyExistsError,
    ConfigError,
    ConnectError,
    NotFoundError,
    PluginError,
    UnsupportedError,
)
from linkspan.herder.port import STARTED, InternalRequest, RequestTimedOutError
from linkspan.herder.topic_tracking import TopicsForbiddenError, TopicTracking
from tests.herder.conftest import Plane, config
from tests.herder.fakes import Report

Play = Callable[..., None]
VALIDATE_INSTEAD = (
    "You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`"
)
STOPPED_FIRST = "Connectors must be in the STOPPED state before their offsets can be modified"


async def raised(awaitable: Any, kind: type[ConnectError]) -> str:
    with pytest.raises(kind) as caught:
        await awaitable
    return caught.value.message


# --- creating -------------------------------------------------------------------------------------------------------


def test_a_new_connector_is_answered_with_its_tasks(play: Play) -> None:
    async def story(plane: Plane) -> None:
        body = await plane.create(tasks_max="2")
        assert body == {
            "name": "c",
            "config": config("c", tasks_max="2"),
            "tasks": [{"connector": "c", "task": 0}, {"connector": "c", "task": 1}],
            "type": "source",
        }
        assert plane.herder.connector_info("c") == body
        assert plane.states() == ("RUNNING", ["RUNNING", "RUNNING"])
        assert [info["id"] for info in plane.herder.task_infos("c")] == body["tasks"]

    play(story)


def test_a_name_that_exists_is_a_conflict_and_leaves_the_connector_alone(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        plane.calls()
        assert await raised(plane.create(topic="other"), AlreadyExistsError) == "Connector c already exists"
        assert plane.calls() == []
        assert plane.herder.connector_config("c")["topic"] == "t"

    play(story)


def test_an_invalid_configuration_is_refused_with_every_message_and_creates_nothing(play: Play) -> None:
    async def story(plane: Plane) -> None:
        plane.worker.invalid["c"] = ["topic is bad", "file is bad"]
        assert (await raised(plane.create(), ConfigError)).splitlines() == [
            "Connector configuration is invalid and contains the following 2 error(s):",
            "topic is bad",
            "file is bad",
            VALIDATE_INSTEAD,
        ]
        assert (plane.herder.connectors(), plane.calls()) == ([], [])

    play(story)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"connector.class": None}, "Connector config {name, file, topic} contains no connector type"),
        ({"connector.class": "Nope"}, "Failed to find any class that implements Connector and which name matches Nope"),
    ],
)
def test_a_class_that_is_missing_or_unknown_is_the_callers_mistake(
    play: Play, changes: dict[str, str | None], said: str
) -> None:
    wrong = {**config("c"), **changes}
    sent = {key: value for key, value in wrong.items() if value is not None}

    async def story(plane: Plane) -> None:
        assert said in await raised(plane.herder.create_connector("c", sent, None), ConfigError)
        assert said in await raised(plane.herder.put_connector_config("c", sent), ConfigError)
        assert said in await raised(plane.herder.validate(sent), ConfigError)

    play(story)


@pytest.mark.parametrize("target", ["PAUSED", "STOPPED"])
def test_an_initial_state_other_than_running_cuts_no_tasks(play: Play, target: str) -> None:
    async def story(plane: Plane) -> None:
        assert (await plane.create(target=target))["tasks"] == []
        assert plane.states() == (target, [])
        assert plane.calls() == [("start_connector", "c", target)]
        await plane.herder.set_target("c", "STARTED")
        await plane.settled()
        assert plane.states() == ("RUNNING", ["RUNNING"])

    play(story)


def test_a_failing_start_leaves_the_connector_failed_without_tasks(play: Play) -> None:
    async def story(plane: Plane) -> None:
        plane.worker.errors["start_connector", "c"] = PluginError("no luck")
        assert await raised(plane.create(), PluginError) == "no luck"
        status: Any = plane.herder.connector_status("c")
        assert (status["connector"]["state"], status["connector"]["trace"]) == ("FAILED", "no luck")
        assert (status["tasks"], plane.herder.connectors()) == ([], ["c"])
        plane.worker.errors.clear()
        await plane.herder.restart_connector("c")
        assert plane.states() == ("RUNNING", ["RUNNING"])

    play(story)


# --- changing -------------------------------------------------------------------------------------------------------


def test_put_creates_then_replaces(play: Play) -> None:
    async def story(plane: Plane) -> None:
        created, _ = await plane.herder.put_connector_config("c", config("c"))
        again, body = await plane.herder.put_connector_config("c", config("c", topic="other", tasks_max="2"))
        assert (created, again) == (True, False)
        assert (body["config"]["topic"], len(body["tasks"])) == ("other", 2)
        assert plane.states() == ("RUNNING", ["RUNNING", "RUNNING"])

    play(story)


def test_tasks_end_before_those_of_the_new_configuration_start(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create(tasks_max="2")
        plane.calls()
        await plane.herder.put_connector_config("c", config("c", tasks_max="1"))
        assert plane.calls() == [
            ("stop_connector", "c"),
            ("start_connector", "c", "STARTED"),
            ("stop_task", "c", 0),
            ("stop_task", "c", 1),
            ("start_task", "c", 0, "STARTED"),
        ]
        assert plane.states() == ("RUNNING", ["RUNNING"])
        assert "c-1" in await raised(missing_task(plane, 1), NotFoundError)

    play(story)


async def missing_task(plane: Plane, number: int) -> None:
    plane.herder.task_status("c", number)


def test_a_refused_configuration_leaves_the_old_one_running(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        plane.calls()
        plane.worker.invalid["c"] = ["bad"]
        await raised(plane.herder.put_connector_config("c", config("c", topic="x")), ConfigError)
        await raised(plane.herder.patch_connector_config("c", {"topic": "x"}), ConfigError)
        assert plane.calls() == []
        assert plane.herder.connector_config("c") == config("c")

    play(story)


@pytest.mark.parametrize("target", ["PAUSED", "STOPPED"])
def test_a_new_configuration_keeps_the_state_asked_for(play: Play, target: str) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        await (plane.herder.set_target("c", target) if target == "PAUSED" else plane.herder.stop_connector("c"))
        await plane.settled()
        before = plane.states()
        plane.calls()
        await plane.herder.put_connector_config("c", config("c", topic="x"))
        await plane.herder.patch_connector_config("c", {"topic": "y"})
        assert [call[2] for call in plane.calls() if call[0].startswith("start_")] == [target, target]
        assert plane.states() == before

    play(story)


def test_patch_changes_single_keys_and_null_removes_one(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create(batch_size="7")
        body = await plane.herder.patch_connector_config("c", {"topic": "x", "batch.size": None, "unknown": None})
        assert body["config"] == config("c", topic="x") == plane.herder.connector_config("c")

    play(story)


def test_patch_changes_neither_name_nor_takes_the_class_away(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        patch = plane.herder.patch_connector_config
        assert "(other) doesn't match connector name in the URL (c)" in await raised(
            patch("c", {"name": "other"}), ConfigError
        )
        assert "contains no connector type" in await raised(patch("c", {"connector.class": None}), ConfigError)
        assert await raised(patch("d", {"a": "b"}), NotFoundError) == "Connector d not found"
        assert (await patch("c", {"name": None}))["config"]["name"] == "c"

    play(story)


def test_a_deleted_connector_is_ended_and_forgotten_but_its_offsets_stay(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        plane.worker.offsets["c"] = [{"partition": {}, "offset": {}}]
        plane.calls()
        await plane.herder.delete_connector("c")
        assert plane.calls() == [("stop_task", "c", 0), ("stop_connector", "c")]
        for look in (plane.herder.connector_info, plane.herder.connector_status, plane.herder.task_infos):
            with pytest.raises(NotFoundError):
                look("c")
        assert await raised(plane.herder.delete_connector("c"), NotFoundError) == "Connector c not found"
        await plane.create()
        assert (await plane.herder.connector_offsets("c"))["offsets"]

    play(story)


# --- states ---------------------------------------------------------------------------------------------------------


def test_pause_and_resume_reach_connector_and_tasks(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create(tasks_max="2")
        for target, state in (("PAUSED", "PAUSED"), ("STARTED", "RUNNING")):
            await plane.herder.set_target("c", target)
            await plane.settled()
            assert plane.states() == (state, [state, state])

    play(story)


def test_pause_does_not_wait_for_its_effect(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        plane.worker.hangs["set_task_target", "c"] = asyncio.Event()
        await plane.herder.set_target("c", "PAUSED")
        assert plane.states() == ("RUNNING", ["RUNNING"])

    play(story)


def test_stop_removes_the_tasks_and_resume_makes_them_anew(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create(tasks_max="2")
        await plane.herder.stop_connector("c")
        assert plane.states() == ("STOPPED", [])
        assert plane.herder.task_infos("c") == plane.herder.connector_info("c")["tasks"] == []
        await plane.herder.set_target("c", "STARTED")
        await plane.settled()
        assert plane.states() == ("RUNNING", ["RUNNING", "RUNNING"])

    play(story)


def test_unknown_connectors_are_not_found(play: Play) -> None:
    async def story(plane: Plane) -> None:
        herder = plane.herder
        assert [
            await raised(request, NotFoundError)
            for request in (
                herder.set_target("n", "PAUSED"),
                herder.stop_connector("n"),
                herder.restart_connector("n"),
                herder.restart("n", include_tasks=True, only_failed=False),
                herder.restart_task("n", 0),
                herder.connector_offsets("n"),
                herder.reset_offsets("n"),
            )
        ] == [*["Unknown connector n"] * 2, *["Unknown connector: n"] * 3, *["Connector n not found"] * 2]

    play(story)


def test_reports_of_what_is_not_wanted_any_more_are_ignored(play: Play) -> None:
    async def story(plane: Plane) -> None:
        plane.herder.on_status(Report("gone", None, "RUNNING"))
        await plane.create()
        plane.fail("c", 7)
        assert plane.states() == ("RUNNING", ["RUNNING"])
        with pytest.raises(NotFoundError, match="No status found for connector gone"):
            plane.herder.connector_status("gone")

    play(story)


def test_a_state_tells_worker_version_and_trace(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        plane.fail("c", 0, "why")
        expected = {"id": 0, "state": "FAILED", "worker_id": "me:8083", "version": "4.3.1", "trace": "why"}
        assert plane.herder.task_status("c", 0) == expected
        assert plane.herder.connector_status("c")["tasks"] == [expected]

    play(story)


# --- restarting -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("include_tasks", "only_failed", "failed", "restarted"),
    [
        (False, True, [], []),
        (False, True, [None, 1], [None]),
        (False, True, [1], []),
        (True, True, [], []),
        (True, True, [1], [1]),
        (True, True, [None, 0], [None, 0]),
        (True, False, [], [None, 0, 1]),
        (True, False, [1], [None, 0, 1]),
    ],
)
def test_a_restart_takes_what_it_names(
    play: Play, include_tasks: bool, only_failed: bool, failed: list[int | None], restarted: list[int | None]
) -> None:
    async def story(plane: Plane) -> None:
        await plane.create(tasks_max="2")
        for part in failed:
            plane.fail("c", part)
        plane.calls()
        plan: Any = await plane.herder.restart("c", include_tasks=include_tasks, only_failed=only_failed)
        shown = {None: plan["connector"], **{task["id"]: task for task in plan["tasks"]}}
        assert [part for part, state in shown.items() if state["state"] == "RESTARTING"] == restarted
        assert [part for part, state in shown.items() if "trace" in state] == failed
        await plane.settled()
        calls = plane.calls()
        assert [call[2] for call in calls if call[0] == "start_task"] == [
            part for part in restarted if part is not None
        ]
        assert (("start_connector", "c", "STARTED") in calls) == (None in restarted)
        left = [part for part in failed if part not in restarted]
        assert [part for part in (None, 0, 1) if state_of(plane, part) == "FAILED"] == left

    play(story)


def state_of(plane: Plane, part: int | None) -> str:
    connector, tasks = plane.states()
    return connector if part is None else tasks[part]


def test_what_is_restarting_is_restarted_by_every_plan_and_has_no_trace_any_more(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        plane.fail("c", 0)
        plane.calls()
        gate = plane.worker.hangs["stop_task", "c"] = asyncio.Event()
        for _ in range(2):
            plan: Any = await plane.herder.restart("c", include_tasks=True, only_failed=True)
            assert plan["tasks"][0]["state"] == "RESTARTING"
        assert "trace" not in plane.herder.task_status("c", 0)
        gate.set()
        await plane.settled()
        assert plane.calls() == [("stop_task", "c", 0), ("start_task", "c", 0, "STARTED")] * 2

    play(story)


def test_a_restart_without_options_leaves_tasks_alone_that_would_be_the_same(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        plane.calls()
        await plane.herder.restart_connector("c")
        assert plane.calls() == [("stop_connector", "c"), ("start_connector", "c", "STARTED")]

    play(story)


def test_a_restarted_connector_stays_paused(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        await plane.herder.set_target("c", "PAUSED")
        await plane.settled()
        await plane.herder.restart_connector("c")
        await plane.herder.restart("c", include_tasks=True, only_failed=False)
        await plane.settled()
        assert plane.states() == ("PAUSED", ["PAUSED"])

    play(story)


def test_a_stopped_connector_restarts_no_tasks(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        await plane.herder.stop_connector("c")
        plane.calls()
        await plane.herder.restart("c", include_tasks=True, only_failed=False)
        await plane.settled()
        assert plane.calls() == [("stop_connector", "c"), ("start_connector", "c", "STOPPED")]

    play(story)


def test_one_task_is_restarted_alone(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create(tasks_max="2")
        plane.calls()
        await plane.herder.restart_task("c", 1)
        assert plane.calls() == [("stop_task", "c", 1), ("start_task", "c", 1, "STARTED")]
        for number in (2, -1):
            assert await raised(plane.herder.restart_task("c", number), NotFoundError) == f"Task c-{number} not found"

    play(story)


def test_a_plan_needs_a_status(play: Play) -> None:
    async def story(plane: Plane) -> None:
        plane.worker.on_status = lambda _report: None
        await plane.create()
        request = plane.herder.restart("c", include_tasks=True, only_failed=False)
        assert await raised(request, NotFoundError) == "Status for connector c not found"

    play(story)


# --- offsets --------------------------------------------------------------------------------------------------------

ENTRY: dict[str, object] = {"partition": {"filename": "f"}, "offset": {"position": 1}}


def test_offsets_are_changed_only_while_stopped(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        for state in ("STARTED", "PAUSED"):
            await plane.herder.set_target("c", state)
            await plane.settled()
            for request in (plane.herder.alter_offsets("c", [ENTRY]), plane.herder.reset_offsets("c")):
                said = await raised(request, ConfigError)
                assert said.startswith(STOPPED_FIRST)
                assert "'/connectors/c/stop'" in said
        await plane.herder.stop_connector("c")
        altered = await plane.herder.alter_offsets("c", [ENTRY])
        assert altered == {"message": "The offsets for this connector have been altered successfully"}
        assert await plane.herder.connector_offsets("c") == {"offsets": [ENTRY]}
        reset: Any = await plane.herder.reset_offsets("c")
        assert reset["message"].startswith("The Connect framework-managed offsets for this connector have been reset")
        assert await plane.herder.connector_offsets("c") == {"offsets": []}

    play(story)


def test_altering_needs_offsets_before_anything_else(play: Play) -> None:
    async def story(plane: Plane) -> None:
        said = await raised(plane.herder.alter_offsets("nobody", []), ConfigError)
        assert said == "Partitions / offsets need to be provided for an alter offsets request"

    play(story)


# --- queues ---------------------------------------------------------------------------------------------------------


def test_a_hanging_connector_does_not_hold_up_others(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create("other")
        plane.worker.hangs["start_connector", "c"] = asyncio.Event()
        hanging = asyncio.create_task(plane.create("c"))
        await until(lambda: ("start_connector", "c", "STARTED") in plane.worker.calls)
        await plane.herder.put_connector_config("other", config("other", topic="x"))
        await plane.herder.stop_connector("other")
        await plane.herder.delete_connector("other")
        await plane.create("third")
        assert plane.herder.connectors() == ["c", "third"]
        assert await plane.herder.connector_offsets("c") == {"offsets": []}
        assert not hanging.done()
        plane.worker.hangs["start_connector", "c"].set()
        assert len((await hanging)["tasks"]) == 1

    play(story)


async def until(condition: Callable[[], bool]) -> None:
    deadline = asyncio.get_running_loop().time() + 20
    while not condition():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0)


def test_requests_about_one_connector_are_handled_in_the_order_of_their_arrival(play: Play) -> None:
    async def story(plane: Plane) -> None:
        gate = plane.worker.hangs["start_connector", "c"] = asyncio.Event()
        requests = [
            asyncio.create_task(request)
            for request in (
                plane.create(),
                plane.herder.put_connector_config("c", config("c", topic="x")),
                plane.herder.patch_connector_config("c", {"topic": "y"}),
                plane.herder.stop_connector("c"),
                plane.herder.alter_offsets("c", [ENTRY]),
                plane.herder.delete_connector("c"),
                plane.create(topic="z"),
            )
        ]
        await until(lambda: bool(plane.worker.calls))
        gate.set()
        answers = await asyncio.gather(*requests)
        assert [answers[0]["config"]["topic"], answers[1][1]["config"]["topic"], answers[2]["config"]["topic"]] == [
            *("t", "x", "y")
        ]
        assert plane.herder.connector_config("c")["topic"] == "z"

    play(story)


def test_who_waits_too_long_is_told_what_the_worker_is_doing_and_the_work_goes_on(play: Play) -> None:
    async def story(plane: Plane) -> None:
        gate = plane.worker.hangs["start_connector", "c"] = asyncio.Event()
        said = await raised(plane.create(), RequestTimedOutError)
        start, _, moment = said.partition(", which began at ")
        assert start == "Request timed out. The worker is currently starting connector c"
        assert moment.endswith("Z.")
        said = await raised(plane.herder.stop_connector("c"), RequestTimedOutError)
        assert "The worker is currently starting connector c" in said
        gate.set()
        await plane.settled()
        assert plane.states() == ("STOPPED", [])

    play(story, timeout=0.05)


@pytest.mark.parametrize("request_kind", ["pause", "restart"])
def test_what_was_meant_for_a_deleted_connector_does_not_reach_its_successor(play: Play, request_kind: str) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        gate = plane.worker.hangs["stop_task", "c"] = asyncio.Event()
        deleted = asyncio.create_task(plane.herder.delete_connector("c"))
        created = asyncio.create_task(plane.create())
        await until(lambda: ("stop_task", "c", 0) in plane.worker.calls)
        if request_kind == "pause":
            await plane.herder.set_target("c", "PAUSED")
        else:
            await plane.herder.restart("c", include_tasks=True, only_failed=False)
        gate.set()
        await asyncio.gather(deleted, created)
        await plane.settled()
        assert plane.states() == ("RUNNING", ["RUNNING"])
        assert [call for call in plane.calls() if call[0] == "start_task"] == [("start_task", "c", 0, "STARTED")] * 2

    play(story)


def test_a_failure_that_nobody_waits_for_is_logged(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        plane.worker.errors["set_connector_target", "c"] = PluginError("cannot pause")
        await plane.herder.set_target("c", "PAUSED")
        await plane.settled()

    with caplog.at_level(logging.ERROR):
        play(story)
    assert caplog.messages == ["cannot pause"]


# --- reconfiguration ------------------------------------------------------------------------------------------------


def test_a_connector_that_asks_for_it_gets_its_work_cut_anew(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        plane.calls()
        plane.worker.configs["c"] = {**plane.worker.configs["c"], "tasks.max": "3"}
        plane.herder.on_reconfigure("c")
        await plane.settled()
        assert plane.states() == ("RUNNING", ["RUNNING"] * 3)
        plane.calls()
        plane.herder.on_reconfigure("c")
        await plane.settled()
        assert plane.calls() == []

    play(story)


def test_work_is_not_cut_anew_for_who_does_not_run(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create(target="PAUSED")
        plane.worker.calls.clear()
        for name in ("c", "unknown"):
            plane.herder.on_reconfigure(name)
        await plane.settled()
        assert plane.worker.calls == []

    play(story)


def test_a_failed_cut_is_logged_and_leaves_the_tasks_as_they_are(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        plane.worker.errors["task_configs", "c"] = PluginError("cannot cut")
        plane.herder.on_reconfigure("c")
        await plane.settled()
        assert plane.states() == ("RUNNING", ["RUNNING"])

    with caplog.at_level(logging.ERROR):
        play(story)
    assert caplog.messages == ["cannot cut"]


# --- topics ---------------------------------------------------------------------------------------------------------


def test_used_topics_are_remembered_until_they_are_reset(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create()
        plane.herder.on_topics("c", 0, ["b", "a"])
        plane.herder.on_topics("c", 0, ["a", "x"])
        plane.herder.on_topics("unknown", 0, ["y"])
        assert plane.herder.active_topics("c") == {"c": {"topics": ["b", "a", "x"]}}
        plane.herder.reset_active_topics("c")
        assert plane.herder.active_topics("c") == {"c": {"topics": []}}
        assert plane.herder.active_topics("unknown") == {"unknown": {"topics": []}}
        plane.herder.reset_active_topics("unknown")

    play(story)


def test_topics_may_be_switched_off_whole_or_their_reset(play: Play) -> None:
    async def off(plane: Plane) -> None:
        for request in (plane.herder.active_topics, plane.herder.reset_active_topics):
            with pytest.raises(TopicsForbiddenError, match=r"Topic tracking is disabled\."):
                request("c")

    async def no_reset(plane: Plane) -> None:
        await plane.create()
        plane.herder.on_topics("c", 0, ["a"])
        with pytest.raises(TopicsForbiddenError, match=r"Topic tracking reset is disabled\."):
            plane.herder.reset_active_topics("c")
        assert plane.herder.active_topics("c") == {"c": {"topics": ["a"]}}

    play(off, topic_tracking=TopicTracking(enabled=False))
    play(no_reset, topic_tracking=TopicTracking(resettable=False))


# --- the worker -----------------------------------------------------------------------------------------------------


def test_healthy_is_who_has_created_the_connectors_of_the_command_line(play: Play) -> None:
    async def story(plane: Plane) -> None:
        assert await plane.herder.health() == ("starting", "Worker is still starting up.")
        plane.herder.ready()
        assert (await plane.herder.health())[0] == "healthy"

    play(story)


def test_stopping_the_worker_ends_tasks_before_connectors_after_what_is_queued(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create("a")
        await plane.create("b", tasks_max="2")
        plane.calls()
        await plane.herder.set_target("a", "PAUSED")
        await plane.herder.stop(20)
        told = plane.calls()
        assert told[:2] == [("set_task_target", "a", 0, "PAUSED"), ("set_connector_target", "a", "PAUSED")]
        assert told[2:] == [
            *(("stop_task", "a", 0), ("stop_task", "b", 0), ("stop_task", "b", 1)),
            *(("stop_connector", "a"), ("stop_connector", "b")),
        ]

    play(story)


def test_stopping_the_worker_gives_up_what_hangs(play: Play) -> None:
    async def story(plane: Plane) -> None:
        await plane.create("a")
        plane.worker.hangs["set_task_target", "a"] = asyncio.Event()
        await plane.herder.set_target("a", "PAUSED")
        await plane.herder.stop(0.05)
        assert plane.calls()[-1] == ("stop_connector", "a")

    play(story)


def test_only_groups_of_workers_take_task_configurations_and_fence(play: Play) -> None:
    async def story(plane: Plane) -> None:
        said = await raised(plane.herder.put_task_configs("c", [], InternalRequest()), UnsupportedError)
        assert said.endswith("does not support externally setting task configurations.")
        said = await raised(plane.herder.fence("c", InternalRequest()), UnsupportedError)
        assert said.endswith("does not support exactly-once source connectors.")

    play(story)


@pytest.mark.parametrize("version", [None, "", "latest", "4.3.1", "[4,5)"])
def test_a_plugin_is_described_in_the_version_that_is_there(play: Play, version: str | None) -> None:
    async def story(plane: Plane) -> None:
        keys = await plane.herder.plugin_config("FileStreamSource", version)
        assert keys == [{"name": "key of FileStreamSource"}]

    play(story)


def test_unknown_plugins_and_versions_are_refused(play: Play) -> None:
    async def story(plane: Plane) -> None:
        assert await raised(plane.herder.plugin_config("Nope", None), NotFoundError) == "Unknown plugin Nope."
        said = await raised(plane.herder.plugin_config("FileStreamSource", "9"), ConfigError)
        assert said.endswith("FileStreamSourceConnector not found that matches the version range [9,9], "
                             "available versions: [4.3.1]")  # fmt: skip
        await raised(plane.herder.plugin_config("FileStreamSource", "[1"), ConfigError)

    play(story)


@dataclass(frozen=True)
class Reload:
    connector: str
    instance: bool
    tasks: tuple[int, ...]


@pytest.mark.parametrize(
    ("reload", "calls"),
    [
        (Reload("c", instance=False, tasks=(1,)), [("stop_task", "c", 1), ("start_task", "c", 1, STARTED)]),
        (Reload("c", instance=True, tasks=()), [("stop_connector", "c"), ("start_connector", "c", STARTED)]),
        (
            Reload("c", instance=True, tasks=(0,)),
            [
                ("stop_task", "c", 0),
                ("start_task", "c", 0, STARTED),
                ("stop_connector", "c"),
                ("start_connector", "c", STARTED),
            ],
        ),
        (Reload("gone", instance=True, tasks=(0,)), []),
    ],
)
def test_changed_values_restart_exactly_what_uses_them(play: Play, reload: Reload, calls: list[Any]) -> None:
    async def story(plane: Plane) -> None:
        await plane.create(tasks_max="2")
        plane.calls()
        plane.herder.on_reload(reload)
        await plane.settled()
        assert plane.calls() == calls

    play(story)
