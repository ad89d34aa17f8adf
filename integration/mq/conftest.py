"""A queue manager in this process for each test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from integration.conftest import missing
from integration.services.ibmmq.application import Application, MQError
from integration.services.ibmmq.memory import MemoryQueueManager
from integration.services.ibmmq.pymqi_package import pymqi_folder
from integration.services.ibmmq.server import QueueManagerServer
from integration.services.maven import UnavailableError
from linkspan_connectors.ibmmq import sink, source, visit
from linkspan_connectors.ibmmq.mqi import direct, extension
from linkspan_connectors.ibmmq.mqi.binding import Mqi

Connect = Callable[..., Application]
QUEUES: Final = (
    *("IN", "IN.ONE", "IN.TWO", "IN.ONCE"),
    *("OUT", "OUT.ONE", "OUT.ONCE"),
    *("STATE", "STATE.IN", "STATE.OUT"),
)
"""Of the server."""


def reason_of(call: Callable[..., object], *arguments: object, **keywords: object) -> int:
    """The reason of a call that must fail or warn."""
    with pytest.raises(MQError) as failure:
        call(*arguments, **keywords)
    return failure.value.reason


@pytest.fixture
def queue_manager(request: pytest.FixtureRequest) -> Iterator[MemoryQueueManager]:
    """``QM1``, with an empty queue ``Q1``."""
    if request.config.getoption("--mq-url"):
        pytest.skip("wants the stand-in, and --mq-url brings IBM's library into this process")
    try:
        manager = MemoryQueueManager("QM1")
    except UnavailableError as error:
        missing(str(error))
    manager.define_queue("Q1")
    yield manager
    manager.reset()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[QueueManagerServer]:
    """``QM1`` as a process of its own, with queues that are empty; workers that are started find it."""
    try:
        manager = QueueManagerServer(tmp_path / "mq")
    except UnavailableError as error:
        missing(str(error))
    for name, value in manager.environment.items():
        monkeypatch.setenv(name, value)
    with manager:
        for name in QUEUES:
            manager.define_queue(name, max_depth=1_000_000)
        yield manager


@pytest.fixture(scope="session")
def pymqi_path() -> None:
    """Makes ``pymqi`` importable."""
    try:
        folder = str(pymqi_folder())
    except UnavailableError as error:
        missing(str(error))
    if folder not in sys.path:
        sys.path.append(folder)


@pytest.fixture(params=["ibmmq", "pymqi"])
def binding(request: pytest.FixtureRequest, queue_manager: MemoryQueueManager) -> str:  # noqa: ARG001
    """Each Python binding; the stand-in is there before it is imported."""
    if request.param == "pymqi":
        request.getfixturevalue("pymqi_path")
    return str(request.param)


@pytest.fixture(params=["ibmmq", "pymqi", "ctypes"])
def way(request: pytest.FixtureRequest, queue_manager: MemoryQueueManager, monkeypatch: pytest.MonkeyPatch) -> Mqi:  # noqa: ARG001
    """Each way that the connectors have to the MQI; tasks that are started take this one."""
    if request.param == "pymqi":
        request.getfixturevalue("pymqi_path")
    made = {"ibmmq": extension.ibmmq, "pymqi": extension.pymqi, "ctypes": direct.client_library}[request.param]()
    for module in (source, sink, visit):
        monkeypatch.setattr(module, "chosen", lambda: made)
    return made


@pytest.fixture
def connect(binding: str, queue_manager: MemoryQueueManager) -> Iterator[Connect]:
    """Connects to ``QM1`` with each binding; what the test leaves open is backed out and ended."""
    opened: list[Application] = []

    def connect(**arguments: object) -> Application:
        opened.append(Application(binding, **{"name": queue_manager.name, **arguments}))  # type: ignore[arg-type]
        return opened[-1]

    yield connect
    for application in opened:
        with suppress(Exception):
            application.__exit__()
