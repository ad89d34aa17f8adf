"""What a case is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from linkspan.testing.trial import Trial

__all__ = ["Case"]


@dataclass(frozen=True)
class Case:
    """One promise and how it is tried.

    Attributes:
        name: stable, with dots: group and promise.
        run: tries it; raises CaseFailedError or CaseSkippedError.
        directions: sources, sinks or both.
    """

    name: str
    run: Callable[[Trial[Any]], None]
    directions: tuple[Literal["source", "sink"], ...] = ("source", "sink")
