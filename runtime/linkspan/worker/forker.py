"""The worker's end of one process that children are forked from; :mod:`linkspan.worker.nursery` is the other end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Sequence

import orjson

from linkspan.api.errors import ConfigError, PluginError
from linkspan.worker import black_box
from linkspan.worker.channel import Message, encode
from linkspan.worker.process import ChildProcess, ExitStatus, OnMessage, Output

__all__ = ["Forker"]

_ENDED = "The process that starts tasks has ended"


class Forker:
    """Orders births from one forking process and hears of deaths.

    Attributes:
        ready: what it said when it had imported everything: module → why it could not be, empty when all is well.
        on_empty: called when its last child has ended.
        pid: its process id, as far as is known.

    Args:
        sock: connected to the process; sequenced packets.
    """

    def __init__(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        sock.setblocking(False)
        self.ready: asyncio.Future[dict[str, str]] = loop.create_future()
        self.on_empty: Callable[[], None] = lambda: None
        self.pid = 0
        self._sock: socket.socket | None = sock
        self._outputs: Sequence[asyncio.BaseTransport] = ()
        self._children: dict[int, ChildProcess] = {}
        self._births: dict[int, tuple[ChildProcess | None, asyncio.Future[int]]] = {}
        self._last_id = 0
        self._over: asyncio.Future[None] = loop.create_future()
        loop.add_reader(sock, self._read)

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet, as far as is known."""
        return self._sock is not None

    @property
    def children(self) -> list[ChildProcess]:
        """Those that live now, as far as is known."""
        return list(self._children.values())

    @property
    def empty(self) -> bool:
        """Whether it has no child now."""
        return not self._children and not self._births

    def tell(self, message: Message) -> None:
        """Send what a new process has to be told first."""
        if self._sock is not None:
            self._sock.send(orjson.dumps(message))

    async def spawn(self, context: str, on_message: OnMessage, run: Message) -> ChildProcess:
        """Fork a child and give it its job.

        Raises:
            ConfigError: the job's arguments hold what cannot be passed on, such as a number beyond 64 bits.
            PluginError: the system has no room for another process, or the forking process has ended.
        """
        try:
            first = encode(run)
        except TypeError as error:
            message = f"{context}: its configuration cannot be passed on: {error}"
            raise ConfigError(message) from error
        try:
            box = black_box.create(f"box-{context}")
        except OSError as error:
            raise _no_room(context, error) from error
        child = ChildProcess(context, box, on_message)
        try:
            await self._bear(child, first)
        except BaseException:
            child.close()
            raise
        return child

    async def _bear(self, child: ChildProcess, first: bytes) -> None:
        context = child.context
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise _no_room(context, error) from error
        try:
            await asyncio.get_running_loop().create_connection(lambda: child, sock=ours)
            child.write(first)
            outputs = await _outputs(context, child.attach_output)
            birth = self._order(child, {}, [theirs.fileno(), *outputs, child.box])
            child.pid = await birth
        except OSError as error:
            raise _no_room(context, error) from error
        finally:
            theirs.close()

    async def branch(self, context: str, first: Message) -> Forker:
        """Fork another forking process, and tell it what it has to know first.

        Raises:
            PluginError: the system has no room for another process, or the forking process has ended.
        """
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        except OSError as error:
            raise _no_room(context, error) from error
        readers: list[asyncio.BaseTransport] = []
        forker: Forker | None = None
        try:
            outputs = await _outputs(context, readers.append)
            pid = await self._order(None, {"branch": True}, [theirs.fileno(), *outputs])
            forker = Forker(ours)
            forker.pid = pid
            forker._outputs = readers
            forker.tell(first)
        except BaseException as error:  # it was killed just now, or nobody wants it any more
            if forker is None:
                ours.close()
            else:
                forker._lost()
            for reader in readers:
                reader.close()
            if isinstance(error, OSError):
                raise _no_room(context, error) from error
            raise
        finally:
            theirs.close()
        return forker

    def _order(self, child: ChildProcess | None, order: Message, given: Sequence[int]) -> asyncio.Future[int]:
        """Ask for a birth; what is given, but for the black box, is the new process's alone."""
        try:
            if self._sock is None:
                raise PluginError(_ENDED)
            self._last_id += 1
            socket.send_fds(self._sock, [orjson.dumps({"id": self._last_id, **order})], given)
        finally:
            for writer in given[1:3]:
                os.close(writer)
        birth: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._births[self._last_id] = (child, birth)
        return birth

    def _read(self) -> None:
        while self._sock is not None:
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
            self.pid = news["ready"]
            if not self.ready.done():
                self.ready.set_result(news["failed"])
        elif "id" in news:
            self._end_birth(news)
        else:
            gone = self._children.pop(news["pid"], None)
            if gone is not None:
                gone.note_exit(ExitStatus.from_wait(news["status"]))
                if self.empty:
                    self.on_empty()

    def _end_birth(self, news: Message) -> None:
        child, birth = self._births.pop(news["id"])
        if "error" in news:
            if not birth.done():
                birth.set_exception(PluginError(f"No process could be started: {news['error']}"))
            return
        if child is not None:
            child.pid = news["pid"]
            self._children[news["pid"]] = child
            if birth.cancelled():
                child.kill()  # nobody wants it any more
        if not birth.done():
            birth.set_result(news["pid"])

    def _lost(self) -> None:
        """It has ended, and all its children with it (they carry a parent-death signal)."""
        if self._sock is None:
            return
        asyncio.get_running_loop().remove_reader(self._sock)
        self._sock.close()
        self._sock = None
        if not self.ready.done():
            self.ready.set_exception(PluginError(f"{_ENDED} before it was ready"))
            self.ready.exception()  # whoever waits hears of it, and nobody need wait
        for _, birth in self._births.values():
            if not birth.done():
                birth.set_exception(PluginError(_ENDED))
        self._births.clear()
        for child in self._children.values():
            child.note_exit(ExitStatus(signal=signal.SIGKILL, with_parent=True))
        self._children.clear()
        self._over.set_result(None)

    def kill(self) -> None:
        """End it and its children at once."""
        if self.alive and self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    async def close(self, seconds: float) -> None:
        """Let it kill its children and end; wait for that, but not longer than so many ``seconds``."""
        if self._sock is not None:
            self._sock.shutdown(socket.SHUT_WR)
            await asyncio.wait([self._over], timeout=seconds)
            self.kill()
            self._lost()
        for output in self._outputs:
            output.close()


def _no_room(context: str, error: OSError) -> PluginError:
    return PluginError(f"No process could be started for {context}: {error}")


async def _outputs(context: str, attach: Callable[[asyncio.BaseTransport], None]) -> list[int]:
    """Ends for a process to write its standard output and error to."""
    loop = asyncio.get_running_loop()
    writers: list[int] = []
    try:
        for name in ("stdout", "stderr"):
            reader, writer = os.pipe()
            writers.append(writer)
            transport, _ = await loop.connect_read_pipe(
                lambda name=name: Output(context, name),  # type: ignore[misc]
                os.fdopen(reader, "rb", buffering=0),
            )
            attach(transport)
    except BaseException:
        for writer in writers:
            os.close(writer)
        raise
    return writers
