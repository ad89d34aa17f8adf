"""A distributed worker of the original runs, and takes what our own code signs and sends to it."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.conftest import missing
from integration.services.groups import Group, OriginalGroupWorker, running
from integration.services.maven import UnavailableError
from integration.services.topics import values
from linkspan.herder.port import PeerError
from linkspan.herder.sessions import SessionKey, signature_headers
from linkspan.rest.forwarding import HttpPeers, WorkerClient

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def original(kafka: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OriginalGroupWorker]:
    group = Group(kafka.bootstrap)
    try:
        worker = OriginalGroupWorker(tmp_path_factory.mktemp("original"), group)
    except UnavailableError as error:
        missing(str(error))
    with running(worker):
        yield worker


def until(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(what)


def test_a_connector_runs_in_a_group_of_the_original(original: OriginalGroupWorker, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("one\ntwo\n")
    topic = f"{original.group.name}-lines"
    config = {"connector.class": "FileStreamSource", "file": str(tmp_path / "in.txt"), "topic": topic}
    status, _ = original.ask("POST", "/connectors", {"name": "lines", "config": config})
    assert status == 201
    until(lambda: values(original.group.bootstrap, topic) == ["one", "two"], "the lines did not arrive")
    _, body = original.ask("GET", "/connectors/lines/status")
    assert isinstance(body, dict)
    assert body["connector"] == {"state": "RUNNING", "worker_id": original.worker_id, "version": "4.3.1"}


def session_key(original: OriginalGroupWorker) -> SessionKey:
    def read() -> SessionKey | None:
        for text in reversed(values(original.group.bootstrap, original.group.config_topic)):
            record = json.loads(text) if text else {}
            if "creation-timestamp" in record:
                return SessionKey(base64.b64decode(record["key"]), record["algorithm"], record["creation-timestamp"])
        return None

    found = until(read, "no session key was written")
    assert isinstance(found, SessionKey)
    return found


def refusal(original: OriginalGroupWorker, body: bytes, headers: dict[str, str]) -> tuple[int | None, str]:
    """How the original refuses task configurations of a connector that does not exist."""

    async def story() -> tuple[int | None, str]:
        client = WorkerClient({})
        try:
            with pytest.raises(PeerError) as raised:
                await HttpPeers(client).submit_tasks(original.url, "no such é", body, headers)
            return raised.value.status, raised.value.message
        finally:
            await client.close()

    return asyncio.run(story())


def test_the_original_takes_our_signatures_and_no_others(original: OriginalGroupWorker) -> None:
    key, body = session_key(original), b'[{"a": "\xc3\xa9"}]'
    assert (key.algorithm, len(key.key)) == ("HmacSHA256", 32)
    good = signature_headers(key, "HmacSHA256", body)
    status, said = refusal(original, body, good)
    assert (status, said) == (404, "Connector no such é not found")
    other = SessionKey(bytes(32), "HmacSHA256", 0)
    wrong = signature_headers(other, "HmacSHA256", body)
    assert refusal(original, body, wrong) == (403, "Internal request contained invalid signature.")
    assert refusal(original, body, {}) == (400, "Internal request missing required signature")


def test_a_worker_of_the_original_ends_when_it_is_told_to_and_comes_back(kafka: Any, tmp_path: Path) -> None:
    worker = OriginalGroupWorker(tmp_path / "w", Group(kafka.bootstrap))
    with running(worker):
        first = worker.pid
        worker.terminate()
        worker.wait()
        worker.start()
        assert worker.pid != first
        assert worker.ask("GET", "/connectors") == (200, [])
        worker.kill()
        with pytest.raises(OSError, match="refused"):
            worker.ask("GET", "/")
