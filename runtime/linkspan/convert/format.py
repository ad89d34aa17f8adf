"""A format for values whose schemas are in a registry: how schemas are mapped, and how values are written and read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

from linkspan.api import Schema
from linkspan.convert.registry_schema import RegistrySchema

__all__ = ["ID_END", "Format", "ReadPlan", "SchemaPlan"]

ID_END: Final = 5
"""Bytes before what the format writes."""


class ReadPlan(NamedTuple):
    """How payloads that begin alike are read in one topic; ``read`` gets the whole payload."""

    schema: Schema | None
    read: Callable[[bytes], Any]


class SchemaPlan(Protocol):
    """A schema of Connect as the format writes it."""

    @property
    def registered(self) -> RegistrySchema:
        """What is registered for it."""
        ...

    @property
    def record_name(self) -> str | None:
        """Name of the record, for the subject; None if it has none."""
        ...

    def is_readable_by(self, latest: RegistrySchema, references: dict[str, RegistrySchema]) -> bool:
        """Whether what is written by this schema can be read by another version."""
        ...

    def writer(
        self, target: RegistrySchema | None, references: dict[str, RegistrySchema]
    ) -> Callable[[bytes, Any], bytes]:
        """What writes values by this schema itself, or by another version of it.

        Raises:
            DataError: this cannot be.
        """
        ...


class Format(ABC):
    """What a converter with a registry asks about its format."""

    @abstractmethod
    def plan(self, schema: Schema | None) -> SchemaPlan:
        """A schema of Connect as the format writes it.

        Raises:
            DataError: it cannot express it.
        """

    def writes_null(self, schema: Schema | None) -> bool:
        """Whether null is a value that is written; else it is no payload."""
        return False

    def head_of(self, payload: bytes) -> bytes:
        """What a payload begins with; those that begin alike are read alike."""
        return payload[:ID_END]

    @abstractmethod
    def understand(
        self,
        head: bytes,
        schema: RegistrySchema,
        references: dict[str, RegistrySchema],
        version: Callable[[str | None], int],
    ) -> ReadPlan:
        """How payloads with a registered schema are read.

        Args:
            head: what they begin with.
            schema: as it was registered.
            references: schemas that it uses, by their names.
            version: asks for its version in the subject that belongs to the name of a record.

        Raises:
            DataError: Connect cannot express it.
        """
