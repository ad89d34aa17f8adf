"""An exception that nobody expected ends no loop of the herder in silence."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from linkspan.herder import protocol
from linkspan.herder.config_topic import ConfigTopic
from linkspan.herder.distributed import DistributedHerder
from linkspan.herder.publication import Publication
from linkspan.herder.status_topic import StatusTopic
from tests.herder.config_listener import Told
from tests.herder.fakes import FakeWorker
from tests.herder.test_leadership import Part
from tests.herder.test_leadership import Worker as Leader
from tests.herder.test_local_work import until
from tests.herder.test_lost_leadership import SETTINGS
from tests.herder.test_status_topic import SECONDS_TO_HAPPEN, Worker, mine, play
from tests.log.memory_table import MemoryTable, MemoryTopic

DEFECT = TypeError("a defect")


def test_states_are_written_after_a_write_that_failed_as_nobody_expected() -> None:
    async def story(worker: Worker) -> None:
        await worker.statuses.open()
        worker.fail_writes(DEFECT)
        for task in range(3):
            worker.statuses.put_task("c", task, mine("RUNNING"))
        await worker.settle()
        assert sorted(worker.statuses.tasks("c")) == [0, 1, 2]

    play(story)


def test_a_state_that_cannot_be_written_takes_no_other_with_it(caplog: pytest.LogCaptureFixture) -> None:
    async def story(worker: Worker) -> None:
        await worker.statuses.open()
        worker.fail_writes(DEFECT, DEFECT)
        worker.statuses.put_task("c", 0, mine("RUNNING"))
        worker.statuses.put_task("c", 1, mine("RUNNING"))
        await worker.settle()
        assert sorted(worker.statuses.tasks("c")) == [1]
        worker.statuses.put_task("c", 0, mine("PAUSED"))
        await worker.settle()
        assert worker.statuses.task("c", 0) == mine("PAUSED")

    play(story)
    assert "Failed to write status-task-c-0 to the status topic: a defect" in caplog.text


def test_states_are_written_after_a_failure_in_the_loop_itself(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(worker: Worker) -> None:
        await worker.statuses.open()
        with monkeypatch.context() as broken:
            failed = asyncio.Event()

            async def fail(*_: object) -> Any:
                failed.set()
                raise DEFECT

            broken.setattr(worker.statuses, "_write", fail)
            worker.statuses.put_task("c", 0, mine("RUNNING"))
            await failed.wait()
        worker.statuses.put_task("c", 1, mine("RUNNING"))
        await worker.settle()
        assert sorted(worker.statuses.tasks("c")) == [1]

    play(story)
    assert "States were not written to the status topic" in caplog.text


def test_a_record_that_cannot_be_taken_in_keeps_no_other_from_being_read(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        configs = ConfigTopic(MemoryTable(MemoryTopic("configs"), single_partition=True))
        told = Told()
        await configs.open(told)

        def fail(name: str) -> None:
            if name == "bad":
                raise DEFECT

        monkeypatch.setattr(told, "on_connector_config", fail)
        for name in ("bad", "good"):
            await configs.put_connector(name, {"name": name}, None)
        assert list(configs.snapshot.connectors) == ["bad", "good"]
        await configs.close()

    asyncio.run(story())
    assert "Skipped a record of the config topic (partition 0, offset 0, key connector-bad): a defect" in caplog.text


def test_a_session_key_is_written_after_a_failure_that_nobody_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkspan.herder.leadership._PAUSE_SECONDS", 0.01)

    async def story() -> None:
        async with Leader(MemoryTopic("configs"), MemoryTopic("statuses"), leads=True) as worker:
            worker.leadership._group = Part(leads=True, sessioned=True)  # type: ignore[assignment]
            put, left = worker.configs.put_session_key, [DEFECT]

            async def failing(key: Any) -> None:
                if left:
                    raise left.pop()
                await put(key)

            monkeypatch.setattr(worker.configs, "put_session_key", failing)
            worker.leadership.rotate_if_due()
            await until(lambda: worker.configs.snapshot.session_key is not None)
            worker.leadership.stop()

    asyncio.run(story())


def test_task_configurations_that_failed_to_be_sent_are_sent_again(caplog: pytest.LogCaptureFixture) -> None:
    sent: list[str] = []

    async def send(name: str, _: object) -> None:
        sent.append(name)
        if len(sent) == 1:
            raise DEFECT

    async def story() -> None:
        publication = Publication(send, lambda _name, _configs: len(sent) < 2, lambda _: "origin")
        publication.publish("c", [{}])
        await until(lambda: not publication._attempts)
        publication.again()
        await until(lambda: len(sent) == 2)
        await publication.stop()

    asyncio.run(story())
    assert "a defect" in caplog.text


class Herder:
    """A herder in a group that a test makes up."""

    def __init__(self) -> None:
        self.alive = 0
        membership = SimpleNamespace(alive=self._note)
        self.configs = ConfigTopic(MemoryTable(MemoryTopic("configs"), single_partition=True))
        self.statuses = StatusTopic(MemoryTable(MemoryTopic("statuses")))
        self.herder = DistributedHerder(
            FakeWorker(),
            self.configs,
            self.statuses,
            membership,  # type: ignore[arg-type] # nothing is joined
            SimpleNamespace(),  # type: ignore[arg-type] # nobody is asked
            lambda _logger, _level: None,
            {},
            SETTINGS,
        )

    def _note(self, _: str) -> None:
        self.alive += 1


def test_the_herders_loop_outlives_what_it_could_not_put_right(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linkspan.herder.distributed._BEAT_SECONDS", 0.001)

    async def story() -> None:
        part = Herder()

        def fail() -> None:
            raise DEFECT

        monkeypatch.setattr(part.herder, "_look_after", fail)
        part.herder._group._settled.set()
        beating = asyncio.create_task(part.herder._beat())
        await until(lambda: part.alive >= 3)
        part.herder._health.complete()
        assert (await part.herder._health.answer(None))[0] == "healthy"
        beating.cancel()

    asyncio.run(story())
    assert "What others have left behind was not put right" in caplog.text


def test_a_worker_whose_part_in_the_group_fails_ends_instead_of_staying_without_work(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.ERROR)
    ends: list[str] = []

    async def story() -> None:
        part = Herder()
        await part.configs.open(Told())
        part.herder.broken = lambda error: ends.append(error.message)

        def fail() -> None:
            raise DEFECT

        monkeypatch.setattr(part.herder, "on_settled", fail)
        assignment = protocol.encode_assignment(
            protocol.Assignment(2, 0, "me", "http://me/", part.configs.snapshot.offset, ())
        )
        async with asyncio.timeout(SECONDS_TO_HAPPEN):
            await part.herder._group.on_joined(1, "me", "sessioned", assignment)
            await until(lambda: bool(ends))

    asyncio.run(story())
    assert ends == ["The end of a rebalance failed: TypeError: a defect"]
