"""Measured values in the text format of Prometheus.

The format is a few lines of text, so it is written here; a library would bring its own registry of live values, while
ours are known to the tasks and put together when somebody asks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

__all__ = ["CONTENT_TYPE", "Family", "labels", "render"]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""Media type of what :func:`render` returns."""

Kind = Literal["counter", "gauge"]


@dataclass(slots=True)
class Family:
    """All values of one name.

    Attributes:
        name: of letters, digits and underscores.
        kind: a counter only grows, until what it counts begins anew.
        description: one line.
        samples: labels as :func:`labels` writes them, and the value.
    """

    name: str
    kind: Kind
    description: str
    samples: list[tuple[str, float]] = field(default_factory=list)

    def add(self, value: float, label_text: str = "") -> None:
        """Add a value."""
        self.samples.append((label_text, value))


def labels(**values: object) -> str:
    """Labels with their values, which may be any text."""
    return ",".join(f'{name}="{_escaped(str(value))}"' for name, value in values.items())


def render(families: Iterable[Family]) -> str:
    """The whole text; families without values are left out."""
    lines: list[str] = []
    for family in families:
        if not family.samples:
            continue
        name = family.name
        description = family.description.replace("\\", r"\\").replace("\n", r"\n")
        lines += (f"# HELP {name} {description}", f"# TYPE {name} {family.kind}")
        lines += (
            f"{name}{{{label_text}}} {_number(value)}" if label_text else f"{name} {_number(value)}"
            for label_text, value in family.samples
        )
    return "\n".join([*lines, ""])


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    if isinstance(value, int):
        return str(int(value))
    if math.isfinite(value):
        return repr(value)
    if math.isnan(value):
        return "NaN"
    return "+Inf" if value > 0 else "-Inf"
