"""A way to a server that a test can cut, or leave open with nothing getting through."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class Proxy:
    """Passes on connections; listens as soon as it is made.

    Attributes:
        address: where it listens.
        target: ``host:port`` that connections are passed on to; set before the first of them.
    """

    def __init__(self) -> None:
        self.target = ""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._flowing = threading.Event()
        self._flowing.set()
        self._cut = False
        self._ended = False
        self._last_words: bytes | None = None
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Close what is open, and whatever is opened from now on."""
        with self._lock:
            self._cut = True
            for each in self._sockets:
                _end(each)

    def cut_behind(self, words: bytes) -> None:
        """Close a connection as soon as a client says this: it gets through, and the answer does not. Once."""
        self._last_words = words

    def hold(self) -> None:
        """Keep connections open, but let nothing through; it comes later."""
        self._flowing.clear()

    def mend(self) -> None:
        """Let everything through again."""
        with self._lock:
            self._cut = False
        self._flowing.set()

    def close(self) -> None:
        """Stop listening, and end what is open."""
        self._ended = True
        self.cut()
        self._flowing.set()
        # a socket that is only closed goes on waiting for connections
        _end(self._listener)
        self._listener.close()

    def _accept(self) -> None:
        while not self._ended:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        host, port = self.target.rsplit(":", 1)
        with client, contextlib.suppress(OSError), socket.create_connection((host, int(port))) as server:
            pair = {client, server}
            with self._lock:
                if self._cut:
                    return
                self._sockets |= pair
            answers = threading.Thread(target=self._pump, args=(server, client), daemon=True)
            answers.start()
            self._pump(client, server)
            answers.join()
            with self._lock:
                self._sockets -= pair

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                if self._last_words is not None and self._last_words in data:
                    self._last_words = None
                    _end(source)
                target.sendall(data)
        _end(source)
        _end(target)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
