"""A schema as a registry keeps it."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Named", "Reference", "RegisteredSchema", "RegistrySchema"]


class Reference(NamedTuple):
    """Another schema that a schema uses: the name it has there, and where it is kept."""

    name: str
    subject: str
    version: int


class Named(NamedTuple):
    """A schema that another one refers to.

    Attributes:
        name: how the other one calls it.
        text: the schema.
    """

    name: str
    text: str


class RegistrySchema(NamedTuple):
    """A schema as the registry keeps it.

    Attributes:
        text: the schema.
        type: AVRO, PROTOBUF or JSON.
        references: other schemas that it uses.
    """

    text: str
    type: str
    references: tuple[Reference, ...] = ()


class RegisteredSchema(NamedTuple):
    """A schema with the id that it has in the registry."""

    id: int
    schema: RegistrySchema
