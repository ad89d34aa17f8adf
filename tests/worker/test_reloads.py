"""A changed value restarts exactly what uses it; an unchanged one nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from linkspan.api.errors import ConfigError, PluginError
from linkspan.config.providers.references import Found, wanted
from linkspan.worker.reloads import Reload, Reloads
from linkspan.worker.resolver import Answers

CONNECTOR = {"name": "c", "password": "${file:/p:a}"}
TASK = {"password": "${file:/p:a}", "own": "${file:/p:b}"}


class Provider:
    """Says what the test says."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {"a": "1", "b": "2"}
        self.ttls: dict[tuple[str, str], float] = {}
        self.errors: dict[tuple[str, str], Any] = {}
        self.polled = {"file"}
        self.asked = 0
        self.questions: list[Any] = []

    async def ask(self, configs: Sequence[Any]) -> Answers:
        self.asked += 1
        self.questions.append(wanted(configs))
        found: Found = {
            name: {
                path: {key: self.values[key] for key in keys if key in self.values}
                for path, keys in paths.items()
                if (name, path) not in self.errors
            }
            for name, paths in wanted(configs).items()
        }
        asked = {(name, path) for name, paths in wanted(configs).items() for path in paths}
        ttls = {place: ttl for place, ttl in self.ttls.items() if place in asked}
        errors = {place: error for place, error in self.errors.items() if place in asked}
        return Answers(dict(found), ttls, errors, set(self.polled))  # type: ignore[arg-type]


class Watch:
    """Reloads with a clock that a test turns."""

    def __init__(self, interval: float) -> None:
        self.provider = Provider()
        self.time = 0.0
        self.restarts: list[Reload] = []
        self.reloads = Reloads(self.provider, interval, self.restarts.append, lambda: self.time)

    async def begin(self, connector: str, task: int | None, *configs: dict[str, str]) -> None:
        self.reloads.note(connector, task, configs, await self.provider.ask(configs))
        await asyncio.sleep(0)  # it begins to look

    async def after(self, seconds: float) -> list[Reload]:
        """What is to be restarted when so much time has gone by."""
        self.time += seconds
        self.reloads._changed.set()  # the clock that sleeps is the real one
        for _ in range(20):
            await asyncio.sleep(0)
        told, self.restarts[:] = list(self.restarts), []
        return told


@pytest.fixture
def play() -> Callable[..., None]:
    def run(story: Callable[[Watch], Awaitable[None]], interval: float = 10.0) -> None:
        async def whole() -> None:
            watch = Watch(interval)
            try:
                await story(watch)
            finally:
                await watch.reloads.stop()

        asyncio.run(whole())

    return run


def test_an_unchanged_value_restarts_nothing(play) -> None:
    async def story(watch: Watch) -> None:
        await watch.begin("c", None, CONNECTOR)
        await watch.begin("c", 0, CONNECTOR, TASK)
        for _ in range(5):
            assert await watch.after(10) == []
        assert watch.provider.asked == 7

    play(story)


def test_a_changed_value_restarts_exactly_what_uses_it(play) -> None:
    async def story(watch: Watch) -> None:
        await watch.begin("c", None, CONNECTOR)
        await watch.begin("c", 0, CONNECTOR, TASK)
        await watch.begin("c", 1, CONNECTOR)
        await watch.begin("d", None, {"x": "${file:/p:z}"})
        watch.provider.values["b"] = "new"
        assert await watch.after(9) == []
        assert await watch.after(1) == [Reload("c", instance=False, tasks=(0,))]
        watch.provider.values["a"] = "new"
        assert await watch.after(10) == [Reload("c", instance=True, tasks=(0, 1))]
        assert await watch.after(10) == []

    play(story)


def test_a_value_that_appears_restarts_what_waits_for_it(play) -> None:
    async def story(watch: Watch) -> None:
        await watch.begin("d", None, {"x": "${file:/p:later}"})
        assert await watch.after(10) == []
        watch.provider.values["later"] = "here"
        assert await watch.after(10) == [Reload("d", instance=True, tasks=())]

    play(story)


def test_a_value_that_cannot_be_read_for_a_while_restarts_nothing(play, caplog) -> None:
    async def story(watch: Watch) -> None:
        await watch.begin("c", None, CONNECTOR)
        del watch.provider.values["a"]
        assert await watch.after(10) == []
        watch.provider.errors["file", "/p"] = ConfigError("Could not read properties from file /p")
        assert await watch.after(10) == []
        assert await watch.after(10) == []
        watch.provider.errors.clear()
        watch.provider.values["a"] = "1"
        assert await watch.after(10) == []
        watch.provider.values["a"] = "2"
        assert await watch.after(10) == [Reload("c", instance=True, tasks=())]

    play(story)
    assert caplog.text.count("Could not read properties from file /p") == 1


def test_what_could_not_be_read_at_the_start_restarts_when_it_can(play) -> None:
    async def story(watch: Watch) -> None:
        watch.provider.errors["file", "/p"] = ConfigError("Could not read properties from file /p")
        await watch.begin("c", None, CONNECTOR)
        assert await watch.after(10) == []
        watch.provider.errors.clear()
        assert await watch.after(10) == [Reload("c", instance=True, tasks=())]
        assert await watch.after(10) == []

    play(story)


