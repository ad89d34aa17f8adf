"""A queue manager in a process of its own, and applications in theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integration.conftest import missing
from integration.services.ibmmq.pymqi_package import pymqi_folder
from integration.services.ibmmq.remote import RemoteApplication
from integration.services.ibmmq.server import QueueManagerServer
from integration.services.maven import UnavailableError

Client = Callable[..., RemoteApplication]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[QueueManagerServer]:
    """``QM1`` with an empty queue ``Q1``."""
    try:
        manager = QueueManagerServer(tmp_path)
    except UnavailableError as error:
        missing(str(error))
    with manager:
        manager.define_queue("Q1")
        yield manager


@pytest.fixture
def client(server: QueueManagerServer) -> Iterator[Client]:
    """Starts an application that has connected as ``a`` and opened ``Q1`` as ``h``."""
    with ExitStack() as stack:

        def start(binding: str = "ibmmq", *, address: str | None = None) -> RemoteApplication:
            path = [str(pymqi_folder())] if binding == "pymqi" else []
            application = stack.enter_context(RemoteApplication(server.environment, *path))
            application.run(f"a = Application({binding!r}, address={address or server.address!r})")
            application.run("h = a.open('Q1', 0x11)")
            return application

        yield start
