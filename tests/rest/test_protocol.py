"""HTTP below the endpoints: expectations, lost clients, what is no HTTP, whole addresses, long lines."""

from __future__ import annotations

import json
import logging
import socket
import time
from typing import Any

import pytest

from tests.rest.conftest import Served, create, refused

BODY = json.dumps({"name": "c", "config": {"connector.class": "FileStreamSource", "file": "f", "topic": "t"}}).encode()
POST = b"POST /connectors HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nConnection: close\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)


def connect(served: Served) -> socket.socket:
    host, _, port = served.address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=60)


def rest_of(connection: socket.socket) -> bytes:
    """Everything until the server closes."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def exchange(served: Served, sent: bytes) -> tuple[int, dict[str, str], Any]:
    """Status, headers and body of the answer to raw bytes."""
    with connect(served) as connection:
        connection.sendall(sent)
        head, _, body = rest_of(connection).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, json.loads(body)


def test_a_client_that_waits_for_leave_to_send_its_body_gets_it(served: Served) -> None:
    with connect(served) as connection:
        connection.sendall(POST + LENGTH + b"Expect: 100-Continue\r\n\r\n")
        leave = b"HTTP/1.1 100 Continue\r\n\r\n"
        assert connection.recv(len(leave), socket.MSG_WAITALL) == leave
        connection.sendall(BODY)
        assert rest_of(connection).startswith(b"HTTP/1.1 201 Created\r\n")


def test_a_request_that_is_refused_by_its_head_gets_no_leave(served: Served) -> None:
    with connect(served) as connection:
        connection.sendall(POST.replace(b"application/json", b"text/plain") + LENGTH + b"Expect: 100-continue\r\n\r\n")
        expected = b"HTTP/1.1 415 Unsupported Media Type\r\n"
        assert connection.recv(len(expected), socket.MSG_WAITALL) == expected


def test_other_expectations_are_refused(served: Served) -> None:
    status, _, body = exchange(served, POST + LENGTH + b"Expect: miracles\r\n\r\n" + BODY)
    assert (status, body) == (417, {"error_code": 417, "message": "HTTP 417 Expectation Failed"})


def test_a_client_that_goes_away_in_its_body_is_no_error(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        with connect(served) as connection:
            connection.sendall(POST + LENGTH + b"\r\n" + BODY[:10])
        deadline = time.monotonic() + 60
        while "went away before its request was complete" not in caplog.text:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert [record for record in caplog.records if record.levelno > logging.DEBUG and "rest" in record.name] == []


def test_a_body_that_is_not_well_formed_is_refused(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    status, _, body = exchange(served, POST + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n")
    assert (status, body["error_code"]) == (400, 400)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    "sent",
    [b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\nno header\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"],
)
def test_what_is_no_http_is_refused_as_everything_else(served: Served, caplog: Any, sent: bytes) -> None:
    with caplog.at_level(logging.INFO):
        status, headers, body = exchange(served, sent)
    assert (status, headers["Content-Type"], headers["Server"]) == (400, "application/json", "Linkspan")
    assert list(body) == ["error_code", "message"]
    assert body["message"].startswith("The request is not HTTP: ")
    assert "\n" not in body["message"]
    assert "Refused a request from 127.0.0.1: The request is not HTTP: " in caplog.text
    assert "Traceback" not in caplog.text


def test_a_request_for_a_whole_address_is_one_for_its_path(served: Served) -> None:
    def get(target: str, host: str) -> tuple[int, Any]:
        sent = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        status, _, body = exchange(served, sent)
        return status, body

    assert create(served, "c").status == 201
    assert get("http://a:1/connectors?expand=info", "a:1")[1]["c"]["info"]["name"] == "c"
    assert get("HTTPS://a", "a")[1]["version"] == "4.3.1"
    assert get("http://b/connectors", "a") == (
        400,
        {"error_code": 400, "message": "The request is for b, but its Host header says a"},
    )


def test_connectors_with_long_names_can_be_addressed(served: Served) -> None:
    name = "n" * 60000
    assert create(served, name).status == 201
    assert served.ask("GET", f"/connectors/{name}").json["name"] == name
    message = refused(served.ask("GET", f"/connectors/{'n' * 70000}"), 414)
    assert message == "HTTP 414 URI Too Long: a line of the request has more than 65536 bytes"
