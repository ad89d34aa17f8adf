"""A schema registry in memory: just enough of its REST API for converters, and nothing that takes time."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import unquote, urlsplit

__all__ = ["PlainRegistry", "plain_registry"]

Schema = dict[str, Any]


class PlainRegistry:
    """Schemas by their ids, and ids by subject and version.

    Attributes:
        url: of the server.
        status: what to answer instead of the truth, or None.
        delay: seconds before an answer.
        requests: what was asked: method, path and headers.
    """

    def __init__(self) -> None:
        self.url = ""
        self.status: int | None = None
        self.delay = 0.0
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self._lock = Lock()
        self._ids: dict[str, int] = {}
        self._schemas: list[Schema] = []
        self._subjects: dict[str, list[int]] = {}

    def schema(self, schema_id: int) -> Schema:
        """The schema with an id."""
        return self._schemas[schema_id - 1]

    def version(self, subject: str, version: int) -> Schema:
        """The schema that is a version of a subject."""
        return self.schema(self._subjects[subject][version - 1])

    def register(self, subject: str, schema: Schema) -> int:
        """Id of a schema."""
        kept = _kept(schema)
        with self._lock:
            key = json.dumps(kept, sort_keys=True)
            if key not in self._ids:
                self._schemas.append(kept)
                self._ids[key] = len(self._schemas)
            versions = self._subjects.setdefault(subject, [])
            if self._ids[key] not in versions:
                versions.append(self._ids[key])
            return self._ids[key]

    def answer(self, method: str, path: str, body: Schema) -> tuple[int, Schema]:
        """Status and body for a request."""
        if self.status is not None:
            # a 404 without a number of a registry's own says that no registry is there
            number = 40401 if self.status == 404 else self.status
            return self.status, {"error_code": number, "message": "as told"}
        match method, path.strip("/").split("/"):
            case "POST", ["subjects", subject, "versions"]:
                return 200, {"id": self.register(unquote(subject), body)}
            case "POST", ["subjects", subject]:
                return self._lookup(unquote(subject), body)
            case "GET", ["schemas", "ids", number]:
                if not 0 < int(number) <= len(self._schemas):
                    return 404, {"error_code": 40403, "message": f"Schema {number} not found"}
                return 200, self.schema(int(number))
            case "GET", ["subjects", subject, "versions", version]:
                return self._version(unquote(subject), version)
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}

    def _lookup(self, subject: str, body: Schema) -> tuple[int, Schema]:
        kept = _kept(body)
        number = self._ids.get(json.dumps(kept, sort_keys=True))
        versions = self._subjects.get(subject)
        if versions is None:
            return 404, {"error_code": 40401, "message": f"Subject '{subject}' not found."}
        if number not in versions:
            return 404, {"error_code": 40403, "message": "Schema not found"}
        return 200, {"subject": subject, "id": number, "version": versions.index(number) + 1, **kept}

    def _version(self, subject: str, version: str) -> tuple[int, Schema]:
        versions = self._subjects.get(subject)
        if versions is None:
            return 404, {"error_code": 40401, "message": f"Subject '{subject}' not found."}
        at = len(versions) if version in ("latest", "-1") else int(version)
        number = versions[at - 1]
        return 200, {"subject": subject, "id": number, "version": at, **self.schema(number)}


def _kept(body: Schema) -> Schema:
    kept = {key: body[key] for key in ("schemaType", "schema", "references") if body.get(key)}
    if kept.get("schemaType") == "AVRO":
        del kept["schemaType"]  # clients may leave it out
    return kept


class _Server(ThreadingHTTPServer):
    """Ends the connections that clients keep open when it is closed itself."""

    daemon_threads = False

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or does not trust us, is none of our business."""

    def server_close(self) -> None:
        for request in list(self._open):
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)
        super().server_close()


@contextmanager
def plain_registry(tls: ssl.SSLContext | None = None) -> Iterator[PlainRegistry]:
    """A registry on a free port, until the end of the block."""
    registry = PlainRegistry()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _respond(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else {}
            path = urlsplit(self.path).path
            registry.requests.append((self.command, self.path, dict(self.headers)))
            time.sleep(registry.delay)
            status, content = registry.answer(self.command, path, body)
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            self._respond()

        def do_POST(self) -> None:
            self._respond()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = _Server(Handler)
    if tls is None:
        registry.url = f"http://127.0.0.1:{server.server_port}"
    else:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        registry.url = f"https://localhost:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
