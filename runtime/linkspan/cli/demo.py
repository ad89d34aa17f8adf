"""``linkspan demo``: a file through a real worker on the embedded log and out again, with live progress.

The worker is an ordinary standalone worker in a process of its own, started from ordinary properties files; this
command writes these, looks at the log from outside, and stops the worker again. All state lives in one folder, so a
second run goes on where the first one stopped. On a terminal it goes on until Ctrl-C; elsewhere it ends when
everything is copied.

Exit statuses: 0 copied or stopped, 2 there is nothing to copy or no place for it, 3 the worker or a connector failed.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import Final, NoReturn

from linkspan.api import ConnectError
from linkspan.cli.demo_pipeline import Pipeline, Progress, append_lines

__all__ = ["run"]

_LINES: Final = 100_000
_LINES_PER_SECOND: Final = 500
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 40.0
_TICK_SECONDS: Final = 0.5
_TICKS_OF_A_RATE: Final = 4
_TICKS_OF_A_CHECK: Final = 4
_PORT: Final = "LINKSPAN_DEMO_PORT"


class _CannotRun(Exception):  # noqa: N818 - carries an exit status, is no error of its own
    """Ends the command with a status and one message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def run(file: Path | None, state: Path, seconds: float | None) -> int:
    """Run the demonstration until Ctrl-C, until all is copied, or for ``seconds``; the exit status."""
    interrupt = _Interrupt()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        _check(file)
        lock = _locked(state)
        pipeline = Pipeline(state.resolve(), (file or state / "access.log").resolve(), file is not None, _free_port())
        if not pipeline.own and not pipeline.source.exists():
            _invent(pipeline.source)
        earlier = pipeline.progress()
        worker = _start(pipeline, lock)
        try:
            _Show(pipeline, worker, earlier, interrupt, seconds).watch()
        finally:
            _stop(pipeline, worker)
    except (_CannotRun, ConnectError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return error.status if isinstance(error, _CannotRun) else 2
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        # whoever read our output has enough; Python would try to write the rest of it once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return 0


class _Interrupt:
    """Handles signals that end the command.

    Attributes:
        came: whether one has come; the exception is lost when it falls into the end of an object's life.
    """

    def __init__(self) -> None:
        self.came = False

    def __call__(self, *_: object) -> NoReturn:
        self.came = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raise once more what may have been lost."""
        if self.came:
            raise KeyboardInterrupt


# --- before ---------------------------------------------------------------------------------------------------------


def _check(file: Path | None) -> None:
    """Refuse a file that cannot be copied."""
    if file is None:
        return
    hint = "give FILE=path of a text file"
    try:
        if file.is_dir():
            raise _CannotRun(2, f"{file} is a directory; {hint}")
        if not file.exists():
            raise _CannotRun(2, f"{file} does not exist; {hint}")
        if not file.is_file():
            raise _CannotRun(2, f"{file} is no ordinary file; {hint}")
        with file.open("rb") as content:
            if not content.read(1):
                raise _CannotRun(2, f"{file} is empty, there is nothing to copy; {hint}")
    except OSError as error:
        raise _CannotRun(2, f"{file} cannot be read: {error.strerror}; {hint}") from error


def _locked(state: Path) -> int:
    """Make the folder and claim it; the descriptor holds the claim, here and in the worker that inherits it."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        lock = os.open(state / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise _CannotRun(2, f"{state} cannot keep the demo's state: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(lock, 100, 0).decode().strip()
        raise _CannotRun(
            2, f"a demo runs on {state} already ({owner}); stop it, or give another folder with --state"
        ) from None
    return lock


def _free_port() -> int:
    text = os.environ.get(_PORT, "8083")
    if not text.isdecimal() or int(text) > 65535:
        raise _CannotRun(2, f"{_PORT}={text} is no port; give a number up to 65535")
    for port in (int(text), 0):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                print(f"Port {port} is in use; the REST API gets another one. {_PORT}=… says which.")
                continue
            return int(candidate.getsockname()[1])
    raise _CannotRun(2, "there is no free port on 127.0.0.1")


def _invent(file: Path) -> None:
    print(f"Inventing a web server's access log of {_LINES:,} lines …", flush=True)
    unfinished = file.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    append_lines(unfinished, 0, _LINES)
    unfinished.rename(file)


# --- the worker -----------------------------------------------------------------------------------------------------


def _start(pipeline: Pipeline, lock: int) -> subprocess.Popen[bytes]:
    with pipeline.worker_log.open("ab") as log:
        worker = subprocess.Popen(  # noqa: S603 - our own command with files that we wrote
            [str(Path(sys.executable).with_name("connect-standalone")), *map(str, pipeline.write_files())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(lock,),
        )
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"its worker is process {worker.pid}\n".encode(), 0)
    return worker


def _stop(pipeline: Pipeline, worker: subprocess.Popen[bytes]) -> None:
    """End the worker before anything else can go wrong, then say where things stand."""
    worker.terminate()
    try:
        print("\nStopping …", flush=True)
        worker.wait(_STOP_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        worker.kill()
    finally:
        worker.wait()
    end = pipeline.progress()
    print(f"{end.written:,} records in, {end.copied:,} out, lag {end.lag:,}. {pipeline.verdict()}")
    print(f"Run it again: it goes on from here. To begin anew: rm -r {shlex.quote(str(pipeline.state))}")
    print(f"See for yourself: cmp {shlex.quote(str(pipeline.source))} {shlex.quote(str(pipeline.copy))}")


class _Show:
    """What the user sees while it runs.

    Args:
        pipeline: what runs.
        worker: the worker that runs it.
        earlier: what earlier runs did.
        interrupt: knows whether this is to end.
        seconds: after which it ends, or None.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        worker: subprocess.Popen[bytes],
        earlier: Progress,
        interrupt: _Interrupt,
        seconds: float | None,
    ) -> None:
        self._pipeline = pipeline
        self._worker = worker
        self._earlier = earlier
        self._interrupt = interrupt
        self._seconds = seconds
        self._terminal = sys.stdout.isatty()
        self._lines = 0

    def watch(self) -> None:
        """Show progress to the end.

        Raises:
            _CannotRun: the worker or a connector failed.
        """
        self._await_start()
        self._introduce()
        began = time.monotonic()
        # the sink commits once a second, so rates are taken over more than one tick
        seen = deque([(self._earlier, began)], maxlen=_TICKS_OF_A_RATE)
        copied = False
        tick = 0
        while self._seconds is None or time.monotonic() - began < self._seconds:
            time.sleep(_TICK_SECONDS)
            self._interrupt.check()
            tick += 1
            if tick % _TICKS_OF_A_CHECK == 0 or self._worker.poll() is not None:
                self._check()
            now, moment = self._pipeline.progress(), time.monotonic()
            before, then = seen[0]
            seen.append((now, moment))
            arrived = not copied and self._pipeline.all_copied(now)
            self._line(now, before, moment - then, shown=tick % 2 == 0 or arrived)
            if arrived:
                copied = True
                self._announce(now, moment - began)
                if not self._terminal:
                    return
            if copied and not self._pipeline.own:
                append_lines(self._pipeline.source, self._lines, int(_LINES_PER_SECOND * _TICK_SECONDS))
                self._lines += int(_LINES_PER_SECOND * _TICK_SECONDS)

    def _await_start(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._pipeline.healthy():
            if self._worker.poll() is not None or time.monotonic() > deadline:
                raise self._failed("the worker did not start")
            time.sleep(0.05)
            self._interrupt.check()

    def _check(self) -> None:
        if self._worker.poll() is not None:
            raise self._failed("the worker ended by itself")
        failure = self._pipeline.failure()
        if failure is not None:
            raise self._failed(failure)

    def _failed(self, what: str) -> _CannotRun:
        return _CannotRun(3, f"{what}\nThe worker's log has more: {self._pipeline.worker_log}")

    def _introduce(self) -> None:
        pipeline, earlier = self._pipeline, self._earlier
        print(f"\nA standalone worker runs on the embedded log (no broker needed). REST API: {pipeline.url}")
        print(f"  {pipeline.source}  →  topic {pipeline.name}  →  {pipeline.copy}")
        if earlier.written:
            print(f"Going on where the last run stopped: {earlier.written:,} records in, {earlier.copied:,} out.")
        print("\nTry in another terminal (the last one pauses the copy and lets the lag grow; …/resume ends that):")
        print(f"  curl '{pipeline.url}/connectors?expand=status'")
        print(f"  curl {pipeline.url}/connectors/{pipeline.name}-source/offsets")
        print(f"  curl -X PUT {pipeline.url}/connectors/{pipeline.name}-sink/pause")
        print(f"\n{'records in':>14}{'per second':>14}{'records out':>14}{'per second':>14}{'lag':>12}", flush=True)

    def _line(self, now: Progress, before: Progress, elapsed: float, *, shown: bool) -> None:
        rate_in, rate_out = (now.written - before.written) / elapsed, (now.copied - before.copied) / elapsed
        line = f"{now.written:>14,}{rate_in:>14,.0f}{now.copied:>14,}{rate_out:>14,.0f}{now.lag:>12,}"
        if self._terminal:
            print(f"\r{line}", end="", flush=True)
        elif shown:
            print(line, flush=True)

    def _announce(self, now: Progress, seconds: float) -> None:
        new = now.copied - self._earlier.copied
        did = f"All {new:,} lines are copied, {seconds:.1f} s after the start." if new else "Nothing new to copy."
        if not self._terminal:
            print(did, flush=True)
            return
        if self._pipeline.own:
            more = "Lines that are appended to the file follow at once."
        else:
            more = f"Now {_LINES_PER_SECOND} lines a second are appended, as by a busy server."
            self._lines = _count_lines(self._pipeline.source)
        print(f"\n{did}\n{more} Ctrl-C stops it.", flush=True)


def _count_lines(file: Path) -> int:
    with file.open("rb") as content:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: content.read(1 << 20), b""))
