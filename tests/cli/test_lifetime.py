"""A worker ends in good order whatever goes wrong in a part of it, and its log says what did."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
from collections.abc import Iterator

import pytest

from linkspan.cli.lifetime import to_the_end
from linkspan.observe.hiding import know
from linkspan.observe.logging import log_deaths


def test_a_part_that_fails_to_end_keeps_no_other_from_ending(caplog: pytest.LogCaptureFixture) -> None:
    ended: list[str] = []

    async def well() -> None:
        await asyncio.sleep(0.01)
        ended.append("well")

    async def badly() -> None:
        raise TypeError("a defect")

    asyncio.run(to_the_end(badly(), well()))
    assert ended == ["well"]
    assert "a defect" in caplog.text


@pytest.fixture
def told_deaths() -> Iterator[None]:
    hooks = threading.excepthook, sys.unraisablehook
    log_deaths()
    yield
    threading.excepthook, sys.unraisablehook = hooks


@pytest.mark.usefixtures("told_deaths")
def test_what_ends_a_thread_or_is_raised_where_nobody_listens_is_in_the_log(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    know(["secret-of-thread"])
    caplog.set_level(logging.ERROR)

    def die() -> None:
        raise ValueError("no luck with secret-of-thread")

    thread = threading.Thread(target=die, name="reader of topic t")
    thread.start()
    thread.join()

    class Rogue:
        def __del__(self) -> None:
            raise ValueError("not even now")

    Rogue()
    gc.collect()
    assert "Thread reader of topic t has died" in caplog.text
    assert "not even now" in caplog.text
    assert capfd.readouterr().err == ""
