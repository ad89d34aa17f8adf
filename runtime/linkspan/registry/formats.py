"""What the registry asks of a format of schemas."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

from linkspan.convert.registry_schema import Named

__all__ = ["ParsedSchema", "Parser"]


class ParsedSchema(ABC):
    """A schema that was read and found good.

    Attributes:
        type: AVRO, JSON or PROTOBUF.
        text: canonical text: that of all schemas that differ in nothing but blanks and the like.
    """

    type: ClassVar[str]
    text: str

    @abstractmethod
    def normal_text(self) -> str:
        """Canonical text in which nothing depends on the writer's order."""

    @abstractmethod
    def unreadable(self, written: ParsedSchema, reader: str, writer: str, *, lenient: bool = False) -> list[str]:
        """Why data of another schema of the same format cannot be read with this one; nothing when it can.

        Args:
            written: the other one.
            reader: what messages call this one, ``new`` or ``old``.
            writer: what they call the other.
            lenient: whether the format may overlook what a lenient policy allows.
        """

    def formatted(self, form: str) -> str:  # noqa: ARG002 - most formats have one form
        """The text in another form, or the canonical one when there is no such form."""
        return self.text

    def is_same_as(self, other: ParsedSchema) -> bool:
        """Whether the two mean the same, however their references are written."""
        return self.type == other.type and self.text == other.text


Parser = Callable[[str, Sequence[Named], bool], ParsedSchema]
"""Reads a text with what it refers to, strictly when it is to be registered; raises ValueError for what is wrong."""
