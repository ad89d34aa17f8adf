"""An Avro schema in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

__all__ = ["NAMED", "PRIMITIVES", "AvroField", "AvroName", "AvroType"]

PRIMITIVES: Final = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
NAMED: Final = ("record", "enum", "fixed")


class AvroName(NamedTuple):
    """Name of a record, enumeration or fixed.

    Attributes:
        name: without its namespace.
        space: its namespace; None for none.
    """

    name: str
    space: str | None

    @classmethod
    def of(cls, text: str, space: str | None) -> AvroName:
        """A name as it is written; ``space`` is the namespace that it stands in."""
        before, dot, last = text.rpartition(".")
        return cls(last, before or None) if dot else cls(text, space or None)

    @property
    def full(self) -> str:
        """With its namespace."""
        return f"{self.space}.{self.name}" if self.space else self.name

    def seen_from(self, space: str | None) -> str:
        """As short as it can be written where ``space`` is the namespace."""
        if (self.space is None or self.space == space) and self.name not in PRIMITIVES:
            return self.name
        return self.full


@dataclass(slots=True, eq=False)
class AvroField:
    """One field of a record.

    Attributes:
        name: of the field.
        type: of its values.
        doc: text for people.
        has_default: whether there is a default value.
        default: as it is written.
        order: as it is written, in lower case.
        aliases: other names.
        props: all other properties.
    """

    name: str
    type: AvroType
    doc: str | None = None
    has_default: bool = False
    default: Any = None
    order: str = "ascending"
    aliases: list[str] = field(default_factory=list)
    props: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class AvroType:
    """A schema or a part of one; recursive ones contain themselves.

    Attributes:
        kind: ``record``, ``enum``, ``fixed``, ``array``, ``map``, ``union`` or a primitive.
        name: of a named one.
        doc: text for people.
        aliases: other names of a named one.
        is_error: whether a record is an error.
        fields: of a record.
        symbols: of an enumeration.
        default: symbol that an enumeration takes for unknown ones.
        size: bytes of a fixed.
        items: of an array, or values of a map.
        branches: of a union.
        props: all other properties.
    """

    kind: str
    name: AvroName | None = None
    doc: str | None = None
    aliases: list[AvroName] = field(default_factory=list)
    is_error: bool = False
    fields: list[AvroField] = field(default_factory=list)
    symbols: list[str] = field(default_factory=list)
    default: str | None = None
    size: int = 0
    items: AvroType | None = None
    branches: list[AvroType] = field(default_factory=list)
    props: dict[str, Any] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """Full name of a named one, else its kind."""
        return self.name.full if self.name is not None else self.kind

    def field(self, name: str) -> AvroField | None:
        """A field of a record."""
        return next((each for each in self.fields if each.name == name), None)
