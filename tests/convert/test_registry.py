"""What answers of a schema registry mean, and of what is none."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from linkspan.api import CredentialsError, DataError, OutageError, ThrottledError, UnreachableError
from linkspan.config.definition import load
from linkspan.convert.avro.converter import AvroConverter
from linkspan.convert.registered import REFUSED_SECONDS, Recent
from linkspan.convert.registry import Registry
from linkspan.convert.registry_settings import RegistryConfig


class Server:
    """Gives the same answer to everybody."""

    def __init__(self) -> None:
        self.status, self.body = 200, b""
        self.asked: list[str] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.asked.append(self.path)
                self.send_response(owner.status)
                self.send_header("Content-Length", str(len(owner.body)))
                self.end_headers()
                self.wfile.write(owner.body)

            def log_message(self, *_: object) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


HTML = b"<html>nothing to see here</html>"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, b'{"error_code":40403,"message":"Schema 7 not found"}', DataError),
        (422, b'{"error_code":42201,"message":"Invalid schema"}', DataError),
        (409, b'{"error_code":409,"message":"incompatible"}', DataError),
        (404, b'{"error_code":404,"message":"HTTP 404 Not Found"}', UnreachableError),
        (404, HTML, UnreachableError),
        (405, HTML, UnreachableError),
        (302, b"", UnreachableError),
        (200, HTML, UnreachableError),
        (401, HTML, CredentialsError),
        (429, HTML, ThrottledError),
        (503, HTML, OutageError),
    ],
)
def test_a_record_is_at_fault_only_when_a_registry_says_so(server, status, body, kind):
    server.status, server.body = status, body
    address = f"http://127.0.0.1:{server.http.server_port}"
    registry = Registry(load(RegistryConfig, {"schema.registry.url": address}))
    try:
        with pytest.raises(kind, match=r"^Error retrieving Avro schema for id 7: ") as raised:
            registry.schema_of(7, None, "AVRO")
    finally:
        registry.close()
    assert type(raised.value) is kind
    if kind is UnreachableError:
        assert f"{address} is no schema registry" in str(raised.value)


def test_a_registry_is_asked_once_in_a_while_for_an_id_that_it_does_not_know(server):
    server.status, server.body = 404, b'{"error_code":40403,"message":"Schema not found"}'
    made = AvroConverter()
    address = f"http://127.0.0.1:{server.http.server_port}"
    made.configure(load(made.config_class, {"schema.registry.url": address}), is_key=False)
    now = [100.0]
    made._reading = Recent(2, lambda: now[0])
    try:
        for _ in range(50):
            with pytest.raises(DataError, match="for id 7: Schema not found"):
                made.to_connect("t", b"\0\0\0\0\7x")
        assert len(server.asked) == 1
        now[0] += REFUSED_SECONDS
        server.status, server.body = 200, b'{"schema":"\\"string\\""}'
        with pytest.raises(OutageError):  # this server knows no POST, which asks for the version
            made.to_connect("t", b"\0\0\0\0\7x")
        assert len(server.asked) == 2
    finally:
        made.close()


def test_what_a_registry_has_refused_is_forgotten_when_much_else_is_refused():
    asked = []

    def refuse(key):
        asked.append(key)
        raise DataError(f"no {key}")

    recent = Recent(2, lambda: 0.0)
    for key in (1, 2, 1, 3, 3, 1):
        with pytest.raises(DataError, match=f"no {key}"):
            recent.get(key, lambda key=key: refuse(key))
    assert asked == [1, 2, 3, 1]


def test_an_outage_is_not_remembered():
    answers = iter([OutageError("away"), "there"])

    def ask():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    recent = Recent(2, lambda: 0.0)
    with pytest.raises(OutageError):
        recent.get(1, ask)
    assert recent.get(1, ask) == "there"
