"""A queue manager in this process for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from integration.conftest import missing
from integration.services.ibmmq.application import Application
from integration.services.ibmmq.memory import MemoryQueueManager
from integration.services.maven import UnavailableError

Connect = Callable[..., Application]


@pytest.fixture
def queue_manager() -> Iterator[MemoryQueueManager]:
    """``QM1``, with an empty queue ``Q1``."""
    try:
        manager = MemoryQueueManager("QM1")
    except UnavailableError as error:
        missing(str(error))
    manager.define_queue("Q1")
    yield manager
    manager.reset()


@pytest.fixture(params=["ibmmq"])
def connect(request: pytest.FixtureRequest, queue_manager: MemoryQueueManager) -> Iterator[Connect]:
    """Connects to ``QM1`` with each binding; what the test leaves open is backed out and ended."""
    opened: list[Application] = []

    def connect(**arguments: object) -> Application:
        opened.append(Application(request.param, **{"name": queue_manager.name, **arguments}))  # type: ignore[arg-type]
        return opened[-1]

    yield connect
    for application in opened:
        with suppress(Exception):
            application.__exit__()
