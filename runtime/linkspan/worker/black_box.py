"""The file in memory that a child shares with its worker, which outlives the child however that dies.

At its beginning the child notes what it is working on; behind that it writes the stack of its main thread when it is
asked to, or when it crashes. A note is written by one system call, and so it is there as a whole or not at all, even
when a SIGKILL comes in between. It is never sent: most notes are of no interest to anybody.
"""

from __future__ import annotations

import os
from typing import Any, Final

import orjson

__all__ = ["create", "note", "noted", "stack_size", "stack_text"]

_NOTE_BYTES: Final = 1 << 16
_STACK_BYTES: Final = 1 << 20
_TOO_LONG: Final = b"{}\n"


def create(name: str) -> int:
    """Make one; returns its descriptor. Raises OSError when the system has no room."""
    box = os.memfd_create(name.encode()[:200].decode("utf-8", "ignore"))
    os.truncate(box, _NOTE_BYTES)
    os.lseek(box, _NOTE_BYTES, os.SEEK_SET)
    return box


def note(box: int, what: object) -> None:
    """Replace the note of what is being worked on."""
    text = orjson.dumps(what, default=repr, option=orjson.OPT_APPEND_NEWLINE)
    os.pwrite(box, text if len(text) <= _NOTE_BYTES else _TOO_LONG, 0)


def noted(box: int) -> dict[str, Any]:
    """The last note; empty when there is none."""
    line, end, _ = os.pread(box, _NOTE_BYTES, 0).partition(b"\n")
    found = orjson.loads(line) if end else {}
    return found if isinstance(found, dict) else {}


def stack_size(box: int) -> int:
    """Bytes of all stacks that were written."""
    return os.fstat(box).st_size - _NOTE_BYTES


def stack_text(box: int, begin: int = 0) -> str:
    """Stacks that were written, without the first ``begin`` bytes of them."""
    return os.pread(box, _STACK_BYTES, _NOTE_BYTES + begin).decode("utf-8", "replace")
