"""Reading a file that somebody else names."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["LONGEST", "text_of"]

LONGEST: Final = 16 << 20
"""Bytes that are read at most: what a name stands for may have no end."""


def text_of(path: str | Path) -> str:
    """Content of a file in UTF-8, its newlines as they are.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no text, or too long.
    """
    with open(path, "rb") as file:  # noqa: PTH123 - a path of bytes that no path can have raises ValueError here
        data = file.read(LONGEST + 1)
    if len(data) > LONGEST:
        raise ValueError(f"it has more than {LONGEST} bytes")
    return data.decode("utf-8")
