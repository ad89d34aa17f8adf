"""Reads lines from a file that may still grow."""

from __future__ import annotations

import logging
import os
import re
import select
import time
from collections.abc import Sequence
from itertools import accumulate
from typing import Final, overload

from linkspan.api import ConnectError, DataError, Offset, SourceBatch, SourceRecord, SourceTask, schema
from linkspan_connectors.file.client import open_source
from linkspan_connectors.file.config import FileSourceConfig

__all__ = ["FILENAME", "POSITION", "FileStreamSourceTask"]

log = logging.getLogger(__name__)

FILENAME: Final = "filename"
POSITION: Final = "position"

_NO_POSITION: Final[Offset] = {POSITION: None}
"""Of lines of the standard input, which cannot be read again."""

_CHUNK_BYTES: Final = 1 << 18
_MOST_CHUNKS: Final = 64
"""Read in one poll: a long line must not keep the task from its stop or pause."""
_ENOUGH_CHUNKS: Final = 16
"""Read in one poll when there are lines: a batch of long ones must not take all the memory."""
_IDLE_SECONDS: Final = 0.25
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")


class _Positions(Sequence[Offset]):
    """Position after each line, worked out only for those that are asked for."""

    __slots__ = ("_ends",)

    def __init__(self, ends: Sequence[int]) -> None:
        self._ends = ends

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> Offset: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Offset]: ...
    def __getitem__(self, index: int | slice) -> Offset | Sequence[Offset]:
        if isinstance(index, slice):
            return _Positions(self._ends[index])
        return {POSITION: self._ends[index]}


class FileStreamSourceTask(SourceTask[FileSourceConfig]):
    """One record a line.

    ``position`` is the number of bytes up to and including a line's end. An unfinished last line waits for its end.
    """

    java_class = "org.apache.kafka.connect.file.FileStreamSourceTask"

    def start(self) -> None:
        """Nothing is opened before the first poll: the file may appear later."""
        self._file = self.config.file or ""
        self._descriptor: int | None = None
        self._begin: int | None = None
        self._position = 0
        self._pieces: list[bytes] = []
        """What was read of a line whose end has not come."""
        self._lines: list[bytes] = []
        self._edges: list[int] = []
        """Where the first line begins, and where each of them ends."""
        self._taken = 0
        self._warned = False

    def stop(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def poll(self) -> Sequence[SourceRecord] | None:
        """Up to ``batch.size`` lines, and so many if they are there: a poll may be a transaction."""
        if self._descriptor is None and not self._open():
            return None
        most = max(self.config.batch_size, 1)
        self._read_lines(most)
        begin, end = self._taken, min(self._taken + most, len(self._lines))
        if begin == end:
            return None
        values = self._decoded(begin, end)
        self._taken = end
        return SourceBatch(
            {FILENAME: self.config.file},
            _Positions(self._edges[begin + 1 : end + 1]) if self._file else [_NO_POSITION] * (end - begin),
            self.config.topic,
            values,
            schema.STRING,
            is_current=True,
        )

    def _open(self) -> bool:
        # Asked first: while the worker has no answer, nothing may be open that could be read from its beginning.
        if self._begin is None:
            self._begin = self._stored_position() if self._file else 0
        try:
            descriptor = open_source(self._file)
        except FileNotFoundError:
            if not self._warned:
                log.warning("Couldn't find file %s, waiting for it to be created", self.config.file)
                self._warned = True
            time.sleep(_IDLE_SECONDS)
            return False
        if self._begin:
            try:
                os.lseek(descriptor, self._begin, os.SEEK_SET)
            except (OSError, OverflowError) as error:
                os.close(descriptor)
                message = f"Cannot go on reading {self._file} at position {self._begin}: {error}"
                raise ConnectError(message) from error
        if self._file:
            log.info("Reading %s from position %d", self._file, self._begin)
        self._descriptor, self._position = descriptor, self._begin
        return True

    def _stored_position(self) -> int:
        offset = self.context.offset_reader.offset({FILENAME: self.config.file})
        position = None if offset is None else offset.get(POSITION)
        if position is None:
            return 0
        if not isinstance(position, int) or isinstance(position, bool):
            raise ConnectError(f"Offset position is the incorrect type: {position!r} for file {self.config.file}")
        return position

    def _read_lines(self, wanted: int) -> None:
        """Read until so many lines are at hand, or there is no more for now; wait a moment when there is nothing."""
        for count in range(_MOST_CHUNKS):
            at_hand = len(self._lines) - self._taken
            if at_hand >= wanted or (at_hand and count >= _ENOUGH_CHUNKS):
                return
            chunk = self._chunk(waits=not at_hand)
            if not chunk:
                if not at_hand:
                    time.sleep(_IDLE_SECONDS)
                return
            self._add(chunk)

    def _chunk(self, *, waits: bool) -> bytes:
        """What can be read at once; the next that comes out of a named pipe, if it is to be waited for."""
        assert self._descriptor is not None
        ready = (bool(self._file) and waits) or bool(select.select([self._descriptor], [], [], 0)[0])
        return os.read(self._descriptor, _CHUNK_BYTES) if ready else b""

    def _add(self, chunk: bytes) -> None:
        pieces = self._pieces
        if b"\n" in chunk or b"\r" in chunk or (pieces and pieces[-1].endswith(b"\r")):
            self._split(b"".join((*pieces, chunk)))
        else:
            pieces.append(chunk)

    def _split(self, data: bytes) -> None:
        # A final \r may be the first half of \r\n: it waits for one more character.
        held = 1 if data.endswith(b"\r") else 0
        body = data[:-1] if held else data
        if b"\r" in body:
            lines = _LINE_END.split(body)
            widths = [match.end() - match.start() for match in _LINE_END.finditer(body)]
        else:
            lines = body.split(b"\n")
            widths = []
        rest = lines.pop()
        rest += data[len(body) :]
        self._pieces = [rest] if rest else []
        if not lines:
            return
        sizes = [len(line) + 1 for line in lines] if not widths else map(int.__add__, map(len, lines), widths)
        edges = list(accumulate(sizes, initial=self._position))
        self._position = edges[-1]
        self._lines = self._lines[self._taken :] + lines
        self._edges = self._edges[self._taken : -1] + edges
        self._taken = 0

    def _decoded(self, begin: int, end: int) -> list[str]:
        # One decode and one split for the whole batch; \n cannot occur inside a line.
        lines = self._lines[begin:end]
        try:
            return b"\n".join(lines).decode().split("\n")
        except UnicodeDecodeError:
            raise self._not_text(lines, self._edges[begin:end]) from None

    def _not_text(self, lines: Sequence[bytes], starts: Sequence[int]) -> DataError:
        for line, start in zip(lines, starts, strict=True):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return DataError(
                    f"{self._file or 'The standard input'} is not UTF-8 at byte {start + error.start}: {error.reason} "
                    f"(0x{line[error.start]:02x}). Nothing was skipped; correct the file from that byte on, or set the "
                    f"connector's offset behind it"
                )
        raise AssertionError("every line is UTF-8, yet all of them together are not")
