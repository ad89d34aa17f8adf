"""The function over values of a schema within itself, which is known when that of the whole schema is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Deferred"]


class Deferred:
    """Stands for a function that is being made.

    Attributes:
        function: what it calls in the end; None leaves values as they are.
    """

    __slots__ = ("function",)

    def __init__(self) -> None:
        self.function: Callable[[Any], Any] | None = None

    def __call__(self, value: Any) -> Any:  # noqa: ANN401 - any value
        """What the function makes of a value."""
        return value if self.function is None else self.function(value)
