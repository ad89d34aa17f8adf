"""Part of ``make check``: no module is too long, and no module has a name that says nothing."""

from __future__ import annotations

import sys
from pathlib import Path

LONGEST = 800
SUFFIXES = frozenset({".py", ".c", ".h", ".java"})
EMPTY_NAMES = frozenset({"utils", "util", "common", "helpers", "helper", "base", "core", "manager", "misc"})
ROOT = Path(__file__).resolve().parents[1]


def complaints() -> list[str]:
    """One line for each module that breaks a rule."""
    found = []
    for folder in ("runtime", "connectors", "tests", "integration"):
        for path in sorted(p for p in (ROOT / folder).rglob("*") if p.suffix in SUFFIXES):
            lines = len(path.read_text().splitlines())
            name = path.relative_to(ROOT)
            if lines > LONGEST:
                found.append(f"{name}: {lines} lines, more than {LONGEST}; cut it along its concepts")
            if path.stem in EMPTY_NAMES:
                found.append(f"{name}: the name {path.stem} says nothing about what is inside")
    return found


if __name__ == "__main__":
    problems = complaints()
    print("\n".join(problems) or "modules: fine")
    sys.exit(bool(problems))
