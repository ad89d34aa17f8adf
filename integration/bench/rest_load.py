"""Requests from one process that costs little, on connections that stay open: the server is what is measured.

And requests as an ordinary client makes them, a connection each, to a worker that has answered few so far.
"""

from __future__ import annotations

import selectors
import socket
import time
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from typing import Final
from urllib.parse import urlsplit

_PATIENCE_SECONDS: Final = 30.0
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"


class _Connection:
    """One connection, with at most one request under way."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), timeout=_PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._got = b""

    def take(self) -> bool:
        """Read what is there; whether the answer is complete.

        Raises:
            RuntimeError: the answer is not 200.
        """
        chunk = self.socket.recv(1 << 20)
        if not chunk:
            raise RuntimeError("The server closed a connection that was to stay open")
        self._got += chunk
        head, end, body = self._got.partition(b"\r\n\r\n")
        if not end:
            return False
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"The server answered {self._got[:300]!r}")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if b"content-length" in fields:
            complete = len(body) >= int(fields[b"content-length"])
        else:
            complete = body.endswith(_LAST_CHUNK)  # which JSON cannot contain
        if not complete:
            return False
        self._got = b""
        return True


def requests_per_second(url: str, paths: Sequence[str], connections: int, seconds: float) -> float:
    """GET the paths in turn, each connection one after another; answers per second."""
    parts = urlsplit(url)
    host, port = str(parts.hostname), int(parts.port or 80)
    messages = [f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode() for path in paths]
    opened = [_Connection(host, port) for _ in range(connections)]
    answers = sent = 0
    try:
        with selectors.DefaultSelector() as ready:
            begin = now = time.perf_counter()
            for connection in opened:
                ready.register(connection.socket, selectors.EVENT_READ, connection)
                connection.socket.sendall(messages[sent % len(messages)])
                sent += 1
            while now - begin < seconds:
                events = ready.select(_PATIENCE_SECONDS)
                if not events:
                    raise RuntimeError(f"{url} did not answer within {_PATIENCE_SECONDS:g} s")
                for key, _ in events:
                    connection = key.data
                    if connection.take():
                        answers += 1
                        connection.socket.sendall(messages[sent % len(messages)])
                        sent += 1
                now = time.perf_counter()
        return answers / (now - begin)
    finally:
        for connection in opened:
            connection.socket.close()


def first_requests_per_second(url: str, paths: Sequence[str], at_once: int, count: int) -> float:
    """GET the paths in turn as an ordinary client does, so many times; answers per second."""

    def get(path: str) -> None:
        with urllib.request.urlopen(f"{url}{path}", timeout=_PATIENCE_SECONDS) as answer:
            answer.read()

    with ThreadPoolExecutor(at_once) as clients:
        begin = time.perf_counter()
        list(clients.map(get, islice(cycle(paths), count)))
        return count / (time.perf_counter() - begin)
