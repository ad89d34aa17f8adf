"""Task configurations are handed on until they are in force."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from linkspan.api.errors import RetriableError
from linkspan.herder.publication import Publication
from tests.herder.test_local_work import until

CONFIGS = [{"part": "0"}]


class Way:
    """To a leader that may refuse; ``force`` is what is in force."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []
        self.force: dict[str, Any] = {}
        self.origins: dict[str, object] = {"c": "first"}
        self.refusals = 0
        self.publication = Publication(
            self._send, lambda name, configs: self.force.get(name) != configs, self.origins.get
        )

    async def _send(self, name: str, configs: Any) -> None:
        self.sent.append((name, configs))
        if self.refusals:
            self.refusals -= 1
            raise RetriableError("not now")
        self.force[name] = configs

    async def settle(self) -> None:
        await until(lambda: not self.publication._attempts)


@pytest.fixture
def play() -> Callable[[Callable[[Way], Coroutine[Any, Any, None]]], None]:
    def play(story: Callable[[Way], Coroutine[Any, Any, None]]) -> None:
        async def whole() -> None:
            way = Way()
            await story(way)
            await way.publication.stop()

        asyncio.run(whole())

    return play


def test_what_the_leader_refuses_is_sent_again(play) -> None:
    async def story(way: Way) -> None:
        way.refusals = 1
        way.publication.publish("c", CONFIGS)
        await way.settle()
        assert way.sent == [("c", CONFIGS)] * 2

    play(story)


def test_what_is_in_force_is_not_sent(play) -> None:
    async def story(way: Way) -> None:
        way.force["c"] = CONFIGS
        way.publication.publish("c", CONFIGS)
        way.publication.again()
        await way.settle()
        assert way.sent == []

    play(story)


def test_what_is_in_force_no_longer_is_sent_again(play) -> None:
    async def story(way: Way) -> None:
        way.publication.publish("c", CONFIGS)
        await way.settle()
        del way.force["c"]
        way.publication.again()
        await way.settle()
        assert way.sent == [("c", CONFIGS)] * 2

    play(story)


@pytest.mark.parametrize("origin", ["second", None])
def test_what_was_made_from_another_configuration_or_elsewhere_is_not_sent_again(play, origin: str | None) -> None:
    async def story(way: Way) -> None:
        way.publication.publish("c", CONFIGS)
        await way.settle()
        way.force.clear()
        way.origins["c"] = origin
        way.publication.again()
        way.origins["c"] = "first"
        way.publication.again()
        await way.settle()
        assert way.sent == [("c", CONFIGS)]

    play(story)


def test_what_is_not_in_force_at_the_end_is_not_sent_again(play) -> None:
    async def story(way: Way) -> None:
        way.publication.publish("c", CONFIGS)
        await way.settle()
        await way.publication.stop()
        del way.force["c"]
        way.publication.again()
        await way.settle()
        assert way.sent == [("c", CONFIGS)]

    play(story)
