"""Where events of an outbox go: topics by a pattern, further columns by their placement."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from linkspan.api import ConfigError

__all__ = ["PLACES", "Placement", "Route"]

PLACES: Final = ("header", "envelope", "partition")
_REFERENCE: Final = re.compile(r"\\(.)|\$\{(\w+)\}|\$(\d)", re.DOTALL)


class Placement(NamedTuple):
    """A further column of an event.

    Attributes:
        column: its name.
        place: one of :data:`PLACES`.
        alias: name of the header or field.
    """

    column: str
    place: str
    alias: str

    @classmethod
    def of(cls, key: str, item: str) -> Placement:
        """Read ``column:place`` or ``column:place:alias``.

        Raises:
            ConfigError: it is not of that form.
        """
        parts = [part.strip() for part in item.split(":")]
        if not 2 <= len(parts) <= 3 or not all(parts) or parts[1].lower() not in PLACES:
            reason = (
                f"an item has the form column:place or column:place:alias, where place is one of {', '.join(PLACES)}"
            )
            raise ConfigError.invalid(key, item, reason)
        return cls(parts[0], parts[1].lower(), parts[-1] if len(parts) == 3 else parts[0])


class Route:
    """Names topics.

    Args:
        pattern: a value as a whole has to match it.
        pieces: of the name, texts and groups in turns.
    """

    def __init__(self, pattern: re.Pattern[str], pieces: list[str | int]) -> None:
        self._pattern = pattern
        self._pieces = pieces
        self.topic = lru_cache(maxsize=1000)(self._topic)
        """The topic for a value."""

    @classmethod
    def of(cls, pattern: re.Pattern[str], replacement: str) -> Route:
        """With a replacement as Java has them.

        Raises:
            ValueError: the replacement names a group that the pattern does not have.
        """
        pieces: list[str | int] = []
        end = 0
        for found in _REFERENCE.finditer(replacement):
            pieces.append(replacement[end : found.start()])
            end = found.end()
            escaped, name, number = found.groups()
            if escaped is not None:
                pieces.append(escaped)
                continue
            group = pattern.groupindex.get(name) if name is not None else int(number)
            if group is None or group > pattern.groups:
                raise ValueError(f"there is no group {name or number}")
            pieces.append(group)
        pieces.append(replacement[end:])
        return cls(pattern, pieces)

    def _topic(self, value: str) -> str:
        found = self._pattern.fullmatch(value)
        if found is None:
            return value
        return "".join(piece if isinstance(piece, str) else found[piece] or "" for piece in self._pieces)
