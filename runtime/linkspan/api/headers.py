"""Headers of a record: an ordered list of name, value and schema."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from linkspan.api.schema import Schema

__all__ = ["Header", "Headers"]


class Header(NamedTuple):
    """One header.

    Attributes:
        key: its name; names may repeat.
        value: its value, in the Python types of :mod:`linkspan.api.schema`.
        schema: what the value is, or None.
    """

    key: str
    value: object
    schema: Schema | None = None


class Headers(list[Header]):
    """The headers of one record, in order. A plain list with look-ups by name."""

    __slots__ = ()

    def add(self, key: str, value: object, schema: Schema | None = None) -> None:
        """Append a header; headers of the same name stay."""
        self.append(Header(key, value, schema))

    def last(self, key: str) -> Header | None:
        """The last header of that name, or None."""
        return next((header for header in reversed(self) if header.key == key), None)

    def all(self, key: str) -> list[Header]:
        """Every header of that name, in order."""
        return [header for header in self if header.key == key]

    def drop(self, keys: Iterable[str]) -> Headers:
        """A copy without the headers of these names."""
        unwanted = frozenset(keys)
        return Headers(header for header in self if header.key not in unwanted)
