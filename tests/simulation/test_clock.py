"""Virtual time is told truly, and processes can be frozen and killed in it."""

from __future__ import annotations

import asyncio

import pytest

from tests.simulation.clock import Agenda, VirtualLoop


def test_time_jumps_to_what_happens_next_in_any_process() -> None:
    agenda = Agenda()
    told: list[tuple[str, float]] = []

    async def tell(name: str, pause: float) -> None:
        for _ in range(3):
            await asyncio.sleep(pause)
            told.append((name, asyncio.get_running_loop().time()))

    for name, pause in (("a", 1000.0), ("b", 1500.0)):
        loop = VirtualLoop(agenda, name)
        loop.call_soon(loop.create_task, tell(name, pause))
    agenda.run(10_000)
    assert told == [("a", 1000), ("b", 1500), ("a", 2000), ("b", 3000), ("a", 3000), ("b", 4500)]
    assert agenda.now == 10_000


def test_a_frozen_process_does_everything_that_was_due_when_it_goes_on() -> None:
    agenda = Agenda()
    loop = VirtualLoop(agenda, "a")
    told: list[float] = []
    for pause in (1, 2, 30):
        loop.call_later(pause, lambda: told.append(agenda.now))
    agenda.run(1.5)
    loop.frozen = True
    agenda.run(10)
    assert told == [1]
    loop.thaw()
    agenda.run(100)
    assert told == [1, 10, 30]


def test_in_a_process_that_is_gone_nothing_happens_not_even_its_end() -> None:
    agenda = Agenda()
    loop = VirtualLoop(agenda, "a")
    told: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(5)
        finally:
            told.append("tidied up")

    loop.create_task(work())
    agenda.run(1)
    loop.gone = True
    agenda.run(100)
    assert told == []
    agenda.close()
    assert told == ["tidied up"]


def test_limits_end_waiting() -> None:
    loop = VirtualLoop(Agenda(), "a")

    async def work() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await asyncio.Event().wait()
        done, late = await asyncio.wait([asyncio.ensure_future(asyncio.sleep(pause)) for pause in (2, 9)], timeout=4)
        assert (len(done), len(late)) == (1, 1)
        return loop.time()

    assert loop.run(work(), 60) == 7
    loop._agenda.close()


def test_an_error_that_nobody_looks_at_is_trouble() -> None:
    agenda = Agenda()
    loop = VirtualLoop(agenda, "a")

    async def work() -> None:
        raise ValueError("lost")

    loop.create_task(work())
    agenda.run(1)
    assert agenda.troubles == ["a: Task exception was never retrieved: ValueError('lost')"]
