"""The process that children are forked from: it has imported the data plane once and runs nothing else.

Why not :mod:`multiprocessing`'s forkserver: that one starts a second helper process (the resource tracker) and lets
every child import the worker's main module again, REST and all. This one forks in about two milliseconds.

The worker talks to it over a sequenced-packet socket. The first packet to it says what to import, and with which levels
of loggers to begin; it is answered by ``{"ready": pid, "failed": {module: why}}``. Each packet after that carries the
file descriptors of one new process: ``{"id"}`` with control channel, standard output, standard error and black box of
a child; ``{"id", "branch"}`` with the socket, standard output and standard error of a branch, which is a nursery like
this one that has imported a plugin's module too. Packets from it are ``{"id", "pid"}`` for a birth, ``{"id", "error"}``
where there is no room for one, and ``{"pid", "status"}`` for a death (``waitpid`` status). At the end of that socket,
however the worker ended, it kills every child and exits. Single-threaded, so that forking is safe.

A child shares all memory with it until one of them writes there, if only to count a reference. So what every child
would do, and whatever touches many objects, is done here before the first fork.

Every process leads a process group of its own, so that a plugin's signals to its group reach no other, and what it has
started ends with it, unless its nursery is killed first.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import orjson

from linkspan.api import streams
from linkspan.plugins.loading import use_location
from linkspan.worker.log_levels import set_levels

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1
_PACKET = 65536
_LONGEST_REASON = 4096
_COLLECTING = (50_000, 20, 20)
"""A batch of JSON makes tens of thousands of objects; looking for cycles every 700 costs a quarter of the time."""
_SWITCH_SECONDS = 0.0005
"""A thread that has waited for a server goes on so soon, while another one converts records; the usual 5 ms, once for
each of its exchanges, would be as long as the exchanges."""


_prctl = ctypes.CDLL(None).prctl


def die_with_parent(parent: int) -> None:
    """Ask the kernel for SIGKILL when the forking process ends; exits at once if it has ended already."""
    _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


class _Nursery:
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._children: set[int] = set()
        self._wake_reader, self._wake_writer = socket.socketpair()
        for end in (self._wake_reader, self._wake_writer):
            end.setblocking(False)

    def run(self) -> None:
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # a plugin's module may have blocked some
        signal.set_wakeup_fd(self._wake_writer.fileno(), warn_on_full_buffer=False)
        poller = select.poll()
        poller.register(self._sock, select.POLLIN)
        poller.register(self._wake_reader, select.POLLIN)
        try:
            while True:
                ready = {fd for fd, _ in poller.poll()}
                if self._wake_reader.fileno() in ready:
                    self._bury()
                if self._sock.fileno() in ready and not self._take_order():
                    return
        except ConnectionError:
            return  # the worker went while it was being told something
        finally:
            signal.set_wakeup_fd(-1)
            for pid in self._children:
                _kill_group(pid)

    def _bury(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wake_reader.recv(4096):
                pass
        while self._children:
            try:
                dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if dead is None:
                return
            _kill_group(dead.si_pid)  # before it is reaped: nobody else has its number yet
            pid, status = os.waitpid(dead.si_pid, 0)
            self._children.discard(pid)
            self._sock.send(orjson.dumps({"pid": pid, "status": status}))

    def _take_order(self) -> bool:
        data, fds, _, _ = socket.recv_fds(self._sock, _PACKET, 4)
        if not data:
            return False
        order: dict[str, Any] = orjson.loads(data)
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            news = {"id": order["id"], "error": str(error.strerror)}
        else:
            if pid == 0:
                self._become(_branch if order.get("branch") else _child, parent, fds)
            with contextlib.suppress(OSError):  # it has done so itself, or is gone
                os.setpgid(pid, pid)
            self._children.add(pid)
            news = {"id": order["id"], "pid": pid}
        for fd in fds:
            os.close(fd)
        self._sock.send(orjson.dumps(news))
        return True

    def _become(self, life: Callable[[Sequence[int]], None], parent: int, fds: Sequence[int]) -> NoReturn:
        """What the forked process does until its end."""
        status = 70
        try:
            die_with_parent(parent)
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            for end in (self._sock, self._wake_reader, self._wake_writer):
                end.close()
            for writer, stream in zip(fds[1:3], (1, 2), strict=True):
                os.dup2(writer, stream)
                os.close(writer)
            life(fds)
            status = 0
        except BaseException:  # noqa: BLE001 - supervision point: a fork must never return into the nursery's loop
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(status)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)


def _child(fds: Sequence[int]) -> None:
    # A task that eats the machine's memory is to be killed by the kernel before the worker is.
    with contextlib.suppress(OSError):
        score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(score, b"300")
        os.close(score)
    from linkspan.worker import child  # noqa: PLC0415 - preloaded, found in sys.modules

    child.main(socket.socket(fileno=fds[0]), fds[3])


def _branch(fds: Sequence[int]) -> None:
    sock = socket.socket(fileno=fds[0])
    first = sock.recv(_PACKET)
    if not first:
        return
    order = orjson.loads(first)
    use_location(order["location"])
    before = _traces()
    failed = _import(order["preload"])
    left = _traces() - before
    if left and not failed:
        # A thread is not there in a forked process; an open file or connection would be shared by all of them.
        failed = {name: f"importing it leaves behind {', '.join(sorted(left))}" for name in order["preload"]}
    _serve(sock, failed)


def _traces() -> set[str]:
    """Threads and open descriptors of this process."""
    found = {f"thread {thread.name}" for thread in Path("/proc/self/task").iterdir()}
    for fd in list(Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(OSError):  # the one that listed the folder is gone
            found.add(f"descriptor {fd.name} ({fd.readlink()})")
    return found


def _import(names: Sequence[str]) -> dict[str, str]:
    """Import modules; those that could not be, and why."""
    failed: dict[str, str] = {}
    for name in names:
        try:
            importlib.import_module(name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - supervision point: a plugin's module may raise anything
            failed[name] = traceback.format_exception_only(error)[-1].strip()[:_LONGEST_REASON]
    return failed


def _serve(sock: socket.socket, failed: dict[str, str]) -> None:
    gc.collect()
    gc.set_threshold(*_COLLECTING)
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.freeze()  # what is there now is shared with all children and must not be touched by their collectors
    try:
        sock.send(orjson.dumps({"ready": os.getpid(), "failed": failed}))
    except ConnectionError:
        return  # the worker went meanwhile, say because another part of it could not start
    _Nursery(sock).run()


def main(fd: int) -> None:
    """Serve the worker at the other end of socket ``fd`` until that end closes."""
    sock = socket.socket(fileno=fd)
    streams.keep()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the worker's business
    first = sock.recv(_PACKET)
    if not first:
        return
    order = orjson.loads(first)
    sys.path[:] = order["path"]
    set_levels(order["levels"])
    _serve(sock, _import(order["preload"]))
