"""What the settings of ProtobufConverter change in the mapping, and the words that the mapping writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from linkspan.api import Schema, Type
from linkspan.api.schema import DATE, DECIMAL, TIME, TIMESTAMP
from linkspan.convert.format_options import FormatOptions
from linkspan.convert.scrubbing import scrubbed
from linkspan.convert.sum_types import GENERAL_ENUM, GENERAL_UNION

__all__ = ["KIND", "Options", "is_enum", "is_union"]

KIND: Final = "PROTOBUF"
"""Type of its schemas in the registry."""

_NAMESPACE: Final = "io.confluent.connect.protobuf"
ENUM: Final = f"{_NAMESPACE}.Enum"
UNION: Final = f"{_NAMESPACE}.Union"
UNION_PREFIX: Final = f"{UNION}."
TAG: Final = f"{_NAMESPACE}.Tag"
TYPE: Final = f"{_NAMESPACE}.Type"
WRAPPER: Final = f"{_NAMESPACE}.Wrapper"
DEFAULT_NAME: Final = "ConnectDefault"
CONNECT_TYPE: Final = "connect.type"
CONNECT_PRECISION: Final = "connect.decimal.precision"
PRECISION: Final = "precision"
SCALE: Final = "scale"
KEY: Final = "key"
VALUE: Final = "value"

DECIMAL_TYPE: Final = "confluent.type.Decimal"
DATE_TYPE: Final = "google.type.Date"
TIME_TYPE: Final = "google.type.TimeOfDay"
TIMESTAMP_TYPE: Final = "google.protobuf.Timestamp"
LOGICAL_TYPES: Final = {DECIMAL: DECIMAL_TYPE, DATE: DATE_TYPE, TIME: TIME_TYPE, TIMESTAMP: TIMESTAMP_TYPE}
FILES: Final = {
    DECIMAL_TYPE: "confluent/type/decimal.proto",
    DATE_TYPE: "google/type/date.proto",
    TIME_TYPE: "google/type/timeofday.proto",
    TIMESTAMP_TYPE: "google/protobuf/timestamp.proto",
}
WRAPPERS: Final = {
    "double": "google.protobuf.DoubleValue",
    "float": "google.protobuf.FloatValue",
    "int64": "google.protobuf.Int64Value",
    "uint64": "google.protobuf.UInt64Value",
    "int32": "google.protobuf.Int32Value",
    "uint32": "google.protobuf.UInt32Value",
    "bool": "google.protobuf.BoolValue",
    "string": "google.protobuf.StringValue",
    "bytes": "google.protobuf.BytesValue",
}
WRAPPERS_FILE: Final = "google/protobuf/wrappers.proto"
WRAPPED: Final = {
    WRAPPERS["double"]: Type.FLOAT64,
    WRAPPERS["float"]: Type.FLOAT32,
    WRAPPERS["int64"]: Type.INT64,
    WRAPPERS["uint64"]: Type.INT64,
    WRAPPERS["int32"]: Type.INT32,
    WRAPPERS["uint32"]: Type.INT64,
    WRAPPERS["bool"]: Type.BOOLEAN,
    WRAPPERS["string"]: Type.STRING,
    WRAPPERS["bytes"]: Type.BYTES,
}


@dataclass(frozen=True, slots=True)
class Options(FormatOptions):
    """The settings of the same names.

    Attributes:
        enhanced: ``enhanced.protobuf.schema.support``.
        scrub: ``scrub.invalid.names``.
        int_enums: ``int.for.enums``.
        optional_nullables: ``optional.for.nullables``.
        optional_proto2: ``optional.for.proto2``.
        wrapped_nullables: ``wrapper.for.nullables``.
        wrapped_primitives: ``wrapper.for.raw.primitives``.
        structs_for_nulls: ``generate.struct.for.nulls``.
        numbered_unions: ``generate.index.for.unions``.
        flatten: ``flatten.unions``.
    """

    own_enum: ClassVar[str] = ENUM

    enhanced: bool = False
    scrub: bool = False
    int_enums: bool = False
    optional_nullables: bool = False
    optional_proto2: bool = True
    wrapped_nullables: bool = False
    wrapped_primitives: bool = True
    structs_for_nulls: bool = False
    numbered_unions: bool = True
    flatten: bool = False

    def scrubbed(self, name: str) -> str:
        """A name that Protobuf takes, if this is wanted."""
        if not self.scrub:
            return name
        return f"x{scrubbed(name)}" if name.startswith("_") else scrubbed(name)

    def is_wrapped(self, schema: Schema, *, in_oneof: bool) -> bool:
        """Whether a scalar is written in a message of its own, which may be absent."""
        if not self.wrapped_nullables or not schema.optional:
            return False
        return not in_oneof or schema.parameters.get(WRAPPER, "").lower() == "true"


def is_union(schema: Schema) -> bool:
    """Whether a STRUCT stands for a oneof: one field a member, all but one null."""
    return schema.type is Type.STRUCT and (
        (schema.name is not None and schema.name.startswith(UNION)) or GENERAL_UNION in schema.parameters
    )


def is_enum(schema: Schema) -> bool:
    """Whether a STRING, or a whole number, stands for an enum."""
    if schema.type is Type.STRING:
        return ENUM in schema.parameters or GENERAL_ENUM in schema.parameters
    return schema.type is Type.INT32 and ENUM in schema.parameters
