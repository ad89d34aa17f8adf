"""An application in a process of its own, which a test may kill."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from integration.services.ibmmq.application import MQError

__all__ = ["RemoteApplication"]

_ROOT: Final = Path(__file__).resolve().parents[3]
_LOOP: Final = """
import ast, sys
from integration.services.ibmmq.application import Application, MQError
names = {"Application": Application}

def plain(value):
    try:
        return ast.literal_eval(repr(value))
    except (SyntaxError, ValueError):
        return None

for line in sys.stdin:
    try:
        source = eval(line)
        try:
            answer = ("value", plain(eval(source, names)))
        except SyntaxError:
            exec(source, names)
            answer = ("value", None)
    except MQError as error:
        answer = ("error", error.args[0], error.completion, error.reason)
    print(ascii(answer), flush=True)
"""


class RemoteApplication:
    """A process with a Python binding; values that are not plain ones come back as None.

    Args:
        environment: variables that lead its binding to a queue manager.
        path: folders to import from, in addition.
    """

    def __init__(self, environment: Mapping[str, str], *path: str) -> None:
        given = {**os.environ, **environment, "PYTHONPATH": ":".join([str(_ROOT), *path])}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LOOP], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=given
        )

    def begin(self, source: str) -> None:
        """Starts to evaluate an expression, or run a statement, without waiting for it."""
        assert self._process.stdin is not None
        self._process.stdin.write(ascii(source) + "\n")
        self._process.stdin.flush()

    def end(self) -> Any:
        """The value of what was begun.

        Raises:
            MQError: a call failed.
            RuntimeError: the process is gone, or there was another error, which it has printed.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the application ended with {self._process.wait()}")
        kind, *values = ast.literal_eval(line)
        if kind == "error":
            text, completion, reason = values
            raise MQError(text, completion, reason)
        return values[0]

    def run(self, source: str) -> Any:
        """Evaluates an expression, or runs a statement."""
        self.begin(source)
        return self.end()

    def reason(self, source: str) -> int:
        """The reason of a call that fails; 0 if it does not."""
        try:
            self.run(source)
        except MQError as error:
            return error.reason
        return 0

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait(30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
