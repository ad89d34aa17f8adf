"""The record of a run: one verdict per case, for machines (JSON) and for people.

The JSON is described in docs/reference/conformance-record.md; ``format`` changes when a reader would have to.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import platform
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Literal

from linkspan import KAFKA_VERSION, __version__

__all__ = ["FORMAT", "CaseResult", "Report", "Verdict", "versions"]

FORMAT: Final = 1

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")

Verdict = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class CaseResult:
    """How one case ended.

    Attributes:
        name: of the case, stable over releases.
        verdict: how it ended.
        reason: why it failed or was skipped; empty when it passed.
        seconds: how long it took.
        details: counts of records, and whatever else belongs to the case.
    """

    name: str
    verdict: Verdict
    reason: str = ""
    seconds: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """How a connector did.

    Attributes:
        connector: its class.
        version: its version.
        direction: source or sink.
        guarantee: what it promises: AT_MOST_ONCE, AT_LEAST_ONCE or EXACTLY_ONCE.
        seed: with the same one, the same records and faults come again.
        started: when, in UTC.
        seconds: how long all cases took.
        cases: their results.
        versions: of everything that took part.
    """

    connector: str
    version: str
    direction: Literal["source", "sink"]
    guarantee: str
    seed: int
    started: str
    seconds: float
    cases: Sequence[CaseResult]
    versions: Mapping[str, str]

    @property
    def passed(self) -> bool:
        """Whether cases ran and none failed."""
        verdicts = {case.verdict for case in self.cases}
        return "failed" not in verdicts and "passed" in verdicts

    def case(self, name: str) -> CaseResult:
        """The result of one case; raises KeyError when there is none of that name."""
        found = {case.name: case for case in self.cases}
        return found[name]

    def to_json(self) -> str:
        """The machine-readable record."""
        body = {"format": FORMAT, "verdict": "passed" if self.passed else "failed", **asdict(self)}
        return json.dumps(body, indent=2, default=str)

    def text(self) -> str:
        """A few lines for people: what failed first, then what was left out, then the sums."""
        lines = [f"{self.connector} {self.version} ({self.direction}), {self.guarantee.lower().replace('_', ' ')}"]
        for verdict in ("failed", "skipped"):
            lines += [f"  {verdict:7} {case.name}: {case.reason}" for case in self.cases if case.verdict == verdict]
        counts = {v: sum(case.verdict == v for case in self.cases) for v in ("passed", "failed", "skipped")}
        sums = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
        return "\n".join([*lines, f"  {sums} in {self.seconds:.1f} s, seed {self.seed}"])


def versions(connector: type[object]) -> dict[str, str]:
    """Versions of runtime, language and system, of the package a connector is from, and of what that requires."""
    return {
        "linkspan": __version__,
        "kafka_connect": KAFKA_VERSION,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.platform(),
        **_packages(connector),
    }


def _packages(connector: type[object]) -> dict[str, str]:
    found: dict[str, str] = {}
    module = Path(inspect.getfile(connector)).resolve()
    for name in set(metadata.packages_distributions().get(connector.__module__.partition(".")[0], ())):
        distribution = metadata.distribution(name)
        files = [file for file in distribution.files or () if file.name == module.name]
        if module not in (Path(str(distribution.locate_file(file))).resolve() for file in files):
            continue  # another package has a module of that name
        found[name] = distribution.version
        for requirement in distribution.requires or ():
            required = _NAME.match(requirement)
            if required is not None:
                with contextlib.suppress(metadata.PackageNotFoundError):  # of an extra that is not installed
                    found[required[0]] = metadata.version(required[0])
    return dict(sorted(found.items()))
