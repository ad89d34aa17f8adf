"""Opens what the connectors read and write: a file, or the worker's own standard streams."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from linkspan.api import ConnectError, streams

__all__ = ["ends_inside_a_line", "open_sink", "open_source"]

_WRITE_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


def open_source(file: str) -> int:
    """Descriptor to read from; an empty name means the worker's standard input.

    Raises:
        FileNotFoundError: the file is not there (yet).
        ConnectError: it is there but cannot be read.
    """
    if not file:
        return streams.standard_input()
    try:
        return os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConnectError(f"Cannot read {file}: {error.strerror}") from error


def open_sink(file: str) -> int:
    """Descriptor to append to, the file is created if it is missing; an empty name means the worker's standard output.

    Raises:
        ConnectError: it cannot be written.
    """
    if not file:
        return streams.standard_output()
    try:
        return os.open(file, _WRITE_FLAGS, 0o666)
    except OSError as error:
        raise ConnectError(f"Cannot find or create file '{file}' to write to: {error.strerror}") from error


def ends_inside_a_line(file: str) -> bool:
    """Whether the last line of a regular file is unfinished."""
    path = Path(file)
    if not path.is_file() or path.stat().st_size == 0:
        return False
    with path.open("rb") as content:
        content.seek(-1, os.SEEK_END)
        return content.read(1) != b"\n"
