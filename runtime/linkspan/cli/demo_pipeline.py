"""What the demonstration runs: a file, a topic and a copy, the files that describe them, and how far they are.

The only place of the runtime that imports a connector: the file is invented by the datagen connector's templates, which
would have to be written twice otherwise.
"""

from __future__ import annotations

import itertools
import json
import os
import urllib.error
import urllib.request
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from linkspan.api import RetriableError, TopicPartition
from linkspan.config import properties
from linkspan.log.embedded import EmbeddedLog
from linkspan_connectors.datagen.templates import TEMPLATES, access_log_line, records

__all__ = ["Pipeline", "Progress", "append_lines"]

_CHUNK: Final = 1 << 20
_TEXT: Final = "org.apache.kafka.connect.storage.StringConverter"


@dataclass(frozen=True)
class Progress:
    """How far the pipeline is: records in the log, and records whose writing was committed."""

    written: int
    copied: int

    @property
    def lag(self) -> int:
        """Records in the log that the copy does not hold for certain yet."""
        return self.written - self.copied


@dataclass(frozen=True)
class Pipeline:
    """One pipeline of the demonstration.

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
        return f"demo-{zlib.crc32(os.fsencode(self.source)):08x}" if self.own else "demo"

    @property
    def copy(self) -> Path:
        """The file that the sink writes."""
        return self.state / f"{self.name}-copy{self.source.suffix or '.txt'}"

    @property
    def url(self) -> str:
        """Address of the REST API."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def worker_log(self) -> Path:
        """File with the output of the worker."""
        return self.state / "worker.log"

    def write_files(self) -> list[Path]:
        """Write the properties files of the worker and its two connectors; their paths, worker first."""
        worker = {
            "listeners": self.url,
            "key.converter": _TEXT,
            "value.converter": _TEXT,
            "offset.storage.file.filename": self.state / "offsets",
            "offset.flush.interval.ms": 1000,
            "task.shutdown.graceful.timeout.ms": 20000,
            "linkspan.data.dir": self.state / "log",
        }
        source = {"name": f"{self.name}-source", "connector.class": "FileStreamSource", "file": self.source}
        sink = {"name": f"{self.name}-sink", "connector.class": "FileStreamSink", "file": self.copy}
        contents: dict[str, dict[str, object]] = {
            "worker": worker,
            "source": {**source, "topic": self.name},
            "sink": {**sink, "topics": self.name},
        }
        paths = []
        for stem, content in contents.items():
            paths.append(self.state / f"{stem}.properties")
            properties.store(paths[-1], content)
        return paths

    # --- looking at it ------------------------------------------------------------------------------------------

    def progress(self) -> Progress:
        """Look into the log from outside; zeros as long as there is none."""
        if not (self.state / "log").exists():
            return Progress(0, 0)
        partition = TopicPartition(self.name, 0)
        admin = EmbeddedLog(str(self.state / "log")).admin({})
        try:
            if self.name not in admin.describe_topics([self.name]):
                return Progress(0, 0)
            written = admin.end_offsets([partition])[partition]
            return Progress(written, admin.group_offsets(f"connect-{self.name}-sink").get(partition, 0))
        except RetriableError:
            return Progress(0, 0)
        finally:
            admin.close()

    def healthy(self) -> bool:
        """Whether the worker has started and created both connectors."""
        answer = self._ask("/health")
        return answer is not None and answer.get("status") == "healthy"

    def failure(self) -> str | None:
        """Why a connector or a task has failed; None while all is well."""
        for name, entry in (self._ask("/connectors?expand=status") or {}).items():
            status = entry["status"]
            for part in (status["connector"], *status["tasks"]):
                if part["state"] == "FAILED":
                    *_, last = str(part.get("trace") or "it gave no reason").strip().splitlines()
                    return f"{name}: {last.partition('Error: ')[2] or last}"
        return None

    def all_copied(self, progress: Progress) -> bool:
        """Whether every whole line of the source has reached the copy."""
        return progress.lag == 0 and self._position() >= _whole_lines(self.source)

    def _position(self) -> int:
        answer = self._ask(f"/connectors/{self.name}-source/offsets")
        return sum(entry["offset"]["position"] for entry in answer["offsets"]) if answer is not None else 0

    def _ask(self, path: str) -> dict[str, Any] | None:
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=5) as answer:  # noqa: S310 - always our worker
                body = json.load(answer)
        except (urllib.error.URLError, OSError, ValueError):
            return None
        return body if isinstance(body, dict) else None

    def verdict(self) -> str:
        """What a comparison of source and copy says, in one sentence."""
        source, copy = self.source.stat().st_size, self.copy.stat().st_size if self.copy.exists() else 0
        if not _begins_alike(self.source, self.copy, copy):
            if _has_carriage_returns(self.source):
                return "The copy has the same lines; their ends \\r\\n or \\r are written as \\n."
            return f"The copy differs from the file; was one of them changed? To begin anew, remove {self.state}."
        if copy == source:
            return f"The copy equals the file byte for byte ({source:,} bytes)."
        rest = " A last line without an end waits for it." if copy == _whole_lines(self.source) else ""
        return f"The copy equals the first {copy:,} of the file's {source:,} bytes.{rest}"


def _whole_lines(file: Path) -> int:
    """Bytes up to and including the last line end that the source can be sure of."""
    with file.open("rb") as content:
        end = content.seek(0, os.SEEK_END)
        # a final \r may be the first half of \r\n
        until = end - 1 if end and _byte_at(file, end - 1) == b"\r" else end
        while until > 0:
            begin = max(0, until - _CHUNK)
            content.seek(begin)
            chunk = content.read(until - begin)
            found = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
            if found >= 0:
                return begin + found + 1
            until = begin
    return 0


def _byte_at(file: Path, position: int) -> bytes:
    with file.open("rb") as content:
        content.seek(position)
        return content.read(1)


def _begins_alike(one: Path, other: Path, size: int) -> bool:
    """Whether the first ``size`` bytes of two files are the same."""
    if size == 0:
        return True
    with one.open("rb") as left, other.open("rb") as right:
        while size > 0:
            wanted = min(size, _CHUNK)
            if left.read(wanted) != right.read(wanted):
                return False
            size -= wanted
    return True


def _has_carriage_returns(file: Path) -> bool:
    with file.open("rb") as content:
        return any(b"\r" in chunk for chunk in iter(lambda: content.read(_CHUNK), b""))


def append_lines(file: Path, begin: int, count: int) -> None:
    """Append lines of an invented access log; the same ones for the same numbers.

    Args:
        file: where to; may not exist yet.
        begin: number of the first line.
        count: how many.
    """
    rows = records(TEMPLATES["clickstream"], 1, begin)
    text = "".join(f"{access_log_line(row)}\n" for row in itertools.islice(rows, count))
    with file.open("a") as target:
        target.write(text)
