"""A distributed worker that lacks a right on its group or on one of its topics says which, and goes on where it can."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Final

import pytest

from integration.runtime.test_standalone_process import wait_until
from integration.services.groups import Group, LinkspanGroupWorker, running
from integration.services.secured import Right, SecuredBroker

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("secured")]

STOPPED: Final = {
    "name": "idle",
    "config": {"connector.class": "FileStreamSource", "file": "/dev/null", "topic": "never-written"},
    "initial_state": "STOPPED",
}


def prepared(secured: SecuredBroker, folder: Path, missing: str) -> tuple[LinkspanGroupWorker, Right]:
    """A worker that has every right that it needs but one, and that right.

    Args:
        secured: the broker.
        folder: for the worker.
        missing: ``group``, or one of ``configs``, ``offsets`` and ``status`` with what may not be done to it.
    """
    access = {"security.protocol": "SASL_PLAINTEXT", **secured.login("PLAIN", "bare")}
    group = Group(secured.address("SASL_OPEN"), access, name=f"rights-{uuid.uuid4().hex[:8]}")
    topics = {"configs": group.config_topic, "offsets": group.offset_topic, "status": group.status_topic}
    secured.create_topics(topics.values())
    for topic in topics.values():
        # in an empty topic there is nothing that could not be read
        secured.write(topic, b"nothing that a worker understands")
    rights: dict[str, Right] = {"group": ("group", group.name, "read")}
    rights |= {
        f"{name} {operation}": ("topic", topic, operation)
        for name, topic in topics.items()
        for operation in ("read", "write")
    }
    left_out = rights.pop(missing)
    secured.allow("bare", rights.values())
    return LinkspanGroupWorker(folder, group), left_out


@pytest.mark.parametrize("missing", ["group", "configs read", "offsets read", "status read"])
def test_a_worker_that_cannot_work_without_a_right_ends_with_1_and_names_it(
    secured: SecuredBroker, tmp_path: Path, missing: str
) -> None:
    worker, (kind, name, operation) = prepared(secured, tmp_path, missing)
    worker.launch()
    assert worker.wait() == 1
    said = worker.log.read_text()
    assert said.count("connect-distributed: ") == 1
    assert f"Allow the principal of this {'worker' if kind == 'group' else 'client'} Read on {kind} {name}" in said
    assert "Traceback" not in said
    assert operation == "read"


def test_a_worker_that_may_not_write_configurations_says_so_until_it_may(
    secured: SecuredBroker, tmp_path: Path
) -> None:
    worker, right = prepared(secured, tmp_path, "configs write")
    with running(worker):
        for _ in range(2):
            code, body = worker.ask("POST", "/connectors", STOPPED)
            assert code == 500
            assert isinstance(body, dict)
            assert body["message"].startswith("Error writing connector configuration to Kafka: ")
            assert f"Allow the principal of this client Write on topic {worker.group.config_topic}" in body["message"]
        assert worker.ask("GET", "/connectors") == (200, [])
        assert worker.ask("GET", "/health/ready")[0] == 200
        secured.allow("bare", [right])
        wait_until(lambda: worker.ask("POST", "/connectors", STOPPED)[0] in {201, 409}, "it is written")
        wait_until(lambda: worker.ask("GET", "/connectors/idle/status")[0] == 200, "and the group works with it")
    assert "Traceback" not in worker.log.read_text()
