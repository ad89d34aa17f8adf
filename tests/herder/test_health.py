"""What a worker says about its health at each stage of its life."""

from __future__ import annotations

import asyncio

from linkspan.herder.health import HEALTHY, Health


def test_a_worker_that_starts_says_what_it_is_doing():
    async def story() -> tuple[str, str]:
        health = Health(1.0)
        health.begin("ensuring membership in the cluster")
        health.turn()
        return await health.answer("it has not joined yet")

    status, message = asyncio.run(story())
    assert status == "starting"
    assert message.startswith(
        "Worker is still starting up. The worker is currently ensuring membership in the cluster,"
    )


def test_a_worker_whose_loop_turns_is_healthy_without_waiting():
    async def story() -> tuple[str, str]:
        health = Health(1.0, patience=0.0)
        health.complete()
        health.turn()
        return await health.answer(None)

    assert asyncio.run(story()) == ("healthy", HEALTHY)


def test_a_worker_that_lost_its_group_is_healthy_and_says_why():
    async def story() -> tuple[str, str]:
        health = Health(1.0)
        health.complete()
        health.turn()
        return await health.answer("the brokers are away")

    assert asyncio.run(story()) == (
        "healthy",
        f"{HEALTHY} But it is in no group of workers now: the brokers are away",
    )


def test_a_worker_whose_loop_does_not_turn_any_more_is_unhealthy():
    async def story() -> tuple[str, str]:
        health = Health(0.0, patience=0.01)
        health.complete()
        return await health.answer(None)

    status, message = asyncio.run(story())
    assert status == "unhealthy"
    assert message == "Worker was unable to handle this request and may be unable to handle other requests."


def test_a_worker_whose_next_turn_is_late_is_waited_for():
    async def story() -> tuple[str, str]:
        health = Health(0.0, patience=60.0)
        health.complete()
        asking = asyncio.create_task(health.answer(None))
        await asyncio.sleep(0)
        assert not asking.done()
        health.turn()
        return await asking

    assert asyncio.run(story()) == ("healthy", HEALTHY)
