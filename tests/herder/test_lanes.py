"""Queues of work: order, giving way to newer work, the end (spec/runtime.md 4.4)."""

from __future__ import annotations

import asyncio

import pytest

from linkspan.api.errors import ConnectError
from linkspan.herder.lanes import Lanes, Stage
from linkspan.herder.port import PreemptedError, StoppingError


class Gate:
    """Work that ends when it is let through."""

    def __init__(self, *, gives_way: bool = True) -> None:
        self.open = asyncio.Event()
        self.began = asyncio.Event()
        self.cancelled = False
        self._gives_way = gives_way

    async def __call__(self, stage: Stage) -> str:
        stage.begin("waiting")
        return await (stage.giving_way(self._wait()) if self._gives_way else self._wait())

    async def _wait(self) -> str:
        self.began.set()
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return "through"


async def at_once(_: Stage) -> str:
    return "done"


def test_newer_work_that_presses_ends_what_gives_way():
    async def story() -> None:
        lanes, gate = Lanes(20, grace=0.01), Gate()
        waiting = asyncio.create_task(lanes.ask("c", gate))
        await gate.began.wait()
        assert await lanes.ask("c", at_once, presses=True) == "done"
        with pytest.raises(PreemptedError, match="newer request has pre-empted this one while the worker was waiting"):
            await waiting
        assert gate.cancelled

    asyncio.run(story())


def test_what_ends_within_the_grace_period_is_left_alone():
    async def story() -> None:
        lanes, gate = Lanes(20, grace=20), Gate()
        waiting = asyncio.create_task(lanes.ask("c", gate))
        await gate.began.wait()
        pressing = asyncio.create_task(lanes.ask("c", at_once, presses=True))
        await asyncio.sleep(0)
        gate.open.set()
        assert (await waiting, await pressing) == ("through", "done")

    asyncio.run(story())


def test_work_that_presses_is_not_held_up_by_anything_before_it():
    async def story() -> None:
        lanes, gates = Lanes(20, grace=0.01), [Gate(), Gate(), Gate()]
        waiting = [asyncio.create_task(lanes.ask("c", gate, presses=True)) for gate in gates]
        await gates[0].began.wait()
        assert await lanes.ask("c", at_once, presses=True) == "done"
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(end) for end in ends] == [PreemptedError] * 3

    asyncio.run(story())


@pytest.mark.parametrize("lane", ["c", "other"])
def test_work_that_does_not_press_or_is_about_another_connector_waits(lane: str):
    async def story() -> None:
        lanes, gate = Lanes(20, grace=0), Gate()
        waiting = asyncio.create_task(lanes.ask("c", gate))
        await gate.began.wait()
        later = asyncio.create_task(lanes.ask(lane, at_once, presses=lane == "other"))
        for _ in range(20):
            await asyncio.sleep(0)
        gate.open.set()
        assert (await waiting, await later) == ("through", "done")

    asyncio.run(story())


def test_what_does_not_give_way_is_waited_for():
    async def story() -> None:
        lanes, gate = Lanes(20, grace=0), Gate(gives_way=False)
        waiting = asyncio.create_task(lanes.ask("c", gate))
        await gate.began.wait()
        later = asyncio.create_task(lanes.ask("c", at_once, presses=True))
        for _ in range(20):
            await asyncio.sleep(0)
        gate.open.set()
        assert (await waiting, await later) == ("through", "done")

    asyncio.run(story())


def test_nothing_presses_any_more_once_it_has_had_its_turn():
    async def story() -> None:
        lanes, gate = Lanes(20, grace=0), Gate()
        await lanes.ask("c", at_once, presses=True)
        waiting = asyncio.create_task(lanes.ask("c", gate, presses=True))
        await gate.began.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        gate.open.set()
        assert await waiting == "through"

    asyncio.run(story())


def test_draining_cancels_all_that_is_queued_and_not_only_the_last():
    async def story() -> None:
        lanes, gates = Lanes(20), [Gate(), Gate(), Gate()]
        waiting = [asyncio.create_task(lanes.ask("c", gate)) for gate in gates]
        await gates[0].began.wait()
        await lanes.drain(0)
        assert gates[0].cancelled
        assert not any(gate.began.is_set() for gate in gates[1:])
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(end) for end in ends] == [StoppingError] * 3

    asyncio.run(story())


def test_closed_lanes_take_nothing_any_more():
    async def story() -> None:
        lanes, done = Lanes(20), []

        async def work(_: Stage) -> None:
            done.append(True)

        await lanes.close(0)
        with pytest.raises(StoppingError):
            await lanes.ask("c", work)
        lanes.tell("c", work)
        await lanes.drain(20)
        assert done == []

    asyncio.run(story())


def test_failure_of_work_whose_caller_was_cancelled_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        lanes, gate = Lanes(20), asyncio.Event()

        async def fail(_: Stage) -> None:
            await gate.wait()
            raise ConnectError("nobody waits for this")

        asked = asyncio.create_task(lanes.ask("c", fail))
        await asyncio.sleep(0)
        asked.cancel()
        await asyncio.wait({asked})
        gate.set()
        await lanes.drain(20)

    asyncio.run(story())
    assert "nobody waits for this" in caplog.text
