"""Callers who are slow, or up to something."""

from __future__ import annotations

import http.client
import json
import logging
import socket

import pytest

from linkspan.api.errors import ConnectError
from linkspan.herder.port import StoppingError
from linkspan.rest.app import RestApp
from linkspan.rest.errors import status_of
from tests.rest.conftest import Served, refused


@pytest.mark.parametrize(
    "path", ["/connectors/x%0A[2026-01-01] INFO%20FORGED/tasks", "/connectors/x%0D%0AFORGED/fence"]
)
def test_no_line_of_the_log_can_be_forged_by_a_path(served: Served, caplog: pytest.LogCaptureFixture, path: str):
    with caplog.at_level(logging.INFO):
        reply = served.ask("PUT" if path.endswith("fence") else "POST", path.replace(" ", "%20"), "[]")
    refused(reply, 500)
    told = [record.getMessage() for record in caplog.records if "FORGED" in record.getMessage()]
    assert len(told) >= 1
    assert [text for text in told if "\n" in text or "\r" in text] == []


def test_no_line_of_the_log_can_be_forged_by_a_name(served: Served, caplog: pytest.LogCaptureFixture):
    served.worker.errors["validate", "x\nFORGED"] = ConnectError("cannot validate x\nFORGED")
    config = {"connector.class": "FileStreamSource"}
    with caplog.at_level(logging.INFO):
        refused(served.ask("POST", "/connectors", {"name": "x\nFORGED", "config": config}), 500)
    assert "POST /connectors failed: cannot validate x?FORGED" in caplog.messages


def test_a_body_that_does_not_arrive_in_time_is_refused(serve):
    with serve(RestApp(body_seconds=0.05)) as served:
        host, port = served.address.split(":")
        with socket.create_connection((host, int(port)), timeout=60) as client:
            head = "POST /connectors HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100"
            client.sendall(f"{head}\r\n\r\nhalf".encode())
            answer = http.client.HTTPResponse(client)
            answer.begin()
            assert answer.status == 408
            message = "The body of the request did not arrive within 0.05 s"
            assert json.loads(answer.read()) == {"error_code": 408, "message": message}


def test_a_stopping_worker_is_unavailable():
    assert status_of(StoppingError()) == 503
