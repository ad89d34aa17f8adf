"""Watching one child from the worker's event loop.

The worker holds four ends of every child: the control channel, its standard output and error (each line becomes a log
line with the child's context), and its black box (:mod:`linkspan.worker.black_box`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson

from linkspan.observe.hiding import hidden
from linkspan.worker import black_box
from linkspan.worker.channel import LineBuffer, Message, encode
from linkspan.worker.pace import Pace

__all__ = ["ChildProcess", "ExitStatus", "Output"]

log = logging.getLogger(__name__)

_LONGEST_LINE = 8192
_OUTPUT_BURST, _OUTPUT_PER_SECOND = 500, 100
_STACK_SECONDS = 2.0
_LONGEST_MESSAGE = 64 << 20


@dataclass(frozen=True)
class ExitStatus:
    """How a child ended: by itself with ``code``, or by ``signal``, perhaps because its parent process ended."""

    code: int | None = None
    signal: int | None = None
    with_parent: bool = False

    @classmethod
    def from_wait(cls, status: int) -> ExitStatus:
        """From what ``waitpid`` says."""
        if os.WIFSIGNALED(status):
            return cls(signal=os.WTERMSIG(status))
        return cls(code=os.WEXITSTATUS(status))

    def __str__(self) -> str:
        if self.signal is None:
            return "an unknown status" if self.code is None else f"status {self.code}"
        try:
            name = signal.Signals(self.signal).name
        except ValueError:
            name = f"signal {self.signal}"
        if self.with_parent:
            return f"{name} (the process that it was forked from has ended)"
        hint = {
            "SIGKILL": " (killed from outside, for example by the kernel because memory ran out)",
            "SIGSEGV": " (crash in native code)",
        }
        return name + hint.get(name, "")


def _answers(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (number - 1) & 1)


def _log_line(context: str, logger: str, level: int, text: str) -> None:
    """Log a line of a child under its context."""
    target = logging.getLogger(logger)
    if target.isEnabledFor(level):
        record = target.makeRecord(logger, level, "", 0, hidden(text), (), None, extra={"connector_context": context})
        target.handle(record)


class Output(asyncio.Protocol):
    """One output stream of a child: its lines become log lines of ours, not more than we can bear."""

    def __init__(self, context: str, name: str) -> None:
        self._context = context
        self._name = f"linkspan.{name}"
        self._lines = LineBuffer(_LONGEST_LINE)
        self._pace = Pace(_OUTPUT_BURST, _OUTPUT_PER_SECOND)

    def data_received(self, data: bytes) -> None:
        """Bytes of the stream."""
        for line in self._lines.feed(data):
            self._write(line)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the end is the end
        """The stream has ended; a last line without its end counts."""
        rest = self._lines.take_rest()
        if rest:
            self._write(rest)

    def _write(self, line: bytes) -> None:
        allowed, dropped = self._pace.admit()
        if not allowed:
            return
        if dropped:
            text = f"{dropped} lines of output were left out because there were too many"
            _log_line(self._context, self._name, logging.WARNING, text)
        text = line.decode("utf-8", "backslashreplace").rstrip("\r")
        _log_line(self._context, self._name, logging.INFO, text)


OnMessage = Callable[["ChildProcess", Message], None]
"""Takes a message of a child."""


class ChildProcess(asyncio.Protocol):
    """One child. Its callbacks run on the event loop.

    Attributes:
        context: what its log lines carry, for example ``orders|task-0``.
        pid: its process id.
        on_message: told every message of it except ``log``.
        box: descriptor of its black box: its stack, and what it is working on.
        fault: why it had to be killed at once, if it had.
        memory: bytes that it held, with all that it has started, when that was looked at last; 0 before.
        memory_max: bytes that it may hold; None for any number.
    """

    def __init__(self, context: str, box: int, on_message: OnMessage) -> None:
        self.context = context
        self.pid = 0
        self.on_message = on_message
        self.fault: str | None = None
        self.memory = 0
        self.memory_max: int | None = None
        self.box = box
        self._lines = LineBuffer()
        self._transport: asyncio.WriteTransport | None = None
        self._exit: asyncio.Future[ExitStatus] = asyncio.get_running_loop().create_future()
        self._silent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._outputs: list[asyncio.BaseTransport] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The channel is open."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Bytes of the child's messages."""
        for line in self._lines.feed(data):
            try:
                message = orjson.loads(line)
                kind = message["type"]
            except (ValueError, TypeError, KeyError):
                text = "Left out an unreadable message on the control channel"
                log.warning(text, extra={"connector_context": self.context})
                continue
            try:
                self._take(kind, message)
            except Exception:  # supervision point: the loop would close the channel, and nobody would know why
                log.exception("Message %s could not be handled", kind, extra={"connector_context": self.context})
                self.fault = f"its message {kind!r} could not be handled, and it was killed; the worker's log says why"
                self.kill()
        if self._lines.waiting > _LONGEST_MESSAGE:
            self._lines.take_rest()
            self.fault = (
                f"It wrote more than {_LONGEST_MESSAGE >> 20} MiB to its control channel in one message and was killed"
            )
            self.kill()

    def _take(self, kind: object, message: Message) -> None:
        if kind == "log":
            _log_line(self.context, message["logger"], message["level"], message["text"])
        else:
            self.on_message(self, message)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the end is the end
        """The child has closed the channel, or died."""
        if not self._silent.done():
            self._silent.set_result(None)

    def send(self, message: Message) -> None:
        """Queue a message; one to a child that has ended is lost."""
        self.write(encode(message))

    def write(self, message: bytes) -> None:
        """The same for a message that is encoded already."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(message)

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet, as far as is known."""
        return not self._exit.done()

    def kill(self) -> None:
        """End it at once."""
        # The nursery has not reported the death, but may have reaped the child: the kernel then knows no such process.
        if self.alive and self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    async def ended(self) -> ExitStatus:
        """Wait for its end; everything it had sent before has been handled then."""
        status = await asyncio.shield(self._exit)
        # A grandchild may hold the channel open; nothing it could say counts.
        await asyncio.wait([self._silent], timeout=0.5)
        return status

    async def blocked_stack(self) -> str:
        """Stack of the main thread as it is now; empty when it cannot be had."""
        if not self.alive:
            return self.crash_stack()
        if not _answers(self.pid, signal.SIGUSR1):  # plugin code has taken the signal: it would die of it
            return ""
        with contextlib.suppress(OSError):  # it may end meanwhile, and be closed
            return await self._asked_stack()
        return ""

    async def _asked_stack(self) -> str:
        start = black_box.stack_size(self.box)
        os.kill(self.pid, signal.SIGUSR1)
        size, waited = start, 0.0
        while waited < _STACK_SECONDS:
            await asyncio.sleep(0.02)
            waited += 0.02
            previous, size = size, black_box.stack_size(self.box)
            if size > start and size == previous:
                break
        return black_box.stack_text(self.box, start).strip()

    def work(self) -> Message:
        """What it noted last that it is working on; empty when that is nothing."""
        return {} if self.box < 0 else black_box.noted(self.box)

    def crash_stack(self) -> str:
        """What the child wrote into its stack file when a fatal signal hit it; empty when it wrote nothing."""
        if self.box < 0:  # closed
            return ""
        text = black_box.stack_text(self.box)
        at = text.rfind("Fatal Python error")
        return text[at:].strip() if at >= 0 else ""

    def note_exit(self, status: ExitStatus) -> None:
        """Called by the nursery's client: the child has ended."""
        if not self._exit.done():
            self._exit.set_result(status)

    def attach_output(self, transport: asyncio.BaseTransport) -> None:
        """Called at birth: one of its output streams."""
        self._outputs.append(transport)

    def close(self) -> None:
        """Release what the worker holds of it; after its end."""
        if self._transport is not None:
            self._transport.close()
        for output in self._outputs:
            output.close()
        if self.box >= 0:
            os.close(self.box)
            self.box = -1
