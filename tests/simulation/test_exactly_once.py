"""The simulation notices when older exactly-once tasks or former leaders are not kept from writing (KIP-618)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from linkspan.herder.admission import Admission
from linkspan.herder.config_records import ConfigRecord, TaskCount
from linkspan.herder.config_topic import ConfigTopic
from linkspan.herder.group_offsets import GroupOffsets
from linkspan.herder.lanes import Stage
from linkspan.herder.task_guard import SourceGuard
from tests.simulation.children import SimulatedWorker
from tests.simulation.story import failure_among

OLDER_HAVE_WRITTEN = "had its turn"
NOT_FENCED_YET = "before older tasks were fenced out"
STILL_WAITS = "still waits until older tasks are fenced out"


async def nothing(*_: object, **__: object) -> None:
    """Instead of what should be done."""


def test_a_round_of_fencing_that_fences_nobody_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SimulatedWorker, "fence_producers", nothing)
    assert OLDER_HAVE_WRITTEN in failure_among(600, delivers_once=True)


def test_a_round_of_fencing_that_forgets_the_last_task_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fence(worker: SimulatedWorker, name: str, config: dict[str, str], ids: Sequence[str]) -> None:
        await fence_producers(worker, name, config, ids[:-1])

    fence_producers = SimulatedWorker.fence_producers
    monkeypatch.setattr(SimulatedWorker, "fence_producers", fence)
    assert OLDER_HAVE_WRITTEN in failure_among(600, delivers_once=True)


def test_a_task_that_begins_without_a_round_of_fencing_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SourceGuard, "fence_older", nothing)
    assert NOT_FENCED_YET in failure_among(20, delivers_once=True)


def test_a_round_of_fencing_that_is_not_noted_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ConfigTopic, "put_task_count", nothing)
    assert STILL_WAITS in failure_among(20, delivers_once=True)


def test_a_task_that_does_not_look_once_more_before_it_writes_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    async def open_late(worker: SimulatedWorker, writes_as: str) -> int:
        await asyncio.sleep(20)
        return await opened(worker, writes_as)

    # a process has to freeze just when a task has fenced out older ones, and is older itself when it wakes up
    opened = SimulatedWorker._open
    monkeypatch.setattr(SimulatedWorker, "_open", open_late)
    monkeypatch.setattr(SourceGuard, "confirm", nothing)
    assert OLDER_HAVE_WRITTEN in failure_among(400, first=600, delivers_once=True)


def test_tasks_that_are_counted_though_there_are_newer_ones_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    async def put(configs: ConfigTopic, name: str, tasks: int, *, generation: int | None) -> None:  # noqa: ARG001
        records: list[ConfigRecord] = [TaskCount(name, tasks)]
        await configs._write_and_read("", records)

    monkeypatch.setattr(ConfigTopic, "put_task_count", put)
    assert "were counted, though there are" in failure_among(400, delivers_once=True)


def test_offsets_that_change_before_older_tasks_are_fenced_out_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    async def lone_config(offsets: GroupOffsets, name: str, _: Stage) -> dict[str, str]:
        return await offsets._stopped_config(name)

    monkeypatch.setattr(GroupOffsets, "_lone_config", lone_config)
    assert OLDER_HAVE_WRITTEN in failure_among(600, delivers_once=True)


def test_a_leader_that_does_not_claim_the_config_topic_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ConfigTopic, "begin_claim", lambda *_: None)
    assert "could not be created" in failure_among(20, delivers_once=True)


def test_a_write_past_the_claim_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    async def lead(
        configs: ConfigTopic,
        records: Sequence[ConfigRecord],
        deadline: object,
        claim: int | None = None,  # noqa: ARG001 - what is replaced takes it
    ) -> None:
        await configs._write(records, deadline)  # type: ignore[arg-type] # private to its module

    monkeypatch.setattr(ConfigTopic, "_lead", lead)
    assert "nobody had claimed the config topic" in failure_among(20, delivers_once=True)


def test_requests_that_a_former_leader_carries_out_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Admission, "check_leading", lambda _: None)
    assert "though it does not lead" in failure_among(50, delivers_once=True)
