"""``linkspan demo``: a file through a real worker on the embedded log and out again, with live progress.

The worker is an ordinary standalone worker in a process of its own, started from ordinary properties files; this
command writes these, looks at the log from outside, and stops the worker again. All state lives in one folder, so a
second run goes on where the first one stopped.
"""

from __future__ import annotations

import itertools
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from linkspan.api import ConnectError, RetriableError, TopicPartition
from linkspan.log.embedded import EmbeddedLog
from linkspan.log.port import Admin
from linkspan_connectors.datagen.templates import TEMPLATES, access_log_line, records

__all__ = ["Demo", "run"]

_LINES: Final = 250_000
_LINES_PER_SECOND: Final = 500
_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 30.0
_TICK_SECONDS: Final = 0.5
_TICKS_OF_A_RATE: Final = 4


@dataclass(frozen=True)
class Demo:
    """One pipeline of the demonstration: a file, a topic, a copy.

    Attributes:
        state: folder that keeps everything.
        source: the file that is read.
        own: whether it is the user's own file, which we only read.
        port: port of the worker's REST API on the loopback interface.
    """

    state: Path
    source: Path
    own: bool
    port: int

    @property
    def name(self) -> str:
        """Topic, and stem of the connectors' names: one for each source file."""
        return f"demo-{zlib.crc32(str(self.source).encode()):08x}" if self.own else "demo"

    @property
    def copy(self) -> Path:
        """The file that the sink writes."""
        return self.state / f"{self.name}-copy{self.source.suffix or '.txt'}"

    @property
    def url(self) -> str:
        """Address of the REST API."""
        return f"http://127.0.0.1:{self.port}"

    def files(self) -> list[Path]:
        """Write the properties files of the worker and its two connectors; their paths, worker first."""
        text = "org.apache.kafka.connect.storage.StringConverter"
        worker = {
            "listeners": self.url,
            "key.converter": text,
            "value.converter": text,
            "offset.storage.file.filename": self.state / "offsets",
            "offset.flush.interval.ms": 1000,
            "linkspan.data.dir": self.state / "log",
        }
        source = {"name": f"{self.name}-source", "connector.class": "FileStreamSource", "file": self.source}
        sink = {"name": f"{self.name}-sink", "connector.class": "FileStreamSink", "file": self.copy}
        return [
            _write(self.state / "worker.properties", worker),
            _write(self.state / "source.properties", {**source, "topic": self.name}),
            _write(self.state / "sink.properties", {**sink, "topics": self.name}),
        ]


@dataclass(frozen=True)
class Progress:
    """How far the pipeline is: records in the log, and records whose writing was committed."""

    written: int
    copied: int

    @property
    def lag(self) -> int:
        """Records in the log that the copy does not hold for certain yet."""
        return self.written - self.copied


