"""What the settings of JsonSchemaConverter change in the mapping, and the words that the mapping writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from linkspan.api import Schema, Type
from linkspan.convert.format_options import FormatOptions
from linkspan.convert.sum_types import GENERAL_ENUM, GENERAL_UNION

__all__ = ["KIND", "Options", "has_text_keys", "is_enum", "is_union"]

KIND: Final = "JSON"
"""Type of its schemas in the registry."""

NAMESPACE: Final = "io.confluent.connect.json"
CONNECT_TYPE: Final = "connect.type"
CONNECT_VERSION: Final = "connect.version"
CONNECT_PARAMETERS: Final = "connect.parameters"
CONNECT_INDEX: Final = "connect.index"
ID: Final = f"{NAMESPACE}.Id"
ID_PREFIX: Final = "#id"
ENUM: Final = f"{NAMESPACE}.Enum"
ONE_OF: Final = f"{NAMESPACE}.OneOf"
NULL_SYMBOL: Final = "<NULL>"
GENERAL_NAME: Final = "connect_union_"
GENERAL_FIELD: Final = "connect_union_field_"
KEY: Final = "key"
VALUE: Final = "value"
TYPE_NAMES: Final = {
    Type.INT8: "int8",
    Type.INT16: "int16",
    Type.INT32: "int32",
    Type.INT64: "int64",
    Type.FLOAT32: "float32",
    Type.FLOAT64: "float64",
    Type.BYTES: "bytes",
    Type.MAP: "map",
}


@dataclass(frozen=True, slots=True)
class Options(FormatOptions):
    """The settings of the same names.

    Attributes:
        open_objects: ``object.additional.properties``.
        optional_unless_required: ``use.optional.for.nonrequired``.
        numeric_decimals: ``decimal.format`` is NUMERIC.
        flatten: ``flatten.singleton.unions``.
    """

    own_enum: ClassVar[str] = ENUM

    open_objects: bool = True
    optional_unless_required: bool = False
    numeric_decimals: bool = False
    flatten: bool = True


def is_union(schema: Schema) -> bool:
    """Whether a STRUCT stands for a union: one field a branch, all but one null."""
    return schema.type is Type.STRUCT and (schema.name == ONE_OF or GENERAL_UNION in schema.parameters)


def is_enum(schema: Schema) -> bool:
    """Whether a STRING stands for an enum."""
    return schema.type is Type.STRING and (ENUM in schema.parameters or GENERAL_ENUM in schema.parameters)


def has_text_keys(schema: Schema) -> bool:
    """Whether a MAP is an object, and not an array of entries."""
    assert schema.keys is not None
    return schema.keys.type is Type.STRING and not schema.keys.optional
