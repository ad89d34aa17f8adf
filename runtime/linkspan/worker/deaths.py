"""What tasks were working on when their processes died, counted until a record is found that kills them.

The book of a sink is kept by connector: the partition whose record killed one task may be read by another one next.
That of a source is kept by task. Two deaths belong together when they share records in flight; what they share is what
is suspected. After the third one, whoever restarts tasks, the suspects are taken one by one
(:mod:`linkspan.task.suspects`).

It lasts as long as the worker does. A change of the connector's configuration, other than in how errors are handled,
may be the cure: then culprits are only suspected again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from linkspan.task.spec import TaskSpec
from linkspan.task.suspects import NOBODY, AnySpan, Culprit, Suspects, read_span

__all__ = ["Deaths", "described"]

_ENOUGH: Final = 3
_MOST: Final = 100
"""Suspicions and culprits that are remembered of a connector; older ones are forgotten."""
_SHOWN: Final = 20
_NO_CURE: Final = ("errors.", "linkspan.")
"""Keys that do not change what is done with a record."""


@dataclass
class _Suspicion:
    spans: list[AnySpan]
    deaths: int = 1


@dataclass
class _Case:
    """What is known of one sink, or one task of a source."""

    treatment: Mapping[str, str]
    suspicions: list[_Suspicion] = field(default_factory=list)
    culprits: list[Culprit] = field(default_factory=list)


class Deaths:
    """The book of one worker."""

    def __init__(self) -> None:
        self._cases: dict[tuple[str, int], _Case] = {}

    def begins(self, spec: TaskSpec) -> None:
        """A user or the group of workers has a task begin, perhaps with another configuration."""
        case = self._cases.get(_key(spec))
        if case is None:
            return
        treatment = _treatment(spec)
        if treatment != case.treatment:
            case.treatment = treatment
            case.suspicions += [_Suspicion([culprit.span], _ENOUGH) for culprit in case.culprits]
            case.culprits.clear()

    def suspects(self, spec: TaskSpec) -> Suspects:
        """What the next process of a task has to be told."""
        case = self._cases.get(_key(spec))
        if case is None:
            return NOBODY
        spans = [span for each in case.suspicions if each.deaths >= _ENOUGH for span in each.spans]
        return Suspects(tuple(spans), tuple(case.culprits))

    def died(self, spec: TaskSpec, work: Mapping[str, Any], how: str) -> str:
        """Count a death.

        Args:
            spec: the task.
            work: what the process had noted.
            how: it ended.

        Returns:
            lines for the trace that name the records in flight; empty when there were none.
        """
        spans = _spans(work)
        if not spans:
            return ""
        case = self._cases.setdefault(_key(spec), _Case(_treatment(spec)))
        said = described(work)
        if work["alone"] and sum(span.size for span in spans) == 1:
            self._convict(case, Culprit(spans[0], work["call"], how))
            return f"{said}. It was alone: this record is at fault. From now on errors.tolerance decides about it"
        suspicion = self._suspicion(case, spans, alone=work["alone"])
        times = "once" if suspicion.deaths == 1 else f"{suspicion.deaths} times"
        if suspicion.deaths < _ENOUGH:
            return f"{said}. Processes have died {times} there; after {_ENOUGH} times the records are taken one by one"
        return f"{said}. Processes have died {times} there: the next one takes the records one by one"

    @staticmethod
    def _convict(case: _Case, culprit: Culprit) -> None:
        for suspicion in case.suspicions:
            left = (span.beyond(culprit.span) for span in suspicion.spans)
            suspicion.spans = [span for span in left if span is not None]
        case.suspicions = [suspicion for suspicion in case.suspicions if suspicion.spans]
        case.culprits = [*case.culprits, culprit][-_MOST:]

    @staticmethod
    def _suspicion(case: _Case, spans: list[AnySpan], *, alone: bool) -> _Suspicion:
        for suspicion in case.suspicions:
            shared = _shared(suspicion.spans, spans)
            if shared:
                # of suspects that do not come alone, any may be at fault that the task holds
                suspicion.spans = spans if alone else shared
                suspicion.deaths += 1
                return suspicion
        new = _Suspicion(spans)
        case.suspicions = [*case.suspicions, new][-_MOST:]
        return new

    def passed(self, spec: TaskSpec, spans: Iterable[Sequence[Any]]) -> None:
        """A task is done with these records."""
        case = self._cases.get(_key(spec))
        if case is None:
            return
        passed = [read_span(span) for span in spans]
        case.culprits = [each for each in case.culprits if not any(map(each.span.passed_by, passed))]
        for suspicion in case.suspicions:
            suspicion.spans = [span for span in suspicion.spans if not any(map(span.passed_by, passed))]
        case.suspicions = [suspicion for suspicion in case.suspicions if suspicion.spans]
        if not case.culprits and not case.suspicions:
            del self._cases[_key(spec)]

    def forget(self, connector: str) -> None:
        """Its offsets were altered: records come again because somebody wants that."""
        for key in [key for key in self._cases if key[0] == connector]:
            del self._cases[key]


def described(work: Mapping[str, Any]) -> str:
    """Names the records that were in flight; empty when there were none."""
    spans = _spans(work)
    if not spans:
        return ""
    shown = ", ".join(map(str, spans[:_SHOWN]))
    more = f", and {len(spans) - _SHOWN} more" if len(spans) > _SHOWN else ""
    return f"In flight ({work['call']}): {shown}{more}"


def _spans(work: Mapping[str, Any]) -> list[AnySpan]:
    return [read_span(span) for span in work.get("spans", ())]


def _shared(one: Iterable[AnySpan], other: Sequence[AnySpan]) -> list[AnySpan]:
    """Records that are in both."""
    return [shared for a in one for b in other if (shared := a.shared(b)) is not None]


def _key(spec: TaskSpec) -> tuple[str, int]:
    return spec.connector, spec.task if spec.kind == "source" else -1


def _treatment(spec: TaskSpec) -> dict[str, str]:
    return {key: value for key, value in spec.connector_config.items() if not key.startswith(_NO_CURE)}
