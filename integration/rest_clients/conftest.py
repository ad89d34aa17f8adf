"""A worker on the embedded log, the connector that clients drive, and their environments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from integration.conftest import missing
from integration.rest_clients.file_source import NAME, FileSource
from integration.services.clients import Conversation, python_client
from integration.services.linkspan import LinkspanWorker
from integration.services.maven import UnavailableError

HERE: Final = Path(__file__).parent


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[LinkspanWorker]:
    """A fresh standalone worker."""
    worker = LinkspanWorker(tmp_path / "worker", None)
    worker.start()
    yield worker
    worker.stop()


@pytest.fixture
def source(worker: LinkspanWorker, tmp_path: Path) -> FileSource:
    """What to create."""
    return FileSource(tmp_path, worker.url.removeprefix("http://"))


@pytest.fixture
def installed() -> Callable[[str], Path]:
    """Gives the environment of a client whose pins stand beside its test."""

    def of(client: str) -> Path:
        try:
            return python_client(HERE / f"{client}.txt")
        except UnavailableError as error:
            missing(str(error))

    return of


@pytest.fixture
def talk(
    installed: Callable[[str], Path], worker: LinkspanWorker, source: FileSource
) -> Callable[[str, str], Conversation]:
    """Starts a conversation; ``url``, ``name`` and ``config`` are variables in it."""

    def with_client(client: str, setup: str) -> Conversation:
        folder = installed(client)
        command = [str(folder / "bin" / "python"), str(HERE / "evaluate.py")]
        return Conversation(command, folder, setup, url=worker.url, name=NAME, config=source.config)

    return with_client
