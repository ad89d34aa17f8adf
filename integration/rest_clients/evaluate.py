"""Runs in the environment of a client written in Python and evaluates what a test sends; knows nothing of the project.

One line of JSON each way. ``{"setup": statements}`` or ``{"expression": one expression}``, both with ``values`` to be
used as variables; ``await`` is allowed. Answers are ``{"value": …}`` or ``{"error": …}``.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import os
import sys
from types import CodeType
from typing import Any


def main() -> None:
    """Answer until the input ends."""
    # A client may print; only answers belong on the output that the test reads.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    names: dict[str, Any] = {}
    with asyncio.Runner() as runner:
        for line in sys.stdin.buffer:
            request = json.loads(line)
            names.update(request["values"])
            try:
                text = json.dumps({"value": evaluate(runner, code_of(request), names)})
            except Exception as error:  # noqa: BLE001 - a test wants to see whatever a client raises
                text = json.dumps({"error": f"{type(error).__name__}: {error}"})
            answers.write(text + "\n")
            answers.flush()


def code_of(request: dict[str, Any]) -> CodeType:
    """Compiled source of a request."""
    source, mode = (request["setup"], "exec") if "setup" in request else (request["expression"], "eval")
    code: CodeType = compile(source, "<test>", mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return code


def evaluate(runner: asyncio.Runner, code: CodeType, names: dict[str, Any]) -> object:
    """Value of the code; a coroutine is awaited."""
    value = eval(code, names)
    return runner.run(awaited(value)) if inspect.isawaitable(value) else value


async def awaited(value: Any) -> object:
    """What an awaitable gives."""
    return await value


if __name__ == "__main__":
    main()
