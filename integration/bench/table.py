"""What was measured: figures by subject, their medians and ratios, and the page that shows them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SUBJECTS = ("original", "linkspan")


@dataclass
class Row:
    """One line of a table.

    Attributes:
        title: what is measured.
        unit: of the figures.
        target: what the ratio should reach, as text, or our own figure with its unit; empty when there is none.
        more_is_better: whether the ratio is ours/original (rates) or original/ours (seconds, megabytes).
        figures: every measured value by subject.
    """

    title: str
    unit: str
    target: str
    more_is_better: bool = False
    figures: dict[str, list[float]] = field(default_factory=lambda: {subject: [] for subject in SUBJECTS})

    def median(self, subject: str) -> float:
        """Median of a subject's figures."""
        return statistics.median(self.figures[subject])

    @property
    def ratio(self) -> float:
        """How many times better ours is."""
        ours, original = self.median("linkspan"), self.median("original")
        return ours / original if self.more_is_better else original / max(ours, 1e-9)

    @property
    def gain(self) -> str:
        """The ratio as text; none where the original's figure is a loss that came out as a gain."""
        return f"**{self.ratio:.1f} ×**" if self.median("original") > 0 else "—"

    @property
    def goal(self) -> str:
        """The target as text."""
        return (self.target if self.target.endswith("%") else f"{self.target} ×") if self.target else "—"

    def add(self, subject: str, value: float) -> None:
        """Note a figure, and show it."""
        self.figures[subject].append(value)
        say(f"  {self.title}: {value:,.3f} {self.unit}")


def table(rows: Mapping[str, Row]) -> str:
    """Those rows that were measured for both, as a table."""
    lines = ["| What | Original | Linkspan | Ratio | Target |", "|---|--:|--:|--:|--:|"]
    lines += [
        f"| {row.title} | {row.median('original'):,.2f} {row.unit} | {row.median('linkspan'):,.2f} {row.unit} "
        f"| {row.gain} | {row.goal} |"
        for row in rows.values()
        if all(row.figures.values())
    ]
    return "\n".join(lines)


def rewrite(page: Path, title: str, sections: Mapping[str, str]) -> None:
    """Put sections into the page, in place of those with the same heading; the others stay as they are."""
    text = page.read_text() if page.exists() else ""
    found = {}
    for part in text.split("\n## ")[1:]:
        heading, _, body = part.partition("\n")
        found[heading] = body.strip()
    merged = {**found, **{heading: body.strip() for heading, body in sections.items()}}
    body = "\n\n".join(f"## {heading}\n\n{text}" for heading, text in merged.items())
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(f"# {title}\n\n{body}\n")


def say(text: str) -> None:
    """One line of progress."""
    print(text, flush=True)
