"""In which order the records of one table are written, when they are of several kinds (spec/jdbc.md 10.3, 10.6).

Records of one kind are written by one statement: same table, same pair of schemas, all with a value or all without.
Records of one key have to be written in their order. Those of other keys need not wait for each other, so what is
written together is collected as far as that allows: records of two kinds that take turns, each with a key of its own,
make two statements and not one a record.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, TypeAlias

__all__ = ["Round", "folded", "free_key", "latest", "rounds"]

Round: TypeAlias = "tuple[int, list[int]]"
"""A kind, and the positions within it of what is written now."""


def rounds(places: Sequence[Sequence[int]], keys: Sequence[Sequence[Any]]) -> list[Round]:
    """Cut records of several kinds into as few rounds as keep the order of each key.

    Args:
        places: of each kind the places of its records among all, rising.
        keys: of each kind the keys of its records, :func:`folded`; :func:`free_key` may be written at any time.

    Returns:
        rounds in the order in which they have to be written; within each, records keep their order.
    """
    kinds = len(places)
    events = sorted(
        (place, kind, position) for kind, its_places in enumerate(places) for position, place in enumerate(its_places)
    )
    taken: defaultdict[int, list[int]] = defaultdict(list)
    reached: dict[Any, int] = {}
    for _, kind, position in events:
        key = keys[kind][position]
        if free_key(key):
            taken[kind].append(position)
            continue
        # rounds take the kinds in turn: the next one of this kind that is not before the last one of this key
        before = reached.get(key, 0)
        reached[key] = now = before + (kind - before) % kinds
        taken[now].append(position)
    return [(now % kinds, taken[now]) for now in sorted(taken)]


def latest(keys: Sequence[Any]) -> Sequence[int] | None:
    """Positions of the last record of each key, in the order of their first ones; None when no key comes twice.

    A key with null in it is no row's: each such record stays.
    """
    last = dict(zip(keys, range(len(keys)), strict=True))
    if len(last) == len(keys):
        return None
    if not any(map(free_key, last)):
        return list(last.values())
    kept = {(position, None) if free_key(key) else (key,): position for position, key in enumerate(keys)}
    return list(kept.values()) if len(kept) < len(keys) else None


def folded(key: object) -> object:
    """The key, with texts that a database may take for the same made the same.

    By the collation of a column, case, accents, and blanks behind a text may not count. Keys that are folded to one and
    are several all the same are no harm: they are written in their order as well.
    """
    if isinstance(key, str):
        if not key.isascii():
            parts = unicodedata.normalize("NFKD", key).casefold()
            key = "".join(each for each in unicodedata.normalize("NFKD", parts) if not unicodedata.combining(each))
        return key.rstrip().lower()
    return tuple(map(folded, key)) if isinstance(key, tuple) else key


def free_key(key: object) -> bool:
    """Whether a key is that of no row: it is null, or one of its columns is."""
    return key is None or (isinstance(key, tuple) and None in key)
