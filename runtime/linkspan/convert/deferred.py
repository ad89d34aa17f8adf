"""The function over values of a schema within itself, which is known when that of the whole schema is."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

__all__ = ["Deferrals", "Deferred"]


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


class Deferrals:
    """The functions that are being made in one run, each for a place."""

    def __init__(self) -> None:
        self._open: dict[Hashable, Deferred] = {}

    def made(self, place: Hashable, make: Callable[[], Callable[[Any], Any]]) -> Callable[[Any], Any]:
        """What ``make`` makes; what stands for it, when it is asked for while it makes it."""
        if place in self._open:
            return self._open[place]
        deferred = self._open[place] = Deferred()
        deferred.function = make()
        del self._open[place]
        return deferred.function
