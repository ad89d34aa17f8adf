"""What runs on a worker follows what belongs there, whatever has changed and in whatever order it was told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from linkspan.api.errors import ConfigError, ConnectError, NotFoundError
from linkspan.herder.lanes import Lanes
from linkspan.herder.local_work import LocalWork, WantedConnector, WantedTask
from linkspan.herder.port import PAUSED, STARTED, STOPPED
from tests.herder.fakes import FakeWorker

CONFIG = {"name": "c", "connector.class": "FileStreamSource", "tasks.max": "2"}


@dataclass
class Wishes:
    """What belongs here, as a test says."""

    connectors: dict[str, WantedConnector] = field(default_factory=dict)
    numbered: dict[str, dict[int, WantedTask]] = field(default_factory=dict)
    settled: bool = True

    def connector(self, name: str) -> WantedConnector | None:
        return self.connectors.get(name)

    def tasks(self, name: str) -> dict[int, WantedTask]:
        return dict(self.numbered.get(name, {}))

    def may_start(self) -> bool:
        return self.settled

    def want(self, name: str = "c", *, tasks: int = 2, target: str = STARTED, generation: int = 0, **more: str) -> None:
        config = {**CONFIG, "name": name, **more}
        self.connectors[name] = WantedConnector(config, target)
        self.numbered[name] = {n: WantedTask({}, config, tasks, generation, target) for n in range(tasks)}

    def drop(self, name: str = "c") -> None:
        self.connectors.pop(name, None)
        self.numbered.pop(name, None)


class Here:
    """Local work over a worker that only pretends."""

    def __init__(self) -> None:
        self.worker = FakeWorker()
        self.wishes = Wishes()
        self.published: list[tuple[str, int]] = []
        self.lanes = Lanes(20, grace=0.05)
        self.work = LocalWork(
            self.worker, self.wishes, lambda name, configs: self.published.append((name, len(configs))), self.lanes
        )

    async def follow(self, *names: str) -> list[tuple[Any, ...]]:
        self.work.follow(names or ("c",))
        await self.lanes.drain(20)
        return self.calls()

    def calls(self) -> list[tuple[Any, ...]]:
        told = sorted(call for call in self.worker.calls if call[0] != "task_configs")
        self.worker.calls.clear()
        return told


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@pytest.fixture
def play() -> Callable[[Callable[[Here], Coroutine[Any, Any, None]]], None]:
    def play(story: Callable[[Here], Coroutine[Any, Any, None]]) -> None:
        async def whole() -> None:
            here = Here()
            await story(here)
            await here.work.stop(1)
            assert here.worker.running == set()

        asyncio.run(whole())

    return play


START = [("start_connector", "c", STARTED), ("start_task", "c", 0, STARTED), ("start_task", "c", 1, STARTED)]


def test_what_belongs_here_is_started_once(play) -> None:
    async def story(here: Here) -> None:
        here.wishes.want()
        assert await here.follow() == START
        assert here.published == [("c", 2)]
        assert await here.follow() == []
        assert here.work.runs_connector("c")
        assert here.work.runs_task("c", 1)
        assert here.work.names() == {"c"}

    play(story)


def test_nothing_begins_while_a_round_is_under_way_but_what_does_not_belong_here_ends(play) -> None:
    async def story(here: Here) -> None:
        here.wishes.want()
        here.wishes.want("d")
        await here.follow("c", "d")
        here.calls()
        here.wishes.settled = False
        here.wishes.drop("c")
        here.wishes.want("e")
        assert await here.follow("c", "d", "e") == [
            ("stop_connector", "c"),
            ("stop_task", "c", 0),
            ("stop_task", "c", 1),
        ]
        here.wishes.settled = True
        assert [call[:2] for call in await here.follow("c", "d", "e")] == [
            ("start_connector", "e"),
            ("start_task", "e"),
            ("start_task", "e"),
        ]

    play(story)


def test_another_configuration_restarts_the_instance_and_no_task(play) -> None:
    async def story(here: Here) -> None:
        here.wishes.want()
        await here.follow()
        here.calls()
        here.wishes.want(file="another")
        assert await here.follow() == [("start_connector", "c", STARTED), ("stop_connector", "c")]

    play(story)


def test_work_that_was_cut_anew_replaces_all_tasks_even_with_the_same_configurations(play) -> None:
    async def story(here: Here) -> None:
        here.wishes.want()
        await here.follow()
        here.calls()
        here.wishes.want(generation=1)
        assert await here.follow() == [
            ("start_task", "c", 0, STARTED),
            ("start_task", "c", 1, STARTED),
            ("stop_task", "c", 0),
            ("stop_task", "c", 1),
        ]

    play(story)


def test_fewer_tasks_end_the_last_ones(play) -> None:
    async def story(here: Here) -> None:
        here.wishes.want(tasks=3)
        await here.follow()
        here.calls()
        here.wishes.want(tasks=1)
        assert await here.follow() == [("stop_task", "c", 1), ("stop_task", "c", 2)]

    play(story)


def test_a_target_reaches_instance_and_tasks_and_resuming_cuts_the_work_again(play) -> None:
    async def story(here: Here) -> None:
        here.wishes.want()
        await here.follow()
        here.calls()
        here.wishes.want(target=PAUSED)
        assert await here.follow() == [
            ("set_connector_target", "c", PAUSED),
            ("set_task_target", "c", 0, PAUSED),
            ("set_task_target", "c", 1, PAUSED),
        ]
        here.published.clear()
        here.wishes.want()
        assert ("set_connector_target", "c", STARTED) in await here.follow()
        assert here.published == [("c", 2)]

    play(story)


def test_a_paused_connector_is_not_asked_for_its_tasks(play) -> None:
    async def story(here: Here) -> None:
        here.wishes.want(target=PAUSED)
        await here.follow()
        here.work.recut("c")
        await here.lanes.drain(20)
        assert here.published == []

    play(story)


def test_tasks_begin_while_the_instance_takes_long_to_start(play) -> None:
    async def story(here: Here) -> None:
        here.worker.hangs["start_connector", "c"] = asyncio.Event()
        here.wishes.want()
        here.work.follow(["c"])
        await until(lambda: here.worker.running == {("c", 0), ("c", 1)})
        here.worker.hangs["start_connector", "c"].set()

    play(story)


def test_stopping_waits_for_no_start_that_hangs_but_pausing_does(play) -> None:
    async def story(here: Here) -> None:
        here.worker.hangs["start_connector", "c"] = asyncio.Event()
        here.wishes.want(tasks=0)
        here.work.follow(["c"])
        await until(lambda: bool(here.worker.calls))
        here.wishes.want(tasks=0, target=PAUSED)
        here.work.follow(["c"])
        await asyncio.sleep(0.2)
        assert here.calls() == [("start_connector", "c", STARTED)]
        here.wishes.want(tasks=0, target=STOPPED)
        assert await here.follow() == [("set_connector_target", "c", STOPPED)]

    play(story)


def test_giving_up_waits_until_all_has_ended_and_for_no_start_that_hangs(play) -> None:
    async def story(here: Here) -> None:
        here.wishes.want()
        await here.follow()
        here.worker.hangs["start_connector", "d"] = asyncio.Event()
        here.wishes.want("d", tasks=0)
        here.work.follow(["d"])
        await asyncio.sleep(0.01)
        here.calls()
        here.wishes.drop("c")
        here.wishes.drop("d")
        await here.work.give_up({"c", "d"})
        assert here.worker.running == set()
        assert here.work.names() == set()
        assert here.calls() == [
            ("stop_connector", "c"),
            ("stop_connector", "d"),
            ("stop_task", "c", 0),
            ("stop_task", "c", 1),
        ]

    play(story)


def test_giving_up_tasks_does_not_wait_for_an_instance_that_stays(play) -> None:
    async def story(here: Here) -> None:
        here.worker.hangs["start_connector", "c"] = asyncio.Event()
        here.wishes.want()
        here.work.follow(["c"])
        await asyncio.sleep(0.01)
        here.calls()
        here.wishes.numbered.clear()
        await here.work.give_up({"c"})
        assert here.worker.running == set()
        assert here.calls() == [("stop_task", "c", 0), ("stop_task", "c", 1)]
        here.worker.hangs["start_connector", "c"].set()

    play(story)


def test_a_connector_that_did_not_cut_its_work_is_asked_again(play) -> None:
    async def story(here: Here) -> None:
        here.worker.errors["task_configs", "c"] = ConnectError("the database does not answer")
        here.wishes.want()
        await here.follow()
        assert here.published == []
        del here.worker.errors["task_configs", "c"]
        await until(lambda: bool(here.published))

    play(story)


def test_a_connector_whose_configuration_is_at_fault_is_not_asked_again(play) -> None:
    async def story(here: Here) -> None:
        here.worker.errors["task_configs", "c"] = ConfigError("3 tasks are more than tasks.max")
        here.wishes.want()
        await here.follow()
        assert here.work._timers == {}

    play(story)


def test_an_instance_begins_anew_when_its_configuration_is_submitted_again(play) -> None:
    async def story(here: Here) -> None:
        here.wishes.want()
        await here.follow()
        here.calls()
        here.wishes.connectors["c"] = replace(here.wishes.connectors["c"], submission=1)
        assert await here.follow() == [("start_connector", "c", STARTED), ("stop_connector", "c")]
        assert await here.follow() == []

    play(story)


def test_restarting_ends_and_begins_what_is_here(play) -> None:
    async def story(here: Here) -> None:
        here.wishes.want()
        await here.follow()
        here.calls()
        called: dict[int | None, list[tuple[Any, ...]]] = {}
        calls = here.worker.calls
        here.work.restart("c", instance=True, tasks=[1, 7], ended=lambda _, task: called.update({task: list(calls)}))
        await here.lanes.drain(20)
        assert called.keys() == {None, 1}
        assert ("stop_connector", "c") in called[None]
        assert ("start_connector", "c", STARTED) not in called[None]
        assert ("stop_task", "c", 1) in called[1]
        assert ("start_task", "c", 1, STARTED) not in called[1]
        assert here.calls() == [
            ("start_connector", "c", STARTED),
            ("start_task", "c", 1, STARTED),
            ("stop_connector", "c"),
            ("stop_task", "c", 1),
        ]
        await here.work.restart_task("c", 0)
        assert here.calls() == [("start_task", "c", 0, STARTED), ("stop_task", "c", 0)]

    play(story)


def test_restarting_what_has_gone_meanwhile_is_refused(play) -> None:
    async def story(here: Here) -> None:
        here.wishes.want()
        await here.follow()
        here.wishes.drop()
        with pytest.raises(NotFoundError):
            await here.work.restart_connector("c")
        with pytest.raises(NotFoundError):
            await here.work.restart_task("c", 0)
        assert here.worker.running == {("c", 1)}

    play(story)


def test_a_task_that_has_gone_keeps_no_other_from_being_restarted(play) -> None:
    async def story(here: Here) -> None:
        here.wishes.want()
        await here.follow()
        here.work.follow(["c"])  # which will end task 0, once its turn comes
        here.work.restart("c", instance=False, tasks=[0, 1])
        del here.wishes.numbered["c"][0]
        await here.lanes.drain(20)
        assert here.worker.running == {("c", 1)}

    play(story)


def test_a_connector_that_failed_to_start_is_started_again_with_another_configuration(play) -> None:
    async def story(here: Here) -> None:
        here.worker.errors["start_connector", "c"] = ConnectError("no such host")
        here.wishes.want(tasks=0)
        await here.follow()
        assert await here.follow() == []
        del here.worker.errors["start_connector", "c"]
        here.wishes.connectors["c"] = replace(here.wishes.connectors["c"], config={**CONFIG, "host": "right"})
        assert await here.follow() == [("start_connector", "c", STARTED), ("stop_connector", "c")]

    play(story)


def test_what_is_given_up_while_it_ends_already_is_waited_for(play) -> None:
    async def story(here: Here) -> None:
        here.wishes.want()
        await here.follow()
        gate = here.worker.hangs["stop_task", "c"] = asyncio.Event()
        here.wishes.drop()
        here.work.follow(["c"])
        await until(lambda: ("stop_task", "c", 0) in here.worker.calls)
        giving_up = asyncio.create_task(here.work.give_up(["c"]))
        await asyncio.sleep(0)
        assert not here.work.runs_task("c", 0)
        assert not (await asyncio.wait({giving_up}, timeout=0.05))[0], "another worker may have it as soon as this ends"
        gate.set()
        await giving_up
        assert here.worker.running == set()

    play(story)


def test_what_is_given_up_is_waited_for_longer_than_a_request_may_take(play) -> None:
    async def story(here: Here) -> None:
        here.wishes.want()
        await here.follow()
        gate = here.worker.hangs["stop_task", "c"] = asyncio.Event()
        here.wishes.drop()
        here.lanes._timeout = 0.01
        giving_up = asyncio.create_task(here.work.give_up(["c"]))
        assert not (await asyncio.wait({giving_up}, timeout=0.1))[0], "task.shutdown.graceful.timeout.ms may be longer"
        gate.set()
        await giving_up
        assert here.worker.running == set()

    play(story)


def test_what_is_given_up_while_the_worker_stops_has_ended_afterwards(play) -> None:
    async def story(here: Here) -> None:
        here.wishes.want()
        await here.follow()
        gate = here.worker.hangs["stop_task", "c"] = asyncio.Event()
        here.wishes.drop()
        here.work.follow(["c"])
        stopping = asyncio.create_task(here.work.stop(0.01))
        await until(lambda: here.lanes._closed)
        giving_up = asyncio.create_task(here.work.give_up(["c"]))
        assert not (await asyncio.wait({giving_up, stopping}, timeout=0.1))[0]
        gate.set()
        await asyncio.gather(giving_up, stopping)
        assert here.worker.running == set()

    play(story)


def test_what_cannot_be_ended_does_not_keep_the_rest_of_the_worker_from_ending(play, caplog) -> None:
    async def story(here: Here) -> None:
        here.wishes.want()
        here.wishes.want("d", tasks=0)
        await here.follow("c", "d")
        here.worker.errors["stop_connector", "c"] = ConnectError("no room for another process")
        await here.work.stop(1)
        assert here.work.names() == set()
        assert {("stop_connector", "d"), ("stop_task", "c", 0), ("stop_task", "c", 1)} <= set(here.calls())
        assert "no room for another process" in caplog.text

    play(story)
