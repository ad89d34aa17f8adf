"""``connect-standalone -daemon …``: what the start scripts of Apache Kafka do with that option."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from linkspan.api.errors import ConfigError

__all__ = ["start_in_background"]


def start_in_background(name: str, module: str, arguments: Sequence[str]) -> None:
    """Start the same command detached from this terminal; its output goes to ``$LOG_DIR/connectStandalone.out``.

    Args:
        name: of the command; that of the file is made from it.
        module: that runs it.
        arguments: of the command.

    Raises:
        ConfigError: there is no place for the output.
    """
    first, *rest = name.split("-")
    output = Path(os.environ.get("LOG_DIR") or "logs") / f"{first}{''.join(map(str.capitalize, rest))}.out"
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with output.open("wb") as written:
            process = subprocess.Popen(  # noqa: S603 - this command with the arguments of its user
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        raise ConfigError(f"-daemon: cannot write {output}: {error.strerror}; set LOG_DIR to another folder") from error
    print(f"Started process {process.pid}; its output is in {output}")
