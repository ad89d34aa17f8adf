"""The thread that writes a table's records outlives what goes wrong with its writer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from linkspan.api.errors import ConfigError, ConnectError, RetriableError
from linkspan.log.kafka import appender
from linkspan.log.kafka.appender import Appender, Job

SECONDS_TO_HAPPEN = 60


class Delivery:
    """Of a batch that was acknowledged."""

    done = True
    failures: tuple[()] = ()


class Writer:
    """Takes everything, unless it is to refuse."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.refusal = refusal
        self.closed = False

    def send(self, _: object) -> Delivery:
        if self.refusal is not None:
            raise self.refusal
        return Delivery()

    def close(self, _: float) -> None:
        self.closed = True


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have the next writers be these, or fail to open."""

    def use(*writers: Writer | ConnectError) -> None:
        waiting = list(writers)

        def open_next(_: object) -> Any:
            following = waiting.pop(0)
            if isinstance(following, ConnectError):
                raise following
            return following

        monkeypatch.setattr(appender, "KafkaWriter", open_next)

    return use


async def write(to: Appender) -> None:
    job = Job([(b"k", b"v")], asyncio.get_running_loop().create_future())
    to.put(job)
    async with asyncio.timeout(SECONDS_TO_HAPPEN):
        await job.done


def test_a_writer_that_cannot_be_opened_again_for_now_is_opened_for_the_next_records(opened) -> None:
    async def story() -> None:
        thread = Appender(asyncio.get_running_loop(), "t", {})
        thread.start()
        with pytest.raises(ConnectError, match="not enough memory for a request"):
            await write(thread)
        with pytest.raises(RetriableError, match=r"t cannot be written to for now: .*no more threads"):
            await write(thread)
        await write(thread)
        await thread.stop()

    broken, whole = Writer(ConnectError("not enough memory for a request")), Writer()
    opened(broken, ConfigError("The Kafka producer refuses its settings: no more threads"), whole)
    asyncio.run(story())
    assert (broken.closed, whole.closed) == (True, True)


def test_what_nobody_expected_is_told_and_the_next_records_are_written(opened, caplog) -> None:
    async def story() -> None:
        thread = Appender(asyncio.get_running_loop(), "t", {})
        thread.start()
        with pytest.raises(ConnectError, match="TypeError: a defect"):
            await write(thread)
        await write(thread)
        await thread.stop()

    broken, whole = Writer(TypeError("a defect")), Writer()
    opened(broken, whole)
    asyncio.run(story())
    assert (broken.closed, whole.closed) == (True, True)
    assert "Writing to topic t failed" in caplog.text
