"""The cases of the conformance kit: each tries one promise, on a fresh connector of its own."""

from __future__ import annotations

from linkspan.testing.cases import configuration, delivery, disturbances, kills, offsets, sharing, stops
from linkspan.testing.cases.case import Case

__all__ = ["CASES", "Case"]

CASES: tuple[Case, ...] = (
    *configuration.CASES,
    *delivery.CASES,
    *stops.CASES,
    *kills.CASES,
    *disturbances.CASES,
    *sharing.CASES,
    *offsets.CASES,
)
