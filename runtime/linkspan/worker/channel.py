"""The control channel: one JSON object a line over a socket pair between the worker and one child.

Imported by children too, so it imports little. Every message has a ``type``; :mod:`linkspan.worker.child` and
:mod:`linkspan.worker.supervisor` list the ones they take. Records never pass here.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import traceback
from collections.abc import Iterator
from typing import Any

import orjson

from linkspan.api import errors
from linkspan.api.errors import ConfigError, ConnectError, PluginError
from linkspan.observe.hiding import hidden

__all__ = ["ChildChannel", "LineBuffer", "Message", "decode_error", "encode", "encode_error", "readable"]

Message = dict[str, Any]
"""A decoded message; its ``type`` says which members it has."""


_LONGEST_TEXT = 256_000


def _json_default(value: object) -> str:
    """Text of what JSON has no form for: byte strings become base64 as in Kafka's offset topic (spec 2.5)."""
    if isinstance(value, bytes | bytearray | memoryview):
        import base64  # noqa: PLC0415 - rarely needed

        return base64.b64encode(value).decode("ascii")
    message = f"a {type(value).__name__} cannot be sent over the control channel"
    raise TypeError(message)


def encode(message: Message) -> bytes:
    """One line, with its end."""
    return orjson.dumps(message, default=_json_default, option=orjson.OPT_APPEND_NEWLINE)


class LineBuffer:
    """Cuts a stream of bytes into lines; a line longer than ``limit`` bytes is handed out in pieces."""

    def __init__(self, limit: int | None = None) -> None:
        self._rest = bytearray()
        self._limit = limit

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes, return the lines that are complete now, without their ends."""
        start = len(self._rest)
        self._rest += data
        lines: list[bytes] = []
        if self._rest.find(b"\n", start) >= 0:
            *complete, rest = bytes(self._rest).split(b"\n")
            lines = complete
            self._rest = bytearray(rest)
        if self._limit is None:
            return lines
        pieces = [line[at : at + self._limit] for line in lines for at in range(0, max(len(line), 1), self._limit)]
        while len(self._rest) > self._limit:
            pieces.append(bytes(self._rest[: self._limit]))
            del self._rest[: self._limit]
        return pieces

    @property
    def waiting(self) -> int:
        """Bytes after the last end of line."""
        return len(self._rest)

    def take_rest(self) -> bytes:
        """What came after the last end of line."""
        rest = bytes(self._rest)
        self._rest.clear()
        return rest


class ChildChannel:
    """The child's end: blocking, may be written to from any thread."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sock.setblocking(True)
        self._lock = threading.Lock()
        self._lines = LineBuffer()
        self._ready: list[bytes] = []

    def send(self, message: Message) -> None:
        """Write one message; blocks while the worker is behind.

        Raises:
            OSError: the worker is gone.
        """
        data = encode(message)
        with self._lock:
            self._sock.sendall(data)

    def fileno(self) -> int:
        """For ``select``."""
        return self._sock.fileno()

    def receive(self) -> list[Message] | None:
        """Messages of one read, possibly none yet complete; None at the end of the channel. One reader only."""
        try:
            data = self._sock.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            return None
        return [orjson.loads(line) for line in self._lines.feed(data)]

    def __iter__(self) -> Iterator[Message]:
        """Every message up to the end of the channel."""
        while (messages := self.receive()) is not None:
            yield from messages


def readable(text: str) -> str:
    """A text that can be sent: no secrets, no lone surrogates, of a very long one not the middle."""
    text = hidden(text)  # before it is cut, or a part of a secret could be left
    if len(text) > _LONGEST_TEXT:
        half = _LONGEST_TEXT // 2
        text = f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"
    return text.encode("utf-8", "backslashreplace").decode()


def _text_of(error: BaseException) -> str:
    try:
        return error.message if isinstance(error, ConnectError) else f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - supervision point: an error of a plugin may be unable to say what it is
        return f"{type(error).__name__}, whose text cannot be made"


def encode_error(error: BaseException) -> Message:
    """The parts of an error that the other side needs to raise it again."""
    known = isinstance(error, ConnectError)
    trace = error.trace if isinstance(error, PluginError) and error.trace else None
    if isinstance(error, ConfigError):  # where it was raised is no help to who wrote the value
        trace = _text_of(error)
    elif trace is None:
        trace = "".join(traceback.format_exception(error))
    return {
        "code": error.code if isinstance(error, ConnectError) else PluginError.code,
        "message": readable(_text_of(error)),
        "key": error.key if isinstance(error, ConfigError) else None,
        "trace": readable(trace),
        "plain": known and not isinstance(error, PluginError),
    }


def decode_error(body: Message) -> ConnectError:
    """The error that :func:`encode_error` took apart; its ``trace`` stays readable as attribute ``trace``."""
    kind = _CLASSES.get(str(body.get("code")), PluginError)
    message = str(body.get("message"))
    if kind is ConfigError:
        return ConfigError(message, body.get("key"))
    if issubclass(kind, PluginError):
        return kind(message, body.get("trace"))
    error: ConnectError = errors.DataError(message) if kind is errors.BatchError else kind(message)
    if body.get("trace"):
        with contextlib.suppress(AttributeError):
            error.add_note(str(body["trace"]))
    return error


def _tree(kind: type[ConnectError]) -> Iterator[type[ConnectError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


_CLASSES = {kind.code: kind for kind in _tree(ConnectError)}
