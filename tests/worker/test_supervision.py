"""An exception that nobody expected ends no task of the worker in silence, and is told to whoever waits."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from conftest import Watched, source, until

from linkspan.api.errors import PluginError, RetriableError
from linkspan.worker import offset_file
from linkspan.worker.nurseries import Nurseries
from linkspan.worker.offset_topic import TopicOffsetStore
from linkspan.worker.offsets import FileOffsetStore
from linkspan.worker.reloads import Reload, Reloads
from linkspan.worker.restarts import History, RestartPolicy, Restarts
from tests.log.memory_table import MemoryTable, MemoryTopic
from tests.worker.test_reloads import CONNECTOR, Provider

DEFECT = TypeError("a defect")


@pytest.mark.parametrize("failure", [DEFECT, OSError(28, "No space left on device")], ids=["unexpected", "full disk"])
def test_offsets_that_could_not_be_written_are_told_to_each_that_waits_and_the_next_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    path = tmp_path / "offsets"
    save, left = offset_file.save, [failure]

    def failing(*arguments: Any) -> None:
        if left:
            raise left.pop()
        save(*arguments)

    monkeypatch.setattr(offset_file, "save", failing)

    async def story() -> None:
        store = FileOffsetStore(str(path))
        await store.start()
        sets = [store.set(f"c{number}", [({"f": 1}, {"p": number})]) for number in range(3)]
        async with asyncio.timeout(30):
            outcomes = await asyncio.gather(*sets, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [RetriableError] * 3
        assert str(outcomes[0]) == f"Source offsets could not be written to {path}: {failure}"
        assert await store.get("c0", [{"f": 1}]) == [None]
        await store.set("c0", [({"f": 1}, {"p": 7})])
        assert await store.get("c0", [{"f": 1}]) == [{"p": 7}]
        await store.stop()

    asyncio.run(story())
    assert list(offset_file.load(path)) == [b'["c0",{"f":1}]']


def test_a_record_of_the_offset_topic_that_cannot_be_taken_in_is_skipped(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        topic = MemoryTopic("offsets")
        store = TopicOffsetStore(MemoryTable(topic))
        take = store._known.take

        def failing(key: Any, value: Any, timestamp: int = -1) -> None:
            if value == b"bad":
                raise DEFECT
            take(key, value, timestamp)

        store._known.take = failing  # type: ignore[method-assign]
        topic.append(b'["c",{"f":1}]', b"bad")
        topic.append(b'["c",{"f":2}]', b'{"p":2}')
        await store.start()
        assert await store.all("c") == [({"f": 2}, {"p": 2})]
        await store.stop()

    asyncio.run(story())
    assert "Skipped a record of the offset topic (partition 0, offset 0)" in caplog.text


def test_values_are_looked_at_again_after_a_look_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        provider, told = Provider(), []
        reloads = Reloads(provider, 0.01, told.append, pause=0.01)
        reloads.note("c", None, [CONNECTOR], await provider.ask([CONNECTOR]))
        ask, left = provider.ask, [DEFECT]

        async def failing(configs: Any) -> Any:
            if left:
                raise left.pop()
            provider.values["a"] = "new"
            return await ask(configs)

        provider.ask = failing  # type: ignore[method-assign]
        await until(lambda: told == [Reload("c", instance=True, tasks=())])
        await reloads.stop()

    asyncio.run(story())
    assert "Changed values could not be looked for" in caplog.text


class Thing:
    """May be restarted."""

    def __init__(self) -> None:
        self.states: list[tuple[str, str | None]] = []

    def report(self, state: str, trace: str | None = None) -> None:
        self.states.append((state, trace))


def test_what_could_not_be_restarted_has_failed() -> None:
    def begin(_: Thing) -> None:
        raise DEFECT

    async def story() -> None:
        restarts: Restarts[Thing] = Restarts(begin, lambda _: True, lambda _: True)
        thing = Thing()
        restarts.failed(thing, "why", History(RestartPolicy(3, 60.0, 0.001, 0.001, 60.0)))
        await until(lambda: len(thing.states) == 2)
        assert thing.states[1] == ("FAILED", "It could not be restarted: TypeError: a defect")

    asyncio.run(story())


def test_a_message_that_cannot_be_handled_ends_its_sender_with_the_reason(
    with_worker: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)

    async def story(watched: Watched) -> None:
        await watched.run_task("c", poll="sleep:0.01")
        await watched.state("c", 0, "RUNNING")
        running = watched.worker._tasks["c", 0]
        assert running._child is not None
        running._child.data_received(b'{"type":"status"}\n')
        failed = await watched.state("c", 0, "FAILED")
        assert "its message 'status' could not be handled" in failed.trace

    with_worker(story)
    assert "KeyError: 'state'" in caplog.text


def test_the_end_of_a_child_that_nobody_could_be_told_of_still_is_its_end(with_worker: Any) -> None:
    async def story(watched: Watched) -> None:
        await watched.run_task("c", poll="sleep:0.01")
        await watched.state("c", 0, "RUNNING")
        running = watched.worker._tasks["c", 0]

        def fail(*_: object) -> str:
            raise DEFECT

        running._last_words = fail  # type: ignore[method-assign]
        assert running.pid is not None
        os.kill(running.pid, 9)
        async with asyncio.timeout(30):
            await watched.worker.stop_tasks([("c", 0)])

    with_worker(story)


def test_a_connector_that_fails_as_nobody_expected_is_seen_to_have_failed(
    with_worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(watched: Watched) -> None:
        async def fail(*_: object, **__: object) -> Any:
            raise DEFECT

        with monkeypatch.context() as broken:
            broken.setattr(Nurseries, "spawn", fail)
            with pytest.raises(PluginError, match="Connector c could not be handled: TypeError: a defect"):
                await watched.worker.start_connector("c", source("c"), "STARTED")
        assert "a defect" in (await watched.state("c", None, "FAILED")).trace
        await watched.worker.set_connector_target("c", "STARTED")
        assert watched.states("c", None)[-1] == "RUNNING"

    with_worker(story)
