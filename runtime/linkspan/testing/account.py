"""What was to arrive, and what did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Account"]

_SHOWN = 5


@dataclass(frozen=True)
class Account:
    """A comparison.

    Attributes:
        expected: how many records were to arrive.
        found: how many did, each as often as it did.
        missing: those that did not.
        duplicates: those that did more than once.
        unknown: those that nobody has sent.
    """

    expected: int
    found: int
    missing: tuple[str, ...]
    duplicates: tuple[str, ...]
    unknown: tuple[str, ...]

    @classmethod
    def of(cls, expected: Sequence[str], found: Iterable[str]) -> Account:
        """Compare."""
        counts = Counter(found)
        known = set(expected)
        return cls(
            expected=len(expected),
            found=counts.total(),
            missing=tuple(text for text in expected if text not in counts),
            duplicates=tuple(text for text in expected if counts[text] > 1),
            unknown=tuple(text for text in counts if text not in known),
        )

    def __str__(self) -> str:
        parts = [f"{self.found} found, {self.expected} expected"]
        for what in ("missing", "duplicates", "unknown"):
            texts: tuple[str, ...] = getattr(self, what)
            if texts:
                more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
                parts.append(f"{len(texts)} {what}: {', '.join(texts[:_SHOWN])}{more}")
        return "; ".join(parts)
