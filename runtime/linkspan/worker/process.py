"""Starting and watching children from the worker's event loop.

The worker holds four ends of every child: the control channel, its standard output and error (each line becomes a log
line with the child's context), and the file into which it writes its stack when it is asked to, or when it crashes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson

from linkspan.api.errors import PluginError
from linkspan.worker.channel import LineBuffer, Message, encode
from linkspan.worker.pace import Pace

__all__ = ["ChildProcess", "ExitStatus", "Nursery"]

log = logging.getLogger(__name__)

_LONGEST_LINE = 8192
_OUTPUT_BURST, _OUTPUT_PER_SECOND = 500, 100
_START_SECONDS = 60.0
_STACK_SECONDS = 2.0


@dataclass(frozen=True)
class ExitStatus:
    """How a child ended: by itself with ``code``, or by ``signal``."""

    code: int | None = None
    signal: int | None = None

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
        hint = {
            "SIGKILL": " (killed from outside, for example by the kernel because memory ran out)",
            "SIGSEGV": " (crash in native code)",
        }
        return name + hint.get(name, "")


def _log_line(context: str, logger: str, level: int, text: str) -> None:
    """Log a line of a child under its context."""
    target = logging.getLogger(logger)
    if target.isEnabledFor(level):
        record = target.makeRecord(logger, level, "", 0, text, (), None, extra={"connector_context": context})
        target.handle(record)


class _Output(asyncio.Protocol):
    """One of a child's output streams."""

    def __init__(self, context: str, name: str) -> None:
        self._context = context
        self._name = f"linkspan.{name}"
        self._lines = LineBuffer(_LONGEST_LINE)
        self._pace = Pace(_OUTPUT_BURST, _OUTPUT_PER_SECOND)

    def data_received(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            self._write(line)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the end is the end
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
    """

    def __init__(self, context: str, stack: int, on_message: OnMessage) -> None:
        self.context = context
        self.pid = 0
        self.on_message = on_message
        self._stack = stack
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
                log.warning("[%s] Left out an unreadable message on the control channel", self.context)
                continue
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
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(encode(message))

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
        start = os.fstat(self._stack).st_size
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGUSR1)
        size, waited = start, 0.0
        while waited < _STACK_SECONDS:
            await asyncio.sleep(0.02)
            waited += 0.02
            previous, size = size, os.fstat(self._stack).st_size
            if size > start and size == previous:
                break
        return os.pread(self._stack, size - start, start).decode("utf-8", "replace").strip()

    def crash_stack(self) -> str:
        """What the child wrote into its stack file when a fatal signal hit it; empty when it wrote nothing."""
        text = os.pread(self._stack, 1 << 20, 0).decode("utf-8", "replace")
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
        if self._stack >= 0:
            os.close(self._stack)
            self._stack = -1


class Nursery:
    """The worker's view of :mod:`linkspan.worker.nursery`; starts it again when it has died."""

    def __init__(self, preload: Sequence[str]) -> None:
        self._preload = list(preload)
        self._sock: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._children: dict[int, ChildProcess] = {}
        self._births: dict[int, tuple[ChildProcess, asyncio.Future[int]]] = {}
        self._last_id = 0
        self._ready: asyncio.Future[None] | None = None
        self._starting = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """Process id of the nursery, when it runs."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Start the nursery if it does not run.

        Raises:
            PluginError: it does not come up.
        """
        async with self._starting:
            if self._sock is not None:
                return
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            code = (
                "import sys; sys.path[:] = sys.argv[2:]; "
                "from linkspan.worker.nursery import main; main(int(sys.argv[1]))"
            )
            path = [entry or os.getcwd() for entry in sys.path]  # noqa: PTH109 - a text is wanted
            with theirs:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-c",
                    code,
                    str(theirs.fileno()),
                    *path,
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,  # a terminal's Ctrl-C and hang-up reach the worker only
                )
            ours.setblocking(False)
            loop = asyncio.get_running_loop()
            self._sock = ours
            self._ready = loop.create_future()
            ours.send(orjson.dumps({"path": path, "preload": self._preload}))
            loop.add_reader(ours, self._read)
            try:
                async with asyncio.timeout(_START_SECONDS):
                    await self._ready
            except TimeoutError:
                await self.close()
                message = f"The process that starts tasks did not come up within {_START_SECONDS:g} s"
                raise PluginError(message) from None

    async def spawn(self, context: str, on_message: OnMessage, run: Message) -> ChildProcess:
        """Fork a child and give it its job.

        Raises:
            PluginError: the system has no room for another process.
        """
        await self.start()
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        out_reader, out_writer = os.pipe()
        err_reader, err_writer = os.pipe()
        stack = os.memfd_create(f"stack-{context}"[:200])
        child = ChildProcess(context, stack, on_message)
        try:
            await loop.create_connection(lambda: child, sock=ours)
            for fd, name in ((out_reader, "stdout"), (err_reader, "stderr")):
                transport, _ = await loop.connect_read_pipe(
                    lambda name=name: _Output(context, name),  # type: ignore[misc]
                    os.fdopen(fd, "rb", buffering=0),
                )
                child.attach_output(transport)
            self._last_id += 1
            birth: asyncio.Future[int] = loop.create_future()
            self._births[self._last_id] = (child, birth)
            assert self._sock is not None
            order = orjson.dumps({"id": self._last_id})
            socket.send_fds(self._sock, [order], [theirs.fileno(), out_writer, err_writer, stack])
        except OSError as error:
            child.close()
            message = f"No process could be started for {context}: {error}"
            raise PluginError(message) from error
        finally:
            theirs.close()
            os.close(out_writer)
            os.close(err_writer)
        child.send(run)
        await birth
        return child

    def _read(self) -> None:
        assert self._sock is not None
        while True:
            try:
                data = self._sock.recv(65536)
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:
                data = b""
            if not data:
                self._lost()
                return
            self._take(orjson.loads(data))

    def _take(self, news: Message) -> None:
        if "ready" in news:
            for name, why in news["failed"].items():
                log.warning("Could not load %s in advance: %s", name, why)
            if self._ready is not None and not self._ready.done():
                self._ready.set_result(None)
        elif "id" in news:
            child, birth = self._births.pop(news["id"])
            child.pid = news["pid"]
            self._children[child.pid] = child
            if not birth.done():
                birth.set_result(child.pid)
        else:
            child_gone = self._children.pop(news["pid"], None)
            if child_gone is not None:
                child_gone.note_exit(ExitStatus.from_wait(news["status"]))

    def _lost(self) -> None:
        """The nursery has ended, and all children with it (they carry a parent-death signal)."""
        assert self._sock is not None
        asyncio.get_running_loop().remove_reader(self._sock)
        self._sock.close()
        self._sock = None
        text = "The process that starts tasks has ended"
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(PluginError(f"{text} before it was ready"))
        for _, birth in self._births.values():
            if not birth.done():
                birth.set_exception(PluginError(text))
        self._births.clear()
        for child in self._children.values():
            child.note_exit(ExitStatus(signal=signal.SIGKILL))
        self._children.clear()

    async def close(self) -> None:
        """Kill every child and the nursery; wait until they are gone."""
        if self._sock is not None:
            self._sock.shutdown(socket.SHUT_RDWR)
        if self._process is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await self._process.wait()
            if self._process.returncode is None:
                self._process.kill()
                await self._process.wait()
            self._process = None
        await asyncio.sleep(0)
        if self._sock is not None:
            self._lost()
