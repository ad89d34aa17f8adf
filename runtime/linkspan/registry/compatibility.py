"""Which earlier versions a new schema is compared with, in which direction, and what is said about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from linkspan.registry.formats import ParsedSchema
from linkspan.registry.levels import Level

__all__ = ["Earlier", "incompatibilities"]

_NEW, _OLD = "new", "old"
_READS_OLD: Final = frozenset({Level.BACKWARD, Level.BACKWARD_TRANSITIVE, Level.FULL, Level.FULL_TRANSITIVE})
_READ_BY_OLD: Final = frozenset({Level.FORWARD, Level.FORWARD_TRANSITIVE, Level.FULL, Level.FULL_TRANSITIVE})
_SHOWN: Final = 10 * 1024
"""Characters of an old schema in a message."""


class Earlier(NamedTuple):
    """A version that is there already."""

    version: int
    schema: ParsedSchema


def incompatibilities(
    level: Level, new: ParsedSchema, earlier: Sequence[Earlier], *, lenient: bool = False
) -> list[str]:
    """What forbids a schema; nothing when it may be registered.

    Args:
        level: that holds.
        new: the schema.
        earlier: versions that are not deleted, in their order.
        lenient: whether the policy is.
    """
    if level is Level.NONE:
        return []
    for each in reversed(earlier):
        found = _between(level, new, each, lenient=lenient)
        if found or not level.value.endswith("TRANSITIVE"):
            return [*found, f"{{validateFields: 'false', compatibility: '{level.value}'}}"] if found else []
    return []


def _between(level: Level, new: ParsedSchema, old: Earlier, *, lenient: bool) -> list[str]:
    if new.type != old.schema.type:
        return ["Incompatible because of different schema type"]
    found: list[str] = []
    if level in _READ_BY_OLD:
        found += old.schema.unreadable(new, _OLD, _NEW, lenient=lenient)
    if level in _READS_OLD:
        found += new.unreadable(old.schema, _NEW, _OLD, lenient=lenient)
    return [*found, f"{{oldSchemaVersion: {old.version}}}", _shown(old.schema.text)] if found else []


def _shown(text: str) -> str:
    return f"{{oldSchema: '{text}'}}" if len(text) <= _SHOWN else f"{{oldSchema: <truncated> '{text[:_SHOWN]}...'}}"
