"""Schemas as callers send them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from linkspan.registry.state import AVRO, Reference

__all__ = ["LATEST", "Proposal"]

LATEST = -1
"""Stands for the latest version."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A schema that is to be registered, compared or found.

    Attributes:
        schema: its text; empty for that of the version before.
        type: AVRO, JSON or PROTOBUF.
        references: what it builds on.
        metadata: free properties.
        rule_set: rules for data.
        version: that it is to have; 0 for the next one.
        id: that it is to have (mode IMPORT); None for any.
    """

    schema: str = ""
    type: str = AVRO
    references: tuple[Reference, ...] = ()
    metadata: Mapping[str, Any] | None = None
    rule_set: Mapping[str, Any] | None = None
    version: int = 0
    id: int | None = None
