"""The standard streams of a process that was started without some of them, as ``command >&- 2>&-`` does."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["open_missing"]


def open_missing() -> None:
    """Let closed standard streams lead nowhere.

    Must come before anything else is opened: a socket or file that gets the number of a standard stream would receive
    what this process and its children print.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number, which is this one
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - stays open as long as the process
