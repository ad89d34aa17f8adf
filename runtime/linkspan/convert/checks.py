"""Checks of values on their way to libraries that would write something else instead of saying that they do not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from linkspan.api import DataError, Type

__all__ = ["INT_BITS", "boolean", "text", "whole"]

INT_BITS: Final = {Type.INT8: 8, Type.INT16: 16, Type.INT32: 32, Type.INT64: 64}


def boolean(value: Any) -> Any:  # noqa: ANN401 - checked here
    """A boolean and nothing else.

    Raises:
        DataError: it is another type.
    """
    if value is True or value is False:
        return value
    raise DataError(f"expected BOOLEAN, found {type(value).__name__}")


def text(value: Any) -> Any:  # noqa: ANN401 - checked here
    """A text and nothing else.

    Raises:
        DataError: it is another type.
    """
    if isinstance(value, str):
        return value
    raise DataError(f"expected STRING, found {type(value).__name__}")


def whole(kind: Type) -> Callable[[Any], Any]:
    """A check for whole numbers of a type, INT8 to INT64; it raises DataError for anything else."""
    bits, title = INT_BITS[kind], kind.value
    least, most = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def check(value: Any) -> Any:  # noqa: ANN401 - checked here
        if type(value) is int and least <= value <= most:
            return value
        if not isinstance(value, int) or isinstance(value, bool):
            raise DataError(f"expected {title}, found {type(value).__name__}")
        if least <= value <= most:
            return int(value)
        raise DataError(f"{value} is out of the range of {title}")

    return check
