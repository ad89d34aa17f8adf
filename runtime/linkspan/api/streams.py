"""Standard input and output of the worker, for connectors that read or write them.

A task's own standard streams are not these: what it prints becomes lines of the worker's log.
"""

from __future__ import annotations

import os
from typing import Final

from linkspan.api.errors import ConnectError

__all__ = ["keep", "standard_input", "standard_output"]

_NAMES: Final = ("standard input", "standard output")
_kept: list[int | None] = [0, 1]


def keep() -> None:
    """Hold on to this process's streams for those that are forked from it; called by the runtime, once."""
    for number in (0, 1):
        try:
            _kept[number] = os.dup(number)
        except OSError:  # the worker was started with this stream closed
            _kept[number] = None


def standard_input() -> int:
    """A new descriptor of the worker's standard input.

    It shares its modes with the worker's terminal, so wait for input with ``select`` and leave it blocking.

    Raises:
        ConnectError: the worker has none.
    """
    return _duplicate(0)


def standard_output() -> int:
    """A new descriptor of the worker's standard output.

    Raises:
        ConnectError: the worker has none.
    """
    return _duplicate(1)


def _duplicate(number: int) -> int:
    kept = _kept[number]
    if kept is None:
        raise ConnectError(f"The worker was started without a {_NAMES[number]}")
    try:
        return os.dup(kept)
    except OSError as error:
        raise ConnectError(f"Cannot use the worker's {_NAMES[number]}: {error.strerror}") from error
