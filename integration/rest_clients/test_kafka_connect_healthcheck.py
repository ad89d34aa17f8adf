"""PyPI ``kafka-connect-healthcheck``: judges by states and by ``worker_id``, which it compares as text."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest

from integration.rest_clients.file_source import NAME, FileSource
from integration.services.clients import Conversation
from integration.services.kafka import request
from integration.services.linkspan import LinkspanWorker

CLIENT = "kafka-connect-healthcheck"
# Its command listens on all interfaces, so its parts are put together here as in its main, without the HTTP server.
SETUP = """
from kafka_connect_healthcheck.health import Health
from kafka_connect_healthcheck.parser import get_parser

def health(*arguments):
    args = get_parser().parse_args(["--connect-url", url, *arguments])
    return Health(
        args.connect_url, args.connect_worker_id, args.unhealthy_states.split(","), args.basic_auth,
        args.failure_threshold_percentage, args.considered_containers.split(","),
    ).get_health_result()
"""
WELL = {"failures": [], "failure_states": ["FAILED"], "failure_rate": 0.0, "failure_threshold": 0.0, "healthy": True}

pytestmark = pytest.mark.integration


def create(worker: LinkspanWorker, source: FileSource) -> None:
    status, _ = request("POST", f"{worker.url}/connectors", {"name": NAME, "config": source.settings})
    assert status == 201


def test_worker_with_running_tasks_is_healthy(
    talk: Callable[[str, str], Conversation], worker: LinkspanWorker, source: FileSource
):
    with talk(CLIENT, SETUP) as client:
        assert client.ask("health()") == WELL
        create(worker, source)
        client.until("health('--unhealthy-states', 'FAILED,PAUSED,UNASSIGNED')['healthy']", True)
        assert client.ask("health('--connect-worker-id', worker)", worker=source.worker_id) == WELL
        paused = "health('--unhealthy-states', 'PAUSED')"
        request("PUT", f"{worker.url}/connectors/{quote(NAME)}/pause")
        client.until(f"[f['type'] for f in {paused}['failures']]", ["connector", "task"])


def test_failed_task_is_unhealthy_on_its_worker_only(
    talk: Callable[[str, str], Conversation], worker: LinkspanWorker, source: FileSource
):
    source.spoil()
    create(worker, source)
    with talk(CLIENT, SETUP) as client:
        client.until("[failure['type'] for failure in health().get('failures', ())]", ["task"])
        found = client.ask("health('--connect-worker-id', worker)", worker=source.worker_id)
        assert (found["healthy"], found["failure_rate"]) == (False, 0.5)
        (failure,) = found["failures"]
        assert "in.txt is not UTF-8" in failure.pop("trace")
        assert failure == {
            "type": "task",
            "connector": NAME,
            "id": 0,
            "state": "FAILED",
            "worker_id": source.worker_id,
        }
        assert client.ask("health('--connect-worker-id', 'other:8083')") == WELL