def test_what_could_not_be_read_at_the_start_is_asked_for_again_whatever_its_provider_likes(play) -> None:
    async def story(watch: Watch) -> None:
        watch.provider.polled = set()
        await watch.begin("other", None, {"v": "${file:/q:b}"})
        watch.provider.errors["file", "/p"] = PluginError("The config provider file did not answer within 30 s")
        await watch.begin("c", 0, TASK, {"v": "${file:/q:b}"})
        assert await watch.after(10) == []
        (paths,) = watch.provider.questions[-1].values()
        assert {path: sorted(keys) for path, keys in paths.items()} == {"/p": ["a", "b"]}
        watch.provider.errors.clear()
        assert await watch.after(10) == [Reload("c", instance=False, tasks=(0,))]
        asked = watch.provider.asked
        assert await watch.after(10) == []
        assert watch.provider.asked == asked

    play(story)


@pytest.mark.parametrize("action", ["none", "NONE", " none "])
def test_a_connector_may_say_that_it_wants_no_restart(play, action: str) -> None:
    async def story(watch: Watch) -> None:
        config = {**CONNECTOR, "config.action.reload": action}
        watch.provider.ttls["file", "/p"] = 5
        await watch.begin("c", None, config)
        await watch.begin("c", 0, config, TASK)
        watch.provider.values["a"] = "new"
        assert await watch.after(10) == []
        assert watch.provider.asked == 2

    play(story)


def test_without_an_interval_only_what_runs_out_is_looked_at(play) -> None:
    async def story(watch: Watch) -> None:
        await watch.begin("c", None, CONNECTOR)
        watch.provider.values["a"] = "new"
        assert await watch.after(1000) == []
        assert watch.provider.asked == 1

    play(story, interval=0)


def test_a_provider_that_is_not_to_be_polled_is_not(play) -> None:
    async def story(watch: Watch) -> None:
        watch.provider.polled = set()
        await watch.begin("c", None, CONNECTOR)
        assert await watch.after(1000) == []
        assert watch.provider.asked == 1

    play(story)


def test_a_provider_that_is_not_to_be_polled_is_not_asked_along_with_others(play) -> None:
    async def story(watch: Watch) -> None:
        mixed = {"a": "${file:/p:a}", "v": "${vault:/lease:b}"}
        watch.provider.ttls["vault", "/lease"] = 100
        await watch.begin("c", None, mixed)
        await watch.begin("c", 0, mixed)
        watch.provider.values["b"] = "another one each time"
        assert await watch.after(10) == []
        assert watch.provider.questions[-1] == {"file": {"/p": ["a"]}}
        watch.time += 80
        assert await watch.after(10) == [Reload("c", instance=True, tasks=(0,))]
        assert watch.provider.questions[-1] == {"file": {"/p": ["a"]}, "vault": {"/lease": ["b"]}}
        watch.time += 95
        assert await watch.after(4) == []
        assert watch.provider.questions[-1] == {"file": {"/p": ["a"]}}
        assert await watch.after(1) == [Reload("c", instance=True, tasks=())]
        assert watch.provider.questions[-1] == {"vault": {"/lease": ["b"]}}

    play(story)


def test_a_value_that_is_good_for_no_time_leaves_some_to_work(play) -> None:
    async def story(watch: Watch) -> None:
        watch.provider.ttls["file", "/p"] = 0
        await watch.begin("c", None, CONNECTOR)
        assert await watch.after(0.9) == []
        assert await watch.after(0.1) == [Reload("c", instance=True, tasks=())]

    play(story, interval=0)


def test_a_value_that_runs_out_restarts_the_instance_and_tasks_only_if_it_changed(play) -> None:
    async def story(watch: Watch) -> None:
        watch.provider.polled = set()
        watch.provider.ttls["file", "/p"] = 30
        await watch.begin("c", None, CONNECTOR)
        await watch.begin("c", 0, CONNECTOR, TASK)
        assert await watch.after(29) == []
        assert await watch.after(1) == [Reload("c", instance=True, tasks=())]
        watch.provider.values["a"] = "new"
        assert await watch.after(30) == [Reload("c", instance=True, tasks=(0,))]

    play(story)


def test_a_value_that_runs_out_and_cannot_be_read_is_asked_for_again(play) -> None:
    async def story(watch: Watch) -> None:
        watch.provider.ttls["file", "/p"] = 5
        await watch.begin("c", None, CONNECTOR)
        watch.provider.errors["file", "/p"] = ConfigError("gone")
        assert await watch.after(5) == []
        watch.provider.errors.clear()
        assert await watch.after(30) == [Reload("c", instance=True, tasks=())]

    play(story, interval=0)


def test_a_restart_begins_a_new_time_and_what_has_ended_is_forgotten(play) -> None:
    async def story(watch: Watch) -> None:
        watch.provider.ttls["file", "/p"] = 30
        await watch.begin("c", None, CONNECTOR)
        assert await watch.after(20) == []
        await watch.begin("c", None, CONNECTOR)
        assert await watch.after(20) == []
        assert await watch.after(10) == [Reload("c", instance=True, tasks=())]
        watch.reloads.forget("c", None)
        assert await watch.after(1000) == []

    play(story, interval=0)
