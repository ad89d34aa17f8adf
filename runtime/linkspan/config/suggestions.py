"""Keys that nobody knows: they pass, as in Kafka, but are worth a line in the log."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

__all__ = ["unknown_keys"]

_EXAMINED: Final = 50
"""A comparison with all names takes long, and who has more unknown keys than this does not mistype them."""


def unknown_keys(
    submitted: Iterable[str], known: Iterable[str], prefixes: Sequence[str] = ()
) -> Mapping[str, str | None]:
    """For each key that is neither known nor under a prefix that is passed on: the nearest known name, or None.

    Args:
        submitted: keys of a configuration.
        known: keys with a meaning.
        prefixes: beginnings of keys that are handed to somebody else, who judges them.
    """
    names = set(known)
    unknown = [key for key in submitted if key not in names and not key.startswith(tuple(prefixes))]
    return {key: _nearest(key, names) if place < _EXAMINED else None for place, key in enumerate(unknown)}


def _nearest(key: str, names: Collection[str]) -> str | None:
    return next(iter(difflib.get_close_matches(key, sorted(names), 1, 0.75)), None)
