"""What a group may not be given while a worker of the original belongs to it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NoReturn

import pytest

from linkspan.api.errors import ConfigError
from linkspan.herder import mixed_group
from linkspan.herder.mixed_group import MixedGroup
from linkspan.herder.port import PeerError
from tests.herder.fakes import CATALOG

OURS, THEIRS, SILENT, GONE = "http://ours/", "http://theirs/", "http://silent/", "http://gone/"
CONFIG = {"name": "c", "connector.class": "FileStreamSource"}


class Answers:
    """Workers at addresses; ``asked`` has those that were asked, in their order."""

    def __init__(self, classes: frozenset[str] = frozenset()) -> None:
        self.asked: list[str] = []
        self._classes = classes

    async def original_plugins(self, url: str) -> frozenset[str] | None:
        self.asked.append(url)
        if url == GONE:
            raise PeerError("no route to it")
        if url == SILENT:
            await asyncio.Event().wait()
        return self._classes if url == THEIRS else None

    async def submit_tasks(
        self, leader_url: str | None, connector: str, body: bytes, headers: Mapping[str, str]
    ) -> NoReturn:
        raise AssertionError((leader_url, connector, body, headers))

    async def fence(self, leader_url: str | None, connector: str, headers: Mapping[str, str]) -> NoReturn:
        raise AssertionError((leader_url, connector, headers))


def check(answers: Answers, *urls: str, times: int = 1) -> None:
    async def whole() -> None:
        group = MixedGroup(answers, CATALOG)
        for _ in range(times):
            await group.check(CONFIG, {f"member at {url}": url for url in urls})

    asyncio.run(whole())


def test_a_class_that_a_worker_of_the_original_lacks_is_refused() -> None:
    with pytest.raises(ConfigError, match="the worker at http://theirs/ is one of Apache Kafka's and does not have it"):
        check(Answers(), OURS, THEIRS)


def test_a_class_that_all_workers_have_is_taken_and_each_worker_asked_once() -> None:
    answers = Answers(frozenset({"org.apache.kafka.connect.file.FileStreamSourceConnector"}))
    check(answers, OURS, THEIRS, times=2)
    assert sorted(answers.asked) == [OURS, THEIRS]


def test_workers_that_do_not_answer_stand_in_nobodys_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixed_group, "_ANSWER_SECONDS", 0.01)
    answers = Answers()
    check(answers, SILENT, GONE, OURS, times=2)
    assert sorted(answers.asked) == [GONE, GONE, OURS, SILENT, SILENT]