def run(file: Path | None, state: Path, seconds: float | None) -> int:
    """Run the demonstration until Ctrl-C, or for ``seconds``; the exit status."""
    if file is not None and not file.is_file():
        print(f"{file} is not a file that can be read; give FILE=path of an existing text file", file=sys.stderr)
        return 2
    state.mkdir(parents=True, exist_ok=True)
    demo = Demo(state.resolve(), (file or state / "access.log").resolve(), file is not None, _free_port())
    if not demo.own and not demo.source.exists():
        print(f"Inventing a web server's access log of {_LINES:,} lines …")
        _append(demo.source, 0, _LINES)
    before = _progress_of(demo) if (demo.state / "log").exists() else None
    with (demo.state / "worker.log").open("ab") as log:
        worker = subprocess.Popen(  # noqa: S603 - our own command with files that we wrote
            [str(Path(sys.executable).with_name("connect-standalone")), *map(str, demo.files())],
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return _watch(demo, worker, before, seconds)
    except KeyboardInterrupt:
        return 0
    finally:
        _stop(demo, worker)


def _watch(demo: Demo, worker: subprocess.Popen[bytes], earlier: Progress | None, seconds: float | None) -> int:
    if not _answers(demo, worker):
        print(f"The worker did not start; its log says why: {demo.state / 'worker.log'}", file=sys.stderr)
        return 3
    admin = EmbeddedLog(str(demo.state / "log")).admin({})
    begin = _progress(demo, admin)
    _introduce(demo, earlier)
    line = _lines_of(demo.source) if not demo.own else 0
    started = time.monotonic()
    # the sink commits once a second, so rates are taken over more than one tick
    seen = deque([(begin, started)], maxlen=_TICKS_OF_A_RATE)
    for tick in itertools.count(1):
        time.sleep(_TICK_SECONDS)
        if worker.poll() is not None:
            print(f"\nThe worker ended by itself; its log says why: {demo.state / 'worker.log'}", file=sys.stderr)
            return 3
        if not demo.own:
            _append(demo.source, line, int(_LINES_PER_SECOND * _TICK_SECONDS))
            line += int(_LINES_PER_SECOND * _TICK_SECONDS)
        now, moment = _progress(demo, admin), time.monotonic()
        before, then = seen[0]
        _show(now, before, moment - then, tick)
        seen.append((now, moment))
        if seconds is not None and moment - started >= seconds:
            break
    return 0


def _introduce(demo: Demo, earlier: Progress | None) -> None:
    print(f"\nA standalone worker runs on the embedded log (no broker needed). REST API: {demo.url}")
    print(f"  {demo.source}  →  topic {demo.name}  →  {demo.copy}")
    if earlier is not None and earlier.written:
        print(f"Going on where the last run stopped: {earlier.written:,} records in, {earlier.copied:,} out.")
    print("\nTry in another terminal:")
    print(f"  curl {demo.url}/connectors?expand=status")
    print(f"  curl {demo.url}/connectors/{demo.name}-source/offsets")
    print(f"  curl -X PUT {demo.url}/connectors/{demo.name}-sink/pause     (then …/resume)")
    more = "" if demo.own else f" {_LINES_PER_SECOND} lines a second are appended meanwhile, as by a busy server."
    print(f"\nCtrl-C stops it.{more}\n")
    print(f"{'records in':>14}{'per second':>14}{'records out':>14}{'per second':>14}{'lag':>12}")


def _show(now: Progress, before: Progress, elapsed: float, tick: int) -> None:
    rate_in, rate_out = (now.written - before.written) / elapsed, (now.copied - before.copied) / elapsed
    line = f"{now.written:>14,}{rate_in:>14,.0f}{now.copied:>14,}{rate_out:>14,.0f}{now.lag:>12,}"
    if sys.stdout.isatty():
        print(f"\r{line}", end="", flush=True)
    elif tick % 2 == 0:
        print(line, flush=True)


def _progress_of(demo: Demo) -> Progress:
    admin = EmbeddedLog(str(demo.state / "log")).admin({})
    try:
        return _progress(demo, admin)
    finally:
        admin.close()


def _progress(demo: Demo, admin: Admin) -> Progress:
    partition = TopicPartition(demo.name, 0)
    try:
        if demo.name not in admin.describe_topics([demo.name]):
            return Progress(0, 0)
        written = admin.end_offsets([partition])[partition]
        copied = admin.group_offsets(f"connect-{demo.name}-sink").get(partition, 0)
    except RetriableError:
        return Progress(0, 0)
    return Progress(written, copied)


def _answers(demo: Demo, worker: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and worker.poll() is None:
        try:
            with urllib.request.urlopen(f"{demo.url}/health", timeout=5) as answer:  # noqa: S310 - always our worker
                if json.load(answer)["status"] == "healthy":
                    return True
        except (urllib.error.URLError, OSError, ValueError, KeyError):
            pass
        time.sleep(0.05)
    return False


def _stop(demo: Demo, worker: subprocess.Popen[bytes]) -> None:
    print("\nStopping …", flush=True)
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        worker.terminate()
        try:
            worker.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
    finally:
        signal.signal(signal.SIGINT, previous)
    try:
        end = _progress_of(demo)
    except ConnectError as error:
        print(error.message, file=sys.stderr)
        return
    print(f"{end.written:,} records in, {end.copied:,} out, lag {end.lag:,}. Run it again: it goes on from here.")
    print(f"Compare: cmp {shlex.quote(str(demo.source))} {shlex.quote(str(demo.copy))}    State: {demo.state}")


def _append(file: Path, begin: int, count: int) -> None:
    rows: Iterator[dict[str, object]] = records(TEMPLATES["clickstream"], 1, begin)
    text = "".join(f"{access_log_line(row)}\n" for row in itertools.islice(rows, count))
    with file.open("a") as target:
        target.write(text)


def _lines_of(file: Path) -> int:
    with file.open("rb") as content:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: content.read(1 << 20), b""))


def _write(path: Path, properties: dict[str, object]) -> Path:
    # A backslash or a leading blank would be read as part of the grammar, not of the path.
    escaped = {key: str(value).replace("\\", "\\\\") for key, value in properties.items()}
    path.write_text("".join(f"{key}={value}\n" for key, value in escaped.items()))
    return path


def _free_port() -> int:
    wanted = int(os.environ.get("LINKSPAN_DEMO_PORT", "8083"))
    for port in (wanted, 0):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(candidate.getsockname()[1])
    raise ConnectError("No free port on 127.0.0.1")
