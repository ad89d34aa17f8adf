"""Keys that nobody knows: they pass, as in Kafka, but are worth a line in the log."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

__all__ = ["unknown_keys"]


def unknown_keys(
    submitted: Iterable[str], known: Iterable[str], prefixes: Sequence[str] = ()
) -> Mapping[str, str | None]:
    """For each key that is neither known nor under a prefix that is passed on: the nearest known name, or None.

    Args:
        submitted: keys of a configuration.
        known: keys with a meaning.
        prefixes: beginnings of keys that are handed to somebody else, who judges them.
    """
    names = sorted(known)
    unknown = [key for key in submitted if key not in set(names) and not key.startswith(tuple(prefixes))]
    return {key: next(iter(difflib.get_close_matches(key, names, 1, 0.75)), None) for key in unknown}
