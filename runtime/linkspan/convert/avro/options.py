"""What the settings of AvroConverter change in the mapping, and the words that the mapping writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from linkspan.api import Schema, Type
from linkspan.convert.format_options import FormatOptions
from linkspan.convert.scrubbing import scrubbed
from linkspan.convert.sum_types import GENERAL_ENUM, GENERAL_UNION

__all__ = ["KIND", "NAMESPACE", "Options", "is_enum", "is_fixed", "is_union"]

KIND: Final = "AVRO"
"""Type of its schemas in the registry."""

NAMESPACE: Final = "io.confluent.connect.avro"
DEFAULT_NAME: Final = "ConnectDefault"
MAP_ENTRY: Final = "MapEntry"
KEY: Final = "key"
VALUE: Final = "value"

CONNECT_NAME: Final = "connect.name"
CONNECT_DOC: Final = "connect.doc"
CONNECT_RECORD_DOC: Final = "connect.record.doc"
CONNECT_ENUM_DOC: Final = "connect.enum.doc"
CONNECT_VERSION: Final = "connect.version"
CONNECT_DEFAULT: Final = "connect.default"
CONNECT_PARAMETERS: Final = "connect.parameters"
CONNECT_TYPE: Final = "connect.type"
CONNECT_INTERNAL_TYPE: Final = "connect.internal.type"
FIXED_SIZE: Final = "connect.fixed.size"
PRECISION: Final = "connect.decimal.precision"
DEFAULT_PRECISION: Final = 64

RECORD_DOC: Final = f"{NAMESPACE}.record.doc"
ENUM_DOC: Final = f"{NAMESPACE}.enum.doc."
FIELD_DOC: Final = f"{NAMESPACE}.field.doc."
FIELD_DEFAULT: Final = f"{NAMESPACE}.field.default"
ENUM_DEFAULT: Final = f"{NAMESPACE}.enum.default."

UNION: Final = f"{NAMESPACE}.Union"
ENUM: Final = f"{NAMESPACE}.Enum"
GENERAL_UNION_NAME: Final = "connect_union_"
GENERAL_UNION_FIELD: Final = "connect_union_field_"


@dataclass(frozen=True, slots=True)
class Options(FormatOptions):
    """The settings of the same names.

    Attributes:
        enhanced: ``enhanced.avro.schema.support``.
        scrub: ``scrub.invalid.names``.
        metadata: ``connect.meta.data``.
        optional_keys: ``allow.optional.map.keys``.
        flatten: ``flatten.singleton.unions``.
        field_doc_only: ``discard.type.doc.default``.
    """

    own_enum: ClassVar[str] = ENUM

    enhanced: bool = False
    scrub: bool = False
    metadata: bool = True
    optional_keys: bool = False
    flatten: bool = False
    field_doc_only: bool = False

    def scrubbed(self, name: str) -> str:
        """A name that Avro takes, if this is wanted."""
        return scrubbed(name) if self.scrub else name

    def split(self, name: str) -> tuple[str | None, str]:
        """Namespace and name of a full name, both as Avro takes them if this is wanted."""
        parts = [self.scrubbed(part) for part in name.rstrip(".").split(".")]
        return ".".join(parts[:-1]) or None, parts[-1]

    def full_name(self, name: str) -> str:
        """A full name, as Avro takes it if this is wanted."""
        return ".".join(self.scrubbed(part) for part in name.split(".")) if self.scrub else name

    def has_text_keys(self, schema: Schema) -> bool:
        """Whether a MAP is written as a map of Avro, and not as an array of entries."""
        assert schema.keys is not None
        return schema.keys.type is Type.STRING and (not schema.keys.optional or self.optional_keys)


def is_union(schema: Schema) -> bool:
    """Whether a STRUCT stands for a union: one field a branch, all but one null."""
    return schema.name == UNION or GENERAL_UNION in schema.parameters


def is_enum(schema: Schema) -> bool:
    """Whether a STRING stands for an enum."""
    return schema.type is Type.STRING and (GENERAL_ENUM in schema.parameters or ENUM in schema.parameters)


def is_fixed(schema: Schema) -> bool:
    """Whether BYTES stand for a fixed."""
    return schema.type is Type.BYTES and schema.name is not None and FIXED_SIZE in schema.parameters
