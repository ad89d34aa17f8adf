"""What children of the tests of branches do; they find this folder on their path."""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import Any


def where(_port: Any, args: dict[str, str]) -> dict[str, Any]:
    """From which process this one comes, and whether a module was there at its birth."""
    return {"parent": os.getppid(), "imported": args["module"] in sys.modules}


def wait(_port: Any, _args: dict[str, str]) -> None:
    threading.Event().wait()


def levels(_port: Any, args: dict[str, list[str]]) -> dict[str, int]:
    """Levels of loggers at its birth; the root's name is empty."""
    return {name: logging.getLogger(name or None).level for name in args["loggers"]}


def patience(_port: Any, _args: dict[str, str]) -> float:
    """Seconds for which a thread that wants to go on waits for one that is busy."""
    return sys.getswitchinterval()
