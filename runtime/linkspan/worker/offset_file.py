"""The offset file of a standalone worker: a Java object stream of ``HashMap<byte[], byte[]>`` (spec/runtime.md 7.3).

A file written by either implementation is read by the other. Unlike the original, which truncates and writes, the new
content replaces the old in one step, so a crash leaves either of them. Where a file can be written but not replaced (it
is mounted by itself, or its folder belongs to somebody else), it is overwritten in place as the original does.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from linkspan.api.errors import CorruptStateError
from linkspan.worker.claim import Claim

__all__ = ["load", "save"]

_MAGIC: Final = bytes.fromhex("ACED0005")
_MAP: Final = (
    bytes.fromhex("73720011") + b"java.util.HashMap" + bytes.fromhex("0507DAC1C31660D1030002")
    + b"F\x00\x0aloadFactorI\x00\x09thresholdxp"
)  # fmt: skip
_LOAD_FACTOR: Final = bytes.fromhex("3F400000")
_ARRAY_CLASS: Final = bytes.fromhex("757200025B42ACF317F8060854E0020000") + b"xp"
_ARRAY_AGAIN: Final = bytes.fromhex("7571007E0002")
_NULL: Final = b"p"
_END: Final = b"x"
_IRREPLACEABLE: Final = frozenset({errno.EBUSY, errno.EACCES, errno.EPERM, errno.EROFS, errno.EXDEV})
_DEFAULT_MODE: Final = 0o666


class _Shape(Exception):  # noqa: N818 - never leaves this module
    """The bytes are not of the expected shape."""


def load(path: str | Path) -> dict[bytes, bytes | None]:
    """Read a file; a missing or empty one has no offsets.

    Raises:
        CorruptStateError: it is something else, or damaged; it is left as it is.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise CorruptStateError(f"Cannot read the offset file {path}: {error.strerror}") from error
    if not data:
        return {}
    try:
        return _Stream(data).read()
    except _Shape as error:
        raise CorruptStateError(
            f"The offset file {path} cannot be read: {error}. It was not changed; restore it, or move it away to start "
            "without offsets"
        ) from error


def save(path: str | Path, entries: Mapping[bytes, bytes | None], claim: Claim | None = None) -> None:
    """Replace the file; durable when it returns.

    Args:
        path: the file.
        entries: its new content.
        claim: on the file; then it is on the new one.

    Raises:
        OSError: it cannot be written; the old content is still there.
    """
    # A link goes on pointing where it did.
    target = Path(os.path.realpath(path))
    content = _written(entries)
    try:
        _replace(target, content, claim)
    except OSError as error:
        if error.errno not in _IRREPLACEABLE or not target.is_file():
            raise
        with target.open("r+b") as file:
            file.write(content)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())


def _replace(target: Path, content: bytes, claim: Claim | None) -> None:
    """Write a new file beside the old one, with its permissions, and give it the old one's name."""
    temporary = target.with_name(f"{target.name}.new")
    # What a crash left behind goes. Made anew, never followed: in a folder for everybody this could be a trap.
    temporary.unlink(missing_ok=True)
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _DEFAULT_MODE), "wb") as file:  # noqa: PTH123 - a descriptor
        try:
            with contextlib.suppress(FileNotFoundError):
                os.fchmod(file.fileno(), stat.S_IMODE(target.stat().st_mode))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            with contextlib.nullcontext() if claim is None else claim.passing_on(file.fileno()):
                temporary.replace(target)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _written(entries: Mapping[bytes, bytes | None]) -> bytes:
    buckets = 16
    while buckets * 3 // 4 < len(entries):
        buckets *= 2
    threshold = buckets * 3 // 4 if entries else 0
    parts = [_MAGIC, _MAP, _LOAD_FACTOR, struct.pack(">i", threshold)]
    parts.append(struct.pack(">BBii", 0x77, 8, buckets, len(entries)))
    first = True
    for content in (item for pair in entries.items() for item in pair):
        if content is None:
            parts.append(_NULL)
            continue
        parts += [_ARRAY_CLASS if first else _ARRAY_AGAIN, struct.pack(">i", len(content)), content]
        first = False
    return b"".join([*parts, _END])


class _Stream:
    """Reads one object stream."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def read(self) -> dict[bytes, bytes | None]:
        """All entries."""
        if self._take(4) != _MAGIC:
            raise _Shape("it is not a Java object stream")
        if self._data[self._at : self._at + len(_MAP)] != _MAP:
            raise _Shape(f"Expected HashMap but found {self._root()}")
        self._at += len(_MAP)
        self._take(8)  # load factor and threshold: the reader's own business
        if self._take(2) != b"\x77\x08":
            raise _Shape("the head of the map is damaged")
        _, count = struct.unpack(">ii", self._take(8))
        if count < 0:
            raise _Shape("the number of entries is negative")
        entries: dict[bytes, bytes | None] = {}
        for _ in range(count):
            key = self._array()
            value = self._array()
            if key is not None:
                entries[key] = value
        if self._take(1) != _END:
            raise _Shape("its end is missing")
        return entries

    def _array(self) -> bytes | None:
        mark = self._take(1)
        if mark == _NULL:
            return None
        self._at -= 1
        for head in (_ARRAY_AGAIN, _ARRAY_CLASS):
            if self._data.startswith(head, self._at):
                self._at += len(head)
                (length,) = struct.unpack(">i", self._take(4))
                if length < 0:
                    raise _Shape("a length is negative")
                return self._take(length)
        raise _Shape(f"byte {self._at} does not begin a byte array")

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) != count:
            raise _Shape(f"it ends after {len(self._data)} bytes, in the middle of an entry")
        self._at += count
        return taken

    def _root(self) -> str:
        if self._data[self._at : self._at + 2] != b"\x73\x72":
            return "something else"
        (length,) = struct.unpack_from(">H", self._data.ljust(self._at + 4, b"\x00"), self._at + 2)
        return self._data[self._at + 4 : self._at + 4 + length].decode("ascii", "replace")
